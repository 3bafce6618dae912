#include "reports/analysis/gain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <string_view>
#include <utility>

#include "reports/analysis/blocks.hpp"
#include "reports/analysis/pooled_percentile.hpp"
#include "reports/analysis/summary.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

// ---------------------------------------------------------------------------------- the figures

/// A share or a rate: what is counted, of what, and the columns of a run's series with both.
struct PhaseRate {
  const char* name;
  const char* unit;
  std::uint64_t (*amount)(const PhaseBrief&);
  std::string_view amount_column;
  std::string_view base_column;  ///< empty: by time
};

constexpr std::array<PhaseRate, 3> kRates = {{
    {"throughput", "tokens/s", [](const PhaseBrief& phase) { return phase.output_tokens; },
     "output_tokens", ""},
    {"goodput", "tokens/s", [](const PhaseBrief& phase) { return phase.goodput_tokens; },
     "goodput_tokens", ""},
    {"attainment", "share", [](const PhaseBrief& phase) { return phase.slo_met; },
     "slo_met_requests", "due_requests"},
}};

constexpr std::array<Metric, 4> kLatencies = {Metric::ttft, Metric::tpot, Metric::itl, Metric::e2e};
constexpr std::array<int, 3> kGainPermilles = {500, 900, 990};

double amount_of(const PhaseRate& rate, const PhaseBrief& phase) {
  return static_cast<double>(rate.amount(phase));
}

double base_of(const PhaseRate& rate, const PhaseBrief& phase) {
  return rate.base_column.empty() ? phase.length_s : static_cast<double>(phase.counts.due);
}

/// One phase of several runs.
using Phases = std::vector<const PhaseBrief*>;

std::optional<double> pooled(const PhaseRate& rate, const Phases& phases) {
  double amount = 0;
  double base = 0;
  for (const PhaseBrief* phase : phases) {
    amount += amount_of(rate, *phase);
    base += base_of(rate, *phase);
  }
  if (base == 0) return std::nullopt;
  return amount / base;
}

/// Of a base that is next to nothing a ratio says nothing.
bool has_no_ratio(const std::optional<double>& base, const std::optional<double>& value) {
  return base && value && near_zero(*base, *value);
}

/// Without objectives nobody can meet them.
bool is_judged(const PhaseRate& rate, const Run& run) {
  return std::string_view(rate.name) != "attainment" || has_objectives(run);
}

/// Each run's figures of both sides; runs that lack one of them are left out.
struct Sides {
  std::vector<double> before;
  std::vector<double> after;

  bool zero_somewhere() const {
    const auto zero = [](double figure) { return figure == 0; };
    return std::any_of(before.begin(), before.end(), zero) ||
           std::any_of(after.begin(), after.end(), zero);
  }
};

Sides sides(const PhaseRate& rate, const Phases& before, const Phases& after) {
  Sides result;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double before_base = base_of(rate, *before[i]);
    const double after_base = base_of(rate, *after[i]);
    if (before_base == 0 || after_base == 0) continue;
    result.before.push_back(amount_of(rate, *before[i]) / before_base);
    result.after.push_back(amount_of(rate, *after[i]) / after_base);
  }
  return result;
}

double requests_in(const PhaseRate& rate, const Phases& phases) {
  double requests = 0;
  for (const PhaseBrief* phase : phases) requests += base_of(rate, *phase);
  return requests;
}

/// As it is, but for a share.
Estimate bounded(Estimate change, bool is_difference, const PhaseRate& rate, const Phases& first,
                 const Phases& second) {
  if (rate.base_column.empty()) return change;
  ShareLimits limits{is_difference ? -1.0 : 0.0, is_difference ? 1.0 : INFINITY,
                     std::min(requests_in(rate, first), requests_in(rate, second))};
  // Of a ratio what can't be seen is relative to what there is: the requests that met them.
  if (!is_difference) {
    limits.requests *= std::min(pooled(rate, first).value_or(0), pooled(rate, second).value_or(0));
  }
  return within_limits(std::move(change), limits);
}

