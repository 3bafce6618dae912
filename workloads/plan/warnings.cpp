#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "workloads/plan/calendar.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/plan/drain_doubts.hpp"
#include "workloads/plan/endpoint_warnings.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/fleet_warnings.hpp"
#include "workloads/plan/fluid.hpp"
#include "workloads/plan/idle_events.hpp"
#include "workloads/plan/load.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/plan/samples.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

std::string rounded(double value) {
  if (value >= 100) return std::to_string(std::llround(value));
  const double scale = value >= 1 ? 10 : 1000;
  return format_number(std::round(value * scale) / scale);
}

std::string seconds_up(double s) {
  return rounded(std::ceil(s)) + "s";
}

// How long the run goes on after the transition; 0 if the transition fills it.
std::int64_t after_ns(const Scenario& resolved, const MeasuredSpan& span) {
  const std::int64_t rest_ns = resolved.run.duration_ns - span.end_ns;
  return std::max<std::int64_t>(rest_ns - resolved.run.settle_ns.value_or(0), 0);
}

void warn_of_short_phases(const Scenario& resolved, std::vector<std::string>& result) {
  for (const ShortPhase& phase : short_phases(resolved)) {
    const std::string chance = phase.at_most ? "" : ", also where fewer come by chance";
    const std::string length =
        phase.enough_s ? seconds_up(*phase.enough_s) + " or longer" : std::string("much longer");
    result.push_back((phase.at_most ? "at most " : "about ") + rounded(phase.requests) +
                     " requests fall into '" + phase.name + "', and a valid run needs " +
                     rounded(kFewestRequests) + chance + ": make it " + length +
                     ", or raise the rate");
  }
  const std::optional<MeasuredSpan> span = measured_span(resolved);
  if (!span || after_ns(resolved, *span) > 0) return;
  const std::int64_t before_ns = span->begin_ns - resolved.run.warmup_ns;
  const double enough_s = to_s(span->end_ns) + to_s(*resolved.run.settle_ns) + to_s(before_ns);
  result.push_back("the run ends before the transition does, so there is no 'after' to compare: " +
                   (never_settles(resolved)
                        ? std::string("lower the load, or set run.settle")
                        : "set run.duration to " + seconds_up(enough_s) + " or more"));
}

// What a capacity leaves out: all that caches save where it is not computed from the scenario's
// conversations; else what they save beyond that of a saturated fleet, which keeps the least.
std::string uncounted_caches(const Scenario& resolved) {
  const bool cached = std::ranges::any_of(
      resolved.fleet.sites, [](const Site& site) { return site.prefix_cache_tokens > 0; });
  const auto is_trace = [](const Tenant& tenant) { return tenant.arrivals.trace.has_value(); };
  const bool counted =
      traits_of(resolved.run.engine).simulated && std::ranges::none_of(resolved.tenants, is_trace);
  if (!cached) return "";
  return counted ? ", unless prefix caches keep more than they do in a saturated fleet"
                 : ", unless prefix caches, which are not counted, save enough";
}

// Closed tenants wait for their answers, so they alone overload nothing.
void warn_of_overload(const Scenario& resolved, std::vector<std::string>& result) {
  if (!doubt_of_rates(resolved).empty()) return;
  const double offered_per_s = offered(resolved).open_tokens_per_s;
  Stages stages(resolved);
  const double flow_before = stages.flow(offered_per_s);
  const Stage bounds = stages.narrowest();
  for (std::size_t i = 0; i < resolved.throttles.size(); ++i) {
    const Stage& stage = stages[i];
    if (stage.when_full == WhenFull::queue && flow_before > stage.limit_tokens_per_s &&
        !bounds.max_wait_s && !bounds.most_waiting_tokens && !stage.max_wait_s &&
        waits_without_end(resolved, resolved.throttles[i])) {
      result.push_back("throttle '" + resolved.throttles[i].name +
                       "' queues without a max_wait while " + rounded(flow_before) +
                       " output tokens/s are offered and it lets " +
                       rounded(stage.limit_tokens_per_s) +
                       " pass: its queue grows without end and there is no steady state; set "
                       "max_wait or lower the load");
    }
  }
  const std::optional<MeasuredSpan> span = measured_span(resolved);
  if (span && !fluid_drain(resolved).never()) return;
  if (span) stages.advance(span->end_ns);
  const Stage stage = stages.narrowest();
  const double flow = stages.flow(offered_per_s);
  const bool fleet_is_narrowest = stage.limit_tokens_per_s >= stages.capacity_tokens_per_s();
  if (flow <= stage.limit_tokens_per_s || (!span && !fleet_is_narrowest)) return;
  // Who waits too long gives up, so the queue at a limit that holds users back again is bounded.
  if (!fleet_is_narrowest && (stage.max_wait_s || stage.most_waiting_tokens)) return;
  if (fleet_is_narrowest &&
      unbounded_tokens_per_s(resolved, span ? span->end_ns : 0) <= stage.limit_tokens_per_s) {
    return;
  }
  // What jobs yield may carry it.
  if (fleet_is_narrowest && may_be_yielded(resolved)) return;
  result.push_back(
      std::string(span ? "after the event " : "") + rounded(flow) +
      " output tokens/s are offered and " + (fleet_is_narrowest ? "the fleet" : "the new limit") +
      " carries " + rounded(stage.limit_tokens_per_s) + ": the backlog never drains" +
      uncounted_caches(resolved) + "; lower the load or " +
      (!fleet_is_narrowest                     ? "raise the limit"
       : traits_of(resolved.run.engine).remote ? "raise fleet.capacity, if it carries more"
                                               : "add replicas"));
}

