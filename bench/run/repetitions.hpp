#pragma once
// Runs an experiment some times over, with and without its event, and writes each run as it ends.

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

/// Runs a prepared scenario as planned; an interrupted run is the last. Each run.json goes into
/// `subfolder` of `folder`, as run_file() says. Throws RunNotWritten.
Repeated repeat(Experiment& experiment, const Prepared& prepared, const RepetitionPlan& plan,
                const OutputFolder& folder, const std::filesystem::path& subfolder,
                const RunWatch& watch);

}  // namespace tokenlift
