#pragma once
// Text and tables as HTML.

#include <string>
#include <string_view>

#include "reports/table.hpp"

namespace tokenlift {

/// Safe as text and inside quoted attributes, whatever it holds. Control characters that HTML does
/// not allow become U+FFFD, and so does every byte that is not UTF-8.
std::string escaped(std::string_view text);

/// The same of a sentence; arrows (->) in it do not break.
std::string prose_html(std::string_view text);

/// A <table> in a box that scrolls when it is too wide, with its title as the caption (or hidden,
/// `fallback_caption`), header cells with a scope, and the notes under it. Nothing where it has no
/// rows.
std::string table_html(const Table& table, std::string_view fallback_caption);

}  // namespace tokenlift
