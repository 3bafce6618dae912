#include "reports/findings/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <utility>

#include "reports/analysis/significance.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// A figure of less than this share of its whole compares as a share of it: 4 tokens/s of goodput,
/// of 1,845 that were made, may be twice as many another day.
constexpr double kLeastOfWhole = 0.1;

// --------------------------------------------------------------------------------- the two sides

/// Figures of both sides; of paired runs in the same order.
struct Sides {
  std::vector<double> base;
  std::vector<double> contender;
  double base_grain = 0;  ///< the mean of the runs'
  double contender_grain = 0;

  std::vector<double> all() const {
    std::vector<double> values = base;
    values.insert(values.end(), contender.begin(), contender.end());
    return values;
  }
};

/// Indices into the runs of either side.
struct Pairing {
  bool paired = false;
  bool exact = false;  ///< both sides are one run without chance: how they differ is certain
  std::vector<std::size_t> base;
  std::vector<std::size_t> contender;
};

std::vector<std::size_t> all_of_them(std::size_t count) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < count; ++i) indices.push_back(i);
  return indices;
}

/// By seed, where the seeds of one side are all among those of the other; what is left over there
/// is left out. A seed that several runs share pairs them in their order.
Pairing pair_up(const std::vector<std::uint64_t>& base,
                const std::vector<std::uint64_t>& contender) {
  std::multimap<std::uint64_t, std::size_t> free;
  for (std::size_t i = 0; i < contender.size(); ++i) free.emplace(contender[i], i);
  Pairing pairing;
  for (std::size_t i = 0; i < base.size(); ++i) {
    const auto found = free.lower_bound(base[i]);
    if (found == free.end() || found->first != base[i]) continue;
    pairing.base.push_back(i);
    pairing.contender.push_back(found->second);
    free.erase(found);
  }
  pairing.paired =
      !pairing.base.empty() && pairing.base.size() == std::min(base.size(), contender.size());
  if (pairing.paired) return pairing;
  return {false, false, all_of_them(base.size()), all_of_them(contender.size())};
}

Pairing pair_up(const ComparedCase& one) {
  Pairing pairing = pair_up(one.base.seeds, one.contender.seeds);
  pairing.exact = one.base.without_chance && one.contender.without_chance;
  return pairing;
}

double mean(const std::vector<double>& values) {
  return spread_of(values).mean;
}

void take(const std::vector<RunFigure>& runs, const std::vector<std::size_t>& indices,
          std::vector<double>& values, double& grain) {
  for (const std::size_t index : indices) {
    values.push_back(runs.at(index).value);
    grain += runs.at(index).grain / static_cast<double>(indices.size());
  }
}

// --------------------------------------------------------------------------------------- a line

/// A figure and what is tested of it.
struct Line {
  ComparedFigure figure;
  Shift shift;
  TestSize size;  ///< but for the level, which all lines share
  bool tested = false;
};

bool has_small(const std::vector<double>& values, double least) {
  return std::any_of(values.begin(), values.end(),
                     [&](double value) { return value == 0 || value < least; });
}

/// Whether a figure compares as contender - base; `whole`: of the larger side.
bool compares_by_difference(FigureScale scale, const Sides& sides, double whole) {
  if (scale == FigureScale::share) return true;
  return has_small(sides.all(), scale == FigureScale::of_a_whole ? kLeastOfWhole * whole : 0);
}

/// What a change of 100 % is, of figures that compare by their difference.
double reference_of(FigureScale scale, const Sides& sides, double whole) {
  if (scale == FigureScale::share) return 1;
  const double reference =
      scale == FigureScale::of_a_whole ? whole : std::max(mean(sides.base), mean(sides.contender));
  return reference > 0 ? reference : 1;  // all are 0
}

std::vector<double> logs_of(const std::vector<double>& values) {
  std::vector<double> logs;
  for (const double value : values) logs.push_back(std::log(value));
  return logs;
}

Shift shift_between(const std::vector<double>& base, const std::vector<double>& contender,
                    bool paired) {
  return paired ? paired_shift(base, contender) : shift_of(base, contender);
}

/// "5 pairs of runs", "5 and 8 runs"
std::string basis_of(const Shift& shift) {
  if (shift.paired) return fmt::format("{} pairs of runs", shift.base_runs);
  return fmt::format("{} and {} runs", shift.base_runs, shift.contender_runs);
}

