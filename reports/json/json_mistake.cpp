#include "reports/json/json_mistake.hpp"

#include "reports/json/json_field.hpp"

namespace tokenlift {

std::string json_mistake(std::string_view text) {
  try {
    parse_bounded(text, "");
  } catch (const RunFileError& error) {
    return error.position() + (error.position().empty() ? "" : ": ") + error.reason();
  }
  return "";
}

}  // namespace tokenlift
