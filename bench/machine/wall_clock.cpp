#include "bench/machine/wall_clock.hpp"

#include <sys/timex.h>

#include <algorithm>
#include <thread>

#include "bench/machine/clock.hpp"

namespace tokenlift {

namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

/// From here on the instant is held on steady_clock: the clock on the wall may be put right while a
/// run waits for its start.
constexpr std::int64_t kLastLookNs = 20'000'000;
constexpr int kReadings = 16;

std::int64_t in_ns(steady_clock::duration time) {
  return std::chrono::duration_cast<nanoseconds>(time).count();
}

}  // namespace

ClockReading read_clocks() {
  ClockReading best;
  for (int i = 0; i < kReadings; ++i) {
    const steady_clock::time_point before = steady_clock::now();
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    const steady_clock::time_point after = steady_clock::now();
    const std::int64_t error_ns = (in_ns(after - before) + 1) / 2;
    if (i > 0 && error_ns >= best.error_ns) continue;
    best = {before + nanoseconds(error_ns), std::chrono::duration_cast<nanoseconds>(wall).count(),
            error_ns};
  }
  return best;
}

std::optional<std::int64_t> wall_clock_error_ns() {
  timex state{};
  const int status = adjtimex(&state);
  if (status < 0 || status == TIME_ERROR || (state.status & STA_UNSYNC) != 0) return std::nullopt;
  return std::int64_t{state.maxerror} * 1000;
}

std::optional<WallInstant> wait_until_unix_ns(std::int64_t unix_ns, const std::atomic<bool>& stop) {
  ClockReading now = read_clocks();
  if (now.unix_ns > unix_ns) return std::nullopt;
  while (unix_ns - now.unix_ns > kLastLookNs && !stop.load(std::memory_order_relaxed)) {
    std::this_thread::sleep_for(
        nanoseconds(std::min(unix_ns - now.unix_ns - kLastLookNs, kLongestSleepNs)));
    now = read_clocks();
  }
  if (stop.load(std::memory_order_relaxed)) return WallInstant{now.steady, now.error_ns};
  const steady_clock::time_point at = now.steady + nanoseconds(unix_ns - now.unix_ns);
  std::this_thread::sleep_until(at - nanoseconds(kSpinNs));
  while (steady_clock::now() < at) {
  }
  return WallInstant{at, now.error_ns};
}

}  // namespace tokenlift
