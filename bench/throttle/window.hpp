#pragma once
// Throttles that count units in windows of time: fixed, anchored and sliding windows, the sliding
// log, and the acceleration limit, as rules of KeyedLimiter. All in integers.
//
// Bound: over any span T, taken - given back is at most limit * (ceil(T / window) + 1); the limit
// is the largest in force meanwhile, and a `reset` counts as the end of a window, as a change of
// the clocks may for fixed windows. (For the
// acceleration limit see below.) Units that come back count in the window in which they were taken,
// and are lost once nobody counts that any more. A limit that shrinks keeps what was used as it is,
// also where that is more than the new limit: it is a fact, and over when the window is. A clock
// that steps back stays in the window that it was in.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "bench/throttle/limiter.hpp"
#include "workloads/plan/calendar.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// The window of the last request that took units.
struct Window {
  std::int64_t from_ns = 0;  ///< it counts what was taken from here on,
  std::int64_t end_ns = 0;   ///< to here (exclusive)
  Micro used = 0;
};

/// And the one before it; windows of a pair follow each other without a gap.
struct WindowPair : Window {
  std::int64_t before_from_ns = 0;
  Micro before = 0;  ///< used in the window before
};

/// Windows that start at whole multiples of their length from an epoch on.
class AlignedWindows {
 public:
  AlignedWindows(const Throttle& settings, std::int64_t epoch_ns);

 protected:
  /// The window that holds `now_ns`, unused.
  Window window_at(std::int64_t now_ns) const;
  /// The state as of `now_ns`: moved on if its window is over.
  WindowPair at(std::int64_t now_ns, const WindowPair& state) const;
  /// What a change makes of what was used, but for a change of the windows' length.
  void inherit_use(std::int64_t now_ns, WindowPair& pair, const AlignedWindows& former,
                   Inherit how) const;
  /// Moves the end of the window to where it is for windows of the present length.
  void align(std::int64_t now_ns, Window& window) const;

  Micro limit_ = 0;
  std::int64_t window_ns_ = 0;
  std::int64_t epoch_ns_ = 0;
};

/// Windows of equal length on the clock on the wall, from a midnight before the run on. One begins
/// when that clock comes to a multiple of the length, or past one because it is set forward. Set
/// back, it comes to some multiples again: where it is set back by a window or more, those begin
/// windows again (the hours of a day that has 25), else they don't (a day of 25 hours is one).
class LocalWindows {
 public:
  LocalWindows(std::int64_t window_ns, const LocalClock& clock);

  /// The window that holds an instant at or after midnight_ns, unused.
  Window at(std::int64_t now_ns) const;

 private:
  /// As long as the clock is not changed.
  struct Stretch {
    std::int64_t first_ns = 0;  // its first window begins; until then an earlier one goes on
    std::int64_t until_ns = 0;  // the clock is changed then
    std::int64_t phase_ns = 0;  // where window 0 would begin if the clock had always gone so
  };
  /// Of the window that begins at or before `now_ns`, where number 0 begins at `phase_ns`.
  std::int64_t number_at(std::int64_t now_ns, std::int64_t phase_ns) const;

  std::int64_t window_ns_;
  std::vector<Stretch> stretches_;  // at least one; in each a window begins
};

/// At most the limit in each window of the clock on the wall. At a change of its length what was
/// used counts on, in the new window that holds the instant.
class FixedWindowRule {
 public:
  using State = Window;
  static constexpr bool kCountsInFlight = false;

  FixedWindowRule(const Throttle& settings, const LocalClock& clock);
  FixedWindowRule with(const Throttle& settings) const { return {settings, clock_}; }

  State fresh() const { return windows_.at(0); }
  bool fits(Micro cost) const { return cost <= limit_; }
  std::int64_t ready_at(std::int64_t now_ns, const State& state, Micro cost) const;
  void take(std::int64_t now_ns, State& state, Micro cost) const;
  void give_back(std::int64_t now_ns, State& state, std::int64_t taken_ns, Micro units) const;
  void inherit(std::int64_t now_ns, State& state, const FixedWindowRule& former, Inherit how) const;
  double level_units(std::int64_t now_ns, const State& state) const;

 private:
  /// The state as of `now_ns`: moved on if its window is over.
  State at(std::int64_t now_ns, const State& state) const;

  Micro limit_ = 0;
  std::int64_t window_ns_ = 0;
  LocalClock clock_;
  LocalWindows windows_;
};

/// The same with windows of each key's own: one starts at the first request that takes units after
/// the last one has ended. A new length holds from the start of the present window on.
class AnchoredWindowRule {
 public:
  using State = Window;
  static constexpr bool kCountsInFlight = false;

  explicit AnchoredWindowRule(const Throttle& settings);
  static AnchoredWindowRule with(const Throttle& settings) { return AnchoredWindowRule(settings); }

