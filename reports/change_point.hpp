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

/// Change points in order of time, by binary segmentation on the difference of means, each against
/// the long-run variance of the series (so that autocorrelated noise is not taken for steps). On a
/// series without any, one is found with probability at most about 5 %.
std::vector<ChangePoint> change_points(std::span<const double> values);

}  // namespace tokenlift
