#pragma once
// What a scenario implies: absolute rates once the fleet's capacity is known, the fluid drain after
// the lift, and the phases. All of it is fixed before the run starts, but for one thing: where the
// run is divided by an event that happens elsewhere (a call, a command, a signal), its phases are
// there from the start, and open when it holds (plan_phases()).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// A request's mean cost under the scenario's own mix of tenants.
struct Mix {
  double prompt_tokens = 0;
  double output_tokens = 0;
};

/// [begin_ns, end_ns) of the run.
struct Phase {
  std::string name;  ///< warmup, before, transition, after, steady or cooldown
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
  bool measured = true;  ///< false for warmup and cooldown
};

/// Over all sites, without spares, whoever serves at the start.
std::int64_t replica_count(const Scenario& scenario);

/// Mean tokens of a tenant's requests, after rounding and clamping (or of its trace); within 0.02
/// %, prompts of sessions (with all that came before them) within about 1 %.
double mean_prompt_tokens(const Tenant& tenant);
double mean_output_tokens(const Tenant& tenant);
/// The largest a request of this tenant can be.
std::int64_t largest_prompt_tokens(const Tenant& tenant);
std::int64_t largest_output_tokens(const Tenant& tenant);

/// True if a `load` anywhere needs the fleet's capacity and the scenario does not state it.
bool needs_capacity(const Scenario& scenario);

/// Each tenant's share of all requests, by its mean request rate over the run; they sum to 1. With
/// `load`, rates are in proportion to load / mean output tokens, whatever the capacity. Closed
/// tenants count as if every answer came at once.
std::vector<double> request_shares(const Scenario& scenario);

/// The mix of requests over all tenants, weighted by request_shares().
Mix request_mix(const Scenario& scenario);

/// The most that one request can cost a bucket of this unit: 1 request, its prompt, or `max_tokens`
/// (output is reserved from it), over all tenants.
double largest_cost(const Scenario& scenario, Unit unit);
/// The same over the tenants that a throttle looks at, in its dearest peak hours.
double largest_cost(const Scenario& scenario, const Throttle& throttle);

/// Every `load` turned into a rate or a limit, every burst into units, `settle` filled in: 1.5
/// fluid drains and 5 s; all the rest of the run where a backlog is left that never drains. Where
/// the drain is not known, the capacity is not known, or a changed throttle has no rate, it is at
/// least 30 s, the longest max_wait and the longest back-off together, but a third of the rest of
/// the run at most. With the capacity C, a tenant's load x becomes x C / (its mean output)
/// requests/s (sessions/s of x C / (its mean output x turns)); a throttle's load x becomes what x C
/// output tokens/s use in its unit, in the mix of the tenants it looks at: x C tokens/s, x C /
/// output requests/s, or x C prompt / output input tokens/s; of a throttle with windows, that times
/// the length of one is the limit. A burst of seconds becomes max(rate x seconds, largest_cost())
/// units. What an event sets takes along what follows from it: a rate the burst, if that is in
/// seconds, and a window the limit, if that is a load. A ramp's burst is that at its end.
///
/// A capacity that the scenario states wins over `capacity_tokens_per_s`; the latter is stored in
/// the result when any `load` used it. Throws ScenarioError for a plain burst, a limit or an
/// adaptive max_limit smaller than the largest request, for one below its min_limit, and for a
/// `load` without any capacity. Idempotent: resolving a resolved scenario changes nothing.
Scenario resolve(const Scenario& scenario, std::optional<double> capacity_tokens_per_s);

/// Fluid model of the measured events, in output tokens of the mix: the backlog it finds, and how
/// long that takes to drain. A throttle's limit is its rate (of windows: limit / window) in output
/// tokens/s of the mix of the tenants it looks at (the inverse of what resolve() does to a load),
/// for each tenant or user that has one of its own, divided by the drain of its peak hours; what
/// other tenants ask for passes beside it. Kinds that limit what is in flight, and shadows, count
/// as unlimited.
///
/// Before: what is offered, at most the smallest limit of the `reject` throttles, flows into the
/// narrowest stage (the `queue` throttle with the smallest limit, or the fleet with its capacity),
/// where the backlog grows by (flow - limit) from the start of the run on, less the burst that the
/// bucket starts with, through every change on the way. With a max_wait w it holds at most flow x
/// w, because what waits longer expires, and never more than a queue_limit lets wait; where
/// everything is rejected there is no backlog. Closed tenants, who wait for their answers, leave at
/// most one request each. Tenants that all leave alike (patience, deadline) bound a queue as a
/// max_wait does; of exponential patience with mean m it goes to (flow - limit) x m. The capacity
/// is that of who serves at the time. After (and to the end of the measured span): drain_s =
/// backlog / (min(new limits, capacity) - flow), through every later change on the way. Capacity
/// unknown counts as unlimited.
///
/// Where something that the model does not see decides (drain_doubts.hpp), the drain is not known.
struct FluidDrain {
  double backlog_tokens = 0;  ///< where the measured span begins
  double left_tokens = 0;     ///< where it ends
  /// Zero where there is nothing to drain. Absent: never, or not known.
  std::optional<double> drain_s;
  /// min(new limits, capacity), as they are after the event. Absent where nothing limits.
  std::optional<double> limit_tokens_per_s;
  std::string doubt;                   ///< why it is not known, as a clause; empty: it is
  std::optional<double> model_s = {};  ///< drain_s as if there were no doubt

