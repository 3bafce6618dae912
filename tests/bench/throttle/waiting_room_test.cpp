// The waiting room by examples: what is taken and given back, who waits for how long, and all kinds
// of limits. Who goes first is in queue_order_test.cpp, what holds whatever happens in
// room_properties_test.cpp.

#include "bench/throttle/waiting_room.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/bench/throttle/small_room.hpp"

namespace tokenlift::waiting_room_test {
namespace {

TEST(WaitingRoom, AdmitsAtOnceWhereNothingLimits) {
  Room r(std::vector<Throttle>{});
  EXPECT_EQ(r.arrive(0, r.request(10, 10, 10)), Verdict::admitted);
  EXPECT_EQ(r.room.next_event_ns(), kNever);
}

TEST(WaitingRoom, EachUnitChargesItsOwnCost) {
  Room r({throttle(Unit::requests, 1, 10, WhenFull::queue),
          throttle(Unit::input_tokens, 1, 1000, WhenFull::queue),
          throttle(Unit::output_tokens, 1, 1000, WhenFull::queue)});
  EXPECT_EQ(r.arrive(0, r.request(70, 5, 200)), Verdict::admitted);
  EXPECT_EQ(r.level(0, 0), 9);
  EXPECT_EQ(r.level(1, 0), 930);
  EXPECT_EQ(r.level(2, 0), 800) << "output is reserved from max_tokens";
}

TEST(WaitingRoom, SettlesOutputTokensOnlyAndOnlyWhatWasNotUsed) {
  Room r({throttle(Unit::requests, 1, 10, WhenFull::queue),
          throttle(Unit::output_tokens, 1, 1000, WhenFull::queue)});
  const RequestId id = r.request(70, 50, 200);
  r.arrive(0, id);
  r.settle(0, id);
  EXPECT_EQ(r.level(0, 0), 9);
  EXPECT_EQ(r.level(1, 0), 950);
}

TEST(WaitingRoom, ARefusalByOneLeavesTheOthersAsTheyWere) {
  Room r({throttle(Unit::requests, 1, 10, WhenFull::reject),
          throttle(Unit::output_tokens, 1, 100, WhenFull::reject)});
  EXPECT_EQ(r.arrive(0, r.request(1, 60, 60)), Verdict::admitted);
  EXPECT_EQ(r.arrive(0, r.request(1, 60, 60)), Verdict::rejected);
  EXPECT_EQ(r.level(0, 0), 9);
}

TEST(WaitingRoom, WaitersLeaveInOrderWhenTheBucketAllows) {
  Room r({throttle(Unit::output_tokens, 100, 100, WhenFull::queue)});
  EXPECT_EQ(r.arrive(0, r.request(1, 100, 100)), Verdict::admitted);
  const RequestId large = r.request(1, 100, 100);
  const RequestId small = r.request(1, 1, 1);
  EXPECT_EQ(r.arrive(0, large), Verdict::waiting);
  EXPECT_EQ(r.arrive(kSecond / 2, small), Verdict::waiting) << "nobody overtakes the line";
  EXPECT_EQ(r.room.backlog_tokens(), 101);
  EXPECT_EQ(r.room.next_event_ns(), kSecond);
  EXPECT_FALSE(r.release(kSecond - 1));
  auto released = r.release(kSecond);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->id, large);
  EXPECT_EQ(r.room.next_event_ns(), kSecond + kSecond / 100);
  EXPECT_FALSE(r.release(kSecond));
  released = r.release(kSecond + kSecond / 100);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->id, small);
  EXPECT_EQ(r.room.backlog_tokens(), 0);
}

TEST(WaitingRoom, ExpiresAtTheLongestWait) {
  Room r({throttle(Unit::output_tokens, 10, 100, WhenFull::queue, 2 * kSecond)});
  r.arrive(0, r.request(1, 100, 100));
  const RequestId id = r.request(1, 100, 100);
  r.arrive(0, id);
  EXPECT_EQ(r.room.next_event_ns(), 2 * kSecond);
  const auto released = r.release(2 * kSecond);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->decision.verdict, Verdict::expired);
  EXPECT_EQ(r.level(0, 2 * kSecond), 20) << "an expired request takes nothing";
}

