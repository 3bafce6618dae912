#include "bench/router.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>

namespace tokenlift {

namespace {

/// The load of a replica that takes no more.
constexpr std::uint32_t kFull = Tournament<std::uint32_t>::kOut;

}  // namespace

Router::Router(RouterPolicy policy, const std::vector<std::int64_t>& batch_limits,
               std::uint64_t seed)
    : policy_(policy), outstanding_(batch_limits.size()), seed_(seed) {
  assert(!batch_limits.empty());
  batch_limits_.reserve(batch_limits.size());
  for (const std::int64_t limit : batch_limits) {
    assert(limit >= 1);
    batch_limits_.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(limit, kFull)));
  }
  if (policy == RouterPolicy::least_loaded || policy == RouterPolicy::shared_queue) {
    loads_.emplace(batch_limits.size(), 0);
  }
}

void Router::change_outstanding(std::uint32_t replica, std::uint32_t outstanding) {
  outstanding_[replica] = outstanding;
  if (!loads_) return;
  const bool full = policy_ == RouterPolicy::shared_queue && outstanding >= batch_limits_[replica];
  loads_->set(replica, full ? kFull : outstanding);
}

std::uint32_t Router::draw(std::uint32_t tenant, std::uint64_t number, std::uint64_t index) const {
  const std::uint64_t bits = Draws(seed_, Purpose::route, tenant).bits(number, index);
  return static_cast<std::uint32_t>(bits % outstanding_.size());
}

std::optional<std::uint32_t> Router::route(RequestId id, std::uint32_t tenant,
                                           std::uint64_t number) {
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
    case RouterPolicy::least_loaded:
      replica = loads_->winner();
      break;
  }
  change_outstanding(replica, outstanding_[replica] + 1);
  return replica;
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
