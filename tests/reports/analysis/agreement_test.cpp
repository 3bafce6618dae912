// Contract: simulated runs are held against real ones figure by figure; what the samples do not
// support is not judged; a goal is a share of the real figure.

#include "reports/analysis/agreement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "tests/reports/formats/golden_file.hpp"
#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift::agreement_test {
namespace {

using Rows = std::vector<AgreementRow>;

const AgreementRow& row(const Rows& rows, const std::string& phase, const std::string& figure) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const AgreementRow& one) {
    return one.phase == phase && one.figure == figure;
  });
  if (found == rows.end()) throw std::out_of_range(phase + ": " + figure);
  return *found;
}

/// The lift, a little slower and with fewer good tokens.
Run slower_lift_run() {
  Run run = lift_run();
  run.engine = "virtual";
  for (std::size_t phase = 0; phase < run.phases.size(); ++phase) {
    PhaseRecord& record = run.tenants[0].phases[phase];
    record.output_tokens = record.output_tokens * 97 / 100;
    record.goodput_tokens = record.goodput_tokens * 94 / 100;
    Histogram slower;
    record_evenly(slower, record.counts.completed, 13 * kMsNs, 47 * kMsNs);
    record.of(Metric::ttft) = slower;
  }
  return run;
}

TEST(Agreement, TableOfALiftedRun) {
  expect_golden("agreement_lift",
                to_text(agreement(lift_run(), slower_lift_run()), TextStyle{false, 100}));
}

TEST(Agreement, ARunAgreesWithItself) {
  const Rows rows = agreement(lift_run(), lift_run());
  EXPECT_TRUE(goals_met(rows));
  for (const AgreementRow& one : rows) EXPECT_EQ(one.real, one.simulated) << one.figure;
  EXPECT_EQ(row(rows, "after", "throughput").met, true);
  EXPECT_EQ(row(rows, "after", "throughput").utilisation, 0.78);
  EXPECT_EQ(row(rows, "after", "ITL p99").met, std::nullopt) << "no goal is set for it";
}

TEST(Agreement, AGoalIsAShareOfTheRealFigure) {
  const Rows rows = agreement(lift_run(), slower_lift_run());
  EXPECT_EQ(row(rows, "after", "throughput").met, true) << "3 % less";
  EXPECT_EQ(row(rows, "after", "goodput").met, false) << "6 % less";
  EXPECT_EQ(row(rows, "after", "TTFT p50").met, true) << "30 instead of 28 ms";
  EXPECT_EQ(row(rows, "before", "TTFT p50").met, false) << "30 ms instead of a second";
  EXPECT_FALSE(goals_met(rows));
}

TEST(Agreement, WhatTheSampleDoesNotSupportIsNotJudged) {
  const Rows rows = agreement(lift_run(), slower_lift_run());
  const AgreementRow tail = row(rows, "before", "TTFT p99");
  EXPECT_EQ(tail.real, std::nullopt) << "480 requests do not support p99";
  EXPECT_EQ(tail.met, std::nullopt);
  const Rows empty = agreement(empty_run(), empty_run());
  EXPECT_TRUE(goals_met(empty));
  EXPECT_EQ(row(empty, "steady", "TTFT p50").met, std::nullopt);
}

TEST(Agreement, NoGoodputIsHeldToAShareOfTheThroughput) {
  auto none = lift_run();
  none.tenants[0].phases[0].goodput_tokens = 0;
  auto some = none;
  some.tenants[0].phases[0].goodput_tokens = some.tenants[0].phases[0].output_tokens * 4 / 100;
  EXPECT_EQ(row(agreement(none, some), "before", "goodput").met, true);
  some.tenants[0].phases[0].goodput_tokens = some.tenants[0].phases[0].output_tokens * 6 / 100;
  EXPECT_EQ(row(agreement(none, some), "before", "goodput").met, false);
}

TEST(Agreement, APhaseThatOneRunNeverReachedIsLeftOut) {
  auto shorter = lift_run();
  shorter.phases.pop_back();
  for (TenantRecord& tenant : shorter.tenants) tenant.phases.pop_back();
  const Rows rows = agreement(lift_run(), shorter);
  EXPECT_THROW(row(rows, "after", "throughput"), std::out_of_range);
  EXPECT_EQ(row(rows, "transition", "throughput").met, true);
}

}  // namespace
}  // namespace tokenlift::agreement_test
