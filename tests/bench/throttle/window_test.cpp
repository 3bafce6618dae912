#include "bench/throttle/window.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

#include "tests/bench/throttle/throttles.hpp"

namespace tokenlift::window_test {
namespace {

constexpr std::int64_t kHour = 3'600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;

Throttle fixed(double limit, std::int64_t window_ns) {
  return window_throttle(ThrottleKind::fixed_window, limit, window_ns);
}

Throttle anchored(double limit, std::int64_t window_ns) {
  return window_throttle(ThrottleKind::anchored_window, limit, window_ns);
}

Throttle sliding(double limit, std::int64_t window_ns) {
  return window_throttle(ThrottleKind::sliding_window, limit, window_ns);
}

Throttle logged(double limit, std::int64_t window_ns) {
  return window_throttle(ThrottleKind::sliding_log, limit, window_ns);
}

Throttle acceleration(double limit, double rise, std::int64_t window_ns) {
  Throttle throttle = window_throttle(ThrottleKind::acceleration_limit, limit, window_ns);
  throttle.rise = rise;
  return throttle;
}

// ---------------------------------------------------------------- fixed window

TEST(FixedWindowRule, GivesItsLimitInEachWindow) {
  OneKey window(fixed(100, 10 * kSecond));
  window.take(3 * kSecond, 60);
  EXPECT_EQ(window.level(3 * kSecond), 40);
  EXPECT_TRUE(window.ready(3 * kSecond, 40));
  EXPECT_EQ(window.ready_at(3 * kSecond, 41), 10 * kSecond);
  EXPECT_EQ(window.level(10 * kSecond - 1), 40);
  EXPECT_EQ(window.level(10 * kSecond), 100);
  window.take(25 * kSecond, 100);
  EXPECT_EQ(window.ready_at(26 * kSecond, 1), 30 * kSecond);
}

TEST(FixedWindowRule, IsAlignedToTheEpoch) {
  // The run starts at 09:30; midnight was 9.5 hours before.
  OneKey window(fixed(100, 5 * kHour), -19 * kHour / 2);
  window.take(0, 100);
  EXPECT_EQ(window.ready_at(0, 1), kHour / 2) << "at 10:00";
  window.take(kHour, 100);
  EXPECT_EQ(window.ready_at(kHour, 1), 11 * kHour / 2) << "at 15:00";
}

// The instants from 0 to `end_ns` at which windows begin: where a limit of 1 passes again.
std::vector<std::int64_t> begins(std::int64_t window_ns, std::vector<ClockChange> changes,
                                 std::int64_t end_ns) {
  OneKey window(fixed(1, window_ns), 0, std::move(changes));
  std::vector<std::int64_t> found;
  for (std::int64_t at_ns = 0; at_ns <= end_ns; at_ns = window.ready_at(at_ns, 1)) {
    found.push_back(at_ns);
    window.take(at_ns, 1);
  }
  return found;
}

std::vector<std::int64_t> in_hours(std::vector<std::int64_t> instants_ns) {
  for (std::int64_t& at_ns : instants_ns) at_ns /= kHour;
  return instants_ns;
}

// At 02:00 of the second day the clock is set back to 01:00, so midnight is 49 hours after 0.
TEST(FixedWindowRule, FollowsAClockThatIsSetBack) {
  const std::vector<ClockChange> back = {{26 * kHour, -kHour}};
  using Hours = std::vector<std::int64_t>;
  EXPECT_EQ(in_hours(begins(kDay, back, 74 * kHour)), (Hours{0, 24, 49, 73}));
  EXPECT_EQ(in_hours(begins(8 * kHour, back, 50 * kHour)), (Hours{0, 8, 16, 24, 33, 41, 49}));
  // It shows 00:00, 01:00, 01:00 again, 02:00: each hour is one.
  EXPECT_EQ(in_hours(begins(kHour, back, 28 * kHour)).size(), 29U);
  // 02:00 comes at 27 h, for at 26 h it shows 01:00.
  EXPECT_EQ(in_hours(begins(2 * kHour, back, 30 * kHour)).back(), 29);
  EXPECT_EQ(begins(kHour / 60, back, 28 * kHour).size(), 28U * 60 + 1);
  // 5 hours do not divide a day: counted on the clock from the first midnight on, 25, 30, ...
  EXPECT_EQ(in_hours(begins(5 * kHour, back, 42 * kHour)),
            (Hours{0, 5, 10, 15, 20, 25, 31, 36, 41}));
  EXPECT_EQ(in_hours(begins(7 * kDay, back, 15 * kDay)), (Hours{0, 7 * 24 + 1, 14 * 24 + 1}));
}

// At 02:00 of the second day it is set forward to 03:00.
TEST(FixedWindowRule, FollowsAClockThatIsSetForward) {
  const std::vector<ClockChange> forward = {{26 * kHour, kHour}};
  using Hours = std::vector<std::int64_t>;
  EXPECT_EQ(in_hours(begins(kDay, forward, 72 * kHour)), (Hours{0, 24, 47, 71}));
  EXPECT_EQ(in_hours(begins(8 * kHour, forward, 48 * kHour)), (Hours{0, 8, 16, 24, 31, 39, 47}));
  // 02:00 is skipped: the window begins with 03:00, the one after it an hour later.
  EXPECT_EQ(in_hours(begins(2 * kHour, forward, 30 * kHour)),
            (Hours{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 27, 29}));
}

// Minute by minute, by looking at the clock on the wall.
RC_GTEST_PROP(FixedWindowRule, BeginsWindowsWhereTheClockSaysSo, ()) {
  constexpr std::int64_t kMinute = 60 * kSecond;
  const std::int64_t window = *rc::gen::inRange(1, 200);
  std::vector<ClockChange> changes;
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
    const std::int64_t last_ns = changes.empty() ? 0 : changes.back().at_ns;
    std::int64_t by = *rc::gen::inRange(-90, 90);
    if (by >= 0) ++by;
    changes.push_back({last_ns + *rc::gen::inRange(91, 400) * kMinute, by * kMinute});
  }
  std::vector<std::int64_t> expected;
  std::int64_t number = -1;  // of the window under way
  std::int64_t ahead = 0;
  std::size_t next = 0;
  for (std::int64_t minute = 0; minute <= 2000; ++minute) {
    bool again = false;
    if (next < changes.size() && changes[next].at_ns == minute * kMinute) {
      const std::int64_t by = changes[next++].by_ns / kMinute;
      ahead += by;
      again = -by >= window;
    }
    const std::int64_t shown = (minute + ahead) / window - ((minute + ahead) % window < 0 ? 1 : 0);
    if (!again && shown <= number) continue;
    number = shown;
    expected.push_back(minute * kMinute);
  }
  RC_ASSERT(begins(window * kMinute, changes, 2000 * kMinute) == expected);
}

TEST(FixedWindowRule, AllowsTwiceItsLimitAcrossABorderAndNoMore) {
  OneKey window(fixed(100, kSecond));
  window.take(kSecond - 1, 100);
  window.take(kSecond, 100);
  EXPECT_EQ(window.ready_at(kSecond, 1), 2 * kSecond);
}

TEST(FixedWindowRule, WhatComesBackCountsInItsOwnWindowOnly) {
  OneKey window(fixed(100, 10 * kSecond));
  window.take(5 * kSecond, 80);
  window.refund(9 * kSecond, 5 * kSecond, 30);
  EXPECT_EQ(window.level(9 * kSecond), 50);
  window.take(12 * kSecond, 90);
  window.settle(13 * kSecond, 5 * kSecond, 50, 0);
  EXPECT_EQ(window.level(13 * kSecond), 10) << "lost: its window is over";
  window.settle(14 * kSecond, 12 * kSecond, 90, 20);
  EXPECT_EQ(window.level(14 * kSecond), 80);
}

TEST(FixedWindowRule, NothingComesBackFromBeforeAReset) {
  OneKey window(fixed(100, 10 * kSecond));
  window.take(kSecond, 80);
  window.set(2 * kSecond, fixed(100, 10 * kSecond), Inherit::reset);
  EXPECT_EQ(window.level(2 * kSecond), 100);
  window.take(3 * kSecond, 100);
  window.settle(4 * kSecond, kSecond, 80, 0);
  EXPECT_EQ(window.level(4 * kSecond), 0);
  EXPECT_EQ(window.ready_at(4 * kSecond, 1), 10 * kSecond) << "windows stay where they were";
}

TEST(FixedWindowRule, InheritSaysWhatBecomesOfWhatWasUsed) {
  const auto level_after = [](Inherit inherit, double limit) {
    OneKey window(fixed(1000, kHour));
    window.take(0, 600);
    window.set(kSecond, fixed(limit, kHour), inherit);
    return window.level(kSecond);
  };
  EXPECT_EQ(level_after(Inherit::as_is, 2000), 1400);
  EXPECT_EQ(level_after(Inherit::additive, 2000), 1400);
  EXPECT_EQ(level_after(Inherit::proportional, 2000), 800);
  EXPECT_EQ(level_after(Inherit::reset, 2000), 2000);
  EXPECT_EQ(level_after(Inherit::as_is, 100), -500) << "what was used is a fact";
  EXPECT_EQ(level_after(Inherit::proportional, 100), 40);
}

TEST(FixedWindowRule, TighteningAndRaisingAgainForgivesNothing) {
  OneKey window(fixed(1000, kHour));
  window.take(0, 900);
  window.set(kSecond, fixed(100, kHour));
  window.set(kSecond, fixed(1000, kHour));
  EXPECT_EQ(window.level(kSecond), 100);
}

TEST(FixedWindowRule, AtANewLengthWhatWasUsedCountsInTheWindowThatHoldsTheInstant) {
  OneKey window(fixed(100, kHour));
  window.take(kHour / 2, 70);
  window.set(3 * kHour / 4, fixed(100, kSecond));
  EXPECT_EQ(window.level(3 * kHour / 4), 30);
  window.refund(3 * kHour / 4, kHour / 2, 20);
  EXPECT_EQ(window.level(3 * kHour / 4), 50) << "it is counted, so it can come back";
  EXPECT_EQ(window.ready_at(3 * kHour / 4, 100), 3 * kHour / 4 + kSecond);
  window.take(kHour, 70);
  window.set(kHour, fixed(100, kDay));
  EXPECT_EQ(window.ready_at(kHour, 31), kDay);
  window.refund(kHour, kHour / 2, 20);
  EXPECT_EQ(window.level(kHour), 30) << "not counted any more";
}

TEST(FixedWindowRule, WhatComesBackAfterAShrunkShareFreesNoMoreThanTheLimit) {
  OneKey window(fixed(1000, kHour));
  window.take(0, 600);
  window.set(0, fixed(100, kHour), Inherit::proportional);
  window.settle(0, 0, 600, 0);
  EXPECT_EQ(window.level(0), 100);
}

TEST(FixedWindowRule, ANewLengthOnAClockThatSteppedBackHoldsTheWindowThatItWasIn) {
  OneKey window(fixed(100, 10 * kSecond));
  window.take(25 * kSecond, 100);
  window.set(5 * kSecond, fixed(100, 20 * kSecond));
  EXPECT_EQ(window.level(25 * kSecond), 0);
  EXPECT_EQ(window.ready_at(25 * kSecond, 1), 40 * kSecond);
}

// ------------------------------------------------------------- anchored window

TEST(AnchoredWindowRule, StartsAtTheFirstRequestAfterTheLastOneEnded) {
  OneKey session(anchored(100, 5 * kHour));
  EXPECT_EQ(session.level(3 * kHour), 100);
  session.take(3 * kHour, 40);
  session.take(4 * kHour, 60);
  EXPECT_EQ(session.ready_at(4 * kHour, 1), 8 * kHour);
  EXPECT_EQ(session.level(8 * kHour - 1), 0);
  EXPECT_EQ(session.level(8 * kHour), 100);
  session.take(20 * kHour, 100);
  EXPECT_EQ(session.ready_at(20 * kHour, 1), 25 * kHour);
}

TEST(AnchoredWindowRule, LookingDoesNotStartAWindow) {
  OneKey session(anchored(100, 5 * kHour));
  EXPECT_EQ(session.ready_at(kHour, 100), kHour);
  session.refund(kHour, kHour, 0);
  session.take(2 * kHour, 100);
  EXPECT_EQ(session.ready_at(2 * kHour, 1), 7 * kHour);
}

TEST(AnchoredWindowRule, WhatComesBackCountsInItsOwnWindowOnly) {
  OneKey session(anchored(100, kHour));
  session.take(0, 100);
  session.settle(kHour / 2, 0, 100, 75);
  EXPECT_EQ(session.level(kHour / 2), 25);
  session.take(2 * kHour, 100);
  session.settle(2 * kHour, 0, 75, 0);
  EXPECT_EQ(session.level(2 * kHour), 0);
}

TEST(AnchoredWindowRule, ANewLengthHoldsFromTheStartOfThePresentWindowOn) {
  OneKey session(anchored(100, kHour));
  session.take(kHour, 100);
  session.set(kHour, anchored(100, 5 * kHour));
  EXPECT_EQ(session.ready_at(kHour, 1), 6 * kHour);
  session.set(3 * kHour, anchored(100, kHour));
  EXPECT_EQ(session.ready_at(3 * kHour, 1), 3 * kHour) << "it ended an hour ago";
  session.set(3 * kHour, anchored(100, 5 * kHour));
  EXPECT_EQ(session.ready_at(3 * kHour, 1), 3 * kHour) << "and does not come back";
  OneKey ended(anchored(100, kHour));
  ended.take(kHour, 100);
  ended.set(2 * kHour, anchored(100, 5 * kHour));
  EXPECT_EQ(ended.ready_at(2 * kHour, 1), 2 * kHour) << "it ends at that very instant";
}

TEST(AnchoredWindowRule, InheritSaysWhatBecomesOfWhatWasUsed) {
  const auto level_after = [](Inherit inherit, double limit) {
    OneKey window(anchored(1000, kHour));
    window.take(0, 600);
    window.set(kSecond, anchored(limit, kHour), inherit);
    return window.level(kSecond);
  };
  EXPECT_EQ(level_after(Inherit::as_is, 2000), 1400);
  EXPECT_EQ(level_after(Inherit::additive, 2000), 1400);
  EXPECT_EQ(level_after(Inherit::proportional, 2000), 800);
  EXPECT_EQ(level_after(Inherit::reset, 2000), 2000);
  EXPECT_EQ(level_after(Inherit::as_is, 100), -500);
}

TEST(AnchoredWindowRule, AResetEndsTheWindow) {
  OneKey session(anchored(100, kHour));
  session.take(0, 100);
  session.set(kHour / 2, anchored(100, kHour), Inherit::reset);
  session.take(3 * kHour / 4, 100);
  EXPECT_EQ(session.ready_at(3 * kHour / 4, 1), 7 * kHour / 4);
}

// -------------------------------------------------------------- sliding window

TEST(SlidingWindowRule, CountsTheWindowBeforeByWhatStillOverlaps) {
  OneKey window(sliding(100, 10 * kSecond));
  window.take(5 * kSecond, 80);
  EXPECT_EQ(window.level(5 * kSecond), 20);
  EXPECT_EQ(window.level(10 * kSecond), 20) << "all of the window before";
  EXPECT_EQ(window.level(15 * kSecond), 60) << "half of it";
  EXPECT_EQ(window.level(20 * kSecond), 100);
  EXPECT_EQ(window.ready_at(5 * kSecond, 60), 15 * kSecond);
  EXPECT_EQ(window.ready_at(5 * kSecond, 100), 20 * kSecond);
  window.take(15 * kSecond, 60);
  EXPECT_EQ(window.ready_at(15 * kSecond, 1), 15 * kSecond + kSecond / 8);
  EXPECT_EQ(window.ready_at(15 * kSecond, 50), 20 * kSecond + 10 * kSecond / 6 + 1);
}

TEST(SlidingWindowRule, HoldsUpEvenUseJustAboveItsLimitAndNoneBelow) {
  const auto held_up = [](std::int64_t gap_ns) {
    OneKey window(sliding(100, 10 * kSecond));
    for (std::int64_t now_ns = 0; now_ns < 100 * kSecond; now_ns += gap_ns) {
      if (!window.ready(now_ns, 1)) return true;
      window.take(now_ns, 1);
    }
    return false;
  };
  EXPECT_FALSE(held_up(kSecond / 9));
  EXPECT_TRUE(held_up(kSecond / 11));
}

TEST(SlidingWindowRule, WhatComesBackCountsInTheWindowInWhichItWasTaken) {
  OneKey window(sliding(100, 10 * kSecond));
  window.take(5 * kSecond, 80);
  window.take(14 * kSecond, 40);
  window.refund(15 * kSecond, 5 * kSecond, 40);
  EXPECT_EQ(window.level(15 * kSecond), 40) << "half of 40, and 40";
  window.settle(15 * kSecond, 14 * kSecond, 40, 10);
  EXPECT_EQ(window.level(15 * kSecond), 70);
  window.settle(25 * kSecond, 5 * kSecond, 40, 0);
  EXPECT_EQ(window.level(25 * kSecond), 95) << "nobody counts that any more";
  window.take(25 * kSecond, 1);
  window.settle(25 * kSecond, 5 * kSecond, 40, 0);
  EXPECT_EQ(window.level(25 * kSecond), 94);
}

TEST(SlidingWindowRule, AClockThatStepsBackIsAtTheStartOfTheWindow) {
  OneKey window(sliding(100, 10 * kSecond));
  window.take(0, 80);
  window.take(10 * kSecond, 20);
  EXPECT_EQ(window.level(5 * kSecond), 0);
}

TEST(SlidingWindowRule, NothingComesBackFromBeforeAReset) {
  OneKey window(sliding(100, 10 * kSecond));
  window.take(0, 40);
  window.take(15 * kSecond, 40);
  window.set(16 * kSecond, sliding(100, 10 * kSecond), Inherit::reset);
  window.take(17 * kSecond, 100);
  window.settle(17 * kSecond, 0, 40, 0);
  window.settle(17 * kSecond, 15 * kSecond, 40, 0);
  EXPECT_EQ(window.level(17 * kSecond), 0);
  EXPECT_EQ(window.level(25 * kSecond), 50);
}

TEST(SlidingWindowRule, InheritSaysWhatBecomesOfWhatWasUsed) {
  const auto level_after = [](Inherit inherit, double limit) {
    OneKey window(sliding(1000, 10 * kSecond));
    window.take(0, 400);
    window.take(15 * kSecond, 400);
    window.set(15 * kSecond, sliding(limit, 10 * kSecond), inherit);
    return window.level(15 * kSecond);
  };
  EXPECT_EQ(level_after(Inherit::as_is, 2000), 1400);
  EXPECT_EQ(level_after(Inherit::additive, 2000), 1400);
  EXPECT_EQ(level_after(Inherit::proportional, 2000), 800);
  EXPECT_EQ(level_after(Inherit::reset, 2000), 2000);
  EXPECT_EQ(level_after(Inherit::as_is, 100), -500);
}

TEST(SlidingWindowRule, AtANewLengthAllThatStillCountsIsInThePresentWindow) {
  OneKey window(sliding(100, 10 * kSecond));
  window.take(0, 40);
  window.take(15 * kSecond, 40);
  window.set(15 * kSecond, sliding(100, 60 * kSecond));
  EXPECT_EQ(window.level(15 * kSecond), 40);
  EXPECT_EQ(window.level(59 * kSecond), 40);
  EXPECT_EQ(window.level(90 * kSecond), 70);
}

RC_GTEST_PROP(SlidingWindowRule, AlignedWindowsNeverExceedTheLimit, ()) {
  OneKey window(sliding(100, kSecond));
  std::map<std::int64_t, std::int64_t> used;
  std::int64_t now_ns = 0;
  for (int i = *rc::gen::inRange(1, 60); i > 0; --i) {
    const auto cost = *rc::gen::inRange<std::int64_t>(1, 101);
    now_ns += *rc::gen::inRange<std::int64_t>(0, kSecond / 2);
    now_ns = window.ready_at(now_ns, cost);
    window.take(now_ns, cost);
    used[now_ns / kSecond] += cost;
  }
  for (const auto& [index, units] : used) RC_ASSERT(units <= 100);
}

// ----------------------------------------------------------------- sliding log

TEST(SlidingLogRule, CountsEachRequestForOneWindow) {
  OneKey window(logged(100, 10 * kSecond));
  window.take(5 * kSecond, 60);
  window.take(8 * kSecond, 30);
  EXPECT_EQ(window.level(8 * kSecond), 10);
  EXPECT_EQ(window.ready_at(9 * kSecond, 11), 15 * kSecond);
  EXPECT_EQ(window.ready_at(9 * kSecond, 70), 15 * kSecond);
  EXPECT_EQ(window.ready_at(9 * kSecond, 71), 18 * kSecond);
  EXPECT_EQ(window.level(15 * kSecond - 1), 10);
  EXPECT_EQ(window.level(15 * kSecond), 70);
  EXPECT_EQ(window.level(18 * kSecond), 100);
}

// Closed: one client asks again as soon as it is answered. `sliding_window` lets through half.
TEST(SlidingLogRule, OfALimitOfOneRequestItLetsThroughExactlyOnePerWindow) {
  const auto passed_in_100_windows = [](const Throttle& settings) {
    OneKey window(settings);
    std::int64_t passed = 0;
    for (std::int64_t now_ns = 0; now_ns < 100 * kSecond; ++passed) {
      window.take(now_ns, 1);
      window.settle(now_ns + kMillisecond, now_ns, 1, 1);
      now_ns = window.ready_at(now_ns + kMillisecond, 1);
    }
    return passed;
  };
  EXPECT_EQ(passed_in_100_windows(logged(1, kSecond)), 100);
  EXPECT_EQ(passed_in_100_windows(sliding(1, kSecond)), 50);
}

TEST(SlidingLogRule, WhatComesBackIsTakenFromTheRequestThatTookIt) {
  OneKey window(logged(100, 10 * kSecond));
  window.take(0, 40);
  window.take(0, 20);
  window.take(5 * kSecond, 40);
  window.settle(6 * kSecond, 0, 40, 10);
  EXPECT_EQ(window.level(6 * kSecond), 30);
  EXPECT_EQ(window.level(10 * kSecond), 60);
  window.refund(12 * kSecond, 0, 20);
  EXPECT_EQ(window.level(12 * kSecond), 60) << "nobody counts that any more";
  window.settle(12 * kSecond, 5 * kSecond, 40, 0);
  EXPECT_EQ(window.level(12 * kSecond), 100);
}

TEST(SlidingLogRule, InheritSaysWhatBecomesOfWhatWasUsed) {
  const auto level_after = [](Inherit inherit, double limit) {
    OneKey window(logged(1000, 10 * kSecond));
    window.take(0, 400);
    window.take(5 * kSecond, 200);
    window.set(5 * kSecond, logged(limit, 10 * kSecond), inherit);
    return window.level(5 * kSecond);
  };
  EXPECT_EQ(level_after(Inherit::as_is, 2000), 1400);
  EXPECT_EQ(level_after(Inherit::additive, 2000), 1400);
  EXPECT_EQ(level_after(Inherit::proportional, 2000), 800);
  EXPECT_EQ(level_after(Inherit::reset, 2000), 2000);
  EXPECT_EQ(level_after(Inherit::as_is, 100), -500);
}

TEST(SlidingLogRule, ANewLengthHoldsForWhatStillCounts) {
  OneKey window(logged(100, 10 * kSecond));
  window.take(0, 40);
  window.take(5 * kSecond, 30);
  window.set(12 * kSecond, logged(100, 60 * kSecond));
  EXPECT_EQ(window.level(12 * kSecond), 70) << "what is over does not come back";
  EXPECT_EQ(window.ready_at(12 * kSecond, 100), 65 * kSecond);
  window.set(13 * kSecond, logged(100, kSecond));
  EXPECT_EQ(window.level(13 * kSecond), 100);
}

RC_GTEST_PROP(SlidingLogRule, NoWindowWhereverItBeginsExceedsTheLimit, ()) {
  OneKey window(logged(100, kSecond));
  std::map<std::int64_t, std::int64_t> used;  // by instant
  std::int64_t now_ns = 0;
  for (int i = *rc::gen::inRange(1, 60); i > 0; --i) {
    const auto cost = *rc::gen::inRange<std::int64_t>(1, 101);
    now_ns += *rc::gen::inRange<std::int64_t>(0, kSecond / 2);
    const std::int64_t ready_ns = window.ready_at(now_ns, cost);
    const auto used_in_window_at = [&](std::int64_t end_ns) {
      std::int64_t units = 0;
      for (auto at = used.upper_bound(end_ns - kSecond); at != used.end(); ++at) {
        units += at->second;
      }
      return units;
    };
    // It lets through whatever fits, at the first instant.
    RC_ASSERT(used_in_window_at(ready_ns) + cost <= 100);
    if (ready_ns > now_ns) RC_ASSERT(used_in_window_at(ready_ns - 1) + cost > 100);
    now_ns = ready_ns;
    window.take(now_ns, cost);
    used[now_ns] += cost;
  }
}

// ---------------------------------------------------------- acceleration limit

TEST(AccelerationLimitRule, LetsUseRiseByItsFactorFromOneWindowToTheNext) {
  OneKey limit(acceleration(100, 1.5, kSecond));
  limit.take(0, 100);
  EXPECT_EQ(limit.ready_at(0, 1), kSecond);
  EXPECT_EQ(limit.level(kSecond), 150);
  limit.take(kSecond, 100);
  limit.take(kSecond, 50);
  EXPECT_EQ(limit.level(2 * kSecond), 225);
  EXPECT_EQ(limit.level(3 * kSecond), 100) << "a pause starts again";
}

TEST(AccelerationLimitRule, AlwaysHasItsLimit) {
  OneKey limit(acceleration(100, 1.5, kSecond));
  limit.take(0, 10);
  EXPECT_EQ(limit.level(kSecond), 100) << "not 15";
}

TEST(AccelerationLimitRule, FitsWhatAWindowAlwaysHas) {
  OneKey limit(acceleration(100, 2, kSecond));
  limit.take(0, 100);
  EXPECT_EQ(limit.level(kSecond), 200);
  EXPECT_FALSE(limit.fits(101)) << "after a pause it could never pass";
  EXPECT_EQ(limit.ready_at(kSecond, 101), kNever);
}

TEST(AccelerationLimitRule, WhatComesBackAfterTheWindowChangesNothing) {
  OneKey limit(acceleration(100, 2, kSecond));
  limit.take(0, 60);
  limit.settle(kSecond / 2, 0, 60, 40);
  limit.take(kSecond / 2, 50);
  EXPECT_EQ(limit.level(kSecond / 2), 10);
  limit.settle(kSecond, kSecond / 2, 50, 0);
  EXPECT_EQ(limit.level(kSecond), 180) << "twice 90";
}

TEST(AccelerationLimitRule, InheritSaysWhatBecomesOfWhatWasUsed) {
  const auto level_after = [](Inherit inherit, double limit) {
    OneKey window(acceleration(100, 2, kSecond));
    window.take(0, 100);
    window.take(kSecond, 80);
    window.set(kSecond, acceleration(limit, 2, kSecond), inherit);
    return window.level(kSecond);
  };
  EXPECT_EQ(level_after(Inherit::as_is, 150), 120) << "200 - 80";
  EXPECT_EQ(level_after(Inherit::additive, 150), 120);
  EXPECT_EQ(level_after(Inherit::as_is, 300), 220) << "300 - 80";
  EXPECT_EQ(level_after(Inherit::proportional, 150), 180) << "300 - 120";
  EXPECT_EQ(level_after(Inherit::reset, 150), 150);
}

TEST(AccelerationLimitRule, NothingComesBackFromBeforeAReset) {
  OneKey limit(acceleration(100, 2, kSecond));
  limit.take(0, 40);
  limit.set(1, acceleration(100, 2, kSecond), Inherit::reset);
  limit.take(2, 100);
  limit.settle(2, 0, 40, 0);
  EXPECT_EQ(limit.level(2), 0);
}

TEST(AccelerationLimitRule, ANewLengthKeepsWhatWasUsed) {
  OneKey limit(acceleration(100, 2, kSecond));
  limit.take(0, 100);
  limit.take(kSecond, 50);
  limit.set(kSecond, acceleration(100, 2, 3 * kSecond));
  EXPECT_EQ(limit.level(kSecond), 150);
  EXPECT_EQ(limit.level(3 * kSecond), 100) << "twice 50";
}

RC_GTEST_PROP(AccelerationLimitRule, NoWindowExceedsItsAllowance, ()) {
  const double rise = *rc::gen::inRange(0, 400) / 100.0;
  OneKey limit(acceleration(100, rise, kSecond));
  std::map<std::int64_t, std::int64_t> used;
  std::int64_t now_ns = 0;
  for (int i = *rc::gen::inRange(1, 60); i > 0; --i) {
    const auto cost = *rc::gen::inRange<std::int64_t>(1, 101);
    now_ns += *rc::gen::inRange<std::int64_t>(0, kSecond / 2);
    now_ns = limit.ready_at(now_ns, cost);
    limit.take(now_ns, cost);
    used[now_ns / kSecond] += cost;
  }
  for (const auto& [index, units] : used) {
    const auto before = used.find(index - 1);
    const double risen = before == used.end() ? 0 : rise * static_cast<double>(before->second);
    RC_ASSERT(static_cast<double>(units) <= std::max(100.0, risen) + 1e-6);
  }
}

}  // namespace
}  // namespace tokenlift::window_test
