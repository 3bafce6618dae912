#include "workloads/reader/fleet_reader.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <utility>

#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/cost_reader.hpp"
#include "workloads/reader/endpoint_reader.hpp"

namespace tokenlift {

namespace {

// What becomes of replicas over time, and how far away they are;
constexpr auto kCourseKeys = std::to_array<std::string_view>(
    {"at_start", "boot", "rtt", "notice", "spares", "failures", "available"});
// what they are.
constexpr auto kReplicaKeys =
    std::to_array<std::string_view>({"replicas", "profile", "max_batch", "max_step_tokens",
                                     "kv_tokens", "prefix_cache_tokens", "capacity"});
// What they draw;
constexpr auto kPowerKeys = std::to_array<std::string_view>({"power"});
constexpr double kMostRestW = 1e5;
constexpr std::string_view kHasReplicasAdvice =
    R"(remove it, or set run.engine = "virtual" or "threads")";

}  // namespace

Battery read_battery(TableReader& table) {
  Battery battery;
  table.require("energy", "what it holds, for example energy = \"150MWh\"");
  assign(battery.energy_milliwatt_h, table.energy_milliwatt_h("energy"));
  table.require("power", "how fast it is emptied and filled, for example power = \"150MW\"");
  assign(battery.power_mw, table.power_mw("power"));
  return battery;
}

FleetReader::FleetReader(Document& document, std::string folder, std::optional<Engine> engine,
                         const std::vector<Profile>& given, ReadProfiles own)
    : document_(document),
      folder_(std::move(folder)),
      engine_(engine),
      given_(given),
      own_(std::move(own)) {}

FleetSettings FleetReader::read(TableReader table) {
  FleetSettings fleet;
  assign(fleet.router, table.choice<RouterPolicy>("router"));
  fleet.capacity_tokens_per_s = table.rate_per_s("capacity");
  assign(fleet.load_report_interval_ns, table.duration_ns("load_report_interval"));
  std::vector<TableReader> sites = table.tables("site", "[[fleet.site]]", kMostSites);
  if (sites.empty() && (!table.has("site") || table.find("site")->is_array())) {
    table.mistake("site", "the fleet is empty",
                  is_remote() ? "add a [[fleet.site]] with name, url and model"
                              : "add a [[fleet.site]] with name and replicas");
  }
  for (TableReader& site_table : sites) {
    const Mark mark{document_};
    const Site site = read_site(site_table, fleet.router);
    fleet.sites.push_back(site);
    site_names_.insert(site.name);
    if (!mark.sound()) continue;
    sound_sites_.push_back({site, site_table.place(), site_table.place("kv_tokens"),
                            site_table.place("boot"), site_table.place("power")});
  }
  if (is_remote()) {
    check_remote(table, sites, fleet);
  } else {
    check_capacities(sites, fleet.sites);
  }
  table.finish();
  return fleet;
}

Site FleetReader::read_site(TableReader& table, RouterPolicy router) {
  Site site;
  site.name = table.name_apart_from(site_names_);
  if (table.only_for("max_in_flight", "router", router, std::vector{RouterPolicy::spill})) {
    site.max_in_flight = table.whole("max_in_flight", 1, kSizeMax);
  }
  if (is_remote()) {
    read_remote(table, router, site);
  } else {
    read_replicas(table, site);
  }
  table.finish();
  return site;
}

void FleetReader::read_remote(TableReader& table, RouterPolicy router, Site& site) {
  const std::string which = "asks endpoints, whatever they are made of";
  table.refuse_on(*engine_, which, kReplicaKeys, std::string(kHasReplicasAdvice));
  table.refuse_on(*engine_, which, kCourseKeys, std::string(kHasReplicasAdvice));
  table.refuse_on(*engine_, which, kPowerKeys, std::string(kHasReplicasAdvice));
  refuse_cost(table, *engine_);
  site.endpoint = read_endpoint(table, folder_);
  if (router == RouterPolicy::spill) {
    table.require("max_in_flight",
                  "nobody knows how much an endpoint holds: state how many requests are sent there "
                  "at once, for example max_in_flight = 64");
  }
}

// Routers that go by what replicas have know nothing of endpoints.
void FleetReader::check_remote(TableReader& table, std::vector<TableReader>& sites,
                               const FleetSettings& fleet) {
  const bool by_places = fleet.router == RouterPolicy::shared_queue;
  if (by_places || fleet.router == RouterPolicy::session_affinity) {
    table.mistake("router",
                  "router " + in_quotes(name_of(fleet.router)) + " goes by the " +
                      (by_places ? "places in batches" : "prefix caches") +
                      ", of which no endpoint tells",
                  "take \"least_loaded\", \"round_robin\", \"random\", \"power_of_two\" or "
                  "\"spill\"");
  }
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const std::optional<Endpoint>& endpoint = fleet.sites[i].endpoint;
    if (sites.size() > 1 || !endpoint || endpoint->on_refusal == OnRefusal::client) continue;
    sites[i].mistake("on_refusal", "there is no next site that a refused request could go to",
                     "add a [[fleet.site]], or set on_refusal = \"client\"");
  }
}

