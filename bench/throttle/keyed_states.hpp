#pragma once
// One state per key, made when somebody first touches it.
//
// A key that nobody has touched has the template's state: what a key would be that has been there
// from the start and taken nothing. Whoever changes all states changes the template with them. A
// key costs 4 bytes, and a state once it is touched; states never move, so that a throttle of
// millions of users grows without being copied.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tokenlift {

template <typename State>
class KeyedStates {
 public:
  KeyedStates(std::size_t keys, const State& untouched) : places_(keys) { add(untouched); }
  KeyedStates(const KeyedStates& other) : places_(other.places_) {
    for (std::uint32_t place = 0; place < other.size_; ++place) add(other.at(place));
  }
  KeyedStates& operator=(const KeyedStates&) = delete;

  const State& operator[](std::uint32_t key) const { return at(places_[key]); }

  State& touch(std::uint32_t key) {
    std::uint32_t& place = places_[key];
    if (place == kTemplate) place = add(at(kTemplate));
    return at(place);
  }

  /// Visits the states of all keys that were touched, and the template.
  template <typename Visit>
  void for_each(Visit visit) {
    for (std::uint32_t place = 0; place < size_; ++place) visit(at(place));
  }

  /// Visits what keys have: of all that were not touched, the template once.
  template <typename Visit>
  void for_each_had(Visit visit) const {
    for (std::uint32_t place = touched() == places_.size() ? 1 : 0; place < size_; ++place) {
      visit(at(place));
    }
  }

  std::size_t touched() const { return size_ - 1; }

 private:
  static constexpr std::uint32_t kTemplate = 0;
  static constexpr std::uint32_t kChunk = 256;

  std::uint32_t add(const State& state) {
    if (size_ % kChunk == 0) chunks_.push_back(std::make_unique<State[]>(kChunk));
    at(size_) = state;
    return size_++;
  }
  State& at(std::uint32_t place) { return chunks_[place / kChunk][place % kChunk]; }
  const State& at(std::uint32_t place) const { return chunks_[place / kChunk][place % kChunk]; }

  std::vector<std::uint32_t> places_;  // by key; untouched: the template's
  std::vector<std::unique_ptr<State[]>> chunks_;
  std::uint32_t size_ = 0;
};

}  // namespace tokenlift
