#pragma once
// A run of decode steps with one batch, in closed form.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "bench/record/request.hpp"

namespace tokenlift {

inline constexpr std::int64_t kPsPerNs = 1000;

/// Decode steps back to back, with one batch. Step j (from 0) takes first_ps + j * slope_ps
/// picoseconds, and the first one begins at begin_ns + begin_frac_ps / 1000. All of it takes less
/// than 2^61 ps.
struct StepRun {
  std::int64_t begin_ns = 0;
  std::int64_t begin_frac_ps = 0;  ///< 0 .. 999
  std::int64_t steps = 1;
  std::int64_t first_ps = 0;  ///< >= 0
  std::int64_t slope_ps = 0;  ///< >= 0

  /// When the first `count` steps have ended, in ps from begin_ns. With all of them it is below
  /// 2^61 + 1000, and so is each of its terms.
  std::int64_t end_ps(std::int64_t count) const {
    return begin_frac_ps + count * first_ps + count * (count - 1) / 2 * slope_ps;
  }
  std::int64_t end_ns(std::int64_t count) const { return begin_ns + end_ps(count) / 1000; }

  /// How many steps of the run end before `at_ns` (in whole ns, rounded down); some step does not.
  /// The root of a quadratic is estimated in floating point and then put right in integers, so that
  /// how the estimate is rounded makes no difference: it is good to some 2^-50, so a turn or two.
  std::int64_t steps_before(std::int64_t at_ns) const {
    // floor(end / 1000) < at is the same as end < 1000 * at.
    const std::int64_t edge_ps = (at_ns - begin_ns) * 1000;
    const auto slope = static_cast<double>(slope_ps);
    const double linear = static_cast<double>(first_ps) - slope / 2;
    const auto span = static_cast<double>(edge_ps - begin_frac_ps);
    const double root = std::sqrt(std::max(0.0, linear * linear + 2 * slope * span));
    // Of the two forms of the solution the one in which nothing cancels.
    const double estimate = linear < 0 ? (root - linear) / slope : 2 * span / (linear + root);
    auto count = static_cast<std::int64_t>(std::clamp(estimate, 0.0, static_cast<double>(steps)));
    while (count > 0 && end_ps(count) >= edge_ps) --count;
    while (end_ps(count + 1) < edge_ps) ++count;
    return count;
  }

  /// How many of its steps take `least_ps` or longer; none is longer than the last one.
  std::int64_t steps_of(std::int64_t least_ps) const {
    if (first_ps >= least_ps) return steps;
    if (slope_ps == 0) return 0;
    const std::int64_t shorter = (least_ps - first_ps + slope_ps - 1) / slope_ps;
    return std::max<std::int64_t>(0, steps - shorter);
  }
};

/// How many sequences of a batch belong to one cell.
struct CellCount {
  CellId cell = 0;
  std::uint32_t sequences = 0;
};

}  // namespace tokenlift
