#pragma once
// Text as JSON writes it.

#include <string>
#include <string_view>

namespace tokenlift {

/// Appends the inside of a JSON string that says `text`. Bytes that are not UTF-8 become U+FFFD.
void append_json_text(std::string_view text, std::string& out);

}  // namespace tokenlift
