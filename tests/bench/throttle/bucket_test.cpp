#include "bench/throttle/bucket.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/bench/throttle/throttles.hpp"

namespace tokenlift::bucket_test {
namespace {

Throttle token_bucket(double rate_per_s, double burst_units, Charge charge = Charge::reserve) {
  Throttle throttle = rate_throttle(ThrottleKind::token_bucket, rate_per_s, burst_units);
  throttle.charge = charge;
  return throttle;
}

Throttle gcra(double rate_per_s, double burst_units) {
  return rate_throttle(ThrottleKind::gcra, rate_per_s, burst_units);
}

Throttle leaky_bucket(double rate_per_s) {
  return rate_throttle(ThrottleKind::leaky_bucket, rate_per_s);
}

// ---------------------------------------------------------------- token bucket

TEST(TokenBucketRule, StartsFullAndRefillsAtItsRate) {
  OneKey bucket(token_bucket(100, 1000));
  EXPECT_EQ(bucket.level(0), 1000);
  EXPECT_TRUE(bucket.take(0, 1000));
  EXPECT_EQ(bucket.level(0), 0);
  EXPECT_EQ(bucket.level(kSecond), 100);
  EXPECT_EQ(bucket.ready_at(0, 50), kSecond / 2);
  EXPECT_EQ(bucket.level(100 * kSecond), 1000) << "never more than the burst";
}

TEST(TokenBucketRule, GivesBackWhatWasReservedAndNotUsed) {
  OneKey bucket(token_bucket(1, 1000));
  bucket.take(0, 600);
  bucket.refund(0, 0, 100);
  EXPECT_EQ(bucket.level(0), 500);
  bucket.settle(0, 0, 500, 200);
  EXPECT_EQ(bucket.level(0), 800);
  bucket.take(0, 700);
  bucket.settle(800 * kSecond, 0, 700, 0);
  EXPECT_EQ(bucket.level(800 * kSecond), 1000) << "never beyond the burst";
}

TEST(TokenBucketRule, InheritSaysWhatBecomesOfWhatWasSaved) {
  const auto level_after = [](Inherit inherit, double burst) {
    OneKey bucket(token_bucket(1, 1000));
    bucket.take(0, 600);  // 400 of 1000 left
    bucket.set(0, token_bucket(1, burst), inherit);
    return bucket.level(0);
  };
  EXPECT_EQ(level_after(Inherit::as_is, 2000), 400);
  EXPECT_EQ(level_after(Inherit::proportional, 2000), 800);
  EXPECT_EQ(level_after(Inherit::reset, 2000), 2000);
  EXPECT_EQ(level_after(Inherit::additive, 2000), 1400);
  EXPECT_EQ(level_after(Inherit::as_is, 100), 100) << "clamped to the new burst";
  EXPECT_EQ(level_after(Inherit::proportional, 100), 40);
  EXPECT_EQ(level_after(Inherit::reset, 100), 100);
  EXPECT_EQ(level_after(Inherit::additive, 100), 0) << "never less than nothing";
}

TEST(TokenBucketRule, AChangeToWhatItHasIsExact) {
  // At 10^-6 units/s a ns is worth 10^-15 units, of 6.7 * 10^20 that are saved: what is lost shows.
  for (const ThrottleKind kind : {ThrottleKind::token_bucket, ThrottleKind::gcra}) {
    OneKey bucket(rate_throttle(kind, 1e-6, 1e6));
    bucket.take(0, 331'331);
    const std::int64_t ready_ns = bucket.ready_at(12'345, 668'670);
    EXPECT_EQ(ready_ns, 1'000'000 * kSecond);
    bucket.set(12'345, rate_throttle(kind, 1e-6, 1e6), Inherit::proportional);
    EXPECT_EQ(bucket.ready_at(12'345, 668'670), ready_ns);
  }
}

TEST(TokenBucketRule, FillsUpAtTheFormerRateUntilAChange) {
  OneKey bucket(token_bucket(100, 1000));
  bucket.take(0, 1000);
  bucket.set(2 * kSecond, token_bucket(10, 1000));
  EXPECT_EQ(bucket.level(2 * kSecond), 200);
  EXPECT_EQ(bucket.level(3 * kSecond), 210);
}

TEST(TokenBucketRule, GoesOnFillingUpWhileItIsLifted) {
  OneKey bucket(token_bucket(100, 1000));
  bucket.take(0, 1000);
  bucket.lift(0, token_bucket(100, 1000));
  EXPECT_FALSE(bucket.take(kSecond, 5000)) << "nothing to settle later";
  bucket.set(3 * kSecond, token_bucket(100, 1000));
  EXPECT_EQ(bucket.level(3 * kSecond), 300);
}

TEST(TokenBucketRule, ChargedAfterItPassesWhileAnythingIsSaved) {
  OneKey bucket(token_bucket(100, 1000, Charge::after));
  bucket.take(0, 999);
  EXPECT_TRUE(bucket.ready(0, 0)) << "nothing is known of its cost";
  EXPECT_TRUE(bucket.ready(0, 1));
  EXPECT_EQ(bucket.ready_at(0, 2), kSecond / 100) << "what is known must be there";
  bucket.take(0, 1);
  EXPECT_FALSE(bucket.ready(0, 0)) << "nothing is saved";
  EXPECT_EQ(bucket.ready_at(0, 0), 1) << "the first instant at which anything is";
}

TEST(TokenBucketRule, ChargedAfterWhatARequestCameToIsOwedAndMadeUpFor) {
  OneKey bucket(token_bucket(100, 1000, Charge::after));
  bucket.take(0, 200);
  bucket.settle(0, 0, 200, 1500);
  EXPECT_EQ(bucket.level(0), -500);
  EXPECT_EQ(bucket.ready_at(0, 0), 5 * kSecond + 1);
  EXPECT_EQ(bucket.ready_at(0, 10), 5 * kSecond + kSecond / 10);
}

TEST(TokenBucketRule, WhatIsOwedIsNeverMoreThanTheBurstAfterAChange) {
  const auto level_after = [](Inherit inherit, double burst) {
    OneKey bucket(token_bucket(100, 1000, Charge::after));
    bucket.settle(0, 0, 0, 1500);  // 500 owed
    bucket.set(0, token_bucket(100, burst, Charge::after), inherit);
    return bucket.level(0);
  };
  EXPECT_EQ(level_after(Inherit::as_is, 2000), -500);
  EXPECT_EQ(level_after(Inherit::proportional, 2000), -1000);
  EXPECT_EQ(level_after(Inherit::reset, 2000), 2000);
  EXPECT_EQ(level_after(Inherit::additive, 2000), 500);
  EXPECT_EQ(level_after(Inherit::as_is, 100), -100);
  EXPECT_EQ(level_after(Inherit::additive, 600), -500) << "a smaller burst is no debt";
}

TEST(TokenBucketRule, ReservingAgainKeepsWhatIsOwed) {
  OneKey bucket(token_bucket(100, 1000, Charge::after));
  bucket.settle(0, 0, 0, 1500);
  bucket.set(0, token_bucket(100, 1000));
  EXPECT_EQ(bucket.ready_at(0, 100), 6 * kSecond);
}

TEST(TokenBucketRule, DoesNotDriftOverAMonth) {
  // A third of a unit per second has no finite binary or decimal form.
  OneKey bucket(token_bucket(20.0 / 60, 1e9));
  bucket.take(0, 1'000'000'000);
  const std::int64_t month_ns = 30LL * 24 * 3600 * kSecond;
  std::int64_t now_ns = 0;
  while (now_ns < month_ns) bucket.refund(now_ns += 977 * kSecond, 0, 0);
  EXPECT_DOUBLE_EQ(bucket.level(now_ns), static_cast<double>(now_ns / kSecond) / 3);
}

// 100 requests, one after the other, at rates down to one in a year: the last of them passes when
// it should, to 10^-10 of the time.
TEST(RateLimiter, KeepsARateOfOneInAYear) {
  constexpr double kDayS = 86'400;
  for (const ThrottleKind kind :
       {ThrottleKind::token_bucket, ThrottleKind::gcra, ThrottleKind::leaky_bucket}) {
    for (const double per_s : {1 / (365 * kDayS), 0.05 / kDayS, 1 / kDayS, 3 / kDayS, 7 / 3600.0}) {
      const bool has_burst = kind != ThrottleKind::leaky_bucket;
      OneKey limiter(rate_throttle(kind, per_s, has_burst ? 1 : 0));
      std::int64_t now_ns = 0;
      for (int i = 0; i < 101; ++i) {
        now_ns = limiter.ready_at(now_ns, 1);
        limiter.take(now_ns, 1);
      }
      EXPECT_NEAR(static_cast<double>(now_ns) * 1e-9 * per_s / 100, 1, 1e-10) << per_s;
    }
  }
}

// Between a rate that is kept in fine quanta and one that is kept in coarse ones, and back.
TEST(RateLimiter, AChangeFromASlowRateToAFastOneKeepsWhatIsSaved) {
  for (const ThrottleKind kind : {ThrottleKind::token_bucket, ThrottleKind::gcra}) {
    for (const Inherit how : {Inherit::as_is, Inherit::proportional, Inherit::additive}) {
      const Throttle slow = rate_throttle(kind, 1e-5, 1000);
      const Throttle fast = rate_throttle(kind, 1e9, 1000);
      OneKey limiter(slow);
      limiter.take(0, 700);
      limiter.set(0, fast, how);
      EXPECT_EQ(limiter.level(0), 300);
      limiter.set(0, slow, how);
      EXPECT_EQ(limiter.level(0), 300);
      EXPECT_TRUE(limiter.ready(0, 300));
      EXPECT_FALSE(limiter.ready(0, 301));
    }
  }
}

// What is owed is kept up to 2^125 quanta, which at one in a year take longer to drain than 64-bit
// nanoseconds last.
TEST(RateLimiter, WhatIsOwedDoesNotOverflow) {
  OneKey leaky(rate_throttle(ThrottleKind::leaky_bucket, 1e-9));
  leaky.take(0, 9'000'000'000'000);
  EXPECT_EQ(leaky.ready_at(0, 1), kNever);
  Throttle after = rate_throttle(ThrottleKind::token_bucket, 1e-9, 10);
  after.charge = Charge::after;
  OneKey bucket(after);
  for (int i = 0; i < 10; ++i) bucket.settle(0, 0, 0, 9'000'000'000'000);
  EXPECT_LT(bucket.level(0), -1e9);
  EXPECT_EQ(bucket.ready_at(0, 1), kNever);
}

TEST(TokenBucketRule, HoldsTheLargestRateAndBurstThatAScenarioMayAskFor) {
  const auto bucket = make_limiter(token_bucket(1e12, 1e21), 1);
  EXPECT_EQ(bucket->ready_at(0, 0, INT64_MAX), 0);
  bucket->take(0, 0, INT64_MAX);
  EXPECT_GT(bucket->level_units(1, 0), 9e20);
  EXPECT_EQ(bucket->level_units(kNever, 0), 1e21);
  const auto slow = make_limiter(token_bucket(1e-6, 1e21), 1);
  slow->take(0, 0, INT64_MAX);
  EXPECT_EQ(slow->ready_at(0, 0, INT64_MAX), 0);
}

TEST(TokenBucketRule, WhatTakesLongerThanTimeLastsNeverComes) {
  const auto bucket = make_limiter(token_bucket(1e-6, 1e12), 1);
  bucket->take(0, 0, 1'000'000 * kMicro);
  bucket->take(0, 0, 999'999'000'000 * kMicro);
  EXPECT_EQ(bucket->ready_at(0, 0, 1'000'000 * kMicro), kNever);
}

// ------------------------------------------------------------------------ GCRA

TEST(GcraRule, OwesNothingAtFirstAndDrainsAtItsRate) {
  OneKey gate(gcra(100, 1000));
  EXPECT_EQ(gate.level(0), 1000);
  gate.take(0, 1000);
  EXPECT_EQ(gate.ready_at(0, 50), kSecond / 2);
  EXPECT_EQ(gate.level(kSecond), 100);
  gate.settle(kSecond, 0, 1000, 700);
  EXPECT_EQ(gate.level(kSecond), 400);
  EXPECT_EQ(gate.level(100 * kSecond), 1000) << "never more than the burst";
}

RC_GTEST_PROP(GcraRule, LetsThroughWhatATokenBucketDoes, ()) {
  const double rate_per_s = *rc::gen::inRange(1, 100'000) / 10.0;
  OneKey bucket(token_bucket(rate_per_s, 1000));
  OneKey gate(gcra(rate_per_s, 1000));
  std::int64_t now_ns = 0;
  for (int i = *rc::gen::inRange(1, 50); i > 0; --i) {
    now_ns += *rc::gen::inRange<std::int64_t>(0, kSecond);
    const auto cost = *rc::gen::inRange<std::int64_t>(1, 1001);
    RC_ASSERT(gate.ready_at(now_ns, cost) == bucket.ready_at(now_ns, cost));
    if (bucket.ready(now_ns, cost)) {
      bucket.take(now_ns, cost);
      gate.take(now_ns, cost);
    }
    const auto unused = *rc::gen::inRange<std::int64_t>(0, 300);
    bucket.refund(now_ns, 0, unused);
    gate.refund(now_ns, 0, unused);
    const double new_rate_per_s = *rc::gen::inRange(1, 100'000) / 10.0;
    bucket.set(now_ns, token_bucket(new_rate_per_s, 1000));
    gate.set(now_ns, gcra(new_rate_per_s, 1000));
  }
}

TEST(GcraRule, InheritSaysWhatBecomesOfWhatIsOwed) {
  const auto level_after = [](Inherit inherit, double burst) {
    OneKey gate(gcra(1, 1000));
    gate.take(0, 600);  // 600 owed
    gate.set(0, gcra(1, burst), inherit);
    return gate.level(0);
  };
  EXPECT_EQ(level_after(Inherit::as_is, 2000), 1400) << "600 are owed, as before";
  EXPECT_EQ(level_after(Inherit::proportional, 2000), 800);
  EXPECT_EQ(level_after(Inherit::reset, 2000), 2000);
  EXPECT_EQ(level_after(Inherit::additive, 2000), 1400);
  EXPECT_EQ(level_after(Inherit::as_is, 100), 0) << "what is owed beyond the burst is forgiven";
  EXPECT_EQ(level_after(Inherit::as_is, 700), 100);
  EXPECT_EQ(level_after(Inherit::additive, 700), 100);
  EXPECT_EQ(level_after(Inherit::proportional, 100), 40);
}

// ---------------------------------------------------------------- leaky bucket

TEST(LeakyBucketRule, PassesOneAtATimeAtItsRateWhateverTheCost) {
  OneKey pacer(leaky_bucket(100));
  EXPECT_TRUE(pacer.ready(0, 1'000'000)) << "there is no burst to exceed";
  pacer.take(0, 50);
  EXPECT_EQ(pacer.level(0), -50);
  EXPECT_EQ(pacer.ready_at(0, 1), kSecond / 2);
  EXPECT_EQ(pacer.ready_at(0, 1000), kSecond / 2);
  EXPECT_EQ(pacer.level(10 * kSecond), 0) << "nothing is saved";
  pacer.take(10 * kSecond, 200);
  EXPECT_EQ(pacer.ready_at(10 * kSecond, 1), 12 * kSecond);
}

TEST(LeakyBucketRule, WhatComesBackNeedNotDrain) {
  OneKey pacer(leaky_bucket(100));
  pacer.take(0, 200);
  pacer.refund(0, 0, 50);
  EXPECT_EQ(pacer.ready_at(0, 1), 3 * kSecond / 2);
  pacer.settle(kSecond, 0, 150, 120);
  EXPECT_EQ(pacer.ready_at(kSecond, 1), 6 * kSecond / 5);
  pacer.refund(kSecond, 0, 500);
  EXPECT_EQ(pacer.level(kSecond), 0) << "never less than empty";
}

TEST(LeakyBucketRule, AChangeKeepsWhatItHoldsUnlessItIsReset) {
  for (const Inherit inherit : {Inherit::as_is, Inherit::proportional, Inherit::additive}) {
    OneKey pacer(leaky_bucket(100));
    pacer.take(0, 200);
    pacer.set(kSecond, leaky_bucket(1000), inherit);
    EXPECT_EQ(pacer.ready_at(kSecond, 1), kSecond + kSecond / 10) << "100 at the new rate";
  }
  OneKey pacer(leaky_bucket(100));
  pacer.take(0, 200);
  pacer.set(kSecond, leaky_bucket(100), Inherit::reset);
  EXPECT_EQ(pacer.ready_at(kSecond, 1), kSecond);
}

// -------------------------------------- changing a limit while it is in use
//
// 100 -> 1000 units/s or back, burst 1000, bucket empty, requests of 10. What limiters make of it
// that keep instants instead of units is in the comments, as measured.

class WhileInUse : public testing::TestWithParam<ThrottleKind> {
 protected:
  OneKey emptied(double rate_per_s) const {
    OneKey limiter(rate_throttle(GetParam(), rate_per_s, 1000));
    limiter.take(0, 1000);
    return limiter;
  }
  Throttle at_rate(double rate_per_s) const { return rate_throttle(GetParam(), rate_per_s, 1000); }

  /// Units that pass in [from, to) if somebody always asks for 10.
  static std::int64_t admitted(OneKey& limiter, std::int64_t from_ns, std::int64_t to_ns) {
    std::int64_t units = 0;
    for (std::int64_t now_ns = limiter.ready_at(from_ns, 10); now_ns < to_ns;
         now_ns = limiter.ready_at(now_ns, 10)) {
      limiter.take(now_ns, 10);
      units += 10;
    }
    return units;
  }
};

INSTANTIATE_TEST_SUITE_P(Limiter, WhileInUse,
                         testing::Values(ThrottleKind::token_bucket, ThrottleKind::gcra),
                         [](const testing::TestParamInfo<ThrottleKind>& tested) {
                           return tested.param == ThrottleKind::gcra ? "gcra" : "token_bucket";
                         });

// One timestamp, kept as is: refuses everything for another 8.99 s.
TEST_P(WhileInUse, RaisedItRefusesNoLongerThanTheNewRateTakes) {
  OneKey limiter = emptied(100);
  EXPECT_EQ(limiter.ready_at(0, 10), kSecond / 10);
  limiter.set(0, at_rate(1000));
  EXPECT_EQ(limiter.ready_at(0, 10), kSecond / 100);
  EXPECT_EQ(admitted(limiter, 0, kSecond + 1), 1000);
}

// The same, tightened: lets 910 units through in 0.1 s.
TEST_P(WhileInUse, TightenedItLetsThroughWhatTheNewRateMakes) {
  OneKey limiter = emptied(1000);
  limiter.set(0, at_rate(100));
  EXPECT_EQ(limiter.level(0), 0);
  EXPECT_EQ(admitted(limiter, 0, kSecond / 10), 0);
  EXPECT_EQ(admitted(limiter, kSecond / 10, kSecond / 10 + 1), 10);
  EXPECT_EQ(admitted(limiter, kSecond / 10 + 1, kSecond + 1), 90);
}

// The same where the burst is a second of the rate and shrinks with it.
TEST_P(WhileInUse, TightenedWithItsBurstItStaysEmpty) {
  OneKey limiter = emptied(1000);
  limiter.set(0, rate_throttle(GetParam(), 100, 100));
  EXPECT_EQ(limiter.level(0), 0);
  EXPECT_EQ(limiter.ready_at(0, 10), kSecond / 10) << "and nobody is frozen";
}

// Waiters with precomputed wake-up times keep their old ones; a newcomer overtakes 855 of them.
TEST_P(WhileInUse, WhoWaitsIsReadyWhenANewcomerIs) {
  OneKey limiter = emptied(100);
  const std::int64_t told_ns = limiter.ready_at(0, 1000);
  EXPECT_EQ(told_ns, 10 * kSecond);
  limiter.set(kSecond, at_rate(1000));
  const std::int64_t told_again_ns = limiter.ready_at(kSecond, 1000);
  EXPECT_EQ(told_again_ns, kSecond + 9 * kSecond / 10) << "100 of 1000 were saved at the old rate";
  EXPECT_EQ(limiter.ready_at(told_again_ns - 1, 1000), told_again_ns) << "a newcomer no earlier";
}

// A count that is kept, and waiters that are looked at again at the change: the sum is the integral
// of the rate.
TEST_P(WhileInUse, EveryUnitIsCountedAtTheRateOfItsTime) {
  OneKey limiter = emptied(100);
  std::int64_t units = admitted(limiter, 0, 2 * kSecond);
  limiter.set(2 * kSecond, at_rate(1000));
  units += admitted(limiter, 2 * kSecond, 3 * kSecond);
  limiter.set(3 * kSecond, at_rate(100));
  units += admitted(limiter, 3 * kSecond, 5 * kSecond + 1);
  EXPECT_EQ(units, 200 + 1000 + 200);
}

// A "zero time" bucket, 500 units in debt: frozen for 4.99 s.
TEST(WhileInUseAndOwed, WhatIsOwedIsMadeUpForAtTheNewRate) {
  OneKey bucket(token_bucket(100, 1000, Charge::after));
  bucket.take(0, 1000);
  bucket.settle(0, 0, 1000, 1500);
  EXPECT_EQ(bucket.ready_at(0, 10), 5 * kSecond + kSecond / 10);
  bucket.set(0, token_bucket(1000, 1000, Charge::after));
  EXPECT_EQ(bucket.ready_at(0, 10), kSecond / 2 + kSecond / 100);
}

// GCRA owes no more than its burst: 500 beyond a smaller one are forgiven, and nobody is frozen.
TEST(WhileInUseAndOwed, GcraForgivesWhatIsBeyondASmallerBurst) {
  OneKey gate(gcra(100, 1000));
  gate.take(0, 1000);
  gate.set(0, gcra(1000, 500));
  EXPECT_EQ(gate.level(0), 0);
  EXPECT_EQ(gate.ready_at(0, 10), kSecond / 100);
}

}  // namespace
}  // namespace tokenlift::bucket_test
