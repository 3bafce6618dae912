#include "reports/charts/heatmap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <vector>

#include "reports/analysis/fleet_change.hpp"
#include "reports/analysis/series_groups.hpp"
#include "reports/analysis/summary.hpp"
#include "reports/charts/charts.hpp"
#include "reports/charts/time_chart.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/html_text.hpp"

namespace tokenlift {
namespace {

constexpr std::size_t kMostColumns = 120;
constexpr int kMostBands = 60;
constexpr int kHeats = static_cast<int>(std::size(kHeatShares));
// The picture, in its own units: room for axes at the left and below, for the lift's label above
// and for the scale at the right.
constexpr double kMapLeft = 88, kMapTop = 24, kMapWidth = 782, kMapHeight = 260;
constexpr double kScaleLeft = kMapLeft + kMapWidth + 24;
constexpr double kWhole = 1000, kWholeHeight = 338;

/// Rows of the logarithmic axis: row i holds TTFT from 10^(i / per_decade) ns on.
struct Rows {
  int per_decade = 10;
  int first = 0;
  int count = 0;

  int of(std::int64_t ns) const {
    const double value = static_cast<double>(std::max<std::int64_t>(ns, 1));
    return static_cast<int>(std::floor(std::log10(value) * per_decade + 1e-9));
  }
  double top_of(double log10_ns) const {
    const double height = kMapHeight / count;
    return kMapTop + kMapHeight - (log10_ns * per_decade - first) * height;
  }
};

Rows rows_of(const std::vector<Histogram>& slices) {
  std::int64_t least = INT64_MAX;
  std::int64_t most = 0;
  for (const Histogram& slice : slices) {
    if (slice.empty()) continue;
    least = std::min(least, slice.min_ns());
    most = std::max(most, slice.max_ns());
  }
  Rows rows;
  for (const int per_decade : {10, 5, 2, 1}) {
    rows.per_decade = per_decade;
    rows.first = rows.of(least);
    rows.count = rows.of(most) - rows.first + 1;
    if (rows.count <= kMostBands) break;
  }
  return rows;
}

/// Requests of a slice by row.
std::vector<std::uint64_t> counts_of(const Histogram& slice, const Rows& rows) {
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(rows.count));
  slice.for_each_bucket([&](std::int64_t lower_ns, std::int64_t width_ns, std::uint64_t count) {
    const int row = std::clamp(rows.of(lower_ns + width_ns / 2) - rows.first, 0, rows.count - 1);
    counts[static_cast<std::size_t>(row)] += count;
  });
  return counts;
}

int heat_of(double share) {
  const auto* const above = std::upper_bound(std::begin(kHeatShares), std::end(kHeatShares), share);
  return static_cast<int>(above - std::begin(kHeatShares));
}

/// A path per colour: a few bytes a cell.
std::string cells(const std::vector<Histogram>& slices, const Rows& rows) {
  std::array<std::string, kHeats + 1> paths;
  const double width = kMapWidth / static_cast<double>(slices.size());
  const double height = kMapHeight / rows.count;
  for (std::size_t column = 0; column < slices.size(); ++column) {
    if (slices[column].empty()) continue;
    const std::vector<std::uint64_t> counts = counts_of(slices[column], rows);
    for (std::size_t row = 0; row < counts.size(); ++row) {
      if (counts[row] == 0) continue;
      const double share =
          static_cast<double>(counts[row]) / static_cast<double>(slices[column].count());
      paths[static_cast<std::size_t>(heat_of(share))] += fmt::format(
          "M{:.1f} {:.1f}h{:.2f}v{:.2f}h-{:.2f}z", kMapLeft + static_cast<double>(column) * width,
          kMapTop + kMapHeight - static_cast<double>(row + 1) * height, width, height, width);
    }
  }
  std::string out;
  for (int heat = 1; heat <= kHeats; ++heat) {
    const std::string& path = paths[static_cast<std::size_t>(heat)];
    if (!path.empty()) out += fmt::format("<path class=\"heat-{}\" d=\"{}\"/>\n", heat, path);
  }
  return out;
}

std::string text(double x, double y, const char* anchor, const std::string& words,
                 const char* extra = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y,
                     anchor, extra, escaped(words));
}

std::string latency_axis(const Rows& rows) {
  std::string out =
      text(18, kMapTop + kMapHeight / 2, "middle", "TTFT (logarithmic)",
           fmt::format(" transform=\"rotate(-90 18 {:.1f})\"", kMapTop + kMapHeight / 2).c_str());
  const double first = static_cast<double>(rows.first) / rows.per_decade;
  const double last = static_cast<double>(rows.first + rows.count) / rows.per_decade;
  // Few decades leave room for 2 and 5 in each.
  const bool fine = last - first < 3.5;
  for (int decade = static_cast<int>(std::floor(first)); decade <= last; ++decade) {
    for (const int step : {1, 2, 5}) {
      if (step > 1 && !fine) continue;
      const double value_ns = step * std::pow(10, decade);
      const double log10_ns = std::log10(value_ns);
      if (log10_ns < first - 1e-9 || log10_ns > last + 1e-9) continue;
      const double y = rows.top_of(log10_ns);
      out += fmt::format("<path class=\"tick\" d=\"M{:.1f} {:.1f}h-5\"/>\n", kMapLeft, y);
      const DurationUnit unit = duration_unit({&value_ns, 1});
      out +=
          text(kMapLeft - 8, y + 4, "end", fmt::format("{:.0f} {}", value_ns / unit.ns, unit.name));
    }
  }
  return out;
}

