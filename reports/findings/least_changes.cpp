#include "reports/findings/least_changes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "reports/findings/gains_table.hpp"
#include "reports/findings/gate.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// A change beyond this is not told in percent.
constexpr double kMostTold = 9;

/// The largest of a name counts: so much shows in every case.
void take(std::vector<LeastChange>& changes, const std::string& name, double share) {
  const auto found = std::find_if(changes.begin(), changes.end(),
                                  [&](const LeastChange& each) { return each.name == name; });
  if (found == changes.end()) {
    changes.push_back({name, share});
  } else {
    found->share = std::max(found->share, share);
  }
}

/// As if two sides of as many runs had differed by chance alone, with nothing in common.
Shift shift_of_one_side(const Shift& of_itself) {
  Shift shift = of_itself;
  const auto runs = static_cast<double>(shift.base_runs);
  shift.paired = true;
  shift.deviation *= std::sqrt(2.0);
  shift.standard_error = shift.deviation / std::sqrt(runs);
  shift.degrees = runs - 1;
  return shift;
}

std::vector<ComparedLine> lines_of_one_side(const CaseFigures& side, const ComparisonRules& rules) {
  Pairing pairing;
  pairing.exact = side.without_chance;
  for (std::size_t i = 0; i < side.runs; ++i) pairing.base.push_back(i);
  pairing.contender = pairing.base;
  std::vector<ComparedLine> lines;
  for (ComparedLine& line : lines_of({"", side, side, {}}, pairing, rules)) {
    if (!line.tested || !line.figure.primary) continue;
    line.shift = shift_of_one_side(line.shift);
    lines.push_back(std::move(line));
  }
  return lines;
}

/// Rounded up: what is larger shows. Of a share no change is larger than all of it.
std::string share_text(const LeastChange& change) {
  if (change.name == "attainment" && change.share >= 1) return "none";
  if (!(change.share < kMostTold)) return fmt::format("over {} %", limit_figure(kMostTold * 100));
  const double percent = change.share * 100;
  const double step = std::pow(10, std::floor(std::log10(std::max(percent, 1e-3))) - 1);
  return limit_figure(std::ceil(percent / step) * step) + " %";
}

}  // namespace

LeastChanges least_changes(const Comparison& comparison) {
  LeastChanges result;
  result.runs_needed = comparison.runs_needed;
  result.detect = comparison.rules.detect;
  for (const CaseComparison& one : comparison.cases) {
    bool known = false;
    for (const ComparedFigure& figure : one.figures) {
      if (!figure.shows) continue;
      known = true;
      take(result.changes, figure.name, *figure.shows);
    }
    if (!known) continue;
    const std::size_t runs = std::min(one.base_runs, one.contender_runs);
    result.runs = result.cases == 0 ? runs : std::min(result.runs, runs);
    ++result.cases;
  }
  return result;
}

LeastChanges least_changes(const std::vector<const CaseFigures*>& cases, std::size_t runs,
                           const ComparisonRules& rules) {
  LeastChanges result;
  result.detect = rules.detect;
  std::vector<std::vector<ComparedLine>> of_cases;
  for (const CaseFigures* const side : cases) {
    of_cases.push_back(lines_of_one_side(*side, rules));
    if (of_cases.back().empty()) continue;
    const std::size_t made = runs == 0 ? side->runs : runs;
    result.runs = result.cases == 0 ? made : std::min(result.runs, made);
    ++result.cases;
  }
  ComparedLines lines;
  for (std::vector<ComparedLine>& of_case : of_cases) {
    for (ComparedLine& line : of_case) lines.push_back(&line);
  }
  if (lines.empty() || result.runs < kLeastRuns) return {};
  moderate(lines);
  for (const ComparedLine* const line : lines) {
    take(result.changes, line->figure.name, least_change(*line, result.runs, lines.size(), rules));
  }
  result.runs_needed = runs_needed(gated_shifts(lines, rules));
  return result;
}

std::string shown_text(const LeastChanges& changes) {
  if (changes.changes.empty()) return "";
  LeastChange most;
  std::vector<std::string> words;
  for (const LeastChange& each : changes.changes) {
    most.share = std::max(most.share, each.share);
    words.push_back(fmt::format("{} {}", gain_label(each.name), share_text(each)));
  }
  const std::string begin =
      fmt::format("{} of {} case{} show a change of", runs_figure(changes.runs), changes.cases,
                  changes.cases == 1 ? "" : "s");
  if (most.share < kMostTold) {
    return fmt::format("{} {} or more ({}).", begin, share_text(most), fmt::join(words, ", "));
  }
  return fmt::format("{} this size or more: {}.", begin, fmt::join(words, ", "));
}

std::string repetitions_text(const LeastChanges& changes) {
  if (changes.changes.empty()) return "";
  const std::string what =
      fmt::format("whether anything is worse by {} %", limit_figure(changes.detect * 100));
  if (!changes.runs_needed) {
    return fmt::format("Not even {} repetitions would decide {}.", whole_figure(kMostRunsNeeded),
                       what);
  }
  return fmt::format("About {} repetitions on either side decide {}.",
                     whole_figure(*changes.runs_needed), what);
}

}  // namespace tokenlift
