#pragma once
// How the loop passes time: it waits for an instant, or until the fleet has news.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace tokenlift {

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  /// Passes time until `until_ns`, and returns the instant reached. That is earlier only if
  /// something happened that the loop should see first.
  virtual std::int64_t wait(std::int64_t until_ns) = 0;

  /// The present instant, for records; decisions go by what wait() returned.
  virtual std::int64_t now_ns() const = 0;
};

/// One that workers may ring.
class BellClock : public Clock {
 public:
  /// Ends a wait in progress, or the next one. From any thread.
  virtual void ring() = 0;
};

/// Virtual time: every instant is there as soon as somebody waits for it.
class VirtualClock final : public Clock {
 public:
  std::int64_t wait(std::int64_t until_ns) override {
    return now_ns_ = std::max(now_ns_, until_ns);
  }
  std::int64_t now_ns() const override { return now_ns_; }

 private:
  std::int64_t now_ns_ = 0;
};

/// How a wait in real time is divided: it sleeps, and spins the last stretch. A sleep is late (6 us
/// at the median, now and then tens); waking up an idle core can take tens of microseconds, so it
/// is not worth it for less than kShortestSleepNs. A signal handler cannot ring, and the loop looks
/// at its stop flag at least every kLongestSleepNs.
inline constexpr std::int64_t kSpinNs = 60'000;
inline constexpr std::int64_t kShortestSleepNs = 150'000;
inline constexpr std::int64_t kLongestSleepNs = 50'000'000;

/// Ns since start(), from steady_clock, for a thread that waits by them: its sleeps end with the
/// smallest timer slack.
class SteadyTime {
 public:
  SteadyTime();

  /// Time 0 is then, on steady_clock: now, unless something else is said.
  void start(std::chrono::steady_clock::time_point at = std::chrono::steady_clock::now()) {
    start_ = at;
  }
  std::chrono::steady_clock::time_point begin() const { return start_; }
  std::int64_t now_ns() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() -
                                                                start_)
        .count();
  }

 private:
  std::chrono::steady_clock::time_point start_;
};

/// Real time, in ns since start(), from steady_clock. wait() reads the clock once if the instant
/// has passed; otherwise it sleeps and spins the last stretch, because a sleep ends some 6 us late
/// even with the smallest timer slack.
class RealClock final : public BellClock {
 public:
  /// Time 0 is then.
  void start(std::chrono::steady_clock::time_point at = std::chrono::steady_clock::now()) {
    time_.start(at);
  }
  std::int64_t now_ns() const override { return time_.now_ns(); }

  std::int64_t wait(std::int64_t until_ns) override;

  void ring() override;

 private:
  bool sleep(std::int64_t until_ns);

  SteadyTime time_;
  std::mutex mutex_;
  std::condition_variable bell_;
  std::atomic<bool> rung_{false};
};

}  // namespace tokenlift
