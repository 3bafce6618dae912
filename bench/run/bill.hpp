#pragma once
// What a run cost: the prices of its sites on what was recorded.

#include "reports/record/run.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What sites state of power and money, for reports. Empty where none does.
std::vector<SiteTerms> site_terms(const Scenario& scenario);

/// Fills in, by phase and site, the time that is paid for and the cost. `played` is the scenario as
/// it was played, whose sites are those of the phases' draws; where they have none nothing is done.
///
/// Sums are whole millionths of a dollar, rounded down once over all phases together: what is lost
/// of one counts in the next, so that the costs of the phases add up to that of their time as one.
void add_costs(const Scenario& played, Run& run);

}  // namespace tokenlift
