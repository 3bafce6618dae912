// The reader of run.json: Run or RunFileError, whatever the text.
//
// What bounds the memory: the text and its values (json_field.hpp), and the histograms they may ask
// for (24 KiB each; a record holds twelve of them).

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "reports/json/json_field.hpp"
#include "reports/json/json_lift.hpp"
#include "reports/json/json_run.hpp"
#include "reports/json/json_wire.hpp"

namespace tokenlift {
namespace {

constexpr int kOldestVersion = 2;
constexpr int kVersion = 4;  // as kRunSchema says

/// The version of the format; an older one lacks some fields.
int version_of(const Field& run) {
  if (!run.json().is_object() || !run.json().contains("schema")) {
    run.fail("is not a run of tokenlift: it has no \"schema\"");
  }
  const std::string schema = run["schema"].text();
  constexpr std::string_view kFamily = "tokenlift.run/";
  for (int version = kOldestVersion; version <= kVersion; ++version) {
    if (schema == fmt::format("{}{}", kFamily, version)) return version;
  }
  if (schema.starts_with(kFamily)) {
    run["schema"].fail(fmt::format(
        R"(is "{}", written by another version of tokenlift; this one reads "{}{}" to "{}")",
        schema, kFamily, kOldestVersion, kRunSchema));
  }
  run["schema"].fail(fmt::format(R"(is "{}", not a run of tokenlift ("{}"))", schema, kRunSchema));
}

/// "BUCKET COUNT BUCKET COUNT ...".
std::vector<BucketCount> buckets_of(const Field& field) {
  const std::string text = field.text();
  std::vector<std::uint64_t> numbers;
  for (const char* at = text.data(); at != text.data() + text.size();) {
    if (!numbers.empty() && *at++ != ' ') field.fail("must be whole numbers with a space between");
    const auto [end, error] =
        std::from_chars(at, text.data() + text.size(), numbers.emplace_back());
    if (error != std::errc()) field.fail("must be whole numbers with a space between");
    if (numbers.size() > 2 * Histogram::kBuckets) field.fail("has too many buckets");
    at = end;
  }
  if (numbers.size() % 2 != 0) field.fail("must be pairs of a bucket's index and its count");
  std::vector<BucketCount> buckets;
  for (std::size_t i = 0; i < numbers.size(); i += 2) {
    buckets.push_back({numbers[i], numbers[i + 1]});
  }
  return buckets;
}

/// [[BUCKET, COUNT], ...], as it was up to version 3.
std::vector<BucketCount> old_buckets_of(const Field& list) {
  std::vector<BucketCount> buckets;
  for (const Json& pair : list.json()) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_unsigned() ||
        !pair[1].is_number_unsigned()) {
      list.fail(fmt::format("item {} must be [bucket index, count]", buckets.size()));
    }
    buckets.push_back({pair[0].get<std::size_t>(), pair[1].get<std::uint64_t>()});
  }
  return buckets;
}

Histogram histogram_of(const Field& field) {
  const Field list = field["buckets"];
  const std::vector<BucketCount> buckets =
      list.json().is_array() ? old_buckets_of(list) : buckets_of(list);
  const auto sum_ns = static_cast<__uint128_t>(field["sum_ns"].sum());
  // Values above the histogram's range have no bound but their type's.
  const auto bound_ns = [&](const char* key) -> std::int64_t {
    if (buckets.empty()) return 0;
    const std::uint64_t value = field[key].unsigned_integer();
    if (value > INT64_MAX) field[key].fail("must be below 2^63");
    return static_cast<std::int64_t>(value);
  };
  try {
    return Histogram::from_buckets(buckets, sum_ns, bound_ns("min_ns"), bound_ns("max_ns"));
  } catch (const std::invalid_argument& error) {
    field.fail(error.what());
  }
}

