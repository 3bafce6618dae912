#include "reports/analysis/fleet_change.hpp"

#include <algorithm>
#include <numeric>

namespace tokenlift {
namespace {

using Compositions = std::vector<Composition>;

std::int64_t serving(const Composition& fleet) {
  return std::accumulate(fleet.replicas.begin(), fleet.replicas.end(), std::int64_t{0});
}

/// From the composition before `first` to `last`.
FleetStep step_between(const Run& run, std::size_t site, std::size_t first, std::size_t last) {
  const Composition& then = run.fleet.compositions[first - 1];
  const Composition& now = run.fleet.compositions[last];
  FleetStep step;
  step.site = run.fleet.sites[site];
  step.begin_ns = run.fleet.compositions[first].at_ns;
  step.end_ns = now.at_ns;
  step.from = then.replicas[site];
  step.to = now.replicas[site];
  step.serving_from = serving(then);
  step.serving_to = serving(now);
  if (then.capacity_tokens_per_s && now.capacity_tokens_per_s) {
    step.capacity_from = then.capacity_tokens_per_s;
    step.capacity_to = now.capacity_tokens_per_s;
  }
  return step;
}

/// 1 where replicas come, -1 where they go, 0 where neither.
int direction_of(const LiftRecord& event) {
  if (event.kind == "join") return 1;
  return event.kind == "leave" || event.kind == "fail" ? -1 : 0;
}

std::optional<FleetStep> step_of(const Run& run, const LiftRecord& event) {
  const auto found = std::ranges::find(run.fleet.sites, event.site);
  const int direction = direction_of(event);
  if (found == run.fleet.sites.end() || direction == 0) return std::nullopt;
  const auto site = static_cast<std::size_t>(found - run.fleet.sites.begin());
  const Compositions& all = run.fleet.compositions;
  // Compositions are those of the plan, and the event may have come a little later.
  const std::int64_t begin_ns = std::min(event.planned_ns, *event.at_ns);
  const std::int64_t end_ns =
      std::max(event.planned_ns, *event.at_ns) + event.length_ns.value_or(0);
  std::size_t before = 0;
  while (before + 1 < all.size() && all[before + 1].at_ns < begin_ns) ++before;
  std::size_t first = before;
  std::size_t last = before;
  for (std::size_t i = before + 1; i < all.size() && all[i].at_ns <= end_ns; ++i) {
    if (direction * (all[i].replicas[site] - all[last].replicas[site]) <= 0) continue;
    if (last == before) first = i;
    last = i;
  }
  if (last == before) return std::nullopt;
  FleetStep step = step_between(run, site, first, last);
  for (std::size_t i = last + 1; event.kind == "fail" && i < all.size() && !step.back_ns; ++i) {
    if (all[i].replicas[site] >= step.from) step.back_ns = all[i].at_ns;
  }
  return step;
}

/// The change of a site at an instant is part of a measured event, or the end of one.
bool is_measured(const std::vector<FleetChange>& measured, const std::string& site,
                 std::int64_t at_ns, bool more) {
  return std::ranges::any_of(measured, [&](const FleetChange& change) {
    if (!change.step || change.step->site != site) return false;
    const FleetStep& step = *change.step;
    const bool same = (step.to > step.from) == more;
    if (same) return step.begin_ns <= at_ns && at_ns <= step.end_ns;
    return step.back_ns && step.end_ns < at_ns && at_ns <= *step.back_ns;
  });
}

}  // namespace

bool changes_fleet(const LiftRecord& event) {
  return !event.site.empty();
}

bool happened_elsewhere(const LiftRecord& event) {
  return event.site.empty() && event.throttle.empty();
}

const std::string& target_of(const LiftRecord& event) {
  if (happened_elsewhere(event)) return event.kind;
  return changes_fleet(event) ? event.site : event.throttle;
}

std::vector<LiftRecord> measured_events(const Run& run) {
  std::vector<LiftRecord> events;
  if (run.lift && run.lift->at_ns) events.push_back(*run.lift);
  for (const LiftRecord& event : run.further_lifts) {
    if (event.at_ns) events.push_back(event);
  }
  return events;
}

std::vector<FleetChange> fleet_changes(const Run& run) {
  std::vector<FleetChange> changes;
  for (LiftRecord& event : measured_events(run)) {
    if (!changes_fleet(event)) continue;
    std::optional<FleetStep> step = step_of(run, event);
    changes.push_back({std::move(event), std::move(step)});
  }
  return changes;
}

std::vector<LiftRecord> events_meanwhile(const Run& run) {
  std::vector<LiftRecord> found;
  if (run.phases.empty()) return found;
  const auto within = [&](std::int64_t at_ns) {
    return run.phases.front().begin_ns < at_ns && at_ns < run.phases.back().end_ns;
  };
  for (const LiftRecord& event : run.other_events) {
    if (!event.at_ns || direction_of(event) != 0) continue;
    const std::int64_t end_ns = *event.at_ns + event.length_ns.value_or(0);
    // A ramp moves the limit all the while.
    const bool spans = event.kind == "ramp" && *event.at_ns <= run.phases.front().begin_ns &&
                       end_ns >= run.phases.back().end_ns;
    if (within(*event.at_ns) || within(end_ns) || spans) found.push_back(event);
  }
  return found;
}

std::vector<FleetStep> further_steps(const Run& run) {
  std::vector<FleetStep> steps;
  const Compositions& all = run.fleet.compositions;
  if (all.size() < 2 || run.phases.empty()) return steps;
  const std::vector<FleetChange> measured = fleet_changes(run);
  const std::int64_t begin_ns = run.phases.front().begin_ns;
  const std::int64_t end_ns = run.phases.back().end_ns;
  for (std::size_t site = 0; site < run.fleet.sites.size(); ++site) {
    std::size_t first = 0;  // of the step that is going on; 0: none is
    std::size_t last = 0;
    bool more = false;
    const auto finish = [&] {
      if (first > 0) steps.push_back(step_between(run, site, first, last));
      first = 0;
    };
    for (std::size_t i = 1; i < all.size() && all[i].at_ns < end_ns; ++i) {
      const std::int64_t difference = all[i].replicas[site] - all[i - 1].replicas[site];
      const bool comes = difference > 0;
      if (difference == 0 || all[i].at_ns <= begin_ns) continue;
      if (is_measured(measured, run.fleet.sites[site], all[i].at_ns, comes)) {
        finish();  // else it would count what the measured event did
        continue;
      }
      const bool goes_on =
          first > 0 && more == comes && all[i].at_ns - all[last].at_ns < (end_ns - begin_ns) / 30;
      if (!goes_on) {
        finish();
        first = i;
      }
      more = comes;
      last = i;
    }
    finish();
  }
  std::ranges::stable_sort(steps, {}, &FleetStep::begin_ns);
  return steps;
}

}  // namespace tokenlift
