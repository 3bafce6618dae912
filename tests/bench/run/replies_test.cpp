// The loop against an endpoint, in time moved by hand: what it accepts, refuses and breaks; events
// that happen elsewhere; and how sending ends early.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <numeric>

#include "bench/run/loop.hpp"
#include "bench/run/validity.hpp"
#include "tests/bench/fleet/scripted_endpoint.hpp"
#include "tests/bench/fleet/stepped_fleet.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift::replies_test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMs = 1'000'000;

Lengths constant(double tokens) {
  Lengths lengths;
  lengths.mean = tokens;
  lengths.max = static_cast<std::int64_t>(tokens);
  return lengths;
}

/// 10 requests/s, due at 0.1, 0.2, ... 9.9 s, of 10 + 4 tokens, to one endpoint.
Scenario of_endpoint() {
  Scenario scenario;
  scenario.name = "endpoint";
  scenario.run.engine = Engine::http;
  scenario.run.duration_ns = 10 * kSecond;
  scenario.run.settle_ns = kSecond;
  Site site;
  site.name = "gateway";
  site.endpoint = Endpoint{};
  scenario.fleet.sites.push_back(site);
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.process = Process::constant;
  tenant.arrivals.rate.per_s = 10;
  tenant.prompt_tokens = constant(10);
  tenant.output_tokens = constant(4);
  tenant.max_tokens = 8;
  tenant.slo.ttft_ns = 500 * kMs;
  scenario.tenants.push_back(tenant);
  return scenario;
}

Scenario with_call(std::int64_t at_ns) {
  Scenario scenario = of_endpoint();
  Event event;
  event.kind = EventKind::call;
  event.at_ns = at_ns;
  event.call = Call{};
  scenario.events.push_back(event);
  return scenario;
}

/// The first byte goes after 1 ms, the status comes after 5, four chunks at 20, 30, 40 and 50, the
/// end of the stream at 52.
ScriptedReply served() {
  ScriptedReply script;
  script.first_byte_ns = kMs;
  script.headers_ns = 5 * kMs;
  script.deltas_ns = {20 * kMs, 30 * kMs, 40 * kMs, 50 * kMs};
  script.end_ns = 52 * kMs;
  script.reply.status = 200;
  script.reply.output_tokens = 4;
  script.reply.usage_known = true;
  script.reply.first_output_ns = 30 * kMs;  // the first chunk is reasoning
  return script;
}

ScriptedReply refused(std::int64_t retry_after_ns, bool overloaded = false) {
  ScriptedReply script;
  script.kind = NewsKind::refused;
  script.first_byte_ns = kMs;
  script.headers_ns = 5 * kMs;
  script.retry_after_ns = retry_after_ns;
  script.reply.status = overloaded ? 529 : 429;
  script.reply.overloaded = overloaded;
  return script;
}

/// Two tokens come, then the connection breaks.
ScriptedReply cut() {
  ScriptedReply script = served();
  script.kind = NewsKind::failed;
  script.deltas_ns.resize(2);
  script.end_ns = 35 * kMs;
  script.reply.failure = "cut";
  script.reply.usage_known = false;
  return script;
}

ScriptedReply broken(std::int32_t status) {
  ScriptedReply script = served();
  script.kind = NewsKind::failed;
  script.accepted = false;
  script.deltas_ns.clear();
  script.end_ns = 5 * kMs;
  script.reply.status = status;
  script.reply.failure = status < 0 ? "reset" : "status";
  script.reply.usage_known = false;
  return script;
}

struct Played {
  Run run;
  LoopOutcome outcome;
  double littles_law_error = 0;
  std::vector<ScriptedEndpoint::Submission> submissions;
  std::int64_t unanswered = 0;
  std::vector<std::uint32_t> begun;  // calls
};

/// What a test does with the parts before the run begins.
struct Parts {
  ScriptedEndpoint& endpoint;
  ScriptedActions& actions;
  std::atomic<bool>& stop;
  std::atomic<bool>& cut;
};

