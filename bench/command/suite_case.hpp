#pragma once
// One case of a suite on its way: its runs, written into its folder or found there, and what
// becomes of them.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/machine/in_order.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/machine/work_pool.hpp"
#include "bench/run/experiment.hpp"
#include "bench/run/repetition_work.hpp"
#include "bench/run/repetitions.hpp"
#include "reports/analysis/trial.hpp"
#include "reports/findings/case_figures.hpp"
#include "reports/findings/suite_report.hpp"
#include "workloads/scenario/suite.hpp"

namespace tokenlift {

/// What is left of a case when its runs have been let go.
struct CaseResult {
  CaseReport report;
  CaseFigures figures;  ///< of each run; empty where none was pooled
  /// Of a case that is a sweep the figures of each point: "CASE/KEY=VALUE".
  struct Point {
    std::string name;
    std::string state;
    CaseFigures figures;
  };
  std::vector<Point> points = {};
};

/// Runs lie in FOLDER/NAME/N/run.json and, of the control, FOLDER/NAME/N/control/run.json; the
/// case's report in FOLDER/NAME/report.html. What goes wrong with a case is told in its report and
/// stops no other case: nothing throws but for want of memory.
///
/// Repetitions may be made by several threads at once, and by other ranks; they are pooled in their
/// order.
class CaseRun {
 public:
  /// All stay in use. `resume`: a run that is there, and was not ended early, is not made again.
  CaseRun(const SuiteCase& suite_case, const OutputFolder& folder, bool resume);

  const SuiteCase& suite_case() const { return case_; }
  bool has_begun() const { return begun_; }

  /// Throws UsageError where the first run that is there is not one that this case would make, so
  /// that going on would replace the reports of another suite. Writes nothing.
  void require_resumable(Experiment& experiment) const;

  /// Makes the runs of one repetition that are not there yet. `board` shows how each goes; `watch`
  /// is called before each. Like keep(), it returns whether the case has now got all repetitions:
  /// then finish() is next.
  bool repeat(Experiment& experiment, std::uint64_t repetition, const RunWatch& watch);

  /// A repetition for another rank (engine virtual); nothing where runs of it are there, or the
  /// case is over.
  std::optional<std::string> pack(std::uint64_t repetition);
  bool keep(std::uint64_t repetition, const WorkResult& reply);

  /// Writes the report of the case and lets its runs go. Of a case that never began it says that it
  /// was not run.
  CaseResult finish();

 private:
  /// What became of one repetition.
  struct Outcome {
    std::vector<std::pair<bool, Run>> runs = {};  // true: of the control
    bool interrupted = false;
    std::string failure = {};
    double elapsed_s = 0;
  };
  template <typename Step>
  static void attempt(Outcome& outcome, const Step& step);
  void make(Experiment& experiment, std::uint64_t repetition, const RunWatch& watch,
            Outcome& outcome);
  void pool(std::uint64_t repetition, Outcome outcome);
  bool settle(std::uint64_t repetition, Outcome outcome);
  const Prepared* prepared(Experiment& experiment);
  std::filesystem::path place(std::uint64_t repetition, bool control) const;
  bool is_there(std::uint64_t repetition, bool control) const;
  std::optional<Run> stored(std::uint64_t repetition, bool control) const;
  void require_same(const Prepared& prepared, const Run& run, std::uint64_t repetition,
                    bool control) const;

  const SuiteCase& case_;
  const OutputFolder& folder_;
  bool resume_;
  std::mutex preparing_;
  std::optional<Prepared> prepared_;
  std::optional<RepetitionWork> sent_;  // of who packs, one thread
  std::atomic<bool> begun_ = false;
  std::atomic<bool> over_ = false;  // it failed or was interrupted
  std::atomic<std::uint64_t> settled_ = 0;
  InOrder<Outcome> in_order_;

  // Of pool(), which one thread at a time is in.
  Pool pool_;
  bool pooled_ = false;  // a run at least
  bool interrupted_ = false;
  std::uint64_t repeated_ = 0;  // repetitions, to their end
  std::string failure_;
  double elapsed_s_ = 0;
};

}  // namespace tokenlift
