#include "reports/formats/page_text.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

bool is_shown(Place place) {
  return place == Place::open || place == Place::folded;
}

/// "recommended against present" is how tables are titled, so headings begin small, too, unless it
/// is an abbreviation that they begin with.
std::string as_title(std::string heading) {
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (heading.size() > 1 && is_capital(heading[0]) && !is_capital(heading[1])) {
    heading[0] = static_cast<char>(heading[0] - 'A' + 'a');
  }
  return heading;
}

std::string title_text(const Summary& summary, const TextStyle& style) {
  std::string out = inked(visible(summary.title), Ink::bold, style);
  std::size_t column = display_width(visible(summary.title));
  for (const std::string& each : summary.facts) {
    const std::string fact = visible(each);
    const std::size_t size = display_width(fact);
    if (column + 3 + size > static_cast<std::size_t>(std::max(style.width, 0))) {
      out += "\n  " + fact;
      column = 2 + size;
    } else {
      out += " · " + fact;
      column += 3 + size;
    }
  }
  return out + "\n";
}

/// The coloured words repeat what is said.
std::string status_text(const Summary& summary, const TextStyle& style) {
  if (summary.status.empty()) return "";
  const Ink ink = summary.tone == Tone::good  ? Ink::green
                  : summary.tone == Tone::bad ? Ink::red
                                              : Ink::plain;
  std::string text = wrapped(summary.status, style.width, 4);
  text.pop_back();  // the newline stays as it is
  if (!text.starts_with(summary.status_word)) return text + "\n";
  const std::size_t size = summary.status_word.empty() ? text.size() : summary.status_word.size();
  return inked(text.substr(0, size), ink, style) + text.substr(size) + "\n";
}

std::string summary_text(const Summary& summary, const TextStyle& style) {
  std::string out = status_text(summary, style);
  for (const std::string& problem : summary.problems) out += wrapped(problem, style.width, 4);
  if (!summary.verdict.empty()) out += wrapped(summary.verdict, style.width, 2);
  for (const std::string& remark : summary.remarks) out += wrapped(remark, style.width, 2);
  out += title_text(summary, style);
  if (!summary.description.empty()) out += wrapped(summary.description, style.width, 0);
  return out;
}

/// Each kind of block.
class BlockText {
 public:
  BlockText(const TextStyle& style, std::size_t indent) : style_(style), indent_(indent) {}

  std::string operator()(const Paragraph& paragraph) const {
    return wrapped("  " + paragraph.text, style_.width, 4);
  }
  std::string operator()(const List& list) const {
    std::string out;
    for (const ListItem& item : list.items) {
      const std::string name = item.name.empty() ? "" : item.name + ": ";
      for (std::size_t i = 0; i < item.lines.size(); ++i) {
        out += i == 0 ? wrapped("  " + name + item.lines[0], style_.width, 4)
                      : wrapped("    " + item.lines[i], style_.width, 6);
      }
    }
    return out;
  }
  std::string operator()(const Table& table) const {
    Table shown = table.few_rows > 0 ? shortened(table, table.few_rows) : table;
    const bool titled = !table.title.empty();
    return to_text(fitted(std::move(shown), style_.width), style_, titled ? 0 : indent_);
  }
  std::string operator()(const Code& code) const {
    std::string out =
        code.title.empty() ? "" : inked(visible(code.title), Ink::bold, style_) + "\n";
    std::istringstream lines(code.text);
    for (std::string line; std::getline(lines, line);) {
      out += (line.empty() ? "" : "  " + visible(line)) + "\n";
    }
    return out;
  }
  std::string operator()(const Facts& facts) const {
    Table table;
    table.left_columns = 2;
    for (const auto& [name, value] : facts.entries) {
      if (!value.empty()) table.rows.push_back({{name}, {value}});
    }
    return to_text(table, style_, 2);
  }
  std::string operator()(const Chart&) const { return ""; }
  std::string operator()(const Picture&) const { return ""; }
  std::string operator()(const Cards&) const { return ""; }

 private:
  const TextStyle& style_;
  std::size_t indent_;  // of tables without a title
};

std::string blocks_text(const std::vector<Block>& blocks, const std::string& heading,
                        std::size_t indent, const TextStyle& style) {
  std::string out;
  for (const Block& block : blocks) {
    if (!is_shown(block.place)) continue;
    const std::string text = std::visit(BlockText(style, indent), block.content);
    if (text.empty()) continue;
    // What follows a list under one heading belongs to it.
    const bool first = out.empty();
    out += first && !heading.empty() ? "\n" + inked(visible(heading), Ink::bold, style) + "\n" : "";
    out += (first && !heading.empty() ? "" : "\n") + text;
  }
  return out;
}

std::string section_text(const Section& section, const TextStyle& style) {
  if (!is_shown(section.place)) return "";
  const std::string heading = section.heading_in_html_only ? "" : as_title(section.heading);
  std::string out = blocks_text(section.blocks, heading, heading.empty() ? 0 : 2, style);
  for (const Section& part : section.parts) {
    if (is_shown(part.place))
      out += blocks_text(part.blocks, "== " + part.heading + " ==", 0, style);
  }
  return out;
}

bool is_code(const Block& block) {
  return std::holds_alternative<Code>(block.content);
}

}  // namespace

std::string to_text(const Page& page, const TextStyle& style) {
  // Of several that stand side by side their labels are headings: a title would say them again.
  std::string out = page.parts.empty() ? summary_text(page.summary, style) : "";
  std::vector<Block> last;
  for (const Block& block : page.highlights) {
    if (is_code(block)) {
      last.push_back(block);
    } else {
      out += blocks_text({block}, "", 0, style);
    }
  }
  for (const Summary& part : page.parts) {
    out += "\n" + inked("== " + visible(part.label) + " ==", Ink::bold, style) + "\n" +
           summary_text(part, style);
  }
  for (const Section& section : page.sections) out += section_text(section, style);
  out += blocks_text(last, "", 0, style);
  return out.starts_with('\n') ? out.substr(1) : out;
}

}  // namespace tokenlift