Played play(const Scenario& scenario, ScriptedEndpoint::Answer answer,
            const std::function<void(Parts)>& prepare = {}, std::int64_t call_takes_ns = 0,
            const std::string& call_fails = "") {
  RecordingGrid grid = make_grid(scenario);
  ScriptedEndpoint endpoint(grid, std::move(answer));
  JumpingClock clock;
  Recorder recorder(scenario, grid);
  ProgressBoard board;
  std::atomic<bool> stop{false};
  std::atomic<bool> cut{false};
  ScriptedActions actions(endpoint, clock, call_takes_ns, call_fails);
  if (prepare) prepare({endpoint, actions, stop, cut});
  Loop loop(scenario, grid, clock, endpoint, recorder, board, stop,
            Elsewhere{&grid, &actions, &cut});
  Played played;
  played.outcome = loop.run();
  TokenRecord tokens(grid);
  endpoint.stop(played.outcome.end_ns, tokens);
  played.run = recorder.finish(played.outcome.end_ns, tokens);
  if (!played.outcome.lifts.empty()) played.run.lift = played.outcome.lifts.front();
  played.littles_law_error = recorder.littles_law_error();
  played.submissions = endpoint.submissions;
  played.unanswered = endpoint.in_flight();
  played.begun = actions.begun;
  return played;
}

Played play_alike(const Scenario& scenario, const ScriptedReply& script) {
  return play(scenario, [script](const Work&, std::int64_t) { return script; });
}

std::vector<std::string> names(const Run& run) {
  std::vector<std::string> all;
  for (const PhaseSpan& phase : run.phases) all.push_back(phase.name);
  return all;
}

const PhaseRecord& phase(const Run& run, const std::string& name) {
  return run.tenants[0].phases.at(*find_phase(run, name));
}

void expect_each(const PhaseRecord& record, Metric metric, std::uint64_t count, std::int64_t ns) {
  ASSERT_EQ(record.of(metric).count(), count) << name_of(metric);
  EXPECT_EQ(record.of(metric).min_ns(), ns) << name_of(metric);
  EXPECT_EQ(record.of(metric).max_ns(), ns) << name_of(metric);
}

std::int64_t sum(const Run& run, const char* column) {
  const std::vector<std::int64_t>& values = *find_column(run.series.columns, column);
  return std::accumulate(values.begin(), values.end(), std::int64_t{0});
}

// ------------------------------------------------------------------------------------- accepted

TEST(Replies, WhatAnEndpointAcceptsIsAdmittedWhereItsFirstByteWasWritten) {
  const Played played = play_alike(of_endpoint(), served());
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.due, 99U);
  EXPECT_EQ(steady.counts.completed, 99U);
  EXPECT_EQ(steady.admitted_requests, 99U);
  EXPECT_EQ(steady.held, 0U);
  EXPECT_EQ(steady.output_tokens, 4 * 99U);
  EXPECT_EQ(steady.goodput_tokens, 4 * 99U);
  expect_each(steady, Metric::generator_lag, 99, 0);
  expect_each(steady, Metric::throttle_wait, 99, kMs);
  expect_each(steady, Metric::service_ttft, 99, 19 * kMs);
  expect_each(steady, Metric::ttft, 99, 20 * kMs);
  expect_each(steady, Metric::headers, 99, 4 * kMs);
  expect_each(steady, Metric::first_output, 99, 30 * kMs);
  expect_each(steady, Metric::e2e, 99, 50 * kMs);
  expect_each(steady, Metric::tpot, 99, 10 * kMs);
  expect_each(steady, Metric::itl, 3 * 99, 10 * kMs);
  for (const Metric nobody_says : {Metric::queue_wait, Metric::prefill, Metric::network}) {
    EXPECT_TRUE(steady.of(nobody_says).empty()) << name_of(nobody_says);
  }
  EXPECT_EQ(played.littles_law_error, 0);
  EXPECT_TRUE(played.submissions.front().work.announce);
}

