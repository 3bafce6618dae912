#include "bench/tune/tuner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stop_token>
#include <thread>
#include <utility>

#include "bench/machine/host.hpp"
#include "bench/tune/floors.hpp"
#include "bench/tune/remedies.hpp"
#include "reports/analysis/sensitivity.hpp"
#include "reports/findings/report.hpp"
#include "reports/findings/tuning_changes.hpp"
#include "reports/text/figure.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/text/key_path.hpp"
#include "workloads/tuning/candidate.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kResponsePoints = 11;
/// What the best setting and one with another value may differ by, to be called as good.
constexpr double kTolerated = 0.02;

// What is tried where nothing is feasible.
constexpr std::size_t kCandidatesWithMore = 4;
constexpr std::size_t kRemediesTried = 30;  // about
constexpr double kUpToParetoSet = 0.95;     // of the budget
constexpr double kUpToChanges = 0.9;
/// Of a time; the rest is for what is told of the best, and for writing it.
constexpr double kSearching = 0.95;
/// Runs of the present setting that the floors come from, where the budget is so many times larger.
constexpr std::uint64_t kRunsOfFloors = 4;
constexpr double kMuchForFloors = 50;

constexpr std::uint64_t kMostRunsOfChange = 32;
constexpr std::size_t kMostOfParetoSet = 24;

/// What it takes to be compared with others.
bool has_pareto_figures(const TuningFigures& figures) {
  return figures.feasible() && figures.goodput_tokens_per_s && figures.ttft_p99_ms &&
         figures.unserved;
}

/// Both have what it takes.
bool dominates(const TuningFigures& one, const TuningFigures& other) {
  const bool as_good = *one.goodput_tokens_per_s >= *other.goodput_tokens_per_s &&
                       *one.ttft_p99_ms <= *other.ttft_p99_ms && *one.unserved <= *other.unserved;
  const bool better = *one.goodput_tokens_per_s > *other.goodput_tokens_per_s ||
                      *one.ttft_p99_ms < *other.ttft_p99_ms || *one.unserved < *other.unserved;
  return as_good && better;
}

bool is_same(const TuningFigures& one, const TuningFigures& other) {
  return one.goodput_tokens_per_s == other.goodput_tokens_per_s &&
         one.ttft_p99_ms == other.ttft_p99_ms && one.unserved == other.unserved;
}

/// The indices of those that none of the others dominates, of several that are the same the first.
std::vector<std::size_t> pareto_set(const std::vector<TuningFigures>& figures) {
  std::vector<std::size_t> set;
  for (std::size_t i = 0; i < figures.size(); ++i) {
    if (!has_pareto_figures(figures[i])) continue;
    const bool dominated = std::ranges::any_of(figures, [&](const TuningFigures& other) {
      return has_pareto_figures(other) && dominates(other, figures[i]);
    });
    const bool is_new = std::ranges::none_of(
        set, [&](std::size_t other) { return is_same(figures[other], figures[i]); });
    if (!dominated && is_new) set.push_back(i);
  }
  return set;
}

TuningSeries series_of(const Trial& trial, std::string label) {
  CaseReport brief = case_report(analyse(trial), label, "");
  return {std::move(label), std::move(brief.goodput_line), std::move(brief.ttft_line)};
}

