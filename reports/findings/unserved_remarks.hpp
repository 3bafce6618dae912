#pragma once
// Who got no answer, and which throttle was in their way.

#include <string>
#include <vector>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// Who turned many requests away in the state that the run ended in, by name, and where those were
/// that expired.
std::vector<std::string> unserved_remarks(const TrialReport& report);

/// Which throttle bit before the change, where there are several.
std::vector<std::string> throttle_remarks(const TrialReport& report);

}  // namespace tokenlift
