// Every metric of a lift on runs whose truth is known because they are written down by hand.

#include "reports/analysis/lift.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift::lift_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

using ByBin = std::function<std::int64_t(std::int64_t)>;

std::vector<std::int64_t> values_of(std::size_t bins, const ByBin& value) {
  std::vector<std::int64_t> values;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    values.push_back(value(static_cast<std::int64_t>(bin)));
  }
  return values;
}

constexpr std::int64_t kLift = 20;  // s
constexpr std::size_t kBins = 600;  // of 0.1 s

/// Before [5, 20) s, transition [20, 30) s, after [30, 60) s, in bins of 0.1 s. Each value is given
/// by the number of its bin, and the lift comes with bin 200.
RunValue run_of(const std::vector<std::pair<const char*, ByBin>>& columns) {
  RunValue run = lift_run();
  run.lift = LiftRecord{"output limit", "lift", kLift * kSecondNs, kLift * kSecondNs};
  run.phases = {sample_span("before", 5, 20, 50), sample_span("transition", 20, 30, 90),
                sample_span("after", 30, 60, 80)};
  run.series = {};
  run.series.bin_ns = kSecondNs / 10;
  for (const auto& [name, value] : columns) {
    run.series.columns.push_back({name, values_of(kBins, value)});
  }
  return run;
}

LiftReport analysed(const RunValue& run) {
  return analyse_lift(make_trial("sample", {run})).value();
}

ByBin constant(std::int64_t value) {
  return [=](std::int64_t) { return value; };
}

ByBin step(std::int64_t before, std::int64_t after) {
  return [=](std::int64_t bin) { return bin < 200 ? before : after; };
}

// ----------------------------------------------------------------------------- at the instant

TEST(Lift, IsNothingWhereNoEventWasReached) {
  EXPECT_FALSE(analyse_lift(make_trial("", {steady_run()})));
  EXPECT_FALSE(analyse_lift(make_trial("", {invalid_run()})));
}

TEST(Lift, BindsFromOneInTwentyOn) {
  RunValue run = lift_run();
  run.tenants[0].phases[0].held = 30;  // of 600
  EXPECT_EQ(analysed(run).binding_fraction, 0.05);
  EXPECT_FALSE(analysed(run).vacuous);
  run.tenants[0].phases[0].held = 29;
  EXPECT_TRUE(analysed(run).vacuous);
  run.lift->kind = "set";
  EXPECT_TRUE(analysed(run).vacuous);
  run.tenants[0].phases[2].held = 54;  // of 1,080: it was made to bind
  EXPECT_FALSE(analysed(run).vacuous);
}

TEST(Lift, OfAVacuousLiftTheTenantThatWasHeldAllTheSameIsNamed) {
  RunValue run = two_tenant_run();
  for (TenantRecord& tenant : run.tenants) tenant.phases[0].held = 0;
  EXPECT_TRUE(analysed(run).vacuous);
  EXPECT_FALSE(analysed(run).most_held);
  PhaseRecord& small = run.tenants[1].phases[0];
  small.held = small.counts.due / 20 + 1;
  run.throttles[0].phases[0].held = small.held;
  ASSERT_LT(static_cast<double>(small.held),
            kBinds * static_cast<double>(fleet_record(run, 0).counts.due));
  const LiftReport report = analysed(run);
  EXPECT_TRUE(report.vacuous);
  ASSERT_TRUE(report.most_held);
  EXPECT_EQ(report.most_held->name, run.tenants[1].name);
  EXPECT_GE(report.most_held->share, kBinds);
}

