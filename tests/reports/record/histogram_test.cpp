#include "reports/record/histogram.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

namespace tokenlift::histogram_test {
namespace {

constexpr std::int64_t kThirtyDaysNs = std::int64_t{30} * 24 * 3600 * 1'000'000'000;

/// 0 ns .. 30 days, every power of two equally likely.
rc::Gen<std::int64_t> any_value_ns() {
  return rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 52), rc::gen::arbitrary<std::uint64_t>()),
                      [](const std::pair<int, std::uint64_t>& drawn) {
                        const auto value =
                            static_cast<std::int64_t>(drawn.second >> (63 - drawn.first) >> 1);
                        return std::min(value, kThirtyDaysNs);
                      });
}

rc::Gen<std::vector<std::int64_t>> some_values_ns() {
  return rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(any_value_ns()));
}

Histogram histogram_of(const std::vector<std::int64_t>& values_ns) {
  Histogram histogram;
  for (const std::int64_t value_ns : values_ns) histogram.record(value_ns);
  return histogram;
}

std::vector<BucketCount> buckets_of(const Histogram& histogram) {
  std::vector<BucketCount> buckets;
  histogram.for_each_bucket([&](std::int64_t lower_ns, std::int64_t, std::uint64_t count) {
    buckets.push_back({Histogram::bucket_of(lower_ns), count});
  });
  return buckets;
}

TEST(Histogram, BucketsCoverTheRangeWithoutGapsOrOverlaps) {
  std::int64_t expected_ns = 0;
  for (std::size_t bucket = 0; bucket < Histogram::kBuckets; ++bucket) {
    const std::int64_t lower_ns = Histogram::lower_ns(bucket);
    ASSERT_EQ(lower_ns, expected_ns);
    expected_ns += Histogram::width_ns(bucket);
    ASSERT_EQ(Histogram::bucket_of(lower_ns), bucket);
    ASSERT_EQ(Histogram::bucket_of(expected_ns - 1), bucket);
  }
  EXPECT_EQ(expected_ns - 1, Histogram::kMaxValueNs);
  EXPECT_GE(Histogram::kMaxValueNs, kThirtyDaysNs);
}

TEST(Histogram, ABucketMidpointIsWithinOne128thOfEveryValueInIt) {
  for (std::size_t bucket = 0; bucket < Histogram::kBuckets; ++bucket) {
    const std::int64_t lower_ns = Histogram::lower_ns(bucket);
    const std::int64_t half_ns = Histogram::width_ns(bucket) / 2;
    ASSERT_LE(half_ns * 128, lower_ns);  // both ends are at most half_ns away, values >= lower_ns
  }
}

RC_GTEST_PROP(Histogram, ErrorIsUnderOnePercentForAnyValue, ()) {
  const std::int64_t value_ns = *any_value_ns();
  Histogram histogram;
  histogram.record(0);
  histogram.record(value_ns);
  histogram.record(kThirtyDaysNs);  // so that clamping to [min, max] does not help
  const auto error_ns = static_cast<double>(std::abs(histogram.value_at(0.5) - value_ns));
  RC_ASSERT(error_ns <= static_cast<double>(value_ns) / 128);
}

RC_GTEST_PROP(Histogram, QuantilesAreTheOrderStatisticsOfTheSortedValues, ()) {
  std::vector<std::int64_t> values_ns = *some_values_ns();
  const Histogram histogram = histogram_of(values_ns);
  std::sort(values_ns.begin(), values_ns.end());
  for (const double quantile : {0.0, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
    const auto rank =
        static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(values_ns.size())));
    const std::int64_t expected_ns = values_ns[std::max<std::size_t>(rank, 1) - 1];
    const std::int64_t found_ns = histogram.value_at(quantile);
    RC_ASSERT(std::abs(found_ns - expected_ns) * 128 <= expected_ns);
  }
  RC_ASSERT(histogram.value_at(0) == values_ns.front());
  RC_ASSERT(histogram.value_at(1) == values_ns.back());
}

