#pragma once
// Trials side by side, as a table.

#include <vector>

#include "reports/findings/report.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// A column per trial: whether it is valid, "before -> after" of its figures (or the figure of its
/// only phase), gains with their intervals, and how the lift went. No rows where there is but one.
Table overview_table(const std::vector<TrialReport>& trials);

}  // namespace tokenlift
