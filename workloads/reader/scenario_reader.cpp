// parse_scenario(): one function per table, then the checks that need several of them.

#include "workloads/reader/scenario_reader.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workloads/plan/calendar.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/event_reader.hpp"
#include "workloads/reader/fleet_check.hpp"
#include "workloads/reader/fleet_reader.hpp"
#include "workloads/reader/job_reader.hpp"
#include "workloads/reader/profile_reader.hpp"
#include "workloads/reader/sweep_reader.hpp"
#include "workloads/reader/table_reader.hpp"
#include "workloads/reader/tenant_reader.hpp"
#include "workloads/reader/throttle_reader.hpp"
#include "workloads/reader/tuning_reader.hpp"
#include "workloads/text/document.hpp"

namespace tokenlift {

namespace {

/// At random, of a tenant in the run. To draw them takes some 50 ns each.
constexpr double kMostBursts = 10'000'000;

std::string name_from_file(const std::string& source_name) {
  const std::string stem = std::filesystem::path(source_name).stem().string();
  return is_name(stem) ? stem : "scenario";
}

/// What reads the tables [tune] and [sweep] against the scenario, and adds what they say.
using ReadTask = std::function<void(TableReader table, Scenario& scenario)>;
struct Tasks {
  ReadTask tune, sweep;  ///< empty: the table is not read
};

class ScenarioReader {
 public:
  ScenarioReader(Document& document, const std::string& folder,
                 const std::vector<Profile>& profiles, bool finds_capacity)
      : document_(document),
        folder_(folder),
        given_(profiles),
        finds_capacity_(finds_capacity),
        tenants_(document, folder) {}

  Scenario read(const std::string& source_name, const Tasks& tasks);

 private:
  void read_run(TableReader table);
  void read_starts_at(TableReader& table);
  void read_stop_after(TableReader& table);
  void read_queue(TableReader table);
  void read_tenants(TableReader& root);
  void read_throttles(TableReader& root);
  void read_jobs(TableReader& root, bool fleet_sound);
  void read_events(TableReader& root);
  void note_load(const Place& place, bool by_load);

  void check_kv_tokens(const std::vector<PlacedSite>& sites);
  void check_sizes();
  void check_bursts(const TableReader& table);
  void check_loads();
  void check_measured();

