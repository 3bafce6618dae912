// What clients do when they are refused, when they have had enough, and when they got their answer.

#include "bench/run/clients.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/bench/run/constant_lengths.hpp"
#include "workloads/requests/trace.hpp"

namespace tokenlift::clients_test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Scenario one_tenant() {
  Scenario scenario;
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.process = Process::constant;
  tenant.arrivals.rate.per_s = 1;
  tenant.prompt_tokens = constant(10);
  tenant.output_tokens = constant(5);
  tenant.max_tokens = 5;
  scenario.tenants.push_back(tenant);
  return scenario;
}

Request request_number(std::uint64_t number, std::int64_t due_ns = 0) {
  Request request;
  request.number = number & Request::kMostNumber;
  request.due_ns = due_ns;
  request.prompt_tokens = 10;
  request.output_tokens = 5;
  return request;
}

Decision rejected(std::optional<std::int64_t> retry_at_ns = std::nullopt) {
  return {Verdict::rejected, retry_at_ns, false};
}

/// A tenant that replays a file, which is there as long as the object.
class ReplayTest : public testing::Test {
 protected:
  ReplayTest()
      : path_(testing::TempDir() + "tokenlift_replay_" + std::to_string(getpid()) + ".jsonl") {
    std::ofstream(path_) << R"({"session_id": "a", "timestamp": 0, "input_length": 100, )"
                            R"("output_length": 5, "hash_ids": [1]})"
                            "\n"
                            R"({"session_id": "a", "delay": 2000, "input_length": 200, )"
                            R"("output_length": 6, "hash_ids": [1, 2]})"
                            "\n"
                            R"({"session_id": "a", "delay": 0, "input_length": 300, )"
                            R"("output_length": 7})"
                            "\n"
                            R"({"timestamp": 9000, "input_length": 10, "output_length": 5})"
                            "\n";
    scenario_ = one_tenant();
    Trace trace;
    trace.file = path_;
    trace.block_tokens = 128;
    trace.summary = summarise(trace);
    scenario_.tenants[0].arrivals.process = Process::trace;
    scenario_.tenants[0].arrivals.trace = trace;
  }
  ~ReplayTest() override { std::filesystem::remove(path_); }

  Scenario scenario_;

 private:
  std::string path_;
};

TEST_F(ReplayTest, TurnsOfATraceAreDueTheirDelayAfterTheAnswer) {
  Clients clients(scenario_);
  EXPECT_TRUE(clients.answers_matter());
  ASSERT_EQ(clients.next_arrival(0)->number, 0U);
  const std::vector<std::uint64_t> first = clients.blocks(0);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(clients.next_arrival(0)->number, 3U) << "a session has three turns at most";

  const auto second = clients.follow_up(request_number(0), true, 7 * kSecond);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->arrival.due_ns, 9 * kSecond);
  EXPECT_EQ(second->arrival.number, 1U);
  EXPECT_EQ(second->arrival.prompt_tokens, 200);
  EXPECT_EQ(second->arrival.output_tokens, 6);
  ASSERT_EQ(clients.blocks(0, 1).size(), 2U);
  EXPECT_EQ(clients.blocks(0, 1)[0], first[0]);

  const auto third = clients.follow_up(request_number(1), true, 20 * kSecond);
  ASSERT_TRUE(third);
  EXPECT_EQ(third->arrival.due_ns, 20 * kSecond);
  EXPECT_TRUE(clients.blocks(0, 2).empty());
  EXPECT_FALSE(clients.follow_up(request_number(2), true, 30 * kSecond));
  EXPECT_FALSE(clients.follow_up(request_number(3), true, 30 * kSecond)) << "by itself";
}

TEST_F(ReplayTest, ATurnWithoutAnAnswerEndsItsSession) {
  Clients clients(scenario_);
  clients.next_arrival(0);
  ASSERT_TRUE(clients.follow_up(request_number(0), true, kSecond));
  EXPECT_FALSE(clients.follow_up(request_number(1), false, 2 * kSecond));
  EXPECT_FALSE(clients.follow_up(request_number(1), true, 3 * kSecond)) << "it is over";
}

TEST_F(ReplayTest, TheSessionsOfATraceAreDealtToRanks) {
  Clients first(scenario_, {0, 2});
  ASSERT_EQ(first.next_arrival(0)->number, 0U);
  EXPECT_EQ(first.follow_up(request_number(0), true, kSecond)->arrival.number, 1U);
  EXPECT_FALSE(first.next_arrival(0)) << "the second session is of the other rank";
  Clients second(scenario_, {1, 2});
  ASSERT_EQ(second.next_arrival(0)->number, 3U);
  EXPECT_TRUE(second.blocks(0).empty());
  EXPECT_FALSE(second.next_arrival(0));
}

