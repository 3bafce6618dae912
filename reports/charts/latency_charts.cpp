// Time to the first token: over time, and by percentile.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "reports/analysis/percentile_curve.hpp"
#include "reports/charts/charts.hpp"
#include "reports/charts/time_chart.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

double milliseconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

/// Tails, from the one that tells most to the one that needs least; the last is the longest of all.
constexpr int kLongest = 1000;
constexpr std::array<int, 4> kTails = {990, 950, 900, kLongest};

/// The tail that can be shown over time, and how many slices it takes together.
struct Tail {
  std::size_t rank = 0;  ///< in kTails
  std::size_t per_group = 1;

  int permille() const { return kTails[rank]; }
  std::string name() const {
    return permille() == kLongest ? "longest" : std::string(percentile_name(permille()));
  }
};

std::optional<double> value_of(const Histogram& slice, int permille) {
  if (slice.empty()) return std::nullopt;
  if (permille == kLongest) return milliseconds(slice.max_ns());
  if (slice.count() < samples_needed(permille)) return std::nullopt;
  return milliseconds(slice.value_at(permille / 1000.0));
}

std::vector<std::optional<double>> values_of(const std::vector<Histogram>& slices, int permille) {
  std::vector<std::optional<double>> values;
  values.reserve(slices.size());
  for (const Histogram& slice : slices) values.push_back(value_of(slice, permille));
  return values;
}

/// p99 where taking slices together, as long as there are 24 groups, supports it in most of them;
/// else p95 or p90 in the same way; else the longest.
Tail tail_of(const Run& run) {
  constexpr std::size_t kLeastGroups = 24;
  for (std::size_t rank = 0; rank + 1 < kTails.size(); ++rank) {
    for (const std::size_t per_group : {1U, 2U, 5U, 10U}) {
      Groups groups = slices_of(run, kMostPoints);
      groups.per_group = per_group;
      if (per_group > 1 && groups.size() < kLeastGroups) break;
      std::size_t filled = 0;
      std::size_t supported = 0;
      for (const Histogram& slice : merged_slices(run, groups)) {
        filled += slice.empty() ? 0 : 1;
        supported += value_of(slice, kTails[rank]) ? 1 : 0;
      }
      if (filled > 0 && supported * 5 >= filled * 4) return {rank, per_group};
    }
  }
  return {kTails.size() - 1, 1};
}

/// Groups of slices in which requests were due that were never decided: their latency, the longest
/// of all, is missing there.
std::vector<std::size_t> undecided_groups(const Run& run, const Groups& slices) {
  std::vector<std::size_t> marked;
  const std::vector<std::int64_t>* const undecided =
      find_column(run.series.columns, "undecided_requests");
  if (undecided == nullptr || run.series.bin_ns <= 0) return marked;
  for (std::size_t bin = 0; bin < undecided->size(); ++bin) {
    if ((*undecided)[bin] <= 0) continue;
    const std::int64_t at_ns = static_cast<std::int64_t>(bin) * run.series.bin_ns;
    const auto group = static_cast<std::size_t>(at_ns / slices.bin_ns) / slices.per_group;
    if (group < slices.size() && (marked.empty() || marked.back() != group)) {
      marked.push_back(group);
    }
  }
  return marked;
}

struct Shown {
  bool median = true;
  bool tail = true;
};

void add_arm(const Report& report, const ArmOfTrial& arm, const Tail& tail, const Shown& shown,
             Chart& chart) {
  Groups groups = slices_of(*arm.run, kMostPoints);
  if (groups.bins == 0) return;
  groups.per_group = tail.per_group;
  const std::vector<Histogram> slices = merged_slices(*arm.run, groups);
  const std::vector<std::size_t> undecided = undecided_groups(*arm.run, groups);
  const bool both = shown.median && shown.tail;
  const auto add = [&](const std::string& name, int permille, std::size_t colour) {
    Line line = arm_line(report, arm, both ? name : "", colour);
    line.x = middles(groups);
    line.y = values_of(slices, permille);
    line.marked = undecided;
    chart.lines.push_back(std::move(line));
  };
  if (shown.median) add("p50", 500, 0);
  if (shown.tail) add(tail.name(), tail.permille(), 1);

  groups.per_group = 1;
  while (groups.size() > kMostRows) ++groups.per_group;
  const std::vector<Histogram> rows = merged_slices(*arm.run, groups);
  std::vector<TimeColumn> columns = {{"requests", {}}};
  for (const Histogram& slice : rows) {
    columns[0].values.emplace_back(static_cast<double>(slice.count()));
  }
  for (const int permille : {500, 900, 990}) {
    columns.push_back(
        TimeColumn{std::string(percentile_name(permille)) + " (ms)", values_of(rows, permille)});
  }
  Table table = time_table(arm.label, groups, columns);
  table.notes = {fmt::format("Each row covers {} s. {} fewer than 10 requests lie beyond it.",
                             figure(groups.length_s(0)), kAbsent)};
  for (const std::size_t group : undecided_groups(*arm.run, groups)) {
    table.rows[group + 1][0].mark = "*";
  }
  if (!undecided.empty()) {
    table.notes.emplace_back("* Holds requests that were undecided when the run ended.");
  }
  chart.numbers.push_back(std::move(table));
}

