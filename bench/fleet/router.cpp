#include "bench/fleet/router.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <string>

#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift {

namespace {

/// The load of a replica that takes no more.
constexpr std::uint32_t kFull = Tournament<std::uint32_t>::kOut;

/// Added to the load of a replica whose batch is full, where those with a place come first.
constexpr std::uint32_t kQueueing = std::uint32_t{1} << 31;

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

}  // namespace

Router::Router(RouterPolicy policy, const std::vector<RoutedSite>& sites, std::uint64_t seed,
               std::int64_t prefix_cache_tokens,
               const std::vector<std::vector<std::uint16_t>>& sites_of_tenant)
    : policy_(policy), groups_(1), seed_(seed) {
  assert(!sites.empty());
  const bool by_load = policy == RouterPolicy::least_loaded ||
                       policy == RouterPolicy::shared_queue ||
                       policy == RouterPolicy::session_affinity || policy == RouterPolicy::spill;
  for (const RoutedSite& site : sites) {
    assert(site.replicas >= 1 && site.max_batch >= 1);
    const auto first = static_cast<std::uint32_t>(outstanding_.size());
    const auto count = static_cast<std::uint32_t>(site.replicas);
    groups_[0].sites.push_back(static_cast<std::uint16_t>(sites_.size()));
    SiteState& state = sites_.emplace_back();
    state.first = first;
    state.max_batch = static_cast<std::uint32_t>(std::min<std::int64_t>(site.max_batch, kFull));
    state.max_in_flight = site.max_in_flight;
    if (by_load) state.loads.emplace(count, 0);
    for (std::uint32_t i = 0; i < count; ++i) {
      position_.push_back(i);
      state.serving.push_back(first + i);
    }
    outstanding_.resize(first + count);
  }
  for (const std::vector<std::uint16_t>& allowed : sites_of_tenant) {
    const auto known = std::ranges::find(groups_, allowed, &Group::sites);
    group_of_tenant_.push_back(
        allowed.empty() ? 0 : static_cast<std::uint32_t>(known - groups_.begin()));
    if (!allowed.empty() && known == groups_.end()) groups_.push_back({allowed, {}});
  }
  if (policy == RouterPolicy::session_affinity) {
    most_keys_ = static_cast<std::size_t>(std::min(prefix_cache_tokens / kTokensPerKey, kMostKeys));
  }
}

Router::SiteState& Router::site_of(std::uint32_t replica) {
  std::size_t site = sites_.size() - 1;
  while (sites_[site].first > replica) --site;
  return sites_[site];
}

std::uint32_t Router::load(const SiteState& site, std::uint32_t replica) const {
  if (position_[replica] == kNone) return kFull;
  const std::uint32_t outstanding = outstanding_[replica];
  if (outstanding < site.max_batch) return outstanding;
  if (policy_ == RouterPolicy::shared_queue) return kFull;
  return policy_ == RouterPolicy::session_affinity ? outstanding + kQueueing : outstanding;
}

void Router::set_outstanding(std::uint32_t replica, std::uint32_t outstanding) {
  SiteState& site = site_of(replica);
  site.outstanding += static_cast<std::int64_t>(outstanding) - outstanding_[replica];
  outstanding_[replica] = outstanding;
  if (site.loads) site.loads->set(replica - site.first, load(site, replica));
}

// -------------------------------------------------------------------------- replicas come and go

void Router::serve(std::uint32_t replica) {
  if (position_[replica] != kNone) return;
  SiteState& site = site_of(replica);
  position_[replica] = static_cast<std::uint32_t>(site.serving.size());
  site.serving.push_back(replica);
  if (site.loads) site.loads->set(replica - site.first, load(site, replica));
}

void Router::leave(std::uint32_t replica) {
  const std::uint32_t position = position_[replica];
  if (position == kNone) return;
  SiteState& site = site_of(replica);
  const std::uint32_t last = site.serving.back();
  site.serving[position] = last;
  position_[last] = position;
  site.serving.pop_back();
  position_[replica] = kNone;
  if (site.loads) site.loads->set(replica - site.first, kFull);
}

