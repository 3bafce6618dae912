// What a report says in words, for every way in which a lift can go.

#include "reports/findings/verdict.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift::verdict_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TrialReport reported(const std::vector<RunValue>& runs) {
  return make_report({make_trial("sample", runs)}).trials.front();
}

/// A report of the sample lift in which goodput changed like that.
TrialReport with_goodput(const Estimate& change, bool is_difference = false) {
  TrialReport report = reported({lift_run()});
  for (Gain& gain : report.lift->gains) {
    if (gain.name != "goodput") continue;
    gain.change = change;
    gain.is_difference = is_difference;
  }
  report.lift->drain = {6'500'000'000, ""};
  return report;
}

// ------------------------------------------------------------------------------------ validity

TEST(Validity, CountsChecksAndNamesThoseThatCouldNotBeRead) {
  EXPECT_EQ(validity(make_trial("", {lift_run()})),
            std::vector<std::string>{"valid: 3 of 4 checks passed, 1 not checked"});
  EXPECT_TRUE(is_valid(make_trial("", {lift_run()})));
}

TEST(Validity, EveryFailedCheckHasALineWithWhatToDo) {
  const std::vector<std::string> lines = validity(make_trial("", {invalid_run()}));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], "NOT VALID as a measurement: 2 of 4 checks failed");
  EXPECT_TRUE(lines[1].starts_with("generator lag p99 (ms): 3.25, limit 1. The loop was late"));
  EXPECT_EQ(lines[3], "INTERRUPTED: the run was ended early; this is what it measured until then");
}

TEST(Validity, AControlCountsToo) {
  RunValue control = lift_run();
  control.control = true;
  control.lift->at_ns.reset();
  control.checks[0].passed = false;
  const Trial trial = make_trial("", {lift_run(), control});
  EXPECT_FALSE(is_valid(trial));
  EXPECT_TRUE(
      validity(trial)[0].ends_with("1 of 8 checks failed, with the event and without it together"));
  EXPECT_TRUE(validity(trial)[1].starts_with("control: generator lag p99 (ms)"));
}

// ------------------------------------------------------------------------------------- verdict

TEST(Verdict, OfAGainIsThatItPaidOffAndWhatItCost) {
  EXPECT_EQ(verdict(with_goodput({8.91, Interval{8.5, 9.25}, "5 runs", ""})),
            "Lifting 'output limit' at 15.0 s paid off: goodput x8.91 (95 % interval x8.50 to "
            "x9.25), 400 -> 2,969 tokens/s, TTFT p50 1.03 s -> 27.9 ms; the backlog drained in "
            "6.50 s and 50 requests due in the transition missed their objectives.");
}

TEST(Verdict, ComparesNothingWhereNobodyAsked) {
  for (const std::string name : {"before", "after"}) {
    RunValue run = lift_run();
    for (TenantRecord& tenant : run.tenants) {
      for (std::size_t i = 0; i < run.phases.size(); ++i) {
        if (run.phases[i].name == name) tenant.phases[i].counts.due = 0;
      }
    }
    const TrialReport report = reported({run});
    EXPECT_TRUE(report.lift->gains.empty());
    EXPECT_EQ(verdict(report), "Lifting 'output limit' at 15.0 s: nobody asked in '" + name +
                                   "', so before and after cannot be compared.");
  }
}

TEST(Verdict, OfADifferenceHasItsSign) {
  EXPECT_TRUE(contains(verdict(with_goodput({2569, Interval{2400, 2700}, "5 runs", ""}, true)),
                       "goodput +2,569 tokens/s (95 % interval +2,400 to +2,700), "));
}

TEST(Verdict, OfALossIsThatItDidHarm) {
  EXPECT_TRUE(contains(verdict(with_goodput({0.5, Interval{0.4, 0.6}, "5 runs", ""})),
                       "at 15.0 s did harm: goodput x0.500 (95 % interval x0.400 to x0.600)"));
}