  bool never() const { return !drain_s && doubt.empty(); }  ///< more is offered than is carried
};
FluidDrain fluid_drain(const Scenario& resolved);

/// The transition is all the rest of the run, as `settle` is by default where a backlog is left
/// that never drains.
bool never_settles(const Scenario& resolved);

/// From `at_ns` on a throttle has these settings.
struct Change {
  std::int64_t at_ns = 0;
  std::size_t throttle = 0;  ///< index
  Throttle settings;         ///< complete and absolute, also while it is lifted
  bool lifted = false;
  double drain = 1;  ///< what its peak hours make of a unit
  Inherit inherit = Inherit::as_is;
  std::optional<std::size_t> event;  ///< that it begins; absent in later steps and in a schedule
};

/// All changes of all throttles over the run, in order of time, and at one instant in order of
/// events: lifts, sets and restores as they are; ramps in steps (a linear one in at most 200, each
/// with the value in its middle, so that what has accrued is exact where a step ends); borders of
/// peak hours, also those in force at 0. A lift, a restore, a ramp, or a set of the same parameter
/// ends a ramp that is under way; set, restore and ramp bring back a throttle that was lifted. An
/// event that is taken out changes nothing, nor does one that waits for a signal: when that has
/// come the loop states its instant.
std::vector<Change> plan_changes(const Scenario& resolved);

/// The indices of the events that divide the run: those with `measure`, or else the first, if any.
std::vector<std::size_t> measured_events(const Scenario& scenario);
/// Of these the one that begins first.
std::optional<std::size_t> measured_event(const Scenario& scenario);

/// Somebody else says when it holds: a server that is called, a command that ends, a signal that
/// comes. Nobody knows the instant before.
bool happens_elsewhere(const Event& event);
/// True if such an event divides the run. It does so alone.
bool divided_from_elsewhere(const Scenario& scenario);

/// From where the first of the measured events begins to where the last of them ends. Of a call or
/// a command as if it were answered at once, and nothing where only a signal begins it.
struct MeasuredSpan {
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
};
std::optional<MeasuredSpan> measured_span(const Scenario& scenario);

/// warmup (if any), then steady, or before/transition/after, then cooldown. In order, without gaps.
/// The transition lasts from the begin of the measured span to `settle` after its end. Empty phases
/// are left out.
///
/// Where the run is divided from elsewhere, before, transition and after are always there, so that
/// the index of a phase never changes. Until the event holds, `before` lasts to the end of the run,
/// and transition and after are empty there: [duration, duration). With the instant `held_ns` at
/// which it held, they are what they then are: `before` ends at it (at the end of the warm-up, if
/// it held earlier), transition lasts for `settle`, and after for the rest, each cut at the end of
/// the run. `measured_from_ns`: the warm-up lasts until then, whatever the scenario says.
std::vector<Phase> plan_phases(const Scenario& resolved,
                               std::optional<std::int64_t> held_ns = std::nullopt,
                               std::optional<std::int64_t> measured_from_ns = std::nullopt);

/// Of each tenant with a trace what its file holds, and how many rows are left out and why: a
/// sentence each.
std::vector<std::string> trace_notes(const Scenario& scenario);

/// What `check` warns about: a run too short for its phases or for the 100 requests that a measured
/// phase needs, a queue without max_wait under overload, a trace that ends early, more offered than
/// the fleet or the new limit carries after the lift, settings that can't have an effect (an event
/// that changes nothing, a limit that nobody comes up against, a retry where nothing rejects, a
/// priority in a queue that has no order, peak hours outside the run,
/// ...), costs of another machine's processor, keys sent without TLS. Each says what to do.
/// `builtin` are the profiles that come with the program.
std::vector<std::string> warnings(const Scenario& resolved, const std::vector<Profile>& builtin);

}  // namespace tokenlift
