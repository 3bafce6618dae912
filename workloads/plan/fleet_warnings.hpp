#pragma once
// What `check` warns about where the fleet changes.

#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Times at which nobody serves, or none of a tenant's sites; replicas that never join; spares that
/// nothing needs; phases that are shorter than a boot.
void warn_of_fleet(const Scenario& resolved, std::vector<std::string>& result);

}  // namespace tokenlift
