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

/// Requests are made by hand; tenants are those of `scenario`, or one.
class Room {
 public:
  explicit Room(Scenario scenario)
      : counts(scenario.throttles.size()), room(with_tenant(scenario), requests, counts) {}
  explicit Room(const std::vector<Throttle>& throttles) : Room(with_throttles(throttles)) {}

  RequestId request(std::int32_t prompt, std::int32_t output, std::int32_t max,
                    std::uint16_t tenant = 0, std::uint64_t number = 0) {
    Request r;
    r.prompt_tokens = prompt;
    r.output_tokens = output;
    r.max_tokens = max;
    r.tenant = tenant;
    r.number = number & Request::kMostNumber;
    return requests.add(r);
  }
  Verdict arrive(std::int64_t now_ns, RequestId id, const Patience& patience = {}) {
    return room.arrive(now_ns, id, patience).verdict;
  }
  std::optional<WaitingRoom::Released> release(std::int64_t now_ns) { return room.release(now_ns); }
  /// It completes with all its tokens.
  void settle(std::int64_t now_ns, RequestId id) {
    room.settle(now_ns, id, {requests[id].output_tokens, 0, -1});
  }
  void apply(std::int64_t now_ns, const Change& change) { room.apply(now_ns, {&change, 1}); }
  double level(std::size_t throttle, std::int64_t now_ns, Key key = 0) const {
    return room.limiter(throttle).level_units(now_ns, key);
  }

  RequestTable requests;
  std::vector<ThrottleCounts> counts;
  WaitingRoom room;

 private:
  static Scenario with_throttles(const std::vector<Throttle>& throttles) {
    Scenario scenario;
    scenario.throttles = throttles;
    return scenario;
  }
  static const Scenario& with_tenant(Scenario& scenario) {
    if (scenario.tenants.empty()) scenario.tenants.emplace_back();
    return scenario;
  }
};

/// The settings of a throttle from now on.
Change change(const Throttle& settings, bool lifted = false, Inherit inherit = Inherit::as_is) {
  Change change;
  change.settings = settings;
  change.lifted = lifted;
  change.inherit = inherit;
  return change;
}

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

// ------------------------------------------------------------------------ users and tenants

/// Two tenants with ten users each. Request numbers that are alike are of one user.
Scenario two_tenants(const std::vector<Throttle>& throttles) {
  Scenario scenario;
  scenario.throttles = throttles;
  for (const char* name : {"first", "second"}) {
    Tenant tenant;
    tenant.name = name;
    tenant.users = 10;
    tenant.arrivals.process = Process::closed;  // request n is of user n % 10
    scenario.tenants.push_back(tenant);
  }
  return scenario;
}

TEST(WaitingRoom, AUserWhoUsedUpHisShareHoldsUpNobodyElse) {
  Throttle limit = throttle(Unit::requests, 1, 1, WhenFull::queue);
  limit.scope = Scope::user;
  Room r(two_tenants({limit}));
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 0, 0)), Verdict::admitted);
  const RequestId second = r.request(1, 1, 1, 0, 10);
  const RequestId third = r.request(1, 1, 1, 0, 20);
  EXPECT_EQ(r.arrive(0, second), Verdict::waiting) << "the same user";
  EXPECT_EQ(r.arrive(0, third), Verdict::waiting);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 0, 1)), Verdict::admitted) << "another one";
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 1, 0)), Verdict::admitted) << "of another tenant";
  EXPECT_EQ(r.release(kSecond)->id, second) << "each in his own order";
  EXPECT_FALSE(r.release(2 * kSecond - 1));
  EXPECT_EQ(r.release(2 * kSecond)->id, third);
}

TEST(WaitingRoom, ATenantsLimitHoldsItsOwnUsersInOrderOfArrival) {
  Throttle limit = throttle(Unit::requests, 1, 1, WhenFull::queue);
  limit.scope = Scope::tenant;
  Throttle users = throttle(Unit::requests, 1e6, 1e6, WhenFull::queue);
  users.scope = Scope::user;
  Room r(two_tenants({limit, users}));
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 0, 0)), Verdict::admitted);
  const RequestId second = r.request(1, 1, 1, 0, 1);
  const RequestId third = r.request(1, 1, 1, 0, 2);
  EXPECT_EQ(r.arrive(0, second), Verdict::waiting);
  EXPECT_EQ(r.arrive(0, third), Verdict::waiting);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 1, 0)), Verdict::admitted);
  EXPECT_EQ(r.release(kSecond)->id, second);
  EXPECT_EQ(r.release(2 * kSecond)->id, third);
}

