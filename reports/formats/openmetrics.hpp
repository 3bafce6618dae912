#pragma once
// A report in the OpenMetrics 1.0 text format, for what Prometheus reads.

#include <string>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// Families are named tokenlift_..., with units in their names: counts as counters, rates and
/// metrics of the lift as gauges, latencies as summaries in seconds with the quantiles that the
/// sample supports. Labels: trial, phase; of the families tokenlift_tenant_..., which are there
/// where there are several tenants, tenant. What is absent in the report is left out. No
/// timestamps; ends with "# EOF".
std::string to_openmetrics(const Report& report);

}  // namespace tokenlift
