#pragma once
// What the lift did: every lift metric of a trial. Pure functions of what was recorded.
//
// "Not settled", "not enough data" and "the throttle did not bind" are results.
// ../lift_report.md defines each metric.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reports/analysis/change_point.hpp"
#include "reports/analysis/drain.hpp"
#include "reports/analysis/fleet_change.hpp"
#include "reports/analysis/gain.hpp"
#include "reports/analysis/step_response.hpp"
#include "reports/analysis/trial.hpp"

namespace tokenlift {

/// Goodput is back when it is so much of what is offered.
inline constexpr double kBack = 0.9;
/// A throttle that held or denied less than this share of the requests due before the lift did not
/// bind.
inline constexpr double kBinds = 0.05;
/// Computed in vain, of the output: from here on it is much.
inline constexpr double kMuchWasted = 0.05;

/// The share of a tenant's requests due in a phase that throttles held or denied.
struct HeldTenant {
  std::string name;
  double share = 0;
};

struct LiftReport {
  LiftRecord lift;  ///< requests and tokens that it met: the mean over the runs
  /// What measured events did to the fleet. Where the event that divides the run is one of them, no
  /// limit binds: binding_fraction, unlock_latency and waiter_release_lag are absent.
  std::vector<FleetChange> fleet;
  std::optional<double> binding_fraction;  ///< of the requests due in `before`, 0 .. 1
  /// The throttle did not bind, and nothing else was changed: there is nothing to gain.
  bool vacuous = false;
  /// Of a vacuous one: it did bind this tenant, whose requests are few among all. Absent: none.
  std::optional<HeldTenant> most_held;
  std::vector<Gain> gains;
  std::vector<Effect> effects;
  /// Over which it happened: of a ramp its length, of a lift at one stroke 0. Absent in old runs.
  std::optional<double> length_s;
  Delay unlock_latency;      ///< the median of the runs
  Delay waiter_release_lag;  ///< the longest of all runs
  /// Until no more requests are in the system (at the throttle, in back-off, in the fleet) than the
  /// median in `after`: what a lift lets through at once waits on in the fleet. None where nothing
  /// waited, and where the fluid says that `after` is not over the backlog yet: its median is one.
  Delay drain;
  /// Backlog, queued and in back-off, / (min(new limit, capacity) - what gets past the throttles
  /// that refuse, after the lift). Absent, with the reason, where that is not above 0.
  std::optional<double> drain_fluid_s;
  std::string no_fluid_reason;
  std::optional<BacklogTrend> trend;  ///< over `after`, measured
  bool never_drains = false;          ///< as measured: the trend grows
  bool waited = false;                ///< somebody did at the lift, at the throttle or in back-off
  /// How what had waited went. Of `served` that is the drain.
  Departure departure;
  /// Requests/s that completed while `before` and `after` lasted. Absent where less than
  /// kMuchWasted of the output was computed in vain in both: then throughput tells as much.
  std::optional<std::array<double, 2>> completed_per_s = {};
  StepResponse goodput;                           ///< tokens/s
  StepResponse in_flight;                         ///< requests admitted and not done
  StepResponse ttft_p99;                          ///< ns; by the slices of when requests were due
  std::optional<double> recovery_deficit_tokens;  ///< per run
  std::optional<double> slo_debt_requests;        ///< due in the transition, missed; per run
  std::optional<double> retry_amplification_before, retry_amplification_after;
  std::uint64_t wasted_tokens = 0;       ///< over all phases and runs
  std::optional<Unfairness> unfairness;  ///< of the run in which tenants came apart the widest
  std::vector<Starvation> starvation;    ///< of tenants with a guaranteed share; mean of the runs
  std::vector<ChangePoint> found;        ///< in throughput, by bins of the series
  std::optional<std::int64_t> found_ns;  ///< the one nearest to the lift
  /// Goodput was not back within three times the fluid drain: from then on it was this share of
  /// what was offered and could have been carried, under kBack. Absent where a throttle held or
  /// denied kBinds or more of the requests due in `after`: then that is the reason; where a backlog
  /// grows; and where replicas were slow, so that nobody knows what they carry. Of a change of the
  /// fleet: over all of `after`, where goodput was enough before and what serves could carry
  /// it.
  std::optional<double> not_back_share;
};

/// Some throttle held or denied kBinds or more of the requests due in a phase.
bool binds(const PhaseRecord& record);
/// One throttle did, attempt by attempt, of so many requests due.
bool binds(const ThrottleCounts& counts, std::uint64_t due);
/// kMuchWasted or more of the output of a phase was computed in vain.
bool is_wasteful(const PhaseRecord& record);
/// Of the time that replicas of a site served, the share in which a limit of power held them back.
double held_back_by_power(const SiteDraw& draw);

/// Nothing where the trial has no event, or no run got there.
std::optional<LiftReport> analyse_lift(const Trial& trial);

}  // namespace tokenlift
