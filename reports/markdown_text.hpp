#pragma once
// Text and tables as GitHub-flavoured markdown.

#include <string>
#include <string_view>

#include "reports/table.hpp"

namespace tokenlift {

/// Plain words: nothing in them is markup, a mention or a reference. On one line.
std::string markdown_escaped(std::string_view text);

/// The table, without its title, and its notes as a list.
std::string markdown_table(const Table& table);

/// The same under its title, in bold; ends with an empty line.
std::string markdown_titled(const Table& table);

/// `content`, which is markdown, behind a line of plain words to click on; ends with an empty line.
std::string markdown_folded(const std::string& summary, const std::string& content);

}  // namespace tokenlift
