#pragma once
// A case of a suite that is a sweep: run, or gone on with, and what becomes of it.

#include <string>
#include <vector>

#include "bench/command/suite_case.hpp"
#include "bench/command/surroundings.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/machine/work_pool.hpp"
#include "workloads/scenario/profile.hpp"
#include "workloads/scenario/suite.hpp"

namespace tokenlift {

/// What a sweep in a suite is run with.
struct SweptCases {
  const Surroundings& surroundings;
  const OutputFolder& folder;
  const std::vector<Profile>& profiles;  ///< of the command line
  WorkPool& pool;
  bool resume = false;  ///< points that are there are not run again
  bool quiet = false;
};

/// Its files lie in FOLDER/NAME: sweep.json, points.csv and report.html. What goes wrong is told in
/// its report, as of CaseRun.
CaseResult run_swept_case(const SuiteCase& one, const SweptCases& with);

/// Throws UsageError where what lies in its place is of another sweep. Writes nothing.
void require_resumable(const SuiteCase& one, const SweptCases& with);

/// Before it is run, or where it never is: "not run".
CaseResult swept_case_not_run(const SuiteCase& one);

}  // namespace tokenlift