bool enough_for_a_test(const Shift& shift) {
  return std::min(shift.base_runs, shift.contender_runs) >= kLeastRuns;
}

Estimate estimate_of_shift(const Shift& shift, bool is_difference, double grain) {
  if (!enough_for_a_test(shift)) {
    const std::string reason = fmt::format("{} runs on either side give an interval", kLeastRuns);
    return estimate_without_interval(is_difference ? shift.value : std::exp(shift.value),
                                     basis_of(shift), reason);
  }
  const auto make = is_difference ? estimate_of : estimate_of_log;
  return make(shift.value, shift.standard_error, shift.degrees, basis_of(shift), grain);
}

void compare_by_ratio(Line& line, const Sides& sides, bool paired, const ComparisonRules& rules) {
  const std::vector<double> base = logs_of(sides.base);
  const std::vector<double> contender = logs_of(sides.contender);
  ComparedFigure& figure = line.figure;
  figure.base = std::exp(mean(base));
  figure.contender = std::exp(mean(contender));
  line.shift = shift_between(base, contender, paired);
  const double grain = sides.base_grain / *figure.base + sides.contender_grain / *figure.contender;
  line.size = {std::log1p(rules.threshold) + grain, std::log1p(rules.detect), 0};
  figure.change = estimate_of_shift(line.shift, false, grain);
}

void compare_by_difference(Line& line, const Sides& sides, bool paired, double reference,
                           const ComparisonRules& rules) {
  ComparedFigure& figure = line.figure;
  figure.is_difference = true;
  figure.base = mean(sides.base);
  figure.contender = mean(sides.contender);
  line.shift = shift_between(sides.base, sides.contender, paired);
  const double grain = sides.base_grain + sides.contender_grain;
  line.size = {rules.threshold * reference + grain, rules.detect * reference, 0};
  figure.change = estimate_of_shift(line.shift, true, grain);
}

/// What a line says of two runs without chance.
void read_exactly(Line& line, const Sides& sides) {
  ComparedFigure& figure = line.figure;
  figure.identical = sides.base == sides.contender;
  figure.change.reason = "other seeds make no other run: they differ exactly so";
  if (figure.reading == Reading::not_judged) return;
  figure.reading = Reading::no_difference;
  if (std::abs(line.shift.value) <= line.size.negligible) return;
  const bool better = (line.shift.value > 0) == figure.higher_is_better;
  figure.reading = better ? Reading::better : Reading::worse;
}

Line line_of(const FigureSet& base, const FigureSet& contender, const Pairing& pairing,
             const ComparisonRules& rules) {
  Line line;
  ComparedFigure& figure = line.figure;
  figure.phase = base.phase;
  figure.name = base.name;
  figure.unit = base.unit;
  figure.higher_is_better = base.higher_is_better;
  figure.unserved = base.unserved || contender.unserved;
  for (const auto& [side, set] : {std::pair("base", &base), std::pair("contender", &contender)}) {
    if (set->missing.empty()) continue;
    if (!figure.reason.empty()) figure.reason += "; ";
    figure.reason += fmt::format("{}: {}", side, set->missing);
  }
  if (!figure.reason.empty()) return line;

  Sides sides;
  take(base.runs, pairing.base, sides.base, sides.base_grain);
  take(contender.runs, pairing.contender, sides.contender, sides.contender_grain);
  const double whole = std::max(base.whole, contender.whole);
  if (compares_by_difference(base.scale, sides, whole)) {
    compare_by_difference(line, sides, pairing.paired, reference_of(base.scale, sides, whole),
                          rules);
  } else {
    compare_by_ratio(line, sides, pairing.paired, rules);
  }
  figure.identical = pairing.paired && sides.base == sides.contender;
  figure.reading = base.judged ? Reading::too_few_runs : Reading::not_judged;
  if (pairing.exact) {
    read_exactly(line, sides);
    return line;
  }
  line.tested = base.judged && enough_for_a_test(line.shift);
  return line;
}

