#pragma once
// How many requests fall into each phase, and how long a run must be for enough of them.

#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Requests that each measured phase but the transition needs for conclusions to rest on.
inline constexpr double kFewestRequests = 100;

/// A phase into which fewer fall.
struct ShortPhase {
  std::string name;
  double requests = 0;  ///< on average
  double enough_s = 0;  ///< how long it would be with kFewestRequests
};

/// Of a resolved scenario, in order; empty if all are long enough. What closed tenants ask for
/// counts as if every answer came at once.
std::vector<ShortPhase> short_phases(const Scenario& resolved);

/// The lengths with which all are long enough, with room for chance (of Poisson arrivals three
/// standard deviations), as words for --set: when the event that divides the run happens, and how
/// long the run is. Nothing where no length would do.
std::vector<std::string> longer_run(const Scenario& resolved);

}  // namespace tokenlift
