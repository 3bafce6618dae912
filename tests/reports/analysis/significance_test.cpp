// Tests at the level of runs: against closed forms, and against what happens.

#include "reports/analysis/significance.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/reports/analysis/noise.hpp"

namespace tokenlift::significance_test {
namespace {

std::vector<double> normal_figures(Noise& noise, std::size_t n, double mean, double deviation) {
  std::vector<double> figures;
  for (std::size_t i = 0; i < n; ++i) figures.push_back(mean + deviation * noise.normal());
  return figures;
}

// R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") is 0.03, 0.06, 0.06, 0.02.
TEST(Significance, HolmCorrectsKnownPValues) {
  const std::vector<double> corrected = holm(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  const std::vector<double> expected = {0.03, 0.06, 0.06, 0.02};
  ASSERT_EQ(corrected.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(corrected[i], expected[i], 1e-12);
  EXPECT_EQ(holm(std::vector<double>{0.9, 0.8}), (std::vector<double>{1, 1}));
  EXPECT_TRUE(holm(std::vector<double>{}).empty());
}

TEST(Significance, HolmHoldsEachPValueToALevelUpToTheFirstThatIsAboveIts) {
  const std::vector<double> p_values = {0.01, 0.04, 0.03, 0.005};
  const std::vector<double> levels = holm_levels(p_values, 0.05);
  const std::vector<double> expected = {0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4};
  ASSERT_EQ(levels.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(levels[i], expected[i], 1e-12);
  EXPECT_TRUE(holm_levels(std::vector<double>{}, 0.05).empty());
}

RC_GTEST_PROP(Significance, HolmsLevelsPassWhatItsCorrectionDoes, ()) {
  std::vector<double> p_values;
  for (const int permille : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 60))) {
    p_values.push_back(permille / 1000.0);
  }
  const std::vector<double> corrected = holm(p_values);
  const std::vector<double> levels = holm_levels(p_values, 0.05);
  for (std::size_t i = 0; i < p_values.size(); ++i) {
    if (std::abs(corrected[i] - 0.05) < 1e-9) continue;  // by rounding either
    RC_ASSERT((p_values[i] <= levels[i]) == (corrected[i] <= 0.05));
  }
}

TEST(Significance, TheHighestShiftIsTheOneThatIsJustNotExcluded) {
  const Shift shift = shift_of(std::vector<double>{1, 2, 3}, std::vector<double>{3, 5, 7});
  EXPECT_NEAR(p_of_as_high(shift, shift.value), 0.5, 1e-12);
  EXPECT_NEAR(p_of_as_high(shift, highest(shift, 0.025)), 0.025, 1e-9);
  const Shift constant = shift_of(std::vector<double>{4, 4, 4}, std::vector<double>{5, 5, 5});
  EXPECT_EQ(p_of_as_high(constant, 1.5), 0);
  EXPECT_EQ(p_of_as_high(constant, 1), 1);
  EXPECT_EQ(highest(constant, 0.025), 1);
}

/// Shifts of runs that vary by `deviation` in each case.
template <typename Deviation>
std::vector<Shift> shifts_of(std::size_t cases, const Deviation& deviation) {
  Noise noise(11);
  std::vector<Shift> shifts;
  for (std::size_t i = 0; i < cases; ++i) {
    const double each = deviation(noise);
    shifts.push_back(
        shift_of(normal_figures(noise, 3, 0, each), normal_figures(noise, 3, 0, each)));
  }
  return shifts;
}

// 4000 cases of variances that are 4 x 6 / (chi squared with 6 degrees): what Smyth's moments find.
TEST(Significance, WhatLikeFiguresLendIsFoundInTheirVariances) {
  const VariancePrior prior = prior_of(shifts_of(4000, [](Noise& noise) {
    double chi = 0;
    for (int i = 0; i < 6; ++i) chi += std::pow(noise.normal(), 2);
    return std::sqrt(4 * 6 / chi);
  }));
  EXPECT_NEAR(prior.degrees, 6, 0.8);
  EXPECT_NEAR(prior.variance, 4, 0.3);
}

TEST(Significance, VariancesThatAreOneLendNearlyAllThatTheyHave) {
  const VariancePrior prior = prior_of(shifts_of(4000, [](Noise&) { return 2.0; }));
  EXPECT_GT(prior.degrees, 30);
  EXPECT_NEAR(prior.variance, 4, 0.2);
}

TEST(Significance, CasesThatHaveNothingInCommonLendNothingMuch) {
  const VariancePrior prior =
      prior_of(shifts_of(20, [](Noise& noise) { return std::exp(5 * noise.normal()); }));
  EXPECT_LT(prior.degrees, 0.5);
  EXPECT_EQ(prior_of(shifts_of(1, [](Noise&) { return 1.0; })).degrees, 0);
}

TEST(Significance, AModeratedShiftLiesBetweenItsOwnVarianceAndThatOfOthers) {
  const Shift own = paired_shift(std::vector<double>{1, 2, 3}, std::vector<double>{2, 5, 5});
  const Shift result = moderated(own, {6, 9});
  EXPECT_NEAR(std::pow(result.deviation, 2), (6 * 9 + 2 * std::pow(own.deviation, 2)) / 8, 1e-9);
  EXPECT_NEAR(result.standard_error, result.deviation / std::sqrt(3), 1e-12);
  EXPECT_EQ(result.degrees, 8);
  EXPECT_EQ(result.value, own.value);
  const Shift constant = paired_shift(std::vector<double>{1, 2, 3}, std::vector<double>{2, 3, 4});
  EXPECT_EQ(moderated(constant, {6, 9}).standard_error, 0);
}

TEST(Significance, WhatVariesFarMoreThanTheOthersBorrowsNextToNothing) {
  std::vector<Shift> shifts = shifts_of(8, [](Noise&) { return 1.0; });
  const std::vector<Shift> alike = moderated(shifts);
  Shift& wild = shifts[3];
  wild.deviation *= 20;
  wild.standard_error *= 20;
  const std::vector<Shift> moderate = moderated(shifts);
  EXPECT_GT(alike[3].borrowed, 1);
  EXPECT_LT(moderate[3].borrowed, 0.1);
  EXPECT_NEAR(moderate[3].deviation, wild.deviation, 0.03 * wild.deviation);
  EXPECT_GT(moderate[0].borrowed, 0.1);  // the others lend each other what they have in common
  const std::vector<Shift> alone = {wild};
  EXPECT_EQ(moderated(alone)[0].borrowed, 0);
}

TEST(Significance, TheLeastShiftThatRunsShowIsShownByThemAndNotByFewer) {
  const Shift shift = shift_of(std::vector<double>{1, 2, 3, 2}, std::vector<double>{3, 1, 2, 2});
  for (const std::size_t runs : {std::size_t{5}, std::size_t{12}, std::size_t{60}}) {
    const double least = least_shown(shift, runs, 0.1, 0.01);
    EXPECT_EQ(runs_needed(shift, {0.1, least * 1.0001, 0.01}), runs);
    EXPECT_GT(runs_needed(shift, {0.1, least * 0.98, 0.01}).value(), runs);
  }
}

RC_GTEST_PROP(Significance, HolmKeepsTheOrderAndNeverLowersAPValue, ()) {
  std::vector<double> p_values;
  for (const int percent : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 101))) {
    p_values.push_back(percent / 100.0);
  }
  const std::vector<double> corrected = holm(p_values);
  for (std::size_t i = 0; i < p_values.size(); ++i) {
    RC_ASSERT(corrected[i] >= p_values[i]);
    RC_ASSERT(corrected[i] <= 1);
    for (std::size_t j = 0; j < p_values.size(); ++j) {
      if (p_values[i] <= p_values[j]) RC_ASSERT(corrected[i] <= corrected[j]);
    }
  }
}

// By hand: means 2 and 5, variances 1 and 4, so (5 - 2) / sqrt(1/3 + 4/3) = 2.3238 with (5/3)^2 /
// ((1/3)^2 / 2 + (4/3)^2 / 2) = 2.9412 degrees of freedom: p is 0.1043 after numerical integration.
TEST(Significance, WelchsTestIsThatOfTheTextbook) {
  const Shift shift = shift_of(std::vector<double>{1, 2, 3}, std::vector<double>{3, 5, 7});
  EXPECT_DOUBLE_EQ(shift.value, 3);
  EXPECT_NEAR(shift.value / shift.standard_error, 2.3238, 1e-4);
  EXPECT_NEAR(shift.degrees, 2.9412, 1e-4);
  EXPECT_NEAR(shift.deviation, std::sqrt(2.5), 1e-12);
  EXPECT_NEAR(p_value(shift, 0), 0.1043, 2e-3);
}

TEST(Significance, FiguresThatDoNotVaryNeedNoException) {
  const std::vector<double> base = {4, 4, 4};
  const Shift none = paired_shift(base, base);
  EXPECT_EQ(none.value, 0);
  EXPECT_EQ(p_value(none, 0), 1);
  const TestSize size{0.01, 0.1, 0.05};
  EXPECT_EQ(power(none, size), 1);
  EXPECT_EQ(runs_needed(none, size), 3U);
  const Shift constant = shift_of(base, std::vector<double>{5, 5, 5});
  EXPECT_EQ(p_value(constant, 0.5), 0);
  EXPECT_EQ(p_value(constant, 2), 1);
}

TEST(Significance, AChangeThatDoesNotMatterIsNoneHoweverSure) {
  const Shift shift = shift_of(std::vector<double>{1, 1.0001, 0.9999, 1},
                               std::vector<double>{1.005, 1.0051, 1.0049, 1.005});
  EXPECT_LT(p_value(shift, 0), 1e-6);
  EXPECT_GT(p_value(shift, 0.01), 0.999);
}

// n = 2 (t + t')^2 (s / d)^2: with many degrees of freedom, where t is normal.
TEST(Significance, RunsNeededAgreeWithTheClosedForm) {
  Shift shift;
  shift.deviation = 1;
  shift.standard_error = 0.1;
  shift.degrees = 1e7;  // the deviation is as good as known
  shift.base_runs = shift.contender_runs = 100;
  const double critical = 1.95996 + 1.28155;
  for (const double sought : {0.2, 0.1, 0.05}) {
    const auto needed = static_cast<double>(runs_needed(shift, {0, sought, 0.05}).value());
    const double closed = 2 * std::pow(critical / sought, 2);
    EXPECT_NEAR(needed, closed, 2 + closed * 1e-3) << sought;
  }
  shift.paired = true;
  EXPECT_NEAR(static_cast<double>(runs_needed(shift, {0, 0.1, 0.05}).value()),
              std::pow(critical / 0.1, 2), 5);
  EXPECT_FALSE(runs_needed(shift, {0, 0.001, 0.05}));
}

// 2,000 experiments: the standard error of a share of 0.9 is 0.0067.
TEST(Significance, PowerIsHowOftenAChangeIsFound) {
  Noise noise(5);
  const TestSize size{0.1, 1.6, 0.01};
  for (const bool paired : {false, true}) {
    int found = 0;
    Shift planned;
    planned.paired = paired;
    const std::size_t runs = 12;
    planned.standard_error = std::sqrt((paired ? 1 : 2) / static_cast<double>(runs));
    planned.degrees = static_cast<double>((runs - 1) * (paired ? 1 : 2));
    for (int i = 0; i < 2000; ++i) {
      // A pair shares nothing but its deviation here: the difference has one of 1.
      const double each = paired ? std::sqrt(0.5) : 1;
      const auto base = normal_figures(noise, runs, 0, each);
      const auto contender = normal_figures(noise, runs, 1.6, each);
      const Shift shift = paired ? paired_shift(base, contender) : shift_of(base, contender);
      found += p_value(shift, size.negligible) <= size.level ? 1 : 0;
    }
    EXPECT_NEAR(found / 2000.0, power(planned, size), 0.03) << paired;
  }
}

// Where the true change is the largest that does not matter: 10,000 experiments, of which 5 % may
// call one, with a standard error of 0.2 %.
TEST(Significance, TheLevelHoldsAtTheBorderOfWhatMatters) {
  Noise noise(6);
  int called = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Shift shift = shift_of(normal_figures(noise, 4, 0, 1), normal_figures(noise, 6, 0.5, 2));
    called += p_value(shift, 0.5) <= 0.05 ? 1 : 0;
  }
  EXPECT_LE(called, 560);
}

