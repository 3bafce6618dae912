#include "bench/tune/search.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "workloads/text/draw.hpp"

namespace tokenlift::search_test {
namespace {

using Point = std::vector<double>;

constexpr std::uint64_t kRequestsOfARun = 1000;
const Point kPresent = {0.1, 0.1};

/// What a candidate is worth, as exact arithmetic; runs add noise of their seed, the same to all.
struct Landscape {
  double (*objective)(const Point& at, Stress stress) = nullptr;
  double (*violation)(const Point& at, Stress stress) = [](const Point&, Stress) { return 0.0; };
  double noise = 0;
  bool maximize = true;
};

/// The figures of an attempt: a function of it alone.
TuningFigures figures_of(const Landscape& landscape, const Attempt& attempt) {
  const Point& at = attempt.point.empty() ? kPresent : attempt.point;
  TuningFigures figures;
  figures.runs = attempt.effort.runs;
  figures.length_share = attempt.effort.length_share;
  figures.requests = kRequestsOfARun * attempt.effort.runs;
  double sum = 0;
  for (std::uint64_t n = 0; n < attempt.effort.runs; ++n) {
    const double common = Draws(n, Purpose::tuning, 1).normal(0);
    const double own = Draws(n, Purpose::tuning, 2)
                           .normal(static_cast<std::uint64_t>(at[0] * 1e6) * 1'000'003 +
                                   static_cast<std::uint64_t>(at.back() * 1e6));
    const double value =
        landscape.objective(at, attempt.stress) * (1 + landscape.noise * (common + 0.1 * own));
    sum += value;
    if (attempt.by_run) figures.objective_by_run.push_back(value);
  }
  figures.objective = sum / static_cast<double>(attempt.effort.runs);
  const double violation = landscape.violation(at, attempt.stress);
  figures.constraints = {{violation, violation == 0, violation}};
  return figures;
}

double hill(const Point& at, Stress) {
  const double x = at[0] - 0.63, y = at[1] - 0.27;
  return 1000 * std::exp(-4 * (x * x + y * y));
}

std::string name_of(const Point& point) {
  std::string name;
  for (const double each : point) name += std::to_string(each) + " ";
  return name;
}

struct Searched {
  std::vector<TuningSearch::Candidate> candidates;
  std::optional<std::size_t> best;
  std::vector<Finalist> finalists;
  std::vector<TuningStage> stages;
  std::uint64_t requests = 0;
  bool interrupted = false;

  const Point& best_point() const {
    const Point& point = candidates[*best].point;
    return point.empty() ? kPresent : point;
  }
};

/// `attempts`: after so many it is stopped.
Searched search(const Landscape& landscape, std::uint64_t seed, std::size_t workers_count = 1,
                TuningBudget budget = {}, std::size_t attempts = SIZE_MAX,
                bool present_is_known = false) {
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> done = 0;
  SearchSpace space;
  space.dimensions = 2;
  space.maximize = landscape.maximize;
  space.seed = seed;
  space.snap = [](Point point) {
    for (double& each : point) each = std::round(each * 1000) / 1000;
    return point;
  };
  space.name = name_of;
  if (present_is_known) space.present = {kPresent[0], kPresent[1]};
  space.simulate = [&](const Attempt& attempt) -> std::optional<TuningFigures> {
    if (done++ >= attempts) stop = true;
    if (stop) return std::nullopt;
    return figures_of(landscape, attempt);
  };
  WorkPool pool(workers_count);
  TuningSearch one(space, budget, pool, stop);
  one.run();
  return {one.candidates(), one.best(),     one.finalists(),
          one.stages(),     one.requests(), one.interrupted()};
}

double worth(const Landscape& landscape, const Point& point) {
  return landscape.objective(point, Stress::none);
}

TEST(TuningSearch, FindsTheTopOfAHillThroughTheNoiseOfRuns) {
  const Landscape landscape{hill, Landscape{}.violation, 0.05, true};
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Searched found = search(landscape, seed);
    EXPECT_GE(worth(landscape, found.best_point()), 0.99 * 1000) << "seed " << seed;
    EXPECT_GE(found.candidates.size(), 200U);
  }
}

TEST(TuningSearch, MinimizesWhatIsToBeMinimized) {
  const Landscape landscape{[](const Point& at, Stress stress) { return 1100 - hill(at, stress); },
                            Landscape{}.violation, 0, false};
  EXPECT_LE(worth(landscape, search(landscape, 1).best_point()), 110);
}

TEST(TuningSearch, StaysWithinItsConstraintsWhereTheTopIsOutside) {
  // The top of the hill is forbidden: the best is on the border, x + y = 0.7.
  const Landscape landscape{
      hill, [](const Point& at, Stress) { return std::max(0.0, at[0] + at[1] - 0.7); }};
  const double reachable = 1000 * std::exp(-4 * 2 * 0.1 * 0.1);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Searched found = search(landscape, seed);
    EXPECT_TRUE(found.candidates[*found.best].figures.feasible());
    EXPECT_GE(worth(landscape, found.best_point()), 0.98 * reachable) << "seed " << seed;
  }
}

