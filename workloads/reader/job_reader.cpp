#include "workloads/reader/job_reader.hpp"

#include <algorithm>
#include <array>

#include "workloads/plan/demand.hpp"

namespace tokenlift {

namespace {

constexpr auto kJobKeys = std::to_array<std::string_view>(
    {"name", "site", "replicas", "yields", "priority", "step", "interconnect", "control"});
constexpr std::int64_t kMostPriority = 1'000'000;

/// A duration of some length: what is followed one by one must not come too often.
std::int64_t read_period(TableReader& table, std::string_view key, std::int64_t least_ns,
                         std::int64_t usual_ns) {
  const std::optional<std::int64_t> ns = table.duration_ns(key);
  if (!ns) return usual_ns;
  if (*ns < least_ns) {
    table.mistake(key, in_quotes(key) + " is shorter than " + format_duration(least_ns),
                  "make it longer: each one is followed");
  }
  return *ns;
}

}  // namespace

JobReader::JobReader(const FleetSettings& fleet, bool fleet_sound, std::optional<Engine> engine)
    : fleet_(fleet), fleet_sound_(fleet_sound), engine_(engine), taken_(fleet.sites.size()) {}

Job JobReader::read(TableReader& table) {
  Job job;
  if (engine_ && !traits_of(*engine_).simulated) {
    table.pass_over(kJobKeys);
    table.mistake("name", "engine " + in_quotes(name_of(*engine_)) + " runs no jobs",
                  "remove the [[job]], or set run.engine = \"virtual\"");
    table.finish();
    return job;
  }
  job.name = table.name_apart_from(names_);
  names_.insert(job.name);
  table.require("site", "the name of the site whose replicas it takes");
  assign(job.site, table.text("site"));
  table.require("replicas", "how many of the site's replicas it takes, for example replicas = 4");
  const std::optional<std::int64_t> replicas = table.whole("replicas", 1, kCountMax);
  assign(job.replicas, replicas);
  assign(job.yields, table.whole("yields", 0, kCountMax));
  assign(job.priority, table.whole("priority", -kMostPriority, kMostPriority));
  table.require("step", "what a step computes for with all its replicas: step = \"2s\"");
  job.step_ns = read_period(table, "step", kShortestJobStepNs, kShortestJobStepNs);
  assign(job.interconnect_ns, table.duration_ns("interconnect"));
  job.control_ns = read_period(table, "control", kShortestJobControlNs, job.control_ns);
  // Of a wrong number of replicas there is nothing to be said.
  if (replicas && job.yields > *replicas) {
    table.mistake("yields",
                  "it yields " + std::to_string(job.yields) + " replicas, and takes " +
                      std::to_string(job.replicas),
                  "set it to " + std::to_string(job.replicas) + " or less");
  }
  check_places(table, job);
  table.finish();
  return job;
}

void JobReader::check_places(TableReader& table, const Job& job) {
  if (job.site.empty()) return;
  const auto site = std::ranges::find(fleet_.sites, job.site, &Site::name);
  if (site == fleet_.sites.end()) {
    std::vector<std::string> names;
    for (const Site& known : fleet_.sites) names.push_back(known.name);
    table.mistake("site", "there is no site " + in_quotes(job.site), suggest(job.site, names));
    return;
  }
  if (!fleet_sound_) return;
  std::int64_t& taken = taken_[static_cast<std::size_t>(site - fleet_.sites.begin())];
  const std::int64_t free = site->replicas - taken;
  taken += job.replicas;
  if (job.replicas <= free) return;
  table.mistake("replicas",
                "it takes " + std::to_string(job.replicas) + " replicas of site " +
                    in_quotes(job.site) + ", which has " + std::to_string(site->replicas) +
                    (free < site->replicas ? ", and other jobs have the rest" : ""),
                "lower it, or raise the site's replicas");
}

void check_yields(const std::vector<Job>& jobs, const std::vector<Tenant>& tenants,
                  std::vector<TableReader>& tables) {
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const Job& job = jobs[i];
    const bool to_somebody = std::ranges::any_of(
        tenants, [&](const Tenant& tenant) { return goes_before(tenant, job); });
    if (job.yields == 0 || to_somebody || job.site.empty()) continue;
    tables[i].mistake("yields",
                      "job " + in_quotes(job.name) + " has priority " +
                          std::to_string(job.priority) +
                          ", and no tenant that may use its site has that or a larger one",
                      "lower its priority, raise a tenant's, or remove yields");
  }
}

}  // namespace tokenlift