// A pilot of 3 + 3 runs: the runs that it asks for show the change as often as promised.
TEST(Significance, APilotAsksForEnoughRuns) {
  Noise noise(7);
  const TestSize size{0.01, 0.0953, 0.05 / 20};
  int found = 0;
  for (int i = 0; i < 500; ++i) {
    const Shift pilot =
        shift_of(normal_figures(noise, 3, 0, 0.08), normal_figures(noise, 3, 0, 0.08));
    const std::size_t runs = runs_needed(pilot, size).value();
    const Shift shift =
        shift_of(normal_figures(noise, runs, 0, 0.08), normal_figures(noise, runs, 0.0953, 0.08));
    found += p_value(shift, size.negligible) <= size.level ? 1 : 0;
  }
  EXPECT_GE(found, 430);
}

RC_GTEST_PROP(Significance, SwappingTheSidesTurnsTheShiftAroundAndNothingElse, ()) {
  const auto n = *rc::gen::inRange<std::size_t>(2, 8);
  const auto figures = [&](std::size_t count) {
    std::vector<double> values;
    for (const int value : *rc::gen::container<std::vector<int>>(count, rc::gen::inRange(0, 50))) {
      values.push_back(value);
    }
    return values;
  };
  const std::vector<double> base = figures(n);
  const std::vector<double> contender = figures(n);
  for (const auto make : {shift_of, paired_shift}) {
    const Shift there = make(base, contender);
    const Shift back = make(contender, base);
    RC_ASSERT(std::abs(there.value + back.value) < 1e-9);
    RC_ASSERT(std::abs(p_value(there, 1) - p_value(back, 1)) < 1e-9);
    RC_ASSERT(p_value(there, 1) >= p_value(there, 0));
  }
}

}  // namespace
}  // namespace tokenlift::significance_test
