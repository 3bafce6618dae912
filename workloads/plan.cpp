#include "workloads/plan.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "workloads/catalogue.hpp"
#include "workloads/keywords.hpp"
#include "workloads/lengths.hpp"
#include "workloads/mistake.hpp"
#include "workloads/quantity.hpp"

namespace tokenlift {

namespace {

constexpr double kNsPerS = 1e9;
constexpr double kUnlimited = std::numeric_limits<double>::infinity();

double to_s(std::int64_t ns) {
  return static_cast<double>(ns) / kNsPerS;
}

// Output tokens that come with one unit of the mix.
double output_tokens_per_unit(Unit unit, const Mix& mix) {
  switch (unit) {
    case Unit::requests:
      return mix.output_tokens;
    case Unit::input_tokens:
      return mix.output_tokens / mix.prompt_tokens;
    case Unit::tokens:
      return mix.output_tokens / (mix.prompt_tokens + mix.output_tokens);
    case Unit::output_tokens:
      break;
  }
  return 1;
}

ScenarioError error(const Scenario& scenario, std::string message, std::string advice) {
  return ScenarioError({Mistake{scenario.name, 0, 0, std::move(message), std::move(advice), ""}});
}

std::string rounded(double value) {
  if (value >= 100) return std::to_string(std::llround(value));
  const double scale = value >= 1 ? 10 : 1000;
  return format_number(std::round(value * scale) / scale);
}

std::string seconds_up(double s) {
  return rounded(std::ceil(s)) + "s";
}

// A throttle as it stands at some instant, in output tokens of the mix.
struct Stage {
  WhenFull when_full;
  double limit_tokens_per_s;
  double burst_tokens;
  std::optional<double> max_wait_s;
};

// The throttles through time: the state of each after the events that have happened.
class Stages {
 public:
  Stages(const Scenario& resolved, const Mix& mix) : scenario_(resolved), mix_(mix) {
    for (const Throttle& throttle : resolved.throttles) {
      const double per_unit = output_tokens_per_unit(throttle.unit, mix);
      assert(throttle.rate.per_s && throttle.burst.units);
      stages_.push_back(Stage{throttle.when_full, *throttle.rate.per_s * per_unit,
                              *throttle.burst.units * per_unit, std::nullopt});
      if (throttle.max_wait_ns) stages_.back().max_wait_s = to_s(*throttle.max_wait_ns);
    }
  }

  void apply(const Event& event) {
    for (std::size_t i = 0; i < stages_.size(); ++i) {
      const Throttle& throttle = scenario_.throttles[i];
      if (throttle.name != event.throttle) continue;
      const double per_unit = output_tokens_per_unit(throttle.unit, mix_);
      if (event.kind == EventKind::lift) stages_[i].limit_tokens_per_s = kUnlimited;
      if (event.rate) stages_[i].limit_tokens_per_s = *event.rate->per_s * per_unit;
      if (event.burst) stages_[i].burst_tokens = *event.burst->units * per_unit;
    }
  }

  /// What gets past the throttles that reject.
  double flow(double offered) const {
    for (const Stage& stage : stages_) {
      if (stage.when_full == WhenFull::reject)
        offered = std::min(offered, stage.limit_tokens_per_s);
    }
    return offered;
  }

  /// Where the queue builds up: the fleet, if no throttle that queues is narrower.
  Stage narrowest() const {
    Stage result{WhenFull::queue, scenario_.fleet.capacity_tokens_per_s.value_or(kUnlimited), 0,
                 std::nullopt};
    for (const Stage& stage : stages_) {
      if (stage.when_full == WhenFull::queue &&
          stage.limit_tokens_per_s < result.limit_tokens_per_s) {
        result = stage;
      }
    }
    return result;
  }

