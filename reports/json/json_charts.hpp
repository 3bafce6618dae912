#pragma once
// What the page's script draws: the charts as JSON.

#include <string>
#include <vector>

#include "reports/charts/chart.hpp"

namespace tokenlift {

/// Compact, figures of four significant digits; safe inside a <script> element whatever the names
/// hold (every "<" is escaped). An array of charts, each with what a Chart has but its explanation
/// and its tables. Even x are [first, step], others a list; invalid UTF-8 in names is replaced.
std::string chart_data(const std::vector<Chart>& charts);

}  // namespace tokenlift
