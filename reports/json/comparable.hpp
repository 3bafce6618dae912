#pragma once
// Whether two sets of runs, or two sweeps, may be compared: the same scenario, on the same engine;
// and what else differs.

#include <string>
#include <vector>

#include "reports/findings/comparison.hpp"
#include "reports/findings/sweep_report.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

Differences what_differs(const Run& base, const Run& contender);

/// The same of two sweeps over the same keys. `keys` are those keys, each as the names in its path:
/// what the scenarios have there is swept, and no difference.
Differences what_differs(const SweepReport& base, const SweepReport& contender,
                         const std::vector<std::vector<std::string>>& keys);

}  // namespace tokenlift
