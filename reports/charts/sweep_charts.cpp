#include "reports/charts/sweep_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "reports/findings/sweep_tables.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

struct ChartFigure {
  const char* what;
  const char* label;
};

struct ChartPlan {
  const char* id;
  std::string_view section;
  const char* title;
  const char* explanation;
  Axis y;
  std::vector<ChartFigure> figures;
  bool with_capacity = false;
};

std::vector<ChartPlan> plans() {
  constexpr const char* kBands =
      "A band is a 95 % interval over the repetitions. Points whose backlog grows have no latency.";
  const auto latency = [](const char* what) {
    return Axis{fmt::format("{} (logarithmic)", what), Scale::milliseconds};
  };
  return {
      {"sweep-ttft",
       kSweepLatency,
       "Time to first token",
       kBands,
       latency("TTFT"),
       {{"ttft.p50_ms", "p50"}, {"ttft.p90_ms", "p90"}, {"ttft.p99_ms", "p99"}}},
      {"sweep-tpot",
       kSweepLatency,
       "Time per output token",
       kBands,
       latency("TPOT"),
       {{"tpot.p50_ms", "p50"}, {"tpot.p99_ms", "p99"}}},
      {"sweep-itl",
       kSweepLatency,
       "Inter-token latency",
       kBands,
       latency("ITL"),
       {{"itl.p50_ms", "p50"}, {"itl.p99_ms", "p99"}}},
      {"sweep-e2e",
       kSweepLatency,
       "End to end",
       kBands,
       latency("e2e"),
       {{"e2e.p50_ms", "p50"}, {"e2e.p90_ms", "p90"}, {"e2e.p99_ms", "p99"}}},
      {"sweep-throughput",
       kSweepThroughput,
       "Throughput and goodput",
       "Goodput is of requests that met all their objectives. Past saturation it has no value that "
       "lasts.",
       {"output tokens per second", Scale::number},
       {{"throughput_tokens_per_s", "throughput"},
        {"goodput_tokens_per_s", "goodput"},
        {"offered_tokens_per_s", "offered"}},
       true},
      {"sweep-cost",
       kSweepCost,
       "What a million tokens cost",
       "Everything that is paid / output tokens. On demand: what the accelerators that were used "
       "would cost by the hour, at full batches; where the lines cross the contract begins to pay.",
       {"dollars per million output tokens", Scale::number},
       {{"usd_per_m_output_tokens", "cost"},
        {"on_demand_usd_per_m_output_tokens", "the same use on demand"}}},
      {"sweep-power",
       kSweepCost,
       "Throughput per MW",
       "Output tokens per second / all that the sites draw.",
       {"output tokens per second and MW", Scale::number},
       {{"tokens_per_s_per_mw", "throughput per MW"}}},
  };
}

Stroke stroke_of(std::size_t index) {
  constexpr Stroke kStrokes[] = {Stroke::solid, Stroke::dashed, Stroke::dotted, Stroke::dash_dot};
  return kStrokes[index % 4];
}

/// Several sweeps: a colour each, and a stroke for each figure.
Line named_line(const std::vector<NamedSweep>& sweeps, std::size_t sweep, std::size_t figure,
                const std::string& label) {
  Line line;
  const bool alone = sweeps.size() == 1;
  line.label = alone ? label : sweeps[sweep].label + ": " + label;
  line.colour = alone ? figure : sweep;
  line.stroke = stroke_of(figure);
  return line;
}

/// Figures of a saturated point that say how long somebody waited are absent already.
void add_value(Line& line, double x, const Estimate* estimate) {
  line.x.push_back(x);
  const bool has = estimate != nullptr;
  line.y.push_back(has ? estimate->value : std::nullopt);
  const bool band = has && estimate->interval;
  line.low.push_back(band ? std::optional(estimate->interval->low) : line.y.back());
  line.high.push_back(band ? std::optional(estimate->interval->high) : line.y.back());
}

bool has_values(const Line& line) {
  return std::any_of(line.y.begin(), line.y.end(), [](const auto& y) { return y.has_value(); });
}

Line figure_line(const std::vector<NamedSweep>& sweeps, std::size_t sweep, std::size_t figure,
                 const ChartFigure& shown) {
  Line line = named_line(sweeps, sweep, figure, shown.label);
  const SweepReport& report = *sweeps[sweep].report;
  for (const SweepPoint& point : report.points) {
    add_value(line, point.numbers[0], figure_of(report, point, shown.what));
  }
  return line;
}

