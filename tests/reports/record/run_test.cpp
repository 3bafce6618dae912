#include "reports/record/run.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace tokenlift::run_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

/// A run of one tenant and two phases in which everything has a value that `scale` tells apart.
Run run_of(std::uint64_t scale) {
  Run run;
  run.scenario_name = "lift";
  run.seed = scale;
  run.phases = {{"before", 0, 100, 100, 200, 50, 75}, {"after", 100, 300, 200, 400, 300, 900}};
  run.phases[1].end_ns += static_cast<std::int64_t>(scale);
  for (PhaseSpan& phase : run.phases) {
    const auto wide = static_cast<WideSum>(scale);
    phase.batch_room_ns = 20 * wide;
    phase.resident_token_ns = 21 * wide;
    phase.kv_room_token_ns = 22 * wide;
    phase.energy_fj = 23 * wide << 70;  // more than 64 bits
    phase.site_energy_fj = 24 * wide << 70;
    phase.cost_microusd = 25 * wide;
    const auto largest_mw = static_cast<std::int64_t>(1000 * scale);
    phase.draws = {{26 * wide, 27 * wide << 70, 28 * wide << 70, 29 * wide, 31 * wide, largest_mw,
                    32 * wide, largest_mw, 30 * wide},
                   {31 * wide,
                    32 * wide,
                    33 * wide,
                    34 * wide,
                    35 * wide,
                    10'000 - largest_mw,
                    36 * wide,
                    10'000 - largest_mw,
                    {}}};
  }
  const auto work = static_cast<WideSum>(scale);
  const JobPhase phase{37 * scale, 38 * scale,      39 * work,      40 * work,
                       41 * work,  42 * work << 70, 43 * work << 70};
  run.jobs = {{"training", "hall", 4, 2, {phase, phase}}};
  PhaseRecord record;
  record.counts = {6 * scale, scale, scale, scale, scale, scale, scale};
  record.sent = 2 * scale;
  record.held = 3 * scale;
  record.attempts = 13 * scale;
  record.wasted_tokens = 14 * scale;
  record.slo_met = 4 * scale;
  record.goodput_tokens = 5 * scale;
  record.offered_input_tokens = 6 * scale;
  record.offered_output_tokens = 7 * scale;
  for (std::size_t i = 0; i < kMetrics; ++i) {
    record.latency[i].record(static_cast<std::int64_t>(1000 * i + scale), scale);
  }
  record.admitted_requests = 8 * scale;
  record.admitted_input_tokens = 9 * scale;
  record.admitted_output_tokens = 10 * scale;
  record.completed_requests = 11 * scale;
  record.output_tokens = 12 * scale;
  record.scheduled_input_tokens = 15 * scale;
  record.cached_input_tokens = 16 * scale;
  record.failures = {{"reset", scale}, {"kind " + std::to_string(scale), 2 * scale}};
  record.denied = 17 * scale;
  record.overloaded = 18 * scale;
  run.tenants = {{"users", {record, record}}};
  WireRecord wire;
  wire.connections = scale;
  wire.reads = 2 * scale;
  wire.reads_with_several = 3 * scale;
  wire.deltas = 4 * scale;
  wire.asked_tokens = 5 * scale;
  wire.got_tokens = 6 * scale;
  wire.placed_late_tokens = 7 * scale;
  wire.without_usage = 8 * scale;
  wire.asked_prompt_tokens = 9 * scale;
  wire.got_prompt_tokens = 10 * scale;
  wire.busy_ns = 11 * static_cast<std::int64_t>(scale);
  wire.failures = {{"reset", scale, "by the peer"}, {"kind " + std::to_string(scale), 2, ""}};
  run.wire = std::move(wire);
  ThrottleCounts counts = {scale, 2 * scale, 3 * scale, 4 * scale};
  counts.taken_micro = 5'500'000 * static_cast<WideSum>(scale);
  counts.refunded_micro = 500'000 * static_cast<WideSum>(scale);
  run.throttles = {{"limit", "token_bucket", "requests", "fleet", "enforce", {counts, {}}},
                   {"pace", "gcra", "requests", "user", "shadow", {{}, counts}}};
  run.totals = {60 * scale, 10 * scale, 10 * scale, 10 * scale, 10 * scale, 10 * scale, 10 * scale};
  run.series.bin_ns = 10;
  run.series.columns = {{"due", std::vector<std::int64_t>(scale, 1)}};
  run.series.slice_ns = 20;
  run.series.ttft_slices.resize(scale);
  run.series.ttft_slices.back().record(5);
  return run;
}

