#pragma once
// CPU time of the parts of an iteration that are timed, kernel included.

#include <ctime>
#include <utility>

namespace tokenlift {

/// Of the calling thread.
inline double thread_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

class Stopwatch {
 public:
  void begin() { begun_s_ = thread_s(); }
  void end() { sum_s_ += thread_s() - begun_s_; }
  double take() { return std::exchange(sum_s_, 0); }

 private:
  double begun_s_ = 0;
  double sum_s_ = 0;
};

}  // namespace tokenlift
