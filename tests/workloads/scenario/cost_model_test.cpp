#include "workloads/scenario/cost_model.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace tokenlift::cost_model_test {
namespace {

// Of each term, so that a slip in one is seen.
constexpr CostModel kCost{1'000'000, 10'000, 100, 2'000'000, 5'000, 3};

TEST(CostModel, PricesADecodeStepAndAChunk) {
  EXPECT_EQ(kCost.decode_ps(1, 1), 1'010'100);
  EXPECT_EQ(kCost.decode_ps(16, 4000), 1'000'000 + 160'000 + 400'000);
  EXPECT_EQ(kCost.chunk_ps(0, 10), 2'000'000 + 50'000 + 300);
  EXPECT_EQ(kCost.chunk_ps(10, 20), 2'000'000 + 50'000 + 3 * (400 - 100));
}

// Of separate calls each pays for itself.
TEST(StepPrice, OfSeparateCallsAddsThemUp) {
  const StepPrice price(kCost);
  EXPECT_EQ(price.decode_ps(16, 4000), kCost.decode_ps(16, 4000));
  const std::int64_t chunks_ps = price.chunk_ps(0, 10) + price.chunk_ps(10, 20);
  EXPECT_EQ(chunks_ps, kCost.chunk_ps(0, 10) + kCost.chunk_ps(10, 20));
  EXPECT_EQ(price.prefill_ps(20, chunks_ps, 0, 0), chunks_ps);
  EXPECT_EQ(price.prefill_ps(20, chunks_ps, 16, 4000), kCost.decode_ps(16, 4000) + chunks_ps);
}

TEST(StepPrice, OfOnePassSharesTheFixedPart) {
  CostModel cost = kCost;
  cost.pricing = Pricing::mixed;
  const StepPrice price(cost);
  const std::int64_t chunks_ps = price.chunk_ps(0, 10) + price.chunk_ps(10, 20);
  EXPECT_EQ(chunks_ps, 50'000 + 300 + 50'000 + 900);
  EXPECT_EQ(price.decode_ps(16, 4000), 1'000'000 + 160'000 + 400'000);
  EXPECT_EQ(price.prefill_ps(20, chunks_ps, 0, 0), 2'000'000 + chunks_ps) << "p0 once";
  EXPECT_EQ(price.prefill_ps(20, chunks_ps, 16, 4000), 2'000'000 + 560'000 + chunks_ps)
      << "p0 is more than a";
  cost.a_ps = 3'000'000;
  EXPECT_EQ(StepPrice(cost).prefill_ps(20, chunks_ps, 16, 4000), 3'000'000 + 560'000 + chunks_ps)
      << "a is more than p0";
  EXPECT_EQ(StepPrice(cost).prefill_ps(20, chunks_ps, 0, 0), 2'000'000 + chunks_ps);
}

TEST(StepPrice, HoldsPrefillAtItsFloor) {
  const StepPrice price(kCost, 0, {2'500'000, 30'000});
  const std::int64_t chunk_ps = price.chunk_ps(0, 10);
  EXPECT_EQ(price.prefill_ps(10, chunk_ps, 0, 0), 2'500'000) << "the weights are read";
  EXPECT_EQ(price.prefill_ps(200, chunk_ps, 0, 0), 6'000'000) << "200 tokens are computed";
  EXPECT_EQ(price.prefill_ps(10, chunk_ps, 100, 0), 1'000'000 + 1'000'000 + chunk_ps) << "110 are";
  EXPECT_EQ(price.prefill_ps(10, chunk_ps, 200, 0), 210 * 30'000) << "210 are";
}

// In any step, whatever it holds, and above the floor.
TEST(StepPrice, HasTheOverheadOnTop) {
  for (const Pricing pricing : {Pricing::separate, Pricing::mixed}) {
    for (const StepFloor& floor : {StepFloor{}, StepFloor{50'000'000, 1}}) {
      CostModel cost = kCost;
      cost.pricing = pricing;
      const StepPrice bare(cost, 0, floor);
      const StepPrice price(cost, 777, floor);
      EXPECT_EQ(price.decode_ps(3, 50), bare.decode_ps(3, 50) + 777);
      const std::int64_t chunk_ps = bare.chunk_ps(0, 10);
      EXPECT_EQ(price.chunk_ps(0, 10), chunk_ps) << "once per step, not per chunk";
      EXPECT_EQ(price.prefill_ps(10, chunk_ps, 0, 0), bare.prefill_ps(10, chunk_ps, 0, 0) + 777);
      EXPECT_EQ(price.prefill_ps(10, chunk_ps, 3, 50), bare.prefill_ps(10, chunk_ps, 3, 50) + 777);
    }
  }
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
  EXPECT_EQ(StepPrice(kCost).longest_ps(8, 100, 1000),
            1'080'000 + 100'000 + 8 * 2'000'000 + 100 * 5'000 + 3 * 2 * 1000 * 100);
  // No more chunks than tokens.
  EXPECT_EQ(StepPrice(kCost).longest_ps(8, 2, 1000),
            1'080'000 + 100'000 + 2 * 2'000'000 + 2 * 5'000 + 3 * 2 * 1000 * 2);
  // In one pass p0, here the larger fixed part, is paid once, and a not at all.
  CostModel mixed = kCost;
  mixed.pricing = Pricing::mixed;
  EXPECT_EQ(StepPrice(mixed, 5).longest_ps(8, 100, 1000),
            5 + 2'000'000 + 80'000 + 100'000 + 100 * 5'000 + 3 * 2 * 1000 * 100);
  EXPECT_EQ(StepPrice(kCost, 5, {0, 1'000'000}).longest_ps(8, 100, 1000), 5 + 108'000'000);
}

TEST(LongestStep, IsNothingWhereItIsMoreThanTheBound) {
  const auto longest = [](const CostModel& cost) { return StepPrice(cost).longest_ps(1, 1, 1); };
  EXPECT_EQ(longest({kLongestStepPs - 1, 1, 0, 0, 0, 0}), kLongestStepPs);
  EXPECT_EQ(longest({kLongestStepPs, 1, 0, 0, 0, 0}), std::nullopt);
  EXPECT_EQ(StepPrice({kLongestStepPs - 1, 1, 0, 0, 0, 0}, 1).longest_ps(1, 1, 1), std::nullopt);
  // Products far beyond 64 bits.
  CostModel dear{kLongestStepPs, kLongestStepPs, kLongestStepPs,
                 kLongestStepPs, kLongestStepPs, kLongestStepPs};
  constexpr std::int64_t kLimitMax = 1'000'000'000'000;
  constexpr std::int64_t kStepMax = 1'000'000'000;
  for (const Pricing pricing : {Pricing::separate, Pricing::mixed}) {
    dear.pricing = pricing;
    const StepPrice price(dear, kLongestStepPs, {2 * kLongestStepPs, 2 * kLongestStepPs});
    EXPECT_EQ(price.longest_ps(kLimitMax, kStepMax, kLimitMax), std::nullopt);
  }
  EXPECT_EQ(StepPrice({0, 0, 0, 0, 0, 1}).longest_ps(1, kStepMax, kLimitMax), std::nullopt);
}

/// A step: who decodes, and the chunks.
struct Step {
  std::int64_t decoding = 0;
  std::int64_t kv_tokens = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> chunks;
};

/// Any within the limits: part of the batch decodes, other sequences get chunks; not empty.
Step any_step(std::int64_t max_batch, std::int64_t max_step_tokens, std::int64_t kv_tokens) {
  Step step;
  step.decoding = *rc::gen::inRange<std::int64_t>(0, max_batch + 1);
  if (step.decoding > 0) step.kv_tokens = *rc::gen::inRange<std::int64_t>(0, kv_tokens + 1);
  std::int64_t budget = *rc::gen::inRange<std::int64_t>(0, max_step_tokens + 1);
  if (step.decoding == 0) budget = max_step_tokens;
  for (std::int64_t i = step.decoding; i < max_batch && budget > 0; ++i) {
    const auto end = *rc::gen::inRange<std::int64_t>(1, kv_tokens + 1);
    const auto size = *rc::gen::inRange<std::int64_t>(1, std::min(budget, end) + 1);
    step.chunks.emplace_back(end - size, end);
    budget -= size;
  }
  return step;
}

/// As an engine does it.
std::int64_t priced(const StepPrice& price, const Step& step) {
  if (step.chunks.empty()) return price.decode_ps(step.decoding, step.kv_tokens);
  std::int64_t tokens = 0;
  std::int64_t chunks_ps = 0;
  for (const auto& [begin, end] : step.chunks) {
    tokens += end - begin;
    chunks_ps += price.chunk_ps(begin, end);
  }
  return price.prefill_ps(tokens, chunks_ps, step.decoding, step.kv_tokens);
}

/// As it is written at the top of cost_model.hpp.
std::int64_t by_the_book(const CostModel& cost, std::int64_t overhead_ps, const StepFloor& floor,
                         const Step& step) {
  const bool decodes = step.decoding > 0;
  std::int64_t law = 0;
  std::int64_t tokens = step.decoding;
  if (decodes) law += cost.b_ps * step.decoding + cost.c_ps * step.kv_tokens;
  for (const auto& [s, e] : step.chunks) {
    law += cost.p1_ps * (e - s) + cost.p2_ps * (e * e - s * s);
    tokens += e - s;
  }
  if (cost.pricing == Pricing::separate) {
    law += (decodes ? cost.a_ps : 0) + cost.p0_ps * std::ssize(step.chunks);
  } else if (decodes && !step.chunks.empty()) {
    law += std::max(cost.a_ps, cost.p0_ps);
  } else {
    law += decodes ? cost.a_ps : cost.p0_ps;
  }
  if (step.chunks.empty()) return overhead_ps + law;
  return overhead_ps + std::max({law, floor.weights_ps, floor.token_ps * tokens});
}

RC_GTEST_PROP(StepPrice, IsTheLawOfAnyStepAndNeverMoreThanTheLongest, ()) {
  const auto up_to = [](std::int64_t most) { return *rc::gen::inRange<std::int64_t>(0, most); };
  const auto coefficient = [&] { return up_to(1'000'000); };
  const CostModel cost{coefficient(),
                       coefficient(),
                       coefficient(),
                       coefficient(),
                       coefficient(),
                       coefficient(),
                       *rc::gen::element(Pricing::separate, Pricing::mixed)};
  const auto overhead_ps = coefficient();
  const StepFloor floor{*rc::gen::element<std::int64_t>(0, 1'000'000, 1'000'000'000'000),
                        *rc::gen::element<std::int64_t>(0, 500'000, 100'000'000'000)};
  const StepPrice price(cost, overhead_ps, floor);
  const auto max_batch = *rc::gen::inRange<std::int64_t>(1, 20);
  const auto max_step_tokens = *rc::gen::inRange<std::int64_t>(1, 1000);
  const auto kv_tokens = *rc::gen::inRange<std::int64_t>(100, 100'000);
  const Step step = any_step(max_batch, max_step_tokens, kv_tokens);
  const std::int64_t step_ps = priced(price, step);
  RC_ASSERT(step_ps == by_the_book(cost, overhead_ps, floor, step));
  const std::optional<std::int64_t> longest =
      price.longest_ps(max_batch, max_step_tokens, kv_tokens);
  RC_ASSERT(longest);
  RC_ASSERT(step_ps <= *longest);
  RC_CLASSIFY(step.decoding > 0 && !step.chunks.empty(), "both kinds");
}

}  // namespace
}  // namespace tokenlift::cost_model_test
