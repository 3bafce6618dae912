#pragma once
// Whether a run is a measurement, check by check, as a table.

#include "reports/record/run.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// A row per check: its value, its limit and how it came out. No rows where there was none.
Table checks_table(const Run& run);

}  // namespace tokenlift
