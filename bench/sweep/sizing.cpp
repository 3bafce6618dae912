#include "bench/sweep/sizing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "bench/machine/progress.hpp"
#include "bench/tune/stress.hpp"
#include "reports/text/figure.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/text/key_path.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kLeastRange = 16, kRangeFactor = 4;
constexpr std::int64_t kFailsAfterParts = 3;  // of the measured time, a part

const Site& site_of(const Scenario& scenario, const std::string& name) {
  const std::vector<Site>& sites = scenario.fleet.sites;
  if (sites.empty()) throw SweepMistake("a remote fleet has no replicas that could be counted");
  if (name.empty() && sites.size() == 1) return sites[0];
  std::vector<std::string> names;
  for (const Site& site : sites) names.push_back(site.name);
  const auto found = std::ranges::find(sites, name, &Site::name);
  if (found != sites.end()) return *found;
  throw SweepMistake(
      name.empty() ? fmt::format("there are several sites: --site {}", fmt::join(names, " or "))
                   : fmt::format("there is no site '{}', but {}", name, fmt::join(names, ", ")));
}

bool has_slo(const Tenant& tenant) {
  return tenant.slo.ttft_ns || tenant.slo.tpot_ns || tenant.slo.itl_ns || tenant.slo.e2e_ns;
}

/// "tenants.chat.attainment >= 0.99" of each tenant that has objectives.
std::vector<std::string> objectives_of(const Scenario& scenario, double attainment) {
  std::vector<std::string> objectives;
  for (const Tenant& tenant : scenario.tenants) {
    if (!has_slo(tenant)) continue;
    objectives.push_back(
        fmt::format("tenants.{}.attainment >= {}", path_word(tenant.name), attainment));
  }
  if (objectives.empty()) {
    throw SweepMistake("no tenant has objectives (slo), so there is nothing to keep");
  }
  return objectives;
}

/// One more than the fewest: with one of them gone as many are left.
SweepFind with_one_failed(SweepFind fewest) {
  fewest.name = "with one replica failed";
  if (fewest.outcome != FindOutcome::found) return fewest;
  *fewest.number += 1;
  fewest.value = fmt::format("{:.0f}", *fewest.number);
  if (fewest.interval) fewest.interval = {fewest.interval->low + 1, fewest.interval->high + 1};
  fewest.tries.clear();  // those of the load itself
  return fewest;
}

/// The answer with one replica failed, to be tried.
struct FailureTrial {
  const SweptKey& key;
  const std::vector<std::string>& objectives;
  const SweepFind& answer;
};

/// One point more, of which nothing is shown while it runs.
SweepPoint run_aside(const SweepProblem& problem, const std::string& setting,
                     Experiment& experiment, const std::atomic<bool>& stop) {
  PointRunner runner(problem, stop);
  const auto unwatched = [](auto&&...) { return std::unique_ptr<ProgressDisplay>(); };
  return runner.run({setting}, experiment, unwatched);
}

