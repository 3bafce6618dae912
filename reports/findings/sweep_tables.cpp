#include "reports/findings/sweep_tables.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "reports/findings/reason_notes.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

Cell state_cell(const SweepPoint& point) {
  switch (point.state) {
    case PointState::steady:
      if (!point.valid) return {"not valid", {}, Ink::red};
      return {point.load_changes ? "load changes" : "steady"};
    case PointState::saturated:
      return {"saturated", {}, Ink::red};
    case PointState::failed:
      return {"failed", {}, Ink::red};
    case PointState::interrupted:
      break;
  }
  return {"interrupted", {}, Ink::red};
}

struct SweepColumn {
  std::string head;
  std::string unit;
  std::size_t figure = 0;  // as SweepReport::figures
  double scale = 1;
  std::optional<double> bound = {};  // beside which it is read
};

/// The usual figures, then those that were asked for besides.
std::vector<SweepColumn> columns_of(const SweepReport& report) {
  std::vector<SweepColumn> columns;
  std::vector<bool> usual(report.figures.size(), false);
  for (const SweepFigure& figure : sweep_figures()) {
    const std::optional<std::size_t> index = figure_index(report, figure.what);
    if (!index) continue;
    usual[*index] = true;
    if (figure.in_table) {
      columns.push_back(
          {std::string(figure.label), std::string(figure.unit), *index, figure.scale});
    }
  }
  for (std::size_t i = 0; i < report.figures.size(); ++i) {
    if (!usual[i]) columns.push_back({report.figures[i], "", i, 1});
  }
  return columns;
}

Cell figure_cell(const SweepPoint& point, const SweepColumn& column) {
  if (column.figure >= point.figures.size()) return {kAbsent};
  const std::optional<double>& value = point.figures[column.figure].value;
  if (value && column.bound) return {figure_beside(*value, *column.bound)};
  return {figure_or_absent(point.figures[column.figure].value, column.scale)};
}

/// Why figures of steady points are absent, said once.
std::vector<std::string> absence_notes(const std::vector<SweepColumn>& columns,
                                       const std::vector<SweepPoint>& points) {
  ReasonNotes reasons;
  for (const SweepColumn& column : columns) {
    for (const SweepPoint& point : points) {
      if (point.state != PointState::steady || column.figure >= point.figures.size()) continue;
      const Estimate& estimate = point.figures[column.figure];
      if (estimate.value || estimate.reason.empty()) continue;
      reasons.add(column.head, estimate.reason);
      break;  // other points lack it for much the same reason
    }
  }
  const std::string none = std::string(kAbsent) + " no value";
  std::vector<std::string> notes = reasons.sentences(none + " of", none, SIZE_MAX);
  constexpr std::size_t kMostNotes = 3;
  if (notes.size() > kMostNotes) notes.resize(kMostNotes);
  return notes;
}

bool has_state(const SweepReport& report, PointState state) {
  return std::any_of(report.points.begin(), report.points.end(),
                     [&](const SweepPoint& point) { return point.state == state; });
}

/// Which points were run for a part of their time only.
std::string shortened_note(const SweepReport& report) {
  std::vector<std::string> labels;
  for (const SweepPoint& point : report.points) {
    if (point.shortened) labels.push_back(point_label(report, point));
  }
  if (labels.empty()) return "";
  constexpr std::size_t kMostNamed = 4;
  const std::string which = labels.size() > kMostNamed
                                ? fmt::format("Of {} points", labels.size())
                                : fmt::format("At {}", listed(labels, "and"));
  return fmt::format(
      " {} a first run of a quarter of the time was enough to tell, and is all that was run.",
      which);
}

