#include "bench/tune/floors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "workloads/text/key_path.hpp"

namespace tokenlift {

namespace {

/// How far a share of so many requests may be off, beyond what anybody would call chance: requests
/// within a run are not independent, so wider than a binomial's three deviations.
double chance(double share, double requests) {
  return 4 * std::sqrt(share * (1 - share) / requests);
}

/// How a figure of the tenant begins; of the only one those of the fleet are.
std::string prefix_of(const Scenario& scenario, const Tenant& tenant) {
  return scenario.tenants.size() > 1 ? "tenants." + path_word(tenant.name) + "." : "";
}

bool says_how_well(const std::string& path, const std::string& prefix) {
  constexpr std::array<std::string_view, 4> kService = {"attainment", "goodput", "throughput",
                                                        "unserved"};
  if (!path.starts_with(prefix)) return false;
  const std::string_view rest = std::string_view(path).substr(prefix.size());
  return std::ranges::any_of(kService,
                             [&](std::string_view each) { return rest.starts_with(each); });
}

/// Of the only tenant what the search is for says nothing: more goodput is no leave to lose
/// attainment, and cannot be had that way.
bool is_asked_of(const TuningProblem& problem, const std::string& prefix) {
  const Tuning& tuning = problem.tuning;
  if (!prefix.empty() && says_how_well(tuning.objective->path, prefix)) return true;
  return std::ranges::any_of(
      tuning.constraints, [&](const Objective& each) { return says_how_well(each.path, prefix); });
}

bool has_objectives(const Tenant& tenant) {
  return tenant.slo != decltype(tenant.slo){};
}

}  // namespace

std::vector<Objective> floors_of(const TuningProblem& problem, const Run& present) {
  std::vector<Objective> floors;
  if (problem.tuning.lift) return floors;
  const std::optional<std::size_t> phase = find_phase(present, problem.phase);
  if (!phase) return floors;
  for (const Tenant& tenant : problem.scenario.tenants) {
    const std::string prefix = prefix_of(problem.scenario, tenant);
    const auto record = std::ranges::find(present.tenants, tenant.name, &TenantRecord::name);
    if (!has_objectives(tenant) || is_asked_of(problem, prefix)) continue;
    if (record == present.tenants.end() || record->phases[*phase].counts.due == 0) continue;
    const auto due = static_cast<double>(record->phases[*phase].counts.due);
    const double share = static_cast<double>(record->phases[*phase].slo_met) / due;
    const double floor = share - std::max(kToleratedLoss, chance(share, due));
    if (floor <= 0) continue;  // there is nothing to lose
    floors.push_back(*parse_objective(fmt::format("{}attainment.{} >= {:.3f}", prefix,
                                                  problem.phase, std::floor(floor * 1000) / 1000))
                          .value);
  }
  return floors;
}

}  // namespace tokenlift