 private:
  const Scenario& scenario_;
  Mix mix_;
  std::vector<Stage> stages_;
};

// Requests/s: the rate, load x capacity / mean output tokens, or a trace's requests / span (over
// the run's duration if the trace has no span). Where the capacity is not known it counts as 1:
// then every tenant is on a load (the reader sees to it), and the shares are right all the same.
double request_rate_per_s(const Tenant& tenant, const Scenario& scenario) {
  if (const std::optional<Trace>& trace = tenant.arrivals.trace) {
    const std::int64_t span_ns =
        trace->summary.span_ns > 0 ? trace->summary.span_ns : scenario.run.duration_ns;
    return static_cast<double>(trace->summary.requests) / to_s(span_ns);
  }
  if (tenant.arrivals.rate.per_s) return *tenant.arrivals.rate.per_s;
  assert(tenant.arrivals.rate.load);
  return *tenant.arrivals.rate.load * scenario.fleet.capacity_tokens_per_s.value_or(1) /
         mean_output_tokens(tenant);
}

double offered_tokens_per_s(const Scenario& scenario) {
  double sum = 0;
  for (const Tenant& tenant : scenario.tenants) {
    sum += request_rate_per_s(tenant, scenario) * mean_output_tokens(tenant);
  }
  return sum;
}

// How long the run goes on after the transition; 0 if the transition fills it.
std::int64_t after_ns(const Scenario& resolved, const Event& event) {
  const std::int64_t rest_ns = resolved.run.duration_ns - event.at_ns;
  return std::max<std::int64_t>(rest_ns - resolved.run.settle_ns.value_or(0), 0);
}

}  // namespace

std::int64_t replica_count(const Scenario& scenario) {
  std::int64_t count = 0;
  for (const Site& site : scenario.fleet.sites) count += site.replicas;
  return count;
}

double mean_prompt_tokens(const Tenant& tenant) {
  if (tenant.arrivals.trace) return tenant.arrivals.trace->summary.prompt_mean_tokens;
  return mean_tokens(tenant.prompt_tokens);
}

double mean_output_tokens(const Tenant& tenant) {
  if (tenant.arrivals.trace) return tenant.arrivals.trace->summary.output_mean_tokens;
  return mean_tokens(tenant.output_tokens);
}

std::int64_t largest_prompt_tokens(const Tenant& tenant) {
  if (tenant.arrivals.trace) return tenant.arrivals.trace->summary.prompt_max_tokens;
  return largest_tokens(tenant.prompt_tokens);
}

std::int64_t largest_output_tokens(const Tenant& tenant) {
  if (tenant.arrivals.trace) return tenant.arrivals.trace->summary.output_max_tokens;
  return largest_tokens(tenant.output_tokens);
}

bool needs_capacity(const Scenario& scenario) {
  if (scenario.fleet.capacity_tokens_per_s) return false;
  const auto tenant_does = [](const Tenant& t) { return t.arrivals.rate.load.has_value(); };
  const auto throttle_does = [](const Throttle& t) { return t.rate.load.has_value(); };
  const auto event_does = [](const Event& e) { return e.rate && e.rate->load; };
  return std::ranges::any_of(scenario.tenants, tenant_does) ||
         std::ranges::any_of(scenario.throttles, throttle_does) ||
         std::ranges::any_of(scenario.events, event_does);
}

std::vector<double> request_shares(const Scenario& scenario) {
  std::vector<double> shares;
  double sum = 0;
  for (const Tenant& tenant : scenario.tenants) {
    shares.push_back(request_rate_per_s(tenant, scenario));
    sum += shares.back();
  }
  for (double& share : shares) share /= sum;
  return shares;
}

Mix request_mix(const Scenario& scenario) {
  Mix mix;
  const std::vector<double> shares = request_shares(scenario);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    mix.prompt_tokens += shares[i] * mean_prompt_tokens(scenario.tenants[i]);
    mix.output_tokens += shares[i] * mean_output_tokens(scenario.tenants[i]);
  }
  return mix;
}

double largest_cost(const Scenario& scenario, Unit unit) {
  std::int64_t cost = 1;
  for (const Tenant& tenant : scenario.tenants) {
    if (unit == Unit::input_tokens) cost = std::max(cost, largest_prompt_tokens(tenant));
    if (unit == Unit::output_tokens) cost = std::max(cost, tenant.max_tokens);
    if (unit == Unit::tokens) {
      cost = std::max(cost, largest_prompt_tokens(tenant) + tenant.max_tokens);
    }
  }
  return static_cast<double>(cost);
}

