#pragma once
// From a problem to a report: searches, then says of the best what it gains, what holds it back,
// how each parameter acts around it; or, where nothing is feasible, what capacity would do.

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "bench/machine/work_pool.hpp"
#include "bench/tune/attempt_work.hpp"
#include "bench/tune/journal.hpp"
#include "bench/tune/problem.hpp"
#include "bench/tune/search.hpp"
#include "reports/findings/tuning_report.hpp"

namespace tokenlift {

class Tuner {
 public:
  /// All stay in use, but for the problem. `journal`: null for none. `command` goes into runs and
  /// report.
  Tuner(TuningProblem problem, TuningBudget budget, std::vector<std::string> command,
        WorkPool& pool, const std::atomic<bool>& stop, TuningJournal* journal,
        TuningSearch::Watch watch);

  /// Once. Throws BudgetTooSmall, MachineError (the journal).
  TuningReport run();

 private:
  std::optional<TuningFigures> known(const Attempt& attempt) const;
  void note(const Attempt& attempt, const TuningFigures& figures);
  std::optional<TuningFigures> simulate(const Attempt& attempt);
  std::optional<std::string> packed(const Attempt& attempt);
  SearchSpace space();

  void describe(TuningReport& report) const;
  void add_candidates(TuningReport& report) const;
  void recommend(TuningReport& report);
  void add_pareto_set(TuningReport& report);
  void add_responses(TuningReport& report);
  void add_changes(TuningReport& report);
  void add_floors();
  void look_for_remedies(std::size_t candidate, TuningReport& report);
  void add_binding_of_nearest(TuningReport& report);
  std::optional<Trial> trial_of(std::size_t candidate, std::uint64_t runs);
  std::vector<std::vector<std::string>> reach() const;

  TuningProblem problem_;  // with its floors
  TuningBudget budget_;
  std::atomic<bool> over_ = false;  // stopped, or the time is up
  TuningSimulator simulator_;
  std::vector<std::string> command_;
  WorkPool& pool_;
  const std::atomic<bool>& stop_;
  TuningJournal* journal_;
  std::vector<std::string> floors_;
  std::optional<AttemptWork> sent_;
  TuningSearch search_;
};

}  // namespace tokenlift
