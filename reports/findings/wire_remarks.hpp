#pragma once
// What else has to be known of a run against endpoints: what they refused and broke, and how far
// what was seen on the wire goes.

#include <string>
#include <vector>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// A sentence each; none where the fleet is no endpoint.
std::vector<std::string> wire_remarks(const TrialReport& report);

}  // namespace tokenlift