TEST(WaitingRoom, AThrottleLooksAtTheTenantsThatItNamesAndAtNoOthers) {
  Throttle limit = throttle(Unit::requests, 1, 1, WhenFull::reject);
  limit.tenants = {"second"};
  Room r(two_tenants({limit}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 0)), Verdict::admitted);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 1)), Verdict::admitted);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 1)), Verdict::rejected);
  EXPECT_EQ(r.counts[0].admitted, 1U);
  EXPECT_EQ(r.counts[0].rejected, 1U);
}

TEST(WaitingRoom, WhoWaitsAtAThrottleHoldsUpNobodyWhomItDoesNotLookAt) {
  Throttle limit = throttle(Unit::requests, 1, 1, WhenFull::queue);
  limit.tenants = {"first"};
  Throttle all = throttle(Unit::requests, 2, 2, WhenFull::queue);
  Room r(two_tenants({limit, all}));
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 0)), Verdict::admitted);
  const RequestId held = r.request(1, 1, 1, 0);
  EXPECT_EQ(r.arrive(0, held), Verdict::waiting);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 1)), Verdict::admitted) << "only the other one holds";
  const RequestId next = r.request(1, 1, 1, 1);
  EXPECT_EQ(r.arrive(0, next), Verdict::waiting) << "the limit on all is used up";
  EXPECT_EQ(r.release(kSecond / 2)->id, next) << "which the one before it does not wait for";
  EXPECT_EQ(r.release(kSecond)->id, held);
}

TEST(WaitingRoom, OrderPriorityLetsTheMoreImportantTenantGoFirst) {
  Scenario scenario = two_tenants({throttle(Unit::requests, 1, 1, WhenFull::queue)});
  scenario.queue_order = QueueOrder::priority;
  scenario.tenants[1].priority = 1;
  Room r(scenario);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 0)), Verdict::admitted);
  const RequestId low = r.request(1, 1, 1, 0);
  const RequestId high = r.request(1, 1, 1, 1);
  EXPECT_EQ(r.arrive(0, low), Verdict::waiting);
  EXPECT_EQ(r.arrive(1, high), Verdict::waiting);
  EXPECT_EQ(r.release(kSecond)->id, high);
  EXPECT_EQ(r.release(2 * kSecond)->id, low);
}

// Weights 1 and 3, prompts of 10 tokens: of every four that go three are the second tenant's.
TEST(WaitingRoom, OrderFairServesBackloggedTenantsInProportionToTheirWeights) {
  Scenario scenario = two_tenants({throttle(Unit::requests, 1, 1, WhenFull::queue)});
  scenario.queue_order = QueueOrder::fair;
  scenario.tenants[1].weight = 3;
  Room r(scenario);
  r.arrive(0, r.request(10, 1, 1, 0));
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(r.arrive(0, r.request(10, 1, 1, 0)), Verdict::waiting);
    EXPECT_EQ(r.arrive(0, r.request(10, 1, 1, 1)), Verdict::waiting);
  }
  std::vector<int> served(2);
  for (int i = 1; i <= 40; ++i) ++served[r.requests[r.release(i * kSecond)->id].tenant];
  EXPECT_EQ(served, (std::vector<int>{10, 30}));
}

TEST(WaitingRoom, OrderFairBanksNoCreditForATenantThatWasIdle) {
  Scenario scenario = two_tenants({throttle(Unit::requests, 1, 1, WhenFull::queue)});
  scenario.queue_order = QueueOrder::fair;
  Room r(scenario);
  std::int64_t now_ns = 0;
  // The first tenant alone, waiting all the time.
  for (int i = 0; i < 20; ++i) r.arrive(0, r.request(10, 1, 1, 0));
  for (int i = 1; i < 10; ++i) EXPECT_TRUE(r.release(now_ns = i * kSecond));
  for (int i = 0; i < 20; ++i) r.arrive(now_ns, r.request(10, 1, 1, 1));
  std::vector<int> served(2);
  for (int i = 10; i < 20; ++i) ++served[r.requests[r.release(i * kSecond)->id].tenant];
  EXPECT_EQ(served, (std::vector<int>{5, 5})) << "in turn from now on";
}

// Who ends late says nothing of who was served last: credit from long ago is nobody's measure.
TEST(WaitingRoom, OrderFairMeasuresNewcomersByWhoWasAdmittedLast) {
  Throttle limit = throttle(Unit::requests, 1, 30, WhenFull::queue);
  Scenario scenario = two_tenants({limit});
  scenario.tenants.push_back(scenario.tenants[0]);
  scenario.queue_order = QueueOrder::fair;
  Room r(scenario);
  const RequestId long_ago = r.request(10, 1, 1, 0);
  r.arrive(0, long_ago);
  for (int i = 0; i < 29; ++i) r.arrive(0, r.request(10, 1, 1, 1));
  r.settle(0, long_ago);
  for (int i = 0; i < 20; ++i) {
    r.arrive(0, r.request(10, 1, 1, 2));
    r.arrive(0, r.request(10, 1, 1, 1));
  }
  std::vector<int> served(3);
  for (int i = 1; i <= 20; ++i) ++served[r.requests[r.release(i * kSecond)->id].tenant];
  EXPECT_EQ(served, (std::vector<int>{0, 10, 10}));
}

