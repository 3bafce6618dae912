#include "workloads/plan/composition.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift {

namespace {

// What happens at one instant, and whose doing it is, where it is one event's alone.
struct Instant {
  std::int64_t at_ns = 0;
  double weight = 0;  // of who serves from then on
  std::optional<std::size_t> event;
};

std::vector<Instant> instants_of(const Scenario& scenario) {
  const std::vector<double> weights = replica_weights(scenario);
  std::vector<std::int64_t> replicas = replicas_at_start(scenario);
  std::vector<Instant> instants;
  const std::vector<std::optional<std::size_t>> jobs = job_of_replicas(scenario);
  for (const ReplicaChange& change : plan_fleet(scenario)) {
    if (change.kind == ReplicaChange::Kind::pace) continue;
    if (!jobs.empty() && jobs[change.replica]) continue;
    replicas[site_of(scenario, change.replica)] +=
        change.kind == ReplicaChange::Kind::serve ? 1 : -1;
    if (instants.empty() || change.at_ns > instants.back().at_ns) {
      instants.push_back({change.at_ns, 0, change.event});
    }
    if (instants.back().event != change.event) instants.back().event.reset();
    instants.back().weight = capacity_of(weights, replicas);
  }
  return instants;
}

// Of `total` instants every so many-th, and the last, so that `most` are left.
bool ends_step(std::int64_t index, std::int64_t total, std::int64_t most) {
  return total <= most || (index + 1) * most / total > index * most / total;
}

}  // namespace

double capacity_of(std::span<const double> replica_tokens_per_s,
                   std::span<const std::int64_t> replicas) {
  double sum = 0;
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    sum += static_cast<double>(replicas[i]) * replica_tokens_per_s[i];
  }
  return sum;
}

bool sites_alike(const Scenario& scenario) {
  const std::vector<Site>& sites = scenario.fleet.sites;
  return std::ranges::all_of(sites, [&](const Site& site) {
    const Site& first = sites.front();
    return site.profile == first.profile && site.max_batch == first.max_batch &&
           site.max_step_tokens == first.max_step_tokens && site.kv_tokens == first.kv_tokens;
  });
}

std::vector<double> replica_weights(const Scenario& scenario) {
  std::vector<double> weights;
  for (const Site& site : scenario.fleet.sites) {
    if (!site.capacity_tokens_per_s) {
      weights.assign(scenario.fleet.sites.size(), 1.0);
      break;
    }
    weights.push_back(*site.capacity_tokens_per_s);
  }
  return weights;
}

bool needs_site_capacities(const Scenario& scenario) {
  const auto stated = [](const Site& site) { return site.capacity_tokens_per_s.has_value(); };
  return std::ranges::any_of(scenario.throttles,
                             [](const Throttle& t) { return t.follows.has_value(); }) &&
         !sites_alike(scenario) && !std::ranges::all_of(scenario.fleet.sites, stated);
}

std::vector<CapacityShare> capacity_over_time(const Scenario& scenario) {
  const std::vector<double> weights = replica_weights(scenario);
  const double begin = capacity_of(weights, replicas_at_start(scenario));
  double whole = begin;
  if (whole == 0) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      whole += weights[i] * static_cast<double>(scenario.fleet.sites[i].replicas);
    }
  }
  if (whole == 0) return {{0, 1}};  // a fleet without sites
  const std::vector<Instant> instants = instants_of(scenario);
  const std::size_t chance = scenario.events.size();
  std::vector<std::int64_t> totals(chance + 1);
  for (const Instant& instant : instants) ++totals[instant.event.value_or(chance)];
  std::vector<std::int64_t> passed(totals.size());
  std::vector<CapacityShare> shares = {{0, begin / whole}};
  for (const Instant& instant : instants) {
    const std::size_t whose = instant.event.value_or(chance);
    const bool kept = ends_step(passed[whose]++, totals[whose],
                                instant.event ? kMostCapacitySteps : kMostChanceSteps);
    const double share = instant.weight / whole;
    if (kept && share != shares.back().share) shares.push_back({instant.at_ns, share});
  }
  return shares;
}

}  // namespace tokenlift
