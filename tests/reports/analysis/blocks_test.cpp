#include "reports/analysis/blocks.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/reports/analysis/noise.hpp"

namespace tokenlift::blocks_test {
namespace {

using Values = std::vector<double>;

constexpr Bins kBins{100'000'000, 1};  // 0.1 s

BlockMeans blocks_of(std::size_t blocks, double mean, double standard_error) {
  BlockMeans result;
  result.bins = 10 * blocks;
  result.bins_per_block = 10;
  result.blocks = blocks;
  result.mean = mean;
  result.standard_error = standard_error;
  return result;
}

// Deviations -1.5, -0.5, 0.5, 1.5: covariances 5, 1.25, -1.5, -2.25. The first pair of correlations
// is 1.25, the second negative.
TEST(Blocks, AutocorrelationTimeIsTwiceTheSumOfPositivePairs) {
  EXPECT_DOUBLE_EQ(autocorrelation_time(Values{1, 2, 3, 4}), 2 * 1.25 - 1);
}

TEST(Blocks, AutocorrelationTimeOfWhatHasNoneIsOne) {
  EXPECT_EQ(autocorrelation_time({}), 1);
  EXPECT_EQ(autocorrelation_time(Values{3}), 1);
  EXPECT_EQ(autocorrelation_time(Values(100, 3.1)), 1);
  Values alternating;
  for (int i = 0; i < 100; ++i) alternating.push_back(i % 2);
  EXPECT_EQ(autocorrelation_time(alternating), 1);
  EXPECT_NEAR(autocorrelation_time(Noise(1).autoregressive(100'000, 0)), 1, 0.05);
}

TEST(Blocks, AutocorrelationTimeOfAnAutoregressionIsInClosedForm) {
  EXPECT_NEAR(autocorrelation_time(Noise(2).autoregressive(100'000, 0.5)), 3, 0.15);
  EXPECT_NEAR(autocorrelation_time(Noise(3).autoregressive(100'000, 0.9)), 19, 1.9);
}

TEST(Blocks, ABlockIsTenAutocorrelationTimesAndAThirtiethOfTheSeries) {
  const BlockMeans constant = block_means(Values(600, 7));
  EXPECT_EQ(constant.bins, 600U);
  EXPECT_EQ(constant.bins_per_block, 20U);
  EXPECT_EQ(constant.blocks, 30U);
  EXPECT_EQ(constant.mean, 7);
  EXPECT_EQ(constant.standard_error, 0);
  EXPECT_EQ(constant.effective_samples(), 600);
  const BlockMeans noise = block_means(Noise(4).autoregressive(3000, 0.9));
  EXPECT_EQ(noise.bins_per_block, std::ceil(10 * noise.autocorrelation_bins));
  EXPECT_EQ(noise.blocks, 3000 / noise.bins_per_block);
  EXPECT_NEAR(noise.effective_samples(), 3000 / 19.0, 40);
}

// Block means 4, 6, 4, 6, ...: their variance is 10 / 9, and there are 10.
TEST(Blocks, TheStandardErrorIsThatOfTheBlockMeans) {
  Values values;
  for (int block = 0; block < 10; ++block) {
    for (int i = 0; i < 10; ++i)
      values.push_back((block % 2 == 0 ? 4 : 6) + (i % 2 == 0 ? 50 : -50));
  }
  const BlockMeans blocks = block_means(values);
  ASSERT_EQ(blocks.bins_per_block, 10U);
  EXPECT_EQ(blocks.mean, 5);
  ASSERT_TRUE(blocks.standard_error);
  EXPECT_NEAR(*blocks.standard_error, 1.0 / 3, 1e-12);
}

TEST(Blocks, WithFewerThanTenThereIsNoIntervalButWhatWouldGiveOne) {
  const BlockMeans few = block_means(Values(50, 7));
  EXPECT_EQ(few.blocks, 5U);
  EXPECT_FALSE(few.standard_error);
  EXPECT_EQ(few.bins_needed(), 100U);
  const Estimate mean = mean_of_blocks(few, kBins);
  EXPECT_EQ(mean.value, 7);
  EXPECT_FALSE(mean.interval);
  EXPECT_EQ(mean.reason,
            "1 run, and a phase of 5.00 s has 5 of the 10 blocks of 1.00 s that this needs; a "
            "phase of at least 10.0 s, often longer, or 3 repetitions give an interval");
  const BlockMeans enough = block_means(Values(100, 7));
  EXPECT_TRUE(enough.standard_error);
  EXPECT_EQ(ratio_of_blocks(few, enough, kBins).reason, mean.reason);
  EXPECT_EQ(ratio_of_blocks(enough, few, kBins).reason, mean.reason);
  EXPECT_EQ(difference_of_blocks(enough, few, kBins).reason, mean.reason);
  EXPECT_FALSE(mean_of_blocks(block_means({}), kBins).value);
  EXPECT_EQ(mean_of_blocks(block_means({}), kBins).reason, "no time bin lies wholly in a phase");
}

// Relative variances 0.0004 and 0.0016: 0.002^2 / (0.0004^2 / 29 + 0.0016^2 / 19) = 28.52 degrees.
TEST(Blocks, ARatioAddsRelativeVariances) {
  const Estimate ratio = ratio_of_blocks(blocks_of(30, 100, 2), blocks_of(20, 150, 6), kBins);
  EXPECT_NEAR(*ratio.value, 1.5, 1e-12);
  ASSERT_TRUE(ratio.interval);
  const double half = t_quantile(28.5198) * std::sqrt(0.002);
  EXPECT_NEAR(ratio.interval->low, 1.5 * std::exp(-half), 1e-5);
  EXPECT_NEAR(ratio.interval->high, 1.5 * std::exp(half), 1e-5);
  EXPECT_EQ(ratio.basis,
            "1 run: 30 and 20 blocks of 1.00 s and 1.00 s, effective sample sizes 300 and 200");
}

// Variances 4 and 36: 40^2 / (4^2 / 29 + 36^2 / 19) = 23.27 degrees.
TEST(Blocks, ADifferenceAddsVariances) {
  const Estimate difference =
      difference_of_blocks(blocks_of(30, 100, 2), blocks_of(20, 150, 6), {100'000'000, 2});
  EXPECT_EQ(difference.value, 50);
  ASSERT_TRUE(difference.interval);
  const double half = t_quantile(23.2684) * std::sqrt(40);
  EXPECT_NEAR(difference.interval->low, 50 - half, 1e-4);
  EXPECT_NEAR(difference.interval->high, 50 + half, 1e-4);
  EXPECT_EQ(difference.basis.substr(0, 8), "2 runs: ");
}

TEST(Blocks, AZeroLeavesNoRatio) {
  const Estimate ratio = ratio_of_blocks(blocks_of(30, 0, 0), blocks_of(20, 150, 6), kBins);
  EXPECT_FALSE(ratio.value);
  EXPECT_FALSE(ratio.reason.empty());
  EXPECT_FALSE(ratio_of_blocks(blocks_of(30, 150, 1), blocks_of(20, 0, 0), kBins).value);
}

TEST(Blocks, WhatDoesNotVaryDoesNotChange) {
  const BlockMeans before = block_means(Values(600, 0.1));
  const BlockMeans after = block_means(Values(1700, 0.1));
  EXPECT_TRUE(ratio_of_blocks(before, after, kBins).interval->holds(1));
  EXPECT_TRUE(difference_of_blocks(before, after, kBins).interval->holds(0));
}

// In 60.5 s only the last 0.5 s have anything: they are in no whole block.
TEST(Blocks, WhatLiesOutsideOfThemCounts) {
  Values values(605, 0);
  for (std::size_t i = 600; i < values.size(); ++i) values[i] = 1210;
  const BlockMeans blocks = block_means(values);
  ASSERT_LE(blocks.bins_per_block * blocks.blocks, 600U);
  ASSERT_GE(blocks.blocks, kLeastBlocks);
  EXPECT_DOUBLE_EQ(blocks.mean, 10);
  EXPECT_DOUBLE_EQ(blocks.standard_error.value(), 10) << "the blocks say 0, the mean is 10";
  EXPECT_TRUE(difference_of_blocks(blocks, block_means(Values(600, 0)), kBins).interval->holds(0));
}

TEST(Blocks, ThatAreAllAlikeGiveADifferenceNoIntervalOfZeroWidth) {
  const BlockMeans before = block_means(Values(600, 2));
  const BlockMeans after = block_means(Values(600, 3));
  for (const Estimate& estimate :
       {ratio_of_blocks(before, after, kBins), difference_of_blocks(before, after, kBins),
        mean_of_blocks(after, kBins)}) {
    EXPECT_TRUE(estimate.value);
    EXPECT_FALSE(estimate.interval);
    EXPECT_EQ(estimate.reason,
              "the blocks of a phase are all alike: they do not show how much it varies");
  }
  EXPECT_TRUE(difference_of_blocks(before, blocks_of(30, 3, 0.1), kBins).interval);
}

// 400 series of 2,000 bins whose mean is 5. With a coverage of 95 % fewer than 362 held intervals
// are a false alarm with probability 1e-4; an interval that takes bins for a sample holds it in
// 35 % of them.
TEST(Blocks, TheIntervalHoldsTheMeanOfCorrelatedNoise) {
  Noise noise(5);
  int claimed = 0;
  int held = 0;
  for (int i = 0; i < 400; ++i) {
    const BlockMeans blocks = block_means(noise.autoregressive(2000, 0.8, 5));
    const Estimate mean = mean_of_blocks(blocks, kBins);
    if (!mean.interval) continue;
    ++claimed;
    held += mean.interval->holds(5) ? 1 : 0;
  }
  EXPECT_EQ(claimed, 400);
  EXPECT_GE(held, 362);
}

}  // namespace
}  // namespace tokenlift::blocks_test
