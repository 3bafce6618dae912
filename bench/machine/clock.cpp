#include "bench/machine/clock.hpp"

#include <sys/prctl.h>

#include <algorithm>

namespace tokenlift {

SteadyTime::SteadyTime() {
  // The kernel may end a sleep up to the timer slack late: 50 us unless told otherwise.
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  start();
}

std::int64_t RealClock::wait(std::int64_t until_ns) {
  std::int64_t now = now_ns();
  if (now >= until_ns) return now;
  if (until_ns - now > kSpinNs + kShortestSleepNs) {
    const bool rung = sleep(std::min(until_ns - kSpinNs, now + kLongestSleepNs));
    now = now_ns();
    if (rung || until_ns - now > kSpinNs) return now;  // there is news, or it is time to look
  }
  while (now < until_ns && !rung_.load(std::memory_order_relaxed)) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
    now = now_ns();
  }
  rung_.store(false, std::memory_order_relaxed);
  return now;
}

/// True if rung before the time was over.
bool RealClock::sleep(std::int64_t until_ns) {
  std::unique_lock lock(mutex_);
  const bool rung = bell_.wait_until(lock, time_.begin() + std::chrono::nanoseconds(until_ns),
                                     [this] { return rung_.load(std::memory_order_relaxed); });
  rung_.store(false, std::memory_order_relaxed);
  return rung;
}

void RealClock::ring() {
  {
    const std::lock_guard lock(mutex_);
    rung_.store(true, std::memory_order_relaxed);
  }
  bell_.notify_one();
}

}  // namespace tokenlift
