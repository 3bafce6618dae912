#pragma once
// The search itself, of whatever can be simulated: points that fill the range evenly, by successive
// halving, with more runs for fewer candidates; then batches of points of which a model of all that
// was tried expects most; then the last few against one another with an indifference zone, and
// under stress.
//
// All candidates are judged by runs of the same seeds. The result is a function of the seed and the
// budget: attempts of a batch are simulated side by side, in any order.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/machine/work_pool.hpp"
#include "bench/tune/problem.hpp"
#include "bench/tune/sobol.hpp"
#include "bench/tune/surrogate.hpp"
#include "reports/findings/tuning_report.hpp"

namespace tokenlift {

/// What ends a search. One is set, or none: then it is that of kDefaultRuns. What does not fit into
/// it is not simulated; of requests it is known only afterwards how many a run has had, so that the
/// last few runs may be larger than those before and go over it.
struct TuningBudget {
  std::optional<std::int64_t> requests;  ///< simulated ones, of all runs together
  std::optional<double> time_s;          ///< then the result depends on the machine
};

/// The budget where none is given: the requests of so many runs of the present setting, or, where
/// that is more than kDefaultRequests, of as many runs as these are, but not of fewer than
/// kFewestRuns.
inline constexpr double kDefaultRuns = 2000;
inline constexpr double kDefaultRequests = 60e6;
inline constexpr double kFewestRuns = 150;

/// Differences of up to this share of the objective are none: nobody would change a setting for it.
inline constexpr double kIndifference = 0.01;
/// What stages begin with whose points are of the whole range.
inline constexpr const char* kWholeRange = "whole range";

/// As WorkElsewhere, of attempts.
struct AttemptsElsewhere {
  std::string kind;
  std::function<std::optional<std::string>(const Attempt&)> pack;
  /// Nothing if it was stopped.
  std::function<std::optional<TuningFigures>(const Attempt&, const WorkResult&)> keep;
  const std::atomic<bool>* stop = nullptr;
};

/// What the search needs to know of what it searches.
struct SearchSpace {
  std::size_t dimensions = 0;  ///< >= 1
  bool maximize = true;
  bool can_be_shortened = false;
  std::uint64_t seed = 1;
  /// Where the present setting lies, as far as it is within the range.
  std::vector<std::optional<double>> present;
  /// The point that really is tried for a point.
  std::function<std::vector<double>(const std::vector<double>&)> snap;
  /// What makes it from the scenario: two points of one name are the same candidate.
  std::function<std::string(const std::vector<double>&)> name;
  /// Nothing if it was stopped. Called from several threads.
  std::function<std::optional<TuningFigures>(const Attempt&)> simulate;
  /// How other ranks simulate it; absent: none does.
  std::optional<AttemptsElsewhere> elsewhere = {};
};

/// True if `one` is to be preferred: feasible before infeasible, then by the objective, of
/// infeasible ones by how much they miss.
bool is_better(const TuningFigures& one, const TuningFigures& other, bool maximize);

/// A budget that does not suffice for the smallest search. what() says how much would.
class BudgetTooSmall : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class TuningSearch {
 public:
  struct Candidate {
    std::vector<double> point;  ///< empty: the present setting
    std::string name;
    std::string stage;
    TuningFigures figures;  ///< of its largest effort; without runs: not simulated yet
    TuningFigures first;    ///< of the first rung: there all of a range had the same effort
    std::size_t rung = 0;   ///< how far it got: that of the ladder, and beyond it as a finalist
  };
  /// Called after every attempt, one at a time: how many of the stage's are done.
  using Watch = std::function<void(const TuningSearch& search, std::size_t done, std::size_t of)>;

  /// All stay in use. `stop` ends it early.
  TuningSearch(SearchSpace space, TuningBudget budget, WorkPool& pool,
               const std::atomic<bool>& stop, Watch watch = {});

  /// Throws BudgetTooSmall: of requests, before more than a few runs of the present setting; of
  /// time, when it is over.
  void run();

  /// Counts what was simulated beside it, as a stage.
  void charge(const std::string& stage, std::size_t candidates, std::uint64_t runs,
              std::uint64_t requests);