TEST(Verdict, OfAnIntervalAroundNoneIsThatNothingCouldBeShown) {
  EXPECT_TRUE(contains(verdict(with_goodput({1.02, Interval{0.97, 1.07}, "5 runs", ""})),
                       "at 15.0 s made no difference to goodput that could be shown: x1.02 (95 % "
                       "interval x0.970 to x1.07)"));
}

TEST(Verdict, WithoutAnIntervalJudgesNothingAndSaysWhy) {
  const std::string text = verdict(with_goodput({8.91, {}, "", "2 runs; 3 give an interval"}));
  EXPECT_TRUE(contains(text, "at 15.0 s: goodput x8.91, 400 -> 2,969 tokens/s"));
  EXPECT_TRUE(text.ends_with(" How sure that is cannot be said: 2 runs; 3 give an interval."));
}

TEST(Verdict, GoesByThroughputWhereNextToNothingMeetsItsObjectives) {
  TrialReport report = with_goodput({0, Interval{-3, 3}, "5 runs", ""}, true);
  for (Gain& gain : report.lift->gains) {
    if (gain.name == "goodput") gain.before = gain.after = 0;
    if (gain.name == "throughput") gain.change = {0.5, Interval{0.4, 0.6}, "5 runs", ""};
  }
  EXPECT_TRUE(contains(verdict(report),
                       " did harm: throughput x0.500 (95 % interval x0.400 to x0.600), 2,000 -> "));
  EXPECT_TRUE(contains(verdict(report), ", while next to nothing met its objectives"));
}

TEST(Verdict, GoesByThroughputWhereWhatWasDueBeforeWasAnsweredAfter) {
  TrialReport report = with_goodput({1.01, Interval{0.95, 1.08}, "5 runs", ""});
  for (Gain& gain : report.lift->gains) {
    if (gain.name == "goodput") gain.before = 2000;
    if (gain.name == "throughput") gain.before = 1000;
    if (gain.name == "throughput") gain.change = {2.5, Interval{2.4, 2.6}, "5 runs", ""};
  }
  EXPECT_TRUE(contains(verdict(report), "paid off: throughput x2.50")) << verdict(report);
  EXPECT_TRUE(contains(verdict(report),
                       "tokens/s, while goodput counts what was due before and answered after,"))
      << verdict(report);
}

TEST(Verdict, SaysOfHowManyALatencyIsWhereMostGetNothing) {
  TrialReport report = reported({lift_run()});
  Counts& counts = report.phases[2].counts;
  counts.rejected = counts.due - counts.due / 4;
  counts.completed = counts.due / 4;
  EXPECT_TRUE(contains(verdict(report), "-> 27.9 ms (of the 25.0 % that were served)"));
}

/// Where next to nothing meets its objectives, and throughput rises by half.
TrialReport wasteful(double completed_before, double completed_after) {
  TrialReport report = with_goodput({0, Interval{-3, 3}, "5 runs", ""}, true);
  for (Gain& gain : report.lift->gains) {
    if (gain.name == "goodput") gain.before = gain.after = 0;
    if (gain.name == "throughput") gain.change = {1.5, Interval{1.4, 1.6}, "5 runs", ""};
  }
  report.lift->completed_per_s = {{completed_before, completed_after}};
  return report;
}

TEST(Verdict, DoesNotGoByThroughputWhereItIsComputedInVain) {
  EXPECT_TRUE(contains(verdict(wasteful(50, 75)), "paid off: throughput x1.50"));
  EXPECT_TRUE(contains(verdict(wasteful(0, 75)), "paid off: throughput x1.50"));
  for (const auto& [before, after] : {std::pair{50.0, 0.0}, {50.0, 50.0}, {0.0, 0.0}}) {
    const TrialReport report = wasteful(before, after);
    const std::string text = verdict(report);
    EXPECT_FALSE(contains(text, "paid off")) << text;
    EXPECT_FALSE(judge(*report.lift).better);
    EXPECT_TRUE(contains(text, ", while next to nothing met its objectives and ")) << text;
    EXPECT_TRUE(contains(text, " requests/s completed")) << text;
    EXPECT_TRUE(contains(text, "so throughput is no measure of it.")) << text;
  }
}

