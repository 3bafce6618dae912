#include "workloads/plan/composition.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <vector>

#include "tests/workloads/plan/changing_fleet.hpp"
#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift::composition_test {
namespace {

TEST(CapacityOf, AddsUpOverSites) {
  EXPECT_EQ(capacity_of(std::array{100.0, 30.0}, std::array<std::int64_t, 2>{2, 5}), 350);
}

TEST(CapacityOverTime, IsInShareOfTheStart) {
  Scenario scenario = fleet_of({site_of_replicas(4), site_of_replicas(1)});
  scenario.fleet.sites[0].at_start = 1;
  Event join = fleet_event(EventKind::join, 10, "site0");
  join.over_ns = 2 * kS;
  scenario.events = {join, fleet_event(EventKind::leave, 20, "site1")};
  EXPECT_EQ(capacity_over_time(scenario),
            (std::vector<CapacityShare>{
                {0, 1}, {10 * kS, 1.5}, {11 * kS, 2}, {12 * kS, 2.5}, {20 * kS, 2}}))
      << "by number";
  scenario.fleet.sites[0].capacity_tokens_per_s = 10;
  scenario.fleet.sites[1].capacity_tokens_per_s = 30;
  EXPECT_EQ(capacity_over_time(scenario),
            (std::vector<CapacityShare>{
                {0, 1}, {10 * kS, 1.25}, {11 * kS, 1.5}, {12 * kS, 1.75}, {20 * kS, 1}}));
}

TEST(CapacityOverTime, WithNobodyAtTheStartIsInShareOfAll) {
  Scenario scenario = fleet_of({site_of_replicas(2)});
  scenario.fleet.sites[0].at_start = 0;
  scenario.events = {fleet_event(EventKind::join, 10, "site0")};
  EXPECT_EQ(capacity_over_time(scenario), (std::vector<CapacityShare>{{0, 0}, {10 * kS, 1}}));
}

// Each step at the last of its instants, so that the capacity is there that it says.
TEST(CapacityOverTime, PutsWhatOneEventDoesIntoTwoHundredSteps) {
  Scenario scenario = fleet_of({site_of_replicas(1001)});
  scenario.fleet.sites[0].at_start = 1;
  Event join = fleet_event(EventKind::join, 10, "site0");
  join.over_ns = 50 * kS;
  scenario.events = {join};
  const std::vector<CapacityShare> shares = capacity_over_time(scenario);
  ASSERT_EQ(shares.size(), 201U);
  EXPECT_EQ(shares[1].share, 6);
  EXPECT_EQ(shares.back(), (CapacityShare{60 * kS, 1001}));
}

TEST(NeedsSiteCapacities, OfSitesThatDifferWhereAThrottleFollows) {
  Scenario scenario = fleet_of({site_of_replicas(4), site_of_replicas(1)});
  scenario.throttles.emplace_back();
  EXPECT_TRUE(sites_alike(scenario));
  scenario.throttles[0].follows = Follows::capacity;
  EXPECT_FALSE(needs_site_capacities(scenario));
  scenario.fleet.sites[1].max_batch += 1;
  EXPECT_FALSE(sites_alike(scenario));
  EXPECT_TRUE(needs_site_capacities(scenario));
  for (Site& site : scenario.fleet.sites) site.capacity_tokens_per_s = 10;
  EXPECT_FALSE(needs_site_capacities(scenario));
}

// Where there are few changes each of them is there.
RC_GTEST_PROP(CapacityOverTime, IsThatOfWhoServes, ()) {
  const Scenario scenario = changing_fleet();
  const std::vector<std::int64_t> begin = replicas_at_start(scenario);
  const std::vector<double> weights = replica_weights(scenario);
  RC_PRE(capacity_of(weights, begin) > 0);
  const std::vector<CapacityShare> shares = capacity_over_time(scenario);
  std::size_t at = 0;
  for (const ServingSpan& span : serving_over_time(scenario)) {
    while (at + 1 < shares.size() && shares[at + 1].at_ns <= span.at_ns) ++at;
    RC_ASSERT(shares[at].share ==
              capacity_of(weights, span.replicas) / capacity_of(weights, begin));
  }
}

}  // namespace
}  // namespace tokenlift::composition_test
