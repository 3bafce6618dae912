#pragma once
// The charts' place in the page: titles, canvases, the tables beside them, and the heatmaps.

#include <string>
#include <vector>

#include "reports/charts/chart.hpp"
#include "reports/findings/report.hpp"

namespace tokenlift {

/// The sections of the charts, with headings whose ids section_id() gives. The heatmaps end the
/// latency section.
std::string charts_html(const Report& report, const std::vector<Chart>& charts);

/// "Where the time goes" is "where-the-time-goes".
std::string section_id(const std::string& section);

}  // namespace tokenlift