TEST(Replies, TokensThatOnlyUsageTellsOfComeWithTheLastOneAndHaveNoGaps) {
  ScriptedReply script = served();
  script.reply.output_tokens = 7;
  const Played played = play_alike(of_endpoint(), script);
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.offered_output_tokens, 4 * 99U) << "as was asked for";
  EXPECT_EQ(steady.output_tokens, 7 * 99U);
  EXPECT_EQ(steady.goodput_tokens, 7 * 99U);
  EXPECT_EQ(sum(played.run, "output_tokens"), 7 * 99);
  expect_each(steady, Metric::tpot, 99, 5 * kMs);
  expect_each(steady, Metric::itl, 3 * 99, 10 * kMs);
}

TEST(Replies, ObjectivesAreHeldAgainstTheTokensThatCame) {
  Scenario scenario = of_endpoint();
  scenario.tenants[0].slo = {};
  scenario.tenants[0].slo.tpot_ns = 9 * kMs;  // 10 ms by the chunks, 5 ms by usage
  ScriptedReply script = served();
  EXPECT_EQ(phase(play_alike(scenario, script).run, "steady").slo_met, 0U);
  script.reply.output_tokens = 7;
  EXPECT_EQ(phase(play_alike(scenario, script).run, "steady").slo_met, 99U);
}

TEST(Replies, ThrottlesOfTheScenarioAreSettledByTheTokensThatCame) {
  Scenario scenario = of_endpoint();
  Throttle throttle;
  throttle.name = "gateway";
  throttle.kind = ThrottleKind::sliding_log;  // gives back what was taken at an instant
  throttle.unit = Unit::output_tokens;
  throttle.limit = 1'000'000;
  throttle.window_ns = 60 * kSecond;
  scenario.throttles.push_back(throttle);
  const auto refunded = [&](std::int32_t usage) {
    ScriptedReply script = served();
    script.reply.output_tokens = usage;
    return play_alike(scenario, script).run.throttles[0].phases[0].refunded_units();
  };
  EXPECT_EQ(refunded(7), 99) << "of 8 reserved for each";
  EXPECT_EQ(refunded(3), 5 * 99);
  EXPECT_EQ(refunded(12), 0) << "more than it may: no more than was reserved";
}

TEST(Replies, ATimeAtTheThrottlesOfTheScenarioIsPartOfTheThrottleWait) {
  Scenario scenario = of_endpoint();
  Throttle throttle;
  throttle.name = "gateway";
  throttle.unit = Unit::requests;
  throttle.rate.per_s = 10;
  throttle.burst.units = 1;
  scenario.throttles.push_back(throttle);
  scenario.tenants[0].arrivals.rate.per_s = 20;  // each waits 50 ms longer than the one before it
  scenario.run.duration_ns = 220 * kMs;          // due at 50, 100, 150 and 200 ms
  const Played played = play_alike(scenario, served());
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.completed, 4U);
  EXPECT_EQ(steady.held, 3U);
  EXPECT_EQ(steady.of(Metric::throttle_wait).min_ns(), kMs);
  EXPECT_EQ(steady.of(Metric::throttle_wait).max_ns(), 151 * kMs);
  expect_each(steady, Metric::service_ttft, 4, 19 * kMs);
}

// -------------------------------------------------------------------------------------- refused

