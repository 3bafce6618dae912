#pragma once
// Text in columns, for a terminal or a pipe: alignment by what is seen, not by bytes.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/table.hpp"

namespace tokenlift {

struct TextStyle {
  bool color = false;  ///< ANSI bold, red and green: they repeat what words say
  int width = 80;      ///< columns; sentences are wrapped to it, tables are as wide as they need
};

/// `text` in that ink, or as it is where the style has no colour.
std::string inked(std::string_view text, Ink ink, const TextStyle& style);

/// The terminal columns that UTF-8 text takes: one per code point. (Double-width characters count
/// as one.)
std::size_t display_width(std::string_view text);

/// `text` broken at spaces into lines of at most `width` columns (longer words stay whole), the
/// second and later ones indented; leading spaces stay; ends with a newline.
std::string wrapped(std::string_view text, int width, std::size_t indent);

/// Rows of cells; the first `left_columns` columns are aligned left, the others right. Two spaces
/// between columns, none at the end of a line.
class TextTable {
 public:
  explicit TextTable(std::size_t left_columns) : left_columns_(left_columns) {}

  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

  /// Every line is indented by `indent` and ends with a newline.
  std::string str(const TextStyle& style, std::size_t indent) const;

 private:
  std::size_t left_columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace tokenlift
