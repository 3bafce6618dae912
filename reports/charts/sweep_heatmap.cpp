// A figure over two axes, as SVG.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "reports/charts/svg_plot.hpp"
#include "reports/charts/sweep_charts.hpp"
#include "reports/findings/sweep_tables.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/html_text.hpp"

namespace tokenlift {
namespace {

constexpr double kWidth = 470, kRowHeight = 34;
constexpr PlotFrame kCells = {86, 8, 376, 0};
/// The palest and the strongest colour: numbers stay readable on them.
constexpr int kPalest = 1, kStrongest = 5;
constexpr std::size_t kLongestValue = 12;

/// The values of an axis, in the order of the points.
std::vector<std::string> values_of(const SweepReport& report, std::size_t axis) {
  std::vector<std::string> values;
  for (const SweepPoint& point : report.points) {
    if (std::find(values.begin(), values.end(), point.values[axis]) == values.end()) {
      values.push_back(point.values[axis]);
    }
  }
  return values;
}

std::size_t place_of(const std::vector<std::string>& values, const std::string& value) {
  return static_cast<std::size_t>(std::find(values.begin(), values.end(), value) - values.begin());
}

double scale_of(std::string_view what) {
  for (const SweepFigure& figure : sweep_figures()) {
    if (figure.what == what) return figure.scale;
  }
  return 1;
}

}  // namespace

std::string sweep_heatmap_svg(const SweepReport& report, std::string_view what) {
  if (report.axes.size() != 2) return "";
  PlotRange range;
  for (const SweepPoint& point : report.points) {
    if (const Estimate* const figure = figure_of(report, point, what)) range.add(*figure->value);
  }
  if (range.empty) return "";
  const std::vector<std::string> across = values_of(report, 0), down = values_of(report, 1);
  const double width = kCells.width / static_cast<double>(across.size());
  const double bottom = kCells.top + kRowHeight * static_cast<double>(down.size());
  const bool wide_enough = width >= 34;
  std::string inside;
  for (const SweepPoint& point : report.points) {
    const double x = kCells.left + width * static_cast<double>(place_of(across, point.values[0]));
    // The largest value of the second axis stands on top.
    const double y = bottom - kRowHeight * static_cast<double>(place_of(down, point.values[1]) + 1);
    const Estimate* const found = figure_of(report, point, what);
    std::string text = std::string(name_of(point.state));
    std::string cell = "field";
    if (found != nullptr) {
      const double span = range.high - range.low;
      const double share = span > 0 ? (*found->value - range.low) / span : 0.5;
      cell = fmt::format("heat-{}", kPalest + std::lround(share * (kStrongest - kPalest)));
      text = figure(*found->value * scale_of(what));
    }
    inside += fmt::format(
        "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
        "<title>{}</title></rect>\n",
        cell, x + 0.5, y + 0.5, width - 1, kRowHeight - 1,
        escaped(point_label(report, point) + ": " + text));
    if (wide_enough) {
      const std::string shown = found != nullptr                       ? text
                                : point.state == PointState::saturated ? "sat."
                                                                       : kAbsent;
      inside += svg_text(x + width / 2, y + kRowHeight / 2 + 4, "middle", shown, "cell");
    }
  }
  for (std::size_t i = 0; i < across.size(); ++i) {
    if (!wide_enough && i % 2 == 1) continue;
    inside += svg_text(kCells.left + width * (static_cast<double>(i) + 0.5), bottom + 17, "middle",
                       fitted(across[i], kLongestValue));
  }
  for (std::size_t i = 0; i < down.size(); ++i) {
    inside += svg_text(kCells.left - 6, bottom - kRowHeight * (static_cast<double>(i) + 0.5) + 4,
                       "end", fitted(down[i], kLongestValue));
  }
  inside += svg_text(kCells.left + kCells.width / 2, bottom + 36, "middle", report.axes[0].key);
  inside += svg_text(kCells.left + kCells.width / 2, bottom + 54, "middle",
                     "upwards: " + report.axes[1].key);
  return svg_html(kWidth, bottom + 64, "small",
                  fmt::format("{} over {} and {}", what, report.axes[0].key, report.axes[1].key),
                  inside);
}

}  // namespace tokenlift