namespace {

double rate_of_load(double load, double units_per_load, const Scenario& scenario) {
  const double per_s = load * units_per_load;
  if (per_s <= kHighestRatePerS) return per_s;
  throw error(scenario,
              "a load of " + format_number(load) + " is a rate of " + format_rate(per_s) +
                  ", which is too high",
              "1e12/s is the most: lower the load");
}

void resolve_rate(Rate& rate, Unit unit, const Scenario& scenario, const Mix& mix) {
  if (!rate.load) return;
  const double capacity = *scenario.fleet.capacity_tokens_per_s;
  rate.per_s = rate_of_load(*rate.load, capacity / output_tokens_per_unit(unit, mix), scenario);
  rate.load.reset();
}

void resolve_burst(Burst& burst, double rate_per_s, const Throttle& throttle,
                   const Scenario& scenario) {
  const double largest = largest_cost(scenario, throttle.unit);
  if (burst.of_rate_ns) {
    burst.units = std::max(rate_per_s * to_s(*burst.of_rate_ns), largest);
    burst.of_rate_ns.reset();
  } else if (*burst.units < largest) {
    throw error(scenario,
                "the burst of throttle \"" + throttle.name + "\", " + format_number(*burst.units) +
                    ", is smaller than the largest request, " + format_number(largest),
                "such a request would wait for ever: raise the burst or lower max_tokens");
  }
}

// The throttle and all its events. Events see the rate and the burst that the ones before left.
void resolve_throttle(Throttle& throttle, Scenario& scenario, const Mix& mix) {
  resolve_rate(throttle.rate, throttle.unit, scenario, mix);
  double rate_per_s = *throttle.rate.per_s;
  Burst burst_as_written = throttle.burst;
  resolve_burst(throttle.burst, rate_per_s, throttle, scenario);
  for (Event& event : scenario.events) {
    if (event.throttle != throttle.name || event.kind == EventKind::lift) continue;
    if (event.rate) {
      resolve_rate(*event.rate, throttle.unit, scenario, mix);
      rate_per_s = *event.rate->per_s;
      if (!event.burst && burst_as_written.of_rate_ns) event.burst = burst_as_written;
    }
    if (event.burst) {
      burst_as_written = *event.burst;
      resolve_burst(*event.burst, rate_per_s, throttle, scenario);
    }
  }
}

}  // namespace

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
  const Mix mix = request_mix(resolved);
  for (Tenant& tenant : resolved.tenants) {
    const Mix own{mean_prompt_tokens(tenant), mean_output_tokens(tenant)};
    resolve_rate(tenant.arrivals.rate, Unit::requests, resolved, own);
  }
  for (Throttle& throttle : resolved.throttles) resolve_throttle(throttle, resolved, mix);
  if (const auto index = measured_event(resolved); index && !resolved.run.settle_ns) {
    const std::int64_t rest_ns = resolved.run.duration_ns - resolved.events[*index].at_ns;
    const FluidDrain drain = fluid_drain(resolved);
    const double settle_s = drain.drain_s ? 1.5 * *drain.drain_s + 5 : kUnlimited;
    resolved.run.settle_ns = settle_s < to_s(kLongestDurationNs)
                                 ? static_cast<std::int64_t>(std::llround(settle_s * kNsPerS))
                                 : rest_ns;
  }
  return resolved;
}

