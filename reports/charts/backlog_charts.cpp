// Who waits, for what, and which limit is in force.

#include <algorithm>
#include <string>
#include <utility>

#include "reports/charts/charts.hpp"
#include "reports/charts/time_chart.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// What a limit counts: units/s of kinds that go by a rate.
std::string limit_unit(const ThrottleRecord& throttle) {
  std::string unit = throttle.unit;
  std::replace(unit.begin(), unit.end(), '_', ' ');
  const bool by_rate =
      throttle.kind == "token_bucket" || throttle.kind == "gcra" || throttle.kind == "leaky_bucket";
  return by_rate ? unit + "/s" : unit;
}

/// When the measured time ends, in seconds; limits after it are not shown.
double end_s(const Run& run) {
  const Groups groups = groups_of(run, kMostPoints);
  return groups.bins == 0 ? 0
                          : groups.begin_s(groups.size() - 1) + groups.length_s(groups.size() - 1);
}

/// Every so many records, so that about `most` are left (an adaptive limit changes in every bin),
/// and all those around a gap: where a limit goes and where it comes back is not left to chance.
std::vector<LimitRecord> thinned(const std::vector<LimitRecord>& limits, std::size_t most) {
  const std::size_t stride = limits.size() / most + 1;
  const auto differ = [&](std::size_t i) {
    return limits[i].limit.has_value() != limits[i - 1].limit.has_value();
  };
  std::vector<LimitRecord> kept;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const bool begins = i > 0 && differ(i);
    const bool ends = i + 1 < limits.size() && differ(i + 1);
    if (i % stride == 0 || begins || ends) kept.push_back(limits[i]);
  }
  return kept;
}

/// As steps; where the throttle was lifted the line has a gap, which says so.
void add_limit(const Report& report, const ArmOfTrial& arm, const ThrottleRecord& throttle,
               std::size_t colour, bool right_axis, Chart& chart) {
  const bool several = report.trials.size() > 1;
  Line line = arm_line(report, arm, several ? "" : "limit of " + throttle.name, colour);
  if (right_axis) line.stroke = Stroke::dash_dot;
  line.right_axis = right_axis;
  line.stepped = true;
  const double end = end_s(*arm.run);
  for (const LimitRecord& record : thinned(throttle.limits, kMostPoints)) {
    const double at = static_cast<double>(record.at_ns) / 1e9;
    if (at >= end) break;
    if (!record.limit && !line.y.empty() && line.y.back()) {
      // The last level holds up to the gap.
      line.x.push_back(at);
      line.y.push_back(line.y.back());
      chart.gaps.push_back({at, several ? arm.label + ": no limit" : "no limit"});
    }
    line.x.push_back(at);
    line.y.push_back(record.limit);
  }
  if (!line.y.empty() && line.y.back()) {
    line.x.push_back(end);
    line.y.push_back(line.y.back());
  }
  chart.lines.push_back(std::move(line));
}

Table limits_table(const ThrottleRecord& throttle, const std::string& arm) {
  Table table;
  table.title = "Limit of " + throttle.name + (arm.empty() ? "" : ", " + arm);
  table.head_rows = 1;
  table.rows = {{{"from (s)"}, {"limit (" + limit_unit(throttle) + ")"}}};
  const std::vector<LimitRecord> kept = thinned(throttle.limits, kMostRows);
  for (const LimitRecord& record : kept) {
    table.rows.push_back(
        {{second_figure(record.at_ns)}, {record.limit ? figure(*record.limit) : "none"}});
  }
  if (kept.size() < throttle.limits.size()) {
    table.notes = {std::to_string(kept.size()) + " of " + std::to_string(throttle.limits.size()) +
                   " changes, with all where a limit goes or comes back."};
  }
  return table;
}

/// The throttle whose change is measured, if its limit is known.
const ThrottleRecord* measured_throttle(const Run& run) {
  if (!run.lift) return nullptr;
  for (const ThrottleRecord& throttle : run.throttles) {
    if (throttle.name == run.lift->throttle && !throttle.limits.empty()) return &throttle;
  }
  return nullptr;
}

struct Gauge {
  std::string name;
  std::string column;
  std::string unit;
};

void add_gauges(const Report& report, const ArmOfTrial& arm, const std::vector<Gauge>& gauges,
                Chart& chart) {
  const Groups points = groups_of(*arm.run, kMostPoints);
  const Groups rows = groups_of(*arm.run, kMostRows);
  std::vector<TimeColumn> columns;
  for (std::size_t i = 0; i < gauges.size(); ++i) {
    const std::optional<std::vector<double>> values = peaks(*arm.run, gauges[i].column, points);
    if (!values) continue;
    Line line = arm_line(report, arm, report.trials.size() == 1 ? gauges[i].name : "", i);
    line.x = middles(points);
    line.y.assign(values->begin(), values->end());
    chart.lines.push_back(std::move(line));
    const std::vector<double> sparse = *peaks(*arm.run, gauges[i].column, rows);
    columns.push_back(
        {gauges[i].name + " (" + gauges[i].unit + ")", {sparse.begin(), sparse.end()}});
  }
  if (columns.empty()) return;
  Table table = time_table(arm.label, rows, columns);
  table.notes = {"The largest value of each row's time, per run. A row covers " +
                 figure(rows.length_s(0)) + " s."};
  chart.numbers.push_back(std::move(table));
}

