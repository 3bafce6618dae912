#include "bench/sweep/load_course.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

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
  const std::vector<std::int64_t>* const due = find_column(run.series.columns, "due_requests");
  const std::optional<std::size_t> index = find_phase(run, phase);
  if (due == nullptr || !index || run.series.bin_ns == 0) return false;
  const BinRange bins = bins_within(run.phases[*index], run.series.bin_ns, due->size());
  const std::size_t third = (bins.end - bins.begin) / 3;
  const auto sum = [&](std::size_t begin) {
    const auto from = due->begin() + static_cast<std::ptrdiff_t>(begin);
    return static_cast<double>(
        std::accumulate(from, from + static_cast<std::ptrdiff_t>(third), std::int64_t{0}));
  };
  if (third == 0) return false;
  const double first = sum(bins.begin), last = sum(bins.end - third);
  return last - first > std::max(kMoreDue * last, kStandardErrors * std::sqrt(first + last));
}

}  // namespace tokenlift
