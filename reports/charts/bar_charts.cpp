// Where TTFT goes, phase by phase, and what each tenant got.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "reports/charts/charts.hpp"
#include "reports/findings/split_table.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

std::size_t colour_of(const TimePart& part) {
  constexpr std::array<std::size_t, kTimeParts.size()> kColours = {3, 1, 4, 2, 0};
  for (std::size_t i = 0; i < kTimeParts.size(); ++i) {
    if (kTimeParts[i].ns == part.ns) return kColours[i];
  }
  return kColours.back();
}

/// What bars of one trial are called.
std::string category(const Report& report, const TrialReport& trial, const std::string& name) {
  return report.trials.size() > 1 ? trial.trial.label + ": " + name : name;
}

using Value = std::optional<double>;

struct TenantFigure {
  std::string id;
  std::string title;
  std::string explanation;
  Axis axis;
  Value (*of)(const PhaseSummary& phase);
};

Value goodput_of(const PhaseSummary& phase) {
  return phase.rates.goodput_tokens_per_s;
}

Value attainment_of(const PhaseSummary& phase) {
  if (!phase.rates.attainment) return std::nullopt;
  return *phase.rates.attainment * 100;
}

Value median_of(const PhaseSummary& phase) {
  return phase.ttft_ms(500);
}
Value tail_of(const PhaseSummary& phase) {
  return phase.ttft_ms(990);
}

const std::vector<TenantFigure>& tenant_figures() {
  static const std::vector<TenantFigure> all = {
      {"tenant-goodput",
       "Goodput of each tenant",
       "Output tokens per second of requests that met all their objectives.",
       {"output tokens per second", Scale::number},
       goodput_of},
      {"tenant-attainment",
       "Attainment of each tenant",
       "Share of all requests due that met all their objectives.",
       {"requests that met their objectives (%)", Scale::percent},
       attainment_of},
      {"tenant-ttft-p50",
       "TTFT p50 of each tenant",
       "Median time to the first token of the requests that completed.",
       {"TTFT p50 (logarithmic)", Scale::milliseconds},
       median_of},
      {"tenant-ttft-p99",
       "TTFT p99 of each tenant",
       "Time to the first token that 99 % of the completed requests stayed under; no bar where "
       "fewer than 10 lie beyond.",
       {"TTFT p99 (logarithmic)", Scale::milliseconds},
       tail_of}};
  return all;
}

/// One tenant of one trial: a group of bars. Of thousands of tenants no more is kept than is drawn.
struct TenantBars {
  std::string label;
  std::vector<std::vector<Value>> values;  // by figure, then by name of a phase
};

std::vector<TenantBars> tenants_of(const Report& report) {
  const std::vector<std::string> names = phase_names(report);
  std::vector<TenantBars> tenants;
  for (const TrialReport& each : report.trials) {
    const Run& run = each.trial.lifted.pooled;
    if (run.tenants.size() < 2) continue;
    for (const TenantRecord& tenant : run.tenants) {
      const std::vector<PhaseSummary> phases = summarize_tenant(run, tenant);
      TenantBars& bars = tenants.emplace_back();
      bars.label = category(report, each, tenant.name);
      for (const TenantFigure& figure_of : tenant_figures()) {
        std::vector<Value>& values = bars.values.emplace_back();
        for (const std::string& name : names) {
          const PhaseSummary* const phase = find_phase(phases, name);
          values.push_back(phase == nullptr ? std::nullopt : figure_of.of(*phase));
        }
      }
    }
  }
  return tenants;
}

