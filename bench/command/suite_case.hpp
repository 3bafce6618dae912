#pragma once
// One case of a suite on its way: its runs, written into its folder or found there, and what
// becomes of them.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/machine/output_folder.hpp"
#include "bench/run/experiment.hpp"
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
class CaseRun {
 public:
  /// All stay in use. `resume`: a run that is there, and was not ended early, is not made again.
  CaseRun(const SuiteCase& suite_case, const OutputFolder& folder, bool resume);

  const SuiteCase& suite_case() const { return case_; }
  bool is_over() const { return over_; }  ///< it failed or was interrupted

  /// With absolute rates.
  void prepare(Experiment& experiment);
  /// Makes the runs of one repetition that are not there yet. `board` shows how each goes; `watch`
  /// is called before each.
  void repeat(Experiment& experiment, std::uint64_t repetition, const RunWatch& watch);

  /// Writes the report of the case and lets its runs go. Of a case that was never prepared it says
  /// that it was not run.
  CaseResult finish();

 private:
  template <typename Step>
  void attempt(const Step& step);
  std::filesystem::path place(std::uint64_t repetition, bool control) const;
  std::optional<Run> stored(std::uint64_t repetition, bool control) const;
  void require_same(const Run& run, std::uint64_t repetition, bool control) const;

  const SuiteCase& case_;
  const OutputFolder& folder_;
  bool resume_;
  std::optional<Prepared> prepared_;
  Pool pool_;
  bool pooled_ = false;  // a run at least
  bool over_ = false;
  bool interrupted_ = false;
  std::uint64_t repeated_ = 0;  // repetitions, to their end
  std::string failure_;
  double elapsed_s_ = 0;
};

}  // namespace tokenlift
