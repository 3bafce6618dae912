#pragma once
// The series of a report as CSV, for spreadsheets and data frames.

#include <string>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// A header line, then a row per bin. Names are those of csv_name(), lines end with "\n", decimal
/// points are points. Columns:
///
///     trial     label of the trial; only where there are several
///     time_s    begin of the bin, from the start of the run
///     arm       "lifted" or "control"
///     phase     in which the bin begins; empty outside the measured ones
///     runs      how many repetitions are summed in the row: divide by it for a mean per run
///     then each column of the series under its own name: counters hold what happened in the bin,
///               gauges the value at its end
///     limit:THROTTLE        in force at the end of the bin, of one run; empty where it is lifted
///     tenant:TENANT:COLUMN  of the tenants' own series
///
/// Where a trial or an arm lacks a column, or ended earlier, the field is empty.
std::string to_csv(const Report& report);

}  // namespace tokenlift
