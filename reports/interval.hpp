#pragma once
// Figures and how sure they are: 95 % intervals over runs, or over blocks of one run.
//
// Requests of one run are not independent, so the unit is the run. Means and rates: Student's t on
// the logarithms of the runs' figures. Percentiles: a jackknife over runs of the pooled percentile,
// on logarithms. Within one run: means of blocks that are long against the autocorrelation time
// (blocks.hpp). Where nothing supports an interval there is none, and the reason says what would.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reports/histogram.hpp"

namespace tokenlift {

struct Interval {
  double low = 0;
  double high = 0;
  bool holds(double value) const { return low <= value && value <= high; }
  bool operator==(const Interval&) const = default;
};

/// A ratio or a difference, with what supports it.
struct Estimate {
  std::optional<double> value;       ///< absent: not enough data, see `reason`
  std::optional<Interval> interval;  ///< 95 %
  /// What the interval rests on: "5 runs", "1 run: 24 blocks of 0.5 s, effective sample size 31".
  std::string basis;
  /// Without an interval: why, and how many repetitions or which length would give one.
  std::string reason;
};

}  // namespace tokenlift
