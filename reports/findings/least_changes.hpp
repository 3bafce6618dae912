#pragma once
// What so many runs of a suite's cases can show: known from runs at hand, never guessed.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "reports/findings/case_figures.hpp"
#include "reports/findings/comparison.hpp"

namespace tokenlift {

/// The smallest change of a primary figure that so many runs show, in the case in which it varies
/// most.
struct LeastChange {
  std::string name;  ///< as of FigureSet
  double share = 0;  ///< 0.1: a tenth, or ten points of a share
};

struct LeastChanges {
  std::size_t cases = 0;
  std::size_t runs = 0;              ///< on either side; of several cases the fewest
  std::vector<LeastChange> changes;  ///< as figures are ordered; empty: nothing is known
  /// Runs on either side that decide, of every case, whether it is worse by `detect`; absent: more
  /// than kMostRunsNeeded.
  std::optional<std::size_t> runs_needed;
  double detect = 0;
};

/// Of a comparison: what its runs show.
LeastChanges least_changes(const Comparison& comparison);

/// What runs of these cases will show, `runs` of each, or as many as there are (0). How much runs
/// vary is taken from those of each case, of which at least kLeastRuns are there: two sides of the
/// same seeds differ by no more.
LeastChanges least_changes(const std::vector<const CaseFigures*>& cases, std::size_t runs,
                           const ComparisonRules& rules);

/// "3 runs of 5 cases show a change of 8 % or more (throughput 0.4 %, ...)."; empty where nothing
/// is known.
std::string shown_text(const LeastChanges& changes);

/// "To decide whether anything is worse by 10 %: repetitions = 7."; empty where nothing is known.
std::string repetitions_text(const LeastChanges& changes);

}  // namespace tokenlift
