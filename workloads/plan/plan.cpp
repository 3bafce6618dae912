#include "workloads/plan/plan.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

#include "workloads/plan/changes.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/text/mistake.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

ScenarioError error(const Scenario& scenario, std::string message, std::string advice) {
  return ScenarioError({Mistake{scenario.name, 0, 0, std::move(message), std::move(advice), ""}});
}

// A server that is called, or whoever throws a switch, takes its time, which no model knows.
constexpr std::int64_t kSettleFromElsewhereNs = 30'000'000'000;

double rate_of_load(double load, double units_per_load, const Scenario& scenario) {
  const double per_s = load * units_per_load;
  if (per_s <= kHighestRatePerS) return per_s;
  throw error(scenario,
              "a load of " + format_number(load) + " is a rate of " + format_rate(per_s) +
                  ", which is too high",
              "1e12/s is the most: lower the load");
}

// One throttle, then its events in order: each sees what the ones before it left.
class ThrottleResolver {
 public:
  ThrottleResolver(Throttle& throttle, const Scenario& scenario, const Mix& mix)
      : scenario_(scenario),
        name_(throttle.name),
        kind_(traits_of(throttle.kind)),
        unit_(throttle.unit),
        tokens_per_unit_(output_tokens_per_unit(
            unit_, throttle.tenants.empty() ? mix : request_mix(scenario, throttle))),
        largest_(largest_cost(scenario, throttle)) {
    now_ = {0,
            throttle.burst,
            std::nullopt,
            throttle.window_ns,
            throttle.min_limit,
            throttle.max_limit};
    if (kind_.has_windows) {
      std::optional<Rate> load = throttle.rate;
      resolve_limit(load, throttle.limit, std::nullopt);
      throttle.rate = {};
    } else if (kind_.has_rate) {
      resolve_rate(throttle.rate);
      now_.rate_per_s = *throttle.rate.per_s;
      if (kind_.has_burst) resolve_burst(throttle.burst, now_.rate_per_s);
    }
    check_limit(throttle.limit);
    check_bounds();
    begin_ = now_;
  }

  void resolve_event(Event& event) {
    if (event.kind == EventKind::restore) now_ = begin_;
    if (event.kind != EventKind::set && event.kind != EventKind::ramp) return;
    if (kind_.has_windows) {
      if (event.from) event.from_limit = limit_of(*event.from->load);
      event.from.reset();
      resolve_limit(event.rate, event.limit, event.window_ns);
    } else if (kind_.has_rate) {
      resolve_rates(event);
    }
    check_limit(event.limit);
    check_limit(event.from_limit);
    now_.min_limit = event.min_limit.value_or(now_.min_limit);
    now_.max_limit = event.max_limit.value_or(now_.max_limit);
    check_bounds();
  }

 private:
  // What holds, as it was written where something else follows from it.
  struct State {
    double rate_per_s = 0;
    Burst burst;
    std::optional<double> load;  // of windows
    std::int64_t window_ns = 0;
    double min_limit = 0;
    double max_limit = 0;
  };

  double per_s_of(double load) const {
    return rate_of_load(load, *scenario_.fleet.capacity_tokens_per_s / tokens_per_unit_, scenario_);
  }
  double limit_of(double load) const {
    const double limit = per_s_of(load) * to_s(now_.window_ns);
    if (limit <= kLargestLimit) return limit;
    throw error(scenario_,
                "a load of " + format_number(load) + " is a limit of " + format_number(limit) +
                    " in each window of throttle " + in_quotes(name_) + ", which is too high",
                "1e12 is the most: shorten the window or lower the load");
  }

  void resolve_rate(Rate& rate) const {
    if (rate.load) rate = Rate{std::nullopt, per_s_of(*rate.load)};
  }

  // Of windows: from a load, also if only their length is new.
  void resolve_limit(std::optional<Rate>& rate, std::optional<double>& limit,
                     const std::optional<std::int64_t>& window_ns) {
    if (window_ns) now_.window_ns = *window_ns;
    if (rate && rate->load) {
      now_.load = rate->load;
    } else if (limit) {
      now_.load.reset();
      return;
    }
    if (now_.load && ((rate && rate->load) || window_ns)) limit = limit_of(*now_.load);
    rate.reset();
  }

  void resolve_rates(Event& event) {
    if (event.from) resolve_rate(*event.from);
    if (event.rate) {
      resolve_rate(*event.rate);
      now_.rate_per_s = *event.rate->per_s;
      if (!event.burst && now_.burst.of_rate_ns) event.burst = now_.burst;
    }
    if (!event.burst) return;
    now_.burst = *event.burst;
    resolve_burst(*event.burst, now_.rate_per_s);
  }

  void resolve_burst(Burst& burst, double rate_per_s) const {
    if (burst.of_rate_ns) {
      burst = Burst{std::nullopt, std::max(rate_per_s * to_s(*burst.of_rate_ns), largest_)};
    } else {
      check_size("burst", *burst.units);
    }
  }