void warn_of_short_traces(const Scenario& resolved, std::vector<std::string>& result) {
  for (const Tenant& tenant : resolved.tenants) {
    if (!tenant.arrivals.trace || tenant.arrivals.trace->resample_ns) continue;
    const std::int64_t span_ns = tenant.arrivals.trace->summary.span_ns;
    if (span_ns >= resolved.run.duration_ns) continue;
    result.push_back("the trace of tenant '" + tenant.name + "' ends after " +
                     rounded(to_s(span_ns)) + "s of " + rounded(to_s(resolved.run.duration_ns)) +
                     "s: lower its speed, raise its sample, or shorten run.duration");
  }
}

void warn_of_unused_interval(const Scenario& resolved, std::vector<std::string>& result) {
  if (resolved.fleet.load_report_interval_ns == 0 || traits_of(resolved.run.engine).simulated) {
    return;
  }
  result.push_back("fleet.load_report_interval has no effect on engine '" +
                   std::string(name_of(resolved.run.engine)) +
                   "', where completions are known at once: remove it, or set run.engine to "
                   "'virtual'");
}

void warn_of_foreign_costs(const Scenario& resolved, const std::vector<Profile>& builtin,
                           std::vector<std::string>& result) {
  if (!traits_of(resolved.run.engine).simulated) return;
  for (const Profile& profile : resolved.profiles) {
    const auto same = std::ranges::find(builtin, profile.name, &Profile::name);
    if (same == builtin.end() || !same->decoder || same->cost != profile.cost) continue;
    result.push_back("the costs of profile '" + profile.name +
                     "' are those of the machine that tokenlift was written on: to predict this "
                     "one, run `tokenlift calibrate " +
                     profile.name + "` and give its file with --profiles");
  }
}

// Those with a decoder are of CPUs, where `separate` is right.
void warn_of_assumed_pricing(const Scenario& resolved, std::vector<std::string>& result) {
  if (!traits_of(resolved.run.engine).simulated) return;
  for (const Profile& profile : resolved.profiles) {
    if (profile.decoder || !profile.cost || !profile.pricing_assumed) continue;
    result.push_back("profile '" + profile.name +
                     "' doesn't say its pricing, so each chunk of a prompt is priced as a pass of "
                     "its own (\"separate\"): on an accelerator chunks and decodes share one, so "
                     "write pricing = \"mixed\", or pricing = \"separate\" to keep this");
  }
}

// What the throttles do to a tenant at some time of the run: as they begin, and as events set them.
struct Treatment {
  bool queues = false;
  bool rejects = false;
};

Treatment treatment_of(const Tenant& tenant, const Scenario& resolved,
                       const std::vector<Change>& changes) {
  Treatment result;
  const auto note = [&](const Throttle& throttle) {
    if (throttle.mode == Mode::shadow) return;
    const bool of_queue = traits_of(throttle.kind).limits_queue;
    const bool rejects =
        of_queue ? throttle.limit.has_value() : throttle.when_full == WhenFull::reject;
    result.rejects = result.rejects || rejects;
    result.queues = result.queues || (!of_queue && !rejects);
  };
  for (const Throttle& throttle : resolved.throttles) {
    if (looks_at(throttle, tenant)) note(throttle);
  }
  for (const Change& change : changes) {
    if (looks_at(change.settings, tenant)) note(change.settings);
  }
  return result;
}

