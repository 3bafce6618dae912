#pragma once
// How much of what varies goes with one parameter alone.

#include <optional>
#include <span>

namespace tokenlift {

struct FirstOrderShare {
  double value = 0;           ///< 0 .. 1
  double standard_error = 0;  ///< by a jackknife over the points
};

/// The first-order Sobol index Var(E[y | x]) / Var(y), 0 .. 1, from points that were not made for
/// it: x in [0, 1] is cut into bins, and the variance between their means is compared with the
/// whole, less what chance would give (epsilon squared: Kelley, "An unbiased correlation ratio
/// measure", PNAS 21, 1935). `x` and `y` are of the same length. Nothing for fewer than 24 points,
/// or where nothing varies.
std::optional<FirstOrderShare> first_order_share(std::span<const double> x,
                                                 std::span<const double> y);

}  // namespace tokenlift
