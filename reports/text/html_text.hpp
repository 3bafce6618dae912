#pragma once
// Text and tables as HTML, and how pages begin and end.

#include <string>
#include <string_view>

#include "reports/text/table.hpp"

namespace tokenlift {

/// Safe as text and inside quoted attributes, whatever it holds. Control characters but LF and
/// tabs, those that turn the direction of text too, become U+FFFD, and so does every byte that is
/// not UTF-8.
std::string escaped(std::string_view text);

/// The same of a sentence; arrows (->) in it do not break.
std::string prose_html(std::string_view text);

/// A <table> in a box that scrolls when it is too wide, with its title as the caption (or hidden,
/// `fallback_caption`), header cells with a scope (those that the glossary has say what they mean
/// as a tooltip), and the notes under it. Nothing where it has no rows.
std::string table_html(const Table& table, std::string_view fallback_caption);

/// The page up to its body: what it may do, its title and its style.
std::string page_head(std::string_view title, std::string_view style);

/// Its last words, but for scripts.
std::string page_foot(std::string_view tokenlift_version);

}  // namespace tokenlift
