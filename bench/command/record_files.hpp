#pragma once
// Logs of requests (`run --records`) of the ranks of one run become one.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "reports/record/run.hpp"

namespace tokenlift {

/// Writes the records of all files into one, each as it was, in the order in which they were
/// decided: whatever the order of the files, the same. None is held in memory. Throws UsageError
/// where a file is no log of requests, or they are not those of `run` (not as many, or one twice);
/// MachineError.
void join_record_files(const std::vector<std::string>& files, const std::filesystem::path& out,
                       const Run& run);

}  // namespace tokenlift
