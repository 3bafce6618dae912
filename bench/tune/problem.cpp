#include "bench/tune/problem.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "bench/run/capacity.hpp"
#include "bench/run/compositions.hpp"
#include "bench/run/experiment.hpp"
#include "reports/findings/report.hpp"
#include "reports/json/json_figures.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/text/did_you_mean.hpp"
#include "workloads/tuning/candidate.hpp"
#include "workloads/tuning/defaults.hpp"
#include "workloads/tuning/lift.hpp"

namespace tokenlift {

namespace {

/// Of a figure that is absent: as if it missed its bound by all of it.
constexpr double kAbsent = 1;

/// The capacity depends on who asks for what, and on the fleet.
bool same_capacity(const Scenario& a, const Scenario& b) {
  return a.tenants == b.tenants && a.profiles == b.profiles && a.fleet == b.fleet;
}

/// A throttle that follows the capacity goes by what the sites can do.
Scenario with_site_capacities(const TuningProblem& problem, Scenario scenario) {
  if (problem.replica_tokens_per_s.empty()) return scenario;
  if (!same_capacity(scenario, problem.scenario)) return scenario;
  state_site_capacities(scenario, problem.replica_tokens_per_s);
  return scenario;
}

/// From the bound, as a share of it.
double distance(const Objective& objective, double value) {
  const double whole = std::abs(objective.bound);
  return std::abs(value - objective.bound) / (whole > 0 ? whole : 1);
}

ConstraintResult constraint_result(const Objective& objective,
                                   const std::vector<TrialFigure>& figures) {
  // A bound that may not be reached is missed by standing on it: a little.
  constexpr double kLeastViolation = 1e-9;
  const TrialFigure figure = figure_at(figures, objective.path);
  ConstraintResult result;
  result.value = figure.value;
  result.reason = figure.reason;
  result.met = figure.value && is_met(objective, *figure.value);
  if (!figure.value) {
    result.violation = kAbsent;
  } else if (result.met) {
    result.room = distance(objective, *figure.value);
  } else {
    result.violation = std::max(distance(objective, *figure.value), kLeastViolation);
  }
  return result;
}

Scenario read_candidate(const TuningProblem& problem, const std::vector<std::string>& settings) {
  std::vector<std::string> overrides = problem.overrides;
  overrides.insert(overrides.end(), settings.begin(), settings.end());
  return parse_scenario(problem.source.text, problem.source.name, problem.source.folder, overrides,
                        problem.profiles, figure_mistake);
}

/// The lift as it is, judged over the same time as the slowest one.
std::vector<std::string> present_lift(const TuningProblem& problem) {
  const std::vector<Parameter>& parameters = problem.tuning.parameters;
  const auto length = std::ranges::find(parameters, kLiftLength, &Parameter::key);
  if (length == parameters.end()) return {};
  return lift_words(problem.scenario, {}, std::llround(length->max));
}

std::optional<double> figure_of(const Trial& trial, const std::string& path) {
  return figure_at(figures_of(analyse(trial)), path).value;
}

}  // namespace

std::string figure_mistake(const std::string& path, std::optional<double> bound) {
  std::string problem = path_mistake(path, did_you_mean);
  return problem.empty() && bound ? bound_mistake(path, *bound) : problem;
}

bool can_be_shortened(const Scenario& scenario) {
  const auto keeps_still = [](const Tenant& tenant) {
    return !tenant.arrivals.shape && !tenant.arrivals.trace;
  };
  return scenario.events.empty() && std::ranges::all_of(scenario.tenants, keeps_still) &&
         std::ranges::all_of(scenario.throttles,
                             [](const Throttle& throttle) { return throttle.schedule.empty(); });
}

std::optional<TuningProblem> make_tuning_problem(ScenarioSource source,
                                                 std::vector<std::string> overrides,
                                                 std::vector<Profile> profiles,
                                                 const std::atomic<bool>& stop) {
  TuningProblem problem{
      std::move(source), std::move(overrides), std::move(profiles), {}, {}, {}, {}, {}, {}};
  problem.scenario = read_candidate(problem, {});
  problem.capacity_tokens_per_s = problem.scenario.fleet.capacity_tokens_per_s;
  problem.capacity_source = "stated";
  if (!problem.capacity_tokens_per_s) {
    problem.capacity_source = "computed";
    problem.capacity_tokens_per_s = compute_capacity(problem.scenario, stop);
    if (!problem.capacity_tokens_per_s) return std::nullopt;
  }
  if (fleet_changes(problem.scenario)) {
    const auto of_sites = compute_site_capacities(problem.scenario, stop);
    if (!of_sites) return std::nullopt;
    problem.replica_tokens_per_s = *of_sites;
  }
  const Tuning tuning = problem.scenario.tuning.value_or(Tuning{});
  Scenario resolved =
      resolve(with_site_capacities(problem, problem.scenario), problem.capacity_tokens_per_s);
  resolved.fleet.capacity_tokens_per_s = problem.capacity_tokens_per_s;
  problem.tuning = complete_tuning(tuning, problem.scenario, resolved, builtin_profiles());
  for (Parameter& parameter : problem.tuning.parameters) {
    parameter.present = present_value(problem.scenario, parameter);
  }
  // A lift that takes longer has less time to settle, of as much.
  if (tuning.lift) problem.scenario.run.settle_ns = resolved.run.settle_ns;
  problem.phase = judged_phase(problem.tuning, problem.scenario);
  return problem;
}

TuningSimulator::TuningSimulator(const TuningProblem& problem, std::vector<std::string> command,
                                 const std::atomic<bool>& stop)
    : problem_(problem), command_(std::move(command)), stop_(stop) {}

std::vector<std::string> TuningSimulator::settings_of(const std::vector<double>& point) const {
  if (point.empty() && problem_.tuning.lift) return present_lift(problem_);
  if (point.empty()) return {};
  return settings(problem_.scenario, problem_.tuning.parameters, point);
}

std::vector<double> TuningSimulator::snapped(const std::vector<double>& point) const {
  std::vector<double> snapped;
  for (std::size_t i = 0; i < point.size(); ++i) {
    const Parameter& parameter = problem_.tuning.parameters[i];
    snapped.push_back(*position_of(parameter, value_at(parameter, point[i])));
  }
  return snapped;
}

Scenario TuningSimulator::read(const std::vector<double>& point) const {
  std::vector<std::string> words = settings_of(point);
  words.emplace_back("tune={}");  // what is searched has been read, with every end of every range
  return with_site_capacities(problem_, read_candidate(problem_, words));
}

std::optional<Scenario> TuningSimulator::scenario_of(const Attempt& attempt) const {
  Scenario scenario = read(attempt.point);
  std::optional<double> capacity_tokens_per_s = problem_.capacity_tokens_per_s;
  if (!same_capacity(scenario, problem_.scenario)) {
    capacity_tokens_per_s = compute_capacity(scenario, stop_);
    if (!capacity_tokens_per_s) return std::nullopt;
  }
  scenario = resolve(scenario, capacity_tokens_per_s);
  scenario.fleet.capacity_tokens_per_s = capacity_tokens_per_s;
  const auto measured_ns = static_cast<double>(scenario.run.duration_ns - scenario.run.warmup_ns);
  scenario.run.duration_ns =
      scenario.run.warmup_ns + std::llround(measured_ns * attempt.effort.length_share);
  if (attempt.larger != Enlargement{}) scenario = enlarged(scenario, attempt.larger);
  return stressed(scenario, attempt.stress);
}

template <typename OnRun>
std::optional<Pool> TuningSimulator::simulate(const Attempt& attempt, const OnRun& on_run) const {
  Pool pool;
  const std::optional<Scenario> scenario = scenario_of(attempt);
  if (stop_.load(std::memory_order_relaxed)) return std::nullopt;
  if (!scenario) return pool;
  const Prepared prepared{*scenario, problem_.capacity_source};
  Experiment experiment(command_, stop_, 1);
  for (std::uint64_t n = 1; n <= attempt.effort.runs; ++n) {
    ProgressBoard board;
    const Run run = experiment.run(prepared, n, board);
    if (run.interrupted) return std::nullopt;
    const bool differs = pool.add(run_name(n, false), run);
    on_run(run, differs);
    if (!differs) break;  // the seed makes no difference: more runs would say the same once more
  }
  return pool;
}

std::optional<Trial> TuningSimulator::trial(const Attempt& attempt) const {
  std::optional<Pool> pool = simulate(attempt, [](const Run&, bool) {});
  if (!pool) return std::nullopt;
  return pool->take("");
}

std::optional<TuningFigures> TuningSimulator::figures(const Attempt& attempt) const {
  TuningFigures figures;
  try {
    std::vector<double> by_run;
    std::uint64_t runs = 0;
    std::uint64_t requests = 0;
    std::optional<Pool> pool = simulate(attempt, [&](const Run& run, bool differs) {
      ++runs;
      requests += run.totals.due;
      if (!attempt.by_run || !differs) return;
      const auto value = figure_of(make_trial("", {run}), problem_.tuning.objective->path);
      if (value) by_run.push_back(*value);
    });
    if (!pool) return std::nullopt;
    if (runs == 0) return figures;
    figures = tuning_figures(pool->take(""), problem_);
    figures.requests = requests;
    figures.objective_by_run = std::move(by_run);
    figures.length_share = attempt.effort.length_share;
  } catch (const ScenarioError& error) {
    figures.failure = error.mistakes().front().message;
  }
  return figures;
}

TuningFigures tuning_figures(const Trial& trial, const TuningProblem& problem) {
  const TrialReport report = analyse(trial);
  const std::vector<TrialFigure> all = figures_of(report);
  TuningFigures figures;
  figures.runs = trial.lifted.pooled.runs;
  figures.requests = trial.lifted.pooled.totals.due;
  const TrialFigure objective = figure_at(all, problem.tuning.objective->path);
  figures.objective = objective.value;
  figures.reason = objective.reason;
  for (const Objective& constraint : problem.tuning.constraints) {
    figures.constraints.push_back(constraint_result(constraint, all));
  }
  if (const PhaseSummary* const phase = find_phase(report.phases, problem.phase)) {
    figures.throughput_tokens_per_s = phase->rates.throughput_tokens_per_s;
    figures.goodput_tokens_per_s = phase->rates.goodput_tokens_per_s;
    figures.attainment = phase->rates.attainment;
    figures.unserved = phase->unserved();
    figures.ttft_p50_ms = phase->ttft_ms(500);
    figures.ttft_p99_ms = phase->ttft_ms(990);
  }
  return figures;
}

}  // namespace tokenlift
