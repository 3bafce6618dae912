#pragma once
// What every page carries, built in: page.css, page.js and Chart.js.

#include <string_view>

namespace tokenlift {

extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;
extern const std::string_view kChartLibrary;

}  // namespace tokenlift
