#pragma once
// A comparison in sentences and tables, whatever they are shown on.

#include <string>
#include <vector>

#include "reports/findings/comparison.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// "NOT VALID as a comparison: ..." with every set of runs that is no measurement, or why nothing
/// was compared; empty where there is neither.
std::string problems(const Comparison& comparison);

/// What of the gate is worse, with the largest changes by name, what is better, open and neither;
/// then what was explored.
std::string verdict(const Comparison& comparison);

/// The same in three sentences for whoever decides and reads no further: what was done, what came
/// out and how sure that is, what it means for the decision. Empty where nothing was compared.
std::vector<std::string> answer(const Comparison& comparison);

/// What was compared by which rules, what so many runs show, and cases that only one side has; a
/// sentence each.
std::vector<std::string> method(const Comparison& comparison);

/// "5 against 5 runs, paired by seed"
std::string runs_text(const CaseComparison& one);

/// A row per case, of those with a primary figure that is better, worse or open (or, with `all`, of
/// all), with how many of them are what.
Table cases_table(const Comparison& comparison, bool all);

/// A row per primary figure of a case, of those that are better, worse or open (or, with `all`, of
/// all). No rows where there is none. Why some cannot be compared stands in the notes.
Table figures_table(const Comparison& comparison, const CaseComparison& one, bool all);

/// The same of explored figures, of those that are better or worse (or, with `all`, of all).
Table explored_table(const Comparison& comparison, const CaseComparison& one, bool all);

}  // namespace tokenlift
