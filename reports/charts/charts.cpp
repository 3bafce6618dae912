#include "reports/charts/charts.hpp"

#include <algorithm>

namespace tokenlift {

std::vector<Chart> charts_of(const Report& report) {
  std::vector<Chart> charts;
  add_rate_charts(report, charts);
  add_fleet_charts(report, charts);
  add_cost_charts(report, charts);
  add_job_charts(report, charts);
  add_latency_charts(report, charts);
  add_backlog_charts(report, charts);
  add_endpoint_charts(report, charts);
  add_split_chart(report, charts);
  add_tenant_charts(report, charts);
  return charts;
}

std::vector<std::string> phase_names(const Report& report) {
  std::vector<std::string> names;
  for (const TrialReport& each : report.trials) {
    for (const PhaseSummary& phase : each.phases) {
      if (std::find(names.begin(), names.end(), phase.name) == names.end()) {
        names.push_back(phase.name);
      }
    }
  }
  return names;
}

}  // namespace tokenlift
