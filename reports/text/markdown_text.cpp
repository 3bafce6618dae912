#include "reports/text/markdown_text.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <vector>

#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

/// The heading's rows as one: markdown has but one.
std::vector<std::string> heading_of(const Table& table, std::size_t columns) {
  std::vector<std::string> heading(columns);
  for (std::size_t r = 0; r < table.head_rows; ++r) {
    for (std::size_t i = 0; i < table.rows[r].size(); ++i) {
      const std::string text = markdown_escaped(table.rows[r][i].text);
      if (!text.empty()) heading[i] += (heading[i].empty() ? "" : "<br>") + text;
    }
  }
  return heading;
}

std::string line_of(const std::vector<std::string>& fields) {
  std::string out = "|";
  for (const std::string& field : fields) out += field.empty() ? " |" : " " + field + " |";
  return out + "\n";
}

}  // namespace

std::string markdown_escaped(std::string_view words) {
  const std::string text = visible(words);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '@':
      case '#':
        out += c;
        if (i + 1 < text.size() && std::isalnum(static_cast<unsigned char>(text[i + 1])) != 0) {
          out += "<!-- -->";
        }
        break;
      default:
        if (std::string_view("\\`*_|[]~$").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
  }
  return out;
}

std::string markdown_table(const Table& table) {
  std::size_t columns = 0;
  for (const std::vector<Cell>& row : table.rows) columns = std::max(columns, row.size());
  std::string out = line_of(heading_of(table, columns)) + "|";
  for (std::size_t i = 0; i < columns; ++i) out += i < table.left_columns ? " :-- |" : " --: |";
  out += "\n";
  for (std::size_t r = table.head_rows; r < table.rows.size(); ++r) {
    std::vector<std::string> fields(columns);
    for (std::size_t i = 0; i < table.rows[r].size(); ++i) {
      const Cell& cell = table.rows[r][i];
      fields[i] = markdown_escaped(cell.text) + markdown_escaped(cell.mark);
      if (cell.ink == Ink::bold && !fields[i].empty()) fields[i] = "**" + fields[i] + "**";
    }
    out += line_of(fields);
  }
  if (!table.notes.empty()) out += "\n";
  for (const std::string& note : table.notes) out += "- " + markdown_escaped(note) + "\n";
  return out;
}

std::string markdown_titled(const Table& table) {
  const std::string title =
      table.title.empty() ? "" : "**" + markdown_escaped(table.title) + "**\n\n";
  return title + markdown_table(table) + "\n";
}

std::string markdown_folded(const std::string& summary, const std::string& content) {
  return "<details><summary>" + markdown_escaped(summary) + "</summary>\n\n" + content +
         "\n</details>\n\n";
}

std::string markdown_code(const std::string& text) {
  std::size_t longest = 0;
  std::size_t ticks = 0;
  for (const char c : text) {
    ticks = c == '`' ? ticks + 1 : 0;
    longest = std::max(longest, ticks);
  }
  const std::string fence(std::max<std::size_t>(3, longest + 1), '`');
  return fence + "text\n" + text + fence + "\n";
}

}  // namespace tokenlift
