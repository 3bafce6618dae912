#pragma once
// A page as GitHub-flavoured markdown, to paste into a pull request.

#include <cstddef>
#include <string>

#include "reports/page/page.hpp"

namespace tokenlift {

/// What a comment on a pull request takes, in characters.
inline constexpr std::size_t kLongestMarkdown = 65'536;

/// The verdict in bold, the status, remarks, what it is of, and the sections; what is long is
/// folded. Never longer than kLongestMarkdown: what does not fit is left out, and that is said.
/// Names may hold anything: they are shown as they are, and neither break a table nor mention
/// anybody.
std::string to_markdown(const Page& page);

}  // namespace tokenlift
