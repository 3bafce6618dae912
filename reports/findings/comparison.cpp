#include "reports/findings/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "reports/analysis/significance.hpp"
#include "reports/findings/compared_line.hpp"
#include "reports/findings/gate.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

constexpr const char* kTooCoarse =
    "one run measures it too coarsely for the change that is looked for";

// ------------------------------------------------------------------------------------ the tests

/// Corrected among themselves: better or worse, or neither.
void call_changes(const ComparedLines& lines, const ComparisonRules& rules) {
  std::vector<double> p_values;
  for (const ComparedLine* const line : lines) {
    p_values.push_back(p_value(line->shift, negligible(*line, rules)));
  }
  const std::vector<double> corrected = holm(p_values);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    ComparedFigure& figure = lines[i]->figure;
    figure.p = corrected[i];
    if (corrected[i] > kComparisonLevel) continue;
    figure.reading = lines[i]->worsening().value > 0 ? Reading::worse : Reading::better;
  }
}

bool is_undecided(const ComparedLine& line) {
  return line.figure.reading == Reading::open || line.figure.reading == Reading::too_few_runs;
}

/// What is neither better nor worse: whether a change of the size that is looked for would be.
void read_explored(const ComparedLines& lines, const ComparisonRules& rules) {
  for (ComparedLine* const line : lines) {
    if (!is_undecided(*line)) continue;
    ComparedFigure& figure = line->figure;
    const TestSize size = {negligible(*line, rules), line->size_of(rules.detect),
                           first_level(lines.size())};
    if (!figure.identical && size.sought <= size.negligible) {
      figure.reading = Reading::not_comparable;
      figure.reason = kTooCoarse;
    } else if (figure.identical || power(line->shift, size) >= kPower) {
      figure.reading = Reading::no_difference;
    } else {
      figure.runs_needed = runs_needed(line->shift, size);
    }
  }
}

/// What is excluded must be so by the runs' own deviation, too, where it is larger than what like
/// figures have: a case may vary more than the others.
Shift cautious(Shift shift) {
  if (shift.own_deviation <= shift.deviation) return shift;
  shift.standard_error *= shift.own_deviation / shift.deviation;
  shift.deviation = shift.own_deviation;
  return shift;
}

/// What is neither better nor worse: whether a worsening is excluded, corrected by Holm.
void read_gated(const ComparedLines& lines, const ComparisonRules& rules) {
  std::vector<double> p_values;
  for (const ComparedLine* const line : lines) {
    p_values.push_back(p_of_as_high(cautious(line->worsening()), excluded(*line, rules)));
  }
  const std::vector<double> levels = holm_levels(p_values, kExclusionLevel);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    ComparedLine& line = *lines[i];
    ComparedFigure& figure = line.figure;
    double worst = highest(cautious(line.worsening()), levels[i]) + line.grain;
    if (figure.higher_is_better) worst = -worst;
    figure.at_worst = figure.is_difference ? worst * line.unit : std::exp(worst);
    if (figure.is_difference && figure.higher_is_better) {  // there is no more to lose than all
      const double all = std::max(*figure.base, rules.detect * line.unit);
      figure.at_worst = std::max(*figure.at_worst, -all);
    }
    if (!figure.identical)
      figure.shows = least_change(line, line.shift.base_runs, lines.size(), rules);
    if (!is_undecided(line)) continue;
    if (p_values[i] <= levels[i]) figure.reading = Reading::no_difference;
    if (excluded(line, rules) <= 0) figure.reason = kTooCoarse;
  }
}

// ------------------------------------------------------------------------------- how many runs

void ask_for_runs(ComparedLines lines, const ComparisonRules& rules, Comparison& comparison) {
  const auto is_open = [](const ComparedLine* line) {
    return line->figure.reading == Reading::open;
  };
  if (std::none_of(lines.begin(), lines.end(), is_open)) return;
  const std::vector<GatedShift> gated = gated_shifts(lines, rules);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (is_open(lines[i])) lines[i]->figure.runs_needed = runs_needed({&gated[i], 1});
  }
  comparison.runs_needed = runs_needed(gated);
}

// --------------------------------------------------------------------------------------- a case

void add_remarks(CaseComparison& result, const ComparedCase& one, const Pairing& pairing) {
  for (const auto& [name, side] :
       {std::pair("base", &one.base), std::pair("contender", &one.contender)}) {
    if (!side->problem.empty()) {
      result.problems.push_back(fmt::format("the {} is {}", name, side->problem));
    }
    for (const std::string& run : side->left_out) {
      result.remarks.push_back(fmt::format("Left out of the {}: {}.", name, run));
    }
  }
  for (const std::vector<std::string>& differences :
       {one.differences.forbidding, one.differences.noted}) {
    for (const std::string& difference : differences) {
      result.remarks.push_back("Differs: " + difference + ".");
    }
  }
  if (pairing.exact) {
    result.remarks.emplace_back(
        "Other seeds make no other run on either side: what differs differs exactly, so there are "
        "no p values.");
  }
  if (pairing.paired && one.base.runs != one.contender.runs) {
    result.remarks.push_back(
        fmt::format("{} of {} and {} runs are paired by their seeds; the others are left out.",
                    pairing.base.size(), one.base.runs, one.contender.runs));
  }
}

