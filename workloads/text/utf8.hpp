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

/// The beginning of a text, of so many bytes and code points.
struct Stretch {
  std::size_t bytes = 0;
  std::size_t points = 0;
};
/// The first `most` code points of `text`, or all where it has fewer; counted as above.
Stretch stretch_of(std::string_view text, std::size_t most);

/// `text` of UTF-8, cut behind `most` code points, and "..." then.
std::string cut_behind(std::string_view text, std::size_t most);

/// The first byte that belongs to no code point; npos if there is none.
std::size_t find_not_utf8(std::string_view text);

/// The beginning of `text`, UTF-8, of `most` bytes at most: no code point is cut in two.
std::string_view beginning_of(std::string_view text, std::size_t most);

/// Whether a code point moves the cursor or ends the line: U+0000 to U+001F, U+007F to U+009F,
/// U+2028 and U+2029.
bool moves_cursor(std::string_view point);
/// Whether it turns the direction of what follows, so that it reads as something else: U+061C,
/// U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069.
bool turns_direction(std::string_view point);

/// `text` with U+FFFD for each byte that belongs to no code point.
std::string with_replacements(std::string_view text);

}  // namespace tokenlift
