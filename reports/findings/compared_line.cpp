#include "reports/findings/compared_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

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

std::vector<std::size_t> all_of_them(std::size_t count) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < count; ++i) indices.push_back(i);
  return indices;
}

Pairing pair_seeds(const std::vector<std::uint64_t>& base,
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

void compare_by_ratio(ComparedLine& line, const Sides& sides, bool paired) {
  const std::vector<double> base = logs_of(sides.base);
  const std::vector<double> contender = logs_of(sides.contender);
  ComparedFigure& figure = line.figure;
  figure.base = std::exp(mean(base));
  figure.contender = std::exp(mean(contender));
  line.shift = shift_between(base, contender, paired);
  line.grain = sides.base_grain / *figure.base + sides.contender_grain / *figure.contender;
}

void compare_by_difference(ComparedLine& line, const Sides& sides, bool paired, double reference) {
  ComparedFigure& figure = line.figure;
  figure.is_difference = true;
  figure.base = mean(sides.base);
  figure.contender = mean(sides.contender);
  line.unit = figure.unit_of_change = reference;
  line.grain = (sides.base_grain + sides.contender_grain) / reference;
  line.shift = shift_between(sides.base, sides.contender, paired);
  line.shift.value /= reference;
  line.shift.standard_error /= reference;
  line.shift.deviation /= reference;
}

/// What a line says of two runs without chance.
void read_exactly(ComparedLine& line, const Sides& sides, const ComparisonRules& rules) {
  ComparedFigure& figure = line.figure;
  figure.identical = sides.base == sides.contender;
  figure.change.reason = "other seeds make no other run: they differ exactly so";
  if (figure.reading == Reading::not_judged) return;
  figure.reading = Reading::no_difference;
  if (std::abs(line.shift.value) <= line.size_of(rules.threshold) + line.grain) return;
  figure.reading = line.worsening().value > 0 ? Reading::worse : Reading::better;
}

ComparedLine line_of(const FigureSet& base, const FigureSet& contender, const Pairing& pairing,
                     const ComparisonRules& rules) {
  ComparedLine line;
  ComparedFigure& figure = line.figure;
  figure.phase = base.phase;
  figure.name = base.name;
  figure.unit = base.unit;
  figure.higher_is_better = base.higher_is_better;
  figure.primary = is_gated(base, rules.primary) && is_gated(contender, rules.primary);
  figure.unserved = base.unserved || contender.unserved;
  for (const auto& [side, set] : {std::pair("base", &base), std::pair("contender", &contender)}) {
    if (set->missing.empty()) continue;
    if (!figure.reason.empty()) figure.reason += "; ";
    figure.reason += fmt::format("{}: {}", side, set->missing);
  }
  if (!figure.reason.empty()) {
    // A percentile is gated where both sides support it. All else that one side alone has is open.
    const bool one_side = base.missing.empty() != contender.missing.empty();
    if (figure.primary && one_side && figure.unit != "ns") {
      figure.reading = Reading::open;
    } else {
      figure.primary = false;
    }
    return line;
  }

  Sides sides;
  take(base.runs, pairing.base, sides.base, sides.base_grain);
  take(contender.runs, pairing.contender, sides.contender, sides.contender_grain);
  const double whole = std::max(base.whole, contender.whole);
  if (compares_by_difference(base.scale, sides, whole)) {
    compare_by_difference(line, sides, pairing.paired, reference_of(base.scale, sides, whole));
  } else {
    compare_by_ratio(line, sides, pairing.paired);
  }
  figure.identical = pairing.paired && sides.base == sides.contender;
  figure.change = line.estimate();
  figure.reading = figure.primary ? Reading::open
                   : base.judged  ? Reading::too_few_runs
                                  : Reading::not_judged;
  if (pairing.exact) {
    read_exactly(line, sides, rules);
  } else if (base.judged && !enough_for_a_test(line.shift)) {
    figure.runs_needed = kLeastRuns;
    figure.lacks_estimate = true;
    figure.reason = "for a first estimate";
  } else {
    line.tested = base.judged;
  }
  return line;
}

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

}  // namespace

Pairing pair_up(const ComparedCase& one) {
  Pairing pairing = pair_seeds(one.base.seeds, one.contender.seeds);
  // Of one scenario: where no seed makes another run of it on one side, none does on the other.
  const bool chance = !one.base.without_chance && !one.contender.without_chance;
  pairing.exact = !chance && one.base.runs == 1 && one.contender.runs == 1;
  return pairing;
}

double ComparedLine::size_of(double change) const {
  return figure.is_difference ? change : std::log1p(change);
}

double ComparedLine::change_of(double size) const {
  return figure.is_difference ? size : std::expm1(size);
}

Estimate ComparedLine::estimate() const {
  const double value = figure.is_difference ? shift.value * unit : std::exp(shift.value);
  if (!enough_for_a_test(shift)) {
    return estimate_without_interval(
        value, basis_of(shift), fmt::format("{} runs on either side give an interval", kLeastRuns));
  }
  // Of differences that are all 0 nothing is learnt of how much runs vary.
  if (figure.identical) {
    return estimate_without_interval(value, basis_of(shift), "every pair of runs is the same");
  }
  if (figure.is_difference) {
    Estimate change = estimate_of(value, shift.standard_error * unit, shift.degrees,
                                  basis_of(shift), grain * unit);
    if (change.interval) {  // no figure is less than 0, and no share more than 1
      const double base = figure.base.value_or(0);
      change.interval->low = std::max(change.interval->low, std::min(-base, value));
      if (figure.unit == "share") {
        change.interval->high = std::min(change.interval->high, std::max(1 - base, value));
      }
    }
    return change;
  }
  return estimate_of_log(shift.value, shift.standard_error, shift.degrees, basis_of(shift), grain);
}

Shift ComparedLine::worsening() const {
  Shift turned = shift;
  if (figure.higher_is_better) turned.value = -turned.value;
  return turned;
}

std::vector<ComparedLine> lines_of(const ComparedCase& one, const Pairing& pairing,
                                   const ComparisonRules& rules) {
  std::vector<ComparedLine> lines;
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

}  // namespace tokenlift
