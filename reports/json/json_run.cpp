#include "reports/json/json_run.hpp"

#include <algorithm>
#include <cassert>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

#include "reports/analysis/summary.hpp"
#include "reports/json/json_value.hpp"
#include "reports/json/json_wire.hpp"

namespace tokenlift {
namespace {

/// Sums may exceed 64 bits and every JSON reader's numbers: they are written as text.
std::string decimal(__uint128_t value) {
  std::string digits;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

Json json_of(const Histogram& histogram) {
  std::string buckets;
  histogram.for_each_bucket([&](std::int64_t lower_ns, std::int64_t, std::uint64_t count) {
    if (!buckets.empty()) buckets += ' ';
    buckets += std::to_string(Histogram::bucket_of(lower_ns)) + ' ' + std::to_string(count);
  });
  return {{"sum_ns", decimal(histogram.sum_ns())},
          {"min_ns", histogram.empty() ? Json(nullptr) : Json(histogram.min_ns())},
          {"max_ns", histogram.empty() ? Json(nullptr) : Json(histogram.max_ns())},
          {"buckets", std::move(buckets)}};
}

std::string decimal(WideSum value) {
  return decimal(static_cast<__uint128_t>(value));
}

Json json_of(const SiteDraw& draw) {
  Json json = {{"replica_ns", decimal(draw.replica_ns)},
               {"energy_fj", decimal(draw.energy_fj)},
               {"site_energy_fj", decimal(draw.site_energy_fj)},
               {"slowed_replica_ns", decimal(draw.slowed_replica_ns)},
               {"largest_mw", draw.largest_mw}};
  if (draw.lost_replica_ns > 0) json["lost_replica_ns"] = decimal(draw.lost_replica_ns);
  if (draw.exceeded_mw > 0) {
    json["exceeded_ns"] = decimal(draw.exceeded_ns);
    json["exceeded_mw"] = draw.exceeded_mw;
  }
  if (draw.cost_microusd) json["cost_microusd"] = decimal(*draw.cost_microusd);
  if (draw.paid_replica_ns > 0) json["paid_replica_ns"] = decimal(draw.paid_replica_ns);
  return json;
}

Json recorded_of(const PhaseSpan& span) {
  Json json = {{"length_ns", decimal(span.length_ns)},
               {"replica_ns", decimal(span.replica_ns)},
               {"busy_ns", decimal(span.busy_ns)},
               {"batch_ns", decimal(span.batch_ns)},
               {"batch_room_ns", decimal(span.batch_room_ns)},
               {"resident_token_ns", decimal(span.resident_token_ns)},
               {"kv_room_token_ns", decimal(span.kv_room_token_ns)}};
  if (span.energy_fj) json["energy_fj"] = decimal(*span.energy_fj);
  if (span.site_energy_fj) json["site_energy_fj"] = decimal(*span.site_energy_fj);
  if (span.cost_microusd) json["cost_microusd"] = decimal(*span.cost_microusd);
  for (const SiteDraw& draw : span.draws) json["draws"].push_back(json_of(draw));
  return json;
}

Json fleet_phases(const Run& run) {
  const std::vector<PhaseSummary> summaries = summarize_fleet(run);
  Json phases = Json::array();
  for (std::size_t i = 0; i < summaries.size(); ++i) {
    Json phase = json_of(summaries[i]);
    phase["rates"].update(fleet_rates_of(summaries[i].rates));
    phase["recorded"] = recorded_of(run.phases[i]);
    phases.push_back(std::move(phase));
  }
  return phases;
}

Json recorded_of(const PhaseRecord& record) {
  Json histograms = Json::object();
  for (std::size_t i = 0; i < kMetrics; ++i) {
    if (record.latency[i].empty()) continue;
    histograms[std::string(name_of(static_cast<Metric>(i)))] = json_of(record.latency[i]);
  }
  Json json = {{"slo_met", record.slo_met},
               {"goodput_tokens", record.goodput_tokens},
               {"offered_input_tokens", record.offered_input_tokens},
               {"offered_output_tokens", record.offered_output_tokens},
               {"admitted_requests", record.admitted_requests},
               {"admitted_input_tokens", record.admitted_input_tokens},
               {"admitted_output_tokens", record.admitted_output_tokens},
               {"completed_requests", record.completed_requests},
               {"output_tokens", record.output_tokens},
               {"scheduled_input_tokens", record.scheduled_input_tokens},
               {"cached_input_tokens", record.cached_input_tokens},
               {"histograms", std::move(histograms)}};
  if (record.users_missed) json["users_missed"] = *record.users_missed;
  if (!record.failures.empty()) json["failures"] = record.failures;
  if (record.denied > 0) json["denied"] = record.denied;
  if (record.overloaded > 0) json["overloaded"] = record.overloaded;
  return json;
}

Json json_of(const std::vector<Column>& columns) {
  Json json = Json::object();
  for (const Column& column : columns) {
    assert(!json.contains(column.name));
    json[column.name] = column.values;
  }
  return json;
}

Json json_of(const Run& run, const TenantRecord& tenant) {
  const std::vector<PhaseSummary> summaries = summarize_tenant(run, tenant);
  Json phases = Json::array();
  for (std::size_t i = 0; i < summaries.size(); ++i) {
    Json phase = json_of(summaries[i]);
    phase["recorded"] = recorded_of(tenant.phases[i]);
    phases.push_back(std::move(phase));
  }
  Json json = {{"name", tenant.name},
               {"weight", tenant.weight},
               {"guaranteed_share", or_null(tenant.guaranteed_share)},
               {"has_objectives", tenant.has_objectives},
               {"wait_objective_s", seconds_or_null(tenant.wait_objective_ns)},
               {"open_loop", tenant.open_loop},
               {"users", tenant.users},
               {"columns", json_of(tenant.columns)},
               {"phases", std::move(phases)}};
  if (tenant.trace) {
    json["trace"] = {{"digest", tenant.trace->digest},
                     {"rows_used", tenant.trace->rows_used},
                     {"rows_skipped", tenant.trace->rows_skipped},
                     {"rows_failed", tenant.trace->rows_failed}};
  }
  return json;
}

Json json_of(const Run& run, const ThrottleRecord& throttle) {
  Json phases = Json::array();
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    const ThrottleCounts& counts = throttle.phases.at(i);
    phases.push_back({{"name", run.phases[i].name},
                      {"admitted", counts.admitted},
                      {"held", counts.held},
                      {"rejected", counts.rejected},
                      {"shadowed", counts.shadowed},
                      {"taken_microunits", decimal(counts.taken_micro)},
                      {"refunded_microunits", decimal(counts.refunded_micro)}});
  }
  Json limits = Json::array();
  for (const LimitRecord& record : throttle.limits) {
    limits.push_back(Json::array({near_seconds(record.at_ns), or_null(record.limit)}));
  }
  return {{"name", throttle.name},      {"kind", throttle.kind}, {"unit", throttle.unit},
          {"scope", throttle.scope},    {"mode", throttle.mode}, {"limits", std::move(limits)},
          {"phases", std::move(phases)}};
}

Json json_of(const Series& series) {
  Json slices = Json::array();
  for (const Histogram& slice : series.ttft_slices) {
    slices.push_back(slice.empty() ? Json(nullptr) : json_of(slice));
  }
  return {{"bin_s", near_seconds(series.bin_ns)},
          {"begin_s", 0.0},
          {"columns", json_of(series.columns)},
          {"slice_s", near_seconds(series.slice_ns)},
          {"ttft_slices", std::move(slices)}};
}

Json json_of(const LiftRecord& lift) {
  Json json = {{"at_s", seconds_or_null(lift.at_ns)},
               {"planned_s", near_seconds(lift.planned_ns)},
               {"throttle", lift.throttle},
               {"kind", lift.kind},
               {"waiting_requests", lift.waiting_requests},
               {"backlog_tokens", lift.backlog_tokens},
               {"backoff_requests", lift.backoff_requests},
               {"backoff_tokens", lift.backoff_tokens},
               {"unlock_latency_s", seconds_or_null(lift.unlock_ns)},
               {"waiter_release_lag_s", seconds_or_null(lift.release_lag_ns)},
               {"limit_tokens_per_s", or_null(lift.limit_tokens_per_s)},
               {"length_s", seconds_or_null(lift.length_ns)}};
  if (!lift.site.empty()) json["site"] = lift.site;
  if (lift.replicas) json["replicas"] = *lift.replicas;
  if (lift.call_ns) json["call_s"] = near_seconds(*lift.call_ns);
  return json;
}

/// What is not stated is not there.
Json json_of(const SiteTerms& terms) {
  Json json = {{"accelerators", terms.accelerators},
               {"states_power", terms.states_power},
               {"power_assumed", terms.power_assumed},
               {"has_price", terms.has_price},
               {"when_serving", terms.when_serving}};
  const auto add = [&](const char* key, const std::optional<double>& value) {
    if (value) json[key] = *value;
  };
  add("on_demand_usd_per_accelerator_hour", terms.on_demand_usd_per_accelerator_hour);
  add("electricity_usd_per_kwh", terms.electricity_usd_per_kwh);
  add("carbon_g_per_kwh", terms.carbon_g_per_kwh);
  return json;
}

Json json_of(const FleetRecord& fleet) {
  Json compositions = Json::array();
  for (const Composition& one : fleet.compositions) {
    Json json = {{"at_s", near_seconds(one.at_ns)}, {"replicas", one.replicas}};
    if (one.capacity_tokens_per_s) json["capacity_tokens_per_s"] = *one.capacity_tokens_per_s;
    compositions.push_back(std::move(json));
  }
  Json json = {{"sites", fleet.sites}, {"compositions", std::move(compositions)}};
  for (const SiteTerms& terms : fleet.terms) json["terms"].push_back(json_of(terms));
  return json;
}

Json json_of(const JobPhase& work, const std::string& phase) {
  Json json = {{"name", phase},
               {"steps", work.steps},
               {"lost", work.lost},
               {"step_ns", decimal(work.step_ns)},
               {"replica_ns", decimal(work.replica_ns)},
               {"stalled_ns", decimal(work.stalled_ns)}};
  if (work.energy_fj) json["energy_fj"] = decimal(*work.energy_fj);
  if (work.site_energy_fj) json["site_energy_fj"] = decimal(*work.site_energy_fj);
  return json;
}

Json json_of(const Run& run, const JobRecord& job) {
  Json phases = Json::array();
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    phases.push_back(json_of(job.phases.at(i), run.phases[i].name));
  }
  return {{"name", job.name},
          {"site", job.site},
          {"replicas", job.replicas},
          {"yields", job.yields},
          {"phases", std::move(phases)}};
}

Json capacity_of(const Run& run) {
  Json json = {{"tokens_per_s", or_null(run.capacity_tokens_per_s)},
               {"source", run.capacity_source}};
  if (run.capacity_error_tokens_per_s) {
    json["error_tokens_per_s"] = *run.capacity_error_tokens_per_s;
  }
  return json;
}

Json scenario_of(const Run& run) {
  Json scenario = Json::parse(run.scenario_json, nullptr, false);
  if (!scenario.is_object()) throw std::invalid_argument("scenario_json is not one JSON object");
  return scenario;
}

/// Quoted where it has to be.
std::string toml_key(const std::string& key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '_' || c == '-');
  });
  return bare ? key : compact_text(key);  // TOML has all escapes of JSON that are written
}

