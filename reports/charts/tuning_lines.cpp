#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reports/charts/svg_plot.hpp"
#include "reports/charts/tuning_charts.hpp"
#include "reports/findings/tuning_words.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/html_text.hpp"

namespace tokenlift {
namespace {

constexpr double kSmallWidth = 470, kSmallHeight = 268;
constexpr PlotFrame kSmall = {58, 42, 400, 180};
constexpr double kWideWidth = 960, kWideHeight = 270;
constexpr PlotFrame kWide = {62, 30, 884, 190};
constexpr std::array<const char*, 2> kSeriesClasses = {"present", "found"};

double x_of(double position) {
  return kSmall.left + std::clamp(position, 0.0, 1.0) * kSmall.width;
}

std::optional<double> finite(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? value : std::nullopt;
}

/// The response's point of that value.
const ResponsePoint* point_of(const TunedParameter& parameter, const std::string& value) {
  for (const ResponsePoint& point : parameter.response) {
    if (point.value == value) return &point;
  }
  return nullptr;
}

std::string tolerated_svg(const TunedParameter& parameter) {
  const ResponsePoint* const low = point_of(parameter, parameter.tolerated_low);
  const ResponsePoint* const high = point_of(parameter, parameter.tolerated_high);
  if (low == nullptr || high == nullptr || !parameter.choices.empty()) return "";
  const double from = x_of(low->position);
  return fmt::format("<path class=\"band\" d=\"M{:.1f} {:.1f}H{:.1f}V{:.1f}H{:.1f}z\"/>\n", from,
                     kSmall.top, std::max(x_of(high->position), from + 1), kSmall.bottom(), from);
}

/// The values at the ends, and of the points between them that have room.
std::string values_svg(const TunedParameter& parameter) {
  constexpr std::size_t kMostCharacters = 12;
  std::vector<std::pair<double, std::string>> labels;
  if (parameter.choices.empty()) {
    labels = {{0, parameter.lowest}, {1, parameter.highest}};
  }
  for (const ResponsePoint& point : parameter.response) {
    labels.emplace_back(point.position, point.value);
  }
  std::vector<std::pair<double, double>> taken;
  std::string out;
  for (const auto& [position, value] : labels) {
    const std::string words = fitted(value, kMostCharacters);
    const double width = text_width(words);
    const double begin =
        std::clamp(x_of(position) - width / 2, kSmall.left - 20, kSmallWidth - width - 2);
    const bool free = std::all_of(taken.begin(), taken.end(), [&](const auto& other) {
      return begin > other.second + 8 || begin + width + 8 < other.first;
    });
    if (!free) continue;
    taken.emplace_back(begin, begin + width);
    out += svg_text(begin + width / 2, kSmall.bottom() + 17, "middle", words);
  }
  return out;
}

/// A line across the frame with its name over it, in a row of its own.
std::string mark_svg(double position, int row, const char* css_class, const std::string& label) {
  const double x = x_of(position);
  const double y = kSmall.top - 26 + 16 * row;
  const double width = text_width(label) / 2;
  const double text_x = std::clamp(x, kSmall.left + width, kSmall.right() - width);
  return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>\n", css_class, x, y + 4,
                     kSmall.bottom()) +
         svg_text(text_x, y, "middle", label, css_class);
}

std::string marks_svg(const TuningReport& report, std::size_t parameter) {
  constexpr std::size_t kMostCharacters = 40;
  const TunedParameter& each = report.parameters[parameter];
  const std::optional<std::size_t> found = found_candidate(report);
  const bool has_found = found && parameter < report.candidates[*found].point.size();
  const bool same = has_found && each.present == each.recommended;
  std::string out;
  if (each.present_position && each.present && !same) {
    out += mark_svg(*each.present_position, 1, "present",
                    fitted("present " + *each.present, kMostCharacters));
  }
  if (has_found) {
    const std::string label = candidate_label(report, *found) + (same ? " as present " : " ");
    out += mark_svg(report.candidates[*found].point[parameter], 0, "found",
                    fitted(label + each.recommended, kMostCharacters));
  }
  return out;
}

std::string response_points(const TunedParameter& parameter, const PlotAxis& axis) {
  std::string path;
  std::string dots;
  bool drawn = false;
  for (const ResponsePoint& point : parameter.response) {
    const std::optional<double> objective = finite(point.objective);
    if (!objective) {
      drawn = false;
      continue;
    }
    const double x = x_of(point.position);
    const double y = axis.at(*objective);
    path += fmt::format("{}{:.1f} {:.1f}", drawn ? "L" : "M", x, y);
    drawn = true;
    dots += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"/>\n",
                        point.feasible ? "best" : "hollow", x, y);
  }
  // Between choices there is nothing.
  if (!parameter.choices.empty()) return dots;
  return fmt::format("<path class=\"curve\" d=\"{}\"/>\n", path) + dots;
}

/// A line with gaps where values are absent.
std::string series_path(const CaseLine& line, const PlotAxis& x, const PlotAxis& y) {
  std::string path;
  bool drawn = false;
  for (std::size_t i = 0; i < line.values.size(); ++i) {
    const std::optional<double> value = finite(line.values[i]);
    if (!value) {
      drawn = false;
      continue;
    }
    path += fmt::format("{}{:.1f} {:.1f}{}", drawn ? "L" : "M",
                        x.at((static_cast<double>(i) + 0.5) * line.step_s), y.at(*value),
                        drawn ? "" : "h.1");
    drawn = true;
  }
  return path;
}

