#include "reports/json/json_sweep.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "reports/json/json_exchange.hpp"
#include "reports/json/json_run.hpp"
#include "reports/json/json_suite.hpp"
#include "tests/reports/findings/sample_suites.hpp"
#include "tests/reports/findings/sample_sweeps.hpp"
#include "tests/reports/json/schema.hpp"

namespace tokenlift::json_sweep_test {
namespace {

using Json = nlohmann::ordered_json;

std::string refusal(const Json& json) {
  try {
    read_sweep(json.dump(), "sweep.json");
  } catch (const RunFileError& error) {
    return error.position() + "|" + error.reason();
  }
  return "";
}

TEST(JsonSweep, IsValidBySchemaForEverySample) {
  EXPECT_EQ(validate_json("sweep.schema.json",
                          {to_json(sample_sweep()), to_json(sample_sizing()),
                           to_json(sample_grid()), to_json(sample_panels()),
                           to_json(hostile_sweep()), to_json(sweep_without_points())}),
            0);
}

TEST(JsonSweep, ReadsBackWhatItHasWritten) {
  for (const SweepReport& report :
       {sample_sweep(), sample_sizing(), sample_grid(), sample_panels(), hostile_sweep()}) {
    const std::string text = to_json(report);
    EXPECT_EQ(to_json(read_sweep(text, "sweep.json")), text);
  }
}

TEST(JsonSweep, ReadsWhatVersionsBeforeHaveWritten) {
  Json json = Json::parse(to_json(sample_sweep()));
  json.erase("first_scenario");
  for (Json& point : json["points"]) {
    for (const char* const key :
         {"shortened", "prompt_tokens", "output_tokens", "fleet", "by_run"}) {
      point.erase(key);
    }
  }
  const SweepReport report = read_sweep(json.dump(), "sweep.json");
  EXPECT_EQ(report.points.size(), sample_sweep().points.size());
  EXPECT_TRUE(report.points[0].by_run.figures.empty());
}

TEST(JsonSweep, KeepsTheScenarioOfItsFirstPoint) {
  SweepReport report = sample_sweep();
  report.scenario_json = R"({"name":"hall","run":{"seed":1}})";
  const SweepReport read = read_sweep(to_json(report), "sweep.json");
  EXPECT_EQ(Json::parse(read.scenario_json), Json::parse(report.scenario_json));
  EXPECT_TRUE(read_sweep(to_json(sample_sweep()), "sweep.json").scenario_json.empty());
}

/// The keys that the schema of Benchmark Report 0.2 has (llm-d-benchmark), which allows no others.
void expect_known(const Json& object, const std::vector<std::string>& keys) {
  for (const auto& [key, value] : object.items()) {
    EXPECT_NE(std::find(keys.begin(), keys.end(), key), keys.end()) << key;
  }
}

TEST(JsonSuite, IsValidBySchemaForEverySample) {
  EXPECT_EQ(
      validate_json("suite.schema.json", {to_json(sample_suite()), to_json(suite_with_sweep()),
                                          to_json(hostile_suite())}),
      0);
  const SuiteIndex index = read_suite(to_json(suite_with_sweep()), "suite.json");
  ASSERT_EQ(index.cases.size(), 2U);
  EXPECT_FALSE(index.cases[0].is_sweep);
  EXPECT_TRUE(index.cases[1].is_sweep);
}

TEST(Exchange, BenchmarkReportsHaveWhatTheirSchemaAsksForAndNothingElse) {
  const SweepReport report = sample_sweep();
  const std::string text = to_benchmark_reports(report);
  std::vector<Json> documents;
  for (std::size_t at = 0; at < text.size();) {
    ASSERT_EQ(text.substr(at, 4), "---\n");
    const std::size_t end = std::min(text.find("\n---\n", at + 4), text.size() - 1);
    documents.push_back(Json::parse(text.substr(at + 4, end - at - 4)));
    at = end + 1;
  }
  ASSERT_EQ(documents.size(), report.points.size());
  std::set<std::string> ids, experiments;
  for (const Json& one : documents) {
    expect_known(one, {"version", "run", "scenario", "results"});
    EXPECT_EQ(one["version"], "0.2");
    expect_known(one["run"],
                 {"uid", "eid", "cid", "pid", "time", "user", "description", "keywords"});
    ids.insert(one["run"]["uid"].get<std::string>());
    experiments.insert(one["run"]["eid"].get<std::string>());
    const Json& load = one["scenario"]["load"];
    expect_known(load, {"metadata", "standardized", "native"});
    expect_known(load["standardized"],
                 {"tool", "tool_version", "parallelism", "source", "stage", "input_seq_len",
                  "output_seq_len", "prefix", "multi_turn", "rate_qps", "concurrency"});
    EXPECT_EQ(load["standardized"]["input_seq_len"]["value"], 512);
    const Json& fleet = one["scenario"]["stack"][0];
    expect_known(fleet, {"metadata", "standardized", "native"});
    EXPECT_EQ(fleet["standardized"]["kind"], "inference_engine");
    EXPECT_EQ(fleet["standardized"]["accelerator"]["count"], 8);
    const Json& aggregate = one["results"]["request_performance"]["aggregate"];
    expect_known(aggregate, {"requests", "latency", "throughput"});
    for (const auto& [name, statistics] : aggregate["latency"].items()) {
      expect_known(statistics, {"units", "mean", "p50", "p90", "p99"});
      EXPECT_TRUE(statistics.contains("mean")) << name;
    }
    for (const auto& [name, statistics] : aggregate["throughput"].items()) {
      EXPECT_TRUE(statistics["mean"].is_number()) << name;
    }
  }
  EXPECT_EQ(ids.size(), documents.size());
  EXPECT_EQ(experiments.size(), 1U);
  const Json& steady = documents[4]["results"]["request_performance"]["aggregate"];
  EXPECT_EQ(steady["latency"]["time_to_first_token"]["units"], "ms");
  EXPECT_DOUBLE_EQ(steady["latency"]["time_to_first_token"]["p50"], 50);
  EXPECT_EQ(steady["latency"]["inter_token_latency"]["units"], "ms/token");
  EXPECT_DOUBLE_EQ(steady["throughput"]["output_token_rate"]["mean"], 4'000);
  EXPECT_DOUBLE_EQ(steady["throughput"]["input_token_rate"]["mean"], 15 * 512);
  // Past saturation no latency lasts.
  EXPECT_TRUE(documents.back()["results"]["request_performance"]["aggregate"]["latency"].empty());
}

TEST(Exchange, FlatRowsAreOfSteadyPointsInSecondsAndByAccelerator) {
  const Json rows = Json::parse(to_flat_rows(sample_sweep()));
  ASSERT_EQ(rows.size(), 10U);  // 0.1 to 0.9, and 0.95
  const Json& row = rows[4];
  EXPECT_EQ(row["tenant.users.arrivals.load"], "0.5");
  EXPECT_EQ(row["hw"], "nvidia-h100-sxm");
  EXPECT_EQ(row["precision"], "bf16");
  EXPECT_EQ(row["isl"], 512);
  EXPECT_EQ(row["osl"], 266);
  EXPECT_EQ(row["tp"], 1);
  EXPECT_DOUBLE_EQ(row["output_tput_per_gpu"], 4'000.0 / 8);
  EXPECT_DOUBLE_EQ(row["tput_per_gpu"], (4'000.0 + 15 * 512) / 8);
  EXPECT_DOUBLE_EQ(row["median_ttft"], 0.050);
  EXPECT_DOUBLE_EQ(row["median_intvty"], 1 / row["median_tpot"].get<double>());
  // Little's law: 15 requests/s for 2.9 s each.
  EXPECT_EQ(row["conc"], std::llround(15 * 2.9));
  EXPECT_EQ(Json::parse(to_flat_rows(sample_sizing())), Json::array());
  SweepReport unknown = sample_sweep();
  for (SweepPoint& point : unknown.points) point.fleet = {};
  EXPECT_EQ(Json::parse(to_flat_rows(unknown)), Json::array());
}

TEST(Exchange, IsSoundForEverySample) {
  for (const SweepReport& report :
       {sample_sizing(), sample_grid(), sample_panels(), hostile_sweep(), sweep_without_points()}) {
    EXPECT_TRUE(Json::accept(to_flat_rows(report)));
    EXPECT_EQ(to_benchmark_reports(report).empty(), report.points.empty());
  }
}

TEST(JsonSweep, RefusesWhatIsNoSweep) {
  EXPECT_THROW(read_sweep("", "sweep.json"), RunFileError);
  EXPECT_THROW(read_sweep("[]", "sweep.json"), RunFileError);
  EXPECT_THROW(read_sweep("{}", "sweep.json"), RunFileError);
  Json json = Json::parse(to_json(sample_sweep()));
  Json other = json;
  other["schema"] = "tokenlift.run/4";
  EXPECT_NE(refusal(other), "");
  other = json;
  other["points"][3]["state"] = "fine";
  EXPECT_TRUE(refusal(other).starts_with("/points/3/state|"));
  other = json;
  other["points"][3]["values"].push_back("1");
  EXPECT_TRUE(refusal(other).starts_with("/points/3/values|"));
  other = json;
  other["points"][3]["figures"].erase(0);
  EXPECT_TRUE(refusal(other).starts_with("/points/3/figures|"));
  other = json;
  other["finds"][0]["outcome"] = "lost";
  EXPECT_TRUE(refusal(other).starts_with("/finds/0/outcome|"));
  other = json;
  other["finds"][0]["wanted"] = "some";
  EXPECT_TRUE(refusal(other).starts_with("/finds/0/wanted|"));
  other = json;
  other["points"][3]["by_run"]["figures"][0]["values"].erase(0);
  EXPECT_TRUE(refusal(other).starts_with("/points/3/by_run/figures/0/values|"));
  other = json;
  other["points"][3]["by_run"]["figures"][0]["scale"] = "some";
  EXPECT_TRUE(refusal(other).starts_with("/points/3/by_run/figures/0/scale|"));
  other = json;
  other.erase("axes");
  EXPECT_NE(refusal(other), "");
}

}  // namespace
}  // namespace tokenlift::json_sweep_test
