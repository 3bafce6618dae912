#include "workloads/requests/people.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace tokenlift::people_test {
namespace {

// Statistical tests compare with 5 standard errors: each has a false-alarm rate of 6e-7, and the
// seeds are fixed, so a test that passes once passes always.
constexpr double kErrors = 5;

Tenant make_tenant(Process process, std::int64_t users, std::int64_t most_turns = 0) {
  Tenant tenant;
  tenant.arrivals.process = process;
  tenant.users = users;
  if (most_turns > 0) {
    tenant.sessions = Sessions{};
    tenant.sessions->turns = Lengths{Distribution::uniform, 0, 0, 1, most_turns};
  }
  return tenant;
}

Scenario make_scenario(std::vector<Tenant> tenants) {
  Scenario scenario;
  scenario.tenants = std::move(tenants);
  return scenario;
}

TEST(Population, NumbersTheUsersOfAllTenantsOneAfterTheOther) {
  const Population people(
      make_scenario({make_tenant(Process::poisson, 1), make_tenant(Process::closed, 5),
                     make_tenant(Process::trace, 3)}));
  EXPECT_EQ(people.count(), 9U);
  for (std::uint64_t number = 0; number < 100; ++number) {
    EXPECT_EQ(people.user(0, number), 0U);
    EXPECT_EQ(people.user(1, number), 1 + number % 5);
    EXPECT_GE(people.user(2, number), 6U);
    EXPECT_LE(people.user(2, number), 8U);
  }
}

TEST(Population, ClosedUsersHaveEveryNthRequestOrSession) {
  const Population people(
      make_scenario({make_tenant(Process::poisson, 2), make_tenant(Process::closed, 3, 4)}));
  for (std::uint64_t k = 0; k < 10; ++k) {
    for (std::uint32_t user = 0; user < 3; ++user) {
      for (std::uint64_t turn = 0; turn < 4; ++turn) {
        EXPECT_EQ(people.user(1, (k * 3 + user) * 4 + turn), 2 + user);
      }
    }
  }
}

// Of those who call where a fleet is served.
TEST(Population, NumbersFarUpSayWhoseTheyAre) {
  const Population people(
      make_scenario({make_tenant(Process::poisson, 4), make_tenant(Process::closed, 3, 4)}));
  for (std::uint64_t k = 0; k < 10; ++k) {
    for (std::uint32_t user = 0; user < 3; ++user) {
      EXPECT_EQ(people.user(0, kNamedUsers + k * 4 + user), user);
      EXPECT_EQ(people.user(1, kNamedUsers + k * 3 + user), 4 + user);
    }
  }
}

TEST(Population, AllTurnsOfASessionAreOfOneUser) {
  const Population people(make_scenario({make_tenant(Process::poisson, 1000, 7)}));
  std::size_t changes = 0;
  for (std::uint64_t session = 0; session < 100; ++session) {
    const std::uint32_t user = people.user(0, session * 7);
    for (std::uint64_t turn = 1; turn < 7; ++turn) {
      ASSERT_EQ(people.user(0, session * 7 + turn), user);
    }
    changes += people.user(0, (session + 1) * 7) != user ? 1U : 0U;
  }
  EXPECT_GT(changes, 90U);
}

// Chi-square with 9 degrees of freedom exceeds 46 with probability 6e-7.
TEST(Population, OpenLoopRequestsAreSharedEvenly) {
  const Population people(make_scenario({make_tenant(Process::poisson, 10)}));
  constexpr std::uint64_t kCount = 100'000;
  std::vector<double> counts(10);
  for (std::uint64_t number = 0; number < kCount; ++number) counts[people.user(0, number)] += 1;
  double chi_square = 0;
  for (const double count : counts) chi_square += (count - 10'000) * (count - 10'000) / 10'000;
  EXPECT_LT(chi_square, 46);
}

TEST(Population, SeedAndTenantChangeWhoAsks) {
  Scenario scenario =
      make_scenario({make_tenant(Process::poisson, 1000), make_tenant(Process::poisson, 1000)});
  const Population people(scenario);
  scenario.run.seed = 2;
  const Population others(scenario);
  int same_seed = 0;
  int same_tenant = 0;
  for (std::uint64_t number = 0; number < 1000; ++number) {
    same_seed += people.user(0, number) == others.user(0, number) ? 1 : 0;
    same_tenant += people.user(0, number) + 1000 == people.user(1, number) ? 1 : 0;
  }
  EXPECT_LT(same_seed, 10);  // 1 is expected; 10 or more has probability 1e-7
  EXPECT_LT(same_tenant, 10);
}

RC_GTEST_PROP(Population, EveryUserIsWithinItsTenant, (std::uint64_t number)) {
  const auto first = *rc::gen::inRange<std::int64_t>(1, 1000);
  const auto second = *rc::gen::element<std::int64_t>(1, 2, 3, 1000, kMostUsers - 1000);
  const auto process = *rc::gen::element(Process::poisson, Process::closed);
  const auto turns = *rc::gen::inRange<std::int64_t>(0, 20);
  const Population people(
      make_scenario({make_tenant(Process::poisson, first), make_tenant(process, second, turns)}));
  const std::int64_t user = people.user(1, number);
  RC_ASSERT(user >= first && user < first + second);
}

TEST(WaitTime, ConstantIsItsMean) {
  const Draws draws(1, Purpose::patience, 0);
  for (std::uint64_t n = 0; n < 10; ++n) {
    EXPECT_EQ(wait_ns({WaitDistribution::constant, 1234}, draws, n), 1234);
  }
}

TEST(WaitTime, ExponentialHasItsMeanAndItsTail) {
  constexpr double kCount = 100'000;
  const Draws draws(1, Purpose::patience, 0);
  double sum = 0;
  double longer = 0;
  for (std::uint64_t n = 0; n < static_cast<std::uint64_t>(kCount); ++n) {
    const auto time_ns =
        static_cast<double>(wait_ns({WaitDistribution::exponential, 1'000'000}, draws, n));
    ASSERT_GE(time_ns, 0);
    sum += time_ns;
    longer += time_ns > 1e6 ? 1 : 0;
  }
  const double p = std::exp(-1.0);
  EXPECT_NEAR(sum / kCount, 1e6, kErrors * 1e6 / std::sqrt(kCount));
  EXPECT_NEAR(longer / kCount, p, kErrors * std::sqrt(p * (1 - p) / kCount));
}

RC_GTEST_PROP(WaitTime, IsWithinItsBoundsWhateverTheMean, (std::uint64_t seed, std::uint64_t n)) {
  const auto mean_ns =
      *rc::gen::element<std::int64_t>(0, 1, 1000, std::int64_t{1} << 40, kMostWaitNs);
  const std::int64_t time_ns =
      wait_ns({WaitDistribution::exponential, mean_ns}, Draws(seed, Purpose::think, 0), n);
  RC_ASSERT(time_ns >= 0 && time_ns <= kMostWaitNs);
  if (mean_ns == 0) RC_ASSERT(time_ns == 0);
}

Retry make_retry(RetryPolicy policy, std::int64_t delay_ns, std::int64_t max_delay_ns) {
  Retry retry;
  retry.policy = policy;
  retry.delay_ns = delay_ns;
  retry.max_delay_ns = max_delay_ns;
  return retry;
}

TEST(RetryDelay, FixedIsAlwaysTheSame) {
  const Retry retry = make_retry(RetryPolicy::fixed, 700, 10);
  const Draws draws(1, Purpose::retry, 0);
  for (const int attempt : {1, 2, 255}) {
    EXPECT_EQ(retry_delay_ns(retry, draws, 3, attempt, {}), 700);
    EXPECT_EQ(retry_delay_ns(retry, draws, 3, attempt, 5), 700);
  }
}

TEST(RetryDelay, HonouredIsWhatTheThrottleSaidOrElseExponential) {
  const Retry honour = make_retry(RetryPolicy::honour_retry_after, 1000, 8000);
  const Retry exponential = make_retry(RetryPolicy::exponential, 1000, 8000);
  const Draws draws(1, Purpose::retry, 0);
  for (std::uint64_t number = 0; number < 100; ++number) {
    EXPECT_EQ(retry_delay_ns(honour, draws, number, 2, 123'456), 123'456);
    EXPECT_EQ(retry_delay_ns(honour, draws, number, 2, 0), 0);
    EXPECT_EQ(retry_delay_ns(honour, draws, number, 2, {}),
              retry_delay_ns(exponential, draws, number, 2, 99));
  }
}

// The mean of 10,000 uniform draws has a standard error of 0.0029; 5 of them are a false alarm in
// 6e-7 of all cases.
TEST(RetryDelay, JitterComesOnTopOfWhatTheThrottleSaid) {
  Retry honour = make_retry(RetryPolicy::honour_retry_after, 1000, 8000);
  honour.jitter = 0.5;
  const Draws draws(1, Purpose::retry, 0);
  double sum = 0;
  for (std::uint64_t number = 0; number < 10'000; ++number) {
    const std::int64_t delay_ns = retry_delay_ns(honour, draws, number, 2, 1'000'000).value();
    ASSERT_TRUE(delay_ns >= 1'000'000 && delay_ns < 1'500'000) << delay_ns;
    sum += static_cast<double>(delay_ns - 1'000'000) / 500'000;
    EXPECT_EQ(retry_delay_ns(honour, draws, number, 2, 0), 0);
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 5 * 0.0029);
}

constexpr std::int64_t kMs = 1'000'000;

// Where the server says nothing (or 0): 0.5 s, 1 s, 2 s, ... 8 s, times 0.75 to 1.
TEST(RetryDelay, SdksBackOffFromHalfASecondToEight) {
  const Draws draws(1, Purpose::retry, 0);
  const std::int64_t longest_ms[] = {500, 1000, 2000, 4000, 8000, 8000, 8000};
  for (const RetryPolicy policy : {RetryPolicy::sdk_openai, RetryPolicy::sdk_anthropic}) {
    const Retry retry = make_retry(policy, 1, 1);
    for (int attempt = 1; attempt <= 7; ++attempt) {
      const std::int64_t longest_ns = longest_ms[attempt - 1] * kMs;
      std::int64_t least_ns = longest_ns;
      std::int64_t most_ns = 0;
      for (std::uint64_t number = 0; number < 20'000; ++number) {
        const std::int64_t delay_ns = retry_delay_ns(retry, draws, number, attempt, {}).value();
        least_ns = std::min(least_ns, delay_ns);
        most_ns = std::max(most_ns, delay_ns);
        ASSERT_EQ(retry_delay_ns(retry, draws, number, attempt, 0), delay_ns);
      }
      // Within a thousandth of the range of both ends: it is missed with probability 2e-9.
      EXPECT_GE(least_ns, longest_ns * 3 / 4);
      EXPECT_LE(least_ns, longest_ns * 3 / 4 + longest_ns / 4000);
      EXPECT_LE(most_ns, longest_ns);
      EXPECT_GE(most_ns, longest_ns - longest_ns / 4000);
    }
  }
}

TEST(RetryDelay, SdksWaitAsLongAsTheServerSaidUpToAMinuteOrTwo) {
  const Draws draws(1, Purpose::retry, 0);
  const Retry openai = make_retry(RetryPolicy::sdk_openai, 1, 1);
  const Retry anthropic = make_retry(RetryPolicy::sdk_anthropic, 1, 1);
  for (const std::int64_t said_ms : {1, 900, 60'000}) {
    EXPECT_EQ(retry_delay_ns(openai, draws, 3, 1, said_ms * kMs), said_ms * kMs);
    EXPECT_EQ(retry_delay_ns(anthropic, draws, 3, 1, said_ms * kMs), said_ms * kMs);
  }
  EXPECT_EQ(retry_delay_ns(openai, draws, 3, 1, 120'000 * kMs), 120'000 * kMs);
  EXPECT_FALSE(retry_delay_ns(openai, draws, 3, 1, 120'000 * kMs + 1)) << "it gives up";
  EXPECT_EQ(retry_delay_ns(anthropic, draws, 3, 1, 60'000 * kMs + 1),
            retry_delay_ns(anthropic, draws, 3, 1, {}))
      << "it backs off";
}

// Uniform in 0 ... 4 ns: chi-square with 4 degrees of freedom exceeds 35 with probability 5e-7.
TEST(RetryDelay, ExponentialIsUniformFromZeroToItsLongestWithBothEnds) {
  const Retry retry = make_retry(RetryPolicy::exponential, 2, 100);
  const Draws draws(1, Purpose::retry, 0);
  std::vector<double> counts(5);
  for (std::uint64_t number = 0; number < 50'000; ++number) {
    const std::int64_t delay_ns = retry_delay_ns(retry, draws, number, 2, {}).value();
    ASSERT_LE(delay_ns, 4);
    counts[static_cast<std::size_t>(delay_ns)] += 1;
  }
  double chi_square = 0;
  for (const double count : counts) chi_square += (count - 10'000) * (count - 10'000) / 10'000;
  EXPECT_LT(chi_square, 35);
}

TEST(RetryDelay, ExponentialDoublesItsLongestUntilTheBound) {
  const Retry retry = make_retry(RetryPolicy::exponential, 1000, 6000);
  const Draws draws(1, Purpose::retry, 0);
  const std::int64_t longest_ns[] = {1000, 2000, 4000, 6000, 6000};
  for (int attempt = 1; attempt <= 5; ++attempt) {
    std::int64_t most_ns = 0;
    for (std::uint64_t number = 0; number < 20'000; ++number) {
      most_ns = std::max(most_ns, retry_delay_ns(retry, draws, number, attempt, {}).value());
    }
    EXPECT_LE(most_ns, longest_ns[attempt - 1]);
    // The chance that all 20,000 draws stay below 99.9 % is 2e-9.
    EXPECT_GE(static_cast<double>(most_ns), 0.999 * static_cast<double>(longest_ns[attempt - 1]));
  }
}

TEST(RetryDelay, AttemptsOfOneRequestDrawApart) {
  const Retry retry = make_retry(RetryPolicy::exponential, 1'000'000'000, 1'000'000'000);
  const Draws draws(1, Purpose::retry, 0);
  EXPECT_NE(retry_delay_ns(retry, draws, 3, 1, {}), retry_delay_ns(retry, draws, 3, 2, {}));
  EXPECT_NE(retry_delay_ns(retry, draws, 3, 1, {}), retry_delay_ns(retry, draws, 4, 1, {}));
}

RC_GTEST_PROP(RetryDelay, IsWithinItsBoundsWhateverTheAttempt,
              (std::uint64_t seed, std::uint64_t number)) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto delay_ns = *rc::gen::element<std::int64_t>(0, 1, 1'000'000'000, kMost);
  const auto max_delay_ns = *rc::gen::element<std::int64_t>(0, 1, 60'000'000'000, kMost);
  const int attempt = *rc::gen::inRange(1, 256);
  const std::int64_t got_ns =
      retry_delay_ns(make_retry(RetryPolicy::exponential, delay_ns, max_delay_ns),
                     Draws(seed, Purpose::retry, 0), number, attempt, {})
          .value();
  RC_ASSERT(got_ns >= 0 && got_ns <= max_delay_ns);
  if (attempt == 1) RC_ASSERT(got_ns <= delay_ns);
}

}  // namespace
}  // namespace tokenlift::people_test
