#pragma once
// What is made from a text and used again as long as the same text comes: by items of the same
// work, which follow one another.

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace tokenlift {

template <typename Made>
class LastMade {
 public:
  /// Keeps what was made of so many texts.
  explicit LastMade(std::size_t most) : most_(most) {}

  /// Calls `make` where the text is none of the last ones; others who want the same wait for it. A
  /// null one is not kept. Throws what `make` throws.
  template <typename Make>
  std::shared_ptr<Made> get(const std::string& text, const Make& make) {
    std::shared_ptr<Place> place = place_of(text);
    const std::lock_guard making(place->mutex);
    if (!place->made) place->made = make();
    return place->made;
  }

 private:
  struct Place {
    std::string text;
    std::mutex mutex;
    std::shared_ptr<Made> made;
  };

  std::shared_ptr<Place> place_of(const std::string& text) {
    const std::lock_guard lock(mutex_);
    for (auto place = places_.begin(); place != places_.end(); ++place) {
      if ((*place)->text != text) continue;
      places_.splice(places_.begin(), places_, place);
      return places_.front();
    }
    places_.push_front(std::make_shared<Place>());
    places_.front()->text = text;
    if (places_.size() > most_) places_.pop_back();
    return places_.front();
  }

  std::size_t most_;
  std::mutex mutex_;
  std::list<std::shared_ptr<Place>> places_;  // the last one first
};

}  // namespace tokenlift
