#pragma once
// A sweep for Prometheus.

#include <string>

#include "reports/findings/sweep_report.hpp"

namespace tokenlift {

/// OpenMetrics: each figure of every sweep as a gauge with a sample per point, labelled with the
/// values of the axes and the state of the point; durations in seconds, shares 0 .. 1. Then the
/// knee, where it saturates, and what was found, with its interval. What has no value has no
/// sample.
std::string sweep_openmetrics(const SweepReport& report);

}  // namespace tokenlift
