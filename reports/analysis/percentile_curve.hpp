#pragma once
// Every percentile of TTFT that a phase supports, with how far repetitions (or buckets) spread.

#include <vector>

#include "reports/analysis/trial.hpp"

namespace tokenlift {

struct CurvePoint {
  double quantile = 0;  ///< 0 .. 1, below 1
  double value_ns = 0;
  double low_ns = 0, high_ns = 0;  ///< includes value_ns
};

struct PercentileCurve {
  std::vector<CurvePoint> points;  ///< by ascending quantile; at most 80
  /// The band is the least and the most of the repetitions that support the percentile; else the
  /// error of a bucket.
  bool over_runs = false;
};

/// Of all repetitions together: percentiles that at least 10 requests lie beyond.
PercentileCurve ttft_curve(const Arm& arm, std::size_t phase);

}  // namespace tokenlift
