#pragma once
// Random scenarios (RapidCheck) for the whole engine in virtual time: clients of all sorts, several
// throttles of every kind, every router, and whatever can happen to throttles and replicas. Small:
// a run of 1.5 s.

#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "tests/bench/throttle/random_client.hpp"
#include "tests/bench/throttle/random_room.hpp"
#include "workloads/plan/changes.hpp"
#include "workloads/plan/power_plan.hpp"
#include "workloads/scenario/throttle_keys.hpp"

namespace tokenlift {

inline Profile any_profile(const std::string& name) {
  Profile profile;
  profile.name = name;
  const auto up_to = [](std::int64_t most) { return *rc::gen::inRange<std::int64_t>(0, most); };
  // From a microsecond to some 20 ms a step; ties and zeros among the rest.
  profile.cost =
      CostModel{*rc::gen::element<std::int64_t>(999'999, 1'000'000, 7'123'456'789, 20'000'000'001),
                up_to(30'000'000), *rc::gen::element<std::int64_t>(0, 1, 41'100, 3'000'007),
                *rc::gen::element<std::int64_t>(0, 4'300'000'000), 1 + up_to(50'000'000),
                // No step takes 1000 s, however slow and held back its replica is.
                *rc::gen::element<std::int64_t>(0, 1, 97'600),
                *rc::gen::element(Pricing::separate, Pricing::mixed)};
  if (*rc::gen::arbitrary<bool>()) profile.overhead = Overhead{1 + up_to(3'000'000'000), 2024, ""};
  if (*rc::gen::arbitrary<bool>()) {
    // Prefill is held at a floor: one reading of the weights takes 4.8 ms, a token's arithmetic
    // 16 us or nothing to speak of. No reader has refused the decode steps that beat it.
    profile.model = ModelSize{8.03e9, 2, 131'072};
    profile.accelerator = Accelerator{"x", 1, 3.35, *rc::gen::element(989.0, 1e6), 80, 0};
  }
  return profile;
}

inline Lengths any_lengths(std::int64_t most) {
  Lengths lengths;
  lengths.distribution = *rc::gen::element(Distribution::constant, Distribution::uniform);
  lengths.max = *rc::gen::inRange<std::int64_t>(1, most);
  lengths.mean = static_cast<double>(lengths.max);
  return lengths;
}

inline Wait any_wait() {
  return {*rc::gen::element(WaitDistribution::constant, WaitDistribution::exponential),
          *rc::gen::element(1 * kMillisecond, 20 * kMillisecond, 300 * kMillisecond)};
}

inline Shape any_shape() {
  Shape shape;
  shape.kind = *rc::gen::element(ShapeKind::ramp, ShapeKind::steps, ShapeKind::diurnal,
                                 ShapeKind::burst, ShapeKind::mmpp);
  shape.from = 0.5;
  shape.to = 2;
  shape.begin_ns = kSecond / 4;
  shape.length_ns = kSecond / 5;
  shape.period_ns = kSecond / 2;
  shape.steps = {{kSecond / 3, 2.0}, {kSecond, 0.5}};
  return shape;
}

/// Of requests that nobody asks because he got an answer, and of those who wait for theirs.
inline void randomise_clients(Tenant& tenant) {
  tenant.users = *rc::gen::inRange<std::int64_t>(1, 5);
  tenant.priority = *rc::gen::inRange<std::int64_t>(0, 3);
  tenant.weight = *rc::gen::element(0.5, 1.0, 3.0);
  if (*rc::gen::inRange(0, 4) == 0) {
    tenant.arrivals.process = Process::closed;
    tenant.arrivals.rate = {};
    tenant.arrivals.think = any_wait();
  } else if (coin()) {
    tenant.arrivals.shape = any_shape();
  }
  if (*rc::gen::inRange(0, 3) == 0) {
    // So that the largest turn is a request like all others.
    tenant.sessions = Sessions{{Distribution::uniform, 0, 0, 1, 3}, any_wait(), 198};
  }
  tenant.retry.policy =
      *rc::gen::element(RetryPolicy::none, RetryPolicy::fixed, RetryPolicy::exponential,
                        RetryPolicy::honour_retry_after);
  tenant.retry.delay_ns = *rc::gen::element(1 * kMillisecond, 30 * kMillisecond, 1 * kSecond);
  tenant.retry.attempts = *rc::gen::inRange<std::int64_t>(1, 6);
  if (coin()) tenant.retry.budget = 0.2;
  if (coin()) tenant.patience = any_wait();
  if (coin())
    tenant.deadline_ns = *rc::gen::element(20 * kMillisecond, 200 * kMillisecond, 1 * kSecond);
}

inline Tenant any_tenant(std::size_t index) {
  Tenant tenant;
  tenant.name = "tenant " + std::to_string(index);
  // Constant gaps of whole milliseconds meet each other and the bins' edges.
  tenant.arrivals.process = *rc::gen::element(Process::poisson, Process::constant, Process::gamma);
  tenant.arrivals.rate.per_s = *rc::gen::element(1.0, 10.0, 50.0, 200.0);
  tenant.arrivals.cv = 3;
  tenant.prompt_tokens = any_lengths(200);
  tenant.output_tokens = any_lengths(120);
  tenant.max_tokens = tenant.output_tokens.max;
  tenant.slo.ttft_ns = 500 * kMillisecond;
  randomise_clients(tenant);
  return tenant;
}

/// What its kind may be set to; all of it, and nothing else.
inline Settings settings_of(const Throttle& throttle) {
  Settings settings;
  for_each_setting([&](const ThrottleKey& key, const auto& member) {
    if (!key.belongs_to(traits_of(throttle.kind))) return;
    settings.*member.settings = throttle.*member.throttle;
  });
  if (!traits_of(throttle.kind).has_rate) settings.rate.reset();  // a limit is stated
  return settings;
}

inline constexpr int kTokens = 320;

inline Event any_event(Random& random, const Scenario& scenario, std::int64_t at_ns) {
  Event event;
  event.at_ns = at_ns;
  Throttle to = scenario.throttles[random.between<std::size_t>(0, scenario.throttles.size() - 1)];
  event.throttle = to.name;
  event.kind =
      random.one_of({EventKind::lift, EventKind::set, EventKind::restore, EventKind::ramp});
  if (event.kind == EventKind::lift) return event;
  event.inherit =
      random.one_of({Inherit::as_is, Inherit::proportional, Inherit::reset, Inherit::additive});
  randomise_numbers(random, to, kTokens);
  if (event.kind == EventKind::set) static_cast<Settings&>(event) = settings_of(to);
  if (event.kind == EventKind::ramp) {
    if (traits_of(to.kind).has_rate) event.rate = to.rate;
    if (!traits_of(to.kind).has_rate) event.limit = to.limit;
    event.over_ns = 300 * kMillisecond;
    event.steps = random.one_of<std::int64_t>({0, 3});
    event.measure = random.one_in(2);
  }
  return event;
}

/// Several throttles of all kinds, and all that may happen to them.
inline void randomise_throttles(Scenario& scenario) {
  Random random(*rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>()));
  scenario.queue_order =
      *rc::gen::element(QueueOrder::fifo, QueueOrder::priority, QueueOrder::fair);
  const int throttles = *rc::gen::element(0, 1, 2, 3, 5);
  for (int i = 0; i < throttles; ++i) {
    Throttle throttle = random_throttle(random, scenario);
    randomise_numbers(random, throttle, kTokens);
    if (!traits_of(throttle.kind).limits_queue && random.one_in(3)) {
      throttle.schedule = {{0x7f, 0, 1, 2}, {0x7f, 1, 3, 0.5}};
    }
    scenario.throttles.push_back(throttle);
  }
  if (throttles == 0) return;
  const int events = *rc::gen::element(0, 1, 2, 5);
  std::int64_t at_ns = kSecond / 2;
  for (int i = 0; i < events; ++i) {
    scenario.events.push_back(any_event(random, scenario, at_ns));
    if (!random.one_in(3)) at_ns += kSecond / 5;
  }
}

inline Site any_site(std::size_t index) {
  Site site;
  site.name = "site " + std::to_string(index);
  site.profile = "profile " + std::to_string(index);
  site.replicas = *rc::gen::inRange(1, 5);
  site.max_batch = *rc::gen::inRange(1, 12);
  site.max_step_tokens = *rc::gen::element<std::int64_t>(1, 16, 100, 1000);
  // The largest request has 318 tokens: from a cache that holds just one to plenty.
  site.kv_tokens = *rc::gen::element<std::int64_t>(318, 400, 900, 100'000);
  return site;
}

/// A site whose replicas come, fail and come back by themselves.
inline void randomise_course(Site& site) {
  const auto after_ns = [](std::int64_t least_ms, std::int64_t most_ms) {
    return *rc::gen::inRange(least_ms, most_ms) * kMillisecond;
  };
  if (coin()) site.at_start = *rc::gen::inRange<std::int64_t>(0, site.replicas + 1);
  site.boot_ns = *rc::gen::element<std::int64_t>(0, 1, 30 * kMillisecond, 200 * kMillisecond);
  site.notice_ns = *rc::gen::element<std::int64_t>(0, 100 * kMillisecond);
  // Odd ones are not the same out and back.
  site.rtt_ns = *rc::gen::element<std::int64_t>(0, 0, 1, 3 * kMillisecond, 7'000'001);
  site.spares = *rc::gen::inRange(0, 3);
  if (coin()) site.failures = Failures{after_ns(200, 3000), after_ns(20, 300)};
  if (*rc::gen::inRange(0, 3) == 0) {
    const std::int64_t off_ns = after_ns(20, 200);
    site.available = Availability{off_ns + after_ns(100, 500), off_ns, after_ns(0, 600)};
  }
}

inline Event any_fleet_event(const Scenario& scenario) {
  const Site site = *rc::gen::elementOf(scenario.fleet.sites);
  Event event;
  event.kind =
      *rc::gen::element(EventKind::join, EventKind::leave, EventKind::fail, EventKind::slow);
  // At whole tenths of a second they meet other events, and requests.
  event.at_ns = coin() ? *rc::gen::inRange<std::int64_t>(0, 15) * 100 * kMillisecond
                       : *rc::gen::inRange<std::int64_t>(1, 1500 * kMillisecond);
  event.site = site.name;
  event.measure = *rc::gen::inRange(0, 3) == 0;
  const auto some = *rc::gen::inRange<std::int64_t>(0, site.replicas + 1);
  if (some > 0) event.replicas = some;
  if (event.kind == EventKind::join || event.kind == EventKind::leave) {
    event.over_ns = *rc::gen::element<std::int64_t>(0, 70 * kMillisecond);
    if (event.kind == EventKind::join) return event;
    if (coin()) event.notice_ns = *rc::gen::element<std::int64_t>(0, 50 * kMillisecond);
    event.in_flight = *rc::gen::element(InFlight::finish, InFlight::move, InFlight::drop);
    return event;
  }
  if (coin()) {
    event.replicas.reset();
    event.share = *rc::gen::element(0.3, 1.0);
  }
  event.for_ns = *rc::gen::element<std::int64_t>(0, 1, 60 * kMillisecond, 400 * kMillisecond);
  if (event.kind == EventKind::fail) {
    event.in_flight = *rc::gen::element(InFlight::move, InFlight::drop);
    return event;
  }
  event.decode_ppm = *rc::gen::element<std::int64_t>(300'000, 1'000'000, 1'350'001, 9'000'000);
  event.prefill_ppm = *rc::gen::element<std::int64_t>(500'000, 1'000'000, 2'222'222);
  return event;
}

/// Of whatever there is otherwise.
inline void randomise_fleet(Scenario& scenario) {
  for (Site& site : scenario.fleet.sites) {
    if (coin()) randomise_course(site);
    if (scenario.fleet.router == RouterPolicy::spill && coin()) {
      site.max_in_flight = *rc::gen::inRange<std::int64_t>(1, 30);
    }
    site.prefix_cache_tokens = *rc::gen::element<std::int64_t>(0, 0, 150, 2000);
  }
  for (Tenant& tenant : scenario.tenants) {
    if (coin()) tenant.slo.itl_ns = *rc::gen::element(2 * kMillisecond, 15 * kMillisecond);
    if (coin()) continue;
    for (const Site& site : scenario.fleet.sites) {
      if (coin()) tenant.sites.push_back(site.name);
    }
  }
  const int events = *rc::gen::inRange(0, 8);
  for (int i = 0; i < events; ++i) scenario.events.push_back(any_fleet_event(scenario));
  std::ranges::stable_sort(scenario.events, {}, &Event::at_ns);
  for (Throttle& throttle : scenario.throttles) {
    const bool has_size = traits_of(throttle.kind).has_rate || throttle.limit;
    if (traits_of(throttle.kind).is_adaptive || !has_size || coin()) continue;
    throttle.follows = Follows::capacity;
    throttle.lag_ns = *rc::gen::element<std::int64_t>(0, 40 * kMillisecond);
  }
}

/// Every site states what its accelerators draw, and nothing holds it back.
inline void state_power(Scenario& scenario) {
  for (std::size_t i = 0; i < scenario.fleet.sites.size(); ++i) {
    Profile& profile = scenario.profiles[i];
    if (!profile.accelerator) profile.accelerator = Accelerator{"x", 1, 3.35, 989, 80, 0, {}};
    profile.accelerator->power = AcceleratorPower{75.5, 700, 300, 600, 1.5, "", false};
    PowerSettings power;
    power.pue = *rc::gen::element(1.0, 1.15);
    power.per_accelerator_mw = *rc::gen::element<std::int64_t>(0, 31'001);
    scenario.fleet.sites[i].power = power;
  }
}

/// What may hold it back: limits that bind, batteries that are soon empty, and the grid.
inline void randomise_power(Scenario& scenario) {
  state_power(scenario);
  for (Site& site : scenario.fleet.sites) {
    if (*rc::gen::inRange(0, 4) == 0) continue;
    PowerSettings& power = *site.power;
    const auto any_limit = [&] {
      const SiteBounds bounds = *site_bounds(scenario, site);
      return bounds.idle_mw + (bounds.nameplate_mw - bounds.idle_mw) *
                                  *rc::gen::element<std::int64_t>(1, 20, 40, 70) / 100;
    };
    power.limit_mw = any_limit();
    // As the reader sees to it: no step is too long, however much it is slowed down.
    site.kv_tokens = std::min<std::int64_t>(site.kv_tokens, 900);
    power.control_ns = *rc::gen::element(20 * kMillisecond, 70'000'001L, 300 * kMillisecond);
    power.when_over = *rc::gen::element(WhenOver::slow, WhenOver::batch);
    if (coin()) power.battery = Battery{*rc::gen::inRange<std::int64_t>(0, 100), 300'000};
    if (coin()) continue;
    Event event;
    event.kind = EventKind::power;
    event.at_ns = *rc::gen::inRange<std::int64_t>(1, 15) * 100 * kMillisecond;
    event.site = site.name;
    event.limit_mw = any_limit();
    event.over_ns = *rc::gen::element<std::int64_t>(0, 100 * kMillisecond);
    event.for_ns = *rc::gen::element<std::int64_t>(0, 200 * kMillisecond);
    scenario.events.push_back(event);
  }
  std::ranges::stable_sort(scenario.events, {}, &Event::at_ns);
}

/// On some sites, which keep a replica for tenants where they have several.
inline void randomise_jobs(Scenario& scenario) {
  for (const Site& site : scenario.fleet.sites) {
    if (site.replicas < 2 || coin()) continue;
    Job job;
    job.name = "job on " + site.name;
    job.site = site.name;
    job.replicas = *rc::gen::inRange<std::int64_t>(1, site.replicas);
    job.yields = *rc::gen::inRange<std::int64_t>(0, job.replicas + 1);
    job.priority = *rc::gen::inRange<std::int64_t>(0, 3);
    job.step_ns = *rc::gen::element<std::int64_t>(10 * kMillisecond, 33'333'333, kSecond / 2);
    job.interconnect_ns = *rc::gen::element<std::int64_t>(0, 1'000'001);
    job.control_ns = *rc::gen::element<std::int64_t>(10 * kMillisecond, 77'777'777, kSecond / 4);
    scenario.jobs.push_back(job);
  }
}

/// Clients of all sorts, several throttles of every kind, events, refunds, preemption, chunked
/// prefill, every router; a fleet that stays, or one to which everything happens, with or without
/// limits of power, and jobs.
inline Scenario any_scenario() {
  Scenario scenario;
  scenario.name = "any";
  scenario.run.engine = Engine::simulated;
  scenario.run.seed = *rc::gen::arbitrary<std::uint16_t>();
  scenario.run.duration_ns = 1500 * kMillisecond;
  scenario.run.warmup_ns = *rc::gen::element<std::int64_t>(0, kSecond / 4);
  scenario.run.settle_ns = kSecond / 4;
  scenario.run.cooldown_max_ns = *rc::gen::element(1 * kMillisecond, kSecond / 2, 10 * kSecond);
  scenario.fleet.router =
      *rc::gen::element(RouterPolicy::shared_queue, RouterPolicy::round_robin, RouterPolicy::random,
                        RouterPolicy::power_of_two, RouterPolicy::least_loaded,
                        RouterPolicy::session_affinity, RouterPolicy::spill);
  // Of 1 ns a report is due whenever something happens, and not a billion times a second.
  scenario.fleet.load_report_interval_ns = *rc::gen::element<std::int64_t>(
      0, 0, 1, kMillisecond / 3, 10 * kMillisecond, 100 * kMillisecond);
  const std::size_t sites = *rc::gen::inRange<std::size_t>(1, 4);
  for (std::size_t i = 0; i < sites; ++i) {
    scenario.fleet.sites.push_back(any_site(i));
    scenario.profiles.push_back(any_profile(scenario.fleet.sites.back().profile));
  }
  const std::size_t tenants = *rc::gen::element<std::size_t>(1, 1, 2, 3);
  for (std::size_t i = 0; i < tenants; ++i) scenario.tenants.push_back(any_tenant(i));
  randomise_throttles(scenario);
  if (coin()) randomise_fleet(scenario);
  if (*rc::gen::inRange(0, 3) == 0) randomise_power(scenario);
  if (*rc::gen::inRange(0, 3) == 0) randomise_jobs(scenario);
  return scenario;
}

}  // namespace tokenlift
