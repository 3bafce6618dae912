#include "reports/findings/comparison.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "reports/findings/comparison_tables.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/page_markdown.hpp"
#include "reports/formats/page_text.hpp"
#include "reports/json/comparable.hpp"
#include "reports/json/json_comparison.hpp"
#include "reports/json/json_run.hpp"
#include "reports/page/comparison_page.hpp"
#include "reports/text/html_text.hpp"
#include "tests/reports/findings/sample_comparisons.hpp"
#include "tests/reports/formats/golden_file.hpp"
#include "tests/reports/formats/occurrences.hpp"
#include "tests/reports/json/schema.hpp"
#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift::comparison_test {
namespace {

using Values = std::vector<double>;

/// Runs with one figure; seeds from `first_seed` on.
CaseFigures side(const Values& values, std::uint64_t first_seed, FigureSet set) {
  CaseFigures figures;
  figures.runs = values.size();
  for (const double value : values) {
    figures.seeds.push_back(first_seed + figures.seeds.size());
    set.runs.push_back({figures.seeds.back(), value, 0});
  }
  figures.figures = {std::move(set)};
  return figures;
}

FigureSet ttft() {
  FigureSet set;
  set.phase = "after";
  set.name = "ttft p50";
  set.primary = true;
  set.unit = "ns";
  set.higher_is_better = false;
  return set;
}

/// Outside the gate.
FigureSet explored() {
  FigureSet set = ttft();
  set.name = "e2e p50";
  set.primary = false;
  return set;
}

FigureSet goodput(double whole) {
  FigureSet set;
  set.phase = "before";
  set.name = "goodput";
  set.unit = "tokens/s";
  set.scale = FigureScale::of_a_whole;
  set.whole = whole;
  return set;
}

/// Of other seeds, unless `paired`.
Comparison compared(const Values& base, const Values& contender, const FigureSet& set,
                    bool paired = false) {
  return compare({{"case", side(base, 1, set), side(contender, paired ? 1 : 100, set), {}}}, {});
}

ComparedFigure only_figure(const Comparison& comparison) {
  return comparison.cases.at(0).figures.at(0);
}

TEST(Comparison, WhatTakesLongerIsWorseAndWhatTakesLessIsBetter) {
  const Values fast = {100, 101, 99, 100.5};
  const Values slow = {120, 121, 119, 120.5};
  EXPECT_EQ(only_figure(compared(fast, slow, ttft())).reading, Reading::worse);
  EXPECT_EQ(only_figure(compared(slow, fast, ttft())).reading, Reading::better);
  EXPECT_EQ(only_figure(compared(fast, slow, goodput(100))).reading, Reading::better);
}

TEST(Comparison, NothingIsSaidOfFewerThanThreeRuns) {
  EXPECT_EQ(only_figure(compared({100, 100.1}, {200, 200.1}, explored())).reading,
            Reading::too_few_runs);
  const Comparison comparison = compared({100, 100.1}, {200, 200.1}, ttft());
  const ComparedFigure figure = only_figure(comparison);
  EXPECT_EQ(figure.reading, Reading::open);
  EXPECT_EQ(comparison.runs_needed, kLeastRuns);
  EXPECT_FALSE(figure.p);
  EXPECT_NEAR(figure.change.value.value(), 2, 0.01);
  EXPECT_FALSE(figure.change.interval);
  const auto contains = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  const std::string few = to_markdown(comparison_page(comparison, false));
  EXPECT_TRUE(
      contains(few,
               "Nothing can be said of the primary figure yet: it takes 3 runs on either side at "
               "least."))
      << few;
  EXPECT_TRUE(contains(few, "open (3 at least)")) << few;
  EXPECT_FALSE(contains(few, "would decide")) << few;
  EXPECT_FALSE(contains(few, "p values")) << few;
  // Of three there is an estimate, and with it how many it takes.
  const Comparison three = compared({100, 130, 90}, {101, 128, 95}, ttft());
  EXPECT_EQ(only_figure(three).reading, Reading::open);
  const std::string some = to_markdown(comparison_page(three, false));
  EXPECT_FALSE(contains(some, "Nothing can be said")) << some;
  EXPECT_FALSE(contains(some, "3 at least")) << some;
  EXPECT_TRUE(contains(some, "p values are corrected for 1 test of primary figures")) << some;
}

TEST(Comparison, NoDifferenceIsSaidOnlyWhereOneWouldHaveBeenShown) {
  EXPECT_EQ(only_figure(compared({100, 101, 99, 100}, {100, 99, 101, 100}, explored())).reading,
            Reading::no_difference);
  const ComparedFigure loose =
      only_figure(compared({100, 140, 70, 100}, {100, 75, 130, 100}, explored()));
  EXPECT_EQ(loose.reading, Reading::too_few_runs);
  EXPECT_GT(loose.runs_needed.value(), 50U);
}

TEST(Comparison, AGateIsPassedOnlyWhereAWorseningIsExcludedAndIsOpenElse) {
  const Comparison passed = compared({100, 101, 99, 100}, {100, 99, 101, 100}, ttft());
  EXPECT_EQ(only_figure(passed).reading, Reading::no_difference);
  EXPECT_LT(only_figure(passed).at_worst.value(), 1.1);
  EXPECT_EQ(passed.runs_needed, 0U);
  const Comparison open = compared({100, 140, 70, 100}, {100, 75, 130, 100}, ttft());
  EXPECT_EQ(only_figure(open).reading, Reading::open);
  EXPECT_GE(only_figure(open).at_worst.value(), 1.1);
  EXPECT_GT(open.runs_needed.value(), 50U);
  // It may well be 10 % worse, whatever else is said of it.
  EXPECT_EQ(only_figure(compared({100, 108, 92, 100}, {100, 108, 109, 103}, ttft())).reading,
            Reading::open);
}

TEST(Comparison, PrimaryAreTheFiguresThatAreChosen) {
  const CaseFigures fast = side({100, 101, 99, 100}, 1, explored());
  const CaseFigures slow = side({120, 121, 119, 120}, 100, explored());
  const auto gated = [&](std::vector<std::string> chosen) {
    ComparisonRules rules;
    rules.primary = std::move(chosen);
    return compare({{"case", fast, slow, {}}}, rules).primary(Reading::worse);
  };
  EXPECT_EQ(gated({}), 0U);
  EXPECT_EQ(gated({"throughput", "e2e_p50"}), 1U);
  EXPECT_EQ(gated({"ttft_p50"}), 0U);
  // Only of phases that last, and of what is judged.
  FigureSet set = explored();
  EXPECT_TRUE(is_gated(set, {"e2e_p50"}));
  set.phase = "transition";
  EXPECT_FALSE(is_gated(set, {"e2e_p50"}));
  set = explored();
  set.judged = false;
  EXPECT_FALSE(is_gated(set, {"e2e_p50"}));
  for (const std::string name : {"throughput", "goodput", "attainment", "ttft_p99", "e2e_p99"}) {
    const std::vector<std::string> names = gate_names();
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  }
}

TEST(Comparison, AnswersInThreeSentences) {
  const auto decision = [](const Comparison& comparison) { return answer(comparison).at(2); };
  const Values fast = {100, 101, 99, 100.5};
  const Values slow = {120, 121, 119, 120.5};
  const Comparison worse = compared(fast, slow, ttft());
  EXPECT_EQ(answer(worse).at(0),
            "The contender was compared with the base in 'case': 4 runs on either side.");
  EXPECT_NE(answer(worse).at(1).find("more than chance"), std::string::npos);
  EXPECT_NE(decision(worse).find("does harm"), std::string::npos);
  EXPECT_NE(decision(compared(slow, fast, ttft())).find("for the better"), std::string::npos);
  const Comparison same = compared({100, 101, 99, 100}, {100, 99, 101, 100}, ttft());
  EXPECT_NE(answer(same).at(1).find("that it is worse by 10 % is excluded"), std::string::npos);
  EXPECT_NE(decision(same).find("nothing that is gated speaks against"), std::string::npos);
  const Comparison open = compared({100, 140, 70, 100}, {100, 75, 130, 100}, ttft());
  EXPECT_NE(decision(open).find("decides nothing yet"), std::string::npos);
  CaseFigures broken = side(slow, 100, ttft());
  broken.problem = "interrupted";
  const Comparison not_valid = compare({{"case", side(fast, 1, ttft()), broken, {}}}, {});
  EXPECT_NE(decision(not_valid).find("nothing can be decided"), std::string::npos);
  Comparison refused;
  refused.refused = "other things were measured";
  EXPECT_TRUE(answer(refused).empty());
}

TEST(Comparison, WhatIsExploredFailsNoGateAndCostsItNothing) {
  const CaseFigures base = side({100, 101, 99, 100}, 1, ttft());
  CaseFigures contender = side({106, 107, 105, 106}, 100, ttft());
  const Comparison alone = compare({{"case", base, contender, {}}}, {});
  CaseFigures more = base;
  CaseFigures slower = contender;
  for (int i = 0; i < 20; ++i) {
    more.figures.push_back(side({100, 101, 99, 100}, 1, explored()).figures[0]);
    slower.figures.push_back(side({200, 201, 199, 200}, 100, explored()).figures[0]);
    more.figures.back().name = slower.figures.back().name = "figure " + std::to_string(i);
  }
  const Comparison with_others = compare({{"case", more, slower, {}}}, {});
  EXPECT_EQ(with_others.tests, 1U);
  EXPECT_EQ(with_others.explored, 20U);
  EXPECT_EQ(only_figure(with_others).p, only_figure(alone).p);
  EXPECT_EQ(with_others.explored_as(Reading::worse), 20U);
  EXPECT_EQ(with_others.primary(Reading::worse), alone.primary(Reading::worse));
}

TEST(Comparison, AFigureThatOneSideLacksIsOpenUnlessItIsAPercentile) {
  const auto without = [](const FigureSet& set) {
    CaseFigures base = side({100, 100, 100}, 1, set);
    CaseFigures contender = base;
    contender.figures[0].runs.clear();
    contender.figures[0].missing = "nobody got there";
    return compare({{"case", base, contender, {}}}, {});
  };
  EXPECT_EQ(only_figure(without(ttft())).reading, Reading::not_comparable);
  EXPECT_FALSE(only_figure(without(ttft())).primary);
  FigureSet throughput = goodput(100);
  throughput.primary = true;
  EXPECT_EQ(only_figure(without(throughput)).reading, Reading::open);
  EXPECT_FALSE(without(throughput).runs_needed);  // no number of them would tell
}

TEST(Comparison, CasesLendEachOtherWhatTheyKnowOfHowMuchRunsVary) {
  std::vector<ComparedCase> cases;
  for (int i = 0; i < 10; ++i) {
    const double by = i == 0 ? 1.08 : 1;
    cases.push_back({"case" + std::to_string(i),
                     side({100, 101.0 + 0.1 * i, 99}, 1, ttft()),
                     side({by * 100.5, by * 100.0, by * (99.5 + 0.1 * i)}, 100, ttft()),
                     {}});
  }
  const Comparison alone = compare({cases[0]}, {});
  const Comparison together = compare(cases, {});
  // Corrected for ten tests, and surer all the same.
  EXPECT_LT(only_figure(together).p.value(), only_figure(alone).p.value());
  EXPECT_EQ(only_figure(together).reading, Reading::worse);
}

TEST(Comparison, OpenAtWorstNeverReadsAsTheSizeThatIsExcluded) {
  for (const double step : {0.0, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008}) {
    const Comparison comparison =
        compared({100, 104, 96, 100}, {100, (1 + step) * 104, 97, 101}, ttft());
    const ComparedFigure figure = only_figure(comparison);
    const Table table = figures_table(comparison, comparison.cases[0], true);
    const double shown = std::stod(table.rows[1][7].text.substr(1));
    EXPECT_EQ(shown >= 1.1, figure.reading == Reading::open) << table.rows[1][7].text;
  }
}

TEST(Comparison, AChangeWithinTheThresholdIsNone) {
  EXPECT_EQ(only_figure(compared({100, 100, 100}, {100.9, 100.9, 100.9}, ttft())).reading,
            Reading::no_difference);
  EXPECT_EQ(only_figure(compared({100, 100, 100}, {102, 102, 102}, ttft())).reading,
            Reading::worse);
}

// Runs differ by far more than the change, but each of them shows it.
TEST(Comparison, RunsOfTheSameSeedsArePaired) {
  const Values base = {50, 100, 200, 400, 800};
  const Values slower = {52.5, 105.2, 209, 421, 841};
  const Comparison paired = compared(base, slower, ttft(), true);
  EXPECT_TRUE(paired.cases[0].paired);
  EXPECT_EQ(only_figure(paired).reading, Reading::worse);
  EXPECT_EQ(only_figure(compared(base, slower, ttft())).reading, Reading::open);
  const Comparison same = compared(base, base, ttft(), true);
  EXPECT_TRUE(only_figure(same).identical);
  EXPECT_EQ(only_figure(same).reading, Reading::no_difference);
  EXPECT_NE(verdict(same).find("None of 1 primary figure is worse"), std::string::npos);
}

TEST(Comparison, RunsThatAreTheSameTellNothingOfHowMuchTheyVary) {
  const Values values = {100, 104, 98, 101};
  const CaseFigures one = side(values, 1, ttft());
  const Comparison same = compare({{"case", one, one, {}}}, {});
  const ComparedFigure figure = only_figure(same);
  EXPECT_TRUE(figure.identical);
  EXPECT_EQ(figure.reading, Reading::no_difference);
  EXPECT_FALSE(figure.change.interval);
  EXPECT_FALSE(figure.shows);
  const auto says = [](const Comparison& comparison) {
    return to_markdown(comparison_page(comparison, false)).find("show a change of") !=
           std::string::npos;
  };
  EXPECT_FALSE(says(same));
  const CaseFigures other = side({101, 103, 98.5, 101}, 1, ttft());
  const Comparison differ = compare({{"case", one, other, {}}}, {});
  EXPECT_TRUE(only_figure(differ).change.interval);
  EXPECT_TRUE(says(differ));
}

TEST(Comparison, RunsWithoutChanceDifferExactly) {
  const auto exact = [](double base, double contender, const FigureSet& set) {
    ComparedCase one{"case", side({base}, 1, set), side({contender}, 100, set), {}};
    one.base.without_chance = one.contender.without_chance = true;
    return compare({one}, {});
  };
  const ComparedFigure worse = only_figure(exact(100, 101.1, ttft()));
  EXPECT_EQ(worse.reading, Reading::worse);
  EXPECT_FALSE(worse.p);
  EXPECT_FALSE(worse.change.interval);
  EXPECT_NEAR(worse.change.value.value(), 1.011, 1e-12);
  EXPECT_EQ(only_figure(exact(101.1, 100, ttft())).reading, Reading::better);
  EXPECT_EQ(only_figure(exact(100, 101.1, goodput(100))).reading, Reading::better);
  EXPECT_EQ(only_figure(exact(100, 100.9, ttft())).reading, Reading::no_difference);
  EXPECT_FALSE(only_figure(exact(100, 100.9, ttft())).identical);
  EXPECT_TRUE(only_figure(exact(100, 100, ttft())).identical);
  EXPECT_EQ(exact(100, 200, ttft()).tests, 0U);
  FigureSet gain = ttft();
  gain.judged = false;
  EXPECT_EQ(only_figure(exact(100, 200, gain)).reading, Reading::not_judged);
  // A single run of either side may be as it is by chance, unless that of the other is not.
  EXPECT_EQ(only_figure(compared({100}, {200}, ttft())).reading, Reading::open);
  ComparedCase one{"case", side({100}, 1, ttft()), side({200}, 1, ttft()), {}};
  one.base.without_chance = true;
  EXPECT_EQ(only_figure(compare({one}, {})).reading, Reading::worse);
}

TEST(Comparison, RunsThatTheOtherSideDoesNotHaveAreLeftOutOfPairs) {
  const Comparison comparison = compared({50, 100, 200, 400, 800}, {50, 100, 200}, ttft(), true);
  EXPECT_TRUE(comparison.cases[0].paired);
  EXPECT_EQ(comparison.cases[0].base_runs, 3U);
  ASSERT_EQ(comparison.cases[0].remarks.size(), 1U);
  EXPECT_EQ(comparison.cases[0].remarks[0],
            "3 of 5 and 3 runs are paired by their seeds; the others are left out.");
}

// 4 tokens/s of some 1,845 that were made, and 12 another day: nothing to fail a build for.
TEST(Comparison, AGoodputOfNextToNothingCountsAsAShareOfTheThroughput) {
  const ComparedFigure figure =
      only_figure(compared({4, 0, 5, 4}, {12, 12, 13, 11}, goodput(1845)));
  EXPECT_TRUE(figure.is_difference);
  EXPECT_EQ(figure.reading, Reading::no_difference);
}

TEST(Comparison, SharesCompareInPoints) {
  FigureSet set;
  set.name = "attainment";
  set.unit = "share";
  set.scale = FigureScale::share;
  const ComparedFigure figure =
      only_figure(compared({0.99, 0.991, 0.99}, {0.95, 0.951, 0.95}, set));
  EXPECT_TRUE(figure.is_difference);
  EXPECT_NEAR(figure.change.value.value(), -0.04, 1e-9);
  EXPECT_EQ(figure.reading, Reading::worse);
  const ComparedFigure none = only_figure(compared({0, 0, 0}, {0, 0, 0}, set));
  EXPECT_EQ(none.reading, Reading::no_difference);
}

TEST(Comparison, AFigureThatRunsTellOnlyCoarselyRaisesNoAlarm) {
  FigureSet set = ttft();
  CaseFigures base = side({1e9, 1e9, 1e9}, 1, set);
  CaseFigures contender = side({1.1e9, 1.1e9, 1.1e9}, 1, set);
  for (CaseFigures* const each : {&base, &contender}) {
    for (RunFigure& run : each->figures[0].runs) run.grain = 1e8;
  }
  // It may be worse by as much as is to be excluded, and no number of runs would tell.
  const Comparison comparison = compare({{"case", base, contender, {}}}, {});
  EXPECT_EQ(only_figure(comparison).reading, Reading::open);
  EXPECT_FALSE(comparison.runs_needed);
  base.figures[0].primary = contender.figures[0].primary = false;
  EXPECT_EQ(only_figure(compare({{"case", base, contender, {}}}, {})).reading,
            Reading::not_comparable);
}

TEST(Comparison, AGainIsToldAndNotJudged) {
  FigureSet set = goodput(0);
  set.judged = false;
  const Comparison comparison = compared({4, 4.1, 4}, {2, 2.1, 2}, set);
  EXPECT_EQ(only_figure(comparison).reading, Reading::not_judged);
  EXPECT_EQ(comparison.tests, 0U);
}

TEST(Comparison, MoreLinesAskForMore) {
  const CaseFigures base = side({100, 102, 98, 101}, 1, ttft());
  const CaseFigures contender = side({104, 106, 103, 105}, 100, ttft());
  const CaseFigures still = side({100, 102, 98, 101}, 100, ttft());
  std::vector<ComparedCase> cases = {{"slower", base, contender, {}}};
  const double alone = compare(cases, {}).cases[0].figures[0].p.value();
  // Figures of other names: like ones would lend each other what they know, besides.
  for (int i = 0; i < 9; ++i) {
    cases.push_back({"case" + std::to_string(i), base, still, {}});
    for (CaseFigures* const each : {&cases.back().base, &cases.back().contender}) {
      each->figures[0].name = "figure " + std::to_string(i);
    }
  }
  const Comparison comparison = compare(cases, {});
  EXPECT_EQ(comparison.tests, 10U);
  EXPECT_NEAR(comparison.cases[0].figures[0].p.value(), 10 * alone, 1e-12);
}

RC_GTEST_PROP(Comparison, SwappingTheSidesInvertsTheRatioAndSwapsBetterAndWorse, ()) {
  const auto figures = [](std::size_t count) {
    Values values;
    for (const int value : *rc::gen::container<std::vector<int>>(count, rc::gen::inRange(0, 30))) {
      values.push_back(100 + value);
    }
    return values;
  };
  const Values base = figures(*rc::gen::inRange<std::size_t>(1, 7));
  const Values contender = figures(*rc::gen::inRange<std::size_t>(1, 7));
  const bool paired = *rc::gen::arbitrary<bool>();
  const ComparedFigure there = only_figure(compared(base, contender, ttft(), paired));
  const ComparedFigure back = only_figure(compared(contender, base, ttft(), paired));
  RC_ASSERT(std::abs(there.change.value.value() * back.change.value.value() - 1) < 1e-9);
  RC_ASSERT((there.reading == Reading::better) == (back.reading == Reading::worse));
  RC_ASSERT((there.reading == Reading::worse) == (back.reading == Reading::better));
  // Only a worsening is to be excluded, so how many runs a gate needs depends on the side.
  const ComparedFigure other = only_figure(compared(base, contender, explored(), paired));
  RC_ASSERT(other.runs_needed ==
            only_figure(compared(contender, base, explored(), paired)).runs_needed);
  if (there.p) RC_ASSERT(std::abs(there.p.value() - back.p.value()) < 1e-9);
}

Run seeded(Run run, std::uint64_t seed) {
  run.seed = seed;
  return run;
}

TEST(Comparison, ALiftIsComparedBeforeAndAfterAndByWhatUsersFeltBetween) {
  const Trial trial = make_trial("", {lift_run(), seeded(lift_run(), 8), seeded(lift_run(), 9)});
  const CaseFigures figures = case_figures(trial);
  EXPECT_EQ(figures.seeds, (std::vector<std::uint64_t>{7, 8, 9}));
  EXPECT_EQ(figures.problem, "");
  std::size_t transition = 0;
  for (const FigureSet& set : figures.figures) transition += set.phase == "transition" ? 1 : 0;
  EXPECT_EQ(transition, 3U);
  EXPECT_EQ(figures.figures.size(), 11U + 3 + 11 + 3);
  const Comparison comparison = compare({{"lift", figures, figures, {}}}, {});
  EXPECT_EQ(comparison.count(Reading::worse) + comparison.count(Reading::better), 0U);
  EXPECT_EQ(comparison.count(Reading::too_few_runs) + comparison.count(Reading::open), 0U);
  // Of `after` throughput, goodput, attainment, TTFT p50 and p99, ITL p99.
  EXPECT_EQ(comparison.cases[0].primary(Reading::no_difference), 6U);
  // 480 requests completed before the lift, and no p99 of them is told.
  EXPECT_NE(to_text(comparison_page(comparison, false), {}).find("p99 needs 1,000 samples"),
            std::string::npos);
}

TEST(Comparison, AttainmentIsMissingWhereNoTenantHasObjectives) {
  const auto missing = [](const auto& run) {
    const CaseFigures figures = case_figures(make_trial("", {run}));
    return std::ranges::find(figures.figures, std::string("attainment"), &FigureSet::name)->missing;
  };
  auto run = steady_run();
  EXPECT_EQ(missing(run), "");
  for (TenantRecord& tenant : run.tenants) tenant.has_objectives = false;
  EXPECT_EQ(missing(run), "no tenant has objectives (slo)");
}

TEST(Comparison, AnInvalidSetIsNoComparison) {
  const CaseFigures invalid = case_figures(make_trial("", {invalid_run()}));
  EXPECT_EQ(invalid.problem, "interrupted");
  const Comparison comparison = compare({{"lift", invalid, invalid, {}}}, {});
  EXPECT_FALSE(comparison.valid());
  EXPECT_EQ(to_text(comparison_page(comparison, false), {}).rfind("NOT VALID", 0), 0U);
}

TEST(Comparison, ScenariosThatDifferAreNamedByPathWithBothValues) {
  const tokenlift::Run base = lift_run();
  tokenlift::Run other = seeded(base, 99);
  EXPECT_TRUE(what_differs(base, other).forbidding.empty());
  const std::size_t at = other.scenario_json.find("50.0");
  other.scenario_json.replace(at, 4, "55.0");
  EXPECT_EQ(what_differs(base, other).forbidding,
            (std::vector<std::string>{"scenario /tenant/0/arrivals/rate: 50.0 -> 55.0"}));
  const std::vector<ScenarioDifference> back = scenario_differences(other, base);
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].one, "55.0");
}

