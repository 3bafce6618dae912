#pragma once
// A token bucket: fills at a steady rate up to its burst; a request takes its cost or waits.
//
// A pure state machine: time is an argument. The state is a number of units, never an instant, so a
// change of rate or burst takes effect at once and for everybody: what was saved stays, what is
// owed stays, and nobody holds a wake-up time computed under the old rate. Units are counted in
// 10^-15 (a rate in 10^-6 units/s times ns), exact in integers: no drift however long the run.
//
// Bound, held as a property in the tests: over any window of length T, taken - refunded is at most
// burst + rate * T, plus what was reserved at its start and refunded within it.

#include <cstdint>

#include "bench/request.hpp"
#include "workloads/scenario.hpp"

namespace tokenlift {

class TokenBucket {
 public:
  /// Starts full at time 0. `rate_per_s` > 0 and `burst_units` > 0, in the bucket's own unit.
  TokenBucket(double rate_per_s, double burst_units);

  /// The earliest instant, not before `now_ns`, at which `cost` units can be taken if nothing but
  /// time passes; kNever if the burst is smaller than the cost.
  std::int64_t ready_at(std::int64_t now_ns, std::int64_t cost) const;

  /// Takes `cost` units; ready_at(now_ns, cost) must be now_ns. A lifted bucket gives for free:
  /// false means that nothing was charged and nothing is to be settled.
  bool take(std::int64_t now_ns, std::int64_t cost);

  /// Returns units that were taken and not used. What does not fit under the burst is lost.
  void refund(std::int64_t now_ns, std::int64_t units);

  /// A new rate and burst from now on, also for a bucket that was lifted (it has filled meanwhile);
  /// `inherit` says what becomes of the units saved: as_is keeps them, proportional keeps the share
  /// of the burst, reset fills the bucket, additive adds the growth of the burst. Never more than
  /// the new burst, never less than nothing.
  void set(std::int64_t now_ns, double rate_per_s, double burst_units, Inherit inherit);

  /// No limit any more.
  void lift() { lifted_ = true; }
  bool lifted() const { return lifted_; }

  /// Units that could be taken now (rounded down).
  std::int64_t level_units(std::int64_t now_ns) const;
  double rate_per_s() const;
  double burst_units() const;

 private:
  using Fixed = __int128;  // 10^-15 units
  Fixed level_at(std::int64_t now_ns) const;
  void refill(std::int64_t now_ns);

  Fixed level_ = 0;
  Fixed burst_ = 0;
  std::int64_t rate_micro_per_s_ = 0;  // 10^-6 units per second = 10^-15 units per ns
  std::int64_t updated_ns_ = 0;
  bool lifted_ = false;
};

}  // namespace tokenlift