TEST_F(ReplayTest, TheTurnsOfASessionAreOfOneUser) {
  scenario_.tenants[0].users = 1000;
  const Population population(scenario_);
  for (std::uint64_t session = 0; session < 50; ++session) {
    const std::uint32_t user = population.user(0, 3 * session);
    EXPECT_EQ(population.user(0, 3 * session + 1), user);
    EXPECT_EQ(population.user(0, 3 * session + 2), user);
  }
}

TEST(Clients, WithoutARetryPolicyARejectionIsFinal) {
  const Scenario scenario = one_tenant();
  Clients clients(scenario);
  EXPECT_FALSE(clients.retry_at_ns(0, request_number(0), rejected(kSecond)));
}

TEST(Clients, FixedRetriesComeAfterTheSameTimeUntilTheAttemptsAreUsedUp) {
  Scenario scenario = one_tenant();
  scenario.tenants[0].retry = {RetryPolicy::fixed, 2 * kSecond, 60 * kSecond, 3, 0, {}};
  Clients clients(scenario);
  Request request = request_number(0);
  EXPECT_EQ(clients.retry_at_ns(7, request, rejected(kSecond)), 7 + 2 * kSecond);
  request.attempts = 2;
  EXPECT_EQ(clients.retry_at_ns(9, request, rejected(kSecond)), 9 + 2 * kSecond);
  request.attempts = 3;
  EXPECT_FALSE(clients.retry_at_ns(9, request, rejected(kSecond)));
}

TEST(Clients, WhoHonoursRetryAfterComesBackExactlyThen) {
  Scenario scenario = one_tenant();
  scenario.tenants[0].retry = {RetryPolicy::honour_retry_after, kSecond, 60 * kSecond, 3, 0, {}};
  Clients clients(scenario);
  EXPECT_EQ(clients.retry_at_ns(7, request_number(0), rejected(12'345)), 12'345);
  const auto untold = clients.retry_at_ns(7, request_number(0), rejected());
  ASSERT_TRUE(untold);
  EXPECT_GE(*untold, 7);
  EXPECT_LE(*untold, 7 + kSecond) << "as with exponential back-off";
}

TEST(Clients, WhoIsToldAnInstantThatHasPassedComesBackAtOnce) {
  Scenario scenario = one_tenant();
  scenario.tenants[0].retry = {RetryPolicy::honour_retry_after, kSecond, 60 * kSecond, 3, 0, {}};
  Clients clients(scenario);
  EXPECT_EQ(clients.retry_at_ns(7, request_number(0), rejected(5)), 7);
}

TEST(Clients, WhoLeavesInHisBackOffCostsTheBudgetNothing) {
  Scenario scenario = one_tenant();
  scenario.tenants[0].retry = {RetryPolicy::fixed, kSecond, 60 * kSecond, 255, 0, 0.5};
  Clients clients(scenario);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(clients.retry_at_ns(0, request_number(0), rejected()));
    clients.take_back_retry(0);
  }
}

TEST(Clients, APermanentErrorIsNotTriedAgain) {
  Scenario scenario = one_tenant();
  scenario.tenants[0].retry.policy = RetryPolicy::fixed;
  Clients clients(scenario);
  EXPECT_FALSE(clients.retry_at_ns(0, request_number(0), {Verdict::rejected, {}, true}));
}

// A budget of half a retry per first attempt, and 10 beside it.
TEST(Clients, RetriesStayWithinTheTenantsBudget) {
  Scenario scenario = one_tenant();
  scenario.tenants[0].retry = {RetryPolicy::fixed, kSecond, 60 * kSecond, 255, 0, 0.5};
  Clients clients(scenario);
  for (int i = 0; i < 20; ++i) clients.count_first_attempt(0);
  int retries = 0;
  while (clients.retry_at_ns(0, request_number(0), rejected())) ++retries;
  EXPECT_EQ(retries, 20);
}

TEST(Clients, PatienceAndDeadlineCountFromDueAndTheEarlierOneHolds) {
  Scenario scenario = one_tenant();
  const Request request = request_number(3, 5 * kSecond);
  EXPECT_EQ(Clients(scenario).patience(request).until_ns, kNever);
  scenario.tenants[0].deadline_ns = 4 * kSecond;
  EXPECT_EQ(Clients(scenario).patience(request).until_ns, 9 * kSecond);
  EXPECT_EQ(Clients(scenario).patience(request).then, Verdict::expired);
  scenario.tenants[0].patience = Wait{WaitDistribution::constant, 2 * kSecond};
  EXPECT_EQ(Clients(scenario).patience(request).until_ns, 7 * kSecond);
  EXPECT_EQ(Clients(scenario).patience(request).then, Verdict::cancelled);
}

TEST(Clients, OpenLoopTenantsAskNothingBecauseTheyWereAnswered) {
  const Scenario scenario = one_tenant();
  Clients clients(scenario);
  EXPECT_EQ(clients.next_arrival(0)->due_ns, kSecond);
  EXPECT_FALSE(clients.follow_up(request_number(0), true, kSecond));
  clients.for_each_first([](const PlannedRequest&) { FAIL(); });
}

TEST(Clients, EveryUserOfAClosedTenantAsksThinksAndAsksAgain) {
  Scenario scenario = one_tenant();
  scenario.tenants[0].users = 3;
  scenario.tenants[0].arrivals.process = Process::closed;
  scenario.tenants[0].arrivals.think = Wait{WaitDistribution::constant, 2 * kSecond};
  Clients clients(scenario);
  EXPECT_FALSE(clients.next_arrival(0));
  std::vector<PlannedRequest> first;
  clients.for_each_first([&](const PlannedRequest& planned) { first.push_back(planned); });
  ASSERT_EQ(first.size(), 3U);
  for (std::uint64_t user = 0; user < 3; ++user) {
    EXPECT_EQ(first[user].arrival.number, user);
    EXPECT_GT(first[user].arrival.due_ns, 0) << "they were thinking when the run began";
    EXPECT_LT(first[user].arrival.due_ns, 2 * kSecond);
  }
  EXPECT_NE(first[0].arrival.due_ns, first[1].arrival.due_ns);
  for (const bool served : {true, false}) {
    const auto next = clients.follow_up(request_number(1), served, 9 * kSecond);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->arrival.number, 4U) << "user 1 of 3";
    EXPECT_EQ(next->arrival.due_ns, 11 * kSecond);
    EXPECT_EQ(next->known_tokens, 0);
  }
}