std::vector<double> response_positions(const Parameter& parameter, double recommended) {
  std::vector<double> positions;
  const std::size_t count = parameter.choices.empty() ? kResponsePoints : parameter.choices.size();
  for (std::size_t i = 0; i < count; ++i) {
    const double at = parameter.choices.empty()
                          ? static_cast<double>(i) / static_cast<double>(count - 1)
                          : (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    positions.push_back(*position_of(parameter, value_at(parameter, at)));
  }
  positions.push_back(recommended);
  std::ranges::sort(positions);
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return positions;
}

/// What the response shows that the search has missed.
void note_better(const TunedParameter& parameter, double recommended, TuningReport& report) {
  const auto at = std::ranges::find(parameter.response, recommended, &ResponsePoint::position);
  if (at == parameter.response.end() || !at->objective) return;
  const double sign = report.aim.maximize ? 1 : -1;
  const ResponsePoint* best = nullptr;
  for (const ResponsePoint& point : parameter.response) {
    if (!point.feasible || !point.objective) continue;
    const double gain = sign * (*point.objective - *at->objective);
    if (gain <= kTolerated * std::abs(*at->objective)) continue;
    if (best == nullptr || sign * (*point.objective - *best->objective) > 0) best = &point;
  }
  if (best == nullptr) return;
  report.binding.push_back(
      fmt::format("With {} at {}, {} would be {}, not {}: the search missed it, and a larger "
                  "budget may find more.",
                  parameter.key, best->value, report.aim.path, figure(*best->objective),
                  figure(*at->objective)));
}

/// The values around the recommended one, without a gap, that are as good.
void tolerate(TunedParameter& parameter, double recommended, bool maximize) {
  if (!parameter.choices.empty()) return;  // they are in no order
  const auto at = std::ranges::find(parameter.response, recommended, &ResponsePoint::position);
  if (at == parameter.response.end() || !at->objective || !at->feasible) return;
  const auto as_good = [&](const ResponsePoint& point) {
    const double loss = (maximize ? 1 : -1) * (*at->objective - point.objective.value_or(0));
    return point.feasible && point.objective &&
           std::abs(loss) <= kTolerated * std::abs(*at->objective);
  };
  auto low = at, high = at;
  while (low != parameter.response.begin() && as_good(*(low - 1))) --low;
  while (high + 1 != parameter.response.end() && as_good(*(high + 1))) ++high;
  parameter.tolerated_low = low->value;
  parameter.tolerated_high = high->value;
}

/// Sets `over` when the time is up, or `stop` is set: runs under way end at once.
class Deadline {
 public:
  Deadline(double seconds, const std::atomic<bool>& stop, std::atomic<bool>& over)
      : thread_([seconds, &stop, &over](const std::stop_token& done) {
          const auto begin = std::chrono::steady_clock::now();
          const auto is_late = [&] {
            const auto gone = std::chrono::steady_clock::now() - begin;
            return std::chrono::duration<double>(gone).count() > seconds;
          };
          while (!done.stop_requested() && !stop && !is_late()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
          }
          if (!done.stop_requested()) over = true;
        }) {}

 private:
  std::jthread thread_;
};

TuningBudget for_search(TuningBudget budget) {
  if (budget.time_s) *budget.time_s *= kSearching;
  return budget;
}

}  // namespace

Tuner::Tuner(TuningProblem problem, TuningBudget budget, std::vector<std::string> command,
             WorkPool& pool, const std::atomic<bool>& stop, TuningJournal* journal,
             TuningSearch::Watch watch)
    : problem_(std::move(problem)),
      budget_(budget),
      simulator_(problem_, command, budget.time_s ? over_ : stop),
      command_(std::move(command)),
      pool_(pool),
      stop_(stop),
      journal_(journal),
      search_(space(), for_search(budget), pool, stop, std::move(watch)) {}

SearchSpace Tuner::space() {
  SearchSpace space;
  space.dimensions = problem_.tuning.parameters.size();
  space.maximize = problem_.tuning.objective->maximize;
  space.can_be_shortened = can_be_shortened(problem_.scenario);
  space.seed = problem_.scenario.run.seed;
  space.name = [this](const std::vector<double>& point) {
    return fmt::format("{}", fmt::join(simulator_.settings_of(point), " | "));
  };
  space.snap = [this](const std::vector<double>& point) { return simulator_.snapped(point); };
  for (const Parameter& parameter : problem_.tuning.parameters) {
    const std::optional<std::string>& present = parameter.present;
    space.present.push_back(present ? position_of(parameter, *present) : std::nullopt);
  }
  space.simulate = [this](const Attempt& attempt) { return simulate(attempt); };
  space.elsewhere =
      AttemptsElsewhere{kAttemptWork, [this](const Attempt& attempt) { return packed(attempt); },
                        [this](const Attempt& attempt, const WorkResult& reply) {
                          std::optional<TuningFigures> figures = returned_figures(reply);
                          if (figures) note(attempt, *figures);
                          return figures;
                        },
                        budget_.time_s ? &over_ : &stop_};
  return space;
}

std::optional<TuningFigures> Tuner::known(const Attempt& attempt) const {
  if (journal_ == nullptr) return std::nullopt;
  return journal_->find(name_of(attempt, simulator_.settings_of(attempt.point)));
}

void Tuner::note(const Attempt& attempt, const TuningFigures& figures) {
  if (journal_ == nullptr) return;
  journal_->add(name_of(attempt, simulator_.settings_of(attempt.point)), figures);
}

std::optional<TuningFigures> Tuner::simulate(const Attempt& attempt) {
  if (std::optional<TuningFigures> there = known(attempt)) return there;
  std::optional<TuningFigures> figures = simulator_.figures(attempt);
  if (figures) note(attempt, *figures);
  return figures;
}

