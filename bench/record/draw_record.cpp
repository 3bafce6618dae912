#include "bench/record/draw_record.hpp"

#include <algorithm>
#include <cassert>
#include <functional>

namespace tokenlift {

namespace {

constexpr __int128 kPpm = 1'000'000;
constexpr std::int64_t kUsualMilli = 1000;

std::int64_t rounded(__int128 sum, __int128 by) {
  return static_cast<std::int64_t>((sum + by / 2) / by);
}

}  // namespace

DrawRecord::DrawRecord(const RecordingGrid& grid) : grid_(&grid), sites_(grid.sites.size()) {
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    const std::optional<ReplicaPower>& power = grid.sites[i];
    sites_[i].phases.resize(grid.phases.size());
    if (!power) continue;
    sites_[i].above_mw_ns.resize(grid.bins);
    sites_[i].powered_change.resize(grid.bins);
    sites_[i].powered_part_ns.resize(grid.bins);
    if (power->limited) sites_[i].limit_mw_ns.resize(grid.bins);
    if (power->battery) sites_[i].stored.resize(grid.bins);
  }
}

bool DrawRecord::any_power() const {
  return std::ranges::any_of(
      grid_->sites, [](const std::optional<ReplicaPower>& site) { return site.has_value(); });
}

template <typename Add>
void DrawRecord::for_each_bin(std::int64_t begin_ns, std::int64_t end_ns, Add add) const {
  for (std::int64_t from_ns = begin_ns; from_ns < end_ns;) {
    const std::size_t bin = grid_->bin_at(from_ns);
    const bool last = bin + 1 == grid_->bins;
    const std::int64_t bin_end_ns = static_cast<std::int64_t>(bin + 1) * grid_->bin_ns;
    const std::int64_t to_ns = last ? end_ns : std::min(end_ns, bin_end_ns);
    add(bin, to_ns - from_ns);
    from_ns = to_ns;
  }
}

void DrawRecord::drew(std::uint16_t site, const StepPower& power, std::int64_t begin_ns,
                      std::int64_t end_ns) {
  SiteRecord& record = sites_[site];
  const std::int64_t above_mw = power.above_mw * power.replicas;
  for (std::int64_t from_ns = begin_ns; from_ns < end_ns;) {
    at_.look_at(*grid_, from_ns);
    const std::int64_t to_ns = std::min(end_ns, at_.end_ns());
    const __int128 drawn = static_cast<__int128>(above_mw) * (to_ns - from_ns);
    record.above_mw_ns[at_.bin()] += drawn;
    PhaseDraw& phase = record.phases[at_.phase()];
    phase.above_mw_ns += drawn;
    if (power.held_back) add_held_back(power, to_ns - from_ns, phase);
    from_ns = to_ns;
  }
}

/// Of the time in a step that takes s times as long, (1 - 1 / s) is lost: added up by s, so that it
/// is rounded once, however steps are told.
void DrawRecord::add_held_back(const StepPower& power, std::int64_t length_ns, PhaseDraw& phase) {
  const __int128 replica_ns = static_cast<__int128>(length_ns) * power.replicas;
  phase.held_back_ns += replica_ns;
  if (power.slow_milli > kUsualMilli) phase.lost_by_slow[power.slow_milli] += replica_ns;
}

void DrawRecord::served(std::size_t site, std::int64_t begin_ns, std::int64_t end_ns,
                        std::int64_t replicas) {
  grid_->for_each_phase(begin_ns, end_ns, [&](std::uint32_t phase, std::int64_t length_ns) {
    sites_[site].phases[phase].replica_ns += static_cast<__int128>(length_ns) * replicas;
  });
  if (grid_->sites[site]) powered(site, begin_ns, end_ns, replicas);
}

void DrawRecord::booted(std::size_t site, std::int64_t begin_ns, std::int64_t end_ns) {
  if (grid_->sites[site]) powered(site, begin_ns, end_ns, 1);
}

