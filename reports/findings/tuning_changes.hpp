#pragma once
// The recommended setting against the present one, and what holds it back.

#include <string>
#include <string_view>
#include <vector>

#include "reports/analysis/trial.hpp"
#include "reports/findings/tuning_report.hpp"

namespace tokenlift {

/// Goodput, throughput, attainment, who is not served, and TTFT of one phase, from runs of the same
/// seeds in the same order. Rates compare as ratios (differences where one is 0 in some run),
/// shares as differences; a percentile has an interval where every run supports it.
std::vector<TuningChange> tuning_changes(const Trial& present, const Trial& recommended,
                                         std::string_view phase);

/// A figure that is judged and is none of these.
TuningChange change_of_objective(const TuningAim& aim, const TuningFigures& present,
                                 const TuningFigures& recommended);

/// The tenants whose attainment falls by half a point or more, as TuningReport::losers.
std::vector<std::string> losers_of(const Trial& present, const Trial& recommended,
                                   std::string_view phase);

/// What keeps the setting from more that is recommended, or that misses least: throttles that hold
/// or refuse, and whom; the fleet; constraints that are just met; ends of ranges. A sentence each.
/// `run` is its runs, pooled; `reach`, throttle by throttle of it, whose requests each looks at
/// (empty: everybody's).
std::vector<std::string> binding_of(const Run& run, std::string_view phase,
                                    const std::vector<std::vector<std::string>>& reach,
                                    const TuningReport& report);

}  // namespace tokenlift
