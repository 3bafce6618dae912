#include "reports/formats/page_html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include "reports/formats/chart_html.hpp"
#include "reports/formats/page_assets.hpp"
#include "reports/json/json_charts.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/glossary.hpp"
#include "reports/text/html_text.hpp"

namespace tokenlift {
namespace {

/// Longer lists are folded, so that what comes after them is seen.
constexpr std::size_t kMostOpenItems = 12;
/// Longer code scrolls.
constexpr std::size_t kMostOpenLines = 30;

/// "Where the time goes" is "where-the-time-goes".
std::string section_id(const std::string& heading) {
  std::string id;
  for (const char c : heading) {
    id += c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return escaped(id);
}

std::string_view class_of(Tone tone) {
  return tone == Tone::good ? "good" : tone == Tone::bad ? "bad" : "";
}

std::string list_html(const List& list) {
  if (list.items.empty()) return "";
  std::string out = "<ul class=\"remarks\">\n";
  for (const ListItem& item : list.items) {
    out += "<li>";
    if (!item.name.empty()) out += "<strong>" + escaped(item.name) + "</strong>: ";
    for (std::size_t i = 0; i < item.lines.size(); ++i) {
      if (i == 1) out += "<ul>\n";
      out += i == 0 ? prose_html(item.lines[0]) : "<li>" + prose_html(item.lines[i]) + "</li>\n";
    }
    out += item.lines.size() > 1 ? "</ul></li>\n" : "</li>\n";
  }
  out += "</ul>\n";
  if (list.items.size() <= kMostOpenItems) return out;
  return fmt::format("<details class=\"remarks\"><summary>All {}</summary>\n{}</details>\n",
                     whole_figure(list.items.size()), out);
}

std::string code_html(const Code& code) {
  std::string out;
  if (!code.title.empty()) out += "<h4>" + escaped(capitalized(code.title)) + "</h4>\n";
  std::size_t lines = 0;
  for (const char c : code.text) lines += c == '\n' ? 1 : 0;
  out += lines > kMostOpenLines ? "<pre tabindex=\"0\" class=\"long\">" : "<pre tabindex=\"0\">";
  return out + "<code>" + escaped(code.text) + "</code></pre>\n";
}

struct BlockHtml {
  Place place = Place::open;
  bool alone = false;  ///< a table's name is said by the heading

  std::string operator()(const Paragraph& paragraph) const {
    return "<p class=\"explanation\">" + prose_html(paragraph.text) + "</p>\n";
  }
  std::string operator()(const List& list) const { return list_html(list); }
  std::string operator()(const Table& table) const {
    Table shown = table;
    const std::string name = capitalized(table.name);
    shown.title = table.title.empty() && !alone ? name : capitalized(table.title);
    if (place == Place::html_only) {
      return "<details class=\"numbers\"><summary>" + escaped(shown.title) + "</summary>\n" +
             table_html(shown, shown.title) + "</details>\n";
    }
    return "<div class=\"table\">\n" + table_html(shown, name) + "</div>\n";
  }
  std::string operator()(const Code& code) const { return code_html(code); }
  std::string operator()(const Facts& facts) const {
    std::string out = "<dl class=\"environment\">\n";
    for (const auto& [name, value] : facts.entries) {
      if (value.empty()) continue;
      out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(name), escaped(value));
    }
    return out + "</dl>\n";
  }
  std::string operator()(const Chart& chart) const { return chart_html(chart); }
  std::string operator()(const Picture& picture) const { return picture_html(picture); }
  std::string operator()(const Cards& cards) const { return cards.html; }
};

std::string blocks_html(const std::vector<Block>& blocks) {
  std::string out;
  const auto tables = std::count_if(blocks.begin(), blocks.end(), [](const Block& block) {
    return std::holds_alternative<Table>(block.content);
  });
  bool small = false;  // within a row of small pictures
  for (const Block& block : blocks) {
    const Picture* const picture = std::get_if<Picture>(&block.content);
    const bool is_small = picture != nullptr && picture->small;
    if (is_small != small) out += is_small ? "<div class=\"small-charts\">\n" : "</div>\n";
    small = is_small;
    out += std::visit(BlockHtml{block.place, tables == 1}, block.content);
  }
  return small ? out + "</div>\n" : out;
}

std::string section_html(const Section& section) {
  std::string out = "<section>\n<h2 id=\"" + section_id(section.heading) + "\">" +
                    escaped(section.heading) + "</h2>\n" + blocks_html(section.blocks);
  for (const Section& part : section.parts) {
    out += "<h3 class=\"part\">" + escaped(part.heading) + "</h3>\n" + blocks_html(part.blocks);
  }
  return out + "</section>\n";
}

std::string facts_line(const std::vector<std::string>& facts) {
  std::string line;
  for (const std::string& fact : facts) line += (line.empty() ? "" : " · ") + fact;
  return line.empty() ? "" : "<p class=\"facts\">" + escaped(line) + "</p>\n";
}

std::string header_html(const Summary& summary) {
  std::string out = "<header>\n<p class=\"brand\">tokenlift</p>\n<h1>" + escaped(summary.title) +
                    "</h1>\n" + facts_line(summary.facts);
  if (!summary.description.empty()) out += "<p>" + prose_html(summary.description) + "</p>\n";
  return out + "</header>\n";
}

/// What is wrong is the first thing that the page says.
std::string status_html(const Summary& summary) {
  if (summary.status.empty()) return "";
  const bool bad = summary.tone == Tone::bad;
  std::string out =
      fmt::format("<div class=\"validity{}\"{}>\n<p>{}</p>\n",
                  bad                          ? " fail"
                  : summary.tone == Tone::good ? " ok"
                                               : "",
                  bad ? " role=\"alert\"" : "", prose_html(capitalized(summary.status)));
  if (!summary.problems.empty()) out += "<ul>\n";
  for (const std::string& each : summary.problems) out += "<li>" + prose_html(each) + "</li>\n";
  if (!summary.problems.empty()) out += "</ul>\n";
  return out + "</div>\n";
}

std::string tile_html(const Tile& tile) {
  const Term* const term = find_term(tile.label);
  std::string out = fmt::format(
      "<div class=\"tile\"><dt{}>{}</dt><dd><span class=\"value\">{}<span class=\"unit\"> {}</span>"
      "</span>",
      term == nullptr ? "" : " title=\"" + escaped(term->meaning) + "\"", escaped(tile.label),
      escaped(tile.value), escaped(tile.unit));
  if (!tile.change.empty()) {
    out += fmt::format("<span class=\"change {}\">{}</span>", class_of(tile.tone),
                       escaped(tile.change));
  }
  if (!tile.detail.empty()) {
    out += fmt::format("<span class=\"detail\">{}</span>", escaped(tile.detail));
  }
  return out + "</dd></div>\n";
}

/// But for title, facts and description.
std::string summary_html(const Summary& summary, const std::vector<Block>& highlights) {
  std::string out = status_html(summary);
  std::vector<std::string> sentences = summary.answer;
  if (sentences.empty() && !summary.verdict.empty()) sentences = {summary.verdict};
  if (!sentences.empty()) out += "<div class=\"verdict\">\n";
  for (const std::string& each : sentences) out += "<p>" + prose_html(each) + "</p>\n";
  if (!sentences.empty()) out += "</div>\n";
  if (!summary.tiles.empty()) out += "<dl class=\"tiles\">\n";
  for (const Tile& tile : summary.tiles) out += tile_html(tile);
  if (!summary.tiles.empty()) out += "</dl>\n";
  return out + blocks_html(highlights) + list_html(list_of(summary.remarks));
}

std::string parts_html(const std::vector<Summary>& parts) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::vector<std::string> facts = parts[i].facts;
    facts.insert(facts.begin(), parts[i].title);
    out += fmt::format(
        "<article class=\"trial\">\n<h2><span class=\"dot\" data-colour=\"{}\" "
        "aria-hidden=\"true\"></span>{}</h2>\n",
        i, escaped(parts[i].label));
    out += facts_line(facts) + summary_html(parts[i], {}) + "</article>\n";
  }
  return out;
}

