#pragma once
// Which tables a report shows of a trial, and in which order.

#include <vector>

#include "reports/findings/report.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// Fleet, gains, lift, response, effects, cost, split, tenants, throttles, ranks, checks: those
/// that have rows. Of everything in `trial` but its tables.
std::vector<Table> tables_of(const TrialReport& trial);

}  // namespace tokenlift