  // Adaptive limits are not looked at: they may be small for a while.
  void check_limit(const std::optional<double>& limit) const {
    if (limit && !kind_.is_adaptive) check_size("limit", *limit);
  }

  // An event may change one of them alone.
  void check_bounds() const {
    if (!kind_.is_adaptive) return;
    check_size("max_limit", now_.max_limit);
    if (now_.min_limit <= now_.max_limit) return;
    throw error(scenario_,
                "an event leaves throttle " + in_quotes(name_) + " with a min_limit of " +
                    format_number(now_.min_limit) + " above its max_limit of " +
                    format_number(now_.max_limit),
                "set both of them");
  }

  void check_size(const std::string& what, double units) const {
    if (units >= largest_) return;
    throw error(scenario_,
                "the " + what + " of throttle " + in_quotes(name_) + ", " + format_number(units) +
                    " " + std::string(name_of(unit_)) + ", is smaller than the largest request, " +
                    format_number(largest_),
                "such a request would wait for ever: raise it or lower max_tokens");
  }

  const Scenario& scenario_;
  std::string name_;
  const KindTraits& kind_;
  Unit unit_;
  double tokens_per_unit_;
  double largest_;
  State now_;
  State begin_;
};

void resolve_arrivals(Tenant& tenant, const Scenario& scenario) {
  Rate& rate = tenant.arrivals.rate;
  if (!rate.load) return;
  const double tokens = mean_output_tokens(tenant) * session_means(tenant).turns;
  rate = Rate{std::nullopt,
              rate_of_load(*rate.load, *scenario.fleet.capacity_tokens_per_s / tokens, scenario)};
}

// Whether the fluid model sees what an event changes and where its backlog goes.
bool fluid_tells(const Scenario& resolved, const Event& event) {
  if (!resolved.fleet.capacity_tokens_per_s) return false;
  if (changes_fleet(event)) return changes_replicas(event);
  const auto changed = std::ranges::find(resolved.throttles, event.throttle, &Throttle::name);
  if (changed == resolved.throttles.end()) return false;
  const KindTraits& kind = traits_of(changed->kind);
  return kind.has_rate || kind.has_windows;
}

// Until who waited, or was in back-off, when the event came is through, however the fleet then is.
std::int64_t longest_return_ns(const Scenario& resolved) {
  constexpr std::int64_t kLeastNs = 30'000'000'000;
  std::int64_t wait_ns = 0;
  for (const Throttle& throttle : resolved.throttles) {
    wait_ns = std::max(wait_ns, throttle.max_wait_ns.value_or(0));
  }
  std::int64_t backoff_ns = 0;
  for (const Tenant& tenant : resolved.tenants) {
    const Retry& retry = tenant.retry;
    if (retry.policy == RetryPolicy::fixed) backoff_ns = std::max(backoff_ns, retry.delay_ns);
    if (retry.policy == RetryPolicy::exponential) {
      backoff_ns = std::max(backoff_ns, retry.max_delay_ns);
    }
  }
  // Neither is bounded but by the longest run: two of them and more would not fit.
  return kLeastNs + std::min(wait_ns, kLongestDurationNs / 2) +
         std::min(backoff_ns, kLongestDurationNs / 2);
}

std::int64_t default_settle_ns(const Scenario& resolved, const MeasuredSpan& span) {
  const std::int64_t rest_ns = std::max<std::int64_t>(resolved.run.duration_ns - span.end_ns, 0);
  const FluidDrain drain = fluid_drain(resolved);
  double settle_s = drain.model_s ? 1.5 * *drain.model_s + 5 : 5;
  if (drain.never() && drain.left_tokens > 0) settle_s = std::numeric_limits<double>::infinity();
  if (settle_s >= to_s(kLongestDurationNs)) return rest_ns;
  const auto settle_ns = static_cast<std::int64_t>(std::llround(settle_s * 1e9));
  const std::int64_t return_ns = longest_return_ns(resolved);
  if (!drain.doubt.empty()) return std::min(rest_ns / 3, std::max(settle_ns, return_ns));
  const auto tells = [&](std::size_t i) { return fluid_tells(resolved, resolved.events[i]); };
  if (std::ranges::all_of(measured_events(resolved), tells)) return settle_ns;
  return std::max(settle_ns, std::min(rest_ns / 3, return_ns));
}

}  // namespace

std::int64_t replica_count(const Scenario& scenario) {
  std::int64_t count = 0;
  for (const Site& site : scenario.fleet.sites) count += site.replicas;
  return count;
}

bool needs_capacity(const Scenario& scenario) {
  if (scenario.fleet.capacity_tokens_per_s) return false;
  const auto tenant_does = [](const Tenant& t) { return t.arrivals.rate.load.has_value(); };
  const auto throttle_does = [](const Throttle& t) { return t.rate.load.has_value(); };
  const auto event_does = [](const Event& e) {
    return (e.rate && e.rate->load) || (e.from && e.from->load);
  };
  return std::ranges::any_of(scenario.tenants, tenant_does) ||
         std::ranges::any_of(scenario.throttles, throttle_does) ||
         std::ranges::any_of(scenario.events, event_does);
}

