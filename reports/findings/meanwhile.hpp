#pragma once
// What else changed beside the measured event: then before against after does not tell whose doing
// a difference is.

#include <string>
#include <vector>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// Changes of the fleet and of limits beside the measured ones, within the measured phases, as
/// clauses: "'rl' was set at 200.0 s", "'hall' went from 8 to 7 replicas at 100.0 s". Of the fleet
/// those of `least_share` or more of what served.
std::vector<std::string> changes_beside(const Run& run, double least_share = 0);

/// The same as one clause of a sentence, with throttles that go by a budget of a long window and
/// began to bind, or ended, by themselves where that is the way in which the figures went, and a
/// load that became another one by itself. Empty where there is nothing, and where a control
/// without the measured event tells what that did.
std::string meanwhile(const TrialReport& report);

}  // namespace tokenlift
