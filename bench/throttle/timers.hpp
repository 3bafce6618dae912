#pragma once
// Instants at which something is to be looked at, the earliest first.
//
// Most timers are set for later than all before them (everybody waits equally long), and then a
// plain queue has them in order; only the others go into a heap. A timer is never taken back: its
// stamp says to the one that set it whether it still means anything.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <vector>

#include "bench/record/request.hpp"

namespace tokenlift {

class Timers {
 public:
  struct Timer {
    std::int64_t at_ns;
    std::uint64_t stamp;
    std::uint32_t index;
    bool operator>(const Timer& other) const {
      if (at_ns != other.at_ns) return at_ns > other.at_ns;
      if (stamp != other.stamp) return stamp > other.stamp;
      return index > other.index;
    }
  };

  void set(const Timer& timer) {
    if (in_order_.empty() || !(in_order_.back() > timer)) {
      in_order_.push_back(timer);
    } else {
      others_.push(timer);
    }
  }

  /// Drops the others.
  template <typename Wanted>
  void keep(Wanted wanted) {
    std::vector<Timer> kept;
    for (; !empty(); pop()) {
      if (wanted(first())) kept.push_back(first());
    }
    for (const Timer& timer : kept) set(timer);
  }

  std::size_t size() const { return in_order_.size() + others_.size(); }
  bool empty() const { return in_order_.empty() && others_.empty(); }
  std::int64_t next_ns() const { return empty() ? kNever : first().at_ns; }
  /// Must not be empty.
  const Timer& first() const {
    if (others_.empty()) return in_order_.front();
    if (in_order_.empty()) return others_.top();
    return in_order_.front() > others_.top() ? others_.top() : in_order_.front();
  }
  void pop() {
    if (others_.empty() || (!in_order_.empty() && !(in_order_.front() > others_.top()))) {
      in_order_.pop_front();
    } else {
      others_.pop();
    }
  }

 private:
  std::deque<Timer> in_order_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> others_;
};

}  // namespace tokenlift
