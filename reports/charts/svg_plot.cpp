#include "reports/charts/svg_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "reports/text/figure.hpp"
#include "reports/text/html_text.hpp"
#include "reports/text/text_table.hpp"

namespace tokenlift {
namespace {

constexpr double kMostTicks = 6;
/// A logarithmic axis that spans less than this has numbers at 2 and 5, too; or at more.
constexpr double kFineDecades = 3.2, kFinestDecades = 1;

double round_step(double span) {
  double step = std::pow(10, std::floor(std::log10(span / kMostTicks)));
  for (const double factor : {2.0, 2.5, 2.0}) {
    if (span / step <= kMostTicks) break;
    step *= factor;
  }
  return step;
}

/// Ticks are of the same kind, so that "0.5" stands beside "1.0" and no "1.00".
std::string tick_text(double value) {
  if (std::abs(value) >= 1000) return figure(value);
  return fmt::format("{:.6g}", value);
}

}  // namespace

PlotAxis PlotAxis::linear(double low, double high, double begin, double end, double scale) {
  PlotAxis axis;
  axis.begin_ = begin;
  axis.end_ = end;
  const double least_span = std::max({std::abs(low), std::abs(high), 1e-9}) * 1e-6;
  if (high - low < least_span) {
    const double about = std::max(std::abs(low) * 0.1, 1e-9);
    low -= about;
    high += about;
  }
  const double step = round_step(high - low);
  const std::int64_t first = std::llround(std::floor(low / step + 1e-9));
  const std::int64_t last = std::llround(std::ceil(high / step - 1e-9));
  axis.low_ = static_cast<double>(first) * step;
  axis.high_ = static_cast<double>(last) * step;
  for (std::int64_t place = first; place <= last; ++place) {
    const double value = static_cast<double>(place) * step;
    axis.ticks_.push_back({axis.at(value), tick_text(value * scale)});
  }
  return axis;
}

PlotAxis PlotAxis::logarithmic(double low, double high, double begin, double end) {
  PlotAxis axis;
  axis.is_logarithmic_ = true;
  axis.begin_ = begin;
  axis.end_ = end;
  low = std::max(low, 1e-12) / 1.1;
  high = std::max(high * 1.1, low * 2.5);
  axis.low_ = std::log10(low);
  axis.high_ = std::log10(high);
  const double decades = axis.high_ - axis.low_;
  const std::vector<double> steps = decades < kFinestDecades
                                        ? std::vector{1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0}
                                    : decades < kFineDecades ? std::vector{1.0, 2.0, 5.0}
                                                             : std::vector{1.0};
  const auto last = static_cast<int>(std::floor(axis.high_));
  for (auto decade = static_cast<int>(std::floor(axis.low_)); decade <= last; ++decade) {
    for (const double step : steps) {
      const double value = step * std::pow(10, decade);
      if (low <= value && value <= high) axis.ticks_.push_back({axis.at(value), tick_text(value)});
    }
  }
  return axis;
}

double PlotAxis::at(double value) const {
  const double place = is_logarithmic_ ? std::log10(std::max(value, 1e-12)) : value;
  const double share = std::clamp((place - low_) / (high_ - low_), 0.0, 1.0);
  return begin_ + share * (end_ - begin_);
}

void PlotRange::add(double value) {
  if (!std::isfinite(value)) return;
  low = empty ? value : std::min(low, value);
  high = empty ? value : std::max(high, value);
  empty = false;
}

std::string svg_text(double x, double y, const char* anchor, std::string_view words,
                     std::string_view css_class) {
  const std::string of_class = css_class.empty() ? "" : fmt::format(" class=\"{}\"", css_class);
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y,
                     anchor, of_class, escaped(words));
}

std::string fitted(std::string_view text, std::size_t characters) {
  if (display_width(text) <= characters) return std::string(text);
  std::size_t end = 0;
  std::size_t seen = 0;
  while (end < text.size()) {
    const bool starts = (text[end] & 0xC0) != 0x80;
    if (starts && ++seen == characters) break;
    ++end;
  }
  return std::string(text.substr(0, end)) + "…";
}

double text_width(std::string_view text) {
  return 6.8 * static_cast<double>(display_width(text));
}

std::string x_axis_svg(const PlotFrame& frame, const PlotAxis& axis, std::string_view label) {
  std::string out;
  double free_from = -1e9;
  for (const auto& [x, words] : axis.ticks()) {
    out += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>\n", x, frame.top,
                       frame.bottom());
    if (x - text_width(words) / 2 < free_from) continue;
    out += svg_text(x, frame.bottom() + 17, "middle", words);
    free_from = x + text_width(words) / 2 + 6;
  }
  return out + svg_text(frame.left + frame.width / 2, frame.bottom() + 38, "middle", label);
}

std::string y_axis_svg(const PlotFrame& frame, const PlotAxis& axis, std::string_view label) {
  std::string out;
  for (const auto& [y, words] : axis.ticks()) {
    out += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n", frame.left, y,
                       frame.right());
    out += svg_text(frame.left - 7, y + 4, "end", words);
  }
  return label.empty() ? out : out + svg_text(2, frame.top - 12, "start", label);
}

std::string svg_html(double width, double height, std::string_view css_class,
                     std::string_view title, const std::string& inside) {
  return fmt::format(
      "<svg class=\"plot-svg {0}\" viewBox=\"0 0 {1:.0f} {2:.0f}\" role=\"img\" "
      "aria-label=\"{3}\">\n<title>{3}</title>\n{4}</svg>\n",
      css_class, width, height, escaped(title), inside);
}

}  // namespace tokenlift
