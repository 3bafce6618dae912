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

/// Real time, in ns since start(), from steady_clock. wait() reads the clock once if the instant
/// has passed; otherwise it sleeps and spins the last stretch, because a sleep ends some 6 us late
/// even with the smallest timer slack.
class RealClock final : public BellClock {
 public:
  RealClock();

  /// Time 0 is now.
  void start() { start_ = std::chrono::steady_clock::now(); }
  std::int64_t now_ns() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() -
                                                                start_)
        .count();
  }

  std::int64_t wait(std::int64_t until_ns) override;

  void ring() override;

 private:
  bool sleep(std::int64_t until_ns);

  std::chrono::steady_clock::time_point start_;
  std::mutex mutex_;
  std::condition_variable bell_;
  std::atomic<bool> rung_{false};
};

}  // namespace tokenlift
