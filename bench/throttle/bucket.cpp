#include "bench/throttle/bucket.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "bench/throttle/keyed_limiter.hpp"

namespace tokenlift {

namespace {

constexpr Quanta kFemtoPerMicro = 1'000'000'000;
constexpr double kFemtoPerUnit = 1e15;
constexpr double kFemtoPerNsOfOnePerS = 1e6;
constexpr Quanta kMostQuanta = Quanta{1} << 125;
constexpr Quanta kLargestBurst = kMostQuanta >> 1;
constexpr int kFinestBits = 40;
constexpr double kHighestRatePerNs = 0x1p62;

/// In 10^-6, at least 1. Bursts may be too large for 64 bits.
Quanta wide_micro_of(double value) {
  return std::max<Quanta>(1, static_cast<Quanta>(std::round(value * static_cast<double>(kMicro))));
}

/// value * 2^bits; what is more than kMostQuanta counts as that.
Quanta scaled(Quanta value, int bits) {
  if (bits <= 0) return value >> -bits;
  const Quanta most = kMostQuanta >> bits;
  return std::clamp(value, -most, most) * (Quanta{1} << bits);
}

}  // namespace

// Bursts to 10^-6 units first: doubles hold that exactly enough, and the product stays an integer.
Flow::Flow(const Throttle& settings)
    : burst_micro_(settings.burst.units ? wide_micro_of(*settings.burst.units) : 0) {
  assert(settings.rate.per_s && "resolve() the scenario first");
  assert(*settings.rate.per_s > 0 && *settings.rate.per_s < 9e12 && "the reader allows 10^12");
  const double femto_per_ns = *settings.rate.per_s * kFemtoPerNsOfOnePerS;
  const Quanta burst_femto = burst_micro_ * kFemtoPerMicro;
  finer_bits_ = kFinestBits;
  while (finer_bits_ > 0 && (std::ldexp(femto_per_ns, finer_bits_) >= kHighestRatePerNs ||
                             burst_femto > kLargestBurst >> finer_bits_)) {
    --finer_bits_;
  }
  quanta_per_micro_ = kFemtoPerMicro << finer_bits_;
  most_micro_ = static_cast<Micro>(
      std::min<Quanta>(kMostQuanta / quanta_per_micro_, std::numeric_limits<Micro>::max()));
  burst_ = burst_micro_ * quanta_per_micro_;
  rate_per_ns_ = std::max<std::int64_t>(1, std::llround(std::ldexp(femto_per_ns, finer_bits_)));
}

Quanta Flow::to_quanta(Micro units) const {
  return std::clamp(units, -most_micro_, most_micro_) * quanta_per_micro_;
}

double Flow::to_units(Quanta quanta) const {
  return std::ldexp(static_cast<double>(quanta), -finer_bits_) / kFemtoPerUnit;
}

Quanta Flow::converted(Quanta quanta, const Flow& former) const {
  return scaled(quanta, finer_bits_ - former.finer_bits_);
}

// Exact where the bursts are the same, within 10^-18 elsewhere.
Quanta Flow::share(Quanta quanta, const Flow& former) const {
  if (burst_micro_ == former.burst_micro_) return converted(quanta, former);
  return static_cast<Quanta>(static_cast<long double>(quanta) /
                             static_cast<long double>(former.burst_) *
                             static_cast<long double>(burst_));
}

Quanta Flow::since(std::int64_t now_ns, const Reservoir& state) const {
  if (now_ns <= state.updated_ns) return 0;
  return static_cast<Quanta>(rate_per_ns_) * (now_ns - state.updated_ns);
}

std::int64_t Flow::instant(std::int64_t now_ns, const Reservoir& state, Quanta missing) const {
  if (missing <= 0) return now_ns;
  const Quanta wait_ns = (missing + rate_per_ns_ - 1) / rate_per_ns_;
  const Quanta instant_ns = std::max(now_ns, state.updated_ns) + wait_ns;
  return instant_ns < kNever ? static_cast<std::int64_t>(instant_ns) : kNever;
}

void Flow::update(std::int64_t now_ns, Reservoir& state, Quanta quanta) {
  state.units = std::clamp(quanta, -kMostQuanta, kMostQuanta);
  state.updated_ns = std::max(state.updated_ns, now_ns);
}

// ---------------------------------------------------------------- token bucket

Quanta TokenBucketRule::saved(std::int64_t now_ns, const State& state) const {
  return std::min(burst_, state.units + since(now_ns, state));
}

bool TokenBucketRule::fits(Micro cost) const {
  return to_quanta(cost) <= burst_;
}

std::int64_t TokenBucketRule::ready_at(std::int64_t now_ns, const State& state, Micro cost) const {
  if (!fits(cost)) return kNever;
  Quanta needed = to_quanta(cost);
  if (charge_ == Charge::after) needed = std::max<Quanta>(needed, 1);
  return instant(now_ns, state, needed - saved(now_ns, state));
}

void TokenBucketRule::take(std::int64_t now_ns, State& state, Micro cost) const {
  assert(ready_at(now_ns, state, cost) <= now_ns && "take() without ready_at()");
  update(now_ns, state, saved(now_ns, state) - to_quanta(cost));
}

void TokenBucketRule::give_back(std::int64_t now_ns, State& state, std::int64_t /*taken_ns*/,
                                Micro units) const {
  update(now_ns, state, saved(now_ns, state) + to_quanta(units));  // saved() keeps to the burst
}

void TokenBucketRule::inherit(std::int64_t now_ns, State& state, const TokenBucketRule& former,
                              Inherit how) const {
  const Quanta kept = former.saved(now_ns, state);
  Quanta now = converted(kept, former);
  switch (how) {
    case Inherit::as_is:
      break;
    case Inherit::proportional:
      now = share(kept, former);
      break;
    case Inherit::reset:
      now = burst_;
      break;
    case Inherit::additive:
      // A burst that shrinks takes away what is saved, and leaves nobody owing.
      now = std::max(now + burst_ - converted(former.burst_, former), std::min<Quanta>(now, 0));
      break;
  }
  update(now_ns, state, std::max(now, -burst_));
}

double TokenBucketRule::level_units(std::int64_t now_ns, const State& state) const {
  return to_units(saved(now_ns, state));
}

// ------------------------------------------------------------------------ GCRA

Quanta GcraRule::owed(std::int64_t now_ns, const State& state) const {
  return std::max<Quanta>(0, state.units - since(now_ns, state));
}

bool GcraRule::fits(Micro cost) const {
  return to_quanta(cost) <= burst_;
}

std::int64_t GcraRule::ready_at(std::int64_t now_ns, const State& state, Micro cost) const {
  if (!fits(cost)) return kNever;
  return instant(now_ns, state, owed(now_ns, state) + to_quanta(cost) - burst_);
}

void GcraRule::take(std::int64_t now_ns, State& state, Micro cost) const {
  assert(ready_at(now_ns, state, cost) <= now_ns && "take() without ready_at()");
  update(now_ns, state, owed(now_ns, state) + to_quanta(cost));
}

void GcraRule::give_back(std::int64_t now_ns, State& state, std::int64_t /*taken_ns*/,
                         Micro units) const {
  update(now_ns, state, owed(now_ns, state) - to_quanta(units));  // owed() is never below 0
}

void GcraRule::inherit(std::int64_t now_ns, State& state, const GcraRule& former,
                       Inherit how) const {
  const Quanta kept = former.owed(now_ns, state);
  Quanta now = -converted(-kept, former);  // rounded up
  switch (how) {
    case Inherit::as_is:
    case Inherit::additive:  // what is owed stays: what can be taken grows with the burst
      break;
    case Inherit::proportional:
      now = share(kept, former);
      break;
    case Inherit::reset:
      now = 0;
      break;
  }
  update(now_ns, state, std::min(now, burst_));
}

double GcraRule::level_units(std::int64_t now_ns, const State& state) const {
  return to_units(burst_ - owed(now_ns, state));
}

// ---------------------------------------------------------------- leaky bucket

Quanta LeakyBucketRule::held(std::int64_t now_ns, const State& state) const {
  return std::max<Quanta>(0, state.units - since(now_ns, state));
}

std::int64_t LeakyBucketRule::ready_at(std::int64_t now_ns, const State& state,
                                       Micro /*cost*/) const {
  return instant(now_ns, state, held(now_ns, state));
}

void LeakyBucketRule::take(std::int64_t now_ns, State& state, Micro cost) const {
  assert(ready_at(now_ns, state, cost) <= now_ns && "take() without ready_at()");
  update(now_ns, state, to_quanta(cost));
}

void LeakyBucketRule::give_back(std::int64_t now_ns, State& state, std::int64_t /*taken_ns*/,
                                Micro units) const {
  update(now_ns, state, held(now_ns, state) - to_quanta(units));  // held() is never below 0
}

void LeakyBucketRule::inherit(std::int64_t now_ns, State& state, const LeakyBucketRule& former,
                              Inherit how) const {
  // There is no burst to have a share of, nor one that could grow.
  update(now_ns, state,
         how == Inherit::reset ? 0 : -converted(-former.held(now_ns, state), former));
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