CaseComparison comparison_of(const ComparedCase& one, const Pairing& pairing) {
  CaseComparison result;
  result.name = one.name;
  result.base_runs = pairing.base.size();
  result.contender_runs = pairing.contender.size();
  result.paired = pairing.paired;
  add_remarks(result, one, pairing);
  return result;
}

}  // namespace

std::string_view name_of(Reading reading) {
  switch (reading) {
    case Reading::better:
      return "better";
    case Reading::worse:
      return "worse";
    case Reading::no_difference:
      return "no difference shown";
    case Reading::open:
      return "open";
    case Reading::too_few_runs:
      return "too few runs";
    case Reading::not_comparable:
      return "cannot be compared";
    case Reading::not_judged:
      return "not judged";
  }
  return "";
}

namespace {

std::size_t count_in(const CaseComparison& one, Reading reading, bool primary) {
  return static_cast<std::size_t>(
      std::count_if(one.figures.begin(), one.figures.end(), [&](const ComparedFigure& figure) {
        return figure.reading == reading && figure.primary == primary;
      }));
}

}  // namespace

std::size_t CaseComparison::primary(Reading reading) const {
  return count_in(*this, reading, true);
}

std::size_t CaseComparison::explored(Reading reading) const {
  return count_in(*this, reading, false);
}

std::size_t CaseComparison::count(Reading reading) const {
  return primary(reading) + explored(reading);
}

std::optional<std::size_t> CaseComparison::runs_needed() const {
  std::size_t most = 0;
  for (const ComparedFigure& figure : figures) {
    if (figure.reading != Reading::open) continue;
    if (!figure.runs_needed) return std::nullopt;
    most = std::max(most, *figure.runs_needed);
  }
  return most;
}

std::size_t Comparison::primary(Reading reading) const {
  std::size_t count = 0;
  for (const CaseComparison& one : cases) count += one.primary(reading);
  return count;
}

std::size_t Comparison::explored_as(Reading reading) const {
  std::size_t count = 0;
  for (const CaseComparison& one : cases) count += one.explored(reading);
  return count;
}

std::size_t Comparison::count(Reading reading) const {
  return primary(reading) + explored_as(reading);
}

bool Comparison::valid() const {
  return refused.empty() && std::all_of(cases.begin(), cases.end(), [](const CaseComparison& one) {
           return one.problems.empty();
         });
}

Comparison compare(const std::vector<ComparedCase>& cases, const ComparisonRules& rules) {
  assert(rules.threshold >= 0 && rules.threshold < rules.detect);
  Comparison comparison;
  comparison.rules = rules;
  std::vector<std::vector<ComparedLine>> lines;
  for (const ComparedCase& one : cases) {
    const Pairing pairing = pair_up(one);
    comparison.cases.push_back(comparison_of(one, pairing));
    lines.push_back(lines_of(one, pairing, rules));
  }
  ComparedLines tested;
  ComparedLines gated;
  ComparedLines explored;
  for (std::vector<ComparedLine>& of_case : lines) {
    for (ComparedLine& line : of_case) {
      if (!line.tested) continue;
      tested.push_back(&line);
      (line.figure.primary ? gated : explored).push_back(&line);
    }
  }
  moderate(tested);
  call_changes(gated, rules);
  call_changes(explored, rules);
  read_gated(gated, rules);
  read_explored(explored, rules);
  ask_for_runs(gated, rules, comparison);
  comparison.tests = gated.size();
  comparison.explored = explored.size();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (ComparedLine& line : lines[i]) {
      const ComparedFigure& figure = line.figure;
      // Those that were not tested: too few runs tell nothing, and of some no number of them does.
      if (figure.reading == Reading::open && !line.tested && comparison.runs_needed) {
        comparison.runs_needed = figure.runs_needed
                                     ? std::optional(std::max(*comparison.runs_needed, kLeastRuns))
                                     : std::nullopt;
      }
      comparison.lacks_estimate =
          comparison.lacks_estimate || (figure.reading == Reading::open && figure.lacks_estimate);
      comparison.cases[i].figures.push_back(std::move(line.figure));
    }
  }
  return comparison;
}

}  // namespace tokenlift
