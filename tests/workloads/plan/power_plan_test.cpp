#include "workloads/plan/power_plan.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "tests/workloads/plan/changing_fleet.hpp"
#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift::power_plan_test {
namespace {

/// 10 replicas of 2 accelerators at PUE 1.2, with 50 W of the server for each.
Scenario limited_fleet() {
  Scenario scenario = fleet_of({site_of_replicas(10)});
  Site& site = scenario.fleet.sites[0];
  site.profile = "gpu";
  site.power = PowerSettings{};
  site.power->limit_mw = 15'000'000;
  site.power->pue = 1.2;
  site.power->per_accelerator_mw = 50'000;
  Profile profile;
  profile.name = "gpu";
  profile.accelerator = Accelerator{"GPU", 2, 1, 1, 1, 800, AcceleratorPower{}};
  profile.accelerator->power->idle_w = 100;
  profile.accelerator->power->prompt_w = 700;
  profile.accelerator->power->decode_low_w = 300;
  profile.accelerator->power->decode_high_w = 600;
  profile.accelerator->power->decode_middle_log2 = 4;
  scenario.profiles = {profile};
  return scenario;
}

TEST(PowerPlan, ALimitBelowTheNameplateMayHoldReplicasBack) {
  Scenario scenario = limited_fleet();
  const std::int64_t nameplate_mw = site_bounds(scenario, scenario.fleet.sites[0])->nameplate_mw;
  scenario.fleet.sites[0].power->limit_mw = nameplate_mw;
  EXPECT_FALSE(power_may_hold_back(scenario));
  scenario.fleet.sites[0].power->limit_mw = nameplate_mw - 1;
  EXPECT_TRUE(power_may_hold_back(scenario));
  scenario.fleet.sites[0].power->limit_mw.reset();
  EXPECT_FALSE(power_may_hold_back(scenario));
}

Event power_event(std::int64_t at_s, std::int64_t limit_mw, std::int64_t over_s,
                  std::int64_t for_s) {
  Event event = fleet_event(EventKind::power, at_s, "site0");
  event.limit_mw = limit_mw;
  event.over_ns = over_s * kS;
  event.for_ns = for_s * kS;
  return event;
}

TEST(AcceleratorPower, GoesByTheBatchAsTheLawSays) {
  const AcceleratorPower power = *limited_fleet().profiles[0].accelerator->power;
  EXPECT_DOUBLE_EQ(power.decode_w(16), 450) << "half of the way, at the middle";
  EXPECT_NEAR(power.decode_w(1), 300 + 300 / (1 + std::exp(4.0)), 1e-9);
  EXPECT_NEAR(power.decode_w(1 << 20), 600, 1e-4);
  AcceleratorPower flat = power;
  flat.decode_low_w = flat.decode_high_w = 380;
  EXPECT_EQ(flat.decode_w(7), 380);
}

TEST(PowerPlan, OfAReplicaIsThatOfAllItsAccelerators) {
  const Scenario scenario = limited_fleet();
  const ReplicaPower power = *replica_power(scenario, scenario.fleet.sites[0]);
  EXPECT_EQ(power.idle_mw, 200'000);
  EXPECT_EQ(power.rest_mw, 100'000);
  EXPECT_EQ(power.pue_ppm, 1'200'000);
  EXPECT_TRUE(power.limited);
  EXPECT_FALSE(power.battery);
  EXPECT_FALSE(replica_power(scenario, site_of_replicas(1)));
  EXPECT_TRUE(states_power(scenario));
  EXPECT_FALSE(states_power(fleet_of({site_of_replicas(1)})));
}

TEST(PowerPlan, TheBoundsAreIdleAndNameplate) {
  const Scenario scenario = limited_fleet();
  const SiteBounds bounds = *site_bounds(scenario, scenario.fleet.sites[0]);
  EXPECT_EQ(bounds.idle_mw, 1'200 * 10 * 2 * 150) << "in mW: PUE x (idle + the rest)";
  EXPECT_EQ(bounds.nameplate_mw, 1'200 * 10 * 2 * 850) << "of the board, not of a step";
}

TEST(PowerPlan, AnEventMovesTheLimitThereAndItGoesBack) {
  Scenario scenario = limited_fleet();
  scenario.events = {power_event(20, 5'000'000, 10, 30)};
  const LimitCourse course(scenario, scenario.fleet.sites[0]);
  EXPECT_EQ(course.at(0), 15'000'000);
  EXPECT_EQ(course.at(20 * kS), 15'000'000);
  EXPECT_EQ(course.at(25 * kS), 10'000'000) << "half of the way";
  EXPECT_EQ(course.at(30 * kS), 5'000'000);
  EXPECT_EQ(course.at(60 * kS - 1), 5'000'000);
  EXPECT_EQ(course.at(60 * kS), 15'000'000) << "at + over + for";
  EXPECT_EQ(course.least_mw(), 5'000'000);
}

TEST(PowerPlan, OfTwoEventsTheLatestCounts) {
  Scenario scenario = limited_fleet();
  scenario.events = {power_event(20, 5'000'000, 10, 30), power_event(25, 7'000'000, 0, 5),
                     power_event(40, 9'000'000, 10, 0)};
  const LimitCourse course(scenario, scenario.fleet.sites[0]);
  EXPECT_EQ(course.at(25 * kS), 7'000'000);
  EXPECT_EQ(course.at(30 * kS), 15'000'000) << "the first one has no say any more";
  EXPECT_EQ(course.at(45 * kS), 12'000'000);
  EXPECT_EQ(course.at(99 * kS), 9'000'000) << "to the end";
  scenario.events[2].taken_out = true;
  EXPECT_EQ(LimitCourse(scenario, scenario.fleet.sites[0]).at(99 * kS), 15'000'000);
}

TEST(PowerPlan, AnEventOfPowerChangesNoReplica) {
  Scenario scenario = limited_fleet();
  scenario.events = {power_event(20, 5'000'000, 10, 30)};
  EXPECT_FALSE(fleet_changes(scenario));
  EXPECT_TRUE(plan_fleet(scenario).empty());
  EXPECT_EQ(expected_changes(scenario), 0);
}

TEST(PowerPlan, WhoJoinsBootsUntilItServesOrGoes) {
  Scenario scenario = fleet_of({site_of_replicas(4)});
  scenario.fleet.sites[0].at_start = 1;
  scenario.fleet.sites[0].boot_ns = 5 * kS;
  Event join = fleet_event(EventKind::join, 10, "site0");
  join.replicas = 2;
  join.over_ns = 2 * kS;
  Event leave = fleet_event(EventKind::leave, 14, "site0");
  leave.replicas = 1;
  scenario.events = {join, leave};
  EXPECT_EQ(boots_over_time(scenario),
            (std::vector<BootSpan>{{0, 10 * kS, 15 * kS}, {0, 12 * kS, 14 * kS}}));
  scenario.fleet.sites[0].boot_ns = 0;
  EXPECT_TRUE(boots_over_time(scenario).empty());
}

// Whatever happens to a fleet: a boot of its full length ends where a replica begins to serve,
// unless its site is away then; and they come in order.
RC_GTEST_PROP(PowerPlan, BootsEndWhereReplicasServe, ()) {
  Scenario scenario = changing_fleet();
  for (Site& site : scenario.fleet.sites) site.available.reset();
  const std::vector<BootSpan> boots = boots_over_time(scenario);
  std::vector<std::pair<std::int64_t, std::size_t>> served;
  for (const ReplicaChange& change : plan_fleet(scenario)) {
    if (change.kind != ReplicaChange::Kind::serve) continue;
    served.emplace_back(change.at_ns, site_of(scenario, change.replica));
  }
  const std::int64_t horizon_ns = scenario.run.duration_ns + scenario.run.cooldown_max_ns;
  for (const BootSpan& boot : boots) {
    const std::int64_t boot_ns = scenario.fleet.sites[boot.site].boot_ns;
    RC_ASSERT(boot.end_ns > boot.begin_ns && boot.end_ns <= boot.begin_ns + boot_ns);
    if (boot.end_ns - boot.begin_ns < boot_ns || boot.end_ns >= horizon_ns) continue;
    const auto end = std::ranges::find(served, std::pair(boot.end_ns, boot.site));
    if (end != served.end()) served.erase(end);
  }
  // Whoever serves without a boot has a site that needs none.
  for (const auto& [at_ns, site] : served) RC_ASSERT(scenario.fleet.sites[site].boot_ns == 0);
  RC_ASSERT(std::ranges::is_sorted(boots, {}, &BootSpan::begin_ns));
}

}  // namespace
}  // namespace tokenlift::power_plan_test
