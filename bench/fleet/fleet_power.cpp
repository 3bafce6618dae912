#include "bench/fleet/fleet_power.hpp"

#include <algorithm>
#include <cassert>

namespace tokenlift {

FleetPower::FleetPower(const Scenario& scenario)
    : scenario_(scenario), held_back_(scenario.fleet.sites.size()) {
  for (std::size_t i = 0; i < scenario.fleet.sites.size(); ++i) {
    const Site& site = scenario.fleet.sites[i];
    tables_.emplace_back();
    controls_.emplace_back();
    if (!site.power) continue;
    const Profile* const profile = own_profile(scenario, site);
    assert(profile != nullptr && profile->accelerator && "the reader saw to it");
    tables_.back().emplace(*profile->accelerator, site.max_batch);
    if (site.power->limit_mw) controls_.back().emplace(scenario, i);
  }
  if (states_power(scenario)) boots_ = boots_over_time(scenario);
  pass();
}

std::vector<std::size_t> FleetPower::due_sites() const {
  std::vector<std::size_t> due;
  for (std::size_t i = 0; i < controls_.size(); ++i) {
    if (controls_[i] && controls_[i]->next_ns() == next_ns_) due.push_back(i);
  }
  return due;
}

SiteView FleetPower::view_of(std::size_t site) const {
  const Site& its = scenario_.fleet.sites[site];
  return SiteView(of_site(site), its.max_batch,
                  its.power && its.power->when_over == WhenOver::batch);
}

bool FleetPower::control(std::size_t site, const SiteView& view, const DrawnSoFar& drawn,
                         DrawRecord& record) {
  PowerControl& control = *controls_[site];
  const std::int64_t now_ns = control.next_ns();
  const bool changed = control.control(
      view, drawn.above_mw_ns + view.above_mw_ns(),
      drawn.powered_ns + view.served_ns() + booted_ns(site, now_ns), booting(site, now_ns), record);
  held_back_[site] = control.held_back();
  return changed;
}

void FleetPower::pass() {
  next_ns_ = kNever;
  for (const std::optional<PowerControl>& control : controls_) {
    if (control) next_ns_ = std::min(next_ns_, control->next_ns());
  }
}

void FleetPower::stop(std::int64_t end_ns, DrawRecord& record) const {
  if (!record.any()) return;
  for (const BootSpan& boot : boots_) {
    record.booted(boot.site, boot.begin_ns, std::min(boot.end_ns, end_ns));
  }
  for (std::size_t i = 0; i < controls_.size(); ++i) {
    if (!controls_[i]) continue;
    PowerControl control = *controls_[i];  // the run may go on
    control.stop(end_ns, record.above_mw_ns(i), record.powered_ns(i), record);
  }
}

std::int64_t FleetPower::booting(std::size_t site, std::int64_t at_ns) const {
  return std::ranges::count_if(boots_, [&](const BootSpan& boot) {
    return boot.site == site && boot.begin_ns <= at_ns && at_ns < boot.end_ns;
  });
}

std::int64_t FleetPower::booted_ns(std::size_t site, std::int64_t until_ns) const {
  std::int64_t sum = 0;
  for (const BootSpan& boot : boots_) {
    if (boot.begin_ns >= until_ns) break;
    if (boot.site == site) sum += std::min(boot.end_ns, until_ns) - boot.begin_ns;
  }
  return sum;
}

}  // namespace tokenlift
