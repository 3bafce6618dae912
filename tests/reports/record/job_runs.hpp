#pragma once
// Runs made by hand with an internal job, in round figures.

#include "tests/reports/record/cost_runs.hpp"

namespace tokenlift {

/// The run of cost_runs.hpp, one of whose two replicas is a job's for half of the time before and
/// all of the time after. Steps take 1 s before, of which one is lost, and 0.5 s after.
inline Run job_run() {
  Run run = cost_run();
  JobRecord job;
  job.name = "training";
  job.site = "hall";
  job.replicas = 1;
  job.yields = 1;
  for (const PhaseSpan& phase : run.phases) {
    const bool before = phase.name == "before";
    const auto length_s = static_cast<std::int64_t>(phase.length_ns / kSecondNs);
    JobPhase& work = job.phases.emplace_back();
    work.replica_ns = before ? phase.length_ns / 2 : phase.length_ns;
    work.stalled_ns = before ? phase.length_ns / 2 : 0;
    work.steps = static_cast<std::uint64_t>(before ? length_s / 2 : length_s * 2);
    work.step_ns = before ? phase.length_ns / 2 : phase.length_ns;
    work.lost = before ? 1 : 0;
    work.site_energy_fj = kFjPerKj * (before ? 2 : 4) * length_s;
    work.energy_fj = *work.site_energy_fj / 2;
  }
  run.jobs = {job};
  return run;
}

}  // namespace tokenlift