TEST(Comparison, SweepsMayDifferInWhatIsSwept) {
  SweepReport base;
  base.engine = "virtual";
  base.scenario_json =
      R"({"tenant":[{"name":"users","arrivals":{"load":0.1}}],"run":{"seed":1,"duration":"9s"}})";
  SweepReport other = base;
  other.scenario_json =
      R"({"tenant":[{"name":"users","arrivals":{"load":0.3}}],"run":{"seed":2,"duration":"9s"}})";
  const std::vector<std::string> load = {"tenant", "users", "arrivals", "load"};
  EXPECT_TRUE(what_differs(base, other, {load}).forbidding.empty());
  EXPECT_TRUE(what_differs(base, other, {{"tenant", "0", "arrivals", "load"}}).forbidding.empty());
  EXPECT_EQ(what_differs(base, other, {{"fleet", "site", "hall", "replicas"}}).forbidding.size(),
            1U);
  other.scenario_json.replace(other.scenario_json.find("9s"), 2, "8s");
  EXPECT_EQ(what_differs(base, other, {load}).forbidding,
            (std::vector<std::string>{"scenario /run/duration: \"9s\" -> \"8s\""}));
  other = base;
  other.engine = "threads";
  EXPECT_EQ(what_differs(base, other, {load}).forbidding.size(), 1U);
  other = base;
  other.scenario_json = "no JSON";
  EXPECT_FALSE(what_differs(base, other, {load}).forbidding.empty());
}

