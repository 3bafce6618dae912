#pragma once
// The report over a search for better settings, a format each.

#include <string>

#include "reports/findings/tuning_report.hpp"
#include "reports/text/text_table.hpp"

namespace tokenlift {

/// For terminals and pipes: the verdict, what changes, what was searched, and what to paste.
std::string tuning_text(const TuningReport& report, const TextStyle& style);

/// One page that fetches nothing, with charts of what was tried.
std::string tuning_html(const TuningReport& report);

}  // namespace tokenlift
