#include "bench/fleet/router.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <deque>
#include <vector>

namespace tokenlift {
namespace {

TEST(Router, RoundRobinTakesTurns) {
  Router router(RouterPolicy::round_robin, {4, 4, 4}, 1);
  for (std::uint32_t i = 0; i < 9; ++i) EXPECT_EQ(router.route(i, 0, i, nullptr), i % 3);
}

TEST(Router, LeastLoadedSendsToTheReplicaWithTheFewestOutstanding) {
  Router router(RouterPolicy::least_loaded, {4, 4, 4}, 1);
  EXPECT_EQ(router.route(0, 0, 0, nullptr), 0U);
  EXPECT_EQ(router.route(1, 0, 1, nullptr), 1U);
  EXPECT_EQ(router.route(2, 0, 2, nullptr), 2U);
  router.finished(1);
  EXPECT_EQ(router.route(3, 0, 3, nullptr), 1U);
}

TEST(Router, SharedQueueHoldsRequestsUntilAReplicaHasRoom) {
  Router router(RouterPolicy::shared_queue, {1, 2}, 1);
  EXPECT_EQ(router.route(0, 0, 0, nullptr), 0U);
  EXPECT_EQ(router.route(1, 0, 1, nullptr), 1U);
  EXPECT_EQ(router.route(2, 0, 2, nullptr), 1U)
      << "the larger replica has room when the other has not";
  EXPECT_EQ(router.route(3, 0, 3, nullptr), std::nullopt);
  EXPECT_EQ(router.route(4, 0, 4, nullptr), std::nullopt);
  const auto next = router.finished(0);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->id, 3U) << "first come, first served";
  EXPECT_EQ(next->replica, 0U);
}

/// What least_loaded and shared_queue mean, looked up one replica after the other.
class LinearRouter {
 public:
  LinearRouter(bool shared_queue, std::vector<std::int64_t> limits)
      : shared_queue_(shared_queue), limits_(std::move(limits)), outstanding_(limits_.size()) {}

  std::optional<std::uint32_t> route(RequestId id) {
    std::optional<std::uint32_t> best;
    for (std::uint32_t i = 0; i < limits_.size(); ++i) {
      if (shared_queue_ && outstanding_[i] >= limits_[i]) continue;
      if (!best || outstanding_[i] < outstanding_[*best]) best = i;
    }
    if (best) {
      ++outstanding_[*best];
    } else {
      line_.push_back(id);
    }
    return best;
  }
  std::optional<RequestId> finished(std::uint32_t replica) {
    --outstanding_[replica];
    if (line_.empty()) return std::nullopt;
    const RequestId id = line_.front();
    line_.pop_front();
    ++outstanding_[replica];
    return id;
  }
  std::int64_t outstanding(std::uint32_t replica) const { return outstanding_[replica]; }

 private:
  bool shared_queue_;
  std::vector<std::int64_t> limits_, outstanding_;
  std::deque<RequestId> line_;
};

RC_GTEST_PROP(Router, FindsTheLeastLoadedAsALinearSearchDoes, ()) {
  const auto limits = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(1, 6)));
  const auto policy = *rc::gen::element(RouterPolicy::least_loaded, RouterPolicy::shared_queue);
  Router router(policy, limits, 1);
  LinearRouter linear(policy == RouterPolicy::shared_queue, limits);
  const auto replicas = static_cast<std::uint32_t>(limits.size());
  RequestId next = 0;
  for (int i = *rc::gen::inRange(0, 300); i > 0; --i) {
    const auto replica = *rc::gen::inRange<std::uint32_t>(0, replicas);
    if (*rc::gen::inRange(0, 5) < 2 && linear.outstanding(replica) > 0) {
      const auto dispatch = router.finished(replica);
      const auto expected = linear.finished(replica);
      RC_ASSERT(dispatch.has_value() == expected.has_value());
      if (dispatch) RC_ASSERT(dispatch->id == *expected && dispatch->replica == replica);
    } else {
      RC_ASSERT(router.route(next, 0, next, nullptr) == linear.route(next));
      ++next;
    }
    RC_ASSERT(router.outstanding(replica) == linear.outstanding(replica));
  }
}

Prefix conversation(std::uint64_t key) {
  return {key, 100, {}};
}

Prefix blocks(std::vector<std::uint64_t> keys) {
  return {0, 0, std::move(keys)};
}

/// Routes a request with that prefix.
std::uint32_t go(Router& router, const Prefix& prefix) {
  return router.route(0, 0, 0, &prefix).value();
}