LiftRecord set_at(std::int64_t at_s) {
  LiftRecord event;
  event.throttle = "rl";
  event.kind = "set";
  event.at_ns = event.planned_ns = at_s * kSecondNs;
  return event;
}

TEST(Verdict, BlamesNothingForWhatAnotherEventMayHaveDone) {
  TrialReport report = with_goodput({0.5, Interval{0.4, 0.6}, "5 runs", ""});
  RunValue& run = report.trial.lifted.pooled;
  run.other_events = {set_at(41)};
  EXPECT_TRUE(contains(verdict(report), "did harm")) << "it came after all";
  run.other_events = {set_at(30)};
  const std::string text = verdict(report);
  EXPECT_TRUE(contains(text, "Lifting 'output limit' at 15.0 s: goodput x0.500 (95 % ")) << text;
  EXPECT_TRUE(text.ends_with(
      " Whose doing that is cannot be said: in that time 'rl' was set at 30.0 s; `--control` "
      "tells."))
      << text;
  report.lift->effects = {
      {"goodput", "tokens/s", true, "after", {}, {}, {-300, Interval{-400, -200}, "5 runs", ""}}};
  EXPECT_TRUE(contains(verdict(report), "did harm")) << "with a control it is known";
}

TEST(Verdict, BlamesNothingForABudgetThatRanOut) {
  TrialReport report = with_goodput({0.5, Interval{0.4, 0.6}, "5 runs", ""});
  ThrottleRecord week = report.trial.lifted.pooled.throttles[0];
  week.name = "week";
  week.kind = "anchored_window";
  week.phases = {{}, {}, {1000, 0, 540}};
  report.trial.lifted.pooled.throttles.push_back(week);
  EXPECT_TRUE(contains(verdict(report), "cannot be said: in that time 'week' began to bind;"));
  std::vector<ThrottleRecord>& throttles = report.trial.lifted.pooled.throttles;
  throttles[1].kind = "token_bucket";
  EXPECT_TRUE(contains(verdict(report), "did harm")) << "what is no budget binds as it is asked";
  throttles[1].kind = "anchored_window";
  throttles[1].phases[0].rejected = 540;
  EXPECT_TRUE(contains(verdict(report), "did harm")) << "it did before";
  throttles[1].phases[2].rejected = 0;
  EXPECT_TRUE(contains(verdict(report), "did harm")) << "less was refused: that does no harm";
  report.lift->gains = with_goodput({2, Interval{1.9, 2.1}, "5 runs", ""}).lift->gains;
  EXPECT_TRUE(contains(verdict(report), "in that time 'week' no longer bound;"));
}

TEST(Verdict, SaysHowTheBacklogWent) {
  TrialReport report = with_goodput({8.91, Interval{8.5, 9.25}, "5 runs", ""});
  const auto with = [&](const Departure& departure) {
    report.lift->departure = departure;
    return verdict(report);
  };
  EXPECT_TRUE(contains(with({}), "; the backlog drained in 6.50 s and "));
  EXPECT_TRUE(contains(with({Departure::How::let_in, 0}),
                       "; nobody waited at the throttle any more after 6.50 s and "));
  EXPECT_TRUE(contains(with({Departure::How::gave_up, 1}),
                       "; the backlog was gone after 6.50 s (1 request refused or given up) and "));
  EXPECT_FALSE(contains(with({Departure::How::unknown, 0}), "6.50 s"));
}

TEST(Verdict, GoesByTheControlWhereThereIsOne) {
  // Before against after it rose, with the day; without the lift it would have risen as much.
  TrialReport report = with_goodput({8.91, Interval{8.5, 9.25}, "5 runs", ""});
  Effect effect;
  effect.name = "goodput";
  effect.unit = "tokens/s";
  effect.phase = "after";
  effect.difference = {3.5, Interval{-20, 27}, "5 runs", ""};
  report.lift->effects = {effect};
  const std::string none = verdict(report);
  EXPECT_TRUE(contains(none, "made no difference to goodput that could be shown: x8.91"));
  EXPECT_TRUE(contains(none,
                       "; against the same load without it: +3.50 tokens/s (95 % interval "
                       "-20.0 to +27.0); the backlog"));
  report.lift->effects[0].difference = {-300, Interval{-400, -200}, "5 runs", ""};
  EXPECT_TRUE(contains(verdict(report), "did harm"));
}

