#pragma once
// How long what had piled up before a lift took to go, and whether something piles up after it.

#include <optional>

#include "reports/analysis/step_response.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// From the lift, which the run must have reached, to the end of the first bin with no more
/// requests in the system (at the throttle, in back-off, in the fleet) than the median in `after`.
/// Where the lift met no more than that, of those that wait at the throttle or in back-off alone:
/// a fleet that serves more at once holds more.
Delay drain_time(const Run& run);

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
