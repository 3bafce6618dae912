#pragma once
// What events do to a throttle.

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Of a ramp.
inline constexpr std::int64_t kMostSteps = 200;

/// Everything that is set takes the place of the throttle's own.
void apply(const Settings& settings, Throttle& throttle);

/// Where the event has come to its end: at once, but for ramps.
std::int64_t end_ns(const Event& event);

}  // namespace tokenlift