Counts counts_of(const Field& field) {
  return {field["due"].count(),      field["completed"].count(), field["rejected"].count(),
          field["expired"].count(),  field["cancelled"].count(), field["failed"].count(),
          field["in_flight"].count()};
}

void read_failures(const Field& field, PhaseRecord& record) {
  if (!field.json().is_object()) field.fail("must be an object");
  std::uint64_t all = 0;
  for (const auto& [kind, value] : field.json().items()) {
    all += record.failures[kind] = field[kind].count();
  }
  if (all > record.counts.failed) field.fail("must not be more than failed");
}

void read_record(const Field& field, int version, PhaseRecord& record) {
  record.counts = counts_of(field["counts"]);
  record.sent = field["sent"].count();
  record.held = field["held"].count();
  record.attempts = field["attempts"].count();
  record.wasted_tokens = field["wasted_tokens"].count();
  const Field recorded = field["recorded"];
  record.slo_met = recorded["slo_met"].count();
  if (record.slo_met > std::min(record.counts.due, record.counts.completed)) {
    recorded["slo_met"].fail("must not be more than were due, or completed");
  }
  record.goodput_tokens = recorded["goodput_tokens"].count();
  record.offered_input_tokens = recorded["offered_input_tokens"].count();
  record.offered_output_tokens = recorded["offered_output_tokens"].count();
  record.admitted_requests = recorded["admitted_requests"].count();
  record.admitted_input_tokens = recorded["admitted_input_tokens"].count();
  record.admitted_output_tokens = recorded["admitted_output_tokens"].count();
  record.completed_requests = recorded["completed_requests"].count();
  record.output_tokens = recorded["output_tokens"].count();
  const Field histograms = recorded["histograms"];
  for (std::size_t i = 0; i < kMetrics; ++i) {
    const std::string name(name_of(static_cast<Metric>(i)));
    if (histograms.has(name.c_str())) record.latency[i] = histogram_of(histograms[name]);
  }
  if (version < 4) return;
  record.scheduled_input_tokens = recorded["scheduled_input_tokens"].count();
  record.cached_input_tokens = recorded["cached_input_tokens"].count();
  if (record.cached_input_tokens > record.scheduled_input_tokens) {
    recorded["cached_input_tokens"].fail("must not be more than scheduled_input_tokens");
  }
  if (recorded.has("users_missed")) record.users_missed = recorded["users_missed"].count();
  if (recorded.has("failures")) read_failures(recorded["failures"], record);
  if (recorded.has("denied")) record.denied = recorded["denied"].count();
  if (recorded.has("overloaded")) record.overloaded = recorded["overloaded"].count();
  if (record.denied + record.overloaded > record.counts.due) {
    recorded.fail("denied and overloaded must not be more than were due");
  }
}

SiteDraw draw_of(const Field& field) {
  SiteDraw draw;
  draw.replica_ns = field["replica_ns"].sum();
  draw.energy_fj = field["energy_fj"].sum();
  draw.site_energy_fj = field["site_energy_fj"].sum();
  draw.slowed_replica_ns = field["slowed_replica_ns"].sum();
  draw.largest_mw = field["largest_mw"].amount();
  if (field.has("lost_replica_ns")) draw.lost_replica_ns = field["lost_replica_ns"].sum();
  if (field.has("exceeded_ns")) draw.exceeded_ns = field["exceeded_ns"].sum();
  if (field.has("exceeded_mw")) draw.exceeded_mw = field["exceeded_mw"].amount();
  if (field.has("cost_microusd")) draw.cost_microusd = field["cost_microusd"].sum();
  if (field.has("paid_replica_ns")) draw.paid_replica_ns = field["paid_replica_ns"].sum();
  return draw;
}

