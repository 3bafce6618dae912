// What endpoints refused, and what they say of themselves: limits in the heads of their responses,
// and metrics.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "reports/charts/charts.hpp"
#include "reports/charts/time_chart.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// A figure as servers name it, and how it is shown.
struct ServerFigure {
  std::string name;
  std::string label;
  double scale = 1;
};

/// Figures that share a chart.
struct ServerChart {
  std::string id;
  std::string title;
  std::string explanation;
  Axis axis;
  std::vector<ServerFigure> figures;
};

std::vector<ServerChart> server_charts() {
  std::vector<ServerChart> all;
  for (const char* const unit : {"requests", "tokens", "input_tokens", "output_tokens"}) {
    std::string words = unit;
    std::ranges::replace(words, '_', ' ');
    std::string id = unit;
    std::ranges::replace(id, '_', '-');
    all.push_back(
        {"server-limit-" + id,
         "What the endpoint says of its limit on " + words,
         "From the heads of its responses: the limit, and what is left of it, as last said.",
         {words, Scale::number},
         {{"limit." + std::string(unit), "limit"}, {"remaining." + std::string(unit), "left"}}});
  }
  all.push_back(
      {"server-reset",
       "When the endpoint's limits are full again",
       "From the heads of its responses: the time until nothing is used any more, as last "
       "said.",
       {"time until then (s)", Scale::number},
       {{"reset_ms.requests", "requests", 1e-3},
        {"reset_ms.tokens", "tokens", 1e-3},
        {"reset_ms.input_tokens", "input tokens", 1e-3},
        {"reset_ms.output_tokens", "output tokens", 1e-3}}});
  all.push_back({"server-requests",
                 "Requests at the endpoint",
                 "From its metrics: requests that wait there, and that are being computed. What "
                 "others send it counts.",
                 {"requests", Scale::number},
                 {{"waiting", "waiting"}, {"running", "running"}}});
  all.push_back({"server-kv",
                 "KV cache of the endpoint",
                 "From its metrics: the share that is used.",
                 {"KV used (%)", Scale::percent},
                 {{"kv_used_ppm", "KV used", 1e-4}}});
  return all;
}

/// The last value that was said by the end of each group; absent before the first.
std::vector<std::optional<double>> last_said(const ServerColumn& column, const Groups& groups,
                                             double scale) {
  std::vector<std::optional<double>> values(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::size_t end = std::min(groups.end(i), column.values.size());
    if (end == 0 || column.values[end - 1] == ServerColumn::kNotSaid) continue;
    values[i] = static_cast<double>(column.values[end - 1]) * scale;
  }
  return values;
}

void add_figures(const Report& report, const ArmOfTrial& arm, const ServerChart& shown,
                 Chart& chart) {
  if (!arm.run->wire) return;
  const Groups points = groups_of(*arm.run, kMostPoints);
  const Groups rows = groups_of(*arm.run, kMostRows);
  const std::vector<ServerColumn>& all = arm.run->wire->server;
  const bool several_sites = std::ranges::any_of(
      all, [&](const ServerColumn& column) { return column.site != all.front().site; });
  std::vector<TimeColumn> columns;
  std::size_t colour = 0;
  for (const ServerColumn& column : all) {
    const auto found = std::ranges::find(shown.figures, column.figure, &ServerFigure::name);
    if (found == shown.figures.end()) continue;
    const std::string name = several_sites ? column.site + ": " + found->label : found->label;
    Line line = arm_line(report, arm, name, colour++);
    // Trials have a colour each; figures are then told apart by their strokes.
    if (report.trials.size() > 1 && found != shown.figures.begin()) line.stroke = Stroke::dotted;
    line.stepped = true;
    line.x = middles(points);
    line.y = last_said(column, points, found->scale);
    chart.lines.push_back(std::move(line));
    columns.push_back({name, last_said(column, rows, found->scale)});
  }
  if (!columns.empty()) chart.numbers.push_back(time_table(arm.label, rows, columns));
}

/// Attempts per second, and what endpoints refused of them.
Chart refusal_chart(const Report& report, const std::vector<ArmOfTrial>& arms) {
  struct Counted {
    const char* column;
    const char* label;
  };
  constexpr Counted kCounted[] = {{"attempts", "attempts"},
                                  {"admitted_requests", "accepted"},
                                  {"denied_attempts", "denied (429)"},
                                  {"overloaded_attempts", "overloaded (503, 529)"}};
  Chart chart = time_chart(report);
  chart.id = "refusals";
  chart.section = kEndpointSection;
  chart.title = "What the endpoint refused";
  chart.explanation =
      "Attempts per second, retries included, and what became of them at the endpoint: accepted, "
      "denied by a limit of its own, or refused because of everybody's load.";
  chart.y = {"attempts per second", Scale::number};
  for (const ArmOfTrial& arm : arms) {
    if (!arm.run->wire) continue;
    const Groups points = groups_of(*arm.run, kMostRates);
    const Groups rows = groups_of(*arm.run, kMostRows);
    std::vector<TimeColumn> columns;
    for (std::size_t i = 0; i < std::size(kCounted); ++i) {
      const auto values = rates(*arm.run, kCounted[i].column, points);
      if (!values) continue;
      const bool never = std::ranges::all_of(*values, [](double per_s) { return per_s == 0; });
      if (never && i > 1) continue;
      const bool several = report.trials.size() > 1;
      if (several && i != 2) continue;  // one figure, a colour for each trial
      Line line = arm_line(report, arm, several ? "" : kCounted[i].label, i);
      line.x = middles(points);
      line.y.assign(values->begin(), values->end());
      chart.lines.push_back(std::move(line));
      const std::vector<double> sparse = *rates(*arm.run, kCounted[i].column, rows);
      columns.push_back({kCounted[i].label, {sparse.begin(), sparse.end()}});
    }
    if (!columns.empty()) chart.numbers.push_back(time_table(arm.label, rows, columns));
  }
  if (report.trials.size() > 1) chart.title = "Attempts that the endpoint denied (429)";
  return chart;
}

}  // namespace

void add_endpoint_charts(const Report& report, std::vector<Chart>& charts) {
  const std::vector<ArmOfTrial> arms = arms_of(report);
  Chart refusals = refusal_chart(report, arms);
  if (!refusals.lines.empty()) charts.push_back(std::move(refusals));
  for (const ServerChart& shown : server_charts()) {
    Chart chart = time_chart(report);
    chart.id = shown.id;
    chart.section = kEndpointSection;
    chart.title = shown.title;
    chart.explanation = shown.explanation;
    chart.y = shown.axis;
    for (const ArmOfTrial& arm : arms) add_figures(report, arm, shown, chart);
    const bool said = std::ranges::any_of(chart.lines, [](const Line& line) {
      return std::ranges::any_of(line.y, [](const auto& value) { return value.has_value(); });
    });
    if (said) charts.push_back(std::move(chart));
  }
}

}  // namespace tokenlift
