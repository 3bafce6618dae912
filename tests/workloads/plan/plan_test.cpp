#include "workloads/plan/plan.hpp"

#include <gtest/gtest.h>

#include <numbers>
#include <string>
#include <vector>

#include "tests/workloads/plan/lift_scenario.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift::plan_test {
namespace {

TEST(ReplicaCount, IsOverAllSites) {
  Scenario scenario = lift_scenario();
  scenario.fleet.sites[0].replicas = 3;
  scenario.fleet.sites.push_back(scenario.fleet.sites[0]);
  EXPECT_EQ(replica_count(scenario), 6);
}

TEST(NeedsCapacity, WhereALoadStandsAndNoCapacityIsStated) {
  Scenario scenario = lift_scenario();
  scenario.fleet.capacity_tokens_per_s.reset();
  EXPECT_FALSE(needs_capacity(scenario));
  Scenario by_tenant = scenario;
  by_tenant.tenants[0].arrivals.rate = load(0.5);
  EXPECT_TRUE(needs_capacity(by_tenant));
  Scenario by_throttle = scenario;
  by_throttle.throttles[0].rate = load(0.5);
  EXPECT_TRUE(needs_capacity(by_throttle));
  Scenario by_event = scenario;
  by_event.events[0].kind = EventKind::set;
  by_event.events[0].rate = load(0.5);
  EXPECT_TRUE(needs_capacity(by_event));
  by_event.fleet.capacity_tokens_per_s = 1000;
  EXPECT_FALSE(needs_capacity(by_event));
}

TEST(RequestMix, WeighsTenantsByTheirRequestRates) {
  Scenario scenario = lift_scenario();
  scenario.tenants.push_back(make_tenant(per_s(30), 20, 10));
  EXPECT_EQ(request_shares(scenario), (std::vector<double>{0.25, 0.75}));
  EXPECT_DOUBLE_EQ(request_mix(scenario).prompt_tokens, 40);
  EXPECT_DOUBLE_EQ(request_mix(scenario).output_tokens, 20);
}

// Equal loads are equal output tokens/s, so the tenant with answers half as long has twice the

// requests, whatever the capacity.

TEST(RequestMix, OfLoadsDoesntDependOnTheCapacity) {
  Scenario scenario = lift_scenario();
  scenario.tenants = {make_tenant(load(0.3), 100, 50), make_tenant(load(0.3), 10, 25)};
  for (const double capacity : {1.0, 700.0, 5e6}) {
    scenario.fleet.capacity_tokens_per_s = capacity;
    EXPECT_NEAR(request_shares(scenario)[0], 1.0 / 3, 1e-12);
  }
  scenario.fleet.capacity_tokens_per_s.reset();
  EXPECT_NEAR(request_shares(scenario)[0], 1.0 / 3, 1e-12);
  EXPECT_NEAR(request_mix(scenario).prompt_tokens, 40, 1e-9);
}

TEST(RequestMix, OfATraceIsItsSummary) {
  Scenario scenario = lift_scenario();
  Trace trace;
  trace.summary = TraceSummary{100, 20 * kS, 400, 80, 1000, 200};
  scenario.tenants[0].arrivals.process = Process::trace;
  scenario.tenants[0].arrivals.trace = trace;
  scenario.tenants.push_back(make_tenant(per_s(15), 80, 40));
  EXPECT_EQ(request_shares(scenario), (std::vector<double>{0.25, 0.75}));  // 5/s and 15/s
  EXPECT_DOUBLE_EQ(request_mix(scenario).prompt_tokens, 160);
  EXPECT_EQ(largest_prompt_tokens(scenario.tenants[0]), 1000);
  EXPECT_EQ(largest_output_tokens(scenario.tenants[0]), 200);
}

TEST(Resolve, TurnsLoadsIntoRatesOfTheRightUnit) {
  Scenario scenario = lift_scenario();
  scenario.fleet.capacity_tokens_per_s.reset();
  scenario.tenants[0].arrivals.rate = load(0.7);
  scenario.throttles = {make_throttle(load(0.4)), make_throttle(load(0.4)),
                        make_throttle(load(0.4))};
  scenario.throttles[0].unit = Unit::output_tokens;
  scenario.throttles[1].unit = Unit::requests;
  scenario.throttles[2].unit = Unit::input_tokens;
  scenario.throttles[2].burst.units = 100;
  const Scenario resolved = resolve(scenario, 2000);
  EXPECT_EQ(resolved.fleet.capacity_tokens_per_s, 2000);
  EXPECT_EQ(resolved.tenants[0].arrivals.rate, per_s(28));  // 1400 tokens/s of 50
  EXPECT_EQ(resolved.throttles[0].rate, per_s(800));
  EXPECT_EQ(resolved.throttles[1].rate, per_s(16));
  EXPECT_EQ(resolved.throttles[2].rate, per_s(1600));
}

TEST(Resolve, StatedCapacityWinsAndAnUnusedOneIsNotStored) {
  Scenario scenario = lift_scenario();
  EXPECT_EQ(resolve(scenario, 7).fleet.capacity_tokens_per_s, 1000);
  scenario.fleet.capacity_tokens_per_s.reset();
  EXPECT_FALSE(resolve(scenario, 7).fleet.capacity_tokens_per_s);
}

TEST(Resolve, LoadWithoutAnyCapacityIsAnError) {
  Scenario scenario = lift_scenario();
  scenario.fleet.capacity_tokens_per_s.reset();
  scenario.throttles[0].rate = load(0.4);
  EXPECT_THROW(resolve(scenario, std::nullopt), ScenarioError);
}

TEST(Resolve, BurstOfSecondsIsNeverLessThanTheLargestRequest) {
  Scenario scenario = lift_scenario();
  scenario.tenants[0].max_tokens = 200;
  scenario.throttles[0].burst = Burst{2 * kS, std::nullopt};
  EXPECT_EQ(resolve(scenario, std::nullopt).throttles[0].burst, (Burst{std::nullopt, 600}));
  scenario.throttles[0].burst = Burst{kS / 10, std::nullopt};
  EXPECT_EQ(resolve(scenario, std::nullopt).throttles[0].burst, (Burst{std::nullopt, 200}));
  scenario.throttles[0].unit = Unit::input_tokens;
  EXPECT_EQ(resolve(scenario, std::nullopt).throttles[0].burst, (Burst{std::nullopt, 100}));
  scenario.throttles[0].unit = Unit::requests;
  scenario.throttles[0].rate = per_s(2);
  EXPECT_EQ(resolve(scenario, std::nullopt).throttles[0].burst, (Burst{std::nullopt, 1}));
}

TEST(Resolve, PlainBurstSmallerThanTheLargestRequestIsAnErrorThatNamesTheThrottle) {
  Scenario scenario = lift_scenario();
  scenario.throttles[0].burst.units = 49;
  try {
    resolve(scenario, std::nullopt);
    FAIL();
  } catch (const ScenarioError& error) {
    EXPECT_NE(std::string(error.what()).find("\"limit\""), std::string::npos);
  }
}

TEST(Resolve, EventTakesTheBurstWithItsRateIfThatIsInSeconds) {
  Scenario scenario = lift_scenario();
  scenario.events[0].kind = EventKind::set;
  scenario.events[0].rate = per_s(900);
  EXPECT_FALSE(resolve(scenario, std::nullopt).events[0].burst);  // a plain number stays
  scenario.throttles[0].burst = Burst{2 * kS, std::nullopt};
  Event second = scenario.events[0];
  second.at_ns = 20 * kS;
  second.rate.reset();
  second.burst = Burst{kS, std::nullopt};  // of the rate that the first event left
  scenario.events.push_back(second);
  const Scenario resolved = resolve(scenario, std::nullopt);
  EXPECT_EQ(resolved.throttles[0].burst.units, 600);
  EXPECT_EQ(resolved.events[0].burst, (Burst{std::nullopt, 1800}));
  EXPECT_EQ(resolved.events[1].burst, (Burst{std::nullopt, 900}));
}

TEST(Resolve, AdaptiveLimitsThatAnEventCrossesAreAnError) {
  Scenario scenario = lift_scenario();
  Throttle& throttle = scenario.throttles[0];
  throttle.kind = ThrottleKind::vegas;
  throttle.unit = Unit::requests;
  throttle.limit = 20;
  throttle.max_limit = 100;
  scenario.events[0].kind = EventKind::set;
  scenario.events[0].min_limit = 100;
  EXPECT_NO_THROW(resolve(scenario, std::nullopt));
  scenario.events[0].min_limit = 200;
  EXPECT_THROW(resolve(scenario, std::nullopt), ScenarioError);
}

TEST(Resolve, AnAdaptiveLimitThatNeverHoldsTheLargestRequestIsAnError) {
  Scenario scenario = lift_scenario();
  scenario.throttles[0].kind = ThrottleKind::aimd;
  scenario.throttles[0].unit = Unit::output_tokens;
  scenario.throttles[0].limit = 1;
  scenario.throttles[0].max_limit = static_cast<double>(scenario.tenants[0].max_tokens) - 1;
  EXPECT_THROW(resolve(scenario, std::nullopt), ScenarioError);
}

TEST(Resolve, IsIdempotent) {
  Scenario scenario = lift_scenario();
  scenario.fleet.capacity_tokens_per_s.reset();
  scenario.tenants[0].arrivals.rate = load(0.7);
  scenario.throttles[0].rate = load(0.4);
  scenario.throttles[0].burst = Burst{kS, std::nullopt};
  scenario.events[0].kind = EventKind::set;
  scenario.events[0].rate = load(0.9);
  const Scenario once = resolve(scenario, 1234.5);
  EXPECT_NE(once, scenario);
  EXPECT_EQ(resolve(once, 99.0), once);
  EXPECT_EQ(resolve(once, std::nullopt), once);
}

// The queue grows by 200/s from 50 tokens of credit on: 1950 at 10 s. It drains with the 500/s that

// the fleet has to spare.

TEST(Settle, DefaultsToOneAndAHalfDrainsAndFiveSeconds) {
  EXPECT_EQ(resolve(lift_scenario(), std::nullopt).run.settle_ns, 10'850'000'000);
  Scenario stated = lift_scenario();
  stated.run.settle_ns = 3 * kS;
  EXPECT_EQ(resolve(stated, std::nullopt).run.settle_ns, 3 * kS);
  Scenario endless = lift_scenario();
  endless.fleet.capacity_tokens_per_s = 450;
  EXPECT_EQ(resolve(endless, std::nullopt).run.settle_ns, 50 * kS);  // the rest of the run
  Scenario steady = lift_scenario();
  steady.events.clear();
  EXPECT_FALSE(resolve(steady, std::nullopt).run.settle_ns);
}

TEST(Settle, WhereTheFluidSeesNothingIsUntilWhoWaitedIsThrough) {
  Scenario unknown = lift_scenario();
  unknown.fleet.capacity_tokens_per_s.reset();
  EXPECT_EQ(resolve(unknown, std::nullopt).run.settle_ns, 50 * kS / 3);  // a third of the rest
  EXPECT_EQ(resolve(unknown, 1000).run.settle_ns, 10'850'000'000) << "known, though not needed";
  Scenario no_rate = lift_scenario();
  no_rate.run.duration_ns = 3600 * kS;
  no_rate.throttles[0].kind = ThrottleKind::concurrency;
  no_rate.throttles[0].unit = Unit::requests;
  no_rate.throttles[0].limit = 8;
  no_rate.throttles[0].max_wait_ns = 20 * kS;
  EXPECT_EQ(resolve(no_rate, std::nullopt).run.settle_ns, 50 * kS);
  no_rate.tenants[0].retry.policy = RetryPolicy::exponential;
  no_rate.tenants[0].retry.max_delay_ns = 7 * kS;
  EXPECT_EQ(resolve(no_rate, std::nullopt).run.settle_ns, 57 * kS);
}

TEST(Resolve, AWindowsLoadIsWhatItsShareOfTheCapacityUsesInOne) {
  Scenario scenario = lift_scenario();
  Throttle& window = scenario.throttles[0];
  window.kind = ThrottleKind::sliding_window;
  window.window_ns = 10 * kS;
  window.rate = load(0.3);
  window.burst = {};
  scenario.events[0].kind = EventKind::set;
  scenario.events[0].window_ns = 20 * kS;  // the limit goes along
  Event second = scenario.events[0];
  second.at_ns = 20 * kS;
  second.window_ns.reset();
  second.rate = load(0.6);
  Event third = second;
  third.rate.reset();
  third.limit = 70;
  Event fourth = scenario.events[0];
  scenario.events.insert(scenario.events.end(), {second, third, fourth});
  const Scenario resolved = resolve(scenario, std::nullopt);
  EXPECT_EQ(resolved.throttles[0].limit, 3000);
  EXPECT_EQ(resolved.throttles[0].rate, Rate{});
  EXPECT_EQ(resolved.events[0].limit, 6000);
  EXPECT_EQ(resolved.events[1].limit, 12'000);
  EXPECT_FALSE(resolved.events[1].rate);
  EXPECT_EQ(resolved.events[2].limit, 70);
  EXPECT_FALSE(resolved.events[3].limit);  // a plain number stays
  EXPECT_EQ(resolve(resolved, std::nullopt), resolved);
  window.window_ns = kS / 100;  // 3 tokens
  EXPECT_THROW(resolve(scenario, std::nullopt), ScenarioError);
}

TEST(Resolve, ARampsEndsAreRatesAndItsBurstGoesAlong) {
  Scenario scenario = lift_scenario();
  scenario.throttles[0].burst = Burst{2 * kS, std::nullopt};
  Event& ramp = scenario.events[0];
  ramp.kind = EventKind::ramp;
  ramp.rate = load(0.9);
  ramp.from = load(0.1);
  ramp.over_ns = 10 * kS;
  const Scenario resolved = resolve(scenario, std::nullopt);
  EXPECT_EQ(resolved.events[0].rate, per_s(900));
  EXPECT_EQ(resolved.events[0].from, per_s(100));
  EXPECT_EQ(resolved.events[0].burst, (Burst{std::nullopt, 1800}));
  EXPECT_EQ(resolve(resolved, std::nullopt), resolved);
}

TEST(Resolve, BurstsHoldTheLargestRequestInTheDearestHoursOfTheTenantsLookedAt) {
  Scenario scenario = lift_scenario();
  scenario.throttles[0].burst = Burst{kS / 10, std::nullopt};
  scenario.throttles[0].schedule = {{0x7f, 0, 3600, 2.5}};
  EXPECT_EQ(resolve(scenario, std::nullopt).throttles[0].burst.units, 125);
  Tenant other = make_tenant(per_s(1), 10, 20);
  other.name = "others";
  scenario.tenants.push_back(other);
  scenario.throttles[0].tenants = {"others"};
  EXPECT_EQ(resolve(scenario, std::nullopt).throttles[0].burst.units, 50);
}

// Every prompt is 10 and every answer 5: prompts of 10, 25 and 40 tokens, and the fourth, of 55,

// is not asked.

TEST(Sessions, CountAsTheTurnsThatTheyHave) {
  const Tenant tenant = session_tenant(per_s(2));
  EXPECT_DOUBLE_EQ(mean_prompt_tokens(tenant), 25);
  EXPECT_DOUBLE_EQ(mean_output_tokens(tenant), 5);
  EXPECT_EQ(largest_prompt_tokens(tenant), 54);
  Scenario scenario = lift_scenario();
  scenario.tenants = {tenant, make_tenant(per_s(2), 10, 5)};
  EXPECT_DOUBLE_EQ(request_shares(scenario)[0], 0.75);
  scenario.tenants = {session_tenant(load(0.3))};
  EXPECT_EQ(resolve(scenario, std::nullopt).tenants[0].arrivals.rate, per_s(20));  // sessions/s
}

TEST(Shapes, CountWithTheirMeanOverTheRun) {
  const auto share = [](const Shape& shape) {
    Scenario scenario = lift_scenario();  // of 60 s
    scenario.tenants.push_back(scenario.tenants[0]);
    scenario.tenants[1].arrivals.shape = shape;
    const std::vector<double> shares = request_shares(scenario);
    return shares[1] / shares[0];
  };
  EXPECT_NEAR(share({ShapeKind::ramp, 1, 3, 20 * kS, 20 * kS, 0, {}}), 2, 1e-12);
  EXPECT_NEAR(share({ShapeKind::ramp, 1, 3, 30 * kS, 60 * kS, 0, {}}), 1.25, 1e-12);
  EXPECT_NEAR(share({ShapeKind::steps, 1, 1, 0, 0, 0, {{30 * kS, 4.0}, {45 * kS, 0.0}}}), 1.5,
              1e-12);
  EXPECT_NEAR(share({ShapeKind::diurnal, 0.5, 1.5, 7 * kS, 0, 30 * kS, {}}), 1, 1e-12);
  EXPECT_NEAR(share({ShapeKind::diurnal, 0, 2, 0, 0, 120 * kS, {}}), 1, 1e-12);
  EXPECT_NEAR(share({ShapeKind::diurnal, 0, 2, 0, 0, 240 * kS, {}}), 1 + 2 / std::numbers::pi,
              1e-12);  // a quarter of a period from the peak on
  EXPECT_NEAR(share({ShapeKind::burst, 1, 7, 5 * kS, 5 * kS, 20 * kS, {}}), 2.5, 1e-12);
  EXPECT_NEAR(share({ShapeKind::mmpp, 1, 7, 0, 10 * kS, 20 * kS, {}}), 3, 1e-12);
}

// 300 tokens/s again, each time.

// From 300 to 700 over 10 s: 2000 grow to 2450 at 500 and shrink to 2000 again.

struct Span {
  std::string name;
  std::int64_t begin_s;
  std::int64_t end_s;
  bool measured;
  bool operator==(const Span&) const = default;
};

std::vector<Span> spans(const Scenario& scenario) {
  std::vector<Span> result;
  for (const Phase& phase : plan_phases(resolve(scenario, std::nullopt))) {
    result.push_back({phase.name, phase.begin_ns / kS, phase.end_ns / kS, phase.measured});
  }
  return result;
}

TEST(PlanPhases, DividesTheRunAtTheMeasuredEvent) {
  Scenario scenario = lift_scenario();
  scenario.run.settle_ns = 20 * kS;
  EXPECT_EQ(spans(scenario), (std::vector<Span>{{"warmup", 0, 2, false},
                                                {"before", 2, 10, true},
                                                {"transition", 10, 30, true},
                                                {"after", 30, 60, true},
                                                {"cooldown", 60, 90, false}}));
  Event marker = scenario.events[0];
  marker.at_ns = 5 * kS;
  scenario.events.insert(scenario.events.begin(), marker);
  EXPECT_EQ(spans(scenario)[1].end_s, 5);  // the first
  scenario.events[1].measure = true;
  EXPECT_EQ(spans(scenario)[1].end_s, 10);  // the one that says so
}

TEST(PlanPhases, ARampsTransitionLastsUntilItHasSettledAfterItsEnd) {
  Scenario scenario = lift_scenario();
  scenario.run.settle_ns = 20 * kS;
  scenario.events[0].kind = EventKind::ramp;
  scenario.events[0].rate = per_s(700);
  scenario.events[0].over_ns = 10 * kS;
  EXPECT_EQ(spans(scenario)[2], (Span{"transition", 10, 40, true}));
}

// A notice changes nothing yet, and a replica that joins serves when it has booted.
TEST(PlanPhases, SeveralMeasuredEventsHaveOneTransition) {
  Scenario scenario = lift_scenario();
  scenario.run.settle_ns = 5 * kS;
  Site& site = scenario.fleet.sites[0];
  site.name = "hall";
  site.replicas = 9;
  site.at_start = 5;
  site.boot_ns = 3 * kS;
  Event leave;
  leave.kind = EventKind::leave;
  leave.site = "hall";
  leave.at_ns = 12 * kS;
  leave.notice_ns = 10 * kS;
  leave.over_ns = 2 * kS;
  leave.replicas = 1;
  leave.measure = true;
  scenario.events.push_back(leave);
  EXPECT_EQ(spans(scenario)[2], (Span{"transition", 22, 29, true})) << "the lift is a marker";
  Event join = leave;
  join.kind = EventKind::join;
  join.at_ns = 15 * kS;
  join.over_ns = 20 * kS;
  scenario.events.push_back(join);
  EXPECT_EQ(spans(scenario)[2], (Span{"transition", 15, 43, true}));
  EXPECT_EQ(measured_events(scenario), (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(measured_event(scenario), 2U) << "what begins first";
}

TEST(PlanPhases, LeavesEmptyPhasesOut) {
  Scenario scenario = lift_scenario();
  scenario.run.warmup_ns = 0;
  scenario.run.cooldown_max_ns = 0;
  scenario.run.settle_ns = 0;
  EXPECT_EQ(spans(scenario), (std::vector<Span>{{"before", 0, 10, true}, {"after", 10, 60, true}}));
  scenario.run.settle_ns = 50 * kS;
  EXPECT_EQ(spans(scenario),
            (std::vector<Span>{{"before", 0, 10, true}, {"transition", 10, 60, true}}));
}

TEST(PlanPhases, WithoutAnEventThereIsOne) {
  Scenario scenario = lift_scenario();
  scenario.events.clear();
  EXPECT_EQ(spans(scenario),
            (std::vector<Span>{
                {"warmup", 0, 2, false}, {"steady", 2, 60, true}, {"cooldown", 60, 90, false}}));
}

}  // namespace
}  // namespace tokenlift::plan_test
