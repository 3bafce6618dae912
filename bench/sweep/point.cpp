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
#include "bench/sweep/load_course.hpp"
#include "bench/tune/problem.hpp"
#include "reports/analysis/drain.hpp"
#include "reports/analysis/summary.hpp"
#include "reports/findings/case_figures.hpp"
#include "reports/findings/sweep_tables.hpp"
#include "reports/json/json_figures.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/tuning/figure_path.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

constexpr double kProbed = 0.25;  // of the measured time

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

const Profile* profile_of(const Scenario& scenario, const Site& site) {
  const Profile* const own = own_profile(scenario, site);
  return own != nullptr ? own : find_profile(site.profile);
}

/// Nothing is said of a fleet of several kinds, or a remote one.
PointFleet fleet_of(const Scenario& scenario) {
  const std::vector<Site>& sites = scenario.fleet.sites;
  PointFleet fleet;
  if (sites.empty() || traits_of(scenario.run.engine).remote) return fleet;
  const auto is_other = [&](const Site& site) { return site.profile != sites[0].profile; };
  if (std::ranges::any_of(sites, is_other)) return fleet;
  fleet.profile = sites[0].profile;
  for (const Site& site : sites) fleet.replicas += site.at_start.value_or(site.replicas);
  const Profile* const profile = profile_of(scenario, sites[0]);
  if (profile == nullptr) return fleet;
  if (profile->accelerator) {
    fleet.accelerator = profile->accelerator->name;
    fleet.accelerators_per_replica = profile->accelerator->count;
  }
  if (profile->model) fleet.bytes_per_parameter = profile->model->bytes_per_parameter;
  return fleet;
}

