#pragma once
// Where requests wait for the throttles: the one place, for all kinds, scopes and orders.
//
// The room is a pure state machine: time is an argument. What the throttles say is of `gates`; the
// room knows which request is before which. A request that has to wait stands in three queues, one
// within the other:
//
//     line      of a user (of a tenant, where no throttle has a state per user): first come, first
//               served; its head is looked at through the throttles of scope user
//     tenant    the heads that these let through, by arrival; the first one is looked at through
//               the throttles of scope tenant
//     fleet     the tenants' firsts, by the order of the scenario; they are looked at through the
//               throttles of scope fleet, and none overtakes at a throttle that holds one before it
//
// So a user whose share is used up holds up no other user, and a large request that waits for the
// fleet's limit is not starved by small ones. Whatever may let a request through (time, a
// settlement, a change) makes the room look again at exactly those whom it concerns; before a
// request goes, all throttles are looked at once more. No wake-up time goes stale.

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/record/request_table.hpp"
#include "bench/throttle/gate.hpp"
#include "bench/throttle/gates.hpp"
#include "bench/throttle/timers.hpp"
#include "reports/record/run.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// How long a client waits for the throttles, and what it is called when it leaves then.
struct Patience {
  std::int64_t until_ns = kNever;
  Verdict then = Verdict::expired;  ///< or cancelled
};

class WaitingRoom {
 public:
  /// Throttles must be resolved. At most kMostThrottles. Attempts are counted in `counts`, one for
  /// each throttle, until count_in() says otherwise.
  WaitingRoom(const Scenario& resolved, RequestTable& requests, std::span<ThrottleCounts> counts);

  /// From now on attempts are counted here.
  void count_in(std::span<ThrottleCounts> counts) { gates_.count_in(counts); }

  /// Decides about an attempt that has just been made: admitted, rejected, or waiting. Of a request
  /// that is admitted, here or by release(), Request::admitted_ns says when.
  Decision arrive(std::int64_t now_ns, RequestId id, const Patience& patience = {});

  /// The next instant at which a waiting request may go, or gives up, if nothing but time passes;
  /// kNever if none.
  std::int64_t next_event_ns() const { return next_event_ns_; }

  struct Released {
    RequestId id = 0;
    Decision decision;  ///< never `waiting`
  };
  /// The next request to leave the room at `now_ns`, if any. Call until there is none. One that is
  /// let through late was admitted at the instant at which it was due to go.
  std::optional<Released> release(std::int64_t now_ns);

  /// A client that waits has gone. False if it does not wait.
  bool withdraw(std::int64_t now_ns, RequestId id);

  /// An admitted request has begun: `cached_tokens` of its prompt need not be computed, and
  /// throttles that exempt them give them back.
  void scheduled(std::int64_t now_ns, RequestId id, std::int32_t cached_tokens);

  /// An admitted request has ended: what it reserved and did not use goes back. Exactly once.
  void settle(std::int64_t now_ns, RequestId id, const Service& service);

  /// Publishes all changes of one instant; then the waiting requests are looked at once.
  void apply(std::int64_t now_ns, std::span<const Change> changes);

  /// Remembers how a throttle stands now, before it changes.
  void remember(std::size_t throttle) { gates_.remember(throttle); }
  /// Whether a request was admitted since that this throttle would have refused, had it not
  /// changed.
  bool unlocked() const { return gates_.unlocked(); }

  std::size_t waiting() const { return waiting_; }
  std::span<const std::int64_t> waiting_by_tenant() const { return waiting_by_tenant_; }
  /// Output tokens of the waiting requests.
  std::int64_t backlog_tokens() const { return backlog_tokens_; }
  /// Whether something goes by what scheduled() tells.
  bool exempts_cached() const { return gates_.exempt_cached(); }
  const Limiter& limiter(std::size_t throttle) const { return *gates_.all()[throttle].limiter; }
  const std::vector<Gate>& gates() const { return gates_.all(); }
  /// As Gates::standings().
  std::vector<GateStanding> standings(std::int64_t now_ns, const Request& request) const {
    return gates_.standings(now_ns, request);
  }
  /// As Gates::expiry().
  Decision expiry(std::int64_t now_ns, const Request& request) const {
    return gates_.expiry(now_ns, request);
  }
  /// Order fair: weighted tokens that a tenant has been served.
  double served(std::uint32_t tenant) const { return tenants_[tenant].served; }

 private:
  static constexpr std::uint32_t kNone = 0xffffffffU;

