#include "bench/tune/verification.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "bench/machine/progress.hpp"
#include "bench/tune/search.hpp"
#include "reports/analysis/interval.hpp"
#include "reports/findings/report.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/json/json_figures.hpp"
#include "reports/json/json_run.hpp"
#include "reports/text/figure.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift {

namespace {

constexpr const char* kRanks[] = {"recommended", "second", "third"};

/// Of the objective, by the runs that it was measured in: 95 %; nothing of too few.
std::optional<Interval> interval_of(const std::vector<double>& values, const std::string& path,
                                    const Trial& trial) {
  if (values.size() < kLeastRuns) return std::nullopt;
  const Spread spread = spread_of(values);
  const Estimate estimate =
      estimate_of(spread.mean, spread.standard_error, static_cast<double>(values.size() - 1), "");
  for (const std::string_view share : {"attainment", "unserved"}) {
    const std::size_t at = path.rfind(share);
    if (at == std::string::npos) continue;
    std::string counted = path;
    counted.replace(at, share.size(), "counts.due");
    const TrialFigure requests = figure_at(figures_of(analyse(trial)), counted);
    return within_limits(estimate, {0, 1, requests.value.value_or(0)}).interval;
  }
  return estimate.interval;
}

}  // namespace

std::vector<VerifiedArm> arms_to_verify(const TuningReport& report) {
  std::vector<VerifiedArm> arms;
  const auto add = [&](std::size_t candidate, const char* label) {
    VerifiedArm& arm = arms.emplace_back();
    arm.candidate = candidate;
    arm.label = label;
    arm.predicted = report.candidates[candidate].figures.objective;
  };
  add(0, "present");
  std::size_t rank = report.recommended == 0 ? 1 : 0;
  const auto add_next = [&](std::size_t candidate) {
    if (candidate == 0 || rank == kVerifiedSettings) return;
    add(candidate, kRanks[rank++]);
  };
  if (report.recommended) add_next(*report.recommended);
  for (const Finalist& finalist : report.finalists) {
    if (finalist.candidate != report.recommended) add_next(finalist.candidate);
  }
  return arms;
}

std::vector<std::string> refusals_of(const std::vector<VerifiedArm>& arms, std::size_t chosen_arm,
                                     const std::vector<std::string>& constraints, bool maximize) {
  std::vector<std::string> refusals;
  const VerifiedArm& chosen = arms.at(chosen_arm);
  for (std::size_t i = 0; i < chosen.constraints.size(); ++i) {
    const ConstraintResult& constraint = chosen.constraints[i];
    if (constraint.met) continue;
    refusals.push_back(constraint.value
                           ? fmt::format("measured, the constraint {} is missed: it is {}.",
                                         constraints[i], figure(*constraint.value))
                           : fmt::format("measured, the constraint {} has no value: {}.",
                                         constraints[i], constraint.reason));
  }
  if (!chosen.measured) {
    refusals.emplace_back("measured, the objective has no value.");
    return refusals;
  }
  const double sign = maximize ? 1 : -1;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const VerifiedArm& other = arms[i];
    if (i == chosen_arm || !other.measured) continue;
    const double lead = sign * (*other.measured - *chosen.measured);
    if (lead <= kIndifference * std::abs(*chosen.measured)) continue;
    // The present setting needs no proof to stay.
    bool sure = i == 0;
    if (chosen.measured_by_run.size() == other.measured_by_run.size()) {
      const Estimate difference =
          difference_over_runs(chosen.measured_by_run, other.measured_by_run);
      sure = sure || (difference.interval &&
                      (maximize ? difference.interval->low > 0 : difference.interval->high < 0));
    }
    if (!sure) continue;
    refusals.push_back(
        fmt::format("measured, the order flips: the {} setting has {}, the "
                    "recommended one {}.",
                    other.label, figure(*other.measured), figure(*chosen.measured)));
  }
  return refusals;
}

TuningVerification::TuningVerification(const TuningProblem& threads, const OutputFolder& folder,
                                       std::vector<std::string> command,
                                       const std::atomic<bool>& stop)
    : problem_(threads), folder_(folder), command_(std::move(command)), stop_(stop) {}

Prepared TuningVerification::prepared(const std::vector<double>& point) const {
  const TuningSimulator simulator(problem_, command_, stop_);
  return {resolve(simulator.read(point), problem_.capacity_tokens_per_s), problem_.capacity_source};
}

bool TuningVerification::run(TuningReport& report, std::uint64_t runs, const Watch& watch) const {
  Verification verification;
  verification.runs = runs;
  verification.arms = arms_to_verify(report);
  std::vector<VerifiedArm>& arms = verification.arms;
  std::vector<Prepared> scenarios;
  for (const VerifiedArm& arm : arms) {
    scenarios.push_back(prepared(report.candidates[arm.candidate].point));
  }
  std::vector<Pool> pools(arms.size());
  Experiment experiment(command_, stop_, 1);
  std::uint64_t left = runs * arms.size();
  for (std::uint64_t n = 1; n <= runs; ++n) {
    // Each arm goes first in turn: a machine that drifts is no better to one of them.
    for (std::size_t turn = 0; turn < arms.size(); ++turn) {
      const std::size_t i = (turn + n - 1) % arms.size();
      ProgressBoard board;
      std::optional<Run> run;
      {
        const auto display = watch(scenarios[i].scenario, board, arms[i].label, n, left--);
        run = experiment.run(scenarios[i], n, board);
      }
      folder_.write(
          std::filesystem::path("verify") / arms[i].label / std::to_string(n) / "run.json",
          to_json(*run));
      if (run->interrupted) return false;
      if (!pools[i].add(run_name(n, false), *run)) continue;
      const TuningFigures alone = tuning_figures(make_trial("", {*run}), problem_);
      if (alone.objective) arms[i].measured_by_run.push_back(*alone.objective);
    }
  }
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const Trial trial = pools[i].take(arms[i].label);
    const TuningFigures figures = tuning_figures(trial, problem_);
    arms[i].measured = figures.objective;
    arms[i].constraints = figures.constraints;
    arms[i].interval = interval_of(arms[i].measured_by_run, problem_.tuning.objective->path, trial);
    if (!is_valid(trial)) {
      arms[i].validity = validity(trial);
      verification.valid = false;
    }
  }
  const auto chosen = std::ranges::find(arms, *report.recommended, &VerifiedArm::candidate);
  verification.refusals = refusals_of(arms, static_cast<std::size_t>(chosen - arms.begin()),
                                      report.constraints, report.aim.maximize);
  if (!verification.valid) {
    verification.refusals.emplace_back("what was run is no measurement.");
  }
  if (!verification.refusals.empty()) report.recommended.reset();
  report.verification = std::move(verification);
  return true;
}

}  // namespace tokenlift
