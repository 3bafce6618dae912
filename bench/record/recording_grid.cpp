#include "bench/record/recording_grid.hpp"

#include "bench/record/step_run.hpp"
#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kMaxBins = 3600;
constexpr std::size_t kMaxSlices = 120;

/// The smallest of 1, 2, 5, 10, 20, 50, ... ns that covers `span_ns` in at most `most` bins.
std::int64_t grid_width_ns(std::int64_t span_ns, std::size_t most) {
  for (std::int64_t decade = 1;; decade *= 10) {
    for (const std::int64_t step : {1, 2, 5}) {
      if (ceil_div(span_ns, decade * step) <= static_cast<std::int64_t>(most)) return decade * step;
    }
  }
}

GapLimits gap_limits(const std::vector<Tenant>& tenants, std::size_t phases) {
  GapLimits limits;
  const auto has_one = [](const Tenant& tenant) { return tenant.slo.itl_ns.has_value(); };
  if (std::ranges::none_of(tenants, has_one)) return limits;
  std::vector<std::int64_t>& all = limits.late_from_ps;
  for (const Tenant& tenant : tenants) {
    std::uint32_t number = GapLimits::kNone;
    if (tenant.slo.itl_ns) {
      const std::int64_t late_from_ps = (*tenant.slo.itl_ns + 1) * kPsPerNs;
      const auto found = std::ranges::find(all, late_from_ps);
      number = static_cast<std::uint32_t>(found - all.begin());
      if (found == all.end()) all.push_back(late_from_ps);
    }
    limits.by_cell.insert(limits.by_cell.end(), phases, number);
  }
  return limits;
}

}  // namespace

RecordingGrid make_grid(const Scenario& resolved) {
  RecordingGrid grid;
  grid.phases = plan_phases(resolved);
  grid.tenants = resolved.tenants.size();
  const std::int64_t longest_ns = resolved.run.duration_ns + resolved.run.cooldown_max_ns;
  grid.bin_ns = grid_width_ns(longest_ns, kMaxBins);
  grid.bins = static_cast<std::size_t>(ceil_div(longest_ns, grid.bin_ns));
  grid.slice_ns = grid_width_ns(longest_ns, kMaxSlices);
  grid.slices = static_cast<std::size_t>(ceil_div(longest_ns, grid.slice_ns));
  grid.gap_limits = gap_limits(resolved.tenants, grid.phases.size());
  // A price may be for the time that replicas of a site served.
  const bool any_cost = std::ranges::any_of(resolved.fleet.sites,
                                            [](const Site& site) { return site.cost.has_value(); });
  if (states_power(resolved) || any_cost) {
    for (const Site& site : resolved.fleet.sites) {
      grid.sites.push_back(replica_power(resolved, site));
    }
  }
  for (const Job& job : resolved.jobs) {
    grid.jobs.push_back(
        replica_power(resolved, resolved.fleet.sites[site_named(resolved, job.site)]));
  }
  return grid;
}

void end_sending(RecordingGrid& grid, std::int64_t at_ns) {
  for (Phase& phase : grid.phases) {
    phase.begin_ns = std::min(phase.begin_ns, at_ns);
    const bool cools_down = &phase == &grid.phases.back() && !phase.measured;
    if (!cools_down) phase.end_ns = std::min(phase.end_ns, at_ns);
  }
}

std::size_t bins_until(std::int64_t end_ns, std::int64_t width_ns, std::size_t most) {
  const std::int64_t bins = ceil_div(std::max<std::int64_t>(end_ns, 1), width_ns);
  return std::min(static_cast<std::size_t>(bins), most);
}

}  // namespace tokenlift
