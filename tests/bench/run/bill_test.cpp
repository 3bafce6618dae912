// What a run cost, against sums by hand; and that no division into phases loses any of it.

#include "bench/run/bill.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/workloads/plan/changing_fleet.hpp"

namespace tokenlift::bill_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

Scenario scenario_of(std::vector<Site> sites) {
  Scenario scenario = fleet_of(std::move(sites));
  Profile profile;
  profile.name = scenario.fleet.sites[0].profile;
  profile.accelerator.emplace().count = 4;
  scenario.profiles = {profile};
  return scenario;
}

Site site_at(const SiteCost& cost, std::int64_t replicas = 2) {
  Site site = site_of_replicas(replicas);
  site.cost = cost;
  return site;
}

/// Phases between the borders (in s), in which all replicas of each site served.
RunValue run_of(const Scenario& scenario, const std::vector<std::int64_t>& borders_s) {
  RunValue run;
  for (std::size_t i = 0; i + 1 < borders_s.size(); ++i) {
    PhaseSpan& phase = run.phases.emplace_back();
    phase.begin_ns = borders_s[i] * kS;
    phase.end_ns = borders_s[i + 1] * kS;
    phase.length_ns = phase.end_ns - phase.begin_ns;
    for (const Site& site : scenario.fleet.sites) {
      SiteDraw& draw = phase.draws.emplace_back();
      draw.replica_ns = phase.length_ns * site.replicas;
    }
  }
  return run;
}

WideSum cost_of(const Scenario& scenario, RunValue run) {
  add_costs(scenario, run);
  WideSum sum = 0;
  for (const PhaseSpan& phase : run.phases) sum += phase.cost_microusd.value_or(0);
  return sum;
}

TEST(Bill, AMonthIsForTheWholeSiteUsedOrNot) {
  const Scenario scenario = scenario_of({site_at({Price{730.5 * 3600, {}}, {}, {}})});
  RunValue run = run_of(scenario, {10, 30, 60});
  run.phases[0].draws[0].replica_ns = 0;  // nobody serves
  add_costs(scenario, run);
  EXPECT_EQ(run.phases[0].cost_microusd, 20'000'000);
  EXPECT_EQ(run.phases[1].cost_microusd, 30'000'000);
  EXPECT_EQ(run.phases[1].draws[0].cost_microusd, 30'000'000);
  EXPECT_EQ(run.phases[1].draws[0].paid_replica_ns, WideSum{60} * kS);
}

TEST(Bill, AnHourIsForEachAcceleratorAndSpare) {
  Price price;
  price.usd_per_accelerator_hour = 3600;
  Scenario scenario = scenario_of({site_at({price, {}, {}})});
  EXPECT_EQ(cost_of(scenario, run_of(scenario, {0, 1})), 2 * 4 * 1'000'000);
  scenario.fleet.sites[0].spares = 1;
  EXPECT_EQ(cost_of(scenario, run_of(scenario, {0, 1})), 3 * 4 * 1'000'000);
}

TEST(Bill, OnDemandIsForTheTimeThatReplicasServe) {
  Price price;
  price.usd_per_accelerator_hour = 3600;
  price.when_serving = true;
  const Scenario scenario = scenario_of({site_at({price, {}, {}})});
  RunValue run = run_of(scenario, {0, 10});
  run.phases[0].draws[0].replica_ns = 3 * kS;
  add_costs(scenario, run);
  EXPECT_EQ(run.phases[0].cost_microusd, 3 * 4 * 1'000'000);
  EXPECT_EQ(run.phases[0].draws[0].paid_replica_ns, 3 * kS);
}

TEST(Bill, ElectricityIsForAllThatTheSiteDraws) {
  const Scenario scenario = scenario_of({site_at({{}, 0.06, 283.0})});
  RunValue run = run_of(scenario, {0, 10});
  run.phases[0].draws[0].site_energy_fj = WideSum{3'600'000'000'000'000'000} * 1000 * 50;  // 50 kWh
  run.phases[0].draws[0].energy_fj = 1;
  EXPECT_EQ(cost_of(scenario, run), 3'000'000);
  const Scenario carbon = scenario_of({site_at({{}, {}, 283.0})});
  add_costs(carbon, run);
  EXPECT_EQ(run.phases[0].cost_microusd, std::nullopt) << "carbon costs nothing";
}

// From when they join, boot and all, until they have left.
TEST(Bill, AContractIsForTheTimeInWhichReplicasAreThere) {
  Site site = site_at({Price{730.5 * 3600, {}}, {}, {}}, 4);
  site.at_start = 1;
  site.boot_ns = 5 * kS;
  site.notice_ns = 4 * kS;
  site.failures = Failures{kS, 50 * kS};
  Scenario scenario = scenario_of({site});
  scenario.events = {fleet_event(EventKind::join, 20, "site0"),
                     fleet_event(EventKind::leave, 40, "site0")};
  scenario.events[1].replicas = 2;
  RunValue run = run_of(scenario, {0, 20, 44, 50});
  add_costs(scenario, run);
  EXPECT_EQ(run.phases[0].cost_microusd, 20'000'000 / 4) << "a quarter of them";
  EXPECT_EQ(run.phases[1].cost_microusd, 24'000'000);
  EXPECT_EQ(run.phases[2].cost_microusd, 6'000'000 / 2);
  scenario.events[0].taken_out = true;  // of a control
  scenario.events[1].taken_out = true;
  EXPECT_EQ(cost_of(scenario, run_of(scenario, {20, 44})), 24'000'000 / 4);
}

