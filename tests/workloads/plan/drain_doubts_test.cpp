// Where the fluid drain is not known, and why: each reason where it holds, and where it does not.

#include "workloads/plan/drain_doubts.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/workloads/plan/lift_scenario.hpp"

namespace tokenlift::drain_doubts_test {
namespace {

FluidDrain drain_of(const Scenario& scenario) {
  return fluid_drain(resolve(scenario, std::nullopt));
}

std::string doubt_of(const Scenario& scenario) {
  const FluidDrain drain = drain_of(scenario);
  EXPECT_EQ(drain.doubt.empty(), drain.drain_s.has_value()) << "it is known, or it is said why";
  return drain.doubt;
}

TEST(DrainDoubts, NoneWhereTheModelSeesWhatDecides) {
  EXPECT_EQ(doubt_of(lift_scenario()), "");
}

TEST(DrainDoubts, WithoutASettleOfItsOwnTheTransitionIsAsLongAsWaitsAre) {
  Scenario scenario = lift_scenario();
  scenario.fleet.sites[0].name = "hall";
  Event slow;
  slow.kind = EventKind::slow;
  slow.at_ns = 5 * kS;
  slow.site = "hall";
  slow.decode_ppm = 2'000'000;
  scenario.events.push_back(slow);
  scenario.events[0].measure = true;
  EXPECT_EQ(doubt_of(scenario), "replicas are slow");
  EXPECT_EQ(drain_of(scenario).model_s.value(), 3.9);
  EXPECT_EQ(resolve(scenario, std::nullopt).run.settle_ns.value(), 50 * kS / 3);
  scenario.run.duration_ns = 600 * kS;
  scenario.throttles[0].max_wait_ns = 2 * kS;
  EXPECT_EQ(resolve(scenario, std::nullopt).run.settle_ns, 32 * kS);
  scenario.events[1].at_ns = 13 * kS;
  EXPECT_EQ(doubt_of(scenario), "") << "drained by then";
}

TEST(DrainDoubts, ALoadThatChangesByItself) {
  const std::string changes = "the load of tenant 'users' changes by itself";
  Scenario scenario = lift_scenario();
  Shape& shape = scenario.tenants[0].arrivals.shape.emplace();
  EXPECT_EQ(doubt_of(scenario), "") << "a shape without steps";
  shape.steps = {{0, 1.0}, {30 * kS, 1.0}, {60 * kS, 2.0}};
  EXPECT_EQ(doubt_of(scenario), "") << "from the end of the run on";
  // More than the fleet carries on average, and less than that after the lift.
  shape.steps = {{0, 10.0}, {10 * kS, 0.5}};
  EXPECT_EQ(doubt_of(scenario), changes);
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), "never drains"));
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), "without a max_wait"));
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), "no 'after'"));
  shape.kind = ShapeKind::mmpp;
  shape.period_ns = shape.length_ns = kS;
  EXPECT_EQ(doubt_of(scenario), "") << "bursts as high as the calm";
  shape.to = 3;
  EXPECT_EQ(doubt_of(scenario), changes);
  Scenario traced = lift_scenario();
  traced.tenants[0].arrivals.process = Process::trace;
  traced.tenants[0].arrivals.trace.emplace().summary = {600, 60 * kS, 100, 50, 100, 50};
  EXPECT_EQ(doubt_of(traced), changes);
}

TEST(DrainDoubts, ConversationsThatAllBeginInTheRun) {
  Scenario scenario = lift_scenario();
  scenario.tenants[0].arrivals.rate = per_s(4);
  Sessions& sessions = scenario.tenants[0].sessions.emplace();
  sessions.turns = {Distribution::constant, 3, 0, 1, 0};
  sessions.think = {WaitDistribution::constant, 4 * kS};
  sessions.max_context_tokens = 100'000;
  EXPECT_EQ(doubt_of(scenario), "") << "8 s of 10";
  sessions.think.mean_ns = 20 * kS;
  EXPECT_EQ(doubt_of(scenario), "the load of tenant 'users' changes by itself");
}

/// Places for so many requests in flight.
Throttle places(double limit) {
  Throttle throttle;
  throttle.name = "places";
  throttle.kind = ThrottleKind::concurrency;
  throttle.unit = Unit::requests;
  throttle.limit = limit;
  return throttle;
}

