#pragma once
// Who was served while several wanted to be: of one run, since whether somebody waits in a bin is a
// fact of that run. Pure functions of what was recorded of each tenant by bins.

#include <optional>
#include <string>
#include <vector>

#include "reports/record/run.hpp"

namespace tokenlift {

/// Starvation is looked for in windows of so long, and begins below the share by more than so many
/// mean requests of the tenant with the largest: whole requests are served, not tokens, and what
/// they come to is known when they end.
inline constexpr double kStarvedWindowS = 5;
inline constexpr double kStarvedRequests = 2;

/// Two tenants, both with work waiting, and by how much their weighted service came apart.
struct Unfairness {
  std::string ahead, behind;
  double tokens = 0;  ///< prompt and output tokens / weight
};

struct Starvation {
  std::string tenant;
  double share = 0;    ///< guaranteed, 0 .. 1
  double seconds = 0;  ///< below it with work waiting
};

/// Of the pair that came apart the widest. Absent: no two tenants waited at once, or not recorded.
std::optional<Unfairness> unfairness(const Run& run);

/// Of each tenant with a guaranteed share. Empty where not all tenants were recorded.
std::vector<Starvation> starvation(const Run& run);

}  // namespace tokenlift
