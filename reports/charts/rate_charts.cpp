// Throughput, goodput and what is offered, over time; and by how much the lift changed them.

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "reports/charts/charts.hpp"
#include "reports/charts/time_chart.hpp"

namespace tokenlift {
namespace {

using Values = std::vector<std::optional<double>>;

Values present(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

/// Mean output tokens that a request asks for, over all phases; absent where none was due.
std::optional<double> mean_output_tokens(const Run& run) {
  std::uint64_t due = 0;
  std::uint64_t tokens = 0;
  for (const TenantRecord& tenant : run.tenants) {
    for (const PhaseRecord& record : tenant.phases) {
      due += record.counts.due;
      tokens += record.offered_output_tokens;
    }
  }
  if (due == 0) return std::nullopt;
  return static_cast<double>(tokens) / static_cast<double>(due);
}

struct Figure {
  std::string name;
  std::string column;  ///< of the series
  std::size_t colour;
};

const std::vector<Figure>& figures() {
  static const std::vector<Figure> all = {{"throughput", "output_tokens", 0},
                                          {"goodput", "goodput_tokens", 1},
                                          {"offered", "due_requests", 2}};
  return all;
}

/// Tokens/s and run.
std::optional<Values> values_of(const Run& run, const Figure& figure, const Groups& groups) {
  std::optional<std::vector<double>> found = rates(run, figure.column, groups);
  if (!found) return std::nullopt;
  if (figure.column == "due_requests") {
    const std::optional<double> tokens = mean_output_tokens(run);
    if (!tokens) return std::nullopt;
    for (double& value : *found) value *= *tokens;
  }
  return present(*found);
}

/// The lines of one arm and its table. Of a control what is offered is the same: left out.
void add_arm(const Report& report, const ArmOfTrial& arm, const std::vector<Figure>& shown,
             Chart& chart) {
  const Run& run = *arm.run;
  const Groups points = groups_of(run, kMostRates);
  const Groups rows = groups_of(run, kMostRows);
  std::vector<TimeColumn> columns;
  for (const Figure& figure : shown) {
    const bool offered = figure.column == "due_requests";
    if (offered && arm.control) continue;
    std::optional<Values> values = values_of(run, figure, points);
    if (!values) continue;
    const std::string name = shown.size() > 1 ? figure.name : "";
    Line line = arm_line(report, arm, name, figure.colour);
    if (offered) line.stroke = Stroke::dotted;
    line.x = middles(points);
    line.y = std::move(*values);
    chart.lines.push_back(std::move(line));
    columns.push_back({figure.name + " (tokens/s)", *values_of(run, figure, rows)});
  }
  if (!columns.empty()) chart.numbers.push_back(time_table(arm.label, rows, columns));
}

Chart rate_chart(const Report& report, const std::vector<Figure>& shown) {
  Chart chart = time_chart(report);
  chart.section = kThroughputSection;
  chart.y = {"output tokens per second", Scale::number};
  for (const ArmOfTrial& arm : arms_of(report)) add_arm(report, arm, shown, chart);
  return chart;
}

void keep(Chart chart, std::vector<Chart>& charts) {
  if (!chart.lines.empty()) charts.push_back(std::move(chart));
}

constexpr const char* kThroughputMeans =
    "Throughput is output tokens produced, whoever wanted them.";
constexpr const char* kGoodputMeans =
    "Goodput is output tokens of requests that met all their objectives, at the time when they "
    "were "
    "due.";

/// With the lift minus without it, group by group.
Values differences(const Values& with, const Values& without) {
  Values result;
  for (std::size_t i = 0; i < std::min(with.size(), without.size()); ++i) {
    result.push_back(*with[i] - *without[i]);
  }
  return result;
}

/// Groups of both arms of at least a second; nothing where their bins differ.
std::optional<Groups> common_groups(const Trial& trial, std::size_t most) {
  Groups with = groups_of(trial.lifted.pooled, most);
  const Groups without = groups_of(trial.control->pooled, most);
  if (with.bin_ns <= 0 || with.bin_ns != without.bin_ns) return std::nullopt;
  with.bins = std::min(with.bins, without.bins);
  with.per_group = std::max(with.per_group, without.per_group);
  while (with.bin_ns * static_cast<std::int64_t>(with.per_group) < 1'000'000'000) ++with.per_group;
  return with;
}

void add_effect(const Report& report, std::size_t index, const std::vector<Figure>& shown,
                Chart& chart) {
  const Trial& trial = report.trials[index].trial;
  if (!trial.control) return;
  const std::optional<Groups> points = common_groups(trial, kMostRates);
  const std::optional<Groups> rows = common_groups(trial, kMostRows);
  if (!points || !rows) return;
  const bool several = report.trials.size() > 1;
  const ArmOfTrial arm{&trial.lifted.pooled, index, false, several ? trial.label : ""};
  std::vector<TimeColumn> columns;
  for (const Figure& figure : shown) {
    const auto effect = [&](const Groups& groups) -> std::optional<Values> {
      const std::optional<Values> with = values_of(trial.lifted.pooled, figure, groups);
      const std::optional<Values> without = values_of(trial.control->pooled, figure, groups);
      if (!with || !without) return std::nullopt;
      return differences(*with, *without);
    };
    std::optional<Values> values = effect(*points);
    if (!values) continue;
    Line line = arm_line(report, arm, shown.size() > 1 ? figure.name : "", figure.colour);
    line.x = middles(*points);
    line.y = std::move(*values);
    chart.lines.push_back(std::move(line));
    columns.push_back({figure.name + " (tokens/s)", *effect(*rows)});
  }
  if (!columns.empty()) chart.numbers.push_back(time_table(arm.label, *rows, columns));
}

Chart effect_chart(const Report& report, const std::vector<Figure>& shown) {
  Chart chart = time_chart(report);
  chart.section = kThroughputSection;
  chart.y = {"difference, output tokens per second", Scale::number};
  chart.explanation = fmt::format(
      "With the {0} minus without it, from runs with the same seeds, second by second. Above zero "
      "the {0} helped.",
      change_noun(report));
  for (std::size_t i = 0; i < report.trials.size(); ++i) add_effect(report, i, shown, chart);
  return chart;
}

}  // namespace

void add_rate_charts(const Report& report, std::vector<Chart>& charts) {
  const Figure& throughput = figures()[0];
  const Figure& goodput = figures()[1];
  if (report.trials.size() == 1) {
    Chart chart = rate_chart(report, figures());
    mark_steps(report, chart);
    chart.id = "rates";
    chart.title = "Throughput and goodput over time";
    chart.explanation =
        fmt::format("{} {} Offered is the requests due times the mean output tokens of a request.",
                    kThroughputMeans, kGoodputMeans);
    keep(std::move(chart), charts);
    Chart effect = effect_chart(report, {throughput, goodput});
    effect.id = "effect";
    effect.title = "Effect of the " + change_noun(report);
    keep(std::move(effect), charts);
    return;
  }
  for (const Figure& figure : {throughput, goodput}) {
    const bool good = figure.column == goodput.column;
    Chart chart = rate_chart(report, {figure});
    chart.id = figure.name;
    chart.title = (good ? "Goodput" : "Throughput") + std::string(" over time");
    chart.explanation = good ? kGoodputMeans : kThroughputMeans;
    keep(std::move(chart), charts);
    Chart effect = effect_chart(report, {figure});
    effect.id = "effect-" + figure.name;
    effect.title = "Effect of the " + change_noun(report) + " on " + figure.name;
    keep(std::move(effect), charts);
  }
}

}  // namespace tokenlift
