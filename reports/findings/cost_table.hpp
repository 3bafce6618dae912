#pragma once
// What each phase drew and cost, as a table.

#include <optional>
#include <vector>

#include "reports/analysis/cost.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// A row for each figure that some phase has, a column for each phase; behind them how after
/// differs from before, and what was added at the margin. No rows where nothing is known.
Table cost_table(const std::vector<PhaseCost>& costs, const std::optional<MarginalCost>& marginal);

}  // namespace tokenlift