TEST(DrainDoubts, ALimitOnWhatIsInFlight) {
  Scenario scenario = lift_scenario();
  scenario.throttles.push_back(places(31));
  EXPECT_EQ(doubt_of(scenario), "'places' limits what is in flight");
  scenario.throttles[1].limit = 32;
  EXPECT_EQ(doubt_of(scenario), "") << "twice what its batch holds";
  scenario.throttles[1].kind = ThrottleKind::vegas;
  EXPECT_EQ(doubt_of(scenario), "'places' limits what is in flight") << "it moves by itself";
  scenario.throttles[1].mode = Mode::shadow;
  EXPECT_EQ(doubt_of(scenario), "");
  scenario.throttles[1].mode = Mode::enforce;
  scenario.throttles[1].kind = ThrottleKind::acceleration_limit;
  scenario.throttles[1].window_ns = kS;
  EXPECT_EQ(doubt_of(scenario), "'places' limits how fast use rises");
}

// More is offered than the fleet carries, and no more than so many are let in.
TEST(DrainDoubts, ABacklogThatIsBoundedIsNotOneThatNeverDrains) {
  Scenario scenario = lift_scenario();
  scenario.fleet.capacity_tokens_per_s = 450;
  EXPECT_TRUE(drain_of(scenario).never());
  EXPECT_EQ(resolve(scenario, std::nullopt).run.settle_ns, 50 * kS) << "all that is left";
  scenario.throttles.push_back(places(20));
  EXPECT_TRUE(drain_of(scenario).never()) << "they wait in front of it";
  scenario.throttles[1].when_full = WhenFull::reject;
  EXPECT_EQ(doubt_of(scenario), "'places' limits what is in flight");
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), "no 'after'"));
}

TEST(DrainDoubts, ALimitThatHoldsUsersBackAgainWhoGiveUp) {
  Scenario scenario = lift_scenario();
  scenario.events[0].kind = EventKind::set;
  scenario.events[0].rate = per_s(400);
  EXPECT_TRUE(drain_of(scenario).never());
  scenario.throttles[0].max_wait_ns = 2 * kS;
  EXPECT_EQ(doubt_of(scenario), "'limit' holds requests back after it, too");
  scenario.throttles[0].max_wait_ns.reset();
  scenario.tenants[0].patience = Wait{WaitDistribution::constant, 2 * kS};
  EXPECT_EQ(doubt_of(scenario), "'limit' holds requests back after it, too");
  scenario.events[0].rate = per_s(600);
  EXPECT_EQ(doubt_of(scenario), "");
}

TEST(DrainDoubts, ClientsThatAreRefusedComeBack) {
  Scenario scenario = lift_scenario();
  scenario.throttles[0].when_full = WhenFull::reject;
  EXPECT_EQ(doubt_of(scenario), "") << "they don't";
  scenario.tenants[0].retry.policy = RetryPolicy::fixed;
  const std::string come_back = "clients of tenant 'users' that are refused come back";
  EXPECT_EQ(doubt_of(scenario), come_back);
  scenario.throttles[0].rate = per_s(600);
  EXPECT_EQ(doubt_of(scenario), "") << "nobody is refused";
  scenario.throttles[0].rate = per_s(300);
  scenario.throttles[0].when_full = WhenFull::queue;
  EXPECT_EQ(doubt_of(scenario), "");
  Throttle queue;
  queue.name = "queue";
  queue.kind = ThrottleKind::queue_limit;
  queue.unit = Unit::requests;
  queue.limit = 5;
  scenario.throttles.push_back(queue);
  EXPECT_EQ(doubt_of(scenario), come_back) << "no room in the queue";
}

TEST(DrainDoubts, SeveralQueues) {
  Scenario scenario = lift_scenario();
  scenario.tenants.push_back(make_tenant(per_s(4), 100, 50));
  scenario.tenants[1].name = "others";
  scenario.throttles[0].tenants = {"users"};
  scenario.throttles.push_back(make_throttle(per_s(150)));
  scenario.throttles[1].name = "second";
  scenario.throttles[1].tenants = {"others"};
  scenario.throttles[1].max_wait_ns = 2 * kS;
  EXPECT_EQ(doubt_of(scenario), "'second' holds requests back after it, too");
  scenario.throttles[1].rate = per_s(250);
  EXPECT_EQ(doubt_of(scenario), "") << "more than others ask for";
  Event lift = scenario.events[0];
  lift.throttle = "second";
  scenario.throttles[1].rate = per_s(150);
  scenario.events[0].measure = lift.measure = true;
  scenario.events.push_back(lift);
  EXPECT_EQ(doubt_of(scenario), "'limit' and 'second' hold back different tenants");
  scenario.throttles[0].tenants.clear();
  scenario.throttles[1].tenants.clear();
  EXPECT_EQ(doubt_of(scenario), "") << "the narrower one holds back all";
}