/// Requests may fail with their replica: then clients try again, too.
bool loses_requests(const Scenario& resolved) {
  const bool by_event = std::ranges::any_of(resolved.events, [](const Event& event) {
    return changes_fleet(event) && event.in_flight == InFlight::drop;
  });
  return by_event || std::ranges::any_of(resolved.fleet.sites, [](const Site& site) {
           return site.failures.has_value();
         });
}

void warn_of_clients(const Scenario& resolved, std::vector<std::string>& result) {
  const std::vector<Change> changes = plan_changes(resolved);
  for (const Tenant& tenant : resolved.tenants) {
    const std::string who = "tenant '" + tenant.name + "' ";
    Treatment treatment = treatment_of(tenant, resolved, changes);
    // Whether an endpoint refuses is known when it does.
    treatment.rejects = treatment.rejects || traits_of(resolved.run.engine).remote;
    const bool retries = tenant.retry.policy != RetryPolicy::none;
    if (retries && !treatment.rejects && !loses_requests(resolved)) {
      result.push_back(who +
                       "retries after a rejection, but no throttle rejects its requests: set "
                       "when_full = \"reject\" in one, add a queue_limit, or remove its retry");
    }
    const bool comes_back = retries && (treatment.rejects || loses_requests(resolved));
    if (tenant.patience && !treatment.queues && !comes_back) {
      result.push_back(who +
                       "has patience, but no throttle lets its requests wait: set when_full = "
                       "\"queue\" in one, or remove it");
    }
    const auto loose = [&](const char* name, const std::optional<std::int64_t>& objective_ns) {
      if (!tenant.deadline_ns || !objective_ns || *objective_ns < *tenant.deadline_ns) return;
      result.push_back(who + "has a deadline of " + format_duration(*tenant.deadline_ns) +
                       ", so no answer can miss the objective " + name + " = " +
                       format_duration(*objective_ns) + ": lower it, or raise the deadline");
    };
    loose("ttft", tenant.slo.ttft_ns);
    loose("itl", tenant.slo.itl_ns);
    loose("e2e", tenant.slo.e2e_ns);
  }
}

// Conversations of open-loop tenants all begin in the run: until it has gone on for as long as they
// do, fewer turns come than the rate of sessions leads to, with shorter prompts.
void warn_of_young_sessions(const Scenario& resolved, std::vector<std::string>& result) {
  for (const Tenant& tenant : resolved.tenants) {
    if (!tenant.sessions || tenant.arrivals.process == Process::closed) continue;
    const std::vector<std::int64_t> instants_ns = turn_instants_ns(tenant);
    if (instants_ns.empty()) continue;
    const double share = share_of_young_sessions(tenant, resolved.run.warmup_ns);
    if (share >= kNearlyAllTurns) continue;
    const auto turns = static_cast<double>(instants_ns.size());
    const std::int64_t enough_ns = instants_ns[static_cast<std::size_t>(kNearlyAllTurns * turns)];
    result.push_back("tenant '" + tenant.name + "' begins all its conversations in the run, so " +
                     "that when it has gone on for " + format_duration(resolved.run.warmup_ns) +
                     " (run.warmup) " + rounded(100 * share) + " % of its requests/s come and " +
                     "more do later, with longer prompts: set run.warmup to " +
                     seconds_up(to_s(enough_ns)) + " or more");
  }
}

void warn_of_order(const Scenario& resolved, std::vector<std::string>& result) {
  const std::vector<Change> changes = plan_changes(resolved);
  const auto some = [&](auto differs) { return std::ranges::any_of(resolved.tenants, differs); };
  const auto& first = resolved.tenants.front();
  if (resolved.queue_order != QueueOrder::priority &&
      some([&](const Tenant& t) { return t.priority != first.priority; })) {
    result.emplace_back(
        "tenants have priorities, but the queue does not go by them: set queue.order = "
        "\"priority\", or remove them");
  }
  if (resolved.queue_order != QueueOrder::fair &&
      some([&](const Tenant& t) { return t.weight != first.weight; })) {
    result.emplace_back(
        "tenants have weights, but the queue does not go by them: set queue.order = "
        "\"fair\", or remove them");
  }
  if (resolved.queue_order != QueueOrder::fifo &&
      !some([&](const Tenant& t) { return treatment_of(t, resolved, changes).queues; })) {
    result.push_back("queue.order is '" + std::string(name_of(resolved.queue_order)) +
                     "', but no throttle lets anybody wait: set when_full = \"queue\" in one");
  }
}