/// Without those that did not reach one of the two phases.
std::vector<RunPair> pairs_of(const Phases& before, const Phases& after, Metric metric) {
  std::vector<RunPair> pairs;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i]->length_s == 0 || after[i]->length_s == 0) continue;
    pairs.push_back({before[i]->of(metric), after[i]->of(metric)});
  }
  return pairs;
}

std::string percentile_gain_name(Metric metric, int permille) {
  return fmt::format("{} {}", name_of(metric), percentile_name(permille));
}

/// As the summary gives it, from midpoints of buckets: a figure is the same all over the report.
std::optional<double> percentile_in(const PhaseSummary& phase, Metric metric, int permille) {
  return phase.of(metric).at(permille);
}

// ------------------------------------------------------------------- within a run, bin by bin

/// The bins of a column that lie wholly within a phase.
std::vector<double> values_within(const Run& run, const std::vector<std::int64_t>& values,
                                  const PhaseSpan& phase) {
  const BinRange bins = bins_within(phase, run.series.bin_ns, values.size());
  std::vector<double> within;
  for (std::size_t bin = bins.begin; bin < bins.end; ++bin) {
    within.push_back(static_cast<double>(values[bin]));
  }
  return within;
}

/// What each bin contributes to a figure of the phase: their mean is the figure. Of a rate, the
/// bin's own. Of a share m / d the linearised one: share + (m_i - share d_i) / mean d, for bins
/// with many requests count for more. Empty where it was not recorded.
std::vector<double> contributions(const Run& run, const PhaseRate& rate, std::size_t phase) {
  const std::vector<std::int64_t>* amounts = find_column(run.series.columns, rate.amount_column);
  if (run.series.bin_ns == 0 || amounts == nullptr) return {};
  std::vector<double> values = values_within(run, *amounts, run.phases[phase]);
  if (rate.base_column.empty()) {
    const double bin_s = static_cast<double>(run.series.bin_ns) * 1e-9;
    for (double& value : values) value /= bin_s * static_cast<double>(run.runs);
    return values;
  }
  const std::vector<std::int64_t>* bases = find_column(run.series.columns, rate.base_column);
  if (bases == nullptr) return {};
  const std::vector<double> base = values_within(run, *bases, run.phases[phase]);
  double amount_sum = 0;
  double base_sum = 0;
  for (const double value : values) amount_sum += value;
  for (const double value : base) base_sum += value;
  if (base_sum == 0 || base.size() != values.size()) return {};
  const double share = amount_sum / base_sum;
  const double base_mean = base_sum / static_cast<double>(base.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = share + (values[i] - share * base[i]) / base_mean;
  }
  return values;
}

Bins bins_of(const Run& run) {
  return {run.series.bin_ns, static_cast<std::size_t>(run.runs)};
}

/// Where too few repetitions were made for an interval over runs, their series may give one, or say
/// what would. Where nothing was recorded by time, only repetitions help.
Estimate refined(Estimate over_runs, const Estimate& within, bool recorded) {
  if (within.interval) return within;
  if (recorded && within.value) over_runs.reason = within.reason;
  return over_runs;
}

// ---------------------------------------------------------------------------------------- gains

Gain rate_gain(const PhaseRate& rate, const Run& run, const std::array<std::size_t, 2>& phase,
               const Phases& before, const Phases& after) {
  Gain gain{rate.name, rate.unit, true, pooled(rate, before), pooled(rate, after), false, {}};
  const Sides figures = sides(rate, before, after);
  gain.is_difference = figures.zero_somewhere() || has_no_ratio(gain.before, gain.after);
  gain.change = gain.is_difference ? difference_over_runs(figures.before, figures.after)
                                   : ratio_over_runs(figures.before, figures.after);
  if (figures.before.size() < kLeastRuns) {
    const BlockMeans first = block_means(contributions(run, rate, phase[0]));
    const BlockMeans second = block_means(contributions(run, rate, phase[1]));
    gain.change = refined(std::move(gain.change),
                          gain.is_difference ? difference_of_blocks(first, second, bins_of(run))
                                             : ratio_of_blocks(first, second, bins_of(run)),
                          first.bins > 0 && second.bins > 0);
  }
  gain.change = bounded(std::move(gain.change), gain.is_difference, rate, before, after);
  return gain;
}

