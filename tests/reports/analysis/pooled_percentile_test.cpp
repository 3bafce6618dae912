#include "reports/analysis/pooled_percentile.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <map>
#include <vector>

namespace tokenlift::pooled_percentile_test {
namespace {

using Samples = std::vector<BucketCount>;

Samples samples_of(const std::vector<std::int64_t>& values_ns) {
  std::map<std::size_t, std::uint64_t> counts;
  for (const std::int64_t value : values_ns) ++counts[Histogram::bucket_of(value)];
  Samples samples;
  for (const auto& [index, count] : counts) samples.push_back({index, count});
  return samples;
}

/// `count` samples of every value from `least_ns` on in steps of `step_ns`, `steps` of them.
Samples ladder(std::int64_t least_ns, std::int64_t step_ns, std::int64_t steps,
               std::int64_t count = 1) {
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < steps; ++i) {
    for (std::int64_t j = 0; j < count; ++j) values.push_back(least_ns + i * step_ns);
  }
  return samples_of(values);
}

std::vector<RunPair> pairs_of(const std::vector<Samples>& before,
                              const std::vector<Samples>& after) {
  std::vector<RunPair> pairs;
  for (std::size_t i = 0; i < before.size(); ++i) pairs.push_back({before[i], after[i]});
  return pairs;
}

TEST(PooledPercentile, IsInterpolatedByRankWithinItsBucket) {
  // 1000 .. 1007 ns are one bucket.
  const Samples one = samples_of(std::vector<std::int64_t>(100, 1003));
  EXPECT_DOUBLE_EQ(interpolated_percentile(one, 500).value_ns, 1004);
  EXPECT_DOUBLE_EQ(interpolated_percentile(one, 900).value_ns, 1007.2);
  // A bucket for each: half of 0 .. 99 are below 50.
  const Samples each = ladder(0, 1, 100);
  EXPECT_DOUBLE_EQ(interpolated_percentile(each, 500).value_ns, 50);
  EXPECT_DOUBLE_EQ(interpolated_percentile(each, 990).value_ns, 99);
  // Half of them below the gap, half above: where the lower bucket ends.
  EXPECT_DOUBLE_EQ(interpolated_percentile(samples_of({10, 10, 90, 90}), 500).value_ns, 11);
}

TEST(PooledPercentile, OfOneRunIsAPointWithTheReason) {
  const Samples before = ladder(1'000'000, 1000, 1000);
  const Samples after = ladder(2'000'000, 2000, 1000);
  const Estimate ratio = percentile_ratio({{before, after}}, 500);
  ASSERT_TRUE(ratio.value);
  EXPECT_NEAR(*ratio.value, 2, 0.005);
  EXPECT_FALSE(ratio.interval);
  EXPECT_EQ(ratio.basis, "1 run");
  EXPECT_EQ(ratio.reason, "1 run; 5 repetitions give an interval");
  EXPECT_EQ(percentile_ratio({{before, after}}, 990).reason,
            "1 run; 5 repetitions give an interval, with 10,000 requests in each phase (1,000 "
            "here)");
}

TEST(PooledPercentile, P99NeedsTenThousandRequestsInEachPhaseAndRun) {
  EXPECT_EQ(samples_needed_per_run(500), 20U);
  EXPECT_EQ(samples_needed_per_run(900), 100U);
  EXPECT_EQ(samples_needed_per_run(990), 10'000U);
  const Samples enough = ladder(1'000'000, 100, 10'000);
  const Samples lacking = ladder(1'000'000, 100, 9'999);
  std::vector<RunPair> runs(5, {enough, enough});
  EXPECT_TRUE(percentile_ratio(runs, 990).interval);
  runs[3].after = lacking;
  const Estimate ratio = percentile_ratio(runs, 990);
  EXPECT_TRUE(ratio.value);
  EXPECT_FALSE(ratio.interval);
  EXPECT_EQ(ratio.reason, "9,999 requests in the smallest phase of a run; 10,000 give an interval");
}

TEST(PooledPercentile, WhatTheSampleDoesNotSupportHasNoValue) {
  const Samples few = ladder(1000, 10, 19);
  const Estimate ratio = percentile_ratio({{few, few}}, 500);
  EXPECT_FALSE(ratio.value);
  EXPECT_EQ(ratio.reason, "p50 needs 20 requests in a phase; 19 here");
  EXPECT_FALSE(percentile_difference({{few, few}}, 500).value);
  EXPECT_FALSE(percentile_ratio({{Buckets{}, few}}, 500).value);
  EXPECT_FALSE(percentile_ratio({}, 500).value);
}

// Some runs are ten times as slow as others, and all are slowed by 2: that much is sure.
TEST(PooledPercentile, ARunIsLeftOutOfBothSidesAtOnce) {
  std::vector<Samples> before;
  std::vector<Samples> after;
  for (const std::int64_t scale : {1, 2, 4, 7, 10}) {
    before.push_back(ladder(scale << 20, scale << 10, 1024));
    after.push_back(ladder(scale << 21, scale << 11, 1024));
  }
  const Estimate ratio = percentile_ratio(pairs_of(before, after), 500);
  ASSERT_TRUE(ratio.interval);
  EXPECT_NEAR(*ratio.value, 2, 1e-9);
  EXPECT_NEAR(ratio.interval->low, 2, 1e-9);
  EXPECT_NEAR(ratio.interval->high, 2, 1e-9);
  // Against other runs' it is not.
  const std::vector<Samples> turned = {after[3], after[0], after[4], after[1], after[2]};
  const Estimate apart = percentile_ratio(pairs_of(before, turned), 500);
  ASSERT_TRUE(apart.interval);
  EXPECT_GT(apart.interval->high - apart.interval->low, 1);
}

// 60 % of the requests wait for exactly the longest wait, then 80 %: the median stays.
TEST(PooledPercentile, AValueThatManyHaveIsKnownToItsBucketOnly) {
  const auto mix = [](std::size_t waiting, std::size_t others) {
    std::vector<std::int64_t> values(waiting, 2'000'000'000);
    values.resize(waiting + others, 1'000'000);
    return samples_of(values);
  };
  const std::vector<Samples> before(5, mix(600, 400));
  const std::vector<Samples> after(5, mix(800, 200));
  const Estimate ratio = percentile_ratio(pairs_of(before, after), 500);
  ASSERT_TRUE(ratio.interval);
  EXPECT_TRUE(ratio.interval->holds(1));
  EXPECT_GT(ratio.interval->low, 0.96);
  EXPECT_LT(ratio.interval->high, 1.04);
  const Estimate difference = percentile_difference(pairs_of(before, after), 500);
  ASSERT_TRUE(difference.interval);
  EXPECT_TRUE(difference.interval->holds(0));
}

// ----------------------------------------------------------------- against the textbook's formula

std::vector<std::int64_t> draw_values() {
  return *rc::gen::container<std::vector<std::int64_t>>(
      40, rc::gen::inRange<std::int64_t>(1000, 1'000'000));
}

Samples merged(const std::vector<Samples>& runs, std::size_t without) {
  std::map<std::size_t, std::uint64_t> counts;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i == without) continue;
    for (const BucketCount& bucket : runs[i]) counts[bucket.index] += bucket.count;
  }
  Samples all;
  for (const auto& [index, count] : counts) all.push_back({index, count});
  return all;
}

RC_GTEST_PROP(PooledPercentileProperties, TheErrorIsThatOfPseudoValues, ()) {
  const std::size_t n = 5;
  std::vector<Samples> before;
  std::vector<Samples> after;
  for (std::size_t i = 0; i < n; ++i) {
    before.push_back(samples_of(draw_values()));
    after.push_back(samples_of(draw_values()));
  }
  const auto difference = [&](std::size_t without) {
    return interpolated_percentile(merged(after, without), 500).value_ns -
           interpolated_percentile(merged(before, without), 500).value_ns;
  };
  const double whole = difference(n);
  std::vector<double> pseudo;
  double mean = 0;
  for (std::size_t i = 0; i < n; ++i) {
    pseudo.push_back(5 * whole - 4 * difference(i));
    mean += pseudo.back() / 5;
  }
  double squares = 0;
  for (const double value : pseudo) squares += (value - mean) * (value - mean);
  const double half = 2.776445 * std::sqrt(squares / 4 / 5);

  const Estimate estimate = percentile_difference(pairs_of(before, after), 500);
  RC_ASSERT(std::abs(*estimate.value - whole) < 1e-6);
  const double measured = (estimate.interval->high - estimate.interval->low) / 2;
  // It is a bucket of each side wider where one bucket holds an eighth of the samples.
  RC_ASSERT(measured > half * (1 - 1e-6) - 1e-6);
  RC_ASSERT(measured < half * (1 + 1e-6) + 2 * 8192 + 1e-6);
}

RC_GTEST_PROP(PooledPercentileProperties, NothingButFiniteFiguresLeaves, ()) {
  std::vector<Samples> before;
  std::vector<Samples> after;
  const int runs = *rc::gen::inRange(1, 8);
  for (int i = 0; i < runs; ++i) {
    const auto values = rc::gen::container<std::vector<std::int64_t>>(
        rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 53));
    before.push_back(samples_of(*values));
    after.push_back(samples_of(*values));
  }
  for (const int permille : {500, 900, 990}) {
    for (const Estimate& estimate : {percentile_ratio(pairs_of(before, after), permille),
                                     percentile_difference(pairs_of(before, after), permille)}) {
      RC_ASSERT(estimate.interval.has_value() == estimate.reason.empty());
      if (estimate.value) RC_ASSERT(std::isfinite(*estimate.value));
      if (!estimate.interval) continue;
      RC_ASSERT(std::isfinite(estimate.interval->low) && std::isfinite(estimate.interval->high));
      RC_ASSERT(estimate.interval->holds(*estimate.value));
    }
  }
}

}  // namespace
}  // namespace tokenlift::pooled_percentile_test
