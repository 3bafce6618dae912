#pragma once
// Text and tables as markdown, of the kind that pull requests take.

#include <string>
#include <string_view>

#include "reports/text/table.hpp"

namespace tokenlift {

/// Plain words on one line: nothing in them is markup, a mention or a reference.
std::string markdown_escaped(std::string_view words);

/// The table without its title, its rows of heads in one, and its notes as a list.
std::string markdown_table(const Table& table);

/// The same under its title, in bold, if it has one; ends with an empty line.
std::string markdown_titled(const Table& table);

/// `content`, markdown that ends with a newline, folded under `summary`, plain words.
std::string markdown_folded(const std::string& summary, const std::string& content);

/// A block of code that `text`, which ends with a newline, cannot end, whatever it holds.
std::string markdown_code(const std::string& text);

}  // namespace tokenlift