TEST(WaitingRoom, WhoWasReadyBeforeTheDeadlineGoesEvenIfWeLookLate) {
  Room r({throttle(Unit::output_tokens, 100, 100, WhenFull::queue, kSecond + 1)});
  const RequestId first = r.request(1, 50, 100);
  r.arrive(0, first);
  r.arrive(0, r.request(1, 100, 100));  // ready at 1 s, gives up just after
  // We look late: first at who was due before.
  const auto released = r.release(kSecond + 499);
  r.settle(kSecond + 500, first);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->decision.verdict, Verdict::admitted);
}

// Ready at 1 s and at 2 s, giving up at 2.5 s: looked at only at 2.6 s, both go, as they would
// have.
TEST(WaitingRoom, LookingLateMakesNobodyExpireWhoWouldHaveGoneInTime) {
  Room r({throttle(Unit::output_tokens, 100, 100, WhenFull::queue, kSecond * 5 / 2)});
  r.arrive(0, r.request(1, 100, 100));
  r.arrive(0, r.request(1, 100, 100));
  r.arrive(0, r.request(1, 100, 100));
  r.arrive(0, r.request(1, 100, 100));  // would be ready at 3 s: too late
  const std::int64_t late_ns = kSecond * 26 / 10;
  EXPECT_EQ(r.release(late_ns)->decision.verdict, Verdict::admitted);
  EXPECT_EQ(r.release(late_ns)->decision.verdict, Verdict::admitted);
  EXPECT_EQ(r.release(late_ns)->decision.verdict, Verdict::expired);
  EXPECT_FALSE(r.release(late_ns));
}

TEST(WaitingRoom, ASettingAfterALiftLimitsAgain) {
  Throttle limit = throttle(Unit::requests, 1, 1, WhenFull::reject);
  Room r({limit});
  r.apply(0, change(limit, /*lifted=*/true));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(r.arrive(0, r.request(1, 1, 1)), Verdict::admitted);
  limit.rate.per_s = 2;
  r.apply(0, change(limit));
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1)), Verdict::admitted) << "the one unit it had";
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1)), Verdict::rejected);
  EXPECT_EQ(r.arrive(kSecond / 2, r.request(1, 1, 1)), Verdict::admitted);
}

TEST(WaitingRoom, ARefundLetsTheHeadGoAtOnce) {
  Room r({throttle(Unit::output_tokens, 1, 100, WhenFull::queue)});
  const RequestId first = r.request(1, 10, 100);
  r.arrive(0, first);
  const RequestId second = r.request(1, 10, 90);
  r.arrive(0, second);
  EXPECT_FALSE(r.release(5));
  r.settle(5, first);
  const auto released = r.release(5);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->id, second);
}

TEST(WaitingRoom, ALiftReleasesEverybodyInOrderAtThatInstant) {
  const Throttle limit = throttle(Unit::output_tokens, 1, 100, WhenFull::queue);
  Room r({limit});
  r.arrive(0, r.request(1, 100, 100));
  std::vector<RequestId> waiting;
  for (int i = 0; i < 50; ++i) {
    waiting.push_back(r.request(1, 100, 100));
    ASSERT_EQ(r.arrive(i, waiting.back()), Verdict::waiting);
  }
  r.apply(100, change(limit, /*lifted=*/true));
  for (const RequestId id : waiting) {
    const auto released = r.release(100);
    ASSERT_TRUE(released);
    EXPECT_EQ(released->id, id);
    EXPECT_EQ(r.requests[id].reserved_by, 0U) << "nothing reserved, nothing to settle";
  }
  EXPECT_FALSE(r.release(100));
  EXPECT_EQ(r.arrive(100, r.request(1, 100, 100)), Verdict::admitted);
}

