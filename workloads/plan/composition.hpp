#pragma once
// What a composition of the fleet (so many replicas of each site serving) can do, and what share of
// its capacity the fleet has over time.

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Output tokens/s of `replicas` of each site, of so much each: capacities add up.
double capacity_of(std::span<const double> replica_tokens_per_s,
                   std::span<const std::int64_t> replicas);

/// Replicas of all sites can do the same: they have the same profile, batch and memory.
bool sites_alike(const Scenario& scenario);

/// By site, what one replica is worth beside those of others: its capacity, where every site states
/// one; else 1.
std::vector<double> replica_weights(const Scenario& scenario);

/// True where shares of the capacity are wanted (by a throttle that follows it) and are not known
/// before the capacity of every site is.
bool needs_site_capacities(const Scenario& scenario);

/// From `at_ns` on the fleet has this share of the capacity that it has at the start.
struct CapacityShare {
  std::int64_t at_ns = 0;
  double share = 1;
  bool operator==(const CapacityShare&) const = default;
};

/// Of one event; and of all that chance does, and the sites themselves.
inline constexpr std::int64_t kMostCapacitySteps = 200;
inline constexpr std::int64_t kMostChanceSteps = 1000;

/// From 0 on, in order of time, each another than the one before, by replica_weights(), whatever
/// the pace. What one event does at more instants than that is put together into so many steps,
/// each at the last of its instants. Where nobody serves at the start, shares are of all
/// `replicas`.
std::vector<CapacityShare> capacity_over_time(const Scenario& scenario);

}  // namespace tokenlift
