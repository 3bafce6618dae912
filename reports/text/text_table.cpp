#include "reports/text/text_table.hpp"

#include <algorithm>

#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

std::string rows_text(const Table& table, const TextStyle& style, std::size_t indent) {
  std::vector<std::vector<Cell>> rows = table.rows;
  std::vector<std::size_t> widths;
  std::vector<std::size_t> mark_widths;
  for (std::vector<Cell>& row : rows) {
    for (Cell& cell : row) cell.text = visible(cell.text);
    widths.resize(std::max(widths.size(), row.size()));
    mark_widths.resize(widths.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i].text));
      mark_widths[i] = std::max(mark_widths[i], display_width(row[i].mark));
    }
  }
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const Cell& cell = rows[r][i];
      const std::string padding(widths[i] - display_width(cell.text), ' ');
      const std::string after(mark_widths[i] - display_width(cell.mark), ' ');
      if (i > 0) line += "  ";
      if (i >= table.left_columns) line += padding;
      line += inked(cell.text, r < table.head_rows ? Ink::bold : cell.ink, style);
      line += cell.mark + after;
      if (i < table.left_columns) line += padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace

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