TEST(TuningSearch, WhereNothingIsFeasibleTheBestIsWhatMissesLeast) {
  const Landscape landscape{hill,
                            [](const Point& at, Stress) { return 0.5 + std::abs(at[0] - 0.8); }};
  const Searched found = search(landscape, 1);
  EXPECT_FALSE(found.candidates[*found.best].figures.feasible());
  EXPECT_NEAR(found.best_point()[0], 0.8, 0.02);
}

TEST(TuningSearch, AFunctionOfTheSeedWhateverTheNumberOfWorkers) {
  const Landscape landscape{hill, Landscape{}.violation, 0.1};
  const Searched one = search(landscape, 7);
  const Searched several = search(landscape, 7, 3);
  const Searched other = search(landscape, 8);
  ASSERT_EQ(one.candidates.size(), several.candidates.size());
  for (std::size_t i = 0; i < one.candidates.size(); ++i) {
    EXPECT_EQ(one.candidates[i].point, several.candidates[i].point);
    EXPECT_EQ(one.candidates[i].figures.objective, several.candidates[i].figures.objective);
  }
  EXPECT_EQ(one.best, several.best);
  EXPECT_EQ(one.requests, several.requests);
  EXPECT_NE(one.candidates[1].point, other.candidates[1].point);
}

TEST(TuningSearch, ThePresentSettingStaysWhereNothingIsWorthAChange) {
  const Landscape flat{[](const Point&, Stress) { return 500.0; }};
  EXPECT_EQ(search(flat, 1).best, 0U);
  // Half a percent better somewhere: nobody would change a setting for it.
  const Landscape nearly{[](const Point& at, Stress) { return 500 + 2.5 * at[0]; }};
  EXPECT_EQ(search(nearly, 1).best, 0U);
}

TEST(TuningSearch, OfThoseThatAreAsGoodTheMostRobustIsChosen) {
  // Flat as it is; under more load everything but a strip falls off a cliff.
  const Landscape landscape{[](const Point& at, Stress stress) {
    if (stress != Stress::more_load) return at[0] > 0.4 ? 1000.0 : 500.0;
    return at[0] > 0.7 ? 900.0 : 100.0;
  }};
  int robust = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    robust += search(landscape, seed).best_point()[0] > 0.7 ? 1 : 0;
  }
  EXPECT_EQ(robust, 5);
}