/// What a line of `p`, corrected, says.
void read(Line& line, double p, double level) {
  ComparedFigure& figure = line.figure;
  TestSize size = line.size;
  size.level = level;
  figure.p = p;
  if (p <= kComparisonLevel) {
    const bool better = (line.shift.value > 0) == figure.higher_is_better;
    figure.reading = better ? Reading::better : Reading::worse;
  } else if (figure.identical) {
    figure.reading = Reading::no_difference;
  } else if (size.sought <= size.negligible) {
    figure.reading = Reading::not_comparable;
    figure.reason = "one run measures it too coarsely for the change that is looked for";
  } else if (power(line.shift, size) >= kPower) {
    figure.reading = Reading::no_difference;
  } else {
    figure.reading = Reading::too_few_runs;
    figure.runs_needed = runs_needed(line.shift, size);
  }
}

// --------------------------------------------------------------------------------------- a case

const FigureSet* find_set(const std::vector<FigureSet>& sets, const FigureSet& like) {
  const auto found = std::find_if(sets.begin(), sets.end(), [&](const FigureSet& set) {
    return set.phase == like.phase && set.name == like.name;
  });
  return found == sets.end() ? nullptr : &*found;
}

FigureSet absent(const FigureSet& like) {
  FigureSet set = like;
  set.runs.clear();
  set.missing = "it has no such phase";
  return set;
}

std::vector<Line> lines_of(const ComparedCase& one, const Pairing& pairing,
                           const ComparisonRules& rules) {
  std::vector<Line> lines;
  for (const FigureSet& set : one.base.figures) {
    const FigureSet* const other = find_set(one.contender.figures, set);
    lines.push_back(line_of(set, other == nullptr ? absent(set) : *other, pairing, rules));
  }
  for (const FigureSet& set : one.contender.figures) {
    if (find_set(one.base.figures, set) != nullptr) continue;
    lines.push_back(line_of(absent(set), set, pairing, rules));
  }
  return lines;
}

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
    case Reading::too_few_runs:
      return "too few runs";
    case Reading::not_comparable:
      return "cannot be compared";
    case Reading::not_judged:
      return "not judged";
  }
  return "";
}

std::size_t CaseComparison::count(Reading reading) const {
  return static_cast<std::size_t>(
      std::count_if(figures.begin(), figures.end(),
                    [&](const ComparedFigure& figure) { return figure.reading == reading; }));
}

std::optional<std::size_t> CaseComparison::runs_needed() const {
  std::size_t most = 0;
  for (const ComparedFigure& figure : figures) {
    if (figure.reading != Reading::too_few_runs) continue;
    if (!figure.runs_needed) return std::nullopt;
    most = std::max(most, *figure.runs_needed);
  }
  return most;
}

std::size_t Comparison::count(Reading reading) const {
  std::size_t count = 0;
  for (const CaseComparison& one : cases) count += one.count(reading);
  return count;
}

bool Comparison::valid() const {
  return std::all_of(cases.begin(), cases.end(),
                     [](const CaseComparison& one) { return one.problems.empty(); });
}

Comparison compare(const std::vector<ComparedCase>& cases, const ComparisonRules& rules) {
  assert(rules.threshold >= 0 && rules.threshold < rules.detect);
  Comparison comparison;
  comparison.rules = rules;
  std::vector<std::vector<Line>> lines;
  std::vector<double> p_values;
  for (const ComparedCase& one : cases) {
    const Pairing pairing = pair_up(one);
    comparison.cases.push_back(comparison_of(one, pairing));
    lines.push_back(lines_of(one, pairing, rules));
    for (const Line& line : lines.back()) {
      if (line.tested) p_values.push_back(p_value(line.shift, line.size.negligible));
    }
  }
  comparison.tests = p_values.size();
  const std::vector<double> corrected = holm(p_values);
  // What the smallest p value is held to: a line that is sure to be found is found by this.
  const double level =
      kComparisonLevel / static_cast<double>(std::max<std::size_t>(1, comparison.tests));
  std::size_t next = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (Line& line : lines[i]) {
      if (line.tested) read(line, corrected[next++], level);
      if (line.figure.reading == Reading::too_few_runs && !line.tested) {
        line.figure.runs_needed = kLeastRuns;
        line.figure.reason = "for a first estimate";
      }
      comparison.cases[i].figures.push_back(std::move(line.figure));
    }
  }
  return comparison;
}

}  // namespace tokenlift
