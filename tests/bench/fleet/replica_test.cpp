#include "bench/fleet/replica.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <vector>

namespace tokenlift::replica_test {
namespace {

Work work(RequestId id, std::int32_t prompt, std::int32_t output) {
  return {id, prompt, output, id, 0, 0};
}

/// Runs steps of 10 ns until the replica is idle; returns completions by request.
std::map<RequestId, News> run_dry(Replica& replica, std::int64_t now_ns = 0) {
  std::map<RequestId, News> done;
  while (!replica.plan_step(now_ns).empty()) {
    now_ns += 10;
    for (const News& completion : replica.finish_step(now_ns).completions) {
      done[completion.id] = completion;
    }
  }
  return done;
}

TEST(Replica, NTokensTakeOnePrefillAndNMinusOneDecodeSteps) {
  Replica replica({4, 100, 1000});
  replica.submit(work(0, 30, 5));
  const auto done = run_dry(replica);
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done.at(0).scheduled_ns, 0);
  EXPECT_EQ(done.at(0).first_token_ns, 10);
  EXPECT_EQ(done.at(0).at_ns, 50);
  EXPECT_EQ(replica.resident_tokens(), 0) << "all room is given back";
}

TEST(Replica, OneTokenIsReadyWhenThePrefillEnds) {
  Replica replica({4, 100, 1000});
  replica.submit(work(0, 30, 1));
  const auto done = run_dry(replica);
  EXPECT_EQ(done.at(0).first_token_ns, 10);
  EXPECT_EQ(done.at(0).at_ns, 10);
}

TEST(Replica, PrefillsInChunksWithinTheStepsBudgetOldestFirst) {
  Replica replica({4, 100, 1000});
  replica.submit(work(0, 150, 2));
  replica.submit(work(1, 80, 2));
  const StepPlan& first = replica.plan_step(0);
  ASSERT_EQ(first.prefill.size(), 1U) << "the first prompt takes the whole budget";
  EXPECT_EQ(first.prefill[0].end, 100);
  EXPECT_TRUE(replica.finish_step(10).emissions.empty()) << "no token before the prompt is done";
  const StepPlan& second = replica.plan_step(10);
  ASSERT_EQ(second.prefill.size(), 2U);
  EXPECT_EQ(second.prefill[0].begin, 100);
  EXPECT_EQ(second.prefill[0].end, 150);
  EXPECT_EQ(second.prefill[1].end, 50);
  EXPECT_EQ(replica.finish_step(20).emissions.size(), 1U);
  const StepPlan& third = replica.plan_step(20);
  EXPECT_EQ(third.decode.size(), 1U) << "prefill and decode share a step";
  EXPECT_EQ(third.prefill.size(), 1U);
}

TEST(Replica, AdmitsNoMoreThanMaxBatch) {
  Replica replica({2, 1000, 10'000});
  for (RequestId id = 0; id < 5; ++id) replica.submit(work(id, 10, 3));
  EXPECT_EQ(replica.plan_step(0).admitted.size(), 2U);
  EXPECT_EQ(replica.waiting(), 3U);
  replica.finish_step(10);
}

TEST(Replica, AdmitsInOrderWhileTheCacheHasRoom) {
  Replica replica({8, 1000, 100});
  replica.submit(work(0, 60, 5));
  replica.submit(work(1, 60, 5));
  replica.submit(work(2, 10, 5));
  EXPECT_EQ(replica.plan_step(0).admitted.size(), 1U) << "nobody overtakes the one that must wait";
  replica.finish_step(10);
}

TEST(Replica, PreemptsTheYoungestAndItContinuesWithItsNextToken) {
  // Two sequences of 40 + 20 tokens in a cache of 90: the cache is full after 5 decode steps.
  Replica replica({2, 1000, 90});
  replica.submit(work(0, 40, 20));
  replica.submit(work(1, 40, 20));
  std::map<RequestId, std::int64_t> tokens;
  std::int64_t now_ns = 0;
  bool preempted = false;
  std::size_t started = 0;
  while (true) {
    const StepPlan& plan = replica.plan_step(now_ns);
    if (plan.empty()) break;
    started += plan.started.size();
    if (!plan.preempted.empty()) {
      preempted = true;
      EXPECT_EQ(replica.sequence(plan.preempted[0]).work.id, 1U) << "the youngest";
      EXPECT_EQ(replica.running(), 1U);
      EXPECT_EQ(tokens[1], 6);
    }
    for (const PrefillChunk& chunk : plan.prefill) {
      if (preempted) {
        EXPECT_EQ(chunk.end, 46) << "prompt and emitted tokens are recomputed";
      }
    }
    now_ns += 10;
    for (const Emission& emission : replica.finish_step(now_ns).emissions) {
      ++tokens[emission.work.id];
      if (emission.work.id == 1 && tokens[1] == 7) {
        EXPECT_GT(emission.gap_ns, 10) << "the gap holds the time that it was out";
      }
    }
  }
  EXPECT_TRUE(preempted);
  EXPECT_EQ(tokens[0], 20);
  EXPECT_EQ(tokens[1], 20) << "no token is emitted twice";
  EXPECT_EQ(started, 2U) << "nor is it scheduled twice";
}

// Over random work and limits: everybody gets exactly their tokens, instants are in order, the
// cache and the batch are never over their limits, budgets hold, first come first scheduled.
RC_GTEST_PROP(Replica, EverybodyGetsTheirTokensWithinTheLimits, ()) {
  const ReplicaLimits limits{*rc::gen::inRange(1, 8), *rc::gen::inRange(1, 64),
                             *rc::gen::inRange(60, 200)};
  Replica replica(limits);
  const auto lengths = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(1, 30), rc::gen::inRange(1, 30)));
  std::vector<std::int64_t> tokens(lengths.size());
  std::vector<News> done(lengths.size());
  std::size_t submitted = 0;
  std::size_t completed = 0;
  std::int64_t now_ns = 0;
  while (true) {
    // At least one when idle, so that the test goes on.
    auto arrivals = *rc::gen::inRange(0, 4) + (replica.running() == 0 ? 1 : 0);
    for (; arrivals > 0 && submitted < lengths.size(); --arrivals, ++submitted) {
      replica.submit(work(static_cast<RequestId>(submitted), lengths[submitted].first,
                          lengths[submitted].second));
    }
    const StepPlan& plan = replica.plan_step(now_ns);
    if (plan.empty()) {
      RC_ASSERT(replica.running() == 0U && replica.waiting() == 0U);
      if (submitted == lengths.size()) break;
      continue;
    }
    std::int64_t prefilled = 0;
    std::set<std::uint32_t> slots(plan.decode.begin(), plan.decode.end());
    RC_ASSERT(slots.size() == plan.decode.size());
    for (const PrefillChunk& chunk : plan.prefill) {
      prefilled += chunk.end - chunk.begin;
      RC_ASSERT(chunk.end > chunk.begin);
      RC_ASSERT(slots.insert(chunk.slot).second);
    }
    RC_ASSERT(prefilled <= limits.max_step_tokens);
    RC_ASSERT(static_cast<std::int64_t>(replica.running()) <= limits.max_batch);
    RC_ASSERT(replica.resident_tokens() + static_cast<std::int64_t>(plan.decode.size()) <=
              limits.kv_tokens);
    ++now_ns;
    const StepOutcome& outcome = replica.finish_step(now_ns);
    for (const Emission& emission : outcome.emissions) {
      RC_ASSERT((emission.gap_ns < 0) == (tokens[emission.work.id] == 0));
      ++tokens[emission.work.id];
    }
    for (const News& completion : outcome.completions) {
      done[completion.id] = completion;
      ++completed;
    }
  }
  RC_ASSERT(completed == lengths.size());
  RC_ASSERT(replica.resident_tokens() == 0);
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    RC_ASSERT(tokens[i] == lengths[i].second);
    RC_ASSERT(done[i].scheduled_ns < done[i].first_token_ns);
    RC_ASSERT(done[i].first_token_ns <= done[i].at_ns);
    if (i > 0) RC_ASSERT(done[i - 1].scheduled_ns <= done[i].scheduled_ns);
  }
}

}  // namespace
}  // namespace tokenlift::replica_test