std::uint64_t Router::serving(const Group& group) const {
  std::uint64_t sum = 0;
  for (const std::uint16_t site : group.sites) sum += sites_[site].serving.size();
  return sum;
}

std::uint32_t Router::nth(const Group& group, std::uint64_t n) const {
  std::size_t i = 0;
  for (; n >= sites_[group.sites[i]].serving.size(); ++i)
    n -= sites_[group.sites[i]].serving.size();
  return sites_[group.sites[i]].serving[n];
}

// ------------------------------------------------------------------------------- requests come

std::optional<std::uint32_t> Router::route(RequestId id, std::uint32_t tenant, std::uint64_t number,
                                           const Prefix* prefix) {
  Group& group = group_of(tenant);
  // Nobody overtakes those who wait: whoever can take this one has taken them.
  const std::optional<std::uint32_t> replica = choose(group, tenant, number, prefix);
  if (replica) {
    set_outstanding(*replica, outstanding_[*replica] + 1);
  } else {
    group.line.push_back({id, tenant, number, arrivals_++});
    ++waiting_;
  }
  return replica;
}

std::optional<std::uint32_t> Router::choose(const Group& group, std::uint32_t tenant,
                                            std::uint64_t number, const Prefix* prefix) {
  const auto draw = [&](std::uint64_t index, std::uint64_t count) {
    return nth(group, Draws(seed_, Purpose::route, tenant).bits(number, index) % count);
  };
  switch (policy_) {
    case RouterPolicy::round_robin: {
      const std::uint64_t count = serving(group);
      if (count == 0) return std::nullopt;
      return nth(group, next_++ % count);
    }
    case RouterPolicy::random: {
      const std::uint64_t count = serving(group);
      if (count == 0) return std::nullopt;
      return draw(0, count);
    }
    case RouterPolicy::power_of_two: {
      const std::uint64_t count = serving(group);
      if (count == 0) return std::nullopt;
      const std::uint32_t first = draw(0, count);
      const std::uint32_t second = draw(1, count);
      return outstanding_[second] < outstanding_[first] ? second : first;
    }
    case RouterPolicy::session_affinity: {
      const std::optional<std::uint32_t> least = least_loaded(group, true);
      if (!least || prefix == nullptr) return least;
      return by_affinity(group, *least, *prefix);
    }
    case RouterPolicy::spill:
      return spill(group);
    case RouterPolicy::shared_queue:
    case RouterPolicy::least_loaded:
      break;
  }
  return least_loaded(group, true);
}

/// Of the replicas that take requests; without those of sites that have a limit in flight, unless
/// `with_limit`.
std::optional<std::uint32_t> Router::least_loaded(const Group& group, bool with_limit) const {
  std::optional<std::uint32_t> best;
  std::uint32_t least = kFull;
  for (const std::uint16_t number : group.sites) {
    const SiteState& site = sites_[number];
    if (site.loads->least() >= least || (!with_limit && site.max_in_flight)) continue;
    least = site.loads->least();
    best = site.first + site.loads->winner();
  }
  return best;
}

std::optional<std::uint32_t> Router::spill(const Group& group) const {
  for (const std::uint16_t number : group.sites) {
    const SiteState& site = sites_[number];
    const std::int64_t room = site.max_in_flight.value_or(
        static_cast<std::int64_t>(site.serving.size()) * static_cast<std::int64_t>(site.max_batch));
    if (site.serving.empty() || site.outstanding >= room) continue;
    return site.first + site.loads->winner();
  }
  return least_loaded(group, false);
}

