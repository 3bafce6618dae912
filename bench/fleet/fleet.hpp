#pragma once
// The fleet as the loop sees it: work goes in, completions come out. Three calls.
//
// The loop is not aware of what a fleet is: threads that compute, or nothing at all.

#include <cstdint>
#include <span>

#include "bench/record/request.hpp"
#include "bench/record/token_record.hpp"

namespace tokenlift {

class Fleet {
 public:
  Fleet() = default;
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;
  virtual ~Fleet() = default;

  /// Hands a request to a replica. Never blocks.
  virtual void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) = 0;

  /// What has completed up to `until_ns`, ordered by (time, replica, order of completion). The span
  /// is good until the next call.
  virtual std::span<const Completion> advance(std::int64_t until_ns) = 0;

  /// Requests that asked for it (Work::announce) and were scheduled, as learnt in the last
  /// advance(), in order of time; each before its completion. The span is good until the next
  /// advance().
  virtual std::span<const Start> starts() const { return {}; }

  /// The earliest instant at which something may complete, or start if it announces that; kNever if
  /// that is not for the fleet to say (in real time it interrupts the clock's wait instead).
  virtual std::int64_t next_event_ns() const = 0;

  /// Ends all work, and adds what the replicas recorded of tokens and steps up to `end_ns`: a step
  /// that goes on beyond it is cut there, and its tokens came too late.
  virtual void stop(std::int64_t end_ns, TokenRecord& record) = 0;
};

}  // namespace tokenlift
