#pragma once
// The charts of a report, in the order in which the page shows them.
//
// With one trial a chart holds several figures, a colour each. With several it holds one figure,
// with a colour per trial; what it would have mixed becomes charts of their own. Dashed lines are
// the control's.

#include <string>
#include <string_view>
#include <vector>

#include "reports/charts/chart.hpp"
#include "reports/findings/report.hpp"

namespace tokenlift {

inline constexpr std::string_view kThroughputSection = "Throughput";
inline constexpr std::string_view kCostSection = "Power and cost";
inline constexpr std::string_view kJobSection = "Internal jobs";
inline constexpr std::string_view kLatencySection = "Latency";
inline constexpr std::string_view kBacklogSection = "Backlog and limits";
inline constexpr std::string_view kSplitSection = "Where the time goes";
inline constexpr std::string_view kTenantSection = "Tenants";
inline constexpr std::string_view kEndpointSection = "The endpoint";

/// Points of a line over time, and rows of its table: enough to see, few enough to read.
inline constexpr std::size_t kMostPoints = 600;
inline constexpr std::size_t kMostRows = 60;
/// Points of a rate: a rate of a moment counts few requests, and its noise would hide what changes.
inline constexpr std::size_t kMostRates = 150;
/// Bars of more tenants than this cannot be told apart: the tables have all of them.
inline constexpr std::size_t kMostTenantBars = 12;

std::vector<Chart> charts_of(const Report& report);

/// Phases of all trials by name, in the order in which they first come.
std::vector<std::string> phase_names(const Report& report);

// Its parts:

/// Throughput, goodput and what is offered; the lift's effect where there is a control.
void add_rate_charts(const Report& report, std::vector<Chart>& charts);
/// Replicas that serve and their capacity, where the fleet of some arm changes.
void add_fleet_charts(const Report& report, std::vector<Chart>& charts);
/// What sites draw, where they state it, and what tokens cost, where there are prices.
void add_cost_charts(const Report& report, std::vector<Chart>& charts);
/// What internal jobs have, where there are any.
void add_job_charts(const Report& report, std::vector<Chart>& charts);
/// Backlog with the limit, who waits, and the limits of the other throttles that change.
void add_backlog_charts(const Report& report, std::vector<Chart>& charts);
/// TTFT over time and by percentile.
void add_latency_charts(const Report& report, std::vector<Chart>& charts);
/// What endpoints refused, and what they say of themselves.
void add_endpoint_charts(const Report& report, std::vector<Chart>& charts);
/// Mean TTFT by where it went.
void add_split_chart(const Report& report, std::vector<Chart>& charts);
/// Goodput, attainment and TTFT of each tenant, where a trial has several.
void add_tenant_charts(const Report& report, std::vector<Chart>& charts);

}  // namespace tokenlift
