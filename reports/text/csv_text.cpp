#include "reports/text/csv_text.hpp"

#include "reports/text/visible.hpp"

namespace tokenlift {

namespace {

/// What a terminal acts on is made visible, but for what CSV knows of: ends of lines, and tabs.
std::string without_controls(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t end = text.find_first_of("\t\n");
    out += visible(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    out += text[end];
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string csv_name(const std::string& name) {
  const bool formula =
      !name.empty() && std::string_view("=+-@\t\r\n").find(name.front()) != std::string_view::npos;
  std::string text = without_controls(formula ? "'" + name : name);
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace tokenlift
