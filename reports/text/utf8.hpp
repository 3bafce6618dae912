#pragma once
// Characters of UTF-8 text, as utfcpp reads them.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tokenlift {

/// U+FFFD: stands where a character must not, or none could be read.
inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// How many bytes the character takes that `text` begins with; 0 where that is not UTF-8, or there
/// is nothing.
std::size_t character_bytes(std::string_view text);

/// The number of a character, which is UTF-8.
std::uint32_t code_point(std::string_view character);

}  // namespace tokenlift
