#pragma once
// From a scenario to a Run: picks the clock and the fleet that the engine stands for, runs the
// loop, checks the result.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/fleet/thread_fleet.hpp"
#include "bench/machine/progress.hpp"
#include "bench/machine/workers.hpp"
#include "bench/record/request_log.hpp"
#include "bench/run/capacity.hpp"
#include "bench/run/door.hpp"
#include "bench/run/part.hpp"
#include "reports/record/run.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// A scenario with absolute rates, and where the capacity in it comes from.
struct Prepared {
  Scenario scenario;
  std::string capacity_source;  ///< "measured", "computed", "stated" or empty
  std::optional<double> capacity_error_tokens_per_s = {};  ///< standard error, where measured
  StepCosts capacity_costs = {};  ///< what steps took then; none where it was not measured now
  /// What the fleet can do with so many replicas of each site, as measured: of all that serve for
  /// long. Empty where every site has a capacity of its own, or the fleet does not change.
  std::vector<Composition> measured = {};
  double capacity_fall = 0;  ///< of endpoints: how much it fell while it was found, a share
};

/// A fleet that is served to the world.
struct Serving {
  BellClock& clock;
  Door& door;
  const std::atomic<bool>& cut;  ///< ends the waiting for what is in flight
  const Scenario& played;   ///< what was played, once the run has ended: with the events that came
  bool plays_load = false;  ///< the scenario's tenants ask as well
};

class Experiment {
 public:
  /// `command` goes into the record. `stop` ends a run early. `threads`: workers of engine virtual;
  /// results do not depend on them.
  Experiment(std::vector<std::string> command, const std::atomic<bool>& stop, std::size_t threads);

  /// Of the scenario's fleet under its mix: measured (engine threads) or computed (engine virtual)
  /// now. Nothing if it was interrupted. Throws NotMeasurable.
  std::optional<Capacity> capacity(const Scenario& scenario);

  /// The scenario with absolute rates. Where a `load` needs the capacity of the fleet, that is
  /// measured (engine threads) or computed (engine virtual, there also where an event divides the
  /// run) now, once for all runs of the command.
  /// `before`: a run of the same scenario, whose capacity holds on; null: none.
  /// Nothing if it was interrupted. Throws NotMeasurable where the machine was busy meanwhile, or
  /// turned out too slow for the scenario, and ScenarioError where the resolved scenario is wrong.
  /// Where the fleet changes, every site gets the capacity of one replica (engine virtual), or
  /// every composition that lasts for a tenth of a phase is measured (engine threads).
  std::optional<Prepared> prepare(const Scenario& scenario, const Run* before = nullptr);

  /// Runs a prepared scenario once. Repetition n draws with the seed of the scenario + n - 1. A
  /// `control` leaves the measured event out, and has the same phases.
  /// `serving`: requests and events come through its door, in real time on any engine. Throws
  /// NotMeasurable where it plays a part and cannot begin with the others.
  Run run(const Prepared& prepared, std::uint64_t repetition, ProgressBoard& board,
          bool control = false, const Serving* serving = nullptr);

  /// Of engine http: commands of events may be run; `cut`, being set, ends the waiting for what is
  /// in flight when a run has been stopped (null: that is waited for).
  void go_elsewhere(bool allow_commands, const std::atomic<bool>* cut) {
    allow_commands_ = allow_commands;
    cut_ = cut;
  }

  /// Of engine http: where the scenario does not state the capacity, prepare() finds it so.
  void find_capacity(const SaturationBudget& budget) { budget_ = budget; }

  /// Of engines http and null, and scenarios that can be played in shares (plan/sharing.hpp): the
  /// run that follows is one of several processes', and begins with theirs. Events elsewhere are
  /// made to happen by rank 0; for the others they hold at the instants that the scenario states.
  void play_part(const Part& part) { part_ = part; }

  /// Every request of the runs that follow is recorded there.
  void log_to(RequestLog& log) { log_ = &log; }

 private:
  struct Clocks;
  std::unique_ptr<Fleet> make_fleet(const Scenario& scenario, const RecordingGrid& grid,
                                    Clocks& clocks, const Serving* serving);
  std::optional<Capacity> measured(const Scenario& scenario,
                                   const std::vector<std::int64_t>& replicas);
  std::optional<Capacity> found_elsewhere(const Scenario& scenario);
  bool measure_compositions(Prepared& prepared);

  std::vector<std::string> command_;
  const std::atomic<bool>& stop_;
  WeightStore weights_;
  Workers workers_;
  RequestLog* log_ = nullptr;
  std::optional<Part> part_;
  std::optional<SaturationBudget> budget_;
  bool allow_commands_ = false;
  const std::atomic<bool>* cut_ = nullptr;
};

/// The arms of a repetition in the order in which they are run; true is the control. They take
/// turns in going first: a machine that drifts is no better to one of them.
std::array<bool, 2> arms_in_turn(std::uint64_t repetition);

/// "repetition 2", "repetition 2 of the control".
std::string run_name(std::uint64_t repetition, bool control);

/// The scenario that such a run runs.
Scenario scenario_of(const Prepared& prepared, std::uint64_t repetition, bool control);

}  // namespace tokenlift
