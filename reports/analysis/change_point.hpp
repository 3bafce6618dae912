#pragma once
// Where a series changes its level, found without being told: a check on the instant that we know.

#include <cstddef>
#include <span>
#include <vector>

namespace tokenlift {

struct ChangePoint {
  std::size_t bin = 0;      ///< the first one of the new level
  double from = 0, to = 0;  ///< mean level before and after, up to the next change points
};

/// Change points are at least so many bins apart, and from the ends.
inline constexpr std::size_t kLeastBetweenChanges = 5;

/// How far, in units of sqrt(n x long-run variance), the cumulative sum of what is above the mean
/// must go. Of a long series without a change it goes further than 1.9 with probability 0.15 %
/// (Kolmogorov's distribution: Brownian bridge). Not 1.36, which would be 5 %: the long-run
/// variance is an estimate, and of correlated noise, out of which steps were taken, one that is too
/// small.
inline constexpr double kCriticalExcess = 1.9;

/// Change points in order of time, by binary segmentation on the difference of means, each against
/// the long-run variance of the series (so that autocorrelated noise is not taken for steps). On a
/// series without any, one is found with probability at most about 5 %. Measured on 2,000 series of
/// 300 bins: under 1 % on white noise, on counts, and on noise with a correlation of 0.5 from bin
/// to bin, 5 % at 0.8. More where a series is short against its autocorrelation (60 bins: 8 % at
/// 0.5); one shorter than 15 times that, by estimate, has none. A step of one standard deviation of
/// white noise was found in 1,000 of 1,000 such series, in 93 % of them within 10 bins of its
/// place.
std::vector<ChangePoint> change_points(std::span<const double> values);

}  // namespace tokenlift
