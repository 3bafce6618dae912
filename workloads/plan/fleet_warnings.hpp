#pragma once
// What `check` warns about where the fleet changes.

#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Times at which nobody serves, or none of a tenant's sites; replicas that never join; spares that
/// nothing needs; phases that are shorter than a boot; batteries that are never used; jobs that
/// look too late to yield anything. Nothing of times at which jobs may yield replicas that would
/// serve.
void warn_of_fleet(const Scenario& resolved, std::vector<std::string>& result);

}  // namespace tokenlift