// What a file holds goes before where it lies.
TEST(Comparison, ATraceIsKnownByItsRows) {
  tokenlift::Run base = lift_run();
  const std::size_t at = base.scenario_json.find("\"rate\":50.0");
  base.scenario_json.replace(at, 11, "\"file\":\"/here/t.csv\"");
  tokenlift::Run other = base;
  other.scenario_json.replace(other.scenario_json.find("here"), 4, "there");
  EXPECT_EQ(what_differs(base, other).forbidding.size(), 1U) << "old runs know the path alone";
  base.tenants[0].trace = other.tenants[0].trace = TraceRecord{"fnv1a64:1", 10, 1, 2};
  EXPECT_TRUE(what_differs(base, other).forbidding.empty());
  other.tenants[0].trace->digest = "fnv1a64:2";
  EXPECT_EQ(what_differs(base, other).forbidding,
            (std::vector<std::string>{"trace of tenant 'users': fnv1a64:1 with 13 rows -> "
                                      "fnv1a64:2 with 13 rows"}));
  other.scenario_json = base.scenario_json;
  EXPECT_EQ(what_differs(base, other).forbidding.size(), 1U) << "other bytes at the same path";
}

TEST(Comparison, AChangedProfileIsToldAndOtherLoadsAreRefused) {
  tokenlift::Run base = lift_run();
  base.scenario_json.insert(1, R"("profile":{"hand":{"prefill":{"p1":"15us"}}},)");
  const auto changed = [&](const std::string& one, const std::string& other) {
    tokenlift::Run run = base;
    run.scenario_json.replace(run.scenario_json.find(one), one.size(), other);
    return what_differs(base, run);
  };
  EXPECT_TRUE(changed("15us", "18us").forbidding.empty());
  EXPECT_EQ(changed("15us", "18us").noted,
            (std::vector<std::string>{"scenario /profile/hand/prefill/p1: \"15us\" -> \"18us\""}));
  EXPECT_EQ(changed("50.0", "55.0").forbidding.size(), 1U);
}

