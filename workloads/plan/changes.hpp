#pragma once
// What events do to a throttle, and how long they take.

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Of a ramp.
inline constexpr std::int64_t kMostSteps = 200;

/// Everything that is set takes the place of the throttle's own.
void apply(const Settings& settings, Throttle& throttle);

/// Where what the event does begins: at once, but where notice is given.
std::int64_t begin_ns(const Scenario& scenario, const Event& event);

/// Where it has come to its end: at once, but for ramps; where the last replica that joins or comes
/// back serves, where the last one that leaves goes, where a slowed one has its usual pace again.
std::int64_t end_ns(const Scenario& scenario, const Event& event);

}  // namespace tokenlift
