#pragma once
// All throttles of a scenario together: what they say of a request, what it takes of them and what
// comes back.
//
// A request takes all of its throttles together or none. The gates know nothing of queues: whether
// a request is before or behind another one is of the waiting room.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bench/record/request_table.hpp"
#include "bench/throttle/former_limit.hpp"
#include "bench/throttle/gate.hpp"
#include "reports/record/run.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/requests/people.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Throttles say the first three; the clock the next two; that its replica failed, the fleet.
enum class Verdict : std::uint8_t { admitted, waiting, rejected, expired, cancelled, failed };

/// What became of an attempt.
struct Decision {
  Verdict verdict = Verdict::admitted;
  /// Rejected or expired: the first instant at which no throttle is in its way if it alone comes
  /// back (what a server says in retry-after); nothing where that is not known: when others end, or
  /// never.
  std::optional<std::int64_t> retry_at_ns;
  /// Rejected, and so will be every attempt: it costs more than a throttle ever gives.
  bool permanent = false;
  /// By a limit on the queue itself: everybody's load, not this client's.
  bool overloaded = false;
};

/// How one throttle stands with one request's client, as servers say it in their headers.
struct GateStanding {
  const Throttle* settings = nullptr;
  double limit_units = 0;         ///< what there is when nobody has taken anything
  double remaining_units = 0;     ///< of it, now; below 0: owed
  std::int64_t full_ns = kNever;  ///< the instant at which all of it is there again, if nobody
                                  ///< takes anything; kNever: not said by time
};

class Gates {
 public:
  static constexpr std::uint8_t kNoGate = 0xff;
  /// Sets of gates: bit g stands for gate g.
  static constexpr std::uint32_t bit(std::uint8_t gate) { return std::uint32_t{1} << gate; }

  /// Throttles must be resolved. At most kMostThrottles. Attempts are counted in `counts`, one for
  /// each throttle, until count_in() says otherwise. `requests` stays in use.
  Gates(const Scenario& resolved, RequestTable& requests, std::span<ThrottleCounts> counts);

  void count_in(std::span<ThrottleCounts> counts) { counts_ = counts; }
  void count_held(std::uint8_t gate) { ++counts_[gate].held; }

  /// When the throttles of one scope that make requests wait let a request through.
  struct Look {
    std::int64_t ready_ns;  ///< when none of them holds it any more
    std::int64_t next_ns;   ///< when the first of those that hold it now does so no more
    std::uint8_t held_by;   ///< the one that holds it longest
    std::uint32_t holding;  ///< all that hold it
  };
  /// A request that they never let through is ready at once: to be told so.
  Look look(std::int64_t now_ns, const Request& request, Scope scope) const;

  struct Ruling {
    Decision decision;               ///< admitted, waiting or rejected
    std::uint8_t held_by = kNoGate;  ///< the gate that holds it longest
    std::uint32_t watched_only = 0;  ///< gates in shadow mode that would not have let it through
  };
  /// Admitted if all throttles are ready, else rejected or waiting. Gates in shadow mode count an
  /// attempt when it is made (`arriving`), not when a waiting request is looked at again.
  Ruling rule(std::int64_t now_ns, const Request& request, bool arriving);

  /// An admitted request takes what it needs, which is noted in it.
  void take(std::int64_t now_ns, RequestId id, const Ruling& ruling);

  /// An admitted request has begun: `cached_tokens` (> 0) of its prompt need not be computed, and
  /// throttles that exempt them give them back.
  void refund(std::int64_t now_ns, RequestId id, std::int32_t cached_tokens);

  /// An admitted request has ended: what it reserved and did not use goes back.
  void settle(std::int64_t now_ns, RequestId id, const Service& service);

  /// Whether the limits on the queue itself have a place for a request; then it is taken.
  bool enter_queue(std::int64_t now_ns, Request& request);
  /// Gives that place back.
  void leave_queue(std::int64_t now_ns, Request& request);
  /// By all throttles that make a request wait, and by the limits on the queue; kNever: no limit.
  std::int64_t longest_wait_ns(const Request& request) const;
  /// Of a request that has just waited for so long: by whose doing, and when to come back.
  Decision expiry(std::int64_t now_ns, const Request& request) const;

  /// Publishes changes. True if longest_wait_ns() may have changed.
  bool apply(std::int64_t now_ns, std::span<const Change> changes);

  /// Remembers how a throttle stands now, before it changes.
  void remember(std::size_t throttle);
  /// Whether a request was admitted since that this throttle would have refused, had it not
  /// changed.
  bool unlocked() const { return unlocked_; }

  bool exempt_cached() const;  ///< some throttle goes by what refund() says
  bool have_states_of_users() const { return states_of_users_; }
  std::uint32_t user_of(const Request& request) const {
    return population_.user(static_cast<std::uint32_t>(request.tenant), request.number);
  }
  /// Those of scope fleet that look at a tenant's requests.
  std::uint32_t fleet_gates(std::uint32_t tenant) const { return tenants_[tenant].fleet_gates; }
  const std::vector<Gate>& all() const { return gates_; }
  /// Of those that are enforced, that have a rate or windows, and that look at a request.
  std::vector<GateStanding> standings(std::int64_t now_ns, const Request& request) const;

 private:
  /// The gates that look at a tenant's requests.
  struct OfTenant {
    std::vector<std::uint8_t> gates;         // all but
    std::vector<std::uint8_t> queue_limits;  // these, which look at those of them that wait
    std::uint32_t fleet_gates = 0;           // of both, those of scope fleet
  };

  std::int64_t least_max_wait_ns(std::span<const std::uint8_t> gates) const;
  std::uint32_t edition_of(RequestId id) const { return id < taken_in_.size() ? taken_in_[id] : 0; }
  Key key(const Gate& gate, const Request& request) const;

  RequestTable& requests_;
  Population population_;
  std::vector<Gate> gates_;
  std::vector<OfTenant> tenants_;
  bool states_of_users_ = false;
  std::span<ThrottleCounts> counts_;
  std::uint32_t edition_ = 0;            // of the terms of all throttles
  std::vector<std::uint32_t> taken_in_;  // by request: the edition; grows once there are several
  std::optional<FormerLimit> former_;    // until it is known
  bool unlocked_ = false;
};

}  // namespace tokenlift