// What prefix caches need: prompts that begin alike, which sessions and some traces bring.
void warn_of_caches(const Scenario& resolved, std::vector<std::string>& result) {
  const bool alike = std::ranges::any_of(
      resolved.tenants, [](const Tenant& t) { return t.sessions || t.arrivals.trace; });
  const bool cached = std::ranges::any_of(
      resolved.fleet.sites, [](const Site& site) { return site.prefix_cache_tokens > 0; });
  const std::string give = "set prefix_cache_tokens in a site";
  if (cached && !alike) {
    result.emplace_back(
        "sites have a prefix cache, but no two prompts begin alike: give a tenant "
        "sessions, or remove prefix_cache_tokens");
  }
  if (resolved.fleet.router == RouterPolicy::session_affinity && !(cached && alike)) {
    result.emplace_back(
        "router 'session_affinity' brings turns back to the replica that knows them, "
        "but " +
        std::string(alike ? "no replica has a prefix cache: " + give
                          : "no tenant has sessions: give it some") +
        ", or take another router");
  }
  for (const Throttle& throttle : resolved.throttles) {
    if (!throttle.exempt_cached || cached || traits_of(resolved.run.engine).remote) continue;
    result.push_back("throttle '" + throttle.name +
                     "' exempts cached input, but no replica has a prefix cache: " + give);
  }
}

void warn_of_calendar(const Scenario& resolved, std::vector<std::string>& result) {
  for (const Throttle& throttle : resolved.throttles) {
    if (throttle.schedule.empty() || !peak_borders(throttle.schedule, resolved.run).empty()) {
      continue;
    }
    result.push_back("the peak hours of throttle '" + throttle.name +
                     "' are not in the run, which " + "starts at " +
                     format_instant(start_s(resolved.run)) +
                     ": set run.starts_at and run.time_zone");
  }
}

void warn_of_idle_events(const Scenario& resolved, std::vector<std::string>& result) {
  for (const IdleEvent& idle : idle_events(resolved)) {
    result.push_back("the event at " + format_duration(idle.at_ns) + " " + idle.what);
  }
}

// Who arrives as steadily as chance has it, so that twice the mean is next to never exceeded.
bool arrives_evenly(const Tenant& tenant) {
  const Arrivals& arrivals = tenant.arrivals;
  return !arrivals.trace && !arrivals.shape && !tenant.sessions && arrivals.cv <= 1 &&
         tenant.retry.policy == RetryPolicy::none;
}

// The least that a throttle ever has of a burst, of a window, and of a limit where it has one.
struct Least {
  double burst_requests = 0;
  double window_s = std::numeric_limits<double>::infinity();
  double limit = std::numeric_limits<double>::infinity();
};

// How far a rate is above what is taken of it.
enum class Room {
  none,  // not so far that it could be told
  much,  // a request meets the one before it as often as the limit is in use: hardly ever
  all,   // a bucket of many requests is drained by none of those that come by chance, and a window
         // holds many deviations more than its mean: next to nobody ever waits
};

Room room_of(const ThrottleLoad& load, const Least& least, double largest_cost) {
  constexpr double kMuch = 20;
  constexpr double kEnoughWithBurst = 2;
  constexpr double kBurstRequests = 10;
  constexpr double kDeviationsInWindow = 6;
  if (!load.limit_least_per_s) return Room::none;
  const double rate_per_s = *load.limit_least_per_s;
  const double taken_per_s = load.taken_per_s;
  bool all = least.burst_requests >= kBurstRequests && load.keys == 1 &&
             rate_per_s >= kEnoughWithBurst * taken_per_s;
  if (std::isfinite(least.window_s)) {
    const double deviation = std::sqrt(taken_per_s * least.window_s * largest_cost);
    all = all && (rate_per_s - taken_per_s) * least.window_s >= kDeviationsInWindow * deviation;
  }
  if (all) return Room::all;
  return rate_per_s >= kMuch * taken_per_s ? Room::much : Room::none;
}