Chart ttft_chart(const Report& report, const Tail& tail, const Shown& shown) {
  Chart chart = time_chart(report);
  chart.section = kLatencySection;
  chart.y = {"TTFT (logarithmic)", Scale::milliseconds};
  bool marked = false;
  for (const ArmOfTrial& arm : arms_of(report)) add_arm(report, arm, tail, shown, chart);
  for (const Line& line : chart.lines) marked |= !line.marked.empty();
  chart.explanation = "Time from when a request was due to its first token, by when it was due.";
  if (shown.tail && tail.rank > 0) {
    chart.explanation += fmt::format(
        " The tail is {}: too few requests for p99 over time.",
        tail.permille() == kLongest ? "the longest of each slice of time" : tail.name());
  }
  if (marked) {
    chart.explanation +=
        " Hollow triangles hold requests that were still undecided when the run ended: there the "
        "true latency is higher.";
  }
  return chart;
}

void add_over_time(const Report& report, std::vector<Chart>& charts) {
  const std::vector<ArmOfTrial> arms = arms_of(report);
  // The same for all arms, so that lines can be compared: what the least of them supports.
  Tail tail;
  for (const ArmOfTrial& arm : arms) {
    const Tail own = tail_of(*arm.run);
    tail.rank = std::max(tail.rank, own.rank);
    tail.per_group = std::max(tail.per_group, own.per_group);
  }
  const std::string tail_name = tail.permille() == kLongest ? "the longest" : tail.name();
  const auto keep = [&](Chart chart, std::string id, std::string title) {
    chart.id = std::move(id);
    chart.title = std::move(title);
    if (!chart.lines.empty()) charts.push_back(std::move(chart));
  };
  if (report.trials.size() == 1) {
    keep(ttft_chart(report, tail, {}), "ttft",
         "Time to first token (TTFT) over time: p50 and " + tail_name);
    return;
  }
  keep(ttft_chart(report, tail, {true, false}), "ttft-median",
       "Time to first token (TTFT) over time: p50");
  keep(ttft_chart(report, tail, {false, true}), "ttft-tail",
       "Time to first token (TTFT) over time: " + tail_name);
}

/// The line of one phase of one trial.
Line curve_line(const PercentileCurve& curve, std::string label, std::size_t colour) {
  Line line;
  line.label = std::move(label);
  line.colour = colour;
  for (const CurvePoint& point : curve.points) {
    line.x.push_back(1 / (1 - point.quantile));
    line.y.emplace_back(point.value_ns / 1e6);
    line.low.emplace_back(point.low_ns / 1e6);
    line.high.emplace_back(point.high_ns / 1e6);
  }
  return line;
}

Table curve_table(const TrialReport& trial, std::string title) {
  Table table;
  table.title = std::move(title);
  table.head_rows = 1;
  table.rows = {{{"TTFT (ms)"}}};
  for (const PhaseSummary& phase : trial.phases) table.rows[0].push_back({phase.name});
  const auto row = [&](std::string name, auto&& value_of) {
    std::vector<Cell> cells = {{std::move(name)}};
    for (const PhaseSummary& phase : trial.phases) {
      const std::optional<double> ns = value_of(phase.of(Metric::ttft));
      cells.push_back({ns ? figure(*ns / 1e6) : kAbsent});
    }
    table.rows.push_back(std::move(cells));
  };
  for (const int permille : kPermilles) {
    row(std::string(percentile_name(permille)),
        [&](const LatencySummary& ttft) { return ttft.at(permille); });
  }
  row("max", [](const LatencySummary& ttft) { return ttft.max_ns; });
  std::vector<Cell> counts = {{"requests"}};
  for (const PhaseSummary& phase : trial.phases) {
    counts.push_back({whole_figure(phase.of(Metric::ttft).count)});
  }
  table.rows.push_back(std::move(counts));
  table.notes = {fmt::format("{} fewer than 10 requests lie beyond it.", kAbsent)};
  return table;
}

