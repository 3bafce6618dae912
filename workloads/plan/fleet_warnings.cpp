#include "workloads/plan/fleet_warnings.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "workloads/plan/demand.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

// The times at which none of some sites serves.
struct Emptiness {
  std::int64_t first_ns = 0;  // the first one
  std::int64_t end_ns = 0;
  std::int64_t sum_ns = 0;  // of all
  std::int64_t times = 0;
};

Emptiness emptiness(const std::vector<ServingSpan>& spans, const std::vector<bool>& counts,
                    std::int64_t duration_ns) {
  Emptiness result;
  bool empty = false;
  for (std::size_t i = 0; i < spans.size() && spans[i].at_ns < duration_ns; ++i) {
    std::int64_t replicas = 0;
    for (std::size_t site = 0; site < counts.size(); ++site) {
      if (counts[site]) replicas += spans[i].replicas[site];
    }
    const bool was_empty = empty;
    empty = replicas == 0;
    if (!empty) continue;
    const std::int64_t end_ns =
        i + 1 < spans.size() ? std::min(spans[i + 1].at_ns, duration_ns) : duration_ns;
    if (!was_empty && ++result.times == 1) result.first_ns = spans[i].at_ns;
    if (result.times == 1) result.end_ns = end_ns;
    result.sum_ns += end_ns - spans[i].at_ns;
  }
  return result;
}

std::string when(const Emptiness& emptiness) {
  std::string text =
      "from " + format_duration(emptiness.first_ns) + " to " + format_duration(emptiness.end_ns);
  if (emptiness.times > 1) {
    text += ", and " + std::to_string(emptiness.times - 1) + " more times (" +
            format_duration(emptiness.sum_ns) + " in all)";
  }
  return text;
}

void warn_of_emptiness(const Scenario& resolved, std::vector<std::string>& result) {
  const std::vector<ServingSpan> spans = serving_over_time(resolved);
  const std::int64_t duration_ns = resolved.run.duration_ns;
  // Where jobs may yield replicas, it is not known before the run when none serves.
  const auto empty_times = [&](const auto& counts_site) {
    std::vector<bool> counts;
    for (const Site& site : resolved.fleet.sites) {
      if (counts_site(site) && may_be_yielded(resolved, site)) return Emptiness{};
      counts.push_back(counts_site(site));
    }
    return emptiness(spans, counts, duration_ns);
  };
  const Emptiness of_fleet = empty_times([](const Site&) { return true; });
  const std::string wait =
      ": requests that come then wait in the router until somebody does, or expire";
  if (of_fleet.times > 0) result.push_back("nobody serves " + when(of_fleet) + wait);
  for (const Tenant& tenant : resolved.tenants) {
    if (tenant.sites.empty()) continue;
    const Emptiness own = empty_times([&](const Site& site) { return may_use(tenant, site); });
    if (own.sum_ns > of_fleet.sum_ns) {
      result.push_back("no site of tenant '" + tenant.name + "' serves " + when(own) + wait);
    }
  }
}

bool may_fail(const Scenario& resolved, const Site& site) {
  return site.failures || std::ranges::any_of(resolved.events, [&](const Event& event) {
           return event.kind == EventKind::fail && event.site == site.name;
         });
}

void warn_of_places(const Scenario& resolved, std::vector<std::string>& result) {
  for (const Site& site : resolved.fleet.sites) {
    std::int64_t never = site.replicas - site.at_start.value_or(site.replicas);
    for (const Event& event : resolved.events) {
      if (event.kind == EventKind::join && event.site == site.name) {
        never -= event.replicas.value_or(never);
      }
    }
    if (never > 0) {
      result.push_back(std::to_string(never) + " of the " + std::to_string(site.replicas) +
                       " replicas of site '" + site.name +
                       "' never join: add an event with join, or lower its replicas");
    }
    if (site.spares > 0 && !may_fail(resolved, site)) {
      result.push_back("site '" + site.name +
                       "' has spares, but nothing of it fails: give it failures, or remove them");
    }
  }
}

// Who fails in such a phase does not serve again in it: it shows failures, and no repair.
void warn_of_boots(const Scenario& resolved, std::vector<std::string>& result) {
  for (const Phase& phase : plan_phases(resolved)) {
    if (!phase.measured) continue;
    for (const Site& site : resolved.fleet.sites) {
      const std::int64_t length_ns = phase.end_ns - phase.begin_ns;
      if (!site.failures || site.boot_ns < length_ns) continue;
      result.push_back("phase '" + phase.name + "' takes " + format_duration(length_ns) +
                       ", and a replica of site '" + site.name + "' boots for " +
                       format_duration(site.boot_ns) +
                       ": who fails in it does not serve again in it");
    }
  }
}

void warn_of_power(const Scenario& resolved, std::vector<std::string>& result) {
  for (const Site& site : resolved.fleet.sites) {
    if (!site.power || !site.power->battery || site.power->limit_mw) continue;
    result.push_back("site '" + site.name +
                     "' has a battery and no limit of power: it is never used");
  }
}

void warn_of_jobs(const Scenario& resolved, std::vector<std::string>& result) {
  for (const Job& job : resolved.jobs) {
    if (job.yields == 0 || looks_in_time(job, resolved)) continue;
    result.push_back("job '" + job.name + "' looks for the first time after " +
                     format_duration(job.control_ns) + ", when the run of " +
                     format_duration(resolved.run.duration_ns) +
                     " has ended: it yields nothing; lower its control");
  }
}

}  // namespace

void warn_of_fleet(const Scenario& resolved, std::vector<std::string>& result) {
  if (fleet_changes(resolved) || !resolved.jobs.empty()) warn_of_emptiness(resolved, result);
  warn_of_places(resolved, result);
  warn_of_boots(resolved, result);
  warn_of_power(resolved, result);
  warn_of_jobs(resolved, result);
}

}  // namespace tokenlift