void DrawRecord::powered(std::size_t site, std::int64_t begin_ns, std::int64_t end_ns,
                         std::int64_t replicas) {
  if (begin_ns >= end_ns) return;
  SiteRecord& record = sites_[site];
  grid_->for_each_phase(begin_ns, end_ns, [&](std::uint32_t phase, std::int64_t length_ns) {
    record.phases[phase].powered_ns += static_cast<__int128>(length_ns) * replicas;
  });
  const std::size_t first = grid_->bin_at(begin_ns);
  const std::size_t last = grid_->bin_at(end_ns);
  if (first == last) {
    record.powered_part_ns[first] += (end_ns - begin_ns) * replicas;
    return;
  }
  const std::int64_t first_end_ns = static_cast<std::int64_t>(first + 1) * grid_->bin_ns;
  const std::int64_t last_begin_ns = static_cast<std::int64_t>(last) * grid_->bin_ns;
  record.powered_part_ns[first] += (first_end_ns - begin_ns) * replicas;
  record.powered_part_ns[last] += (end_ns - last_begin_ns) * replicas;
  record.powered_change[first + 1] += replicas;
  record.powered_change[last] -= replicas;
}

void DrawRecord::controlled(std::size_t site, const Interval& interval) {
  SiteRecord& record = sites_[site];
  PhaseDraw& phase = record.phases[grid_->phase_at(interval.begin_ns)];
  phase.largest_mw = std::max(phase.largest_mw, interval.mean_mw);
  if (interval.taken_mw > interval.limit_mw) {
    phase.exceeded_ns += interval.end_ns - interval.begin_ns;
    phase.exceeded_mw = std::max(phase.exceeded_mw, interval.taken_mw - interval.limit_mw);
  }
  for_each_bin(interval.begin_ns, interval.end_ns, [&](std::size_t bin, std::int64_t length_ns) {
    record.limit_mw_ns[bin] += static_cast<__int128>(interval.limit_mw) * length_ns;
    if (record.stored.empty()) return;
    const __int128 mean = (interval.stored_from + interval.stored_to) / 2;
    record.stored[bin] += mean / kHourNs * length_ns;
  });
}

void DrawRecord::merge(const DrawRecord& other) {
  assert(sites_.size() == other.sites_.size());
  const auto add = [](auto& into, const auto& from) {
    std::transform(into.begin(), into.end(), from.begin(), into.begin(), std::plus<>());
  };
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    SiteRecord& site = sites_[i];
    const SiteRecord& from = other.sites_[i];
    for (std::size_t phase = 0; phase < site.phases.size(); ++phase) {
      PhaseDraw& into = site.phases[phase];
      const PhaseDraw& added = from.phases[phase];
      into.replica_ns += added.replica_ns;
      into.powered_ns += added.powered_ns;
      into.above_mw_ns += added.above_mw_ns;
      into.held_back_ns += added.held_back_ns;
      for (const auto& [slow_milli, replica_ns] : added.lost_by_slow) {
        into.lost_by_slow[slow_milli] += replica_ns;
      }
      into.largest_mw = std::max(into.largest_mw, added.largest_mw);
      into.exceeded_ns += added.exceeded_ns;
      into.exceeded_mw = std::max(into.exceeded_mw, added.exceeded_mw);
    }
    add(site.above_mw_ns, from.above_mw_ns);
    add(site.powered_change, from.powered_change);
    add(site.powered_part_ns, from.powered_part_ns);
    add(site.limit_mw_ns, from.limit_mw_ns);
    add(site.stored, from.stored);
  }
}

__int128 DrawRecord::above_mw_ns(std::size_t site) const {
  __int128 sum = 0;
  for (const PhaseDraw& phase : sites_[site].phases) sum += phase.above_mw_ns;
  return sum;
}

__int128 DrawRecord::powered_ns(std::size_t site) const {
  __int128 sum = 0;
  for (const PhaseDraw& phase : sites_[site].phases) sum += phase.powered_ns;
  return sum;
}

std::vector<SiteDraw> DrawRecord::of_phase(std::uint32_t phase, std::int64_t end_ns) const {
  std::vector<SiteDraw> draws;
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    const PhaseDraw& recorded = sites_[i].phases[phase];
    SiteDraw& draw = draws.emplace_back();
    draw.replica_ns = recorded.replica_ns;
    const std::optional<ReplicaPower>& power = grid_->sites[i];
    if (!power) continue;
    // Of replicas that boot, too; in mW x ns, and so 1000 fJ.
    const __int128 drawn = recorded.above_mw_ns + recorded.powered_ns * power->idle_mw;
    draw.energy_fj = drawn * 1000;
    draw.site_energy_fj =
        (drawn + recorded.powered_ns * power->rest_mw) * power->pue_ppm / (kPpm / 1000);
    draw.slowed_replica_ns = recorded.held_back_ns;
    for (const auto& [slow_milli, replica_ns] : recorded.lost_by_slow) {
      draw.lost_replica_ns += replica_ns * (slow_milli - kUsualMilli) / slow_milli;
    }
    draw.exceeded_ns = recorded.exceeded_ns;
    draw.exceeded_mw = recorded.exceeded_mw;
    draw.largest_mw = power->limited ? recorded.largest_mw : largest_mw(i, phase, end_ns);
  }
  return draws;
}

