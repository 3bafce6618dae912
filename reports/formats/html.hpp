#pragma once
// The report as one page: everything is in the file, and nothing is ever fetched.

#include <string>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// A whole HTML document in UTF-8, a function of the report alone; under 1 MB for one trial,
/// however long. Verdict, tables and heatmap need no script; charts are drawn by one that the page
/// carries. Its policy (CSP) allows no request at all. Every text of a run is escaped.
/// Throws std::invalid_argument where scenario_json is not one JSON object.
std::string to_html(const Report& report);

}  // namespace tokenlift