/// For another rank; nothing where its figures are there.
std::optional<std::string> Tuner::packed(const Attempt& attempt) {
  if (known(attempt)) return std::nullopt;
  if (!sent_) sent_.emplace(problem_, floors_);  // floors come before any attempt
  return sent_->pack(attempt);
}

TuningReport Tuner::run() {
  std::optional<Deadline> deadline;
  if (budget_.time_s) deadline.emplace(*budget_.time_s, stop_, over_);
  add_floors();
  search_.run();
  TuningReport report;
  describe(report);
  report.interrupted = search_.interrupted();
  report.elapsed_s = search_.elapsed_s();
  add_candidates(report);
  report.finalists = search_.finalists();
  if (const std::optional<std::size_t> best = search_.best()) {
    if (report.candidates[*best].figures.feasible()) {
      report.recommended = report.best = best;
      recommend(report);
    } else {
      look_for_remedies(*best, report);
    }
  }
  report.stages = search_.stages();
  report.requests = search_.requests();
  return report;
}

void Tuner::describe(TuningReport& report) const {
  const Environment environment = describe_environment(command_);
  const Tuning& tuning = problem_.tuning;
  report.scenario = problem_.scenario.name;
  report.description = problem_.scenario.description;
  report.command = command_;
  report.tokenlift_version = environment.tokenlift_version;
  report.started_at = environment.started_at;
  report.seed = problem_.scenario.run.seed;
  report.of_lift = tuning.lift;
  report.phase = problem_.phase;
  report.capacity_tokens_per_s = problem_.capacity_tokens_per_s;
  report.aim = {tuning.objective->path, tuning.objective->maximize};
  for (const Objective& constraint : tuning.constraints) {
    report.constraints.push_back(constraint.text);
  }
  for (const Parameter& parameter : tuning.parameters) {
    TunedParameter tuned;
    tuned.key = parameter.key;
    tuned.words = names_in(parameter.key);
    tuned.scale = name_of(parameter.scale);
    tuned.choices = parameter.choices;
    tuned.reason = parameter.reason;
    if (parameter.choices.empty()) {
      tuned.lowest = value_at(parameter, 0);
      tuned.highest = value_at(parameter, 1);
    }
    tuned.present = parameter.present;
    if (tuned.present) tuned.present_position = position_of(parameter, *tuned.present);
    report.parameters.push_back(std::move(tuned));
  }
  report.floors = floors_;
  report.budget_requests = search_.budget_requests();
}

void Tuner::add_candidates(TuningReport& report) const {
  for (const TuningSearch::Candidate& candidate : search_.candidates()) {
    TuningCandidate& entry = report.candidates.emplace_back();
    entry.point = candidate.point;
    for (std::size_t i = 0; i < candidate.point.size(); ++i) {
      entry.values.push_back(value_at(problem_.tuning.parameters[i], candidate.point[i]));
    }
    entry.settings = simulator_.settings_of(candidate.point);
    entry.stage = candidate.stage;
    entry.figures = candidate.figures;
  }
  // What the whole range says of each parameter, all with the same effort: points that were drawn
  // for something else would tell of where the search went.
  for (std::size_t i = 0; i < report.parameters.size(); ++i) {
    std::vector<double> x, y;
    for (const TuningSearch::Candidate& candidate : search_.candidates()) {
      if (!candidate.stage.starts_with(kWholeRange) || !candidate.first.objective) continue;
      x.push_back(candidate.point[i]);
      y.push_back(*candidate.first.objective);
    }
    if (const std::optional<FirstOrderShare> share = first_order_share(x, y)) {
      report.parameters[i].sensitivity = share->value;
      report.parameters[i].sensitivity_error = share->standard_error;
    }
  }
}

void Tuner::recommend(TuningReport& report) {
  const TuningCandidate& best = report.candidates[*report.best];
  for (std::size_t i = 0; i < report.parameters.size(); ++i) {
    TunedParameter& parameter = report.parameters[i];
    parameter.recommended = best.values.empty() ? parameter.present.value_or("") : best.values[i];
  }
  const Scenario scenario = simulator_.read(best.point);
  report.toml = report.of_lift ? events_toml(scenario) : throttles_toml(scenario);
  for (const std::string& word : best.settings) {
    const bool is_there = report.of_lift || word.starts_with("throttle.");
    if (!is_there) report.toml += fmt::format("# and --set '{}'\n", word);
  }
  if (report.interrupted) return;
  add_changes(report);
  add_pareto_set(report);
  if (!best.point.empty()) add_responses(report);
}

