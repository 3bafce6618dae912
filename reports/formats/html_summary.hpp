#pragma once
// The top of the page: what came out, and whether it can be trusted.

#include <string>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// Of one trial: whether it is valid (failed checks with their advice), the verdict, the figures
/// that matter most as tiles, the remarks. Of several: the overview, then each in brief.
std::string summary_html(const Report& report);

}  // namespace tokenlift
