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
  const std::vector<std::string> points = printable_code_points(mistake.excerpt);
  const auto caret = static_cast<std::size_t>(std::max(mistake.column - 1, 0));
  std::size_t begin = 0;
  if (points.size() > kExcerptWidth && caret > kExcerptWidth / 2) {
    begin = std::min(caret, points.size()) - kExcerptWidth / 2;
  }
  const std::size_t end = std::min(points.size(), begin + kExcerptWidth);
  std::string line = begin > 0 ? "..." : "";
  const std::size_t indent = line.size() + std::min(caret, points.size()) - begin;
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

std::string at_place(const Mistake& mistake) {
  std::string text = mistake.source;
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
  return "\"" + std::string(text) + "\"";
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