PhaseSpan span_of(const Field& field, int version) {
  const Field recorded = field["recorded"];
  PhaseSpan span;
  span.name = field["name"].text();
  span.begin_ns = field["begin_s"].time_ns();
  span.end_ns = field["end_s"].time_ns();
  span.length_ns = recorded["length_ns"].sum();
  span.replica_ns = recorded["replica_ns"].sum();
  span.busy_ns = recorded["busy_ns"].sum();
  span.batch_ns = recorded["batch_ns"].sum();
  if (version < 4) return span;
  span.batch_room_ns = recorded["batch_room_ns"].sum();
  span.resident_token_ns = recorded["resident_token_ns"].sum();
  span.kv_room_token_ns = recorded["kv_room_token_ns"].sum();
  if (recorded.has("energy_fj")) span.energy_fj = recorded["energy_fj"].sum();
  if (recorded.has("site_energy_fj")) span.site_energy_fj = recorded["site_energy_fj"].sum();
  if (recorded.has("cost_microusd")) span.cost_microusd = recorded["cost_microusd"].sum();
  if (!recorded.has("draws")) return span;
  for (const Field& draw : recorded["draws"].items(kMostListed)) {
    span.draws.push_back(draw_of(draw));
  }
  return span;
}

/// The phases of a tenant or of a throttle: those of the run, in its order.
std::vector<Field> phases_of(const Field& item, const Run& run) {
  std::vector<Field> phases = item["phases"].items(run.phases.size());
  if (phases.size() != run.phases.size()) item["phases"].fail("are fewer than the run's");
  for (std::size_t i = 0; i < phases.size(); ++i) {
    if (phases[i]["name"].text() != run.phases[i].name) {
      phases[i]["name"].fail("must be \"" + run.phases[i].name + "\", as in the run's phases");
    }
  }
  return phases;
}

/// Columns of one length.
std::vector<Column> columns_of(const Field& columns) {
  std::vector<Column> all;
  if (!columns.json().is_object()) columns.fail("must be an object");
  for (const auto& [name, values] : columns.json().items()) {
    Column& column = all.emplace_back();
    column.name = name;
    for (const Json& value : values) {
      // Columns may hold differences; the bound keeps the sums of pooled runs within 64 bits.
      if (!value.is_number_integer() || value.get<double>() > static_cast<double>(kMaxInteger) ||
          value.get<double>() < -static_cast<double>(kMaxInteger)) {
        columns.fail("\"" + name + "\" must hold integers within 2^53");
      }
      column.values.push_back(value.get<std::int64_t>());
    }
    if (!values.is_array() || column.values.size() != all.front().values.size()) {
      columns.fail("must be arrays of one length");
    }
  }
  return all;
}

/// For files that do not say of a tenant whether it has objectives: those whose scenario says that
/// it has none. Of a tenant that the scenario does not name nothing is known, and what its requests
/// met is taken as it was recorded.
std::set<std::string> without_objectives(const Json& scenario) {
  std::set<std::string> names;
  const auto tenants = scenario.find("tenant");
  if (tenants == scenario.end() || !tenants->is_array()) return names;
  for (const Json& tenant : *tenants) {
    const auto name = tenant.find("name");
    if (name == tenant.end() || !name->is_string()) continue;
    const auto slo = tenant.find("slo");
    if (slo == tenant.end() || slo->empty()) names.insert(name->get<std::string>());
  }
  return names;
}

