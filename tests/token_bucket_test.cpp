#include "bench/token_bucket.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace tokenlift {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(TokenBucket, StartsFullAndRefillsAtItsRate) {
  TokenBucket bucket(100, 1000);
  EXPECT_EQ(bucket.level_units(0), 1000);
  EXPECT_TRUE(bucket.take(0, 1000));
  EXPECT_EQ(bucket.level_units(0), 0);
  EXPECT_EQ(bucket.level_units(kSecond), 100);
  EXPECT_EQ(bucket.ready_at(0, 50), kSecond / 2);
  EXPECT_EQ(bucket.level_units(100 * kSecond), 1000) << "never more than the burst";
}

TEST(TokenBucket, RefusesForEverWhatIsLargerThanTheBurst) {
  const TokenBucket bucket(100, 1000);
  EXPECT_EQ(bucket.ready_at(0, 1000), 0);
  EXPECT_EQ(bucket.ready_at(0, 1001), kNever);
}

TEST(TokenBucket, ALiftedBucketGivesForFree) {
  TokenBucket bucket(1, 10);
  bucket.take(0, 10);
  bucket.lift();
  EXPECT_EQ(bucket.ready_at(5, 1'000'000), 5);
  EXPECT_FALSE(bucket.take(5, 1'000'000)) << "nothing to settle later";
}

TEST(TokenBucket, AClockThatStepsBackGrantsNothing) {
  TokenBucket bucket(100, 1000);
  bucket.take(10 * kSecond, 1000);
  EXPECT_EQ(bucket.level_units(5 * kSecond), 0);
  EXPECT_EQ(bucket.level_units(11 * kSecond), 100) << "time that was counted once";
}

// 100 -> 1000 units/s with an empty bucket: 100 units after 0.1 s, not after 0.1 s + what was owed.
TEST(TokenBucket, ANewRateHoldsFromTheChangeOn) {
  TokenBucket bucket(100, 1000);
  bucket.take(0, 1000);
  EXPECT_EQ(bucket.ready_at(0, 100), kSecond);
  bucket.set(0, 1000, 1000, Inherit::as_is);
  EXPECT_EQ(bucket.ready_at(0, 100), kSecond / 10);
}

TEST(TokenBucket, TighteningGrantsNoBurst) {
  TokenBucket bucket(1000, 1000);
  bucket.take(0, 1000);
  bucket.set(0, 100, 1000, Inherit::as_is);
  EXPECT_EQ(bucket.level_units(0), 0);
  EXPECT_EQ(bucket.level_units(kSecond), 100);
}

TEST(TokenBucket, InheritSaysWhatBecomesOfTheLevel) {
  const auto level_after = [](Inherit inherit, double burst) {
    TokenBucket bucket(1, 1000);
    bucket.take(0, 600);  // 400 of 1000 left
    bucket.set(0, 1, burst, inherit);
    return bucket.level_units(0);
  };
  EXPECT_EQ(level_after(Inherit::as_is, 2000), 400);
  EXPECT_EQ(level_after(Inherit::proportional, 2000), 800);
  EXPECT_EQ(level_after(Inherit::reset, 2000), 2000);
  EXPECT_EQ(level_after(Inherit::additive, 2000), 1400);
  EXPECT_EQ(level_after(Inherit::as_is, 100), 100) << "clamped to the new burst";
  EXPECT_EQ(level_after(Inherit::additive, 100), 0) << "never less than nothing";
}

