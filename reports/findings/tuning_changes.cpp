#include "reports/findings/tuning_changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include "reports/analysis/pooled_percentile.hpp"
#include "reports/analysis/summary.hpp"
#include "reports/findings/tuning_words.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// From here on a throttle binds, a fleet is full, a constraint is just met.
constexpr double kBindingShare = 0.05;
constexpr double kLittleHeadroom = 0.1;
constexpr double kJustMet = 0.05;
constexpr double kAtTheEnd = 0.02;

struct Rate {
  const char* name;
  const char* unit;
  bool higher_is_better;
  std::optional<double> (PhaseBrief::*of)() const;
  std::optional<double> (*pooled)(const PhaseSummary&);
};
constexpr std::array<Rate, 4> kRates = {{
    {"goodput", "tokens/s", true, &PhaseBrief::goodput_tokens_per_s,
     [](const PhaseSummary& phase) { return phase.rates.goodput_tokens_per_s; }},
    {"throughput", "tokens/s", true, &PhaseBrief::throughput_tokens_per_s,
     [](const PhaseSummary& phase) { return phase.rates.throughput_tokens_per_s; }},
    {"attainment", "share", true, &PhaseBrief::attainment,
     [](const PhaseSummary& phase) { return phase.rates.attainment; }},
    {"unserved", "share", false, &PhaseBrief::unserved,
     [](const PhaseSummary& phase) { return phase.unserved(); }},
}};

using RunBriefs = std::vector<RunBrief>;

/// Of two settings, each run's figure in runs that have both.
TuningChange change_of_rate(const Rate& rate, const RunBriefs& present,
                            const RunBriefs& recommended, std::size_t phase) {
  TuningChange change{rate.name, rate.unit, rate.higher_is_better, {}, {}, false, {}};
  std::vector<double> before, after;
  for (std::size_t i = 0; i < std::min(present.size(), recommended.size()); ++i) {
    const PhaseBrief &one = present[i].phases[phase], &other = recommended[i].phases[phase];
    if (one.counts.due == 0 || other.counts.due == 0) continue;
    const std::optional<double> old_figure = (one.*rate.of)(), new_figure = (other.*rate.of)();
    if (!old_figure || !new_figure) continue;
    before.push_back(*old_figure);
    after.push_back(*new_figure);
  }
  const auto zero = [](double value) { return value == 0; };
  change.is_difference = std::string_view(rate.unit) == "share" ||
                         std::ranges::any_of(before, zero) || std::ranges::any_of(after, zero);
  change.change =
      change.is_difference ? difference_over_runs(before, after) : ratio_over_runs(before, after);
  return change;
}

TuningChange change_of_ttft(int permille, const RunBriefs& present, const RunBriefs& recommended,
                            std::size_t phase) {
  TuningChange change;
  change.name = fmt::format("TTFT {}", percentile_name(permille));
  change.unit = "ms";
  change.higher_is_better = false;
  std::vector<RunPair> pairs;
  for (std::size_t i = 0; i < std::min(present.size(), recommended.size()); ++i) {
    pairs.push_back(
        {present[i].phases[phase].of(Metric::ttft), recommended[i].phases[phase].of(Metric::ttft)});
  }
  change.change = percentile_ratio(pairs, permille);
  return change;
}

// ------------------------------------------------------------------------------------- binding

void add_throttles(const Run& run, std::size_t phase, const PhaseSummary& summary,
                   std::vector<std::string>& binding) {
  for (const ThrottleRecord& throttle : run.throttles) {
    if (throttle.mode != "enforce" || summary.attempts == 0) continue;
    const ThrottleCounts& counts = throttle.phases[phase];
    const double share = std::min(1.0, static_cast<double>(counts.held + counts.rejected) /
                                           static_cast<double>(summary.attempts));
    if (share >= kBindingShare) {
      binding.push_back(fmt::format("The throttle '{}' holds or refuses {} of the attempts.",
                                    throttle.name, percent_figure(share)));
    } else {
      binding.push_back(
          fmt::format("The throttle '{}' hardly binds: it holds or refuses {} of the "
                      "attempts.",
                      throttle.name, percent_figure(share)));
    }
  }
}

