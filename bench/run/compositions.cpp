#include "bench/run/compositions.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "bench/record/request.hpp"
#include "workloads/plan/composition.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift {

namespace {

std::int64_t sum_of(const std::vector<std::int64_t>& replicas) {
  return std::accumulate(replicas.begin(), replicas.end(), std::int64_t{0});
}

}  // namespace

std::vector<std::vector<std::int64_t>> lasting_compositions(const Scenario& resolved) {
  std::vector<std::vector<std::int64_t>> lasting;
  const std::vector<ServingSpan> spans = serving_over_time(resolved);
  for (const Phase& phase : plan_phases(resolved)) {
    if (!phase.measured) continue;
    std::map<std::vector<std::int64_t>, std::int64_t> time_ns;
    for (std::size_t i = 0; i < spans.size(); ++i) {
      const std::int64_t end_ns = i + 1 < spans.size() ? spans[i + 1].at_ns : kNever;
      const std::int64_t overlap_ns =
          std::min(end_ns, phase.end_ns) - std::max(spans[i].at_ns, phase.begin_ns);
      if (overlap_ns > 0) time_ns[spans[i].replicas] += overlap_ns;
    }
    for (const auto& [replicas, total_ns] : time_ns) {
      const bool serves = std::ranges::any_of(replicas, [](std::int64_t n) { return n > 0; });
      const bool known =
          replicas == spans[0].replicas || std::ranges::find(lasting, replicas) != lasting.end();
      if (serves && !known && total_ns >= (phase.end_ns - phase.begin_ns) / 10) {
        lasting.push_back(replicas);
      }
    }
  }
  return lasting;
}

void state_site_capacities(Scenario& scenario, const std::vector<double>& replica_tokens_per_s) {
  std::vector<double> capacities;
  for (std::size_t i = 0; i < replica_tokens_per_s.size(); ++i) {
    capacities.push_back(
        scenario.fleet.sites[i].capacity_tokens_per_s.value_or(replica_tokens_per_s[i]));
  }
  const double at_start = capacity_of(capacities, replicas_at_start(scenario));
  const std::optional<double> stated = scenario.fleet.capacity_tokens_per_s;
  const double factor = stated && at_start > 0 ? *stated / at_start : 1;
  for (std::size_t i = 0; i < capacities.size(); ++i) {
    scenario.fleet.sites[i].capacity_tokens_per_s = capacities[i] * factor;
  }
}

std::optional<double> capacity_at(const Scenario& resolved,
                                  const std::vector<Composition>& measured,
                                  const std::vector<std::int64_t>& replicas) {
  std::vector<double> of_sites;
  for (const Site& site : resolved.fleet.sites) {
    if (site.capacity_tokens_per_s) of_sites.push_back(*site.capacity_tokens_per_s);
  }
  if (of_sites.size() == replicas.size()) return capacity_of(of_sites, replicas);
  if (replicas == replicas_at_start(resolved)) return resolved.fleet.capacity_tokens_per_s;
  if (measured.empty()) return std::nullopt;
  const std::int64_t wanted = sum_of(replicas);
  std::pair<std::int64_t, double> fewer{0, 0};
  std::optional<std::pair<std::int64_t, double>> more;
  for (const Composition& known : measured) {
    const std::int64_t count = sum_of(known.replicas);
    const double tokens_per_s = *known.capacity_tokens_per_s;
    if (known.replicas == replicas) return tokens_per_s;
    if (count <= wanted && count > fewer.first) fewer = {count, tokens_per_s};
    if (count >= wanted && (!more || count < more->first)) more = {count, tokens_per_s};
  }
  if (!more || more->first == fewer.first) {
    // More than were ever measured: as much for each as for those.
    return fewer.first == 0
               ? 0
               : fewer.second * static_cast<double>(wanted) / static_cast<double>(fewer.first);
  }
  const double share =
      static_cast<double>(wanted - fewer.first) / static_cast<double>(more->first - fewer.first);
  return fewer.second + share * (more->second - fewer.second);
}

}  // namespace tokenlift
