// What is said of power and money, where it has to be said and where it must not.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "reports/charts/charts.hpp"
#include "reports/findings/cost_remarks.hpp"
#include "reports/findings/cost_table.hpp"
#include "reports/findings/report.hpp"
#include "tests/reports/record/cost_runs.hpp"

namespace tokenlift::cost_findings_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

TrialReport report_of(const RunValue& run) {
  return make_report({make_trial("", {run})}).trials[0];
}

/// All remarks about costs, one behind the other.
std::string remarks_of(const RunValue& run) {
  std::string text;
  for (const std::string& remark : cost_remarks(report_of(run))) text += remark + "\n";
  return text;
}

bool says(const RunValue& run, const std::string& part) {
  return remarks_of(run).find(part) != std::string::npos;
}

/// At a throughput in `after`.
RunValue cost_run_of(std::uint64_t output_tokens) {
  RunValue run = cost_run();
  run.tenants[0].phases[2].output_tokens = output_tokens;
  return run;
}

TEST(CostRemarks, NothingIsSaidWhereNothingIsKnown) {
  EXPECT_EQ(remarks_of(lift_run()), "");
}

TEST(CostRemarks, SayWhatItCostBeforeAndAfter) {
  EXPECT_TRUE(says(cost_run(),
                   "An hour cost $36.0 before and $36.0 after; a million output tokens cost $5.00 "
                   "before and $3.33 after."))
      << remarks_of(cost_run());
  RunValue run = cost_run();
  for (PhaseSpan& phase : run.phases) phase.cost_microusd.reset();
  EXPECT_FALSE(says(run, "An hour cost"));
  EXPECT_TRUE(says(run, "It drew 10.0 kW before and 12.0 kW after, 5.00 J before and 4.00 J after"))
      << remarks_of(run);
}

