#include "workloads/requests/arrivals.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "workloads/requests/lengths.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift::arrivals_test {
namespace {

// Statistical tests compare with 5 standard errors: each has a false-alarm rate of 6e-7, and the
// seeds are fixed, so a test that passes once passes always.
constexpr double kErrors = 5;

Lengths constant_length(double tokens) {
  return Lengths{.mean = tokens};
}

Tenant make_tenant(Process process, double rate_per_s, double cv = 1) {
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.process = process;
  tenant.arrivals.rate.per_s = rate_per_s;
  tenant.arrivals.cv = cv;
  tenant.prompt_tokens = constant_length(7);
  tenant.output_tokens = constant_length(3);
  return tenant;
}

std::vector<Arrival> take(const Tenant& tenant, std::size_t count, std::uint64_t seed = 1,
                          std::uint64_t tenant_index = 0) {
  ArrivalSource source(tenant, seed, tenant_index);
  std::vector<Arrival> arrivals;
  for (std::size_t i = 0; i < count; ++i) arrivals.push_back(source.next().value());
  return arrivals;
}

struct Moments {
  double mean = 0;
  double deviation = 0;
};

Moments moments(const std::vector<double>& values) {
  Moments result;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) result.mean += value / n;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.deviation = std::sqrt(squares / (n - 1));
  return result;
}

std::vector<double> gaps_s(const std::vector<Arrival>& arrivals) {
  std::vector<double> gaps;
  std::int64_t last_ns = 0;
  for (const Arrival& arrival : arrivals) {
    gaps.push_back(static_cast<double>(arrival.due_ns - last_ns) / 1e9);
    last_ns = arrival.due_ns;
  }
  return gaps;
}

// The first outputs of the reference implementation for the seed 1234567 (S. Vigna, splitmix64.c).
TEST(Draws, FinaliserIsSplitMix64) {
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15U;
  const std::uint64_t expected[] = {6457827717110365317U, 3203168211198807973U,
                                    9817491932198370423U, 4593380528125082431U,
                                    16408922859458223821U};
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(finalise(1234567 + (i + 1) * kGolden), expected[i]);
  }
}

RC_GTEST_PROP(Draws, UniformIsStrictlyInsideTheUnitInterval,
              (std::uint64_t seed, std::uint64_t tenant, std::uint64_t n)) {
  const Draws draws(seed, Purpose::gap, tenant);
  for (std::uint64_t i = 0; i < 100; ++i) {
    RC_ASSERT(draws.uniform(n + i) > 0 && draws.uniform(n + i) < 1);
    RC_ASSERT(draws.uniform(n, i) > 0 && draws.uniform(n, i) < 1);
  }
}

// Correlation of independent values is normal with standard error 1 / sqrt(n).
TEST(Draws, OfDifferentKeysAreUncorrelated) {
  const Draws base(1, Purpose::gap, 0);
  const Draws others[] = {Draws(2, Purpose::gap, 0), Draws(1, Purpose::prompt_tokens, 0),
                          Draws(1, Purpose::gap, 1)};
  constexpr int kCount = 100'000;
  for (const Draws& other : others) {
    double same = 0;
    double next = 0;
    for (std::uint64_t i = 0; i < kCount; ++i) {
      same += 12 * (base.uniform(i) - 0.5) * (other.uniform(i) - 0.5) / kCount;
      next += 12 * (base.uniform(i, 0) - 0.5) * (base.uniform(i, 1) - 0.5) / kCount;
    }
    EXPECT_LT(std::abs(same), kErrors / std::sqrt(kCount));
    EXPECT_LT(std::abs(next), kErrors / std::sqrt(kCount));
  }
}

TEST(ArrivalSource, ConstantArrivalsDontDrift) {
  const auto arrivals = take(make_tenant(Process::constant, 3), 300'000);
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const auto exact_ns = static_cast<std::int64_t>(i + 1) * 1'000'000'000 / 3;
    ASSERT_LE(std::abs(arrivals[i].due_ns - exact_ns), 1) << i;
  }
}