TEST(Clients, ASessionCarriesItsContextAndEndsWithItsTurns) {
  Scenario scenario = one_tenant();
  scenario.tenants[0].sessions = Sessions{constant(3), {WaitDistribution::constant, kSecond}, 100};
  Clients clients(scenario);
  EXPECT_EQ(clients.next_arrival(0)->number, 0U);
  EXPECT_EQ(clients.next_arrival(0)->number, 3U) << "the first turn of session 1";
  const auto second = clients.follow_up(request_number(3), true, 5 * kSecond);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->arrival.number, 4U);
  EXPECT_EQ(second->arrival.due_ns, 6 * kSecond);
  EXPECT_EQ(second->known_tokens, 15) << "a prompt of 10 and an answer of 5";
  EXPECT_EQ(second->arrival.prompt_tokens, 25);
  EXPECT_FALSE(clients.follow_up(request_number(5), true, 5 * kSecond)) << "that was the last";
  EXPECT_FALSE(clients.follow_up(request_number(3), false, 5 * kSecond)) << "not served: gone";
  EXPECT_NE(clients.conversation(0, 3), 0U);
  EXPECT_EQ(clients.conversation(0, 3), clients.conversation(0, 5));
  EXPECT_NE(clients.conversation(0, 2), clients.conversation(0, 3));
}

TEST(Clients, ASessionEndsBeforeAPromptThatIsTooLong) {
  Scenario scenario = one_tenant();
  scenario.tenants[0].sessions = Sessions{constant(9), {WaitDistribution::constant, 0}, 30};
  Clients clients(scenario);
  Request request = request_number(0);
  const auto second = clients.follow_up(request, true, 0);
  ASSERT_TRUE(second);
  request = request_number(1);
  request.prompt_tokens = static_cast<std::int32_t>(second->arrival.prompt_tokens);
  EXPECT_FALSE(clients.follow_up(request, true, 0)) << "25 + 5 + 10 > 30";
}

TEST(Clients, WithoutSessionsThereAreNoConversations) {
  const Scenario scenario = one_tenant();
  EXPECT_EQ(Clients(scenario).conversation(0, 7), 0U);
}

// Whatever a client is told about others, it does the same: draws are keyed by the request.
RC_GTEST_PROP(Clients, WhatOneClientDoesDependsOnNobodyElse, ()) {
  Scenario scenario = one_tenant();
  scenario.run.seed = *rc::gen::arbitrary<std::uint32_t>();
  scenario.tenants[0].retry = {RetryPolicy::exponential, kSecond, 20 * kSecond, 9, 0, {}};
  scenario.tenants[0].patience = Wait{WaitDistribution::exponential, kSecond};
  Clients alone(scenario);
  Clients busy(scenario);
  Request request = request_number(*rc::gen::inRange<std::uint64_t>(0, 1000));
  request.attempts = *rc::gen::inRange(1, 9) & 0xff;
  const int others = *rc::gen::inRange(0, 20);
  for (int i = 0; i < others; ++i) {
    busy.count_first_attempt(0);
    busy.retry_at_ns(i, request_number(static_cast<std::uint64_t>(i)), rejected());
  }
  RC_ASSERT(alone.retry_at_ns(5, request, rejected()) == busy.retry_at_ns(5, request, rejected()));
  RC_ASSERT(alone.patience(request).until_ns == busy.patience(request).until_ns);
}

}  // namespace
}  // namespace tokenlift::clients_test
