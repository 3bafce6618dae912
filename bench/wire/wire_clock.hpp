#pragma once
// Real time in which sockets are served: to wait is to poll.

#include <chrono>
#include <cstdint>

#include "bench/machine/clock.hpp"
#include "bench/wire/poller.hpp"

namespace tokenlift {

/// As RealClock: it sleeps and spins the last stretch, reading sockets all the while. All that the
/// poller tells happens within wait(), on the thread that calls it.
class WireClock final : public Clock {
 public:
  WireClock();

  /// Time 0 is then: it has come.
  void start(std::chrono::steady_clock::time_point at = std::chrono::steady_clock::now());
  std::int64_t now_ns() const override { return time_.now_ns(); }
  /// The present second since 1970 UTC, for dates in what servers say.
  std::int64_t unix_s() const { return unix_start_s_ + now_ns() / 1'000'000'000; }

  std::int64_t wait(std::int64_t until_ns) override;

  /// There is news: ends a wait in progress, or the next one. From the thread that waits.
  void ring() { rung_ = true; }

  Poller& poller() { return poller_; }

  /// Time since start() in which this thread did anything but wait.
  std::int64_t busy_ns() const { return now_ns() - idle_ns_; }

 private:
  Poller poller_;
  SteadyTime time_;
  std::int64_t unix_start_s_ = 0;
  std::int64_t idle_ns_ = 0;
  bool rung_ = false;
};

}  // namespace tokenlift
