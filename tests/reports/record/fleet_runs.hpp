#pragma once
// Runs made by hand in which the fleet changes: replicas join, leave, fail or become slow.

#include <string>
#include <utility>
#include <vector>

#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift {

/// The run of sample_runs.hpp without a throttle, in which an event of a site takes its place: from
/// 15 s on, for `length_s`.
inline Run fleet_run(const std::string& kind, const std::string& site, std::int64_t length_s,
                     std::vector<Composition> compositions) {
  Run run = lift_run();
  run.scenario_name = kind;
  run.throttles.clear();
  for (PhaseRecord& phase : run.tenants[0].phases) phase.held = 0;
  LiftRecord event;
  event.kind = kind;
  event.site = site;
  event.planned_ns = 15 * kSecondNs;
  event.at_ns = 15 * kSecondNs;
  event.length_ns = length_s * kSecondNs;
  run.lift = std::move(event);
  run.fleet = {{"own", "cloud"}, std::move(compositions)};
  run.capacity_tokens_per_s = run.fleet.compositions[0].capacity_tokens_per_s;
  run.capacity_source = "computed";
  for (PhaseSpan& span : run.phases) {
    span.replica_ns = 0;
    const std::vector<Composition>& all = run.fleet.compositions;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::int64_t end_ns =
          i + 1 < all.size() ? std::min(all[i + 1].at_ns, span.end_ns) : span.end_ns;
      const std::int64_t served_ns = end_ns - std::max(all[i].at_ns, span.begin_ns);
      const std::int64_t replicas = all[i].replicas[0] + all[i].replicas[1];
      if (served_ns > 0) span.replica_ns += static_cast<WideSum>(served_ns) * replicas;
    }
  }
  return run;
}

/// Two replicas join at 17 and 18 s: 2 -> 4 serve.
inline Run join_run() {
  return fleet_run(
      "join", "own", 3,
      {{0, {1, 1}, 3500.0}, {17 * kSecondNs, {2, 1}, 5250.0}, {18 * kSecondNs, {3, 1}, 7000.0}});
}

/// The one replica of a site leaves.
inline Run leave_run() {
  return fleet_run("leave", "cloud", 0, {{0, {2, 1}, 5250.0}, {15 * kSecondNs, {2, 0}, 3500.0}});
}

/// Two replicas fail, and with them 8 requests; they are back after 6 s.
inline Run failure_run() {
  Run run = fleet_run(
      "fail", "own", 4,
      {{0, {3, 1}, 7000.0}, {15 * kSecondNs, {1, 1}, 3500.0}, {21 * kSecondNs, {3, 1}, 7000.0}});
  run.tenants[0].phases[1].counts = {350, 342, 0, 0, 0, 8, 0};
  run.tenants[0].phases[1].wasted_tokens = 420;
  return run;
}

}  // namespace tokenlift
