#pragma once
// What HTML pages carry, built in: page.css; page.js with Chart.js where there are charts to draw;
// case_filter.js where there are cards to pick from.

#include <string_view>

namespace tokenlift {

extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;
extern const std::string_view kCaseFilterScript;
extern const std::string_view kChartLibrary;

}  // namespace tokenlift