// A small budget has two runs for each finalist, which leave all of them undecided.
TEST(TuningSearch, WhatSeemsWorseIsNotRecommendedForBeingRobust) {
  const Landscape landscape{[](const Point& at, Stress stress) {
    const double as_things_are = 1000 - 500 * std::abs(at[0] - 0.7);
    return stress == Stress::more_load ? as_things_are * (1 - at[0]) : as_things_are;
  }};
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Searched found =
        search(landscape, seed, 1, {100 * static_cast<std::int64_t>(kRequestsOfARun), {}});
    double best = 0;
    for (const Finalist& finalist : found.finalists) {
      best = std::max(best, *found.candidates[finalist.candidate].figures.objective);
    }
    EXPECT_GE(worth(landscape, found.best_point()), 0.99 * best) << "seed " << seed;
  }
}

TEST(TuningSearch, WhatMakesNoDifferenceStaysAsItIs) {
  // Only the first coordinate matters.
  const Landscape landscape{
      [](const Point& at, Stress) { return 1000 - 500 * std::abs(at[0] - 0.7); }};
  const Searched found = search(landscape, 4, 1, {}, SIZE_MAX, true);
  EXPECT_NEAR(found.best_point()[0], 0.7, 0.02);
  EXPECT_EQ(found.best_point()[1], kPresent[1]);
  EXPECT_EQ(found.finalists.front().outcome, "recommended: as good, and changes less");
}