void FleetReader::read_replicas(TableReader& table, Site& site) {
  const Mark mark{document_};
  if (engine_) {
    table.refuse_on(*engine_, "has no endpoints", kEndpointKeys,
                    "remove it, or set run.engine = \"http\"");
  } else {
    table.pass_over(kEndpointKeys);
  }
  assign(site.replicas, table.whole("replicas", 1, kCountMax));
  assign(site.profile, table.text("profile"));
  assign(site.max_batch, table.whole("max_batch", 1, kCountMax));
  assign(site.max_step_tokens, table.whole("max_step_tokens", 1, kRequestTokensMax));
  assign(site.prefix_cache_tokens, table.whole("prefix_cache_tokens", 0, kSizeMax));
  if (const Profile* profile = profile_named(site.profile)) {
    // What the prefix cache takes of the memory is not there for the KV cache.
    if (const std::optional<std::int64_t> room = kv_room_tokens(*profile)) {
      site.kv_tokens = std::max<std::int64_t>(1, *room - site.prefix_cache_tokens);
    }
  }
  assign(site.kv_tokens, table.whole("kv_tokens", 1, kSizeMax));
  site.capacity_tokens_per_s = table.rate_per_s("capacity");
  read_course(table, site);
  site.power = read_power(table);
  site.cost = read_cost(table, engine_, profile_named(site.profile));
  if (mark.sound()) check_profile(table, site);
}

void FleetReader::read_course(TableReader& table, Site& site) {
  if (engine_ && !traits_of(*engine_).has_replicas) {
    table.refuse_on(*engine_, "answers at once, without replicas", kCourseKeys,
                    std::string(kHasReplicasAdvice));
    return;
  }
  site.at_start = table.whole("at_start", 0, kCountMax);
  if (site.at_start && *site.at_start > site.replicas) {
    table.mistake("at_start",
                  "\"at_start\" is " + std::to_string(*site.at_start) + ", and the site has " +
                      std::to_string(site.replicas) + " replicas",
                  "raise replicas: the others join later");
  }
  assign(site.boot_ns, table.duration_ns("boot"));
  assign(site.rtt_ns, table.duration_ns("rtt"));
  assign(site.notice_ns, table.duration_ns("notice"));
  assign(site.spares, table.whole("spares", 0, kCountMax));
  site.failures = read_failures(table);
  site.available = read_available(table);
}

std::optional<Failures> FleetReader::read_failures(TableReader& table) {
  std::optional<TableReader> given = table.table("failures", "failures");
  if (!given) return std::nullopt;
  Failures failures;
  given->require("mtbf", "the mean time between failures of one accelerator: mtbf = \"50000h\"");
  assign(failures.mtbf_ns, given->positive_duration_ns("mtbf"));
  given->require("repair", "the mean time to its repair: repair = \"4h\"");
  assign(failures.repair_ns, given->positive_duration_ns("repair"));
  given->finish();
  return failures;
}

