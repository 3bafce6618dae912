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

/// What keeps the recommended setting from more, a sentence each: throttles that hold or refuse,
/// the fleet, constraints that are just met, ends of ranges. `run` is its runs, pooled.
std::vector<std::string> binding_of(const Run& run, std::string_view phase,
                                    const TuningReport& report);

}  // namespace tokenlift