/// Each once.
std::vector<std::string> failed_checks(const std::vector<SweepPoint>& points) {
  std::vector<std::string> names;
  for (const SweepPoint& point : points) {
    for (const std::string& name : point.failed_checks) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

}  // namespace

const std::vector<SweepFigure>& sweep_figures() {
  static const std::vector<SweepFigure> all = {
      {"offered_requests_per_s", "offered", "requests/s", 1, true},
      {"offered_tokens_per_s", "offered", "tokens/s"},
      {"completed_requests_per_s", "completed", "requests/s"},
      {"throughput_tokens_per_s", "throughput", "tokens/s", 1, true},
      {"goodput_tokens_per_s", "goodput", "tokens/s", 1, true},
      {"attainment", "attainment", "%", 100, true},
      {"utilisation", "utilisation", "%", 100},
      {"batch_mean", "batch mean", "sequences"},
      {"ttft.mean_ms", "TTFT mean", "ms"},
      {"ttft.p50_ms", "TTFT p50", "ms", 1, true},
      {"ttft.p90_ms", "TTFT p90", "ms"},
      {"ttft.p99_ms", "TTFT p99", "ms", 1, true},
      {"tpot.mean_ms", "TPOT mean", "ms"},
      {"tpot.p50_ms", "TPOT p50", "ms", 1, true},
      {"tpot.p99_ms", "TPOT p99", "ms"},
      {"itl.mean_ms", "ITL mean", "ms"},
      {"itl.p50_ms", "ITL p50", "ms"},
      {"itl.p99_ms", "ITL p99", "ms"},
      {"e2e.mean_ms", "e2e mean", "ms"},
      {"e2e.p50_ms", "e2e p50", "ms", 1, true},
      {"e2e.p90_ms", "e2e p90", "ms"},
      {"e2e.p99_ms", "e2e p99", "ms", 1, true},
      {"queue_wait.mean_ms", "queue wait mean", "ms"},
      {"usd_per_hour", "cost per hour", "$", 1, true, SweepNeeds::price},
      {"usd_per_m_output_tokens", "cost per M tokens", "$", 1, true, SweepNeeds::price},
      {"on_demand_usd_per_m_output_tokens", "per M on demand", "$", 1, false, SweepNeeds::price},
      {"paid_use_share", "use of what is paid", "%", 100, false, SweepNeeds::price},
      {"site_power_mean_w", "mean power", "kW", 1e-3, true, SweepNeeds::power},
      {"j_per_output_token", "energy per token", "J", 1, false, SweepNeeds::power},
      {"tokens_per_s_per_mw", "throughput per MW", "tokens/s", 1, true, SweepNeeds::power},
  };
  return all;
}

std::string point_label(const SweepReport& report, const SweepPoint& point) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < std::min(report.axes.size(), point.values.size()); ++i) {
    parts.push_back(short_name(report.axes[i]) + " " + point.values[i]);
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string point_path(const SweepReport& report, const SweepPoint& point) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < std::min(report.axes.size(), point.values.size()); ++i) {
    parts.push_back(short_name(report.axes[i]) + "=" + point.values[i]);
  }
  return fmt::format("{}", fmt::join(parts, "/"));
}

Table points_table(const SweepReport& report) {
  Table table;
  table.name = "points";
  table.title = "points";
  table.left_columns = report.axes.size() + 1;
  if (report.points.empty()) return table;
  const std::vector<SweepColumn> columns = columns_of(report);
  table.head_rows = 2;
  table.rows.resize(2);
  for (const SweepAxis& axis : report.axes) {
    table.rows[0].push_back({short_name(axis)});
    table.rows[1].push_back({""});
  }
  table.rows[0].push_back({""});
  table.rows[1].push_back({""});
  for (const SweepColumn& column : columns) {
    table.rows[0].push_back({column.head});
    table.rows[1].push_back({column.unit});
  }
  for (const SweepPoint& point : report.points) {
    std::vector<Cell> row;
    for (const std::string& value : point.values) row.push_back({value});
    row.push_back(state_cell(point));
    for (const SweepColumn& column : columns) row.push_back(figure_cell(point, column));
    table.rows.push_back(std::move(row));
    if (!point.failure.empty()) {
      table.notes.push_back(point_label(report, point) + " failed: " + point.failure);
    }
  }
  if (has_state(report, PointState::saturated)) {
    table.notes.push_back(
        "saturated: the backlog grows, so nothing that depends on it (latency, goodput) has a "
        "value that lasts." +
        shortened_note(report));
  }
  if (const std::vector<std::string> checks = failed_checks(report.points); !checks.empty()) {
    table.notes.push_back("not valid as a measurement: " + listed(checks, "and") + " failed.");
  }
  for (std::string& note : absence_notes(columns, report.points)) {
    table.notes.push_back(std::move(note));
  }
  return table;
}

