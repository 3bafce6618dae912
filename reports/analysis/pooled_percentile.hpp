#pragma once
// A percentile of several runs, and what changed it: a jackknife over runs of the pooled
// percentile.
//
// Each run has two sides (before and after, or with and without), and they depend on each other: so
// a run is left out of both at once (joint jackknife), of the ratio's logarithm, or of the
// difference. Percentiles are interpolated within their bucket by rank: as midpoints of buckets,
// which are up to 1/64 wide, runs that differ a little would not differ at all.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "reports/analysis/interval.hpp"
#include "reports/record/histogram.hpp"

namespace tokenlift {

/// Of one run, by ascending index.
using Buckets = std::span<const BucketCount>;

/// Both sides of each run.
struct RunPair {
  Buckets before;
  Buckets after;
};

/// The fewest runs for an interval of a percentile. Measured on queues and a batching fleet at rho
/// 0.5 and 0.8 (tests/coverage_test.cpp, 10,500 requests a phase): with 5 runs 91 to 98 % of the
/// intervals of a ratio of p50 or p99 held the truth, with 8 runs 92 to 98 %. They are centred on
/// the pooled value: on the mean of the pseudo-values they held it as often.
inline constexpr std::size_t kLeastRunsOfPercentile = 5;

/// The fewest samples that each side of each run needs for an interval: 10 beyond the percentile,
/// and 100 from p99 on, where runs are few large excursions (10,000 samples for p99). With 5 runs
/// of about 100 to 150 requests a phase on an M/M/1 queue 95 % of the intervals of p50's ratio held
/// the truth, and 95 % (rho 0.5) and 92 % (0.8) of p90's.
std::uint64_t samples_needed_per_run(int permille);

struct InterpolatedPercentile {
  double value_ns = 0;
  /// Within which the value is known. 0 where the samples are spread over buckets. Where one bucket
  /// holds much of what lies on one side of the percentile, nothing says where in it they are (it
  /// may be one value: a constant, a longest wait), and the value moves with the shares of others:
  /// then it is the bucket's width.
  double grain_ns = 0;
};

/// The value that a share of `permille` / 1000 of the samples lies below, interpolated by rank
/// within its bucket. Some sample is needed.
InterpolatedPercentile interpolated_percentile(Buckets samples, int permille);

/// The percentile itself, in ns, of the samples of each run. One that the pooled samples do not
/// support (summary.hpp) has no value.
Estimate percentile_estimate(const std::vector<Buckets>& runs, int permille);

/// after / before. A percentile that the pooled samples do not support (summary.hpp) has no value.
Estimate percentile_ratio(const std::vector<RunPair>& runs, int permille);

/// after - before, in ns.
Estimate percentile_difference(const std::vector<RunPair>& runs, int permille);

}  // namespace tokenlift
