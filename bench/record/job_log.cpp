#include "bench/record/job_log.hpp"

#include <algorithm>
#include <cassert>
#include <functional>

namespace tokenlift {

JobLog::JobLog(const RecordingGrid& grid)
    : grid_(&grid), jobs_(grid.jobs.size(), std::vector<PhaseLog>(grid.phases.size())) {
  if (jobs_.empty()) return;
  more_.resize(grid.bins);
  steps_.resize(grid.bins);
}

void JobLog::holds(std::size_t, std::int64_t at_ns, std::int64_t more) {
  more_[grid_->bin_at(at_ns)] += more;
}

void JobLog::held(std::size_t job, std::int64_t replicas, std::int64_t begin_ns,
                  std::int64_t end_ns) {
  grid_->for_each_phase(begin_ns, end_ns, [&](std::uint32_t phase, std::int64_t length_ns) {
    jobs_[job][phase].told.replica_ns += static_cast<__int128>(length_ns) * replicas;
  });
}

void JobLog::stepped(std::size_t job, std::int64_t begin_ns, std::int64_t end_ns) {
  JobPhase& phase = jobs_[job][grid_->phase_at(end_ns)].told;
  ++phase.steps;
  phase.step_ns += end_ns - begin_ns;
  ++steps_[grid_->bin_at(end_ns)];
}

void JobLog::lost(std::size_t job, std::int64_t begin_ns, std::int64_t end_ns) {
  ++jobs_[job][grid_->phase_at(end_ns)].told.lost;
  stalled(job, begin_ns, end_ns);
}

void JobLog::stalled(std::size_t job, std::int64_t begin_ns, std::int64_t end_ns) {
  grid_->for_each_phase(begin_ns, end_ns, [&](std::uint32_t phase, std::int64_t length_ns) {
    jobs_[job][phase].told.stalled_ns += length_ns;
  });
}

void JobLog::drew(std::size_t job, std::int64_t above_mw, std::int64_t begin_ns,
                  std::int64_t end_ns) {
  grid_->for_each_phase(begin_ns, end_ns, [&](std::uint32_t phase, std::int64_t length_ns) {
    jobs_[job][phase].above_mw_ns += static_cast<__int128>(above_mw) * length_ns;
  });
}

void JobLog::merge(const JobLog& other) {
  assert(jobs_.size() == other.jobs_.size());
  for (std::size_t job = 0; job < jobs_.size(); ++job) {
    for (std::size_t phase = 0; phase < jobs_[job].size(); ++phase) {
      tokenlift::merge(jobs_[job][phase].told, other.jobs_[job][phase].told);
      jobs_[job][phase].above_mw_ns += other.jobs_[job][phase].above_mw_ns;
    }
  }
  const auto add = [](auto& into, const auto& from) {
    std::transform(into.begin(), into.end(), from.begin(), into.begin(), std::plus<>());
  };
  add(more_, other.more_);
  add(steps_, other.steps_);
}

JobPhase JobLog::of_phase(std::size_t job, std::uint32_t phase) const {
  const PhaseLog& log = jobs_[job][phase];
  JobPhase told = log.told;
  const std::optional<ReplicaPower>& power = grid_->jobs[job];
  if (!power) return told;
  constexpr __int128 kThousandPpm = 1000;
  const __int128 drawn = log.above_mw_ns + told.replica_ns * power->idle_mw;
  told.energy_fj = drawn * 1000;  // a mW for a ns
  told.site_energy_fj = (drawn + told.replica_ns * power->rest_mw) * power->pue_ppm / kThousandPpm;
  return told;
}

std::vector<Column> JobLog::columns(std::int64_t end_ns) const {
  if (jobs_.empty()) return {};
  const std::size_t bins = bins_until(end_ns, grid_->bin_ns, grid_->bins);
  Column replicas{"job_replicas", {}};
  Column steps{"job_steps", {steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(bins)}};
  std::int64_t held = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    held += more_[bin];
    replicas.values.push_back(held);
  }
  // What ended at the very end lies in a bin that was not begun.
  if (bins < grid_->bins && end_ns == static_cast<std::int64_t>(bins) * grid_->bin_ns) {
    steps.values.back() += steps_[bins];
  }
  return {std::move(replicas), std::move(steps)};
}

}  // namespace tokenlift
