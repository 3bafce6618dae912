// What came of a fleet, by its compositions.

#include "reports/analysis/fleet_change.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "reports/analysis/lift.hpp"
#include "reports/analysis/summary.hpp"
#include "tests/reports/record/fleet_runs.hpp"

namespace tokenlift::fleet_change_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

FleetStep step_of(const RunValue& run) {
  return fleet_changes(run).at(0).step.value();
}

TEST(FleetChange, OfAJoinGoesFromTheFirstReplicaThatServesToTheLast) {
  const FleetStep step = step_of(join_run());
  EXPECT_EQ(step.site, "own");
  EXPECT_EQ(step.begin_ns, 17 * kSecondNs);
  EXPECT_EQ(step.end_ns, 18 * kSecondNs);
  EXPECT_EQ(step.from, 1);
  EXPECT_EQ(step.to, 3);
  EXPECT_EQ(step.replicas(), 2);
  EXPECT_EQ(step.serving_from, 2);
  EXPECT_EQ(step.serving_to, 4);
  EXPECT_EQ(step.capacity_from, 3500);
  EXPECT_EQ(step.capacity_to, 7000);
  EXPECT_FALSE(step.back_ns);
}

TEST(FleetChange, OfAFailureIsTheLeastThatServedAndWhenAsManyServedAgain) {
  const FleetStep step = step_of(failure_run());
  EXPECT_EQ(step.from, 3);
  EXPECT_EQ(step.to, 1);
  EXPECT_EQ(step.replicas(), 2);
  EXPECT_EQ(step.back_ns, 21 * kSecondNs);
  RunValue half = failure_run();
  half.fleet.compositions.back().replicas[0] = 2;
  EXPECT_FALSE(step_of(half).back_ns) << "one of two";
}

TEST(FleetChange, OfALeaveDoesNotComeBack) {
  RunValue run = leave_run();
  run.fleet.compositions.push_back({30 * kSecondNs, {2, 1}, 5250.0});
  EXPECT_EQ(step_of(run).serving_to, 2);
  EXPECT_FALSE(step_of(run).back_ns);
  EXPECT_EQ(further_steps(run).size(), 1U) << "what joins later is no end of it";
}

TEST(FleetChange, WhatOtherSitesDoMeanwhileIsNoneOfIt) {
  RunValue run = join_run();
  run.fleet.compositions[1].replicas = {1, 0};
  run.fleet.compositions[2].replicas = {3, 0};
  EXPECT_EQ(step_of(run).begin_ns, 18 * kSecondNs);
  EXPECT_EQ(step_of(run).replicas(), 2);
  ASSERT_EQ(further_steps(run).size(), 1U);
  EXPECT_EQ(further_steps(run)[0].site, "cloud");
  EXPECT_EQ(further_steps(run)[0].to, 0);
}

TEST(FleetChange, ALittleLateIsNotTooLate) {
  RunValue run = failure_run();
  run.lift->at_ns = 15 * kSecondNs + 12'345;
  EXPECT_EQ(step_of(run).from, 3);
}

TEST(FleetChange, OfWhatIsSlowHasNoStep) {
  const RunValue run = fleet_run("slow", "own", 5, {{0, {3, 1}, 7000.0}});
  ASSERT_EQ(fleet_changes(run).size(), 1U);
  EXPECT_FALSE(fleet_changes(run)[0].step);
}

TEST(FleetChange, IsThatOfEveryMeasuredEventOfASite) {
  RunValue run = join_run();
  run.further_lifts.push_back(*lift_run().lift);
  run.further_lifts.push_back(*leave_run().lift);
  run.further_lifts.push_back(*leave_run().lift);
  run.further_lifts.back().at_ns.reset();
  EXPECT_EQ(measured_events(run).size(), 3U) << "one was not reached";
  ASSERT_EQ(fleet_changes(run).size(), 2U);
  EXPECT_EQ(fleet_changes(run)[1].event.kind, "leave");
  EXPECT_TRUE(fleet_changes(lift_run()).empty());
}

TEST(FleetChange, OfARunWithoutCompositionsIsNotKnown) {
  RunValue run = join_run();
  run.fleet = {};
  EXPECT_FALSE(fleet_changes(run).at(0).step);
  EXPECT_TRUE(further_steps(run).empty());
}

TEST(FurtherSteps, AreThoseThatNoMeasuredEventMade) {
  EXPECT_TRUE(further_steps(join_run()).empty());
  EXPECT_TRUE(further_steps(failure_run()).empty()) << "coming back is its end";
  RunValue run = steady_run();
  run.fleet = failure_run().fleet;
  const std::vector<FleetStep> steps = further_steps(run);
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].from, 3);
  EXPECT_EQ(steps[0].to, 1);
  EXPECT_EQ(steps[1].to, 3);
}