FluidDrain fluid_drain(const Scenario& resolved) {
  const std::optional<std::size_t> measured = measured_event(resolved);
  if (!measured) return {0, 0};
  Stages stages(resolved, request_mix(resolved));
  const double offered = offered_tokens_per_s(resolved);
  // Below zero it is what the bucket still has: the burst, spent before anything queues.
  double backlog = -stages.narrowest().burst_tokens;
  std::int64_t now_ns = 0;
  for (std::size_t i = 0; i <= *measured; ++i) {
    const Stage stage = stages.narrowest();
    const double flow = stages.flow(offered);
    const std::int64_t span_ns = resolved.events[i].at_ns - now_ns;
    if (span_ns > 0) backlog += (flow - stage.limit_tokens_per_s) * to_s(span_ns);
    backlog = std::max(backlog, -stage.burst_tokens);
    if (stage.max_wait_s) backlog = std::min(backlog, flow * *stage.max_wait_s);
    now_ns = resolved.events[i].at_ns;
    stages.apply(resolved.events[i]);
  }
  backlog = std::max(backlog, 0.0);
  if (backlog == 0) return {0, 0};
  const double spare = stages.narrowest().limit_tokens_per_s - stages.flow(offered);
  if (spare <= 0) return {backlog, std::nullopt};
  return {backlog, backlog / spare};
}

std::vector<Change> plan_changes(const Scenario& resolved) {
  std::vector<Throttle> settings = resolved.throttles;
  std::vector<Change> changes;
  for (std::size_t event_index = 0; event_index < resolved.events.size(); ++event_index) {
    const Event& event = resolved.events[event_index];
    for (std::size_t i = 0; i < settings.size(); ++i) {
      if (settings[i].name != event.throttle) continue;
      if (event.rate) settings[i].rate = *event.rate;
      if (event.burst) settings[i].burst = *event.burst;
      changes.push_back({event.at_ns, i, settings[i], event.kind == EventKind::lift, 1,
                         event.inherit, event_index});
    }
  }
  return changes;
}

std::optional<std::size_t> measured_event(const Scenario& scenario) {
  if (scenario.events.empty()) return std::nullopt;
  for (std::size_t i = 0; i < scenario.events.size(); ++i) {
    if (scenario.events[i].measure) return i;
  }
  return 0;
}

std::vector<Phase> plan_phases(const Scenario& resolved) {
  const RunSettings& run = resolved.run;
  std::vector<Phase> phases;
  std::int64_t now_ns = 0;
  const auto add = [&](const char* name, std::int64_t end_ns, bool measured) {
    if (end_ns <= now_ns) return;
    phases.push_back(Phase{name, now_ns, end_ns, measured});
    now_ns = end_ns;
  };
  add("warmup", run.warmup_ns, false);
  if (const std::optional<std::size_t> index = measured_event(resolved)) {
    assert(run.settle_ns);
    const std::int64_t at_ns = resolved.events[*index].at_ns;
    add("before", at_ns, true);
    add("transition", std::min(at_ns + *run.settle_ns, run.duration_ns), true);
    add("after", run.duration_ns, true);
  } else {
    add("steady", run.duration_ns, true);
  }
  add("cooldown", run.duration_ns + run.cooldown_max_ns, false);
  return phases;
}

