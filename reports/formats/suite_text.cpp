#include <cstddef>
#include <string>
#include <vector>

#include "reports/findings/suite_table.hpp"
#include "reports/formats/suite_formats.hpp"

namespace tokenlift {
namespace {

std::string message_text(const CaseMessage& message, const TextStyle& style) {
  std::string out = wrapped("  " + message.name + ": " + message.lines[0], style.width, 4);
  for (std::size_t i = 1; i < message.lines.size(); ++i) {
    out += wrapped("    " + message.lines[i], style.width, 6);
  }
  return out;
}

}  // namespace

std::string suite_text(const SuiteReport& suite, const TextStyle& style) {
  const bool well = counts_of(suite).all_well();
  std::string out =
      inked(wrapped(suite_verdict(suite), style.width, 2), well ? Ink::green : Ink::red, style);
  std::string title = suite.name;
  for (const std::string& fact : facts_of(suite)) title += " · " + fact;
  out += wrapped(title, style.width, 2);
  if (!suite.description.empty()) out += wrapped(suite.description, style.width, 0);
  if (!suite.cases.empty()) out += "\n" + to_text(suite_table(suite.cases), style);
  const std::vector<CaseMessage> messages = messages_of(suite);
  if (!messages.empty()) out += "\n" + inked("not well", Ink::bold, style) + "\n";
  for (const CaseMessage& message : messages) out += message_text(message, style);
  return out;
}

}  // namespace tokenlift