TEST(Lift, OfSeveralThrottlesOnlyTheOneThatIsLiftedBinds) {
  RunValue run = lift_run();
  run.tenants[0].phases[0].held = 300;  // of 600
  ThrottleRecord& lifted = run.throttles[0];
  ASSERT_EQ(lifted.name, run.lift->throttle);
  ThrottleRecord other = lifted;
  other.name = "other";
  run.throttles.push_back(other);
  for (ThrottleCounts& counts : run.throttles[0].phases) counts.held = counts.rejected = 0;
  run.throttles[0].phases[0].held = 20;
  run.throttles[0].phases[0].rejected = 10;
  EXPECT_EQ(analysed(run).binding_fraction, 0.05);
  EXPECT_FALSE(analysed(run).vacuous);
  run.throttles[0].phases[0].rejected = 9;
  EXPECT_TRUE(analysed(run).vacuous) << "the rest was the other's doing";
  run.throttles[0].phases[0].rejected = 5000;  // retries are refused as well
  EXPECT_EQ(analysed(run).binding_fraction, 0.5) << "no more than were held or denied at all";
  // What tightens a throttle is to bind afterwards, and not another one.
  run.throttles[0].phases[0] = {};
  run.lift->kind = "set";
  run.tenants[0].phases[2].held = 540;
  EXPECT_TRUE(analysed(run).vacuous);
  run.throttles[0].phases[2].held = 54;  // of 1,080
  EXPECT_FALSE(analysed(run).vacuous);
}

TEST(Lift, WhatItMetIsTheMeanOfTheRunsAndTheReleaseLagTheLongest) {
  RunValue one = lift_run();
  one.lift->backlog_tokens = 100;
  one.lift->backoff_tokens = 10;
  one.lift->unlock_ns = 5;
  one.lift->release_lag_ns = 70;
  RunValue two = one;
  two.seed = one.seed + 1;
  two.lift->backlog_tokens = 201;
  two.lift->backoff_tokens = 30;
  two.lift->unlock_ns = 9;
  two.lift->release_lag_ns = 40;
  RunValue three = one;
  three.seed = one.seed + 2;
  three.lift->unlock_ns.reset();
  three.lift->release_lag_ns.reset();
  const LiftReport report = analyse_lift(make_trial("", {one, two, three})).value();
  EXPECT_EQ(report.lift.backlog_tokens, 134) << "401 / 3";
  EXPECT_EQ(report.lift.backoff_tokens, 17) << "50 / 3";
  EXPECT_EQ(report.unlock_latency.ns, 5) << "the lower median of 5 and 9";
  EXPECT_EQ(report.waiter_release_lag.ns, 70);
}

TEST(Lift, WithoutAnUnlockSaysTheTrueReason) {
  RunValue run = lift_run();
  ThrottleRecord& throttle = run.throttles[0];
  ASSERT_EQ(throttle.name, run.lift->throttle);
  throttle.limits = {{0, 20.0}};
  EXPECT_EQ(analysed(run).unlock_latency.reason,
            "every request that was let through would have passed the old configuration, too");
  throttle.kind = "queue_limit";
  EXPECT_EQ(analysed(run).unlock_latency.reason, "a limit on the queue itself lets nobody through");
  throttle.limits.clear();
  throttle.kind = "token_bucket";
  EXPECT_EQ(analysed(run).unlock_latency.reason, "not recorded by the version that ran this");
}

TEST(Lift, WithoutAnUnlockOrAWaiterSaysSo) {
  const LiftReport report = analysed(lift_run());
  EXPECT_FALSE(report.unlock_latency.ns);
  EXPECT_FALSE(report.unlock_latency.reason.empty());
  EXPECT_FALSE(report.waiter_release_lag.ns);
  EXPECT_FALSE(report.waiter_release_lag.reason.empty());
}

// -------------------------------------------------------------------------------------- drain

/// Somebody waits at the lift.
RunValue waiting_run(const std::vector<std::pair<const char*, ByBin>>& columns) {
  RunValue run = run_of(columns);
  run.lift->waiting_requests = 1;
  return run;
}

TEST(Lift, DrainsWhenNoMoreAreInTheSystemThanUsuallyAfterwards) {
  // 100 at the lift, 2 fewer each bin, then 20: at the end of bin 240.
  const auto line = [](std::int64_t bin) {
    return bin < 200 ? 100 : std::max<std::int64_t>(20, 100 - 2 * (bin - 200));
  };
  EXPECT_EQ(analysed(waiting_run({{"in_system_requests", line}})).drain.ns, 41 * kSecondNs / 10);
}

