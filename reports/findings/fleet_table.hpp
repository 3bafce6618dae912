#pragma once
// What the fleet did, phase by phase, as a table.

#include <vector>

#include "reports/analysis/gain.hpp"
#include "reports/analysis/summary.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// Stands behind a percentile that looks better than what users saw, because of some requests there
/// is no latency.
inline constexpr const char* kHiding = "*";

/// A row per figure and a column per phase, with after / before where there are both: as `gains`
/// has it, so that a figure's change is the same in all tables. What the sample does not support is
/// a dash with a note, and a figure that no phase has is left out, with another.
Table fleet_table(const std::vector<PhaseSummary>& phases, const std::vector<Gain>& gains);

}  // namespace tokenlift
