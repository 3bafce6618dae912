#pragma once
// What the users do: when they ask, how long they wait, what they do when they are refused, and
// what they ask next.
//
// Nothing here knows of throttles at work, of the fleet, or of time passing. What a client draws is
// keyed by its request's number, so it does the same whatever happens to others; the only state is
// how many retries a tenant has made of its budget, and which turns of a trace are still to come.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "bench/record/request.hpp"
#include "bench/throttle/waiting_room.hpp"
#include "workloads/requests/arrivals.hpp"
#include "workloads/requests/people.hpp"
#include "workloads/requests/session_plan.hpp"
#include "workloads/requests/share.hpp"
#include "workloads/requests/trace_row.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// A request that a user is going to make, known before it is due.
struct PlannedRequest {
  Arrival arrival;
  std::uint32_t tenant = 0;
  /// Of its prompt: what was said in the conversation before.
  std::int64_t known_tokens = 0;
};

class Clients {
 public:
  /// `resolved` must outlive it. Those whose requests fall to a share of several.
  explicit Clients(const Scenario& resolved, Share share = {});

  /// The next request of an open-loop tenant, of one with sessions the first turn of the next one;
  /// nothing when its source has run dry, or for a closed tenant.
  std::optional<Arrival> next_arrival(std::uint32_t tenant);
  /// Of the prompt of the request that next_arrival() returned last; empty but for traces that name
  /// them.
  const std::vector<std::uint64_t>& blocks(std::uint32_t tenant) const;
  /// The same of a request that follow_up() returned, until it has ended.
  const std::vector<std::uint64_t>& blocks(std::uint32_t tenant, std::uint64_t number) const;

  /// Visits the first request of every user of the closed tenants.
  void for_each_first(const std::function<void(const PlannedRequest&)>& visit) const;

  /// The key of the conversation that a request is a turn of; 0 if its tenant has no sessions.
  std::uint64_t conversation(std::uint32_t tenant, std::uint64_t number) const;

  /// How long a request waits for the throttles.
  Patience patience(const Request& request) const;
  /// The same of one whose client is somebody else: its tenant's deadline is all that is known.
  Patience deadline(const Request& request) const;

  /// When a request whose attempt was rejected at `now_ns` tries again, which counts against its
  /// tenant's budget; nothing if it gives up.
  std::optional<std::int64_t> retry_at_ns(std::int64_t now_ns, const Request& request,
                                          const Decision& decision);
  /// Whether it may try again after what an endpoint said of its attempt: the clients that
  /// providers publish give up on what another attempt would not mend, on a reply that had begun,
  /// and where the endpoint says so; they alone look.
  bool may_retry(const Request& request, const Reply& reply) const;
  /// It left before it tried again: the tenant may spend that on somebody else.
  void take_back_retry(std::uint32_t tenant) { --tenants_[tenant].retries; }
  /// Counts a first attempt.
  void count_first_attempt(std::uint32_t tenant) { ++tenants_[tenant].first_attempts; }

  /// Whether anybody asks something because of an answer.
  bool answers_matter() const {
    return std::ranges::any_of(tenants_,
                               [](const auto& tenant) { return tenant.plan || tenant.replays; });
  }
  /// What the client of a request that has ended asks next, if anything. It knew the outcome at
  /// `reply_ns`; `served`: it got its tokens in time.
  std::optional<PlannedRequest> follow_up(const Request& request, bool served,
                                          std::int64_t reply_ns);

 private:
  /// A session that a trace tells, while one of its turns is under way.
  struct Replayed {
    std::vector<TraceTurn> turns;  // all but the first
    std::size_t next = 0;
  };
  struct TenantClients {
    std::optional<ArrivalSource> source;                   // open-loop tenants
    std::optional<SessionPlan> plan;                       // tenants with sessions, and closed ones
    bool replays = false;                                  // a trace that tells sessions
    std::unordered_map<std::uint64_t, Replayed> replayed;  // by the number of the turn under way
    Draws patience_draws;
    Draws retry_draws;
    std::uint64_t first_attempts = 0;
    std::uint64_t retries = 0;
  };
  std::optional<PlannedRequest> next_replayed(const Request& request, bool served,
                                              std::int64_t reply_ns);
  std::optional<PlannedRequest> planned(std::uint32_t tenant, std::uint64_t number,
                                        std::int64_t reply_ns, std::int64_t context_tokens) const;

  const Scenario& scenario_;
  Dealing dealing_;
  std::vector<TenantClients> tenants_;
};

}  // namespace tokenlift