TEST(FurtherSteps, OfOneDirectionShortlyAfterEachOtherAreOne) {
  RunValue run = steady_run();  // 37 s are measured
  run.fleet = join_run().fleet;
  ASSERT_EQ(further_steps(run).size(), 1U) << "1 s lies between them";
  EXPECT_EQ(further_steps(run)[0].to, 3);
  run.fleet.compositions[2].at_ns = 19 * kSecondNs;
  EXPECT_EQ(further_steps(run).size(), 2U) << "2 s";
}

TEST(FurtherSteps, OutsideTheMeasuredPhasesDoNotCount) {
  RunValue run = steady_run();
  run.fleet = leave_run().fleet;
  run.fleet.compositions[1].at_ns = 2 * kSecondNs;
  EXPECT_TRUE(further_steps(run).empty()) << "warm-up";
  run.fleet.compositions[1].at_ns = 40 * kSecondNs;
  EXPECT_TRUE(further_steps(run).empty()) << "cool-down";
}

// -------------------------------------------------------------------------- what a lift's metrics
// are

LiftReport analysed(const RunValue& run) {
  return analyse_lift(make_trial("sample", {run})).value();
}

TEST(LiftOfAFleet, HasNothingOfAThrottle) {
  const LiftReport lift = analysed(join_run());
  EXPECT_FALSE(lift.binding_fraction);
  EXPECT_FALSE(lift.vacuous);
  EXPECT_FALSE(lift.unlock_latency.ns);
  EXPECT_FALSE(lift.waiter_release_lag.ns);
  EXPECT_EQ(lift.unlock_latency.reason, "the fleet was changed: no limit that binds");
  EXPECT_EQ(lift.fleet.size(), 1U);
}

TEST(LiftOfAFleet, IsNotVacuousBesideAThrottleThatDoesNotBind) {
  RunValue run = lift_run();
  run.tenants[0].phases[0].held = 0;
  EXPECT_TRUE(analysed(run).vacuous);
  run.further_lifts.push_back(*join_run().lift);
  run.fleet = join_run().fleet;
  EXPECT_FALSE(analysed(run).vacuous);
  EXPECT_EQ(analysed(run).binding_fraction, 0) << "the first event is one of a throttle";
}

/// Goodput per bin of 1 s, before 15 s and afterwards; 3,000 tokens/s are offered.
RunValue with_goodput(RunValue run, std::int64_t before, std::int64_t after) {
  run.series.bin_ns = kSecondNs;
  run.series.columns = {{"goodput_tokens", {}}, {"due_requests", {}}};
  for (std::int64_t bin = 0; bin < 40; ++bin) {
    run.series.columns[0].values.push_back(bin < 15 ? before : after);
    run.series.columns[1].values.push_back(60);
  }
  run.tenants[0].phases[0].goodput_tokens =
      run.tenants[0].phases[0].offered_output_tokens * static_cast<std::uint64_t>(before) / 3000;
  return run;
}

TEST(LiftOfAFleet, GoodputThatIsNotBackAfterAFailureIsTold) {
  const RunValue run = with_goodput(failure_run(), 3000, 1200);
  EXPECT_NEAR(analysed(run).not_back_share.value_or(0), 0.4, 1e-9);
  auto slowed = run;
  slowed.lift->kind = "slow";
  EXPECT_FALSE(analysed(slowed).not_back_share) << "what slowed replicas carry is not known";
  EXPECT_FALSE(analysed(with_goodput(failure_run(), 3000, 2800)).not_back_share);
  EXPECT_FALSE(analysed(with_goodput(failure_run(), 1200, 1200)).not_back_share)
      << "it was no better before";
  RunValue small = run;
  for (Composition& fleet : small.fleet.compositions) fleet.capacity_tokens_per_s = 2900;
  EXPECT_FALSE(analysed(small).not_back_share) << "what serves cannot carry it";
  RunValue held = run;
  held.tenants[0].phases[2].held = 100;
  EXPECT_FALSE(analysed(held).not_back_share) << "a throttle binds";
}

TEST(LiftOfAFleet, OnlyWhatJoinsDrainsABacklog) {
  const auto with_requests = [](RunValue run) {
    run.series.bin_ns = kSecondNs;
    run.series.columns = {{"in_system_requests", {}}};
    for (std::int64_t bin = 0; bin < 40; ++bin) {
      run.series.columns[0].values.push_back(bin < 18 ? 100 : 20);
    }
    return analysed(run).drain;
  };
  EXPECT_EQ(with_requests(join_run()).ns, 4 * kSecondNs);
  EXPECT_EQ(with_requests(leave_run()).reason, "no capacity was added at the change");
  RunValue fails = join_run();
  Composition without = fails.fleet.compositions.back();
  without.at_ns = 30 * kSecondNs;
  without.replicas[0] -= 1;
  fails.fleet.compositions.push_back(without);
  EXPECT_EQ(with_requests(fails).reason,
            "replicas went in 'after', so that what waits there is no measure of it");
  fails.fleet.compositions.back().at_ns = 41 * kSecondNs;
  EXPECT_EQ(with_requests(fails).ns, 4 * kSecondNs) << "after all that is measured";
}

