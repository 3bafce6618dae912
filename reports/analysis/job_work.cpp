#include "reports/analysis/job_work.hpp"

#include <algorithm>

#include "reports/analysis/cost.hpp"

namespace tokenlift {
namespace {

/// What a job's replicas cost in a phase, in dollars.
std::optional<double> cost_of(const JobPhase& work, const SiteDraw& draw, const SiteTerms& terms) {
  if (!draw.cost_microusd) return std::nullopt;
  const double kwh = as_double(work.site_energy_fj.value_or(0)) / kFjPerJ / kJPerKwh;
  const double electricity_usd = kwh * terms.electricity_usd_per_kwh.value_or(0);
  if (draw.paid_replica_ns == 0) return electricity_usd;
  return electricity_usd +
         contract_usd(draw, terms) * as_double(work.replica_ns) / as_double(draw.paid_replica_ns);
}

std::optional<std::size_t> site_index(const Run& run, const std::string& name) {
  const auto found = std::find(run.fleet.sites.begin(), run.fleet.sites.end(), name);
  if (found == run.fleet.sites.end()) return std::nullopt;
  return static_cast<std::size_t>(found - run.fleet.sites.begin());
}

/// By how long steps take, and not by how many end in the phase: of a few long ones it has up to
/// one more or less than its length has room for. Absent where none ended, unless it stood still
/// all the time.
std::optional<double> steps_per_hour_of(const JobPhase& work, double length_ns) {
  const double working_ns = length_ns - as_double(work.stalled_ns);
  if (working_ns <= 0) return 0;
  if (work.steps == 0) return std::nullopt;
  const double step_ns = as_double(work.step_ns) / as_double(work.steps);
  return quotient(working_ns / length_ns * kNsPerHour, step_ns);
}

JobPhaseWork work_of(const Run& run, const JobRecord& job, std::size_t phase) {
  const JobPhase& recorded = job.phases.at(phase);
  const PhaseSpan& span = run.phases[phase];
  const auto runs = static_cast<double>(run.runs);
  const auto steps = static_cast<double>(recorded.steps);
  const double length_ns = as_double(span.length_ns);
  JobPhaseWork work;
  work.name = span.name;
  work.replicas_held = quotient(as_double(recorded.replica_ns), length_ns);
  work.steps = steps / runs;
  work.steps_per_hour = steps_per_hour_of(recorded, length_ns);
  work.step_s = quotient(as_double(recorded.step_ns) / 1e9, steps);
  work.stalled_share = quotient(as_double(recorded.stalled_ns), length_ns);
  if (recorded.lost > 0) work.lost_steps = static_cast<double>(recorded.lost) / runs;
  if (recorded.site_energy_fj) {
    const double joules = as_double(*recorded.site_energy_fj) / kFjPerJ;
    work.kwh = joules / kJPerKwh / runs;
    work.j_per_step = quotient(joules, steps);
  }
  const std::optional<std::size_t> site = site_index(run, job.site);
  if (site && *site < span.draws.size() && *site < run.fleet.terms.size()) {
    const std::optional<double> usd = cost_of(recorded, span.draws[*site], run.fleet.terms[*site]);
    if (usd) work.usd = *usd / runs;
    work.usd_per_step = quotient(usd, steps);
  }
  return work;
}

}  // namespace

std::vector<JobWork> job_work(const Run& run) {
  std::vector<JobWork> all;
  for (const JobRecord& job : run.jobs) {
    JobWork& work = all.emplace_back();
    work.name = job.name;
    work.site = job.site;
    work.replicas = job.replicas;
    work.yields = job.yields;
    for (std::size_t i = 0; i < run.phases.size(); ++i) {
      work.phases.push_back(work_of(run, job, i));
    }
  }
  return all;
}

const JobPhaseWork* find_work(const JobWork& job, std::string_view phase) {
  const auto found = std::find_if(job.phases.begin(), job.phases.end(),
                                  [&](const JobPhaseWork& work) { return work.name == phase; });
  return found == job.phases.end() ? nullptr : &*found;
}

}  // namespace tokenlift
