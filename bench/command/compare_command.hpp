#pragma once
// `tokenlift compare`: two sets of runs, or two suites, held against each other.

#include <string>

#include "bench/command/command_line.hpp"
#include "reports/findings/comparison.hpp"

namespace tokenlift {

struct CompareOptions {
  std::string base;  ///< a run.json, a folder of runs, or the results of a suite
  std::string contender;
  std::string format = "text";  ///< "text", "markdown" or "json"
  std::string out;              ///< a file; empty: stdout
  ComparisonRules rules;
  bool all = false;    ///< every figure, not only what changed
  bool force = false;  ///< compare other scenarios and engines, too
};

/// Compares, writes the result and returns the exit code: kNotValid where a set of runs is no
/// measurement, else kGoalMissed where anything is worse. Throws UsageError, RunFileError,
/// MachineError.
int compare_runs(const Surroundings& surroundings, const CompareOptions& options);

}  // namespace tokenlift