TEST(TokenBucket, DoesNotDriftOverAMonth) {
  // A third of a unit per second has no finite binary or decimal form: rounded once, to 10^-6.
  TokenBucket bucket(20.0 / 60, 1e9);
  bucket.take(0, 1'000'000'000);
  const std::int64_t month_ns = 30LL * 24 * 3600 * kSecond;
  std::int64_t now_ns = 0;
  while (now_ns < month_ns) bucket.refund(now_ns += 977 * kSecond, 0);
  EXPECT_EQ(bucket.level_units(now_ns), now_ns / kSecond * 333'333 / 1'000'000);
}

TEST(TokenBucket, HoldsTheLargestRateAndBurstThatAScenarioMayAskFor) {
  TokenBucket bucket(1e12, 1e21);
  EXPECT_EQ(bucket.ready_at(0, INT64_MAX), 0);
  bucket.take(0, INT64_MAX);
  EXPECT_GT(bucket.level_units(1), 0);
  EXPECT_NEAR(bucket.burst_units(), 1e21, 1e6);
  EXPECT_NEAR(bucket.rate_per_s(), 1e12, 1e-3);
}

RC_GTEST_PROP(TokenBucket, ReadyAtIsTheFirstInstantThatGives, ()) {
  TokenBucket bucket(*rc::gen::inRange(1, 100'000) / 7.0, 1000);
  const auto taken = *rc::gen::inRange<std::int64_t>(0, 1001);
  bucket.take(0, taken);
  const auto now_ns = *rc::gen::inRange<std::int64_t>(0, 20 * kSecond);
  const auto cost = *rc::gen::inRange<std::int64_t>(1, 1001);
  const std::int64_t ready_ns = bucket.ready_at(now_ns, cost);
  RC_ASSERT(ready_ns >= now_ns);
  RC_ASSERT(bucket.level_units(ready_ns) >= cost);
  if (ready_ns > now_ns) RC_ASSERT(bucket.level_units(ready_ns - 1) < cost);
}

// Over any window of length T: taken - refunded <= burst + rate * T + reserved at its start and
// refunded within it. A random client that takes as early as it can, settles some time later.
RC_GTEST_PROP(TokenBucket, AnyWindowIsBoundedByBurstAndRate, ()) {
  const double rate_per_s = *rc::gen::inRange(1, 5000);
  const auto burst = *rc::gen::inRange<std::int64_t>(100, 2000);
  TokenBucket bucket(rate_per_s, static_cast<double>(burst));
  struct Entry {
    std::int64_t at_ns;
    std::int64_t taken;
    std::int64_t refunded;
    std::int64_t reserved_at_ns;  // of a refund
  };
  std::vector<Entry> log;
  struct Open {
    std::int64_t at_ns;
    std::int64_t cost;
  };
  std::vector<Open> open;
  std::int64_t now_ns = 0;
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    now_ns += *rc::gen::inRange<std::int64_t>(0, kSecond / 5);
    if (!open.empty() && *rc::gen::arbitrary<bool>()) {
      const Open request = open.back();
      open.pop_back();
      const auto unused = *rc::gen::inRange<std::int64_t>(0, request.cost + 1);
      bucket.refund(now_ns, unused);
      log.push_back({now_ns, 0, unused, request.at_ns});
    } else {
      const auto cost = *rc::gen::inRange<std::int64_t>(1, burst + 1);
      now_ns = bucket.ready_at(now_ns, cost);
      bucket.take(now_ns, cost);
      log.push_back({now_ns, cost, 0, 0});
      open.push_back({now_ns, cost});
    }
  }
  for (std::size_t first = 0; first < log.size(); ++first) {
    std::int64_t net = 0;
    std::int64_t returned_from_before = 0;
    for (std::size_t last = first; last < log.size(); ++last) {
      const Entry& entry = log[last];
      const bool from_before = entry.refunded > 0 && entry.reserved_at_ns < log[first].at_ns;
      net += entry.taken - (from_before ? 0 : entry.refunded);
      returned_from_before += from_before ? entry.refunded : 0;
      const double window_s = static_cast<double>(entry.at_ns - log[first].at_ns) * 1e-9;
      RC_ASSERT(static_cast<double>(net) <=
                static_cast<double>(burst + returned_from_before) + rate_per_s * window_s + 1e-6);
    }
  }
}

}  // namespace
}  // namespace tokenlift