std::string toml_value(const Json& json) {
  if (!json.is_structured()) return compact_text(json);
  std::string out;
  for (const auto& [key, value] : json.items()) {
    if (value.is_null()) continue;
    if (!out.empty()) out += ", ";
    if (json.is_object()) out += toml_key(key) + " = ";
    out += toml_value(value);
  }
  if (json.is_array()) return "[" + out + "]";
  return out.empty() ? "{}" : "{ " + out + " }";
}

/// The entries of a table, a line each.
std::string toml_lines(const Json& table) {
  std::string out;
  for (const auto& [key, value] : table.items()) {
    if (!value.is_null()) out += toml_key(key) + " = " + toml_value(value) + "\n";
  }
  return out;
}

bool is_array_of_tables(const Json& json) {
  return json.is_array() && !json.empty() &&
         std::all_of(json.begin(), json.end(), [](const Json& each) { return each.is_object(); });
}

Json json_of(const RankRecord& rank) {
  Json json = {{"rank", rank.rank},
               {"start_unix_ns", decimal(rank.start_unix_ns)},
               {"start_error_s", near_seconds(rank.start_error_ns)},
               {"sent", rank.sent},
               {"generator_lag_p99_s", seconds_or_null(rank.lag_p99_ns)},
               {"generator_lag_max_s", seconds_or_null(rank.lag_max_ns)},
               {"clock_error_s", seconds_or_null(rank.clock_error_ns)}};
  if (rank.clock_offset_ns) json["clock_offset_s"] = near_seconds(*rank.clock_offset_ns);
  return json;
}

}  // namespace

