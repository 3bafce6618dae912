#include "bench/throttle/limiter.hpp"

#include "bench/throttle/bucket.hpp"
#include "bench/throttle/concurrency.hpp"
#include "bench/throttle/window.hpp"

namespace tokenlift {

std::unique_ptr<Limiter> make_limiter(const Throttle& settings, std::size_t keys,
                                      const LocalClock& clock) {
  const KindTraits& kind = traits_of(settings.kind);
  if (kind.has_rate) return make_rate_limiter(settings, keys);
  if (kind.counts_in_flight) return make_flight_limiter(settings, keys);
  return make_window_limiter(settings, keys, clock);
}

}  // namespace tokenlift
