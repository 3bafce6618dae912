#pragma once
// Names come from files and folders and may hold anything: what a terminal is shown of them.

#include <string>
#include <string_view>

namespace tokenlift {

/// `text` with every byte of a control character (C0, DEL, C1), and every byte that is no UTF-8, as
/// \xHH: it stays on its line, and no terminal takes a part of it for an escape sequence. All else,
/// also a backslash, stays as it is.
std::string visible(std::string_view text);

}  // namespace tokenlift