void read_tenants(const Field& field, int version, const Json& scenario, Run& run) {
  const std::set<std::string> without = without_objectives(scenario);
  for (const Field& item : field.items(kMostRecords)) {
    const std::vector<Field> phases = phases_of(item, run);
    if (run.tenants.size() * phases.size() + phases.size() > kMostRecords) {
      field.fail(fmt::format("have more than {} phases in all", kMostRecords));
    }
    TenantRecord& tenant = run.tenants.emplace_back();
    tenant.name = item["name"].text();
    tenant.has_objectives =
        item.has("has_objectives") ? item["has_objectives"].flag() : !without.contains(tenant.name);
    if (item.has("wait_objective_s")) {
      tenant.wait_objective_ns = item["wait_objective_s"].optional(&Field::time_ns);
    }
    if (item.has("open_loop")) tenant.open_loop = item["open_loop"].flag();
    tenant.phases.resize(phases.size());
    for (std::size_t i = 0; i < phases.size(); ++i)
      read_record(phases[i], version, tenant.phases[i]);
    if (item.has("users")) tenant.users = item["users"].count();
    if (version < 3) continue;
    tenant.weight = item["weight"].number();
    if (!(tenant.weight > 0)) item["weight"].fail("must be above 0");
    tenant.guaranteed_share = item["guaranteed_share"].optional(&Field::number);
    tenant.columns = columns_of(item["columns"]);
    if (item.has("trace")) {
      const Field trace = item["trace"];
      tenant.trace = TraceRecord{trace["digest"].text(), trace["rows_used"].count(),
                                 trace["rows_skipped"].count(), trace["rows_failed"].count()};
    }
  }
}

/// Units of a throttle in millionths; up to version 3 they were written as units.
WideSum micro_of(const Field& phase, int version, const std::string& what) {
  if (version >= 4) return phase[what + "_microunits"].sum();
  const Field field = phase[what + "_units"];
  const double units = field.amount_of_units();
  constexpr double kMostUnits = 1e29;
  if (units > kMostUnits) field.fail("must be at most 1e29");
  return static_cast<WideSum>(std::round(units * 1e6));
}

void read_throttles(const Field& field, int version, Run& run) {
  for (const Field& item : field.items(kMostRecords)) {
    ThrottleRecord& throttle = run.throttles.emplace_back();
    throttle.name = item["name"].text();
    throttle.kind = item["kind"].text();
    throttle.unit = item["unit"].text();
    throttle.scope = item["scope"].text();
    throttle.mode = item["mode"].text();
    for (const Field& phase : phases_of(item, run)) {
      throttle.phases.push_back({phase["admitted"].count(), phase["held"].count(),
                                 phase["rejected"].count(), phase["shadowed"].count(),
                                 micro_of(phase, version, "taken"),
                                 micro_of(phase, version, "refunded")});
    }
    if (version < 3) continue;
    for (const Field& pair : item["limits"].items(kMostLimits)) {
      const std::vector<Field> parts = pair.items(2);
      if (parts.size() != 2) pair.fail("must be an instant and a limit");
      const std::int64_t at_ns = parts[0].time_ns();
      if (!throttle.limits.empty() && at_ns < throttle.limits.back().at_ns) {
        parts[0].fail("must not be before the one before");
      }
      throttle.limits.push_back({at_ns, parts[1].optional(&Field::number)});
    }
  }
}

std::size_t bins_of(const Series& series) {
  return series.columns.empty() ? 0 : series.columns.front().values.size();
}

/// All but the last of `parts` so wide must begin at an instant: products of them stay exact.
void require_within_time(const Field& width, std::int64_t width_ns, std::size_t parts) {
  if (parts > 1 && width_ns > kMostInstantNs / static_cast<std::int64_t>(parts - 1)) {
    width.fail(fmt::format("is too wide: there are {}, and a run has 20,000 days", parts));
  }
}

Series series_of(const Field& field) {
  Series series;
  series.bin_ns = field["bin_s"].time_ns();
  if (series.bin_ns == 0) field["bin_s"].fail("must be above 0");
  series.columns = columns_of(field["columns"]);
  if (bins_of(series) > kMostBins) {
    field["columns"].fail(fmt::format("have {} bins, at most {}", bins_of(series), kMostBins));
  }
  require_within_time(field["bin_s"], series.bin_ns, bins_of(series));
  series.slice_ns = field["slice_s"].time_ns();
  const std::vector<Field> slices = field["ttft_slices"].items(kMostSlices);
  if (series.slice_ns == 0 && !slices.empty()) field["slice_s"].fail("must be above 0");
  require_within_time(field["slice_s"], series.slice_ns, slices.size());
  series.ttft_slices.resize(slices.size());
  for (std::size_t i = 0; i < slices.size(); ++i) {
    if (!slices[i].is_null()) series.ttft_slices[i] = histogram_of(slices[i]);
  }
  return series;
}

