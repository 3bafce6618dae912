#pragma once
// Text in columns, for a terminal or a pipe: alignment by what is seen, not by bytes.

#include <cstddef>
#include <string>
#include <string_view>

#include "reports/text/table.hpp"

namespace tokenlift {

struct TextStyle {
  bool color = false;  ///< ANSI bold, red and green: they repeat what words say
  int width = 80;      ///< columns that sentences are wrapped to
  /// Columns that tables are wrapped to, between the words of their cells; 0: tables are as wide as
  /// they need, so that a program reads a row as a line.
  int table_width = 0;
};

/// `text` in that ink, or as it is where the style has no colour.
std::string inked(std::string_view text, Ink ink, const TextStyle& style);

/// The terminal columns that UTF-8 text takes: one per code point. (Double-width characters count
/// as one.)
std::size_t display_width(std::string_view text);

/// `sentence`, as it is visible(), broken at spaces into lines of at most `width` columns (longer
/// words stay whole), the second and later ones indented; leading spaces stay; ends with a newline.
std::string wrapped(std::string_view sentence, int width, std::size_t indent);

/// The table without the spare columns that there is no room for in `width` columns, and with a
/// note that says which.
Table fitted(Table table, int width);

/// The table: its title in bold, its rows in columns that are aligned as the table says, head rows
/// in bold, two spaces between columns and none at the end of a line; then its notes, wrapped.
/// Every line is indented by `indent`, rows and notes under a title by two more, and ends with a
/// newline. What cells, title and notes hold is made visible().
std::string to_text(const Table& table, const TextStyle& style, std::size_t indent = 0);

}  // namespace tokenlift