TEST(WaitingRoom, ANewSettingMovesTheHeadsInstant) {
  Throttle limit = throttle(Unit::output_tokens, 1, 100, WhenFull::queue);
  Room r({limit});
  r.arrive(0, r.request(1, 100, 100));
  r.arrive(0, r.request(1, 100, 100));
  EXPECT_EQ(r.room.next_event_ns(), 100 * kSecond);
  limit.rate.per_s = 100;
  r.apply(0, change(limit));
  EXPECT_EQ(r.room.next_event_ns(), kSecond);
}

// ------------------------------------------------------------------- limits of all other kinds

TEST(WaitingRoom, AConcurrencyLimitLetsTheNextOneGoWhenOneEnds) {
  Throttle limit;
  limit.name = "in flight";
  limit.kind = ThrottleKind::concurrency;
  limit.unit = Unit::requests;
  limit.limit = 1;
  Room r({limit});
  const RequestId first = r.request(1, 1, 1);
  const RequestId second = r.request(1, 1, 1);
  EXPECT_EQ(r.arrive(0, first), Verdict::admitted);
  EXPECT_EQ(r.arrive(0, second), Verdict::waiting);
  EXPECT_EQ(r.room.next_event_ns(), kNever) << "time alone does not help";
  r.settle(7, first);
  EXPECT_EQ(r.room.next_event_ns(), 7);
  EXPECT_EQ(r.release(7)->id, second);
}

TEST(WaitingRoom, WhoHasToWaitIsCountedWhereItIsHeldLongest) {
  Room r({throttle(Unit::requests, 2, 1, WhenFull::queue),
          throttle(Unit::requests, 1, 1, WhenFull::queue),
          throttle(Unit::requests, 4, 1, WhenFull::queue)});
  r.arrive(0, r.request(1, 1, 1));
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1)), Verdict::waiting);
  EXPECT_EQ(r.counts[0].held, 0U);
  EXPECT_EQ(r.counts[1].held, 1U);
  EXPECT_EQ(r.counts[2].held, 0U);
}

TEST(WaitingRoom, WhoWaitsBehindSomebodyIsCountedWhereThatOneIsHeld) {
  Room r(two_tenants({throttle(Unit::requests, 100, 100, WhenFull::queue),
                      throttle(Unit::output_tokens, 1, 100, WhenFull::queue)}));
  r.arrive(0, r.request(1, 60, 60, 0));
  EXPECT_EQ(r.arrive(1, r.request(1, 100, 100, 0)), Verdict::waiting);
  EXPECT_EQ(r.counts[1].held, 1U);
  EXPECT_EQ(r.arrive(2, r.request(1, 10, 10, 1)), Verdict::waiting) << "it is small enough itself";
  EXPECT_EQ(r.counts[0].held, 0U);
  EXPECT_EQ(r.counts[1].held, 2U);
}

// The first one is held by its tokens, until somebody more important takes the last request.
TEST(WaitingRoom, WhoWaitsBehindSomebodyIsCountedWhereThatOneIsHeldByThen) {
  Throttle some = throttle(Unit::requests, 0.1, 1, WhenFull::queue);
  some.tenants = {"first", "second"};
  Scenario scenario = two_tenants({throttle(Unit::output_tokens, 10, 100, WhenFull::queue), some});
  scenario.tenants[1].priority = 1;
  scenario.tenants.push_back(scenario.tenants[0]);
  scenario.tenants[2].name = "third";
  scenario.queue_order = QueueOrder::priority;
  Room r(scenario);
  EXPECT_EQ(r.arrive(0, r.request(1, 50, 50, 2)), Verdict::admitted);
  EXPECT_EQ(r.arrive(0, r.request(1, 60, 60, 0)), Verdict::waiting);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 1)), Verdict::admitted);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 2)), Verdict::waiting);
  EXPECT_EQ(r.counts[0].held, 1U);
  EXPECT_EQ(r.counts[1].held, 1U);
}

