#include "reports/json/json_client.hpp"

#include <array>
#include <cmath>
#include <utility>

#include "reports/json/json_field.hpp"

namespace tokenlift {

namespace {

constexpr double kMsInNs = 1e6;
constexpr double kSecondInNs = 1e9;

void add_latency(const Field& of, const std::string& key, double unit_ns, Metric metric,
                 Statistic statistic, RunView& view) {
  if (!of.has(key.c_str()) || of[key].is_null()) return;
  view.latencies.push_back({metric, statistic, of[key].amount_of_units() * unit_ns});
}

/// Some count with a fraction of .0, as Python and pydantic write them.
std::uint64_t count_in(const Field& field) {
  const double value = field.amount_of_units();
  if (value > static_cast<double>(kMaxInteger) || value != std::floor(value)) {
    field.fail("must be an integer from 0 to 2^53");
  }
  return static_cast<std::uint64_t>(value);
}

std::optional<std::uint64_t> count_at(const Field& of, const char* key) {
  if (!of.has(key) || of[key].is_null()) return std::nullopt;
  return count_in(of[key]);
}

// ------------------------------------------------------------------------------------------ vLLM

bool is_vllm(const Field& root) {
  return root.has("completed") && root.has("request_throughput") && root.has("total_output_tokens");
}

RunView read_vllm(const Field& root) {
  RunView view;
  view.maker = "vLLM bench";
  view.completed = count_in(root["completed"]);
  view.output_tokens = count_in(root["total_output_tokens"]);
  view.failed = count_at(root, "failed");
  const auto asked = count_at(root, "num_prompts");
  if (!view.failed && asked && *asked >= *view.completed) view.failed = *asked - *view.completed;
  constexpr std::array<std::pair<const char*, Metric>, 4> kMetricNames = {{{"ttft", Metric::ttft},
                                                                           {"tpot", Metric::tpot},
                                                                           {"itl", Metric::itl},
                                                                           {"e2el", Metric::e2e}}};
  constexpr std::array<std::pair<const char*, Statistic>, 5> kStatisticNames = {
      {{"mean", Statistic::mean},
       {"median", Statistic::p50},
       {"p90", Statistic::p90},
       {"p95", Statistic::p95},
       {"p99", Statistic::p99}}};
  for (const auto& [metric_name, metric] : kMetricNames) {
    for (const auto& [statistic_name, statistic] : kStatisticNames) {
      const std::string key = fmt::format("{}_{}_ms", statistic_name, metric_name);
      add_latency(root, key, kMsInNs, metric, statistic, view);
    }
  }
  return view;
}

// -------------------------------------------------------------------------------------- GuideLLM

RunView read_guidellm(const Field& root) {
  constexpr std::size_t kMostBenchmarks = 10'000;
  const std::vector<Field> all = root["benchmarks"].items(kMostBenchmarks);
  if (all.size() != 1) {
    root["benchmarks"].fail(fmt::format(
        "has {} benchmarks, and a server's run is one: run GuideLLM with one rate", all.size()));
  }
  const Field metrics = all[0]["metrics"];
  const Field totals = metrics["request_totals"];
  RunView view;
  view.maker = "GuideLLM";
  view.completed = count_in(totals["successful"]);
  view.failed = count_in(totals["errored"]) + count_in(totals["incomplete"]);
  const auto add = [&](const char* name, double unit_ns, Metric metric) {
    if (!metrics.has(name) || !metrics[name].has("successful")) return;
    const Field of = metrics[name]["successful"];
    if (of.is_null()) return;
    add_latency(of, "mean", unit_ns, metric, Statistic::mean, view);
    if (!of.has("percentiles")) return;
    for (const Statistic s : {Statistic::p50, Statistic::p90, Statistic::p95, Statistic::p99}) {
      add_latency(of["percentiles"], std::string(name_of(s)), unit_ns, metric, s, view);
    }
  };
  add("time_to_first_token_ms", kMsInNs, Metric::ttft);
  add("inter_token_latency_ms", kMsInNs, Metric::tpot);
  add("request_latency", kSecondInNs, Metric::e2e);
  return view;
}

// ---------------------------------------------------------------------------------------- AIPerf

double unit_ns(const Field& metric) {
  const std::string unit = metric["unit"].text();
  constexpr std::array<std::pair<std::string_view, double>, 6> kUnits = {
      {{"ns", 1},
       {"us", 1e3},
       {"ms", kMsInNs},
       {"sec", kSecondInNs},
       {"s", kSecondInNs},
       {"seconds", kSecondInNs}}};
  for (const auto& [name, ns] : kUnits) {
    if (name == unit) return ns;
  }
  metric["unit"].fail("must be ns, us, ms or sec");
}

/// Older files have all metrics in "records".
bool is_aiperf(const Field& root) {
  if (root.has("records")) return is_aiperf(root["records"]);
  return root.has("request_latency") && root["request_latency"].has("unit");
}

RunView read_aiperf(const Field& root) {
  if (root.has("records")) return read_aiperf(root["records"]);
  RunView view;
  view.maker = "AIPerf";
  if (root.has("request_count")) view.completed = count_in(root["request_count"]["avg"]);
  view.failed = 0;  // is left out where there is none
  if (root.has("error_request_count")) view.failed = count_in(root["error_request_count"]["avg"]);
  if (root.has("output_sequence_length")) {
    view.output_tokens = count_at(root["output_sequence_length"], "sum");
  }
  const auto add = [&](const char* name, Metric metric) {
    if (!root.has(name)) return;
    const Field of = root[name];
    const double unit = unit_ns(of);
    add_latency(of, "avg", unit, metric, Statistic::mean, view);
    for (const Statistic s : {Statistic::p50, Statistic::p90, Statistic::p95, Statistic::p99}) {
      add_latency(of, std::string(name_of(s)), unit, metric, s, view);
    }
  };
  add("time_to_first_token", Metric::ttft);
  add("inter_token_latency", Metric::tpot);
  add("inter_chunk_latency", Metric::itl);
  add("request_latency", Metric::e2e);
  return view;
}

}  // namespace

std::optional<RunView> read_client_result(std::string_view text, const std::string& source) {
  const Json json = parse_bounded(text, source);
  const Field root(json, "", source);
  if (root.has("schema") && root["schema"].json().is_string() &&
      root["schema"].text().starts_with("tokenlift.")) {
    return std::nullopt;
  }
  if (is_vllm(root)) return read_vllm(root);
  if (root.has("benchmarks") && root["benchmarks"].json().is_array()) return read_guidellm(root);
  if (is_aiperf(root)) return read_aiperf(root);
  root.fail(
      "is none of what an audit reads: run.json of tokenlift, the result of vllm bench serve "
      "--save-result, GuideLLM's benchmarks.json, AIPerf's profile_export_aiperf.json");
}

}  // namespace tokenlift
