#include "bench/fleet/router.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>

namespace tokenlift {

namespace {

/// The load of a replica that takes no more.
constexpr std::uint32_t kFull = Tournament<std::uint32_t>::kOut;

/// Added to the load of a replica whose batch is full, where those with a place come first.
constexpr std::uint32_t kQueueing = std::uint32_t{1} << 31;

}  // namespace

Router::Router(RouterPolicy policy, const std::vector<std::int64_t>& batch_limits,
               std::uint64_t seed, std::int64_t prefix_cache_tokens)
    : policy_(policy), outstanding_(batch_limits.size()), seed_(seed) {
  assert(!batch_limits.empty());
  batch_limits_.reserve(batch_limits.size());
  for (const std::int64_t limit : batch_limits) {
    assert(limit >= 1);
    batch_limits_.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(limit, kFull)));
  }
  if (policy == RouterPolicy::session_affinity) {
    most_keys_ = static_cast<std::size_t>(std::min(prefix_cache_tokens / kTokensPerKey, kMostKeys));
  }
  if (policy == RouterPolicy::least_loaded || policy == RouterPolicy::shared_queue ||
      policy == RouterPolicy::session_affinity) {
    loads_.emplace(batch_limits.size(), 0);
  }
}

void Router::change_outstanding(std::uint32_t replica, std::uint32_t outstanding) {
  outstanding_[replica] = outstanding;
  if (!loads_) return;
  std::uint32_t load = outstanding;
  if (full(replica)) {
    if (policy_ == RouterPolicy::shared_queue) load = kFull;
    if (policy_ == RouterPolicy::session_affinity) load += kQueueing;
  }
  loads_->set(replica, load);
}

std::uint32_t Router::draw(std::uint32_t tenant, std::uint64_t number, std::uint64_t index) const {
  const std::uint64_t bits = Draws(seed_, Purpose::route, tenant).bits(number, index);
  return static_cast<std::uint32_t>(bits % outstanding_.size());
}

std::optional<std::uint32_t> Router::route(RequestId id, std::uint32_t tenant, std::uint64_t number,
                                           const Prefix* prefix) {
  std::uint32_t replica = 0;
  switch (policy_) {
    case RouterPolicy::shared_queue:
      if (loads_->least() == kFull) {
        shared_queue_.push_back(id);
        return std::nullopt;
      }
      replica = loads_->winner();
      break;
    case RouterPolicy::round_robin:
      replica = next_;
      next_ = (next_ + 1) % static_cast<std::uint32_t>(outstanding_.size());
      break;
    case RouterPolicy::random:
      replica = draw(tenant, number, 0);
      break;
    case RouterPolicy::power_of_two: {
      const std::uint32_t first = draw(tenant, number, 0);
      const std::uint32_t second = draw(tenant, number, 1);
      replica = outstanding_[second] < outstanding_[first] ? second : first;
      break;
    }
    case RouterPolicy::session_affinity:
      replica = prefix != nullptr ? route_by_affinity(*prefix) : loads_->winner();
      break;
    case RouterPolicy::least_loaded:
      replica = loads_->winner();
      break;
  }
  change_outstanding(replica, outstanding_[replica] + 1);
  return replica;
}

std::uint32_t Router::route_by_affinity(const Prefix& prefix) {
  std::uint32_t replica = loads_->winner();
  const std::optional<std::uint32_t> known = where_known(prefix);
  const bool all_full = loads_->least() >= kQueueing;
  if (known && (!full(*known) || all_full)) replica = *known;
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

std::optional<Router::Dispatch> Router::finished(std::uint32_t replica) {
  assert(outstanding_[replica] > 0);
  if (shared_queue_.empty()) {
    change_outstanding(replica, outstanding_[replica] - 1);
    return std::nullopt;
  }
  const RequestId id = shared_queue_.front();
  shared_queue_.pop_front();
  return Dispatch{id, replica};  // one leaves, one comes
}

}  // namespace tokenlift