TEST(WaitingRoom, AQueueLimitRejectsWhoWouldMakeTheLineTooLong) {
  Throttle line;
  line.name = "line";
  line.kind = ThrottleKind::queue_limit;
  line.unit = Unit::requests;
  line.limit = 2;
  line.max_wait_ns = kSecond / 2;
  Room r({throttle(Unit::requests, 1, 1, WhenFull::queue), line});
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1)), Verdict::admitted);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1)), Verdict::waiting);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1)), Verdict::waiting);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1)), Verdict::rejected);
  EXPECT_EQ(r.counts[1].rejected, 1U);
  EXPECT_EQ(r.counts[0].held, 2U);
  const auto gone = r.release(kSecond / 2);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->decision.verdict, Verdict::expired) << "by time";
  EXPECT_EQ(r.requests[gone->id].reserved_by, 0U) << "it may come back, and owes nothing";
  EXPECT_EQ(r.release(kSecond / 2)->decision.verdict, Verdict::expired);
  EXPECT_EQ(r.arrive(kSecond / 2, r.request(1, 1, 1)), Verdict::waiting) << "there is room again";
}

TEST(WaitingRoom, AShadowCountsAndRefusesNothing) {
  Throttle limit = throttle(Unit::requests, 1, 2, WhenFull::reject);
  limit.mode = Mode::shadow;
  Room r({limit});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(r.arrive(0, r.request(1, 1, 1)), Verdict::admitted);
  EXPECT_EQ(r.counts[0].admitted, 2U);
  EXPECT_EQ(r.counts[0].shadowed, 3U);
  EXPECT_EQ(r.counts[0].rejected, 0U);
}

TEST(WaitingRoom, WhatCostsMoreThanTheBurstIsAPermanentErrorAtOnce) {
  for (const WhenFull when_full : {WhenFull::queue, WhenFull::reject}) {
    Room r({throttle(Unit::output_tokens, 1, 100, when_full)});
    const Decision decision = r.room.arrive(0, r.request(1, 1, 101));
    EXPECT_EQ(decision.verdict, Verdict::rejected);
    EXPECT_TRUE(decision.permanent);
    EXPECT_FALSE(decision.retry_at_ns);
  }
}

TEST(WaitingRoom, AWaiterThatAChangeMakesTooLargeIsToldSo) {
  Throttle limit = throttle(Unit::output_tokens, 1, 100, WhenFull::queue);
  Room r({limit});
  r.arrive(0, r.request(1, 100, 100));
  const RequestId large = r.request(1, 100, 100);
  const RequestId small = r.request(1, 10, 10);
  r.arrive(0, large);
  r.arrive(0, small);
  limit.burst.units = 50;
  r.apply(kSecond, change(limit));
  const auto released = r.release(kSecond);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->id, large);
  EXPECT_TRUE(released->decision.permanent);
  EXPECT_EQ(r.release(10 * kSecond)->id, small);
}

TEST(WaitingRoom, ARejectionSaysWhenToComeBack) {
  Room r({throttle(Unit::requests, 1, 1, WhenFull::reject),
          throttle(Unit::output_tokens, 10, 100, WhenFull::reject)});
  r.arrive(0, r.request(1, 50, 50));
  const Decision decision = r.room.arrive(0, r.request(1, 80, 80));
  EXPECT_EQ(decision.verdict, Verdict::rejected);
  EXPECT_EQ(decision.retry_at_ns, 3 * kSecond) << "80 - 50 units at 10/s, later than the request";
  EXPECT_EQ(r.arrive(3 * kSecond - 1, r.request(1, 80, 80)), Verdict::rejected);
  EXPECT_EQ(r.arrive(3 * kSecond, r.request(1, 80, 80)), Verdict::admitted);
}

