#pragma once
// What internal jobs did beside what tenants asked for: as a table, and in sentences.

#include <string>
#include <vector>

#include "reports/analysis/job_work.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// A row for each figure that some phase of a job has, a column for each phase; behind them how
/// after differs from before. No rows where there are no jobs.
Table jobs_table(const std::vector<JobWork>& jobs);

/// Steps per hour before and after, with the replicas behind them; what was lost; and what of it is
/// in other figures. `costs`: power or prices are stated.
std::vector<std::string> job_remarks(const std::vector<JobWork>& jobs, bool costs);

}  // namespace tokenlift
