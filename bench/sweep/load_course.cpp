#include "bench/sweep/load_course.hpp"

#include <algorithm>
#include <cmath>

#include "reports/analysis/summary.hpp"
#include "workloads/plan/demand.hpp"

namespace tokenlift {

namespace {

constexpr double kStandardErrors = 4;

/// With every other one what is due at any time is as likely as at any other.
bool may_change(const Tenant& tenant) {
  return tenant.arrivals.process == Process::trace || tenant.arrivals.shape || tenant.sessions;
}

}  // namespace

bool changes_by_plan(const Scenario& scenario) {
  return !tenants_of_changing_load(scenario).empty();
}

bool load_grew(const Scenario& scenario, const Run& run, std::string_view phase) {
  if (!std::ranges::any_of(scenario.tenants, may_change)) return false;
  const auto thirds = due_in_thirds(run, phase);
  if (!thirds) return false;
  const double first = thirds->front();
  const double last = thirds->back();
  return last - first > std::max(kMoreDue * last, kStandardErrors * std::sqrt(first + last));
}

}  // namespace tokenlift