/// What users get when a replica fails as the fleet that was found runs, and how long that takes:
/// the answer itself says only that the others are enough. Nothing where it cannot be tried: no
/// answer, other events in the scenario, an engine whose replicas don't fail.
std::string failure_remark(const SweepProblem& problem, Scenario scenario,
                           const FailureTrial& trial, Experiment& experiment,
                           const std::atomic<bool>& stop) {
  const SweepFind& answer = trial.answer;
  if (answer.outcome != FindOutcome::found || !scenario.events.empty()) return "";
  if (!traits_of(scenario.run.engine).has_replicas) return "";
  const std::string site = names_in(trial.key.key).at(2);
  Event event;
  event.kind = EventKind::fail;
  event.at_ns = scenario.run.warmup_ns +
                (scenario.run.duration_ns - scenario.run.warmup_ns) / kFailsAfterParts;
  event.site = site;
  event.replicas = 1;
  event.in_flight = InFlight::drop;
  scenario.events.push_back(std::move(event));
  SweepProblem part =
      make_sweep_problem({problem.source.name, problem.source.folder, to_toml(scenario)}, {},
                         problem.profiles, problem.repetitions);
  struct Watched {
    Objective objective;
    std::size_t meanwhile = 0, afterwards = 0;
  };
  std::vector<Watched> all;
  for (const std::string& text : trial.objectives) {
    auto [objective, after] = add_objective(part, read_objective(text));
    const std::string path = objective.path.substr(0, objective.path.rfind('.'));
    all.push_back({std::move(objective), add_figure(part, path + ".transition"), after});
  }
  std::vector<std::size_t> failed;
  for (const char* const phase : {"before", "transition", "after"}) {
    failed.push_back(add_figure(part, fmt::format("counts.failed.{}", phase)));
  }
  const SweepPoint point = run_aside(part, trial.key.key + "=" + answer.value, experiment, stop);
  if (point.state == PointState::failed || point.state == PointState::interrupted) return "";
  const std::string head = fmt::format("When one of {} replicas fails as they run", answer.value);
  if (point.state == PointState::saturated) {
    return head +
           ", with what it had in flight, the backlog still grows when the run ends: whether the "
           "others work it off takes a longer run to tell.";
  }
  std::vector<std::string> sentences;
  for (const Watched& one : all) {
    const std::optional<double>& meanwhile = point.figures[one.meanwhile].value;
    const std::optional<double>& afterwards = point.figures[one.afterwards].value;
    if (!meanwhile || !afterwards) continue;
    const std::string path = one.objective.path.substr(0, one.objective.path.rfind('.'));
    sentences.push_back(fmt::format("{} is {} until it has settled and {} afterwards", path,
                                    percent_figure(*meanwhile), percent_figure(*afterwards)));
  }
  if (sentences.empty()) return "";
  double lost = 0;
  for (const std::size_t figure : failed) lost += point.figures[figure].value.value_or(0);
  return fmt::format("{}, with what it had in flight, {}{}.", head, listed(sentences, "and"),
                     lost > 0
                         ? fmt::format("; {} of the requests of a run failed with it, whenever "
                                       "they were due",
                                       figure(lost / static_cast<double>(point.runs)))
                         : "");
}

/// Where no number of replicas is enough, what more of them do not help against: tenants whose
/// objectives are missed and who may not use the site; or throttles, without which the most that
/// were tried are enough, which is tried. The latter nothing where events may change them.
std::vector<std::string> remarks_on_none(const SweepProblem& problem, const Site& site,
                                         const FindTask& task, const SweepFind& find,
                                         const Scenario& scenario, Experiment& experiment,
                                         const std::atomic<bool>& stop) {
  std::vector<std::string> remarks;
  if (find.outcome != FindOutcome::none_holds || find.tries.empty()) return remarks;
  const SweepPoint& most = find.tries.back().point;
  for (std::size_t i = 0; i < task.objectives.size(); ++i) {
    if (met_at(most, task.objectives[i], task.figures[i]) != Met::missed) continue;
    const std::string tenant = names_in(task.objectives[i].path).at(1);
    const auto its = std::ranges::find(scenario.tenants, tenant, &Tenant::name);
    if (its == scenario.tenants.end() || may_use(*its, site)) continue;
    remarks.push_back(fmt::format(
        "Tenant '{}' may not use site '{}': replicas there do not serve it.", tenant, site.name));
  }
  if (!remarks.empty() || scenario.throttles.empty() || !scenario.events.empty()) return remarks;
  Scenario open = scenario;
  std::vector<std::string> names;
  for (const Throttle& throttle : open.throttles) names.push_back("'" + throttle.name + "'");
  open.throttles.clear();
  SweepProblem part =
      make_sweep_problem({problem.source.name, problem.source.folder, to_toml(open)}, {},
                         problem.profiles, problem.repetitions);
  std::vector<std::size_t> figures;
  for (const Objective& objective : task.objectives) {
    figures.push_back(add_objective(part, objective).second);
  }
  const SweepPoint point = run_aside(part, task.key.key + "=" + most.values[0], experiment, stop);
  for (std::size_t i = 0; i < figures.size(); ++i) {
    if (met_at(point, task.objectives[i], figures[i]) != Met::met) return remarks;
  }
  remarks.push_back(
      fmt::format("Without the throttle{} {} {} replicas are enough: {} stay{} as "
                  "{}, however many replicas there are.",
                  names.size() > 1 ? "s" : "", listed(names, "and"), most.values[0],
                  names.size() > 1 ? "their limits" : "its limit", names.size() > 1 ? "" : "s",
                  names.size() > 1 ? "they are" : "it is"));
  return remarks;
}