Environment environment_of(const Field& field) {
  Environment environment;
  environment.tokenlift_version = field["tokenlift_version"].text();
  environment.compiler = field["compiler"].text();
  environment.build_type = field["build_type"].text();
  environment.cpu = field["cpu"].text();
  environment.cores = field["cores"].amount();
  environment.memory_bytes = field["memory_bytes"].amount();
  environment.os = field["os"].text();
  environment.decoder_precision = field["decoder_precision"].text();
  environment.started_at = field["started_at"].text();
  for (const Field& word : field["command"].items(kMostListed)) {
    environment.command.push_back(word.text());
  }
  return environment;
}

std::vector<Check> checks_of(const Field& field) {
  std::vector<Check> checks;
  for (const Field& item : field.items(kMostListed)) {
    checks.push_back({item["name"].text(), item["value"].optional(&Field::number),
                      item["limit"].number(), item["passed"].flag(), item["advice"].text()});
  }
  return checks;
}

SiteTerms terms_of(const Field& field) {
  SiteTerms terms;
  terms.accelerators = field["accelerators"].amount();
  terms.states_power = field["states_power"].flag();
  terms.power_assumed = field["power_assumed"].flag();
  terms.has_price = field["has_price"].flag();
  terms.when_serving = field["when_serving"].flag();
  const auto read = [&](const char* key, std::optional<double>& into) {
    if (field.has(key)) into = field[key].amount_of_units();
  };
  read("on_demand_usd_per_accelerator_hour", terms.on_demand_usd_per_accelerator_hour);
  read("electricity_usd_per_kwh", terms.electricity_usd_per_kwh);
  read("carbon_g_per_kwh", terms.carbon_g_per_kwh);
  return terms;
}

FleetRecord fleet_of(const Field& field) {
  FleetRecord fleet;
  for (const Field& site : field["sites"].items(kMostListed)) fleet.sites.push_back(site.text());
  for (const Field& item : field["compositions"].items(kMostListed)) {
    Composition composition;
    composition.at_ns = item["at_s"].time_ns();
    const bool first = fleet.compositions.empty();
    if (first && composition.at_ns != 0) item["at_s"].fail("must be 0: the first one");
    if (!first && composition.at_ns <= fleet.compositions.back().at_ns) {
      item["at_s"].fail("must be after the one before");
    }
    const std::vector<Field> replicas = item["replicas"].items(fleet.sites.size());
    if (replicas.size() != fleet.sites.size()) item["replicas"].fail("must be one for each site");
    for (const Field& count : replicas) composition.replicas.push_back(count.amount());
    if (item.has("capacity_tokens_per_s")) {
      composition.capacity_tokens_per_s = item["capacity_tokens_per_s"].amount_of_units();
    }
    fleet.compositions.push_back(std::move(composition));
  }
  if (!field.has("terms")) return fleet;
  for (const Field& item : field["terms"].items(kMostListed)) fleet.terms.push_back(terms_of(item));
  if (fleet.terms.size() != fleet.sites.size()) field["terms"].fail("must be one for each site");
  return fleet;
}

