#pragma once
// Where a curve wants more points: where it bends, where an objective is crossed, and where
// saturation begins. Pure.

#include <cstddef>
#include <string>
#include <vector>

#include "reports/findings/sweep_report.hpp"
#include "workloads/scenario/objective.hpp"
#include "workloads/tuning/swept_key.hpp"

namespace tokenlift {

/// Up to `most` values between neighbouring points of a curve along one range, the most wanted
/// first. A gap is wanted the more, the wider it is and the more the medians of TTFT and e2e change
/// across it (in ratios; less than kLeastBend is nothing), and more than any such where an
/// objective or saturation is crossed in it. Gaps of 1/64 of the range are narrow enough. Empty
/// where nothing is wanted. `report` has one axis, whose points are in order.
std::vector<std::string> wanted_values(const SweepReport& report, const SweptKey& key,
                                       const std::vector<Objective>& objectives, std::size_t most);
inline constexpr double kLeastBend = 1.25;

/// "attainment.steady >= 0.9 is crossed between 0.8 and 0.85.", of a report with one axis.
std::string crossing_sentence(const SweepReport& report, const Objective& objective);

}  // namespace tokenlift
