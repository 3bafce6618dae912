#include "reports/charts.hpp"

namespace tokenlift {

std::vector<Chart> charts_of(const Report& report) {
  std::vector<Chart> charts;
  add_rate_charts(report, charts);
  add_latency_charts(report, charts);
  add_backlog_charts(report, charts);
  add_split_chart(report, charts);
  add_tenant_charts(report, charts);
  return charts;
}

}  // namespace tokenlift