/// Of clocks that differ: to the ns up to 97 days, and a year at most.
std::int64_t offset_ns_of(const Field& field) {
  const double seconds = field.number();
  if (!(std::abs(seconds) <= 366 * 86'400.0)) field.fail("must be a year at most");
  return std::llround(seconds * 1e9);
}

RankRecord rank_of(const Field& field) {
  RankRecord rank;
  rank.rank = field["rank"].amount();
  rank.start_unix_ns = field["start_unix_ns"].sum();
  constexpr WideSum kMostUnixNs = WideSum{1} << 62;  // in 2116
  if (rank.start_unix_ns > kMostUnixNs) field["start_unix_ns"].fail("must be from 0 to 2^62");
  rank.start_error_ns = field["start_error_s"].time_ns();
  rank.sent = field["sent"].count();
  rank.lag_p99_ns = field["generator_lag_p99_s"].optional(&Field::time_ns);
  rank.lag_max_ns = field["generator_lag_max_s"].optional(&Field::time_ns);
  rank.clock_error_ns = field["clock_error_s"].optional(&Field::time_ns);
  if (field.has("clock_offset_s")) rank.clock_offset_ns = offset_ns_of(field["clock_offset_s"]);
  return rank;
}

SharesRecord shares_of(const Field& field) {
  SharesRecord shares;
  shares.of = field["of"].amount();
  if (shares.of < 1 || shares.of > kMostRanksRead)
    field["of"].fail(fmt::format("must be from 1 to {}", kMostRanksRead));
  for (const Field& item : field["ranks"].items(kMostListed)) {
    const RankRecord rank = rank_of(item);
    if (rank.rank >= shares.of) item["rank"].fail("must be below the number of ranks");
    if (!shares.ranks.empty() && rank.rank <= shares.ranks.back().rank) {
      item["rank"].fail("must be above the one before");
    }
    shares.ranks.push_back(rank);
  }
  if (shares.ranks.empty()) field["ranks"].fail("must not be empty");
  return shares;
}

void read_jobs(const Field& field, Run& run) {
  for (const Field& item : field.items(kMostListed)) {
    JobRecord& job = run.jobs.emplace_back();
    job.name = item["name"].text();
    job.site = item["site"].text();
    job.replicas = item["replicas"].amount();
    job.yields = item["yields"].amount();
    for (const Field& phase : phases_of(item, run)) {
      JobPhase& work = job.phases.emplace_back();
      work.steps = phase["steps"].count();
      work.lost = phase["lost"].count();
      work.step_ns = phase["step_ns"].sum();
      work.replica_ns = phase["replica_ns"].sum();
      work.stalled_ns = phase["stalled_ns"].sum();
      if (phase.has("energy_fj")) work.energy_fj = phase["energy_fj"].sum();
      if (phase.has("site_energy_fj")) work.site_energy_fj = phase["site_energy_fj"].sum();
    }
  }
}

/// What is there only where it was recorded.
void read_since_version_4(const Field& document, Run& run) {
  if (document["capacity"].has("error_tokens_per_s")) {
    run.capacity_error_tokens_per_s = document["capacity"]["error_tokens_per_s"].amount_of_units();
  }
  if (document.has("shares")) run.shares = shares_of(document["shares"]);
  if (document.has("fleet")) run.fleet = fleet_of(document["fleet"]);
  if (document.has("sending_bound")) {
    const Field bound = document["sending_bound"];
    run.sending_bound = SendingBound{bound["at_s"].time_ns(), bound["bound"].text()};
  }
  for (auto* const events : {&run.further_lifts, &run.other_events}) {
    const char* const name = events == &run.other_events ? "other_events" : "further_lifts";
    if (!document.has(name)) continue;
    for (const Field& event : document[name].items(kMostListed)) {
      events->push_back(lift_of(event, kVersion));
    }
  }
}

/// Phases follow one another, those around a lift in their order.
void require_ordered(const std::vector<Field>& phases, const Run& run) {
  constexpr std::array<std::string_view, 3> kAroundLift = {"before", "transition", "after"};
  std::size_t next = 0;  // of those, what may come
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    const PhaseSpan& phase = run.phases[i];
    if (phase.end_ns < phase.begin_ns) {
      phases[i]["end_s"].fail("must not be before the phase begins");
    }
    if (i > 0 && phase.begin_ns < run.phases[i - 1].end_ns) {
      phases[i]["begin_s"].fail("must not be before the end of the phase before");
    }
    if (find_phase(run, phase.name) != i) phases[i]["name"].fail("is there twice");
    const auto place = static_cast<std::size_t>(
        std::find(kAroundLift.begin(), kAroundLift.end(), phase.name) - kAroundLift.begin());
    if (place == kAroundLift.size()) continue;
    if (place < next) phases[i]["name"].fail("must come before \"" + run.phases[i - 1].name + "\"");
    next = place + 1;
  }
}

/// What phases recorded by site is of the run's sites.
void require_site_draws(const std::vector<Field>& phases, const Run& run) {
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    const Field recorded = phases[i]["recorded"];
    const std::size_t draws = run.phases[i].draws.size();
    if (recorded.has("draws") && (draws == 0 || draws != run.fleet.sites.size())) {
      recorded["draws"].fail("must be one for each site of the fleet");
    }
  }
}

