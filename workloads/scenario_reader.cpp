// parse_scenario(): one function per table, then the checks that need several of them.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workloads/document.hpp"
#include "workloads/fleet_reader.hpp"
#include "workloads/lengths.hpp"
#include "workloads/plan.hpp"
#include "workloads/profile_reader.hpp"
#include "workloads/quantity.hpp"
#include "workloads/scenario_text.hpp"
#include "workloads/table_reader.hpp"
#include "workloads/trace.hpp"

namespace tokenlift {

namespace {

constexpr double kBurstMax = 1e21;  // the highest rate for the longest duration
constexpr double kLoadMax = 1e6;
constexpr double kLoadMin = 1e-9;
constexpr double kCvMax = 100;
constexpr double kGammaCvMin = 1e-3;  // below it the gaps are constant to three digits

std::string name_from_file(const std::string& source_name) {
  std::string stem = std::filesystem::path(source_name).stem().string();
  for (char& c : stem) {
    if (!is_name(std::string_view(&c, 1))) c = '_';
  }
  return stem.empty() ? "scenario" : stem;
}

void check_count(TableReader& root, const char* key, std::size_t count, std::size_t most) {
  if (count <= most) return;
  root.mistake(key, std::to_string(count) + " tables [[" + key + "]]",
               std::to_string(most) + " are the most");
}

class ScenarioReader {
 public:
  ScenarioReader(Document& document, std::string folder, const std::vector<Profile>& profiles)
      : document_(document), folder_(std::move(folder)), given_(profiles) {}

  Scenario read(const std::string& source_name);

 private:
  void read_run(TableReader table);
  Tenant read_tenant(TableReader& table);
  Arrivals read_arrivals(TableReader table);
  std::optional<Trace> read_trace(TableReader& table);
  std::optional<Lengths> read_lengths(TableReader table);
  Slo read_slo(TableReader table);
  void read_retry(TableReader table);
  Rate read_rate(TableReader& table);
  bool check_one_rate(TableReader& table, bool required);
  std::optional<Burst> read_burst(TableReader& table);
  Throttle read_throttle(TableReader& table);
  Event read_event(TableReader& table);
  void read_set(TableReader table, Event& event);

  void check_throttle_name(TableReader& table, std::string_view key, const std::string& name);
  void check_burst(const Burst& burst, const Place& place, const Throttle& throttle);
  void check_sizes();
  void check_bursts();
  void check_loads();