RC_GTEST_PROP(Histogram, CountMeanMinAndMaxAreExact, ()) {
  const std::vector<std::int64_t> values_ns = *some_values_ns();
  const Histogram histogram = histogram_of(values_ns);
  __uint128_t sum_ns = 0;
  for (const std::int64_t value_ns : values_ns) sum_ns += static_cast<__uint128_t>(value_ns);
  RC_ASSERT(histogram.count() == values_ns.size());
  RC_ASSERT(histogram.sum_ns() == sum_ns);
  RC_ASSERT(histogram.mean_ns() ==
            static_cast<double>(sum_ns) / static_cast<double>(values_ns.size()));
  const auto [min, max] = std::minmax_element(values_ns.begin(), values_ns.end());
  RC_ASSERT(histogram.min_ns() == *min);
  RC_ASSERT(histogram.max_ns() == *max);
}

RC_GTEST_PROP(Histogram, MergingEqualsRecordingAllInAnyOrder, ()) {
  const auto part_ns = rc::gen::container<std::vector<std::int64_t>>(any_value_ns());
  const std::array<std::vector<std::int64_t>, 3> parts = {*part_ns, *part_ns, *part_ns};
  std::vector<std::int64_t> together;
  for (const auto& part : parts) together.insert(together.end(), part.begin(), part.end());
  const Histogram all = histogram_of(together);

  Histogram left = histogram_of(parts[0]);  // (0 + 1) + 2
  left.merge(histogram_of(parts[1]));
  left.merge(histogram_of(parts[2]));
  Histogram tail = histogram_of(parts[2]);  // (2 + 1) + 0
  tail.merge(histogram_of(parts[1]));
  tail.merge(histogram_of(parts[0]));
  RC_ASSERT(left == all);
  RC_ASSERT(tail == all);
}

RC_GTEST_PROP(Histogram, IsRebuiltFromItsBuckets, ()) {
  const Histogram histogram = histogram_of(*some_values_ns());
  const Histogram rebuilt = Histogram::from_buckets(buckets_of(histogram), histogram.sum_ns(),
                                                    histogram.min_ns(), histogram.max_ns());
  RC_ASSERT(rebuilt == histogram);
}

// Few buckets are a list, and more of them, or more visits, are a window that grows on both sides.
RC_GTEST_PROP(Histogram, HoldsTheSameHoweverOftenAndWhereverItIsUsed, ()) {
  const auto size = *rc::gen::element<std::size_t>(1, 20, 2000);
  const auto values = *rc::gen::container<std::vector<std::int64_t>>(size, any_value_ns());
  std::map<std::size_t, std::uint64_t> expected;
  for (const std::int64_t value_ns : values) ++expected[Histogram::bucket_of(value_ns)];
  const Histogram one = histogram_of(values);
  std::vector<BucketCount> buckets;
  for (const auto& [index, count] : expected) buckets.push_back({index, count});
  RC_ASSERT(buckets_of(one) == buckets);
  // Its buckets in one visit each: a list where `one` may have a window.
  const Histogram other =
      Histogram::from_buckets(buckets, one.sum_ns(), one.min_ns(), one.max_ns());
  RC_ASSERT(one == other && other == one);
  RC_ASSERT(one.value_at(0.3) == other.value_at(0.3));
  Histogram copy = other;
  copy = one;
  Histogram moved = std::move(copy);
  RC_ASSERT(moved == one);
  moved.record(values.front());
  RC_ASSERT(!(moved == one));
  Histogram here = one;
  here.merge(other);
  Histogram there = other;
  there.merge(one);
  RC_ASSERT(here == there && here.count() == 2 * values.size());
}

TEST(Histogram, HoldsCountsThatAListHasNoRoomFor) {
  Histogram histogram;
  histogram.record(5, (std::uint64_t{1} << 52) - 1);
  histogram.record(5);
  histogram.record(1'000'000, UINT64_MAX >> 1);
  EXPECT_EQ(buckets_of(histogram),
            (std::vector<BucketCount>{{5, std::uint64_t{1} << 52},
                                      {Histogram::bucket_of(1'000'000), UINT64_MAX >> 1}}));
}

