#pragma once
// What a sweep is of, and one point of it, run.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/run/experiment.hpp"
#include "bench/run/repetitions.hpp"
#include "reports/findings/sweep_report.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/objective.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/tuning/swept_key.hpp"

namespace tokenlift {

struct SweepProblem {
  ScenarioSource source;
  std::vector<std::string> overrides;
  std::vector<Profile> profiles;
  std::uint64_t repetitions = 1;
  Scenario scenario;                 ///< so read
  std::string phase;                 ///< "steady", or "after" where an event divides the run
  std::vector<std::string> figures;  ///< paths, complete
};

/// Throws ScenarioError.
SweepProblem make_sweep_problem(ScenarioSource source, std::vector<std::string> overrides,
                                std::vector<Profile> profiles, std::uint64_t repetitions);

/// The scenario with these settings on top. Throws ScenarioError.
Scenario read_scenario(const SweepProblem& problem, const std::vector<std::string>& settings);

/// A path of a figure, completed with the phase and its unit where it lacks them, and added to the
/// problem's figures: its place among them. Throws SweepMistake where no run can have it.
std::size_t add_figure(SweepProblem& problem, const std::string& path);

/// An objective as users write it. Throws SweepMistake.
Objective read_objective(const std::string& text);

/// An objective, whose path is completed and added the same way.
std::pair<Objective, std::size_t> add_objective(SweepProblem& problem, Objective objective);

/// Whether what a load is a share of, the capacity, is another with each value of the key: it is
/// one of a site, or of a profile.
bool changes_capacity(const std::string& key);

/// Tells whether points of two sweeps may be taken for each other.
std::string digest_of(const SweepProblem& problem);

/// Runs points. Safe to be used by several threads at once, each with an Experiment of its own.
class PointRunner {
 public:
  /// Both stay in use.
  PointRunner(const SweepProblem& problem, const std::atomic<bool>& stop);

  /// A function of the settings alone in virtual time. What fails is told in the point;
  /// `interrupted` where it was stopped. `watch` is called before each run.
  ///
  /// Where a setting changes the capacity, loads are turned into rates and limits by the capacity
  /// of the scenario without it: otherwise twice the fleet would be asked for twice as much.
  ///
  /// A point whose backlog grows ends early: where more than the capacity is asked for it is first
  /// run for a quarter of its time, and is saturated where the backlog then grows beyond doubt: by
  /// 15 % of what is asked for, or by half of what is asked for beyond the capacity. Otherwise it
  /// runs its whole time, and is saturated once it grows beyond doubt in a repetition, or by
  /// kClearGrowth of what is asked for in two of them, or at all in all of them together. Where
  /// only one is asked for and the backlog grows in it, another is made.
  ///
  /// Where the load is no lasting one (load_course.hpp) no point is saturated: what is in the
  /// system grows with the load, and its figures are those of the load as it went.
  SweepPoint run(const std::vector<std::string>& settings, Experiment& experiment,
                 const RunWatch& watch);

 private:
  struct Known {
    Scenario scenario;  // as far as the capacity depends on it
    Run run;            // with that capacity
  };
  std::optional<Prepared> prepare(const Scenario& scenario, Experiment& experiment);
  std::optional<Prepared> prepare_as_stated(Scenario scenario, Experiment& experiment);
  bool is_probed(const Prepared& prepared) const;
  void run_prepared(const Prepared& prepared, Experiment& experiment, const RunWatch& watch,
                    SweepPoint& point);

  const SweepProblem& problem_;
  const std::atomic<bool>& stop_;
  std::mutex mutex_;
  std::vector<Known> known_;
};
inline constexpr double kClearGrowth = 0.05;

}  // namespace tokenlift
