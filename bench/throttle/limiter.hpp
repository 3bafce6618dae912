#pragma once
// One throttle as the waiting room sees it, whatever its kind: how long until this may pass?
//
// A pure state machine: time is an argument. State is a number of units, never an instant at which
// somebody may pass, so a change of settings takes effect at once and for everybody. A throttle of
// scope tenant or user has one state per key; a state that nobody has touched yet is as if it had
// been there from time 0.

#include <cstdint>
#include <memory>
#include <optional>

#include "bench/record/request.hpp"
#include "workloads/plan/calendar.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// 10^-6 units of a throttle: requests or tokens.
using Micro = std::int64_t;
inline constexpr Micro kMicro = 1'000'000;

/// Whose state: 0 where there is one for the fleet, else the number of the tenant or of the user.
using Key = std::uint32_t;

/// What a request that took units came to.
struct Settlement {
  std::int64_t taken_ns = 0;  ///< when it took them
  Micro reserved = 0;         ///< what it took, less what was refunded since
  Micro used = 0;             ///< what it came to; not above `reserved` unless charged after
  std::int64_t service_ttft_ns = -1;  ///< first token - admitted; negative: it got none
};

class Limiter {
 public:
  Limiter() = default;
  Limiter(const Limiter&) = delete;
  Limiter& operator=(const Limiter&) = delete;
  virtual ~Limiter() = default;

  /// Whether a request of this cost can ever pass with the present settings; any can where the
  /// throttle is lifted. One that does not fit is a permanent error.
  virtual bool fits(Micro cost) const = 0;

  /// The earliest instant, not before `now_ns`, at which `cost` can be taken if nothing but time
  /// passes; kNever if time alone does not help (a settlement or a change may), or if it does not
  /// fit. `now_ns` where the throttle is lifted.
  virtual std::int64_t ready_at(std::int64_t now_ns, Key key, Micro cost) const = 0;

  /// Takes `cost`; ready_at(now_ns, key, cost) must be at or before now_ns. True if the request is
  /// to be settled: the caller keeps that, and then calls settle() exactly once. A lifted throttle
  /// charges nothing, but one that counts what is in flight goes on counting.
  virtual bool take(std::int64_t now_ns, Key key, Micro cost) = 0;

  /// Part of what a request took at `taken_ns`, and is not settled yet, comes back early.
  virtual void refund(std::int64_t now_ns, Key key, std::int64_t taken_ns, Micro units) = 0;

  /// A request that took units has ended.
  virtual void settle(std::int64_t now_ns, Key key, const Settlement& settlement) = 0;

  /// New settings for all keys; `inherit` says what becomes of the state of each.
  virtual void set(std::int64_t now_ns, const Throttle& settings, bool lifted, Inherit inherit) = 0;

  /// Units that could be taken now (of kinds that charge after: that are left), below 0 where they
  /// are owed; infinite where nothing limits them (a queue_limit by time alone).
  virtual double level_units(std::int64_t now_ns, Key key) const = 0;

  /// The least that any key has; nothing where so many have been touched that to look takes long.
  virtual std::optional<double> least_level_units(std::int64_t now_ns) const = 0;

  /// The limit that adaptive kinds have come to for a key, in units; nothing for the others, whose
  /// settings say it.
  virtual std::optional<double> adapted_limit_units(Key key) const = 0;

  /// One that stands as this one does, and goes its own way from now on.
  virtual std::unique_ptr<Limiter> clone() const = 0;
};

/// A limiter of the kind of `settings`, which must be resolved, with `keys` keys. Kinds that count
/// time in windows align them to the midnight of `clock`, and fixed windows to what it shows.
std::unique_ptr<Limiter> make_limiter(const Throttle& settings, std::size_t keys,
                                      const LocalClock& clock = {});

}  // namespace tokenlift