TEST(Histogram, CountsRepeatedValuesAtOnce) {
  Histogram once;
  once.record(1000, 5);
  Histogram five;
  for (int i = 0; i < 5; ++i) five.record(1000);
  EXPECT_EQ(once, five);
}

TEST(Histogram, OfOneValueIsExactAtEveryQuantile) {
  Histogram histogram;
  histogram.record(1'234'567'891, 1000);
  for (const double quantile : {0.0, 0.5, 0.99, 1.0}) {
    EXPECT_EQ(histogram.value_at(quantile), 1'234'567'891);
  }
  EXPECT_EQ(histogram.mean_ns(), 1'234'567'891.0);
}

TEST(Histogram, ValuesAboveTheRangeAreCountedInTheLastBucketAndKeepSumAndMax) {
  Histogram histogram;
  histogram.record(INT64_MAX, 2);
  histogram.record(1);
  EXPECT_EQ(Histogram::bucket_of(INT64_MAX), Histogram::kBuckets - 1);
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.max_ns(), INT64_MAX);
  EXPECT_EQ(histogram.sum_ns(), static_cast<__uint128_t>(INT64_MAX) * 2 + 1);
}

TEST(Histogram, RefusesBucketsThatNoRecordingCouldHaveLeft) {
  using Buckets = std::vector<BucketCount>;
  const auto build = [](const Buckets& buckets, std::uint64_t sum_ns, std::int64_t min_ns,
                        std::int64_t max_ns) {
    return Histogram::from_buckets(buckets, sum_ns, min_ns, max_ns);
  };
  EXPECT_EQ(build({{3, 2}, {7, 1}}, 13, 3, 7).count(), 3U);
  EXPECT_EQ(build({}, 0, 0, 0), Histogram{});
  EXPECT_THROW(build({}, 1, 0, 0), std::invalid_argument);
  EXPECT_THROW(build({{Histogram::kBuckets, 1}}, 1, 1, 1), std::invalid_argument);
  EXPECT_THROW(build({{7, 1}, {3, 1}}, 10, 3, 7), std::invalid_argument);
  EXPECT_THROW(build({{3, 1}, {3, 1}}, 6, 3, 3), std::invalid_argument);
  EXPECT_THROW(build({{3, 0}}, 0, 3, 3), std::invalid_argument);
  EXPECT_THROW(build({{3, UINT64_MAX}, {7, 1}}, 10, 3, 7), std::invalid_argument);
  EXPECT_THROW(build({{3, 1}, {7, 1}}, 10, 2, 7), std::invalid_argument);
  EXPECT_THROW(build({{3, 1}, {7, 1}}, 10, 3, 8), std::invalid_argument);
  EXPECT_THROW(build({{3, 1}}, 3, -1, 3), std::invalid_argument);
  EXPECT_THROW(build({{3, 2}}, 9, 3, 3), std::invalid_argument);
  EXPECT_THROW(build({{3, 1}}, 2, 3, 3), std::invalid_argument);
}

// 3.6 ns twice: counted as 3 ns, and 7.2 ns together.
TEST(Histogram, TakesASumThatWasKeptFinerThanNanoseconds) {
  Histogram histogram;
  histogram.count_in(3, 2, 3, 3);
  histogram.add_sum(7);
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_EQ(histogram.mean_ns(), 3.5);
  EXPECT_EQ(Histogram::from_buckets(buckets_of(histogram), 7, 3, 3), histogram);
  EXPECT_EQ(Histogram::from_buckets(buckets_of(histogram), 8, 3, 3).count(), 2U)
      << "(max + 1) * count: a bound that does not depend on how finely time was kept";
}

TEST(Histogram, StartsOnACacheLineAndFillsWholeOnes) {
  EXPECT_EQ(alignof(Histogram), 64U);
  EXPECT_EQ(sizeof(Histogram) % 64, 0U);
}

}  // namespace
}  // namespace tokenlift::histogram_test
