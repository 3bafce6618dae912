#pragma once
// A trial in three sentences for whoever decides and reads no further.

#include <cstdint>
#include <string>
#include <vector>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// A tenant whose load is so many people, each of whom waits for an answer before asking again.
struct UserGroup {
  std::string tenant;
  std::int64_t users = 0;
};

/// What was done; what users got before and after; how sure that is, and what it means for the
/// decision. Only what was measured is said. Empty where nothing was due in the phases measured or
/// the run did not get to its event: the verdict says so. Of everything in `report` but words and
/// tables.
std::vector<std::string> answer(const TrialReport& report, const std::vector<UserGroup>& groups);

}  // namespace tokenlift