TEST(Bill, SitesAddUpAndThoseWithoutAPriceCostNothing) {
  const SiteCost cost{Price{730.5 * 3600, {}}, {}, {}};
  const Scenario scenario = scenario_of({site_at(cost), site_of_replicas(3), site_at(cost)});
  RunValue run = run_of(scenario, {0, 10});
  add_costs(scenario, run);
  EXPECT_EQ(run.phases[0].cost_microusd, 20'000'000);
  EXPECT_EQ(run.phases[0].draws[1].cost_microusd, std::nullopt);
  const std::vector<SiteTerms> terms = site_terms(scenario);
  EXPECT_TRUE(terms[0].has_price && !terms[1].has_price);
  EXPECT_EQ(terms[0].accelerators, 4);
  EXPECT_TRUE(site_terms(scenario_of({site_of_replicas(1)})).empty());
}

TEST(Bill, NothingIsDoneWhereNothingWasRecorded) {
  const Scenario scenario = scenario_of({site_at({Price{1e9, {}}, {}, {}})});
  RunValue run = run_of(scenario, {0, 10});
  run.phases[0].draws.clear();
  add_costs(scenario, run);
  EXPECT_EQ(run.phases[0].cost_microusd, std::nullopt);
}

// The largest figures that the language has: nothing overflows.
TEST(Bill, OfTheLargestFleetForTheLongestTimeIsRight) {
  Site site = site_at({Price{kMostUsdPerMonth, {}}, kMostUsdPerKwh, {}}, 1'000'000);
  site.spares = 1'000'000;
  const Scenario scenario = scenario_of({site});
  RunValue run = run_of(scenario, {0, 1});
  PhaseSpan& phase = run.phases[0];
  phase.end_ns = 2 * kMonthNs + kMonthNs / 2;
  phase.draws[0].site_energy_fj = WideSum{3'600'000'000'000'000'000} * 1'000'000'000'000;
  add_costs(scenario, run);
  EXPECT_EQ(phase.cost_microusd,
            WideSum{25} * 1'000'000'000'000'000 + WideSum{1'000'000'000} * 1'000'000'000);
}

SiteCost random_cost() {
  const auto dollars = [](int most) { return *rc::gen::inRange(0, most * 1000) / 1009.0; };
  SiteCost cost;
  if (*rc::gen::arbitrary<bool>()) cost.electricity_usd_per_kwh = dollars(1);
  Price& price = cost.price.emplace();
  if (*rc::gen::arbitrary<bool>()) {
    price.usd_per_month = dollars(1'000'000);
  } else {
    price.usd_per_accelerator_hour = dollars(10);
    price.when_serving = *rc::gen::arbitrary<bool>();
  }
  return cost;
}

// Whatever happens to the fleet, and wherever phases begin.
RC_GTEST_PROP(Bill, NoDivisionIntoPhasesLosesMoney, ()) {
  Scenario scenario = changing_fleet();
  for (Site& site : scenario.fleet.sites) site.cost = random_cost();
  Profile profile;
  profile.name = scenario.fleet.sites[0].profile;
  profile.accelerator.emplace().count = *rc::gen::inRange(1, 9);
  scenario.profiles = {profile};
  std::vector<std::int64_t> borders = *rc::gen::container<std::vector<std::int64_t>>(
      *rc::gen::inRange<std::size_t>(2, 9), rc::gen::inRange<std::int64_t>(0, 100));
  std::ranges::sort(borders);
  RunValue parts = run_of(scenario, borders);
  RunValue whole = run_of(scenario, {borders.front(), borders.back()});
  for (std::size_t site = 0; site < scenario.fleet.sites.size(); ++site) {
    SiteDraw& all = whole.phases[0].draws[site];
    all.replica_ns = 0;
    for (PhaseSpan& phase : parts.phases) {
      SiteDraw& draw = phase.draws[site];
      draw.replica_ns = *rc::gen::inRange<std::int64_t>(0, 1000 * kS);
      draw.site_energy_fj =
          WideSum{*rc::gen::inRange<std::int64_t>(0, 1'000'000'000)} * 777'777'777'777;
      all.replica_ns += draw.replica_ns;
      all.site_energy_fj += draw.site_energy_fj;
    }
  }
  add_costs(scenario, parts);
  add_costs(scenario, whole);
  for (std::size_t site = 0; site < scenario.fleet.sites.size(); ++site) {
    WideSum cost = 0, paid_ns = 0;
    for (const PhaseSpan& phase : parts.phases) {
      RC_ASSERT(*phase.draws[site].cost_microusd >= 0);
      cost += *phase.draws[site].cost_microusd;
      paid_ns += phase.draws[site].paid_replica_ns;
    }
    RC_ASSERT((cost == *whole.phases[0].draws[site].cost_microusd));
    RC_ASSERT((paid_ns == whole.phases[0].draws[site].paid_replica_ns));
  }
}

}  // namespace
}  // namespace tokenlift::bill_test
