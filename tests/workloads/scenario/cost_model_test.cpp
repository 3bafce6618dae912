#include "workloads/scenario/cost_model.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>

namespace tokenlift {
namespace {

// Of each term, so that a slip in one is seen.
constexpr CostModel kCost{1'000'000, 10'000, 100, 2'000'000, 5'000, 3};

TEST(CostModel, PricesADecodeStepAndAChunk) {
  EXPECT_EQ(kCost.decode_ps(1, 1), 1'010'100);
  EXPECT_EQ(kCost.decode_ps(16, 4000), 1'000'000 + 160'000 + 400'000);
  EXPECT_EQ(kCost.chunk_ps(0, 10), 2'000'000 + 50'000 + 300);
  EXPECT_EQ(kCost.chunk_ps(10, 20), 2'000'000 + 50'000 + 3 * (400 - 100));
}

// Chunks of one prompt cost what it costs whole, and p0 more for each.
RC_GTEST_PROP(CostModel, ChunksAddUp, ()) {
  const auto end = *rc::gen::inRange<std::int64_t>(2, 100'000);
  const auto middle = *rc::gen::inRange<std::int64_t>(1, end);
  RC_ASSERT(kCost.chunk_ps(0, middle) + kCost.chunk_ps(middle, end) ==
            kCost.chunk_ps(0, end) + kCost.p0_ps);
}

TEST(LongestStep, IsThatOfAFullBatchAndAFullBudget) {
  // 8 chunks of one budget of 100 tokens, each at the end of a context of 1000.
  EXPECT_EQ(longest_step_ps(kCost, 8, 100, 1000),
            1'080'000 + 100'000 + 8 * 2'000'000 + 100 * 5'000 + 3 * 2 * 1000 * 100);
  // No more chunks than tokens.
  EXPECT_EQ(longest_step_ps(kCost, 8, 2, 1000),
            1'080'000 + 100'000 + 2 * 2'000'000 + 2 * 5'000 + 3 * 2 * 1000 * 2);
}

TEST(LongestStep, IsNothingWhereItIsMoreThanTheBound) {
  EXPECT_EQ(longest_step_ps({kLongestStepPs - 1, 1, 0, 0, 0, 0}, 1, 1, 1), kLongestStepPs);
  EXPECT_EQ(longest_step_ps({kLongestStepPs, 1, 0, 0, 0, 0}, 1, 1, 1), std::nullopt);
  // Products far beyond 64 bits.
  const CostModel dear{kLongestStepPs, kLongestStepPs, kLongestStepPs,
                       kLongestStepPs, kLongestStepPs, kLongestStepPs};
  constexpr std::int64_t kLimitMax = 1'000'000'000'000;
  EXPECT_EQ(longest_step_ps(dear, kLimitMax, 1'000'000'000, kLimitMax), std::nullopt);
  EXPECT_EQ(longest_step_ps({0, 0, 0, 0, 0, 1}, 1, 1'000'000'000, kLimitMax), std::nullopt);
}

// Any step within the limits: part of the batch decodes, other sequences get chunks.
RC_GTEST_PROP(LongestStep, NoStepTakesLonger, ()) {
  const auto coefficient = [] { return *rc::gen::inRange<std::int64_t>(0, 1'000'000); };
  const CostModel cost{coefficient(), coefficient(), coefficient(),
                       coefficient(), coefficient(), coefficient()};
  const auto max_batch = *rc::gen::inRange<std::int64_t>(1, 20);
  const auto max_step_tokens = *rc::gen::inRange<std::int64_t>(1, 1000);
  const auto kv_tokens = *rc::gen::inRange<std::int64_t>(100, 100'000);
  const std::optional<std::int64_t> longest =
      longest_step_ps(cost, max_batch, max_step_tokens, kv_tokens);
  RC_ASSERT(longest);

  const auto decoding = *rc::gen::inRange<std::int64_t>(0, max_batch + 1);
  std::int64_t step_ps =
      decoding == 0 ? 0
                    : cost.decode_ps(decoding, *rc::gen::inRange<std::int64_t>(0, kv_tokens + 1));
  std::int64_t budget = max_step_tokens;
  for (std::int64_t i = decoding; i < max_batch && budget > 0; ++i) {
    const auto end = *rc::gen::inRange<std::int64_t>(1, kv_tokens + 1);
    const auto size = *rc::gen::inRange<std::int64_t>(1, std::min(budget, end) + 1);
    step_ps += cost.chunk_ps(end - size, end);
    budget -= size;
  }
  RC_ASSERT(step_ps <= *longest);
}

}  // namespace
}  // namespace tokenlift