std::string to_json(const Run& run) {
  std::string text;
  write_json(run, [&text](std::string_view piece) { text += piece; });
  return text;
}

void write_json(const Run& run, const std::function<void(std::string_view piece)>& sink) {
  Json throttles = Json::array();
  for (const ThrottleRecord& throttle : run.throttles) throttles.push_back(json_of(run, throttle));
  Json json = {{"schema", kRunSchema},
               {"scenario_name", run.scenario_name},
               {"engine", run.engine},
               {"seed", run.seed},
               {"repetition", run.repetition},
               {"runs", run.runs},
               {"arm", run.control ? "control" : "lifted"},
               {"interrupted", run.interrupted},
               {"validity", {{"valid", run.valid()}, {"checks", checks_of(run)}}},
               {"capacity", capacity_of(run)},
               {"lift", run.lift ? json_of(*run.lift) : Json(nullptr)},
               {"totals", json_of(run.totals)},
               {"phases", fleet_phases(run)},
               {"tenants", Json::array()},
               {"throttles", std::move(throttles)},
               {"series", json_of(run.series)},
               {"environment", json_of(run.environment)},
               {"scenario", scenario_of(run)}};
  // What was not recorded is not there.
  if (run.wire) json["wire"] = json_of(*run.wire);
  if (run.shares) {
    json["shares"] = {{"of", run.shares->of}, {"ranks", list_of(run.shares->ranks, json_of)}};
  }
  if (run.sending_bound) {
    json["sending_bound"] = {{"at_s", near_seconds(run.sending_bound->at_ns)},
                             {"bound", run.sending_bound->bound}};
  }
  if (!run.fleet.compositions.empty()) json["fleet"] = json_of(run.fleet);
  for (const JobRecord& job : run.jobs) json["jobs"].push_back(json_of(run, job));
  for (const LiftRecord& lift : run.further_lifts) json["further_lifts"].push_back(json_of(lift));
  for (const LiftRecord& event : run.other_events) json["other_events"].push_back(json_of(event));
  const LongArray tenants = {"tenants", run.tenants.size(),
                             [&](std::size_t i) { return json_of(run, run.tenants[i]); }};
  write_document(json, tenants, sink);
}

