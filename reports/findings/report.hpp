#pragma once
// A report: trials, each analysed, and what to say of it. Every format lays out this one value.

#include <optional>
#include <string>
#include <vector>

#include "reports/analysis/cost.hpp"
#include "reports/analysis/job_work.hpp"
#include "reports/analysis/lift.hpp"
#include "reports/analysis/summary.hpp"
#include "reports/analysis/time_split.hpp"
#include "reports/analysis/trial.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

struct TrialReport {
  Trial trial;
  std::vector<PhaseSummary> phases;  ///< over the fleet, pooled
  std::vector<TimeSplit> split;
  std::optional<LiftReport> lift;
  /// "valid: 8 of 8 checks passed" or "NOT VALID ...", then a line for each thing to know of it.
  std::vector<std::string> validity;
  std::string verdict;               ///< one sentence that a manager understands
  std::vector<std::string> remarks;  ///< what else has to be known, a sentence each
  std::vector<Table> tables;         ///< fleet, lift, effects, tenants, throttles, checks: in order
  std::vector<PhaseCost> costs = {};  ///< empty where nothing is stated of power and prices
  std::optional<MarginalCost> marginal = {};
  std::vector<JobWork> jobs = {};
};

struct Report {
  std::vector<TrialReport> trials;  ///< at least one
  Table overview;                   ///< a column per trial; no rows where there is but one
};

/// The figures of a trial: phases, split and lift, without words and tables.
TrialReport analyse(Trial trial);

Report make_report(std::vector<Trial> trials);

}  // namespace tokenlift
