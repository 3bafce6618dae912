#pragma once
// How many replicas of a site it takes for every tenant to keep its objectives.

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/machine/work_pool.hpp"
#include "bench/sweep/sweeper.hpp"
#include "reports/findings/sweep_report.hpp"

namespace tokenlift {

/// What is to be kept, and where it is looked for.
struct SizingTask {
  std::string site;          ///< empty: the only one
  double attainment = 0.99;  ///< of each tenant with objectives, at least
  std::optional<std::uint64_t>
      most_replicas;  ///< absent: four times those of the site, 16 at least
};

/// The load of the scenario times this.
inline constexpr double kLessLoad = 0.8, kMoreLoad = 1.2;

/// The fewest replicas of the site at the scenario's load, with 20 % less and more of it, and with
/// one replica failed all the time (one more than the fewest). All else stays as it is: rates and
/// limits that are a share of the capacity are those of the fleet as the scenario has it. Throws
/// SweepMistake, ScenarioError, NotMeasurable. Nothing if it was stopped before it began.
std::optional<SweepReport> size_fleet(const SweepProblem& problem, const SizingTask& task,
                                      const std::vector<std::string>& command, WorkPool& pool,
                                      const std::atomic<bool>& stop, const SweepWatch& watch);

}  // namespace tokenlift
