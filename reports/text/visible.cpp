#include "reports/text/visible.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <iterator>

#include "reports/text/utf8.hpp"

namespace tokenlift {
namespace {

unsigned byte_at(std::string_view text, std::size_t place) {
  return static_cast<unsigned char>(text[place]);
}

}  // namespace

bool is_control(std::string_view character) {
  const unsigned lead = byte_at(character, 0);
  if (character.size() == 1) return lead < 0x20 || lead == 0x7F;
  if (character.size() == 2) {
    const unsigned second = byte_at(character, 1);
    return (lead == 0xC2 && second < 0xA0) || (lead == 0xD8 && second == 0x9C);  // U+061C
  }
  if (character.size() != 3 || lead != 0xE2) return false;
  const unsigned last = byte_at(character, 2);
  // U+200E and U+200F, U+2028 to U+202E, U+2066 to U+2069.
  if (byte_at(character, 1) == 0x80)
    return last == 0x8E || last == 0x8F || (last >= 0xA8 && last <= 0xAE);
  return byte_at(character, 1) == 0x81 && last >= 0xA6 && last <= 0xA9;
}

std::string visible(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    const std::string_view character = text.substr(0, size == 0 ? 1 : size);
    if (size != 0 && !is_control(character)) {
      out += character;
    } else {
      for (std::size_t i = 0; i < character.size(); ++i) {
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte_at(character, i));
      }
    }
    text.remove_prefix(character.size());
  }
  return out;
}

}  // namespace tokenlift
