#pragma once
// TTFT over time as a picture of all of it: which share of the requests of each slice had which
// latency. SVG that is made here, so that it is there without JavaScript, too.

#include <cstddef>
#include <string>

#include "reports/record/run.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// Colours are the classes `heat-1` (fewest) .. `heat-9` (most) of the page's style sheet, so that
/// they follow its light and dark. Shares from each of these on have the next colour.
inline constexpr double kHeatShares[] = {0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75};

/// An <svg> of about 1,000 x 340, with a title, axes and a scale: time from left to right, TTFT on
/// a logarithmic axis. `id` is unique in the page; `title` says what it is and is escaped here.
/// Empty where no slice holds a request.
std::string heatmap_svg(const Run& run, const std::string& id, const std::string& title);

/// Some percentiles of TTFT, a row per slice of time.
Table heatmap_numbers(const Run& run);

}  // namespace tokenlift