std::string series_svg(const TuningReport& report, CaseLine TuningSeries::*line, bool logarithmic,
                       const char* label) {
  PlotRange range;
  double end_s = 0;
  for (const TuningSeries& series : report.series) {
    const CaseLine& each = series.*line;
    end_s = std::max(end_s, each.step_s * static_cast<double>(each.values.size()));
    for (const std::optional<double>& value : each.values) {
      if (value && (!logarithmic || *value > 0)) range.add(*value);
    }
  }
  if (range.empty || !(end_s > 0)) return "";
  const PlotAxis x = PlotAxis::linear(0, end_s, kWide.left, kWide.right());
  const PlotAxis y = logarithmic
                         ? PlotAxis::logarithmic(range.low, range.high, kWide.bottom(), kWide.top)
                         : PlotAxis::linear(0, range.high, kWide.bottom(), kWide.top);
  std::string inside =
      y_axis_svg(kWide, y, label) + x_axis_svg(kWide, x, "time since the start of the run, s");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(report.series.size(), kSeriesClasses.size()); ++i) {
    inside += fmt::format("<path class=\"line {}\" d=\"{}\"/>\n", kSeriesClasses[i],
                          series_path(report.series[i].*line, x, y));
    names.push_back(report.series[i].label);
  }
  return svg_html(kWideWidth, kWideHeight, "wide",
                  fmt::format("{} over time: {}", label, listed(names, "and")), inside);
}

/// One setting: a hollow dot where it was predicted, a full one with its interval as measured.
std::string arm_svg(const VerifiedArm& arm, const PlotAxis& axis, double y, const char* css_class) {
  constexpr std::size_t kMostCharacters = 20;
  std::string out = svg_text(150, y + 4, "end", fitted(arm.label, kMostCharacters));
  if (arm.interval) {
    out += fmt::format("<path class=\"line {}\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n", css_class,
                       axis.at(arm.interval->low), y, axis.at(arm.interval->high));
  }
  if (const std::optional<double> measured = finite(arm.measured)) {
    out += fmt::format("<circle class=\"dot {}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"6\"/>\n",
                       css_class, axis.at(*measured), y);
  }
  if (const std::optional<double> predicted = finite(arm.predicted)) {
    out += fmt::format("<circle class=\"hollow\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"6\"/>\n",
                       axis.at(*predicted), y);
  }
  return out;
}

}  // namespace

std::string response_svg(const TuningReport& report, std::size_t parameter) {
  const TunedParameter& each = report.parameters[parameter];
  PlotRange range;
  for (const ResponsePoint& point : each.response) {
    if (point.objective) range.add(*point.objective);
  }
  if (range.empty) return "";
  const ShownUnit unit = aim_unit(report.aim.path);
  const PlotAxis axis =
      PlotAxis::linear(range.low, range.high, kSmall.bottom(), kSmall.top, unit.scale);
  const std::string inside = tolerated_svg(each) + y_axis_svg(kSmall, axis, "") + values_svg(each) +
                             marks_svg(report, parameter) + response_points(each, axis) +
                             svg_text(kSmall.left + kSmall.width / 2, kSmall.bottom() + 38,
                                      "middle", each.scale.starts_with("log") ? "logarithmic" : "");
  return svg_html(kSmallWidth, kSmallHeight, "small",
                  fmt::format("{} along the range of {}", report.aim.path, parameter_label(each)),
                  inside);
}

std::string goodput_series_svg(const TuningReport& report) {
  return series_svg(report, &TuningSeries::goodput_line, false, "goodput, tokens/s");
}

std::string ttft_series_svg(const TuningReport& report) {
  return series_svg(report, &TuningSeries::ttft_line, true, "TTFT p50, ms (logarithmic)");
}

std::string verification_svg(const TuningReport& report) {
  if (!report.verification) return "";
  PlotRange range;
  for (const VerifiedArm& arm : report.verification->arms) {
    if (arm.predicted) range.add(*arm.predicted);
    if (arm.measured) range.add(*arm.measured);
    if (arm.interval) range.add(arm.interval->high);
  }
  if (range.empty) return "";
  constexpr double kRow = 36;
  const auto rows = static_cast<double>(report.verification->arms.size());
  const PlotFrame frame = {164, 10, 764, kRow * rows};
  const ShownUnit unit = aim_unit(report.aim.path);
  const PlotAxis axis =
      PlotAxis::linear(std::min(0.0, range.low), range.high, frame.left, frame.right(), unit.scale);
  std::string inside = x_axis_svg(
      frame, axis, fitted(report.aim.path, 60) + (unit.name.empty() ? "" : ", " + unit.name));
  double y = frame.top + kRow / 2;
  for (std::size_t i = 0; i < report.verification->arms.size(); ++i) {
    const VerifiedArm& arm = report.verification->arms[i];
    inside += arm_svg(arm, axis, y, i == 0 ? "present" : "found");
    y += kRow;
  }
  return svg_html(kWideWidth, frame.bottom() + 48, "wide",
                  "Predicted against measured, as in the table below", inside);
}

}  // namespace tokenlift
