#include "reports/json_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <nlohmann/json.hpp>
#include <utility>

#include "reports/summary.hpp"

namespace tokenlift {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

Json seconds_or_null(const std::optional<std::int64_t>& ns) {
  return ns ? Json(seconds(*ns)) : Json(nullptr);
}

template <typename T>
Json milliseconds_or_null(const std::optional<T>& ns) {
  return ns ? Json(static_cast<double>(*ns) / 1e6) : Json(nullptr);
}

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

Json json_of(const Counts& counts) {
  return {{"due", counts.due},
          {"completed", counts.completed},
          {"rejected", counts.rejected},
          {"expired", counts.expired},
          {"cancelled", counts.cancelled},
          {"failed", counts.failed},
          {"in_flight", counts.in_flight}};
}

Json json_of(const LatencySummary& latency) {
  Json json = {{"count", latency.count}, {"mean", milliseconds_or_null(latency.mean_ns)}};
  Json unsupported = Json::array();
  for (const int permille : kPermilles) {
    const std::string name(percentile_name(permille));
    json[name] = milliseconds_or_null(latency.at(permille));
    if (latency.at(permille)) continue;
    unsupported.push_back(
        fmt::format("{}: needs {} samples, has {}", name, samples_needed(permille), latency.count));
  }
  json["max"] = milliseconds_or_null(latency.max_ns);
  json["unsupported"] = std::move(unsupported);
  return json;
}

/// What fleet and tenants have in common. Rates of the fleet are added by the caller.
Json json_of(const PhaseSummary& phase) {
  const Rates& rates = phase.rates;
  Json hidden_by = Json::array();
  for (const int permille : kPermilles) {
    if (phase.hides_unserved(permille)) hidden_by.push_back(percentile_name(permille));
  }
  Json json = {
      {"name", phase.name},
      {"begin_s", seconds(phase.begin_ns)},
      {"end_s", seconds(phase.end_ns)},
      {"counts", json_of(phase.counts)},
      {"sent", phase.sent},
      {"held", phase.held},
      {"attempts", phase.attempts},
      {"wasted_tokens", phase.wasted_tokens},
      {"unserved", {{"share", or_null(phase.unserved())}, {"hidden_by", std::move(hidden_by)}}},
      {"rates",
       {{"offered_requests_per_s", or_null(rates.offered_requests_per_s)},
        {"admitted_requests_per_s", or_null(rates.admitted_requests_per_s)},
        {"completed_requests_per_s", or_null(rates.completed_requests_per_s)},
        {"offered_tokens_per_s", or_null(rates.offered_tokens_per_s)},
        {"throughput_tokens_per_s", or_null(rates.throughput_tokens_per_s)},
        {"goodput_tokens_per_s", or_null(rates.goodput_tokens_per_s)},
        {"attainment", or_null(rates.attainment)},
        {"retry_amplification", or_null(rates.retry_amplification)}}}};
  Json& latency = json["latency_ms"];
  for (std::size_t i = 0; i < kMetrics; ++i) {
    latency[std::string(name_of(static_cast<Metric>(i)))] = json_of(phase.latency[i]);
  }
  return json;
}

Json fleet_phases(const Run& run) {
  const std::vector<PhaseSummary> summaries = summarize_fleet(run);
  Json phases = Json::array();
  for (std::size_t i = 0; i < summaries.size(); ++i) {
    Json phase = json_of(summaries[i]);
    phase["rates"]["utilisation"] = or_null(summaries[i].rates.utilisation);
    phase["rates"]["batch_mean"] = or_null(summaries[i].rates.batch_mean);
    const PhaseSpan& span = run.phases[i];
    phase["recorded"] = {{"length_ns", span.length_ns},
                         {"replica_ns", span.replica_ns},
                         {"busy_ns", span.busy_ns},
                         {"batch_ns", span.batch_ns}};
    phases.push_back(std::move(phase));
  }
  return phases;
}

Json recorded_of(const PhaseRecord& record) {
  Json histograms;
  for (std::size_t i = 0; i < kMetrics; ++i) {
    histograms[std::string(name_of(static_cast<Metric>(i)))] = json_of(record.latency[i]);
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
    const ThrottleCounts& counts = throttle.phases.at(i);
    phases.push_back({{"name", run.phases[i].name},
                      {"admitted", counts.admitted},
                      {"held", counts.held},
                      {"rejected", counts.rejected},
                      {"shadowed", counts.shadowed},
                      {"taken_units", counts.taken_units},
                      {"refunded_units", counts.refunded_units}});
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

Json json_of(const Environment& environment) {
  return {{"tokenlift_version", environment.tokenlift_version},
          {"compiler", environment.compiler},
          {"build_type", environment.build_type},
          {"cpu", environment.cpu},
          {"cores", environment.cores},
          {"memory_bytes", environment.memory_bytes},
          {"os", environment.os},
          {"decoder_precision", environment.decoder_precision},
          {"started_at", environment.started_at},
          {"command", environment.command}};
}

Json validity_of(const Run& run) {
  Json checks = Json::array();
  for (const Check& check : run.checks) {
    checks.push_back({{"name", check.name},
                      {"value", or_null(check.value)},
                      {"limit", check.limit},
                      {"passed", check.passed},
                      {"advice", check.advice}});
  }
  return {{"valid", run.valid()}, {"checks", std::move(checks)}};
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
          {"surplus_tokens_per_s", or_null(lift.surplus_tokens_per_s)}};
}

Json scenario_of(const Run& run) {
  Json scenario = Json::parse(run.scenario_json, nullptr, false);
  if (!scenario.is_object()) throw std::invalid_argument("scenario_json is not one JSON object");
  return scenario;
}

std::string compact(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool holds_objects(const Json& array) {
  return std::any_of(array.begin(), array.end(), [](const Json& item) { return item.is_object(); });
}

/// Readable and small: what fits a line, and arrays of numbers, however long, take one line.
void print(const Json& json, std::size_t indent, std::string& out) {
  constexpr std::size_t kColumns = 100;
  const std::string line = compact(json);
  const bool splits = json.is_object() || (json.is_array() && holds_objects(json));
  if (!splits || indent + line.size() <= kColumns) {
    out += line;
    return;
  }
  out += json.is_object() ? '{' : '[';
  const char* separator = "\n";
  for (const auto& [key, value] : json.items()) {
    out += separator;
    out.append(indent + 2, ' ');
    if (json.is_object()) out += compact(key) + ": ";
    print(value, indent + 2, out);
    separator = ",\n";
  }
  out += '\n';
  out.append(indent, ' ');
  out += json.is_object() ? '}' : ']';
}

/// A key or a string. JSON escapes and TOML's are the same but for DEL, which TOML wants escaped.
std::string toml_string(const Json& text) {
  std::string out;
  for (const char c : compact(text)) {
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
  if (!json.is_structured()) return compact(json);
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
      {"validity", validity_of(run)},
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
  std::string out;
  print(json, 0, out);
  out += '\n';
  return out;
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
