#pragma once
// The page of a sweep, of a search for one value, or of several sweeps laid over each other.

#include <vector>

#include "reports/charts/sweep_charts.hpp"
#include "reports/page/page.hpp"

namespace tokenlift {

/// What was found, the curves, the points, and how to repeat it.
Page sweep_page(const SweepReport& report);

/// Sweeps over the same key: their curves over each other, and the points of each.
Page overlay_page(const std::vector<NamedSweep>& sweeps);

}  // namespace tokenlift
