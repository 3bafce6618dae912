#pragma once
// What each job did in each phase. Pure functions of a Run.
//
// What a job costs is its part of what its site costs: of its contract by the time of replicas, of
// the electricity by energy.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/record/run.hpp"

namespace tokenlift {

/// Of one phase; sums are of one run, the mean of those that were pooled.
struct JobPhaseWork {
  std::string name;
  std::optional<double> replicas_held;  ///< mean over the phase
  std::optional<double> steps;          ///< that ended in it
  /// The time in which it did not stand still / the mean length of a step.
  std::optional<double> steps_per_hour;
  std::optional<double> step_s;         ///< mean length of a step
  std::optional<double> stalled_share;  ///< of the phase: no replica held, or a step lost
  std::optional<double> lost_steps;     ///< cut by a failure
  std::optional<double> kwh;            ///< of all that its replicas draw, where that is stated
  std::optional<double> j_per_step;
  std::optional<double> usd;  ///< where its site states a price
  std::optional<double> usd_per_step;
};

struct JobWork {
  std::string name;
  std::string site;
  std::int64_t replicas = 0;
  std::int64_t yields = 0;
  std::vector<JobPhaseWork> phases;  ///< of every phase, in order
};

/// A figure of a phase: one row for reports, files, sweeps and objectives.
struct JobFigure {
  std::string_view key;
  std::string_view label;
  std::string_view unit;
  std::optional<double> JobPhaseWork::*value;
  double scale = 1;     ///< from the figure to `unit`
  bool is_sum = false;  ///< over the phase: two of different length have no ratio
};
inline constexpr auto kJobFigures = std::to_array<JobFigure>({
    {"replicas_held", "replicas held", "", &JobPhaseWork::replicas_held},
    {"steps", "steps", "per run", &JobPhaseWork::steps, 1, true},
    {"steps_per_hour", "steps per hour", "", &JobPhaseWork::steps_per_hour},
    {"step_s", "length of a step", "s", &JobPhaseWork::step_s},
    {"stalled_share", "stalled", "%", &JobPhaseWork::stalled_share, 100},
    {"lost_steps", "steps lost", "per run", &JobPhaseWork::lost_steps, 1, true},
    {"kwh", "energy", "kWh per run", &JobPhaseWork::kwh, 1, true},
    {"j_per_step", "energy per step", "kJ", &JobPhaseWork::j_per_step, 1e-3},
    {"usd", "cost", "$ per run", &JobPhaseWork::usd, 1, true},
    {"usd_per_step", "cost per step", "$", &JobPhaseWork::usd_per_step},
});

/// Of every job, in order.
std::vector<JobWork> job_work(const Run& run);

/// The one of that phase; nullptr where there is none.
const JobPhaseWork* find_work(const JobWork& job, std::string_view phase);

}  // namespace tokenlift
