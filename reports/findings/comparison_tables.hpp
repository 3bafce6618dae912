#pragma once
// A comparison in sentences and tables, whatever they are shown on.

#include <string>
#include <vector>

#include "reports/findings/comparison.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// "NOT VALID as a comparison: ..." with every set of runs that is no measurement; empty where all
/// are.
std::string problems(const Comparison& comparison);

/// What is worse, with the largest changes by name, and how much else there is.
std::string verdict(const Comparison& comparison);

/// What was compared by which rules, and cases that only one side has; a sentence each.
std::vector<std::string> method(const Comparison& comparison);

/// "5 against 5 runs, paired by seed"
std::string runs_text(const CaseComparison& one);

/// A row per case, of those with anything better or worse (or, with `all`, of all), with how many
/// of its figures are what.
Table cases_table(const Comparison& comparison, bool all);

/// A row per figure of a case, of those that are better or worse (or, with `all`, of all). No rows
/// where there is none. Why some cannot be compared stands in the notes.
Table figures_table(const CaseComparison& one, bool all);

}  // namespace tokenlift
