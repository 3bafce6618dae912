#pragma once
// Throttles that go by a rate: token bucket, GCRA and leaky bucket, as rules of KeyedLimiter.
//
// The state is a number of units, never an instant, so that a change of rate or burst takes effect
// at once and for everybody: nobody holds a time that was computed under the old rate. Units are
// counted in quanta of 10^-15 units or less, and a rate in whole quanta per ns: the slower it is,
// the finer they are (2^-40 of that below 4 units/s), so that a rate of one in a year is kept to
// some 10^-11 of itself. All is exact in integers: no drift however long the run. A clock that
// steps back grants nothing, and takes nothing away. What is owed counts up to 2^125 quanta, which
// takes longer to drain than any run lasts.
//
// Bound: over any window of length T, taken - given back is at most burst + rate * T, plus what was
// reserved at its start and given back within it. Charged after the fact (token bucket alone): plus
// what requests in flight at its start came to beyond what was known of them. A leaky bucket's
// burst is one request.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bench/throttle/limiter.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Of units: how many there are to one says Flow.
using Quanta = __int128;

/// A level that fills up at a rate, or a debt that drains at it; counted up to `updated_ns`.
struct Reservoir {
  Quanta units = 0;
  std::int64_t updated_ns = 0;
};

/// What the three have in common: settings in exact integers, and how long units take.
class Flow {
 public:
  explicit Flow(const Throttle& settings);

 protected:
  Quanta to_quanta(Micro units) const;
  double to_units(Quanta quanta) const;
  /// Quanta of `former` in those of this one, rounded down.
  Quanta converted(Quanta quanta, const Flow& former) const;
  /// As large a part of this one's burst as `quanta` is of the former one's.
  Quanta share(Quanta quanta, const Flow& former) const;

  /// What has flowed since the state was last updated.
  Quanta since(std::int64_t now_ns, const Reservoir& state) const;
  /// The instant at which `missing` more will have flowed than by `now_ns`.
  std::int64_t instant(std::int64_t now_ns, const Reservoir& state, Quanta missing) const;
  /// Moves the state on to `now_ns`, where it is worth `quanta`.
  static void update(std::int64_t now_ns, Reservoir& state, Quanta quanta);

  Quanta burst_ = 0;  ///< 0 where there is none

 private:
  Quanta burst_micro_ = 0;  // in 10^-6 units
  int finer_bits_ = 0;      // a quantum is 10^-15 units / 2^finer_bits_
  Quanta quanta_per_micro_ = 0;
  Micro most_micro_ = 0;  // that are no more than the most quanta that are counted
  std::int64_t rate_per_ns_ = 0;
};

/// Saves units at the rate, up to the burst; starts full. A request takes its cost from what is
/// saved. What `as_is` keeps through a change is what is saved.
///
/// Charge::after: the caller knows part of the cost at most, and the request passes while anything
/// is saved, and no less than that part. What it came to beyond is charged at the settlement, which
/// may leave units owed; nobody passes until these are made up for.
class TokenBucketRule : private Flow {
 public:
  using State = Reservoir;  ///< saved; below 0: owed
  static constexpr bool kCountsInFlight = false;

  explicit TokenBucketRule(const Throttle& settings) : Flow(settings), charge_(settings.charge) {}
  static TokenBucketRule with(const Throttle& settings) { return TokenBucketRule(settings); }

  State fresh() const { return {burst_, 0}; }
  bool fits(Micro cost) const;
  std::int64_t ready_at(std::int64_t now_ns, const State& state, Micro cost) const;
  void take(std::int64_t now_ns, State& state, Micro cost) const;
  void give_back(std::int64_t now_ns, State& state, std::int64_t taken_ns, Micro units) const;
  void inherit(std::int64_t now_ns, State& state, const TokenBucketRule& former, Inherit how) const;
  double level_units(std::int64_t now_ns, const State& state) const;

 private:
  Quanta saved(std::int64_t now_ns, const State& state) const;

  Charge charge_;
};

/// The generic cell rate algorithm (ITU-T I.371, "virtual scheduling"), with its theoretical
/// arrival time kept as the units that are owed: they drain at the rate, and a request passes if it
/// adds to them without exceeding the burst. It lets the same through as a token bucket until the
/// burst changes: what `as_is` keeps is what is owed, so that a larger burst may be used at once.
/// What is owed beyond a smaller burst is forgiven.
class GcraRule : private Flow {
 public:
  using State = Reservoir;  ///< owed, in [0, burst]
  static constexpr bool kCountsInFlight = false;

  explicit GcraRule(const Throttle& settings) : Flow(settings) {}
  static GcraRule with(const Throttle& settings) { return GcraRule(settings); }

  State fresh() const { return {}; }
  bool fits(Micro cost) const;
  std::int64_t ready_at(std::int64_t now_ns, const State& state, Micro cost) const;
  void take(std::int64_t now_ns, State& state, Micro cost) const;
  void give_back(std::int64_t now_ns, State& state, std::int64_t taken_ns, Micro units) const;
  void inherit(std::int64_t now_ns, State& state, const GcraRule& former, Inherit how) const;
  double level_units(std::int64_t now_ns, const State& state) const;

 private:
  Quanta owed(std::int64_t now_ns, const State& state) const;
};

/// A leaky bucket as a pacer: no burst at all. A request of any cost passes once what the one
/// before it poured in has drained. Its level is 0 then, and what is still owed, negative, before.
class LeakyBucketRule : private Flow {
 public:
  using State = Reservoir;  ///< poured in and not drained yet
  static constexpr bool kCountsInFlight = false;

  explicit LeakyBucketRule(const Throttle& settings) : Flow(settings) {}
  static LeakyBucketRule with(const Throttle& settings) { return LeakyBucketRule(settings); }

  State fresh() const { return {}; }
  bool fits(Micro /*cost*/) const { return true; }
  std::int64_t ready_at(std::int64_t now_ns, const State& state, Micro cost) const;
  void take(std::int64_t now_ns, State& state, Micro cost) const;
  void give_back(std::int64_t now_ns, State& state, std::int64_t taken_ns, Micro units) const;
  void inherit(std::int64_t now_ns, State& state, const LeakyBucketRule& former, Inherit how) const;
  double level_units(std::int64_t now_ns, const State& state) const;

 private:
  Quanta held(std::int64_t now_ns, const State& state) const;
};

/// A limiter of a kind that has a rate.
std::unique_ptr<Limiter> make_rate_limiter(const Throttle& settings, std::size_t keys);

}  // namespace tokenlift
