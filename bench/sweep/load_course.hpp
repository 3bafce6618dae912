#pragma once
// Whether the load of a phase is one that lasts. Where more and more is asked for, more and more is
// in the system of a fleet that keeps up, too: that is no backlog.

#include <string_view>

#include "reports/record/run.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// By its plan the load of the phase is another at its end than at its begin
/// (tenants_of_changing_load), whatever happens in a run.
bool changes_by_plan(const Scenario& scenario);

/// A run (or several, pooled) in which more was due in the last third of the phase than in the
/// first, by kMoreDue of it and 4 standard errors of a count, of a scenario whose load need not
/// last: a trace, a shape, or conversations, which become more until the first ones end.
bool load_grew(const Scenario& scenario, const Run& run, std::string_view phase);
inline constexpr double kMoreDue = 0.1;

}  // namespace tokenlift
