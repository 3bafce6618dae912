#include "workloads/text/mistake.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "workloads/text/did_you_mean.hpp"
#include "workloads/text/utf8.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kExcerptWidth = 96;

// What is around a place of a line.
struct Window {
  std::string_view text;
  std::size_t before = 0;  // code points of the line before it
  std::size_t place = 0;   // in the line; at its end at most
};

// As many code points on either side as there are, `beside` at most.
Window window_of(std::string_view line, std::size_t place, std::size_t beside) {
  const Stretch before = stretch_of(line, place - std::min(place, beside));
  const std::string_view rest = line.substr(before.bytes);
  const Stretch up_to = stretch_of(rest, place - before.points);
  const std::size_t end = before.points + up_to.points;
  if (end < place) return window_of(line, end, beside);
  const Stretch behind = stretch_of(rest.substr(up_to.bytes), beside);
  return {rest.substr(0, up_to.bytes + behind.bytes), before.points, end};
}

// One string per code point, fit for a terminal: one column each as far as the code can know.
std::vector<std::string> printable_code_points(std::string_view text) {
  std::vector<std::string> points;
  while (!text.empty()) {
    const std::size_t size = code_point_bytes(text);
    if (text[0] == '\t') {
      points.emplace_back(" ");
    } else if (size == 0 || moves_cursor(text.substr(0, size)) ||
               turns_direction(text.substr(0, size))) {
      points.emplace_back("?");
    } else {
      points.emplace_back(text.substr(0, size));
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return points;
}

std::string printable(std::string_view text) {
  std::string result;
  for (const std::string& point : printable_code_points(text)) result += point;
  return result;
}

// The source line, or the part of it around the caret, and the caret below it.
std::string excerpt_with_caret(const Mistake& mistake) {
  const auto place = static_cast<std::size_t>(std::max(mistake.column - mistake.excerpt_column, 0));
  // Of more than is shown, so that what is left out shows.
  const Window window = window_of(mistake.excerpt, place, kExcerptWidth + 1);
  const std::vector<std::string> points = printable_code_points(window.text);
  const std::size_t caret = window.place - window.before;
  std::size_t begin = 0;
  if (points.size() > kExcerptWidth && caret > kExcerptWidth / 2) {
    begin = caret - kExcerptWidth / 2;
  }
  const std::size_t end = std::min(points.size(), begin + kExcerptWidth);
  std::string line = begin > 0 ? "..." : "";
  const std::size_t indent = line.size() + caret - begin;
  for (std::size_t i = begin; i < end; ++i) line += points[i];
  if (end < points.size()) line += "...";
  std::string result = "\n    " + line;
  if (mistake.column > 0) result += "\n    " + std::string(indent, ' ') + "^";
  return result;
}

std::string render(const std::vector<Mistake>& mistakes, std::size_t more) {
  std::string text;
  for (const Mistake& mistake : mistakes) {
    if (!text.empty()) text += '\n';
    text += to_string(mistake);
  }
  if (more > 0) text += "\nand " + std::to_string(more) + " other mistakes";
  return text;
}

}  // namespace

void take_excerpt(Mistake& mistake, std::string_view line) {
  const auto place = static_cast<std::size_t>(std::max(mistake.column - 1, 0));
  const Window window = window_of(line, place, kKeptBeside);
  if (mistake.column > 0) mistake.column = static_cast<int>(window.place) + 1;
  mistake.excerpt_column = static_cast<int>(window.before) + 1;
  mistake.excerpt = window.text;
}

std::string at_place(const Mistake& mistake) {
  std::string text = cut_behind(mistake.source, kLongestMessage);
  if (mistake.line > 0) text += ":" + std::to_string(mistake.line);
  if (mistake.line > 0 && mistake.column > 0) text += ":" + std::to_string(mistake.column);
  return text;
}

std::string to_string(const Mistake& mistake) {
  std::string text = printable(at_place(mistake)) + ": error: " + printable(mistake.message);
  if (mistake.line > 0) text += excerpt_with_caret(mistake);
  if (!mistake.advice.empty()) text += "\n    " + printable(mistake.advice);
  return text;
}

std::string in_quotes(std::string_view text) {
  return "\"" + cut_behind(text, kLongestQuoted) + "\"";
}

std::string suggest(std::string_view word, const std::vector<std::string>& names) {
  if (const std::optional<std::string> nearest = did_you_mean(word, names)) {
    return "did you mean " + in_quotes(*nearest) + "?";
  }
  std::string list;
  for (const std::string& name : names)
    list += (list.empty() ? "known here: " : ", ") + in_quotes(name);
  return list;
}

ScenarioError::ScenarioError(std::vector<Mistake> mistakes, std::size_t more)
    : std::runtime_error(render(mistakes, more)), mistakes_(std::move(mistakes)) {}

}  // namespace tokenlift
