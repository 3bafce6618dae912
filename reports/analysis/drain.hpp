#pragma once
// How long what had piled up before a lift took to go, and whether something piles up after it.

#include <cstdint>
#include <optional>

#include "reports/analysis/step_response.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// From the lift, which the run must have reached, to the end of the first bin with no more
/// requests in the system (at the throttle, in back-off, in the fleet) than the median in `after`.
/// Where the lift met no more than that, of those that wait at the throttle or in back-off alone:
/// a fleet that serves more at once holds more.
Delay drain_time(const Run& run);

/// How what waited at the lift went until the drain time.
struct Departure {
  enum class How : std::uint8_t {
    unknown,  ///< or nothing to speak of waited: what became less was something else
    served,   ///< made by the fleet: that is a drain
    let_in,   ///< more than the fleet could make by then: it waits in the fleet, and nobody at the
              ///< throttle or in back-off
    gave_up,  ///< many were turned away
  };
  How how = How::served;
  std::uint64_t gave_up = 0;  ///< requests by then, per run; of `gave_up`
};
/// `tokens` and `requests`: of those that waited, per run. `fluid_s`: the fluid prediction.
Departure departure(const Run& run, std::int64_t drain_ns, std::int64_t tokens,
                    std::int64_t requests, const std::optional<double>& fluid_s);
/// Less waited than explains a drain that takes so many times the fluid one.
inline constexpr double kOtherCause = 10;

/// How many requests are in the system as a phase goes on: the means of its first and its last
/// tenth, per run.
struct BacklogTrend {
  double first_requests = 0;
  double last_requests = 0;
  /// They become more and more: the slope of the means of tenths is 4 standard errors or more, and
  /// it adds `least_share` of those due or more, and 10 or more; a tenth of it in each half.
  bool grows = false;
};
inline constexpr double kGrowing = 0.02;
/// Absent where the phase has fewer than 20 time bins, or they were not recorded.
std::optional<BacklogTrend> backlog_trend(const Run& run, std::size_t phase,
                                          double least_share = kGrowing);

}  // namespace tokenlift
