#include "bench/sweep/point.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <string_view>
#include <utility>

#include "bench/run/readiness.hpp"
#include "bench/sweep/estimates.hpp"
#include "bench/tune/problem.hpp"
#include "reports/analysis/drain.hpp"
#include "reports/findings/sweep_tables.hpp"
#include "reports/json/json_figures.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/text/did_you_mean.hpp"
#include "workloads/text/key_path.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

constexpr double kProbed = 0.25;  // of the measured time
/// In real time a point is worth a probe from this share of the capacity on.
constexpr double kNearlyFull = 0.9;

/// Of what is asked for, in several runs together: the backlog of a fleet that is asked for so much
/// more than it can do.
constexpr double kSlowGrowth = 0.005;

/// A probe alone decides where its backlog grows by so much of what is asked for, or by so much of
/// what is asked for beyond the capacity.
constexpr double kSureGrowth = 0.15;
constexpr double kExpectedShare = 0.5;

/// Figures of a lift that a sweep over its parameters is about.
constexpr std::array<const char*, 5> kLiftFigures = {
    "goodput.gain", "lift.drain_time_s", "lift.goodput.settling_time_s",
    "lift.recovery_deficit_tokens", "lift.slo_debt_requests"};

/// As far as the capacity depends on it: of a single tenant not on how much it asks for, and never
/// on throttles, events and the run.
Scenario capacity_part(Scenario scenario) {
  if (scenario.tenants.size() == 1) scenario.tenants[0].arrivals.rate = {};
  scenario.throttles.clear();
  scenario.events.clear();
  scenario.run = {};
  return scenario;
}

std::optional<double> accelerators_of(const Scenario& scenario) {
  if (scenario.fleet.sites.empty()) return std::nullopt;  // it is a remote one
  double count = 0;
  for (const Site& site : scenario.fleet.sites) {
    const auto own = std::ranges::find(scenario.profiles, site.profile, &Profile::name);
    const Profile* const profile =
        own != scenario.profiles.end() ? &*own : find_profile(site.profile);
    if (profile == nullptr || !profile->accelerator) return std::nullopt;
    count += static_cast<double>(site.replicas * profile->accelerator->count);
  }
  return count;
}

enum class Growth { none, some, clear };

std::optional<BacklogTrend> trend_of(const Run& run, std::string_view phase) {
  const std::optional<std::size_t> index = find_phase(run, phase);
  if (!index) return std::nullopt;
  return backlog_trend(run, *index, run.runs > 1 ? kSlowGrowth : kGrowing);
}

double due_per_run(const Run& run, std::string_view phase) {
  const std::size_t index = *find_phase(run, phase);
  return static_cast<double>(fleet_record(run, index).counts.due) / static_cast<double>(run.runs);
}

/// Of several runs together, a smaller growth is told from chance.
Growth growth_of(const Run& run, std::string_view phase) {
  const std::optional<BacklogTrend> trend = trend_of(run, phase);
  if (!trend || !trend->grows) return Growth::none;
  const double added = trend->last_requests - trend->first_requests;
  return added >= kClearGrowth * due_per_run(run, phase) ? Growth::clear : Growth::some;
}

/// Whether a run that is a part of the whole may tell the end of the story: a burst may fill a
/// quarter of the time.
bool is_beyond_doubt(const Run& part, const Scenario& scenario, std::string_view phase) {
  if (growth_of(part, phase) != Growth::clear) return false;
  const BacklogTrend trend = *trend_of(part, phase);
  const double added = trend.last_requests - trend.first_requests;
  const double due = due_per_run(part, phase);
  if (added >= kSureGrowth * due) return true;
  const double asked = offered(scenario).open_tokens_per_s;
  const std::optional<double>& capacity = scenario.fleet.capacity_tokens_per_s;
  if (!capacity || asked <= *capacity) return false;
  return added >= kExpectedShare * due * (1 - *capacity / asked);
}

/// Whether points of the scenario have figures that need this.
bool states(const Scenario& scenario, SweepNeeds needs) {
  return needs == SweepNeeds::nothing ||
         std::ranges::any_of(scenario.fleet.sites, [&](const Site& site) {
           if (needs == SweepNeeds::power) return site.power.has_value();
           return site.cost && (site.cost->price || site.cost->electricity_usd_per_kwh);
         });
}

/// Names of tenants and throttles in a path are checked where they can still be mended.
void require_names(const Scenario& scenario, const std::string& path) {
  const auto require = [&](const char* list, const char* kind, const auto& members) {
    const std::vector<std::string> words = names_in(path);
    if (words.size() < 2 || words[0] != list) return;
    std::vector<std::string> names;
    for (const auto& member : members) names.push_back(member.name);
    if (std::ranges::find(names, words[1]) != names.end()) return;
    const std::optional<std::string> meant = did_you_mean(words[1], names);
    throw SweepMistake(fmt::format("'{}': there is no {} '{}'{}", path, kind, words[1],
                                   meant ? "; did you mean '" + *meant + "'?" : ""));
  };
  require("tenants", "tenant", scenario.tenants);
  require("throttles", "throttle", scenario.throttles);
}

