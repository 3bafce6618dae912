#pragma once
// What a scenario is when things are not as it says: for the finalists of a search, which are
// judged by their worst case; and how a larger fleet would do.

#include <array>
#include <optional>
#include <string_view>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

enum class Stress { none, more_load, less_load, longer_outputs, retries };
inline constexpr std::array<Stress, 4> kStresses = {Stress::more_load, Stress::less_load,
                                                    Stress::longer_outputs, Stress::retries};
/// "as it is", "load +10 %", "load -10 %", "outputs 20 % longer", "retries on".
std::string_view name_of(Stress stress);

/// The scenario (resolved: throttles stay as they are) under the stress. Nothing where it makes no
/// difference: nobody's outputs can get longer than max_tokens, nothing rejects, or all who are
/// rejected retry anyhow.
///
/// Load: rates, the speed of traces, or the number of closed users times 1.1 or 0.9. Outputs: means
/// times 1.2, as far as max_tokens has room (a trace's stay as they are). Retries: exponential
/// back-off as by default, of clients that give up at once.
std::optional<Scenario> stressed(const Scenario& resolved, Stress stress);

/// `factor` (>= 1) times the replicas of each site, rounded up, and what the throttles and events
/// let through in proportion to all replicas. Resolved.
Scenario enlarged(const Scenario& resolved, double factor);

/// By how much it really is larger.
double enlargement(const Scenario& scenario, double factor);

}  // namespace tokenlift
