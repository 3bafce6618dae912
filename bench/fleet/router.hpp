#pragma once
// Which replica serves a request. A pure state machine: it knows what it sent and what came back.
//
// session_affinity sends a request where the tokens before it were sent last: those of its
// conversation, or of the longest beginning of its blocks that it remembers. It does so as long as
// there is a place in that replica's batch, or no place anywhere. All others go to the least loaded
// replica, those with a place first: so nobody queues for a batch while another one has a place.

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "bench/fleet/lru.hpp"
#include "bench/fleet/tournament.hpp"
#include "bench/record/request.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift {

class Router {
 public:
  /// `batch_limits[i]`: sequences that replica i runs at once. `prefix_cache_tokens`: of all
  /// replicas' prefix caches together; session_affinity remembers a key for each kTokensPerKey of
  /// them, kMostKeys at most, and forgets the one used least recently. Without caches it has
  /// nothing to remember.
  Router(RouterPolicy policy, const std::vector<std::int64_t>& batch_limits, std::uint64_t seed,
         std::int64_t prefix_cache_tokens = 0);

  /// A conversation is short before it is long: fewer than in a block of the usual size.
  static constexpr std::int64_t kTokensPerKey = kBlockTokens / 4;
  static constexpr std::int64_t kMostKeys = 4'000'000;  ///< some 300 MB

  /// The replica for an admitted request, or nothing: the shared queue holds it until a replica has
  /// room. `tenant` and `number` key the draws of the random policies; `prefix` (or nullptr) is
  /// what session_affinity goes by.
  std::optional<std::uint32_t> route(RequestId id, std::uint32_t tenant, std::uint64_t number,
                                     const Prefix* prefix);

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
  bool full(std::uint32_t replica) const { return outstanding_[replica] >= batch_limits_[replica]; }
  std::uint32_t route_by_affinity(const Prefix& prefix);
  std::optional<std::uint32_t> where_known(const Prefix& prefix) const;
  void remember(std::uint64_t key, std::uint32_t replica);

  RouterPolicy policy_;
  std::vector<std::uint32_t> batch_limits_;
  std::vector<std::uint32_t> outstanding_;  // requests sent to each replica and not finished
  std::optional<Tournament<std::uint32_t>>
      loads_;  // by replica, where the policy looks for the least
  std::deque<RequestId> shared_queue_;
  Lru<std::uint32_t> replica_of_;  // where the tokens of a key were sent last
  std::size_t most_keys_ = 0;
  std::uint32_t next_ = 0;  // round robin
  std::uint64_t seed_;
};

}  // namespace tokenlift
