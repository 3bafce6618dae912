#pragma once
// What pages carry, built in: every one page.css, a report page.js and Chart.js, that of a suite
// suite.css and suite.js, that of a search tuning.css.

#include <string_view>

namespace tokenlift {

extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;
extern const std::string_view kSuiteStyle;
extern const std::string_view kSuiteScript;
extern const std::string_view kTuningStyle;
extern const std::string_view kChartLibrary;

}  // namespace tokenlift
