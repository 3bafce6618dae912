#pragma once
// The points of a sweep as one CSV, for spreadsheets and data frames.

#include <string>

#include "reports/findings/sweep_report.hpp"

namespace tokenlift {

/// A row per point: what it was tried for ("sweep", or the name of a search), its values, its
/// state, and each figure with the ends of its 95 % interval. Absent figures are empty. Keys of
/// axes and paths of figures are the names of the columns.
std::string sweep_csv(const SweepReport& report);

}  // namespace tokenlift
