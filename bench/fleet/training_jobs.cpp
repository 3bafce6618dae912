#include "bench/fleet/training_jobs.hpp"

#include "workloads/plan/power_plan.hpp"

namespace tokenlift {

TrainingJobs::TrainingJobs(const Scenario& scenario, const FleetPower& power, TokenRecord& record) {
  if (scenario.jobs.empty()) return;
  const std::vector<JobPlaces> places = job_places(scenario);
  const std::vector<bool> there = there_at_start(scenario);
  for (std::size_t i = 0; i < scenario.jobs.size(); ++i) {
    const std::size_t site = site_named(scenario, scenario.jobs[i].site);
    jobs_.push_back({site, TrainingJob(scenario.jobs[i], i, static_cast<std::uint16_t>(site),
                                       power.of_site(site), record.draws().any())});
    for (std::uint32_t replica = places[i].begin; replica < places[i].end; ++replica) {
      if (there[replica]) jobs_.back().job.gain(replica, record);
    }
  }
}

void TrainingJobs::advance(Placed& placed, std::int64_t until_ns, const FleetPower& power,
                           TokenRecord& record) {
  placed.job.advance(until_ns, power.held_back(placed.site).slow_milli, record);
}

void TrainingJobs::advance_on(std::size_t site, std::int64_t until_ns, const FleetPower& power,
                              TokenRecord& record) {
  for (Placed& placed : jobs_) {
    if (placed.site == site) advance(placed, until_ns, power, record);
  }
}

void TrainingJobs::advance(std::int64_t until_ns, const FleetPower& power, TokenRecord& record) {
  for (Placed& placed : jobs_) advance(placed, until_ns, power, record);
}

void TrainingJobs::apply(const ReplicaChange& change, std::int64_t now_ns, const FleetPower& power,
                         TokenRecord& record) {
  Placed& placed = jobs_[*change.job];
  advance(placed, now_ns, power, record);
  switch (change.kind) {
    case ReplicaChange::Kind::serve:
      return placed.job.gain(change.replica, record);
    case ReplicaChange::Kind::leave:
      return placed.job.give_up(change.replica, record);
    case ReplicaChange::Kind::fail:
      return placed.job.lose(change.replica, record);
    case ReplicaChange::Kind::pace:
      return placed.job.set_pace(change.replica, change.prefill_ppm);
  }
}

std::int64_t TrainingJobs::border_ns(std::size_t job, std::int64_t now_ns, const FleetPower& power,
                                     TokenRecord& record) {
  advance(jobs_[job], now_ns, power, record);
  return jobs_[job].job.border_ns();
}

void TrainingJobs::add_to(std::size_t site, SiteView& view) const {
  for (const Placed& placed : jobs_) {
    if (placed.site == site) view.add_job(placed.job.replicas());
  }
}

}  // namespace tokenlift
