#include "workloads/plan/job_notes.hpp"

#include <cmath>

#include "workloads/plan/demand.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

/// With so many replicas.
double steps_per_hour(const Job& job, std::int64_t replicas) {
  constexpr double kHour = 3.6e12;
  const double compute_ns = static_cast<double>(job.step_ns) * static_cast<double>(job.replicas) /
                            static_cast<double>(replicas);
  return kHour / (compute_ns + static_cast<double>(replicas > 1 ? job.interconnect_ns : 0));
}

std::string step_figure(double value) {
  const double scale = value >= 100 ? 1 : value >= 1 ? 10 : 1000;
  return format_number(std::round(value * scale) / scale);
}

/// "1 step", "837 steps"
std::string steps(double value) {
  const std::string figure = step_figure(value);
  return figure + (figure == "1" ? " step" : " steps");
}

}  // namespace

std::vector<std::string> job_notes(const Scenario& scenario) {
  std::vector<std::string> notes;
  for (const Job& job : scenario.jobs) {
    std::string note = "job '" + job.name + "' has " + std::to_string(job.replicas) +
                       (job.replicas == 1 ? " replica" : " replicas") + " of site '" + job.site +
                       "': at most " + steps(steps_per_hour(job, job.replicas)) + " an hour";
    if (job.yields > 0) {
      const std::int64_t kept = job.replicas - job.yields;
      std::string names;
      for (const Tenant& tenant : scenario.tenants) {
        if (goes_before(tenant, job)) names += (names.empty() ? "'" : ", '") + tenant.name + "'";
      }
      note += "; it yields " + std::to_string(job.yields) + " of them to " + names +
              ", and makes " + (kept > 0 ? step_figure(steps_per_hour(job, kept)) : "none") +
              " with the rest";
    }
    notes.push_back(note);
  }
  return notes;
}

}  // namespace tokenlift
