// Result files of other load generators, in small: written here by what their projects document.

#include "reports/json/json_client.hpp"

#include <gtest/gtest.h>

#include <string>

#include "reports/json/json_run.hpp"

namespace tokenlift::json_client_test {
namespace {

RunView view_of(const std::string& text) {
  return read_client_result(text, "client.json").value();
}

std::string mistake_in(const std::string& text) {
  try {
    read_client_result(text, "client.json");
  } catch (const RunFileError& error) {
    return error.position() + ": " + error.reason();
  }
  return "none";
}

TEST(ClientResult, OfVllmsBench) {
  const RunView view = view_of(R"({"date": "20261130-120000", "num_prompts": 100, "completed": 90,
    "total_input_tokens": 6400, "total_output_tokens": 1800, "request_throughput": 9.5,
    "mean_ttft_ms": 20.5, "median_ttft_ms": 19.0, "std_ttft_ms": 3.1, "p99_ttft_ms": 44.25,
    "median_tpot_ms": 7.0, "median_itl_ms": 6.5, "p90_itl_ms": 8.0, "mean_e2el_ms": 155.0})");
  EXPECT_EQ(view.maker, "vLLM bench");
  EXPECT_EQ(view.completed, 90U);
  EXPECT_EQ(view.failed, 10U) << "older files do not state it";
  EXPECT_EQ(view.output_tokens, 1800U);
  EXPECT_FALSE(view.refused);
  EXPECT_EQ(view.latency_ns(Metric::ttft, Statistic::mean), 20.5e6);
  EXPECT_EQ(view.latency_ns(Metric::ttft, Statistic::p50), 19e6);
  EXPECT_EQ(view.latency_ns(Metric::ttft, Statistic::p99), 44.25e6);
  EXPECT_EQ(view.latency_ns(Metric::tpot, Statistic::p50), 7e6);
  EXPECT_EQ(view.latency_ns(Metric::itl, Statistic::p90), 8e6);
  EXPECT_EQ(view.latency_ns(Metric::e2e, Statistic::mean), 155e6);
  EXPECT_FALSE(view.latency_ns(Metric::e2e, Statistic::p50));
  EXPECT_EQ(view.latencies.size(), 7U);
  const RunView newer = view_of(R"({"num_prompts": 100, "completed": 90, "failed": 7,
    "total_output_tokens": 1800, "request_throughput": 9.5})");
  EXPECT_EQ(newer.failed, 7U);
}

TEST(ClientResult, OfGuidellm) {
  const RunView view = view_of(R"({"metadata": {"version": 1}, "benchmarks": [{"metrics": {
    "request_totals": {"successful": 90, "incomplete": 4, "errored": 6, "total": 100},
    "time_to_first_token_ms": {"successful": {"mean": 20.5, "median": 19.0,
        "percentiles": {"p50": 19.0, "p90": 30.0, "p95": 35.0, "p99": 44.25}}, "errored": null},
    "inter_token_latency_ms": {"successful": {"mean": 7.25, "percentiles": {"p50": 7.0}}},
    "request_latency": {"successful": {"mean": 0.155, "percentiles": {"p99": 0.3}}}}}]})");
  EXPECT_EQ(view.maker, "GuideLLM");
  EXPECT_EQ(view.completed, 90U);
  EXPECT_EQ(view.failed, 10U);
  EXPECT_EQ(view.latency_ns(Metric::ttft, Statistic::p95), 35e6);
  EXPECT_EQ(view.latency_ns(Metric::tpot, Statistic::p50), 7e6) << "a mean over a request's gaps";
  EXPECT_FALSE(view.latency_ns(Metric::itl, Statistic::p50));
  EXPECT_EQ(view.latency_ns(Metric::e2e, Statistic::p99), 0.3e9) << "in seconds";
  EXPECT_EQ(mistake_in(R"({"benchmarks": [{}, {}]})"),
            "/benchmarks: has 2 benchmarks, and a server's run is one: run GuideLLM with one rate");
  EXPECT_EQ(mistake_in(R"({"benchmarks": [{"metrics": {}}]})"),
            "/benchmarks/0/metrics: the key \"request_totals\" is missing");
}

TEST(ClientResult, OfAiperf) {
  const std::string metrics = R"({"request_count": {"unit": "requests", "avg": 90.0},
    "error_request_count": {"unit": "requests", "avg": 10.0},
    "output_sequence_length": {"unit": "tokens", "avg": 20.0, "sum": 1800},
    "time_to_first_token": {"unit": "ms", "avg": 20.5, "p50": 19.0, "p99": 44.25, "std": 3.0},
    "inter_token_latency": {"unit": "ms", "avg": 7.25, "p50": 7.0},
    "inter_chunk_latency": {"unit": "us", "p50": 6500.0},
    "request_latency": {"unit": "sec", "p50": 0.15}})";
  for (const std::string& text : {metrics, R"({"records": )" + metrics + "}"}) {
    const RunView view = view_of(text);
    EXPECT_EQ(view.maker, "AIPerf");
    EXPECT_EQ(view.completed, 90U);
    EXPECT_EQ(view.failed, 10U);
    EXPECT_EQ(view.output_tokens, 1800U);
    EXPECT_EQ(view.latency_ns(Metric::ttft, Statistic::mean), 20.5e6);
    EXPECT_EQ(view.latency_ns(Metric::tpot, Statistic::p50), 7e6);
    EXPECT_EQ(view.latency_ns(Metric::itl, Statistic::p50), 6.5e6);
    EXPECT_EQ(view.latency_ns(Metric::e2e, Statistic::p50), 150e6);
  }
  EXPECT_EQ(view_of(R"({"request_latency": {"unit": "ms", "avg": 1}})").failed, 0U);
  EXPECT_EQ(mistake_in(R"({"request_latency": {"unit": "min", "avg": 1}})"),
            "/request_latency/unit: must be ns, us, ms or sec");
}

TEST(ClientResult, OfNobodyKnownOrDamaged) {
  EXPECT_FALSE(read_client_result(R"({"schema": "tokenlift.run/4"})", "run.json"));
  EXPECT_TRUE(mistake_in("{}").starts_with(": is none of what an audit reads"));
  EXPECT_TRUE(mistake_in("[]").starts_with(": is none of what an audit reads"));
  EXPECT_EQ(mistake_in("{"), "line 1, column 2: ends too early");
  const std::string vllm = R"({"total_output_tokens": 1, "request_throughput": 1, "completed": )";
  EXPECT_EQ(mistake_in(vllm + "-1}"), "/completed: must be a number from 0");
  EXPECT_EQ(mistake_in(vllm + "1.5}"), "/completed: must be an integer from 0 to 2^53");
  EXPECT_EQ(mistake_in(vllm + R"(1, "mean_ttft_ms": "x"})"), "/mean_ttft_ms: must be a number");
}

}  // namespace
}  // namespace tokenlift::json_client_test