  struct Waiter {
    RequestId id = {};
    std::uint32_t line = 0;
    std::uint32_t before = 0, after = 0;  // in its line; `after` of a free place: the next free one
    std::uint64_t arrival = 0;  // counts all that ever had to wait, from 1; 0: a free place
    std::int64_t joined_ns = 0;
    std::int64_t until_ns = 0;  // gives up then, as the limits are now
    Patience patience;
  };
  /// How the first request of a line or of a tenant stands with the throttles of its scope.
  enum class Stand : std::uint8_t { empty, held, through };
  struct Standing {
    Stand stand = Stand::empty;
    std::int64_t ready_ns = kNever;  // where it is held; kNever: only an event may let it through
    bool operator==(const Standing&) const = default;
  };
  struct Line {
    std::uint32_t tenant = 0;
    std::uint32_t first = kNone, last = kNone;  // waiters
    std::uint32_t stamp = 0;                    // of its last timer
    std::uint64_t arrival = 0;                  // of the first one, as it stands
    Standing standing;
  };
  /// The arrival of a line's first request, and the line: of those that are through, in order.
  using Through = std::pair<std::uint64_t, std::uint32_t>;
  struct Tenant {
    std::uint32_t fleet_gates = 0;  // those of scope fleet that look at its requests
    std::uint32_t held_by = 0;      // and of these, those that held its first one when last looked
    std::int64_t priority = 0;
    double weight = 1;
    double served = 0;
    std::set<Through> lines;
    std::uint32_t stamp = 0;
    std::uint64_t arrival = 0;
    Standing standing;
  };
  /// The order of the fleet: the least one goes first.
  struct Rank {
    double key = 0;
    std::uint64_t arrival = 0;
    std::uint32_t tenant = 0;
    auto operator<=>(const Rank&) const = default;
  };
  void admit(std::int64_t now_ns, RequestId id, const Gates::Ruling& ruling);
  bool goes_first(std::int64_t now_ns, const Request& request);
  std::uint8_t gate_before(std::int64_t now_ns, const Request& request);
  std::optional<Released> release_best(std::int64_t at_ns);
  void look_again(std::int64_t now_ns, const Request& request);

  std::uint32_t line_key(const Request& request) const;
  void join(std::int64_t now_ns, RequestId id, const Patience& patience);
  void set_give_up(std::int64_t now_ns, std::uint32_t waiter);
  bool is_over(const Timers::Timer& give_up) const;
  void leave(std::int64_t now_ns, std::uint32_t waiter);
  void refresh_line(std::int64_t now_ns, std::uint32_t line);
  void refresh_tenant(std::int64_t now_ns, std::uint32_t tenant);
  void refresh_fleet(std::int64_t now_ns);
  double rank_key(std::uint32_t tenant) const;
  void forget_credit(std::uint32_t tenant);
  void serve(std::uint32_t tenant, double tokens);

  static Standing stand(std::int64_t now_ns, std::int64_t ready_ns);
  bool is_stale(const Timers::Timer& timer) const;
  void pass_timers(std::int64_t at_ns);
  void find_next_event();

  RequestTable& requests_;
  Gates gates_;
  QueueOrder order_;
  bool line_per_user_;
  std::uint32_t common_gates_ = ~std::uint32_t{0};  // of scope fleet, that look at all tenants
  std::vector<Tenant> tenants_;

  std::vector<Waiter> waiters_;
  std::uint32_t free_waiter_ = kNone;
  std::uint64_t arrivals_ = 0;
  std::size_t waiting_ = 0;
  std::vector<std::int64_t> waiting_by_tenant_;
  std::int64_t backlog_tokens_ = 0;
  std::deque<Line> lines_;                                         // of all that ever waited
  std::unordered_map<std::uint32_t, std::uint32_t> line_numbers_;  // by user or by tenant
  std::set<Rank> in_order_;                                        // tenants that are through
  std::vector<Rank> ranks_;                                        // by tenant, as they are there
  std::uint32_t last_admitted_ = kNone;
  std::uint32_t best_ = kNone;           // the tenant whose first request goes next,
  std::int64_t best_ready_ns_ = kNever;  // and when;
  std::int64_t look_again_ns_ = kNever;  // one of a tenant behind it may go earlier
  std::uint8_t best_held_by_ = Gates::kNoGate;

  Timers ready_timers_;  // of lines (2 x number) and tenants (2 x number + 1) that are held
  Timers give_ups_;      // of waiters, stamped with their arrival
  std::int64_t next_event_ns_ = kNever;
};

}  // namespace tokenlift
