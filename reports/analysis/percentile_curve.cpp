#include "reports/analysis/percentile_curve.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tokenlift {
namespace {

constexpr double kBeyond = 10;  // samples, as for every percentile that is given
constexpr int kPerDecade = 12;
constexpr int kMostPoints = 80;
constexpr double kBucketError = 1.0 / 128;

/// The middle of the bucket that holds the ceil(quantile * count)-th smallest value.
double value_at(const std::vector<BucketCount>& buckets, std::uint64_t count, double quantile) {
  const auto wanted = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count))));
  std::uint64_t seen = 0;
  for (const BucketCount& bucket : buckets) {
    seen += bucket.count;
    if (seen < wanted) continue;
    const auto middle_ns =
        Histogram::lower_ns(bucket.index) + Histogram::width_ns(bucket.index) / 2;
    return static_cast<double>(middle_ns);
  }
  return 0;
}

}  // namespace

PercentileCurve ttft_curve(const Arm& arm, std::size_t phase) {
  PercentileCurve curve;
  const Histogram pooled = fleet_record(arm.pooled, phase).of(Metric::ttft);
  const auto count = static_cast<double>(pooled.count());
  std::vector<std::uint64_t> counts;
  for (const RunBrief& run : arm.runs) {
    counts.push_back(count_of(run.phases.at(phase).of(Metric::ttft)));
  }
  curve.over_runs = arm.runs.size() >= 2;
  for (int i = 0; i < kMostPoints; ++i) {
    const double stretch = std::pow(10, static_cast<double>(i) / kPerDecade);
    if (count < kBeyond * stretch) break;
    CurvePoint point;
    point.quantile = 1 - 1 / stretch;
    point.value_ns = static_cast<double>(pooled.value_at(point.quantile));
    point.low_ns = point.value_ns * (curve.over_runs ? 1 : 1 - kBucketError);
    point.high_ns = point.value_ns * (curve.over_runs ? 1 : 1 + kBucketError);
    for (std::size_t run = 0; curve.over_runs && run < counts.size(); ++run) {
      if (static_cast<double>(counts[run]) < kBeyond * stretch) continue;
      const double own =
          value_at(arm.runs[run].phases[phase].of(Metric::ttft), counts[run], point.quantile);
      point.low_ns = std::min(point.low_ns, own);
      point.high_ns = std::max(point.high_ns, own);
    }
    curve.points.push_back(point);
  }
  return curve;
}

}  // namespace tokenlift
