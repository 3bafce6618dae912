#include "reports/charts/comparison_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "reports/charts/svg_plot.hpp"
#include "reports/findings/gains_table.hpp"

namespace tokenlift {
namespace {

constexpr double kChangeRow = 24;
constexpr double kChartWidth = 980;
constexpr double kNames = 236;  // room at the left
constexpr std::size_t kLongestName = 26;
/// What lies beyond stands at the end of the axis.
constexpr double kLeastShown = 0.05, kMostShown = 20;

bool is_ratio(double value) {
  return std::isfinite(value) && value > 0;
}

/// Ratios that an axis of equal ratios can show, of what is judged.
bool is_drawn(const ComparedFigure& figure, bool all) {
  const bool changed = figure.reading == Reading::better || figure.reading == Reading::worse;
  return (all || changed) && figure.reading != Reading::not_judged && !figure.is_difference &&
         figure.change.value && is_ratio(*figure.change.value);
}

bool has_drawn_interval(const ComparedFigure& figure) {
  return figure.change.interval && is_ratio(figure.change.interval->low) &&
         is_ratio(figure.change.interval->high);
}

std::string row_svg(const ComparedFigure& figure, bool valid, const PlotAxis& axis, double y) {
  const bool better = figure.reading == Reading::better && valid;
  const char* const css_class = better                             ? "better"
                                : figure.reading == Reading::worse ? "worse"
                                                                   : "undecided";
  const std::string name =
      gain_label(figure.name) + (figure.phase == "lift" ? "" : ", " + figure.phase);
  std::string out = svg_text(kNames - 12, y + 4, "end", fitted(name, kLongestName), "name");
  if (has_drawn_interval(figure)) {
    out +=
        fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>", css_class,
                    axis.at(figure.change.interval->low), y, axis.at(figure.change.interval->high));
  }
  const double x = axis.at(*figure.change.value);
  return out + (figure.reading == Reading::worse
                    ? fmt::format("<path class=\"worse mark\" d=\"M{:.1f} {:.1f}h9v9h-9z\"/>",
                                  x - 4.5, y - 4.5)
                    : fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\"/>",
                                  css_class, x, y));
}

}  // namespace

std::string comparison_svg(const CaseComparison& one, bool all, bool valid) {
  std::vector<const ComparedFigure*> drawn;
  PlotRange range;
  const auto add = [&](double ratio) { range.add(std::clamp(ratio, kLeastShown, kMostShown)); };
  add(0.9);
  add(1.1);
  for (const ComparedFigure& figure : one.figures) {
    if (!is_drawn(figure, all)) continue;
    drawn.push_back(&figure);
    add(*figure.change.value);
    if (!has_drawn_interval(figure)) continue;
    add(figure.change.interval->low);
    add(figure.change.interval->high);
  }
  if (drawn.empty()) return "";
  const PlotFrame frame = {kNames, 10, kChartWidth - kNames - 36,
                           kChangeRow * static_cast<double>(drawn.size())};
  const PlotAxis axis =
      range.high / range.low > 5
          ? PlotAxis::logarithmic(range.low, range.high, frame.left, frame.right())
          : PlotAxis::linear(range.low, range.high, frame.left, frame.right());
  std::string inside = x_axis_svg(frame, axis, "contender / base");
  inside += fmt::format("<path class=\"no-change\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>", axis.at(1),
                        frame.top, frame.bottom());
  double y = frame.top + kChangeRow / 2;
  for (const ComparedFigure* const figure : drawn) {
    inside += row_svg(*figure, valid, axis, y);
    y += kChangeRow;
  }
  return svg_html(kChartWidth, frame.bottom() + 48, "wide",
                  "Changes of " + fitted(one.name, 60) + ", as in the table below", inside);
}

}  // namespace tokenlift
