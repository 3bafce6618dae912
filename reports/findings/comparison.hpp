#pragma once
// Two sets of runs, or two suites of them, compared: what got better or worse, and how surely.
//
// Tests are at the level of runs (significance.hpp): on logarithms, or on differences where a
// figure is a share or 0. Runs are paired by seed where the seeds of one side are all among those
// of the other: they had the same arrivals. p values are corrected by Holm over all lines of all
// cases. Two runs without chance (of a trace in virtual time, say) differ exactly: what is beyond
// the threshold is better or worse, without p.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/analysis/interval.hpp"
#include "reports/findings/case_figures.hpp"

namespace tokenlift {

/// The level over the whole comparison: with no change at all, one in twenty says anything.
inline constexpr double kComparisonLevel = 0.05;

struct ComparisonRules {
  double threshold = 0.01;  ///< a change of up to this share (or so many points of one) is none
  double detect = 0.10;     ///< "no difference shown" only where one of this size would have been
};

enum class Reading { better, worse, no_difference, too_few_runs, not_comparable, not_judged };

/// "better", "worse", "no difference shown", "too few runs", "cannot be compared", "not judged".
std::string_view name_of(Reading reading);

/// What differs between two sets of runs besides their figures (json/comparable finds it).
/// Sentences, each with both values. What is the same is not said.
struct Differences {
  /// Scenario (by JSON path; seeds, names and descriptions may differ) and engine: other things
  /// were measured.
  std::vector<std::string> forbidding;
  /// Machine, version and build, precision of the decoder. In virtual time no machine matters.
  /// Where each side measured its own capacity, loads are other rates by as much: no other
  /// scenario.
  std::vector<std::string> noted;
};

struct ComparedFigure {
  std::string phase, name, unit;  ///< as of FigureSet
  bool higher_is_better = true;
  bool is_difference = false;       ///< `change` is contender - base, in `unit`
  std::optional<double> base;       ///< the mean over the runs; of a ratio the geometric one
  std::optional<double> contender;  ///< the same
  Estimate change;                  ///< contender / base, with an interval that is not corrected
  std::optional<double> p;          ///< corrected; absent: not tested, or certain without
  Reading reading = Reading::not_comparable;
  bool identical = false;                  ///< every pair is
  std::optional<std::size_t> runs_needed;  ///< on either side, with too_few_runs; absent: too many
  std::string reason;                      ///< of too_few_runs and not_comparable
  bool unserved = false;                   ///< as of FigureSet, on either side
};

struct ComparedCase {
  std::string name;
  CaseFigures base;
  CaseFigures contender;
  Differences differences;
};

struct CaseComparison {
  std::string name;
  std::size_t base_runs = 0;
  std::size_t contender_runs = 0;
  bool paired = false;
  std::vector<std::string> problems;  ///< why one side is no measurement
  std::vector<std::string> remarks;   ///< what differs, what was left out
  std::vector<ComparedFigure> figures;

  std::size_t count(Reading reading) const;
  /// The most that any of its figures needs; 0: none needs more. Absent: too many.
  std::optional<std::size_t> runs_needed() const;
};

struct Comparison {
  ComparisonRules rules;
  std::size_t tests = 0;  ///< p values that were corrected together
  std::vector<CaseComparison> cases;
  std::vector<std::string> base_only;  ///< cases of a suite that only one side has
  std::vector<std::string> contender_only;

  std::size_t count(Reading reading) const;
  bool valid() const;  ///< every set of runs is a measurement
};

Comparison compare(const std::vector<ComparedCase>& cases, const ComparisonRules& rules);

}  // namespace tokenlift
