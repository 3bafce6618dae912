#pragma once
// Which replica serves a request. A pure state machine: it knows which replicas serve, what it sent
// and what came back.
//
// session_affinity sends a request where the tokens before it were sent last: those of its
// conversation, or of the longest beginning of its blocks that it remembers. It does so as long as
// there is a place in that replica's batch, or no place anywhere. All others go to the least loaded
// replica, those with a place first: so nobody queues for a batch while another one has a place.
//
// spill fills the sites in their order, and goes on to the next where one has as many requests
// outstanding as all its batches hold, or as it may have in flight. Where all are full, requests go
// to the least loaded replica of the sites without such a limit, or wait.
//
// Requests that nobody can take now wait here, first come, first served among those that may go to
// the same sites: where no replica serves, for the shared queue, and where all sites are full.

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

/// The replicas of a site, whose numbers follow those of the sites before it.
struct RoutedSite {
  std::int64_t replicas = 1;  ///< places for them
  std::int64_t max_batch = 1;
  std::optional<std::int64_t> max_in_flight;  ///< of spill
};

class Router {
 public:
  /// All replicas serve. `sites_of_tenant[i]`: the sites that may serve tenant i; empty, or beyond
  /// the end: all. `prefix_cache_tokens`: of all replicas' prefix caches together; session_affinity
  /// remembers a key for each kTokensPerKey of them, kMostKeys at most, and forgets the one used
  /// least recently. Without caches it has nothing to remember.
  Router(RouterPolicy policy, const std::vector<RoutedSite>& sites, std::uint64_t seed,
         std::int64_t prefix_cache_tokens = 0,
         const std::vector<std::vector<std::uint16_t>>& sites_of_tenant = {});

  /// A conversation is short before it is long: fewer than in a block of the usual size.
  static constexpr std::int64_t kTokensPerKey = kBlockTokens / 4;
  static constexpr std::int64_t kMostKeys = 4'000'000;  ///< some 300 MB

  /// A replica takes requests from now on, or no more. next() comes after serve().
  void serve(std::uint32_t replica);
  void leave(std::uint32_t replica);

  /// The replica for an admitted request, or nothing: it waits here. `tenant` and `number` key the
  /// draws of the random policies; `prefix` (or nullptr) is what session_affinity goes by.
  std::optional<std::uint32_t> route(RequestId id, std::uint32_t tenant, std::uint64_t number,
                                     const Prefix* prefix);

  /// A request has left its replica. next() comes after.
  void finished(std::uint32_t replica);

  struct Dispatch {
    RequestId id;
    std::uint32_t replica;
    bool operator==(const Dispatch&) const = default;
  };
  /// The first of those that wait whom somebody can take now.
  std::optional<Dispatch> next() {
    if (waiting_ == 0) return std::nullopt;  // without a call: nearly always
    return next_waiting();
  }
  /// A request that waits waits no more. False if it does not wait.
  bool drop(RequestId id, std::uint32_t tenant);

  std::int64_t waiting() const { return waiting_; }
  /// Calls visit(id) for each that waits.
  template <typename Visit>
  void for_each_waiting(Visit visit) const {
    for (const Group& group : groups_) {
      for (const Waiting& waiting : group.line) visit(waiting.id);
    }
  }
  /// Replicas of a site that serve.
  std::int64_t serving(std::size_t site) const {
    return static_cast<std::int64_t>(sites_[site].serving.size());
  }
  std::int64_t outstanding(std::uint32_t replica) const { return outstanding_[replica]; }

 private:
  struct SiteState {
    std::uint32_t first = 0;  // replica
    std::uint32_t max_batch = 0;
    std::optional<std::int64_t> max_in_flight;
    std::int64_t outstanding = 0;
    std::vector<std::uint32_t> serving;              // replicas, in no order once one has left
    std::optional<Tournament<std::uint32_t>> loads;  // where the policy looks for the least
  };
  struct Waiting {
    RequestId id;
    std::uint32_t tenant;
    std::uint64_t number;
    std::uint64_t arrival;  // counts all that ever had to wait
  };
  /// Sites that may serve the same tenants.
  struct Group {
    std::vector<std::uint16_t> sites;
    std::deque<Waiting> line;
  };

  SiteState& site_of(std::uint32_t replica);
  Group& group_of(std::uint32_t tenant) {
    return groups_[tenant < group_of_tenant_.size() ? group_of_tenant_[tenant] : 0];
  }
  std::uint32_t load(const SiteState& site, std::uint32_t replica) const;
  void set_outstanding(std::uint32_t replica, std::uint32_t outstanding);
  std::optional<std::uint32_t> choose(const Group& group, std::uint32_t tenant,
                                      std::uint64_t number, const Prefix* prefix);
  std::optional<Dispatch> next_waiting();
  std::uint64_t serving(const Group& group) const;
  std::uint32_t nth(const Group& group, std::uint64_t n) const;
  std::optional<std::uint32_t> least_loaded(const Group& group, bool with_limit) const;
  std::optional<std::uint32_t> spill(const Group& group) const;
  std::uint32_t by_affinity(const Group& group, std::uint32_t least, const Prefix& prefix);
  std::optional<std::uint32_t> where_known(const Prefix& prefix) const;
  void remember(std::uint64_t key, std::uint32_t replica);

  RouterPolicy policy_;
  std::vector<SiteState> sites_;
  std::vector<Group> groups_;  // the first: all sites
  std::vector<std::uint32_t> group_of_tenant_;
  std::vector<std::uint32_t> outstanding_;  // by replica: requests sent there and not finished
  std::vector<std::uint32_t> position_;     // by replica: among those that serve, or kNone
  std::int64_t waiting_ = 0;
  std::uint64_t arrivals_ = 0;
  Lru<std::uint32_t> replica_of_;  // where the tokens of a key were sent last
  std::size_t most_keys_ = 0;
  std::uint64_t next_ = 0;  // round robin
  std::uint64_t seed_;
};

/// Of a scenario's fleet; all places serve.
Router router_of(const Scenario& scenario);

/// Of the prefix caches of all places together.
std::int64_t prefix_cache_tokens(const Scenario& scenario);

}  // namespace tokenlift
