#include "reports/text/csv_text.hpp"

namespace tokenlift {

std::string csv_name(const std::string& name) {
  const bool formula =
      !name.empty() && std::string_view("=+-@\t\r\n").find(name.front()) != std::string_view::npos;
  const std::string text = formula ? "'" + name : name;
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace tokenlift