Line capacity_line(const std::vector<NamedSweep>& sweeps, std::size_t sweep, std::size_t figure) {
  Line line = named_line(sweeps, sweep, figure, "capacity");
  for (const SweepPoint& point : sweeps[sweep].report->points) {
    line.x.push_back(point.numbers[0]);
    line.y.push_back(point.capacity_tokens_per_s);
  }
  return line;
}

/// A row per point: the value, and each figure with its interval.
Table numbers_of(const NamedSweep& sweep, const std::vector<Line>& lines,
                 const std::vector<std::string>& labels) {
  Table table;
  table.title = sweep.label;
  table.head_rows = 1;
  table.rows = {{{sweep.report->axes[0].key}}};
  for (const std::string& label : labels) table.rows[0].push_back({label});
  for (std::size_t i = 0; i < sweep.report->points.size(); ++i) {
    std::vector<Cell> row = {{sweep.report->points[i].values[0]}};
    for (const Line& line : lines) {
      std::string cell = figure_or_absent(line.y[i]);
      const bool band = line.y[i] && !line.low.empty() && line.low[i] && *line.low[i] < *line.y[i];
      if (band) cell += fmt::format(" ({} to {})", figure(*line.low[i]), figure(*line.high[i]));
      row.push_back({std::move(cell)});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string axis_label(const SweepAxis& axis) {
  return axis.unit.empty() ? axis.key : axis.key + ", " + axis.unit;
}

/// From and to halfway between a saturated point and a steady neighbour.
void shade_saturation(const SweepReport& report, Chart& chart) {
  for (const SaturatedStretch& each : saturated_stretches(report)) {
    double from = each.first->numbers[0], to = each.last->numbers[0];
    if (each.before != nullptr) from = (each.before->numbers[0] + from) / 2;
    if (each.after != nullptr) to = (to + each.after->numbers[0]) / 2;
    if (from < to) chart.shades.push_back({from, to, "saturated"});
  }
}

Chart chart_of(const std::vector<NamedSweep>& sweeps, const ChartPlan& plan) {
  Chart chart;
  chart.id = plan.id;
  chart.section = plan.section;
  chart.title = plan.title;
  chart.explanation = plan.explanation;
  chart.x = {axis_label(sweeps[0].report->axes[0]), Scale::number};
  chart.y = plan.y;
  for (std::size_t i = 0; i < sweeps.size(); ++i) {
    std::vector<Line> lines;
    std::vector<std::string> labels;
    const auto keep = [&](Line line, const char* label) {
      if (!has_values(line)) return;
      labels.emplace_back(label);
      lines.push_back(std::move(line));
    };
    for (std::size_t j = 0; j < plan.figures.size(); ++j) {
      // The middle one of three percentiles is one line too many where there are several sweeps.
      const bool crowds = sweeps.size() > 1 && std::string_view(plan.figures[j].label) == "p90";
      if (crowds) continue;
      keep(figure_line(sweeps, i, j, plan.figures[j]), plan.figures[j].label);
    }
    if (plan.with_capacity) keep(capacity_line(sweeps, i, plan.figures.size()), "capacity");
    if (lines.empty()) continue;
    chart.numbers.push_back(numbers_of(sweeps[i], lines, labels));
    chart.lines.insert(chart.lines.end(), lines.begin(), lines.end());
  }
  if (sweeps.size() > 1) return chart;
  shade_saturation(*sweeps[0].report, chart);
  const std::optional<Knee> knee = knee_of(*sweeps[0].report);
  if (knee) chart.marks.push_back({knee->at, "knee"});
  return chart;
}

/// Points by two figures, joined in the order of the first.
struct SweepSpot {
  double x = 0;
  Estimate y;
  std::string label;
};

void add_spots(std::vector<SweepSpot> spots, Line line, Chart& chart) {
  if (spots.empty()) return;
  std::stable_sort(spots.begin(), spots.end(),
                   [](const SweepSpot& a, const SweepSpot& b) { return a.x < b.x; });
  Table table;
  table.title = line.label;
  table.head_rows = 1;
  table.rows = {{{""}, {chart.x.label}, {line.label}}};
  for (const SweepSpot& spot : spots) {
    add_value(line, spot.x, &spot.y);
    table.rows.push_back({{spot.label}, {figure(spot.x)}, {figure_or_absent(spot.y.value)}});
  }
  chart.numbers.push_back(std::move(table));
  chart.lines.push_back(std::move(line));
}

Chart hockey_stick(const std::vector<NamedSweep>& sweeps) {
  Chart chart;
  chart.id = "sweep-trade";
  chart.section = kSweepTrade;
  chart.title = "Latency over throughput";
  chart.explanation =
      "Each steady point by what the fleet produced. Where latency rises and throughput does not, "
      "there is nothing left to gain.";
  chart.x = {"throughput, output tokens per second", Scale::number};
  chart.y = {"latency (logarithmic)", Scale::milliseconds};
  const std::vector<ChartFigure> figures = {
      {"ttft.p50_ms", "TTFT p50"}, {"ttft.p99_ms", "TTFT p99"}, {"e2e.p50_ms", "e2e p50"}};
  for (std::size_t i = 0; i < sweeps.size(); ++i) {
    const SweepReport& report = *sweeps[i].report;
    for (std::size_t j = 0; j < figures.size(); ++j) {
      std::vector<SweepSpot> spots;
      for (const SweepPoint& point : report.points) {
        const Estimate* const x = figure_of(report, point, "throughput_tokens_per_s");
        const Estimate* const y = figure_of(report, point, figures[j].what);
        if (x == nullptr || y == nullptr) continue;
        spots.push_back({*x->value, *y, point_label(report, point)});
      }
      add_spots(std::move(spots), named_line(sweeps, i, j, figures[j].label), chart);
    }
  }
  return chart;
}

/// Tokens/s for one user, and tokens/s of each accelerator.
struct Speed {
  double user = 0;
  double accelerator = 0;
};

std::optional<Speed> speed_of(const SweepReport& report, const SweepPoint& point) {
  const Estimate* const throughput = figure_of(report, point, "throughput_tokens_per_s");
  const Estimate* const tpot = figure_of(report, point, "tpot.p50_ms");
  if (throughput == nullptr || tpot == nullptr || *tpot->value <= 0) return std::nullopt;
  if (!point.accelerators || *point.accelerators <= 0) return std::nullopt;
  return Speed{1000 / *tpot->value, *throughput->value / *point.accelerators};
}

Chart speed_chart(const std::vector<NamedSweep>& sweeps) {
  Chart chart;
  chart.id = "sweep-speed";
  chart.section = kSweepTrade;
  chart.title = "Tokens/s per accelerator and per user";
  chart.explanation =
      "Each steady point by how fast one user's answer comes (1 / TPOT p50) and what an "
      "accelerator "
      "produces. The line joins the Pareto front: none is better in both.";
  chart.x = {"tokens per second and user", Scale::number};
  chart.y = {"output tokens per second and accelerator", Scale::number};
  for (std::size_t i = 0; i < sweeps.size(); ++i) {
    const SweepReport& report = *sweeps[i].report;
    std::vector<SweepSpot> spots;
    for (const std::size_t index : pareto_front(report)) {
      const SweepPoint& point = report.points[index];
      const Speed speed = *speed_of(report, point);
      spots.push_back(
          {speed.user, Estimate{speed.accelerator, {}, "", ""}, point_label(report, point)});
    }
    add_spots(std::move(spots), named_line(sweeps, i, 0, "Pareto front"), chart);
  }
  return chart;
}

}  // namespace

std::vector<std::size_t> pareto_front(const SweepReport& report) {
  std::vector<std::pair<Speed, std::size_t>> all;
  for (std::size_t i = 0; i < report.points.size(); ++i) {
    if (report.points[i].state != PointState::steady) continue;
    if (const std::optional<Speed> speed = speed_of(report, report.points[i])) {
      all.emplace_back(*speed, i);
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.first.user != b.first.user ? a.first.user > b.first.user
                                        : a.first.accelerator > b.first.accelerator;
  });
  std::vector<std::size_t> front;
  double best = 0;
  for (const auto& [speed, index] : all) {
    if (speed.accelerator <= best) continue;
    best = speed.accelerator;
    front.push_back(index);
  }
  std::reverse(front.begin(), front.end());
  return front;
}

std::vector<Chart> sweep_charts(const std::vector<NamedSweep>& sweeps) {
  std::vector<Chart> charts;
  const bool along_one = std::all_of(sweeps.begin(), sweeps.end(), [](const NamedSweep& sweep) {
    return sweep.report->axes.size() == 1 && sweep.report->axes[0].numeric &&
           !sweep.report->points.empty();
  });
  if (along_one) {
    for (const ChartPlan& plan : plans()) charts.push_back(chart_of(sweeps, plan));
    charts.push_back(hockey_stick(sweeps));
  }
  charts.push_back(speed_chart(sweeps));
  std::erase_if(charts, [](const Chart& chart) { return chart.lines.empty(); });
  return charts;
}

}  // namespace tokenlift