std::vector<__int128> DrawRecord::drawn_by_bin(std::size_t site, std::size_t bins) const {
  const SiteRecord& record = sites_[site];
  const ReplicaPower& power = *grid_->sites[site];
  std::vector<__int128> drawn(bins);
  std::int64_t in_whole_bins = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    in_whole_bins += record.powered_change[bin];
    const __int128 powered_ns =
        static_cast<__int128>(in_whole_bins) * grid_->bin_ns + record.powered_part_ns[bin];
    drawn[bin] = (record.above_mw_ns[bin] + powered_ns * (power.idle_mw + power.rest_mw)) *
                 power.pue_ppm / kPpm;
  }
  return drawn;
}

/// Over as many bins as a control interval has, one at least, that lie within the phase.
std::int64_t DrawRecord::largest_mw(std::size_t site, std::uint32_t phase,
                                    std::int64_t end_ns) const {
  const Phase& planned = grid_->phases[phase];
  const std::int64_t bin_ns = grid_->bin_ns;
  const auto first = static_cast<std::size_t>(ceil_div(planned.begin_ns, bin_ns));
  const std::int64_t last_ns = std::min(planned.end_ns, end_ns);
  const auto last = std::min(grid_->bins, static_cast<std::size_t>(last_ns / bin_ns));
  const auto width = static_cast<std::size_t>(ceil_div(grid_->sites[site]->control_ns, bin_ns));
  const std::vector<__int128> drawn = drawn_by_bin(site, last);
  std::int64_t largest = 0;
  for (std::size_t begin = first; begin + width <= last; begin += width) {
    __int128 sum = 0;
    for (std::size_t bin = begin; bin < begin + width; ++bin) sum += drawn[bin];
    largest = std::max(largest, rounded(sum, static_cast<__int128>(width) * bin_ns));
  }
  return largest;
}

std::vector<Column> DrawRecord::columns(std::int64_t end_ns) const {
  if (!any_power()) return {};
  const std::size_t bins = bins_until(end_ns, grid_->bin_ns, grid_->bins);
  std::vector<__int128> drawn(bins);
  std::vector<__int128> limit(bins);
  std::vector<__int128> stored(bins);
  bool all_limited = true;
  bool any_battery = false;
  const auto add = [&](std::vector<__int128>& into, const std::vector<__int128>& from) {
    for (std::size_t bin = 0; bin < bins; ++bin) into[bin] += from[bin];
  };
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    if (!grid_->sites[i]) continue;
    add(drawn, drawn_by_bin(i, bins));
    all_limited = all_limited && grid_->sites[i]->limited;
    any_battery = any_battery || grid_->sites[i]->battery;
    if (grid_->sites[i]->limited) add(limit, sites_[i].limit_mw_ns);
    if (grid_->sites[i]->battery) add(stored, sites_[i].stored);
  }
  const auto column = [&](const char* name, const std::vector<__int128>& sums, __int128 unit) {
    Column means{name, {}};
    for (std::size_t bin = 0; bin < bins; ++bin) {
      const std::int64_t begin_ns = static_cast<std::int64_t>(bin) * grid_->bin_ns;
      const std::int64_t whole_ns = bin + 1 == grid_->bins ? end_ns - begin_ns : grid_->bin_ns;
      const std::int64_t length_ns = std::min(whole_ns, end_ns - begin_ns);
      means.values.push_back(length_ns > 0 ? rounded(sums[bin], unit * length_ns) : 0);
    }
    return means;
  };
  std::vector<Column> columns = {column("site_power_w", drawn, 1000)};
  if (all_limited) columns.push_back(column("power_limit_w", limit, 1000));
  if (any_battery) columns.push_back(column("battery_wh", stored, 1000));
  return columns;
}

}  // namespace tokenlift