/// Those that nobody dominates by the first rung, where all had the same effort; then these with so
/// much that little of it is chance.
void Tuner::add_pareto_set(TuningReport& report) {
  std::vector<TuningFigures> first;
  for (const TuningSearch::Candidate& each : search_.candidates()) first.push_back(each.first);
  std::vector<std::size_t> set = pareto_set(first);
  std::ranges::stable_sort(set, [&](std::size_t one, std::size_t other) {
    return *first[one].goodput_tokens_per_s > *first[other].goodput_tokens_per_s;
  });
  std::vector<std::size_t> drawn = std::exchange(set, {});
  drawn.resize(std::min(drawn.size(), kMostOfParetoSet));
  const auto add = [&](std::size_t index) {
    if (std::ranges::find(set, index) == set.end()) set.push_back(index);
  };
  // Those that were found in the end had no first rung. Of the others as many as there is room for.
  add(*report.best);
  for (const Finalist& finalist : report.finalists) add(finalist.candidate);
  for (const std::size_t index : drawn) {
    if (search_.affordable(set.size() + 1, kUpToParetoSet, 1)) add(index);
  }
  const auto effort = search_.affordable(set.size(), kUpToParetoSet, search_.effort().runs);
  if (!effort) return;
  std::vector<Attempt> attempts;
  for (const std::size_t index : set) {
    attempts.push_back({report.candidates[index].point, *effort, Stress::none, false});
  }
  std::vector<TuningFigures> figures;
  for (std::optional<TuningFigures>& each : search_.simulate("Pareto set", attempts)) {
    figures.push_back(each ? std::move(*each) : TuningFigures{});
  }
  for (const std::size_t of_set : pareto_set(figures)) {
    TuningCandidate& candidate = report.candidates[set[of_set]];
    candidate.pareto = true;
    const bool is_finalist = !candidate.figures.objective_by_run.empty();
    if (!is_finalist) candidate.figures = figures[of_set];
  }
}

/// The objective along each parameter, the others as recommended.
void Tuner::add_responses(TuningReport& report) {
  const std::vector<double> point = report.candidates[*report.best].point;
  const std::size_t most = report.parameters.size() * kResponsePoints;
  const auto effort = search_.affordable(most, 1, search_.effort().runs);
  if (!effort) return;
  std::vector<Attempt> attempts;
  for (std::size_t i = 0; i < report.parameters.size(); ++i) {
    const Parameter& parameter = problem_.tuning.parameters[i];
    for (const double position : response_positions(parameter, point[i])) {
      report.parameters[i].response.push_back({position, value_at(parameter, position), {}, false});
      std::vector<double> other = point;
      other[i] = position;
      attempts.push_back({std::move(other), *effort, Stress::none, false});
    }
  }
  const auto results = search_.simulate("response", attempts);
  std::size_t next = 0;
  for (std::size_t i = 0; i < report.parameters.size(); ++i) {
    for (ResponsePoint& response : report.parameters[i].response) {
      const std::optional<TuningFigures>& figures = results[next++];
      if (!figures) continue;
      response.objective = figures->objective;
      response.feasible = figures->feasible();
    }
    tolerate(report.parameters[i], point[i], report.aim.maximize);
    note_better(report.parameters[i], point[i], report);
  }
}

void Tuner::add_changes(TuningReport& report) {
  const TuningFigures& present = report.candidates[0].figures;
  const TuningFigures& best = report.candidates[*report.best].figures;
  const std::uint64_t most = std::clamp<std::uint64_t>(best.runs, 1, kMostRunsOfChange);
  std::optional<Effort> effort = search_.affordable(2, kUpToChanges, most);
  if (!effort) effort = search_.affordable(2, 1, 1);
  if (!effort) return;
  std::optional<Trial> trials[2];
  const std::size_t candidates[2] = {0, *report.best};
  pool_.run(2, [&](std::size_t i) { trials[i] = trial_of(candidates[i], effort->runs); });
  for (std::optional<Trial>& trial : trials) {
    if (!trial) return;
    search_.charge("what changes", 1, trial->lifted.runs.size(), trial->lifted.pooled.totals.due);
  }
  report.losers = losers_of(*trials[0], *trials[1], report.phase);
  report.runs_of_changes = effort->runs;
  report.changes = tuning_changes(*trials[0], *trials[1], report.phase);
  const bool is_told = std::ranges::any_of(report.changes, [&](const TuningChange& change) {
    return report.aim.path == change.name + "_tokens_per_s." + report.phase ||
           report.aim.path == change.name + "." + report.phase;
  });
  if (!is_told) {
    report.changes.insert(report.changes.begin(), change_of_objective(report.aim, present, best));
  }
  report.series = {series_of(*trials[0], "present"), series_of(*trials[1], "recommended")};
  report.binding = binding_of(trials[1]->lifted.pooled, report.phase, reach(), report);
}