TEST(Verdict, OfAThrottleThatDidNotBindIsThatItIsVacuous) {
  RunValue run = lift_run();
  run.tenants[0].phases[0].held = 29;  // of 600
  const std::string text = verdict(reported({run}));
  EXPECT_TRUE(contains(text, "is vacuous: the throttle did not bind: it held or denied 4.83 % of"));
}

TEST(Verdict, OfOneThatHeldOneSmallTenantNamesThatOne) {
  RunValue run = two_tenant_run();
  for (TenantRecord& tenant : run.tenants) tenant.phases[0].held = 0;
  PhaseRecord& small = run.tenants[1].phases[0];
  small.held = run.throttles[0].phases[0].held = small.counts.due / 20 + 1;
  const std::string text = verdict(reported({run}));
  EXPECT_TRUE(contains(text, "is vacuous: the throttle held or denied ")) << text;
  EXPECT_TRUE(contains(text, "it did bind 'research', 6.67 % of whose requests")) << text;
  EXPECT_FALSE(contains(text, "did not bind")) << text;
}

TEST(Verdict, BlamesNothingForWhatAScheduleMayHaveDone) {
  TrialReport report = with_goodput({2, Interval{1.9, 2.1}, "5 runs", ""});
  RunValue& run = report.trial.lifted.pooled;
  const std::int64_t lift_ns = *run.lift->at_ns;
  run.throttles[0].limits = {{0, 100.0}, {lift_ns, std::nullopt}};
  EXPECT_TRUE(contains(verdict(report), "paid off")) << "that is the event";
  run.throttles[0].limits = {{0, 100.0}, {10 * kSecondNs, 200.0}, {lift_ns, std::nullopt}};
  EXPECT_TRUE(contains(verdict(report),
                       "in that time the limit of 'output limit' went from 100 to 200 at 10.0 s;"));
  run.throttles[0].limits[1].at_ns = kSecondNs;
  EXPECT_TRUE(contains(verdict(report), "paid off")) << "in the warm-up";
  run.throttles[0].limits[1].at_ns = 10 * kSecondNs;
  run.throttles[0].kind = "aimd";
  EXPECT_TRUE(contains(verdict(report), "paid off")) << "that moves all the time";
  run.throttles[0].kind = "token_bucket";
  LiftRecord set = *run.lift;
  set.at_ns = 10 * kSecondNs;
  run.further_lifts = {set};
  EXPECT_FALSE(contains(verdict(report), "the limit of")) << "another measured event";
}

TEST(Remarks, OfARunThatEndedBeforeAnyPhaseAreNone) {
  RunValue run = empty_run();
  run.phases.clear();
  for (TenantRecord& tenant : run.tenants) tenant.phases.clear();
  run.throttles.push_back({.name = "limit",
                           .kind = "token_bucket",
                           .unit = "",
                           .scope = "",
                           .mode = "enforce",
                           .phases = {},
                           .limits = {{0, 1.0}, {1, 2.0}}});
  EXPECT_TRUE(remarks(reported({run})).empty());
}

TEST(Verdict, NamesTheEventAfterItsKind) {
  const auto named = [](const std::string& kind) {
    RunValue run = lift_run();
    run.lift->kind = kind;
    return verdict(reported({run}));
  };
  EXPECT_TRUE(named("lift").starts_with("Lifting 'output limit' at 15.0 s"));
  EXPECT_TRUE(named("set").starts_with("Setting 'output limit' at 15.0 s"));
  EXPECT_TRUE(named("restore").starts_with("Restoring 'output limit' at 15.0 s"));
  EXPECT_TRUE(named("ramp").starts_with("Ramping 'output limit' from 15.0 s on"));
}

