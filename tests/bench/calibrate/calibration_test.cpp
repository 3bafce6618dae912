// Contract: every point of the grid is measured, some of them twice, and the costs determine a cost
// model; time that is too short is said, and an interruption leaves nothing.

#include "bench/calibrate/calibration.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

namespace tokenlift::calibration_test {
namespace {

using Batches = std::vector<std::int64_t>;

constexpr DecoderShape kToy = {1, 32, 2, 1, 32, 64};
constexpr std::int64_t kAnHourNs = 3'600'000'000'000;

TEST(Calibration, BatchesGoUpToTheLargest) {
  EXPECT_EQ(calibration_batches(1), (Batches{1}));
  EXPECT_EQ(calibration_batches(2), (Batches{1, 2}));
  EXPECT_EQ(calibration_batches(3), (Batches{1, 2, 3}));
  EXPECT_EQ(calibration_batches(16), (Batches{1, 2, 3, 4, 6, 8, 12, 16}));
  EXPECT_EQ(calibration_batches(20), (Batches{1, 2, 3, 4, 6, 8, 12, 16, 20}));
}

TEST(Calibration, EveryPointIsMeasured) {
  const std::atomic<bool> stop{false};
  double share = -1;
  const auto costs = measure_step_costs(
      kToy, {2, 6, kAnHourNs, 4}, [&](double done) { share = done; }, stop);
  ASSERT_TRUE(costs);
  EXPECT_FALSE(costs->unfinished);
  EXPECT_EQ(costs->rounds, 4);
  EXPECT_GE(share, 0);
  EXPECT_LE(share, 1);
  Batches batches;
  for (const DecodeSample& sample : costs->decode) {
    EXPECT_GT(sample.cost_ps, 0);
    EXPECT_GE(sample.kv_tokens, sample.sequences * 24) << "the shortest prompt";
    EXPECT_LE(sample.kv_tokens, sample.sequences * 768) << "the longest context";
    batches.push_back(sample.sequences);
  }
  // Contexts of none, half and all long; a batch of 1 has no half.
  EXPECT_EQ(batches, (Batches{1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 6, 6, 6}));
  for (const PrefillSample& sample : costs->prefill) {
    EXPECT_GT(sample.cost_ps, 0);
    EXPECT_LT(sample.begin, sample.end);
  }
  const auto later = std::count_if(costs->prefill.begin(), costs->prefill.end(),
                                   [](const PrefillSample& sample) { return sample.begin > 0; });
  EXPECT_GE(later, 3) << "chunks that are not a prompt's first";
  const CostFit fit = fit_cost_model(costs->decode, costs->prefill);
  EXPECT_GT(fit.cost.decode_ps(6, 600), 0);
  // The first and the third round are of one condition, the others of the other. Of 56 chunks all
  // but those of long prompts come up at least three times, and in several rounds.
  EXPECT_EQ(costs->repeats.decode.size(), 2 * costs->decode.size());
  EXPECT_GE(costs->repeats.prefill.size(), 10U);
  for (const Repeat<DecodeSample>& repeat : costs->repeats.decode) {
    EXPECT_EQ(repeat.first.sequences, repeat.again.sequences);
    EXPECT_GT(repeat.first.cost_ps, 0);
    EXPECT_GT(repeat.again.cost_ps, 0);
  }
}

// A nanosecond is over before the first point: the time that is stated bounds all, and what could
// not be done in it is said.
TEST(Calibration, TimeThatIsTooShortIsSaid) {
  const std::atomic<bool> stop{false};
  const auto costs = measure_step_costs(
      kToy, {2, 6, 1}, [](double) {}, stop);
  ASSERT_TRUE(costs);
  ASSERT_TRUE(costs->unfinished);
  EXPECT_EQ(costs->unfinished->share, 0);
  EXPECT_EQ(costs->unfinished->needed_ns, 0) << "nothing to extrapolate from";
  EXPECT_EQ(costs->rounds, 0);
  EXPECT_TRUE(costs->decode.empty());
  EXPECT_TRUE(costs->prefill.empty());
}

// Few points a round: the fewest rounds alone would not come to every chunk.
TEST(Calibration, EveryChunkIsMeasuredAlsoOfTheSmallestBatch) {
  const std::atomic<bool> stop{false};
  const auto costs = measure_step_costs(
      kToy, {2, 2, kAnHourNs, 1}, [](double) {}, stop);
  ASSERT_TRUE(costs);
  EXPECT_EQ(costs->decode.size(), 5U);
  EXPECT_EQ(costs->prefill.size(), 16U);
  for (const PrefillSample& sample : costs->prefill) EXPECT_GT(sample.cost_ps, 0);
  const CostFit fit = fit_cost_model(costs->decode, costs->prefill);
  EXPECT_GT(fit.cost.chunk_ps(0, 64), 0);
}

TEST(Calibration, AnInterruptionLeavesNothing) {
  const std::atomic<bool> stop{true};
  EXPECT_FALSE(measure_step_costs(
      kToy, {1, 2, kAnHourNs}, [](double) {}, stop));
}

}  // namespace
}  // namespace tokenlift::calibration_test
