#include "reports/text/html_text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "reports/text/glossary.hpp"
#include "reports/text/utf8.hpp"
#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

// Nothing is fetched, nothing embedded, nothing sent: whatever a run's texts try.
constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'";

std::string_view escape_of(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

bool forbidden(std::string_view character) {
  return is_control(character) && character != "\n" && character != "\t";
}

std::string_view ink_class(Ink ink) {
  switch (ink) {
    case Ink::bold:
      return "strong";
    case Ink::green:
      return "good";
    case Ink::red:
      return "bad";
    default:
      return {};
  }
}

struct Place {
  bool left = false;
  bool head_row = false;
  bool head_column = false;
};

std::string cell_html(const Cell& cell, const Place& place) {
  const std::string_view scope = place.head_row ? "col" : place.head_column ? "row" : "";
  std::string classes(ink_class(cell.ink));
  if (place.left) classes += classes.empty() ? "left" : " left";
  // The corner over the row headers names nothing.
  const bool header = !scope.empty() && !cell.text.empty();
  std::string out = header ? "<th scope=\"" + std::string(scope) + "\"" : "<td";
  if (!classes.empty()) out += " class=\"" + classes + "\"";
  const Term* const term = header ? find_term(cell.text) : nullptr;
  if (term != nullptr) out += " title=\"" + escaped(term->meaning) + "\"";
  out += ">" + escaped(cell.text);
  if (!cell.mark.empty()) out += "<sup>" + escaped(cell.mark) + "</sup>";
  out += header ? "</th>" : "</td>";
  return out;
}

std::string row_html(const Table& table, std::size_t row) {
  std::string out = "<tr>";
  for (std::size_t column = 0; column < table.rows[row].size(); ++column) {
    out += cell_html(table.rows[row][column],
                     {column < table.left_columns, row < table.head_rows, column == 0});
  }
  std::size_t columns = 0;
  for (const std::vector<Cell>& each : table.rows) columns = std::max(columns, each.size());
  for (std::size_t i = table.rows[row].size(); i < columns; ++i) out += "<td></td>";
  return out + "</tr>\n";
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = character_bytes(text);
    if (length == 0 || forbidden(text.substr(0, length))) {
      out += kReplacement;
      text.remove_prefix(std::max<std::size_t>(length, 1));
      continue;
    }
    const std::string_view escape = escape_of(text.front());
    out += escape.empty() ? text.substr(0, length) : escape;
    text.remove_prefix(length);
  }
  return out;
}

std::string prose_html(std::string_view text) {
  constexpr std::string_view kArrow = "-&gt;";
  std::string out = escaped(text);
  constexpr std::string_view kWhole = "<span class=\"whole\">-&gt;</span>";
  for (auto at = out.find(kArrow); at != std::string::npos;
       at = out.find(kArrow, at + kWhole.size())) {
    out.replace(at, kArrow.size(), kWhole);
  }
  return out;
}

std::string table_html(const Table& table, std::string_view fallback_caption) {
  if (table.rows.empty()) return {};
  const bool hidden = table.title.empty();
  // The box can be reached and scrolled by keyboard, so it needs a name of its own.
  const std::string name = escaped(hidden ? fallback_caption : std::string_view(table.title));
  std::string out = "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" + name +
                    "\"><table>\n<caption" + (hidden ? " class=\"hidden\"" : "") + ">" + name +
                    "</caption>\n";
  if (table.head_rows > 0) out += "<thead>\n";
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    if (row == table.head_rows) out += row > 0 ? "</thead>\n<tbody>\n" : "<tbody>\n";
    out += row_html(table, row);
  }
  out += table.rows.size() > table.head_rows ? "</tbody>\n" : "</thead>\n";
  out += "</table></div>\n";
  if (table.notes.empty()) return out;
  out += "<ul class=\"notes\">\n";
  for (const std::string& note : table.notes) out += "<li>" + prose_html(note) + "</li>\n";
  return out + "</ul>\n";
}

std::string page_head(std::string_view title, std::string_view style) {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += "<meta http-equiv=\"Content-Security-Policy\" content=\"";
  out += kPolicy;
  out += "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  out += "<meta name=\"color-scheme\" content=\"light dark\">\n";
  out += "<title>" + escaped(title) + " – tokenlift</title>\n<style>\n";
  out += style;
  return out + "</style>\n</head>\n";
}

std::string page_foot(std::string_view tokenlift_version) {
  const std::string version = tokenlift_version.empty() ? "" : " " + escaped(tokenlift_version);
  return "<footer><p>Made by tokenlift" + version +
         ". This page holds all it needs: it loads nothing.</p></footer>\n";
}

}  // namespace tokenlift
