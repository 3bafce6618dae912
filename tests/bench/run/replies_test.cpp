// The loop against an endpoint, in time moved by hand: what it accepts, refuses and breaks.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "bench/record/request_log.hpp"
#include "bench/run/validity.hpp"
#include "tests/bench/run/played_endpoint.hpp"

namespace tokenlift::played_endpoint::replies_test {
namespace {

/// 20 requests/s, due at 50, 100, 150 and 200 ms, behind a throttle that lets 10 of them through
/// each second: each waits 50 ms longer than the one before it.
Scenario twice_as_many_as_pass() {
  Scenario scenario = behind_gateway(10);
  scenario.tenants[0].arrivals.rate.per_s = 20;
  scenario.run.duration_ns = 220 * kMs;
  return scenario;
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
  const Scenario scenario = twice_as_many_as_pass();
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
  const Scenario scenario = twice_as_many_as_pass();
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

/// The fields of each line of the log, by outcome and number.
std::map<std::string, std::vector<std::string>> logged(const Scenario& scenario,
                                                       ScriptedEndpoint::Answer answer) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) /
                                     ("tokenlift_replies_" + std::to_string(::getpid()) + ".csv");
  RequestLog log(path);
  log.begin_run(1, false, {"users"}, {"warmup", "steady", "cooldown"}, 7);
  play(scenario, std::move(answer), [&log](Parts parts) { parts.recorder.log_to(log); });
  log.close();
  std::map<std::string, std::vector<std::string>> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
    lines[fields.at(5) + " " + fields.at(3)] = fields;
  }
  std::filesystem::remove(path);
  return lines;
}

TEST(Replies, TheLogSaysWhenAnEndpointAcceptedWhatThenBrokeOrIsNotThroughYet) {
  Scenario scenario = of_endpoint();
  scenario.run.cooldown_max_ns = kSecond;
  scenario.tenants[0].retry = {};
  auto lines = logged(scenario, [](const Work& work, std::int64_t) {
    ScriptedReply script = work.number == 0 ? cut() : work.number == 1 ? broken(500) : served();
    if (work.number == 97) script.end_ns = 100 * kSecond;
    if (work.number == 98) script.headers_ns = script.end_ns = 100 * kSecond;
    return script;
  });
  constexpr std::size_t kDue = 10;
  constexpr std::size_t kAdmitted = 12;
  constexpr std::size_t kName = 17;
  const auto first_byte_ns = [&lines](const std::string& which) {
    const std::vector<std::string>& fields = lines.at(which);
    return std::stoll(fields[kAdmitted]) - std::stoll(fields[kDue]);
  };
  EXPECT_EQ(first_byte_ns("completed 2"), kMs);
  EXPECT_EQ(first_byte_ns("failed 0"), kMs) << "it was cut after its status";
  EXPECT_EQ(first_byte_ns("in_flight 97"), kMs);
  EXPECT_EQ(lines.at("failed 1")[kAdmitted], "") << "it was answered with 500";
  EXPECT_EQ(lines.at("in_flight 98")[kAdmitted], "") << "nobody has answered it";
  EXPECT_EQ(lines.at("completed 2")[kName], "tokenlift-7-0-2-1");
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

// What was said in a conversation is kept for its next turn: where none comes the fleet is told so,
// at once.
TEST(Replies, AConversationEndsWithTheTurnThatIsNotServed) {
  Scenario scenario = of_endpoint();
  scenario.run.duration_ns = 1050 * kMs;  // ten conversations begin
  scenario.tenants[0].slo = {};
  Sessions& sessions = scenario.tenants[0].sessions.emplace();
  sessions.turns.mean = 3;
  sessions.turns.min = 3;
  sessions.turns.max = 3;
  sessions.think = Wait{WaitDistribution::constant, 10 * kMs};
  sessions.max_context_tokens = 1000;
  const auto ended_when = [&](const std::function<ScriptedReply(std::int64_t)>& answer_turn) {
    std::map<std::uint64_t, std::int64_t> turns;  // by conversation
    const Played played = play(scenario, [&](const Work& work, std::int64_t) {
      return answer_turn(++turns[work.prefix->conversation]);
    });
    std::map<std::uint64_t, std::int64_t> ended;
    for (const std::uint64_t conversation : played.ended) {
      EXPECT_TRUE(ended.emplace(conversation, turns[conversation]).second) << "said twice";
    }
    EXPECT_EQ(turns.size(), 10U);
    EXPECT_EQ(ended.size(), 9U) << "the run ends before the next turn of the last one";
    std::int64_t sum = 0;
    for (const auto& [conversation, after_turns] : ended) sum += after_turns;
    EXPECT_EQ(sum % std::ssize(ended), 0) << "all after as many turns";
    return sum / std::ssize(ended);
  };
  EXPECT_EQ(ended_when([](std::int64_t) { return served(); }), 3);
  for (const ScriptedReply& bad : {refused(0), broken(500), cut()}) {
    EXPECT_EQ(ended_when([&](std::int64_t turn) { return turn == 2 ? bad : served(); }), 2);
  }
}

}  // namespace
}  // namespace tokenlift::played_endpoint::replies_test