TEST(WaitingRoom, InPeakHoursAUnitCostsMoreAndComesBackAsItWasTaken) {
  const Throttle limit = throttle(Unit::output_tokens, 1e-3, 100, WhenFull::reject);
  Room r({limit});
  Change peak = change(limit);
  peak.drain = 2;
  r.apply(0, peak);
  const RequestId id = r.request(1, 10, 30);
  EXPECT_EQ(r.arrive(1, id), Verdict::admitted);
  EXPECT_EQ(r.level(0, 1), 40);
  r.apply(2, change(limit));
  r.settle(3, id);
  EXPECT_NEAR(r.level(0, 3), 80, 1e-6) << "20 of 30 tokens came back, at 2 units each";
  EXPECT_EQ(r.arrive(4, r.request(1, 30, 30)), Verdict::admitted);
  EXPECT_NEAR(r.level(0, 4), 50, 1e-6);
}

TEST(WaitingRoom, WhatWasReservedComesBackAsItWasChargedWhateverHoldsByThen) {
  Throttle limit = throttle(Unit::output_tokens, 1e-3, 100, WhenFull::reject);
  Room r({limit});
  const RequestId reserved = r.request(1, 10, 30);
  EXPECT_EQ(r.arrive(0, reserved), Verdict::admitted);
  limit.charge = Charge::after;
  r.apply(1, change(limit));
  const RequestId later = r.request(1, 20, 30);
  EXPECT_EQ(r.arrive(1, later), Verdict::admitted);
  EXPECT_NEAR(r.level(0, 1), 70, 1e-6);
  limit.charge = Charge::reserve;
  r.apply(2, change(limit));
  r.settle(3, reserved);
  EXPECT_NEAR(r.level(0, 3), 90, 1e-6) << "20 of 30 came back";
  r.settle(3, later);
  EXPECT_NEAR(r.level(0, 3), 70, 1e-6) << "charged now";
}

// Else what comes back later would count in a window in which it was not taken.
TEST(WaitingRoom, WhoIsReleasedLateWasAdmittedWhenHeWasDueToGo) {
  Room r({throttle(Unit::requests, 1, 1, WhenFull::queue)});
  r.arrive(0, r.request(1, 1, 1));
  const RequestId id = r.request(1, 1, 1);
  r.arrive(0, id);
  EXPECT_EQ(r.release(kSecond + 500)->id, id);
  EXPECT_EQ(r.requests[id].admitted_ns, kSecond);
}

TEST(WaitingRoom, CachedInputComesBackWhenTheRequestIsScheduled) {
  Throttle limit = throttle(Unit::tokens, 1e-3, 1000, WhenFull::reject);
  limit.exempt_cached = true;
  Room r({limit});
  const RequestId id = r.request(500, 10, 100);
  r.arrive(0, id);
  EXPECT_EQ(r.level(0, 0), 400);
  r.room.scheduled(1, id, 300);
  EXPECT_NEAR(r.level(0, 1), 700, 1e-6);
  r.room.settle(2, id, {10, 300, -1});
  EXPECT_NEAR(r.level(0, 2), 790, 1e-6);
  EXPECT_EQ(r.counts[0].taken_units(), 600);
  EXPECT_EQ(r.counts[0].refunded_units(), 390);
}

TEST(WaitingRoom, OutputChargedAfterIsNotReservedBefore) {
  Throttle limit = throttle(Unit::output_tokens, 1, 100, WhenFull::reject);
  limit.charge = Charge::after;
  Room r({limit});
  const RequestId first = r.request(1, 150, 200);
  EXPECT_EQ(r.arrive(0, first), Verdict::admitted);
  EXPECT_EQ(r.level(0, 0), 100);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 200)), Verdict::admitted) << "nothing is known yet";
  r.settle(0, first);
  EXPECT_EQ(r.level(0, 0), -50);
  EXPECT_EQ(r.counts[0].taken_units(), 150) << "what it came to";
  EXPECT_EQ(r.room.arrive(0, r.request(1, 1, 200)).retry_at_ns, 50 * kSecond + 1)
      << "the first instant with anything left";
}

