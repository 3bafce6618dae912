#pragma once
// Parts of charts that are drawn as SVG: axes with round ticks, and text that fits.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tokenlift {

/// Where the lines of a chart go, in the units of its viewBox; y grows downwards.
struct PlotFrame {
  double left = 0, top = 0, width = 0, height = 0;
  double right() const { return left + width; }
  double bottom() const { return top + height; }
};

/// Values along a line, from `begin` to `end` of the picture. What lies beyond is moved to the
/// ends.
class PlotAxis {
 public:
  /// From `low` to `high` and on to the next round numbers; numbers are told times `scale`. Any
  /// finite values do.
  static PlotAxis linear(double low, double high, double begin, double end, double scale = 1);
  /// The same in equal ratios; both above 0.
  static PlotAxis logarithmic(double low, double high, double begin, double end);

  double at(double value) const;
  struct Tick {
    double at = 0;
    std::string text;
  };
  const std::vector<Tick>& ticks() const { return ticks_; }

 private:
  double low_ = 0, high_ = 1, begin_ = 0, end_ = 1;
  bool is_logarithmic_ = false;
  std::vector<Tick> ticks_;
};

/// The smallest and the largest of some finite values. Empty until it holds one.
struct PlotRange {
  double low = 0, high = 0;
  bool empty = true;
  void add(double value);
};

std::string svg_text(double x, double y, const char* anchor, std::string_view words,
                     std::string_view css_class = "");

/// The first so many characters of a text, the last of them "…" where it is longer.
std::string fitted(std::string_view text, std::size_t characters);

/// About how wide such a text is, in the units of a viewBox whose text is 12 high.
double text_width(std::string_view text);

/// Grid lines and numbers, below and left of the frame, with what the axes are of (that of y
/// may be empty).
std::string x_axis_svg(const PlotFrame& frame, const PlotAxis& axis, std::string_view label);
std::string y_axis_svg(const PlotFrame& frame, const PlotAxis& axis, std::string_view label);

/// `inside`, named `title` for who cannot see it, with the class "plot-svg" and another.
std::string svg_html(double width, double height, std::string_view css_class,
                     std::string_view title, const std::string& inside);

}  // namespace tokenlift