std::vector<ScenarioDifference> scenario_differences(const Run& one, const Run& other) {
  // The library finds differences of its unordered objects only.
  const auto plain = [](const Run& run) {
    nlohmann::json scenario = nlohmann::json::parse(compact_text(scenario_of(run)));
    if (scenario.contains("run") && scenario["run"].is_object()) scenario["run"].erase("seed");
    return scenario;
  };
  const nlohmann::json mine = plain(one);
  std::vector<ScenarioDifference> differences;
  for (const nlohmann::json& step : nlohmann::json::diff(mine, plain(other))) {
    const auto path = step["path"].get<std::string>();
    const nlohmann::json::json_pointer place(path);
    // What the end of an array gains has no place yet.
    const bool added = step["op"] == "add";
    differences.push_back({path, added ? "" : compact_text(mine.at(place)),
                           step.contains("value") ? compact_text(step["value"]) : ""});
  }
  return differences;
}

std::string scenario_difference(const Run& one, const Run& other) {
  const std::vector<ScenarioDifference> differences = scenario_differences(one, other);
  return differences.empty() ? "" : differences[0].path;
}

std::vector<UserGroup> user_groups(const Run& run) {
  std::vector<UserGroup> groups;
  const Json scenario = scenario_of(run);
  const auto tenants = scenario.find("tenant");
  if (tenants == scenario.end() || !tenants->is_array()) return groups;
  for (const Json& tenant : *tenants) {
    if (!tenant.is_object() || !tenant.contains("name") || !tenant["name"].is_string()) continue;
    const auto users = tenant.find("users");
    const auto arrivals = tenant.find("arrivals");
    const bool closed = arrivals != tenant.end() && arrivals->is_object() &&
                        arrivals->value("process", Json()) == "closed";
    if (!closed || (users != tenant.end() && !users->is_number_integer())) continue;
    // One user is what a scenario as resolved leaves out.
    groups.push_back({tenant["name"].get<std::string>(),
                      users == tenant.end() ? 1 : users->get<std::int64_t>()});
  }
  return groups;
}