TEST(ArrivalSource, GivesTheLengthsOfTheTenant) {
  const Arrival first = take(make_tenant(Process::constant, 10), 1)[0];
  EXPECT_EQ(first.due_ns, 100'000'000);
  EXPECT_EQ(first.prompt_tokens, 7);
  EXPECT_EQ(first.output_tokens, 3);
}

TEST(ArrivalSource, NoArrivalIsEarlierThanTheOneBefore) {
  for (const double rate : {1e-3, 1.0, 1e6, 1e12}) {
    std::int64_t last_ns = 0;
    for (const Arrival& arrival : take(make_tenant(Process::poisson, rate), 1000)) {
      ASSERT_GE(arrival.due_ns, last_ns);
      last_ns = arrival.due_ns;
    }
  }
}

// Kolmogorov-Smirnov: P(D sqrt(n) > x) <= 2 exp(-2 x^2) = 6e-7 at 2.75.
TEST(ArrivalSource, PoissonGapsAreExponential) {
  constexpr std::size_t kCount = 100'000;
  std::vector<double> gaps = gaps_s(take(make_tenant(Process::poisson, 5), kCount));
  std::ranges::sort(gaps);
  double distance = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double cdf = 1 - std::exp(-5 * gaps[i]);
    distance = std::max({distance, std::abs(cdf - static_cast<double>(i) / kCount),
                         std::abs(cdf - static_cast<double>(i + 1) / kCount)});
  }
  EXPECT_LT(distance * std::sqrt(kCount), 2.75);
}

// At 1e9/s a gap is 1 ns in the mean: what rounding loses in one gap must come back in the next.
TEST(ArrivalSource, PoissonRateIsRightEvenWhereGapsAreBelowTheClock) {
  constexpr double kCount = 1'000'000;
  for (const double rate : {10.0, 1e9, 1e10}) {
    const auto arrivals =
        take(make_tenant(Process::poisson, rate), static_cast<std::size_t>(kCount));
    const double expected_ns = kCount / rate * 1e9;
    EXPECT_NEAR(static_cast<double>(arrivals.back().due_ns), expected_ns,
                kErrors * expected_ns / std::sqrt(kCount) + 1)
        << rate;
  }
}

// The standard error of a gamma sample's deviation is below cv * sqrt((kurtosis - 1) / n) / 2 with
// kurtosis = 3 + 6 cv^2.
TEST(ArrivalSource, GammaGapsHaveTheMeanAndTheCvAskedFor) {
  constexpr std::size_t kCount = 400'000;
  for (const double cv : {0.2, 0.7, 1.0, 2.0, 4.0}) {
    const Moments gaps = moments(gaps_s(take(make_tenant(Process::gamma, 20, cv), kCount)));
    const double kurtosis = 3 + 6 * cv * cv;
    EXPECT_NEAR(gaps.mean * 20, 1, kErrors * cv / std::sqrt(kCount)) << cv;
    EXPECT_NEAR(gaps.deviation * 20, cv, kErrors * cv * std::sqrt((kurtosis - 1) / kCount) / 2)
        << cv;
  }
}

// Of a renewal process that began long ago an interval has rate x length requests on average,
// exactly; of one that begins with a whole gap it has (cv^2 - 1) / 2 more in the long run, 7.5 at a
// cv of 4 and half of one too few at 0.1.
TEST(ArrivalSource, GammaBeginsInItsStationaryState) {
  constexpr double kRuns = 20'000;
  for (const double cv : {0.1, 0.7, 1.0, 4.0}) {
    for (const double expected : {0.5, 10.0}) {
      std::vector<double> counts;
      for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(kRuns); ++seed) {
        ArrivalSource source(make_tenant(Process::gamma, expected, cv), seed, 0);
        double count = 0;
        while (source.next()->due_ns < 1'000'000'000) ++count;
        counts.push_back(count);
      }
      const Moments found = moments(counts);
      EXPECT_NEAR(found.mean, expected, kErrors * found.deviation / std::sqrt(kRuns)) << cv;
    }
  }
}

