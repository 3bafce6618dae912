#include "bench/sweep/estimates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "reports/analysis/pooled_percentile.hpp"
#include "reports/analysis/summary.hpp"
#include "reports/findings/report.hpp"
#include "reports/json/json_figures.hpp"
#include "workloads/text/key_path.hpp"

namespace tokenlift {

namespace {

constexpr std::array<std::string_view, 18> kLasting = {"offered_requests_per_s",
                                                       "offered_tokens_per_s",
                                                       "admitted_requests_per_s",
                                                       "throughput_tokens_per_s",
                                                       "completed_requests_per_s",
                                                       "utilisation",
                                                       "batch_mean",
                                                       "batch_fill",
                                                       "headroom",
                                                       "capacity_tokens_per_s",
                                                       "usd_per_hour",
                                                       "usd_per_m_output_tokens",
                                                       "on_demand_usd_per_m_output_tokens",
                                                       "paid_use_share",
                                                       "site_power_mean_w",
                                                       "j_per_output_token",
                                                       "tokens_per_s_per_mw",
                                                       "break_even_use"};
constexpr std::array<std::string_view, 8> kShares = {"attainment",     "utilisation", "batch_fill",
                                                     "kv_used",        "prefix_hits", "unserved",
                                                     "paid_use_share", "slowed_share"};

/// "ttft.p99_ms.steady", as what it is of.
struct FleetPercentile {
  Metric metric = Metric::ttft;
  int permille = 0;
  std::string phase;
};

std::optional<FleetPercentile> fleet_percentile(const std::vector<std::string>& words) {
  if (words.size() != 3) return std::nullopt;
  for (std::size_t m = 0; m < kMetrics; ++m) {
    const auto metric = static_cast<Metric>(m);
    if (name_of(metric) != words[0]) continue;
    for (const int permille : kPermilles) {
      if (words[1] == fmt::format("{}_ms", percentile_name(permille))) {
        return FleetPercentile{metric, permille, words[2]};
      }
    }
  }
  return std::nullopt;
}

Estimate percentile_of(const Trial& trial, const FleetPercentile& which) {
  const Arm& arm = trial.lifted;
  const std::optional<std::size_t> phase = find_phase(arm.pooled, which.phase);
  if (!phase)
    return {std::nullopt, std::nullopt, "", fmt::format("{}\"{}\"", kNoPhase, which.phase)};
  std::vector<Buckets> samples;
  for (const RunBrief& run : arm.runs) {
    samples.emplace_back(run.phases.at(*phase).of(which.metric));
  }
  Estimate estimate = percentile_estimate(samples, which.permille);
  if (estimate.value) *estimate.value /= 1e6;
  if (estimate.interval)
    estimate.interval = {estimate.interval->low / 1e6, estimate.interval->high / 1e6};
  return estimate;
}

bool is_share(const std::vector<std::string>& words) {
  return std::ranges::any_of(words, [](const std::string& word) {
    return std::ranges::find(kShares, word) != kShares.end();
  });
}

/// Around the pooled value, by how much the runs differ.
Estimate over_runs(const TrialFigure& pooled, const std::vector<double>& by_run, bool share,
                   double requests) {
  if (!pooled.value) return {std::nullopt, std::nullopt, "", pooled.reason};
  std::string basis = runs_figure(by_run.size());
  if (by_run.size() < kLeastRuns) {
    return estimate_without_interval(*pooled.value, std::move(basis),
                                     fmt::format("{} repetitions give an interval", kLeastRuns));
  }
  const auto degrees = static_cast<double>(by_run.size() - 1);
  const bool positive =
      *pooled.value > 0 && std::ranges::all_of(by_run, [](double v) { return v > 0; });
  if (share || !positive) {
    Estimate estimate =
        estimate_of(*pooled.value, spread_of(by_run).standard_error, degrees, std::move(basis));
    return share ? within_limits(std::move(estimate), {0, 1, requests}) : estimate;
  }
  std::vector<double> logs;
  for (const double value : by_run) logs.push_back(std::log(value));
  return estimate_of_log(std::log(*pooled.value), spread_of(logs).standard_error, degrees,
                         std::move(basis));
}

/// Goodput is no more than what was asked for.
void cap(Estimate& estimate, const std::optional<double>& most) {
  if (!estimate.value || !estimate.interval || !most) return;
  estimate.interval->high = std::min(estimate.interval->high, std::max(*most, *estimate.value));
}

}  // namespace

bool lasts_when_saturated(std::string_view path) {
  const std::string_view first = path.substr(0, path.find('.'));
  return std::ranges::find(kLasting, first) != kLasting.end();
}

std::vector<Estimate> estimates_of(const Trial& trial, const std::vector<Run>& runs,
                                   const std::vector<std::string>& paths) {
  const std::vector<TrialFigure> pooled = figures_of(analyse(trial));
  std::vector<std::vector<TrialFigure>> by_run;
  for (const Run& run : runs) by_run.push_back(figures_of(analyse(make_trial("", {run}))));
  std::vector<Estimate> estimates;
  for (const std::string& path : paths) {
    const std::vector<std::string> words = names_in(path);
    if (const auto percentile = fleet_percentile(words)) {
      estimates.push_back(percentile_of(trial, *percentile));
      continue;
    }
    std::vector<double> values;
    for (const std::vector<TrialFigure>& figures : by_run) {
      if (const auto value = figure_at(figures, path).value) values.push_back(*value);
    }
    if (values.size() != runs.size()) values.clear();
    double requests = 0;
    if (const auto phase = find_phase(trial.lifted.pooled, words.back())) {
      requests = static_cast<double>(fleet_record(trial.lifted.pooled, *phase).counts.due);
    }
    Estimate estimate = over_runs(figure_at(pooled, path), values, is_share(words), requests);
    if (words[0] == "goodput_tokens_per_s") {
      cap(estimate, figure_at(pooled, "offered_tokens_per_s." + words.back()).value);
    }
    estimates.push_back(std::move(estimate));
  }
  return estimates;
}

}  // namespace tokenlift
