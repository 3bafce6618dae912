#include "workloads/text/utf8.hpp"

#include <utf8.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tokenlift {
namespace {

/// Bytes at the beginning of `text` that are ASCII, in whole words. Most text is nothing else, and
/// of a trace every line is looked at.
std::size_t ascii_bytes(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + sizeof(word) <= text.size(); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    if ((word & kHighBits) != 0) break;
  }
  return at;
}

}  // namespace

std::size_t code_point_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const std::size_t bytes = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return text.size() >= bytes && utf8::is_valid(text.data(), text.data() + bytes) ? bytes : 0;
}

Stretch stretch_of(std::string_view text, std::size_t most) {
  Stretch stretch;
  while (stretch.points < most && stretch.bytes < text.size()) {
    const std::string_view rest = text.substr(stretch.bytes);
    std::size_t bytes = ascii_bytes(rest.substr(0, most - stretch.points));
    stretch.points += std::max<std::size_t>(bytes, 1);
    if (bytes == 0) bytes = std::max<std::size_t>(code_point_bytes(rest), 1);
    stretch.bytes += bytes;
  }
  return stretch;
}

std::size_t count_code_points(std::string_view text) {
  return stretch_of(text, text.size()).points;
}

std::string cut_behind(std::string_view text, std::size_t most) {
  const Stretch shown = stretch_of(text, most);
  return std::string(text.substr(0, shown.bytes)) + (shown.bytes < text.size() ? "..." : "");
}

std::size_t find_not_utf8(std::string_view text) {
  const std::size_t ascii = ascii_bytes(text);
  const std::size_t invalid = utf8::find_invalid(text.substr(ascii));
  return invalid == std::string_view::npos ? invalid : ascii + invalid;
}

namespace {

bool is_between(std::string_view point, std::string_view first, std::string_view last) {
  return point.size() == first.size() && point >= first && point <= last;
}

}  // namespace

std::string_view beginning_of(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

bool moves_cursor(std::string_view point) {
  return is_between(point, std::string_view("\0", 1), "\x1f") || point == "\x7f" ||
         is_between(point, "\xc2\x80", "\xc2\x9f") ||
         is_between(point, "\xe2\x80\xa8", "\xe2\x80\xa9");
}

// NOLINTBEGIN(misc-misleading-bidirectional): what is looked for is written as escapes
bool turns_direction(std::string_view point) {
  return point == "\xd8\x9c" || is_between(point, "\xe2\x80\x8e", "\xe2\x80\x8f") ||
         is_between(point, "\xe2\x80\xaa", "\xe2\x80\xae") ||
         is_between(point, "\xe2\x81\xa6", "\xe2\x81\xa9");
}
// NOLINTEND(misc-misleading-bidirectional)

std::string with_replacements(std::string_view text) {
  std::string result;
  for (std::size_t invalid = find_not_utf8(text); invalid != std::string_view::npos;
       invalid = find_not_utf8(text)) {
    result += text.substr(0, invalid);
    result += "\uFFFD";
    text.remove_prefix(invalid + 1);
  }
  return result += text;
}

}  // namespace tokenlift
