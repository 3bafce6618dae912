#pragma once
// The least of many numbers that change one by one, in a binary tree of minima: a change takes
// O(log n), the least is at hand, finding the first that has it takes O(log n).

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace tokenlift {

template <typename Value>
class Tournament {
 public:
  /// What stands for "never the least", unless all do.
  static constexpr Value kOut = std::numeric_limits<Value>::max();

  /// `count` (>= 1) numbers, all `value`.
  Tournament(std::size_t count, Value value)
      : leaves_(std::bit_ceil(count)), minima_(2 * leaves_, value) {
    assert(count >= 1);
    std::fill(minima_.begin() + static_cast<std::ptrdiff_t>(leaves_ + count), minima_.end(), kOut);
    for (std::size_t node = leaves_ - 1; node >= 1; --node) {
      minima_[node] = std::min(minima_[2 * node], minima_[2 * node + 1]);
    }
  }

  Value operator[](std::uint32_t index) const { return minima_[leaves_ + index]; }
  Value least() const { return minima_[1]; }

  /// The first number that is the least.
  std::uint32_t winner() const {
    std::size_t node = 1;
    while (node < leaves_) node = 2 * node + (minima_[2 * node + 1] < minima_[2 * node] ? 1 : 0);
    return static_cast<std::uint32_t>(node - leaves_);
  }

  void set(std::uint32_t index, Value value) {
    std::size_t node = leaves_ + index;
    minima_[node] = value;
    while (node > 1) {
      const Value least = std::min(minima_[node], minima_[node ^ 1]);
      node /= 2;
      if (minima_[node] == least) return;  // so is everything above
      minima_[node] = least;
    }
  }

 private:
  std::size_t leaves_;         // a power of two; those beyond `count` never win
  std::vector<Value> minima_;  // node n has the children 2n and 2n + 1; the root is 1
};

}  // namespace tokenlift
