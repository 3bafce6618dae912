#include "bench/waiting_room.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace tokenlift {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Throttle throttle(Unit unit, double rate_per_s, double burst, WhenFull when_full,
                  std::optional<std::int64_t> max_wait_ns = std::nullopt) {
  Throttle spec;
  spec.name = "limit";
  spec.unit = unit;
  spec.rate.per_s = rate_per_s;
  spec.burst.units = burst;
  spec.when_full = when_full;
  spec.max_wait_ns = max_wait_ns;
  return spec;
}

class Room {
 public:
  explicit Room(const std::vector<Throttle>& throttles) : room(throttles, requests) {}

  RequestId request(std::int32_t prompt, std::int32_t output, std::int32_t max) {
    Request r;
    r.prompt_tokens = prompt;
    r.output_tokens = output;
    r.max_tokens = max;
    return requests.add(r);
  }

  RequestTable requests;
  WaitingRoom room;
};

TEST(WaitingRoom, AdmitsAtOnceWhereNothingLimits) {
  Room r({});
  EXPECT_EQ(r.room.arrive(0, r.request(10, 10, 10)), Verdict::admitted);
  EXPECT_EQ(r.room.next_event_ns(), kNever);
}

TEST(WaitingRoom, EachUnitChargesItsOwnCost) {
  Room r({throttle(Unit::requests, 1, 10, WhenFull::queue),
          throttle(Unit::input_tokens, 1, 1000, WhenFull::queue),
          throttle(Unit::output_tokens, 1, 1000, WhenFull::queue)});
  EXPECT_EQ(r.room.arrive(0, r.request(70, 5, 200)), Verdict::admitted);
  EXPECT_EQ(r.room.bucket(0).level_units(0), 9);
  EXPECT_EQ(r.room.bucket(1).level_units(0), 930);
  EXPECT_EQ(r.room.bucket(2).level_units(0), 800) << "output is reserved from max_tokens";
}

TEST(WaitingRoom, SettlesOutputTokensOnlyAndOnlyWhatWasNotUsed) {
  Room r({throttle(Unit::requests, 1, 10, WhenFull::queue),
          throttle(Unit::output_tokens, 1, 1000, WhenFull::queue)});
  const RequestId id = r.request(70, 50, 200);
  r.room.arrive(0, id);
  r.room.settle(0, r.requests[id]);
  EXPECT_EQ(r.room.bucket(0).level_units(0), 9);
  EXPECT_EQ(r.room.bucket(1).level_units(0), 950);
}

TEST(WaitingRoom, ARefusalByOneLeavesTheOthersAsTheyWere) {
  Room r({throttle(Unit::requests, 1, 10, WhenFull::reject),
          throttle(Unit::output_tokens, 1, 100, WhenFull::reject)});
  EXPECT_EQ(r.room.arrive(0, r.request(1, 60, 60)), Verdict::admitted);
  EXPECT_EQ(r.room.arrive(0, r.request(1, 60, 60)), Verdict::rejected);
  EXPECT_EQ(r.room.bucket(0).level_units(0), 9);
}

TEST(WaitingRoom, WaitersLeaveInOrderWhenTheBucketAllows) {
  Room r({throttle(Unit::output_tokens, 100, 100, WhenFull::queue)});
  EXPECT_EQ(r.room.arrive(0, r.request(1, 100, 100)), Verdict::admitted);
  const RequestId large = r.request(1, 100, 100);
  const RequestId small = r.request(1, 1, 1);
  EXPECT_EQ(r.room.arrive(0, large), Verdict::waiting);
  EXPECT_EQ(r.room.arrive(kSecond / 2, small), Verdict::waiting) << "nobody overtakes the line";
  EXPECT_EQ(r.room.backlog_tokens(), 101);
  EXPECT_EQ(r.room.next_event_ns(), kSecond);
  EXPECT_FALSE(r.room.release(kSecond - 1));
  auto released = r.room.release(kSecond);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->id, large);
  EXPECT_EQ(r.room.next_event_ns(), kSecond + kSecond / 100);
  EXPECT_FALSE(r.room.release(kSecond));
  released = r.room.release(kSecond + kSecond / 100);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->id, small);
  EXPECT_EQ(r.room.backlog_tokens(), 0);
}

TEST(WaitingRoom, ExpiresAtTheLongestWait) {
  Room r({throttle(Unit::output_tokens, 10, 100, WhenFull::queue, 2 * kSecond)});
  r.room.arrive(0, r.request(1, 100, 100));
  const RequestId id = r.request(1, 100, 100);
  r.room.arrive(0, id);
  EXPECT_EQ(r.room.next_event_ns(), 2 * kSecond);
  const auto released = r.room.release(2 * kSecond);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->verdict, Verdict::expired);
  EXPECT_EQ(r.room.bucket(0).level_units(2 * kSecond), 20) << "an expired request takes nothing";
}

TEST(WaitingRoom, WhoWasReadyBeforeTheDeadlineGoesEvenIfWeLookLate) {
  Room r({throttle(Unit::output_tokens, 100, 100, WhenFull::queue, kSecond + 1)});
  const RequestId first = r.request(1, 50, 100);
  r.room.arrive(0, first);
  r.room.arrive(0, r.request(1, 100, 100));         // ready at 1 s, gives up just after
  r.room.settle(kSecond + 500, r.requests[first]);  // seen late, after it had become ready
  const auto released = r.room.release(10 * kSecond);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->verdict, Verdict::admitted);
}