  Document& document_;
  const std::string& folder_;
  const std::vector<Profile>& given_;  // on the command line
  bool finds_capacity_;
  Scenario scenario_;
  std::optional<Engine> engine_ = Engine::threads;  // nothing where the scenario's word is none
  TenantReader tenants_;
  // What is right by itself, to be checked against one another, and where.
  std::vector<KnownThrottle> throttles_;
  std::vector<PlacedSize> sizes_;
  std::optional<Place> load_place_;  // the first load of a throttle
  FleetPlaces places_;
};

void ScenarioReader::read_run(TableReader table) {
  RunSettings& run = scenario_.run;
  if (table.has("engine")) engine_ = table.choice<Engine>("engine");
  assign(run.engine, engine_);
  table.require("duration", "for example duration = \"40s\"");
  assign(run.duration_ns, table.positive_duration_ns("duration"));
  assign(run.warmup_ns, table.duration_ns("warmup"));
  run.settle_ns = table.duration_ns("settle");
  assign(run.cooldown_max_ns, table.duration_ns("cooldown_max"));
  if (const auto seed = table.whole("seed", 0, std::numeric_limits<std::int64_t>::max())) {
    run.seed = static_cast<std::uint64_t>(*seed);
  }
  assign(run.max_in_flight, table.whole("max_in_flight", 1, kSizeMax));
  if (const auto repetitions = table.whole("repetitions", 1, kMostRepetitions)) {
    run.repetitions = static_cast<std::uint64_t>(*repetitions);
  }
  read_starts_at(table);
  read_stop_after(table);
  if (run.duration_ns > 0 && run.warmup_ns >= run.duration_ns) {
    table.mistake("warmup", "the warm-up takes the whole run",
                  "warmup must be shorter than duration");
  }
  table.finish();
}

void ScenarioReader::read_stop_after(TableReader& table) {
  constexpr auto kKeys = std::to_array<std::string_view>({"stop_after"});
  if (!engine_) {
    table.pass_over(kKeys);
  } else if (!traits_of(*engine_).remote) {
    table.refuse_on(*engine_, "costs nothing by the request", kKeys,
                    "remove it, or set run.engine = \"http\"");
  } else if (auto stop = table.table("stop_after", "stop_after")) {
    scenario_.run.stop_after_requests = stop->whole("requests", 1, kSizeMax);
    scenario_.run.stop_after_output_tokens = stop->whole("output_tokens", 1, kSizeMax);
    stop->finish();  // an empty one is no bound: --set run.stop_after={} leaves a scenario's out
  }
}

// The zone is read first: the start is in its local time.
void ScenarioReader::read_starts_at(TableReader& table) {
  RunSettings& run = scenario_.run;
  if (const std::optional<std::string> zone = table.text("time_zone")) {
    if (const std::optional<ZoneProblem> problem = time_zone_problem(*zone)) {
      table.mistake("time_zone", problem->message, problem->advice);
    } else {
      run.time_zone = *zone;
    }
  }
  run.starts_at_s = table.instant_s("starts_at", run.time_zone);
}

void ScenarioReader::read_queue(TableReader table) {
  assign(scenario_.queue_order, table.choice<QueueOrder>("order"));
  table.finish();
}

void ScenarioReader::read_tenants(TableReader& root) {
  std::vector<TableReader> tables = root.tables("tenant", "[[tenant]]", kMostTenants);
  if (tables.empty() && (!root.has("tenant") || root.find("tenant")->is_array())) {
    root.mistake("tenant", "nobody asks for anything", "add a [[tenant]]");
  }
  for (TableReader& table : tables) {
    scenario_.tenants.push_back(tenants_.read(table, scenario_.fleet.sites, engine_));
    check_bursts(table);
  }
}

// Of the last tenant. Each burst at random is drawn, whether anybody asks in it or not.
void ScenarioReader::check_bursts(const TableReader& table) {
  const std::optional<Shape>& shape = scenario_.tenants.back().arrivals.shape;
  if (!shape || shape->kind != ShapeKind::mmpp) return;
  const double bursts =
      static_cast<double>(scenario_.run.duration_ns) /
      (static_cast<double>(shape->period_ns) + static_cast<double>(shape->length_ns));
  if (bursts <= kMostBursts) return;
  document_.add(
      table.place("arrivals"),
      "the run would have about " + format_number(std::round(bursts)) + " bursts",
      format_number(kMostBursts) + " are the most: raise length or calm, or shorten the run");
}

void ScenarioReader::note_load(const Place& place, bool by_load) {
  if (by_load && !load_place_) load_place_ = place;
}

void ScenarioReader::read_throttles(TableReader& root) {
  ThrottleReader reader(document_, tenants_.names());
  std::vector<TableReader> tables = root.tables("throttle", "[[throttle]]", kMostThrottles);
  for (TableReader& table : tables) {
    scenario_.throttles.push_back(reader.read(table));
    note_load(table.place("load"), scenario_.throttles.back().rate.load.has_value());
    places_.followers.emplace_back();
    if (table.has("follows")) places_.followers.back() = table.place("follows");
  }
  throttles_ = reader.known();
  sizes_ = reader.sizes();
}

void ScenarioReader::read_jobs(TableReader& root, bool fleet_sound) {
  const Mark mark{document_};
  JobReader reader(scenario_.fleet, fleet_sound, engine_);
  std::vector<TableReader> tables = root.tables("job", "[[job]]", kMostJobs);
  for (TableReader& table : tables) scenario_.jobs.push_back(reader.read(table));
  if (mark.sound()) check_yields(scenario_.jobs, scenario_.tenants, tables);
}

void ScenarioReader::read_events(TableReader& root) {
  EventReader reader(document_, folder_, scenario_, engine_, throttles_, sizes_);
  std::int64_t changes = 0;
  for (TableReader& table : root.tables("event", "[[event]]", kMostEvents)) {
    Event event = reader.read(table);
    const std::int64_t before = changes;
    changes += event.kind == EventKind::ramp ? event.steps : 1;
    if (changes > kMostChanges && before <= kMostChanges) {
      document_.add(table.place(),
                    "with this event the throttles change more than " +
                        std::to_string(kMostChanges) + " times",
                    "use fewer events, or ramps with fewer steps");
    }
    event.index.value = scenario_.events.size();
    places_.events.push_back(table.place(name_of(event.kind)));
    note_load(table.place(), (event.rate && event.rate->load) || (event.from && event.from->load));
    scenario_.events.push_back(event);
  }
}

// A request that no replica of a site could ever hold would wait there for ever.
void ScenarioReader::check_kv_tokens(const std::vector<PlacedSite>& sites) {
  for (const Tenant& tenant : tenants_.sized()) {
    const std::int64_t largest = largest_prompt_tokens(tenant) + largest_output_tokens(tenant);
    for (const PlacedSite& placed : sites) {
      const Site& site = placed.site;
      if (site.endpoint || largest <= site.kv_tokens || !may_use(tenant, site)) continue;
      document_.add(placed.kv_tokens,
                    "site " + in_quotes(site.name) + " holds " + std::to_string(site.kv_tokens) +
                        " tokens, and a request of tenant " + in_quotes(tenant.name) +
                        " can have " + std::to_string(largest),
                    "raise kv_tokens, or lower the tenant's largest prompt or output");
    }
  }
}

// A request that costs more than a throttle ever gives would wait for ever.
void ScenarioReader::check_sizes() {
  Scenario sized;
  sized.tenants = tenants_.sized();
  for (const PlacedSize& size : sizes_) {
    const Throttle& throttle = *throttles_[size.throttle].sound;
    const double largest = largest_cost(sized, throttle);
    if (size.units >= largest) continue;
    document_.add(
        size.place,
        "the " + size.key + " of throttle " + in_quotes(throttle.name) +
            " is smaller than the largest request, which costs " + format_number(largest) + " " +
            std::string(name_of(throttle.unit)),
        "such a request would wait for ever: raise the " + size.key + " or lower max_tokens");
  }
}

// The capacity is measured or computed under the scenario's own mix, so the mix must not depend on
// it.
void ScenarioReader::check_loads() {
  const std::optional<Place>& of_tenant = tenants_.load_place();
  const std::optional<Place>& first = of_tenant ? of_tenant : load_place_;
  if (!first || scenario_.fleet.capacity_tokens_per_s) return;
  if (of_tenant && tenants_.some_by_rate()) {
    document_.add(*of_tenant,
                  "some tenants have a load and others a rate, a trace or users that wait for "
                  "answers, so the mix of requests depends on the capacity, which is that of this "
                  "mix",
                  "state fleet.capacity = \"5000/s\", or give all tenants the same form");
  }
  const EngineTraits& engine = traits_of(scenario_.run.engine);
  if (has_capacity(engine.engine) || (engine.remote && finds_capacity_)) return;
  document_.add(*first,
                "a load is a share of the fleet's capacity, and " +
                    (engine.remote ? "nobody knows that of the endpoints"
                                   : "engine " + in_quotes(engine.name) + " has none to measure"),
                engine.remote ? "state fleet.capacity = \"5000/s\", give a rate, or run with "
                                "--find-capacity"
                              : "state fleet.capacity = \"5000/s\", or give a rate");
}

// The phases around an event that happens elsewhere are not known before, and those around two
// events are known or not.
void ScenarioReader::check_measured() {
  const std::vector<std::size_t> measured = measured_events(scenario_);
  if (measured.size() < 2) return;
  for (const std::size_t i : measured) {
    const Event& event = scenario_.events[i];
    if (!happens_elsewhere(event)) continue;
    document_.add(places_.events[event.index.value],
                  "nobody knows before the run when this event holds, so it divides the run alone",
                  "give measure = true to this event or to others");
    return;
  }
}

Scenario ScenarioReader::read(const std::string& source_name, const Tasks& tasks) {
  TableReader root(document_, document_.root(), "the scenario");
  scenario_.name = name_from_file(source_name);
  if (root.find("name") != nullptr) scenario_.name = root.name_apart_from({});
  assign(scenario_.description, root.text("description"));
  root.require("run", "add [run] with a duration");
  if (auto run = root.table("run", "[run]")) read_run(std::move(*run));
  const Mark of_fleet{document_};
  FleetReader fleet_reader(document_, folder_, engine_, given_, read_profiles(root));
  root.require("fleet", "add a [[fleet.site]] with name and replicas");
  if (auto fleet = root.table("fleet", "[fleet]")) {
    scenario_.fleet = fleet_reader.read(std::move(*fleet));
  }
  const bool fleet_sound = of_fleet.sound();
  check_boots(scenario_.run, fleet_reader.sound_sites(), document_);
  if (auto queue = root.table("queue", "[queue]")) read_queue(std::move(*queue));
  read_tenants(root);
  read_throttles(root);
  const Mark of_jobs{document_};
  read_jobs(root, fleet_sound);
  const bool jobs_sound = of_jobs.sound();
  const Mark of_events{document_};
  read_events(root);
  const bool events_sound = of_events.sound();
  std::optional<TableReader> tune = root.table("tune", "[tune]");
  std::optional<TableReader> sweep = root.table("sweep", "[sweep]");
  root.finish();
  check_kv_tokens(fleet_reader.sound_sites());
  check_sizes();
  check_loads();
  std::ranges::stable_sort(scenario_.events, {}, [](const Event& event) {
    return std::pair(event.at_signal, event.at_ns);
  });
  if (events_sound) check_measured();
  if (fleet_sound && jobs_sound && events_sound && scenario_.run.duration_ns > 0) {
    places_.sites = fleet_reader.sound_sites();
    places_.load = tenants_.load_place() ? tenants_.load_place() : load_place_;
    Scenario known = scenario_;
    known.profiles = fleet_reader.profiles_to_keep(scenario_.fleet);
    check_fleet(known, places_, document_);
  }
  if (tune && tasks.tune) tasks.tune(std::move(*tune), scenario_);
  if (sweep && tasks.sweep) tasks.sweep(std::move(*sweep), scenario_);
  document_.throw_mistakes();
  scenario_.profiles = fleet_reader.profiles_to_keep(scenario_.fleet);
  return scenario_;
}

}  // namespace

Scenario parse_scenario(std::string_view text, const std::string& source_name,
                        const std::string& folder, const std::vector<std::string>& overrides,
                        const std::vector<Profile>& profiles, const FigureMistake& figure_mistake,
                        bool finds_capacity) {
  const auto mistakes_with = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all = overrides;
    all.insert(all.end(), words.begin(), words.end());
    std::vector<Mistake> mistakes;
    try {
      Document document(text, source_name, all);
      ScenarioReader(document, folder, profiles, finds_capacity).read(source_name, {});
    } catch (const ScenarioError& error) {
      mistakes = error.mistakes();
    }
    return mistakes;
  };
  Document document(text, source_name, overrides);
  TriedWords tried(mistakes_with);
  Tasks tasks;
  tasks.tune = [&](TableReader table, Scenario& scenario) {
    scenario.tuning =
        TuningReader(document, scenario, figure_mistake, tried).read(std::move(table));
  };
  tasks.sweep = [&](TableReader table, Scenario& scenario) {
    scenario.sweep = SweepReader(document, scenario, figure_mistake, tried).read(std::move(table));
  };
  return ScenarioReader(document, folder, profiles, finds_capacity).read(source_name, tasks);
}

}  // namespace tokenlift
