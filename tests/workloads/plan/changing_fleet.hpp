#pragma once
// Fleets whose replicas come and go: small ones for examples, and random ones (RapidCheck).

#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/workloads/plan/lift_scenario.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

inline Site site_of_replicas(std::int64_t replicas) {
  Site site;
  site.replicas = replicas;
  return site;
}

/// Sites "site0", "site1", ... in a run of 100 s and a cooldown of 30 s.
inline Scenario fleet_of(std::vector<Site> sites) {
  Scenario scenario;
  scenario.name = "test";
  scenario.run.duration_ns = 100 * kS;
  for (std::size_t i = 0; i < sites.size(); ++i) sites[i].name = "site" + std::to_string(i);
  scenario.fleet.sites = std::move(sites);
  return scenario;
}

inline Event fleet_event(EventKind kind, std::int64_t at_s, const std::string& site) {
  Event event;
  event.kind = kind;
  event.at_ns = at_s * kS;
  event.site = site;
  return event;
}

inline std::int64_t random_seconds(std::int64_t most_s) {
  return *rc::gen::inRange<std::int64_t>(1, most_s + 1) * kS;
}

inline Site random_site() {
  Site site = site_of_replicas(*rc::gen::inRange(1, 12));
  if (*rc::gen::arbitrary<bool>())
    site.at_start = *rc::gen::inRange<std::int64_t>(0, site.replicas + 1);
  if (*rc::gen::arbitrary<bool>()) site.boot_ns = random_seconds(20);
  if (*rc::gen::arbitrary<bool>()) site.notice_ns = random_seconds(20);
  site.spares = *rc::gen::inRange(0, 4);
  if (*rc::gen::arbitrary<bool>()) {
    site.failures = Failures{random_seconds(100), random_seconds(30)};
  }
  if (*rc::gen::inRange(0, 3) == 0) {
    const std::int64_t off_ns = random_seconds(10);
    site.available = Availability{off_ns + random_seconds(40), off_ns,
                                  *rc::gen::inRange<std::int64_t>(0, 60) * kS};
  }
  return site;
}

inline Event random_fleet_event(const Scenario& scenario) {
  using enum EventKind;
  const Site site = *rc::gen::elementOf(scenario.fleet.sites);
  Event event = fleet_event(*rc::gen::element(join, leave, fail, slow),
                            *rc::gen::inRange<std::int64_t>(1, 100), site.name);
  const bool some = *rc::gen::arbitrary<bool>();
  if (event.kind == join || event.kind == leave) {
    if (some) event.replicas = *rc::gen::inRange<std::int64_t>(1, site.replicas + 1);
    event.over_ns = *rc::gen::inRange<std::int64_t>(0, 10) * kS;
    if (event.kind == leave && *rc::gen::arbitrary<bool>()) event.notice_ns = random_seconds(10);
    return event;
  }
  if (some) {
    event.share = *rc::gen::inRange(1, 11) / 10.0;
  } else {
    event.replicas = *rc::gen::inRange<std::int64_t>(1, site.replicas + 1);
  }
  event.for_ns = *rc::gen::inRange<std::int64_t>(0, 30) * kS;
  if (event.kind == fail) event.in_flight = InFlight::drop;
  if (event.kind == slow) event.decode_ppm = 1'500'000;
  return event;
}

inline Scenario changing_fleet() {
  std::vector<Site> sites;
  const int count = *rc::gen::inRange(1, 4);
  sites.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) sites.push_back(random_site());
  Scenario scenario = fleet_of(std::move(sites));
  scenario.run.seed = *rc::gen::inRange<std::uint64_t>(0, 1000);
  const int events = *rc::gen::inRange(0, 8);
  for (int i = 0; i < events; ++i) scenario.events.push_back(random_fleet_event(scenario));
  std::ranges::stable_sort(scenario.events, {}, &Event::at_ns);
  return scenario;
}

}  // namespace tokenlift