bool is_flat_zero(const Chart& chart) {
  return std::ranges::all_of(chart.lines, [](const Line& line) {
    return std::ranges::all_of(line.y, [](const auto& y) { return !y || *y == 0; });
  });
}

void add_backlog(const Report& report, std::vector<Chart>& charts) {
  const bool several = report.trials.size() > 1;
  Chart chart = time_chart(report);
  chart.id = "backlog";
  chart.section = kBacklogSection;
  chart.title = "Backlog over time";
  chart.explanation =
      "Backlog is the output tokens of requests that wait at the throttle (the largest value of "
      "each point's time).";
  chart.y = {"backlog (output tokens)", Scale::number};
  const ThrottleRecord* const throttle =
      several ? nullptr : measured_throttle(report.trials[0].trial.lifted.pooled);
  if (throttle != nullptr) {
    chart.title = "Backlog and limit over time";
    chart.right = Axis{"limit (" + limit_unit(*throttle) + ")", Scale::number};
    chart.explanation +=
        " The limit in force is the stepped line, on the right axis; it has a gap "
        "while there is none.";
  }
  for (const ArmOfTrial& arm : arms_of(report)) {
    add_gauges(report, arm, {{"backlog", "backlog_tokens", "tokens"}}, chart);
    if (throttle == nullptr || arm.control) continue;
    add_limit(report, arm, *throttle, 3, true, chart);
    chart.numbers.push_back(limits_table(*throttle, arm.label));
  }
  const bool has_throttles = std::ranges::any_of(report.trials, [](const TrialReport& each) {
    return !each.trial.lifted.pooled.throttles.empty();
  });
  if (!has_throttles && is_flat_zero(chart)) return;
  if (!chart.lines.empty()) charts.push_back(std::move(chart));
}

void add_waiting(const Report& report, const std::string& id, const std::string& title,
                 const std::vector<Gauge>& gauges, std::vector<Chart>& charts) {
  Chart chart = time_chart(report);
  chart.id = id;
  chart.section = kBacklogSection;
  chart.title = title;
  chart.explanation =
      "Waiting requests are held at the throttle. Requests in back-off were refused and will try "
      "again.";
  chart.y = {"requests", Scale::number};
  for (const ArmOfTrial& arm : arms_of(report)) add_gauges(report, arm, gauges, chart);
  if (!chart.lines.empty()) charts.push_back(std::move(chart));
}

/// Throttles by name, whose limit changes in some trial and that the backlog's chart does not show.
std::vector<std::string> other_throttles(const Report& report) {
  std::vector<std::string> names;
  for (const TrialReport& each : report.trials) {
    const Run& run = each.trial.lifted.pooled;
    for (const ThrottleRecord& throttle : run.throttles) {
      if (throttle.limits.size() < 2) continue;
      if (report.trials.size() == 1 && &throttle == measured_throttle(run)) continue;
      if (std::find(names.begin(), names.end(), throttle.name) == names.end()) {
        names.push_back(throttle.name);
      }
    }
  }
  return names;
}

/// A chart per throttle, with a line per trial that has it.
void add_other_limits(const Report& report, std::vector<Chart>& charts) {
  std::size_t number = 0;
  for (const std::string& name : other_throttles(report)) {
    Chart chart = time_chart(report);
    chart.id = "limit-" + std::to_string(++number);
    chart.section = kBacklogSection;
    chart.title = "Limit of " + name;
    chart.explanation = "The limit in force; it has a gap while there is none.";
    for (const ArmOfTrial& arm : arms_of(report)) {
      if (arm.control) continue;
      for (const ThrottleRecord& throttle : arm.run->throttles) {
        if (throttle.name != name || throttle.limits.empty()) continue;
        chart.y = {"limit (" + limit_unit(throttle) + ")", Scale::number};
        add_limit(report, arm, throttle, 3, false, chart);
        chart.numbers.push_back(limits_table(throttle, arm.label));
      }
    }
    if (!chart.lines.empty()) charts.push_back(std::move(chart));
  }
}

}  // namespace

void add_backlog_charts(const Report& report, std::vector<Chart>& charts) {
  const Gauge waiting{"waiting", "waiting_requests", "requests"};
  const Gauge backoff{"in back-off", "backoff_requests", "requests"};
  add_backlog(report, charts);
  if (report.trials.size() == 1) {
    add_waiting(report, "waiting", "Requests that wait", {waiting, backoff}, charts);
  } else {
    add_waiting(report, "waiting", "Requests that wait at the throttle", {waiting}, charts);
    add_waiting(report, "backoff", "Requests in back-off", {backoff}, charts);
  }
  add_other_limits(report, charts);
}

}  // namespace tokenlift
