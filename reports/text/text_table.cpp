#include "reports/text/text_table.hpp"

#include <algorithm>

#include "reports/text/figure.hpp"
#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

/// Of each column, in terminal columns.
struct Widths {
  std::vector<std::size_t> cells;
  std::vector<std::size_t> marks;
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

std::string rows_text(const Table& table, const TextStyle& style, std::size_t indent) {
  const std::vector<std::vector<Cell>>& rows = table.rows;
  const Widths widths = widths_of(table);
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const Cell& cell = rows[r][i];
      const std::string text = visible(cell.text);
      const std::string padding(widths.cells[i] - display_width(text), ' ');
      const std::string after(widths.marks[i] - display_width(cell.mark), ' ');
      if (i > 0) line += "  ";
      if (i >= table.left_columns) line += padding;
      line += inked(text, r < table.head_rows ? Ink::bold : cell.ink, style);
      line += cell.mark + after;
      if (i < table.left_columns) line += padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace

Table fitted(Table table, int width) {
  const std::size_t indent = table.title.empty() ? 0 : 2;
  const auto is_too_wide = [&] {
    const Widths widths = widths_of(table);
    std::size_t total = indent + 2 * widths.cells.size();
    for (std::size_t i = 0; i < widths.cells.size(); ++i)
      total += widths.cells[i] + widths.marks[i];
    return total > static_cast<std::size_t>(std::max(width, 0)) + 2;
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
    table.notes.push_back("Left out, for want of room: " + listed(left_out, "and") + ".");
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
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
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
