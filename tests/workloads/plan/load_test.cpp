// What is offered beside what throttles let pass, of scenarios with round figures.

#include "workloads/plan/load.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/workloads/plan/lift_scenario.hpp"
#include "workloads/plan/demand.hpp"

namespace tokenlift::load_test {
namespace {

/// 500 tokens/s of the tenant `users`, and 4 requests/s of 200 prompt and 25 output tokens of
/// `more`.
Scenario two_tenants() {
  Scenario scenario = lift_scenario();
  scenario.tenants.push_back(make_tenant(per_s(4), 200, 25));
  scenario.tenants[1].name = "more";
  scenario.tenants[1].users = 10;
  scenario.tenants[1].max_tokens = 100;
  scenario.throttles[0].burst.units = 100;
  return scenario;
}

TEST(TenantLoads, AreRequestsAndOutputTokens) {
  const std::vector<TenantLoad> loads = tenant_loads(resolve(two_tenants(), std::nullopt));
  ASSERT_EQ(loads.size(), 2U);
  EXPECT_EQ(loads[0].tenant, "users");
  EXPECT_NEAR(loads[0].tokens_per_s, 500, 0.5);
  EXPECT_EQ(loads[1].requests_per_s, 4);
  EXPECT_NEAR(loads[1].tokens_per_s, 100, 0.1);
  EXPECT_FALSE(loads[1].closed);
}

TEST(TenantLoads, ChangeWhereTheShapeDoesOverThePhaseThatLasts) {
  using Names = std::vector<std::string>;
  Scenario scenario = two_tenants();  // 10 s to the lift
  EXPECT_EQ(tenants_of_changing_load(scenario), Names{});
  scenario.run.settle_ns = 5 * kS;
  scenario.run.duration_ns = 75 * kS;  // `after` from 15 s on
  Shape& shape = scenario.tenants[1].arrivals.shape.emplace();
  shape.kind = ShapeKind::ramp;
  shape.to = 2;
  shape.length_ns = 14 * kS;
  EXPECT_EQ(tenants_of_changing_load(scenario), Names{}) << "it is over";
  shape.length_ns = 40 * kS;
  EXPECT_EQ(tenants_of_changing_load(scenario), Names{"more"});
  shape.to = 1.05;
  EXPECT_EQ(tenants_of_changing_load(scenario), Names{});
  shape.kind = ShapeKind::burst;
  shape.to = 5;
  shape.length_ns = kS;
  shape.period_ns = 4 * kS;
  EXPECT_EQ(tenants_of_changing_load(scenario), Names{}) << "five of them in each third";
  scenario.events.clear();
  shape.kind = ShapeKind::ramp;
  shape.length_ns = 14 * kS;
  EXPECT_EQ(tenants_of_changing_load(scenario), Names{"more"}) << "it is all `steady`";
}

TEST(ThrottleLoads, OfAFleetsLimitIsOneForAll) {
  const std::vector<ThrottleLoad> loads = throttle_loads(resolve(two_tenants(), std::nullopt));
  ASSERT_EQ(loads.size(), 1U);
  EXPECT_EQ(loads[0].tenant, "");
  EXPECT_NEAR(loads[0].offered_per_s, 600, 1);
  EXPECT_NEAR(loads[0].taken_per_s, 10 * 50 + 4 * 100, 1) << "reserved from max_tokens";
  EXPECT_EQ(loads[0].limit_per_s, 300);
  EXPECT_FALSE(loads[0].limit_after_per_s) << "it is lifted";
}

TEST(ThrottleLoads, OfUsersAreByTenantAndAllOfThemTogether) {
  Scenario scenario = two_tenants();
  scenario.throttles[0].scope = Scope::user;
  scenario.throttles[0].charge = Charge::after;
  scenario.throttles[0].burst.units = 100;
  scenario.events[0].kind = EventKind::set;
  scenario.events[0].rate = per_s(400);
  const std::vector<ThrottleLoad> loads = throttle_loads(resolve(scenario, std::nullopt));
  ASSERT_EQ(loads.size(), 2U);
  EXPECT_EQ(loads[1].tenant, "more");
  EXPECT_EQ(loads[1].keys, 10);
  EXPECT_EQ(loads[1].limit_per_s, 3000);
  EXPECT_EQ(loads[1].limit_after_per_s, 4000);
  EXPECT_NEAR(loads[1].taken_per_s, 100, 0.1) << "charged as used";
  EXPECT_EQ(loads[0].limit_per_s, 300);
}

TEST(ThrottleLoads, AreInTheUnitOfTheThrottle) {
  const auto offered = [](Unit unit) {
    Scenario scenario = resolve(two_tenants(), std::nullopt);
    scenario.throttles[0].unit = unit;
    return throttle_loads(scenario).front().offered_per_s;
  };
  EXPECT_NEAR(offered(Unit::requests), 14, 1e-9);
  EXPECT_NEAR(offered(Unit::input_tokens), 10 * 100 + 4 * 200, 2);
  EXPECT_NEAR(offered(Unit::tokens), 10 * 150 + 4 * 225, 3);
}

TEST(ThrottleLoads, WhatIsInFlightIsNoRate) {
  Scenario scenario = resolve(two_tenants(), std::nullopt);
  scenario.throttles[0].kind = ThrottleKind::concurrency;
  scenario.throttles[0].limit = 8;
  EXPECT_FALSE(throttle_loads(scenario).front().limit_per_s);
  scenario = resolve(two_tenants(), std::nullopt);
  scenario.throttles[0].mode = Mode::shadow;
  EXPECT_FALSE(throttle_loads(scenario).front().limit_per_s);
}

}  // namespace
}  // namespace tokenlift::load_test
