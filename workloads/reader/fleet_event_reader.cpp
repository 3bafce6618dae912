#include "workloads/reader/fleet_event_reader.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "workloads/plan/changes.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/reader/fleet_reader.hpp"

namespace tokenlift {

namespace {

constexpr double kLeastPace = 0.01;
constexpr double kMostPace = 1000;
constexpr double kLeastShare = 1e-6;

std::optional<std::int64_t> read_pace_ppm(TableReader& action, std::string_view key) {
  const std::optional<double> factor = action.number(key, kLeastPace, kMostPace);
  return factor ? std::optional<std::int64_t>(std::llround(*factor * 1e6)) : std::nullopt;
}

}  // namespace

void FleetEventReader::read(TableReader& table, Event& event) {
  const EngineTraits& engine = traits_of(scenario_.run.engine);
  for (const EventKind kind : kFleetEvents) {
    const std::string_view key = name_of(kind);
    std::optional<TableReader> action = table.table(key, std::string(key));
    if (!action) continue;
    event.kind = kind;
    const bool of_power = kind == EventKind::power || kind == EventKind::battery;
    if (of_power && !engine.simulated) {
      table.mistake(key, "engine " + in_quotes(engine.name) + " knows no power",
                    "remove the event, or set run.engine = \"virtual\"");
    } else if (!engine.has_replicas) {
      table.mistake(key,
                    "engine " + in_quotes(engine.name) +
                        (engine.remote ? " asks endpoints, and has no replicas that could "
                                       : " answers at once, without replicas that could ") +
                        std::string(key),
                    engine.remote
                        ? "let a call or a command do it: call = { url = \"...\" }"
                        : "remove the event, or set run.engine = \"virtual\" or \"threads\"");
    }
    if (kind == EventKind::join) read_join(std::move(*action), event);
    if (kind == EventKind::leave) read_leave(std::move(*action), event);
    if (kind == EventKind::fail) read_fail(std::move(*action), event);
    if (kind == EventKind::slow) read_slow(std::move(*action), event);
    if (kind == EventKind::power) read_power(std::move(*action), event);
    if (kind == EventKind::battery) read_new_battery(std::move(*action), event);
  }
}

const Site* FleetEventReader::read_site(TableReader& action, Event& event) {
  action.require("site", "the name of the site whose replicas it is about");
  const std::optional<std::string> name = action.text("site");
  if (!name) return nullptr;
  const auto site = std::ranges::find(scenario_.fleet.sites, *name, &Site::name);
  if (site != scenario_.fleet.sites.end()) {
    event.site = *name;
    return &*site;
  }
  std::vector<std::string> names;
  for (const Site& known : scenario_.fleet.sites) names.push_back(known.name);
  action.mistake("site", "there is no site " + in_quotes(*name), suggest(*name, names));
  return nullptr;
}

// A run that is wrong by itself has no end to be held against.
void FleetEventReader::check_end(TableReader& action, std::string_view key, const Event& event) {
  const RunSettings& run = scenario_.run;
  if (run.duration_ns == 0 || event.at_ns >= run.duration_ns || !changes_fleet(event)) return;
  const std::int64_t end = end_ns(scenario_, event);
  if (end < run.duration_ns) return;
  const bool joins = event.kind == EventKind::join;
  action.mistake(key,
                 std::string(joins ? "the last replica serves" : "the last replica goes") + " at " +
                     format_duration(end) + ", after the run",
                 std::string(joins ? "at + over + the site's boot" : "at + notice + over") +
                     " is less than duration, " + format_duration(run.duration_ns));
}

void FleetEventReader::read_join(TableReader action, Event& event) {
  read_site(action, event);
  event.replicas = action.whole("replicas", 1, kCountMax);
  assign(event.over_ns, action.duration_ns("over"));
  action.finish();
  check_end(action, action.has("over") ? "over" : "site", event);
}

void FleetEventReader::read_leave(TableReader action, Event& event) {
  read_site(action, event);
  event.replicas = action.whole("replicas", 1, kCountMax);
  event.notice_ns = action.duration_ns("notice");
  assign(event.over_ns, action.duration_ns("over"));
  assign(event.in_flight, action.choice<InFlight>("in_flight"));
  action.finish();
  check_end(action, action.has("notice") ? "notice" : action.has("over") ? "over" : "site", event);
}

void FleetEventReader::read_those_serving(TableReader& action, const Site* site, Event& event) {
  event.replicas = action.whole("replicas", 1, kCountMax);
  event.share = action.number("share", kLeastShare, 1);
  if (action.has("replicas") && action.has("share")) {
    action.mistake("share", R"(both "replicas" and "share" are given)", "keep one of them");
  }
  if (site != nullptr && event.replicas && *event.replicas > replica_places(*site)) {
    action.mistake("replicas",
                   "site " + in_quotes(site->name) + " has " +
                       std::to_string(replica_places(*site)) + " replicas and spares",
                   "lower it, or leave it out: all that serve");
  }
  assign(event.for_ns, action.positive_duration_ns("for"));
}

void FleetEventReader::read_fail(TableReader action, Event& event) {
  const Site* site = read_site(action, event);
  read_those_serving(action, site, event);
  event.in_flight = InFlight::drop;
  assign(event.in_flight, action.choice<InFlight>("in_flight"));
  if (event.in_flight == InFlight::finish) {
    action.mistake("in_flight", "a replica that has failed finishes nothing",
                   R"("drop": its requests have failed; "move": they are computed elsewhere)");
  }
  action.finish();
}

void FleetEventReader::read_slow(TableReader action, Event& event) {
  const Site* site = read_site(action, event);
  read_those_serving(action, site, event);
  if (!action.has("decode") && !action.has("prefill")) {
    action.mistake("decode", "nothing is slowed",
                   "decode = 1.35: a step's decode part takes 1.35 times as long; or prefill");
  }
  assign(event.decode_ppm, read_pace_ppm(action, "decode"));
  assign(event.prefill_ppm, read_pace_ppm(action, "prefill"));
  action.finish();
}

void FleetEventReader::read_power(TableReader action, Event& event) {
  const Site* site = read_site(action, event);
  action.require("limit", "what the site may draw from then on, for example limit = \"225MW\"");
  event.limit_mw = action.power_mw("limit").value_or(0);
  assign(event.over_ns, action.duration_ns("over"));
  assign(event.for_ns, action.positive_duration_ns("for"));
  action.finish();
  require_limit(action, site);
}

void FleetEventReader::read_new_battery(TableReader action, Event& event) {
  const Site* site = read_site(action, event);
  event.battery = read_battery(action);
  action.finish();
  require_limit(action, site);
}

// Of a site whose limit is wrong that is the mistake.
void FleetEventReader::require_limit(TableReader& action, const Site* site) const {
  if (site == nullptr || !traits_of(scenario_.run.engine).simulated) return;
  if (site->power && site->power->limit_mw) return;
  const bool has_one = action.name() == name_of(EventKind::battery);
  action.mistake("site",
                 "site " + in_quotes(site->name) + " has no limit of power " +
                     (has_one ? "that a battery could help to keep" : "to change"),
                 "state " + std::string(has_one ? "one" : "what holds before and after") +
                     ": power = { limit = \"300MW\" } in the site");
}

}  // namespace tokenlift
