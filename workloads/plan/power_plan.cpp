#include "workloads/plan/power_plan.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>

#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kToTheEnd = INT64_MAX;

const Accelerator& accelerator_of(const Scenario& scenario, const Site& site) {
  const Profile* const profile = own_profile(scenario, site);
  assert(profile != nullptr && profile->accelerator && profile->accelerator->power);
  return *profile->accelerator;
}

/// With four digits, which is more than anybody knows of it.
std::string power_figure(std::int64_t mw) {
  std::int64_t unit = 1;
  while (mw / unit >= 10'000) unit *= 10;
  return format_power(std::min((mw + unit / 2) / unit * unit, kMostPowerMw));
}

/// What one site, or all, may draw.
struct Allowed {
  std::int64_t usual_mw = 0;
  std::int64_t least_mw = 0;
};

std::string note_of(const std::string& who, const SiteBounds& draws,
                    const std::optional<Allowed>& allowed) {
  std::string text = who + " draws " + power_figure(draws.idle_mw) + " idle, " +
                     power_figure(draws.nameplate_mw) + " with every board at its nameplate";
  if (!allowed) return text;
  const bool falls = allowed->least_mw < allowed->usual_mw;
  return text + ", and may draw " + power_figure(allowed->usual_mw) +
         (falls ? " (" + power_figure(allowed->least_mw) + " at the least)" : "") +
         ": at nameplate it " +
         (draws.nameplate_mw <= allowed->least_mw   ? "fits"
          : draws.nameplate_mw <= allowed->usual_mw ? "fits, but for events"
                                                    : "does not fit");
}

std::int64_t milliwatts(double watts) {
  return std::llround(watts * 1e3);
}

}  // namespace

std::optional<ReplicaPower> replica_power(const Scenario& scenario, const Site& site) {
  if (!site.power) return std::nullopt;
  const Accelerator& accelerator = accelerator_of(scenario, site);
  ReplicaPower power;
  power.accelerators = accelerator.count;
  power.idle_mw = accelerator.count * milliwatts(accelerator.power->idle_w);
  power.rest_mw = accelerator.count * site.power->per_accelerator_mw;
  power.pue_ppm = std::llround(site.power->pue * 1e6);
  power.limited = site.power->limit_mw.has_value();
  const bool gets_one = std::ranges::any_of(scenario.events, [&](const Event& event) {
    return event.kind == EventKind::battery && event.site == site.name;
  });
  power.battery = power.limited && (site.power->battery || gets_one);
  power.control_ns = site.power->control_ns;
  return power;
}

bool states_power(const Scenario& scenario) {
  return std::ranges::any_of(scenario.fleet.sites,
                             [](const Site& site) { return site.power.has_value(); });
}

LimitCourse::LimitCourse(const Scenario& scenario, const Site& site) {
  const std::int64_t own_mw = *site.power->limit_mw;
  parts_.push_back({0, own_mw, own_mw, 0});
  std::int64_t end_ns = kToTheEnd;  // of the event that holds
  for (const Event& event : scenario.events) {
    if (event.kind != EventKind::power || event.site != site.name || event.taken_out) continue;
    if (end_ns <= event.at_ns) parts_.push_back({end_ns, own_mw, own_mw, 0});
    parts_.push_back({event.at_ns, at(event.at_ns), *event.limit_mw, event.over_ns});
    end_ns = event.for_ns > 0 ? event.at_ns + event.over_ns + event.for_ns : kToTheEnd;
  }
  if (end_ns != kToTheEnd) parts_.push_back({end_ns, own_mw, own_mw, 0});
}

std::int64_t LimitCourse::at(std::int64_t at_ns) const {
  const auto next = std::ranges::upper_bound(parts_, at_ns, {}, &Part::begin_ns);
  assert(next != parts_.begin());
  const Part& part = *(next - 1);
  const std::int64_t gone_ns = at_ns - part.begin_ns;
  if (gone_ns >= part.over_ns) return part.to_mw;
  const __int128 way = static_cast<__int128>(part.to_mw - part.from_mw) * gone_ns;
  return part.from_mw + static_cast<std::int64_t>(way / part.over_ns);
}

std::vector<BatteryChange> battery_changes(const Scenario& scenario, const Site& site) {
  std::vector<BatteryChange> changes;
  for (const Event& event : scenario.events) {
    if (event.kind != EventKind::battery || event.site != site.name || event.taken_out) continue;
    changes.push_back({event.at_ns, *event.battery});
  }
  return changes;
}

std::int64_t LimitCourse::least_mw() const {
  return std::ranges::min(parts_, {}, &Part::to_mw).to_mw;
}

std::vector<std::string> power_notes(const Scenario& scenario) {
  std::vector<std::string> notes;
  SiteBounds all;
  std::optional<Allowed> all_allowed = Allowed{};
  for (const Site& site : scenario.fleet.sites) {
    const std::optional<SiteBounds> bounds = site_bounds(scenario, site);
    if (!bounds) continue;
    std::optional<Allowed> allowed;
    if (site.power->limit_mw) {
      allowed = Allowed{*site.power->limit_mw, LimitCourse(scenario, site).least_mw()};
    }
    notes.push_back(note_of("site '" + site.name + "'", *bounds, allowed));
    all.idle_mw += bounds->idle_mw;
    all.nameplate_mw += bounds->nameplate_mw;
    if (!allowed) all_allowed.reset();
    if (!all_allowed) continue;
    all_allowed->usual_mw += allowed->usual_mw;
    all_allowed->least_mw += allowed->least_mw;
  }
  if (notes.size() > 1) notes.push_back(note_of("the fleet", all, all_allowed));
  for (const Profile& profile : scenario.profiles) {
    if (!profile.accelerator || !profile.accelerator->power) continue;
    if (!profile.accelerator->power->assumed) continue;
    notes.push_back("what " + profile.accelerator->name + " draws in profile '" + profile.name +
                    "' is assumed, not measured");
  }
  return notes;
}

std::optional<SiteBounds> site_bounds(const Scenario& scenario, const Site& site) {
  const std::optional<ReplicaPower> power = replica_power(scenario, site);
  if (!power) return std::nullopt;
  const Accelerator& accelerator = accelerator_of(scenario, site);
  const double most_w = std::max(accelerator.power->prompt_w, accelerator.power->decode_high_w);
  const std::int64_t board_mw = milliwatts(std::max(accelerator.power_w, most_w));
  const auto of_site = [&](std::int64_t accelerators_mw) {
    constexpr __int128 kMostMw = 1'000'000'000'000'000'000;
    const __int128 servers_mw =
        static_cast<__int128>(site.replicas) * (accelerators_mw + power->rest_mw);
    return static_cast<std::int64_t>(std::min(kMostMw, servers_mw * power->pue_ppm / 1'000'000));
  };
  return SiteBounds{of_site(power->idle_mw), of_site(accelerator.count * board_mw)};
}

bool power_may_hold_back(const Scenario& scenario) {
  return std::ranges::any_of(scenario.fleet.sites, [&](const Site& site) {
    const std::optional<SiteBounds> bounds = site_bounds(scenario, site);
    return bounds && site.power->limit_mw &&
           LimitCourse(scenario, site).least_mw() < bounds->nameplate_mw;
  });
}

}  // namespace tokenlift
