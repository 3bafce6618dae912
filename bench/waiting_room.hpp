#pragma once
// Where requests wait for the throttles: one line for the fleet, first come, first served.
//
// The room owns the throttles and is a pure state machine: time is an argument. Throttles are taken
// together, all or none. A newcomer never overtakes the line. Whatever may let somebody through
// (time, a refund, a lift, a new setting) makes the room look at the head of the line again, so
// there are no wake-up times to go stale.

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "bench/request.hpp"
#include "bench/token_bucket.hpp"
#include "workloads/scenario.hpp"

namespace tokenlift {

enum class Verdict { admitted, waiting, rejected, expired };

class WaitingRoom {
 public:
  /// Throttles must be resolved: absolute rates, bursts in units. At most kMostThrottles.
  WaitingRoom(const std::vector<Throttle>& throttles, RequestTable& requests);

  /// Decides a request that has just been sent: admitted, rejected, or waiting in line.
  Verdict arrive(std::int64_t now_ns, RequestId id);

  /// The instant at which the head of the line is let through or gives up, if nothing but time
  /// passes; kNever if nobody waits.
  std::int64_t next_event_ns() const { return line_.empty() ? kNever : head_event_ns_; }

  struct Released {
    RequestId id = 0;
    Verdict verdict = Verdict::admitted;  ///< never `waiting`
  };
  /// The next one to leave the line at `now_ns`, if any. Call until there is none.
  std::optional<Released> release(std::int64_t now_ns);

  /// A request has ended: what it reserved and did not use goes back.
  void settle(std::int64_t now_ns, const Request& request);

  /// Publishes a new setting, or lifts a throttle; waiters are looked at by the next release().
  void apply(std::int64_t now_ns, const Event& event);

  std::size_t waiting() const { return line_.size(); }
  /// Output tokens of those who wait.
  std::int64_t backlog_tokens() const { return backlog_tokens_; }
  const TokenBucket& bucket(std::size_t throttle) const { return throttles_[throttle].bucket; }

 private:
  struct Gate {
    std::string name;
    TokenBucket bucket;
    Unit unit;
    WhenFull when_full;
    std::int64_t max_wait_ns;  // kNever: no bound
  };
  struct Waiter {
    RequestId id;
    std::int64_t deadline_ns;
  };

  static std::int64_t cost(const Request& request, Unit unit);
  std::int64_t ready_at(std::int64_t now_ns, const Request& request) const;
  bool refused(std::int64_t now_ns, const Request& request) const;
  void take(std::int64_t now_ns, Request& request);
  void look_at_head(std::int64_t now_ns);

  std::vector<Gate> throttles_;
  RequestTable& requests_;
  std::deque<Waiter> line_;
  std::int64_t head_ready_ns_ = kNever;
  std::int64_t head_event_ns_ = kNever;
  std::int64_t backlog_tokens_ = 0;
};

}  // namespace tokenlift
