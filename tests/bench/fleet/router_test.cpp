#include "bench/fleet/router.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <deque>
#include <optional>
#include <set>
#include <vector>

namespace tokenlift::router_test {
namespace {

/// Sites of one replica each.
std::vector<RoutedSite> one_each(const std::vector<std::int64_t>& batch_limits) {
  std::vector<RoutedSite> sites;
  for (const std::int64_t limit : batch_limits) sites.push_back({1, limit, std::nullopt});
  return sites;
}

std::vector<RoutedSite> one_site(std::int64_t replicas, std::int64_t max_batch) {
  return {{replicas, max_batch, std::nullopt}};
}

TEST(Router, RoundRobinTakesTurns) {
  Router router(RouterPolicy::round_robin, one_each({4, 4, 4}), 1);
  for (std::uint32_t i = 0; i < 9; ++i) EXPECT_EQ(router.route(i, 0, i, nullptr), i % 3);
}

TEST(Router, LeastLoadedSendsToTheReplicaWithTheFewestOutstanding) {
  Router router(RouterPolicy::least_loaded, one_each({4, 4, 4}), 1);
  EXPECT_EQ(router.route(0, 0, 0, nullptr), 0U);
  EXPECT_EQ(router.route(1, 0, 1, nullptr), 1U);
  EXPECT_EQ(router.route(2, 0, 2, nullptr), 2U);
  router.finished(1);
  EXPECT_EQ(router.route(3, 0, 3, nullptr), 1U);
}

TEST(Router, SharedQueueHoldsRequestsUntilAReplicaHasRoom) {
  Router router(RouterPolicy::shared_queue, one_each({1, 2}), 1);
  EXPECT_EQ(router.route(0, 0, 0, nullptr), 0U);
  EXPECT_EQ(router.route(1, 0, 1, nullptr), 1U);
  EXPECT_EQ(router.route(2, 0, 2, nullptr), 1U)
      << "the larger replica has room when the other has not";
  EXPECT_EQ(router.route(3, 0, 3, nullptr), std::nullopt);
  EXPECT_EQ(router.route(4, 0, 4, nullptr), std::nullopt);
  router.finished(0);
  const auto next = router.next();
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
  Router router(policy, one_each(limits), 1);
  LinearRouter linear(policy == RouterPolicy::shared_queue, limits);
  const auto replicas = static_cast<std::uint32_t>(limits.size());
  RequestId next = 0;
  for (int i = *rc::gen::inRange(0, 300); i > 0; --i) {
    const auto replica = *rc::gen::inRange<std::uint32_t>(0, replicas);
    if (*rc::gen::inRange(0, 5) < 2 && linear.outstanding(replica) > 0) {
      router.finished(replica);
      const auto dispatch = router.next();
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
  Router router(RouterPolicy::session_affinity, one_each({4, 4, 4}), 1, 100'000);
  EXPECT_EQ(go(router, conversation(7)), 0U) << "the least loaded";
  EXPECT_EQ(go(router, conversation(8)), 1U);
  EXPECT_EQ(go(router, conversation(8)), 1U) << "though 2 is idle";
  EXPECT_EQ(router.route(0, 0, 0, nullptr), 2U);
  EXPECT_EQ(go(router, conversation(9)), 0U) << "the first of the least loaded";
  EXPECT_EQ(go(router, conversation(7)), 0U);
}

TEST(Router, AffinityGoesByTheLongestBeginningThatIsKnown) {
  Router router(RouterPolicy::session_affinity, one_each({2, 4, 4}), 1, 100'000);
  EXPECT_EQ(go(router, blocks({1, 2, 3})), 0U);
  EXPECT_EQ(go(router, blocks({1, 2, 4})), 0U) << "though 1 is idle";
  EXPECT_EQ(go(router, blocks({1, 5})), 1U) << "0 is full";
  EXPECT_EQ(go(router, blocks({6})), 2U) << "the least loaded";
  router.finished(0);
  EXPECT_EQ(go(router, blocks({1, 7})), 1U) << "where 1 was sent last";
  EXPECT_EQ(go(router, blocks({1, 2, 8})), 0U) << "where more of it was sent";
}

TEST(Router, AffinityGivesWayWhereABatchIsFullAndAnotherOneIsNot) {
  Router router(RouterPolicy::session_affinity, one_each({2, 1}), 1, 100'000);
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
  Router router(RouterPolicy::session_affinity, one_each({9, 9, 9}), 1, 2 * Router::kTokensPerKey);
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
  Router without(RouterPolicy::session_affinity, one_each({9, 9}), 1, 0);
  EXPECT_EQ(go(without, conversation(7)), 0U);
  EXPECT_EQ(go(without, conversation(7)), 1U);
}

RC_GTEST_PROP(Router, AffinityLetsNobodyWaitWhileABatchHasAPlace, ()) {
  const auto limits = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(1, 6)));
  Router router(RouterPolicy::session_affinity, one_each(limits), 1,
                *rc::gen::element(0, 1000, 100'000));
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
    Router one(policy, one_site(100, 4), 7);
    Router two(policy, one_site(100, 4), 7);
    for (RequestId id = 0; id < 1000; ++id)
      EXPECT_EQ(one.route(id, 0, id, nullptr), two.route(id, 0, id, nullptr));
  }
}

// 100,000 draws over 10 replicas: each count is binomial with standard deviation 95; 6 of them are
// exceeded by any of the ten with probability 2e-8. The seed is fixed.
TEST(Router, RandomIsUniform) {
  Router router(RouterPolicy::random, one_site(10, 4), 3);
  for (RequestId id = 0; id < 100'000; ++id) router.route(id, 0, id, nullptr);
  for (std::uint32_t replica = 0; replica < 10; ++replica) {
    EXPECT_LT(std::abs(static_cast<double>(router.outstanding(replica)) - 10'000), 6 * 95.0);
  }
}

TEST(Router, PowerOfTwoBalancesBetterThanRandom) {
  const auto largest = [](RouterPolicy policy) {
    Router router(policy, one_site(100, 4), 5);
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

// ------------------------------------------------------------------------ replicas come and go

TEST(Router, WhereNobodyServesRequestsWaitInTheirOrder) {
  for (const RouterPolicy policy :
       {RouterPolicy::shared_queue, RouterPolicy::round_robin, RouterPolicy::random,
        RouterPolicy::power_of_two, RouterPolicy::least_loaded, RouterPolicy::session_affinity,
        RouterPolicy::spill}) {
    Router router(policy, one_site(2, 4), 1);
    router.leave(0);
    router.leave(1);
    for (RequestId id = 0; id < 3; ++id) EXPECT_EQ(router.route(id, 0, id, nullptr), std::nullopt);
    EXPECT_EQ(router.next(), std::nullopt);
    EXPECT_TRUE(router.drop(1, 0));
    EXPECT_FALSE(router.drop(1, 0)) << "it waits no more";
    EXPECT_EQ(router.waiting(), 2);
    router.serve(1);
    EXPECT_EQ(router.next(), (Router::Dispatch{0, 1}));
    EXPECT_EQ(router.next(), (Router::Dispatch{2, 1}));
    EXPECT_EQ(router.next(), std::nullopt);
    EXPECT_EQ(router.waiting(), 0);
  }
}

TEST(Router, ATenantGoesToItsOwnSitesOnly) {
  Router router(RouterPolicy::least_loaded, {{1, 4, std::nullopt}, {1, 4, std::nullopt}}, 1, 0,
                {{}, {1}});
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(router.route(0, 1, i, nullptr), 1U);
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(router.route(0, 0, i, nullptr), 0U);
  router.leave(1);
  EXPECT_EQ(router.route(7, 1, 3, nullptr), std::nullopt) << "though the other site serves";
  EXPECT_EQ(router.route(8, 0, 3, nullptr), 0U) << "who waits for one site holds up nobody else";
  EXPECT_EQ(router.next(), std::nullopt);
  router.serve(1);
  EXPECT_EQ(router.next(), (Router::Dispatch{7, 1}));
}

TEST(Router, SpillFillsSitesInTheirOrder) {
  // Two replicas with batches of 2; a cloud that takes 3; and one without a limit.
  Router router(RouterPolicy::spill, {{2, 2, std::nullopt}, {4, 8, 3}, {1, 1, std::nullopt}}, 1);
  std::vector<std::uint32_t> to;
  for (RequestId id = 0; id < 9; ++id) to.push_back(*router.route(id, 0, id, nullptr));
  const std::vector<std::uint32_t> expected = {0, 1, 0, 1, 2, 3, 4, 6, 6};
  EXPECT_EQ(to, expected) << "the last to the least loaded of those without a limit";
  router.finished(0);
  EXPECT_EQ(router.route(9, 0, 9, nullptr), 0U) << "back to the first as soon as it has room";
}

TEST(Router, SpillWaitsWhereAllSitesHaveALimitAndAreFull) {
  Router router(RouterPolicy::spill, {{1, 8, 1}, {1, 8, 2}}, 1);
  for (RequestId id = 0; id < 3; ++id) EXPECT_TRUE(router.route(id, 0, id, nullptr));
  EXPECT_EQ(router.route(3, 0, 3, nullptr), std::nullopt);
  router.finished(1);
  EXPECT_EQ(router.next(), (Router::Dispatch{3, 1}));
}

/// Whoever comes and goes: a request is sent to a replica that serves and that its tenant may use,
/// the least loaded of them, or it waits because there is none; nobody is lost or sent twice.
RC_GTEST_PROP(Router, SendsToTheLeastLoadedThatServesAsALinearSearchDoes, ()) {
  const auto site_count = *rc::gen::inRange<std::size_t>(1, 4);
  std::vector<RoutedSite> sites;
  std::vector<std::size_t> site_of;
  for (std::size_t site = 0; site < site_count; ++site) {
    sites.push_back({*rc::gen::inRange<std::int64_t>(1, 4), 2, std::nullopt});
    site_of.insert(site_of.end(), static_cast<std::size_t>(sites.back().replicas), site);
  }
  const std::vector<std::vector<std::uint16_t>> of_tenant = {
      {}, {*rc::gen::inRange<std::uint16_t>(0, static_cast<std::uint16_t>(site_count))}};
  Router router(RouterPolicy::least_loaded, sites, 1, 0, of_tenant);
  std::vector<bool> serves(site_of.size(), true);
  std::vector<std::int64_t> outstanding(site_of.size());
  std::vector<std::uint32_t> tenant_of;
  std::set<RequestId> waiting;
  const auto best = [&](std::uint32_t tenant) {
    std::optional<std::uint32_t> found;
    for (std::uint32_t i = 0; i < site_of.size(); ++i) {
      if (!serves[i] || (tenant == 1 && site_of[i] != of_tenant[1][0])) continue;
      if (!found || outstanding[i] < outstanding[*found]) found = i;
    }
    return found;
  };
  for (int turn = *rc::gen::inRange(0, 200); turn > 0; --turn) {
    const auto replica =
        *rc::gen::inRange<std::uint32_t>(0, static_cast<std::uint32_t>(site_of.size()));
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        router.serve(replica);
        serves[replica] = true;
        break;
      case 1:
        router.leave(replica);
        serves[replica] = false;
        break;
      case 2:
        if (outstanding[replica] == 0) break;
        --outstanding[replica];
        router.finished(replica);
        break;
      default: {
        const auto id = static_cast<RequestId>(tenant_of.size());
        tenant_of.push_back(*rc::gen::inRange<std::uint32_t>(0, 2));
        const auto expected = best(tenant_of[id]);
        RC_ASSERT(router.route(id, tenant_of[id], id, nullptr) == expected);
        if (expected) ++outstanding[*expected];
        if (!expected) waiting.insert(id);
      }
    }
    while (const auto next = router.next()) {
      RC_ASSERT(waiting.erase(next->id) == 1);
      RC_ASSERT(best(tenant_of[next->id]) == next->replica);
      for (const RequestId earlier : waiting) {
        RC_ASSERT((earlier > next->id || tenant_of[earlier] != tenant_of[next->id]));
      }
      ++outstanding[next->replica];
    }
    for (const RequestId id : waiting) RC_ASSERT(!best(tenant_of[id]));
    RC_ASSERT(router.waiting() == std::ssize(waiting));
  }
}

}  // namespace
}  // namespace tokenlift::router_test
