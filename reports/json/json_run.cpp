#include "reports/json/json_run.hpp"

#include <algorithm>
#include <cassert>
#include <nlohmann/json.hpp>
#include <utility>

#include "reports/analysis/summary.hpp"
#include "reports/json/json_value.hpp"

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
  Json buckets = Json::array();
  histogram.for_each_bucket([&](std::int64_t lower_ns, std::int64_t, std::uint64_t count) {
    buckets.push_back(Json::array({Histogram::bucket_of(lower_ns), count}));
  });
  return {{"sum_ns", decimal(histogram.sum_ns())},
          {"min_ns", histogram.empty() ? Json(nullptr) : Json(histogram.min_ns())},
          {"max_ns", histogram.empty() ? Json(nullptr) : Json(histogram.max_ns())},
          {"buckets", std::move(buckets)}};
}

Json fleet_phases(const Run& run) {
  const std::vector<PhaseSummary> summaries = summarize_fleet(run);
  Json phases = Json::array();
  for (std::size_t i = 0; i < summaries.size(); ++i) {
    Json phase = json_of(summaries[i]);
    phase["rates"]["utilisation"] = or_null(summaries[i].rates.utilisation);
    phase["rates"]["batch_mean"] = or_null(summaries[i].rates.batch_mean);
    const PhaseSpan& span = run.phases[i];
    phase["recorded"] = {{"length_ns", static_cast<std::int64_t>(span.length_ns)},
                         {"replica_ns", static_cast<std::int64_t>(span.replica_ns)},
                         {"busy_ns", static_cast<std::int64_t>(span.busy_ns)},
                         {"batch_ns", static_cast<double>(span.batch_ns)}};
    phases.push_back(std::move(phase));
  }
  return phases;
}

Json recorded_of(const PhaseRecord& record) {
  Json histograms;
  for (std::size_t i = 0; i < kMetrics; ++i) {
    const auto metric = static_cast<Metric>(i);
    if (metric == Metric::network) continue;
    histograms[std::string(name_of(metric))] = json_of(record.latency[i]);
  }
  return {{"slo_met", record.slo_met},
          {"goodput_tokens", record.goodput_tokens},
          {"offered_input_tokens", record.offered_input_tokens},
          {"offered_output_tokens", record.offered_output_tokens},
          {"admitted_requests", record.admitted_requests},
          {"admitted_input_tokens", record.admitted_input_tokens},
          {"admitted_output_tokens", record.admitted_output_tokens},
          {"completed_requests", record.completed_requests},
          {"output_tokens", record.output_tokens},
          {"histograms", std::move(histograms)}};
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
  return {{"name", tenant.name},
          {"weight", tenant.weight},
          {"guaranteed_share", or_null(tenant.guaranteed_share)},
          {"columns", json_of(tenant.columns)},
          {"phases", std::move(phases)}};
}

Json json_of(const Run& run, const ThrottleRecord& throttle) {
  Json phases = Json::array();
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    Json phase = {{"name", run.phases[i].name}};
    phase.update(json_of(throttle.phases.at(i)));
    phases.push_back(std::move(phase));
  }
  Json limits = Json::array();
  for (const LimitRecord& record : throttle.limits) {
    limits.push_back(Json::array({seconds(record.at_ns), or_null(record.limit)}));
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
  return {{"bin_s", seconds(series.bin_ns)},
          {"begin_s", 0.0},
          {"columns", json_of(series.columns)},
          {"slice_s", seconds(series.slice_ns)},
          {"ttft_slices", std::move(slices)}};
}

Json lift_of(const Run& run) {
  if (!run.lift) return nullptr;
  const LiftRecord& lift = *run.lift;
  return {{"at_s", seconds_or_null(lift.at_ns)},
          {"planned_s", seconds(lift.planned_ns)},
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
}

Json scenario_of(const Run& run) {
  Json scenario = Json::parse(run.scenario_json, nullptr, false);
  if (!scenario.is_object()) throw std::invalid_argument("scenario_json is not one JSON object");
  return scenario;
}

/// A key or a string. JSON escapes and TOML's are the same but for DEL, which TOML wants escaped.
std::string toml_string(const Json& text) {
  std::string out;
  for (const char c : compact_text(text)) {
    if (c == '\x7f') {
      out += "\\u007F";
    } else {
      out += c;
    }
  }
  return out;
}

std::string toml_value(const Json& json) {
  if (json.is_string()) return toml_string(json);
  if (!json.is_structured()) return compact_text(json);
  std::string out;
  for (const auto& [key, value] : json.items()) {
    if (value.is_null()) continue;
    if (!out.empty()) out += ", ";
    if (json.is_object()) out += toml_string(key) + " = ";
    out += toml_value(value);
  }
  if (json.is_array()) return "[" + out + "]";
  return out.empty() ? "{}" : "{ " + out + " }";
}

}  // namespace

std::string to_json(const Run& run) {
  Json tenants = Json::array();
  for (const TenantRecord& tenant : run.tenants) tenants.push_back(json_of(run, tenant));
  Json throttles = Json::array();
  for (const ThrottleRecord& throttle : run.throttles) throttles.push_back(json_of(run, throttle));
  const Json json = {
      {"schema", kRunSchema},
      {"scenario_name", run.scenario_name},
      {"engine", run.engine},
      {"seed", run.seed},
      {"repetition", run.repetition},
      {"runs", run.runs},
      {"arm", run.control ? "control" : "lifted"},
      {"interrupted", run.interrupted},
      {"validity", {{"valid", run.valid()}, {"checks", checks_of(run)}}},
      {"capacity",
       {{"tokens_per_s", or_null(run.capacity_tokens_per_s)}, {"source", run.capacity_source}}},
      {"lift", lift_of(run)},
      {"totals", json_of(run.totals)},
      {"phases", fleet_phases(run)},
      {"tenants", std::move(tenants)},
      {"throttles", std::move(throttles)},
      {"series", json_of(run.series)},
      {"environment", json_of(run.environment)},
      {"scenario", scenario_of(run)}};
  return document(json);
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

std::string scenario_toml(const Run& run) {
  const Json scenario = scenario_of(run);
  std::string out;
  for (const auto& [key, value] : scenario.items()) {
    if (!value.is_null()) out += toml_string(key) + " = " + toml_value(value) + "\n";
  }
  return out;
}

}  // namespace tokenlift
