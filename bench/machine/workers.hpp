#pragma once
// A fixed number of workers on a oneTBB arena that compute the parts of one job at the same time.
//
// Which worker does which part makes no difference to any result: parts touch disjoint data, and
// what they add up is merged in the order of the parts.

#include <cstddef>
#include <functional>
#include <memory>

namespace tokenlift {

/// What to do where a thread cannot be made, after a colon.
inline constexpr const char* kMoreThreads =
    "more processes (ulimit -u), memory (ulimit -v) or, in a container, pids are needed";

class Workers {
 public:
  /// `count` >= 1. With 1 everything runs on the caller's thread and no arena is made.
  explicit Workers(std::size_t count);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  std::size_t count() const { return count_; }

  /// Calls part(0) ... part(parts - 1), each once, and returns when all have returned. The caller's
  /// thread takes part.
  void run(std::size_t parts, const std::function<void(std::size_t)>& part);

 private:
  std::size_t count_;
  struct State;
  std::unique_ptr<State> state_;  // absent with one worker
};

}  // namespace tokenlift