/// The chart of a figure, which is the one of that number.
Chart tenant_chart(const Report& report, std::size_t number,
                   const std::vector<TenantBars>& tenants) {
  const TenantFigure& figure_of = tenant_figures()[number];
  Chart chart;
  chart.id = figure_of.id;
  chart.section = kTenantSection;
  chart.title = figure_of.title;
  chart.explanation = figure_of.explanation;
  chart.y = figure_of.axis;
  Table table;
  table.head_rows = 1;
  const bool in_ms = figure_of.axis.scale == Scale::milliseconds;
  table.rows = {{{in_ms ? "TTFT (ms)" : figure_of.axis.label}}};
  const std::vector<std::string> names = phase_names(report);
  for (std::size_t i = 0; i < names.size(); ++i) {
    chart.lines.push_back({});
    chart.lines.back().label = names[i];
    chart.lines.back().colour = i;
    table.rows[0].push_back({names[i]});
  }
  for (std::size_t i = 0; i < tenants.size(); ++i) {
    std::vector<Cell> row = {{tenants[i].label}};
    for (std::size_t name = 0; name < names.size(); ++name) {
      const Value& value = tenants[i].values[number][name];
      row.push_back({value ? figure(*value) : kAbsent});
      if (i < kMostTenantBars) chart.lines[name].y.push_back(value);
    }
    table.rows.push_back(std::move(row));
    if (i < kMostTenantBars) chart.categories.push_back(tenants[i].label);
  }
  if (tenants.size() > kMostTenantBars) {
    chart.explanation += " The first " + std::to_string(kMostTenantBars) + " of " +
                         std::to_string(tenants.size()) + "; the numbers have all.";
  }
  chart.numbers.push_back(std::move(table));
  return chart;
}

}  // namespace

void add_split_chart(const Report& report, std::vector<Chart>& charts) {
  Chart chart;
  chart.id = "split";
  chart.section = kSplitSection;
  chart.title = "Mean TTFT, by where the time went";
  chart.explanation =
      "Waiting at the throttle (back-off and retries included), queueing in the fleet, computing "
      "the "
      "prompt, and the harness's own lateness: the parts add up to the mean TTFT of the requests "
      "that completed.";
  chart.y = {"mean TTFT (ms)", Scale::number};
  chart.stacked = true;
  std::vector<TimeSplit> all;
  for (const TrialReport& each : report.trials) {
    all.insert(all.end(), each.split.begin(), each.split.end());
  }
  const std::vector<TimePart> parts = shown_parts(all);
  for (const TimePart& part : parts) {
    chart.lines.push_back({});
    chart.lines.back().label = part.name;
    chart.lines.back().colour = colour_of(part);
    if (part.ns == &TimeSplit::network_ns) {
      chart.explanation += " Network is the round trip to the site that served.";
    }
    if (part.ns == &TimeSplit::service_ns) {
      chart.explanation =
          "Waiting at throttles and in back-off until an endpoint accepted the request, what it "
          "then took (it tells no more), and the harness's own lateness: the parts add up to the "
          "mean TTFT of the requests that completed.";
    }
  }
  for (const TrialReport& each : report.trials) {
    for (const TimeSplit& phase : each.split) {
      if (phase.requests == 0) continue;
      chart.categories.push_back(category(report, each, phase.phase));
      for (std::size_t i = 0; i < parts.size(); ++i) {
        chart.lines[i].y.emplace_back(phase.*parts[i].ns / 1e6);
      }
    }
    Table table = split_table(each.split);
    table.title = report.trials.size() > 1 ? each.trial.label : "";
    if (!table.rows.empty()) chart.numbers.push_back(std::move(table));
  }
  if (chart.categories.empty()) return;
  charts.push_back(std::move(chart));
}

void add_tenant_charts(const Report& report, std::vector<Chart>& charts) {
  const std::vector<TenantBars> tenants = tenants_of(report);
  if (tenants.empty()) return;
  for (std::size_t number = 0; number < tenant_figures().size(); ++number) {
    Chart chart = tenant_chart(report, number, tenants);
    const bool any = std::any_of(chart.lines.begin(), chart.lines.end(), [](const Line& line) {
      return std::any_of(line.y.begin(), line.y.end(),
                         [](const Value& v) { return v.has_value(); });
    });
    if (any) charts.push_back(std::move(chart));
  }
}

}  // namespace tokenlift
