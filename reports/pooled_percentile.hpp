#pragma once
// What changed a percentile over several runs: a jackknife over runs of the pooled percentile.
//
// Each run has two sides (before and after, or with and without), and they depend on each other: so
// a run is left out of both at once (joint jackknife), of the ratio's logarithm, or of the
// difference. Percentiles are interpolated within their bucket by rank: as midpoints of buckets,
// which are up to 1/64 wide, runs that differ a little would not differ at all.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "reports/histogram.hpp"
#include "reports/interval.hpp"

namespace tokenlift {

/// Of one run, by ascending index.
using Buckets = std::span<const BucketCount>;

/// Both sides of each run.
struct RunPair {
  Buckets before;
  Buckets after;
};

/// The fewest runs for an interval of a percentile.
inline constexpr std::size_t kLeastRunsOfPercentile = 5;

/// The fewest samples that each side of each run needs for an interval: 10 beyond the percentile,
/// and 100 from p99 on, where runs are few large excursions (10,000 samples for p99).
std::uint64_t samples_needed_per_run(int permille);

/// The value that a share of `permille` / 1000 of the samples lies below, interpolated by rank
/// within its bucket. Some sample is needed. In ns.
double interpolated_percentile(Buckets samples, int permille);

/// after / before. A percentile that the pooled samples do not support (summary.hpp) has no value.
Estimate percentile_ratio(const std::vector<RunPair>& runs, int permille);

/// after - before, in ns.
Estimate percentile_difference(const std::vector<RunPair>& runs, int permille);

}  // namespace tokenlift
