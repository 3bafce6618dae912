#pragma once
// What `check` says of internal jobs.

#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Of each job: what it has, what it yields to whom, and how many steps it makes in an hour with
/// all its replicas and with what it keeps at the least, at their usual pace.
std::vector<std::string> job_notes(const Scenario& scenario);

}  // namespace tokenlift