/// The path as it is, or with the phase, or with unit and phase.
std::string complete_path(const SweepProblem& problem, const std::string& path) {
  const std::string of_phase = "." + problem.phase;
  for (const std::string& ending : {std::string(), of_phase, "_tokens_per_s" + of_phase}) {
    if (figure_mistake(path + ending, std::nullopt).empty()) return path + ending;
  }
  throw SweepMistake(figure_mistake(path, std::nullopt));
}

std::size_t place_of(SweepProblem& problem, const std::string& path) {
  const auto found = std::ranges::find(problem.figures, path);
  const auto place = static_cast<std::size_t>(found - problem.figures.begin());
  if (found == problem.figures.end()) problem.figures.push_back(path);
  return place;
}

}  // namespace

Scenario read_scenario(const SweepProblem& problem, const std::vector<std::string>& settings) {
  std::vector<std::string> overrides = problem.overrides;
  overrides.insert(overrides.end(), settings.begin(), settings.end());
  return parse_scenario(problem.source.text, problem.source.name, problem.source.folder, overrides,
                        problem.profiles, figure_mistake);
}

SweepProblem make_sweep_problem(ScenarioSource source, std::vector<std::string> overrides,
                                std::vector<Profile> profiles, std::uint64_t repetitions) {
  SweepProblem problem{
      std::move(source), std::move(overrides), std::move(profiles), repetitions, {}, {}, {}};
  problem.scenario = read_scenario(problem, {});
  const bool changes = measured_event(problem.scenario).has_value();
  problem.phase = changes ? "after" : "steady";
  for (const SweepFigure& figure : sweep_figures()) {
    if (!states(problem.scenario, figure.needs)) continue;
    const std::string path = fmt::format("{}.{}", figure.what, problem.phase);
    if (figure_mistake(path, std::nullopt).empty()) problem.figures.push_back(path);
  }
  for (const char* const path : kLiftFigures) {
    if (changes && figure_mistake(path, std::nullopt).empty()) problem.figures.emplace_back(path);
  }
  return problem;
}

std::size_t add_figure(SweepProblem& problem, const std::string& path) {
  const std::string complete = complete_path(problem, path);
  require_names(problem.scenario, complete);
  return place_of(problem, complete);
}

std::pair<Objective, std::size_t> add_objective(SweepProblem& problem, const std::string& text) {
  Quantity<Objective> parsed = parse_objective(text);
  if (!parsed.value) {
    throw SweepMistake(fmt::format("'{}' {}{}", text, parsed.problem,
                                   parsed.advice.empty() ? "" : "; " + parsed.advice));
  }
  Objective objective = std::move(*parsed.value);
  const std::size_t place = add_figure(problem, objective.path);
  const std::string& path = problem.figures[place];
  const std::string wrong = figure_mistake(path, objective.bound);
  if (!wrong.empty()) throw SweepMistake(wrong);
  const std::size_t begin = objective.text.find(objective.path);
  objective.text = path + objective.text.substr(begin + objective.path.size());
  objective.path = path;
  return {std::move(objective), place};
}

bool changes_capacity(const std::string& key) {
  return key.starts_with("fleet.site") || key.starts_with("profile");
}

std::string digest_of(const SweepProblem& problem) {
  std::string text = to_json(problem.scenario) + std::to_string(problem.repetitions);
  for (const std::string& path : problem.figures) text += "|" + path;
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return fmt::format("fnv1a64:{:016x}", hash);
}

PointRunner::PointRunner(const SweepProblem& problem, const std::atomic<bool>& stop)
    : problem_(problem), stop_(stop) {}

/// A capacity is computed or measured once for all points that share it.
std::optional<Prepared> PointRunner::prepare(const Scenario& scenario, Experiment& experiment) {
  const Scenario part = capacity_part(scenario);
  std::optional<Run> before;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(known_, part, &Known::scenario);
    if (found != known_.end()) before = found->run;
  }
  const bool simulated = traits_of(scenario.run.engine).simulated;
  if (fleet_changes(scenario) && !simulated) before.reset();  // compositions are measured, too
  std::optional<Prepared> prepared = experiment.prepare(scenario, before ? &*before : nullptr);
  if (!prepared) return std::nullopt;
  std::optional<double>& capacity = prepared->scenario.fleet.capacity_tokens_per_s;
  if (!capacity && before) {
    capacity = before->capacity_tokens_per_s;
  } else if (!capacity && simulated) {
    const std::optional<Capacity> computed = experiment.capacity(prepared->scenario);
    if (!computed) return std::nullopt;
    capacity = computed->tokens_per_s;
    prepared->capacity_source = "computed";
  }
  if (capacity && !before) {
    Run run;
    run.capacity_tokens_per_s = capacity;
    run.capacity_error_tokens_per_s = prepared->capacity_error_tokens_per_s;
    run.capacity_source = prepared->capacity_source;
    const std::lock_guard lock(mutex_);
    known_.push_back({part, std::move(run)});
  }
  return prepared;
}

