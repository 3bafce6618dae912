#include "reports/json/json_exchange.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <cmath>
#include <optional>
#include <string_view>

#include "reports/findings/sweep_tables.hpp"
#include "reports/json/json_value.hpp"

namespace tokenlift {
namespace {

using tokenlift::json_of;

std::optional<double> value_of(const SweepReport& report, const SweepPoint& point,
                               std::string_view what) {
  const Estimate* const figure = figure_of(report, point, what);
  return figure != nullptr ? figure->value : std::nullopt;
}

bool was_run(const SweepPoint& point) {
  return point.state == PointState::steady || point.state == PointState::saturated;
}

/// Prompt tokens/s of the requests that completed.
std::optional<double> input_rate(const SweepReport& report, const SweepPoint& point) {
  const std::optional<double> requests = value_of(report, point, "completed_requests_per_s");
  if (!requests || !point.prompt_tokens) return std::nullopt;
  return *requests * *point.prompt_tokens;
}

// ----------------------------------------------------------------------------- Benchmark Report

/// Without a mean there is no such object.
void add_statistics(Json& into, const char* name, const char* units,
                    const std::optional<double>& mean) {
  if (mean) into[name] = {{"units", units}, {"mean", *mean}};
}

Json latency_of(const SweepReport& report, const SweepPoint& point) {
  struct Reported {
    const char* name;
    const char* metric;
    const char* units;
  };
  constexpr std::array<Reported, 4> kReported = {{
      {"time_to_first_token", "ttft", "ms"},
      {"time_per_output_token", "tpot", "ms/token"},
      {"inter_token_latency", "itl", "ms/token"},
      {"request_latency", "e2e", "ms"},
  }};
  Json latency = Json::object();
  for (const Reported& one : kReported) {
    const auto at = [&](const char* quantile) {
      return value_of(report, point, fmt::format("{}.{}_ms", one.metric, quantile));
    };
    add_statistics(latency, one.name, one.units, at("mean"));
    if (!latency.contains(one.name)) continue;
    for (const char* const quantile : {"p50", "p90", "p99"}) {
      if (const auto value = at(quantile)) latency[one.name][quantile] = *value;
    }
  }
  return latency;
}

Json requests_of(const SweepPoint& point) {
  Json requests = {{"total", point.requests}};
  add_statistics(requests, "input_length", "count", point.prompt_tokens);
  add_statistics(requests, "output_length", "count", point.output_tokens);
  return requests;
}

Json throughput_of(const SweepReport& report, const SweepPoint& point) {
  Json throughput = Json::object();
  const std::optional<double> input = input_rate(report, point);
  const std::optional<double> output = value_of(report, point, "throughput_tokens_per_s");
  add_statistics(throughput, "input_token_rate", "tokens/s", input);
  add_statistics(throughput, "output_token_rate", "tokens/s", output);
  if (input && output) {
    add_statistics(throughput, "total_token_rate", "tokens/s", *input + *output);
  }
  add_statistics(throughput, "request_rate", "queries/s",
                 value_of(report, point, "completed_requests_per_s"));
  return throughput;
}

Json settings_of(const SweepReport& report, const SweepPoint& point) {
  Json settings = Json::object();
  for (std::size_t i = 0; i < report.axes.size(); ++i) {
    settings[report.axes[i].key] = point.values[i];
  }
  return settings;
}

/// Nothing where the mean prompt is not known, which it must say.
std::optional<Json> load_of(const SweepReport& report, const SweepPoint& point, std::size_t stage) {
  if (!point.prompt_tokens) return std::nullopt;
  const auto length = [](double mean) { return Json{{"distribution", "other"}, {"value", mean}}; };
  Json standardized = {{"tool", "tokenlift"},
                       {"tool_version", report.tokenlift_version},
                       {"source", "random"},
                       {"stage", stage},
                       {"input_seq_len", length(*point.prompt_tokens)}};
  if (point.output_tokens) standardized["output_seq_len"] = length(*point.output_tokens);
  const std::optional<double> rate = value_of(report, point, "offered_requests_per_s");
  if (rate && *rate > 0) standardized["rate_qps"] = *rate;
  return Json{{"metadata", {{"cfg_id", report.settings_digest}}},
              {"standardized", std::move(standardized)},
              {"native", {{"args", settings_of(report, point)}}}};
}

Json fleet_component(const SweepReport& report, const SweepPoint& point) {
  const PointFleet& fleet = point.fleet;
  Json standardized = {{"tool", "tokenlift engine " + report.engine},
                       {"tool_version", report.tokenlift_version}};
  if (fleet.accelerator.empty() || fleet.replicas < 1) {
    standardized["kind"] = "generic";
    standardized["profile"] = fleet.profile;
  } else {
    standardized["kind"] = "inference_engine";
    standardized["role"] = "replica";
    standardized["replicas"] = fleet.replicas;
    standardized["model"] = {{"name", fleet.profile}};
    standardized["accelerator"] = {
        {"model", fleet.accelerator},
        {"count", fleet.replicas * fleet.accelerators_per_replica},
        {"parallelism", {{"dp", 1}, {"ep", 1}, {"pp", 1}, {"tp", fleet.accelerators_per_replica}}}};
  }
  return {{"metadata", {{"label", "fleet"}, {"cfg_id", report.settings_digest}}},
          {"standardized", std::move(standardized)},
          {"native", Json::object()}};
}

Json benchmark_report(const SweepReport& report, const SweepPoint& point, std::size_t stage) {
  const std::string label = point_label(report, point);
  const std::string experiment = report.settings_digest + "/" + report.started_at;
  Json run = {{"uid", experiment + "/" + label},
              {"eid", experiment},
              {"description", report.scenario + ": " + label},
              {"keywords", Json::array({"tokenlift", std::string(name_of(point.state))})}};
  if (!report.started_at.empty()) run["time"] = {{"start", report.started_at}};
  Json scenario = {{"stack", Json::array({fleet_component(report, point)})}};
  if (std::optional<Json> load = load_of(report, point, stage)) scenario["load"] = *std::move(load);
  Json aggregate = {{"requests", requests_of(point)},
                    {"latency", latency_of(report, point)},
                    {"throughput", throughput_of(report, point)}};
  return {{"version", "0.2"},
          {"run", std::move(run)},
          {"scenario", std::move(scenario)},
          {"results", {{"request_performance", {{"aggregate", std::move(aggregate)}}}}}};
}

// ------------------------------------------------------------------------------------ flat rows

/// "H100 SXM5" as "h100-sxm5".
std::string hardware_word(const std::string& name) {
  std::string word;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    word += std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '-';
  }
  return word;
}

std::string precision_of(const PointFleet& fleet) {
  if (fleet.bytes_per_parameter == 2) return "bf16";
  if (fleet.bytes_per_parameter == 1) return "fp8";
  if (fleet.bytes_per_parameter == 0.5) return "fp4";
  return "unknown";
}

void add_latencies(const SweepReport& report, const SweepPoint& point, Json& row) {
  constexpr std::array<std::pair<const char*, const char*>, 4> kMetricNames = {
      {{"ttft", "ttft"}, {"tpot", "tpot"}, {"itl", "itl"}, {"e2e", "e2el"}}};
  constexpr std::array<std::pair<const char*, const char*>, 4> kStatistics = {
      {{"mean", "mean"}, {"p50", "median"}, {"p90", "p90"}, {"p99", "p99"}}};
  for (const auto& [metric, name] : kMetricNames) {
    for (const auto& [quantile, statistic] : kStatistics) {
      const auto ms = value_of(report, point, fmt::format("{}.{}_ms", metric, quantile));
      if (!ms) continue;
      row[fmt::format("{}_{}", statistic, name)] = *ms / 1000;
      if (std::string_view(metric) != "tpot" || *ms <= 0) continue;
      row[fmt::format("{}_intvty", statistic)] = 1000 / *ms;
    }
  }
}

std::optional<Json> flat_row(const SweepReport& report, const SweepPoint& point) {
  const std::optional<double> output = value_of(report, point, "throughput_tokens_per_s");
  const bool complete = point.state == PointState::steady && output && point.accelerators &&
                        *point.accelerators > 0 && !point.fleet.accelerator.empty();
  if (!complete) return std::nullopt;
  const double count = *point.accelerators;
  Json row = settings_of(report, point);
  row["hw"] = hardware_word(point.fleet.accelerator);
  row["model"] = point.fleet.profile;
  row["framework"] = "tokenlift-" + report.engine;
  row["precision"] = precision_of(point.fleet);
  row["is_multinode"] = false;
  row["disagg"] = false;
  row["spec_decoding"] = "none";
  row["tp"] = point.fleet.accelerators_per_replica;
  row["ep"] = 1;
  row["dp_attention"] = false;
  const std::optional<double> requests = value_of(report, point, "completed_requests_per_s");
  const std::optional<double> e2e_ms = value_of(report, point, "e2e.mean_ms");
  if (requests && e2e_ms) row["conc"] = std::llround(*requests * *e2e_ms / 1000);
  if (point.prompt_tokens) row["isl"] = std::llround(*point.prompt_tokens);
  if (point.output_tokens) row["osl"] = std::llround(*point.output_tokens);
  const std::optional<double> input = input_rate(report, point);
  if (input) row["tput_per_gpu"] = (*input + *output) / count;
  row["output_tput_per_gpu"] = *output / count;
  if (input) row["input_tput_per_gpu"] = *input / count;
  add_latencies(report, point, row);
  return row;
}

}  // namespace

std::string to_benchmark_reports(const SweepReport& report) {
  std::string out;
  for (std::size_t i = 0; i < report.points.size(); ++i) {
    if (!was_run(report.points[i])) continue;
    out += "---\n" + document(benchmark_report(report, report.points[i], i));
  }
  return out;
}

std::string to_flat_rows(const SweepReport& report) {
  Json rows = Json::array();
  for (const SweepPoint& point : report.points) {
    if (std::optional<Json> row = flat_row(report, point)) rows.push_back(*std::move(row));
  }
  return document(rows);
}

}  // namespace tokenlift