Scenario resolve(const Scenario& scenario, std::optional<double> capacity_tokens_per_s) {
  Scenario resolved = scenario;
  if (needs_capacity(scenario)) {
    if (!capacity_tokens_per_s) {
      throw error(scenario, "a load is a share of the fleet's capacity, which is not known",
                  "state fleet.capacity, or give rates instead of loads");
    }
    assert(*capacity_tokens_per_s > 0);
    resolved.fleet.capacity_tokens_per_s = capacity_tokens_per_s;
  }
  // All of it under the mix as it was written, whatever is resolved first.
  Scenario written = scenario;
  written.fleet.capacity_tokens_per_s = resolved.fleet.capacity_tokens_per_s;
  for (Tenant& tenant : resolved.tenants) resolve_arrivals(tenant, written);
  const Mix mix = request_mix(written);
  for (Throttle& throttle : resolved.throttles) {
    ThrottleResolver resolver(throttle, written, mix);
    for (Event& event : resolved.events) {
      if (event.throttle == throttle.name) resolver.resolve_event(event);
    }
  }
  if (resolved.run.settle_ns || resolved.events.empty()) return resolved;
  if (divided_from_elsewhere(resolved)) {
    resolved.run.settle_ns = kSettleFromElsewhereNs;
  } else if (const auto span = measured_span(resolved)) {
    written = resolved;
    if (!written.fleet.capacity_tokens_per_s) {
      written.fleet.capacity_tokens_per_s = capacity_tokens_per_s;
    }
    resolved.run.settle_ns = default_settle_ns(written, *span);
  }
  return resolved;
}

std::vector<std::size_t> measured_events(const Scenario& scenario) {
  std::vector<std::size_t> measured;
  for (std::size_t i = 0; i < scenario.events.size(); ++i) {
    if (scenario.events[i].measure) measured.push_back(i);
  }
  if (measured.empty() && !scenario.events.empty()) measured.push_back(0);
  return measured;
}

std::optional<std::size_t> measured_event(const Scenario& scenario) {
  const std::vector<std::size_t> measured = measured_events(scenario);
  if (measured.empty()) return std::nullopt;
  return *std::ranges::min_element(
      measured, {}, [&](std::size_t i) { return begin_ns(scenario, scenario.events[i]); });
}

bool happens_elsewhere(const Event& event) {
  return event.at_signal || event.call || !event.command.empty();
}

bool divided_from_elsewhere(const Scenario& scenario) {
  return std::ranges::any_of(measured_events(scenario),
                             [&](std::size_t i) { return happens_elsewhere(scenario.events[i]); });
}

std::optional<MeasuredSpan> measured_span(const Scenario& scenario) {
  std::optional<MeasuredSpan> span;
  for (const std::size_t i : measured_events(scenario)) {
    const Event& event = scenario.events[i];
    if (event.at_signal) continue;
    const MeasuredSpan own{begin_ns(scenario, event), end_ns(scenario, event)};
    if (!span) span = own;
    span->begin_ns = std::min(span->begin_ns, own.begin_ns);
    span->end_ns = std::max(span->end_ns, own.end_ns);
  }
  return span;
}

std::vector<Phase> plan_phases(const Scenario& resolved, std::optional<std::int64_t> held_ns,
                               std::optional<std::int64_t> measured_from_ns) {
  const RunSettings& run = resolved.run;
  const std::int64_t warmup_ns = measured_from_ns.value_or(run.warmup_ns);
  const bool opens = divided_from_elsewhere(resolved);
  std::vector<Phase> phases;
  std::int64_t now_ns = 0;
  const auto add = [&](const char* name, std::int64_t end_ns, bool measured) {
    if (end_ns <= now_ns && !(opens && measured)) return;
    phases.push_back(Phase{name, now_ns, std::max(now_ns, end_ns), measured});
    now_ns = phases.back().end_ns;
  };
  add("warmup", warmup_ns, false);
  std::optional<MeasuredSpan> span = measured_span(resolved);
  if (opens) {
    const std::int64_t at_ns = std::max(warmup_ns, held_ns.value_or(run.duration_ns));
    std::int64_t length_ns = 0;  // of a ramp that a signal begins
    for (const std::size_t i : measured_events(resolved)) {
      const Event& event = resolved.events[i];
      if (event.at_signal) length_ns = end_ns(resolved, event) - begin_ns(resolved, event);
    }
    span = MeasuredSpan{at_ns, std::min(at_ns + length_ns, run.duration_ns)};
  }
  if (span) {
    assert(run.settle_ns);
    add("before", std::min(span->begin_ns, run.duration_ns), true);
    add("transition", std::min(span->end_ns + *run.settle_ns, run.duration_ns), true);
    add("after", run.duration_ns, true);
  } else {
    add("steady", run.duration_ns, true);
  }
  add("cooldown", run.duration_ns + run.cooldown_max_ns, false);
  return phases;
}

}  // namespace tokenlift