bool leaves_out(const Estimate& estimate, double none) {
  return estimate.interval.has_value() && !estimate.interval->holds(none);
}

// -------------------------------------------------------------------------------------- effects

/// Runs of the same seed, with the lift and without it.
struct PairedRuns {
  std::vector<const RunBrief*> with;
  std::vector<const RunBrief*> without;
};

PairedRuns pair_up(const Arm& lifted, const Arm& control) {
  PairedRuns pairs;
  std::vector<bool> used(control.runs.size());
  for (const RunBrief& run : lifted.runs) {
    for (std::size_t i = 0; i < control.runs.size(); ++i) {
      if (used[i] || control.runs[i].seed != run.seed) continue;
      used[i] = true;
      pairs.with.push_back(&run);
      pairs.without.push_back(&control.runs[i]);
      break;
    }
  }
  return pairs;
}

Phases phases_of(const std::vector<const RunBrief*>& runs, std::size_t phase) {
  Phases phases;
  for (const RunBrief* run : runs) phases.push_back(&run->phases.at(phase));
  return phases;
}

/// Of the difference, bin by bin, of pooled series that hold the pairs and no more.
BlockMeans difference_by_bin(const Trial& trial, const PhaseRate& rate, std::size_t phase) {
  std::vector<double> with = contributions(trial.lifted.pooled, rate, phase);
  const std::vector<double> without = contributions(trial.control->pooled, rate, phase);
  with.resize(std::min(with.size(), without.size()));
  for (std::size_t i = 0; i < with.size(); ++i) with[i] -= without[i];
  return block_means(with);
}

Effect rate_effect(const Trial& trial, const PhaseRate& rate, std::size_t phase,
                   const PairedRuns& pairs) {
  const Phases with = phases_of(pairs.with, phase);
  const Phases without = phases_of(pairs.without, phase);
  Effect effect{rate.name,
                rate.unit,
                true,
                trial.lifted.pooled.phases[phase].name,
                pooled(rate, with),
                pooled(rate, without),
                {}};
  const Sides figures = sides(rate, without, with);
  effect.difference = difference_over_runs(figures.before, figures.after);
  // A transition is no steady state: its blocks differ for other reasons than chance.
  const bool all_paired = pairs.with.size() == trial.lifted.runs.size() &&
                          pairs.with.size() == trial.control->runs.size();
  if (figures.before.size() < kLeastRuns && all_paired && effect.phase == "after") {
    const BlockMeans blocks = difference_by_bin(trial, rate, phase);
    effect.difference =
        refined(std::move(effect.difference), mean_of_blocks(blocks, bins_of(trial.lifted.pooled)),
                blocks.bins > 0);
  }
  effect.difference = bounded(std::move(effect.difference), true, rate, without, with);
  return effect;
}

/// Of the paired runs alone.
std::optional<double> percentile_of(const Phases& phases, Metric metric, int permille) {
  Histogram pooled;
  for (const PhaseBrief* phase : phases) {
    for (const BucketCount& bucket : phase->of(metric)) {
      const std::int64_t middle_ns =
          Histogram::lower_ns(bucket.index) + Histogram::width_ns(bucket.index) / 2;
      pooled.record(middle_ns, bucket.count);
    }
  }
  if (pooled.count() < samples_needed(permille)) return std::nullopt;
  return static_cast<double>(pooled.value_at(permille / 1000.0));
}

