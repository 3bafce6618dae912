#pragma once
// A page as text, for a terminal or a pipe.

#include <string>

#include "reports/page/page.hpp"
#include "reports/text/text_table.hpp"

namespace tokenlift {

/// UTF-8, ends with a newline. Sentences are wrapped to the width of the style; tables leave out
/// spare columns to fit it. What names hold is made visible().
std::string to_text(const Page& page, const TextStyle& style);

}  // namespace tokenlift