std::optional<Trial> Tuner::trial_of(std::size_t candidate, std::uint64_t runs) {
  return simulator_.trial({search_.candidates()[candidate].point, {runs, 1}, Stress::none, false});
}

/// Of each throttle, in the order of a run's record: whose requests it looks at.
std::vector<std::vector<std::string>> Tuner::reach() const {
  std::vector<std::vector<std::string>> reach;
  for (const Throttle& throttle : problem_.scenario.throttles) reach.push_back(throttle.tenants);
  return reach;
}

/// From a few runs of the present setting, before anything is judged.
void Tuner::add_floors() {
  if (problem_.tuning.lift) return;
  std::optional<Trial> trial = simulator_.trial({{}, {1, 1}, Stress::none, false});
  if (!trial) return;
  const auto charge = [&] {
    search_.charge("floors", 0, trial->lifted.runs.size(), trial->lifted.pooled.totals.due);
  };
  charge();
  const auto all = static_cast<double>(trial->lifted.pooled.totals.due * kRunsOfFloors);
  const bool is_cheap =
      budget_.requests && kMuchForFloors * all <= static_cast<double>(*budget_.requests);
  if (is_cheap || (!budget_.requests && !budget_.time_s)) {
    trial = simulator_.trial({{}, {kRunsOfFloors, 1}, Stress::none, false});
    if (!trial) return;
    charge();
  }
  const Run& run = trial->lifted.pooled;
  for (const Objective& floor : floors_of(problem_, run)) {
    floors_.push_back(floor.text);
    problem_.tuning.constraints.push_back(floor);
  }
}

/// What refuses whom with the setting that misses least.
void Tuner::add_binding_of_nearest(TuningReport& report) {
  if (!search_.affordable(1, 1, 1)) return;
  const std::optional<Trial> trial = trial_of(report.infeasible->candidate, 1);
  if (!trial) return;
  const Run& run = trial->lifted.pooled;
  search_.charge("what binds", 1, 1, run.totals.due);
  report.binding = binding_of(run, report.phase, reach(), report);
}

void Tuner::look_for_remedies(std::size_t candidate, TuningReport& report) {
  Infeasible& infeasible = report.infeasible.emplace();
  infeasible.candidate = candidate;
  const TuningFigures& best = report.candidates[candidate].figures;
  const auto most = std::ranges::max_element(best.constraints, {}, &ConstraintResult::violation);
  if (most == best.constraints.end()) {
    infeasible.reason = "the objective has no value: " + best.reason;
    return;
  }
  infeasible.constraint = static_cast<std::size_t>(most - best.constraints.begin());
  if (report.interrupted) {
    infeasible.reason = "interrupted before anything else was tried";
    return;
  }
  add_binding_of_nearest(report);
  RemedySearch remedies;
  remedies.scenario = &problem_.scenario;
  remedies.constraint = infeasible.constraint;
  remedies.candidates = {candidate};
  const std::size_t others =
      search_.affordable(kRemediesTried * kCandidatesWithMore, 1, 1) ? kCandidatesWithMore : 1;
  for (const std::size_t index : search_.ranked()) {
    if (remedies.candidates.size() >= others) break;
    if (index != candidate) remedies.candidates.push_back(index);
  }
  for (const std::size_t index : remedies.candidates) {
    remedies.points.push_back(search_.candidates()[index].point);
  }
  const Effort effort =
      search_.affordable(kRemediesTried * remedies.points.size(), 1, search_.effort().runs)
          .value_or(Effort{1, 1});
  remedies.simulate = [&](std::vector<Attempt> attempts) {
    for (Attempt& each : attempts) each.effort = effort;
    return search_.simulate("more fleet, wider limits", attempts);
  };
  infeasible.remedies = find_remedies(remedies);
  if (infeasible.remedies.empty()) {
    infeasible.reason =
        "the budget had no room for trying more fleet or wider limits; a larger one has";
  }
}

}  // namespace tokenlift
