#include "bench/run/capacity.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

namespace tokenlift {
namespace {

constexpr std::int64_t kMs = 1'000'000;
const std::vector<std::int64_t> kOneReplica = {1};
const Mix kMix{10, 11};

/// Decode steps of 16 sequences that take `step_ns`, and prompts at `prompt_token_ns` per token.
StepTimes times(std::int64_t steps, std::int64_t step_ns, std::int64_t prompt_tokens,
                std::int64_t prompt_token_ns) {
  return {steps * step_ns, steps * 16, prompt_tokens * prompt_token_ns, prompt_tokens};
}

TEST(EstimateCapacity, IsWhatARequestOfTheMixTakes) {
  // 10 prompt tokens of 0.1 ms and 10 decoded ones of 16 ms / 16: 11 ms for 11 tokens.
  const std::vector<std::vector<StepTimes>> blocks(4, {times(100, 16 * kMs, 1000, kMs / 10)});
  const std::optional<Capacity> capacity = estimate_capacity(blocks, kOneReplica, kMix);
  ASSERT_TRUE(capacity);
  EXPECT_DOUBLE_EQ(capacity->tokens_per_s, 1000);
  EXPECT_DOUBLE_EQ(capacity->standard_error, 0);
}

TEST(EstimateCapacity, DoesNotDependOnWhichRequestsWereServed) {
  // Nothing but prompts in one block, long answers in another one: the costs are the same.
  const std::vector<std::vector<StepTimes>> blocks = {{times(10, 16 * kMs, 5000, kMs / 10)},
                                                      {times(300, 16 * kMs, 20, kMs / 10)},
                                                      {times(70, 16 * kMs, 700, kMs / 10)}};
  const std::optional<Capacity> capacity = estimate_capacity(blocks, kOneReplica, kMix);
  ASSERT_TRUE(capacity);
  EXPECT_NEAR(capacity->tokens_per_s, 1000, 1e-9);
  EXPECT_NEAR(capacity->standard_error, 0, 1e-12);
}

TEST(EstimateCapacity, AddsTheSites) {
  const StepTimes fast = times(100, 16 * kMs, 1000, kMs / 10);
  const StepTimes slow = times(100, 32 * kMs, 1000, kMs / 5);
  const std::vector<std::vector<StepTimes>> blocks(2, {fast, slow});
  const std::vector<std::int64_t> replicas = {2, 3};
  EXPECT_NEAR(estimate_capacity(blocks, replicas, kMix)->tokens_per_s, 2 * 1000 + 3 * 500, 1e-9);
}

TEST(EstimateCapacity, StatesTheStandardErrorOfAMeanOfBlocks) {
  // Answers of one token: capacity = 1 / (P x prompt time), so that blocks of equal size whose
  // prompt times differ by +-10 % about a mean have the standard error of that mean.
  const Mix prompts_only{10, 1};
  std::vector<std::vector<StepTimes>> blocks;
  for (const std::int64_t ns : {90'000, 110'000, 90'000, 110'000, 90'000, 110'000}) {
    blocks.push_back({StepTimes{0, 0, 1000 * ns, 1000}});
  }
  const std::optional<Capacity> capacity = estimate_capacity(blocks, kOneReplica, prompts_only);
  ASSERT_TRUE(capacity);
  EXPECT_DOUBLE_EQ(capacity->tokens_per_s, 1000);
  // Of six values +-0.1 about their mean: 0.1 x sqrt(6 / 5) / sqrt(6), to first order.
  EXPECT_NEAR(capacity->standard_error, 0.1 / std::sqrt(5.0), 0.001);
}

TEST(EstimateCapacity, IsAbsentWhereAPartWasNotMeasured) {
  const StepTimes both = times(100, 16 * kMs, 1000, kMs / 10);
  const StepTimes no_prompt = times(100, 16 * kMs, 0, 0);
  const StepTimes no_decode = times(0, 0, 1000, kMs / 10);
  const std::vector<std::int64_t> two = {1, 1};
  using Blocks = std::vector<std::vector<StepTimes>>;
  EXPECT_FALSE(estimate_capacity(Blocks(3, {no_prompt}), kOneReplica, kMix));
  EXPECT_FALSE(estimate_capacity(Blocks(3, {no_decode}), kOneReplica, kMix));
  EXPECT_TRUE(estimate_capacity(Blocks(3, {no_decode}), kOneReplica, Mix{10, 1}));
  EXPECT_FALSE(estimate_capacity(Blocks(3, {both, no_prompt}), two, kMix));
  EXPECT_FALSE(estimate_capacity(Blocks(1, {both}), kOneReplica, kMix)) << "one block has no error";
  EXPECT_FALSE(estimate_capacity(Blocks{}, kOneReplica, kMix));
}

}  // namespace
}  // namespace tokenlift