Run pooled(Run into, const Run& other) {
  merge(into, other);
  return into;
}

Check check(std::string name, std::optional<double> value, double limit, bool passed) {
  return {std::move(name), value, limit, passed, "advice"};
}

void expect_equal(const Run& left, const Run& right) {
  EXPECT_EQ(left.seed, right.seed);
  EXPECT_EQ(left.runs, right.runs);
  EXPECT_EQ(left.totals, right.totals);
  ASSERT_EQ(left.phases.size(), right.phases.size());
  for (std::size_t i = 0; i < left.phases.size(); ++i) {
    EXPECT_EQ(left.phases[i].begin_ns, right.phases[i].begin_ns);
    EXPECT_EQ(left.phases[i].end_ns, right.phases[i].end_ns);
    EXPECT_EQ(left.phases[i].length_ns, right.phases[i].length_ns);
    EXPECT_EQ(left.phases[i].busy_ns, right.phases[i].busy_ns);
    EXPECT_EQ(left.phases[i].batch_ns, right.phases[i].batch_ns);
    EXPECT_EQ(left.phases[i].batch_room_ns, right.phases[i].batch_room_ns);
    EXPECT_EQ(left.phases[i].resident_token_ns, right.phases[i].resident_token_ns);
    EXPECT_EQ(left.phases[i].kv_room_token_ns, right.phases[i].kv_room_token_ns);
    EXPECT_EQ(left.phases[i].energy_fj, right.phases[i].energy_fj);
    EXPECT_EQ(left.phases[i].site_energy_fj, right.phases[i].site_energy_fj);
    EXPECT_EQ(left.phases[i].cost_microusd, right.phases[i].cost_microusd);
    EXPECT_TRUE(left.phases[i].draws == right.phases[i].draws);
    EXPECT_TRUE(left.jobs == right.jobs);
    const PhaseRecord a = fleet_record(left, i);
    const PhaseRecord b = fleet_record(right, i);
    EXPECT_EQ(a.counts, b.counts);
    EXPECT_EQ(a.output_tokens, b.output_tokens);
    EXPECT_EQ(a.attempts, b.attempts);
    EXPECT_EQ(a.wasted_tokens, b.wasted_tokens);
    EXPECT_EQ(a.scheduled_input_tokens, b.scheduled_input_tokens);
    EXPECT_EQ(a.cached_input_tokens, b.cached_input_tokens);
    EXPECT_EQ(a.failures, b.failures);
    EXPECT_EQ(a.denied, b.denied);
    EXPECT_EQ(a.overloaded, b.overloaded);
    EXPECT_TRUE(a.latency == b.latency);
  }
  ASSERT_EQ(left.throttles.size(), right.throttles.size());
  for (std::size_t i = 0; i < left.throttles.size(); ++i) {
    EXPECT_TRUE(left.throttles[i].phases == right.throttles[i].phases) << i;
  }
  ASSERT_EQ(left.series.columns.size(), right.series.columns.size());
  EXPECT_EQ(left.series.columns[0].values, right.series.columns[0].values);
  EXPECT_TRUE(left.series.ttft_slices == right.series.ttft_slices);
  EXPECT_TRUE(left.wire == right.wire);
}

