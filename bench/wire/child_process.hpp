#pragma once
// A program that is run for an event: without a shell, and without waiting for its end.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/wire/wire_clock.hpp"

namespace tokenlift {

class ChildProcess final : private Watcher {
 public:
  /// Begins it. It has no input; its outputs are those of this program's errors. The clock is rung
  /// when it has ended, or could not be begun.
  ChildProcess(WireClock& clock, const std::vector<std::string>& command);
  /// One that has not ended is told to (SIGTERM).
  ~ChildProcess();

  struct End {
    std::int64_t at_ns = 0;
    std::string failure;  ///< empty: it ended well, with code 0
  };
  /// Nothing while it runs.
  const std::optional<End>& end() const { return end_; }

 private:
  void ready(bool readable, bool writable) override;
  void close_handle();

  WireClock& clock_;
  pid_t process_ = -1;
  int handle_ = -1;  // readable once it has ended
  std::string failure_;
  std::optional<End> end_;
};

}  // namespace tokenlift
