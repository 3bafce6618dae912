#pragma once
// The smallest of many values that change one at a time: a tournament tree. Changing a value takes
// O(log n), finding the smallest (the leftmost among equals) O(1).

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace tokenlift {

template <typename Value>
class Tournament {
 public:
  Tournament(std::size_t count, Value value)
      : leaves_(std::bit_ceil(count)), values_(count, value), winners_(2 * leaves_, kNobody) {
    for (std::size_t i = 0; i < count; ++i) winners_[leaves_ + i] = static_cast<std::uint32_t>(i);
    for (std::size_t node = leaves_ - 1; node > 0; --node) play(node);
  }

  Value operator[](std::size_t i) const { return values_[i]; }
  std::uint32_t winner() const { return winners_[1]; }
  Value smallest() const { return values_[winners_[1]]; }

  void set(std::size_t i, Value value) {
    values_[i] = value;
    for (std::size_t node = (leaves_ + i) / 2; node > 0; node /= 2) play(node);
  }

 private:
  static constexpr std::uint32_t kNobody = std::numeric_limits<std::uint32_t>::max();

  void play(std::size_t node) {
    const std::uint32_t left = winners_[2 * node];
    const std::uint32_t right = winners_[2 * node + 1];
    const bool right_wins = right != kNobody && values_[right] < values_[left];
    winners_[node] = right_wins ? right : left;
  }

  std::size_t leaves_;
  std::vector<Value> values_;
  std::vector<std::uint32_t> winners_;  // node n has the children 2n and 2n + 1; the root is 1
};

}  // namespace tokenlift