namespace {

/// "99" of "e2e.p50_ms.steady <= 99".
std::optional<double> bound_of(const std::string& objective) {
  const std::size_t relation = objective.find_last_of("<>=! ");
  if (relation == std::string::npos) return std::nullopt;
  const char* const end = objective.data() + objective.size();
  double bound = 0;
  const auto [stopped, error] = std::from_chars(objective.data() + relation + 1, end, bound);
  return error == std::errc() && stopped == end ? std::optional(bound) : std::nullopt;
}

}  // namespace

Table tries_table(const SweepReport& report, const SweepFind& find) {
  Table table;
  table.name = "tries";
  table.title = find.name.empty() ? "values tried" : find.name + ": values tried";
  if (find.tries.empty()) return table;
  table.head_rows = 1;
  table.rows = {{{short_name(find.axis)}, {"objectives"}, {"surely"}}};
  std::vector<SweepColumn> columns;
  for (const std::string& objective : find.objectives) {
    const std::string path = objective.substr(0, objective.find_first_of(" <>=!"));
    const auto found = std::find(report.figures.begin(), report.figures.end(), path);
    if (found == report.figures.end()) continue;
    columns.push_back({path, "", static_cast<std::size_t>(found - report.figures.begin()), 1,
                       bound_of(objective)});
    table.rows[0].push_back({path});
  }
  for (const FindTry& tried : find.tries) {
    const bool failed = tried.point.state == PointState::failed;
    std::vector<Cell> row = {{tried.point.values.empty() ? "" : tried.point.values[0]},
                             tried.holds    ? Cell{"met", {}, Ink::green}
                             : !tried.known ? Cell{"not known"}
                             : failed       ? Cell{"failed", {}, Ink::red}
                                            : Cell{"missed", {}, Ink::red},
                             {tried.sure ? "yes" : "no"}};
    for (const SweepColumn& column : columns) {
      row.push_back(tried.point.state == PointState::saturated ? Cell{"saturated"}
                                                               : figure_cell(tried.point, column));
    }
    if (failed) table.notes.push_back(row[0].text + " failed: " + tried.point.failure);
    if (!tried.point.valid) {
      table.notes.push_back(fmt::format("{} is not valid as a measurement: {} failed.", row[0].text,
                                        listed(tried.point.failed_checks, "and")));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table finds_table(const SweepReport& report) {
  Table table;
  table.name = "finds";
  table.title = "what was found";
  if (report.finds.size() < 2) return table;
  table.head_rows = 1;
  table.rows = {{{""}, {report.finds[0].axis.key}, {"95 % interval"}, {"values tried"}}};
  for (const SweepFind& find : report.finds) {
    const std::string interval =
        find.interval ? fmt::format("{:.4g} to {:.4g}", find.interval->low, find.interval->high)
                      : kAbsent;
    table.rows.push_back({{find.name.empty() ? (find.most ? "most" : "least") : find.name},
                          {answer_of(find), {}, Ink::bold},
                          {interval},
                          {find.tries.empty() ? kAbsent : whole_figure(find.tries.size())}});
  }
  return table;
}

std::vector<std::string> facts_of(const SweepReport& report) {
  std::vector<std::string> facts = {report.points.empty() ? "search" : "sweep",
                                    "engine " + report.engine};
  if (!report.tokenlift_version.empty()) facts.push_back("tokenlift " + report.tokenlift_version);
  facts.push_back(fmt::format("seed {}", report.seed));
  if (!report.started_at.empty()) facts.push_back(report.started_at);
  return facts;
}

}  // namespace tokenlift