TEST(Lift, WithoutABacklogThereIsNothingToDrain) {
  EXPECT_EQ(analysed(waiting_run({{"in_system_requests", constant(7)}})).drain.reason,
            "in 'after' no fewer requests wait than did at the change");
  const Delay none = analysed(run_of({{"in_system_requests", constant(7)}})).drain;
  EXPECT_FALSE(none.ns);
  EXPECT_EQ(none.reason, "nothing waited at the change");
}

TEST(Lift, WhereTheFluidSaysThatItTakesLongerThanWasMeasuredNothingHasDrained) {
  RunValue run = waiting_run({{"in_system_requests", step(100, 20)}});
  run.lift->backlog_tokens = 4000;
  // 1,430 requests of 50 tokens in the 40 s from the lift on.
  run.lift->limit_tokens_per_s = 1787.5 + 100;
  EXPECT_TRUE(analysed(run).drain.ns) << "40 s";
  run.lift->limit_tokens_per_s = 1787.5 + 99;
  EXPECT_TRUE(analysed(run).drain.reason.starts_with("not drained: by the fluid prediction"));
  // Rates alone say that it never drains, and it was seen to.
  run.lift->limit_tokens_per_s = 1787.5;
  EXPECT_FALSE(analysed(run).drain_fluid_s);
  EXPECT_TRUE(analysed(run).drain.ns);
  // A surplus of next to nothing: three times that is no instant that could be counted to.
  run.lift->limit_tokens_per_s = 1787.5 + 1e-9;
  EXPECT_FALSE(analysed(run).not_back_share);
}

