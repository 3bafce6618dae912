#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "reports/findings/suite_table.hpp"
#include "reports/formats/suite_formats.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/markdown_text.hpp"

namespace tokenlift {
namespace {

// A comment on a pull request takes 65,536 characters: a row or a message has some 200.
constexpr std::size_t kMostOpenRows = 20;
constexpr std::size_t kMostRows = 150;
constexpr std::size_t kMostMessages = 60;
constexpr std::size_t kMostLines = 10;
constexpr std::size_t kLongestMessage = 400;

std::string left_out(std::size_t all, std::size_t most, const char* what) {
  if (all <= most) return "";
  return fmt::format("… and {} {} more: the suite's report has them all.", whole_figure(all - most),
                     what);
}

std::string shortened(std::string text) {
  if (text.size() <= kLongestMessage) return text;
  std::size_t end = kLongestMessage;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;
  return text.substr(0, end) + "…";
}

std::string messages_text(const SuiteReport& suite) {
  const std::vector<CaseMessage> messages = messages_of(suite);
  std::string out;
  for (std::size_t i = 0; i < std::min(messages.size(), kMostMessages); ++i) {
    const std::vector<std::string>& lines = messages[i].lines;
    out += "- **" + markdown_escaped(messages[i].name) + "**: ";
    out += markdown_escaped(shortened(lines[0])) + "\n";
    for (std::size_t k = 1; k < std::min(lines.size(), kMostLines); ++k) {
      out += "  - " + markdown_escaped(shortened(lines[k])) + "\n";
    }
  }
  const std::string rest = left_out(messages.size(), kMostMessages, "messages");
  if (!rest.empty()) out += "- " + rest + "\n";
  return out.empty() ? out : out + "\n";
}

std::string cases_text(const SuiteReport& suite) {
  if (suite.cases.empty()) return "";
  const std::size_t rows = std::min(suite.cases.size(), kMostRows);
  Table table = suite_table(std::span(suite.cases).first(rows));
  const std::string rest = left_out(suite.cases.size(), kMostRows, "cases");
  if (!rest.empty()) table.notes.push_back(rest);
  const std::string text = markdown_table(table);
  if (suite.cases.size() <= kMostOpenRows) return text;
  return markdown_folded(fmt::format("{} cases", whole_figure(suite.cases.size())), text);
}

}  // namespace

std::string suite_markdown(const SuiteReport& suite) {
  std::string out = "**" + markdown_escaped(suite_verdict(suite)) + "**\n\n";
  out += markdown_escaped(suite.name);
  for (const std::string& fact : facts_of(suite)) out += " · " + markdown_escaped(fact);
  out += "\n\n";
  if (!suite.description.empty()) out += markdown_escaped(suite.description) + "\n\n";
  out += messages_text(suite) + cases_text(suite);
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace tokenlift
