// What sites draw over time, with the limit and the batteries; what tokens cost before and after.

#include <algorithm>
#include <string>
#include <utility>

#include "reports/charts/charts.hpp"
#include "reports/charts/time_chart.hpp"
#include "reports/findings/cost_table.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

constexpr const char* kPowerColumn = "site_power_w";
constexpr std::size_t kLimitColour = 3;
constexpr std::size_t kBatteryColour = 2;

/// What the watts of a chart are shown in.
struct WattUnit {
  const char* name;
  double watts;
};

WattUnit watt_unit(const std::vector<ArmOfTrial>& arms) {
  double most = 0;
  for (const ArmOfTrial& arm : arms) {
    const auto values = means(*arm.run, kPowerColumn, groups_of(*arm.run, kMostPoints));
    for (const double value : values.value_or(std::vector<double>())) most = std::max(most, value);
  }
  return most >= 1e6 ? WattUnit{"MW", 1e6} : WattUnit{"kW", 1e3};
}

std::optional<std::vector<std::optional<double>>> values_of(const Run& run,
                                                            const std::string& column,
                                                            const Groups& groups, double unit) {
  const std::optional<std::vector<double>> found = means(run, column, groups);
  if (!found) return std::nullopt;
  std::vector<std::optional<double>> values;
  for (const double value : *found) values.emplace_back(value / unit);
  return values;
}

struct PowerLine {
  std::string name;
  std::string column;
  std::size_t colour;
  Stroke stroke;
  bool right_axis;
};

void add_power(const Report& report, const ArmOfTrial& arm, const WattUnit& unit, Chart& chart) {
  const bool alone = report.trials.size() == 1;
  const Groups points = groups_of(*arm.run, kMostPoints);
  const Groups rows = groups_of(*arm.run, kMostRows);
  const std::vector<PowerLine> lines = {
      {"power", kPowerColumn, 0, Stroke::solid, false},
      {"limit", "power_limit_w", kLimitColour, Stroke::dash_dot, false},
      {"in batteries", "battery_wh", kBatteryColour, Stroke::dotted, true}};
  std::vector<TimeColumn> columns;
  for (const PowerLine& each : lines) {
    const bool of_power = each.column == kPowerColumn;
    auto values = values_of(*arm.run, each.column, points, unit.watts);
    if (!values || (!of_power && !alone)) continue;
    columns.push_back({each.name + " (" + unit.name + (each.right_axis ? "h)" : ")"),
                       *values_of(*arm.run, each.column, rows, unit.watts)});
    if (!of_power && arm.control) continue;
    Line line = arm_line(report, arm, alone ? each.name : "", each.colour);
    if (!of_power) line.stroke = each.stroke;
    line.right_axis = each.right_axis;
    if (each.right_axis)
      chart.right = Axis{std::string("in batteries (") + unit.name + "h)", Scale::number};
    line.x = middles(points);
    line.y = std::move(*values);
    chart.lines.push_back(std::move(line));
  }
  if (!columns.empty()) chart.numbers.push_back(time_table(arm.label, rows, columns));
}

void add_power_chart(const Report& report, std::vector<Chart>& charts) {
  const std::vector<ArmOfTrial> arms = arms_of(report);
  const WattUnit unit = watt_unit(arms);
  Chart chart = time_chart(report);
  mark_steps(report, chart);
  chart.id = "power";
  chart.section = kCostSection;
  chart.title = "Power over time";
  chart.explanation =
      "All that the sites draw: accelerators, the rest of the servers, and cooling.";
  chart.y = {std::string("power (") + unit.name + ")", Scale::number};
  for (const ArmOfTrial& arm : arms) add_power(report, arm, unit, chart);
  if (std::ranges::any_of(chart.lines, [](const Line& line) { return line.label == "limit"; })) {
    chart.explanation += " The limit is that of the site, or of all sites where each has one.";
  }
  if (chart.right)
    chart.explanation +=
        " What is drawn above it comes from batteries, or is held back from the next control "
        "instant on.";
  if (!chart.lines.empty()) charts.push_back(std::move(chart));
}

/// What one chart of money shows: of each phase, and of what was added.
struct MoneyFigure {
  const char* id;
  const char* title;
  const char* explanation;
  std::optional<double> PhaseCost::*of_phase;
  std::optional<double> MarginalCost::*of_added;
};
constexpr MoneyFigure kMoneyFigures[] = {
    {"cost", "What a million tokens cost", "Everything that was paid in the phase / output tokens.",
     &PhaseCost::usd_per_m_output_tokens, &MarginalCost::usd_per_m_output_tokens},
    {"cost-goodput", "What a million tokens of goodput cost",
     "Everything that was paid in the phase / output tokens of requests that met all their "
     "objectives.",
     &PhaseCost::usd_per_m_goodput_tokens, &MarginalCost::usd_per_m_goodput_tokens}};

/// A bar for each phase, and one for what was added.
void add_money_chart(const Report& report, const MoneyFigure& money, std::vector<Chart>& charts) {
  Chart chart;
  chart.id = money.id;
  chart.section = kCostSection;
  chart.title = money.title;
  chart.explanation = money.explanation;
  chart.y = {"dollars per million tokens", Scale::number};
  chart.lines.resize(1);
  chart.lines[0].label = "cost";
  const auto add = [&](const std::string& name, const std::optional<double>& value) {
    if (!value) return;
    chart.categories.push_back(name);
    chart.lines[0].y.push_back(value);
  };
  bool added = false;
  for (const TrialReport& each : report.trials) {
    const std::string label = report.trials.size() > 1 ? each.trial.label + ": " : "";
    for (const PhaseCost& cost : each.costs) add(label + cost.name, cost.*money.of_phase);
    if (each.marginal && (*each.marginal).*money.of_added) {
      add(label + "added", (*each.marginal).*money.of_added);
      added = true;
    }
    Table table = cost_table(each.costs, each.marginal);
    table.title = report.trials.size() > 1 ? each.trial.label : "";
    if (!table.rows.empty()) chart.numbers.push_back(std::move(table));
  }
  if (added) {
    chart.explanation += " Added is what the change cost more, for each token that it brought.";
  }
  if (!chart.categories.empty()) charts.push_back(std::move(chart));
}

}  // namespace

void add_cost_charts(const Report& report, std::vector<Chart>& charts) {
  add_power_chart(report, charts);
  for (const MoneyFigure& money : kMoneyFigures) add_money_chart(report, money, charts);
}

}  // namespace tokenlift
