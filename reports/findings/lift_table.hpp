#pragma once
// What the lift did beyond its gains, as tables: the metrics of one instant, and how series
// answered to the step.

#include "reports/analysis/lift.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// A row per metric, in the order in which things happened: what came to the fleet, what bound,
/// what waited, how it was let go and drained, what it cost. What is absent is a dash, with the
/// reason in the notes.
Table lift_table(const LiftReport& report);

/// Rise, overshoot and settling of goodput, requests in flight and p99 of TTFT, a column each, with
/// what they were smoothed over and the standard error of that. No rows where no series has levels.
Table response_table(const LiftReport& report);

}  // namespace tokenlift
