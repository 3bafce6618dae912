#pragma once
// Signals from whoever throws the switch elsewhere: SIGUSR1, or Enter on the terminal.

#include <cstdint>
#include <deque>
#include <optional>

#include "bench/wire/wire_clock.hpp"

namespace tokenlift {

/// While it exists SIGUSR1 is a signal to the run, and so is each line on a terminal whose
/// foreground this program is. There is one at a time.
class OutsideSignals {
 public:
  /// The clock is rung when one comes.
  explicit OutsideSignals(WireClock& clock);
  ~OutsideSignals();
  OutsideSignals(const OutsideSignals&) = delete;
  OutsideSignals& operator=(const OutsideSignals&) = delete;

  /// When one came; each is said once.
  std::optional<std::int64_t> next();

 private:
  /// Of a descriptor.
  class Source final : public Watcher {
   public:
    Source(OutsideSignals& signals, bool terminal) : signals_(signals), terminal_(terminal) {}
    void ready(bool readable, bool writable) override;

   private:
    OutsideSignals& signals_;
    bool terminal_;
  };
  void came(std::uint64_t count);

  WireClock& clock_;
  Source by_signal_;
  Source by_terminal_;
  bool watches_terminal_ = false;
  std::deque<std::int64_t> came_ns_;
};

}  // namespace tokenlift
