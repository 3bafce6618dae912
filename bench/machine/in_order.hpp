#pragma once
// What comes in any order, from any thread, handed on in the order of its numbers.

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

namespace tokenlift {

template <typename Item>
class InOrder {
 public:
  /// `take` is called for 1, 2, 3, ... by one thread at a time.
  explicit InOrder(std::function<void(std::uint64_t number, Item item)> take)
      : take_(std::move(take)) {}

  /// Each number once. Throws what `take` throws.
  void add(std::uint64_t number, Item item) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(number, std::move(item));
    while (!waiting_.empty() && waiting_.begin()->first == next_) {
      auto first = waiting_.extract(waiting_.begin());
      take_(next_++, std::move(first.mapped()));
    }
  }

 private:
  std::function<void(std::uint64_t, Item)> take_;
  std::mutex mutex_;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, Item> waiting_;  // for those before them
};

}  // namespace tokenlift
