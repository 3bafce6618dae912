#pragma once
// Whether a run is a measurement, check by check, as a table.

#include "reports/record/run.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// The value of a check that has one, as short as it can be, but never like a limit that it is not.
std::string check_figure(const Check& check);

/// A row per check: its value, its limit and how it came out. No rows where there was none.
Table checks_table(const Run& run);

}  // namespace tokenlift
