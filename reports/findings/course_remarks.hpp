#pragma once
// How it went on after a change, in sentences: what never drains, what does not come back, and what
// follows from it.

#include <string>
#include <vector>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// Of a trial with a lift.
std::vector<std::string> course_remarks(const TrialReport& report);

}  // namespace tokenlift
