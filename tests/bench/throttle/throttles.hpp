#pragma once
// Throttles for tests, as the scenario reader would resolve them, and what is asked of them.

#include <memory>
#include <utility>
#include <vector>

#include "bench/throttle/limiter.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

inline constexpr std::int64_t kMillisecond = 1'000'000;
inline constexpr std::int64_t kSecond = 1'000'000'000;

inline Throttle rate_throttle(ThrottleKind kind, double rate_per_s, double burst_units = 0) {
  Throttle throttle;
  throttle.kind = kind;
  throttle.rate.per_s = rate_per_s;
  if (burst_units > 0) throttle.burst.units = burst_units;
  return throttle;
}

inline Throttle window_throttle(ThrottleKind kind, double limit, std::int64_t window_ns) {
  Throttle throttle;
  throttle.kind = kind;
  throttle.limit = limit;
  throttle.window_ns = window_ns;
  return throttle;
}

inline Throttle flight_throttle(ThrottleKind kind, double limit, double min_limit = 1,
                                double max_limit = 1000) {
  Throttle throttle;
  throttle.kind = kind;
  throttle.limit = limit;
  throttle.min_limit = min_limit;
  throttle.max_limit = max_limit;
  throttle.target_ns = 100 * kMillisecond;
  return throttle;
}

/// One limiter with one key, in whole units.
class OneKey {
 public:
  /// The clock on the wall is changed at these instants.
  explicit OneKey(const Throttle& settings, std::int64_t midnight_ns = 0,
                  std::vector<ClockChange> changes = {})
      : limiter_(make_limiter(settings, 1, LocalClock{midnight_ns, std::move(changes)})) {}

  bool fits(std::int64_t units) const { return limiter_->fits(units * kMicro); }
  std::int64_t ready_at(std::int64_t now_ns, std::int64_t units) const {
    return limiter_->ready_at(now_ns, 0, units * kMicro);
  }
  bool ready(std::int64_t now_ns, std::int64_t units) const {
    return ready_at(now_ns, units) <= now_ns;
  }
  bool take(std::int64_t now_ns, std::int64_t units) {
    return limiter_->take(now_ns, 0, units * kMicro);
  }
  void refund(std::int64_t now_ns, std::int64_t taken_ns, std::int64_t units) {
    limiter_->refund(now_ns, 0, taken_ns, units * kMicro);
  }
  void settle(std::int64_t now_ns, std::int64_t taken_ns, std::int64_t reserved, std::int64_t used,
              std::int64_t service_ttft_ns = -1) {
    limiter_->settle(now_ns, 0, {taken_ns, reserved * kMicro, used * kMicro, service_ttft_ns});
  }
  void set(std::int64_t now_ns, const Throttle& settings, Inherit inherit = Inherit::as_is) {
    limiter_->set(now_ns, settings, false, inherit);
  }
  void lift(std::int64_t now_ns, const Throttle& settings) {
    limiter_->set(now_ns, settings, true, Inherit::as_is);
  }
  double level(std::int64_t now_ns) const { return limiter_->level_units(now_ns, 0); }

 private:
  std::unique_ptr<Limiter> limiter_;
};

}  // namespace tokenlift