std::string navigation_html(const std::vector<Section>& sections, bool glossary) {
  if (sections.empty()) return "";
  std::string out = "<nav aria-label=\"Sections\"><ul>\n";
  for (const Section& section : sections) {
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section_id(section.heading),
                       escaped(section.heading));
  }
  if (glossary) out += "<li><a href=\"#glossary\">Glossary</a></li>\n";
  return out + "</ul></nav>\n";
}

/// One for all charts whose colours are what stands side by side. The script makes the buttons;
/// their names stand in the summaries above for who has none.
std::string legend_html(const Page& page) {
  if (page.parts.empty()) return "";
  std::string out = fmt::format(
      "<div class=\"trials-legend\"><div class=\"legend\" data-trials=\"{}\">", page.parts.size());
  for (std::size_t i = 0; i < page.parts.size(); ++i) {
    out += fmt::format("<span data-trial=\"{}\">{}</span>", i, escaped(page.parts[i].label));
  }
  out += "</div>";
  if (!page.legend_note.empty()) out += "<p>" + escaped(page.legend_note) + "</p>";
  return out + "</div>\n";
}

template <typename Kind>
std::vector<Kind> all_of_kind(const Page& page) {
  std::vector<Kind> found;
  for (const Section& section : page.sections) {
    for (const Block& block : section.blocks) {
      if (const Kind* const one = std::get_if<Kind>(&block.content)) found.push_back(*one);
    }
  }
  return found;
}