TEST(TuningSearch, KeepsToItsBudget) {
  const Landscape landscape{hill};
  for (const std::int64_t runs : {100, 300, 1000, 5000}) {
    const std::int64_t requests = runs * static_cast<std::int64_t>(kRequestsOfARun);
    const Searched found = search(landscape, 1, 1, {requests, {}});
    EXPECT_LE(found.requests, static_cast<std::uint64_t>(requests)) << runs;
    EXPECT_GE(found.requests, static_cast<std::uint64_t>(requests) / 3) << runs;
  }
  EXPECT_THROW(search(landscape, 1, 1, {20'000, {}}), BudgetTooSmall);
}

TEST(TuningSearch, WhatMakesNoDifferenceIsPutBackWithTheSmallestBudget) {
  const Landscape landscape{
      [](const Point& at, Stress) { return 1000 - 500 * std::abs(at[0] - 0.7); }};
  for (const std::int64_t runs : {40, 60, 100, 300}) {
    const std::int64_t requests = runs * static_cast<std::int64_t>(kRequestsOfARun);
    const Searched found = search(landscape, 4, 1, {requests, {}}, SIZE_MAX, true);
    EXPECT_EQ(found.best_point()[1], kPresent[1]) << runs;
    EXPECT_LE(found.requests, static_cast<std::uint64_t>(requests)) << runs;
  }
}

TEST(TuningSearch, ATimeThatIsTooShortIsSaidToBe) {
  EXPECT_THROW(search({hill}, 1, 1, {{}, 1e-9}), BudgetTooSmall);
}

TEST(TuningSearch, NoPointIsTriedTwice) {
  const Searched found = search({hill}, 3);
  std::set<Point> points;
  for (const TuningSearch::Candidate& candidate : found.candidates) {
    EXPECT_TRUE(points.insert(candidate.point).second);
  }
}

TEST(TuningSearch, AllRunsAreAccountedForByStage) {
  const Searched found = search({hill}, 3);
  std::uint64_t requests = 0;
  for (const TuningStage& stage : found.stages) requests += stage.requests;
  EXPECT_EQ(requests, found.requests);
  EXPECT_EQ(found.stages.front().name, "present");
  EXPECT_EQ(found.stages.back().name, "stress");  // without a present point nothing is put back
}

TEST(TuningSearch, EveryFinalistHasAnOutcomeAndTheBestComesFirst) {
  const Searched found = search({hill, Landscape{}.violation, 0.05}, 3);
  ASSERT_FALSE(found.finalists.empty());
  EXPECT_EQ(found.finalists.front().candidate, *found.best);
  for (const Finalist& finalist : found.finalists) EXPECT_NE(finalist.outcome, "");
}

// Whenever it is stopped, the best of what was simulated is known.
RC_GTEST_PROP(TuningSearch, StoppedAnywhereItHasTheBestSoFar, ()) {
  const auto attempts = static_cast<std::size_t>(*rc::gen::inRange(0, 700));
  const Searched found = search({hill}, 1, 1, {}, attempts);
  if (attempts <= 2) {  // the present setting, with one run and with two, is no search
    RC_ASSERT(!found.best);
    return;
  }
  RC_ASSERT(found.best.has_value());
  RC_ASSERT(found.candidates[*found.best].figures.objective.has_value());
  if (attempts < 100) {  // all of the first rung: nothing that was simulated is better
    const double best = *found.candidates[*found.best].figures.objective;
    for (const TuningSearch::Candidate& candidate : found.candidates) {
      if (candidate.figures.objective) RC_ASSERT(*candidate.figures.objective <= best);
    }
  }
}

TEST(TuningSearch, CandidatesThatAreNoScenarioAreLeftOut) {
  SearchSpace space;
  space.dimensions = 1;
  space.snap = [](const Point& point) { return point; };
  space.name = name_of;
  space.simulate = [](const Attempt& attempt) -> std::optional<TuningFigures> {
    TuningFigures figures;
    if (!attempt.point.empty() && attempt.point[0] > 0.5) {
      figures.failure = "the burst is smaller than the largest request";
      return figures;
    }
    figures.runs = attempt.effort.runs;
    figures.requests = kRequestsOfARun * figures.runs;
    figures.objective = attempt.point.empty() ? 0.0 : attempt.point[0];
    if (attempt.by_run) figures.objective_by_run.assign(figures.runs, *figures.objective);
    return figures;
  };
  std::atomic<bool> stop = false;
  WorkPool pool(1);
  TuningSearch one(space, {}, pool, stop);
  one.run();
  EXPECT_NEAR(one.candidates()[*one.best()].point[0], 0.5, 0.02);
}

// Sorting by it is only sound if it is a strict weak order.
RC_GTEST_PROP(TuningSearch, BetterIsAStrictWeakOrder, ()) {
  const auto draw = [] {
    TuningFigures figures;
    figures.runs = 1;
    const int kind = *rc::gen::inRange(0, 4);
    if (kind != 0) figures.objective = *rc::gen::inRange(0, 4);
    if (kind == 1) figures.constraints = {{{}, false, 0.1 * *rc::gen::inRange(1, 4)}};
    return figures;
  };
  const TuningFigures a = draw(), b = draw(), c = draw();
  for (const bool maximize : {true, false}) {
    const auto better = [&](const TuningFigures& one, const TuningFigures& other) {
      return is_better(one, other, maximize);
    };
    const auto equal = [&](const TuningFigures& one, const TuningFigures& other) {
      return !better(one, other) && !better(other, one);
    };
    RC_ASSERT(!better(a, a));
    RC_ASSERT(!(better(a, b) && better(b, a)));
    if (better(a, b) && better(b, c)) RC_ASSERT(better(a, c));
    if (equal(a, b) && equal(b, c)) RC_ASSERT(equal(a, c));
  }
}

TEST(SobolPoints, FillEveryDimensionEvenly) {
  constexpr std::size_t kPoints = 256, kBins = 32;
  for (const std::size_t dimensions : {1U, 4U, 16U}) {
    SobolPoints sobol(dimensions, 5);
    std::vector<std::vector<std::size_t>> counts(dimensions, std::vector<std::size_t>(kBins));
    for (std::size_t i = 0; i < kPoints; ++i) {
      const Point point = sobol.next();
      ASSERT_EQ(point.size(), dimensions);
      for (std::size_t d = 0; d < dimensions; ++d) {
        ASSERT_GE(point[d], 0);
        ASSERT_LT(point[d], 1);
        ++counts[d][static_cast<std::size_t>(point[d] * kBins)];
      }
    }
    for (const std::vector<std::size_t>& bins : counts) {
      for (const std::size_t count : bins) EXPECT_NEAR(static_cast<double>(count), 8, 2.01);
    }
  }
}

}  // namespace
}  // namespace tokenlift::search_test
