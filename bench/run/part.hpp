#pragma once
// What one process plays of a run that several play together: its share of the requests, from an
// instant on at which all of them begin.

#include <atomic>
#include <cstdint>
#include <optional>

#include "bench/machine/wall_clock.hpp"
#include "reports/record/run.hpp"
#include "workloads/requests/share.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

struct Part {
  Share share;
  std::int64_t start_unix_ns = 0;  ///< all begin then, by the clock of this machine
  /// That clock - the clock of rank 0, where the two were compared, and how well that is known.
  std::optional<std::int64_t> clock_offset_ns = {};
  std::optional<std::int64_t> clock_error_ns = {};
};

/// Waits until all begin. Throws NotMeasurable where that instant has passed, or `stop` was set.
WallInstant await_start(const Part& part, const std::atomic<bool>& stop);

/// Says whose share a run is, and how it began; what only all shares together tell is taken out of
/// it: checks on counts, and users where one's requests fall to several ranks.
void tell_part(const Part& part, const WallInstant& begun, const Scenario& scenario, Run& run);

}  // namespace tokenlift
