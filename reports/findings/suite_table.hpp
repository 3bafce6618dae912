#pragma once
// A suite's cases as a table, a row each.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reports/findings/suite_report.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// "400 -> 2,969", or the one figure of a case without a lift; a dash where both are absent.
std::string before_after_figure(const CaseReport& report, std::optional<double> CasePhase::*figure,
                                double scale = 1);

/// The columns that a table may have besides case and status, in order: "throughput", "goodput",
/// ...
std::vector<std::string> suite_columns();

/// A row per case. `columns` of suite_columns(); none: the usual ones, which are goodput with its
/// gain, attainment, TTFT, drain time, and how many objectives are met. Those that no case has
/// anything for are left out; no rows without cases.
Table suite_table(std::span<const CaseReport> cases, std::span<const std::string> columns = {});

}  // namespace tokenlift
