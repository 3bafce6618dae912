#pragma once
// Paths of figures as [tune], [sweep] and the options of `sweep` may shorten them.

#include <optional>
#include <string>

#include "workloads/scenario/objective.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

/// The phase that a sweep of the scenario is about: "after" where an event divides the run, else
/// "steady".
std::string swept_phase(const Scenario& scenario);

/// The path as it is, or with the phase behind it, or with the unit of a rate and the phase:
/// "ttft.p99_ms" is "ttft.p99_ms.steady", "goodput" is "goodput_tokens_per_s.steady". No value, and
/// what is wrong, where no run of the scenario has it, it names a tenant or a throttle that is not
/// there, or it can't be held against the bound. Without `figure_mistake` it stays as it is.
Quantity<std::string> complete_figure_path(const Scenario& scenario, const std::string& phase,
                                           const std::string& path, std::optional<double> bound,
                                           const FigureMistake& figure_mistake);

/// The same of an objective, whose text then has the whole path, too.
Quantity<Objective> complete_objective(const Scenario& scenario, const std::string& phase,
                                       Objective objective, const FigureMistake& figure_mistake);

}  // namespace tokenlift
