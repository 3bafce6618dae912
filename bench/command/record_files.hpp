#pragma once
// Logs of requests (`run --records`) of the ranks of one run become one.

#include <string>
#include <vector>

#include "bench/machine/output_folder.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// Hands out the records of all files as one file, each as it was, in the order in which they were
/// decided: whatever the order of the files, the same. None is held in memory. Throws UsageError
/// where a file is no log of requests, or they are not those of `run` (not as many, or one twice),
/// after some of them have been handed out.
TextPieces joined_records(const std::vector<std::string>& files, const Run& run);

}  // namespace tokenlift
