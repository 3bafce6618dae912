#include "reports/text/utf8.hpp"

#include <utf8.h>

namespace tokenlift {

std::size_t character_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const char* end = text.data();
  try {
    utf8::next(end, text.data() + text.size());
  } catch (const utf8::exception&) {
    return 0;
  }
  return static_cast<std::size_t>(end - text.data());
}

std::uint32_t code_point(std::string_view character) {
  return utf8::peek_next(character.data(), character.data() + character.size());
}

}  // namespace tokenlift
