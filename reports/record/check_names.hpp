#pragma once
// Names of the checks that say more than that a run is no measurement: what may be concluded of it
// depends on them.

namespace tokenlift {

/// How much the machine changed its speed.
inline constexpr const char* kMachineSpeedCheck = "machine_speed_change";

}  // namespace tokenlift
