// What phases drew and cost, against sums by hand.

#include "reports/analysis/cost.hpp"

#include <gtest/gtest.h>

#include "reports/analysis/lift.hpp"
#include "tests/reports/record/cost_runs.hpp"

namespace tokenlift::cost_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

std::optional<MarginalCost> marginal_of(const RunValue& run) {
  return marginal_cost(phase_costs(run), gains(make_trial("", {run})));
}

TEST(PhaseCosts, AreOfWhatWasDrawnAndPaidInThePhase) {
  const std::vector<PhaseCost> costs = phase_costs(cost_run());
  ASSERT_EQ(costs.size(), 3U);
  const PhaseCost& before = costs[0];  // 12 s, 24,000 tokens, 4,800 of goodput
  EXPECT_EQ(before.name, "before");
  EXPECT_DOUBLE_EQ(*before.site_power_mean_w, 10'000);
  EXPECT_DOUBLE_EQ(*before.site_power_largest_w, 11'000);
  EXPECT_DOUBLE_EQ(*before.kwh, 10.0 * 12 / 3600);
  EXPECT_DOUBLE_EQ(*before.j_per_output_token, 5);
  EXPECT_DOUBLE_EQ(*before.accelerator_j_per_output_token, 2.5);
  EXPECT_DOUBLE_EQ(*before.tokens_per_s_per_mw, 2000 / 0.01);
  EXPECT_DOUBLE_EQ(*before.kg_co2, 10.0 * 12 / 3600 * 0.36);
  EXPECT_DOUBLE_EQ(*before.usd, 0.12);
  EXPECT_DOUBLE_EQ(*before.usd_per_hour, 36);
  EXPECT_DOUBLE_EQ(*before.usd_per_m_output_tokens, 5);
  EXPECT_DOUBLE_EQ(*before.usd_per_m_goodput_tokens, 25);
  EXPECT_EQ(before.slowed_share, std::nullopt);
  const PhaseCost& after = *find_cost(costs, "after");
  EXPECT_DOUBLE_EQ(*after.j_per_output_token, 4);
  EXPECT_DOUBLE_EQ(*after.usd_per_m_output_tokens, 0.18 / 0.054);
}

TEST(PhaseCosts, OfPooledRunsAreThoseOfOne) {
  RunValue pooled = cost_run();
  merge(pooled, cost_run());
  const std::vector<PhaseCost> one = phase_costs(cost_run()), both = phase_costs(pooled);
  for (std::size_t i = 0; i < one.size(); ++i) {
    for (const CostFigure& figure : kCostFigures) {
      ASSERT_EQ((one[i].*figure.value).has_value(), (both[i].*figure.value).has_value());
      if (!(one[i].*figure.value)) continue;
      EXPECT_DOUBLE_EQ(*(one[i].*figure.value), *(both[i].*figure.value)) << figure.key;
    }
  }
}

TEST(PhaseCosts, SayWhatIsPaidForAndUsed) {
  RunValue run = cost_run();
  EXPECT_DOUBLE_EQ(*phase_costs(run)[0].paid_use_share, 2000.0 / 3500);
  EXPECT_DOUBLE_EQ(*phase_costs(run)[0].idle_usd_per_hour, 36 * 1500.0 / 3500);
  run.phases[0].draws[0].replica_ns /= 2;  // one of two that are paid for has failed
  EXPECT_DOUBLE_EQ(*phase_costs(run)[0].paid_use_share, 1000.0 / 3500);
  run.fleet.compositions[0].capacity_tokens_per_s = run.capacity_tokens_per_s = 1000;
  EXPECT_DOUBLE_EQ(*phase_costs(run)[0].paid_use_share, 0.5) << "no more than there is";
  run.capacity_tokens_per_s.reset();
  EXPECT_EQ(phase_costs(run)[0].paid_use_share, std::nullopt);
  EXPECT_EQ(phase_costs(run)[0].idle_usd_per_hour, std::nullopt);
}

TEST(PhaseCosts, HoldTheContractAgainstTheSameUseOnDemand) {
  RunValue run = cost_run();
  const PhaseCost before = phase_costs(run)[0];
  EXPECT_DOUBLE_EQ(*before.break_even_use, 0.75);
  EXPECT_DOUBLE_EQ(*before.contract_usd_per_hour, 36);
  EXPECT_DOUBLE_EQ(*before.on_demand_usd_per_hour, 48 * 2000.0 / 3500);
  EXPECT_DOUBLE_EQ(*before.on_demand_usd_per_m_output_tokens,
                   48 * 2000.0 / 3500 / 3600 / 2000 * 1e6);
  run.fleet.terms[0].when_serving = true;  // it is on demand
  EXPECT_EQ(phase_costs(run)[0].break_even_use, std::nullopt);
  EXPECT_EQ(phase_costs(run)[0].idle_usd_per_hour, std::nullopt);
}

TEST(PhaseCosts, OfElectricityNothingIsPaidForAndIdle) {
  RunValue run = cost_run();
  // A third of the cost: 1/30 kWh for $0.04.
  run.fleet.terms[0].electricity_usd_per_kwh = 1.2;
  const PhaseCost before = phase_costs(run)[0];
  EXPECT_NEAR(*before.idle_usd_per_hour, 24 * 1500.0 / 3500, 1e-9);
  EXPECT_DOUBLE_EQ(*before.contract_usd_per_hour, 36) << "on demand it is in the price";
}

TEST(PhaseCosts, AreEmptyWhereNothingIsKnown) {
  EXPECT_TRUE(phase_costs(lift_run()).empty());
  RunValue run = cost_run();
  for (PhaseSpan& phase : run.phases) phase.cost_microusd.reset();
  EXPECT_EQ(phase_costs(run)[0].usd, std::nullopt);
  EXPECT_TRUE(phase_costs(run)[0].kwh);
  for (PhaseRecord& phase : run.tenants[0].phases) phase.output_tokens = 0;
  EXPECT_EQ(phase_costs(run)[0].j_per_output_token, std::nullopt);
}

TEST(MarginalCostOf, WhatWasPaidForAlreadyIsNothing) {
  const std::optional<MarginalCost> marginal = marginal_of(cost_run());
  ASSERT_TRUE(marginal);
  EXPECT_EQ(marginal->usd_per_hour, 0);
  EXPECT_EQ(marginal->usd_per_m_output_tokens, 0);
  EXPECT_DOUBLE_EQ(*marginal->j_per_output_token, 2);
  EXPECT_EQ(marginal->reason, "");
}

TEST(MarginalCostOf, WhatCameBesidesIsOfTheTokensThatCameBesides) {
  const std::optional<MarginalCost> marginal = marginal_of(cost_run_after(46.8));
  EXPECT_NEAR(*marginal->usd_per_hour, 10.8, 1e-3);
  EXPECT_NEAR(*marginal->usd_per_m_output_tokens, 3, 1e-3);  // 3.6 M tokens more an hour
}

TEST(MarginalCostOf, NothingIsAddedWhereThroughputDoesNotRise) {
  RunValue run = cost_run_after(46.8);
  run.tenants[0].phases[2].output_tokens = 36'100;  // 2,006 tokens/s after 2,000
  const std::optional<MarginalCost> marginal = marginal_of(run);
  EXPECT_EQ(marginal->usd_per_m_output_tokens, std::nullopt);
  EXPECT_EQ(marginal->j_per_output_token, std::nullopt);
  EXPECT_NE(marginal->reason, "");
  EXPECT_TRUE(marginal->usd_per_hour);
  EXPECT_EQ(marginal_of(lift_run()).has_value(), false);
}

TEST(IsMore, GoesByTheIntervalWhereThereIsOne) {
  Gain gain{"throughput", "tokens/s", true, 100, 150, false, {1.5, Interval{0.9, 2.5}, "", ""}};
  EXPECT_FALSE(is_more(gain));
  gain.change.interval = Interval{1.2, 1.9};
  EXPECT_TRUE(is_more(gain));
  gain.change.interval.reset();
  EXPECT_TRUE(is_more(gain));
  gain.after = 100.9;
  EXPECT_FALSE(is_more(gain));
}

TEST(CostSites, AreNamedWhereTheyLackWhatOthersState) {
  RunValue run = cost_run();
  EXPECT_TRUE(sites_without_power(run).empty() && sites_without_price(run).empty());
  EXPECT_TRUE(sites_of_assumed_power(run).empty());
  run.fleet.sites = {"hall", "cloud"};
  run.fleet.terms.push_back({});
  run.fleet.terms[0].power_assumed = true;
  EXPECT_EQ(sites_without_power(run), std::vector<std::string>{"cloud"});
  EXPECT_EQ(sites_without_price(run), std::vector<std::string>{"cloud"});
  EXPECT_EQ(sites_of_assumed_power(run), std::vector<std::string>{"hall"});
}

}  // namespace
}  // namespace tokenlift::cost_test
