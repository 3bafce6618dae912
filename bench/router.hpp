#pragma once
// Which replica serves a request. A pure state machine: it knows what it sent and what came back.

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "bench/request.hpp"
#include "bench/tournament.hpp"
#include "workloads/draw.hpp"
#include "workloads/scenario.hpp"

namespace tokenlift {

class Router {
 public:
  /// `batch_limits[i]`: sequences that replica i runs at once.
  Router(RouterPolicy policy, const std::vector<std::int64_t>& batch_limits, std::uint64_t seed);

  /// The replica for an admitted request, or nothing: the shared queue holds it until a replica has
  /// room. `tenant` and `number` key the draws of the random policies.
  std::optional<std::uint32_t> route(RequestId id, std::uint32_t tenant, std::uint64_t number);

  struct Dispatch {
    RequestId id;
    std::uint32_t replica;
  };
  /// A request has left its replica. The shared queue may have another one for it.
  std::optional<Dispatch> finished(std::uint32_t replica);

  std::int64_t outstanding(std::uint32_t replica) const { return outstanding_[replica]; }

 private:
  void change_outstanding(std::uint32_t replica, std::uint32_t outstanding);
  std::uint32_t draw(std::uint32_t tenant, std::uint64_t number, std::uint64_t index) const;

  RouterPolicy policy_;
  std::vector<std::uint32_t> batch_limits_;
  std::vector<std::uint32_t> outstanding_;  // requests sent to each replica and not finished
  std::optional<Tournament<std::uint32_t>>
      loads_;  // by replica, where the policy looks for the least
  std::deque<RequestId> shared_queue_;
  std::uint32_t next_ = 0;  // round robin
  std::uint64_t seed_;
};

}  // namespace tokenlift
