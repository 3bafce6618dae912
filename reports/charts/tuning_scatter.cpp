#include <fmt/format.h>

#include <algorithm>
#include <cmath>
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

constexpr double kScatterWidth = 960, kScatterHeight = 460;
constexpr PlotFrame kFrame = {62, 34, 878, 370};

bool is_shown(const TuningFigures& figures) {
  return figures.goodput_tokens_per_s && figures.ttft_p99_ms && *figures.ttft_p99_ms > 0 &&
         std::isfinite(*figures.goodput_tokens_per_s) && std::isfinite(*figures.ttft_p99_ms);
}

struct Axes {
  PlotAxis x, y;
};

struct Spot {
  double x = 0, y = 0;
};

Spot spot_of(const TuningFigures& figures, const Axes& axes) {
  return {axes.x.at(*figures.ttft_p99_ms), axes.y.at(*figures.goodput_tokens_per_s)};
}

/// "#17: load 0.8373, ...; goodput 2,559 tokens/s, TTFT p99 241 ms, 1.16 % unserved"
std::string tip_of(const TuningReport& report, std::size_t candidate) {
  const TuningCandidate& each = report.candidates[candidate];
  std::vector<std::string> words;
  for (std::size_t i = 0; i < std::min(each.values.size(), report.parameters.size()); ++i) {
    words.push_back(parameter_name(report.parameters[i]).what + " " + each.values[i]);
  }
  const TuningFigures& figures = each.figures;
  return fmt::format("{}: {}; goodput {} tokens/s, TTFT p99 {} ms, {} unserved{}",
                     candidate_label(report, candidate), listed(words, "and"),
                     figure(*figures.goodput_tokens_per_s), figure(*figures.ttft_p99_ms),
                     figures.unserved ? percent_figure(*figures.unserved) : kAbsent,
                     misses_constraints(figures) ? ", misses a constraint" : "");
}

double radius_of(const TuningFigures& figures) {
  return 3.5 + 8 * std::sqrt(std::clamp(figures.unserved.value_or(0), 0.0, 1.0));
}

std::string dot_svg(const TuningReport& report, std::size_t candidate, const Axes& axes) {
  const TuningCandidate& each = report.candidates[candidate];
  const Spot spot = spot_of(each.figures, axes);
  const char* const css_class = !each.figures.feasible() ? "missed" : each.pareto ? "best" : "met";
  return fmt::format(
      "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"><title>{}</title></circle>\n",
      css_class, spot.x, spot.y, radius_of(each.figures), escaped(tip_of(report, candidate)));
}

std::string pareto_line(const TuningReport& report, const Axes& axes) {
  std::vector<Spot> spots;
  for (const std::size_t candidate : pareto_candidates(report)) {
    const TuningFigures& figures = report.candidates[candidate].figures;
    if (is_shown(figures)) spots.push_back(spot_of(figures, axes));
  }
  std::sort(spots.begin(), spots.end(), [](const Spot& a, const Spot& b) { return a.x < b.x; });
  std::string path;
  for (const Spot& spot : spots) {
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", spot.x, spot.y);
  }
  return spots.size() < 2 ? "" : fmt::format("<path class=\"front\" d=\"{}\"/>\n", path);
}

/// A ring or a diamond with its name, above or below it and within the picture.
std::string mark_svg(const Spot& spot, bool present, bool above, const std::string& label) {
  const double width = text_width(label) / 2;
  const double x = std::clamp(spot.x, kFrame.left + width, kFrame.right() - width);
  const double y = above ? spot.y - 17 : spot.y + 26;
  const std::string shape =
      present ? fmt::format("<path class=\"present\" d=\"M{:.1f} {:.1f}l9 9l-9 9l-9-9z\"/>\n",
                            spot.x, spot.y - 9)
              : fmt::format("<circle class=\"found\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"9\"/>\n",
                            spot.x, spot.y);
  return shape + svg_text(x, y, "middle", label, present ? "present" : "found");
}

std::string marks_svg(const TuningReport& report, const Axes& axes) {
  std::optional<Spot> present;
  std::optional<Spot> found;
  if (is_shown(report.candidates[0].figures)) present = spot_of(report.candidates[0].figures, axes);
  const std::optional<std::size_t> place = found_candidate(report);
  if (place && *place != 0 && is_shown(report.candidates[*place].figures)) {
    found = spot_of(report.candidates[*place].figures, axes);
  }
  // The upper one has its name above it, the lower one below, so that they never meet.
  const bool present_above = !found || (present && present->y <= found->y);
  std::string out;
  if (present) {
    const bool same = place == std::size_t{0};
    const bool above = present_above && present->y > kFrame.top + 4;
    out += mark_svg(*present, true, above, same ? "present, and the best" : "present");
  }
  if (found) {
    const bool above = !(present && present_above) && found->y > kFrame.top + 4;
    out += mark_svg(*found, false, above, candidate_label(report, *place));
  }
  return out;
}

}  // namespace

std::string pareto_svg(const TuningReport& report) {
  PlotRange goodput;
  PlotRange ttft;
  std::vector<std::size_t> shown;
  for (const std::size_t candidate : ranked_candidates(report)) {
    const TuningFigures& figures = report.candidates[candidate].figures;
    if (!is_shown(figures)) continue;
    goodput.add(*figures.goodput_tokens_per_s);
    ttft.add(*figures.ttft_p99_ms);
    shown.push_back(candidate);
  }
  if (shown.empty()) return "";
  const Axes axes = {PlotAxis::logarithmic(ttft.low, ttft.high, kFrame.left, kFrame.right()),
                     PlotAxis::linear(std::min(0.0, goodput.low), goodput.high * 1.02,
                                      kFrame.bottom(), kFrame.top)};
  std::string inside = y_axis_svg(kFrame, axes.y, "goodput, tokens/s") +
                       x_axis_svg(kFrame, axes.x, "TTFT p99, ms (logarithmic)");
  // The best are drawn last, on top.
  std::reverse(shown.begin(), shown.end());
  for (const std::size_t candidate : shown) inside += dot_svg(report, candidate, axes);
  inside += pareto_line(report, axes) + marks_svg(report, axes);
  return svg_html(kScatterWidth, kScatterHeight, "wide",
                  fmt::format("Goodput against p99 TTFT of {} settings; the numbers are in the "
                              "table of all settings",
                              whole_figure(shown.size())),
                  inside);
}

}  // namespace tokenlift
