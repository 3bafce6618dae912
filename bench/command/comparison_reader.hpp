#pragma once
// Reads two sets of runs, two suites of them, or the cases of one suite, and compares them.

#include <string>
#include <vector>

#include "bench/command/command.hpp"
#include "reports/findings/comparison.hpp"

namespace tokenlift {

struct ComparisonChoice {
  std::string base;       ///< a run.json, a folder of runs, or the results of a suite
  std::string contender;  ///< the same; not with `cases`
  bool cases = false;     ///< of the suite `base`, against each other
  std::string base_case;  ///< which of them the others are compared with; empty: the first
  ComparisonRules rules;
  bool force = false;  ///< compare other scenarios and engines, too
};

/// The row of --primary.
Option primary_option(ComparisonRules& rules);

/// Throws UsageError where there is nothing to compare, or other things were measured;
/// RunFileError.
Comparison read_comparison(const ComparisonChoice& choice);

/// The figures of those cases of a suite's results that are there. Throws as read_comparison().
std::vector<CaseFigures> read_figures(const std::string& folder,
                                      const std::vector<std::string>& names);

}  // namespace tokenlift