  /// `stop` came: what there is, is the best so far.
  bool interrupted() const { return interrupted_; }
  /// The present setting first. Distinct names.
  const std::vector<Candidate>& candidates() const { return candidates_; }
  /// The index of the best candidate, feasible or not; nothing where none has figures.
  std::optional<std::size_t> best() const { return best_; }
  /// In order of their rank: the best first, and after those that were as good the others. Empty
  /// where the search did not get there.
  const std::vector<Finalist>& finalists() const { return finalists_; }
  /// The last one is under way.
  const std::vector<TuningStage>& stages() const { return stages_; }
  std::uint64_t requests() const { return requests_; }
  /// At its full length, on average.
  double requests_of_a_run() const { return requests_of_a_run_; }
  /// What tells candidates apart: the last rung of the ladder.
  const Effort& effort() const { return ladder_.back(); }
  /// Of the budget; 0 .. 1, and above it by what the last attempts took.
  double share_used() const;
  double elapsed_s() const;
  /// 0 where time ends it.
  std::uint64_t budget_requests() const {
    return static_cast<std::uint64_t>(budget_.requests.value_or(0));
  }
  /// All candidates that were simulated, the best first: feasible ones, and of these those that got
  /// further.
  std::vector<std::size_t> ranked() const;

  /// The largest effort of up to so many runs (that, or a half, or a quarter, ...) with which so
  /// many attempts stay within a share of the budget; nothing where one run each does not.
  std::optional<Effort> affordable(std::size_t attempts, double share,
                                   std::uint64_t most_runs) const;

  /// Simulates attempts as a stage of its own, also after the search. Nothing in the place of those
  /// that were stopped.
  std::vector<std::optional<TuningFigures>> simulate(const std::string& stage,
                                                     const std::vector<Attempt>& attempts);

 private:
  using Indices = std::vector<std::size_t>;

  static constexpr std::size_t kFinalists = 6;
  /// To compare finalists, and twice and four times that.
  static constexpr std::uint64_t kRunsToCompare = 8;
  /// What follows the search: present and recommended, once more.
  static constexpr std::size_t kRunsOfChanges = 2;

  bool begin();
  bool is_as_before(std::size_t rung) const;
  double cost_of_generation(std::size_t size) const;
  double cost_of(const Attempt& attempt) const;
  std::size_t count_that_fits(std::span<const Attempt> attempts) const;
  bool fits(double requests, double share) const;
  double share_before(double share, std::size_t runs) const;
  void require_room() const;
  bool stopped() const;
  TuningStage& stage_of(const std::string& name);

  void explore();
  bool first_generation(std::size_t size);
  std::vector<std::vector<double>> whole_range(std::size_t size);
  struct Valued {
    std::size_t index = 0;
    double value = 0;  // larger is better
  };
  std::vector<Valued> valued() const;
  Indices most_hopeful() const;
  Surrogate model_of(const std::vector<Valued>& values) const;
  Indices where_most_is_expected(std::size_t size);
  std::size_t place(const std::string& stage, const std::vector<double>& point);
  bool judge(const std::string& stage, const Indices& indices, const Effort& effort,
             std::size_t rung, bool by_run = false);
  void sort(Indices& indices) const;

  bool choose();
  bool compare(Indices& alive);
  Indices far_apart(const Indices& alive, std::size_t count) const;
  bool drop_the_worse(Indices& alive, std::uint64_t runs);
  void drop_what_seems_worse(Indices& alive);
  bool stress(const Indices& alive);
  bool stress_each(const Indices& tried);
  struct Worst {
    double violation = 0;
    double objective = 0;  // larger is better
  };
  Worst worst_of(std::size_t candidate) const;
  std::size_t most_robust(const Indices& alive) const;
  std::size_t differing() const;
  bool simplify();
  bool is_as_good(std::size_t candidate, std::size_t other, const TuningFigures& held,
                  bool under_stress) const;
  std::size_t place_simpler(const std::vector<double>& point);
  Finalist& finalist(std::size_t candidate);

  SearchSpace space_;
  TuningBudget budget_;
  WorkPool& pool_;
  const std::atomic<bool>& stop_;
  Watch watch_;
  SobolPoints sobol_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();

  std::array<Effort, 2> ladder_;
  std::size_t beside_ = 0;        // points that were tried right beside the best
  std::optional<Effort> stress_;  // absent: the budget has no room for it
  double requests_of_a_run_ = 1;  // at its full length, on average; not less than at present
  double most_of_a_run_ = 1;      // that any has had, at its full length
  double share_open_ = 1;         // of the budget, to the stage that is under way
  double whole_runs_ = 0;         // simulated, as many as that are in length
  std::vector<Candidate> candidates_;
  std::vector<Finalist> finalists_;
  std::vector<TuningStage> stages_;
  std::optional<std::size_t> best_;
  std::uint64_t requests_ = 0;
  bool interrupted_ = false;
  bool searching_ = false;
};

}  // namespace tokenlift
