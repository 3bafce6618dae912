#pragma once
// Objectives on the gaps between a request's tokens (Slo::itl_ns), and what has to be counted to
// judge them.
//
// The 99th percentile by nearest rank of n gaps is within an objective if at most floor(n / 100) of
// them are longer. So one number is kept of a request, how many were, and no gap.

#include <cstdint>
#include <limits>
#include <unordered_map>
#include <vector>

#include "bench/record/request.hpp"

namespace tokenlift {

/// Which gaps are late, for each cell.
struct GapLimits {
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  /// All limits that there are, no two alike: a gap of so many ps, or more, is late. Gaps count by
  /// their whole ns, so that is the first ps after the ns of the objective.
  std::vector<std::int64_t> late_from_ps;
  std::vector<std::uint32_t> by_cell;  ///< number of its limit, or kNone; empty: nobody has one

  bool late(CellId cell, std::int64_t gap_ps) const {
    return by_cell[cell] != kNone && gap_ps >= late_from_ps[by_cell[cell]];
  }
};

/// Late gaps of the requests of one replica, counted token by token.
class LateGaps {
 public:
  /// Of a request that has one.
  void count(RequestId id) { ++late_[id]; }
  /// Of a request that had so many before it came.
  void put(RequestId id, std::int32_t late) {
    if (late > 0) late_[id] = late;
  }
  /// Of a request that has left, which is forgotten.
  std::int32_t take(RequestId id) {
    if (late_.empty()) return 0;
    const auto node = late_.extract(id);
    return node ? node.mapped() : 0;
  }

 private:
  std::unordered_map<RequestId, std::int32_t> late_;
};

}  // namespace tokenlift