TEST(Lift, WhatIsGoneHasDrainedWhateverThePredictionSays) {
  RunValue run = lift_run();
  run.lift->waiting_requests = 600;
  run.lift->limit_tokens_per_s = 3010;
  run.lift->backlog_tokens = 100'000'000;
  run.series.bin_ns = kSecondNs / 10;
  std::vector<std::int64_t> in_system(400, 20);
  for (std::size_t bin = 0; bin < 170; ++bin) in_system[bin] = 600;
  run.series.columns = {{"in_system_requests", in_system}};
  ASSERT_GT(analysed(run).drain_fluid_s.value_or(0), 100);
  EXPECT_EQ(analysed(run).drain.ns, 2'100'000'000 - 12345);
  run.lift->waiting_requests = 100;
  EXPECT_TRUE(analysed(run).drain.reason.starts_with("not drained: by the fluid prediction"));
}

TEST(Lift, OfSeveralRunsTheDrainTimeIsTheirMedian) {
  const auto drained_by = [](std::size_t bin_of_end) {
    RunValue run = lift_run();
    run.seed += bin_of_end;
    run.series.bin_ns = kSecondNs;
    std::vector<std::int64_t> in_system(40, 20);
    for (std::size_t bin = 0; bin < bin_of_end; ++bin) in_system[bin] = 600;
    run.series.columns = {{"in_system_requests", in_system}};
    return run;
  };
  const Trial trial = make_trial("sample", {drained_by(17), drained_by(19), drained_by(30)});
  EXPECT_EQ(analyse_lift(trial)->drain.ns, analysed(drained_by(19)).drain.ns);
}

TEST(Lift, TakesAsLongAsItWasPlannedTo) {
  RunValue run = lift_run();
  EXPECT_FALSE(analysed(run).length_s) << "not recorded";
  run.lift->length_ns = 2'500'000'000;
  EXPECT_EQ(analysed(run).length_s, 2.5);
}

TEST(Lift, TheFluidDrainIsTheWholeBacklogOverTheSurplus) {
  RunValue run = lift_run();
  run.lift->backlog_tokens = 3000;
  run.lift->backoff_tokens = 600;
  EXPECT_FALSE(analysed(run).drain_fluid_s) << "not known what limits it";
  // Offered after the lift: 1,430 requests of 50 tokens in 25 s.
  run.lift->limit_tokens_per_s = 2860 + 900;
  EXPECT_EQ(analysed(run).drain_fluid_s, 4.0);
  EXPECT_TRUE(analysed(run).no_fluid_reason.empty());
  run.lift->limit_tokens_per_s = 2860;
  EXPECT_FALSE(analysed(run).drain_fluid_s);
  EXPECT_TRUE(analysed(run).no_fluid_reason.starts_with("as much gets past the throttles"));
  EXPECT_FALSE(analysed(run).never_drains) << "no rates say that";
}

TEST(Lift, WhatALimitRefusesForGoodIsNotOffered) {
  RunValue run = lift_run();
  run.lift->backlog_tokens = 3600;
  run.lift->limit_tokens_per_s = 2860;
  // 286 of the 1,430 requests of 50 tokens in 25 s, so a fifth of 2,860 tokens/s.
  for (const std::size_t phase : {1U, 2U}) {
    Counts& counts = run.tenants[0].phases[phase].counts;
    counts.rejected = counts.due / 5;
    counts.completed = counts.due - counts.rejected;
    run.throttles[0].phases[phase].rejected = counts.rejected;
  }
  EXPECT_NEAR(analysed(run).drain_fluid_s.value(), 3600 / 572.0, 1e-9);
  // A queue that is full refuses what a limit had let in.
  run.throttles[0].kind = "queue_limit";
  EXPECT_FALSE(analysed(run).drain_fluid_s);
}

TEST(Lift, ABacklogThatGrowsIsMeasured) {
  const auto growing = [](std::int64_t per_bin) {
    return [=](std::int64_t bin) {
      return bin < 200 ? 100 : 100 + per_bin * (bin - 200) + bin * 7919 % 41 - 20;
    };
  };
  // 1,080 are due in the 300 bins of `after`: 300 more of them is a backlog.
  const LiftReport report = analysed(waiting_run({{"in_system_requests", growing(1)}}));
  EXPECT_TRUE(report.never_drains);
  EXPECT_NEAR(report.trend->first_requests, 100 + 114.5, 5);
  EXPECT_NEAR(report.trend->last_requests, 100 + 384.5, 5);
  EXPECT_EQ(report.drain.reason, "the backlog grows as long as it is measured");
  EXPECT_FALSE(analysed(waiting_run({{"in_system_requests", growing(0)}})).never_drains);
  EXPECT_FALSE(analysed(waiting_run({{"in_system_requests", growing(-1)}})).never_drains);
  // 21 more of 1,080 is under 2 %.
  const auto creeping = [](std::int64_t bin) {
    return 100 + std::max<std::int64_t>(0, bin - 300) / 15;
  };
  EXPECT_FALSE(analysed(waiting_run({{"in_system_requests", creeping}})).never_drains);
  EXPECT_FALSE(analysed(lift_run()).trend) << "not recorded";
  // One burst, and a rise that levels off, are no growth.
  const auto burst = [](std::int64_t bin) { return bin < 500 ? 100 : 400 + bin % 7; };
  EXPECT_FALSE(analysed(waiting_run({{"in_system_requests", burst}})).never_drains);
  const auto levelling = [](std::int64_t bin) {
    return 100 + 3 * std::clamp<std::int64_t>(bin - 300, 0, 110);
  };
  EXPECT_FALSE(analysed(waiting_run({{"in_system_requests", levelling}})).never_drains);
}

TEST(Lift, ABacklogOfWaitersDrainsThoughTheFleetThenHoldsMore) {
  const LiftReport report = analysed(waiting_run({{"in_system_requests", step(60, 90)},
                                                  {"waiting_requests", step(50, 0)},
                                                  {"backoff_requests", constant(0)}}));
  EXPECT_EQ(report.drain.ns, kSecondNs / 10);
}

/// A backlog of 5,000 tokens in 50 requests that is gone within the first bin, in which so many
/// tokens are made and so many requests refused.
Departure gone(std::int64_t made, std::int64_t refused) {
  RunValue run = waiting_run({{"in_system_requests", step(60, 90)},
                              {"waiting_requests", step(50, 0)},
                              {"backoff_requests", constant(0)},
                              {"output_tokens", constant(made)},
                              {"rejected_requests", constant(refused)}});
  run.lift->waiting_requests = 50;
  run.lift->backlog_tokens = 5000;
  return analysed(run).departure;
}

TEST(Lift, ABacklogDrainsOnlyWhereItIsMade) {
  EXPECT_EQ(gone(5000, 0).how, Departure::How::served);
  EXPECT_EQ(gone(4999, 0).how, Departure::How::let_in) << "it waits in the fleet";
  EXPECT_EQ(gone(5000, 2).how, Departure::How::served) << "4 % of them";
  EXPECT_EQ(gone(5000, 3).how, Departure::How::gave_up);
  EXPECT_EQ(gone(5000, 3).gave_up, 3U);
}

TEST(Lift, WhatBecomesLessWithoutABacklogIsNoDrain) {
  RunValue run =
      waiting_run({{"in_system_requests", [](std::int64_t bin) { return bin < 250 ? 100 : 20; }}});
  run.lift->waiting_requests = 1;
  run.lift->limit_tokens_per_s = 1e6;
  run.lift->backlog_tokens = 600'000;
  EXPECT_EQ(analysed(run).drain.ns, 51 * kSecondNs / 10);
  EXPECT_EQ(analysed(run).departure.how, Departure::How::served);
  run.lift->backlog_tokens = 400'000;  // by the fluid 0.4 s
  EXPECT_EQ(analysed(run).drain.ns, 51 * kSecondNs / 10);
  EXPECT_EQ(analysed(run).departure.how, Departure::How::unknown);
}

TEST(Lift, CompletedRequestsAreTheMeasureWhereMuchIsComputedInVain) {
  RunValue run = lift_run();
  EXPECT_FALSE(analysed(run).completed_per_s);
  run.tenants[0].phases[2].wasted_tokens = 2700;  // of 54,000
  const auto completed = analysed(run).completed_per_s;
  ASSERT_TRUE(completed);
  EXPECT_DOUBLE_EQ((*completed)[0], 480 / 12.0);
  EXPECT_DOUBLE_EQ((*completed)[1], 1080 / 18.0);
  run.tenants[0].phases[2].wasted_tokens = 2699;
  EXPECT_FALSE(analysed(run).completed_per_s);
}

TEST(Lift, OfSeveralThatChangeTogetherAllBind) {
  RunValue run = lift_run();
  run.tenants[0].phases[0].held = 300;  // of 600
  for (const char* const name : {"second", "third"}) {
    run.throttles.push_back(run.throttles[0]);
    run.throttles.back().name = name;
  }
  for (ThrottleRecord& throttle : run.throttles) {
    for (ThrottleCounts& counts : throttle.phases) counts.held = counts.rejected = 0;
    throttle.phases[0].held = 20;
  }
  EXPECT_TRUE(analysed(run).vacuous) << "3.3 % are its doing";
  run.further_lifts = {*run.lift};
  run.further_lifts[0].throttle = "second";
  EXPECT_FALSE(analysed(run).vacuous) << "6.7 % are that of both";
}

TEST(Lift, OfAVacuousLiftThereIsNoUnlockLatency) {
  RunValue run = lift_run();
  run.lift->unlock_ns = 1'034'000'000'000;
  EXPECT_TRUE(analysed(run).unlock_latency.ns);
  run.tenants[0].phases[0].held = 29;  // of 600
  EXPECT_EQ(analysed(run).unlock_latency.reason, "the throttle did not bind before the change");
}

/// 10 requests of 50 tokens a bin; from the lift on `met` of them meet their objectives, from
/// `back` s on all.
RunValue overloaded(std::int64_t back_s) {
  RunValue run =
      run_of({{"due_requests", constant(10)},
              {"goodput_tokens", [=](std::int64_t bin) { return bin < back_s * 10 ? 100 : 500; }}});
  run.lift->backlog_tokens = 4000;
  // 1,430 requests of 50 tokens in 40 s: it drains in 4 s, and by 32 s all should be well.
  run.lift->limit_tokens_per_s = 1787.5 + 1000;
  return run;
}

TEST(Lift, GoodputThatIsNotBackAfterThreeFluidDrainsIsTold) {
  EXPECT_FALSE(analysed(overloaded(32)).not_back_share) << "back in time";
  // Of the 28 s from 32 s on, all at a fifth.
  EXPECT_DOUBLE_EQ(analysed(overloaded(60)).not_back_share.value(), 0.2);
  // Two of these 28 s: (2 x 0.2 + 26) / 28 = 0.943 is back.
  EXPECT_FALSE(analysed(overloaded(34)).not_back_share);
  RunValue bound = overloaded(60);
  bound.tenants[0].phases[2].held = 54;  // of 1,080: 5 %
  EXPECT_FALSE(analysed(bound).not_back_share) << "a throttle is why";
  bound.tenants[0].phases[2].held = 53;
  EXPECT_TRUE(analysed(bound).not_back_share);
  RunValue drained_at_once = overloaded(60);
  drained_at_once.lift->backlog_tokens = 0;
  EXPECT_FALSE(analysed(drained_at_once).not_back_share) << "there was nothing to drain";
}

TEST(Lift, GoodputIsNotCalledNotBackWhereTheFleetCannotDoItsCapacity) {
  RunValue slowed = overloaded(60);
  LiftRecord slow;
  slow.kind = "slow";
  slow.site = "own";
  slow.at_ns = slow.planned_ns = 10 * kSecondNs;
  slow.length_ns = 20 * kSecondNs;
  slowed.other_events = {slow};
  EXPECT_TRUE(analysed(slowed).not_back_share) << "over when 'after' begins";
  slowed.other_events[0].length_ns = 21 * kSecondNs;
  EXPECT_FALSE(analysed(slowed).not_back_share);
  slowed.other_events[0].length_ns = 0;
  EXPECT_FALSE(analysed(slowed).not_back_share) << "to the end";
  RunValue limited = overloaded(60);
  limited.phases[2].draws.resize(1);
  limited.phases[2].draws[0].replica_ns = 1000;
  limited.phases[2].draws[0].slowed_replica_ns = 9;
  EXPECT_TRUE(analysed(limited).not_back_share);
  limited.phases[2].draws[0].slowed_replica_ns = 10;
  EXPECT_FALSE(analysed(limited).not_back_share);
  RunValue growing = overloaded(60);
  growing.series.columns.push_back(
      {"in_system_requests", values_of(kBins, [](std::int64_t bin) { return 100 + 2 * bin; })});
  EXPECT_TRUE(analysed(growing).never_drains);
  EXPECT_FALSE(analysed(growing).not_back_share);
}

// ------------------------------------------------------------------------------------- course

TEST(Lift, TheDeficitIsWhatTheTransitionLacks) {
  // 1,000 tokens/s before, 3,000 after, 2,000 in the ten seconds between.
  const auto tokens = [](std::int64_t bin) { return bin < 200 ? 100 : bin < 300 ? 200 : 300; };
  const LiftReport report = analysed(run_of({{"goodput_tokens", tokens}}));
  EXPECT_EQ(report.goodput.before, 1000);
  EXPECT_EQ(report.goodput.after, 3000);
  EXPECT_NEAR(report.recovery_deficit_tokens.value(), 10'000, 1e-6);
  EXPECT_EQ(report.goodput.overshoot, 0);
}

TEST(Lift, SeriesOfPooledRunsAreMeans) {
  RunValue low = run_of({{"goodput_tokens", step(50, 250)}});
  RunValue high = run_of({{"goodput_tokens", step(150, 350)}});
  high.seed = low.seed + 1;
  const LiftReport report = analyse_lift(make_trial("", {low, high})).value();
  EXPECT_EQ(report.goodput.before, 1000);
  EXPECT_EQ(report.goodput.after, 3000);
}

TEST(Lift, WhatWaitsAtTheThrottleOrInBackOffIsNotInFlight) {
  const LiftReport report = analysed(run_of({{"in_system_requests", step(100, 60)},
                                             {"waiting_requests", step(50, 0)},
                                             {"backoff_requests", step(30, 10)}}));
  EXPECT_EQ(report.in_flight.before, 20);
  EXPECT_EQ(report.in_flight.after, 50);
}

TEST(Lift, TheTailOverTimeNeedsAThousandRequestsInEachPart) {
  RunValue run = run_of({});
  run.series.slice_ns = kSecondNs;
  run.series.ttft_slices.resize(60);
  for (std::size_t i = 0; i < 60; ++i) {
    run.series.ttft_slices[i].record((i < 20 ? 800 : 40) * kMsNs, 500);
  }
  // Two slices together have 1,000.
  const StepResponse response = analysed(run).ttft_p99;
  EXPECT_NEAR(response.before.value() / (800.0 * kMsNs), 1, 1e-9);
  EXPECT_NEAR(response.after.value() / (40.0 * kMsNs), 1, 1e-9);
  for (Histogram& slice : run.series.ttft_slices) slice = {};
  EXPECT_FALSE(analysed(run).ttft_p99.before);
  EXPECT_FALSE(analysed(run).ttft_p99.settling.reason.empty());
}

TEST(Lift, TheStepIsFoundWithoutBeingTold) {
  const auto noisy = [](std::int64_t bin) {
    return (bin < 200 ? 200 : 400) + (bin * 7919 % 41) - 20;
  };
  const LiftReport report = analysed(run_of({{"output_tokens", noisy}}));
  ASSERT_TRUE(report.found_ns);
  EXPECT_NEAR(static_cast<double>(*report.found_ns), 20e9, 0.5e9);
}

TEST(Lift, CountsAreThoseOfTheRuns) {
  RunValue second = retry_run();
  ++second.seed;
  const LiftReport report = analyse_lift(make_trial("", {retry_run(), second})).value();
  EXPECT_EQ(report.retry_amplification_before, 1950.0 / 600);
  EXPECT_EQ(report.retry_amplification_after, 1.0);
  EXPECT_EQ(report.slo_debt_requests, 50) << "350 due, 300 met, in each run";
  EXPECT_EQ(report.wasted_tokens, 2 * 1750U);
}

TEST(Lift, OfARunThatEndedEarlyHasWhatItGotTo) {
  RunValue run = run_of({{"goodput_tokens", step(100, 300)}, {"in_system_requests", constant(7)}});
  for (const std::size_t reached : {2U, 1U}) {  // the transition; not even that
    run.interrupted = true;
    run.phases.resize(reached);
    for (TenantRecord& tenant : run.tenants) tenant.phases.resize(reached);
    for (ThrottleRecord& throttle : run.throttles) throttle.phases.resize(reached);
    const LiftReport report = analysed(run);
    EXPECT_EQ(report.goodput.before, 1000);
    EXPECT_FALSE(report.goodput.after);
    EXPECT_FALSE(report.goodput.settling.ns);
    EXPECT_FALSE(report.drain.ns);
    EXPECT_TRUE(report.gains.empty());
  }
}

// ------------------------------------------------------------------------------------- tenants

/// Two tenants of weights 1 and 3 with these series, in bins of 1 s.
RunValue shared_run(const std::vector<std::int64_t>& waiting_a,
                    const std::vector<std::int64_t>& admitted_a,
                    const std::vector<std::int64_t>& waiting_b,
                    const std::vector<std::int64_t>& admitted_b) {
  RunValue run = two_tenant_run();
  run.runs = 1;
  run.series.bin_ns = kSecondNs;
  run.series.columns.clear();
  const auto begin = static_cast<std::size_t>(run.phases[0].begin_ns / kSecondNs);
  const auto shifted = [&](std::vector<std::int64_t> values) {
    values.insert(values.begin(), begin, 0);
    return values;
  };
  run.tenants[0].weight = 1;
  run.tenants[1].weight = 3;
  run.tenants[0].guaranteed_share = 0.25;
  run.tenants[1].guaranteed_share = 0.75;
  run.tenants[0].columns = {{"waiting_requests", shifted(waiting_a)},
                            {"admitted_tokens", shifted(admitted_a)}};
  run.tenants[1].columns = {{"waiting_requests", shifted(waiting_b)},
                            {"admitted_tokens", shifted(admitted_b)}};
  return run;
}

TEST(Lift, FairnessIsTheWidestWeightedServiceCameApartWhileBothWaited) {
  // Both wait at the ends of bins 0, 1, 2 and 4: the stretch is bins 1 and 2. There users got 100
  // and 300 tokens, research (weight 3) 300 and 300: users are 0 and then 200 ahead.
  const LiftReport report = analysed(
      shared_run({5, 5, 5, 0, 5}, {900, 100, 300, 900, 900}, {2, 2, 2, 2, 2}, {0, 300, 300, 0, 0}));
  ASSERT_TRUE(report.unfairness);
  EXPECT_EQ(report.unfairness->ahead, "users");
  EXPECT_EQ(report.unfairness->behind, "research");
  EXPECT_DOUBLE_EQ(report.unfairness->tokens, 200);
}

TEST(Lift, WithoutAFairQueueNobodyIsTreatedUnfairly) {
  RunValue run = shared_run({5, 5, 5}, {0, 100, 300}, {2, 2, 2}, {0, 300, 300});
  EXPECT_TRUE(analysed(run).unfairness);
  for (TenantRecord& tenant : run.tenants) tenant.guaranteed_share.reset();
  EXPECT_FALSE(analysed(run).unfairness);
}

TEST(Lift, FairnessLooksAtEveryStretchWithinTheStretch) {
  // Leads of +100, then three times -100: from the top to the bottom it is 300.
  const LiftReport report = analysed(
      shared_run({1, 1, 1, 1, 1}, {0, 200, 0, 0, 0}, {1, 1, 1, 1, 1}, {0, 300, 300, 300, 300}));
  EXPECT_EQ(report.unfairness->ahead, "research");
  EXPECT_DOUBLE_EQ(report.unfairness->tokens, 300);
}

TEST(Lift, WithoutTwoWhoWaitThereIsNoUnfairness) {
  EXPECT_FALSE(
      analysed(shared_run({1, 1, 1}, {9, 9, 9}, {0, 0, 0}, {9, 9, 9})).unfairness.has_value());
  EXPECT_FALSE(analysed(lift_run()).unfairness.has_value());
}

/// Each value five times: a window of five bins.
std::vector<std::int64_t> windows(const std::vector<std::int64_t>& values) {
  std::vector<std::int64_t> bins;
  for (const std::int64_t value : values) bins.insert(bins.end(), 5, value);
  return bins;
}

TEST(Lift, StarvationIsBelowTheShareByMoreThanTwoRequestsWithWorkWaiting) {
  // Requests are of 150 tokens. A quarter of 10,000 is 2,500; from below 2,200 on users starve.
  const LiftReport report =
      analysed(shared_run(windows({1, 1, 1, 0, 1}), windows({500, 440, 439, 0, 0}),
                          windows({1, 1, 1, 1, 1}), windows({1500, 1560, 1561, 2000, 2000})));
  ASSERT_EQ(report.starvation.size(), 2U);
  EXPECT_EQ(report.starvation[0].tenant, "users");
  EXPECT_EQ(report.starvation[0].share, 0.25);
  EXPECT_EQ(report.starvation[0].seconds, 10) << "third and fifth window; in the fourth none waits";
  EXPECT_EQ(report.starvation[1].seconds, 0);
}

}  // namespace
}  // namespace tokenlift::lift_test