SweptKey replicas_of(const Site& site, const SizingTask& task) {
  const std::int64_t most = task.most_replicas
                                ? static_cast<std::int64_t>(*task.most_replicas)
                                : std::max(kLeastRange, kRangeFactor * site.replicas);
  SweptKey key;
  key.key = fmt::format("fleet.site.{}.replicas", path_word(site.name));
  key.parameter = {key.key, ParameterScale::log_integer, ParameterForm::number,
                   1,       static_cast<double>(most),   {},
                   ""};
  return key;
}

}  // namespace

std::optional<SweepReport> size_fleet(const SweepProblem& problem, const SizingTask& task,
                                      const std::vector<std::string>& command, WorkPool& pool,
                                      const std::atomic<bool>& stop, const SweepWatch& watch) {
  const SweptKey key = replicas_of(site_of(problem.scenario, task.site), task);
  const std::vector<std::string> objectives = objectives_of(problem.scenario, task.attainment);
  Experiment experiment(command, stop, pool.threads());
  const std::optional<Prepared> prepared = experiment.prepare(problem.scenario);
  if (!prepared) return std::nullopt;
  Scenario resolved = prepared->scenario;
  resolved.fleet.capacity_tokens_per_s.reset();  // it was that of the fleet as it is
  resolved.sweep.reset();
  struct Condition {
    const char* name;
    double load;
  };
  std::optional<SweepReport> whole;
  for (const Condition& condition :
       {Condition{"at the scenario's load", 1}, Condition{"with 20 % less load", kLessLoad},
        Condition{"with 20 % more load", kMoreLoad}}) {
    const Scenario scenario = with_load(resolved, condition.load);
    SweepProblem part =
        make_sweep_problem({problem.source.name, problem.source.folder, to_toml(scenario)}, {},
                           problem.profiles, problem.repetitions);
    FindTask find{condition.name, key, false, {}, {}};
    for (const std::string& text : objectives) {
      auto [objective, figure] = add_objective(part, read_objective(text));
      find.objectives.push_back(std::move(objective));
      find.figures.push_back(figure);
    }
    Sweeper sweeper(std::move(part), {}, command, pool, stop, nullptr, watch);
    sweeper.find(find);
    SweepReport report = sweeper.take();
    if (!whole && !report.interrupted) {
      for (std::string& remark :
           remarks_on_none(problem, site_of(problem.scenario, task.site), find,
                           report.finds.front(), scenario, experiment, stop)) {
        report.remarks.push_back(std::move(remark));
      }
    }
    if (!whole) {
      whole = std::move(report);
    } else {
      whole->finds.push_back(std::move(report.finds.front()));
      whole->requests += report.requests;
      whole->elapsed_s += report.elapsed_s;
      whole->interrupted = whole->interrupted || report.interrupted;
    }
    if (whole->interrupted) break;
  }
  if (whole->interrupted) return whole;
  whole->finds.push_back(with_one_failed(whole->finds.front()));
  if (std::string remark = failure_remark(problem, resolved, {key, objectives, whole->finds.back()},
                                          experiment, stop);
      !remark.empty()) {
    whole->remarks.push_back(std::move(remark));
  }
  return whole;
}

}  // namespace tokenlift
