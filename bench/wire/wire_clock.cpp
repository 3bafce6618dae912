#include "bench/wire/wire_clock.hpp"

#include <algorithm>
#include <chrono>

namespace tokenlift {

WireClock::WireClock() {
  start();
}

void WireClock::start(std::chrono::steady_clock::time_point at) {
  time_.start(at);
  unix_start_s_ = std::chrono::duration_cast<std::chrono::seconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
  idle_ns_ = 0;
}

std::int64_t WireClock::wait(std::int64_t until_ns) {
  std::int64_t now = now_ns();
  const std::int64_t look_ns = now + kLongestSleepNs;
  for (;;) {
    const std::int64_t left_ns = std::min(until_ns, look_ns) - now;
    const bool sleeps = !rung_ && left_ns > kSpinNs + kShortestSleepNs;
    const bool ready = poller_.wait(sleeps ? left_ns - kSpinNs : 0);
    const std::int64_t before_ns = now;
    now = now_ns();
    if (sleeps || !ready) idle_ns_ += now - before_ns;
    if (ready) {
      poller_.tell();
      now = now_ns();
    }
    if (rung_ || now >= until_ns || now >= look_ns) break;
  }
  rung_ = false;
  return now;
}

}  // namespace tokenlift
