#include "bench/throttle/bucket.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "bench/throttle/keyed_limiter.hpp"

namespace tokenlift {

namespace {

constexpr Femto kFemtoPerMicro = 1'000'000'000;
constexpr double kFemtoPerUnit = 1e15;

/// In 10^-6, at least 1. Bursts may be too large for 64 bits.
Femto wide_micro_of(double value) {
  return std::max<Femto>(1, static_cast<Femto>(std::round(value * static_cast<double>(kMicro))));
}

Femto to_femto(Micro cost) {
  return cost * kFemtoPerMicro;
}

double to_units(Femto units) {
  return static_cast<double>(units) / kFemtoPerUnit;
}

/// The same share of `burst` as `units` are of `former`: exact where they are the same, within
/// 10^-18 elsewhere.
Femto share(Femto units, Femto former, Femto burst) {
  if (burst == former) return units;
  return static_cast<Femto>(static_cast<long double>(units) / static_cast<long double>(former) *
                            static_cast<long double>(burst));
}

}  // namespace

// Bursts to 10^-6 units first: doubles hold that exactly enough, and the product stays an integer.
Flow::Flow(const Throttle& settings)
    : burst_(settings.burst.units ? wide_micro_of(*settings.burst.units) * kFemtoPerMicro : 0) {
  assert(settings.rate.per_s && "resolve() the scenario first");
  assert(*settings.rate.per_s > 0 && *settings.rate.per_s < 9e12 && "the reader allows 10^12");
  rate_micro_per_s_ = static_cast<std::int64_t>(wide_micro_of(*settings.rate.per_s));
}

Femto Flow::since(std::int64_t now_ns, const Reservoir& state) const {
  if (now_ns <= state.updated_ns) return 0;
  return static_cast<Femto>(rate_micro_per_s_) * (now_ns - state.updated_ns);
}

std::int64_t Flow::instant(std::int64_t now_ns, const Reservoir& state, Femto missing) const {
  if (missing <= 0) return now_ns;
  const Femto wait_ns = (missing + rate_micro_per_s_ - 1) / rate_micro_per_s_;
  const Femto instant_ns = std::max(now_ns, state.updated_ns) + wait_ns;
  return instant_ns < kNever ? static_cast<std::int64_t>(instant_ns) : kNever;
}

void Flow::update(std::int64_t now_ns, Reservoir& state, Femto units) {
  state.units = units;
  state.updated_ns = std::max(state.updated_ns, now_ns);
}

// ---------------------------------------------------------------- token bucket

Femto TokenBucketRule::saved(std::int64_t now_ns, const State& state) const {
  return std::min(burst_, state.units + since(now_ns, state));
}

bool TokenBucketRule::fits(Micro cost) const {
  return to_femto(cost) <= burst_;
}

std::int64_t TokenBucketRule::ready_at(std::int64_t now_ns, const State& state, Micro cost) const {
  if (!fits(cost)) return kNever;
  Femto needed = to_femto(cost);
  if (charge_ == Charge::after) needed = std::max<Femto>(needed, 1);
  return instant(now_ns, state, needed - saved(now_ns, state));
}

void TokenBucketRule::take(std::int64_t now_ns, State& state, Micro cost) const {
  assert(ready_at(now_ns, state, cost) <= now_ns && "take() without ready_at()");
  update(now_ns, state, saved(now_ns, state) - to_femto(cost));
}

void TokenBucketRule::give_back(std::int64_t now_ns, State& state, std::int64_t /*taken_ns*/,
                                Micro units) const {
  update(now_ns, state, saved(now_ns, state) + to_femto(units));  // saved() keeps to the burst
}

void TokenBucketRule::inherit(std::int64_t now_ns, State& state, const TokenBucketRule& former,
                              Inherit how) const {
  Femto units = former.saved(now_ns, state);
  switch (how) {
    case Inherit::as_is:
      break;
    case Inherit::proportional:
      units = share(units, former.burst_, burst_);
      break;
    case Inherit::reset:
      units = burst_;
      break;
    case Inherit::additive:
      // A burst that shrinks takes away what is saved, and leaves nobody owing.
      units = std::max(units + burst_ - former.burst_, std::min<Femto>(units, 0));
      break;
  }
  update(now_ns, state, std::max(units, -burst_));
}

double TokenBucketRule::level_units(std::int64_t now_ns, const State& state) const {
  return to_units(saved(now_ns, state));
}

// ------------------------------------------------------------------------ GCRA

Femto GcraRule::owed(std::int64_t now_ns, const State& state) const {
  return std::max<Femto>(0, state.units - since(now_ns, state));
}

bool GcraRule::fits(Micro cost) const {
  return to_femto(cost) <= burst_;
}

std::int64_t GcraRule::ready_at(std::int64_t now_ns, const State& state, Micro cost) const {
  if (!fits(cost)) return kNever;
  return instant(now_ns, state, owed(now_ns, state) + to_femto(cost) - burst_);
}

void GcraRule::take(std::int64_t now_ns, State& state, Micro cost) const {
  assert(ready_at(now_ns, state, cost) <= now_ns && "take() without ready_at()");
  update(now_ns, state, owed(now_ns, state) + to_femto(cost));
}

void GcraRule::give_back(std::int64_t now_ns, State& state, std::int64_t /*taken_ns*/,
                         Micro units) const {
  update(now_ns, state, owed(now_ns, state) - to_femto(units));  // owed() is never below 0
}

void GcraRule::inherit(std::int64_t now_ns, State& state, const GcraRule& former,
                       Inherit how) const {
  Femto units = former.owed(now_ns, state);
  switch (how) {
    case Inherit::as_is:
    case Inherit::additive:  // what is owed stays: what can be taken grows with the burst
      break;
    case Inherit::proportional:
      units = share(units, former.burst_, burst_);
      break;
    case Inherit::reset:
      units = 0;
      break;
  }
  update(now_ns, state, std::min(units, burst_));
}

double GcraRule::level_units(std::int64_t now_ns, const State& state) const {
  return to_units(burst_ - owed(now_ns, state));
}

// ---------------------------------------------------------------- leaky bucket

Femto LeakyBucketRule::held(std::int64_t now_ns, const State& state) const {
  return std::max<Femto>(0, state.units - since(now_ns, state));
}

std::int64_t LeakyBucketRule::ready_at(std::int64_t now_ns, const State& state,
                                       Micro /*cost*/) const {
  return instant(now_ns, state, held(now_ns, state));
}

void LeakyBucketRule::take(std::int64_t now_ns, State& state, Micro cost) const {
  assert(ready_at(now_ns, state, cost) <= now_ns && "take() without ready_at()");
  update(now_ns, state, to_femto(cost));
}

void LeakyBucketRule::give_back(std::int64_t now_ns, State& state, std::int64_t /*taken_ns*/,
                                Micro units) const {
  update(now_ns, state, held(now_ns, state) - to_femto(units));  // held() is never below 0
}

void LeakyBucketRule::inherit(std::int64_t now_ns, State& state, const LeakyBucketRule& former,
                              Inherit how) const {
  // There is no burst to have a share of, nor one that could grow.
  update(now_ns, state, how == Inherit::reset ? 0 : former.held(now_ns, state));
}

double LeakyBucketRule::level_units(std::int64_t now_ns, const State& state) const {
  return -to_units(held(now_ns, state));
}

std::unique_ptr<Limiter> make_rate_limiter(const Throttle& settings, std::size_t keys) {
  switch (settings.kind) {
    case ThrottleKind::token_bucket:
      return keyed(TokenBucketRule(settings), keys);
    case ThrottleKind::gcra:
      return keyed(GcraRule(settings), keys);
    case ThrottleKind::leaky_bucket:
      return keyed(LeakyBucketRule(settings), keys);
    default:
      return nullptr;
  }
}

}  // namespace tokenlift
