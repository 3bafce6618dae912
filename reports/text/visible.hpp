#pragma once
// Names come from files and folders and may hold anything: what a terminal is shown of them.

#include <string>
#include <string_view>

namespace tokenlift {

/// `text` with every byte of a control character (C0, DEL, C1; those that end a line, U+2028 and
/// U+2029; those that turn the direction of what follows, so that it reads as something else), and
/// every byte that is no UTF-8, as \xHH: it stays on its line, and no terminal takes a part of it
/// for an escape sequence. All else, also a backslash, stays as it is.
std::string visible(std::string_view text);

/// Whether a character, which is UTF-8, is one of these controls.
bool is_control(std::string_view character);

}  // namespace tokenlift
