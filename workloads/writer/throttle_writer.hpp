#pragma once
// Throttles and events as keys of TOML.

#include "workloads/scenario/scenario.hpp"
#include "workloads/writer/toml_keys.hpp"

namespace tokenlift::writing {

TomlKeys keys_of(const Throttle& throttle);
TomlKeys keys_of(const Event& event);
void add_battery(const Battery& battery, TomlKeys& keys);

}  // namespace tokenlift::writing
