#pragma once
// The capacity of the compositions that a changing fleet goes through.

#include <cstdint>
#include <optional>
#include <vector>

#include "reports/record/run.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Compositions other than the first that make up a tenth of a measured phase: those that are worth
/// a measurement of their own.
std::vector<std::vector<std::int64_t>> lasting_compositions(const Scenario& resolved);

/// Each site gets the capacity of one replica of it (what it states wins), in proportion to what is
/// stated of the fleet at the start.
void state_site_capacities(Scenario& scenario, const std::vector<double>& replica_tokens_per_s);

/// Output tokens/s at saturation of a composition: what its sites state, what was measured, or else
/// on the line between the measured ones with the next fewer and the next more replicas (none can
/// do nothing). Nothing where that is not known.
std::optional<double> capacity_at(const Scenario& resolved,
                                  const std::vector<Composition>& measured,
                                  const std::vector<std::int64_t>& replicas);

}  // namespace tokenlift
