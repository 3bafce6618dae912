#pragma once
// What a run shows of itself while it goes on: the loop writes numbers, a thread of its own draws
// them, so that a slow terminal never delays the measurement.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "workloads/plan/plan.hpp"

namespace tokenlift {

/// Numbers of the run so far. Written by one thread; each is read on its own, so relaxed is enough.
struct ProgressBoard {
  std::atomic<std::int64_t> now_ns{0};
  std::atomic<std::int64_t> sent{0};
  std::atomic<std::int64_t> completed{0};
  std::atomic<std::int64_t> completed_tokens{0};
  std::atomic<std::int64_t> waiting{0};
  std::atomic<std::int64_t> in_system{0};
  /// Of phases that open as they come, once they have; negative: not yet, or they were planned.
  std::atomic<std::int64_t> transition_begin_ns{-1};
  std::atomic<std::int64_t> transition_end_ns{-1};
};

/// How fast simulated time passes: "x1,234 real time". Empty before anything can be said.
std::string simulation_speed(std::int64_t simulated_ns, std::int64_t real_ns);

/// What is left of a simulation, in real time at the speed so far: "12 s left". Empty before
/// anything can be said.
std::string time_left(std::int64_t simulated_ns, std::int64_t duration_ns, std::int64_t real_ns);

/// A length of time that is not known exactly: "75 s", "12 min", "3 h".
std::string rough_time(double seconds);

/// How wide the terminal behind `stream` is now; `otherwise` where there is none.
int terminal_columns(std::FILE* stream, int otherwise);

/// A line on a terminal that is drawn over again, cut to the width that the terminal has at that
/// moment: one that wraps could not be cleared. ASCII only.
class LiveLine {
 public:
  explicit LiveLine(std::FILE* stream) : stream_(stream) {}
  void show(std::string line) const;
  void clear() const;

 private:
  std::FILE* stream_;
};

/// Draws a board until destroyed: one live line on a terminal, cut to its width; elsewhere a plain
/// line when a phase has ended, with the rates since the last line that has them. Rates are per
/// second of the board's time, which may be simulated: then lines also say how fast it passes.
class ProgressDisplay {
 public:
  /// `label` stands before every line, as in "run 2 of 5". Nothing is drawn where `stream` is null.
  ProgressDisplay(const ProgressBoard& board, std::vector<Phase> phases, std::int64_t duration_ns,
                  std::string label, bool simulated, std::FILE* stream, bool terminal);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

 private:
  struct Reading {
    std::int64_t now_ns = 0;
    std::int64_t sent = 0;
    std::int64_t completed = 0;
    std::int64_t completed_tokens = 0;
  };
  Reading read() const;
  const Phase& phase_at(std::int64_t now_ns) const;
  void open_phases();
  std::int64_t real_ns() const;
  void draw_live();
  void draw_ended_phases();
  void watch(const std::stop_token& stop);

  const ProgressBoard& board_;
  std::vector<Phase> phases_;
  std::int64_t duration_ns_;
  std::string label_;
  bool simulated_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::FILE* stream_;
  bool terminal_;
  LiveLine live_;
  Reading last_;  // at the last redraw, or at the last line with rates
  std::size_t phase_ = 0;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace tokenlift
