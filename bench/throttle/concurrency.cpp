#include "bench/throttle/concurrency.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "bench/throttle/keyed_limiter.hpp"

namespace tokenlift {

namespace {

constexpr double kDecrease = 0.9;         // aimd
constexpr double kSmoothing = 0.2;        // gradient: how far a sample moves the limit
constexpr double kLeastGradient = 0.5;    // by which one sample can multiply what it moves to
constexpr double kMeanShare = 2.0 / 601;  // of a new sample in an exponential mean over 600
constexpr double kStale = 2;              // a mean this much above the present
constexpr double kDecay = 0.95;           // shrinks so much more with each sample

/// 4 * 10^12 units: nothing in flight comes to more, and two of them can be added.
constexpr double kMostMicro = 4e18;

double micro_of(double units) {
  return std::min(std::round(units * static_cast<double>(kMicro)), kMostMicro);
}

double to_units(double micro) {
  return micro / static_cast<double>(kMicro);
}

}  // namespace

// ----------------------------------------------------------------- concurrency

ConcurrencyRule::ConcurrencyRule(const Throttle& settings)
    : limit_(settings.limit ? static_cast<Micro>(micro_of(*settings.limit)) : kNever) {}

std::int64_t ConcurrencyRule::ready_at(std::int64_t now_ns, const State& state, Micro cost) const {
  return cost <= limit_ - state.in_flight ? now_ns : kNever;
}

void ConcurrencyRule::take(std::int64_t /*now_ns*/, State& state, Micro cost) const {
  state.in_flight += cost;
}

void ConcurrencyRule::give_back(std::int64_t /*now_ns*/, State& state, std::int64_t /*taken_ns*/,
                                Micro units) const {
  state.in_flight -= units;
  assert(state.in_flight >= 0);
}

void ConcurrencyRule::settle(std::int64_t /*now_ns*/, State& state, const Settlement& settlement,
                             bool /*lifted*/) const {
  state.in_flight -= settlement.reserved;
  assert(state.in_flight >= 0);
}

double ConcurrencyRule::level_units(std::int64_t /*now_ns*/, const State& state) const {
  if (limit_ == kNever) return std::numeric_limits<double>::infinity();
  return to_units(static_cast<double>(limit_ - state.in_flight));
}

// -------------------------------------------------------------------- adaptive

AdaptiveRule::AdaptiveRule(const Throttle& settings)
    : kind_(settings.kind),
      start_(micro_of(settings.limit.value_or(0))),
      min_limit_(micro_of(settings.min_limit)),
      max_limit_(static_cast<Micro>(micro_of(settings.max_limit))),
      tolerance_(settings.tolerance),
      target_ns_(settings.target_ns) {
  assert(settings.limit && settings.min_limit > 0 && settings.min_limit <= settings.max_limit);
}

double AdaptiveRule::clamped(double limit) const {
  return std::clamp(limit, min_limit_, static_cast<double>(max_limit_));
}

AdaptiveRule::State AdaptiveRule::fresh() const {
  State state;
  state.limit = clamped(start_);
  return state;
}

std::int64_t AdaptiveRule::ready_at(std::int64_t now_ns, const State& state, Micro cost) const {
  if (!fits(cost)) return kNever;
  const bool passes =
      state.in_flight == 0 || cost <= static_cast<Micro>(state.limit) - state.in_flight;
  return passes ? now_ns : kNever;
}

void AdaptiveRule::take(std::int64_t /*now_ns*/, State& state, Micro cost) const {
  state.in_flight += cost;
}

void AdaptiveRule::give_back(std::int64_t /*now_ns*/, State& state, std::int64_t /*taken_ns*/,
                             Micro units) const {
  state.in_flight -= units;
  assert(state.in_flight >= 0);
}

void AdaptiveRule::settle(std::int64_t now_ns, State& state, const Settlement& settlement,
                          bool lifted) const {
  // With what it reserved still in flight: that was in use while it was served.
  if (!lifted && settlement.service_ttft_ns >= 0 && settlement.reserved > 0) {
    learn(now_ns, state, settlement);
  }
  state.in_flight -= settlement.reserved;
  assert(state.in_flight >= 0);
}

void AdaptiveRule::learn(std::int64_t now_ns, State& state, const Settlement& settlement) const {
  const double latency_ns =
      static_cast<double>(std::max<std::int64_t>(1, settlement.service_ttft_ns));
  const auto request = static_cast<double>(settlement.reserved);
  const bool in_use = 2 * static_cast<double>(state.in_flight) >= state.limit;
  ++state.samples;
  if (kind_ == ThrottleKind::aimd) {
    if (settlement.service_ttft_ns > target_ns_) {
      if (settlement.taken_ns <= state.decreased_ns) return;
      state.decreased_ns = now_ns;
      state.limit *= kDecrease;
    } else if (in_use) {
      state.limit += request * (request / state.limit);
    }
  } else if (kind_ == ThrottleKind::gradient) {
    // The plain mean of the first few, so that the very first does not weigh like 600.
    const double weight = std::max(1 / static_cast<double>(state.samples), kMeanShare);
    state.latency_ns += weight * (latency_ns - state.latency_ns);
    const double mean_ns = state.latency_ns;
    if (mean_ns > kStale * latency_ns) state.latency_ns *= kDecay;
    if (in_use)
      state.limit += kSmoothing * gradient_step(state.limit, mean_ns / latency_ns, request);
  } else {
    const bool least = state.samples == 1 || latency_ns < state.latency_ns;
    if (least) state.latency_ns = latency_ns;
    if (in_use && !least)
      state.limit += vegas_step(state.limit, state.latency_ns / latency_ns, request);
  }
  state.limit = clamped(state.limit);
}

/// From the limit to where a sample says it should be.
double AdaptiveRule::gradient_step(double limit, double usual, double request) const {
  const double gradient = std::clamp(tolerance_ * usual, kLeastGradient, 1.0);
  return limit * (gradient - 1) + std::sqrt(limit * request);
}

double AdaptiveRule::vegas_step(double limit, double unloaded, double request) {
  const double requests = limit / request;
  const double step = std::max(1.0, std::log10(requests));
  const double queue = requests * (1 - unloaded);
  if (queue <= step) return 6 * step * request;
  if (queue < 3 * step) return step * request;
  if (queue > 6 * step) return -step * request;
  return 0;
}

void AdaptiveRule::inherit(std::int64_t /*now_ns*/, State& state, const AdaptiveRule& former,
                           Inherit how) const {
  switch (how) {
    case Inherit::as_is:
      break;
    case Inherit::proportional:
      state.limit *= start_ / former.start_;
      break;
    case Inherit::reset: {
      const Micro in_flight = state.in_flight;
      state = fresh();
      state.in_flight = in_flight;
      break;
    }
    case Inherit::additive:
      state.limit += start_ - former.start_;
      break;
  }
  state.limit = clamped(state.limit);
}

double AdaptiveRule::limit_units(const State& state) const {
  return to_units(state.limit);
}

double AdaptiveRule::level_units(std::int64_t /*now_ns*/, const State& state) const {
  return to_units(state.limit - static_cast<double>(state.in_flight));
}

std::unique_ptr<Limiter> make_flight_limiter(const Throttle& settings, std::size_t keys) {
  if (traits_of(settings.kind).is_adaptive) return keyed(AdaptiveRule(settings), keys);
  return keyed(ConcurrencyRule(settings), keys);
}

}  // namespace tokenlift
