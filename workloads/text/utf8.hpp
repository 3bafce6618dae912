#pragma once
// Code points of UTF-8 text.

#include <cstddef>
#include <string_view>

namespace tokenlift {

/// Bytes of the code point that `text` begins with; 0 if it doesn't begin with a valid one (an
/// overlong form, a surrogate, beyond U+10FFFF, cut short) or is empty.
std::size_t code_point_bytes(std::string_view text);

/// Code points in `text`; a byte that belongs to none counts as one.
std::size_t count_code_points(std::string_view text);

}  // namespace tokenlift
