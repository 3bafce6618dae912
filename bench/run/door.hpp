#pragma once
// The door of a fleet that is served to the world (`tokenlift serve`): who comes in, who leaves
// before it is served, and which events come, as the loop sees them; and what the loop tells them.
//
// The loop is not aware of sockets and protocols: it asks after each wait of its clock, and tells
// what became of each request as it learns of it.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bench/record/request.hpp"
#include "bench/throttle/gates.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/requests/arrivals.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// A request that has come in.
struct IncomingRequest {
  std::uint32_t caller = 0;  ///< the door's number of who asks
  std::uint32_t tenant = 0;
  Arrival arrival;              ///< due: when its last byte was read
  std::int64_t max_tokens = 0;  ///< what it reserves from a limit on output tokens
  std::string_view request_id;  ///< as its client calls it; good until the door is called again
};

class RunSoFar;

/// The run as it is planned from now on, since an event has come. What it does before that event is
/// what it did in the plan before.
struct Replan {
  Event event;
  std::vector<Change> changes;
  std::vector<ReplicaChange> replica_changes;
  std::optional<std::size_t> divides;  ///< the run: it is this one of all events that came
};

class Door {
 public:
  Door() = default;
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  /// The next request that has come in, if any. Requests of one caller come one after the other.
  virtual std::optional<IncomingRequest> next_request() = 0;
  /// The next request whose client has gone. It is not spoken of any more.
  virtual std::optional<RequestId> next_hang_up() = 0;
  /// The next event that has come. It is to hold at `now_ns` or as soon after that as it can:
  /// instants of events rise. `measuring`: requests have come, so that there is something for it to
  /// divide.
  virtual std::optional<Replan> next_event(std::int64_t now_ns, bool measuring) = 0;

  // What becomes of requests:

  /// A caller's request has this number until it has ended, which is when one of the last three of
  /// these is called.
  virtual void begun(std::uint32_t caller, RequestId id) = 0;
  /// It was let through; `standings` as they are after that.
  virtual void admitted(RequestId id, std::span<const GateStanding> standings,
                        std::int64_t now_ns) = 0;
  /// Soon it will be told something of this request.
  virtual void prefetch(RequestId) {}
  /// It got a token: which one, where it is computed, else -1. Its client was to have it at
  /// `due_ns`.
  virtual void token(RequestId id, std::int32_t token, std::int64_t due_ns,
                     std::int64_t now_ns) = 0;
  virtual void completed(RequestId id, const Request& request, std::int64_t now_ns) = 0;
  /// The throttles, or the limits of their queue, do not let it through: at once (rejected), or
  /// not for as long as it may wait (expired).
  virtual void refused(RequestId id, const Decision& decision,
                       std::span<const GateStanding> standings, std::int64_t now_ns) = 0;
  /// Its replica is gone.
  virtual void lost(RequestId id, std::int64_t now_ns) = 0;

  /// All of an instant has been told: what was said may be sent.
  virtual void pause(std::int64_t now_ns) = 0;
  /// Nothing more is taken from now on.
  virtual void close() = 0;
  /// When it wants the loop awake next, though nothing else may happen then; kNever: only then.
  virtual std::int64_t next_ns() const = 0;
  /// How it stands, for who asks: at most so often as pause() is called.
  struct Gauges {
    std::int64_t now_ns = 0;
    std::int64_t in_system = 0;
    std::int64_t waiting = 0;                              ///< of them, for the throttles
    std::int64_t in_fleet = 0;                             ///< of them, at a replica
    std::span<const std::int64_t> waiting_by_tenant = {};  ///< these two until gauges() returns
    std::span<const std::int64_t> replicas = {};           ///< that serve, by site
  };
  virtual void gauges(const Gauges& gauges) = 0;
  /// The run begins, and this shows it until it has ended; then null.
  virtual void show(const RunSoFar*) {}

 protected:
  ~Door() = default;
};

}  // namespace tokenlift