TEST(Replies, WhoIsRefusedComesBackWhenTheEndpointSaid) {
  Scenario scenario = of_endpoint();
  scenario.tenants[0].retry.policy = RetryPolicy::honour_retry_after;
  scenario.tenants[0].retry.attempts = 2;
  scenario.tenants[0].slo = {};
  const Played played = play(scenario, [](const Work&, std::int64_t now_ns) {
    return now_ns < 5 * kSecond ? refused(6 * kSecond - now_ns) : served();
  });
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.completed, 99U);
  EXPECT_EQ(steady.denied, 49U) << "those due at 0.1 to 4.9 s";
  EXPECT_EQ(steady.held, 49U);
  EXPECT_EQ(steady.overloaded, 0U);
  EXPECT_EQ(steady.attempts, 99U + 49U);
  EXPECT_EQ(sum(played.run, "denied_attempts"), 49);
  EXPECT_EQ(sum(played.run, "overloaded_attempts"), 0);
  // Refused 5 ms after it was sent, and told to come back 6 s - 5 ms after that: the one due at 0.1
  // s is back at 6.005 s.
  EXPECT_EQ(steady.of(Metric::throttle_wait).max_ns(), 5'906 * kMs);
  EXPECT_EQ(steady.admitted_requests, 99U);
  EXPECT_EQ(played.submissions.back().work.attempt, 1U);
  EXPECT_EQ(std::ranges::count_if(played.submissions,
                                  [](const auto& each) { return each.work.attempt == 2; }),
            49);
  EXPECT_EQ(played.littles_law_error, 0);
}

TEST(Replies, WhoGivesUpAfterARefusalWasRejected) {
  const Played played = play_alike(of_endpoint(), refused(kSecond));
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.rejected, 99U);
  EXPECT_EQ(steady.denied, 99U);
  EXPECT_EQ(steady.admitted_requests, 0U);
  EXPECT_TRUE(steady.of(Metric::ttft).empty());
}

TEST(Replies, EverybodysLoadIsNobodysLimit) {
  const Played played = play_alike(of_endpoint(), refused(kSecond, /*overloaded=*/true));
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.rejected, 99U);
  EXPECT_EQ(steady.overloaded, 99U);
  EXPECT_EQ(steady.denied, 0U);
  EXPECT_EQ(steady.held, 0U);
  EXPECT_EQ(sum(played.run, "overloaded_attempts"), 99);
}

TEST(Replies, WhoWaitedBeforeHeWasDeniedWasHeldOnce) {
  Scenario scenario = of_endpoint();
  Throttle throttle;
  throttle.name = "gateway";
  throttle.unit = Unit::requests;
  throttle.rate.per_s = 10;
  throttle.burst.units = 1;
  scenario.throttles.push_back(throttle);
  scenario.tenants[0].arrivals.rate.per_s = 20;
  scenario.run.duration_ns = 220 * kMs;
  const Played played = play_alike(scenario, refused(kSecond));
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.due, 4U);
  EXPECT_EQ(steady.denied, 4U);
  EXPECT_EQ(steady.held, 4U) << "one at once by the endpoint, three at first by the throttle";
}

// --------------------------------------------------------------------------------------- failed

TEST(Replies, WhatFailedIsCountedByItsKindAndItsTokensAreWasted) {
  const Played played = play(of_endpoint(), [](const Work& work, std::int64_t) {
    return work.number % 3 == 0 ? cut() : work.number % 3 == 1 ? broken(500) : served();
  });
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.due, 99U);
  EXPECT_EQ(steady.counts.failed, 66U);
  EXPECT_EQ(steady.counts.completed, 33U);
  EXPECT_EQ(steady.failures, (std::map<std::string, std::uint64_t>{{"cut", 33}, {"status", 33}}));
  EXPECT_EQ(steady.wasted_tokens, 2 * 33U);
  EXPECT_EQ(steady.output_tokens, 4 * 33U + 2 * 33U) << "what was cut keeps its chunks";
  EXPECT_EQ(steady.admitted_requests, 66U);
  EXPECT_EQ(sum(played.run, "failed_requests"), 66);
}