TEST(ArrivalSource, GammaWithCvOneIsExponential) {
  constexpr double kCount = 100'000;
  const std::vector<double> gaps =
      gaps_s(take(make_tenant(Process::gamma, 1), static_cast<std::size_t>(kCount)));
  const double p = std::exp(-1.0);
  const auto longer =
      static_cast<double>(std::ranges::count_if(gaps, [](double g) { return g > 1; }));
  EXPECT_NEAR(longer / kCount, p, kErrors * std::sqrt(p * (1 - p) / kCount));
}

TEST(ArrivalSource, RequestIsTheSameWhateverElseIsDrawn) {
  Tenant constant = make_tenant(Process::poisson, 50);
  Tenant varied = constant;
  varied.prompt_tokens = Lengths{Distribution::lognormal, 100, 0.5, 1, 1000};
  Tenant slow = varied;
  slow.arrivals.rate.per_s = 25;
  Tenant bursty = varied;
  bursty.arrivals.process = Process::gamma;
  bursty.arrivals.cv = 3;
  const auto a = take(constant, 1000);
  const auto b = take(varied, 1000);
  const auto c = take(slow, 1000);
  const auto d = take(bursty, 1000);
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].due_ns, b[i].due_ns);
    ASSERT_EQ(b[i].prompt_tokens, c[i].prompt_tokens);
    ASSERT_EQ(b[i].prompt_tokens, d[i].prompt_tokens);
    ASSERT_NEAR(static_cast<double>(c[i].due_ns), 2 * static_cast<double>(b[i].due_ns), 2);
  }
}

TEST(ArrivalSource, SeedAndTenantChangeTheDraws) {
  const Tenant tenant = make_tenant(Process::poisson, 50);
  const auto a = take(tenant, 100);
  const auto same = take(tenant, 100);
  const auto seed = take(tenant, 100, 2);
  const auto index = take(tenant, 100, 1, 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].due_ns, same[i].due_ns);
    EXPECT_NE(a[i].due_ns, seed[i].due_ns);
    EXPECT_NE(a[i].due_ns, index[i].due_ns);
  }
}

TEST(ArrivalSource, RunsDryBeforeTheClockOverflowsAndStaysDry) {
  ArrivalSource source(make_tenant(Process::constant, 1e-9), 1, 0);  // one in 1e18 ns
  std::int64_t last_ns = 0;
  int count = 0;
  while (const auto arrival = source.next()) {
    ASSERT_GT(arrival->due_ns, last_ns);
    last_ns = arrival->due_ns;
    ++count;
  }
  EXPECT_EQ(count, 5);  // 1e18 ... 5e18; 2^62 is 4.6e18
  EXPECT_FALSE(source.next());
  ArrivalSource never(make_tenant(Process::poisson, 1e-300), 1, 0);
  EXPECT_FALSE(never.next());
  EXPECT_FALSE(never.next());
}

struct LengthCase {
  const char* name;
  Lengths lengths;
};

