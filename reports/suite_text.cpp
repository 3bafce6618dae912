#include <algorithm>

#include "reports/suite_formats.hpp"
#include "reports/suite_table.hpp"

namespace tokenlift {
namespace {

/// Lines of their own stay so, further in.
std::string message_text(const CaseMessage& message, const TextStyle& style) {
  std::string text = message.name + ": " + message.text;
  std::string out;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += wrapped("  " + text.substr(begin, end - begin), style.width, 4);
    begin = end + 1;
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
