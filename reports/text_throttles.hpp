#pragma once
// What each throttle did, as a table: part of the text report.

#include <string>

#include "reports/run.hpp"
#include "reports/text_table.hpp"

namespace tokenlift {

/// A row per throttle and phase, and what a throttle in shadow mode would have done. Empty where
/// the report says it all without: no throttle, or a single one in force that refused nothing.
std::string throttles_table(const Run& run, const TextStyle& style);

}  // namespace tokenlift
