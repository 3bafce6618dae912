#pragma once
// UTF-8 text, as utfcpp reads it.

#include <cstddef>
#include <string>
#include <string_view>

namespace tokenlift {

/// Bytes of the code point that `text` begins with; 0 if it doesn't begin with a valid one (an
/// overlong form, a surrogate, beyond U+10FFFF, cut short) or is empty.
std::size_t code_point_bytes(std::string_view text);

/// Code points in `text`; a byte that belongs to none counts as one.
std::size_t count_code_points(std::string_view text);

/// The first byte that belongs to no code point; npos if there is none.
std::size_t find_not_utf8(std::string_view text);

/// `text` with U+FFFD for each byte that belongs to no code point.
std::string with_replacements(std::string_view text);

}  // namespace tokenlift
