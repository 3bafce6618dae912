#pragma once
// `tokenlift run`, and what `calibrate --verify` shares with it: runs that say on stderr how they
// go.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/command/command.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/run/experiment.hpp"
#include "bench/run/repetitions.hpp"

namespace tokenlift {

/// Warns where a CPU quota makes any run of the scenario invalid.
void warn_of_cpu_quota(const Surroundings& surroundings, bool quiet, const Scenario& scenario);

/// Experiment::prepare(), which is announced where it takes time, with what it measured, and
/// warnings of what will go wrong. `processes` play it together. Nothing if interrupted. Throws
/// NotMeasurable.
std::optional<Prepared> prepare_and_warn(const Surroundings& surroundings, bool quiet,
                                         Experiment& experiment, const Scenario& scenario,
                                         std::int64_t processes = 1);

/// repeat(), with progress. A run that cannot be written is at least printed, before MachineError
/// is thrown. `ranks`: who may run repetitions as well; null: nobody.
Repeated repeat_with_progress(const Surroundings& surroundings, bool quiet, Experiment& experiment,
                              const Prepared& prepared, const RepetitionPlan& plan,
                              const OutputFolder& folder, const std::filesystem::path& subfolder,
                              Ranks* ranks = nullptr);

/// A folder is read as one experiment: runs that stay there from another one would be taken for
/// repetitions of this one. Throws UsageError where there are some that the plan would not replace.
void require_no_other_runs(const RepetitionPlan& plan, const std::filesystem::path& folder);

/// Results are not written over what is read. Records (empty: none) go where nothing else does:
/// neither to stdout nor into a file of the results, nor over what is read. Throws UsageError.
void require_own_file(const std::string& records, const RepetitionPlan& plan,
                      const std::filesystem::path& folder,
                      const std::vector<std::filesystem::path>& inputs);

/// The files' names, with commas.
std::string names_of(const Repeated& repeated);

Command run_command();

}  // namespace tokenlift