TEST(LiftOfAFleet, HowLongWhoWaitsAtAThrottleStillWaitsIsNotKnownByTheCapacity) {
  RunValue run = join_run();
  run.lift->waiting_requests = run.lift->backoff_requests = 0;
  EXPECT_TRUE(analysed(run).drain_fluid_s);
  run.lift->waiting_requests = 1;
  EXPECT_FALSE(analysed(run).drain_fluid_s);
  EXPECT_EQ(analysed(run).no_fluid_reason,
            "not known how fast the throttles let those go who wait at them");
}

TEST(Summary, OfAFleetThatChangesSaysWhatServed) {
  const std::vector<PhaseSummary> phases = summarize_fleet(join_run());
  EXPECT_EQ(phases[0].rates.replicas_serving, 2);
  EXPECT_EQ(phases[0].rates.capacity_tokens_per_s, 3500);
  EXPECT_DOUBLE_EQ(phases[1].rates.replicas_serving.value(), (2 * 2 + 3 + 4 * 4) / 7.0);
  EXPECT_EQ(phases[2].rates.capacity_tokens_per_s, 7000);
  EXPECT_DOUBLE_EQ(phases[2].rates.headroom.value(),
                   1 - phases[2].rates.throughput_tokens_per_s.value() / 7000);
  EXPECT_EQ(phases[2].no_headroom, "");
  EXPECT_FALSE(summarize_fleet(lift_run())[0].rates.replicas_serving);
  EXPECT_FALSE(summarize_fleet(lift_run())[0].rates.capacity_tokens_per_s);
}

TEST(Summary, HasNoHeadroomWhereWhatServesCannotDoWhatItsCapacitySays) {
  RunValue slow = join_run();
  slow.engine = "virtual";
  slow.capacity_tokens_per_s = 3500;
  slow.fleet.compositions.back().capacity_tokens_per_s.reset();
  std::vector<PhaseSummary> phases = summarize_fleet(slow);
  EXPECT_TRUE(phases[0].rates.headroom);
  EXPECT_EQ(phases[0].no_headroom, "");
  EXPECT_FALSE(phases[2].rates.headroom);
  EXPECT_EQ(phases[2].no_headroom, "replicas were slow");
  RunValue limited = join_run();
  limited.capacity_tokens_per_s = 3500;
  for (PhaseSpan& phase : limited.phases) phase.draws.resize(1);
  limited.phases[0].draws[0].replica_ns = limited.phases[2].draws[0].replica_ns = 1000;
  limited.phases[0].draws[0].slowed_replica_ns = 9;
  limited.phases[2].draws[0].slowed_replica_ns = 10;
  phases = summarize_fleet(limited);
  EXPECT_TRUE(phases[0].rates.headroom) << "less than a hundredth of the time";
  EXPECT_FALSE(phases[2].rates.headroom);
  EXPECT_EQ(phases[2].no_headroom, "a limit of power held replicas back");
}

// A replica fails before one joins, and another one after it.
TEST(OtherEvents, DoNotCountWhatAMeasuredOneDid) {
  RunValue run = fleet_run("join", "own", 3,
                           {{0, {9, 1}, {}},
                            {16 * kSecondNs, {8, 1}, {}},
                            {17 * kSecondNs, {18, 1}, {}},
                            {17'500'000'000, {17, 1}, {}}});
  const std::vector<FleetStep> steps = further_steps(run);
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].replicas(), 1);
  EXPECT_EQ(steps[1].from, 18);
  EXPECT_EQ(steps[1].to, 17);
}

LiftRecord other_event(const char* kind, std::int64_t at_s, std::int64_t length_s) {
  LiftRecord event;
  event.kind = kind;
  event.throttle = "rl";
  event.planned_ns = at_s * kSecondNs;
  event.at_ns = event.planned_ns;
  event.length_ns = length_s * kSecondNs;
  return event;
}

// Measured from 3 to 40 s.
TEST(OtherEvents, CountWhereTheyChangeSomethingWhileItIsMeasured) {
  RunValue run = lift_run();
  run.other_events = {other_event("set", 2, 0),   other_event("set", 4, 0),
                      other_event("slow", 1, 60), other_event("slow", 1, 30),
                      other_event("ramp", 1, 60), other_event("restore", 40, 0),
                      other_event("join", 10, 0)};
  std::vector<std::string> kinds;
  for (const LiftRecord& event : events_meanwhile(run)) kinds.push_back(event.kind);
  EXPECT_EQ(kinds, (std::vector<std::string>{"set", "slow", "ramp"}));
}

}  // namespace
}  // namespace tokenlift::fleet_change_test
