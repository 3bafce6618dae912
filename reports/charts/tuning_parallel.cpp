#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reports/charts/svg_plot.hpp"
#include "reports/charts/tuning_charts.hpp"
#include "reports/findings/tuning_tables.hpp"
#include "reports/findings/tuning_words.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/html_text.hpp"

namespace tokenlift {
namespace {

constexpr double kLeastWidth = 960, kHeight = 400;
constexpr double kTop = 66, kBottom = 366;
constexpr double kMargin = 70;           ///< of the first and the last axis
constexpr double kLeastGap = 104;        ///< between two axes
constexpr std::size_t kMostChoices = 8;  ///< that have their names beside the axis

struct Layout {
  double width = kLeastWidth;
  double gap = 0;
  PlotAxis objective;
  double x(std::size_t axis) const { return kMargin + gap * static_cast<double>(axis); }
};

double y_of(double position) {
  return kBottom - std::clamp(position, 0.0, 1.0) * (kBottom - kTop);
}

/// Where it lies on the axis of a parameter; nothing where that is not known.
std::optional<double> position_on(const TuningReport& report, const TuningCandidate& candidate,
                                  std::size_t parameter) {
  if (parameter < candidate.point.size()) return candidate.point[parameter];
  if (candidate.point.empty()) return report.parameters[parameter].present_position;
  return std::nullopt;
}

std::string path_of(const TuningReport& report, const TuningCandidate& candidate,
                    const Layout& layout) {
  std::string path;
  bool drawn = false;
  const auto add = [&](std::size_t axis, double y) {
    path += fmt::format("{}{:.0f} {:.1f}", drawn ? "L" : "M", layout.x(axis), y);
    drawn = true;
  };
  for (std::size_t i = 0; i < report.parameters.size(); ++i) {
    const std::optional<double> position = position_on(report, candidate, i);
    if (position) {
      add(i, y_of(*position));
    } else {
      drawn = false;
    }
  }
  const std::optional<double>& objective = candidate.figures.objective;
  if (objective && std::isfinite(*objective)) {
    add(report.parameters.size(), layout.objective.at(*objective));
  }
  return path;
}

/// Names of choices where candidates have them.
std::map<std::string, double> places_of_choices(const TuningReport& report, std::size_t parameter) {
  std::map<std::string, double> places;
  for (const TuningCandidate& each : report.candidates) {
    const std::optional<double> position = position_on(report, each, parameter);
    if (position && parameter < each.values.size()) {
      places.emplace(each.values[parameter], *position);
    }
  }
  return places;
}

std::string axis_svg(const TuningReport& report, std::size_t parameter, const Layout& layout) {
  const TunedParameter& each = report.parameters[parameter];
  const double x = layout.x(parameter);
  const auto room = static_cast<std::size_t>((std::min(layout.gap, 2 * kMargin) - 8) / 6.8);
  const ParameterName name = parameter_name(each);
  std::string out =
      fmt::format("<path class=\"axis\" d=\"M{:.0f} {:.0f}V{:.0f}\"/>\n", x, kTop, kBottom);
  out += svg_text(x, 16, "middle", fitted(name.what, room), "name");
  out += svg_text(x, 32, "middle", fitted(name.whose, room));
  if (each.choices.empty()) {
    out += svg_text(x, kTop - 9, "middle", fitted(each.highest, room), "end");
    return out + svg_text(x, kBottom + 18, "middle", fitted(each.lowest, room), "end");
  }
  const std::map<std::string, double> places = places_of_choices(report, parameter);
  if (places.size() > kMostChoices) return out;
  for (const auto& [choice, position] : places) {
    out += svg_text(x + 7, y_of(position) + 4, "start", fitted(choice, room - 2), "end");
  }
  return out;
}

std::string objective_svg(const TuningReport& report, const Layout& layout) {
  const double x = layout.x(report.parameters.size());
  std::string out =
      fmt::format("<path class=\"axis\" d=\"M{:.0f} {:.0f}V{:.0f}\"/>\n", x, kTop, kBottom);
  const ShownUnit unit = aim_unit(report.aim.path);
  const auto room = static_cast<std::size_t>((std::min(layout.gap, kMargin) + kMargin - 8) / 6.8);
  out += svg_text(layout.width - 2, 16, "end", fitted(report.aim.path, room), "name");
  out += svg_text(layout.width - 2, 32, "end",
                  unit.name + (report.aim.maximize ? "" : " (less is better)"));
  for (const auto& [y, words] : layout.objective.ticks()) {
    out += fmt::format("<path class=\"axis\" d=\"M{:.0f} {:.1f}h4\"/>\n", x, y);
    out += svg_text(x + 8, y + 4, "start", words, "end");
  }
  return out;
}

/// All of a kind in one path: a few bytes each.
std::string lines_svg(const TuningReport& report, const Layout& layout) {
  const std::vector<std::size_t> ranked = ranked_candidates(report);
  std::size_t feasible = 0;
  for (const TuningCandidate& each : report.candidates) feasible += each.figures.feasible();
  const std::size_t best = (feasible + 9) / 10;
  std::string missed, met, tenth;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    std::string& kind = i < best ? tenth : i < feasible ? met : missed;
    kind += path_of(report, report.candidates[ranked[i]], layout);
  }
  std::string out;
  const auto add = [&](const char* css_class, const std::string& path) {
    if (!path.empty()) out += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", css_class, path);
  };
  add("thread missed", missed);
  add("thread met", met);
  add("thread best", tenth);
  const std::optional<std::size_t> found = found_candidate(report);
  add("thread present", path_of(report, report.candidates[0], layout));
  if (found && *found != 0) {
    add("thread found", path_of(report, report.candidates[*found], layout));
  }
  return out;
}

}  // namespace

std::string parallel_svg(const TuningReport& report) {
  if (report.candidates.size() < 2 || report.parameters.empty()) return "";
  PlotRange range;
  for (const TuningCandidate& each : report.candidates) {
    if (each.figures.objective) range.add(*each.figures.objective);
  }
  if (range.empty) return "";
  Layout layout;
  const auto gaps = static_cast<double>(report.parameters.size());
  layout.width = std::max(kLeastWidth, 2 * kMargin + gaps * kLeastGap);
  layout.gap = (layout.width - 2 * kMargin) / gaps;
  layout.objective =
      PlotAxis::linear(range.low, range.high, kBottom, kTop, aim_unit(report.aim.path).scale);
  std::string inside = lines_svg(report, layout);
  for (std::size_t i = 0; i < report.parameters.size(); ++i) {
    inside += axis_svg(report, i, layout);
  }
  inside += objective_svg(report, layout);
  return svg_html(layout.width, kHeight, layout.width > kLeastWidth ? "wider" : "wide",
                  fmt::format("The values of each parameter and what comes of them, of {} "
                              "settings; the numbers are in the table of all settings",
                              whole_figure(report.candidates.size())),
                  inside);
}

}  // namespace tokenlift
