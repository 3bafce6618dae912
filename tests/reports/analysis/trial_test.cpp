#include "reports/analysis/trial.hpp"

#include <gtest/gtest.h>

#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift::trial_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

RunValue seeded(std::uint64_t seed, bool control = false) {
  RunValue run = lift_run();
  run.seed = seed;
  run.control = control;
  return run;
}

Histogram histogram_of(const std::vector<BucketCount>& buckets) {
  Histogram histogram;
  for (const BucketCount& bucket : buckets) {
    histogram.record(Histogram::lower_ns(bucket.index), bucket.count);
  }
  return histogram;
}

TEST(Trial, ABriefHoldsWhatTheRunRecordedInEachPhase) {
  const RunValue run = seeded(7);
  const Arm arm(run);
  ASSERT_EQ(arm.runs.size(), 1U);
  const RunBrief& brief = arm.runs[0];
  EXPECT_EQ(brief.seed, 7U);
  ASSERT_EQ(brief.phases.size(), 3U);
  const PhaseBrief& before = brief.phases[0];
  EXPECT_DOUBLE_EQ(before.length_s, 12);
  EXPECT_EQ(before.counts, (Counts{600, 480, 0, 120, 0, 0, 0}));
  EXPECT_EQ(before.slo_met, 96U);
  EXPECT_EQ(before.goodput_tokens, 4800U);
  EXPECT_EQ(before.output_tokens, 24'000U);
  const Histogram& recorded = run.tenants[0].phases[0].of(Metric::ttft);
  const Histogram kept = histogram_of(before.of(Metric::ttft));
  EXPECT_EQ(kept.count(), recorded.count());
  for (const double quantile : {0.1, 0.5, 0.9, 0.99}) {
    const auto bucket = [&](const Histogram& histogram) {
      return Histogram::bucket_of(histogram.value_at(quantile));
    };
    EXPECT_EQ(bucket(kept), bucket(recorded)) << quantile;
  }
}

TEST(Trial, ABriefAddsUpTenants) {
  const RunValue run = two_tenant_run();
  const Arm arm(run);
  EXPECT_EQ(arm.runs[0].phases[0].counts.due, 660U);
  EXPECT_EQ(arm.runs[0].phases[0].slo_met, 146U);
}

TEST(Trial, RepetitionsArePooledAndKeptApart) {
  const Trial trial = make_trial("lift", {seeded(1), seeded(2), seeded(3)});
  EXPECT_EQ(trial.label, "lift");
  EXPECT_EQ(trial.lifted.pooled.runs, 3U);
  EXPECT_EQ(trial.lifted.pooled.totals.due, 6600U);
  ASSERT_EQ(trial.lifted.runs.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(trial.lifted.runs[i].seed, i + 1);
  EXPECT_FALSE(trial.control);
}

TEST(Trial, ControlsArePooledApart) {
  const Trial trial = make_trial("lift", {seeded(1, true), seeded(1), seeded(2), seeded(2, true)});
  EXPECT_EQ(trial.lifted.pooled.runs, 2U);
  EXPECT_FALSE(trial.lifted.pooled.control);
  ASSERT_TRUE(trial.control);
  EXPECT_EQ(trial.control->pooled.runs, 2U);
  EXPECT_TRUE(trial.control->pooled.control);
  EXPECT_EQ(trial.control->runs[1].seed, 2U);
}

TEST(Trial, WhatCannotBePooledChangesNothing) {
  Arm arm(seeded(1));
  RunValue other = seeded(2);
  other.tenants[0].name = "robots";
  EXPECT_THROW(arm.add(other), RunMismatch);
  EXPECT_EQ(arm.runs.size(), 1U);
  EXPECT_EQ(arm.pooled.runs, 1U);
  EXPECT_EQ(arm.pooled.totals.due, 2200U);
}

TEST(Trial, RefusesWhatIsNoTrial) {
  EXPECT_THROW(make_trial("lift", {}), RunMismatch);
  EXPECT_THROW(make_trial("lift", {seeded(1, true)}), RunMismatch);
  RunValue control = seeded(1, true);
  control.phases[2].name = "later";
  EXPECT_THROW(make_trial("lift", {seeded(1), control}), RunMismatch);
}

TEST(Trial, ACopyIsNoRepetition) {
  const Trial trial = make_trial("lift", {seeded(1), seeded(2), seeded(1)});
  EXPECT_EQ(trial.lifted.runs.size(), 2U);
  ASSERT_EQ(trial.left_out.size(), 1U);
  EXPECT_TRUE(trial.left_out[0].starts_with("run 3: its seed, 1, "));
  EXPECT_FALSE(trial.interrupted);
}

TEST(Trial, AMeasurementOfASeedIsRepeatedAndASimulationIsNot) {
  RunValue again = seeded(1);
  again.tenants[0].phases[0].output_tokens += 1;
  EXPECT_EQ(make_trial("lift", {seeded(1), again}).lifted.runs.size(), 2U);
  RunValue simulated = seeded(1);
  simulated.engine = again.engine = "virtual";
  EXPECT_EQ(make_trial("lift", {simulated, again}).lifted.runs.size(), 1U);
}

RunValue simulated(std::uint64_t seed, bool control = false) {
  RunValue run = seeded(seed, control);
  run.engine = "virtual";
  return run;
}

// A trace or constant arrivals: the seed changes nothing.
TEST(Trial, SimulatedRunsThatAgreeInEverythingAreOneRun) {
  Pool pool;
  EXPECT_TRUE(pool.add("1", simulated(1)));
  EXPECT_TRUE(pool.add("control", simulated(1, true)));
  EXPECT_FALSE(pool.add("2", simulated(2)));
  EXPECT_FALSE(pool.add("control 2", simulated(2, true)));
  EXPECT_FALSE(pool.add("3", simulated(3)));
  const Trial trial = pool.take("");
  EXPECT_EQ(trial.lifted.runs.size(), 1U);
  EXPECT_EQ(trial.lifted.pooled.runs, 1U);
  EXPECT_EQ(trial.lifted.pooled.totals.due, 2200U) << "counted once";
  EXPECT_TRUE(trial.lifted.without_chance());
  EXPECT_TRUE(trial.control->without_chance());
  ASSERT_EQ(trial.left_out.size(), 2U);
  EXPECT_TRUE(trial.left_out[0].starts_with("2 runs, 2 to 3: they agree with one before"));
  EXPECT_TRUE(trial.left_out[1].starts_with("control 2: it agrees with one before"));
}

TEST(Trial, SimulatedRunsThatDifferInOneRequestAreTwo) {
  RunValue other = simulated(2);
  other.tenants[0].phases[2].slo_met -= 1;
  const Trial counted = make_trial("", {simulated(1), other, simulated(3)});
  EXPECT_EQ(counted.lifted.runs.size(), 2U);
  EXPECT_EQ(counted.lifted.equal_runs, 1U);
  EXPECT_FALSE(counted.lifted.without_chance());
  RunValue later = simulated(2);
  later.tenants[0].phases[2].of(Metric::ttft).record(1, 1);
  EXPECT_EQ(make_trial("", {simulated(1), later}).lifted.runs.size(), 2U);
}

TEST(Trial, OneRunAloneMayHaveChanceInIt) {
  EXPECT_FALSE(make_trial("", {simulated(1)}).lifted.without_chance());
  EXPECT_FALSE(make_trial("", {simulated(1), simulated(1)}).lifted.without_chance());
}

RunValue ended_early(RunValue run) {
  run.interrupted = true;
  return run;
}

TEST(Trial, ARunThatEndedEarlyIsNoRepetitionWhereverItComes) {
  for (const std::size_t place : {0U, 1U, 2U}) {
    std::vector<RunValue> runs = {seeded(1), seeded(2), seeded(3)};
    runs[place] = ended_early(runs[place]);
    const Trial trial = make_trial("lift", runs);
    EXPECT_EQ(trial.lifted.runs.size(), 2U);
    EXPECT_FALSE(trial.lifted.pooled.interrupted);
    EXPECT_EQ(trial.left_out,
              std::vector{"run " + std::to_string(place + 1) + ": it was ended early"});
    EXPECT_TRUE(trial.interrupted);
  }
}

TEST(Trial, WhereAllRunsEndedEarlyTheFirstIsShown) {
  const Trial trial =
      make_trial("lift", {ended_early(seeded(1)), seeded(1, true), ended_early(seeded(2))});
  EXPECT_EQ(trial.lifted.runs.size(), 1U);
  EXPECT_TRUE(trial.lifted.pooled.interrupted);
  EXPECT_FALSE(trial.control) << "nothing to hold it against";
  EXPECT_EQ(trial.left_out.size(), 2U);
}

TEST(Trial, AControlThatEndedEarlyIsLeftOutAndNotForgotten) {
  RunValue cut = ended_early(seeded(1, true));
  cut.phases.pop_back();
  const Trial trial = make_trial("lift", {seeded(1), cut});
  EXPECT_FALSE(trial.control);
  EXPECT_TRUE(trial.interrupted);
  EXPECT_EQ(trial.left_out, std::vector<std::string>{"run 2: it was ended early"});
}

}  // namespace
}  // namespace tokenlift::trial_test
