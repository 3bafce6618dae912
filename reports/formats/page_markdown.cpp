#include "reports/formats/page_markdown.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reports/text/figure.hpp"
#include "reports/text/markdown_text.hpp"
#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

// A row or an item has some 200 characters.
constexpr std::size_t kMostRows = 150;
constexpr std::size_t kMostItems = 60;
constexpr std::size_t kMostLines = 10;
constexpr std::size_t kLongestItem = 400;
constexpr std::size_t kLongestVerdict = 2000;
constexpr std::size_t kRoomForLastWords = 200;

/// Escaped, and not longer than that before it was.
std::string words(std::string_view text, std::size_t longest = kLongestItem) {
  if (text.size() <= longest) return markdown_escaped(text);
  std::size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;
  return markdown_escaped(text.substr(0, end)) + "…";
}

std::string list_markdown(const List& list) {
  std::string out;
  const std::size_t shown = std::min(list.items.size(), kMostItems);
  for (std::size_t i = 0; i < shown; ++i) {
    const ListItem& item = list.items[i];
    out += item.name.empty() ? "- " : "- **" + words(item.name) + "**: ";
    for (std::size_t k = 0; k < std::min(item.lines.size(), kMostLines); ++k) {
      out += (k > 0 ? "  - " : "") + words(item.lines[k]) + "\n";
    }
  }
  if (shown < list.items.size()) {
    out += fmt::format("- … and {} more: the HTML page has them all.\n",
                       whole_figure(list.items.size() - shown));
  }
  return out;
}

/// Ends with an empty line, if there is anything.
std::string spaced(std::string text) {
  if (!text.empty() && !text.ends_with("\n\n")) text += text.ends_with('\n') ? "\n" : "\n\n";
  return text;
}

struct BlockMarkdown {
  std::string operator()(const Paragraph& paragraph) const { return words(paragraph.text) + "\n"; }
  std::string operator()(const List& list) const { return list_markdown(list); }
  std::string operator()(const Table& table) const {
    const std::size_t few = table.few_rows > 0 ? table.few_rows : kMostRows;
    return markdown_table(shortened(table, std::min(few, kMostRows)));
  }
  std::string operator()(const Code& code) const {
    std::string shown;
    std::string_view rest = code.text;
    while (!rest.empty()) {  // line by line: ends of lines stay
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      shown += visible(rest.substr(0, end)) + "\n";
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return markdown_code(shown);
  }
  std::string operator()(const Facts& facts) const {
    std::string text;
    for (const auto& [name, value] : facts.entries) {
      if (!value.empty()) text += fmt::format("{:<11} {}\n", visible(name), visible(value));
    }
    return markdown_code(text);
  }
  std::string operator()(const Chart&) const { return ""; }
  std::string operator()(const Picture&) const { return ""; }
  std::string operator()(const Cards&) const { return ""; }
};

std::string title_of(const Block& block) {
  if (const Table* const table = std::get_if<Table>(&block.content)) {
    return table->title.empty() ? table->name : table->title;
  }
  const Code* const code = std::get_if<Code>(&block.content);
  return code != nullptr ? code->title : "";
}

std::string bold_line(const std::string& text) {
  return "**" + words(text) + "**\n\n";
}

std::string title_line(const Summary& summary) {
  std::string out = words(summary.title);
  for (const std::string& fact : summary.facts) out += " · " + words(fact);
  return out + "\n\n";
}

class MarkdownPage {
 public:
  void add_summary(const Summary& summary) {
    if (!summary.verdict.empty()) {
      add("**" + words(summary.verdict, kLongestVerdict) + "**\n\n");
      if (!summary.status.empty()) add(words(summary.status) + "\n\n");
    } else if (!summary.status.empty()) {
      add("**" + words(summary.status) + "**\n\n");
    }
    add(spaced(list_markdown(list_of(summary.problems))));
    add(spaced(list_markdown(list_of(summary.remarks))));
    add(title_line(summary));
    if (!summary.description.empty()) add(words(summary.description) + "\n\n");
  }

  /// A block that is folded by itself, or stands open under its title.
  void add_block(const Block& block) {
    if (block.place == Place::html_only) return;
    const std::string text = std::visit(BlockMarkdown(), block.content);
    if (text.empty()) return;
    const std::string title = title_of(block);
    const bool is_table = std::holds_alternative<Table>(block.content);
    if (block.place != Place::open) {
      add(markdown_folded(title, text));
    } else {
      // A table's name is no title; where it has none, the section's heading is.
      const bool titled = is_table ? !std::get<Table>(block.content).title.empty() : !title.empty();
      add((titled ? bold_line(title) : "") + spaced(text));
    }
  }

  void add_section(const Section& section) {
    if (section.place == Place::html_only || !shows_anything(section)) return;
    if (section.place != Place::open) {
      std::string inside = open_blocks(section.blocks);
      for (const Section& part : section.parts) {
        inside += bold_line(part.heading) + open_blocks(part.blocks);
      }
      if (inside.ends_with("\n\n")) inside.pop_back();
      add(markdown_folded(section.heading, inside));
      return;
    }
    if (!section.heading_in_html_only) add(bold_line(section.heading));
    for (const Block& block : section.blocks) add_block(block);
    for (const Section& part : section.parts) {
      if (part.place != Place::open) {
        add_section(part);
      } else if (shows_anything(part)) {
        add("### " + words(part.heading) + "\n\n");
        for (const Block& block : part.blocks) add_block(block);
      }
    }
  }

  void add_part(const Summary& part) {
    add("### " + words(part.label) + "\n\n");
    add_summary(part);
  }

  std::string take() {
    while (out_.ends_with("\n\n")) out_.pop_back();
    if (left_out_ > 0) {
      out_ += fmt::format("\nLeft out, for want of room: {} more. The HTML page has everything.\n",
                          left_out_);
    }
    return std::move(out_);
  }

 private:
  void add(const std::string& text) {
    if (out_.size() + text.size() + kRoomForLastWords > kLongestMarkdown) {
      ++left_out_;
    } else {
      out_ += text;
    }
  }

  static bool shows_anything(const Section& section) {
    const auto is_shown = [](const Block& block) { return block.place != Place::html_only; };
    return std::any_of(section.blocks.begin(), section.blocks.end(), is_shown) ||
           std::any_of(section.parts.begin(), section.parts.end(), shows_anything);
  }

  static std::string open_blocks(const std::vector<Block>& blocks) {
    std::string out;
    for (const Block& block : blocks) {
      if (block.place == Place::html_only) continue;
      const std::string title = title_of(block);
      if (!title.empty() && std::holds_alternative<Code>(block.content)) out += bold_line(title);
      out += spaced(std::visit(BlockMarkdown(), block.content));
    }
    return out;
  }

  std::string out_;
  std::size_t left_out_ = 0;
};

}  // namespace

std::string to_markdown(const Page& page) {
  MarkdownPage markdown;
  // Of several that stand side by side their labels are headings: a title would say them again.
  if (page.parts.empty()) markdown.add_summary(page.summary);
  for (const Block& block : page.highlights) markdown.add_block(block);
  for (const Summary& part : page.parts) markdown.add_part(part);
  for (const Section& section : page.sections) markdown.add_section(section);
  return markdown.take();
}

}  // namespace tokenlift
