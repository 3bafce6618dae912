#pragma once
// A suite's cases as a table, a row each.

#include <optional>
#include <span>
#include <string>

#include "reports/findings/suite_report.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// "400 -> 2,969", or the one figure of a case without a lift; a dash where both are absent.
std::string before_after_figure(const CaseReport& report, std::optional<double> CasePhase::*figure,
                                double scale = 1);

/// Status, goodput with its gain, TTFT, attainment, drain time, and how many objectives are met.
/// Columns that no case has anything for are left out; no rows without cases.
Table suite_table(std::span<const CaseReport> cases);

}  // namespace tokenlift
