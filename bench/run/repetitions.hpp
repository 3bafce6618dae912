#pragma once
// Runs an experiment some times over, with and without its event, and writes each run as it ends.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bench/machine/output_folder.hpp"
#include "bench/machine/progress.hpp"
#include "bench/machine/work_pool.hpp"
#include "bench/run/experiment.hpp"
#include "reports/analysis/trial.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// How often a scenario is run.
struct RepetitionPlan {
  std::uint64_t repetitions = 1;
  bool control = false;  ///< each run also with its measured event taken out
};

/// The run.json of one repetition and arm, from the folder of results: of several repetitions each
/// lies in a numbered folder, a control in `control` of that.
std::filesystem::path run_file(const RepetitionPlan& plan, std::uint64_t repetition, bool control);

/// All that such a plan writes.
std::set<std::filesystem::path> run_files(const RepetitionPlan& plan);

/// A run that was made and could not be written: it is lost unless somebody shows it.
class RunNotWritten : public MachineError {
 public:
  RunNotWritten(const std::string& why, Run run) : MachineError(why), run_(std::move(run)) {}
  const Run& run() const { return run_; }

 private:
  Run run_;
};

/// Is called before each run; what it returns is destroyed after the run, and may be null.
using RunWatch = std::function<std::unique_ptr<ProgressDisplay>(
    const Scenario& scenario, const ProgressBoard& board, std::uint64_t repetition, bool control)>;

struct Repeated {
  Trial trial;
  std::vector<std::filesystem::path> files;  ///< each run.json, in the order of the runs
};

/// What a scenario is run with.
struct RepeatWith {
  Experiment& experiment;
  const OutputFolder& folder;
  std::filesystem::path subfolder;  ///< of `folder`, for each run.json, as run_file() says
  RunWatch watch;                   ///< of runs in this process
  /// Others who may run repetitions, in virtual time, where `experiment` logs no requests; null:
  /// nobody.
  Ranks* ranks = nullptr;
  const std::atomic<bool>* stop = nullptr;  ///< that ends the runs of others early
};

/// Runs a prepared scenario as planned; an interrupted run is the last. Throws RunNotWritten.
Repeated repeat(const Prepared& prepared, const RepetitionPlan& plan, const RepeatWith& with);

}  // namespace tokenlift