TEST(DrainDoubts, ALimitOfItsOwnForEachTenant) {
  Scenario scenario = lift_scenario();
  scenario.tenants.push_back(make_tenant(per_s(2), 100, 50));
  scenario.tenants[1].name = "others";
  scenario.throttles[0].scope = Scope::tenant;
  EXPECT_EQ(doubt_of(scenario), "'limit' holds back tenant 'users', and not 'others'");
  scenario.tenants[1].arrivals.rate = per_s(7);
  EXPECT_EQ(doubt_of(scenario), "");
}

TEST(DrainDoubts, LongWindows) {
  Scenario scenario = lift_scenario();
  Throttle& throttle = scenario.throttles[0];
  throttle.kind = ThrottleKind::fixed_window;
  throttle.rate = {};
  throttle.limit = 6000;
  throttle.window_ns = 20 * kS;
  EXPECT_EQ(doubt_of(scenario), "") << "nobody waits: a whole window is there";
  scenario.events[0].at_ns = 40 * kS;
  EXPECT_EQ(doubt_of(scenario), "'limit' counts in windows of 20s");
  throttle.limit = 300;
  throttle.window_ns = kS;
  EXPECT_EQ(doubt_of(scenario), "");
}

TEST(DrainDoubts, UsersWhoDoNotAllWaitAsLong) {
  Scenario scenario = lift_scenario();
  scenario.tenants.push_back(make_tenant(per_s(2), 100, 50));
  scenario.tenants[1].name = "others";
  scenario.tenants[0].deadline_ns = 3 * kS;
  EXPECT_EQ(doubt_of(scenario), "users do not all wait as long at 'limit'");
  scenario.tenants[1].deadline_ns = 3 * kS;
  EXPECT_EQ(doubt_of(scenario), "");
}

TEST(DrainDoubts, ClosedTenantsWhoWait) {
  Scenario scenario = lift_scenario();
  Tenant& tenant = scenario.tenants[0];
  tenant.users = 20;
  tenant.arrivals.process = Process::closed;
  tenant.arrivals.think = Wait{WaitDistribution::constant, kS};
  EXPECT_EQ(doubt_of(scenario), "closed tenants ask no faster than they are answered");
  scenario.throttles[0].rate = per_s(2000);
  EXPECT_EQ(doubt_of(scenario), "") << "nobody waits";
}

TEST(DrainDoubts, WhatKeepsTheFleetFromDoingItsCapacity) {
  Scenario scenario = lift_scenario();
  scenario.fleet.sites[0].name = "a";
  scenario.fleet.sites.push_back(scenario.fleet.sites[0]);
  scenario.fleet.sites[1].name = "b";
  scenario.tenants[0].sites = {"a", "b"};
  scenario.fleet.router = RouterPolicy::round_robin;
  EXPECT_EQ(doubt_of(scenario), "");
  scenario.tenants[0].sites = {"a"};
  EXPECT_EQ(doubt_of(scenario), "tenant 'users' may use only some sites");
  scenario.tenants[0].sites.clear();
  scenario.fleet.sites[1].max_batch = 4;
  EXPECT_EQ(doubt_of(scenario), "router 'round_robin' does not look at how fast a replica is");
  scenario.fleet.router = RouterPolicy::least_loaded;
  EXPECT_EQ(doubt_of(scenario), "");
  scenario.fleet.sites[1].max_in_flight = 3;
  EXPECT_EQ(doubt_of(scenario), "");
  scenario.fleet.router = RouterPolicy::spill;
  EXPECT_EQ(doubt_of(scenario), "site 'b' takes only so many requests at once");
}

TEST(DrainDoubts, CachedInputThatIsNotCharged) {
  Scenario scenario = lift_scenario();
  Throttle& throttle = scenario.throttles[0];
  throttle.exempt_cached = true;
  throttle.unit = Unit::input_tokens;
  throttle.rate = per_s(600);
  throttle.burst.units = 100;
  EXPECT_EQ(doubt_of(scenario), "") << "no caches";
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt), "without a max_wait"));
  scenario.fleet.sites[0].prefix_cache_tokens = 100;
  EXPECT_EQ(doubt_of(scenario), "'limit' does not charge cached input");
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), "without a max_wait"));
}

}  // namespace
}  // namespace tokenlift::drain_doubts_test
