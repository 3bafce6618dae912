#include "reports/findings/tuning_changes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "reports/analysis/sensitivity.hpp"
#include "tests/reports/record/rich_runs.hpp"

namespace tokenlift::tuning_changes_test {
namespace {

std::vector<double> evenly(std::size_t points) {
  std::vector<double> x;
  for (std::size_t i = 0; i < points; ++i) {
    x.push_back((static_cast<double>(i) + 0.5) / static_cast<double>(points));
  }
  return x;
}

/// A number in 0 .. 1 that has nothing to do with i.
double scattered(std::size_t i) {
  return std::fmod(static_cast<double>(i) * 0.6180339887498949, 1.0);
}

TEST(Sensitivity, IsOneOfWhatDecidesAllAndZeroOfWhatDecidesNothing) {
  const std::vector<double> x = evenly(400);
  std::vector<double> all, nothing;
  for (std::size_t i = 0; i < x.size(); ++i) {
    all.push_back(std::floor(10 * x[i]));  // constant in each of the ten bins
    nothing.push_back(scattered(i));
  }
  EXPECT_NEAR(first_order_share(x, all)->value, 1, 1e-9);
  EXPECT_NEAR(first_order_share(x, nothing)->value, 0, 0.03);
  EXPECT_LE(first_order_share(x, nothing)->value, first_order_share(x, nothing)->standard_error);
}

TEST(Sensitivity, SharesTheVarianceOfASumByTheVariancesOfItsParts) {
  // y = 3 a + b, of independent uniforms: a has 9/10 of the variance, b 1/10.
  std::vector<double> a, b, y;
  for (std::size_t i = 0; i < 32; ++i) {
    for (std::size_t j = 0; j < 32; ++j) {
      a.push_back((static_cast<double>(j) + 0.5) / 32);
      b.push_back((static_cast<double>(i) + 0.5) / 32);
      y.push_back(3 * a.back() + b.back());
    }
  }
  EXPECT_NEAR(first_order_share(a, y)->value, 0.9, 0.02);
  EXPECT_NEAR(first_order_share(b, y)->value, 0.1, 0.02);
}

// y = 2 a + b again, from so few points: 4/5 and 1/5 of the variance.
TEST(Sensitivity, HasAnErrorThatHoldsTheTruth) {
  constexpr std::size_t kTrials = 200, kPoints = 48;
  std::size_t held_a = 0, held_b = 0;
  double errors = 0;
  std::mt19937 random(1);
  std::uniform_real_distribution<double> uniform;
  for (std::size_t trial = 0; trial < kTrials; ++trial) {
    std::vector<double> a, b, y;
    for (std::size_t i = 0; i < kPoints; ++i) {
      a.push_back(uniform(random));
      b.push_back(uniform(random));
      y.push_back(2 * a.back() + b.back());
    }
    const FirstOrderShare of_a = *first_order_share(a, y), of_b = *first_order_share(b, y);
    held_a += std::abs(of_a.value - 0.8) <= 2 * of_a.standard_error ? 1U : 0U;
    held_b += std::abs(of_b.value - 0.2) <= 2 * of_b.standard_error ? 1U : 0U;
    errors += of_b.standard_error;
  }
  EXPECT_GT(held_a, kTrials * 85 / 100);
  EXPECT_GT(held_b, kTrials * 85 / 100);
  EXPECT_LT(errors / kTrials, 0.25) << "and not by being large";
}

TEST(Sensitivity, NeedsPointsAndSomethingThatVaries) {
  EXPECT_FALSE(first_order_share(evenly(23), std::vector<double>(23, 1.0)));
  EXPECT_FALSE(first_order_share(evenly(100), std::vector<double>(100, 0.1)));
}

Trial trial_of_rich_runs(std::size_t runs) {
  return make_trial("rich", rich_repetitions({}, runs));
}

TEST(TuningChanges, OfASettingAgainstItselfAreNone) {
  const Trial trial = trial_of_rich_runs(5);
  const std::vector<TuningChange> changes = tuning_changes(trial, trial, "after");
  ASSERT_EQ(changes.size(), 6U);
  for (const TuningChange& change : changes) {
    if (!change.change.value) continue;
    EXPECT_NEAR(*change.change.value, change.is_difference ? 0 : 1, 1e-9) << change.name;
    EXPECT_EQ(change.present, change.recommended) << change.name;
  }
  EXPECT_FALSE(changes[0].is_difference);
  EXPECT_TRUE(changes[2].is_difference);  // shares compare in points
}

TEST(TuningChanges, OfAPhaseThatIsNotThereAreNoLines) {
  const Trial trial = trial_of_rich_runs(2);
  EXPECT_TRUE(tuning_changes(trial, trial, "steady").empty());
}

TEST(TuningChanges, AnObjectiveOfItsOwnIsComparedByRuns) {
  TuningFigures present, recommended;
  present.objective = 5;
  recommended.objective = 3;
  present.objective_by_run = {5, 5.5, 4.5};
  recommended.objective_by_run = {3, 3.5, 2.5};
  const TuningChange change = change_of_objective({"lift.length_s", false}, present, recommended);
  EXPECT_FALSE(change.higher_is_better);
  EXPECT_DOUBLE_EQ(*change.change.value, -2);
  EXPECT_TRUE(change.change.interval);
}

TEST(Binding, NamesThrottlesConstraintsAndEndsOfRanges) {
  const Trial trial = trial_of_rich_runs(1);
  TuningReport report;
  report.best = 0;
  report.constraints = {"ttft.p99_ms.after <= 500", "attainment.after >= 0.5"};
  report.parameters.resize(2);
  report.parameters[0].key = "throttle.a.load";
  report.parameters[0].highest = "1.25";
  report.parameters[1].key = "throttle.a.burst";
  report.candidates.resize(1);
  report.candidates[0].point = {1, 0.5};
  report.candidates[0].figures.constraints = {{490, true, 0, "", 0.02}, {0.9, true, 0, "", 0.8}};
  const std::vector<std::string> binding = binding_of(
      trial.lifted.pooled, "before",
      std::vector<std::vector<std::string>>(trial.lifted.pooled.throttles.size()), report);
  const auto has = [&](const std::string& part) {
    return std::ranges::any_of(
        binding, [&](const std::string& each) { return each.find(part) != std::string::npos; });
  };
  EXPECT_TRUE(has("ttft.p99_ms.after <= 500 leaves no room: it is 490"));
  EXPECT_FALSE(has("attainment.after"));
  EXPECT_TRUE(has("throttle.a.load is at the upper end of its range, 1.25"));
  EXPECT_FALSE(has("throttle.a.burst"));
  EXPECT_TRUE(has("The throttle '"));
}

}  // namespace
}  // namespace tokenlift::tuning_changes_test