TEST(CostRemarks, TokensCostNothingMoreOnlyWhereNothingMoreIsPaid) {
  const std::string nothing = "added cost nothing";
  EXPECT_TRUE(says(cost_run(), nothing));
  EXPECT_FALSE(says(cost_run_after(46.8), nothing)) << "more is paid";
  EXPECT_FALSE(says(cost_run_of(36'100), nothing)) << "nothing was added";
  EXPECT_FALSE(says(cost_run_of(20'000), nothing)) << "there are fewer";
}

TEST(CostRemarks, SayTheMarginalCostWhereTokensAreAdded) {
  EXPECT_TRUE(says(cost_run_after(46.8), "the change added cost $3.00 a million"))
      << remarks_of(cost_run_after(46.8));
  EXPECT_FALSE(says(cost_run(), "a million."));
  RunValue dearer = cost_run_after(46.8);
  dearer.tenants[0].phases[2].output_tokens = 36'100;
  EXPECT_FALSE(says(dearer, "the change added cost"));
  EXPECT_TRUE(says(dearer, "it cost $10.8 an hour more, and throughput is not shown to have risen"))
      << remarks_of(dearer);
  EXPECT_FALSE(says(cost_run_after(46.8), "not shown to have risen"));
}

TEST(CostRemarks, SayThatItMakesMoreForLess) {
  EXPECT_TRUE(says(cost_run_after(18), "makes more and costs $18.0 an hour less"))
      << remarks_of(cost_run_after(18));
  EXPECT_FALSE(says(cost_run(), "makes more and costs"));
  EXPECT_FALSE(says(cost_run_after(46.8), "makes more and costs"));
}

/// `after` is held back: of 36 s of replicas 9 s in steps that took 1.5 times as long, of 24 s
/// busy.
RunValue held_back_run() {
  RunValue run = cost_run();
  SiteDraw& draw = run.phases[2].draws[0];
  draw.slowed_replica_ns = 9 * kSecondNs;
  draw.lost_replica_ns = 3 * kSecondNs;
  run.phases[2].busy_ns = 24 * kSecondNs;
  return run;
}

TEST(CostRemarks, SayWhatALimitOfPowerTook) {
  const RunValue run = held_back_run();
  EXPECT_TRUE(says(run, "slowed replicas down for 25.0 % of their time in 'after'."))
      << remarks_of(run);
  // 54,000 tokens in 21 s of work, and 3 s lost of 18.
  EXPECT_TRUE(says(run, "The limit took 8.33 % of their time in 'after' (up to 429 tokens/s):"))
      << remarks_of(run);
  RunValue batches = run;
  batches.phases[2].draws[0].lost_replica_ns = 0;
  EXPECT_FALSE(says(batches, "The limit took"));
  EXPECT_FALSE(says(cost_run(), "The limit took"));
}

TEST(CostRemarks, SayWhereALimitOfPowerWasExceeded) {
  RunValue run = held_back_run();
  SiteDraw& draw = run.phases[2].draws[0];
  draw.exceeded_mw = 2'000'000;
  draw.exceeded_ns = 9 * kSecondNs;
  EXPECT_TRUE(says(run, "The limit of power was exceeded by up to 2.00 kW over 50.0 % of 'after':"))
      << remarks_of(run);
  draw.exceeded_mw = 20'000;  // of 14 kW: what steps under way are worth
  EXPECT_FALSE(says(run, "was exceeded"));
  EXPECT_FALSE(says(cost_run(), "was exceeded"));
}

TEST(CostRemarks, SayThatPromptsAreNotHeldBackOnlyWhereBatchesAreMadeSmaller) {
  const std::string prompts = "and smaller batches hold back no prompts";
  RunValue run = held_back_run();
  SiteDraw& draw = run.phases[2].draws[0];
  draw.exceeded_mw = 2'000'000;
  draw.exceeded_ns = 9 * kSecondNs;
  EXPECT_FALSE(says(run, prompts)) << "steps are slowed down";
  EXPECT_TRUE(says(run, "draw what they draw.")) << remarks_of(run);
  draw.lost_replica_ns = 0;
  EXPECT_TRUE(says(run, prompts)) << remarks_of(run);
  draw.slowed_replica_ns = 0;
  EXPECT_FALSE(says(run, prompts)) << "nothing is held back";
}

TEST(CostRemarks, SayWhatIsIdleWhereThatIsMuch) {
  EXPECT_TRUE(says(cost_run(), "14.3 % was idle in 'after', $5.14 an hour"))
      << remarks_of(cost_run());
  EXPECT_FALSE(says(cost_run_of(61'000), "was idle")) << "97 % of it was used";
  RunValue on_demand = cost_run();
  on_demand.fleet.terms[0].when_serving = true;
  EXPECT_FALSE(says(on_demand, "was idle"));
}

TEST(CostRemarks, SayFromWhichUseOnTheContractPays) {
  EXPECT_TRUE(
      says(cost_run(),
           "The contract pays from a use of 75.0 % on, compared with accelerators on demand; "
           "it was used 57.1 % before and 85.7 % after: before the same use on demand was "
           "cheaper by $8.57 an hour and after the contract was cheaper by $5.14 an hour."))
      << remarks_of(cost_run());
  EXPECT_FALSE(says(cost_run(), "no use makes it"));
  RunValue used_alike = cost_run_of(47'250);  // 75 % of 3,500 tokens/s
  EXPECT_TRUE(says(used_alike, "after both cost about the same")) << remarks_of(used_alike);
  EXPECT_FALSE(says(cost_run(), "about the same"));
}

TEST(CostRemarks, SayWhereNoUseMakesTheContractPay) {
  RunValue run = cost_run();
  run.fleet.terms[0].on_demand_usd_per_accelerator_hour = 3;
  EXPECT_TRUE(says(run,
                   "costs x1.50 of what its accelerators cost on demand: no use makes it the "
                   "cheaper one"))
      << remarks_of(run);
  EXPECT_FALSE(says(run, "The contract pays from"));
  EXPECT_FALSE(says(run, "the contract was cheaper"));
  run.fleet.terms[0].on_demand_usd_per_accelerator_hour.reset();
  EXPECT_FALSE(says(run, "on demand"));
}

TEST(CostRemarks, SayWhatALimitOfPowerHeldBack) {
  RunValue run = cost_run();
  EXPECT_FALSE(says(run, "slowed replicas down"));
  run.phases[2].draws[0].slowed_replica_ns = run.phases[2].draws[0].replica_ns / 4;
  EXPECT_TRUE(says(run, "slowed replicas down for 25.0 % of their time in 'after'."))
      << remarks_of(run);
}

TEST(CostRemarks, SayWhatIsAssumedAndWhatIsLeftOut) {
  RunValue run = cost_run();
  EXPECT_FALSE(says(run, "assumed"));
  EXPECT_FALSE(says(run, "without"));
  run.fleet.terms[0].power_assumed = true;
  EXPECT_TRUE(says(run, "What the accelerators of site hall draw is assumed, not measured."));
  run.fleet.sites.emplace_back("cloud");
  run.fleet.terms.emplace_back();
  for (PhaseSpan& phase : run.phases) phase.draws.emplace_back();
  EXPECT_TRUE(says(run, "Energy is without that of site cloud")) << remarks_of(run);
  EXPECT_TRUE(says(run, "Costs are without those of site cloud")) << remarks_of(run);
}

std::vector<std::string> row(const Table& table, const std::string& label) {
  std::vector<std::string> cells;
  for (const std::vector<Cell>& each : table.rows) {
    if (each[0].text != label) continue;
    for (const Cell& cell : each) cells.push_back(cell.text);
  }
  return cells;
}

TEST(CostTable, HasWhatIsKnownByPhaseAndWhatWasAdded) {
  const TrialReport report = report_of(cost_run_after(46.8));
  const Table table = cost_table(report.costs, report.marginal);
  EXPECT_EQ(row(table, ""), (std::vector<std::string>{"", "", "before", "transition", "after",
                                                      "after/before", "added"}));
  EXPECT_EQ(row(table, "cost per M tokens"),
            (std::vector<std::string>{"cost per M tokens", "$", "5.00", "4.00", "4.33", "x0.867",
                                      "3.00"}));
  EXPECT_EQ(row(table, "contract pays from")[2], "75.0");
  EXPECT_TRUE(row(table, "slowed by power").empty());
  EXPECT_TRUE(cost_table({}, {}).rows.empty());
}

TEST(CostTable, IsOneOfTheReports) {
  const auto has = [](const RunValue& run) {
    const std::vector<Table> tables = report_of(run).tables;
    return std::ranges::any_of(tables, [](const Table& table) { return table.name == "cost"; });
  };
  EXPECT_TRUE(has(cost_run()));
  EXPECT_FALSE(has(lift_run()));
}

std::vector<Chart> cost_charts(const RunValue& run) {
  std::vector<Chart> charts = charts_of(make_report({make_trial("", {run})}));
  std::erase_if(charts, [](const Chart& chart) { return chart.section != kCostSection; });
  return charts;
}

TEST(CostCharts, ShowPowerWithItsLimitAndWhatTokensCost) {
  RunValue run = cost_run();
  run.series.columns.push_back({"site_power_w", {10'000, 12'000, 12'000}});
  run.series.columns.push_back({"power_limit_w", {11'000, 11'000, 13'000}});
  run.series.columns.push_back({"battery_wh", {500, 400, 0}});
  const std::vector<Chart> charts = cost_charts(run);
  ASSERT_EQ(charts.size(), 3U);
  ASSERT_EQ(charts[0].lines.size(), 3U);
  EXPECT_EQ(charts[0].y.label, "power (kW)");
  EXPECT_EQ(charts[0].lines[0].y, (std::vector<std::optional<double>>{10, 12}));
  EXPECT_EQ(charts[0].lines[1].label, "limit");
  EXPECT_TRUE(charts[0].lines[2].right_axis);
  EXPECT_EQ(charts[1].categories,
            (std::vector<std::string>{"before", "transition", "after", "added"}));
  EXPECT_DOUBLE_EQ(*charts[1].lines[0].y[0], 5);
  EXPECT_DOUBLE_EQ(*charts[2].lines[0].y[0], 25);
}

TEST(CostCharts, AreNotThereWhereNothingIsKnown) {
  EXPECT_TRUE(cost_charts(lift_run()).empty());
  EXPECT_EQ(cost_charts(cost_run()).size(), 2U) << "no series of power";
}

}  // namespace
}  // namespace tokenlift::cost_findings_test
