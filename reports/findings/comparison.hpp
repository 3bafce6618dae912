#pragma once
// Two sets of runs, or two suites of them, compared: what got better or worse, and how surely.
//
// Tests are at the level of runs (significance.hpp): on logarithms, or on differences where a
// figure is a share or next to nothing of its whole. Runs are paired by seed where the seeds of one
// side are all among those of the other: they had the same arrivals. Like figures of the cases
// lend each other what they know of how much runs vary. Two runs without chance (of a trace in
// virtual time, say) differ exactly: what is beyond the threshold is better or worse, without p.
//
// A gate is of the few primary figures, with p values corrected by Holm among themselves. One that
// is not worse, and of which a worsening of `detect` cannot be excluded either, is open: it takes
// more runs to pass it. All other figures are explored: they are corrected among themselves, too,
// and fail no gate.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/analysis/interval.hpp"
#include "reports/findings/case_figures.hpp"

namespace tokenlift {

/// The level over the whole comparison: with no change at all, one in twenty says anything.
inline constexpr double kComparisonLevel = 0.05;
/// A worsening counts as excluded at half of it: what lies beyond one end of a 95 % interval.
inline constexpr double kExclusionLevel = kComparisonLevel / 2;
/// As many runs as are asked for call a change of so many times `detect` worse.
inline constexpr double kSurelyWorse = 1.5;

struct ComparisonRules {
  double threshold = 0.01;  ///< a change of up to this share (or so many points of one) is none
  /// A worsening of this size is to be excluded; of explored figures "no difference shown" only
  /// where one of this size would have been.
  double detect = 0.10;
  std::vector<std::string> primary = {};  ///< of gate_names(); empty: the usual ones
};

enum class Reading { better, worse, no_difference, open, too_few_runs, not_comparable, not_judged };

/// "better", "worse", "no difference shown", "open", "too few runs" (of explored figures), "cannot
/// be compared", "not judged".
std::string_view name_of(Reading reading);

/// What differs between two sets of runs besides their figures (json/comparable finds it).
/// Sentences, each with both values. What is the same is not said.
struct Differences {
  /// Scenario (by JSON path; seeds, names and descriptions may differ) and engine: other things
  /// were measured.
  std::vector<std::string> forbidding;
  /// Profiles: what they cost is what is compared. Machine, version and build, precision of the
  /// decoder. In virtual time no machine matters. Where each side measured its own capacity, loads
  /// are other rates by as much: no other scenario.
  std::vector<std::string> noted;
};

struct ComparedFigure {
  std::string phase, name, unit;  ///< as of FigureSet
  bool higher_is_better = true;
  bool primary = false;             ///< gated; else explored
  bool is_difference = false;       ///< `change` is contender - base, in `unit`
  double unit_of_change = 1;        ///< of a difference: what one of 100 % is
  std::optional<double> base;       ///< the mean over the runs; of a ratio the geometric one
  std::optional<double> contender;  ///< the same
  Estimate change;                  ///< contender / base, with an interval that is not corrected
  std::optional<double> p;          ///< corrected; absent: not tested, or certain without
  /// Of primary figures that were tested: the largest worsening that is not excluded, as `change`
  /// is given; corrected. Open is what reaches `detect`.
  std::optional<double> at_worst;
  /// The same: the smallest change (0.1: a tenth, or ten points) that so many runs show.
  std::optional<double> shows;
  Reading reading = Reading::not_comparable;
  bool identical = false;  ///< every pair is
  std::optional<std::size_t>
      runs_needed;  ///< on either side, of open and too_few_runs; absent: too many
  /// There are too few runs even for an estimate: what is needed is not known, but not less than
  /// `runs_needed`.
  bool lacks_estimate = false;
  std::string reason;     ///< of open, too_few_runs and not_comparable
  bool unserved = false;  ///< as of FigureSet, on either side
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

  std::size_t count(Reading reading) const;  ///< of all figures
  std::size_t primary(Reading reading) const;
  std::size_t explored(Reading reading) const;
  /// The most that any of its primary figures needs; 0: none needs more. Absent: too many.
  std::optional<std::size_t> runs_needed() const;
};

struct Comparison {
  ComparisonRules rules;
  std::size_t tests = 0;     ///< p values of primary figures, which were corrected together
  std::size_t explored = 0;  ///< those of the others
  std::string title = "Suites, compared";  ///< of several cases
  std::vector<CaseComparison> cases;
  std::vector<std::string> base_only;  ///< cases of a suite that only one side has
  std::vector<std::string> contender_only;
  /// Runs on either side that would leave none open, and show any that is worse by kSurelyWorse
  /// times `detect`; 0: none is open. Absent: more than kMostRunsNeeded, or runs will not do.
  std::optional<std::size_t> runs_needed = 0;
  /// An open one lacks an estimate: `runs_needed` are the fewest with which there is one.
  bool lacks_estimate = false;
  std::string refused;  ///< why nothing was compared; empty: it was

  std::size_t count(Reading reading) const;
  std::size_t primary(Reading reading) const;
  std::size_t explored_as(Reading reading) const;
  bool valid() const;  ///< it was compared, and every set of runs is a measurement
};

Comparison compare(const std::vector<ComparedCase>& cases, const ComparisonRules& rules);

}  // namespace tokenlift