double burst_requests(const Throttle& throttle, const Scenario& resolved) {
  const KindTraits& kind = traits_of(throttle.kind);
  const double largest = largest_cost(resolved, throttle);
  if (kind.has_windows) return *throttle.limit / largest;
  return kind.has_burst ? *throttle.burst.units / largest : 0;
}

double window_s(const Throttle& throttle) {
  if (!traits_of(throttle.kind).has_windows) return Least{}.window_s;
  return to_s(throttle.window_ns);
}

std::vector<Least> least_of_throttles(const Scenario& resolved) {
  std::vector<Least> all;
  for (const Throttle& throttle : resolved.throttles) {
    all.push_back({burst_requests(throttle, resolved), window_s(throttle),
                   throttle.limit.value_or(Least{}.limit)});
  }
  for (const Change& change : plan_changes(resolved)) {
    if (change.lifted) continue;
    Least& least = all[change.throttle];
    least.burst_requests =
        std::min(least.burst_requests, burst_requests(change.settings, resolved));
    least.window_s = std::min(least.window_s, window_s(change.settings));
    least.limit = std::min(least.limit, change.settings.limit.value_or(least.limit));
  }
  return all;
}

// A limit that nobody comes up against at any time of the run: there is nothing to be seen.
void warn_of_slack_throttles(const Scenario& resolved, std::vector<std::string>& result) {
  const std::vector<ThrottleLoad> loads = throttle_loads(resolved);
  const std::vector<Least> leasts = least_of_throttles(resolved);
  for (std::size_t i = 0; i < resolved.throttles.size(); ++i) {
    const Throttle& throttle = resolved.throttles[i];
    if (throttle.mode == Mode::shadow) continue;
    const std::string name = "throttle '" + throttle.name + "' ";
    const std::string advice = ": lower its limit, raise the load, or remove it";
    double users = 0;
    bool closed = true;
    bool evenly = true;
    for (const Tenant& tenant : resolved.tenants) {
      if (!looks_at(throttle, tenant)) continue;
      users += static_cast<double>(tenant.users);
      closed = closed && tenant.arrivals.think && !tenant.sessions;
      evenly = evenly && arrives_evenly(tenant);
    }
    if (throttle.kind == ThrottleKind::concurrency && throttle.unit == Unit::requests &&
        throttle.scope == Scope::fleet && closed && leasts[i].limit >= users) {
      result.push_back(name + "cannot bind: " + rounded(users) +
                       " users, of whom each has one request at a time, " + "never have " +
                       rounded(leasts[i].limit) + " in flight" + advice);
      continue;
    }
    double taken_per_s = 0;
    double rate_per_s = 0;
    const double cost = largest_cost(resolved, throttle);
    Room room = evenly ? Room::all : Room::none;
    for (const ThrottleLoad& load : loads) {
      if (load.throttle != throttle.name || room == Room::none) continue;
      room = std::min(room, room_of(load, leasts[i], cost));
      taken_per_s += load.taken_per_s;
      rate_per_s += load.limit_least_per_s.value_or(0);
    }
    if (room == Room::none) continue;
    result.push_back(name + (room == Room::all ? "cannot" : "hardly ever") + " bind" +
                     (room == Room::all ? "" : "s") + ": requests take " + rounded(taken_per_s) +
                     " " + std::string(name_of(throttle.unit)) + "/s of its " +
                     rounded(rate_per_s) + advice);
  }
}

}  // namespace

std::vector<std::string> warnings(const Scenario& resolved, const std::vector<Profile>& builtin) {
  std::vector<std::string> result;
  warn_of_short_phases(resolved, result);
  warn_of_overload(resolved, result);
  warn_of_fleet(resolved, result);
  warn_of_short_traces(resolved, result);
  warn_of_clients(resolved, result);
  warn_of_young_sessions(resolved, result);
  warn_of_order(resolved, result);
  warn_of_caches(resolved, result);
  warn_of_calendar(resolved, result);
  warn_of_idle_events(resolved, result);
  warn_of_slack_throttles(resolved, result);
  warn_of_foreign_costs(resolved, builtin, result);
  warn_of_assumed_pricing(resolved, result);
  warn_of_unused_interval(resolved, result);
  warn_of_endpoints(resolved, result);
  return result;
}

}  // namespace tokenlift
