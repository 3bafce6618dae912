#include "reports/page/page.hpp"

namespace tokenlift {
namespace {

struct HoldsNothing {
  bool operator()(const Paragraph& paragraph) const { return paragraph.text.empty(); }
  bool operator()(const List& list) const { return list.items.empty(); }
  bool operator()(const Table& table) const { return table.rows.empty(); }
  bool operator()(const Code& code) const { return code.text.empty(); }
  bool operator()(const Facts& facts) const { return facts.entries.empty(); }
  bool operator()(const Chart& chart) const { return chart.lines.empty(); }
  bool operator()(const Picture& picture) const { return picture.svg.empty(); }
  bool operator()(const Cards& cards) const { return cards.html.empty(); }
};

}  // namespace

List list_of(const std::vector<std::string>& sentences) {
  List list;
  for (const std::string& sentence : sentences) list.items.push_back({"", {sentence}});
  return list;
}

void add_block(std::vector<Block>& blocks, Block block) {
  if (!std::visit(HoldsNothing(), block.content)) blocks.push_back(std::move(block));
}

void add_section(std::vector<Section>& sections, Section section) {
  if (section.blocks.empty() && section.parts.empty()) return;
  sections.push_back(std::move(section));
}

std::string capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  }
  return text;
}

}  // namespace tokenlift