  State fresh() const;
  bool fits(Micro cost) const { return cost <= limit_; }
  std::int64_t ready_at(std::int64_t now_ns, const State& state, Micro cost) const;
  void take(std::int64_t now_ns, State& state, Micro cost) const;
  void give_back(std::int64_t now_ns, State& state, std::int64_t taken_ns, Micro units) const;
  void inherit(std::int64_t now_ns, State& state, const AnchoredWindowRule& former,
               Inherit how) const;
  double level_units(std::int64_t now_ns, const State& state) const;

 private:
  Micro limit_ = 0;
  std::int64_t window_ns_ = 0;
};

/// The usual approximation of a window that ends now: two counters, of the aligned window and of
/// the one before it, the latter weighted with the part of it that still overlaps, as if its units
/// had been taken evenly. Exact where they were. Where they were not, a window that straddles a
/// border may see up to twice the limit, as with fixed windows; an aligned one never more than the
/// limit. At a change of the window's length all that still counts is counted as of the present
/// one.
class SlidingWindowRule : private AlignedWindows {
 public:
  using State = WindowPair;
  static constexpr bool kCountsInFlight = false;

  using AlignedWindows::AlignedWindows;
  SlidingWindowRule with(const Throttle& settings) const { return {settings, epoch_ns_}; }

  State fresh() const { return {window_at(0), 0, 0}; }
  bool fits(Micro cost) const { return cost <= limit_; }
  std::int64_t ready_at(std::int64_t now_ns, const State& state, Micro cost) const;
  void take(std::int64_t now_ns, State& state, Micro cost) const;
  void give_back(std::int64_t now_ns, State& state, std::int64_t taken_ns, Micro units) const;
  void inherit(std::int64_t now_ns, State& state, const SlidingWindowRule& former,
               Inherit how) const;
  double level_units(std::int64_t now_ns, const State& state) const;

 private:
  /// How far into a window `before` has faded enough to leave `room`; the whole length: not in it.
  std::int64_t offset_ns(Micro before, Micro room) const;
  /// What the window before still counts for, rounded up.
  Micro overlap(std::int64_t now_ns, const State& state) const;
};

/// What is still in the window that ends now, in order of time; equal instants together.
struct UseLog {
  struct Entry {
    std::int64_t at_ns = 0;
    Micro units = 0;
  };
  std::vector<Entry> entries;
  std::size_t first = 0;  ///< those before it are over
  Micro used = 0;         ///< by all others
};

/// The window that ends now, exactly: a request counts from the instant at which it takes units
/// until a window later (exclusive), so no window, wherever it begins, has more than the limit. It
/// keeps what was taken and when, as far as it is in the window. At a change of the window's length
/// all that still counts does so for the new length from when it was taken; what is over stays so.
class SlidingLogRule {
 public:
  using State = UseLog;
  static constexpr bool kCountsInFlight = false;

  explicit SlidingLogRule(const Throttle& settings);
  static SlidingLogRule with(const Throttle& settings) { return SlidingLogRule(settings); }

  State fresh() const { return {}; }
  bool fits(Micro cost) const { return cost <= limit_; }
  std::int64_t ready_at(std::int64_t now_ns, const State& state, Micro cost) const;
  void take(std::int64_t now_ns, State& state, Micro cost) const;
  void give_back(std::int64_t now_ns, State& state, std::int64_t taken_ns, Micro units) const;
  void inherit(std::int64_t now_ns, State& state, const SlidingLogRule& former, Inherit how) const;
  double level_units(std::int64_t now_ns, const State& state) const;

 private:
  /// Drops what is over.
  void move_on(std::int64_t now_ns, State& state) const;

  Micro limit_ = 0;
  std::int64_t window_ns_ = 0;
};

/// Refuses a sharp rise in use: a window has max(limit, rise * what was used in the one before).
/// What comes back once a window has ended changes nothing any more: `before` is final. A request
/// fits if it is within `limit`, so that a pause cannot make it wait for ever.
class AccelerationLimitRule : private AlignedWindows {
 public:
  using State = WindowPair;
  static constexpr bool kCountsInFlight = false;

  AccelerationLimitRule(const Throttle& settings, std::int64_t epoch_ns);
  AccelerationLimitRule with(const Throttle& settings) const { return {settings, epoch_ns_}; }

  State fresh() const { return {window_at(0), 0, 0}; }
  bool fits(Micro cost) const { return cost <= limit_; }
  std::int64_t ready_at(std::int64_t now_ns, const State& state, Micro cost) const;
  void take(std::int64_t now_ns, State& state, Micro cost) const;
  void give_back(std::int64_t now_ns, State& state, std::int64_t taken_ns, Micro units) const;
  void inherit(std::int64_t now_ns, State& state, const AccelerationLimitRule& former,
               Inherit how) const;
  double level_units(std::int64_t now_ns, const State& state) const;

 private:
  Micro allowance(Micro before) const;

  std::int64_t rise_millionths_ = 0;
};

/// A limiter of a kind that counts in windows, aligned as make_limiter() says.
std::unique_ptr<Limiter> make_window_limiter(const Throttle& settings, std::size_t keys,
                                             const LocalClock& clock);

}  // namespace tokenlift
