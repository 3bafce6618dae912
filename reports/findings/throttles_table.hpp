#pragma once
// What each throttle did, as a table.

#include "reports/record/run.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// A row per throttle and phase, and what a throttle in shadow mode would have done. No rows where
/// the report says it all without: no throttle, or a single one in force that refused nothing.
Table throttles_table(const Run& run);

}  // namespace tokenlift