std::optional<Availability> FleetReader::read_available(TableReader& table) {
  std::optional<TableReader> given = table.table("available", "available");
  if (!given) return std::nullopt;
  Availability available;
  given->require("period", "from one absence to the next, for example period = \"95.5min\"");
  assign(available.period_ns, given->positive_duration_ns("period"));
  given->require("off", "how long it is away, for example off = \"35.6min\"");
  assign(available.off_ns, given->positive_duration_ns("off"));
  if (available.period_ns > 0 && available.off_ns >= available.period_ns) {
    given->mistake("off", "the site is always away", "\"off\" must be shorter than \"period\"");
  }
  const std::optional<std::int64_t> begin_ns = given->duration_ns("begin");
  available.begin_ns = begin_ns.value_or(available.period_ns - available.off_ns);
  given->finish();
  return available;
}

std::optional<PowerSettings> FleetReader::read_power(TableReader& table) {
  if (engine_ && !traits_of(*engine_).simulated) {
    table.refuse_on(*engine_, "knows no power", kPowerKeys,
                    "remove it, or set run.engine = \"virtual\"");
    return std::nullopt;
  }
  std::optional<TableReader> given = table.table("power", "power");
  // What is stated and wrong is there, for whom it concerns besides: one mistake, not two.
  if (!given) return table.has("power") ? std::optional(PowerSettings{kMostPowerMw}) : std::nullopt;
  PowerSettings power;
  power.limit_mw = given->power_mw("limit");
  if (given->has("limit") && !power.limit_mw) power.limit_mw = kMostPowerMw;
  assign(power.pue, given->number("pue", 1, kMostPue));
  if (const auto watts = given->number("per_accelerator_w", 0, kMostRestW)) {
    power.per_accelerator_mw = std::llround(*watts * 1e3);
  }
  assign(power.control_ns, given->positive_duration_ns("control"));
  assign(power.when_over, given->choice<WhenOver>("when_over"));
  if (std::optional<TableReader> battery = given->table("battery", "battery")) {
    power.battery = read_battery(*battery);
    battery->finish();
  }
  given->finish();
  return power;
}

void FleetReader::check_power(TableReader& table, const Site& site, const Profile& profile) {
  const std::string name = "profile " + in_quotes(profile.name);
  if (!profile.accelerator || !profile.accelerator->power) {
    table.mistake("power", name + " does not say what its accelerators draw",
                  "add accelerator.power = { idle_w = 75, prompt_w = 700, decode_w = 380 } to it, "
                  "or remove the site's power");
    return;
  }
  const AcceleratorPower& power = *profile.accelerator->power;
  if (site.power->when_over == WhenOver::batch && power.decode_low_w == power.decode_high_w) {
    table.mistake("power", "a smaller batch draws as much as a larger one by " + name,
                  "take when_over = \"slow\", or a profile whose decode power goes by the batch");
  }
  const std::optional<std::int64_t> longest_ps =
      price_of(profile).longest_ps(site.max_batch, site.max_step_tokens, site.kv_tokens);
  if (longest_ps && *longest_ps > kLongestStepPs / kMostSlowing) {
    table.mistake("power",
                  "slowed down to keep a limit of power (" + std::to_string(kMostSlowing) +
                      " times at most), a step could take longer than 1000s",
                  "lower max_batch, max_step_tokens or kv_tokens");
  }
}

void FleetReader::check_capacities(std::vector<TableReader>& tables,
                                   const std::vector<Site>& sites) {
  const auto stated = [](const Site& site) { return site.capacity_tokens_per_s.has_value(); };
  if (std::ranges::none_of(sites, stated)) return;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (stated(sites[i]) || tables[i].has("capacity")) continue;
    tables[i].mistake("capacity",
                      "other sites state the capacity of a replica, and site " +
                          in_quotes(sites[i].name) + " does not",
                      "state it in every site, or in none");
  }
}

// The nearest wins: the command line, then the scenario, then what is built in. Of several on the
// command line the last.
const Profile* FleetReader::profile_named(const std::string& name) const {
  const auto given = std::find_if(given_.rbegin(), given_.rend(),
                                  [&](const Profile& profile) { return profile.name == name; });
  if (given != given_.rend()) return &*given;
  const auto own = std::ranges::find(own_.sound, name, &Profile::name);
  return own != own_.sound.end() ? &*own : find_profile(name);
}

