#pragma once
// What a tuning leaves out, from first principles.

#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// The tuning with everything that it leaves out: parameters (empty only where there is nothing to
/// tune; of more than kMostParameters the first ones, the measured event's throttle before all
/// others), the objective and, of a lift without one, a constraint. `resolved` is the scenario with
/// absolute rates; its form (load or rate) is that of `scenario`, which has the same keys.
/// `builtin` are the profiles that sites may name without the scenario's having them.
Tuning complete_tuning(const Tuning& tuning, const Scenario& scenario, const Scenario& resolved,
                       const std::vector<Profile>& builtin);

/// The phase that is judged: in which the throttle is as written ("before", or "steady" where no
/// event divides the run); of a lift its "transition".
std::string judged_phase(const Tuning& tuning, const Scenario& scenario);

}  // namespace tokenlift
