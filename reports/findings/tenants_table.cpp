#include "reports/findings/tenants_table.hpp"

#include <fmt/format.h>

#include <utility>

#include "reports/analysis/summary.hpp"
#include "reports/findings/fleet_table.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
Table tenants_table(const Run& run) {
  if (run.tenants.size() < 2) return {};
  std::vector<double> ttfts_ns;
  for (const TenantRecord& tenant : run.tenants) {
    for (const PhaseSummary& phase : summarize_tenant(run, tenant)) {
      for (const int permille : {500, 990}) {
        const std::optional<std::int64_t> value_ns = phase.of(Metric::ttft).at(permille);
        if (value_ns) ttfts_ns.push_back(static_cast<double>(*value_ns));
      }
    }
  }
  const DurationUnit unit = duration_unit(ttfts_ns);
  Table table;
  table.name = "tenants";
  table.left_columns = 2;
  table.head_rows = 2;
  std::vector<Cell> heading;
  for (const char* name :
       {"tenant", "phase", "due", "unserved", "goodput", "attained", "TTFT p50", "TTFT p99"}) {
    heading.push_back({name});
  }
  table.rows.push_back(std::move(heading));
  const std::string unit_name(unit.name);
  table.rows.push_back({{""}, {""}, {""}, {"%"}, {"tokens/s"}, {"%"}, {unit_name}, {unit_name}});
  bool hides = false;
  for (const TenantRecord& tenant : run.tenants) {
    // Once more: of thousands of tenants all summaries at once would take more than the run.
    const std::vector<PhaseSummary> phases = summarize_tenant(run, tenant);
    for (const PhaseSummary& phase : phases) {
      const auto scaled = [](const std::optional<double>& value, double scale) {
        return Cell{value ? figure(*value * scale) : kAbsent};
      };
      std::vector<Cell> row = {{&phase == phases.data() ? tenant.name : ""},
                               {phase.name},
                               {whole_figure(phase.counts.due)},
                               scaled(phase.unserved(), 100),
                               scaled(phase.rates.goodput_tokens_per_s, 1),
                               scaled(phase.rates.attainment, 100)};
      for (const int permille : {500, 990}) {
        const std::optional<std::int64_t> value_ns = phase.of(Metric::ttft).at(permille);
        const bool hiding = value_ns && phase.hides_unserved(permille);
        hides = hides || hiding;
        row.push_back({value_ns ? figure(static_cast<double>(*value_ns) / unit.ns) : kAbsent,
                       hiding ? kHiding : ""});
      }
      table.rows.push_back(std::move(row));
    }
  }
  if (hides) {
    table.notes.push_back(
        fmt::format("{} more of the tenant's requests went unserved than lie beyond this "
                    "percentile.",
                    kHiding));
  }
  return table;
}

}  // namespace tokenlift
