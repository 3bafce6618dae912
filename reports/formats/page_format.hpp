#pragma once
// A page in the format that is asked for.

#include <string>
#include <string_view>

#include "reports/page/page.hpp"
#include "reports/text/text_table.hpp"

namespace tokenlift {

/// In "html" or "markdown", else as text in that style.
std::string in_format(const Page& page, std::string_view format, const TextStyle& style);

}  // namespace tokenlift
