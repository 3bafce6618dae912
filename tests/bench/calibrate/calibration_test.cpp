// Contract: every point of the grid is measured, whatever the time given, and the costs determine a
// cost model; an interruption leaves nothing.

#include "bench/calibrate/calibration.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

namespace tokenlift {
namespace {

using Batches = std::vector<std::int64_t>;

constexpr DecoderShape kToy = {1, 32, 2, 1, 32, 64};

TEST(Calibration, BatchesGoUpToTheLargest) {
  EXPECT_EQ(calibration_batches(1), (Batches{1}));
  EXPECT_EQ(calibration_batches(2), (Batches{1, 2}));
  EXPECT_EQ(calibration_batches(3), (Batches{1, 2, 3}));
  EXPECT_EQ(calibration_batches(16), (Batches{1, 2, 3, 4, 6, 8, 12, 16}));
  EXPECT_EQ(calibration_batches(20), (Batches{1, 2, 3, 4, 6, 8, 12, 16, 20}));
}

TEST(Calibration, EveryPointIsMeasuredEvenInNoTime) {
  const std::atomic<bool> stop{false};
  double share = -1;
  const auto costs = measure_step_costs(
      kToy, {2, 6, 1}, [&](double done) { share = done; }, stop);
  ASSERT_TRUE(costs);
  EXPECT_GE(costs->rounds, 3);
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
}

// Few points a round: the fewest rounds alone would not come to every chunk.
TEST(Calibration, EveryChunkIsMeasuredAlsoOfTheSmallestBatch) {
  const std::atomic<bool> stop{false};
  const auto costs = measure_step_costs(
      kToy, {2, 2, 1}, [](double) {}, stop);
  ASSERT_TRUE(costs);
  EXPECT_EQ(costs->decode.size(), 5U);
  EXPECT_EQ(costs->prefill.size(), 16U);
  for (const PrefillSample& sample : costs->prefill) EXPECT_GT(sample.cost_ps, 0);
  const CostFit fit = fit_cost_model(costs->decode, costs->prefill);
  EXPECT_GT(fit.cost.chunk_ps(0, 64), 0);
}

TEST(Calibration, AnInterruptionLeavesNothing) {
  const std::atomic<bool> stop{true};
  constexpr std::int64_t kAnHourNs = 3'600'000'000'000;
  EXPECT_FALSE(measure_step_costs(
      kToy, {1, 2, kAnHourNs}, [](double) {}, stop));
}

}  // namespace
}  // namespace tokenlift
