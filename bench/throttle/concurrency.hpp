#pragma once
// Throttles that count what is in flight: a fixed limit, and limits that adapt to latency, as rules
// of KeyedLimiter. `ready_at` is now or kNever: only a settlement or a change helps.
//
// Bound: in flight <= limit whenever one is taken. What is in flight is a fact: no change resets
// it, and a lifted throttle goes on counting, so that the limit holds for all that are there when
// it is taken up again; then nobody passes until enough have left.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bench/throttle/limiter.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// `concurrency`, and `queue_limit` for the waiting room's line: it takes when somebody joins and
/// settles when they leave. No limit at all if none is stated; then the level is infinite.
class ConcurrencyRule {
 public:
  struct State {
    Micro in_flight = 0;
  };
  static constexpr bool kCountsInFlight = true;

  explicit ConcurrencyRule(const Throttle& settings);
  static ConcurrencyRule with(const Throttle& settings) { return ConcurrencyRule(settings); }

  State fresh() const { return {}; }
  bool fits(Micro cost) const { return cost <= limit_; }
  std::int64_t ready_at(std::int64_t now_ns, const State& state, Micro cost) const;
  void take(std::int64_t now_ns, State& state, Micro cost) const;
  void give_back(std::int64_t now_ns, State& state, std::int64_t taken_ns, Micro units) const;
  void settle(std::int64_t now_ns, State& state, const Settlement& settlement, bool lifted) const;
  void inherit(std::int64_t /*now_ns*/, State& /*state*/, const ConcurrencyRule& /*former*/,
               Inherit /*how*/) const {}
  double level_units(std::int64_t now_ns, const State& state) const;

 private:
  Micro limit_ = 0;  ///< kNever: none
};

/// A limit on units in flight that moves with each settlement that brings a service_ttft, between
/// min_limit and max_limit, from `limit` on. Steps are in requests: one is worth what the request
/// that is settled had reserved, so that limits in tokens move as limits in requests do. A limit
/// does not grow while less than half of it is in use, since nothing tests it then, nor move at all
/// while the throttle is lifted.
///
/// - aimd: additive increase, multiplicative decrease (Chiu and Jain 1989; Jacobson 1988). Up by
///   one request per limit's worth of settlements; down to 0.9 of it when service_ttft is above the
///   target, once per round trip: requests that were under way at the last decrease say nothing
///   new.
/// - gradient: Netflix concurrency-limits, Gradient2. gradient = clamp(tolerance * long-term mean /
///   service_ttft, 0.5, 1); the limit goes a fifth of the way to gradient * limit + sqrt(limit), in
///   requests. The mean is exponential, over 600 samples; while it is more than twice the present
///   it shrinks faster.
/// - vegas: TCP Vegas (Brakmo and Peterson 1995) as in Netflix concurrency-limits. With the least
///   service_ttft ever seen as the unloaded one, queue = limit * (1 - least / service_ttft); the
///   limit goes up by 6 log10(limit) where queue <= log10(limit), up by log10(limit) below 3
///   log10(limit), down by that above 6 log10(limit), in requests, each log10 at least 1.
///
/// One request of any cost up to max_limit passes where nothing is in flight: else a limit below
/// its cost could never learn that it may grow. So in flight <= max(limit, one request). as_is
/// keeps what was learnt, clamped; additive and proportional move it as `limit` moves; reset
/// forgets it.
class AdaptiveRule {
 public:
  struct State {
    Micro in_flight = 0;
    double limit = 0;                ///< in 10^-6 units
    double latency_ns = 0;           ///< gradient: long-term mean; vegas: least
    std::int64_t samples = 0;        ///< behind latency_ns
    std::int64_t decreased_ns = -1;  ///< aimd: when it last did
  };
  static constexpr bool kCountsInFlight = true;

  explicit AdaptiveRule(const Throttle& settings);
  static AdaptiveRule with(const Throttle& settings) { return AdaptiveRule(settings); }

  State fresh() const;
  bool fits(Micro cost) const { return cost <= max_limit_; }
  std::int64_t ready_at(std::int64_t now_ns, const State& state, Micro cost) const;
  void take(std::int64_t now_ns, State& state, Micro cost) const;
  void give_back(std::int64_t now_ns, State& state, std::int64_t taken_ns, Micro units) const;
  void settle(std::int64_t now_ns, State& state, const Settlement& settlement, bool lifted) const;
  void inherit(std::int64_t now_ns, State& state, const AdaptiveRule& former, Inherit how) const;
  double limit_units(const State& state) const;
  double level_units(std::int64_t now_ns, const State& state) const;

 private:
  void learn(std::int64_t now_ns, State& state, const Settlement& settlement) const;
  double gradient_step(double limit, double usual, double request) const;
  static double vegas_step(double limit, double unloaded, double request);
  double clamped(double limit) const;

  ThrottleKind kind_;
  double start_ = 0;  ///< limits in 10^-6 units
  double min_limit_ = 0;
  Micro max_limit_ = 0;
  double tolerance_ = 0;
  std::int64_t target_ns_ = 0;
};

/// A limiter of a kind that counts what is in flight.
std::unique_ptr<Limiter> make_flight_limiter(const Throttle& settings, std::size_t keys);

}  // namespace tokenlift
