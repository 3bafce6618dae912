#include "reports/findings/case_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "reports/analysis/pooled_percentile.hpp"
#include "reports/analysis/summary.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

using Runs = std::vector<const RunBrief*>;

// ---------------------------------------------------------------------------- rates and shares

using FigureOf = std::optional<double> (PhaseBrief::*)() const;

struct CaseRate {
  const char* name = "";
  const char* unit = "";
  FigureScale scale = FigureScale::ratio;
  FigureOf figure = nullptr;
  bool in_transition = false;
  bool needs_objectives = false;
};
constexpr std::array<CaseRate, 3> kCaseRates = {{
    {"throughput", "tokens/s", FigureScale::ratio, &PhaseBrief::throughput_tokens_per_s, false},
    {"goodput", "tokens/s", FigureScale::of_a_whole, &PhaseBrief::goodput_tokens_per_s, true},
    {"attainment", "share", FigureScale::share, &PhaseBrief::attainment, true, true},
}};

/// Where prices and power are stated. Lower is better, and none is gated unless chosen.
struct CaseCost {
  const char* name;
  const char* unit;
  FigureOf figure;
};
constexpr std::array<CaseCost, 3> kCaseCosts = {{
    {"cost per token", "$ per M", &PhaseBrief::usd_per_m_output_tokens},
    {"cost per goodput token", "$ per M", &PhaseBrief::usd_per_m_goodput_tokens},
    {"energy per token", "J", &PhaseBrief::j_per_output_token},
}};

struct Percentile {
  Metric metric;
  int permille;
  bool in_transition;
  bool primary;  // in a phase that lasts
};
constexpr std::array<Percentile, 8> kPercentiles = {{
    {Metric::ttft, 500, false, true},
    {Metric::ttft, 900, false, false},
    {Metric::ttft, 990, true, true},
    {Metric::tpot, 500, false, false},
    {Metric::tpot, 990, false, false},
    {Metric::itl, 990, false, true},
    {Metric::e2e, 500, false, false},
    {Metric::e2e, 990, false, false},
}};

/// Figures and why they are missing: of all runs, or of none.
void keep(FigureSet& set, std::vector<RunFigure> figures, std::size_t runs,
          const std::string& missing) {
  if (figures.size() == runs) {
    set.runs = std::move(figures);
  } else {
    set.missing = missing;
  }
}

FigureSet rate_set(const CaseRate& rate, const std::string& phase, std::size_t index,
                   const Runs& runs) {
  FigureSet set;
  set.phase = phase;
  set.name = rate.name;
  set.unit = rate.unit;
  set.scale = rate.scale;
  set.primary = is_lasting(phase);
  std::vector<RunFigure> figures;
  const char* missing = "a run did not get there, or nobody was due";
  for (const RunBrief* const run : runs) {
    const PhaseBrief& brief = run->phases.at(index);
    if (!brief.judged && rate.needs_objectives) missing = kNoObjectives;
    if (const auto value = (brief.*rate.figure)()) figures.push_back({run->seed, *value, 0});
    set.whole += brief.throughput_tokens_per_s().value_or(0) / static_cast<double>(runs.size());
  }
  keep(set, std::move(figures), runs.size(), missing);
  return set;
}

/// Nothing where no run has it.
std::optional<FigureSet> cost_set(const CaseCost& cost, const std::string& phase, std::size_t index,
                                  const Runs& runs) {
  FigureSet set;
  set.phase = phase;
  set.name = cost.name;
  set.unit = cost.unit;
  set.higher_is_better = false;
  std::vector<RunFigure> figures;
  for (const RunBrief* const run : runs) {
    if (const auto value = (run->phases.at(index).*cost.figure)()) {
      figures.push_back({run->seed, *value, 0});
    }
  }
  if (figures.empty()) return std::nullopt;
  keep(set, std::move(figures), runs.size(), "a run made no tokens, or states no price or power");
  return set;
}

std::string name_of(const Percentile& percentile) {
  return fmt::format("{} {}", name_of(percentile.metric), percentile_name(percentile.permille));
}

