#pragma once
// `tokenlift report`: runs that were measured before, read again and laid out.

#include <string>
#include <vector>

#include "bench/command/command_line.hpp"

namespace tokenlift {

struct ReportOptions {
  std::vector<std::string> runs;  ///< files and folders, a column of the report each
  std::string format = "text";
  std::string out;  ///< a file, or a folder where a format has several; empty: stdout
};

/// What --format takes.
std::vector<std::string> report_formats();

/// Reads the runs, writes the report and returns the exit code. A folder holds repetitions of one
/// experiment, with and without its event. Throws UsageError, RunFileError, MachineError.
int report_runs(const Surroundings& surroundings, const ReportOptions& options);

}  // namespace tokenlift