TEST(WaitingRoom, AClientWhoLosesPatienceLeaves) {
  Room r({throttle(Unit::requests, 1, 1, WhenFull::queue, 5 * kSecond)});
  r.arrive(0, r.request(1, 1, 1));
  const RequestId stays = r.request(1, 1, 1);
  const RequestId leaves = r.request(1, 1, 1);
  const RequestId expires = r.request(1, 1, 1);
  r.arrive(0, stays);
  r.arrive(0, leaves, {kSecond / 2, Verdict::cancelled});
  r.arrive(0, expires, {kSecond / 4, Verdict::expired});
  auto released = r.release(kSecond);
  EXPECT_EQ(released->id, expires);
  EXPECT_EQ(released->decision.verdict, Verdict::expired);
  released = r.release(kSecond);
  EXPECT_EQ(released->id, leaves) << "from the middle of the line";
  EXPECT_EQ(released->decision.verdict, Verdict::cancelled);
  EXPECT_EQ(r.release(kSecond)->id, stays);
  EXPECT_EQ(r.room.waiting(), 0U);
  EXPECT_EQ(r.room.backlog_tokens(), 0);
}

TEST(WaitingRoom, WhoMayGoInTheInstantInWhichItWouldLeaveGoes) {
  Room r({throttle(Unit::requests, 1, 1, WhenFull::queue)});
  r.arrive(0, r.request(1, 1, 1));
  const RequestId first = r.request(1, 1, 1);
  const RequestId second = r.request(1, 1, 1);
  r.arrive(0, first, {kSecond, Verdict::expired});
  r.arrive(0, second, {kSecond, Verdict::cancelled});
  auto released = r.release(kSecond);
  EXPECT_EQ(released->id, first);
  EXPECT_EQ(released->decision.verdict, Verdict::admitted);
  released = r.release(kSecond);
  EXPECT_EQ(released->id, second);
  EXPECT_EQ(released->decision.verdict, Verdict::cancelled);
}

TEST(WaitingRoom, ANewLongestWaitHoldsForThoseWhoWaitAlready) {
  Throttle lifted = throttle(Unit::requests, 1, 1, WhenFull::queue, kSecond);
  Throttle other = throttle(Unit::requests, 0.1, 1, WhenFull::queue);
  Room r({lifted, other});
  r.arrive(0, r.request(1, 1, 1));
  const RequestId waits = r.request(1, 1, 1);
  r.arrive(0, waits);
  r.apply(kSecond / 2, change(lifted, /*lifted=*/true));
  EXPECT_FALSE(r.release(5 * kSecond)) << "the lifted one sends nobody away";
  Change shorter = change(other);
  shorter.throttle = 1;
  shorter.settings.max_wait_ns = 6 * kSecond;
  r.apply(5 * kSecond, shorter);
  const auto gone = r.release(7 * kSecond);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->id, waits);
  EXPECT_EQ(gone->decision.verdict, Verdict::expired);
}

TEST(WaitingRoom, WhoWaitsBehindHisOwnUserIsCountedWhereThatOneIsHeld) {
  Throttle limit = throttle(Unit::output_tokens, 1, 100, WhenFull::queue);
  limit.scope = Scope::user;
  Room r(two_tenants({limit}));
  r.arrive(0, r.request(1, 60, 60));
  r.arrive(0, r.request(1, 100, 100));
  EXPECT_EQ(r.arrive(0, r.request(1, 10, 10)), Verdict::waiting) << "small enough itself";
  EXPECT_EQ(r.counts[0].held, 2U);
}

