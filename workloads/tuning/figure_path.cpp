#include "workloads/tuning/figure_path.hpp"

#include <utility>
#include <vector>

#include "workloads/plan/plan.hpp"
#include "workloads/text/key_path.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift {

namespace {

/// Nothing where the tenant or throttle that the path names is there, or it names none.
std::optional<Quantity<std::string>> unknown_name(const Scenario& scenario,
                                                  const std::string& path) {
  const auto unknown = [&](const std::string& list, const std::string& kind,
                           const auto& members) -> std::optional<Quantity<std::string>> {
    if (!path.starts_with(list)) return std::nullopt;
    std::vector<std::string> names;
    for (const auto& member : members) {
      if (path.starts_with(list + path_word(member.name) + ".")) return std::nullopt;
      names.push_back(member.name);
    }
    const std::string name = name_of_word(word_at(path, list.size()));
    return Quantity<std::string>{std::nullopt, "there is no " + kind + " " + in_quotes(name),
                                 suggest(name, names)};
  };
  if (auto tenant = unknown("tenants.", "tenant", scenario.tenants)) return tenant;
  return unknown("throttles.", "throttle", scenario.throttles);
}

}  // namespace

std::string swept_phase(const Scenario& scenario) {
  return measured_event(scenario) ? "after" : "steady";
}

Quantity<std::string> complete_figure_path(const Scenario& scenario, const std::string& phase,
                                           const std::string& path, std::optional<double> bound,
                                           const FigureMistake& figure_mistake) {
  if (!figure_mistake) return {path, "", ""};
  const std::string of_phase = "." + phase;
  for (const std::string& ending : {std::string(), of_phase, "_tokens_per_s" + of_phase}) {
    std::string complete = path + ending;
    if (!figure_mistake(complete, std::nullopt).empty()) continue;
    if (auto unknown = unknown_name(scenario, complete)) return *std::move(unknown);
    std::string problem = figure_mistake(complete, bound);
    if (!problem.empty()) return {std::nullopt, std::move(problem), ""};
    return {std::move(complete), "", ""};
  }
  return {std::nullopt, figure_mistake(path, bound), ""};
}

Quantity<Objective> complete_objective(const Scenario& scenario, const std::string& phase,
                                       Objective objective, const FigureMistake& figure_mistake) {
  Quantity<std::string> path =
      complete_figure_path(scenario, phase, objective.path, objective.bound, figure_mistake);
  if (!path.value) return {std::nullopt, std::move(path.problem), std::move(path.advice)};
  objective.text.replace(objective.text.find(objective.path), objective.path.size(), *path.value);
  objective.path = *std::move(path.value);
  return {std::move(objective), "", ""};
}

}  // namespace tokenlift