TEST(Replies, TheClientsOfProvidersRetryWhatAnotherAttemptMayMend) {
  Scenario scenario = of_endpoint();
  scenario.tenants[0].retry.policy = RetryPolicy::sdk_openai;
  scenario.tenants[0].retry.attempts = 3;
  const auto attempts = [&](ScriptedReply script) {
    return phase(play_alike(scenario, script).run, "steady").attempts;
  };
  EXPECT_EQ(attempts(broken(400)), 99U);
  EXPECT_EQ(attempts(broken(404)), 99U);
  for (const std::int32_t status : {-1, 408, 409, 500, 502}) {
    EXPECT_EQ(attempts(broken(status)), 3 * 99U) << status;
  }
  EXPECT_EQ(attempts(cut()), 99U) << "a reply that had begun";
  ScriptedReply told = broken(400);
  told.reply.should_retry = true;
  EXPECT_EQ(attempts(told), 3 * 99U);
  told = refused(kSecond);
  told.reply.should_retry = false;
  EXPECT_EQ(attempts(told), 99U);
  scenario.tenants[0].retry.policy = RetryPolicy::fixed;
  EXPECT_EQ(attempts(broken(400)), 3 * 99U) << "others do not look";
}

// ------------------------------------------------------------------------- what happens elsewhere

