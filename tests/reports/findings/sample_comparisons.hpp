#pragma once
// Comparisons to lay out: of one case, of several, and of names that try to break out.

#include <string>
#include <utility>
#include <vector>

#include "reports/findings/case_figures.hpp"
#include "reports/findings/comparison.hpp"
#include "tests/reports/findings/sample_suites.hpp"
#include "tests/reports/record/rich_runs.hpp"

namespace tokenlift {

/// Runs of one lift, which serve so many times as much after it, some a little more and some less.
inline CaseFigures lifts(std::size_t runs, double factor) {
  CaseFigures figures = case_figures(make_trial("", rich_repetitions({}, runs)));
  for (FigureSet& set : figures.figures) {
    if (set.phase != "after" || set.unit == "share") continue;
    for (std::size_t i = 0; i < set.runs.size(); ++i) {
      const double by = factor * (1 + 0.002 * rich_noise(7, i));
      set.runs[i].value *= set.higher_is_better ? by : 1 / by;
    }
  }
  return figures;
}

/// Worse after the lift, on a machine that is another one, too.
inline Comparison worse_comparison() {
  return compare({{"lift",
                   lifts(4, 1),
                   lifts(4, 0.8),
                   {{}, {"CPU: Sample CPU @ 2.00GHz -> Sample CPU @ 3.00GHz"}}}},
                 {});
}

/// A suite: one case is worse, one better, one the same; two are on one side only.
inline Comparison suite_comparison() {
  Comparison comparison = compare({{"lift/load=0.8", lifts(4, 1), lifts(4, 0.8), {}},
                                   {"lift/load=1.0", lifts(4, 1), lifts(4, 1.2), {}},
                                   {"lift/load=1.2", lifts(4, 1), lifts(4, 1), {}}},
                                  {});
  comparison.base_only = {"steady"};
  comparison.contender_only = {"busy"};
  return comparison;
}

/// One run on either side: too few to say anything.
inline Comparison open_comparison() {
  return compare({{"lift", lifts(1, 1), lifts(1, 0.9), {}}}, {});
}

/// All its texts try to break out of what they stand in, and no side is a measurement.
inline Comparison hostile_comparison() {
  const std::string& evil = hostile_text();
  CaseFigures base = lifts(3, 1);
  for (FigureSet& set : base.figures) set.name = set.phase = set.unit = evil;
  CaseFigures contender = base;
  base.problem = contender.problem = evil;
  Comparison comparison = compare(
      {{evil, base, contender, {{}, {evil}}}, {evil + "2", base, contender, {{evil}, {}}}}, {});
  comparison.base_only = comparison.contender_only = {evil};
  return comparison;
}

}  // namespace tokenlift
