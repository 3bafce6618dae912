#pragma once
// What `check` warns about where a run talks to endpoints.

#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Keys that go over a network without TLS; endpoints that no tenant may use.
void warn_of_endpoints(const Scenario& resolved, std::vector<std::string>& result);

}  // namespace tokenlift