TEST(Verdict, OfAnInvalidRunSaysSoFirst) {
  EXPECT_EQ(verdict(reported({invalid_run()})),
            "NOT VALID: 'output limit' was to change at 15.0 s; the run did not get there.");
  EXPECT_TRUE(verdict(reported({empty_run()}))
                  .ends_with("no requests were due in the phases "
                             "measured."));
}

TEST(Verdict, OfASteadyRunIsHowItIs) {
  EXPECT_EQ(verdict(reported({steady_run()})),
            "Steady: throughput 2,500 tokens/s (71.4 % of capacity), attainment 99.5 % and TTFT "
            "p50 27.9 ms.");
}

// ------------------------------------------------------------------------------------- remarks

bool remarks_on(const TrialReport& report, const std::string& part) {
  for (const std::string& remark : remarks(report)) {
    if (contains(remark, part)) return true;
  }
  return false;
}

TEST(Remarks, TellOfWhatWasWorseFirst) {
  TrialReport report = with_goodput({8.91, Interval{8.5, 9.25}, "5 runs", ""});
  EXPECT_FALSE(remarks_on(report, "worse first"));
  report.phases[1].rates.goodput_tokens_per_s = 300;
  EXPECT_FALSE(remarks_on(report, "worse first")) << "that may be chance: 350 were due in it";
  report.phases[1].rates.goodput_tokens_per_s = 100;
  EXPECT_TRUE(remarks_on(report,
                         "It was worse first: goodput in the transition was 100 tokens/s, 400 "
                         "before."));
}

