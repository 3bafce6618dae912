#pragma once
// In which ranges the parameters of a throttle are worth searching, from first principles: what is
// asked of it, what the fleet can do, and how long users are willing to wait.

#include <cstdint>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// The parameters of throttle `index` (none if it is a shadow), each with its reason. Their forms
/// are those of `scenario`; `resolved` is the same with absolute rates. What the scenario has lies
/// inside, and with each end alone it is a scenario.
///
/// Where no capacity is known it is estimated from the cost models: full batches of the mix, a
/// prompt's share of prefill with each token; where none of these is known either, it is twice what
/// is offered. `builtin`: as of complete_tuning().
std::vector<Parameter> throttle_ranges(const Scenario& scenario, const Scenario& resolved,
                                       std::size_t index, const std::vector<Profile>& builtin);

}  // namespace tokenlift
