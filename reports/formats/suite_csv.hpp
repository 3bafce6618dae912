#pragma once
// The figures of a suite as one CSV: a row per case and figure.

#include <string>
#include <vector>

#include "reports/findings/case_figures.hpp"

namespace tokenlift {

/// A case and what its runs measured.
struct CaseRows {
  std::string name;
  std::string status;  ///< as name_of(CaseStatus)
  const CaseFigures* figures = nullptr;
};

/// case, status, phase, figure, unit, gated, runs, mean over the runs with its 95 % interval (empty
/// with fewer than kLeastRuns), least and most, and why a figure is missing. Durations are in ms,
/// shares 0 .. 1. RFC 4180, but for line ends. `primary` as of ComparisonRules.
std::string suite_csv(const std::vector<CaseRows>& cases,
                      const std::vector<std::string>& primary = {});

}  // namespace tokenlift
