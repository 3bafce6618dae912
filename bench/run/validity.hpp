#pragma once
// Is this run a measurement? Every check, with its value, its limit and what to do about it.

#include <optional>
#include <vector>

#include "bench/run/loop.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// What the checks need besides the recorded Run.
struct RunFacts {
  LoopOutcome outcome;
  double littles_law_error = 0;
  std::optional<double> interference;  ///< absent: could not be read
  std::int64_t max_in_flight = 0;
  /// A call, a command or a signal divides the run: it is no measurement where that never held.
  bool divided_from_elsewhere = false;
  double dispersion = 1;  ///< of the scenario's arrivals: request_dispersion()
  /// By its fluid model the backlog of the transition never drains: no length of the run helps.
  bool never_drains = false;
  std::optional<Check> cpu_quota = {};      ///< see check_cpu_quota()
  std::optional<Check> machine_speed = {};  ///< see check_machine_speed()
};

std::vector<Check> check_validity(const Run& run, const RunFacts& facts);

// What is judged of a run over the wire (Run::wire), and why there:

/// Of a core, that the harness's own thread works. A reply that comes while it works waits for it:
/// with Poisson arrivals for rho / (1 - rho) times what one piece of work takes (half of that, if
/// all take the same). At 0.7 that is 2.3 pieces of some microseconds; towards 1 it has no bound,
/// and the load is the harness's, not the endpoint's.
inline constexpr double kMostThreadShare = 0.7;

/// Of reads, that hold more than one delta: all but the last came earlier than they were read, and
/// the gaps between them are 0. An idle thread reads what comes when it comes, so that several in a
/// read were sent together: by the endpoint, or by what is in between. That is what users get; it
/// is told, and judged by nobody (the limit is 1). From kBusyThread on it may be the harness that
/// reads late; then a tenth is the most, so that p90 of the gaps is not made of them.
inline constexpr double kMostSharedReads = 0.1;
inline constexpr double kBusyThread = 0.35;

/// Of the output tokens that were asked for, those that came: as for requests that are delivered.
/// With fewer the load is not the one that the scenario states.
inline constexpr double kLeastOutput = 0.99;

/// Of the requests due in measured phases, that failed for good: they are in no latency. With more,
/// p95 is no longer one of the requests that users made.
inline constexpr double kMostFailed = 0.05;

}  // namespace tokenlift
