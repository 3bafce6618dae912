#pragma once
// `tokenlift run`, and what `calibrate --verify` shares with it: repetitions of a scenario, written
// and pooled.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "bench/command/command.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/run/experiment.hpp"
#include "reports/analysis/trial.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// How often a scenario is run.
struct RepetitionPlan {
  std::uint64_t repetitions = 1;
  bool control = false;  ///< each run also with its measured event taken out
  bool quiet = false;
};

/// Runs one scenario some times and says on stderr how it goes.
class Repetitions {
 public:
  /// `surroundings` stay in use. `threads`: workers of engine virtual.
  Repetitions(const Surroundings& surroundings, const RepetitionPlan& plan, std::size_t threads);

  /// With absolute rates; warns of what will go wrong. Nothing if interrupted.
  std::optional<Prepared> prepare(const Scenario& scenario);

  /// Runs it as often as planned; an interrupted run is the last. Each run.json goes into
  /// `subfolder` of `folder`: several into a numbered one each, a control into `control` of that. A
  /// run that cannot be written is at least printed, before MachineError is thrown.
  Trial repeat(const Prepared& prepared, const OutputFolder& folder,
               const std::filesystem::path& subfolder);

  /// Every request of the runs that follow is recorded there.
  void log_to(RequestLog& log) { experiment_.log_to(log); }

  /// The files written so far, with commas.
  const std::string& written() const { return written_; }

 private:
  Run run_once(const Prepared& prepared, std::uint64_t repetition, bool control);
  void write(const Run& run, const OutputFolder& folder, const std::filesystem::path& subfolder);
  void warn_of_crowding(const Scenario& scenario) const;

  const Surroundings& surroundings_;
  RepetitionPlan plan_;
  Experiment experiment_;
  std::string written_;
};

Command run_command();

}  // namespace tokenlift
