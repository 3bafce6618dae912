#include "workloads/text/utf8.hpp"

#include <cstdint>

namespace tokenlift {

namespace {

bool in_range(unsigned char byte, unsigned low, unsigned high) {
  return byte >= low && byte <= high;
}

}  // namespace

// Table 3-7 of the Unicode standard: only the second byte's range depends on the first.
std::size_t code_point_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  std::size_t size = 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (in_range(first, 0xC2, 0xDF)) {
    size = 2;
  } else if (in_range(first, 0xE0, 0xEF)) {
    size = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (in_range(first, 0xF0, 0xF4)) {
    size = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  }
  if (size == 0 || text.size() < size || !in_range(byte(1), low, high)) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if (!in_range(byte(i), 0x80, 0xBF)) return 0;
  }
  return size;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    const std::size_t size = code_point_bytes(text);
    text.remove_prefix(size == 0 ? 1 : size);
    ++count;
  }
  return count;
}

}  // namespace tokenlift