void add_effects(std::vector<Effect>& effects, const Trial& trial, std::size_t phase,
                 const PairedRuns& pairs) {
  for (const PhaseRate& rate : kRates) {
    if (!is_judged(rate, trial.lifted.pooled)) continue;
    effects.push_back(rate_effect(trial, rate, phase, pairs));
  }
  const Phases with = phases_of(pairs.with, phase);
  const Phases without = phases_of(pairs.without, phase);
  for (const Metric metric : kLatencies) {
    for (const int permille : kGainPermilles) {
      effects.push_back({percentile_gain_name(metric, permille), "ns", false,
                         trial.lifted.pooled.phases[phase].name,
                         percentile_of(with, metric, permille),
                         percentile_of(without, metric, permille),
                         percentile_difference(pairs_of(without, with, metric), permille)});
    }
  }
}

/// More repetitions are no advice where other seeds make no other run.
void say_without_chance(Estimate& estimate) {
  if (estimate.value && !estimate.interval) {
    estimate.reason = "1 run, which is the same for any seed: repetitions give no interval";
  }
}

}  // namespace

bool Gain::shown() const {
  return leaves_out(change, is_difference ? 0 : 1);
}

bool Gain::better() const {
  return shown() && (change.interval->low > (is_difference ? 0 : 1)) == higher_is_better;
}

bool Effect::shown() const {
  return leaves_out(difference, 0);
}

bool Effect::better() const {
  return shown() && (difference.interval->low > 0) == higher_is_better;
}

std::vector<Gain> gains(const Trial& trial) {
  const Run& run = trial.lifted.pooled;
  const std::optional<std::size_t> before_phase = find_phase(run, "before");
  const std::optional<std::size_t> after_phase = find_phase(run, "after");
  if (!before_phase || !after_phase) return {};
  std::vector<const RunBrief*> runs;
  for (const RunBrief& brief : trial.lifted.runs) runs.push_back(&brief);
  const Phases before = phases_of(runs, *before_phase);
  const Phases after = phases_of(runs, *after_phase);

  std::vector<Gain> gains;
  for (const PhaseRate& rate : kRates) {
    if (is_judged(rate, run)) {
      gains.push_back(rate_gain(rate, run, {*before_phase, *after_phase}, before, after));
    } else {
      gains.push_back({rate.name, rate.unit, true, {}, {}, false, {{}, {}, "", kNoObjectives}});
    }
  }
  const std::vector<PhaseSummary> summaries = summarize_fleet(run);
  for (const Metric metric : kLatencies) {
    for (const int permille : kGainPermilles) {
      Gain gain{percentile_gain_name(metric, permille),
                "ns",
                false,
                percentile_in(summaries[*before_phase], metric, permille),
                percentile_in(summaries[*after_phase], metric, permille),
                false,
                {}};
      gain.is_difference = has_no_ratio(gain.before, gain.after);
      const std::vector<RunPair> pairs = pairs_of(before, after, metric);
      gain.change = gain.is_difference ? percentile_difference(pairs, permille)
                                       : percentile_ratio(pairs, permille);
      gains.push_back(std::move(gain));
    }
  }
  if (trial.lifted.without_chance()) {
    for (Gain& gain : gains) say_without_chance(gain.change);
  }
  return gains;
}

const Gain* find_gain(const std::vector<Gain>& gains, std::string_view name) {
  const auto found =
      std::find_if(gains.begin(), gains.end(), [&](const Gain& gain) { return gain.name == name; });
  return found == gains.end() ? nullptr : &*found;
}

std::vector<Effect> effects(const Trial& trial) {
  if (!trial.control) return {};
  const PairedRuns pairs = pair_up(trial.lifted, *trial.control);
  std::vector<Effect> effects;
  for (const std::string_view name : {"transition", "after"}) {
    if (const auto phase = find_phase(trial.lifted.pooled, name)) {
      add_effects(effects, trial, *phase, pairs);
    }
  }
  if (trial.lifted.without_chance() && trial.control->without_chance()) {
    for (Effect& effect : effects) say_without_chance(effect.difference);
  }
  return effects;
}

}  // namespace tokenlift
