// What is said to whoever decides, for every way in which a run can go: each sentence where it must
// be said, and where it must not.

#include "reports/findings/answer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/reports/record/fleet_runs.hpp"
#include "tests/reports/record/wire_runs.hpp"

namespace tokenlift::answer_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TrialReport reported(RunValue run) {
  return make_report({make_trial("sample", {std::move(run)})}).trials.front();
}

/// A report of the sample lift in which goodput changed like that.
TrialReport with_goodput(const Estimate& change) {
  TrialReport report = reported(lift_run());
  for (Gain& gain : report.lift->gains) {
    if (gain.name == "goodput") gain.change = change;
    if (gain.name == "goodput") gain.is_difference = false;
  }
  report.lift->drain = {6'500'000'000, ""};
  report.lift->never_drains = false;
  return report;
}

const Estimate kBetter = {8.91, Interval{8.5, 9.25}, "5 runs", ""};

std::string decision(const TrialReport& report) {
  const std::vector<std::string> said = answer(report, {});
  return said.size() == 3 ? said[2] : "";
}

TEST(Answer, SaysWhatWasDoneWhatUsersGotAndHowSureThatIs) {
  const std::vector<std::string> said = answer(with_goodput(kBetter), {{"users", 400}});
  ASSERT_EQ(said.size(), 3U);
  EXPECT_EQ(said[0],
            "The limit of 'output limit' was lifted 15.0 s into the run while 50.0 requests/s were "
            "due, from 400 users of 'users'.");
  EXPECT_TRUE(said[1].starts_with("Before, ")) << said[1];
  EXPECT_TRUE(contains(said[1], "; after, ")) << said[1];
  EXPECT_TRUE(contains(said[1],
                       "the median first token took 27.9 ms; the backlog drained in 6.50 "
                       "s and 50 requests due in the transition missed their objectives."))
      << said[1];
  EXPECT_EQ(said[2],
            "It is more than chance: goodput x8.91 (95 % interval x8.50 to x9.25); under this load "
            "the change is for the better.");
}

TEST(Answer, OfAFleetIsWhichReplicasCameOrWentAndWhatServedThen) {
  EXPECT_EQ(answer(reported(join_run()), {})[0],
            "2 replicas joined 'own' between 17.0 and 18.0 s (2 -> 4 serving, capacity 3,500 -> "
            "7,000 tokens/s) while 50.0 requests/s were due.");
  EXPECT_EQ(answer(reported(leave_run()), {})[0],
            "1 replica left 'cloud' at 15.0 s (3 -> 2 serving, capacity 5,250 -> 3,500 tokens/s) "
            "while 50.0 requests/s were due.");
  EXPECT_EQ(answer(reported(failure_run()), {})[0],
            "2 replicas of 'own' failed at 15.0 s (4 -> 2 serving, capacity 7,000 -> 3,500 "
            "tokens/s) and were back at 21.0 s while 50.0 requests/s were due.");
}

TEST(Answer, OfAFleetThatChangesByItselfDoesNotSayThatNothingChanged) {
  RunValue run = steady_run();
  EXPECT_TRUE(contains(answer(reported(run), {})[0], "without any change"));
  run.fleet = failure_run().fleet;
  const std::vector<std::string> said = answer(reported(run), {});
  EXPECT_TRUE(contains(said[0], "while replicas came and went")) << said[0];
  EXPECT_TRUE(contains(said[2], "no change was measured")) << said[2];
}

TEST(Answer, OfAFailureThatChangedNothingThatLastsPointsToTheTransition) {
  TrialReport report = reported(failure_run());
  for (Gain& gain : report.lift->gains) {
    if (gain.name != "goodput") continue;
    gain.change = {1.02, Interval{0.97, 1.07}, "5 runs", ""};
    gain.is_difference = false;
  }
  EXPECT_TRUE(decision(report).starts_with("No difference that lasted could be shown: goodput"))
      << decision(report);
}

TEST(Answer, NamesNoUsersWhereTheScenarioDoesNot) {
  EXPECT_FALSE(contains(answer(with_goodput(kBetter), {})[0], "from"));
}

TEST(Answer, SaysHowManyUsersWereAffectedWhereThatIsRecorded) {
  RunValue run = lift_run();
  run.tenants[0].users = 400;
  EXPECT_FALSE(contains(answer(reported(run), {})[1], "400"));
  run.tenants[0].phases[0].users_missed = 380;
  run.tenants[0].phases[2].users_missed = 12;
  EXPECT_TRUE(contains(answer(reported(run), {})[1],
                       "; of 400 users of 'users' 380 had a request that missed its objectives "
                       "before, and 12 after; "))
      << answer(reported(run), {})[1];
  run.tenants[0].has_objectives = false;
  EXPECT_TRUE(contains(answer(reported(run), {})[1], "380 had a request that got no answer"));
}

TEST(Answer, SaysThatOthersAskTooWhereNotAllTenantsAreUsers) {
  RunValue run = lift_run();
  run.tenants.push_back(run.tenants[0]);
  run.tenants.back().name = "others";
  EXPECT_TRUE(contains(answer(reported(run), {{"users", 1}})[0], "1 user of 'users' among others"));
}

TEST(Answer, OfALossIsThatTheChangeDoesHarm) {
  const std::string text = decision(with_goodput({0.5, Interval{0.4, 0.6}, "5 runs", ""}));
  EXPECT_TRUE(contains(text, "goodput x0.500 (95 % interval x0.400 to x0.600)")) << text;
  EXPECT_TRUE(contains(text, "the change does harm.")) << text;
  EXPECT_FALSE(contains(text, "better")) << text;
}

TEST(Answer, OfAnIntervalAroundNoneIsThatNothingSpeaksForTheChange) {
  const std::string text = decision(with_goodput({1.02, Interval{0.97, 1.07}, "5 runs", ""}));
  EXPECT_TRUE(text.starts_with("No difference could be shown: goodput x1.02")) << text;
  EXPECT_FALSE(contains(text, "more than chance")) << text;
}

TEST(Answer, WithoutAnIntervalDecidesNothing) {
  const std::string text = decision(with_goodput({8.91, {}, "", "2 runs; 3 give an interval"}));
  EXPECT_EQ(text,
            "How sure that is cannot be said (2 runs; 3 give an interval): goodput x8.91; repeat "
            "it before deciding.");
}

TEST(Answer, OfARunThatIsNotValidIsThatNothingCanBeDecided) {
  TrialReport report = with_goodput(kBetter);
  report.trial.lifted.pooled.checks[0].passed = false;
  EXPECT_EQ(decision(report),
            "This is not a valid measurement (a check failed): nothing can be decided by it until "
            "a run passes.");
  report.trial.lifted.pooled.checks[0].passed = true;
  EXPECT_FALSE(contains(decision(report), "valid"));
}

TEST(Answer, OfAThrottleThatDidNotBindIsThatTheRunSaysNothing) {
  TrialReport report = with_goodput(kBetter);
  report.lift->vacuous = true;
  report.lift->binding_fraction = 0.012;
  const std::string text = decision(report);
  EXPECT_TRUE(contains(text, "did not bind: it held or denied 1.20 % of the requests due before"))
      << text;
  EXPECT_FALSE(contains(text, "more than chance")) << text;
}

TEST(Answer, DecidesNothingByWhatWasComputedInVain) {
  TrialReport report = with_goodput(kBetter);
  for (Gain& gain : report.lift->gains) {
    if (gain.name == "goodput") gain.before = gain.after = 0;
  }
  report.lift->completed_per_s = {{50, 0}};
  EXPECT_TRUE(decision(report).starts_with("Nothing can be decided by it: throughput x"));
  EXPECT_TRUE(contains(decision(report), "50.0 -> 0 requests/s completed"));
}

TEST(Answer, DoesNotSayWhoseDoingItIsWhereMoreChanged) {
  TrialReport report = with_goodput(kBetter);
  LiftRecord other;
  other.throttle = "rl";
  other.kind = "set";
  other.at_ns = 30 * kSecondNs;
  report.trial.lifted.pooled.other_events = {other};
  EXPECT_EQ(decision(report),
            "It is more than chance: goodput x8.91 (95 % interval x8.50 to x9.25); but whose doing "
            "that is cannot be said, for in that time 'rl' was set at 30.0 s: run it with "
            "`--control` before deciding.");
}

TEST(Answer, SaysWhatSpeaksAgainstAChangeForTheBetter) {
  TrialReport report = with_goodput(kBetter);
  for (Gain& gain : report.lift->gains) {
    if (gain.name != "ttft p50") continue;
    gain.change = {1.5, Interval{1.4, 1.6}, "5 runs", ""};
    gain.is_difference = false;
  }
  report.lift->never_drains = true;
  EXPECT_TRUE(
      decision(report).ends_with("the change is for the better, but TTFT p50 got worse and "
                                 "a backlog never drains."))
      << decision(report);
}

TEST(Answer, GoesByTheControlWhereThereIsOne) {
  TrialReport report = with_goodput(kBetter);
  Effect effect;
  effect.name = "goodput";
  effect.unit = "tokens/s";
  effect.phase = "after";
  effect.difference = {-300, Interval{-400, -200}, "5 runs", ""};
  report.lift->effects = {effect};
  const std::string text = decision(report);
  EXPECT_TRUE(contains(text,
                       "goodput -300 tokens/s against the same load without the change "
                       "(95 % interval -400 to -200)"))
      << text;
  EXPECT_TRUE(contains(text, "does harm")) << text;
}

TEST(Answer, SaysForHowManyALatencyIsWhereMostGetNothing) {
  TrialReport report = with_goodput(kBetter);
  Counts& counts = report.phases[2].counts;
  counts.rejected = counts.due - counts.due / 4;
  counts.completed = counts.due / 4;
  EXPECT_TRUE(contains(answer(report, {})[1], "27.9 ms for the 25.0 % that were served"));
}

TEST(Answer, OfASteadyRunComparesNothing) {
  const std::vector<std::string> said = answer(reported(steady_run()), {});
  ASSERT_EQ(said.size(), 3U);
  EXPECT_EQ(said[0],
            "The fleet was watched for 37.0 s without any change while 50.0 requests/s were due.");
  EXPECT_EQ(said[1],
            "In that time 99.5 % of the requests met their objectives and the median first token "
            "took 27.9 ms; 2,500 tokens/s came out, 71.4 % of what the fleet can do.");
  EXPECT_TRUE(contains(said[2], "nothing was changed")) << said[2];
}

TEST(Answer, IsLeftToTheVerdictWhereNothingWasMeasured) {
  EXPECT_TRUE(answer(reported(empty_run()), {}).empty());
  RunValue run = lift_run();
  run.lift->at_ns.reset();
  EXPECT_TRUE(answer(reported(run), {}).empty());
}

TEST(Answer, OfAChangeThatWasMadeElsewhereSaysWhoSaidSo) {
  RunValue run = endpoint_run();
  EXPECT_EQ(answer(reported(run), {})[0],
            "A call that made the change was answered 15.2 s into the run while 49.2 requests/s "
            "were due.");
  run.lift->kind = "command";
  EXPECT_TRUE(answer(reported(run), {})[0].starts_with("A command that made the change had ended"));
  run.lift->kind = "signal";
  EXPECT_TRUE(answer(reported(run), {})[0].starts_with("A signal said that the change was made"));
  EXPECT_TRUE(answer(reported(steady_endpoint_run()), {})[0].starts_with(
      "The endpoint was watched for 37.0 s without any change"));
  // No capacity is known, so nothing is said of what the fleet can do.
  EXPECT_FALSE(contains(answer(reported(steady_endpoint_run()), {})[1], "can do"));
}

}  // namespace
}  // namespace tokenlift::answer_test
