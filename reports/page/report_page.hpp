#pragma once
// The page of a report: of one trial, or of several side by side.

#include "reports/findings/report.hpp"
#include "reports/page/page.hpp"

namespace tokenlift {

/// Whether each trial is a measurement, the verdict, the remarks and what was run; then charts, all
/// tables, and how it was made. Of several trials the overview comes first.
/// Throws std::invalid_argument where a run's scenario_json is not one JSON object.
Page report_page(const Report& report);

}  // namespace tokenlift
