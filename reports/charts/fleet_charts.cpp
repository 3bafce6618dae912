// What serves, over time: replicas of each site, and what they can make.

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "reports/charts/charts.hpp"
#include "reports/charts/time_chart.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// Lines of more sites than this cannot be told apart: then there is that of all replicas alone.
constexpr std::size_t kMostSites = 5;
constexpr std::size_t kCapacityColour = 3;

double replicas_of(const Composition& fleet) {
  return static_cast<double>(
      std::accumulate(fleet.replicas.begin(), fleet.replicas.end(), std::int64_t{0}));
}

/// Every so many of them, so that about `most` are left.
std::vector<Composition> thinned(const std::vector<Composition>& all, std::size_t most) {
  const std::size_t stride = all.size() / most + 1;
  std::vector<Composition> kept;
  for (std::size_t i = 0; i < all.size(); i += stride) kept.push_back(all[i]);
  return kept;
}

/// A stepped line through what `value_of` gives of each composition, to the end of the measurement.
template <typename ValueOf>
void add_line(const Run& run, Line line, const ValueOf& value_of, Chart& chart) {
  line.stepped = true;
  const double end = seconds(run.phases.empty() ? 0 : run.phases.back().end_ns);
  for (const Composition& fleet : thinned(run.fleet.compositions, kMostPoints)) {
    if (seconds(fleet.at_ns) >= end) break;
    line.x.push_back(seconds(fleet.at_ns));
    line.y.push_back(value_of(fleet));
  }
  if (line.y.empty()) return;
  line.x.push_back(end);
  line.y.push_back(line.y.back());
  chart.lines.push_back(std::move(line));
}

void add_replicas(const Report& report, const ArmOfTrial& arm, const std::string& name,
                  Chart& chart) {
  add_line(
      *arm.run, arm_line(report, arm, name, 0),
      [](const Composition& fleet) { return std::optional(replicas_of(fleet)); }, chart);
}

void add_sites(const Report& report, const ArmOfTrial& arm, Chart& chart) {
  const std::vector<std::string>& sites = arm.run->fleet.sites;
  if (sites.size() < 2 || sites.size() > kMostSites) return;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const std::size_t colour = i + 1 < kCapacityColour ? i + 1 : i + 2;
    Line line = arm_line(report, arm, "replicas of " + sites[i], colour);
    line.stroke = Stroke::dotted;
    add_line(
        *arm.run, std::move(line),
        [i](const Composition& fleet) {
          return std::optional(static_cast<double>(fleet.replicas[i]));
        },
        chart);
  }
}

bool knows_capacity(const Run& run) {
  const std::vector<Composition>& all = run.fleet.compositions;
  return std::any_of(all.begin(), all.end(), [](const Composition& fleet) {
    return fleet.capacity_tokens_per_s.has_value();
  });
}

void add_capacity(const Report& report, const ArmOfTrial& arm, const std::string& name,
                  bool right_axis, Chart& chart) {
  if (!knows_capacity(*arm.run)) return;
  Line line = arm_line(report, arm, name, kCapacityColour);
  line.right_axis = right_axis;
  if (right_axis && !arm.control) line.stroke = Stroke::dash_dot;
  add_line(
      *arm.run, std::move(line),
      [](const Composition& fleet) { return fleet.capacity_tokens_per_s; }, chart);
}

Table fleet_numbers(const ArmOfTrial& arm) {
  const FleetRecord& fleet = arm.run->fleet;
  Table table;
  table.title = arm.label;
  table.head_rows = 1;
  table.rows.push_back({{"from (s)"}});
  for (const std::string& site : fleet.sites) table.rows[0].push_back({site + " (replicas)"});
  table.rows[0].push_back({"replicas serving"});
  table.rows[0].push_back({"capacity (tokens/s)"});
  const std::vector<Composition> kept = thinned(fleet.compositions, kMostRows);
  for (const Composition& each : kept) {
    std::vector<Cell> row = {{second_figure(each.at_ns)}};
    for (const std::int64_t replicas : each.replicas) {
      row.push_back({whole_figure(static_cast<std::uint64_t>(replicas))});
    }
    row.push_back({whole_figure(static_cast<std::uint64_t>(replicas_of(each)))});
    row.push_back({figure_or_absent(each.capacity_tokens_per_s)});
    table.rows.push_back(std::move(row));
  }
  if (kept.size() < fleet.compositions.size()) {
    table.notes = {std::to_string(kept.size()) + " of " +
                   std::to_string(fleet.compositions.size()) + " compositions."};
  }
  return table;
}

Chart fleet_chart(const Report& report, const char* id, const char* title) {
  Chart chart = time_chart(report);
  chart.id = id;
  chart.section = kThroughputSection;
  chart.title = title;
  return chart;
}

void keep_if_drawn(Chart chart, std::vector<Chart>& charts) {
  if (!chart.lines.empty()) charts.push_back(std::move(chart));
}

}  // namespace

void add_fleet_charts(const Report& report, std::vector<Chart>& charts) {
  const std::vector<ArmOfTrial> arms = arms_of(report);
  const bool changes = std::any_of(arms.begin(), arms.end(), [](const ArmOfTrial& arm) {
    return arm.run->fleet.compositions.size() > 1;
  });
  if (!changes) return;
  if (report.trials.size() == 1) {
    Chart chart = fleet_chart(report, "fleet", "Replicas and capacity over time");
    mark_steps(report, chart);
    chart.explanation = "Replicas that serve: those that load their weights do not count.";
    chart.y = {"replicas", Scale::number};
    if (std::any_of(arms.begin(), arms.end(),
                    [](const ArmOfTrial& arm) { return knows_capacity(*arm.run); })) {
      chart.explanation +=
          " Capacity, on the right axis, is what they make at saturation with this mix of lengths.";
      chart.right = Axis{"capacity (tokens/s)", Scale::number};
    }
    for (const ArmOfTrial& arm : arms) {
      add_replicas(report, arm, "replicas", chart);
      if (!arm.control) add_sites(report, arm, chart);
      add_capacity(report, arm, "capacity", true, chart);
      chart.numbers.push_back(fleet_numbers(arm));
    }
    keep_if_drawn(std::move(chart), charts);
    return;
  }
  Chart replicas = fleet_chart(report, "fleet-replicas", "Replicas over time");
  replicas.explanation = "Replicas that serve: those that load their weights do not count.";
  replicas.y = {"replicas", Scale::number};
  Chart capacity = fleet_chart(report, "fleet-capacity", "Capacity over time");
  capacity.explanation = "What serves makes at saturation, with this mix of lengths.";
  capacity.y = {"capacity (tokens/s)", Scale::number};
  for (const ArmOfTrial& arm : arms) {
    if (arm.run->fleet.compositions.empty()) continue;
    add_replicas(report, arm, "", replicas);
    replicas.numbers.push_back(fleet_numbers(arm));
    add_capacity(report, arm, "", false, capacity);
    capacity.numbers.push_back(fleet_numbers(arm));
  }
  keep_if_drawn(std::move(replicas), charts);
  keep_if_drawn(std::move(capacity), charts);
}

}  // namespace tokenlift
