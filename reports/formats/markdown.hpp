#pragma once
// A report as GitHub-flavoured markdown, to paste into a pull request.

#include <string>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// Verdict in bold, validity, remarks, what was run, the tables of the fleet and of the lift; the
/// others, command and environment are folded. With several trials the overview stands open and the
/// tables of each are folded. Names may hold anything: they are shown as they are, and neither
/// break a table nor mention anybody.
std::string to_markdown(const Report& report);

}  // namespace tokenlift
