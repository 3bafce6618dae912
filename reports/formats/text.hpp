#pragma once
// A report as text, for a terminal or a pipe.

#include <string>
#include <vector>

#include "reports/findings/report.hpp"
#include "reports/text/text_table.hpp"

namespace tokenlift {

/// UTF-8, ends with a newline. Each trial's validity (and what failed), verdict and remarks, what
/// was run, and its tables. With several trials these come one after the other, each under its
/// label, and the overview comes first.
std::string to_text(const Report& report, const TextStyle& style);

/// What was run, on what: the parts of a title line. The name comes first.
std::vector<std::string> title_parts(const Run& run);

}  // namespace tokenlift
