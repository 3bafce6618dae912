#pragma once
// What has to be known of a fleet that changes, beside what is said of every trial.

#include <string>
#include <vector>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// What it was like while measured events changed the fleet, how else it changed, and which
/// requests failed with it. None where the fleet stays as it is.
std::vector<std::string> fleet_remarks(const TrialReport& report);

}  // namespace tokenlift
