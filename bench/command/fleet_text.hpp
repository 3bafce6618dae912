#pragma once
// The fleet over time in words, for `check`.

#include <string>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Who serves from when on, the capacity of that, and what is offered of it, tenant by tenant: a
/// line for each composition, or for some of many; empty where the fleet does not change. Lines
/// begin with "# ".
std::string fleet_over_time(const Scenario& resolved);

}  // namespace tokenlift
