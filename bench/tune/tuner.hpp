#pragma once
// From a problem to a report: searches, then says of the best what it gains, what holds it back,
// how each parameter acts around it; or, where nothing is feasible, what capacity would do.

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "bench/machine/workers.hpp"
#include "bench/tune/journal.hpp"
#include "bench/tune/problem.hpp"
#include "bench/tune/search.hpp"
#include "reports/findings/tuning_report.hpp"

namespace tokenlift {

class Tuner {
 public:
  /// All stay in use. `journal`: null for none. `command` goes into runs and report.
  Tuner(const TuningProblem& problem, TuningBudget budget, std::vector<std::string> command,
        Workers& workers, const std::atomic<bool>& stop, TuningJournal* journal,
        TuningSearch::Watch watch);

  /// Once. Throws BudgetTooSmall, MachineError (the journal).
  TuningReport run();

 private:
  std::optional<TuningFigures> simulate(const Attempt& attempt);
  SearchSpace space();

  void describe(TuningReport& report) const;
  void add_candidates(TuningReport& report) const;
  void recommend(TuningReport& report);
  void add_pareto_set(TuningReport& report);
  void add_responses(TuningReport& report);
  void add_changes(TuningReport& report);
  void look_for_capacity(std::size_t candidate, TuningReport& report);
  std::optional<std::size_t> feasible_with(double fleet, const Effort& effort,
                                           const std::vector<std::size_t>& candidates);

  const TuningProblem& problem_;
  TuningSimulator simulator_;
  std::vector<std::string> command_;
  Workers& workers_;
  const std::atomic<bool>& stop_;
  TuningJournal* journal_;
  TuningSearch search_;
};

}  // namespace tokenlift
