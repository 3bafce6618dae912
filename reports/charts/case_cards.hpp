#pragma once
// A suite's cases as cards with small charts of goodput and TTFT over time.

#include <string>

#include "reports/findings/suite_report.hpp"

namespace tokenlift {

/// HTML: the controls that pick and order cases (case_filter.js), and a card for each case, which
/// links to FOLDER/report.html. Cases that differ in their settings only are a group, on one scale.
/// Empty without cases.
std::string case_cards_html(const SuiteReport& suite);

}  // namespace tokenlift
