#pragma once
// What a trial says, in words: whether it is a measurement, one sentence for whoever decides, and
// what else has to be known.

#include <string>
#include <vector>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// "valid: 8 of 8 checks passed", or "NOT VALID as a measurement: ...", of both arms; then a line
/// for every failed check, and for what was left out.
std::vector<std::string> validity(const Trial& trial);
/// Every check of both arms passed, and no run was ended early.
bool is_valid(const Trial& trial);

/// The one sentence. `report` has everything but this and what comes after it.
std::string verdict(const TrialReport& report);

/// Further sentences: what is odd, what is missing, what to do about it.
std::vector<std::string> remarks(const TrialReport& report);

}  // namespace tokenlift