std::vector<PowerEvent> further_power_events(const Run& run) {
  std::vector<PowerEvent> found;
  const Json scenario = scenario_of(run);
  const auto events = scenario.find("event");
  if (events == scenario.end() || !events->is_array()) return found;
  const auto measured = [](const Json& event) {
    return event.is_object() && event.value("measure", Json()) == true;
  };
  const bool any_measured = std::ranges::any_of(*events, measured);
  const auto text = [](const Json& table, const char* key) {
    const Json value = table.value(key, Json());
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  for (std::size_t i = 0; i < events->size(); ++i) {
    const Json& event = (*events)[i];
    // Without any `measure` the first one divides the run.
    if (!event.is_object() || (any_measured ? measured(event) : i == 0)) continue;
    if (text(event, "at").empty()) continue;
    const Json power = event.value("power", Json());
    const Json battery = event.value("battery", Json());
    if (power.is_object() && !text(power, "limit").empty()) {
      found.push_back({text(event, "at"), text(power, "site"), text(power, "limit"), ""});
    } else if (battery.is_object() && !text(battery, "energy").empty()) {
      found.push_back({text(event, "at"), text(battery, "site"), "", text(battery, "energy")});
    }
  }
  return found;
}

std::string scenario_toml(const Run& run) {
  const Json scenario = scenario_of(run);
  // What follows a table's heading belongs to it, so plain values come first.
  Json values = Json::object();
  std::string tables;
  for (const auto& [key, value] : scenario.items()) {
    if (value.is_object()) {
      tables += "\n[" + toml_key(key) + "]\n" + toml_lines(value);
    } else if (is_array_of_tables(value)) {
      for (const Json& each : value) tables += "\n[[" + toml_key(key) + "]]\n" + toml_lines(each);
    } else {
      values[key] = value;
    }
  }
  const std::string text = toml_lines(values) + tables;
  return text.starts_with('\n') ? text.substr(1) : text;
}

}  // namespace tokenlift
