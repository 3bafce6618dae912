#pragma once
// What a search for better settings is about: a scenario, what of it may change, and what is
// judged. And one candidate of it, simulated.

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/tune/stress.hpp"
#include "reports/analysis/trial.hpp"
#include "reports/findings/tuning_report.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/scenario/tuning.hpp"

namespace tokenlift {

/// A FigureMistake, of all figures of a report.
std::string figure_mistake(const std::string& path, std::optional<double> bound);

struct TuningProblem {
  ScenarioSource source;
  std::vector<std::string> overrides;  ///< those of the command, for engine virtual
  std::vector<Profile> profiles;
  Scenario scenario;                            ///< so read; its loads are not resolved
  std::optional<double> capacity_tokens_per_s;  ///< of its fleet and its mix
  std::string capacity_source;                  ///< as of Prepared
  std::vector<double> replica_tokens_per_s;  ///< of each site, where the fleet changes; else empty
  Tuning tuning;                             ///< complete
  std::string phase;                         ///< that is judged
};

/// Reads the scenario, computes the capacity (unless the scenario states it, or it is given), and
/// completes what is tuned. Nothing if `stop` came first. Throws ScenarioError.
std::optional<TuningProblem> make_tuning_problem(ScenarioSource source,
                                                 std::vector<std::string> overrides,
                                                 std::vector<Profile> profiles,
                                                 const std::atomic<bool>& stop);

/// How much is simulated to judge a candidate.
struct Effort {
  std::uint64_t runs = 1;
  /// Of what follows the warm-up, 0 .. 1. Less than all only where can_be_shortened().
  double length_share = 1;
  bool operator==(const Effort&) const = default;
};

/// Nothing in the scenario happens at a certain time, so that a part of it is like the whole.
bool can_be_shortened(const Scenario& scenario);

/// One candidate, to be simulated.
struct Attempt {
  std::vector<double> point;  ///< a position for each parameter; empty: as the scenario is
  Effort effort;
  Stress stress = Stress::none;
  bool by_run = false;  ///< with the objective of each run, for tests of differences
  Enlargement larger = {};
  bool operator==(const Attempt&) const = default;
};

/// Simulates attempts. Const, and safe to be used by several threads at once.
class TuningSimulator {
 public:
  /// All stay in use. `command` goes into the runs' records.
  TuningSimulator(const TuningProblem& problem, std::vector<std::string> command,
                  const std::atomic<bool>& stop);

  /// The words for --set that make the candidate.
  std::vector<std::string> settings_of(const std::vector<double>& point) const;
  /// The point that really is tried: values are rounded.
  std::vector<double> snapped(const std::vector<double>& point) const;

  /// The candidate, its loads not resolved. Throws ScenarioError where it is none.
  Scenario read(const std::vector<double>& point) const;

  /// A function of the attempt alone. Nothing if it was stopped. A stress that makes no difference
  /// gives figures of no runs.
  std::optional<TuningFigures> figures(const Attempt& attempt) const;
  /// The runs themselves. Throws ScenarioError where the candidate is no scenario.
  std::optional<Trial> trial(const Attempt& attempt) const;

  const TuningProblem& problem() const { return problem_; }

 private:
  /// With absolute rates; nothing where the stress makes no difference, or it was stopped.
  std::optional<Scenario> scenario_of(const Attempt& attempt) const;
  /// No runs where the stress makes no difference; nothing if it was stopped.
  template <typename OnRun>
  std::optional<Pool> simulate(const Attempt& attempt, const OnRun& on_run) const;

  const TuningProblem& problem_;
  std::vector<std::string> command_;
  const std::atomic<bool>& stop_;
};

/// What is judged of a trial; without the objective by run.
TuningFigures tuning_figures(const Trial& trial, const TuningProblem& problem);

}  // namespace tokenlift