TEST(Run, MetricsAreNamedAsInMetricsMd) {
  EXPECT_EQ(name_of(Metric::ttft), "ttft");
  EXPECT_EQ(name_of(Metric::service_ttft), "service_ttft");
  EXPECT_EQ(name_of(Metric::queue_wait), "queue_wait");
  EXPECT_EQ(name_of(Metric::generator_lag), "generator_lag");
}

TEST(Run, WhatWasSeenOnTheWireAddsUp) {
  RunValue run = pooled(run_of(2), run_of(3));
  WireRecord expected;
  expected.connections = 5;
  expected.reads = 10;
  expected.reads_with_several = 15;
  expected.deltas = 20;
  expected.asked_tokens = 25;
  expected.got_tokens = 30;
  expected.placed_late_tokens = 35;
  expected.without_usage = 40;
  expected.asked_prompt_tokens = 45;
  expected.got_prompt_tokens = 50;
  expected.busy_ns = 55;
  expected.failures = {{"reset", 5, "by the peer"}, {"kind 2", 2, ""}, {"kind 3", 2, ""}};
  EXPECT_TRUE(run.wire == expected);

  RunValue local = run_of(1);
  local.wire.reset();
  EXPECT_TRUE(pooled(local, run_of(3)).wire == run_of(3).wire);
  EXPECT_TRUE(pooled(run_of(3), local).wire == run_of(3).wire);
  EXPECT_FALSE(pooled(local, local).wire);
  local.sending_bound = SendingBound{7, "requests"};
  EXPECT_EQ(pooled(run_of(3), local).sending_bound->at_ns, 7);
}

TEST(Run, IsValidUnlessACheckFailed) {
  RunValue run;
  EXPECT_TRUE(run.valid());
  run.checks = {check("lag", 0.5, 1, true), check("host", std::nullopt, 0.05, true)};
  EXPECT_TRUE(run.valid());
  run.checks.push_back(check("samples", 12, 100, false));
  EXPECT_FALSE(run.valid());
}

TEST(Run, MergingAddsEverythingThatWasRecorded) {
  const RunValue run = pooled(run_of(2), run_of(3));
  EXPECT_EQ(run.runs, 2U);
  EXPECT_EQ(run.seed, 2U);
  EXPECT_EQ(run.totals, (Counts{300, 50, 50, 50, 50, 50, 50}));
  for (std::size_t phase = 0; phase < 2; ++phase) {
    const PhaseRecord& record = run.tenants[0].phases[phase];
    EXPECT_EQ(record.counts, (Counts{30, 5, 5, 5, 5, 5, 5}));
    EXPECT_EQ(record.sent, 10U);
    EXPECT_EQ(record.held, 15U);
    EXPECT_EQ(record.attempts, 65U);
    EXPECT_EQ(record.wasted_tokens, 70U);
    EXPECT_EQ(record.slo_met, 20U);
    EXPECT_EQ(record.goodput_tokens, 25U);
    EXPECT_EQ(record.offered_input_tokens, 30U);
    EXPECT_EQ(record.offered_output_tokens, 35U);
    EXPECT_EQ(record.admitted_requests, 40U);
    EXPECT_EQ(record.admitted_input_tokens, 45U);
    EXPECT_EQ(record.admitted_output_tokens, 50U);
    EXPECT_EQ(record.completed_requests, 55U);
    EXPECT_EQ(record.output_tokens, 60U);
    EXPECT_EQ(record.denied, 85U);
    EXPECT_EQ(record.overloaded, 90U);
    for (const Histogram& histogram : record.latency) EXPECT_EQ(histogram.count(), 5U);
  }
  const ThrottleCounts all = {5, 10, 15, 20, 27'500'000, 2'500'000};
  EXPECT_TRUE(run.throttles[0].phases == (std::vector<ThrottleCounts>{all, {}}));
  EXPECT_TRUE(run.throttles[1].phases == (std::vector<ThrottleCounts>{{}, all}));
  const PhaseSpan& after = run.phases[1];
  EXPECT_EQ(after.begin_ns, 100);
  EXPECT_EQ(after.end_ns, 303);
  EXPECT_EQ(after.length_ns, 400);
  EXPECT_EQ(after.replica_ns, 800);
  EXPECT_EQ(after.busy_ns, 600);
  EXPECT_EQ(after.batch_ns, 1800);
}