std::vector<LengthCase> length_cases() {
  return {
      {"constant", constant_length(128)},
      {"uniform", {Distribution::uniform, 0, 0, 3, 11}},
      {"uniform of one", {Distribution::uniform, 0, 0, 5, 5}},
      {"lognormal", {Distribution::lognormal, 128, 0.6, 1, 1024}},
      {"lognormal clamped hard", {Distribution::lognormal, 128, 2, 100, 150}},
      {"lognormal of about one token", {Distribution::lognormal, 0.7, 0.5, 1, 16}},
      {"lognormal narrow", {Distribution::lognormal, 2.4, 0.05, 1, 100}},
      {"lognormal without spread", {Distribution::lognormal, 2.5, 0, 1, 100}},
      {"lognormal beyond the exact sum", {Distribution::lognormal, 6000, 0.8, 1, 50'000}},
      {"lognormal narrow beyond the exact sum", {Distribution::lognormal, 5000.4, 1e-5, 1, 80'000}},
      {"lognormal above the exact sum", {Distribution::lognormal, 6000, 0.8, 5000, 9000}},
      {"lognormal below its smallest", {Distribution::lognormal, 10, 0.5, 5000, 9000}},
      {"geometric", {Distribution::geometric, 64, 0, 1, 1024}},
      {"geometric clamped hard", {Distribution::geometric, 64, 0, 1, 20}},
      {"geometric of one", {Distribution::geometric, 1, 0, 1, 16}},
      {"geometric large", {Distribution::geometric, 1e6, 0, 1, 16'000'000}},
  };
}

// 5 standard errors of the sample, and the 0.02 % that mean_tokens() may be off.
TEST(Lengths, MeanIsThatOfManyDraws) {
  constexpr std::uint64_t kCount = 200'000;
  for (const LengthCase& test : length_cases()) {
    const LengthSampler sampler(test.lengths);
    const Draws draws(1, Purpose::output_tokens, 0);
    std::vector<double> values;
    for (std::uint64_t i = 0; i < kCount; ++i) {
      values.push_back(static_cast<double>(sampler.draw(draws, i)));
    }
    const Moments sample = moments(values);
    const double mean = mean_tokens(test.lengths);
    EXPECT_NEAR(sample.mean, mean, kErrors * sample.deviation / std::sqrt(kCount) + 2e-4 * mean)
        << test.name;
  }
}

TEST(Lengths, DrawsStayWithinTheirBoundsAndReachThem) {
  for (const LengthCase& test : length_cases()) {
    const LengthSampler sampler(test.lengths);
    const Draws draws(2, Purpose::output_tokens, 0);
    std::int64_t smallest = INT64_MAX;
    std::int64_t largest = 0;
    for (std::uint64_t i = 0; i < 100'000; ++i) {
      const std::int64_t tokens = sampler.draw(draws, i);
      smallest = std::min(smallest, tokens);
      largest = std::max(largest, tokens);
    }
    EXPECT_LE(largest, largest_tokens(test.lengths)) << test.name;
    EXPECT_GE(smallest, 1) << test.name;
    if (test.lengths.distribution == Distribution::uniform) {
      EXPECT_EQ(smallest, test.lengths.min);
      EXPECT_EQ(largest, test.lengths.max);
    }
  }
}

TEST(Lengths, MeanIsExactWhereItHasAClosedForm) {
  EXPECT_EQ(mean_tokens(constant_length(128)), 128);
  EXPECT_EQ(mean_tokens({Distribution::uniform, 0, 0, 3, 11}), 7);
  EXPECT_EQ(mean_tokens({Distribution::geometric, 1, 0, 1, 16}), 1);
  // 1 with probability 1/2, else 2: the clamp of a geometric length with mean 2.
  EXPECT_NEAR(mean_tokens({Distribution::geometric, 2, 0, 1, 2}), 1.5, 1e-12);
  // Unclamped for all practical purposes.
  EXPECT_NEAR(mean_tokens({Distribution::geometric, 64, 0, 1, 1'000'000}), 64, 1e-9);
  EXPECT_NEAR(mean_tokens({Distribution::lognormal, 100, 0.3, 1, 1'000'000}), 100, 0.02);
}

// Chi-square with 8 degrees of freedom exceeds 44 with probability 6e-7.
TEST(Lengths, UniformGivesEveryValueItsShare) {
  constexpr std::uint64_t kCount = 90'000;
  const LengthSampler sampler({Distribution::uniform, 0, 0, 3, 11});
  const Draws draws(3, Purpose::prompt_tokens, 0);
  std::vector<double> counts(9);
  for (std::uint64_t i = 0; i < kCount; ++i) {
    counts[static_cast<std::size_t>(sampler.draw(draws, i) - 3)] += 1;
  }
  double chi_square = 0;
  for (const double count : counts) chi_square += (count - 10'000) * (count - 10'000) / 10'000;
  EXPECT_LT(chi_square, 44);
}

}  // namespace
}  // namespace tokenlift::arrivals_test
