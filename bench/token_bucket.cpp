#include "bench/token_bucket.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace tokenlift {

namespace {

constexpr __int128 kUnit = 1'000'000'000'000'000;  // 10^15
constexpr double kMicro = 1e6;

/// In 10^-6, at least 1. Bursts may be too large for 64 bits.
__int128 to_micro(double value) {
  return std::max<__int128>(1, static_cast<__int128>(std::round(value * kMicro)));
}

// Burst to 10^-6 units first: doubles hold that exactly enough, and the product stays an integer.
__int128 to_fixed(double units) {
  return to_micro(units) * (kUnit / 1'000'000);
}

std::int64_t to_rate(double rate_per_s) {
  assert(rate_per_s > 0 && rate_per_s < 9e12 && "the scenario reader allows 10^12");
  return static_cast<std::int64_t>(to_micro(rate_per_s));
}

}  // namespace

TokenBucket::TokenBucket(double rate_per_s, double burst_units)
    : level_(to_fixed(burst_units)), burst_(level_), rate_micro_per_s_(to_rate(rate_per_s)) {
  assert(burst_units > 0);
}

TokenBucket::Fixed TokenBucket::level_at(std::int64_t now_ns) const {
  // A clock that steps back grants nothing, and takes nothing away.
  if (now_ns <= updated_ns_) return level_;
  return std::min(burst_, level_ + static_cast<Fixed>(rate_micro_per_s_) * (now_ns - updated_ns_));
}

void TokenBucket::refill(std::int64_t now_ns) {
  level_ = level_at(now_ns);
  updated_ns_ = std::max(updated_ns_, now_ns);
}

std::int64_t TokenBucket::ready_at(std::int64_t now_ns, std::int64_t cost) const {
  if (lifted_) return now_ns;
  const Fixed missing = cost * kUnit - level_at(now_ns);
  if (missing <= 0) return now_ns;
  if (cost * kUnit > burst_) return kNever;
  const Fixed wait_ns = (missing + rate_micro_per_s_ - 1) / rate_micro_per_s_;
  const Fixed ready_ns = std::max(now_ns, updated_ns_) + wait_ns;
  return ready_ns < kNever ? static_cast<std::int64_t>(ready_ns) : kNever;
}

bool TokenBucket::take(std::int64_t now_ns, std::int64_t cost) {
  if (lifted_) return false;
  refill(now_ns);
  level_ -= cost * kUnit;
  assert(level_ >= 0 && "take() without ready_at()");
  return true;
}

void TokenBucket::refund(std::int64_t now_ns, std::int64_t units) {
  assert(units >= 0);
  refill(now_ns);
  level_ = std::min(burst_, level_ + units * kUnit);
}

void TokenBucket::set(std::int64_t now_ns, double rate_per_s, double burst_units, Inherit inherit) {
  refill(now_ns);
  const Fixed old_burst = burst_;
  burst_ = to_fixed(burst_units);
  rate_micro_per_s_ = to_rate(rate_per_s);
  lifted_ = false;
  switch (inherit) {
    case Inherit::as_is:
      break;
    case Inherit::proportional:
      level_ = static_cast<Fixed>(static_cast<long double>(level_) /
                                  static_cast<long double>(old_burst) *
                                  static_cast<long double>(burst_));
      break;
    case Inherit::reset:
      level_ = burst_;
      break;
    case Inherit::additive:
      level_ += burst_ - old_burst;
      break;
  }
  level_ = std::clamp<Fixed>(level_, 0, burst_);
}

std::int64_t TokenBucket::level_units(std::int64_t now_ns) const {
  return static_cast<std::int64_t>(std::min<Fixed>(level_at(now_ns) / kUnit, kNever));
}

double TokenBucket::rate_per_s() const {
  return static_cast<double>(rate_micro_per_s_) / kMicro;
}

double TokenBucket::burst_units() const {
  return static_cast<double>(burst_) / static_cast<double>(kUnit);
}

}  // namespace tokenlift
