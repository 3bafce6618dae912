#include "bench/throttle/window.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>

#include "bench/throttle/keyed_limiter.hpp"

namespace tokenlift {

namespace {

/// 4 * 10^12 units: no run uses more, and two of them can be added.
constexpr Micro kMost = 4'000'000'000'000'000'000;

Micro to_micro(double units) {
  return static_cast<Micro>(
      std::clamp(std::round(units * static_cast<double>(kMicro)), 1.0, static_cast<double>(kMost)));
}

Micro limit_of(const Throttle& settings) {
  assert(settings.limit && "resolve() the scenario first");
  return to_micro(*settings.limit);
}

double to_units(Micro units) {
  return static_cast<double>(units) / static_cast<double>(kMicro);
}

/// value * numerator / denominator, rounded up: what was used is never understated.
Micro scaled_up(Micro value, std::int64_t numerator, std::int64_t denominator) {
  const __int128 scaled =
      (static_cast<__int128>(value) * numerator + denominator - 1) / denominator;
  return static_cast<Micro>(std::min<__int128>(scaled, kMost));
}

void give_back_to(Micro& used, Micro units) {
  used = std::max<Micro>(0, used - units);
}

}  // namespace

// ------------------------------------------------------------- aligned windows

AlignedWindows::AlignedWindows(const Throttle& settings, std::int64_t epoch_ns)
    : limit_(limit_of(settings)), window_ns_(settings.window_ns), epoch_ns_(epoch_ns) {
  assert(window_ns_ > 0);
}

Window AlignedWindows::window_at(std::int64_t now_ns) const {
  assert(now_ns >= epoch_ns_);
  const std::int64_t into_ns = (now_ns - epoch_ns_) % window_ns_;
  return {now_ns - into_ns, now_ns - into_ns + window_ns_, 0};
}

WindowPair AlignedWindows::at(std::int64_t now_ns, const WindowPair& state) const {
  if (now_ns < state.end_ns) return state;
  const Window present = window_at(now_ns);
  if (present.from_ns == state.end_ns) return {present, state.from_ns, state.used};
  return {present, present.from_ns - window_ns_, 0};
}

void AlignedWindows::inherit_use(std::int64_t now_ns, WindowPair& pair,
                                 const AlignedWindows& former, Inherit how) const {
  if (how == Inherit::proportional) {
    pair.used = scaled_up(pair.used, limit_, former.limit_);
    pair.before = scaled_up(pair.before, limit_, former.limit_);
  }
  if (how == Inherit::reset) {
    pair.used = pair.before = 0;
    pair.from_ns = pair.before_from_ns = std::max(now_ns, pair.from_ns);
  }
}

void AlignedWindows::align(std::int64_t now_ns, Window& window) const {
  window.end_ns = window_at(std::max(now_ns, window.from_ns)).end_ns;
}

// ---------------------------------------------------------------- fixed window

LocalWindows::LocalWindows(std::int64_t window_ns, const LocalClock& clock)
    : window_ns_(window_ns), stretches_{{clock.midnight_ns, kNever, clock.midnight_ns}} {
  assert(window_ns_ > 0);
  std::int64_t number = 0;  // of the window under way, from midnight_ns on
  std::int64_t phase_ns = clock.midnight_ns;
  for (const ClockChange& change : clock.changes) {
    Stretch& former = stretches_.back();
    if (change.at_ns > former.first_ns) {
      number = number_at(change.at_ns - 1, former.phase_ns);
      former.until_ns = change.at_ns;
    } else {
      stretches_.pop_back();  // the clock is changed again before a window has begun
    }
    phase_ns -= change.by_ns;
    const bool begins_again = -change.by_ns >= window_ns_;
    const bool passes_one = number_at(change.at_ns, phase_ns) > number;
    const std::int64_t first_ns =
        begins_again || passes_one ? change.at_ns : phase_ns + (number + 1) * window_ns_;
    stretches_.push_back({first_ns, kNever, phase_ns});
  }
}

std::int64_t LocalWindows::number_at(std::int64_t now_ns, std::int64_t phase_ns) const {
  const std::int64_t since_ns = now_ns - phase_ns;
  return since_ns / window_ns_ - (since_ns % window_ns_ < 0 ? 1 : 0);
}

Window LocalWindows::at(std::int64_t now_ns) const {
  assert(now_ns >= stretches_.front().first_ns);
  std::size_t i = stretches_.size() - 1;
  while (stretches_[i].first_ns > now_ns) --i;
  const auto& [first_ns, until_ns, phase_ns] = stretches_[i];
  // The last window of a stretch goes on after the change of the clock, until another one begins.
  const std::int64_t number = number_at(std::min(now_ns, until_ns - 1), phase_ns);
  const std::int64_t begin_ns = phase_ns + number * window_ns_;
  const std::int64_t end_ns = begin_ns + window_ns_;
  return {std::max(first_ns, begin_ns), end_ns < until_ns ? end_ns : stretches_[i + 1].first_ns, 0};
}

FixedWindowRule::FixedWindowRule(const Throttle& settings, const LocalClock& clock)
    : limit_(limit_of(settings)),
      window_ns_(settings.window_ns),
      clock_(clock),
      windows_(settings.window_ns, clock) {}

Window FixedWindowRule::at(std::int64_t now_ns, const Window& state) const {
  return now_ns < state.end_ns ? state : windows_.at(now_ns);
}

std::int64_t FixedWindowRule::ready_at(std::int64_t now_ns, const State& state, Micro cost) const {
  if (!fits(cost)) return kNever;
  const Window window = at(now_ns, state);
  return window.used + cost <= limit_ ? now_ns : window.end_ns;
}

void FixedWindowRule::take(std::int64_t now_ns, State& state, Micro cost) const {
  assert(ready_at(now_ns, state, cost) <= now_ns && "take() without ready_at()");
  state = at(now_ns, state);
  state.used += cost;
}

void FixedWindowRule::give_back(std::int64_t /*now_ns*/, State& state, std::int64_t taken_ns,
                                Micro units) const {
  if (taken_ns >= state.from_ns) give_back_to(state.used, units);
}

void FixedWindowRule::inherit(std::int64_t now_ns, State& state, const FixedWindowRule& former,
                              Inherit how) const {
  state = former.at(now_ns, state);
  if (window_ns_ != former.window_ns_) {
    state.end_ns = windows_.at(std::max(now_ns, state.from_ns)).end_ns;
  }
  if (how == Inherit::proportional) state.used = scaled_up(state.used, limit_, former.limit_);
  if (how == Inherit::reset) {
    state.used = 0;
    state.from_ns = std::max(now_ns, state.from_ns);
  }
  // as_is and additive keep what was used: what can be taken grows with the limit.
}

double FixedWindowRule::level_units(std::int64_t now_ns, const State& state) const {
  return to_units(limit_ - at(now_ns, state).used);
}

// ------------------------------------------------------------- anchored window

AnchoredWindowRule::AnchoredWindowRule(const Throttle& settings)
    : limit_(limit_of(settings)), window_ns_(settings.window_ns) {
  assert(window_ns_ > 0);
}

Window AnchoredWindowRule::fresh() const {
  return {0, std::numeric_limits<std::int64_t>::min(), 0};
}

std::int64_t AnchoredWindowRule::ready_at(std::int64_t now_ns, const State& state,
                                          Micro cost) const {
  if (!fits(cost)) return kNever;
  return now_ns >= state.end_ns || state.used + cost <= limit_ ? now_ns : state.end_ns;
}

void AnchoredWindowRule::take(std::int64_t now_ns, State& state, Micro cost) const {
  assert(ready_at(now_ns, state, cost) <= now_ns && "take() without ready_at()");
  if (now_ns >= state.end_ns) state = {now_ns, now_ns + window_ns_, 0};
  state.used += cost;
}

void AnchoredWindowRule::give_back(std::int64_t /*now_ns*/, State& state, std::int64_t taken_ns,
                                   Micro units) const {
  if (taken_ns >= state.from_ns) give_back_to(state.used, units);
}

void AnchoredWindowRule::inherit(std::int64_t now_ns, State& state,
                                 const AnchoredWindowRule& former, Inherit how) const {
  if (now_ns >= state.end_ns) return;  // no window
  if (how == Inherit::reset) {
    state = fresh();
    return;
  }
  if (window_ns_ != former.window_ns_) state.end_ns = state.from_ns + window_ns_;
  if (how == Inherit::proportional) state.used = scaled_up(state.used, limit_, former.limit_);
}

double AnchoredWindowRule::level_units(std::int64_t now_ns, const State& state) const {
  return to_units(now_ns >= state.end_ns ? limit_ : limit_ - state.used);
}

// -------------------------------------------------------------- sliding window

std::int64_t SlidingWindowRule::offset_ns(Micro before, Micro room) const {
  if (room < 0) return window_ns_;
  if (before == 0) return 0;
  const __int128 left_ns = static_cast<__int128>(room) * window_ns_ / before;
  return left_ns >= window_ns_ ? 0 : window_ns_ - static_cast<std::int64_t>(left_ns);
}

Micro SlidingWindowRule::overlap(std::int64_t now_ns, const State& state) const {
  if (state.before == 0) return 0;  // spares the division where nothing is limited
  return scaled_up(state.before, std::min(state.end_ns - now_ns, window_ns_), window_ns_);
}

std::int64_t SlidingWindowRule::ready_at(std::int64_t now_ns, const State& state,
                                         Micro cost) const {
  if (!fits(cost)) return kNever;
  const WindowPair pair = at(now_ns, state);
  const Micro room = limit_ - pair.used - cost;
  // Rounding up what counts loses nothing: room is a whole number.
  if (overlap(now_ns, pair) <= room) return now_ns;
  const std::int64_t present_ns = offset_ns(pair.before, room);
  if (present_ns < window_ns_) return pair.end_ns - window_ns_ + present_ns;
  // In the next window this one is the one before; in the one after that nothing is left of it.
  return pair.end_ns + offset_ns(pair.used, limit_ - cost);
}

void SlidingWindowRule::take(std::int64_t now_ns, State& state, Micro cost) const {
  assert(ready_at(now_ns, state, cost) <= now_ns && "take() without ready_at()");
  state = at(now_ns, state);
  state.used += cost;
}

void SlidingWindowRule::give_back(std::int64_t /*now_ns*/, State& state, std::int64_t taken_ns,
                                  Micro units) const {
  if (taken_ns >= state.from_ns) {
    give_back_to(state.used, units);
  } else if (taken_ns >= state.before_from_ns) {
    give_back_to(state.before, units);
  }
}

void SlidingWindowRule::inherit(std::int64_t now_ns, State& state, const SlidingWindowRule& former,
                                Inherit how) const {
  state = former.at(now_ns, state);
  if (window_ns_ != former.window_ns_) {
    state.used += former.overlap(now_ns, state);
    state.before = 0;
    align(now_ns, state);
  }
  inherit_use(now_ns, state, former, how);
}

double SlidingWindowRule::level_units(std::int64_t now_ns, const State& state) const {
  const WindowPair pair = at(now_ns, state);
  return to_units(limit_ - pair.used - overlap(now_ns, pair));
}

// ----------------------------------------------------------------- sliding log

SlidingLogRule::SlidingLogRule(const Throttle& settings)
    : limit_(limit_of(settings)), window_ns_(settings.window_ns) {
  assert(window_ns_ > 0);
}

std::int64_t SlidingLogRule::ready_at(std::int64_t now_ns, const State& state, Micro cost) const {
  if (!fits(cost)) return kNever;
  Micro used = state.used;
  std::int64_t ready_ns = now_ns;
  for (std::size_t i = state.first; used + cost > limit_; ++i) {
    used -= state.entries[i].units;
    ready_ns = std::max(now_ns, state.entries[i].at_ns + window_ns_);
  }
  return ready_ns;
}

void SlidingLogRule::take(std::int64_t now_ns, State& state, Micro cost) const {
  assert(ready_at(now_ns, state, cost) <= now_ns && "take() without ready_at()");
  move_on(now_ns, state);
  // By a clock that has stepped back, as of the last request.
  if (state.first == state.entries.size() || state.entries.back().at_ns < now_ns) {
    state.entries.push_back({now_ns, 0});
  }
  state.entries.back().units += cost;
  state.used += cost;
}

void SlidingLogRule::give_back(std::int64_t /*now_ns*/, State& state, std::int64_t taken_ns,
                               Micro units) const {
  const auto found = std::lower_bound(
      state.entries.begin() + static_cast<std::ptrdiff_t>(state.first), state.entries.end(),
      taken_ns, [](const UseLog::Entry& entry, std::int64_t ns) { return entry.at_ns < ns; });
  if (found == state.entries.end() || found->at_ns != taken_ns) return;  // it is over
  const Micro before = found->units;
  give_back_to(found->units, units);
  state.used += found->units - before;
}

void SlidingLogRule::inherit(std::int64_t now_ns, State& state, const SlidingLogRule& former,
                             Inherit how) const {
  former.move_on(now_ns, state);
  if (how == Inherit::reset) state = fresh();
  if (how != Inherit::proportional) return;
  state.used = 0;
  for (std::size_t i = state.first; i < state.entries.size(); ++i) {
    Micro& units = state.entries[i].units;
    units = std::min(scaled_up(units, limit_, former.limit_), kMost - state.used);
    state.used += units;
  }
}

double SlidingLogRule::level_units(std::int64_t now_ns, const State& state) const {
  Micro used = state.used;
  for (std::size_t i = state.first;
       i < state.entries.size() && state.entries[i].at_ns + window_ns_ <= now_ns; ++i) {
    used -= state.entries[i].units;
  }
  return to_units(limit_ - used);
}

void SlidingLogRule::move_on(std::int64_t now_ns, State& state) const {
  while (state.first < state.entries.size() &&
         state.entries[state.first].at_ns + window_ns_ <= now_ns) {
    state.used -= state.entries[state.first++].units;
  }
  // Half of them at a time, so that each is moved once at most on average.
  if (2 * state.first < state.entries.size()) return;
  state.entries.erase(state.entries.begin(),
                      state.entries.begin() + static_cast<std::ptrdiff_t>(state.first));
  state.first = 0;
}

// ---------------------------------------------------------- acceleration limit

AccelerationLimitRule::AccelerationLimitRule(const Throttle& settings, std::int64_t epoch_ns)
    : AlignedWindows(settings, epoch_ns), rise_millionths_(to_micro(settings.rise)) {}

Micro AccelerationLimitRule::allowance(Micro before) const {
  const __int128 risen = static_cast<__int128>(before) * rise_millionths_ / kMicro;
  return std::max(limit_, static_cast<Micro>(std::min<__int128>(risen, kMost)));
}

std::int64_t AccelerationLimitRule::ready_at(std::int64_t now_ns, const State& state,
                                             Micro cost) const {
  if (!fits(cost)) return kNever;
  const WindowPair pair = at(now_ns, state);
  return pair.used + cost <= allowance(pair.before) ? now_ns : pair.end_ns;
}

void AccelerationLimitRule::take(std::int64_t now_ns, State& state, Micro cost) const {
  assert(ready_at(now_ns, state, cost) <= now_ns && "take() without ready_at()");
  state = at(now_ns, state);
  state.used += cost;
}

void AccelerationLimitRule::give_back(std::int64_t now_ns, State& state, std::int64_t taken_ns,
                                      Micro units) const {
  if (taken_ns >= state.from_ns && now_ns < state.end_ns) give_back_to(state.used, units);
}

void AccelerationLimitRule::inherit(std::int64_t now_ns, State& state,
                                    const AccelerationLimitRule& former, Inherit how) const {
  state = former.at(now_ns, state);
  if (window_ns_ != former.window_ns_) align(now_ns, state);
  inherit_use(now_ns, state, former, how);
}

double AccelerationLimitRule::level_units(std::int64_t now_ns, const State& state) const {
  const WindowPair pair = at(now_ns, state);
  return to_units(allowance(pair.before) - pair.used);
}

std::unique_ptr<Limiter> make_window_limiter(const Throttle& settings, std::size_t keys,
                                             const LocalClock& clock) {
  switch (settings.kind) {
    case ThrottleKind::fixed_window:
      return keyed(FixedWindowRule(settings, clock), keys);
    case ThrottleKind::anchored_window:
      return keyed(AnchoredWindowRule(settings), keys);
    case ThrottleKind::sliding_window:
      return keyed(SlidingWindowRule(settings, clock.midnight_ns), keys);
    case ThrottleKind::sliding_log:
      return keyed(SlidingLogRule(settings), keys);
    case ThrottleKind::acceleration_limit:
      return keyed(AccelerationLimitRule(settings, clock.midnight_ns), keys);
    default:
      return nullptr;
  }
}

}  // namespace tokenlift
