#include "reports/text/visible.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <iterator>

namespace tokenlift {
namespace {

unsigned byte_at(std::string_view text, std::size_t place) {
  return static_cast<unsigned char>(text[place]);
}

/// How many bytes the character takes that a text begins with; 0 where that is no UTF-8.
std::size_t character_size(std::string_view text) {
  const unsigned lead = byte_at(text, 0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte_at(text, i) & 0xC0) != 0x80) return 0;
  }
  // What a shorter form would do for, surrogates, and what lies beyond the last code point.
  const unsigned least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  return least <= byte_at(text, 1) && byte_at(text, 1) <= most ? size : 0;
}

bool is_control(std::string_view character) {
  const unsigned lead = byte_at(character, 0);
  if (character.size() == 1) return lead < 0x20 || lead == 0x7F;
  return lead == 0xC2 && byte_at(character, 1) < 0xA0;
}

}  // namespace

std::string visible(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = character_size(text);
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