  Document& document_;
  std::string folder_;
  const std::vector<Profile>& given_;  // on the command line
  Scenario scenario_;
  std::optional<Engine> engine_ = Engine::threads;  // nothing where the scenario's word is none
  std::vector<std::string> tenant_names_;
  std::vector<std::string> throttle_names_;
  // What is right by itself, to be checked against one another, and where.
  struct PlacedThrottle {
    Throttle throttle;
    Place burst;
  };
  struct PlacedEvent {
    Event event;
    Place burst;
  };
  std::vector<PlacedSite> sites_;
  Scenario sized_;  // tenants alone: those whose sizes are known
  std::vector<PlacedThrottle> throttles_;
  std::vector<PlacedEvent> events_;
  bool measured_event_seen_ = false;
  std::optional<Place> load_place_;          // the first load
  std::optional<Place> arrival_load_place_;  // the first load of a tenant
  bool arrivals_by_rate_ = false;
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
  if (run.duration_ns > 0 && run.warmup_ns >= run.duration_ns) {
    table.mistake("warmup", "the warm-up takes the whole run",
                  "warmup must be shorter than duration");
  }
  table.finish();
}

Tenant ScenarioReader::read_tenant(TableReader& table) {
  const Mark mark{document_};
  Tenant tenant;
  tenant.name = table.name_apart_from(tenant_names_);
  table.require("arrivals", R"(for example arrivals = { process = "poisson", rate = "12/s" })");
  if (auto arrivals = table.table("arrivals", "arrivals")) {
    tenant.arrivals = read_arrivals(std::move(*arrivals));
  }
  const bool from_trace = tenant.arrivals.process == Process::trace;
  for (const char* key : {"prompt_tokens", "output_tokens"}) {
    if (from_trace) {
      if (table.has(key)) {
        table.mistake(key, in_quotes(key) + " can't be set: the trace brings its own lengths",
                      "remove it, or cap them with arrivals.max");
      }
      table.find(key);
      continue;
    }
    table.require(key, "for example " + std::string(key) +
                           " = { distribution = \"lognormal\", mean = 128, cv = 0.6 }");
    auto lengths = table.table(key, key);
    if (!lengths) continue;
    Lengths& target =
        key == std::string_view("prompt_tokens") ? tenant.prompt_tokens : tenant.output_tokens;
    assign(target, read_lengths(std::move(*lengths)));
  }
  const std::optional<std::int64_t> max_tokens = table.whole("max_tokens", 1, kRequestTokensMax);
  const std::int64_t largest = largest_output_tokens(tenant);
  tenant.max_tokens = max_tokens.value_or(largest);
  if (tenant.max_tokens < largest) {
    table.mistake("max_tokens",
                  "\"max_tokens\" is " + std::to_string(tenant.max_tokens) +
                      ", but requests generate up to " + std::to_string(largest) + " tokens",
                  "raise it, or lower the largest output");
  }
  if (mark.sound()) sized_.tenants.push_back(tenant);
  if (auto slo = table.table("slo", "slo")) tenant.slo = read_slo(std::move(*slo));
  if (auto retry = table.table("retry", "retry")) read_retry(std::move(*retry));
  table.finish();
  return tenant;
}

Arrivals ScenarioReader::read_arrivals(TableReader table) {
  Arrivals arrivals;
  table.require("process", R"("poisson", "constant", "gamma" or "trace")");
  const std::optional<Process> process = table.choice<Process>("process");
  if (!process) return arrivals;
  arrivals.process = *process;
  if (*process == Process::trace) {
    arrivals.trace = read_trace(table);
    arrivals_by_rate_ = true;
  } else {
    check_one_rate(table, true);
    arrivals.rate = read_rate(table);
    if (arrivals.rate.load && !arrival_load_place_) arrival_load_place_ = table.place("load");
    arrivals_by_rate_ = arrivals_by_rate_ || arrivals.rate.per_s;
  }
  if (*process == Process::gamma) {
    table.require("cv", "the standard deviation of the gaps / their mean, for example cv = 2");
    assign(arrivals.cv, table.number("cv", kGammaCvMin, kCvMax));
  }
  table.finish();
  return arrivals;
}

std::optional<Trace> ScenarioReader::read_trace(TableReader& table) {
  const std::size_t mistakes_before = document_.mistake_count();
  Trace trace;
  table.require("file", "the CSV file, for example file = \"azure.csv\"");
  const std::optional<std::string> file = table.text("file");
  assign(trace.speed, table.number("speed", 1e-6, 1e6));
  assign(trace.sample, table.number("sample", 1e-9, 1));
  const toml::node* max = table.find("max");
  if (max != nullptr && max->is_table()) {
    TableReader caps = *table.table("max", "max");
    trace.max_prompt_tokens = caps.whole("prompt", 1, kRequestTokensMax);
    trace.max_output_tokens = caps.whole("output", 1, kRequestTokensMax);
    caps.finish();
  } else if (max != nullptr) {
    trace.max_prompt_tokens = table.whole("max", 1, kRequestTokensMax);
    trace.max_output_tokens = trace.max_prompt_tokens;
  }
  if (document_.mistake_count() > mistakes_before) return std::nullopt;
  if (file->empty() || file->find('\0') != std::string::npos) {
    table.mistake("file", "this can't be a file name");
    return std::nullopt;
  }
  std::error_code error;
  const std::filesystem::path path =
      std::filesystem::absolute(std::filesystem::path(folder_) / *file, error).lexically_normal();
  trace.file = path.string();
  if (error || !std::filesystem::is_regular_file(path, error)) {
    table.mistake("file", "there is no file \"" + trace.file + "\"",
                  "a relative name is looked for beside the scenario");
    return std::nullopt;
  }
  try {
    trace.summary = summarise(trace);
  } catch (const ScenarioError& in_trace) {
    document_.add(in_trace.mistakes());
    return std::nullopt;
  }
  return trace;
}

std::optional<Lengths> ScenarioReader::read_lengths(TableReader table) {
  const std::size_t mistakes_before = document_.mistake_count();
  Lengths lengths;
  table.require("distribution", R"("constant", "uniform", "lognormal" or "geometric")");
  const auto distribution = table.choice<Distribution>("distribution");
  if (!distribution) return std::nullopt;
  lengths.distribution = *distribution;
  const bool uniform = *distribution == Distribution::uniform;
  const bool lognormal = *distribution == Distribution::lognormal;
  if (*distribution == Distribution::constant) {
    table.require("value", "for example value = 128");
    lengths.mean = static_cast<double>(table.whole("value", 1, kRequestTokensMax).value_or(1));
  } else if (!uniform) {
    table.require("mean", "for example mean = 128");
    assign(lengths.mean,
           table.number("mean", lognormal ? 1e-3 : 1, static_cast<double>(kRequestTokensMax)));
  }
  if (lognormal) {
    table.require("cv", "the standard deviation / the mean, for example cv = 0.6");
    assign(lengths.cv, table.number("cv", 0, kCvMax));
  }
  if (uniform || lognormal) {
    if (uniform) table.require("min", "the smallest value, for example min = 16");
    assign(lengths.min, table.whole("min", 1, kRequestTokensMax));
  }
  if (*distribution != Distribution::constant) {
    if (uniform) table.require("max", "the largest value, for example max = 256");
    const auto clamp = static_cast<std::int64_t>(
        std::ceil(std::min(16 * lengths.mean, static_cast<double>(kRequestTokensMax))));
    lengths.max = table.whole("max", 1, kRequestTokensMax).value_or(std::max(clamp, lengths.min));
    if (lengths.min > lengths.max && table.has("max")) {
      table.mistake(table.has("min") ? "min" : "max", R"("min" is larger than "max")",
                    "exchange them");
    }
  }
  table.finish();
  if (document_.mistake_count() > mistakes_before) return std::nullopt;
  return lengths;
}

Slo ScenarioReader::read_slo(TableReader table) {
  Slo slo;
  slo.ttft_ns = table.positive_duration_ns("ttft");
  slo.tpot_ns = table.positive_duration_ns("tpot");
  slo.e2e_ns = table.positive_duration_ns("e2e");
  table.finish();
  return slo;
}

// Clients that come back after a rejection are not there yet; "none" says so explicitly.
void ScenarioReader::read_retry(TableReader table) {
  table.require("policy", "policy = \"none\"");
  const std::optional<std::string> policy = table.text("policy");
  if (policy && *policy != "none") table.unknown_word("policy", *policy, {"none"});
  table.finish();
}

bool ScenarioReader::check_one_rate(TableReader& table, bool required) {
  if (table.has("rate") && table.has("load")) {
    table.mistake("load", R"(both "rate" and "load" are given)", "keep one of them");
    return false;
  }
  if (required && !table.has("rate") && !table.has("load")) {
    table.mistake("rate", table.name() + " lacks a rate",
                  "give rate = \"12/s\", or load = 0.7 as a share of the fleet's capacity");
    return false;
  }
  return true;
}

Rate ScenarioReader::read_rate(TableReader& table) {
  Rate rate;
  rate.per_s = table.rate_per_s("rate");
  rate.load = table.number("load", kLoadMin, kLoadMax);
  if (rate.load && !load_place_) load_place_ = table.place("load");
  return rate;
}

std::optional<Burst> ScenarioReader::read_burst(TableReader& table) {
  const toml::node* node = table.find("burst");
  if (node == nullptr) return std::nullopt;
  Burst burst;
  if (node->is_number()) {
    burst.units = table.number("burst", 1e-9, kBurstMax);
  } else {
    burst.of_rate_ns = table.positive_duration_ns("burst");
  }
  return burst;
}

Throttle ScenarioReader::read_throttle(TableReader& table) {
  Throttle throttle;
  throttle.name = table.name_apart_from(throttle_names_);
  table.require("kind", "kind = \"token_bucket\"");
  const std::optional<std::string> kind = table.text("kind");
  if (kind && *kind != "token_bucket") table.unknown_word("kind", *kind, {"token_bucket"});
  table.require("unit", R"("requests", "input_tokens" or "output_tokens")");
  assign(throttle.unit, table.choice<Unit>("unit"));
  check_one_rate(table, true);
  throttle.rate = read_rate(table);
  throttle.burst = read_burst(table).value_or(Burst{1'000'000'000, std::nullopt});
  assign(throttle.when_full, table.choice<WhenFull>("when_full"));
  throttle.max_wait_ns = table.positive_duration_ns("max_wait");
  if (throttle.when_full == WhenFull::reject && table.has("max_wait")) {
    table.mistake("max_wait", "nothing waits at a throttle that rejects",
                  "remove max_wait, or set when_full = \"queue\"");
  }
  table.finish();
  return throttle;
}

void ScenarioReader::check_throttle_name(TableReader& table, std::string_view key,
                                         const std::string& name) {
  if (std::ranges::find(throttle_names_, name) != throttle_names_.end()) return;
  table.mistake(key, "there is no throttle " + in_quotes(name),
                throttle_names_.empty() ? "add a [[throttle]]" : suggest(name, throttle_names_));
}

Event ScenarioReader::read_event(TableReader& table) {
  const Mark mark{document_};
  Event event;
  Place burst_place;
  table.require("at", "for example at = \"15s\"");
  const RunSettings& run = scenario_.run;
  const std::optional<std::int64_t> at_ns = table.duration_ns("at");
  assign(event.at_ns, at_ns);
  const bool run_has_length = run.warmup_ns < run.duration_ns;  // else that is the mistake
  if (at_ns && run_has_length && (*at_ns <= run.warmup_ns || *at_ns >= run.duration_ns)) {
    table.mistake("at", "the event is not between the end of the warm-up and the end of the run",
                  "more than " + format_duration(run.warmup_ns) + " and less than " +
                      format_duration(run.duration_ns));
  }
  if (table.has("lift") == table.has("set")) {
    table.mistake(
        "set",
        table.has("lift") ? R"(an event has "lift" or "set", not both)" : "the event does nothing",
        R"(lift = "NAME" removes a throttle; set = { throttle = "NAME", ... } changes it)");
  }
  if (const std::optional<std::string> name = table.text("lift")) {
    event.throttle = *name;
    check_throttle_name(table, "lift", *name);
  }
  if (auto set = table.table("set", "set")) {
    event.kind = EventKind::set;
    burst_place = set->place("burst");
    read_set(std::move(*set), event);
  }
  assign(event.measure, table.flag("measure"));
  if (event.measure && measured_event_seen_) {
    table.mistake("measure", "a second event has measure = true",
                  "one event divides the run; the others are markers");
  }
  measured_event_seen_ = measured_event_seen_ || event.measure;
  table.finish();
  if (mark.sound()) events_.push_back({event, burst_place});
  return event;
}

void ScenarioReader::read_set(TableReader table, Event& event) {
  table.require("throttle", "the name of the throttle to change");
  if (const std::optional<std::string> name = table.text("throttle")) {
    event.throttle = *name;
    check_throttle_name(table, "throttle", *name);
  }
  const bool one_rate = check_one_rate(table, false);
  const Rate rate = read_rate(table);
  if (one_rate && (rate.per_s || rate.load)) event.rate = rate;
  event.burst = read_burst(table);
  if (!table.has("rate") && !table.has("load") && !table.has("burst")) {
    table.mistake("rate", "nothing is set", "give rate, load or burst");
  }
  assign(event.inherit, table.choice<Inherit>("inherit"));
  table.finish();
}

// A request that no replica of a site could ever hold would wait there for ever.
void ScenarioReader::check_sizes() {
  for (const Tenant& tenant : sized_.tenants) {
    const std::int64_t largest = largest_prompt_tokens(tenant) + largest_output_tokens(tenant);
    for (const auto& [site, place] : sites_) {
      if (largest <= site.kv_tokens) continue;
      document_.add(place,
                    "site " + in_quotes(site.name) + " holds " + std::to_string(site.kv_tokens) +
                        " tokens, and a request of tenant " + in_quotes(tenant.name) +
                        " can have " + std::to_string(largest),
                    "raise kv_tokens, or lower the tenant's largest prompt or output");
    }
  }
}

void ScenarioReader::check_burst(const Burst& burst, const Place& place, const Throttle& throttle) {
  const double largest = largest_cost(sized_, throttle.unit);
  if (!burst.units || *burst.units >= largest) return;
  document_.add(place,
                "the burst of throttle " + in_quotes(throttle.name) +
                    " is smaller than the largest request, which costs " + format_number(largest) +
                    " " + std::string(name_of(throttle.unit)),
                "such a request would wait for ever: raise the burst or lower max_tokens");
}

void ScenarioReader::check_bursts() {
  for (const auto& [throttle, throttle_place] : throttles_) {
    check_burst(throttle.burst, throttle_place, throttle);
    for (const auto& [event, place] : events_) {
      if (event.burst && event.throttle == throttle.name)
        check_burst(*event.burst, place, throttle);
    }
  }
}

// The capacity is measured or computed under the scenario's own mix, so the mix must not depend on
// it.
void ScenarioReader::check_loads() {
  if (!load_place_ || scenario_.fleet.capacity_tokens_per_s) return;
  if (arrival_load_place_ && arrivals_by_rate_) {
    document_.add(*arrival_load_place_,
                  "some tenants have a load and others a rate or a trace, so the mix of requests "
                  "depends on the capacity, which is that of this mix",
                  "state fleet.capacity = \"5000/s\", or give all tenants the same form");
  }
  if (scenario_.run.engine == Engine::null) {
    document_.add(*load_place_,
                  "a load is a share of the fleet's capacity, and engine \"null\" "
                  "has none to measure",
                  "state fleet.capacity = \"5000/s\", or give a rate");
  }
}

Scenario ScenarioReader::read(const std::string& source_name) {
  TableReader root(document_, document_.root(), "the scenario");
  scenario_.name = name_from_file(source_name);
  if (root.find("name") != nullptr) scenario_.name = root.name_apart_from({});
  assign(scenario_.description, root.text("description"));
  root.require("run", "add [run] with a duration");
  if (auto run = root.table("run", "[run]")) read_run(std::move(*run));
  FleetReader fleet_reader(document_, engine_, given_, read_profiles(root));
  root.require("fleet", "add a [[fleet.site]] with name and replicas");
  if (auto fleet = root.table("fleet", "[fleet]")) {
    scenario_.fleet = fleet_reader.read(std::move(*fleet));
  }
  sites_ = fleet_reader.sound_sites();
  std::vector<TableReader> tenants = root.tables("tenant", "[[tenant]]");
  if (tenants.empty() && (!root.has("tenant") || root.find("tenant")->is_array())) {
    root.mistake("tenant", "nobody asks for anything", "add a [[tenant]]");
  }
  for (TableReader& tenant_table : tenants) {
    scenario_.tenants.push_back(read_tenant(tenant_table));
    tenant_names_.push_back(scenario_.tenants.back().name);
  }
  check_count(root, "tenant", tenants.size(), kMostTenants);
  std::vector<TableReader> throttles = root.tables("throttle", "[[throttle]]");
  check_count(root, "throttle", throttles.size(), kMostThrottles);
  for (TableReader& throttle_table : throttles) {
    const Mark mark{document_};
    const Throttle throttle = read_throttle(throttle_table);
    scenario_.throttles.push_back(throttle);
    throttle_names_.push_back(throttle.name);
    if (mark.sound()) throttles_.push_back({throttle, throttle_table.place("burst")});
  }
  for (TableReader& event : root.tables("event", "[[event]]")) {
    scenario_.events.push_back(read_event(event));
  }
  root.finish();
  check_sizes();
  check_bursts();
  check_loads();
  document_.throw_mistakes();
  std::ranges::stable_sort(scenario_.events, {}, &Event::at_ns);
  scenario_.profiles = fleet_reader.profiles_to_keep(scenario_.fleet);
  return scenario_;
}

}  // namespace

Scenario parse_scenario(std::string_view text, const std::string& source_name,
                        const std::string& folder, const std::vector<std::string>& overrides,
                        const std::vector<Profile>& profiles) {
  Document document(text, source_name, overrides);
  return ScenarioReader(document, folder, profiles).read(source_name);
}

}  // namespace tokenlift