/// "ttft_p50" of "ttft p50".
std::string gate_name(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

/// Of the transition, which depends on how long `settle` is, only what users felt.
bool is_compared(const Percentile& percentile, std::string_view phase) {
  return phase != "transition" || percentile.in_transition;
}

FigureSet percentile_set(const Percentile& percentile, const std::string& phase, std::size_t index,
                         const Runs& runs) {
  FigureSet set;
  set.phase = phase;
  set.name = name_of(percentile);
  set.unit = "ns";
  set.higher_is_better = false;
  set.primary = percentile.primary && is_lasting(phase);
  const std::uint64_t needed = samples_needed(percentile.permille);
  std::uint64_t fewest = UINT64_MAX;
  std::vector<RunFigure> figures;
  for (const RunBrief* const run : runs) {
    const Buckets samples = run->phases.at(index).of(percentile.metric);
    const std::uint64_t count = count_of(samples);
    fewest = std::min(fewest, count);
    if (count < needed) continue;
    const InterpolatedPercentile found = interpolated_percentile(samples, percentile.permille);
    figures.push_back({run->seed, found.value_ns, found.grain_ns});
  }
  keep(set, std::move(figures), runs.size(),
       fmt::format("{} needs {} samples in each run, and one has {}",
                   percentile_name(percentile.permille), whole_figure(needed),
                   whole_figure(fewest)));
  return set;
}

// ------------------------------------------------------------------------------------ the lift

FigureSet gain_set(const CaseRate& rate, std::size_t before, std::size_t after, const Runs& runs) {
  FigureSet set;
  set.phase = "lift";
  set.name = fmt::format("gain of {}", rate.name);
  set.unit = "after/before";
  set.judged = false;
  std::vector<RunFigure> figures;
  for (const RunBrief* const run : runs) {
    const std::optional<double> old_figure = (run->phases.at(before).*rate.figure)();
    const std::optional<double> new_figure = (run->phases.at(after).*rate.figure)();
    const double whole = run->phases.at(before).throughput_tokens_per_s().value_or(0);
    if (!old_figure || !new_figure || *old_figure <= kLeastOfWhole * whole) continue;
    figures.push_back({run->seed, *new_figure / *old_figure, 0});
  }
  keep(set, std::move(figures), runs.size(),
       "before the lift it is less than a tenth of the throughput in some run: no ratio");
  return set;
}

FigureSet drain_set(const Run& pooled, const Runs& runs) {
  FigureSet set;
  set.phase = "lift";
  set.name = "drain time";
  set.unit = "ns";
  set.higher_is_better = false;
  std::vector<RunFigure> figures;
  for (const RunBrief* const run : runs) {
    if (!run->drain_ns) continue;
    // Rounded up to the end of a bin on both sides: together one bin of doubt.
    figures.push_back({run->seed, static_cast<double>(*run->drain_ns),
                       static_cast<double>(pooled.series.bin_ns) / 2});
  }
  keep(set, std::move(figures), runs.size(),
       "in some run nothing waited at the lift, or it did not drain");
  return set;
}

// ------------------------------------------------------------------------------------- a case

std::string problem_of(const Trial& trial) {
  if (trial.interrupted) return "interrupted";
  if (trial.lifted.pooled.valid()) return "";
  std::vector<std::string> failed;
  for (const Check& check : trial.lifted.pooled.checks) {
    if (!check.passed) failed.push_back(check.name);
  }
  return "not valid (" + listed(failed, "and") + ")";
}

}  // namespace

bool is_lasting(std::string_view phase) {
  return phase == "after" || phase == "steady";
}

std::vector<std::string> compared_percentiles(std::string_view phase) {
  std::vector<std::string> names;
  for (const Percentile& percentile : kPercentiles) {
    if (is_compared(percentile, phase)) names.push_back(name_of(percentile));
  }
  return names;
}

std::vector<std::string> gate_names() {
  std::vector<std::string> names;
  for (const CaseRate& rate : kCaseRates) names.emplace_back(rate.name);
  for (const CaseCost& cost : kCaseCosts) names.push_back(gate_name(cost.name));
  for (const Percentile& percentile : kPercentiles) names.push_back(gate_name(name_of(percentile)));
  return names;
}

bool is_gated(const FigureSet& set, const std::vector<std::string>& chosen) {
  if (!set.judged) return false;
  if (chosen.empty()) return set.primary;
  return is_lasting(set.phase) &&
         std::find(chosen.begin(), chosen.end(), gate_name(set.name)) != chosen.end();
}

CaseFigures case_figures(const Trial& trial) {
  const Run& pooled = trial.lifted.pooled;
  Runs runs;
  for (const RunBrief& run : trial.lifted.runs) runs.push_back(&run);
  const std::vector<PhaseSummary> summaries = summarize_fleet(pooled);
  CaseFigures result;
  result.runs = runs.size();
  result.without_chance = trial.lifted.without_chance();
  result.left_out = trial.left_out;
  result.problem = problem_of(trial);
  for (const RunBrief* const run : runs) result.seeds.push_back(run->seed);
  for (std::size_t i = 0; i < pooled.phases.size(); ++i) {
    const std::string& phase = pooled.phases[i].name;
    const bool full = phase != "transition";
    for (const CaseRate& rate : kCaseRates) {
      if (full || rate.in_transition) result.figures.push_back(rate_set(rate, phase, i, runs));
    }
    for (const CaseCost& cost : kCaseCosts) {
      std::optional<FigureSet> set = full ? cost_set(cost, phase, i, runs) : std::nullopt;
      if (set) result.figures.push_back(std::move(*set));
    }
    for (const Percentile& percentile : kPercentiles) {
      if (!is_compared(percentile, phase)) continue;
      result.figures.push_back(percentile_set(percentile, phase, i, runs));
      result.figures.back().unserved = summaries[i].hides_unserved(percentile.permille);
    }
  }
  const std::optional<std::size_t> before = find_phase(pooled, "before");
  const std::optional<std::size_t> after = find_phase(pooled, "after");
  if (!before || !after) return result;
  result.figures.push_back(gain_set(kCaseRates[0], *before, *after, runs));
  result.figures.push_back(gain_set(kCaseRates[1], *before, *after, runs));
  result.figures.push_back(drain_set(pooled, runs));
  return result;
}

}  // namespace tokenlift