namespace {

void warn_of_short_phases(const Scenario& resolved, std::vector<std::string>& result) {
  constexpr double kRequestsMin = 100;  // decided, in a measured phase: else it is not valid
  double requests_per_s = 0;
  for (const Tenant& tenant : resolved.tenants) {
    requests_per_s += request_rate_per_s(tenant, resolved);
  }
  for (const Phase& phase : plan_phases(resolved)) {
    const double requests = requests_per_s * to_s(phase.end_ns - phase.begin_ns);
    if (!phase.measured || phase.name == "transition" || requests >= kRequestsMin) continue;
    result.push_back("about " + rounded(requests) + " requests fall into '" + phase.name +
                     "', and a valid run needs 100: make it " +
                     seconds_up(kRequestsMin / requests_per_s) + " or longer, or raise the rate");
  }
  const std::optional<std::size_t> index = measured_event(resolved);
  if (!index || after_ns(resolved, resolved.events[*index]) > 0) return;
  const Event& event = resolved.events[*index];
  const std::int64_t before_ns = event.at_ns - resolved.run.warmup_ns;
  const bool drains = fluid_drain(resolved).drain_s.has_value();
  const double enough_s = to_s(event.at_ns) + to_s(*resolved.run.settle_ns) + to_s(before_ns);
  result.push_back("the run ends before the transition does, so there is no 'after' to compare: " +
                   (drains ? "set run.duration to " + seconds_up(enough_s) + " or more"
                           : std::string("lower the load, or set run.settle")));
}

void warn_of_overload(const Scenario& resolved, std::vector<std::string>& result) {
  const Mix mix = request_mix(resolved);
  const double offered = offered_tokens_per_s(resolved);
  Stages stages(resolved, mix);
  const double flow_before = stages.flow(offered);
  for (const Throttle& throttle : resolved.throttles) {
    const double limit = *throttle.rate.per_s * output_tokens_per_unit(throttle.unit, mix);
    if (throttle.when_full == WhenFull::queue && !throttle.max_wait_ns && flow_before > limit) {
      result.push_back("throttle '" + throttle.name + "' queues without a max_wait while " +
                       rounded(flow_before) + " output tokens/s are offered and it lets " +
                       rounded(limit) +
                       " pass: its queue grows without end and there is no steady state; set "
                       "max_wait or lower the load");
    }
  }
  const std::optional<std::size_t> index = measured_event(resolved);
  if (index) {
    for (std::size_t i = 0; i <= *index; ++i) stages.apply(resolved.events[i]);
  }
  const Stage stage = stages.narrowest();
  const double flow = stages.flow(offered);
  const double capacity = resolved.fleet.capacity_tokens_per_s.value_or(kUnlimited);
  const bool fleet_is_narrowest = stage.limit_tokens_per_s >= capacity;
  if (flow <= stage.limit_tokens_per_s || (!index && !fleet_is_narrowest)) return;
  result.push_back(std::string(index ? "after the event " : "") + rounded(flow) +
                   " output tokens/s are offered and " +
                   (fleet_is_narrowest ? "the fleet" : "the new limit") + " carries " +
                   rounded(stage.limit_tokens_per_s) +
                   ": the backlog never drains; lower the load or " +
                   (fleet_is_narrowest ? "add replicas" : "raise the limit"));
}

void warn_of_short_traces(const Scenario& resolved, std::vector<std::string>& result) {
  for (const Tenant& tenant : resolved.tenants) {
    if (!tenant.arrivals.trace) continue;
    const std::int64_t span_ns = tenant.arrivals.trace->summary.span_ns;
    if (span_ns >= resolved.run.duration_ns) continue;
    result.push_back("the trace of tenant '" + tenant.name + "' ends after " +
                     rounded(to_s(span_ns)) + "s of " + rounded(to_s(resolved.run.duration_ns)) +
                     "s: lower its speed, raise its sample, or shorten run.duration");
  }
}

void warn_of_unused_interval(const Scenario& resolved, std::vector<std::string>& result) {
  if (resolved.fleet.load_report_interval_ns == 0 || resolved.run.engine == Engine::simulated) {
    return;
  }
  result.push_back("fleet.load_report_interval has no effect on engine '" +
                   std::string(name_of(resolved.run.engine)) +
                   "', where completions are known at once: remove it, or set run.engine to "
                   "'virtual'");
}

void warn_of_foreign_costs(const Scenario& resolved, std::vector<std::string>& result) {
  if (resolved.run.engine != Engine::simulated) return;
  for (const Profile& profile : resolved.profiles) {
    const Profile* builtin = find_profile(profile.name);
    if (builtin == nullptr || !builtin->decoder || builtin->cost != profile.cost) continue;
    result.push_back("the costs of profile '" + profile.name +
                     "' are those of the machine that tokenlift was written on: to predict this "
                     "one, run `tokenlift calibrate " +
                     profile.name + "` and give its file with --profiles");
  }
}

}  // namespace

std::vector<std::string> warnings(const Scenario& resolved) {
  std::vector<std::string> result;
  warn_of_short_phases(resolved, result);
  warn_of_overload(resolved, result);
  warn_of_short_traces(resolved, result);
  warn_of_foreign_costs(resolved, result);
  warn_of_unused_interval(resolved, result);
  return result;
}

}  // namespace tokenlift
