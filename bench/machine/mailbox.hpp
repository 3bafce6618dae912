#pragma once
// Hands items from one thread to another, in order: many may post, one takes everything at once.

#include <mutex>
#include <utility>
#include <vector>

namespace tokenlift {

template <typename Item>
class Mailbox {
 public:
  void post(const Item& item) {
    const std::lock_guard lock(mutex_);
    items_.push_back(item);
  }

  /// Appends what was posted to `out`; false if there was nothing.
  bool take(std::vector<Item>& out) {
    const std::lock_guard lock(mutex_);
    if (items_.empty()) return false;
    out.insert(out.end(), items_.begin(), items_.end());
    items_.clear();
    return true;
  }

  bool empty() const {
    const std::lock_guard lock(mutex_);
    return items_.empty();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Item> items_;
};

}  // namespace tokenlift
