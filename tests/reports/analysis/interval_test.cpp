#include "reports/analysis/interval.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <vector>

namespace tokenlift::interval_test {
namespace {

using Figures = std::vector<double>;

void expect_interval(const Estimate& estimate, double low, double value, double high) {
  ASSERT_TRUE(estimate.value) << estimate.reason;
  ASSERT_TRUE(estimate.interval) << estimate.reason;
  EXPECT_NEAR(*estimate.value, value, 1e-6 * std::abs(value));
  EXPECT_NEAR(estimate.interval->low, low, 1e-6 * std::abs(low));
  EXPECT_NEAR(estimate.interval->high, high, 1e-6 * std::abs(high));
  EXPECT_EQ(estimate.reason, "");
}

// From a printed table of Student's t, 0.975.
TEST(Interval, QuantilesAreThoseOfTheTable) {
  EXPECT_NEAR(t_quantile(1), 12.706, 5e-4);
  EXPECT_NEAR(t_quantile(2), 4.303, 5e-4);
  EXPECT_NEAR(t_quantile(4), 2.776, 5e-4);
  EXPECT_NEAR(t_quantile(9), 2.262, 5e-4);
  EXPECT_NEAR(t_quantile(29), 2.045, 5e-4);
  EXPECT_NEAR(t_quantile(1e6), 1.960, 5e-4);
}

// Logarithms of 2, 2.2 and 1.8: mean 0.6897970, standard error 0.0579515, times 4.302653.
TEST(Interval, ARatioIsTheGeometricMeanOfTheRunsRatios) {
  const Estimate ratio = ratio_over_runs(Figures{100, 100, 100}, Figures{200, 220, 180});
  expect_interval(ratio, 1.5534000, 1.9933110, 2.5578014);
  EXPECT_EQ(ratio.basis, "3 runs");
}

// 100, 120 and 80: mean 100, standard error 20 / sqrt(3), times 4.302653.
TEST(Interval, ADifferenceIsTheMeanOfTheRunsDifferences) {
  const Estimate difference = difference_over_runs(Figures{100, 100, 100}, Figures{200, 220, 180});
  expect_interval(difference, 100 - 49.682754, 100, 100 + 49.682754);
  EXPECT_EQ(difference.basis, "3 runs");
}

// The runs differ by a factor of 100, but each is changed by about the same.
TEST(Interval, EachRunIsComparedWithItselfOnly) {
  const Estimate ratio = ratio_over_runs(Figures{1, 10, 100}, Figures{2, 20.2, 199});
  ASSERT_TRUE(ratio.interval);
  EXPECT_GT(ratio.interval->low, 1.95);
  EXPECT_LT(ratio.interval->high, 2.05);
}

TEST(Interval, RunsThatAgreeLeaveNoDoubtButRounding) {
  const Estimate ratio = ratio_over_runs(Figures{100, 200, 400}, Figures{150, 300, 600});
  expect_interval(ratio, 1.5, 1.5, 1.5);
  EXPECT_LT(ratio.interval->high - ratio.interval->low, 1e-11);
  const Estimate none = ratio_over_runs(Figures{0.1, 0.7, 0.3}, Figures{0.1, 0.7, 0.3});
  EXPECT_TRUE(none.interval->holds(1));
  const double third = 1.0 / 3;
  const Estimate rounded =
      difference_over_runs(Figures{1, 1, 1}, Figures(3, third + third + third));
  EXPECT_TRUE(rounded.interval->holds(0));
}

TEST(Interval, FewerThanThreeRunsHaveNoneAndSoItIsSaid) {
  const Estimate one = ratio_over_runs(Figures{100}, Figures{150});
  EXPECT_NEAR(one.value.value(), 1.5, 1e-12);
  EXPECT_FALSE(one.interval);
  EXPECT_EQ(one.basis, "1 run");
  EXPECT_EQ(one.reason, "1 run; 3 repetitions give an interval");
  const Estimate two = difference_over_runs(Figures{1, 2}, Figures{3, 6});
  EXPECT_EQ(two.value, 3);
  EXPECT_FALSE(two.interval);
  EXPECT_EQ(two.reason, "2 runs; 3 repetitions give an interval");
  const Estimate none = ratio_over_runs({}, {});
  EXPECT_FALSE(none.value);
  EXPECT_EQ(none.reason, "no run has both phases");
}

TEST(Interval, AZeroLeavesNoRatio) {
  for (const Figures& after : {Figures{200, 0, 180}, Figures{0, 0, 0}}) {
    const Estimate ratio = ratio_over_runs(Figures{100, 100, 100}, after);
    EXPECT_FALSE(ratio.value);
    EXPECT_FALSE(ratio.interval);
    EXPECT_EQ(ratio.reason, "0 in some run: no ratio");
  }
  EXPECT_FALSE(ratio_over_runs(Figures{100, 0, 100}, Figures{1, 1, 1}).value);
}

TEST(Interval, WhatIsNotFiniteDoesNotLeave) {
  const Estimate infinite = difference_over_runs(Figures{1, 1, 1}, Figures{1, INFINITY, 1});
  EXPECT_FALSE(infinite.value);
  EXPECT_EQ(infinite.reason, "not a finite figure");
  EXPECT_FALSE(difference_over_runs(Figures{1, 1, 1}, Figures{1, NAN, 1}).value);
  EXPECT_FALSE(ratio_over_runs(Figures{1, 1, 1}, Figures{1, NAN, 1}).value);
  // exp(4.3 x 240) is more than a double holds.
  const Estimate wild = ratio_over_runs(Figures{1, 1, 1}, Figures{1, 1e180, 1e-180});
  EXPECT_EQ(wild.value, 1);
  EXPECT_FALSE(wild.interval);
  EXPECT_NE(wild.reason.find("more repetitions"), std::string::npos);
}

TEST(Interval, ASpreadIsTheStandardErrorOfTheMean) {
  const Spread two = spread_of(Figures{1, 3});
  EXPECT_EQ(two.mean, 2);
  EXPECT_DOUBLE_EQ(two.standard_error, 1);
  const Spread one = spread_of(Figures{5});
  EXPECT_EQ(one.mean, 5);
  EXPECT_EQ(one.standard_error, 0);
}

// The quantile of 1e9 degrees is that of the normal distribution.
TEST(Interval, AResolutionIsAddedToWhatIsChance) {
  const Estimate plain = estimate_of(10, 1, 1e9, "", 2);
  EXPECT_NEAR(plain.interval->low, 10 - 1.959964 - 2, 1e-6);
  EXPECT_NEAR(plain.interval->high, 10 + 1.959964 + 2, 1e-6);
  const Estimate log = estimate_of_log(std::log(2), 0.1, 1e9, "", 0.2);
  EXPECT_NEAR(log.interval->low, 2 * std::exp(-0.3959964), 1e-6);
  EXPECT_NEAR(log.interval->high, 2 * std::exp(0.3959964), 1e-6);
  const Estimate none = estimate_of(1, 0.5, 1e9, "", 2);
  EXPECT_EQ(none.value, 0) << "nobody can see it";
  EXPECT_EQ(none.interval, (Interval{0, 0}));
  EXPECT_EQ(estimate_of(1, 0, 1e9, "", 1).value, 0) << "nor what is as large";
  EXPECT_EQ(estimate_of(-1.5, 0.5, 1e9, "", 2).value, -1.5);
}

// What rounding may do goes by the size of the figures, however small they are.
TEST(Interval, SmallDifferencesOfSmallFiguresAreSome) {
  const Estimate small =
      difference_over_runs(Figures{1e-15, 1e-15, 1e-15}, Figures{2e-15, 2e-15, 2e-15});
  EXPECT_NEAR(*small.value, 1e-15, 1e-20);
  EXPECT_GT(small.interval->low, 0.9e-15);
  const Estimate fallen =
      difference_over_runs(Figures{3, 3, 3}, Figures{3 - 2e-12, 3 - 2e-12, 3 - 2e-12});
  EXPECT_EQ(fallen.value, 0) << "3e-12 is what rounding may do";
}

// Three runs with attainments of 0.75, 0.92 and 0.955: by t alone 0.602 to 1.148.
TEST(Interval, OfAShareStaysWithinZeroAndOne) {
  const std::vector<double> shares = {0.75, 0.92, 0.955};
  const Spread spread = spread_of(shares);
  const Estimate plain = estimate_of(spread.mean, spread.standard_error, 2, "");
  ASSERT_GT(plain.interval->high, 1);
  const Estimate share = within_limits(plain, {0, 1, 1000});
  EXPECT_EQ(share.interval, (Interval{plain.interval->low, 1}));
}

// The rule of three: 0 of n are compatible with a share of up to 3 / n, for (1 - 3/n)^n is 5 %.
TEST(Interval, OfAShareIsNeverOfZeroWidth) {
  EXPECT_EQ(within_limits(estimate_of(1, 0, 2, ""), {0, 1, 1000}).interval, (Interval{0.997, 1}));
  EXPECT_EQ(within_limits(estimate_of(0, 0, 2, ""), {0, 1, 1000}).interval, (Interval{0, 0.003}));
  EXPECT_EQ(within_limits(estimate_of(0, 0, 2, ""), {-1, 1, 1000}).interval,
            (Interval{-0.003, 0.003}));
  EXPECT_EQ(within_limits(estimate_of(1, 0, 2, ""), {0, 1, 0}).interval, (Interval{0, 1}))
      << "of no request nothing is known";
  EXPECT_EQ(within_limits(estimate_of(0.5, 0, 2, ""), {0, 9, 1}).interval, (Interval{0, 3.5}));
  EXPECT_EQ(within_limits(estimate_of(0.5, 0, 2, ""), {0, 9, 0}).interval, (Interval{0, 9}));
  EXPECT_EQ(within_limits(estimate_of(1, 0, 2, ""), {-1, 1, 0}).interval, (Interval{-1, 1}));
  const Estimate none = estimate_without_interval(1, "1 run", "too few");
  EXPECT_FALSE(within_limits(none, {0, 1, 1000}).interval);
}

RC_GTEST_PROP(IntervalProperties, AnEstimateIsFiniteAndInItsIntervalOrSaysWhyNot, ()) {
  const auto exponents = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(-300, 300), rc::gen::inRange(-300, 300)));
  Figures before;
  Figures after;
  for (const auto& [first, second] : exponents) {
    before.push_back(first == -300 ? 0 : std::pow(10.0, first));
    after.push_back(second == -300 ? 0 : std::pow(10.0, second));
  }
  for (const Estimate& estimate :
       {ratio_over_runs(before, after), difference_over_runs(before, after)}) {
    if (estimate.value) RC_ASSERT(std::isfinite(*estimate.value));
    RC_ASSERT(estimate.interval.has_value() == estimate.reason.empty());
    if (!estimate.interval) continue;
    RC_ASSERT(before.size() >= kLeastRuns);
    RC_ASSERT(std::isfinite(estimate.interval->low));
    RC_ASSERT(std::isfinite(estimate.interval->high));
    RC_ASSERT(estimate.interval->holds(*estimate.value));
  }
}

RC_GTEST_PROP(IntervalProperties, ARatioTheOtherWayRoundIsTheInverse, ()) {
  const auto draws = *rc::gen::container<std::vector<std::pair<int, int>>>(
      5, rc::gen::pair(rc::gen::inRange(1, 1000), rc::gen::inRange(1, 1000)));
  Figures before;
  Figures after;
  for (const auto& [first, second] : draws) {
    before.push_back(first);
    after.push_back(second);
  }
  const Estimate forth = ratio_over_runs(before, after);
  const Estimate back = ratio_over_runs(after, before);
  const auto agrees = [](double a, double b) { return std::abs(a * b - 1) < 1e-9; };
  RC_ASSERT(agrees(*forth.value, *back.value));
  RC_ASSERT(agrees(forth.interval->low, back.interval->high));
  RC_ASSERT(agrees(forth.interval->high, back.interval->low));
}

}  // namespace
}  // namespace tokenlift::interval_test
