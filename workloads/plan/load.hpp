#pragma once
// What tenants ask for beside what throttles and the fleet carry: how much room there is, before
// anything runs.

#include <optional>
#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

struct TenantLoad {
  std::string tenant;
  double requests_per_s = 0;  ///< of a closed tenant the most: as if every answer came at once
  double tokens_per_s = 0;    ///< output
  bool closed = false;
  bool of_trace = false;  ///< the mean over its whole trace, whatever part of it is played
};

/// Of each tenant.
std::vector<TenantLoad> tenant_loads(const Scenario& resolved);

/// One limit and who comes up against it, in the throttle's own unit.
struct ThrottleLoad {
  std::string throttle;
  std::string tenant;  ///< empty: all that it looks at, together
  Unit unit = Unit::output_tokens;
  double offered_per_s = 0;  ///< of the tokens that are used, whatever is reserved
  double taken_per_s = 0;    ///< as it is charged at first: of output max_tokens, where reserved
  double keys = 1;           ///< users that have such a limit each
  /// Over all keys together: of kinds with a rate that, of windows limit / window. Absent: it
  /// limits something else than a rate, is lifted, or is a shadow.
  std::optional<double> limit_per_s;
  /// As the measured events leave it.
  std::optional<double> limit_after_per_s;
  /// The least that it is at any time of the run, whatever events and peak hours make of it.
  std::optional<double> limit_least_per_s;
};

/// Of each throttle: of a fleet's one for all, of others one for each tenant that it looks at.
std::vector<ThrottleLoad> throttle_loads(const Scenario& resolved);

}  // namespace tokenlift
