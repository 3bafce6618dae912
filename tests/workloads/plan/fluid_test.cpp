// The fluid model of a lift: backlog and drain, by hand.

#include "workloads/plan/fluid.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/workloads/plan/lift_scenario.hpp"

namespace tokenlift::fluid_test {
namespace {

TEST(FluidDrain, OfAQueueWithoutAMaxWaitIsItsGrowth) {
  const FluidDrain drain = fluid_drain(resolve(lift_scenario(), std::nullopt));
  EXPECT_DOUBLE_EQ(drain.backlog_tokens, 1950);
  EXPECT_DOUBLE_EQ(drain.drain_s.value(), 3.9);
}

TEST(FluidDrain, MaxWaitBoundsTheBacklog) {
  Scenario scenario = lift_scenario();
  scenario.throttles[0].max_wait_ns = 2 * kS;
  const FluidDrain drain = fluid_drain(resolve(scenario, std::nullopt));
  EXPECT_DOUBLE_EQ(drain.backlog_tokens, 1000);  // 2 s of 500/s
  EXPECT_DOUBLE_EQ(drain.drain_s.value(), 2);
}

TEST(FluidDrain, UsersWhoLeaveBoundTheBacklog) {
  Scenario scenario = lift_scenario();
  Tenant& tenant = scenario.tenants[0];
  tenant.deadline_ns = 3 * kS;
  EXPECT_DOUBLE_EQ(fluid_drain(resolve(scenario, std::nullopt)).backlog_tokens, 1500);
  tenant.patience = Wait{WaitDistribution::constant, 2 * kS};
  EXPECT_DOUBLE_EQ(fluid_drain(resolve(scenario, std::nullopt)).backlog_tokens, 1000);
  tenant.deadline_ns.reset();
  tenant.patience = Wait{WaitDistribution::exponential, 2 * kS};
  // From when the burst is spent, after 0.25 s, 200 a second come, and half of what is there goes.
  const FluidDrain drain = fluid_drain(resolve(scenario, std::nullopt));
  EXPECT_NEAR(drain.backlog_tokens, 400 * (1 - std::exp(-9.75 / 2)), 1e-9);
  EXPECT_NEAR(drain.drain_s.value(), drain.backlog_tokens / 500, 1e-9);
}

TEST(FluidDrain, GoesThroughWhatChangesOnTheWay) {
  Scenario scenario = lift_scenario();
  Event set = scenario.events[0];
  scenario.events[0].measure = true;
  set.kind = EventKind::set;
  set.at_ns = 12 * kS;  // 950 of the 1950 are left
  set.rate = per_s(700);
  scenario.events.push_back(set);
  EXPECT_DOUBLE_EQ(fluid_drain(resolve(scenario, std::nullopt)).drain_s.value(), 2 + 950 / 200.0);
  scenario.events[1].rate = per_s(300);
  EXPECT_TRUE(fluid_drain(resolve(scenario, std::nullopt)).never());
  scenario.events[1].at_ns = 14 * kS;
  EXPECT_DOUBLE_EQ(fluid_drain(resolve(scenario, std::nullopt)).drain_s.value(), 3.9);
}

// Nothing waits when half of the fleet goes, and from then on it can't carry what is offered.
TEST(FluidDrain, IsNeverWhereABacklogBeginsToGrow) {
  Scenario scenario = lift_scenario();
  scenario.throttles.clear();
  scenario.tenants[0].arrivals.rate = per_s(12);
  scenario.fleet.sites[0].name = "hall";
  scenario.fleet.sites[0].replicas = 2;
  Event leave;
  leave.kind = EventKind::leave;
  leave.site = "hall";
  leave.at_ns = 10 * kS;
  leave.replicas = 1;
  scenario.events = {leave};
  const Scenario overloaded = resolve(scenario, std::nullopt);
  EXPECT_TRUE(fluid_drain(overloaded).never());
  EXPECT_EQ(overloaded.run.settle_ns, 5 * kS) << "no backlog that a transition would wait for";
  EXPECT_TRUE(has_warning(overloaded, "the fleet carries 500: the backlog never drains"));
  scenario.tenants[0].arrivals.rate = per_s(9);
  const Scenario carried = resolve(scenario, std::nullopt);
  EXPECT_EQ(fluid_drain(carried).drain_s, 0);
  EXPECT_FALSE(has_warning(carried, "never drains"));
  Event back = leave;
  back.kind = EventKind::join;
  back.at_ns = 20 * kS;
  scenario.events[0].measure = true;
  scenario.events.push_back(back);
  scenario.tenants[0].arrivals.rate = per_s(12);
  const Scenario helped = resolve(scenario, std::nullopt);
  EXPECT_DOUBLE_EQ(fluid_drain(helped).drain_s.value(), 10 + 1000 / 400.0);
  EXPECT_FALSE(has_warning(helped, "never drains"));
}

TEST(FluidDrain, AnEarlierEventCounts) {
  Scenario scenario = lift_scenario();
  Event tighten;
  tighten.at_ns = 5 * kS;
  tighten.kind = EventKind::set;
  tighten.throttle = "limit";
  tighten.rate = per_s(100);
  scenario.events.insert(scenario.events.begin(), tighten);
  scenario.events[1].measure = true;
  const FluidDrain drain = fluid_drain(resolve(scenario, std::nullopt));
  EXPECT_DOUBLE_EQ(drain.backlog_tokens, 5 * 200 + 5 * 400 - 50);
}

TEST(FluidDrain, IsZeroWhereNothingQueues) {
  Scenario rejecting = lift_scenario();
  rejecting.throttles[0].when_full = WhenFull::reject;
  Scenario wide = lift_scenario();
  wide.throttles[0].rate = per_s(600);
  Scenario no_event = lift_scenario();
  no_event.events.clear();
  for (const Scenario& scenario : {rejecting, wide, no_event}) {
    const FluidDrain drain = fluid_drain(resolve(scenario, std::nullopt));
    EXPECT_EQ(drain.backlog_tokens, 0);
    EXPECT_EQ(drain.drain_s, 0);
  }
}

TEST(FluidDrain, IsAbsentWhereTheBacklogNeverDrains) {
  Scenario small_fleet = lift_scenario();
  small_fleet.fleet.capacity_tokens_per_s = 450;
  Scenario small_limit = lift_scenario();
  small_limit.events[0].kind = EventKind::set;
  small_limit.events[0].rate = per_s(500);
  for (const Scenario& scenario : {small_fleet, small_limit}) {
    const FluidDrain drain = fluid_drain(resolve(scenario, std::nullopt));
    EXPECT_GT(drain.backlog_tokens, 0);
    EXPECT_FALSE(drain.drain_s);
  }
}

TEST(FluidDrain, OfAnUnlimitedFleetIsInstant) {
  Scenario scenario = lift_scenario();
  scenario.fleet.capacity_tokens_per_s.reset();
  const FluidDrain drain = fluid_drain(resolve(scenario, std::nullopt));
  EXPECT_DOUBLE_EQ(drain.backlog_tokens, 1950);
  EXPECT_EQ(drain.drain_s, 0);
}

TEST(FluidDrain, LimitsInOtherUnitsAreComparedInOutputTokens) {
  Scenario scenario = lift_scenario();
  scenario.throttles[0].unit = Unit::requests;
  scenario.throttles[0].rate = per_s(6);  // 300 tokens/s
  scenario.throttles[0].burst.units = 1;  // 50 tokens
  EXPECT_DOUBLE_EQ(fluid_drain(resolve(scenario, std::nullopt)).backlog_tokens, 1950);
  scenario.throttles[0].unit = Unit::input_tokens;
  scenario.throttles[0].rate = per_s(600);  // 300 tokens/s
  scenario.throttles[0].burst.units = 100;  // 50 tokens
  EXPECT_DOUBLE_EQ(fluid_drain(resolve(scenario, std::nullopt)).backlog_tokens, 1950);
}

TEST(ClosedTenants, OfferWhatTheyCanAskForAtMost) {
  Scenario scenario = lift_scenario();
  Tenant closed = make_tenant({}, 100, 50);
  closed.arrivals.process = Process::closed;
  closed.arrivals.think = Wait{WaitDistribution::constant, 5 * kS};
  closed.users = 150;
  scenario.tenants.push_back(closed);
  EXPECT_DOUBLE_EQ(request_shares(scenario)[1], 0.75);  // 30/s beside 10/s
  // They overload nothing: of the queue's 950 tokens/s 450 are theirs, at most 150 requests.
  scenario.tenants.front().arrivals.rate = per_s(1);
  const Scenario resolved = resolve(scenario, std::nullopt);
  EXPECT_FALSE(has_warning(resolved, "without a max_wait"));
  EXPECT_DOUBLE_EQ(fluid_drain(resolved).backlog_tokens, 150 * 50);
  EXPECT_FALSE(fluid_drain(resolved).never());
}

TEST(FluidDrain, ReadsTheLimitOfEveryKind) {
  const auto backlog = [](auto change) {
    Scenario scenario = lift_scenario();
    scenario.throttles[0].burst.units = 50;
    change(scenario, scenario.throttles[0]);
    return fluid_drain(resolve(scenario, std::nullopt)).backlog_tokens;
  };
  EXPECT_DOUBLE_EQ(backlog([](Scenario&, Throttle& t) {
                     t.kind = ThrottleKind::leaky_bucket;
                     t.burst = {};
                   }),
                   2000);
  EXPECT_DOUBLE_EQ(backlog([](Scenario&, Throttle& t) {
                     t.kind = ThrottleKind::fixed_window;
                     t.rate = {};
                     t.limit = 300;
                     t.window_ns = kS;
                   }),
                   1700);
  EXPECT_DOUBLE_EQ(backlog([](Scenario& s, Throttle& t) {
                     t.scope = Scope::user;
                     t.rate = per_s(3);
                     s.tenants[0].users = 100;
                   }),
                   0);  // each user has a burst
  EXPECT_DOUBLE_EQ(backlog([](Scenario&, Throttle& t) {
                     t.rate = per_s(600);
                     t.burst.units = 100;
                     t.schedule = {{0x7f, 0, 3600, 2}};
                   }),
                   1950);
  EXPECT_DOUBLE_EQ(backlog([](Scenario& s, Throttle& t) {
                     Tenant other = make_tenant(per_s(2), 100, 50);
                     other.name = "others";
                     s.tenants.push_back(other);
                     t.tenants = {"users"};
                   }),
                   1950);
  EXPECT_DOUBLE_EQ(backlog([](Scenario&, Throttle& t) { t.mode = Mode::shadow; }), 0);
  EXPECT_DOUBLE_EQ(backlog([](Scenario&, Throttle& t) {
                     t.kind = ThrottleKind::concurrency;
                     t.rate = {};
                     t.limit = 64;
                   }),
                   0);
  EXPECT_DOUBLE_EQ(backlog([](Scenario& s, Throttle&) {
                     Throttle queue;
                     queue.name = "queue";
                     queue.kind = ThrottleKind::queue_limit;
                     queue.unit = Unit::requests;
                     queue.limit = 5;
                     s.throttles.push_back(queue);
                   }),
                   250);
}

TEST(FluidDrain, OfARampCountsFromItsEnd) {
  Scenario scenario = lift_scenario();
  Event& ramp = scenario.events[0];
  ramp.kind = EventKind::ramp;
  ramp.rate = per_s(700);
  ramp.over_ns = 10 * kS;
  const Scenario resolved = resolve(scenario, std::nullopt);
  EXPECT_DOUBLE_EQ(fluid_drain(resolved).backlog_tokens, 1950);
  EXPECT_NEAR(fluid_drain(resolved).drain_s.value(), 1950.0 / 200, 1e-6);
}

// Half of the fleet fails for 10 s: what it can't carry in that time drains once it is back.
TEST(FluidDrain, GoesByWhoServes) {
  Scenario scenario = lift_scenario();
  scenario.throttles.clear();
  scenario.tenants[0].arrivals.rate = per_s(15);  // 750 of 1000 tokens/s
  scenario.fleet.sites[0].name = "hall";
  scenario.fleet.sites[0].replicas = 2;
  Event fail;
  fail.kind = EventKind::fail;
  fail.site = "hall";
  fail.at_ns = 10 * kS;
  fail.replicas = 1;
  fail.for_ns = 10 * kS;
  scenario.events = {fail};
  const FluidDrain drain = fluid_drain(scenario);
  EXPECT_EQ(drain.backlog_tokens, 0) << "at its begin";
  EXPECT_EQ(drain.limit_tokens_per_s, 1000);
  EXPECT_DOUBLE_EQ(drain.drain_s.value(), 10) << "2500 tokens, of which 250 a second go";
  EXPECT_EQ(resolve(scenario, std::nullopt).run.settle_ns, 20 * kS);
}

}  // namespace
}  // namespace tokenlift::fluid_test
