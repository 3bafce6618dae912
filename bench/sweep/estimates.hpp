#pragma once
// Figures of a trial, each with its 95 % interval over runs.

#include <string>
#include <string_view>
#include <vector>

#include "reports/analysis/interval.hpp"
#include "reports/analysis/trial.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// Of each path the pooled value. `runs` are those that were pooled. Intervals: of a percentile of
/// the fleet's latencies a jackknife over runs; of others Student's t over the runs' figures, of
/// what is above 0 on their logarithms, of a share as it is.
std::vector<Estimate> estimates_of(const Trial& trial, const std::vector<Run>& runs,
                                   const std::vector<std::string>& paths);

/// Whether the figure has a value that lasts where the backlog grows: what is asked for, and what a
/// busy fleet makes.
bool lasts_when_saturated(std::string_view path);

}  // namespace tokenlift
