#include "bench/run/capacity.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "bench/fleet/replica.hpp"
#include "bench/record/request.hpp"

namespace tokenlift::capacity_test {
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

/// A saturated replica whose steps cost what they do on some CPU: prompts of 64 tokens and 32
/// output tokens on average, each uniform.
class SaturatedReplica {
 public:
  static constexpr Mix kUniform{64, 32};

  SaturatedReplica() : replica_({16, 512, 65'536}) {
    for (int i = 0; i < 32; ++i) submit();
    while (completed_ < 160) step();
  }

  /// The next steps, until so many requests have completed.
  StepTimes serve(std::int64_t requests) {
    const StepTimes before = times_;
    const std::int64_t until = completed_ + requests;
    while (completed_ < until) step();
    return times_ - before;
  }
  std::int64_t emitted() const { return emitted_; }

 private:
  void submit() {
    Work work;
    work.id = next_id_++;
    work.prompt_tokens = prompts_(random_);
    work.output_tokens = outputs_(random_);
    replica_.submit(work);
  }
  void step() {
    const StepPlan& plan = replica_.plan_step(now_ns_);
    StepTimes took;
    for (const std::uint32_t slot : plan.decode) {
      ++took.decode_tokens;
      took.decode_ns += 42'000 + 521 * replica_.sequence(slot).kv_tokens;
    }
    if (!plan.decode.empty()) took.decode_ns += 2'034'000;
    for (const PrefillChunk& chunk : plan.prefill) {
      took.prompt_tokens += chunk.end - chunk.begin;
      took.prompt_ns += 1'822'000 + 69'100 * (chunk.end - chunk.begin);
    }
    now_ns_ += took.decode_ns + took.prompt_ns;
    times_ += took;
    const StepOutcome& outcome = replica_.finish_step(now_ns_);
    emitted_ += std::ssize(outcome.emissions);
    for (std::size_t i = 0; i < outcome.completions.size(); ++i) {
      ++completed_;
      submit();
    }
  }

  Replica replica_;
  std::mt19937_64 random_{1};
  std::uniform_int_distribution<std::int32_t> prompts_{16, 112};
  std::uniform_int_distribution<std::int32_t> outputs_{1, 63};
  RequestId next_id_ = 0;
  std::int64_t now_ns_ = 0;
  std::int64_t completed_ = 0;
  std::int64_t emitted_ = 0;
  StepTimes times_;
};

// What tokens counted in windows could not do: three of them said 576, 480 and 576 where 440 were
// there.
TEST(EstimateCapacity, OfFiftyFiveRequestsIsWithinThreePercentOfTheLongRun) {
  SaturatedReplica replica;
  const std::int64_t emitted = replica.emitted();
  const StepTimes all = replica.serve(50'000);
  const double long_run_tokens_per_s = static_cast<double>(replica.emitted() - emitted) * 1e9 /
                                       static_cast<double>(all.decode_ns + all.prompt_ns);
  double mean = 0;
  double mean_error = 0;
  constexpr int kMeasurements = 400;
  int within = 0;
  for (int n = 0; n < kMeasurements; ++n) {
    std::vector<std::vector<StepTimes>> blocks;
    for (int block = 0; block < 11; ++block) blocks.push_back({replica.serve(5)});
    const std::optional<Capacity> capacity =
        estimate_capacity(blocks, kOneReplica, SaturatedReplica::kUniform);
    ASSERT_TRUE(capacity);
    const double ratio = capacity->tokens_per_s / long_run_tokens_per_s;
    mean += ratio / kMeasurements;
    mean_error += capacity->standard_error / kMeasurements;
    within += std::abs(ratio - 1) <= 0.03 ? 1 : 0;
  }
  EXPECT_NEAR(mean, 1, 0.005);
  EXPECT_GE(within, kMeasurements * 99 / 100);
  EXPECT_LT(mean_error, kWantedCapacityError);
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

TEST(FallBetweenHalves, IsOfTheFirstHalf) {
  EXPECT_DOUBLE_EQ(fall_between_halves({100, 100, 60, 20}), 0.6);
  EXPECT_DOUBLE_EQ(fall_between_halves({100, 7, 50}), 0.5) << "the middle is in neither";
  EXPECT_EQ(fall_between_halves({100, 90, 95, 95}), 0);
  EXPECT_EQ(fall_between_halves({50, 100}), 0) << "a rise";
  EXPECT_EQ(fall_between_halves({0, 0}), 0);
  EXPECT_EQ(fall_between_halves({100}), 0);
  EXPECT_EQ(fall_between_halves({}), 0);
}

}  // namespace
}  // namespace tokenlift::capacity_test
