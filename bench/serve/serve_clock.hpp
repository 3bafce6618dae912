#pragma once
// Real time in which sockets are served and workers ring: to wait is to poll.

#include <cstdint>

#include "bench/machine/clock.hpp"
#include "bench/wire/wire_clock.hpp"

namespace tokenlift {

class ServeClock final : public BellClock, private Watcher {
 public:
  /// Throws std::system_error.
  ServeClock();
  ~ServeClock() override;

  std::int64_t wait(std::int64_t until_ns) override { return wire_.wait(until_ns); }
  std::int64_t now_ns() const override { return wire_.now_ns(); }
  /// From any thread.
  void ring() override;

  /// From the thread that waits.
  WireClock& wire() { return wire_; }

 private:
  void ready(bool readable, bool writable) override;

  WireClock wire_;
  int bell_ = -1;  // an eventfd
};

}  // namespace tokenlift