// Ready at 1 s and at 2 s, giving up at 2.5 s: looked at only at 2.6 s, both go, as they would
// have.
TEST(WaitingRoom, LookingLateMakesNobodyExpireWhoWouldHaveGoneInTime) {
  Room r({throttle(Unit::output_tokens, 100, 100, WhenFull::queue, kSecond * 5 / 2)});
  r.room.arrive(0, r.request(1, 100, 100));
  r.room.arrive(0, r.request(1, 100, 100));
  r.room.arrive(0, r.request(1, 100, 100));
  r.room.arrive(0, r.request(1, 100, 100));  // would be ready at 3 s: too late
  const std::int64_t late_ns = kSecond * 26 / 10;
  EXPECT_EQ(r.room.release(late_ns)->verdict, Verdict::admitted);
  EXPECT_EQ(r.room.release(late_ns)->verdict, Verdict::admitted);
  EXPECT_EQ(r.room.release(late_ns)->verdict, Verdict::expired);
  EXPECT_FALSE(r.room.release(late_ns));
}

TEST(WaitingRoom, ASettingAfterALiftLimitsAgain) {
  Room r({throttle(Unit::requests, 1, 1, WhenFull::reject)});
  Event lift;
  lift.throttle = "limit";
  r.room.apply(0, lift);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(r.room.arrive(0, r.request(1, 1, 1)), Verdict::admitted);
  Event set;
  set.kind = EventKind::set;
  set.throttle = "limit";
  set.rate = Rate{{}, 2.0};
  r.room.apply(0, set);
  EXPECT_EQ(r.room.arrive(0, r.request(1, 1, 1)), Verdict::admitted) << "the one unit it had";
  EXPECT_EQ(r.room.arrive(0, r.request(1, 1, 1)), Verdict::rejected);
  EXPECT_EQ(r.room.arrive(kSecond / 2, r.request(1, 1, 1)), Verdict::admitted);
}

TEST(WaitingRoom, ARefundLetsTheHeadGoAtOnce) {
  Room r({throttle(Unit::output_tokens, 1, 100, WhenFull::queue)});
  const RequestId first = r.request(1, 10, 100);
  r.room.arrive(0, first);
  const RequestId second = r.request(1, 10, 90);
  r.room.arrive(0, second);
  EXPECT_FALSE(r.room.release(5));
  r.room.settle(5, r.requests[first]);
  const auto released = r.room.release(5);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->id, second);
}

TEST(WaitingRoom, ALiftReleasesEverybodyInOrderAtThatInstant) {
  Room r({throttle(Unit::output_tokens, 1, 100, WhenFull::queue)});
  r.room.arrive(0, r.request(1, 100, 100));
  std::vector<RequestId> waiting;
  for (int i = 0; i < 50; ++i) {
    waiting.push_back(r.request(1, 100, 100));
    ASSERT_EQ(r.room.arrive(i, waiting.back()), Verdict::waiting);
  }
  Event lift;
  lift.throttle = "limit";
  r.room.apply(100, lift);
  for (const RequestId id : waiting) {
    const auto released = r.room.release(100);
    ASSERT_TRUE(released);
    EXPECT_EQ(released->id, id);
    EXPECT_EQ(r.requests[id].reserved_by, 0U) << "nothing reserved, nothing to settle";
  }
  EXPECT_FALSE(r.room.release(100));
  EXPECT_EQ(r.room.arrive(100, r.request(1, 100, 100)), Verdict::admitted);
}

TEST(WaitingRoom, ANewSettingMovesTheHeadsInstant) {
  Room r({throttle(Unit::output_tokens, 1, 100, WhenFull::queue)});
  r.room.arrive(0, r.request(1, 100, 100));
  r.room.arrive(0, r.request(1, 100, 100));
  EXPECT_EQ(r.room.next_event_ns(), 100 * kSecond);
  Event set;
  set.kind = EventKind::set;
  set.throttle = "limit";
  set.rate = Rate{{}, 100.0};
  r.room.apply(0, set);
  EXPECT_EQ(r.room.next_event_ns(), kSecond);
}

// Raising the limit of a FIFO queue never lowers cumulative admissions, nor delays anybody.
RC_GTEST_PROP(WaitingRoom, RaisingALimitDelaysNobody, ()) {
  const auto costs = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 100));
  const auto gaps =
      *rc::gen::container<std::vector<int>>(costs.size(), rc::gen::inRange(0, 1'000'000'000));
  const auto rate = *rc::gen::inRange(1, 500);
  const auto admissions = [&](double rate_per_s) {
    Room r({throttle(Unit::output_tokens, rate_per_s, 100, WhenFull::queue)});
    std::vector<std::int64_t> at_ns(costs.size());
    std::int64_t now_ns = 0;
    const auto drain = [&](std::int64_t until_ns) {
      while (r.room.next_event_ns() <= until_ns) {
        const std::int64_t instant_ns = r.room.next_event_ns();
        at_ns[r.room.release(instant_ns)->id] = instant_ns;
      }
    };
    for (std::size_t i = 0; i < costs.size(); ++i) {
      now_ns += gaps[i];
      drain(now_ns);
      const RequestId id = r.request(1, costs[i], costs[i]);
      if (r.room.arrive(now_ns, id) == Verdict::admitted) at_ns[id] = now_ns;
    }
    drain(kNever - 1);
    return at_ns;
  };
  const auto slow = admissions(rate);
  const auto fast = admissions(rate * 2.0);
  for (std::size_t i = 0; i < costs.size(); ++i) RC_ASSERT(fast[i] <= slow[i]);
}

}  // namespace
}  // namespace tokenlift
