#include "bench/router.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <deque>
#include <vector>

namespace tokenlift {
namespace {

TEST(Router, RoundRobinTakesTurns) {
  Router router(RouterPolicy::round_robin, {4, 4, 4}, 1);
  for (std::uint32_t i = 0; i < 9; ++i) EXPECT_EQ(router.route(i, 0, i), i % 3);
}

TEST(Router, LeastLoadedSendsToTheReplicaWithTheFewestOutstanding) {
  Router router(RouterPolicy::least_loaded, {4, 4, 4}, 1);
  EXPECT_EQ(router.route(0, 0, 0), 0U);
  EXPECT_EQ(router.route(1, 0, 1), 1U);
  EXPECT_EQ(router.route(2, 0, 2), 2U);
  router.finished(1);
  EXPECT_EQ(router.route(3, 0, 3), 1U);
}

TEST(Router, SharedQueueHoldsRequestsUntilAReplicaHasRoom) {
  Router router(RouterPolicy::shared_queue, {1, 2}, 1);
  EXPECT_EQ(router.route(0, 0, 0), 0U);
  EXPECT_EQ(router.route(1, 0, 1), 1U);
  EXPECT_EQ(router.route(2, 0, 2), 1U) << "the larger replica has room when the other has not";
  EXPECT_EQ(router.route(3, 0, 3), std::nullopt);
  EXPECT_EQ(router.route(4, 0, 4), std::nullopt);
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
      RC_ASSERT(router.route(next, 0, next) == linear.route(next));
      ++next;
    }
    RC_ASSERT(router.outstanding(replica) == linear.outstanding(replica));
  }
}

TEST(Router, RandomPoliciesAreKeyedByTheRequest) {
  for (const RouterPolicy policy : {RouterPolicy::random, RouterPolicy::power_of_two}) {
    Router one(policy, std::vector<std::int64_t>(100, 4), 7);
    Router two(policy, std::vector<std::int64_t>(100, 4), 7);
    for (RequestId id = 0; id < 1000; ++id) EXPECT_EQ(one.route(id, 0, id), two.route(id, 0, id));
  }
}

// 100,000 draws over 10 replicas: each count is binomial with standard deviation 95; 6 of them are
// exceeded by any of the ten with probability 2e-8. The seed is fixed.
TEST(Router, RandomIsUniform) {
  Router router(RouterPolicy::random, std::vector<std::int64_t>(10, 4), 3);
  for (RequestId id = 0; id < 100'000; ++id) router.route(id, 0, id);
  for (std::uint32_t replica = 0; replica < 10; ++replica) {
    EXPECT_LT(std::abs(static_cast<double>(router.outstanding(replica)) - 10'000), 6 * 95.0);
  }
}

TEST(Router, PowerOfTwoBalancesBetterThanRandom) {
  const auto largest = [](RouterPolicy policy) {
    Router router(policy, std::vector<std::int64_t>(100, 4), 5);
    for (RequestId id = 0; id < 10'000; ++id) router.route(id, 0, id);
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
