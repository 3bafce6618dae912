#pragma once
// A comparison for people: on a terminal, and in a pull request.

#include <string>

#include "reports/findings/comparison.hpp"
#include "reports/text/text_table.hpp"

namespace tokenlift {

/// The verdict, what differs, and tables: all figures of a single case; of several those that are
/// better or worse, or all with `all`. UTF-8, ends with a newline.
std::string comparison_text(const Comparison& comparison, const TextStyle& style, bool all);

/// The same as GitHub-flavoured markdown, short: the tables are folded.
std::string comparison_markdown(const Comparison& comparison, bool all);

}  // namespace tokenlift
