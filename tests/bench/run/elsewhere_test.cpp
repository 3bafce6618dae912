// The loop against an endpoint, in time moved by hand: events that happen elsewhere, and how
// sending ends early.

#include <gtest/gtest.h>

#include "bench/run/validity.hpp"
#include "tests/bench/run/played_endpoint.hpp"

namespace tokenlift::played_endpoint::elsewhere_test {
namespace {

// ------------------------------------------------------------------------- what happens elsewhere

TEST(Elsewhere, PhasesOpenWhenACallIsAnswered) {
  const Played played = play(
      with_call(5 * kSecond), [](const Work&, std::int64_t) { return served(); }, {}, 200 * kMs);
  ASSERT_EQ(names(played.run), (std::vector<std::string>{"before", "transition", "after"}));
  EXPECT_EQ(played.begun, std::vector<std::uint32_t>{0});
  const std::vector<PhaseSpan>& phases = played.run.phases;
  EXPECT_EQ(phases[0].begin_ns, 0);
  EXPECT_EQ(phases[0].end_ns, 5'200 * kMs);
  EXPECT_EQ(phases[1].end_ns, 6'200 * kMs);
  EXPECT_EQ(phases[2].begin_ns, 6'200 * kMs);
  EXPECT_EQ(phases[2].end_ns, 10 * kSecond);
  // The one due when it was answered comes after it.
  EXPECT_EQ(phase(played.run, "before").counts.due, 51U);
  EXPECT_EQ(phase(played.run, "transition").counts.due, 10U);
  EXPECT_EQ(phase(played.run, "after").counts.due, 38U);
  // Nothing straddles a border: 50 ms of tokens after each 100 ms.
  EXPECT_EQ(phase(played.run, "before").output_tokens, 4 * 51U);
  EXPECT_EQ(phase(played.run, "transition").output_tokens, 4 * 10U);
  EXPECT_EQ(phase(played.run, "after").output_tokens, 4 * 38U);
  EXPECT_EQ(phase(played.run, "after").completed_requests, 38U);
  EXPECT_EQ(phase(played.run, "after").admitted_requests, 38U);
  const LiftRecord& lift = *played.run.lift;
  EXPECT_EQ(lift.kind, "call");
  EXPECT_EQ(lift.throttle, "");
  EXPECT_EQ(lift.planned_ns, 5 * kSecond);
  EXPECT_EQ(lift.at_ns, 5'200 * kMs);
  EXPECT_EQ(lift.call_ns, 200 * kMs);
  EXPECT_EQ(lift.unlock_ns, std::nullopt);
}

TEST(Elsewhere, WhatWaitsInBackOffWhenACallIsAnsweredIsTheBacklog) {
  Scenario scenario = with_call(5 * kSecond);
  scenario.tenants[0].retry.policy = RetryPolicy::honour_retry_after;
  const Played played = play(scenario, [](const Work&, std::int64_t now_ns) {
    return now_ns < 5 * kSecond ? refused(10 * kSecond) : served();
  });
  EXPECT_EQ(played.run.lift->backoff_requests, 49);
  EXPECT_EQ(played.run.lift->backoff_tokens, 4 * 49);
  EXPECT_EQ(phase(played.run, "before").denied, 49U);
  EXPECT_EQ(phase(played.run, "after").denied, 0U);
}

TEST(Elsewhere, AnEventMayWaitForASignal) {
  Scenario scenario = of_endpoint();
  Event event;
  event.kind = EventKind::signal;
  event.at_signal = true;
  scenario.events.push_back(event);
  const auto answer = [](const Work&, std::int64_t) { return served(); };
  const Played played = play(scenario, answer, [](Parts parts) {
    parts.actions.signal_at(3'330 * kMs);
    parts.actions.signal_at(7 * kSecond);  // nobody waits for that
  });
  EXPECT_EQ(played.run.lift->at_ns, 3'330 * kMs);
  EXPECT_EQ(played.run.lift->planned_ns, 3'330 * kMs);
  EXPECT_EQ(played.run.lift->call_ns, std::nullopt);
  EXPECT_EQ(phase(played.run, "before").counts.due, 33U);
  EXPECT_EQ(phase(played.run, "transition").counts.due, 10U);
  EXPECT_EQ(phase(played.run, "after").counts.due, 56U);
  EXPECT_TRUE(played.begun.empty());

  const Played silent = play(scenario, answer);
  EXPECT_EQ(names(silent.run), std::vector<std::string>{"before"});
  EXPECT_EQ(silent.run.phases[0].end_ns, 10 * kSecond);
  EXPECT_EQ(silent.run.lift->at_ns, std::nullopt);
}

Event at_signal(EventKind kind) {
  Event event;
  event.kind = kind;
  event.throttle = "gateway";
  event.at_signal = true;
  return event;
}

// A limit of the scenario itself is changed when the signal comes: what waits is let through then.
TEST(Elsewhere, ASignalMayLiftALimitOfTheScenario) {
  Scenario scenario = behind_gateway(5);
  scenario.events = {at_signal(EventKind::lift),
                     at_signal(EventKind::restore)};  // the second one's
  scenario.events[0].measure = true;
  const auto answer = [](const Work&, std::int64_t) { return served(); };
  const Played played = play(scenario, answer, [](Parts parts) {
    parts.actions.signal_at(3'330 * kMs);
    parts.actions.signal_at(7 * kSecond);
    parts.actions.signal_at(8 * kSecond);  // nobody waits for that
  });
  EXPECT_EQ(played.run.lift->kind, "lift");
  EXPECT_EQ(played.run.lift->throttle, "gateway");
  EXPECT_EQ(played.run.lift->at_ns, 3'330 * kMs);
  EXPECT_EQ(played.run.lift->planned_ns, 3'330 * kMs);
  EXPECT_EQ(played.run.lift->waiting_requests, 16) << "33 were due, and 17 let through";
  EXPECT_EQ(phase(played.run, "before").counts.due, 33U);
  EXPECT_EQ(phase(played.run, "before").admitted_requests, 17U);
  EXPECT_EQ(phase(played.run, "transition").counts.due, 10U);
  const auto submitted = [&](std::int64_t from_ns, std::int64_t to_ns) {
    return std::ranges::count_if(played.submissions, [&](const auto& submission) {
      return submission.now_ns >= from_ns && submission.now_ns < to_ns;
    });
  };
  EXPECT_EQ(submitted(0, 3'330 * kMs), 17);
  EXPECT_EQ(submitted(3'330 * kMs, 3'331 * kMs), 16) << "all that waited, at once";
  EXPECT_EQ(submitted(3'331 * kMs, 7 * kSecond), 36) << "as they come";
  EXPECT_LE(submitted(7 * kSecond + kMs, 10 * kSecond), 16) << "it is back";

  const Played silent = play(scenario, answer);
  EXPECT_EQ(names(silent.run), std::vector<std::string>{"before"});
  EXPECT_EQ(silent.run.lift->kind, "signal") << "that is what did not come";
  EXPECT_EQ(silent.run.lift->at_ns, std::nullopt);
}

// The transition lasts as long as the ramp and the settling.
TEST(Elsewhere, ASignalMayBeginARamp) {
  Scenario scenario = behind_gateway(5);
  Event event = at_signal(EventKind::ramp);
  event.rate = Rate{};
  event.rate->per_s = 50;
  event.over_ns = 2 * kSecond;
  scenario.events.push_back(event);
  const Played played = play(
      scenario, [](const Work&, std::int64_t) { return served(); },
      [](Parts parts) { parts.actions.signal_at(4 * kSecond); });
  EXPECT_EQ(played.run.lift->kind, "ramp");
  EXPECT_EQ(played.run.lift->length_ns, 2 * kSecond);
  const std::size_t transition = *find_phase(played.run, "transition");
  EXPECT_EQ(played.run.phases[transition].begin_ns, played.run.lift->at_ns);
  EXPECT_EQ(played.run.phases[transition].end_ns, *played.run.lift->at_ns + 3 * kSecond);
}

TEST(Elsewhere, ASignalMayBeginACall) {
  Scenario scenario = with_call(0);
  scenario.events[0].at_signal = true;
  const Played played = play(
      scenario, [](const Work&, std::int64_t) { return served(); },
      [](Parts parts) { parts.actions.signal_at(4 * kSecond); }, 30 * kMs);
  EXPECT_EQ(played.run.lift->planned_ns, 4 * kSecond);
  EXPECT_EQ(played.run.lift->at_ns, 4'030 * kMs);
  EXPECT_EQ(played.run.lift->call_ns, 30 * kMs);
}

TEST(Elsewhere, ACallThatFailsEndsTheRun) {
  const Played played = play(
      with_call(5 * kSecond), [](const Work&, std::int64_t) { return served(); }, {}, 130 * kMs,
      "the call answered 503");
  EXPECT_EQ(played.outcome.event_failure, "the call answered 503");
  EXPECT_EQ(played.outcome.sent_until_ns, 5'130 * kMs);
  EXPECT_FALSE(played.outcome.interrupted);
  EXPECT_EQ(names(played.run), std::vector<std::string>{"before"});
  EXPECT_EQ(played.run.phases[0].end_ns, 5'130 * kMs);
  EXPECT_EQ(phase(played.run, "before").counts.due, 51U);
  EXPECT_EQ(phase(played.run, "before").counts.completed, 51U) << "what is in flight is waited for";
  EXPECT_EQ(played.outcome.end_ns, 5'152 * kMs);
}

TEST(Elsewhere, AControlHasThePhasesOfACallThatIsAnsweredAtOnce) {
  Scenario scenario = with_call(5 * kSecond);
  scenario.events[0].taken_out = true;
  const Played played = play_alike(scenario, served());
  EXPECT_TRUE(played.begun.empty());
  ASSERT_EQ(names(played.run), (std::vector<std::string>{"before", "transition", "after"}));
  EXPECT_EQ(played.run.phases[1].begin_ns, 5 * kSecond);
  EXPECT_EQ(played.run.lift->at_ns, std::nullopt);
}

// ------------------------------------------------------------------------------ sending ends early

TEST(Elsewhere, SoManyRequestsMayBeSentAndNoMore) {
  Scenario scenario = of_endpoint();
  scenario.run.stop_after_requests = 20;
  scenario.tenants[0].retry.policy = RetryPolicy::fixed;  // those that were sent are decided
  scenario.tenants[0].retry.delay_ns = kSecond;
  const Played played = play(scenario, [](const Work& work, std::int64_t) {
    return work.attempt == 1 ? refused(kSecond) : served();
  });
  EXPECT_EQ(played.outcome.bound, Bound::requests);
  EXPECT_EQ(played.outcome.sent_until_ns, 2 * kSecond);
  EXPECT_FALSE(played.outcome.interrupted);
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.due, 20U);
  EXPECT_EQ(steady.counts.completed, 20U);
  EXPECT_EQ(steady.sent, 20U);
  EXPECT_EQ(played.run.phases[0].end_ns, 2 * kSecond);
  EXPECT_EQ(played.outcome.end_ns, 3'057 * kMs) << "the last one is back 1,005 ms later";
  EXPECT_EQ(played.run.totals.due, 20U);
}

TEST(Elsewhere, SoManyTokensMayComeAndNothingIsSentAfterThem) {
  Scenario scenario = of_endpoint();
  scenario.run.stop_after_output_tokens = 40;
  const Played played = play_alike(scenario, served());
  EXPECT_EQ(played.outcome.bound, Bound::output_tokens);
  EXPECT_EQ(played.submissions.size(), 10U);
  EXPECT_EQ(played.outcome.sent_until_ns, 1'050 * kMs) << "when the 40th came";
  EXPECT_EQ(played.outcome.end_ns, 1'052 * kMs) << "when its answer had ended";
  EXPECT_EQ(phase(played.run, "steady").counts.completed, 10U);
}

// They cost as they come, and not when their answer ends.
TEST(Elsewhere, TokensOfAnswersUnderWayCountWhenTheyCome) {
  Scenario scenario = of_endpoint();
  scenario.run.stop_after_output_tokens = 42;
  ScriptedReply slow = served();
  slow.end_ns = 5 * kSecond;  // long after its four tokens
  const Played played = play_alike(scenario, slow);
  EXPECT_EQ(played.outcome.bound, Bound::output_tokens);
  EXPECT_EQ(played.submissions.size(), 11U);
  EXPECT_EQ(played.outcome.sent_until_ns, 1'130 * kMs) << "no answer has ended yet";
  EXPECT_EQ(phase(played.run, "steady").counts.completed, 11U);
  EXPECT_EQ(played.outcome.end_ns, 6'100 * kMs) << "what is in flight is waited for";
}

TEST(Elsewhere, WhatIsDueWhenTheLastTokenComesIsNotSent) {
  Scenario scenario = of_endpoint();
  scenario.run.stop_after_output_tokens = 12;
  ScriptedReply script = served();
  script.deltas_ns.back() = script.end_ns = 100 * kMs;  // when the next request is due
  const Played played = play_alike(scenario, script);
  EXPECT_EQ(played.submissions.size(), 3U);
  EXPECT_EQ(played.outcome.sent_until_ns, 400 * kMs);
}

TEST(Elsewhere, TokensOfAnswersThatBrokeCountOnce) {
  Scenario scenario = of_endpoint();
  scenario.run.stop_after_output_tokens = 6;
  const Played played = play_alike(scenario, cut());  // two tokens each
  EXPECT_EQ(played.submissions.size(), 3U);
  EXPECT_EQ(played.outcome.sent_until_ns, 330 * kMs);
}

TEST(Elsewhere, CtrlCStopsSendingAndWaitsForWhatIsInFlight) {
  ScriptedReply slow = served();
  slow.deltas_ns.back() = 3 * kSecond;
  slow.end_ns = 3 * kSecond;
  const auto answer = [slow](const Work&, std::int64_t) { return slow; };
  const Played once = play(of_endpoint(), answer, [](Parts parts) {
    parts.endpoint.at(5'030 * kMs, [stop = &parts.stop] { *stop = true; });
  });
  EXPECT_TRUE(once.outcome.interrupted);
  EXPECT_EQ(once.outcome.sent_until_ns, 5'030 * kMs);
  EXPECT_EQ(once.submissions.size(), 50U);
  EXPECT_EQ(phase(once.run, "steady").counts.due, 50U);
  EXPECT_EQ(phase(once.run, "steady").counts.completed, 50U);
  EXPECT_EQ(once.run.phases[0].end_ns, 5'030 * kMs);
  EXPECT_EQ(once.outcome.end_ns, 8 * kSecond);
  EXPECT_EQ(once.unanswered, 0);

  const Played twice = play(of_endpoint(), answer, [](Parts parts) {
    parts.endpoint.at(5'030 * kMs, [stop = &parts.stop] { *stop = true; });
    parts.endpoint.at(6'050 * kMs, [cut = &parts.cut] { *cut = true; });
  });
  EXPECT_EQ(twice.outcome.end_ns, 6'050 * kMs);
  EXPECT_EQ(phase(twice.run, "steady").counts.completed, 30U) << "those due up to 3.0 s";
  EXPECT_EQ(phase(twice.run, "steady").counts.in_flight, 20U);
}

TEST(Elsewhere, WhoWaitsWhenSendingEndsStaysUndecided) {
  Scenario scenario = of_endpoint();
  scenario.tenants[0].retry.policy = RetryPolicy::fixed;
  scenario.tenants[0].retry.delay_ns = 100 * kSecond;
  const Played played = play(
      scenario,
      [](const Work& work, std::int64_t) { return work.number < 10 ? refused(0) : served(); },
      [](Parts parts) { parts.endpoint.at(5'030 * kMs, [stop = &parts.stop] { *stop = true; }); });
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.completed, 40U);
  EXPECT_EQ(steady.counts.in_flight, 10U) << "in back-off";
  EXPECT_EQ(played.outcome.end_ns, 5'052 * kMs) << "that is not waited for";
}

}  // namespace
}  // namespace tokenlift::played_endpoint::elsewhere_test
