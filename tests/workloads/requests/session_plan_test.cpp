#include "workloads/requests/session_plan.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "workloads/requests/people.hpp"

namespace tokenlift::session_plan_test {
namespace {

constexpr std::int64_t kThink = 5'000'000'000;
constexpr std::int64_t kMostTurns = 6;

Tenant make_tenant(Process process) {
  Tenant tenant;
  tenant.arrivals.process = process;
  tenant.arrivals.rate.per_s = 10;
  if (process == Process::closed) {
    tenant.arrivals.think = Wait{WaitDistribution::constant, kThink};
  }
  tenant.prompt_tokens = Lengths{Distribution::uniform, 0, 0, 10, 500};
  tenant.output_tokens = Lengths{Distribution::uniform, 0, 0, 1, 100};
  tenant.users = 3;
  return tenant;
}

Tenant make_chat(Process process) {
  Tenant tenant = make_tenant(process);
  tenant.sessions = Sessions{};
  tenant.sessions->turns = Lengths{Distribution::uniform, 0, 0, 1, kMostTurns};
  tenant.sessions->think = Wait{WaitDistribution::exponential, 1'000'000'000};
  tenant.sessions->max_context_tokens = 2000;
  return tenant;
}

TEST(SessionPlan, NumbersTurnsOneAfterTheOther) {
  const SessionPlan plan(make_chat(Process::poisson), 1, 0);
  EXPECT_EQ(plan.most_turns(), 6U);
  EXPECT_EQ(plan.first_number(7), 42U);
  EXPECT_EQ(plan.session_of(42), 7U);
  EXPECT_EQ(plan.turn_of(42), 0U);
  EXPECT_EQ(plan.session_of(47), 7U);
  EXPECT_EQ(plan.turn_of(47), 5U);
}

TEST(SessionPlan, WithoutSessionsEveryRequestIsASessionOfItsOwn) {
  const SessionPlan plan(make_tenant(Process::closed), 1, 0);
  EXPECT_EQ(plan.most_turns(), 1U);
  for (std::uint64_t number = 0; number < 10; ++number) {
    EXPECT_EQ(plan.session_of(number), number);
    EXPECT_EQ(plan.turns(number), 1U);
    EXPECT_FALSE(plan.has_next(number));
    EXPECT_EQ(plan.think_ns(number), kThink);
    EXPECT_TRUE(plan.prompt_tokens(number, std::int64_t{1} << 40));
  }
}

// Chi-square with 5 degrees of freedom exceeds 38 with probability 4e-7; the seed is fixed.
TEST(SessionPlan, TurnsAreDrawnPerSession) {
  const SessionPlan plan(make_chat(Process::poisson), 1, 0);
  std::vector<double> counts(kMostTurns);
  for (std::uint64_t session = 0; session < 60'000; ++session) {
    const std::uint64_t turns = plan.turns(session);
    ASSERT_TRUE(turns >= 1 && turns <= plan.most_turns());
    counts[turns - 1] += 1;
    const std::uint64_t last = plan.first_number(session) + turns - 1;
    ASSERT_FALSE(plan.has_next(last));
    ASSERT_TRUE(turns == 1 || plan.has_next(last - 1));
  }
  double chi_square = 0;
  for (const double count : counts) chi_square += (count - 10'000) * (count - 10'000) / 10'000;
  EXPECT_LT(chi_square, 38);
}

TEST(SessionPlan, ATurnCarriesItsContextUpToTheLongestAndNoFurther) {
  const SessionPlan plan(make_chat(Process::poisson), 1, 0);
  for (std::uint64_t number = 0; number < 1000; ++number) {
    const std::int64_t own = plan.prompt_tokens(number, 0).value();
    EXPECT_EQ(plan.prompt_tokens(number, 700), own + 700);
    EXPECT_EQ(plan.prompt_tokens(number, 2000 - own), 2000);
    EXPECT_FALSE(plan.prompt_tokens(number, 2001 - own));
    EXPECT_FALSE(plan.prompt_tokens(number, std::int64_t{1} << 60));
    EXPECT_FALSE(plan.request(number, 5, 2001 - own));
    const Arrival request = plan.request(number, 5, 2000 - own).value();
    EXPECT_EQ(request.due_ns, 5);
    EXPECT_EQ(request.number, number);
    EXPECT_EQ(request.prompt_tokens, 2000);
    EXPECT_EQ(request.output_tokens, plan.output_tokens(number));
  }
}

TEST(SessionPlan, UsersThinkWithinASessionAndClosedOnesBeforeIt) {
  const SessionPlan open(make_chat(Process::poisson), 1, 0);
  const SessionPlan closed(make_chat(Process::closed), 1, 0);
  const Draws draws(1, Purpose::think, 0);
  for (std::uint64_t number = 0; number < 100; ++number) {
    const bool first = number % kMostTurns == 0;
    const std::int64_t within_ns =
        wait_ns({WaitDistribution::exponential, 1'000'000'000}, draws, number);
    EXPECT_EQ(open.think_ns(number), first ? 0 : within_ns);
    EXPECT_EQ(closed.think_ns(number), first ? kThink : within_ns);
  }
}

// What is left of a constant think time at an instant that does not know of it is uniform, of an
// exponential one it is exponential. Uniform: 10,000 draws in 10 classes; chi-square with 9 degrees
// of freedom exceeds 46 with probability 6e-7.
TEST(SessionPlan, ClosedUsersWereThinkingWhenTheRunBegan) {
  Tenant tenant = make_chat(Process::closed);
  const SessionPlan constant(tenant, 1, 0);
  std::vector<double> counts(10);
  for (std::uint64_t user = 0; user < 10'000; ++user) {
    const std::int64_t due_ns = constant.first_due_ns(user);
    ASSERT_TRUE(due_ns >= 0 && due_ns < kThink);
    counts[static_cast<std::size_t>(due_ns * 10 / kThink)] += 1;
  }
  double chi_square = 0;
  for (const double count : counts) chi_square += (count - 1000) * (count - 1000) / 1000;
  EXPECT_LT(chi_square, 46);
  tenant.arrivals.think = Wait{WaitDistribution::exponential, 1'000'000'000};
  const SessionPlan exponential(tenant, 1, 0);
  for (std::uint64_t user = 0; user < 100; ++user) {
    EXPECT_EQ(exponential.first_due_ns(user), exponential.think_ns(exponential.first_number(user)));
  }
}

// What an open-loop tenant asks of its own accord are the requests of its plan.
TEST(SessionPlan, ArrivalsAreTheFirstTurnsOfItsSessions) {
  for (const bool chat : {false, true}) {
    const Tenant tenant = chat ? make_chat(Process::poisson) : make_tenant(Process::poisson);
    const SessionPlan plan(tenant, 9, 4);
    ArrivalSource source(tenant, 9, 4);
    for (std::uint64_t session = 0; session < 1000; ++session) {
      const Arrival arrival = source.next().value();
      ASSERT_EQ(arrival.number, plan.first_number(session));
      ASSERT_EQ(arrival.prompt_tokens, plan.prompt_tokens(arrival.number, 0));
      ASSERT_EQ(arrival.output_tokens, plan.output_tokens(arrival.number));
    }
  }
}

TEST(SessionPlan, SessionsArriveWhenRequestsWithoutSessionsWould) {
  ArrivalSource chats(make_chat(Process::poisson), 1, 0);
  ArrivalSource requests(make_tenant(Process::poisson), 1, 0);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(chats.next()->due_ns, requests.next()->due_ns);
}

RC_GTEST_PROP(SessionPlan, IsAFunctionOfItsKeys,
              (std::uint64_t seed, std::uint16_t index, std::uint32_t number)) {
  const SessionPlan a(make_chat(Process::closed), seed, index);
  const SessionPlan b(make_chat(Process::closed), seed, index);
  const SessionPlan other(make_chat(Process::closed), seed + 1, index);
  RC_ASSERT(a.think_ns(number) == b.think_ns(number));
  RC_ASSERT(a.turns(number) == b.turns(number));
  bool differs = false;
  for (std::uint64_t n = number; n < number + std::uint64_t{50}; ++n) {
    RC_ASSERT(a.prompt_tokens(n, 0) == b.prompt_tokens(n, 0));
    RC_ASSERT(a.output_tokens(n) == b.output_tokens(n));
    differs |= a.prompt_tokens(n, 0) != other.prompt_tokens(n, 0);
  }
  RC_ASSERT(differs);
}

}  // namespace
}  // namespace tokenlift::session_plan_test
