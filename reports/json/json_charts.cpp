#include "reports/json/json_charts.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include "reports/json/json_value.hpp"
#include "reports/text/utf8.hpp"
#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

/// Significant digits: of what is drawn, where a pixel is a thousandth; and of instants, which may
/// be many bins apart from 0.
constexpr int kDigits = 4;
constexpr int kInstantDigits = 9;

double rounded(double value, int digits) {
  return std::strtod(fmt::format("{:.{}g}", value, digits).c_str(), nullptr);
}

Json number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(rounded(*value, kDigits)) : Json(nullptr);
}

Json numbers(const std::vector<std::optional<double>>& values) {
  Json json = Json::array();
  for (const std::optional<double>& value : values) json.push_back(number(value));
  return json;
}

std::string_view name_of(Stroke stroke) {
  constexpr std::string_view kNames[] = {"solid", "dashed", "dotted", "dash_dot"};
  return kNames[static_cast<std::size_t>(stroke)];
}

std::string_view name_of(Scale scale) {
  constexpr std::string_view kNames[] = {"number", "seconds", "milliseconds", "percent",
                                         "percentile"};
  return kNames[static_cast<std::size_t>(scale)];
}

Json json_of(const Axis& axis) {
  return {{"label", axis.label}, {"scale", name_of(axis.scale)}};
}

/// The step between all x, where it is one.
std::optional<double> even_step(const std::vector<double>& x) {
  if (x.size() < 3) return std::nullopt;
  const double step = x[1] - x[0];
  for (std::size_t i = 1; i < x.size(); ++i) {
    if (std::abs(x[i] - x[i - 1] - step) > 1e-9 * std::abs(x.back())) return std::nullopt;
  }
  return step;
}

Json json_of(const Line& line) {
  Json json = {{"label", line.label}, {"colour", line.colour}, {"stroke", name_of(line.stroke)}};
  if (line.right_axis) json["right"] = true;
  if (line.stepped) json["stepped"] = true;
  if (line.trial) json["trial"] = *line.trial;
  if (const std::optional<double> step = even_step(line.x)) {
    json["even"] =
        Json::array({rounded(line.x[0], kInstantDigits), rounded(*step, kInstantDigits)});
  } else if (!line.x.empty()) {
    for (const double x : line.x) json["x"].push_back(rounded(x, kInstantDigits));
  }
  json["y"] = numbers(line.y);
  if (!line.low.empty()) {
    json["low"] = numbers(line.low);
    json["high"] = numbers(line.high);
  }
  if (!line.marked.empty()) json["marked"] = line.marked;
  return json;
}

Json json_of(const std::vector<Mark>& marks) {
  Json json = Json::array();
  for (const Mark& mark : marks) json.push_back({{"x", mark.x}, {"label", mark.label}});
  return json;
}

Json json_of(const Chart& chart) {
  Json json = {{"id", chart.id},
               {"title", chart.title},
               {"x", json_of(chart.x)},
               {"y", json_of(chart.y)},
               {"right", chart.right ? json_of(*chart.right) : Json(nullptr)},
               {"categories", chart.categories},
               {"stacked", chart.stacked},
               {"marks", json_of(chart.marks)},
               {"gaps", json_of(chart.gaps)}};
  json["shades"] = Json::array();
  for (const Shade& shade : chart.shades) {
    json["shades"].push_back({{"begin", shade.begin}, {"end", shade.end}, {"label", shade.label}});
  }
  json["lines"] = Json::array();
  for (const Line& line : chart.lines) json["lines"].push_back(json_of(line));
  return json;
}

}  // namespace

std::string chart_data(const std::vector<Chart>& charts) {
  Json json = Json::array();
  for (const Chart& chart : charts) json.push_back(json_of(chart));
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  // "<" stands in strings only, where JSON may write it so; the script element then cannot end
  // early, nor a comment begin. What the script draws is no more to turn the direction of text than
  // what is escaped().
  std::string safe;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view character = rest.substr(0, character_bytes(rest));
    if (character == "<") {
      safe += "\\u003c";
    } else if (is_control(character)) {
      safe += kReplacement;
    } else {
      safe += character;
    }
    rest.remove_prefix(character.size());
  }
  return safe;
}

}  // namespace tokenlift