TEST(WaitingRoom, ChangesOfOneInstantAreAppliedTogether) {
  Throttle one = throttle(Unit::requests, 1, 1, WhenFull::queue);
  one.name = "one";
  Throttle two = throttle(Unit::requests, 1, 1, WhenFull::queue);
  two.name = "two";
  Room r({one, two});
  r.arrive(0, r.request(1, 1, 1));
  r.arrive(0, r.request(1, 1, 1));
  Change lift_one = change(one, /*lifted=*/true);
  Change lift_two = change(two, /*lifted=*/true);
  lift_two.throttle = 1;
  r.room.apply(5, std::vector{lift_one, lift_two});
  EXPECT_EQ(r.room.next_event_ns(), 5);
  EXPECT_TRUE(r.release(5));
}

TEST(WaitingRoom, WhatPassedAtTheInstantOfAChangeButBeforeItGoesBackToTheFormerLimit) {
  Throttle limit = throttle(Unit::requests, 1, 1, WhenFull::queue);
  limit.kind = ThrottleKind::concurrency;
  limit.limit = 1;
  Room r({limit});
  const RequestId first = r.request(1, 1, 1);
  ASSERT_EQ(r.arrive(kSecond, first), Verdict::admitted);
  r.room.remember(0);
  r.apply(kSecond, change(limit, /*lifted=*/true));
  r.settle(2 * kSecond, first);
  r.arrive(2 * kSecond, r.request(1, 1, 1));
  EXPECT_FALSE(r.room.unlocked()) << "one in flight: the old limit would have let it through";
  r.arrive(2 * kSecond, r.request(1, 1, 1));
  EXPECT_TRUE(r.room.unlocked());
}

TEST(WaitingRoom, PeakHoursGoOnForTheFormerLimit) {
  Throttle limit = throttle(Unit::requests, 1, 1, WhenFull::queue);
  limit.kind = ThrottleKind::concurrency;
  limit.limit = 2;
  Room r({limit});
  r.room.remember(0);
  Change lift = change(limit, /*lifted=*/true);
  r.apply(kSecond, lift);
  lift.drain = 2;  // peak hours begin
  r.apply(2 * kSecond, lift);
  r.arrive(3 * kSecond, r.request(1, 1, 1));
  EXPECT_FALSE(r.room.unlocked());
  r.arrive(3 * kSecond, r.request(1, 1, 1));
  EXPECT_TRUE(r.room.unlocked()) << "each takes two of two";
}

// As somebody is told of it who watches: of several tenants the one counts who has least left.
TEST(WaitingRoom, SaysWhatIsLeftOfEachThrottle) {
  Scenario scenario;
  scenario.tenants.resize(3);
  for (Tenant& tenant : scenario.tenants) tenant.users = 1;
  scenario.tenants[0].name = "a";
  scenario.tenants[1].name = "b";
  scenario.tenants[2].name = "c";
  scenario.throttles = {throttle(Unit::requests, 1, 5, WhenFull::reject),
                        throttle(Unit::output_tokens, 10, 100, WhenFull::reject)};
  scenario.throttles[1].scope = Scope::tenant;
  Room room(scenario);
  const auto level = [&](std::size_t number, std::int64_t now_ns) {
    return room.room.gates()[number].level(now_ns);
  };
  EXPECT_EQ(level(0, 0).left_units, 5);
  EXPECT_EQ(level(1, 0).left_units, 100);
  ASSERT_EQ(room.arrive(0, room.request(1, 30, 30, 0)), Verdict::admitted);
  ASSERT_EQ(room.arrive(0, room.request(1, 70, 70, 1)), Verdict::admitted);
  EXPECT_EQ(level(0, 0).left_units, 3);
  EXPECT_EQ(level(0, 0).most_units, 5);
  EXPECT_EQ(level(1, 0).left_units, 30);
  EXPECT_EQ(level(1, kSecond).left_units, 40);
  Change lift;
  lift.settings = scenario.throttles[0];
  lift.lifted = true;
  room.apply(kSecond, lift);
  EXPECT_TRUE(level(0, kSecond).is_lifted);
  EXPECT_FALSE(level(0, kSecond).left_units);
  EXPECT_FALSE(level(1, kSecond).is_lifted);
}

}  // namespace
}  // namespace tokenlift::waiting_room_test