std::string curve_explanation(const Report& report) {
  std::size_t runs = SIZE_MAX;
  for (const TrialReport& each : report.trials) {
    runs = std::min(runs, each.trial.lifted.runs.size());
  }
  std::string text =
      "TTFT that a share of the requests stayed under; the axis stretches the tail. Curves end "
      "where "
      "fewer than 10 requests lie beyond. ";
  text += runs >= 2 ? "Bands are the least and the most of the repetitions."
                    : "Bands are the error of the histogram's buckets (under 0.8 %, narrower than "
                      "the line); more repetitions would show how much runs differ.";
  for (const TrialReport& each : report.trials) {
    for (const PhaseSummary& phase : each.phases) {
      if (!phase.hides_unserved(990)) continue;
      text += fmt::format(" {}{}: {} of the requests got no tokens and are not in the curve.",
                          report.trials.size() > 1 ? each.trial.label + ", " : "", phase.name,
                          percent_figure(*phase.unserved()));
    }
  }
  return text;
}

Chart curve_chart(const Report& report) {
  Chart chart;
  chart.section = kLatencySection;
  chart.x = {"percentile of requests (logarithmic in 1 / (1 - p))", Scale::percentile};
  chart.y = {"TTFT (logarithmic)", Scale::milliseconds};
  chart.explanation = curve_explanation(report);
  return chart;
}

constexpr std::array<Stroke, 3> kPhaseStrokes = {Stroke::solid, Stroke::dotted, Stroke::dashed};

void add_curves_of_one(const Report& report, std::vector<Chart>& charts) {
  const TrialReport& trial = report.trials[0];
  Chart chart = curve_chart(report);
  chart.id = "percentiles";
  chart.title = "TTFT by percentile, phase by phase";
  for (std::size_t phase = 0; phase < trial.phases.size(); ++phase) {
    const PercentileCurve curve = ttft_curve(trial.trial.lifted, phase);
    if (curve.points.empty()) continue;
    Line line = curve_line(curve, trial.phases[phase].name, phase);
    line.stroke = kPhaseStrokes[phase % kPhaseStrokes.size()];
    chart.lines.push_back(std::move(line));
  }
  chart.numbers.push_back(curve_table(trial, ""));
  if (!chart.lines.empty()) charts.push_back(std::move(chart));
}

/// A chart per phase, with a line per trial that has it.
void add_curves_by_phase(const Report& report, std::vector<Chart>& charts) {
  const std::vector<std::string> names = phase_names(report);
  for (const std::string& name : names) {
    Chart chart = curve_chart(report);
    chart.id = fmt::format("percentiles-{}", charts.size());
    chart.title = "TTFT by percentile: " + name;
    for (std::size_t i = 0; i < report.trials.size(); ++i) {
      const Trial& trial = report.trials[i].trial;
      const std::optional<std::size_t> phase = find_phase(trial.lifted.pooled, name);
      if (!phase) continue;
      const PercentileCurve curve = ttft_curve(trial.lifted, *phase);
      if (curve.points.empty()) continue;
      Line line = curve_line(curve, trial.label, i);
      line.trial = i;
      chart.lines.push_back(std::move(line));
    }
    if (chart.lines.empty()) continue;
    if (name == names.front()) {
      for (const TrialReport& each : report.trials) {
        chart.numbers.push_back(curve_table(each, each.trial.label));
      }
    }
    charts.push_back(std::move(chart));
  }
}

}  // namespace

void add_latency_charts(const Report& report, std::vector<Chart>& charts) {
  add_over_time(report, charts);
  if (report.trials.size() == 1) {
    add_curves_of_one(report, charts);
  } else {
    add_curves_by_phase(report, charts);
  }
}

}  // namespace tokenlift