TEST(Run, MergingAddsHowFullTheFleetWasAndWhatItCost) {
  const RunValue run = pooled(run_of(2), run_of(3));
  for (const PhaseSpan& phase : run.phases) {
    EXPECT_EQ(phase.batch_room_ns, 100);
    EXPECT_EQ(phase.resident_token_ns, 105);
    EXPECT_EQ(phase.kv_room_token_ns, 110);
    EXPECT_EQ(phase.energy_fj, WideSum{115} << 70);
    EXPECT_EQ(phase.site_energy_fj, WideSum{120} << 70);
    EXPECT_EQ(phase.cost_microusd, 125);
    const SiteDraw one = {130, WideSum{135} << 70, WideSum{140} << 70, 145, 155, 3000, 160, 3000,
                          150};
    const SiteDraw other = {155, 160, 165, 170, 175, 8000, 180, 8000, std::nullopt};
    EXPECT_TRUE(phase.draws == (std::vector<SiteDraw>{one, other}));
  }
  const JobPhase work{185, 190, 195, 200, 205, WideSum{210} << 70, WideSum{215} << 70};
  EXPECT_TRUE(run.jobs == (std::vector<JobRecord>{{"training", "hall", 4, 2, {work, work}}}));
  const PhaseRecord& record = run.tenants[0].phases[1];
  EXPECT_EQ(record.scheduled_input_tokens, 75U);
  EXPECT_EQ(record.cached_input_tokens, 80U);
  const std::map<std::string, std::uint64_t> failures = {
      {"reset", 5}, {"kind 2", 4}, {"kind 3", 6}};
  EXPECT_EQ(record.failures, failures);
}

TEST(Run, WhatOnlyOneOfThemStatesIsKept) {
  RunValue silent = run_of(3);
  for (PhaseSpan& phase : silent.phases) {
    phase.energy_fj.reset();
    phase.site_energy_fj.reset();
    phase.cost_microusd.reset();
    phase.draws.clear();
  }
  for (const RunValue& run : {pooled(silent, run_of(2)), pooled(run_of(2), silent)}) {
    EXPECT_EQ(run.phases[1].energy_fj, WideSum{46} << 70);
    EXPECT_EQ(run.phases[1].site_energy_fj, WideSum{48} << 70);
    EXPECT_EQ(run.phases[1].cost_microusd, 50);
    EXPECT_TRUE(run.phases[1].draws[0] == run_of(2).phases[1].draws[0]);
  }
  EXPECT_EQ(pooled(silent, silent).phases[1].energy_fj, std::nullopt);
  EXPECT_TRUE(pooled(silent, silent).phases[1].draws.empty());
}

TEST(Run, MergingKeepsWhatServedInTheFirstAndItsTraces) {
  RunValue first = run_of(2);
  first.fleet = {{"hall"}, {{0, {1}, 20}, {150, {2}, 40}}};
  first.capacity_error_tokens_per_s = 0.5;
  first.tenants[0].trace = TraceRecord{"fnv1a64:1", 10, 1, 2};
  RunValue second = run_of(3);
  second.fleet = {{"hall"}, {{0, {1}, 21}, {151, {2}, 41}}};
  second.capacity_error_tokens_per_s = 0.7;
  second.tenants[0].trace = TraceRecord{"fnv1a64:1", 10, 1, 2};
  const RunValue run = pooled(first, second);
  EXPECT_EQ(run.fleet, first.fleet);
  EXPECT_EQ(run.capacity_error_tokens_per_s, 0.5);
  EXPECT_EQ(run.tenants[0].trace, first.tenants[0].trace);
}