/// The series reach to the end of the last phase, those of tenants as far.
void require_long_enough(const Field& document, const Run& run) {
  const std::size_t bins = bins_of(run.series);
  if (bins > 0 && !run.phases.empty() &&
      static_cast<std::int64_t>(bins) * run.series.bin_ns < run.phases.back().end_ns) {
    document["series"]["columns"].fail("must reach to the end of the last phase");
  }
  for (std::size_t i = 0; i < run.tenants.size(); ++i) {
    for (const Column& column : run.tenants[i].columns) {
      if (column.values.size() == bins) continue;
      document["tenants"].items(kMostRecords)[i]["columns"].fail("must be as long as the series");
    }
  }
}

/// Reports rely on it.
void require_coherent(const Field& document, const Run& run) {
  const std::vector<Field> phases = document["phases"].items(kMostRecords);
  require_ordered(phases, run);
  require_site_draws(phases, run);
  require_long_enough(document, run);
  if (run.lift && run.lift->at_ns && !run.phases.empty() &&
      *run.lift->at_ns > run.phases.back().end_ns) {
    document["lift"]["at_s"].fail("must not be after the last phase");
  }
}

}  // namespace

Run read_run(std::string_view text, const std::string& source) {
  const Json json = parse_bounded(text, source);
  const Field document(json, "", source);
  const int version = version_of(document);
  Run run;
  run.scenario_name = document["scenario_name"].text();
  run.engine = document["engine"].text();
  run.seed = document["seed"].unsigned_integer();
  run.repetition = document["repetition"].count();
  run.runs = document["runs"].count();
  if (run.runs == 0) document["runs"].fail("must be above 0");
  if (version >= 3) {
    const std::string arm = document["arm"].text();
    if (arm != "lifted" && arm != "control") document["arm"].fail("must be lifted or control");
    run.control = arm == "control";
  }
  run.interrupted = document["interrupted"].flag();
  run.checks = checks_of(document["validity"]["checks"]);
  run.capacity_tokens_per_s = document["capacity"]["tokens_per_s"].optional(&Field::number);
  run.capacity_source = document["capacity"]["source"].text();
  read_since_version_4(document, run);
  if (!document["lift"].is_null()) run.lift = lift_of(document["lift"], version);
  run.totals = counts_of(document["totals"]);
  for (const Field& phase : document["phases"].items(kMostRecords)) {
    run.phases.push_back(span_of(phase, version));
  }
  const Field scenario = document["scenario"];
  if (!scenario.json().is_object()) scenario.fail("must be an object");
  run.scenario_json = scenario.json().dump();
  read_tenants(document["tenants"], version, scenario.json(), run);
  read_throttles(document["throttles"], version, run);
  if (document.has("jobs")) read_jobs(document["jobs"], run);
  run.series = series_of(document["series"]);
  if (document.has("wire")) run.wire = wire_of(document["wire"], bins_of(run.series));
  require_coherent(document, run);
  run.environment = environment_of(document["environment"]);
  return run;
}

}  // namespace tokenlift