std::optional<double> accelerators_of(const Scenario& scenario) {
  if (scenario.fleet.sites.empty()) return std::nullopt;  // it is a remote one
  double count = 0;
  for (const Site& site : scenario.fleet.sites) {
    const Profile* const profile = profile_of(scenario, site);
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

/// Of several runs together, a smaller growth is told from chance. None of a load that does not
/// last: what is in the system grows with it.
Growth growth_of(const Run& run, const Scenario& scenario, std::string_view phase) {
  const std::optional<BacklogTrend> trend = trend_of(run, phase);
  if (!trend || !trend->grows) return Growth::none;
  if (changes_by_plan(scenario) || load_grew(scenario, run, phase)) return Growth::none;
  const double added = trend->last_requests - trend->first_requests;
  return added >= kClearGrowth * due_per_run(run, phase) ? Growth::clear : Growth::some;
}

/// Whether one run may tell the end of the story, also one of a part of the time.
bool is_beyond_doubt(const Run& run, const Scenario& scenario, std::string_view phase) {
  if (growth_of(run, scenario, phase) != Growth::clear) return false;
  const BacklogTrend trend = *trend_of(run, phase);
  const double added = trend.last_requests - trend.first_requests;
  const double due = due_per_run(run, phase);
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

/// "'ttfd.p99_ms': no run has it; did you mean ...".
template <typename Value>
std::string mistake_of(const std::string& text, const Quantity<Value>& wrong) {
  return fmt::format("'{}': {}{}", text, wrong.problem,
                     wrong.advice.empty() ? "" : "; " + wrong.advice);
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
                        problem.profiles, settings.empty() ? figure_mistake : FigureMistake());
}

SweepProblem make_sweep_problem(ScenarioSource source, std::vector<std::string> overrides,
                                std::vector<Profile> profiles, std::uint64_t repetitions) {
  SweepProblem problem{
      std::move(source), std::move(overrides), std::move(profiles), repetitions, {}, {}, {}};
  problem.scenario = read_scenario(problem, {});
  problem.phase = swept_phase(problem.scenario);
  const bool changes = measured_event(problem.scenario).has_value();
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
  const Quantity<std::string> complete =
      complete_figure_path(problem.scenario, problem.phase, path, std::nullopt, figure_mistake);
  if (!complete.value) throw SweepMistake(mistake_of(path, complete));
  return place_of(problem, *complete.value);
}

Objective read_objective(const std::string& text) {
  Quantity<Objective> parsed = parse_objective(text);
  if (parsed.value) return *std::move(parsed.value);
  throw SweepMistake(mistake_of(text, parsed));
}

std::pair<Objective, std::size_t> add_objective(SweepProblem& problem, Objective objective) {
  const std::string text = objective.text;
  Quantity<Objective> complete =
      complete_objective(problem.scenario, problem.phase, std::move(objective), figure_mistake);
  if (!complete.value) throw SweepMistake(mistake_of(text, complete));
  const std::size_t place = place_of(problem, complete.value->path);
  return {*std::move(complete.value), place};
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

/// A burst may fill a part of the time: where no more than the capacity is asked for, a part tells
/// nothing. Nor does it of a load that becomes another.
bool PointRunner::is_probed(const Prepared& prepared) const {
  const Scenario& scenario = prepared.scenario;
  if (!can_be_shortened(scenario) || changes_by_plan(scenario)) return false;
  const std::optional<double>& capacity = scenario.fleet.capacity_tokens_per_s;
  if (capacity) return offered(scenario).open_tokens_per_s > *capacity;
  return traits_of(scenario.run.engine).simulated;
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
    point.fleet = fleet_of(prepared->scenario);
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

namespace {

/// The runs of a point on their way to a verdict: does it keep up?
class PointRuns {
 public:
  PointRuns(std::string phase, const Scenario& scenario)
      : phase_(std::move(phase)), scenario_(scenario) {}

  /// False where it agrees in everything with one before: then no seed makes another run.
  bool add(std::uint64_t repetition, Run run) {
    const Growth growth = growth_of(run, scenario_, phase_);
    beyond_doubt_ = beyond_doubt_ || is_beyond_doubt(run, scenario_, phase_);
    clear_ += growth == Growth::clear ? 1 : 0;
    grown_ += growth != Growth::none ? 1 : 0;
    const bool differs = pool_.add(run_name(repetition, false), run);
    if (differs) runs_.push_back(std::move(run));
    return differs;
  }
  bool is_surely_saturated() const { return beyond_doubt_ || clear_ > 1; }
  /// The only one that was asked for grows, and a busy stretch may do that.
  bool wants_another() const { return runs_.size() == 1 && grown_ == 1 && !beyond_doubt_; }

  /// Of all of them together; of two, of which the second was made to be sure, both must grow.
  bool is_saturated(const Run& pooled, bool second_opinion) const {
    if (is_surely_saturated()) return true;
    return growth_of(pooled, scenario_, phase_) != Growth::none && (!second_opinion || grown_ > 1);
  }
  const std::vector<Run>& runs() const { return runs_; }
  Trial take() { return pool_.take(""); }

 private:
  std::string phase_;
  const Scenario& scenario_;  // stays in use
  Pool pool_;
  std::vector<Run> runs_;
  bool beyond_doubt_ = false;
  std::size_t clear_ = 0, grown_ = 0;
};

/// Where it is saturated, what nobody could hold it to has no value.
void keep_what_lasts(const std::vector<std::string>& paths, SweepPoint& point) {
  for (std::size_t i = 0; i < point.figures.size(); ++i) {
    if (lasts_when_saturated(paths[i])) continue;
    point.figures[i] = {std::nullopt, std::nullopt, "", "saturated: the backlog grows"};
  }
  std::erase_if(point.by_run.figures,
                [](const FigureSet& set) { return set.name != "throughput"; });
}

void add_lengths(const Run& pooled, const std::string& phase, SweepPoint& point) {
  const std::optional<std::size_t> index = find_phase(pooled, phase);
  if (!index) return;
  const PhaseRecord record = fleet_record(pooled, *index);
  if (record.counts.due == 0) return;
  const auto due = static_cast<double>(record.counts.due);
  point.prompt_tokens = static_cast<double>(record.offered_input_tokens) / due;
  point.output_tokens = static_cast<double>(record.offered_output_tokens) / due;
}

/// The first part of the time.
Prepared shortened(Prepared prepared) {
  RunSettings& settings = prepared.scenario.run;
  const auto measured_ns = static_cast<double>(settings.duration_ns - settings.warmup_ns);
  settings.duration_ns = settings.warmup_ns + std::llround(measured_ns * kProbed);
  settings.cooldown_max_ns = 0;  // what is undecided then may stay so
  return prepared;
}

}  // namespace

void PointRunner::run_prepared(const Prepared& prepared, Experiment& experiment,
                               const RunWatch& watch, SweepPoint& point) {
  // Nothing where it was stopped.
  const auto run = [&](const Prepared& what, std::uint64_t repetition) -> std::optional<Run> {
    ProgressBoard board;
    const auto display = watch(scenario_of(what, repetition, false), board, repetition, false);
    Run made = experiment.run(what, repetition, board);
    point.requests += made.totals.due;
    if (!made.interrupted) return made;
    point.state = PointState::interrupted;
    return std::nullopt;
  };
  const Scenario& scenario = prepared.scenario;
  PointRuns runs(problem_.phase, scenario);
  if (is_probed(prepared)) {
    const Prepared part = shortened(prepared);
    std::optional<Run> probe = run(part, 1);
    if (!probe) return;
    point.shortened = is_beyond_doubt(*probe, scenario, problem_.phase);
    if (point.shortened) runs.add(1, *std::move(probe));
  }
  std::uint64_t most = point.shortened ? 0 : problem_.repetitions;
  bool second_opinion = false;
  for (std::uint64_t n = 1; n <= most && !runs.is_surely_saturated(); ++n) {
    std::optional<Run> made = run(prepared, n);
    if (!made) return;
    if (!runs.add(n, *std::move(made))) break;
    second_opinion = second_opinion || (most == 1 && runs.wants_another());
    if (second_opinion) most = 2;
  }
  const Trial trial = runs.take();
  const Run& pooled = trial.lifted.pooled;
  if (runs.is_saturated(pooled, second_opinion)) point.state = PointState::saturated;
  const bool saturated = point.state == PointState::saturated;
  point.load_changes =
      !saturated && (changes_by_plan(scenario) || load_grew(scenario, pooled, problem_.phase));
  point.valid = saturated || pooled.valid();
  point.runs = pooled.runs;
  for (const Check& check : pooled.checks) {
    if (!point.valid && !check.passed) point.failed_checks.push_back(check.name);
  }
  add_lengths(pooled, problem_.phase, point);
  if (const std::optional<std::size_t> index = find_phase(pooled, problem_.phase)) {
    const std::optional<double> mean = summarize_fleet(pooled)[*index].rates.capacity_tokens_per_s;
    if (mean) point.capacity_tokens_per_s = mean;
  }
  point.figures = estimates_of(trial, runs.runs(), problem_.figures);
  point.by_run = case_figures(trial);
  if (!saturated) return;
  point.by_run.problem.clear();
  keep_what_lasts(problem_.figures, point);
}

}  // namespace tokenlift
