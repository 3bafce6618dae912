#include "bench/throttle/limiter.hpp"

#include "bench/throttle/bucket.hpp"
#include "bench/throttle/concurrency.hpp"
#include "bench/throttle/keyed_limiter.hpp"
#include "bench/throttle/window.hpp"

namespace tokenlift {

namespace {

template <typename Rule>
std::unique_ptr<Limiter> keyed(const Rule& rule, std::size_t keys) {
  return std::make_unique<KeyedLimiter<Rule>>(rule, keys);
}

}  // namespace

std::unique_ptr<Limiter> make_limiter(const Throttle& settings, std::size_t keys,
                                      std::int64_t epoch_ns) {
  switch (settings.kind) {
    case ThrottleKind::token_bucket:
      return keyed(TokenBucketRule(settings), keys);
    case ThrottleKind::gcra:
      return keyed(GcraRule(settings), keys);
    case ThrottleKind::leaky_bucket:
      return keyed(LeakyBucketRule(settings), keys);
    case ThrottleKind::fixed_window:
      return keyed(FixedWindowRule(settings, epoch_ns), keys);
    case ThrottleKind::anchored_window:
      return keyed(AnchoredWindowRule(settings), keys);
    case ThrottleKind::sliding_window:
      return keyed(SlidingWindowRule(settings, epoch_ns), keys);
    case ThrottleKind::acceleration_limit:
      return keyed(AccelerationLimitRule(settings, epoch_ns), keys);
    case ThrottleKind::concurrency:
    case ThrottleKind::queue_limit:
      return keyed(ConcurrencyRule(settings), keys);
    case ThrottleKind::aimd:
    case ThrottleKind::gradient:
    case ThrottleKind::vegas:
      return keyed(AdaptiveRule(settings), keys);
  }
  return nullptr;
}

}  // namespace tokenlift