/// A round step that gives about eight ticks.
double tick_step_s(double length_s) {
  double step = 1e-6;
  for (;;) {
    for (const double factor : {1, 2, 5}) {
      if (length_s / (step * factor) <= 9) return step * factor;
    }
    step *= 10;
  }
}

std::string time_axis(double length_s) {
  std::string out;
  const double step = tick_step_s(length_s);
  for (int i = 0; i * step <= length_s * (1 + 1e-9); ++i) {
    const double x = kMapLeft + i * step / length_s * kMapWidth;
    out += fmt::format("<path class=\"tick\" d=\"M{:.1f} {:.1f}v5\"/>\n", x, kMapTop + kMapHeight);
    out += text(x, kMapTop + kMapHeight + 19, "middle", fmt::format("{:g}", i * step));
  }
  out += text(kMapLeft + kMapWidth / 2, kMapTop + kMapHeight + 42, "middle",
              "when requests were due, time since the start of the run (s)");
  return out;
}

std::string lift_mark(const Run& run, double length_s) {
  if (!run.lift || !run.lift->at_ns) return {};
  const double at_s = static_cast<double>(*run.lift->at_ns) / 1e9;
  if (at_s > length_s) return {};
  const double x = kMapLeft + at_s / length_s * kMapWidth;
  std::string out = fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}v{:.1f}\"/>\n",
                                run.control ? "planned" : "lift", x, kMapTop, kMapHeight);
  const bool of_fleet = changes_fleet(*run.lift);
  std::string label = target_of(*run.lift) + (of_fleet ? ": " + run.lift->kind : "");
  if (run.control) label = of_fleet ? "here the other arm changes" : "here the other arm lifts";
  // It stays inside the picture: right of the line, or left of it in the right half.
  const bool left = at_s > length_s / 2;
  out += text(left ? x + 4 : x - 4, kMapTop - 8, left ? "end" : "start",
              fmt::format("{} ({} s)", label, second_figure(*run.lift->at_ns)), " class=\"mark\"");
  return out;
}

std::string scale() {
  std::string out = text(kScaleLeft, kMapTop + 4, "start", "share of the");
  out += text(kScaleLeft, kMapTop + 19, "start", "slice's requests");
  const double height = 20;
  for (int heat = kHeats; heat >= 1; --heat) {
    const double y = kMapTop + 34 + (kHeats - heat) * height;
    out += fmt::format("<path class=\"heat-{} key\" d=\"M{:.1f} {:.1f}h18v{:.1f}h-18z\"/>\n", heat,
                       kScaleLeft, y, height);
    const double from = kHeatShares[heat - 1] * 100;
    out += text(kScaleLeft + 25, y + 14, "start",
                heat == 1 ? "above 0 %" : fmt::format("from {:g} %", from));
  }
  return out;
}

}  // namespace

std::string heatmap_svg(const Run& run, const std::string& id, const std::string& title) {
  const Groups groups = slices_of(run, kMostColumns);
  const std::vector<Histogram> slices = merged_slices(run, groups);
  const bool any = std::any_of(slices.begin(), slices.end(),
                               [](const Histogram& slice) { return !slice.empty(); });
  if (!any) return {};
  const Rows rows = rows_of(slices);
  const auto columns = static_cast<double>(slices.size());
  const double length_s = groups.begin_s(slices.size() - 1) + groups.length_s(0);
  std::string out = fmt::format(
      "<svg class=\"heatmap\" id=\"{0}\" viewBox=\"0 0 {1:g} {2:g}\" role=\"img\" "
      "aria-label=\"{3}\" data-columns=\"{4:g}\" data-rows=\"{5}\">\n<title>{3}</title>\n",
      id, kWhole, kWholeHeight, escaped(title), columns, rows.count);
  out += fmt::format("<path class=\"field\" d=\"M{:g} {:g}h{:g}v{:g}h-{:g}z\"/>\n", kMapLeft,
                     kMapTop, kMapWidth, kMapHeight, kMapWidth);
  out += cells(slices, rows) + latency_axis(rows) + time_axis(length_s);
  out += lift_mark(run, length_s) + scale();
  return out + "</svg>\n";
}

Table heatmap_numbers(const Run& run) {
  Groups groups = slices_of(run, kMostPoints);
  while (groups.size() > kMostRows) ++groups.per_group;
  const std::vector<Histogram> slices = merged_slices(run, groups);
  std::vector<TimeColumn> columns = {
      {"requests", {}}, {"least (ms)", {}}, {"p50 (ms)", {}}, {"p90 (ms)", {}}, {"most (ms)", {}}};
  for (const Histogram& slice : slices) {
    const auto add = [&](std::size_t column, bool known, auto&& ns) {
      columns[column].values.push_back(known ? std::optional(static_cast<double>(ns()) / 1e6)
                                             : std::nullopt);
    };
    columns[0].values.emplace_back(static_cast<double>(slice.count()));
    add(1, !slice.empty(), [&] { return slice.min_ns(); });
    add(2, slice.count() >= samples_needed(500), [&] { return slice.value_at(0.5); });
    add(3, slice.count() >= samples_needed(900), [&] { return slice.value_at(0.9); });
    add(4, !slice.empty(), [&] { return slice.max_ns(); });
  }
  Table table = time_table("", groups, columns);
  table.notes = {fmt::format("Each row covers {} s. {} fewer than 10 requests lie beyond it.",
                             figure(groups.length_s(0)), kAbsent)};
  return table;
}

}  // namespace tokenlift
