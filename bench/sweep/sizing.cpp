#include "bench/sweep/sizing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "bench/tune/stress.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/text/key_path.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kLeastRange = 16, kRangeFactor = 4;

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

SweptKey replicas_of(const Site& site, const SizingTask& task) {
  const std::int64_t most = task.most_replicas
                                ? static_cast<std::int64_t>(*task.most_replicas)
                                : std::max(kLeastRange, kRangeFactor * site.replicas);
  SweptKey key;
  key.axis = {fmt::format("fleet.site.{}.replicas", path_word(site.name)), "", true};
  key.parameter = {key.axis.key,
                   ParameterScale::log_integer,
                   ParameterForm::number,
                   1,
                   static_cast<double>(most),
                   {},
                   ""};
  return key;
}

}  // namespace

std::optional<SweepReport> size_fleet(const SweepProblem& problem, const SizingTask& task,
                                      std::vector<std::string> command, Workers& workers,
                                      const std::atomic<bool>& stop, const SweepWatch& watch) {
  const SweptKey key = replicas_of(site_of(problem.scenario, task.site), task);
  const std::vector<std::string> objectives = objectives_of(problem.scenario, task.attainment);
  Experiment experiment(command, stop, workers.count());
  const std::optional<Prepared> prepared = experiment.prepare(problem.scenario);
  if (!prepared) return std::nullopt;
  Scenario resolved = prepared->scenario;
  resolved.fleet.capacity_tokens_per_s.reset();  // it was that of the fleet as it is
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
      auto [objective, figure] = add_objective(part, text);
      find.objectives.push_back(std::move(objective));
      find.figures.push_back(figure);
    }
    Sweeper sweeper(std::move(part), {}, command, workers, stop, nullptr, watch);
    sweeper.find(find);
    SweepReport report = sweeper.take();
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
  if (!whole->interrupted) whole->finds.push_back(with_one_failed(whole->finds.front()));
  return whole;
}

}  // namespace tokenlift
