#pragma once
// Reads the runs of one experiment back from where they were written.

#include <string>

#include "reports/analysis/trial.hpp"

namespace tokenlift {

/// `word` is a run.json, or a folder: every run.json in it and below, in natural order, is a
/// repetition of one experiment, or its control. Throws UsageError where nothing can be read or
/// the runs are no repetitions of one another, RunFileError where one is damaged.
Trial read_trial(const std::string& word, std::string label);

}  // namespace tokenlift
