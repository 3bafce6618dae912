#pragma once
// Whether several processes can play a scenario together, each a share of its requests
// (requests/share.hpp).

#include <string>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Why they cannot: something in it goes by what all of them do, and none knows of the others.
/// Empty: they can.
std::string why_not_shared(const Scenario& scenario);

}  // namespace tokenlift