void add_constraints(const TuningReport& report, std::vector<std::string>& binding) {
  const TuningFigures& figures = report.candidates[*report.best].figures;
  for (std::size_t i = 0; i < figures.constraints.size(); ++i) {
    const ConstraintResult& constraint = figures.constraints[i];
    if (!constraint.met || constraint.room > kJustMet) continue;
    binding.push_back(fmt::format("The constraint {} leaves no room: it is {}.",
                                  report.constraints[i], figure(*constraint.value)));
  }
}

void add_ends_of_ranges(const TuningReport& report, std::vector<std::string>& binding) {
  const std::vector<double>& point = report.candidates[*report.best].point;
  for (std::size_t i = 0; i < point.size(); ++i) {
    const TunedParameter& parameter = report.parameters[i];
    // What stays as it is was not pushed there.
    if (!parameter.choices.empty() || point[i] == parameter.present_position) continue;
    if (point[i] > kAtTheEnd && point[i] < 1 - kAtTheEnd) continue;
    binding.push_back(
        fmt::format("{} is at the {} end of its range, {}: what lies beyond was not "
                    "tried.",
                    parameter.key, point[i] < 0.5 ? "lower" : "upper",
                    point[i] < 0.5 ? parameter.lowest : parameter.highest));
  }
}

}  // namespace

std::vector<TuningChange> tuning_changes(const Trial& present, const Trial& recommended,
                                         std::string_view phase) {
  const Run &before = present.lifted.pooled, &after = recommended.lifted.pooled;
  const std::optional<std::size_t> index = find_phase(before, phase);
  if (!index || find_phase(after, phase) != index) return {};
  const PhaseSummary one = summarize_fleet(before)[*index];
  const PhaseSummary other = summarize_fleet(after)[*index];
  std::vector<TuningChange> changes;
  for (const Rate& rate : kRates) {
    changes.push_back(change_of_rate(rate, present.lifted.runs, recommended.lifted.runs, *index));
    changes.back().present = rate.pooled(one);
    changes.back().recommended = rate.pooled(other);
  }
  for (const int permille : {500, 990}) {
    changes.push_back(
        change_of_ttft(permille, present.lifted.runs, recommended.lifted.runs, *index));
    changes.back().present = one.ttft_ms(permille);
    changes.back().recommended = other.ttft_ms(permille);
  }
  return changes;
}

TuningChange change_of_objective(const TuningAim& aim, const TuningFigures& present,
                                 const TuningFigures& recommended) {
  const std::string unit(aim_unit(aim.path).name);
  TuningChange change{aim.path,
                      unit == "%" ? "share" : unit,
                      aim.maximize,
                      present.objective,
                      recommended.objective,
                      true,
                      {}};
  const std::vector<double>&one = present.objective_by_run, &other = recommended.objective_by_run;
  if (one.size() == other.size()) {
    change.change = difference_over_runs(one, other);
  } else if (present.objective && recommended.objective) {
    change.change =
        estimate_without_interval(*recommended.objective - *present.objective,
                                  runs_figure(recommended.runs), "not every run has this figure");
  }
  return change;
}

std::vector<std::string> binding_of(const Run& run, std::string_view phase,
                                    const TuningReport& report) {
  std::vector<std::string> binding;
  if (const std::optional<std::size_t> index = find_phase(run, phase)) {
    const PhaseSummary summary = summarize_fleet(run)[*index];
    add_throttles(run, *index, summary, binding);
    if (summary.rates.headroom && *summary.rates.headroom <= kLittleHeadroom) {
      binding.push_back(fmt::format("The fleet has a headroom of {}.",
                                    percent_figure(std::max(*summary.rates.headroom, 0.0))));
    }
  }
  add_constraints(report, binding);
  add_ends_of_ranges(report, binding);
  return binding;
}

}  // namespace tokenlift