TEST(Remarks, TellOfABacklogThatOutlastsTheTransition) {
  TrialReport report = reported({lift_run()});
  const RunValue& run = report.trial.lifted.pooled;
  const std::int64_t settled_ns =
      run.phases[find_phase(run, "after").value()].begin_ns - report.lift->lift.at_ns.value();
  report.lift->drain = {settled_ns, ""};
  EXPECT_FALSE(remarks_on(report, "to drain and the transition ended"));
  report.lift->drain = {settled_ns + 1'000'000'000, ""};
  EXPECT_TRUE(remarks_on(report, "to drain and the transition ended"));
}

TEST(Remarks, TellOfGoodputThatWasMadeLater) {
  TrialReport report = reported({lift_run()});
  report.phases.back().rates.throughput_tokens_per_s = 1000;
  report.phases.back().rates.goodput_tokens_per_s = 1099;
  EXPECT_FALSE(remarks_on(report, "Goodput counts a request in the phase"));
  report.phases.back().rates.goodput_tokens_per_s = 1101;
  EXPECT_TRUE(remarks_on(report, "1,101 tokens/s in 'after', which made 1,000. Throughput says"));
}

TEST(Remarks, TellOfRequestsThatWereNeverDecided) {
  TrialReport report = reported({lift_run()});
  Counts& counts = report.phases.back().counts;
  counts.in_flight = counts.due / 20;
  EXPECT_FALSE(remarks_on(report, "not decided when the run ended"));
  counts.in_flight = counts.due / 10;
  EXPECT_TRUE(remarks_on(report, "'after', 10.0 % were not decided when the run ended"))
      << remarks(report).back();
}

TEST(Remarks, TellOfTheBacklogInBackOff) {
  EXPECT_TRUE(remarks_on(reported({retry_run()}),
                         "Requests waiting at that instant: none at the throttle and 300 in "
                         "back-off (15,000 output tokens)."));
  EXPECT_FALSE(remarks_on(reported({lift_run()}), "back-off")) << "what waits in the open is shown";
}

TEST(Remarks, TellOfWhatNeverDrainsDoesNotComeBackOrSettle) {
  TrialReport report = reported({lift_run()});
  EXPECT_FALSE(remarks_on(report, "never drains"));
  report.lift->never_drains = true;
  EXPECT_TRUE(remarks_on(report, "a backlog never drains"));
  EXPECT_FALSE(remarks_on(report, "not back"));
  report.lift->not_back_share = 0.4;
  report.lift->drain_fluid_s = 2;
  EXPECT_TRUE(remarks_on(report,
                         "Goodput is not back: from three times the fluid drain (2.00 s) "
                         "after the lift on it is 40.0 % of what is offered"));
  report.lift->goodput.stepped = true;
  report.lift->goodput.settling = {{}, "not settled: run 5 s longer"};
  EXPECT_TRUE(remarks_on(report, "Goodput: not settled: run 5 s longer."));
  RunValue& run = report.trial.lifted.pooled;
  run.series.bin_ns = kSecondNs;
  run.series.columns.push_back({"due_requests", std::vector<std::int64_t>(40, 50)});
  EXPECT_TRUE(remarks_on(report, "Goodput: not settled: run 5 s longer."));
  for (std::size_t bin = 30; bin < 40; ++bin) run.series.columns.back().values[bin] = 150;
  EXPECT_FALSE(remarks_on(report, "not settled")) << "the load moves by itself";
}

TEST(Remarks, TellWhyGoodputIsNotBack) {
  TrialReport report = reported({lift_run()});
  report.lift->not_back_share = 0.4;
  report.lift->drain_fluid_s = 2;
  EXPECT_TRUE(remarks_on(report,
                         "requests hardly wait (7.32 % of their TTFT), so the objectives are too "
                         "tight for the pace of this fleet under this load."));
  EXPECT_FALSE(remarks_on(report, "metastable"));
  RunValue& run = report.trial.lifted.pooled;
  run.capacity_source = "stated";
  EXPECT_TRUE(remarks_on(report, "load, or it does not do the capacity that was stated."));
  PhaseRecord& after = run.tenants[0].phases[2];
  after.wasted_tokens = after.output_tokens / 20;
  EXPECT_FALSE(remarks_on(report, "metastable")) << "whether the backlog drains is not known";
  report.lift->trend = BacklogTrend{1200, 1100, false};
  EXPECT_TRUE(remarks_on(report, "The overload keeps itself up (metastable): 2,700 tokens"));
  report.lift->trend = BacklogTrend{1200, 1000, false};
  EXPECT_FALSE(remarks_on(report, "metastable"));
  EXPECT_TRUE(remarks_on(report, "the backlog is still draining"));
}

TEST(Remarks, CallNoObjectivesTooTightWhereRequestsWait) {
  TrialReport report = reported({lift_run()});
  report.lift->not_back_share = 0.4;
  report.lift->drain_fluid_s = 2;
  TimeSplit& after = report.split[2];
  ASSERT_EQ(after.phase, "after");
  after = {"after", 1080, 100e6, 0, 0, 0, 90e6, 10e6};
  report.lift->trend = BacklogTrend{1200, 400, false};
  EXPECT_FALSE(remarks_on(report, "too tight"));
  EXPECT_TRUE(remarks_on(report, "no throttle binds: why is not known."));
  report.trial.lifted.pooled.tenants[0].wait_objective_ns = 361'000'000;
  EXPECT_TRUE(remarks_on(report, "why is not known.")) << "a wait of 90 ms hardly matters to that";
  report.trial.lifted.pooled.tenants[0].wait_objective_ns = 360'000'000;
  EXPECT_TRUE(remarks_on(report,
                         "requests wait in the fleet (90.0 % of the mean TTFT in 'after' is queue "
                         "wait); in the system they went from 1,200 to 400 while 'after' lasted."));
  // Of those that got nothing no latency tells.
  report = reported({lift_run()});
  report.lift->not_back_share = 0.4;
  report.lift->drain_fluid_s = 2;
  report.phases[2].counts.completed -= 54;
  report.phases[2].counts.expired += 54;
  EXPECT_FALSE(remarks_on(report, "too tight"));
  EXPECT_TRUE(remarks_on(report, "no throttle binds: why is not known."));
}

/// Where more comes in than is carried, with that much of the capacity unused.
TrialReport overloaded(RunValue run, double headroom) {
  TrialReport report = reported({std::move(run)});
  report.lift->never_drains = true;
  report.phases[2].rates.headroom = headroom;
  return report;
}

TEST(Remarks, AdviseOnlyWhatHelps) {
  const char* const larger = "Offer less, or use a larger fleet";
  const char* const higher = "let 'output limit' hold back less, as far as the fleet carries it";
  EXPECT_TRUE(remarks_on(overloaded(lift_run(), 0.01), larger));
  RunValue set = lift_run();
  set.lift->kind = "set";
  set.tenants[0].phases[2].held = set.throttles[0].phases[2].held = 540;  // it still binds
  EXPECT_TRUE(remarks_on(overloaded(set, 0.3), higher));
  EXPECT_FALSE(remarks_on(overloaded(set, 0.01), higher)) << "the fleet is full";
  EXPECT_TRUE(remarks_on(overloaded(set, 0.01), larger));
  // It could do more, and nothing limits it.
  EXPECT_TRUE(remarks_on(overloaded(lift_run(), 0.37),
                         "The fleet put out 63.0 % of its capacity meanwhile: see what holds it"));
  EXPECT_FALSE(remarks_on(overloaded(lift_run(), 0.37), larger));
  RunValue limited = lift_run();
  limited.fleet.sites = {"hall"};
  limited.phases[2].draws.resize(1);
  limited.phases[2].draws[0].replica_ns = 100;
  limited.phases[2].draws[0].slowed_replica_ns = 100;
  EXPECT_TRUE(remarks_on(overloaded(limited, 0.3),
                         "Offer less, or raise the limit of power: that of 'hall', which held its "
                         "replicas back for 100 % of their time in 'after'."));
  EXPECT_FALSE(remarks_on(overloaded(limited, 0.01), larger)) << "more replicas would get less";
  limited.phases[2].draws[0].slowed_replica_ns = 4;
  EXPECT_FALSE(remarks_on(overloaded(limited, 0.01), "limit of power"));
}

/// Of two tenants, where `rejected` and `expired` of the first one's 1,080 requests after the lift
/// got nothing.
TrialReport unserved(std::uint64_t rejected, std::uint64_t expired) {
  RunValue run = two_tenant_run();
  run.runs = 1;
  Counts& counts = run.tenants[0].phases[2].counts;
  counts.rejected = rejected;
  counts.expired = expired;
  counts.completed = counts.due - rejected - expired;
  run.throttles[1].phases[2].rejected = 3 * rejected;
  run.throttles[1].phases[2].held = expired;
  return reported({run});
}

TEST(Remarks, TellWhichThrottleRefuses) {
  EXPECT_FALSE(remarks_on(unserved(58, 0), "rejected for good")) << "of 1,170";
  EXPECT_TRUE(
      remarks_on(unserved(117, 0),
                 "10.0 % of the requests due in 'after' were rejected for good, 100 % of "
                 "them of tenant 'users': 'research share' refuses, all of the 351 attempts "
                 "that were refused. 'output limit' is in nobody's way any more."));
  TrialReport both = unserved(117, 0);
  both.trial.lifted.pooled.throttles[0].phases[2].rejected = 100;
  EXPECT_TRUE(remarks_on(both, "'research share' refuses, 351 of the 451 attempts"));
  EXPECT_FALSE(remarks_on(both, "in nobody's way")) << "it refuses, too";
}

TEST(Remarks, TellWhereRequestsExpire) {
  EXPECT_FALSE(remarks_on(unserved(0, 58), "expired")) << "of 1,170";
  TrialReport held = unserved(0, 117);
  held.split[2].throttle_wait_ns = held.split[2].queue_wait_ns;
  EXPECT_TRUE(remarks_on(held,
                         "10.0 % of the requests due in 'after' expired, 100 % of them of tenant "
                         "'users': 'research share' let all of the 117 attempts wait that any "
                         "throttle did."));
  TrialReport late = unserved(0, 117);
  late.trial.lifted.pooled.throttles[1].phases[2].held = 0;
  EXPECT_TRUE(remarks_on(late, "no throttle let them wait, so they were too late in the fleet."));
  TrialReport refused = late;
  refused.trial.lifted.pooled.throttles[0].phases[2].rejected = 400;
  refused.split[2].throttle_wait_ns = refused.split[2].queue_wait_ns + 1;
  EXPECT_TRUE(remarks_on(refused,
                         "expired, 100 % of them of tenant 'users': 'output limit' refused all of "
                         "the 400 attempts that any throttle refused."));
  // A throttle that holds everybody for a moment is not where they waited.
  TrialReport smooth = unserved(0, 117);
  smooth.trial.lifted.pooled.throttles[1].phases[2].held = 1000;
  smooth.split[2].queue_wait_ns = smooth.split[2].throttle_wait_ns + 1;
  EXPECT_TRUE(remarks_on(smooth, "few waited at a throttle, so they were too late in the fleet."));
}

TEST(Remarks, TellWhereTheChangeShowsItselfElsewhere) {
  TrialReport report = reported({lift_run()});
  report.lift->found_ns = 15'500'000'000;
  EXPECT_FALSE(remarks_on(report, "By itself the throughput")) << "near the lift";
  const auto quarter_ns = (report.phases[2].end_ns - report.phases[2].begin_ns) / 4;
  report.lift->found_ns = *report.lift->lift.at_ns + quarter_ns;
  EXPECT_FALSE(remarks_on(report, "By itself the throughput")) << "as near as it can be told";
  report.lift->found_ns = 30'000'000'000;
  EXPECT_TRUE(remarks_on(report, "throughput shows a change at 30.0 s, 15.0 s after the lift."));
  report.lift->found_ns = 5'000'000'000;
  EXPECT_TRUE(remarks_on(report, "throughput shows a change at 5.0 s, 10.0 s before the lift."));
  report.lift->found_ns.reset();
  for (Gain& gain : report.lift->gains) {
    if (gain.name == "throughput") gain.change = {1.8, Interval{1.7, 1.9}, "5 runs", ""};
  }
  EXPECT_TRUE(remarks_on(report, "throughput shows no change at any instant"));
}

TEST(Remarks, TellWhereTheTimeWentAndWhichThrottleBit) {
  TrialReport report = reported({two_tenant_run()});
  report.split = {{"before", 10, 1000, 0, 900, 0, 60, 40},
                  {"transition", 10, 9, 9, 0, 0, 0, 0},
                  {"after", 10, 100, 0, 0, 0, 20, 80}};
  EXPECT_TRUE(remarks_on(report,
                         "Of the mean TTFT, before 90.0 % is throttle wait and after 80.0 "
                         "% is prefill."));
  EXPECT_TRUE(remarks_on(report,
                         "Before, 'output limit' held or rejected 540 of the 546 attempts "
                         "that any throttle did."));
}

TEST(Remarks, NameBackOffWhereNoThrottleHeldOrRefused) {
  RunValue run = lift_run();
  EXPECT_TRUE(remarks_on(reported({run}), "before 97.3 % is throttle wait"));
  run.throttles[0].phases[0].held = 0;
  EXPECT_TRUE(remarks_on(reported({run}), "before 97.3 % is throttle wait"));
  run.tenants[0].phases[0].held = 0;
  EXPECT_TRUE(remarks_on(reported({run}), "before 97.3 % is back-off after attempts that failed"));
  run.tenants[0].phases[0].overloaded = 1;
  EXPECT_TRUE(remarks_on(reported({run}), "before 97.3 % is throttle wait"));
}

TEST(Remarks, TellWhoStarved) {
  TrialReport report = reported({lift_run()});
  report.lift->starvation = {{"users", 0.25, 0}, {"research", 0.75, 12}};
  EXPECT_TRUE(remarks_on(report,
                         "Tenant 'research' ran 12.0 s below its guaranteed share of 75.0 "
                         "% while it had work waiting."));
  EXPECT_FALSE(remarks_on(report, "'users' ran"));
}

}  // namespace
}  // namespace tokenlift::verdict_test
