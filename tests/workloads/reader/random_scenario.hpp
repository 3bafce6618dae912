#pragma once
// Scenarios at random (RapidCheck), of all that the language has.

#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "tests/workloads/reader/random_endpoints.hpp"
#include "tests/workloads/reader/random_power.hpp"
#include "tests/workloads/reader/random_values.hpp"
#include "workloads/plan/composition.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/scenario/throttle_keys.hpp"

namespace tokenlift {

// Of random_scenario().
namespace random_parts {

inline Rate random_rate() {
  if (*rc::gen::arbitrary<bool>()) return Rate{random_double(0.01, 3), std::nullopt};
  return Rate{std::nullopt, random_double(0.001, 1e7)};
}

inline Burst random_burst() {
  if (*rc::gen::arbitrary<bool>()) return Burst{random_ns(1000 * kS), std::nullopt};
  return Burst{std::nullopt, random_double(1e6, 1e9)};
}

inline Lengths random_lengths() {
  Lengths lengths;
  lengths.distribution = *rc::gen::element(Distribution::constant, Distribution::uniform,
                                           Distribution::lognormal, Distribution::geometric);
  if (lengths.distribution == Distribution::constant) {
    lengths.mean = *rc::gen::inRange(1, 1000);
    return lengths;
  }
  if (lengths.distribution != Distribution::uniform) lengths.mean = random_double(1, 1000);
  if (lengths.distribution == Distribution::lognormal) lengths.cv = random_double(0, 5);
  if (lengths.distribution != Distribution::geometric) lengths.min = *rc::gen::inRange(1, 100);
  lengths.max = lengths.min + *rc::gen::inRange(0, 1000);
  return lengths;
}

inline Wait random_wait(std::int64_t min_ns) {
  return Wait{*rc::gen::element(WaitDistribution::constant, WaitDistribution::exponential),
              std::max(min_ns, random_ns(1000 * kS))};
}

inline Shape random_shape() {
  Shape shape;
  shape.kind = *rc::gen::element(ShapeKind::ramp, ShapeKind::steps, ShapeKind::diurnal,
                                 ShapeKind::burst, ShapeKind::mmpp);
  if (shape.kind == ShapeKind::steps) {
    const int steps = *rc::gen::inRange(1, 5);
    std::int64_t at_ns = -1;
    for (int i = 0; i < steps; ++i) {
      at_ns += random_ns(100 * kS);
      shape.steps.emplace_back(at_ns, random_double(0.1, 10));
    }
    return shape;
  }
  shape.from = random_double(0, 10);
  shape.to = random_double(0.01, 10);
  if (shape.kind != ShapeKind::mmpp) shape.begin_ns = random_ns(1000 * kS) - 1;
  if (shape.kind != ShapeKind::diurnal) shape.length_ns = random_ns(1000 * kS);
  if (shape.kind == ShapeKind::mmpp) shape.length_ns += kS / 1000;  // not too many bursts
  if (shape.kind != ShapeKind::ramp) shape.period_ns = shape.length_ns + random_ns(1000 * kS);
  return shape;
}

inline Arrivals random_arrivals() {
  Arrivals arrivals;
  arrivals.process =
      *rc::gen::element(Process::poisson, Process::constant, Process::gamma, Process::closed);
  if (arrivals.process == Process::closed) {
    arrivals.think = random_wait(1);
    return arrivals;
  }
  arrivals.rate = random_rate();
  if (arrivals.process == Process::gamma) arrivals.cv = random_double(0.01, 10);
  if (*rc::gen::arbitrary<bool>()) arrivals.shape = random_shape();
  return arrivals;
}

inline Retry random_retry() {
  Retry retry;
  retry.policy = *rc::gen::element(RetryPolicy::none, RetryPolicy::fixed, RetryPolicy::exponential,
                                   RetryPolicy::honour_retry_after, RetryPolicy::sdk_openai,
                                   RetryPolicy::sdk_anthropic);
  if (retry.policy == RetryPolicy::none) return retry;
  const bool of_sdk =
      retry.policy == RetryPolicy::sdk_openai || retry.policy == RetryPolicy::sdk_anthropic;
  if (!of_sdk) {
    retry.delay_ns = random_ns(1000 * kS);
    if (retry.policy != RetryPolicy::fixed) retry.max_delay_ns = retry.delay_ns + random_ns(kS);
  }
  if (retry.policy == RetryPolicy::honour_retry_after) retry.jitter = random_double(0, 2);
  retry.attempts = *rc::gen::inRange(1, 256);
  if (*rc::gen::arbitrary<bool>()) retry.budget = random_double(0, 2);
  return retry;
}

inline Tenant random_tenant(const std::string& name) {
  Tenant tenant;
  tenant.name = name;
  tenant.arrivals = random_arrivals();
  tenant.prompt_tokens = random_lengths();
  tenant.output_tokens = random_lengths();
  if (*rc::gen::inRange(0, 4) == 0) {
    Lengths turns = {Distribution::uniform, 0, 0, 1, *rc::gen::inRange(1, 9)};
    tenant.sessions = Sessions{turns, random_wait(0), *rc::gen::inRange(1100, 5000)};
  }
  tenant.max_tokens = largest_output_tokens(tenant) + *rc::gen::inRange(0, 100);
  if (*rc::gen::arbitrary<bool>()) tenant.slo.ttft_ns = random_ns(kS);
  if (*rc::gen::arbitrary<bool>()) tenant.slo.tpot_ns = random_ns(kS);
  if (*rc::gen::arbitrary<bool>()) tenant.slo.itl_ns = random_ns(kS);
  if (*rc::gen::arbitrary<bool>()) tenant.slo.e2e_ns = random_ns(kS);
  tenant.users = *rc::gen::inRange(1, 100'000);
  tenant.priority = *rc::gen::inRange(-2, 3);
  if (*rc::gen::arbitrary<bool>()) tenant.weight = random_double(0.1, 10);
  tenant.retry = random_retry();
  if (*rc::gen::arbitrary<bool>()) tenant.patience = random_wait(1);
  if (*rc::gen::arbitrary<bool>()) tenant.deadline_ns = random_ns(kS);
  return tenant;
}

// Above what any request costs in any peak hours.
inline double random_limit() {
  return random_double(1e6, 1e9);
}

inline bool has_output(Unit unit) {
  return unit == Unit::output_tokens || unit == Unit::tokens;
}
inline bool has_input(Unit unit) {
  return unit == Unit::input_tokens || unit == Unit::tokens;
}

inline void add_parameters(Throttle& throttle) {
  const KindTraits& kind = traits_of(throttle.kind);
  if (kind.has_rate) throttle.rate = random_rate();
  if (kind.has_burst) throttle.burst = random_burst();
  if (kind.charges_after && has_output(throttle.unit)) {
    throttle.charge = *rc::gen::element(Charge::reserve, Charge::after);
  }
  if (kind.has_windows) throttle.window_ns = kS;
  if (kind.limits_rise) {
    throttle.window_ns = random_ns(1000 * kS);
    throttle.rise = random_double(1, 5);
  }
  if (kind.has_windows && *rc::gen::arbitrary<bool>()) {
    throttle.rate.load = random_double(1, 2);
  } else if (!kind.has_rate) {
    throttle.limit = random_limit();
  }
  if (kind.is_adaptive) {
    throttle.min_limit = random_double(1, 1000);
    throttle.max_limit = *throttle.limit + random_limit();
  }
  if (kind.has_target) throttle.target_ns = random_ns(kS);
  if (kind.has_tolerance) throttle.tolerance = random_double(1, 5);
}

inline PeakHours random_peak_hours() {
  return {static_cast<std::uint8_t>(*rc::gen::inRange(1, 128)),
          *rc::gen::inRange<std::int64_t>(0, 86'400), *rc::gen::inRange<std::int64_t>(0, 86'401),
          random_double(0.01, 5)};
}

inline Throttle random_throttle(const std::string& name, const std::vector<Tenant>& tenants) {
  Throttle throttle;
  throttle.name = name;
  throttle.kind = (*rc::gen::elementOf(kThrottleKinds)).kind;
  throttle.unit =
      *rc::gen::element(Unit::requests, Unit::input_tokens, Unit::output_tokens, Unit::tokens);
  throttle.scope = *rc::gen::element(Scope::fleet, Scope::tenant, Scope::user);
  if (*rc::gen::arbitrary<bool>()) throttle.tenants = {(*rc::gen::elementOf(tenants)).name};
  throttle.mode = *rc::gen::element(Mode::enforce, Mode::shadow);
  add_parameters(throttle);
  if (*rc::gen::arbitrary<bool>()) throttle.max_wait_ns = random_ns(kS);
  if (traits_of(throttle.kind).limits_queue) return throttle;
  if (!throttle.max_wait_ns) {
    throttle.when_full = *rc::gen::element(WhenFull::queue, WhenFull::reject);
  }
  if (has_input(throttle.unit)) throttle.exempt_cached = *rc::gen::arbitrary<bool>();
  const int hours = *rc::gen::inRange(0, 3);
  for (int i = 0; i < hours; ++i) throttle.schedule.push_back(random_peak_hours());
  return throttle;
}

inline Inherit random_inherit() {
  return *rc::gen::element(Inherit::as_is, Inherit::proportional, Inherit::reset,
                           Inherit::additive);
}

// Any of what the throttle's kind has, one at least.
inline void add_settings(const Throttle& throttle, Event& event) {
  Throttle other = throttle;
  other.rate = {};
  other.limit.reset();
  add_parameters(other);
  other.mode = *rc::gen::element(Mode::enforce, Mode::shadow);
  if (*rc::gen::arbitrary<bool>()) other.max_wait_ns = random_ns(kS);
  other.when_full =
      other.max_wait_ns ? WhenFull::queue : *rc::gen::element(WhenFull::queue, WhenFull::reject);
  const KindTraits& kind = traits_of(other.kind);
  event.mode = other.mode;
  for_each_setting([&](const ThrottleKey& key, const auto& member) {
    if (!key.belongs_to(kind) || !*rc::gen::arbitrary<bool>()) return;
    event.*member.settings = other.*member.throttle;
  });
  if (event.rate == Rate{}) event.rate.reset();
  if (!has_output(other.unit)) event.charge.reset();
}

inline void add_ramp(const Throttle& throttle, std::int64_t longest_ns, Event& event) {
  event.over_ns = *rc::gen::inRange<std::int64_t>(1, longest_ns + 1);
  event.steps = *rc::gen::inRange(0, 9);
  const bool from = *rc::gen::arbitrary<bool>();
  if (traits_of(throttle.kind).has_rate) {
    event.rate = random_rate();
    if (from) event.from = random_rate();
    if (traits_of(throttle.kind).has_burst && *rc::gen::arbitrary<bool>())
      event.burst = random_burst();
  } else if (traits_of(throttle.kind).has_windows && *rc::gen::arbitrary<bool>()) {
    event.rate = Rate{random_double(1, 2), std::nullopt};
    if (from) event.from = Rate{random_double(1, 2), std::nullopt};
  } else {
    event.limit = random_limit();
    if (from) event.from_limit = random_limit();
  }
}

inline Event random_event(const Scenario& scenario, std::int64_t at_ns) {
  const Throttle throttle = *rc::gen::elementOf(scenario.throttles);
  Event event;
  event.at_ns = at_ns;
  event.throttle = throttle.name;
  event.kind =
      *rc::gen::element(EventKind::lift, EventKind::set, EventKind::restore, EventKind::ramp);
  if (event.kind == EventKind::lift) return event;
  event.inherit = random_inherit();
  if (event.kind == EventKind::set) add_settings(throttle, event);
  if (event.kind == EventKind::ramp) add_ramp(throttle, scenario.run.duration_ns - at_ns, event);
  return event;
}

inline std::int64_t random_cost_ps() {
  return *rc::gen::inRange<std::int64_t>(0, 1000) *
         *rc::gen::element<std::int64_t>(1, 976, 1'000'000);
}

// Its weights and datasheet are such that no cost beats them.
inline Profile random_profile(const std::string& name) {
  Profile profile;
  profile.name = name;
  profile.description = random_text();
  profile.source = random_text();
  if (*rc::gen::arbitrary<bool>()) profile.fit_error = random_double(0, 1);
  if (*rc::gen::arbitrary<bool>()) profile.max_batch = *rc::gen::inRange(99, 1000);
  profile.cost = CostModel{1 + random_cost_ps(),
                           random_cost_ps(),
                           random_cost_ps(),
                           random_cost_ps(),
                           1 + random_cost_ps(),
                           *rc::gen::inRange(0, 99'999),
                           *rc::gen::element(Pricing::separate, Pricing::mixed)};
  if (*rc::gen::arbitrary<bool>()) {
    profile.overhead = Overhead{random_cost_ps(), *rc::gen::inRange(2000, 2101), random_text()};
  }
  if (*rc::gen::arbitrary<bool>()) {
    profile.model = ModelSize{1, random_double(0.1, 4), random_double(1, 1e6)};
  }
  if (*rc::gen::arbitrary<bool>()) {
    profile.accelerator =
        Accelerator{random_text(),           *rc::gen::inRange(1, 9), random_double(1e7, 1e8),
                    random_double(1e6, 1e7), random_double(1e3, 1e4), random_double(0, 1e4)};
  }
  if (profile.model && profile.accelerator) {
    // To read all of its memory takes up to 8 us: what is faster is refused.
    profile.cost->a_ps += 10'000'000;
    profile.cost->p0_ps += 10'000'000;
  }
  return profile;
}

inline std::vector<Profile> random_profiles() {
  std::vector<Profile> profiles;
  const auto count = *rc::gen::inRange<std::size_t>(0, 4);
  profiles.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    profiles.push_back(random_profile(random_name() + std::to_string(i)));
  }
  std::ranges::sort(profiles, {}, &Profile::name);
  return profiles;
}

// Its own profiles, and the built-in ones that `engine` can use.
inline std::vector<Profile> usable_profiles(const Scenario& scenario) {
  std::vector<Profile> usable;
  const bool threads = scenario.run.engine == Engine::threads;
  const bool priced = scenario.run.engine == Engine::simulated;
  for (const auto& profiles : {scenario.profiles, builtin_profiles()}) {
    std::ranges::copy_if(profiles, std::back_inserter(usable), [&](const Profile& profile) {
      return (!threads || profile.decoder) && (!priced || profile.cost);
    });
  }
  return usable;
}

inline void keep_used_profiles(Scenario& scenario) {
  for (const Site& site : scenario.fleet.sites) {
    if (std::ranges::count(scenario.profiles, site.profile, &Profile::name) > 0) continue;
    scenario.profiles.push_back(*find_profile(site.profile));
  }
  std::ranges::sort(scenario.profiles, {}, &Profile::name);
}

// Of keys that every scenario has, so that all of their values are right.
inline std::vector<Parameter> random_parameters() {
  using enum ParameterScale;
  using enum ParameterForm;
  const auto least = static_cast<double>(*rc::gen::inRange(1, 1000));
  const double most = least + *rc::gen::inRange(1, 1'000'000);
  const std::vector<Parameter> all = {
      {"run.cooldown_max", *rc::gen::element(linear, log), duration, least, most, {}, ""},
      {"run.max_in_flight", *rc::gen::element(integer, log_integer), number, least, most, {}, ""},
      {"fleet.capacity", *rc::gen::element(linear, log), rate, least / 7, most / 7, {}, ""},
      {"tenant.0.weight", linear, number, least / 7, most / 7, {}, ""},
      {"queue", choice, word, 0, 0, {"{ order = \"fifo\" }", "{ order = \"fair\" }"}, ""},
      {"description", choice, word, 0, 0, {"x" + random_text(), "\"3\"", "\"true\""}, ""}};
  std::vector<Parameter> some;
  std::ranges::copy_if(all, std::back_inserter(some),
                       [](const Parameter&) { return *rc::gen::arbitrary<bool>(); });
  return some;
}

inline Tuning random_tuning(const Scenario& scenario) {
  Tuning tuning;
  const std::vector<std::size_t> measured = measured_events(scenario);
  tuning.lift = measured.size() == 1 && !scenario.events[measured[0]].throttle.empty() &&
                *rc::gen::arbitrary<bool>();
  tuning.parameters = random_parameters();
  if (*rc::gen::arbitrary<bool>()) {
    tuning.objective = Aim{"goodput.after", *rc::gen::arbitrary<bool>()};
  }
  const int constraints = *rc::gen::inRange(0, 3);
  for (int i = 0; i < constraints; ++i) {
    tuning.constraints.push_back(
        *parse_objective("ttft.p99_ms.after <=" + std::to_string(random_double(0, 1e6))).value);
  }
  if (*rc::gen::arbitrary<bool>()) tuning.budget_requests = *rc::gen::inRange(1, 1'000'000'000);
  return tuning;
}

inline void add_prices(Scenario& scenario) {
  const std::vector<Profile> profiles = usable_profiles(scenario);
  for (Site& site : scenario.fleet.sites) {
    if (*rc::gen::arbitrary<bool>()) continue;
    const auto profile = std::ranges::find(profiles, site.profile, &Profile::name);
    site.cost.emplace().price =
        random_price(profile != profiles.end() && profile->accelerator.has_value());
  }
}

// What becomes of sites over time. Half of the replicas at least serve at the start, or will.
inline void add_courses(Scenario& scenario) {
  const std::int64_t all_ns = scenario.run.duration_ns + scenario.run.cooldown_max_ns;
  const std::int64_t span_ns = scenario.run.duration_ns - scenario.run.warmup_ns;
  const bool capacities = *rc::gen::arbitrary<bool>();
  for (Site& site : scenario.fleet.sites) {
    if (capacities) site.capacity_tokens_per_s = random_double(1, 1e6);
    if (*rc::gen::arbitrary<bool>()) {
      site.at_start = *rc::gen::inRange<std::int64_t>(0, site.replicas + 1);
    }
    site.boot_ns = *rc::gen::inRange<std::int64_t>(0, span_ns / 4);
    if (*rc::gen::arbitrary<bool>()) site.rtt_ns = random_ns(kS);
    site.notice_ns = *rc::gen::inRange<std::int64_t>(0, span_ns / 4);
    site.spares = *rc::gen::inRange(0, 4);
    if (*rc::gen::arbitrary<bool>())
      site.failures = Failures{all_ns + random_ns(kS), random_ns(kS)};
    if (*rc::gen::inRange(0, 4) == 0) {
      const std::int64_t off_ns = all_ns / 20 + random_ns(kS);
      site.available = Availability{off_ns + random_ns(kS), off_ns, random_ns(kS) - 1};
    }
  }
}

// With which no step takes longer than is counted.
inline int most_slow_ppm(const Scenario& scenario, const Site& site) {
  const Profile* const profile = own_profile(scenario, site);
  if (profile == nullptr || !profile->cost) return 1'000'000;
  const auto longest_ps =
      price_of(*profile).longest_ps(site.max_batch, site.max_step_tokens, site.kv_tokens);
  const std::int64_t most_ps = kLongestStepPs / (site.power ? kMostSlowing : 1);
  if (!longest_ps || *longest_ps >= most_ps / 2) return 1'000'000;
  return static_cast<int>(std::min<std::int64_t>(most_ps / (*longest_ps + 1), 1'000) * 1'000'000);
}

// Those that join are not there at the start, and those that leave are.
inline void add_fleet_events(Scenario& scenario) {
  const RunSettings& run = scenario.run;
  const auto quarter = [&] {
    return *rc::gen::inRange<std::int64_t>(0, (run.duration_ns - run.warmup_ns) / 4);
  };
  for (const Site& site : scenario.fleet.sites) {
    const std::int64_t there = site.at_start.value_or(site.replicas);
    const auto add = [&](EventKind kind) {
      Event& event = scenario.events.emplace_back();
      event.kind = kind;
      event.site = site.name;
      event.at_ns = run.warmup_ns + 1 + quarter();
      return &event;
    };
    if (there == 0 || (there < site.replicas && *rc::gen::arbitrary<bool>())) {
      Event* join = add(EventKind::join);
      join->over_ns = quarter();
      if (*rc::gen::arbitrary<bool>()) {
        join->replicas = *rc::gen::inRange<std::int64_t>(1, site.replicas - there + 1);
      }
    }
    if (there > 0 && *rc::gen::arbitrary<bool>()) {
      Event* leave = add(EventKind::leave);
      leave->over_ns = quarter();
      leave->in_flight = *rc::gen::element(InFlight::finish, InFlight::move, InFlight::drop);
      leave->replicas = *rc::gen::inRange<std::int64_t>(1, there + 1);
      if (*rc::gen::arbitrary<bool>()) leave->notice_ns = quarter();
    }
    if (site.power && site.power->limit_mw && *rc::gen::arbitrary<bool>()) {
      Event* power = add(EventKind::power);
      power->limit_mw = site_bounds(scenario, site)->idle_mw + 1 + random_milli() / 2;
      power->over_ns = quarter();
      power->for_ns = quarter();
    }
    if (*rc::gen::arbitrary<bool>()) continue;
    Event* some = add(*rc::gen::element(EventKind::fail, EventKind::slow));
    if (*rc::gen::arbitrary<bool>()) {
      some->share = random_double(0.001, 1);
    } else {
      some->replicas = *rc::gen::inRange<std::int64_t>(1, site.replicas + site.spares + 1);
    }
    some->for_ns = quarter();
    if (some->kind == EventKind::fail) {
      some->in_flight = *rc::gen::element(InFlight::move, InFlight::drop);
    } else {
      const int most_ppm = most_slow_ppm(scenario, site);
      some->decode_ppm = *rc::gen::inRange(10'000, most_ppm);
      some->prefill_ppm = *rc::gen::inRange(10'000, most_ppm);
    }
  }
}

// Where there is a capacity that changes, and is known.
inline void follow_capacity(Scenario& scenario) {
  const std::vector<std::int64_t> begin = replicas_at_start(scenario);
  const bool some = std::ranges::any_of(begin, [](std::int64_t count) { return count > 0; });
  if (!fleet_changes(scenario) || !some) return;
  for (Throttle& throttle : scenario.throttles) {
    const KindTraits& kind = traits_of(throttle.kind);
    if (kind.is_adaptive || (kind.limits_queue && !throttle.limit)) continue;
    if (*rc::gen::arbitrary<bool>()) continue;
    throttle.follows = Follows::capacity;
    if (needs_site_capacities(scenario)) {
      throttle.follows.reset();
      continue;
    }
    if (*rc::gen::arbitrary<bool>()) throttle.lag_ns = random_ns(kS);
  }
}

inline Scenario random_scenario() {
  Scenario scenario;
  scenario.name = random_name();
  scenario.description = random_text();
  RunSettings& run = scenario.run;
  run.engine = (*rc::gen::elementOf(kEngines)).engine;
  const EngineTraits& engine = traits_of(run.engine);
  run.warmup_ns = random_ns(100 * kS);
  run.duration_ns = run.warmup_ns + 1000 + random_ns(10'000 * kS);
  if (*rc::gen::arbitrary<bool>()) run.settle_ns = random_ns(1000 * kS);
  run.cooldown_max_ns = random_ns(1000 * kS) - 1;
  run.seed = static_cast<std::uint64_t>(*rc::gen::inRange<std::int64_t>(0, INT64_MAX));
  run.max_in_flight = *rc::gen::inRange(1, 1'000'000);
  if (*rc::gen::arbitrary<bool>()) {
    run.starts_at_s = *rc::gen::inRange<std::int64_t>(0, 7'000'000'000);
    run.time_zone = *rc::gen::element<std::string>("UTC", "America/Los_Angeles", "Europe/Berlin");
  }
  scenario.fleet.router = *rc::gen::element(RouterPolicy::shared_queue, RouterPolicy::round_robin,
                                            RouterPolicy::random, RouterPolicy::least_loaded,
                                            RouterPolicy::session_affinity, RouterPolicy::spill);
  scenario.fleet.capacity_tokens_per_s = random_double(1e8, 2e8);
  scenario.queue_order =
      *rc::gen::element(QueueOrder::fifo, QueueOrder::priority, QueueOrder::fair);
  if (*rc::gen::arbitrary<bool>()) scenario.fleet.load_report_interval_ns = random_ns(kS);
  scenario.profiles = random_profiles();
  const std::vector<Profile> usable = usable_profiles(scenario);
  const int sites = *rc::gen::inRange(1, 3);
  for (int i = 0; i < sites; ++i) {
    const Profile profile = *rc::gen::elementOf(usable);
    const std::int64_t most =
        profile.max_batch > 0 ? std::min<std::int64_t>(profile.max_batch, 98) : 98;
    scenario.fleet.sites.push_back({random_name() + std::to_string(i), *rc::gen::inRange(1, 99),
                                    profile.name, *rc::gen::inRange<std::int64_t>(1, most + 1),
                                    *rc::gen::inRange(1, 9999), *rc::gen::inRange(10'000, 99'999),
                                    *rc::gen::inRange(0, 99'999)});
  }
  if (scenario.fleet.router == RouterPolicy::spill) {
    scenario.fleet.sites[0].max_in_flight = *rc::gen::inRange(1, 10'000);
  }
  if (engine.has_replicas) add_courses(scenario);
  if (engine.simulated) add_prices(scenario);
  if (engine.remote) make_remote(scenario);
  if (run.engine == Engine::simulated) {
    keep_used_profiles(scenario);
    add_power(scenario);
  } else {
    for (Profile& profile : scenario.profiles) {
      if (profile.accelerator) profile.accelerator->power.reset();
    }
  }
  const int tenants = *rc::gen::inRange(1, 4);
  for (int i = 0; i < tenants; ++i) {
    scenario.tenants.push_back(random_tenant(random_name() + std::to_string(i)));
    if (*rc::gen::arbitrary<bool>()) {
      scenario.tenants.back().sites = {(*rc::gen::elementOf(scenario.fleet.sites)).name};
    }
    if (engine.remote) add_sent(scenario.fleet, scenario.tenants.back());
  }
  const int throttles = *rc::gen::inRange(0, 3);
  for (int i = 0; i < throttles; ++i) {
    scenario.throttles.push_back(
        random_throttle(random_name() + std::to_string(i), scenario.tenants));
  }
  const int events = throttles == 0 ? 0 : *rc::gen::inRange(0, 4);
  for (int i = 0; i < events; ++i) {
    const std::int64_t span_ns = run.duration_ns - run.warmup_ns;
    scenario.events.push_back(random_event(
        scenario, run.warmup_ns + 1 + *rc::gen::inRange<std::int64_t>(0, span_ns - 1)));
  }
  if (engine.has_replicas) add_fleet_events(scenario);
  if (engine.remote) add_events_elsewhere(scenario);
  std::ranges::stable_sort(scenario.events, {}, [](const Event& event) {
    return std::pair(event.at_signal, event.at_ns);
  });
  measure_some(scenario.events);
  follow_capacity(scenario);
  if (*rc::gen::arbitrary<bool>()) scenario.tuning = random_tuning(scenario);
  return scenario;
}

}  // namespace random_parts

using random_parts::random_scenario;

}  // namespace tokenlift
