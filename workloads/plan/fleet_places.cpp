// Of fleet_plan.hpp: the places for replicas, whose they are, and who is there at the start.

#include <algorithm>
#include <cassert>

#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift {

namespace {

std::int64_t there_at_start(const Site& site) {
  if (site.available && site.available->begin_ns == 0) return 0;
  return site.at_start.value_or(site.replicas);
}

}  // namespace

std::int64_t replica_places(const Site& site) {
  return site.replicas + site.spares;
}

std::int64_t replica_places(const Scenario& scenario) {
  std::int64_t places = 0;
  for (const Site& site : scenario.fleet.sites) places += replica_places(site);
  return places;
}

std::size_t site_of(const Scenario& scenario, std::uint32_t replica) {
  std::int64_t rest = replica;
  for (std::size_t i = 0; i < scenario.fleet.sites.size(); ++i) {
    rest -= replica_places(scenario.fleet.sites[i]);
    if (rest < 0) return i;
  }
  assert(false && "a replica that no site has");
  return scenario.fleet.sites.size();
}

std::size_t site_named(const Scenario& scenario, std::string_view name) {
  const auto site = std::ranges::find(scenario.fleet.sites, name, &Site::name);
  assert(site != scenario.fleet.sites.end());
  return static_cast<std::size_t>(site - scenario.fleet.sites.begin());
}

std::vector<JobPlaces> job_places(const Scenario& scenario) {
  std::vector<std::uint32_t> ends;  // by site: of what no job has yet
  std::uint32_t places = 0;
  for (const Site& site : scenario.fleet.sites) {
    ends.push_back(places + static_cast<std::uint32_t>(site.replicas));
    places += static_cast<std::uint32_t>(replica_places(site));
  }
  std::vector<JobPlaces> all;
  for (const Job& job : scenario.jobs) {
    std::uint32_t& end = ends[site_named(scenario, job.site)];
    const std::uint32_t begin = end - static_cast<std::uint32_t>(job.replicas);
    all.push_back({begin, end});
    end = begin;
  }
  return all;
}

std::vector<std::optional<std::size_t>> job_of_replicas(const Scenario& scenario) {
  std::vector<std::optional<std::size_t>> jobs;
  if (scenario.jobs.empty()) return jobs;
  jobs.resize(static_cast<std::size_t>(replica_places(scenario)));
  const std::vector<JobPlaces> places = job_places(scenario);
  for (std::size_t job = 0; job < places.size(); ++job) {
    for (std::uint32_t i = places[job].begin; i < places[job].end; ++i) jobs[i] = job;
  }
  return jobs;
}

std::vector<bool> there_at_start(const Scenario& scenario) {
  std::vector<bool> all;
  for (const Site& site : scenario.fleet.sites) {
    const std::int64_t there = there_at_start(site);
    for (std::int64_t i = 0; i < replica_places(site); ++i) all.push_back(i < there);
  }
  return all;
}

std::vector<bool> serving_at_start(const Scenario& scenario) {
  std::vector<bool> serving = there_at_start(scenario);
  for (const JobPlaces& its : job_places(scenario)) {
    for (std::uint32_t i = its.begin; i < its.end; ++i) serving[i] = false;
  }
  return serving;
}

std::vector<std::int64_t> replicas_at_start(const Scenario& scenario) {
  std::vector<std::int64_t> replicas;
  for (const Site& site : scenario.fleet.sites) replicas.push_back(there_at_start(site));
  if (scenario.jobs.empty()) return replicas;
  const std::vector<bool> there = there_at_start(scenario);
  const std::vector<JobPlaces> places = job_places(scenario);
  for (std::size_t job = 0; job < places.size(); ++job) {
    const auto begin = there.begin() + places[job].begin;
    replicas[site_named(scenario, scenario.jobs[job].site)] -=
        std::count(begin, begin + (places[job].end - places[job].begin), true);
  }
  return replicas;
}

}  // namespace tokenlift