// Also where it need not wait.
TEST(WaitingRoom, OrderFairBanksNoCreditForWhoIsAdmittedAtOnce) {
  Scenario scenario = two_tenants({throttle(Unit::requests, 1, 30, WhenFull::queue)});
  scenario.tenants.push_back(scenario.tenants[0]);
  scenario.queue_order = QueueOrder::fair;
  Room r(scenario);
  for (int i = 0; i < 29; ++i) r.arrive(0, r.request(10, 1, 1, 0));
  r.arrive(0, r.request(10, 1, 1, 1));
  EXPECT_EQ(r.room.served(1), 300);
  for (int i = 0; i < 20; ++i) {
    r.arrive(0, r.request(10, 1, 1, 2));
    r.arrive(0, r.request(10, 1, 1, 0));
  }
  std::vector<int> served(3);
  for (int i = 1; i <= 20; ++i) ++served[r.requests[r.release(i * kSecond)->id].tenant];
  EXPECT_EQ(served, (std::vector<int>{10, 0, 10}));
}

// Nor for one that its own throttle held while others were served.
TEST(WaitingRoom, OrderFairBanksNoCreditForWhoIsHeldByItsOwnThrottle) {
  Throttle own;
  own.kind = ThrottleKind::concurrency;
  own.unit = Unit::requests;
  own.scope = Scope::tenant;
  own.limit = 1;
  own.tenants = {"second"};
  Scenario scenario = two_tenants({throttle(Unit::requests, 1, 1, WhenFull::queue), own});
  scenario.queue_order = QueueOrder::fair;
  Room r(scenario);
  EXPECT_EQ(r.arrive(0, r.request(10, 1, 1, 1)), Verdict::admitted);
  for (int i = 0; i < 40; ++i) {
    r.arrive(0, r.request(10, 1, 1, 0));
    r.arrive(0, r.request(10, 1, 1, 1));
  }
  for (int i = 1; i <= 20; ++i) EXPECT_EQ(r.requests[r.release(i * kSecond)->id].tenant, 0U);
  own.limit = 100;
  Change raise = change(own);
  raise.throttle = 1;
  r.apply(20 * kSecond, raise);
  std::vector<int> served(2);
  for (int i = 21; i <= 30; ++i) ++served[r.requests[r.release(i * kSecond)->id].tenant];
  EXPECT_EQ(served, (std::vector<int>{5, 5}));
}

// Served outside of the throttle, which was lifted: nothing comes back, but the order changes.
TEST(WaitingRoom, OrderFairCountsOutputWhenItIsKnownAndLooksAtWhoIsFirstThen) {
  const Throttle limit = throttle(Unit::output_tokens, 1, 50, WhenFull::queue);
  Scenario scenario = two_tenants({limit});
  scenario.queue_order = QueueOrder::fair;
  Room r(scenario);
  r.apply(0, change(limit, /*lifted=*/true));
  const RequestId long_answer = r.request(1, 90, 90, 0);
  r.arrive(0, long_answer);
  r.apply(0, change(limit));
  r.arrive(0, r.request(1, 50, 50, 1));
  const RequestId large = r.request(1, 40, 40, 0);
  const RequestId small = r.request(1, 5, 5, 1);
  r.arrive(0, large);
  r.arrive(0, small);
  EXPECT_EQ(r.room.next_event_ns(), 40 * kSecond) << "it comes first, alike so far";
  r.settle(kSecond, long_answer);
  EXPECT_EQ(r.room.next_event_ns(), 5 * kSecond);
  EXPECT_EQ(r.release(5 * kSecond)->id, small);
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
  EXPECT_EQ(r.counts[0].taken_units, 600);
  EXPECT_EQ(r.counts[0].refunded_units, 390);
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
        at_ns[r.release(instant_ns)->id] = instant_ns;
      }
    };
    for (std::size_t i = 0; i < costs.size(); ++i) {
      now_ns += gaps[i];
      drain(now_ns);
      const RequestId id = r.request(1, costs[i], costs[i]);
      if (r.arrive(now_ns, id) == Verdict::admitted) at_ns[id] = now_ns;
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
