#pragma once
// The clock on the wall beside the one that runs go by: several machines begin at one instant.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace tokenlift {

/// Both clocks at one instant.
struct ClockReading {
  std::chrono::steady_clock::time_point steady;
  std::int64_t unix_ns = 0;   ///< system_clock, since 1970 UTC
  std::int64_t error_ns = 0;  ///< the instants of the two are at most so far apart
};
/// The one of several that took the least time.
ClockReading read_clocks();

/// How far system_clock is from UTC at most, as the kernel knows from who keeps it in time (NTP).
/// Nothing: nobody does.
std::optional<std::int64_t> wall_clock_error_ns();

/// An instant that was waited for.
struct WallInstant {
  std::chrono::steady_clock::time_point steady;
  std::int64_t error_ns = 0;  ///< so far it is from what the clock on the wall says, at most
};
/// Waits until the clock on the wall says `unix_ns`, and spins the last stretch. Ends early where
/// `stop` is set. Nothing where that instant has passed already.
std::optional<WallInstant> wait_until_unix_ns(std::int64_t unix_ns, const std::atomic<bool>& stop);

}  // namespace tokenlift
