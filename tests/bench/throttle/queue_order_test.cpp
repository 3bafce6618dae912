// Who goes first in the waiting room: users, tenants, and the order of the fleet.

#include <gtest/gtest.h>

#include <vector>

#include "bench/throttle/waiting_room.hpp"
#include "tests/bench/throttle/small_room.hpp"

namespace tokenlift::queue_order_test {
namespace {

TEST(QueueOrder, AUserWhoUsedUpHisShareHoldsUpNobodyElse) {
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

TEST(QueueOrder, ATenantsLimitHoldsItsOwnUsersInOrderOfArrival) {
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

TEST(QueueOrder, AThrottleLooksAtTheTenantsThatItNamesAndAtNoOthers) {
  Throttle limit = throttle(Unit::requests, 1, 1, WhenFull::reject);
  limit.tenants = {"second"};
  Room r(two_tenants({limit}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 0)), Verdict::admitted);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 1)), Verdict::admitted);
  EXPECT_EQ(r.arrive(0, r.request(1, 1, 1, 1)), Verdict::rejected);
  EXPECT_EQ(r.counts[0].admitted, 1U);
  EXPECT_EQ(r.counts[0].rejected, 1U);
}

TEST(QueueOrder, WhoWaitsAtAThrottleHoldsUpNobodyWhomItDoesNotLookAt) {
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

TEST(QueueOrder, OrderPriorityLetsTheMoreImportantTenantGoFirst) {
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
TEST(QueueOrder, OrderFairServesBackloggedTenantsInProportionToTheirWeights) {
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

TEST(QueueOrder, OrderFairBanksNoCreditForATenantThatWasIdle) {
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
TEST(QueueOrder, OrderFairMeasuresNewcomersByWhoWasAdmittedLast) {
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
TEST(QueueOrder, OrderFairBanksNoCreditForWhoIsAdmittedAtOnce) {
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
TEST(QueueOrder, OrderFairBanksNoCreditForWhoIsHeldByItsOwnThrottle) {
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
TEST(QueueOrder, OrderFairCountsOutputWhenItIsKnownAndLooksAtWhoIsFirstThen) {
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

}  // namespace
}  // namespace tokenlift::queue_order_test
