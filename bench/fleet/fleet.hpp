#pragma once
// The fleet as the loop sees it: work and changes go in, news comes out.
//
// The loop is not aware of what a fleet is: threads that compute, or nothing at all.

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>

#include "bench/record/request.hpp"
#include "bench/record/token_record.hpp"
#include "reports/record/wire_record.hpp"
#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift {

/// What replicas hold in their KV caches, and what of prompts they have found in prefix caches.
struct CacheUse {
  std::int64_t resident_tokens = 0;  ///< of the steps under way
  std::int64_t room_tokens = 0;      ///< of the replicas that serve
  TokenRecord::Prompts prompts;      ///< of requests scheduled so far
};

class Fleet {
 public:
  Fleet() = default;
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;
  virtual ~Fleet() = default;

  /// Hands a request to a replica that serves. Never blocks.
  virtual void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) = 0;

  /// A request that a replica has is given up. Its place and what it has in the KV cache are free
  /// for the next step, which is news; but a request that ends before that does so, and nothing
  /// more is said of it. Requests that are streamed, and no others.
  virtual void cancel(RequestId id, std::uint32_t replica, std::int64_t now_ns);

  /// A replica comes, goes or changes its pace. What becomes of the requests on one that goes is
  /// news. Only where the scenario's fleet changes.
  virtual void apply(const ReplicaChange& change, std::int64_t now_ns);

  /// When the step of a job ends that is under way, so that replicas which it has given up are
  /// free; `now_ns` where none is. Only of fleets in virtual time.
  virtual std::int64_t job_border_ns(std::size_t, std::int64_t now_ns) {
    assert(false && "this fleet has no jobs");
    return now_ns;
  }

  /// What has happened up to `until_ns`, ordered by (time, replica, order there). A request is
  /// said to have started, and to have got a token, only if it asked for that (Work::announce,
  /// Work::stream), and before it completes. The span is good until the next call.
  virtual std::span<const News> advance(std::int64_t until_ns) = 0;

  /// How far a request had come that was returned in the last advance(); good until the next.
  virtual const Progress& progress(RequestId id) const;

  /// What an endpoint said of a request that completed, failed or was refused in the last
  /// advance(); good until the next. Only of remote fleets.
  virtual const Reply& reply(RequestId id) const;

  /// Output tokens of answers that the loop does not know to have ended, as far as they have come.
  /// Only of remote fleets.
  virtual std::int64_t open_tokens() const { return 0; }

  /// Phases have other borders than before: TokenRecords are to be told. Not of fleets that jump.
  virtual void borders_moved() {}

  /// Output tokens of requests that wait for a place in a batch: what is on its way to a replica
  /// counts. In real time as of the last steps. Looks at every replica.
  virtual std::int64_t queued_tokens(std::int64_t) { return 0; }

  /// As of the steps under way. Looks at every replica.
  virtual CacheUse cache_use() const { return {}; }

  /// Adds what stop() would, if the run ended at `now_ns`, and goes on: of what has been told up to
  /// then. Not of fleets that report, or that are elsewhere.
  virtual void add_so_far(std::int64_t, TokenRecord&) const {
    assert(false && "nobody looks at this fleet while it runs");
  }

  /// No more turns of a conversation come, by its key (Prefix), though its last one may have been
  /// meant to be followed: it was not served.
  virtual void conversation_ended(std::uint64_t) {}

  /// The earliest instant at which there may be news; kNever if that is not for the fleet to say
  /// (in real time it interrupts the clock's wait instead).
  virtual std::int64_t next_event_ns() const = 0;

  /// Ends all work, and adds what the replicas recorded of tokens, steps and the time that they
  /// served up to `end_ns`: a step that goes on beyond it is cut there, and its tokens came too
  /// late.
  virtual void stop(std::int64_t end_ns, TokenRecord& record) = 0;

  /// What was seen on the wire, once stopped. Only of remote fleets.
  virtual std::optional<WireRecord> wire() { return std::nullopt; }
};

inline void Fleet::cancel(RequestId, std::uint32_t, std::int64_t) {
  assert(false && "this fleet streams nothing");
}

inline void Fleet::apply(const ReplicaChange&, std::int64_t) {
  assert(false && "this fleet does not change");
}

inline const Progress& Fleet::progress(RequestId) const {
  assert(false && "this fleet returns nothing");
  std::abort();
}

inline const Reply& Fleet::reply(RequestId) const {
  assert(false && "this fleet is no endpoint");
  std::abort();
}

}  // namespace tokenlift
