#include "bench/run/repetitions.hpp"

#include <utility>

#include "reports/json/json_run.hpp"

namespace tokenlift {

namespace fs = std::filesystem;

fs::path run_file(const RepetitionPlan& plan, std::uint64_t repetition, bool control) {
  fs::path name;
  if (plan.repetitions > 1) name /= std::to_string(repetition);
  if (control) name /= "control";
  return name / "run.json";
}

std::set<fs::path> run_files(const RepetitionPlan& plan) {
  std::set<fs::path> files;
  for (std::uint64_t n = 1; n <= plan.repetitions; ++n) {
    files.insert(run_file(plan, n, false));
    if (plan.control) files.insert(run_file(plan, n, true));
  }
  return files;
}

Repeated repeat(Experiment& experiment, const Prepared& prepared, const RepetitionPlan& plan,
                const OutputFolder& folder, const fs::path& subfolder, const RunWatch& watch) {
  Pool pool;
  std::vector<fs::path> files;
  bool interrupted = false;
  for (std::uint64_t n = 1; n <= plan.repetitions && !interrupted; ++n) {
    for (const bool control : arms_in_turn(n)) {
      if (interrupted || (control && !plan.control)) continue;
      ProgressBoard board;
      auto display = watch(prepared.scenario, board, n, control);
      Run run = experiment.run(prepared, n, board, control);
      display.reset();
      try {
        files.push_back(folder.write(subfolder / run_file(plan, n, control),
                                     [&run](const auto& take) { write_json(run, take); }));
      } catch (const MachineError& error) {
        throw RunNotWritten(error.what(), std::move(run));
      }
      interrupted = run.interrupted;
      pool.add(run_name(n, control), std::move(run));
    }
  }
  return {pool.take(prepared.scenario.name), std::move(files)};
}

}  // namespace tokenlift