TEST(Router, AffinitySendsAConversationWhereItsTokensAre) {
  Router router(RouterPolicy::session_affinity, {4, 4, 4}, 1, 100'000);
  EXPECT_EQ(go(router, conversation(7)), 0U) << "the least loaded";
  EXPECT_EQ(go(router, conversation(8)), 1U);
  EXPECT_EQ(go(router, conversation(8)), 1U) << "though 2 is idle";
  EXPECT_EQ(router.route(0, 0, 0, nullptr), 2U);
  EXPECT_EQ(go(router, conversation(9)), 0U) << "the first of the least loaded";
  EXPECT_EQ(go(router, conversation(7)), 0U);
}

TEST(Router, AffinityGoesByTheLongestBeginningThatIsKnown) {
  Router router(RouterPolicy::session_affinity, {2, 4, 4}, 1, 100'000);
  EXPECT_EQ(go(router, blocks({1, 2, 3})), 0U);
  EXPECT_EQ(go(router, blocks({1, 2, 4})), 0U) << "though 1 is idle";
  EXPECT_EQ(go(router, blocks({1, 5})), 1U) << "0 is full";
  EXPECT_EQ(go(router, blocks({6})), 2U) << "the least loaded";
  router.finished(0);
  EXPECT_EQ(go(router, blocks({1, 7})), 1U) << "where 1 was sent last";
  EXPECT_EQ(go(router, blocks({1, 2, 8})), 0U) << "where more of it was sent";
}

TEST(Router, AffinityGivesWayWhereABatchIsFullAndAnotherOneIsNot) {
  Router router(RouterPolicy::session_affinity, {2, 1}, 1, 100'000);
  EXPECT_EQ(go(router, conversation(7)), 0U);
  EXPECT_EQ(go(router, conversation(7)), 0U);
  EXPECT_EQ(go(router, conversation(7)), 1U) << "its tokens will be there from now on";
  EXPECT_EQ(go(router, conversation(7)), 1U) << "all are full: it may as well wait with them";
  EXPECT_EQ(go(router, conversation(8)), 0U) << "the least loaded";
  router.finished(0);
  router.finished(0);
  EXPECT_EQ(go(router, conversation(7)), 0U) << "1 is full, and 0 is not any more";
}

TEST(Router, AffinityForgetsWhatWasUsedLeastRecently) {
  Router router(RouterPolicy::session_affinity, {9, 9, 9}, 1, 2 * Router::kTokensPerKey);
  EXPECT_EQ(go(router, conversation(7)), 0U);
  EXPECT_EQ(go(router, conversation(8)), 1U);
  EXPECT_EQ(go(router, conversation(7)), 0U);
  EXPECT_EQ(go(router, conversation(9)), 2U) << "and 8 is forgotten";
  EXPECT_EQ(go(router, conversation(7)), 0U);
  EXPECT_EQ(go(router, conversation(7)), 0U);
  EXPECT_EQ(go(router, conversation(9)), 2U);
  router.finished(1);
  EXPECT_EQ(go(router, conversation(7)), 0U);
  EXPECT_EQ(go(router, conversation(8)), 1U) << "the least loaded";
  Router without(RouterPolicy::session_affinity, {9, 9}, 1, 0);
  EXPECT_EQ(go(without, conversation(7)), 0U);
  EXPECT_EQ(go(without, conversation(7)), 1U);
}

RC_GTEST_PROP(Router, AffinityLetsNobodyWaitWhileABatchHasAPlace, ()) {
  const auto limits = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(1, 6)));
  Router router(RouterPolicy::session_affinity, limits, 1, *rc::gen::element(0, 1000, 100'000));
  const auto replicas = static_cast<std::uint32_t>(limits.size());
  for (int i = *rc::gen::inRange(0, 300); i > 0; --i) {
    const auto replica = *rc::gen::inRange<std::uint32_t>(0, replicas);
    if (*rc::gen::inRange(0, 5) < 2 && router.outstanding(replica) > 0) {
      router.finished(replica);
      continue;
    }
    bool place = false;
    for (std::uint32_t r = 0; r < replicas; ++r) place |= router.outstanding(r) < limits[r];
    const auto key = *rc::gen::inRange<std::uint64_t>(1, 9);
    const Prefix prefix = *rc::gen::arbitrary<bool>() ? conversation(key) : blocks({key, key + 10});
    const auto there = router.route(0, 0, 0, *rc::gen::inRange(0, 3) > 0 ? &prefix : nullptr);
    RC_ASSERT(there.has_value());
    RC_ASSERT((!place || router.outstanding(*there) <= limits[*there]));
  }
}

TEST(Router, RandomPoliciesAreKeyedByTheRequest) {
  for (const RouterPolicy policy : {RouterPolicy::random, RouterPolicy::power_of_two}) {
    Router one(policy, std::vector<std::int64_t>(100, 4), 7);
    Router two(policy, std::vector<std::int64_t>(100, 4), 7);
    for (RequestId id = 0; id < 1000; ++id)
      EXPECT_EQ(one.route(id, 0, id, nullptr), two.route(id, 0, id, nullptr));
  }
}

// 100,000 draws over 10 replicas: each count is binomial with standard deviation 95; 6 of them are
// exceeded by any of the ten with probability 2e-8. The seed is fixed.
TEST(Router, RandomIsUniform) {
  Router router(RouterPolicy::random, std::vector<std::int64_t>(10, 4), 3);
  for (RequestId id = 0; id < 100'000; ++id) router.route(id, 0, id, nullptr);
  for (std::uint32_t replica = 0; replica < 10; ++replica) {
    EXPECT_LT(std::abs(static_cast<double>(router.outstanding(replica)) - 10'000), 6 * 95.0);
  }
}

TEST(Router, PowerOfTwoBalancesBetterThanRandom) {
  const auto largest = [](RouterPolicy policy) {
    Router router(policy, std::vector<std::int64_t>(100, 4), 5);
    for (RequestId id = 0; id < 10'000; ++id) router.route(id, 0, id, nullptr);
    std::int64_t most = 0;
    for (std::uint32_t i = 0; i < 100; ++i) most = std::max(most, router.outstanding(i));
    return most;
  };
  // n balls: random is about sqrt(2 * 100 * ln 100) = 30 above the mean of 100, two choices 3 or
  // so.
  EXPECT_LT(largest(RouterPolicy::power_of_two), 110);
  EXPECT_GT(largest(RouterPolicy::random), 115);
}

}  // namespace
}  // namespace tokenlift
