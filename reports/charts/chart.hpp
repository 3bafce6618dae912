#pragma once
// A chart of the report as a value: lines or bars with what they mean, and the same numbers as a
// table. The page draws it (page.js); without JavaScript the table says the same.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "reports/text/table.hpp"

namespace tokenlift {

/// Lines differ by colour and by stroke, so that they are told apart without seeing colours.
enum class Stroke { solid, dashed, dotted, dash_dot };

/// How the figures of an axis are written.
enum class Scale {
  number,        ///< 1,234
  seconds,       ///< 15 s
  milliseconds,  ///< in ms, logarithmic: 500 µs, 20 ms, 1.5 s
  percent,       ///< 0 .. 100
  percentile,    ///< of 1 / (1 - p), logarithmic: p50, p99
};

struct Axis {
  std::string label;  ///< with the unit
  Scale scale = Scale::number;
};

/// What bars show has a value per category and no x.
struct Line {
  std::string label;
  std::size_t colour = 0;  ///< of the page's palette, from 0 on
  Stroke stroke = Stroke::solid;
  bool right_axis = false;
  bool stepped = false;  ///< a value holds until the next one
  std::vector<double> x;
  std::vector<std::optional<double>> y;          ///< absent: a gap
  std::vector<std::optional<double>> low, high;  ///< a band around y; empty where there is none
  std::vector<std::size_t> marked;               ///< indices of points to be drawn hollow
  std::optional<std::size_t> trial;              ///< the shared legend switches it on and off
};

/// A vertical line with a label.
struct Mark {
  double x = 0;
  std::string label;
};

/// From `begin` to `end` the chart is shaded, and the shade has a name.
struct Shade {
  double begin = 0;
  double end = 0;
  std::string label;
};

struct Chart {
  std::string id;       ///< letters and hyphens; unique in the page
  std::string section;  ///< charts of one section follow each other
  std::string title;
  std::string explanation;  ///< what is shown and how to read it
  Axis x;
  Axis y;
  std::optional<Axis> right;
  std::vector<std::string> categories;  ///< of bars; empty for lines
  bool stacked = false;
  std::vector<Line> lines;
  std::vector<Mark> marks;
  std::vector<Shade> shades;
  std::vector<Mark> gaps;  ///< why a line has a gap from here on: text without a line
  std::vector<Table> numbers;
};

}  // namespace tokenlift
