#include "bench/router.hpp"

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

namespace tokenlift {

Router::Router(RouterPolicy policy, std::vector<std::int64_t> batch_limits, std::uint64_t seed)
    : policy_(policy),
      batch_limits_(std::move(batch_limits)),
      outstanding_(batch_limits_.size()),
      seed_(seed) {
  assert(!batch_limits_.empty());
}

std::uint32_t Router::least_loaded() const {
  return static_cast<std::uint32_t>(std::min_element(outstanding_.begin(), outstanding_.end()) -
                                    outstanding_.begin());
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
      replica = least_loaded();
      if (outstanding_[replica] >= batch_limits_[replica]) {
        // Sites differ in batch size: somebody else may still have room.
        const auto room = std::mismatch(outstanding_.begin(), outstanding_.end(),
                                        batch_limits_.begin(), std::greater_equal<>());
        if (room.first == outstanding_.end()) {
          shared_queue_.push_back(id);
          return std::nullopt;
        }
        replica = static_cast<std::uint32_t>(room.first - outstanding_.begin());
      }
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
    case RouterPolicy::least_loaded:
      replica = least_loaded();
      break;
  }
  ++outstanding_[replica];
  return replica;
}

std::optional<Router::Dispatch> Router::finished(std::uint32_t replica) {
  --outstanding_[replica];
  assert(outstanding_[replica] >= 0);
  if (shared_queue_.empty()) return std::nullopt;
  const RequestId id = shared_queue_.front();
  shared_queue_.pop_front();
  ++outstanding_[replica];
  return Dispatch{id, replica};
}

}  // namespace tokenlift