std::uint32_t Router::by_affinity(const Group& group, std::uint32_t least, const Prefix& prefix) {
  std::uint32_t replica = least;
  const std::optional<std::uint32_t> known = where_known(prefix);
  if (known && position_[*known] != kNone) {
    const SiteState& site = site_of(*known);
    const auto number = static_cast<std::uint16_t>(&site - sites_.data());
    const bool allowed = std::ranges::find(group.sites, number) != group.sites.end();
    const bool all_full = load(site_of(least), least) >= kQueueing;
    if (allowed && (outstanding_[*known] < site.max_batch || all_full)) replica = *known;
  }
  if (prefix.conversation != 0) remember(prefix.conversation, replica);
  // The first block last: what goes first is of no use without it.
  for (std::size_t i = prefix.blocks.size(); i > 0; --i) remember(prefix.blocks[i - 1], replica);
  return replica;
}

std::optional<std::uint32_t> Router::where_known(const Prefix& prefix) const {
  const std::uint32_t* where = nullptr;
  if (prefix.conversation != 0) {
    where = replica_of_.find(prefix.conversation);
  } else {
    for (const std::uint64_t block : prefix.blocks) {
      const std::uint32_t* const next = replica_of_.find(block);
      if (next == nullptr) break;
      where = next;
    }
  }
  return where == nullptr ? std::nullopt : std::optional(*where);
}

void Router::remember(std::uint64_t key, std::uint32_t replica) {
  if (most_keys_ == 0) return;
  replica_of_.put(key) = replica;
  if (replica_of_.size() > most_keys_) replica_of_.drop_oldest();
}

// ------------------------------------------------------------------------------- requests leave

void Router::finished(std::uint32_t replica) {
  assert(outstanding_[replica] > 0);
  set_outstanding(replica, outstanding_[replica] - 1);
}

std::optional<Router::Dispatch> Router::next_waiting() {
  // The groups by the arrival of their first: each once, in a few turns.
  std::uint64_t from = 0;
  for (std::size_t turn = 0; turn < groups_.size(); ++turn) {
    Group* group = nullptr;
    for (Group& other : groups_) {
      if (other.line.empty() || other.line.front().arrival < from) continue;
      if (group == nullptr || other.line.front().arrival < group->line.front().arrival) {
        group = &other;
      }
    }
    if (group == nullptr) break;
    const Waiting first = group->line.front();
    from = first.arrival + 1;
    const auto replica = choose(*group, first.tenant, first.number, nullptr);
    if (!replica) continue;
    group->line.pop_front();
    --waiting_;
    set_outstanding(*replica, outstanding_[*replica] + 1);
    return Dispatch{first.id, *replica};
  }
  return std::nullopt;
}

bool Router::drop(RequestId id, std::uint32_t tenant) {
  std::deque<Waiting>& line = group_of(tenant).line;
  const auto found = std::ranges::find(line, id, &Waiting::id);
  if (found == line.end()) return false;
  line.erase(found);
  --waiting_;
  return true;
}

// ------------------------------------------------------------------------- of a scenario's fleet

std::int64_t prefix_cache_tokens(const Scenario& scenario) {
  std::int64_t sum = 0;
  for (const Site& site : scenario.fleet.sites) {
    sum += replica_places(site) * site.prefix_cache_tokens;
  }
  return sum;
}

Router router_of(const Scenario& scenario) {
  std::vector<RoutedSite> sites;
  for (const Site& site : scenario.fleet.sites) {
    sites.push_back({replica_places(site), site.max_batch, site.max_in_flight});
  }
  std::vector<std::vector<std::uint16_t>> sites_of_tenant;
  for (const Tenant& tenant : scenario.tenants) {
    std::vector<std::uint16_t>& allowed = sites_of_tenant.emplace_back();
    for (const std::string& site : tenant.sites) {
      allowed.push_back(static_cast<std::uint16_t>(site_named(scenario, site)));
    }
    std::ranges::sort(allowed);
  }
  return {scenario.fleet.router, sites, scenario.run.seed, prefix_cache_tokens(scenario),
          sites_of_tenant};
}

}  // namespace tokenlift
