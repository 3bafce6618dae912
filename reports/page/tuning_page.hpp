#pragma once
// The page of a search for better settings.

#include "reports/findings/tuning_report.hpp"
#include "reports/page/page.hpp"

namespace tokenlift {

/// What is recommended and what it gains, what to paste, and what was searched; then what changes,
/// what holds it back, what engine threads measured, and what was tried.
Page tuning_page(const TuningReport& report);

}  // namespace tokenlift
