#pragma once
// Reads the runs of one experiment back from where they were written.

#include <filesystem>
#include <string>
#include <vector>

#include "reports/analysis/trial.hpp"

namespace tokenlift {

/// The file `word`, or every run.json in the folder `word` and below, as people count: 2 before 10.
/// Throws UsageError where there is none.
std::vector<std::filesystem::path> runs_at(const std::string& word);

/// `word` is a run.json, or a folder: every run.json in it and below, in natural order, is a
/// repetition of one experiment, or its control. Throws UsageError where nothing can be read or
/// the runs are no repetitions of one another, RunFileError where one is damaged.
Trial read_trial(const std::string& word, std::string label);

}  // namespace tokenlift