TEST(Run, EachFurtherLiftIsThatOfTheFirstRunThatReachedIt) {
  const auto lift = [](std::optional<std::int64_t> at_ns, std::optional<std::int64_t> lag_ns) {
    LiftRecord record{"limit", "set", 15, at_ns};
    record.release_lag_ns = lag_ns;
    return record;
  };
  RunValue first;
  first.further_lifts = {lift(16, 3), lift(std::nullopt, std::nullopt)};
  RunValue second;
  second.further_lifts = {lift(17, 4), lift(27, 5), lift(37, 6)};
  const RunValue run = pooled(first, second);
  ASSERT_EQ(run.further_lifts.size(), 3U);
  EXPECT_EQ(run.further_lifts[0].at_ns, 16);
  EXPECT_EQ(run.further_lifts[0].release_lag_ns, 4) << "the longest of all";
  EXPECT_EQ(run.further_lifts[1].at_ns, 27);
  EXPECT_EQ(run.further_lifts[1].release_lag_ns, 5);
  EXPECT_EQ(run.further_lifts[2].at_ns, 37);
}

TEST(Run, MergingIsAssociative) {
  const RunValue left = pooled(pooled(run_of(2), run_of(5)), run_of(3));
  const RunValue right = pooled(run_of(2), pooled(run_of(5), run_of(3)));
  expect_equal(left, right);
  EXPECT_EQ(left.runs, 3U);
}

TEST(Run, MergingPadsTheShorterSeriesWithZeros) {
  const RunValue run = pooled(run_of(1), run_of(3));
  EXPECT_EQ(run.series.columns[0].values, (std::vector<std::int64_t>{2, 1, 1}));
  ASSERT_EQ(run.series.ttft_slices.size(), 3U);
  EXPECT_EQ(run.series.ttft_slices[0].count(), 1U);
  EXPECT_EQ(run.series.ttft_slices[1].count(), 0U);
  EXPECT_EQ(run.series.ttft_slices[2].count(), 1U);
}

TEST(Run, MergingTakesTheSeriesOfTheOneThatHasAny) {
  RunValue bare = run_of(3);
  bare.series = {};
  EXPECT_EQ(pooled(bare, run_of(3)).series.columns[0].values.size(), 3U);
  EXPECT_EQ(pooled(run_of(3), bare).series.columns[0].values.size(), 3U);
}

TEST(Run, AFailedCheckStaysFailedWhateverTheOrder) {
  RunValue good;
  good.checks = {check("lag", 0.5, 1, true)};
  RunValue bad;
  bad.checks = {check("lag", 7, 1, false), check("samples", 500, 100, true)};
  for (const RunValue& run : {pooled(good, bad), pooled(bad, good)}) {
    ASSERT_EQ(run.checks.size(), 2U);
    EXPECT_FALSE(run.valid());
    EXPECT_EQ(run.checks[0].value, 7);
    EXPECT_EQ(run.checks[1].name, "samples");
  }
}

TEST(Run, OfTwoPassedChecksTheOneNearerToItsLimitStays) {
  RunValue near;
  near.checks = {check("lag", 0.9, 1, true), check("samples", 150, 100, true)};
  RunValue far;
  far.checks = {check("lag", 0.1, 1, true), check("samples", 900, 100, true)};
  for (const RunValue& run : {pooled(near, far), pooled(far, near)}) {
    EXPECT_EQ(run.checks[0].value, 0.9);
    EXPECT_EQ(run.checks[1].value, 150);
  }
}

TEST(Run, OfTwoFailedChecksTheOneFurtherBeyondItsLimitStays) {
  RunValue near;
  near.checks = {check("lag", 2, 1, false)};
  RunValue far;
  far.checks = {check("lag", 8, 2, false)};  // four times its limit, not twice
  EXPECT_EQ(pooled(near, far).checks[0].value, 8);
  EXPECT_EQ(pooled(far, near).checks[0].value, 8);
}