/// Every label that may be a term: of tiles and of tables, those under charts included.
std::vector<std::string> labels_of(const Page& page) {
  std::vector<std::string> labels;
  const auto add_tiles = [&](const Summary& summary) {
    for (const Tile& tile : summary.tiles) labels.push_back(tile.label);
  };
  const auto add_table = [&](const Table& table) {
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      const std::vector<Cell>& cells = table.rows[row];
      const std::size_t headers =
          row < table.head_rows ? cells.size() : std::min<std::size_t>(cells.size(), 1);
      for (std::size_t i = 0; i < headers; ++i) labels.push_back(cells[i].text);
    }
  };
  const auto add_blocks = [&](const std::vector<Block>& blocks) {
    for (const Block& block : blocks) {
      if (const auto* const table = std::get_if<Table>(&block.content)) add_table(*table);
      if (const auto* const chart = std::get_if<Chart>(&block.content)) {
        for (const Table& table : chart->numbers) add_table(table);
      }
      if (const auto* const picture = std::get_if<Picture>(&block.content)) {
        for (const Table& table : picture->numbers) add_table(table);
      }
    }
  };
  add_tiles(page.summary);
  for (const Summary& part : page.parts) add_tiles(part);
  add_blocks(page.highlights);
  for (const Section& section : page.sections) {
    add_blocks(section.blocks);
    for (const Section& part : section.parts) add_blocks(part.blocks);
  }
  return labels;
}

/// What the terms of the page mean; empty where it has none.
std::string glossary_html(const Page& page) {
  std::set<std::string_view> used;
  bool percentiles = false;
  for (const std::string& label : labels_of(page)) {
    if (const Term* const term = find_term(label)) used.insert(term->name);
    percentiles = percentiles || label.find("p50") != std::string::npos ||
                  label.find("p99") != std::string::npos;
  }
  std::string out;
  for (const Term& term : glossary()) {
    if (used.count(term.name) == 0 && !(percentiles && term.name.starts_with("p50"))) continue;
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(term.name),
                       escaped(term.meaning));
  }
  if (out.empty()) return "";
  return "<section>\n<h2 id=\"glossary\">Glossary</h2>\n<dl class=\"glossary\">\n" + out +
         "</dl>\n</section>\n";
}

std::string script_html(std::string_view script) {
  return "<script>\n" + std::string(script) + "</script>\n";
}

}  // namespace

std::string to_html(const Page& page) {
  const std::vector<Chart> charts = all_of_kind<Chart>(page);
  const std::string terms = glossary_html(page);
  std::string out = page_head(page.window_title, kPageStyle) +
                    "<body>\n<a class=\"skip\" href=\"#main\">Skip to the verdict</a>\n" +
                    header_html(page.summary) +
                    "<main id=\"main\">\n<section class=\"summary\" aria-label=\"Verdict\">\n" +
                    summary_html(page.summary, page.highlights) + parts_html(page.parts) +
                    "</section>\n" + navigation_html(page.sections, !terms.empty());
  if (!charts.empty()) {
    out +=
        "<noscript><p class=\"noscript\">Charts are drawn by a script, which is off: the numbers "
        "of each are in the table under its title.</p></noscript>\n" +
        legend_html(page);
  }
  for (const Section& section : page.sections) out += section_html(section);
  out += terms + "</main>\n" + page_foot(page.tokenlift_version);
  if (!charts.empty()) {
    out += "<script type=\"application/json\" id=\"chart-data\">" + chart_data(charts) +
           "</script>\n" + script_html(kChartLibrary) + script_html(kPageScript);
  }
  if (!all_of_kind<Cards>(page).empty()) out += script_html(kCaseFilterScript);
  return out + "</body>\n</html>\n";
}

}  // namespace tokenlift