TEST(Replies, PhasesOpenWhenACallIsAnswered) {
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

TEST(Replies, WhatWaitsInBackOffWhenACallIsAnsweredIsTheBacklog) {
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

TEST(Replies, AnEventMayWaitForASignal) {
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

TEST(Replies, ASignalMayBeginACall) {
  Scenario scenario = with_call(0);
  scenario.events[0].at_signal = true;
  const Played played = play(
      scenario, [](const Work&, std::int64_t) { return served(); },
      [](Parts parts) { parts.actions.signal_at(4 * kSecond); }, 30 * kMs);
  EXPECT_EQ(played.run.lift->planned_ns, 4 * kSecond);
  EXPECT_EQ(played.run.lift->at_ns, 4'030 * kMs);
  EXPECT_EQ(played.run.lift->call_ns, 30 * kMs);
}

TEST(Replies, ACallThatFailsEndsTheRun) {
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

TEST(Replies, AControlHasThePhasesOfACallThatIsAnsweredAtOnce) {
  Scenario scenario = with_call(5 * kSecond);
  scenario.events[0].taken_out = true;
  const Played played = play_alike(scenario, served());
  EXPECT_TRUE(played.begun.empty());
  ASSERT_EQ(names(played.run), (std::vector<std::string>{"before", "transition", "after"}));
  EXPECT_EQ(played.run.phases[1].begin_ns, 5 * kSecond);
  EXPECT_EQ(played.run.lift->at_ns, std::nullopt);
}

// ------------------------------------------------------------------------------ sending ends early

TEST(Replies, SoManyRequestsMayBeSentAndNoMore) {
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

TEST(Replies, SoManyTokensMayComeAndNothingIsSentAfterThem) {
  Scenario scenario = of_endpoint();
  scenario.run.stop_after_output_tokens = 40;
  const Played played = play_alike(scenario, served());
  EXPECT_EQ(played.outcome.bound, Bound::output_tokens);
  EXPECT_EQ(played.submissions.size(), 10U);
  EXPECT_EQ(played.outcome.sent_until_ns, 1'052 * kMs);
  EXPECT_EQ(played.outcome.end_ns, 1'052 * kMs) << "nothing is in flight";
  EXPECT_EQ(phase(played.run, "steady").counts.completed, 10U);
}

TEST(Replies, CtrlCStopsSendingAndWaitsForWhatIsInFlight) {
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

TEST(Replies, WhoWaitsWhenSendingEndsStaysUndecided) {
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

// ----------------------------------------------------------------------------------- whatever
// comes

/// Any mixture of replies, throttles, retries and events.
RC_GTEST_PROP(Replies, EveryRequestAndEveryTokenIsCountedOnce, ()) {
  Scenario scenario = *rc::gen::element(0, 1) == 0 ? of_endpoint() : with_call(4 * kSecond);
  Tenant& tenant = scenario.tenants[0];
  tenant.arrivals.process = Process::poisson;
  tenant.arrivals.rate.per_s = 40;
  scenario.run.seed = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
  scenario.run.warmup_ns = *rc::gen::element<std::int64_t>(0, kSecond);
  scenario.run.cooldown_max_ns = 3 * kSecond;
  tenant.retry.policy = *rc::gen::element(RetryPolicy::none, RetryPolicy::fixed,
                                          RetryPolicy::honour_retry_after, RetryPolicy::sdk_openai);
  tenant.retry.delay_ns = 300 * kMs;
  if (*rc::gen::element(0, 1) == 0) tenant.deadline_ns = 2 * kSecond;
  if (*rc::gen::element(0, 1) == 0) {
    Throttle throttle;
    throttle.name = "gateway";
    throttle.unit = Unit::requests;
    throttle.rate.per_s = *rc::gen::element(20, 60);
    throttle.burst.units = 5;
    throttle.max_wait_ns = kSecond;
    scenario.throttles.push_back(throttle);
  }
  if (*rc::gen::inRange(0, 4) == 0) scenario.run.stop_after_requests = 100;
  if (*rc::gen::inRange(0, 4) == 0) scenario.run.stop_after_output_tokens = 400;
  const auto salt = *rc::gen::inRange<std::uint64_t>(0, 1'000);
  const std::int64_t stop_ns =
      *rc::gen::inRange(0, 3) == 0 ? *rc::gen::inRange<std::int64_t>(1, 9 * kSecond) : kNever;
  std::uint64_t tokens = 0;
  const Played played = play(
      scenario,
      [&](const Work& work, std::int64_t) {
        ScriptedReply script = served();
        switch ((work.number * 7 + work.attempt * 3 + salt) % 11) {
          case 0:
            script = refused(400 * kMs);
            break;
          case 1:
            script = refused(400 * kMs, true);
            break;
          case 2:
            script = cut();
            break;
          case 3:
            script = broken(500);
            break;
          case 4:
            script.reply.output_tokens = 6;
            break;
          case 5:
            script.deltas_ns.back() = script.end_ns = 5 * kSecond;
            break;
          default:
            break;
        }
        return script;
      },
      [&](Parts parts) {
        if (stop_ns == kNever) return;
        parts.endpoint.at(stop_ns, [stop = &parts.stop] { *stop = true; });
      },
      100 * kMs);
  const Run& run = played.run;
  Counts measured;
  for (const PhaseRecord& record : run.tenants[0].phases) {
    const Counts& counts = record.counts;
    RC_ASSERT(counts.due == counts.completed + counts.rejected + counts.expired + counts.cancelled +
                                counts.failed + counts.in_flight);
    RC_ASSERT(record.held <= counts.due);
    RC_ASSERT(record.denied <= record.held);
    RC_ASSERT(record.overloaded <= counts.due);
    std::uint64_t failed = 0;
    for (const auto& [kind, count] : record.failures) failed += count;
    RC_ASSERT(failed == counts.failed);
    RC_ASSERT(record.of(Metric::headers).count() == counts.completed);
    RC_ASSERT(record.of(Metric::ttft).sum_ns() ==
              record.of(Metric::throttle_wait).sum_ns() + record.of(Metric::service_ttft).sum_ns());
    merge(measured, counts);
    tokens += record.output_tokens;
  }
  const Counts& totals = run.totals;
  RC_ASSERT(totals.due == totals.completed + totals.rejected + totals.expired + totals.cancelled +
                              totals.failed + totals.in_flight);
  RC_ASSERT(measured.due <= totals.due);
  RC_ASSERT(static_cast<std::int64_t>(tokens) <= sum(run, "output_tokens"));
  RC_ASSERT(played.littles_law_error < 1e-9);
  RC_ASSERT(sum(run, "due_requests") == static_cast<std::int64_t>(totals.due));
  RC_ASSERT(sum(run, "failed_requests") == static_cast<std::int64_t>(totals.failed));
  if (scenario.run.stop_after_requests) RC_ASSERT(totals.due <= 100U);
}

}  // namespace
}  // namespace tokenlift::replies_test
