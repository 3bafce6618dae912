// The fleet in virtual time: jumping equals stepping to the last byte, on any number of workers.

#include "bench/virtual_fleet.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "tests/virtual_run.hpp"

namespace tokenlift {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1'000 * kMs;

Profile any_profile(const std::string& name) {
  Profile profile;
  profile.name = name;
  const auto up_to = [](std::int64_t most) { return *rc::gen::inRange<std::int64_t>(0, most); };
  // From a microsecond to some 20 ms a step; ties and zeros among the rest.
  profile.cost =
      CostModel{*rc::gen::element<std::int64_t>(999'999, 1'000'000, 7'123'456'789, 20'000'000'001),
                up_to(30'000'000),
                *rc::gen::element<std::int64_t>(0, 1, 41'100, 3'000'007),
                *rc::gen::element<std::int64_t>(0, 4'300'000'000),
                1 + up_to(50'000'000),
                *rc::gen::element<std::int64_t>(0, 1, 976'000)};
  return profile;
}

Lengths any_lengths(std::int64_t most) {
  Lengths lengths;
  lengths.distribution = *rc::gen::element(Distribution::constant, Distribution::uniform);
  lengths.max = *rc::gen::inRange<std::int64_t>(1, most);
  lengths.mean = static_cast<double>(lengths.max);
  return lengths;
}

Tenant any_tenant(std::size_t index) {
  Tenant tenant;
  tenant.name = "tenant " + std::to_string(index);
  // Constant gaps of whole milliseconds meet each other and the bins' edges.
  tenant.arrivals.process = *rc::gen::element(Process::poisson, Process::constant, Process::gamma);
  tenant.arrivals.rate.per_s = *rc::gen::element(1.0, 10.0, 50.0, 300.0);
  tenant.arrivals.cv = 3;
  tenant.prompt_tokens = any_lengths(200);
  tenant.output_tokens = any_lengths(120);
  tenant.max_tokens = tenant.output_tokens.max;
  tenant.slo.ttft_ns = 500 * kMs;
  return tenant;
}

Site any_site(std::size_t index) {
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

/// A lift, throttles that queue and reject, refunds, preemption, chunked prefill, every router.
Scenario any_scenario() {
  Scenario scenario;
  scenario.name = "any";
  scenario.run.engine = Engine::simulated;
  scenario.run.seed = *rc::gen::arbitrary<std::uint16_t>();
  scenario.run.duration_ns = 4 * kSecond;
  scenario.run.warmup_ns = *rc::gen::element<std::int64_t>(0, kSecond / 2);
  scenario.run.settle_ns = kSecond;
  scenario.run.cooldown_max_ns = *rc::gen::element(1 * kMs, kSecond, 30 * kSecond);
  scenario.fleet.router =
      *rc::gen::element(RouterPolicy::shared_queue, RouterPolicy::round_robin, RouterPolicy::random,
                        RouterPolicy::power_of_two, RouterPolicy::least_loaded);
  scenario.fleet.load_report_interval_ns =
      *rc::gen::element<std::int64_t>(0, 0, kMs / 3, 10 * kMs, 100 * kMs);
  const std::size_t sites = *rc::gen::inRange<std::size_t>(1, 4);
  for (std::size_t i = 0; i < sites; ++i) {
    scenario.fleet.sites.push_back(any_site(i));
    scenario.profiles.push_back(any_profile(scenario.fleet.sites.back().profile));
  }
  const std::size_t tenants = *rc::gen::inRange<std::size_t>(1, 4);
  for (std::size_t i = 0; i < tenants; ++i) scenario.tenants.push_back(any_tenant(i));
  if (*rc::gen::arbitrary<bool>()) {
    Throttle throttle;
    throttle.name = "limit";
    throttle.unit = *rc::gen::element(Unit::requests, Unit::input_tokens, Unit::output_tokens);
    throttle.rate.per_s = *rc::gen::element(100.0, 2000.0);
    throttle.burst.units = 250;
    throttle.when_full = *rc::gen::element(WhenFull::queue, WhenFull::reject);
    if (throttle.when_full == WhenFull::queue) throttle.max_wait_ns = kSecond;
    scenario.throttles.push_back(throttle);
    Event lift;
    lift.at_ns = 2 * kSecond;
    lift.throttle = "limit";
    scenario.events.push_back(lift);
  }
  return scenario;
}

// The contract of the whole engine: nothing but speed depends on how time is passed.
RC_GTEST_PROP(VirtualFleet, JumpingEqualsSteppingToTheLastByte, ()) {
  const Scenario scenario = any_scenario();
  const std::string stepped = to_json(play_virtual(scenario, Stepping::each));
  RC_ASSERT(stepped == to_json(play_virtual(scenario, Stepping::jump)));
}

RC_GTEST_PROP(VirtualFleet, AnyNumberOfWorkersGivesTheSameBytes, ()) {
  Scenario scenario = any_scenario();
  scenario.fleet.load_report_interval_ns = *rc::gen::element(kMs, 50 * kMs);
  const std::string alone = to_json(play_virtual(scenario, Stepping::jump, 1));
  RC_ASSERT(alone == to_json(play_virtual(scenario, Stepping::jump, 2)));
  RC_ASSERT(alone == to_json(play_virtual(scenario, Stepping::jump, 5)));
}

}  // namespace
}  // namespace tokenlift