TEST(Run, NotCheckedOutranksPassedAndYieldsToFailed) {
  RunValue passed;
  passed.checks = {check("host", 0.01, 0.05, true)};
  RunValue unread;
  unread.checks = {check("host", std::nullopt, 0.05, true)};
  RunValue failed;
  failed.checks = {check("host", 0.2, 0.05, false)};
  EXPECT_FALSE(pooled(passed, unread).checks[0].value.has_value());
  EXPECT_FALSE(pooled(unread, passed).checks[0].value.has_value());
  EXPECT_EQ(pooled(unread, failed).checks[0].value, 0.2);
}

TEST(Run, AnInterruptionOfEitherCounts) {
  RunValue interrupted;
  interrupted.interrupted = true;
  EXPECT_TRUE(pooled(RunValue{}, interrupted).interrupted);
  EXPECT_TRUE(pooled(interrupted, RunValue{}).interrupted);
  EXPECT_FALSE(pooled(RunValue{}, RunValue{}).interrupted);
}

TEST(Run, TheLiftIsThatOfTheFirstRunThatReachedIt) {
  RunValue first;
  first.lift = LiftRecord{"limit", "lift", 15, 16, 3, 100};
  RunValue second;
  second.lift = LiftRecord{"limit", "lift", 15, 17, 4, 200, 5, 300};
  RunValue not_reached;
  not_reached.lift = LiftRecord{"limit", "lift", 15, std::nullopt, 0, 0};
  EXPECT_EQ(pooled(first, second).lift->at_ns, 16);
  EXPECT_EQ(pooled(not_reached, second).lift->at_ns, 17);
  EXPECT_EQ(pooled(not_reached, second).lift->backoff_requests, 5);
  EXPECT_EQ(pooled(first, not_reached).lift->at_ns, 16);
  EXPECT_EQ(pooled(pooled(not_reached, first), second).lift->at_ns, 16);
  EXPECT_EQ(pooled(not_reached, pooled(first, second)).lift->at_ns, 16);
}

TEST(Run, RunsOfOtherPhasesTenantsThrottlesOrBinsAreRefusedAndNothingChanges) {
  RunValue phases = run_of(3);
  phases.phases[0].name = "steady";
  RunValue tenants = run_of(3);
  tenants.tenants[0].name = "batch";
  RunValue throttles = run_of(3);
  throttles.throttles[1].name = "cap";
  RunValue unthrottled = run_of(3);
  unthrottled.throttles.clear();
  RunValue bins = run_of(3);
  bins.series.bin_ns = 11;
  RunValue slices = run_of(3);
  slices.series.slice_ns = 21;
  RunValue columns = run_of(3);
  columns.series.columns[0].name = "sent";
  RunValue sites = run_of(3);
  sites.phases[1].draws.resize(1);
  for (const RunValue& other :
       {phases, tenants, throttles, unthrottled, bins, slices, columns, sites}) {
    RunValue into = run_of(2);
    EXPECT_THROW(merge(into, other), RunMismatch);
    expect_equal(into, run_of(2));
  }
  RunValue into = run_of(2);
  try {
    merge(into, tenants);
    FAIL();
  } catch (const RunMismatch& mismatch) {
    EXPECT_STREQ(mismatch.what(), "the runs have different tenants: users and batch");
  }
}

TEST(Run, TheFleetIsTheSumOfItsTenants) {
  RunValue run = run_of(2);
  run.tenants.push_back({"batch", run_of(3).tenants[0].phases});
  const PhaseRecord fleet = fleet_record(run, 1);
  EXPECT_EQ(fleet.counts.due, 30U);
  EXPECT_EQ(fleet.of(Metric::ttft).count(), 5U);
  EXPECT_EQ(fleet.of(Metric::ttft).max_ns(), 3);
}

}  // namespace
}  // namespace tokenlift::run_test