/// With the loads of the fleet as it is without the settings of the point.
std::optional<Prepared> PointRunner::prepare_as_stated(Scenario scenario, Experiment& experiment) {
  if (needs_capacity(scenario)) {
    Scenario stated = scenario;  // all else may be changed by another axis
    stated.fleet.sites = problem_.scenario.fleet.sites;
    stated.profiles = problem_.scenario.profiles;
    const std::optional<Prepared> prepared = prepare(stated, experiment);
    if (!prepared) return std::nullopt;
    const std::optional<std::int64_t> settle_ns = scenario.run.settle_ns;
    scenario = resolve(scenario, prepared->scenario.fleet.capacity_tokens_per_s);
    scenario.run.settle_ns = settle_ns;  // and the capacity are those of the point
    scenario.fleet.capacity_tokens_per_s.reset();
  }
  return prepare(scenario, experiment);
}

bool PointRunner::is_probed(const Prepared& prepared) const {
  const Scenario& scenario = prepared.scenario;
  if (!can_be_shortened(scenario)) return false;
  if (traits_of(scenario.run.engine).simulated) return true;
  const std::optional<double>& capacity = scenario.fleet.capacity_tokens_per_s;
  return capacity && offered(scenario).open_tokens_per_s >= kNearlyFull * *capacity;
}

SweepPoint PointRunner::run(const std::vector<std::string>& settings, Experiment& experiment,
                            const RunWatch& watch) {
  SweepPoint point;
  const auto fail = [&point](std::string why) {
    point.state = PointState::failed;
    point.failure = std::move(why);
  };
  try {
    const Scenario scenario = read_scenario(problem_, settings);
    const std::optional<Prepared> prepared = std::ranges::any_of(settings, changes_capacity)
                                                 ? prepare_as_stated(scenario, experiment)
                                                 : prepare(scenario, experiment);
    if (!prepared || stop_.load(std::memory_order_relaxed)) {
      point.state = PointState::interrupted;
      return point;
    }
    point.capacity_tokens_per_s = prepared->scenario.fleet.capacity_tokens_per_s;
    point.accelerators = accelerators_of(prepared->scenario);
    run_prepared(*prepared, experiment, watch, point);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const ScenarioError& error) {
    fail(error.mistakes().front().message);
  } catch (const std::exception& error) {
    fail(error.what());
  }
  return point;
}

void PointRunner::run_prepared(const Prepared& prepared, Experiment& experiment,
                               const RunWatch& watch, SweepPoint& point) {
  Pool pool;
  std::vector<Run> runs;
  // False where it is the last one.
  const auto add = [&](const Prepared& what, std::uint64_t repetition) {
    ProgressBoard board;
    auto display = watch(scenario_of(what, repetition, false), board, repetition, false);
    Run run = experiment.run(what, repetition, board);
    display.reset();
    point.requests += run.totals.due;
    if (run.interrupted) point.state = PointState::interrupted;
    if (point.state == PointState::interrupted) return false;
    const bool probe = &what != &prepared;
    const bool saturated = probe ? is_beyond_doubt(run, what.scenario, problem_.phase)
                                 : growth_of(run, problem_.phase) == Growth::clear;
    if (saturated) point.state = PointState::saturated;
    if (probe && !saturated) return true;
    const bool differs = pool.add(run_name(repetition, false), run);
    if (differs) runs.push_back(std::move(run));
    return differs && point.state == PointState::steady;
  };
  bool goes_on = true;
  if (is_probed(prepared)) {
    Prepared part = prepared;
    RunSettings& settings = part.scenario.run;
    const auto measured_ns = static_cast<double>(settings.duration_ns - settings.warmup_ns);
    settings.duration_ns = settings.warmup_ns + std::llround(measured_ns * kProbed);
    settings.cooldown_max_ns = 0;  // what is undecided then may stay so
    goes_on = add(part, 1);
  }
  for (std::uint64_t n = 1; n <= problem_.repetitions && goes_on; ++n) goes_on = add(prepared, n);
  if (point.state == PointState::interrupted) return;
  const Trial trial = pool.take("");
  const Run& pooled = trial.lifted.pooled;
  if (growth_of(pooled, problem_.phase) != Growth::none) point.state = PointState::saturated;
  const bool saturated = point.state == PointState::saturated;
  point.valid = saturated || pooled.valid();
  point.runs = pooled.runs;
  for (const Check& check : pooled.checks) {
    if (!point.valid && !check.passed) point.failed_checks.push_back(check.name);
  }
  point.figures = estimates_of(trial, runs, problem_.figures);
  if (!saturated) return;
  for (std::size_t i = 0; i < point.figures.size(); ++i) {
    if (lasts_when_saturated(problem_.figures[i])) continue;
    point.figures[i] = {std::nullopt, std::nullopt, "", "saturated: the backlog grows"};
  }
}

}  // namespace tokenlift
