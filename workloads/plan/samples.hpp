#pragma once
// How many requests fall into each phase, and how long a run must be for enough of them.

#include <optional>
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
  /// There are no more than so many: closed tenants ask as if every answer came at once, all rows
  /// of a trace fall into it, or conversations go on for longer than the run has.
  bool at_most = false;
  /// How long it would be with ample_requests(). Absent where the rate changes by itself, or there
  /// are only `at_most` so many.
  std::optional<double> enough_s;
};

/// Of the number of requests that fall into a phase, variance / mean: of renewals cv^2 of their
/// gaps (Cox, Renewal Theory, 1962, ch. 4), so of Poisson arrivals 1, times the turns of a session.
/// Of several tenants the mean by their requests/s. Shapes and retries are not counted.
double request_dispersion(const Scenario& resolved);

/// The least mean m of which m - 4 sqrt(m dispersion) is kFewestRequests: with so many on average
/// nearly every seed has enough. With a dispersion of 1 that is 149.
double ample_requests(double dispersion);

/// Of a resolved scenario, in order; empty if all are long enough. A trace of more rows may be.
std::vector<ShortPhase> short_phases(const Scenario& resolved);

/// The lengths with which all have ample_requests(), as words for --set: when the event that
/// divides the run happens, and how long the run is. Nothing where no length would do, or none is
/// known (ShortPhase::enough_s).
std::vector<std::string> longer_run(const Scenario& resolved);

}  // namespace tokenlift
