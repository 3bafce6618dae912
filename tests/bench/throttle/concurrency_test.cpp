#include "bench/throttle/concurrency.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/bench/throttle/throttles.hpp"

namespace tokenlift::concurrency_test {
namespace {

constexpr auto kTtft = 50 * kMillisecond;

Throttle concurrency(double limit) {
  return flight_throttle(ThrottleKind::concurrency, limit);
}

// ----------------------------------------------------------------- concurrency

TEST(ConcurrencyRule, CountsWhatIsInFlight) {
  OneKey gate(concurrency(10));
  gate.take(0, 6);
  EXPECT_EQ(gate.level(0), 4);
  EXPECT_TRUE(gate.ready(0, 4));
  EXPECT_EQ(gate.ready_at(0, 5), kNever) << "time alone does not help";
  gate.settle(kSecond, 0, 6, 1);
  EXPECT_EQ(gate.level(kSecond), 10) << "all that was reserved is free";
}

TEST(ConcurrencyRule, WhatComesBackEarlyIsFreedOnce) {
  OneKey gate(concurrency(10));
  gate.take(0, 8);
  gate.refund(0, 0, 3);
  EXPECT_EQ(gate.level(0), 5);
  gate.settle(0, 0, 5, 5);
  EXPECT_EQ(gate.level(0), 10);
}

TEST(ConcurrencyRule, AfterShrinkingNobodyPassesUntilItIsBelow) {
  for (const Inherit inherit :
       {Inherit::as_is, Inherit::proportional, Inherit::reset, Inherit::additive}) {
    OneKey gate(concurrency(10));
    for (int i = 0; i < 10; ++i) gate.take(0, 1);
    gate.set(0, concurrency(3), inherit);
    EXPECT_EQ(gate.level(0), -7) << "what is in flight is a fact";
    for (int left = 10; left > 2; --left) {
      EXPECT_FALSE(gate.ready(0, 1));
      gate.settle(0, 0, 1, 1);
    }
    EXPECT_TRUE(gate.ready(0, 1));
  }
}

TEST(ConcurrencyRule, ALiftedOneGoesOnCounting) {
  OneKey gate(concurrency(2));
  gate.lift(0, concurrency(2));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(gate.take(0, 1)) << "to be settled";
  gate.set(kSecond, concurrency(2));
  EXPECT_EQ(gate.level(kSecond), -3);
  EXPECT_FALSE(gate.ready(kSecond, 1));
}

TEST(ConcurrencyRule, AQueueLimitCountsWhoWaitsUpToItsLimit) {
  OneKey line(flight_throttle(ThrottleKind::queue_limit, 2));
  line.take(0, 1);
  line.take(0, 1);
  EXPECT_FALSE(line.ready(0, 1));
  line.settle(kSecond, 0, 1, 1);
  EXPECT_TRUE(line.ready(kSecond, 1));
}

TEST(ConcurrencyRule, WithoutALimitEverythingPasses) {
  Throttle settings;
  settings.kind = ThrottleKind::queue_limit;
  const auto line = make_limiter(settings, 1);
  EXPECT_EQ(line->level_units(0, 0), std::numeric_limits<double>::infinity());
  line->take(0, 0, 1'000'000'000 * kMicro);
  EXPECT_TRUE(line->fits(INT64_MAX / 2));
  EXPECT_EQ(line->ready_at(5, 0, 1'000'000'000 * kMicro), 5);
}

// -------------------------------------------------------------------- adaptive

/// `rounds` round trips of as many requests of `cost` as the limit lets through, each with this
/// service_ttft. Returns the limit.
double run(OneKey& gate, std::int64_t& now_ns, int rounds, std::int64_t ttft_ns,
           std::int64_t cost = 1) {
  for (int round = 0; round < rounds; ++round) {
    const std::int64_t taken_ns = now_ns;
    int in_flight = 0;
    for (; gate.ready(now_ns, cost); ++in_flight) gate.take(now_ns, cost);
    now_ns += ttft_ns;
    for (; in_flight > 0; --in_flight) gate.settle(now_ns, taken_ns, cost, cost, ttft_ns);
  }
  return gate.level(now_ns);
}

class Adaptive : public testing::TestWithParam<ThrottleKind> {
 protected:
  Throttle settings(double limit, double min_limit = 1, double max_limit = 1000) const {
    return flight_throttle(GetParam(), limit, min_limit, max_limit);
  }
};

INSTANTIATE_TEST_SUITE_P(Limiter, Adaptive,
                         testing::Values(ThrottleKind::aimd, ThrottleKind::gradient,
                                         ThrottleKind::vegas),
                         [](const testing::TestParamInfo<ThrottleKind>& tested) {
                           return tested.param == ThrottleKind::aimd       ? "aimd"
                                  : tested.param == ThrottleKind::gradient ? "gradient"
                                                                           : "vegas";
                         });

TEST_P(Adaptive, StartsAtItsLimitWithinItsBounds) {
  EXPECT_EQ(OneKey(settings(20)).level(0), 20);
  EXPECT_EQ(OneKey(settings(2, 5)).level(0), 5);
  EXPECT_EQ(OneKey(settings(2000)).level(0), 1000);
}

TEST_P(Adaptive, GrowsToItsLargestWhileNothingQueues) {
  OneKey gate(settings(20, 10, 200));
  std::int64_t now_ns = 0;
  EXPECT_EQ(run(gate, now_ns, 400, kTtft), 200);
}

TEST_P(Adaptive, ShrinksWhenLatencyGrowsAndNeverBelowItsLeast) {
  OneKey gate(settings(100, 10, 200));
  std::int64_t now_ns = 0;
  run(gate, now_ns, 3, kTtft);
  double limit = gate.level(now_ns);
  const double at_first = limit;
  // Congestion: every round takes longer than all before, as behind a queue that only grows.
  std::int64_t ttft_ns = 6 * kTtft;
  for (int round = 0; round < 30; ++round, ttft_ns = ttft_ns * 3 / 2) {
    limit = run(gate, now_ns, 1, ttft_ns);
    ASSERT_GE(limit, 10);
  }
  EXPECT_LT(limit, at_first / 2);
}

TEST_P(Adaptive, DoesNotGrowWhileLessThanHalfIsInUse) {
  OneKey gate(settings(100));
  gate.take(0, 1);
  gate.settle(kTtft, 0, 1, 1, kTtft);  // the first sample
  for (std::int64_t now_ns = kSecond; now_ns < 100 * kSecond; now_ns += kSecond) {
    for (int i = 0; i < 49; ++i) gate.take(now_ns, 1);
    for (int i = 0; i < 49; ++i) gate.settle(now_ns + kTtft, now_ns, 1, 1, kTtft);
  }
  EXPECT_EQ(gate.level(100 * kSecond), 100);
}

TEST_P(Adaptive, LearnsNothingWithoutAFirstTokenNorWhileItIsLifted) {
  OneKey gate(settings(100));
  std::int64_t now_ns = 0;
  run(gate, now_ns, 1, kTtft);
  const double limit = gate.level(now_ns);
  for (int i = 0; i < 90; ++i) gate.take(now_ns, 1);
  for (int i = 0; i < 30; ++i) gate.settle(now_ns + kSecond, now_ns, 1, 0, -1);
  EXPECT_DOUBLE_EQ(gate.level(now_ns), limit - 60);
  gate.lift(now_ns, settings(100));
  for (int i = 0; i < 60; ++i) gate.settle(now_ns + kSecond, now_ns, 1, 1, i * kTtft);
  gate.set(now_ns, settings(100));
  EXPECT_EQ(gate.level(now_ns), limit);
}

TEST_P(Adaptive, LearnsNothingFromARequestThatGotAllOfItBack) {
  OneKey gate(settings(100));
  for (int i = 0; i < 90; ++i) gate.take(0, 1);
  gate.settle(0, 0, 1, 1, kTtft);
  const double limit = gate.level(0) + 89;
  gate.refund(0, 0, 1);
  gate.settle(0, 0, 0, 0, 10 * kTtft);
  EXPECT_EQ(gate.level(0) + 88, limit);
}

TEST_P(Adaptive, StepsAreInRequestsWhateverTheyCost) {
  OneKey requests(settings(20, 10, 200));
  OneKey tokens(settings(20'000, 10'000, 200'000));
  std::int64_t now_ns = 0;
  for (int round = 0; round < 30; ++round) {
    const std::int64_t ttft_ns = kTtft * (1 + round % 5);
    std::int64_t then_ns = now_ns;
    const double limit = run(requests, now_ns, 1, ttft_ns);
    EXPECT_NEAR(run(tokens, then_ns, 1, ttft_ns, 1000), 1000 * limit, 1e-3);
  }
}

TEST_P(Adaptive, ALimitBelowOneRequestLetsOneThroughAtATime) {
  OneKey gate(settings(100, 1, 1000));
  EXPECT_TRUE(gate.ready(0, 500)) << "or it could never learn that it may grow";
  gate.take(0, 500);
  EXPECT_FALSE(gate.ready(0, 1));
  EXPECT_FALSE(gate.fits(1001)) << "the largest limit is a bound for all";
}

TEST_P(Adaptive, InheritSaysWhatBecomesOfWhatWasLearnt) {
  const auto levels = [&](Inherit inherit, double limit, double max_limit) {
    OneKey gate(settings(20));
    std::int64_t now_ns = 0;
    const double learnt = run(gate, now_ns, 2, kTtft);
    gate.take(now_ns, 5);
    gate.set(now_ns, settings(limit, 1, max_limit), inherit);
    return std::pair(learnt, gate.level(now_ns) + 5);  // what is in flight is a fact
  };
  const auto [learnt, as_is] = levels(Inherit::as_is, 40, 1000);
  EXPECT_GT(learnt, 20);
  EXPECT_EQ(as_is, learnt);
  EXPECT_DOUBLE_EQ(levels(Inherit::proportional, 40, 1000).second, 2 * learnt);
  EXPECT_DOUBLE_EQ(levels(Inherit::additive, 40, 1000).second, learnt + 20);
  EXPECT_EQ(levels(Inherit::reset, 40, 1000).second, 40);
  EXPECT_EQ(levels(Inherit::as_is, 20, 20.5).second, 20.5) << "clamped to the new bounds";
}

TEST(Aimd, GrowsByOneRequestPerLimitsWorthOfSettlements) {
  OneKey gate(flight_throttle(ThrottleKind::aimd, 100));
  for (int i = 0; i < 100; ++i) gate.take(0, 1);
  for (int i = 0; i < 100; ++i) {
    gate.settle(kTtft, 0, 1, 1, kTtft);
    gate.take(kTtft, 1);
  }
  EXPECT_NEAR(gate.level(kTtft) + 100, 101, 0.01);
}

TEST(Aimd, ShrinksOncePerRoundTrip) {
  OneKey gate(flight_throttle(ThrottleKind::aimd, 100));
  for (int i = 0; i < 50; ++i) gate.take(0, 1);
  for (int i = 0; i < 50; ++i) gate.settle((i + 1) * kSecond, 0, 1, 1, kSecond);
  EXPECT_DOUBLE_EQ(gate.level(50 * kSecond), 90) << "all were under way at the decrease";
  gate.take(50 * kSecond, 1);
  gate.settle(51 * kSecond, 50 * kSecond, 1, 1, kSecond);
  EXPECT_DOUBLE_EQ(gate.level(51 * kSecond), 81);
  gate.take(51 * kSecond, 1);
  gate.settle(52 * kSecond, 51 * kSecond, 1, 1, 100 * kMillisecond);
  EXPECT_DOUBLE_EQ(gate.level(52 * kSecond), 81) << "the target itself is no congestion";
}

TEST(Gradient, GoesAFifthOfTheWayToWhatASampleSays) {
  OneKey gate(flight_throttle(ThrottleKind::gradient, 100));
  for (int i = 0; i < 60; ++i) gate.take(0, 1);
  gate.settle(kTtft, 0, 1, 1, kTtft);
  EXPECT_DOUBLE_EQ(gate.level(kTtft) + 59, 100 + 0.2 * std::sqrt(100)) << "as usual";
  gate.settle(kTtft, 0, 1, 1, 5 * kTtft);
  // The mean of two is 3 ttft; 1.5 times that is 0.9 of the present.
  EXPECT_DOUBLE_EQ(gate.level(kTtft) + 58, 102 + 0.2 * (102 * (0.9 - 1) + std::sqrt(102)));
}

TEST(Gradient, NoSampleMoreThanHalvesTheLimitThatItGoesTo) {
  OneKey gate(flight_throttle(ThrottleKind::gradient, 100));
  for (int i = 0; i < 90; ++i) gate.take(0, 1);
  for (int i = 0; i < 9; ++i) gate.settle(kTtft, 0, 1, 1, 0);
  const double limit = gate.level(kTtft) + 81;
  gate.settle(kTtft, 0, 1, 1, 1000 * kSecond);
  EXPECT_DOUBLE_EQ(gate.level(kTtft) + 80, limit + 0.2 * (-limit / 2 + std::sqrt(limit)));
}

TEST(Gradient, AMeanThatIsStaleShrinksFaster) {
  OneKey gate(flight_throttle(ThrottleKind::gradient, 100));
  for (int i = 0; i < 90; ++i) gate.take(0, 1);
  gate.settle(0, 0, 1, 1, 99 * kTtft);
  gate.settle(0, 0, 1, 1, kTtft);  // mean: 50 ttft, then 0.95 of that
  const double limit = gate.level(0) + 88;
  gate.settle(0, 0, 1, 1, 190 * kTtft);  // mean: (2 * 47.5 + 190) / 3 = 95 ttft
  EXPECT_DOUBLE_EQ(gate.level(0) + 87, limit + 0.2 * (-limit / 4 + std::sqrt(limit)));
}

TEST(Gradient, AMeanIsStaleAboveTwiceASample) {
  // In samples of one ttft. The third tells what became of the mean of the first two: it goes to
  // three quarters of the limit where it is twice the new mean.
  const auto third = [](std::int64_t first_ns, std::int64_t third_ns) {
    OneKey gate(flight_throttle(ThrottleKind::gradient, 100));
    for (int i = 0; i < 90; ++i) gate.take(0, 1);
    gate.settle(0, 0, 1, 1, first_ns);
    gate.settle(0, 0, 1, 1, kTtft);
    const double limit = gate.level(0) + 88;
    gate.settle(0, 0, 1, 1, third_ns);
    EXPECT_DOUBLE_EQ(gate.level(0) + 87, limit + 0.2 * (-limit / 4 + std::sqrt(limit)));
  };
  third(3 * kTtft, 8 * kTtft);       // 2, which stays; (2 * 2 + 8) / 3 = 4
  third(4 * kTtft, 19 * kTtft / 2);  // 2.5, then 0.95 of that; (2 * 2.375 + 9.5) / 3 = 4.75
}

TEST(Vegas, StepsByTheQueueThatItEstimates) {
  // log10(100) = 2: up by 12 at a queue of 2, by 2 below 6, not at all to 12, down by 2 above.
  const auto step = [](double queue) {
    OneKey gate(flight_throttle(ThrottleKind::vegas, 100));
    for (int i = 0; i < 60; ++i) gate.take(0, 1);
    gate.settle(kTtft, 0, 1, 1, kTtft);
    EXPECT_EQ(gate.level(0) + 59, 100) << "the first is the unloaded one";
    const auto ttft_ns = std::llround(static_cast<double>(kTtft) / (1 - queue / 100));
    gate.settle(ttft_ns, 0, 1, 1, ttft_ns);
    return gate.level(0) + 58 - 100;
  };
  EXPECT_DOUBLE_EQ(step(1.9), 12);
  EXPECT_DOUBLE_EQ(step(2.1), 2);
  EXPECT_DOUBLE_EQ(step(5.9), 2);
  EXPECT_DOUBLE_EQ(step(6.1), 0);
  EXPECT_DOUBLE_EQ(step(11.9), 0);
  EXPECT_DOUBLE_EQ(step(12.1), -2);
  // A limit of 2 and twice the time: a queue of exactly 1, which is the step.
  OneKey gate(flight_throttle(ThrottleKind::vegas, 2));
  gate.take(0, 1);
  gate.take(0, 1);
  gate.settle(kTtft, 0, 1, 1, kTtft);
  gate.settle(2 * kTtft, 0, 1, 1, 2 * kTtft);
  EXPECT_DOUBLE_EQ(gate.level(0), 2 + 6);
}

}  // namespace
}  // namespace tokenlift::concurrency_test
