#include "reports/text/text_table.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "reports/text/figure.hpp"
#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

/// Of each column, in terminal columns.
struct Widths {
  std::vector<std::size_t> cells;
  std::vector<std::size_t> marks;
  std::size_t gap = 2;  // between columns
};

Widths widths_of(const Table& table) {
  Widths widths;
  for (const std::vector<Cell>& row : table.rows) {
    widths.cells.resize(std::max(widths.cells.size(), row.size()));
    widths.marks.resize(widths.cells.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths.cells[i] = std::max(widths.cells[i], display_width(visible(row[i].text)));
      widths.marks[i] = std::max(widths.marks[i], display_width(row[i].mark));
    }
  }
  return widths;
}

std::size_t total(const Widths& widths) {
  std::size_t sum = widths.gap * widths.cells.size();
  for (const std::size_t width : widths.cells) sum += width;
  for (const std::size_t width : widths.marks) sum += width;
  return sum - std::min(sum, widths.gap);
}

/// Where `word` may be broken: behind the dash of a range, and the stroke between two words
/// ("after/before", but not "tokens/s").
std::size_t end_of_piece(std::string_view word) {
  constexpr std::string_view kDash = "–";
  constexpr std::size_t kLeastWord = 4;
  const std::size_t dash = word.find(kDash);
  const std::size_t stroke = word.find('/');
  if (dash != std::string_view::npos && dash > 0) return dash + kDash.size();
  if (stroke != std::string_view::npos && word.size() - stroke > kLeastWord) return stroke + 1;
  return word.size();
}

/// `text` in lines of at most `width` columns, broken between its words and within those that
/// end_of_piece() breaks; a longer one is a line of its own.
std::vector<std::string> lines_of(const std::string& text, std::size_t width) {
  const std::string shown = visible(text);
  std::vector<std::string> lines(1);
  std::string_view rest = shown;
  std::string_view between;
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(' ', rest.find_first_not_of(' ')));
    const std::string_view piece = word.substr(0, end_of_piece(word));
    rest.remove_prefix(piece.size());
    const std::size_t columns = display_width(lines.back()) + between.size() + display_width(piece);
    if (!lines.back().empty() && columns > width) {
      lines.emplace_back(piece);
    } else {
      lines.back().append(between).append(piece);
    }
    between = rest.starts_with(' ') ? " " : "";
    rest.remove_prefix(between.size());
  }
  return lines;
}

/// The narrowest that each column can be with its words whole.
std::vector<std::size_t> longest_words(const Table& table, std::size_t columns) {
  std::vector<std::size_t> longest(columns);
  for (const std::vector<Cell>& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      for (const std::string& word : lines_of(row[i].text, 0)) {
        longest[i] = std::max(longest[i], display_width(word));
      }
    }
  }
  return longest;
}

/// Takes columns, the widest first, from cells of several words, until a row fits into `room`; a
/// space from between the columns where that is not enough.
void narrow(Widths& widths, const Table& table, std::size_t room) {
  const std::vector<std::size_t> least = longest_words(table, widths.cells.size());
  while (total(widths) > room) {
    std::size_t widest = widths.cells.size();
    for (std::size_t i = 0; i < widths.cells.size(); ++i) {
      if (widths.cells[i] <= least[i]) continue;
      if (widest == widths.cells.size() || widths.cells[i] > widths.cells[widest]) widest = i;
    }
    if (widest == widths.cells.size()) {
      widths.gap = 1;
      return;
    }
    --widths.cells[widest];
  }
}

/// A row as lines; each cell's mark stands behind its last word.
std::string row_text(const std::vector<Cell>& row, const Table& table, bool head,
                     const Widths& widths, const TextStyle& style, std::size_t indent) {
  std::vector<std::vector<std::string>> cells;
  std::size_t height = 1;
  for (std::size_t i = 0; i < row.size(); ++i) {
    cells.push_back(lines_of(row[i].text, widths.cells[i]));
    height = std::max(height, cells.back().size());
  }
  std::string out;
  for (std::size_t at = 0; at < height; ++at) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string text = at < cells[i].size() ? cells[i][at] : "";
      const std::string mark = at + 1 == cells[i].size() ? row[i].mark : "";
      const std::string padding(widths.cells[i] - display_width(text), ' ');
      const std::string after(widths.marks[i] - display_width(mark), ' ');
      if (i > 0) line.append(widths.gap, ' ');
      if (i >= table.left_columns) line += padding;
      line += inked(text, head ? Ink::bold : row[i].ink, style);
      line += mark + after;
      if (i < table.left_columns) line += padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string rows_text(const Table& table, const TextStyle& style, std::size_t indent) {
  Widths widths = widths_of(table);
  if (style.table_width > 0) {
    const auto columns = static_cast<std::size_t>(style.table_width);
    narrow(widths, table, columns - std::min(columns, indent));
  }
  std::string out;
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    out += row_text(table.rows[r], table, r < table.head_rows, widths, style, indent);
  }
  return out;
}

}  // namespace

Table fitted(Table table, int width) {
  const std::size_t indent = table.title.empty() ? 0 : 2;
  const auto is_too_wide = [&] {
    return indent + total(widths_of(table)) > static_cast<std::size_t>(std::max(width, 0));
  };
  std::vector<std::string> left_out;
  while (!table.spare_names.empty() && is_too_wide()) {
    const auto column =
        static_cast<std::ptrdiff_t>(table.first_spare + table.spare_names.size() - 1);
    for (std::vector<Cell>& row : table.rows) row.erase(row.begin() + column);
    left_out.insert(left_out.begin(), std::move(table.spare_names.back()));
    table.spare_names.pop_back();
  }
  if (!left_out.empty()) {
    table.notes.push_back("Left out, for want of room: " + listed(left_out, "and") +
                          "; a wider terminal shows more, --format html everything.");
  }
  return table;
}

std::string inked(std::string_view text, Ink ink, const TextStyle& style) {
  if (!style.color || ink == Ink::plain || text.empty()) return std::string(text);
  const char* const code = ink == Ink::bold ? "1" : ink == Ink::green ? "32" : "31";
  return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

std::size_t display_width(std::string_view text) {
  // Every byte but the continuation bytes (10xxxxxx) starts a code point.
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string wrapped(std::string_view sentence, int width, std::size_t indent) {
  const std::string shown = visible(sentence);
  std::string_view text = shown;
  const std::size_t lead = std::min(text.find_first_not_of(' '), text.size());
  std::string out(lead, ' ');
  text.remove_prefix(lead);
  std::size_t column = lead;
  bool first = true;  // word of its line
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t size = display_width(word);
    if (!first && column + 1 + size > static_cast<std::size_t>(std::max(width, 0))) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += size;
    first = false;
  }
  return out + "\n";
}

std::string to_text(const Table& table, const TextStyle& style, std::size_t indent) {
  std::string out;
  if (!table.title.empty()) {
    out += std::string(indent, ' ') + inked(visible(table.title), Ink::bold, style) + "\n";
    indent += 2;
  }
  out += rows_text(table, style, indent);
  for (const std::string& note : table.notes) {
    out += wrapped(std::string(indent, ' ') + note, style.width, indent + 2);
  }
  return out;
}

}  // namespace tokenlift