void FleetReader::check_profile(TableReader& table, const Site& site) {
  if (std::ranges::find(own_.broken, site.profile) != own_.broken.end()) return;
  const Profile* profile = profile_named(site.profile);
  if (profile == nullptr) {
    const std::span<const Profile> built_in = builtin_profiles();
    std::vector<std::string> names;
    for (const auto& profiles :
         {std::span<const Profile>(given_), std::span<const Profile>(own_.sound), built_in}) {
      for (const Profile& known : profiles) names.push_back(known.name);
    }
    table.unknown_word("profile", site.profile, names);
    return;
  }
  if (engine_ && traits_of(*engine_).simulated) check_cost(table, site, *profile);
  if (engine_ && traits_of(*engine_).computes && !profile->decoder) {
    table.mistake("profile",
                  "profile " + in_quotes(site.profile) + " has no decoder, which engine " +
                      in_quotes(name_of(*engine_)) + " computes",
                  "set run.engine = \"virtual\", or take a built-in profile with a decoder, for "
                  "example \"cpu-small\"");
  }
}

void FleetReader::check_cost(TableReader& table, const Site& site, const Profile& profile) {
  if (!profile.cost) {
    table.mistake(
        "profile", "profile " + in_quotes(site.profile) + " has no cost model",
        "run `tokenlift calibrate` and give its file with --profiles, or state [profile." +
            site.profile + "]");
    return;
  }
  if (profile.max_batch > 0 && site.max_batch > profile.max_batch) {
    table.mistake("max_batch",
                  "\"max_batch\" is " + std::to_string(site.max_batch) +
                      ", and the cost model of profile " + in_quotes(site.profile) +
                      " holds for up to " + std::to_string(profile.max_batch) + " sequences",
                  "set it to " + std::to_string(profile.max_batch) + " or less");
  }
  if (!check_memory(table, site, profile)) return;
  if (site.power) check_power(table, site, profile);
  if (!price_of(profile).longest_ps(site.max_batch, site.max_step_tokens, site.kv_tokens)) {
    document_.add(table.place(),
                  "a step of site " + in_quotes(site.name) + " could take longer than 1000s",
                  "lower max_batch, max_step_tokens or kv_tokens, or the costs of its profile");
  }
}

/// KV cache and prefix cache share what the weights leave of the memory.
bool FleetReader::check_memory(TableReader& table, const Site& site, const Profile& profile) {
  const std::optional<std::int64_t> room = kv_room_tokens(profile);
  if (!room || site.kv_tokens + site.prefix_cache_tokens <= *room) return true;
  const std::string has_room = "beside the weights the memory of profile " +
                               in_quotes(site.profile) + " has room for " + std::to_string(*room);
  const auto set_to = [](std::int64_t tokens) {
    return "set it to " + std::to_string(tokens) + " or less";
  };
  if (site.kv_tokens > *room) {
    table.mistake("kv_tokens",
                  "\"kv_tokens\" is " + std::to_string(site.kv_tokens) + ", and " + has_room,
                  set_to(*room) + ", or leave it out");
    return false;
  }
  std::string advice = "set it to less: the KV cache takes what it leaves";
  if (table.has("kv_tokens")) {
    advice = set_to(*room - site.kv_tokens) + ", or lower kv_tokens (" +
             std::to_string(site.kv_tokens) + ")";
  }
  table.mistake("prefix_cache_tokens",
                "\"prefix_cache_tokens\" is " + std::to_string(site.prefix_cache_tokens) +
                    ", and " + has_room + ", KV cache and prefix cache together",
                advice);
  return false;
}

std::vector<Profile> FleetReader::profiles_to_keep(const FleetSettings& fleet) const {
  std::set<std::string> names;
  for (const Profile& profile : own_.sound) names.insert(profile.name);
  if (engine_ && traits_of(*engine_).simulated) {
    for (const Site& site : fleet.sites) names.insert(site.profile);
  }
  std::vector<Profile> profiles;
  profiles.reserve(names.size());
  for (const std::string& name : names) {
    profiles.push_back(*profile_named(name));
    const bool draws = std::ranges::any_of(
        fleet.sites, [&](const Site& site) { return site.power && site.profile == name; });
    if (!draws && profiles.back().accelerator) profiles.back().accelerator->power.reset();
  }
  return profiles;
}

}  // namespace tokenlift