TEST(Comparison, LoadsThatFollowACapacityMeasuredAnewAreNoOtherScenario) {
  tokenlift::Run base = lift_run();
  tokenlift::Run other = base;
  other.scenario_json.replace(other.scenario_json.find("50.0"), 4, "55.0");
  base.capacity_source = other.capacity_source = "measured";
  base.capacity_tokens_per_s = 3000;
  other.capacity_tokens_per_s = 3300;
  EXPECT_TRUE(what_differs(base, other).forbidding.empty());
  ASSERT_EQ(what_differs(base, other).noted.size(), 1U);
  EXPECT_EQ(what_differs(base, other).noted[0].rfind("capacity, measured anew", 0), 0U);
  other.capacity_tokens_per_s = 3299;
  EXPECT_EQ(what_differs(base, other).forbidding.size(), 1U) << "the rate is another one";
  other.capacity_tokens_per_s = 3300;
  other.capacity_source = "stated";
  EXPECT_EQ(what_differs(base, other).forbidding.size(), 1U);
}

TEST(Comparison, TheMachineIsToldOnlyWhereItMatters) {
  tokenlift::Run base = lift_run();
  tokenlift::Run other = base;
  other.environment.cpu = "another one";
  ASSERT_EQ(what_differs(base, other).noted.size(), 1U);
  base.engine = other.engine = "virtual";
  EXPECT_TRUE(what_differs(base, other).noted.empty());
  other.engine = "threads";
  EXPECT_EQ(what_differs(base, other).forbidding,
            (std::vector<std::string>{"engine: virtual -> threads"}));
}

TEST(Comparison, JsonHoldsEveryFigureAndNamesDoNotBreakMarkdown) {
  Comparison comparison = compared({100, 100, 100}, {120, 120, 120}, ttft());
  comparison.cases[0].name = "a|b @you";
  const auto json = nlohmann::json::parse(to_json(comparison));
  EXPECT_EQ(json["schema"], kComparisonSchema);
  EXPECT_EQ(json["primary"]["worse"], 1);
  EXPECT_EQ(json["cases"][0]["figures"][0]["reading"], "worse");
  EXPECT_EQ(json["cases"][0]["figures"][0]["unit"], "ms");
  const CaseFigures lift = case_figures(make_trial("", {lift_run()}));
  EXPECT_EQ(validate_json("comparison.schema.json",
                          {to_json(comparison), to_json(compare({{"lift", lift, lift, {}}}, {}))}),
            0);
  const std::string markdown = to_markdown(comparison_page(comparison, false));
  EXPECT_NE(markdown.find("a\\|b @<!-- -->you"), std::string::npos);
  EXPECT_EQ(markdown.find("a|b"), std::string::npos);
}

}  // namespace
}  // namespace tokenlift::comparison_test
