// What the live page is told of each second.

#include "bench/serve/live.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::live_test {
namespace {

using nlohmann::json;

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kS = 1'000 * kMs;

Scenario served(const std::string& fleet = {}) {
  return parse_scenario("[fleet]\n" + fleet + R"(
[[fleet.site]]
name = "hall"
replicas = 4
profile = "h100-8b"
[run]
engine = "virtual"
duration = "20s"
[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "1/s" }
prompt_tokens = { distribution = "constant", value = 20 }
output_tokens = { distribution = "constant", value = 5 }
[[tenant]]
name = "say \"batch\""
arrivals = { process = "poisson", rate = "1/s" }
prompt_tokens = { distribution = "constant", value = 20 }
output_tokens = { distribution = "constant", value = 5 }
[[throttle]]
name = "limit"
kind = "concurrency"
unit = "requests"
limit = 100
)",
                        "small", ".", {});
}

const std::vector<std::int64_t> kWaiting = {3, 4};

Door::Gauges gauges_at(std::int64_t now_ns, const std::vector<std::int64_t>& replicas) {
  return {now_ns, 27, 7, 10, kWaiting, replicas};
}

ServerFigures figures() {
  ServerFigures figures;
  figures.tenants.resize(2);
  return figures;
}

TEST(Live, RatesAreOfTheTimeThatPassed) {
  const Scenario scenario = served();
  const std::vector<std::int64_t> replicas = {4};
  LiveFigures live(scenario);
  EXPECT_EQ(live.next_ns(), kS);
  ServerFigures now = figures();
  now.output_tokens = 300;
  now.requests = 12;
  now.waiting = 7;
  now.running = 20;
  now.tenants[1].output_tokens = 300;
  now.events = {R"({"at_s":0.5,"event":{"lift":"limit"}})"};
  now.levels = {{false, 93.5, 100}};
  // Half a second late.
  const json first = json::parse(live.end_second(now, gauges_at(kS + 500 * kMs, replicas)));
  EXPECT_EQ(first["at_s"], 1.5);
  EXPECT_EQ(first["tokens_per_s"], 200);
  EXPECT_EQ(first["requests_per_s"], 8);
  EXPECT_EQ(first["levels"], json::parse(R"([{"lifted":false,"left":93.5,"most":100}])"));
  EXPECT_EQ(first["tenants"][0]["tokens_per_s"], 0);
  EXPECT_EQ(first["tenants"][1]["tokens_per_s"], 200);
  EXPECT_EQ(first["tenants"][1]["waiting"], 4);
  EXPECT_EQ(first["waiting"], 7);
  EXPECT_EQ(first["in_flight"], 20);
  EXPECT_EQ(first["batch"], 2.5);
  EXPECT_EQ(first["replicas"], 4);
  EXPECT_EQ(first["events"].size(), 1U);
  EXPECT_EQ(live.next_ns(), 2 * kS);
  now.output_tokens += 40;
  now.refused = 3;
  now.tenants[0].refused = 3;
  const json second = json::parse(live.end_second(now, gauges_at(2 * kS, replicas)));
  EXPECT_EQ(second["tokens_per_s"], 80);
  EXPECT_EQ(second["requests_per_s"], 0);
  EXPECT_EQ(second["refused_per_s"], 6);
  EXPECT_EQ(second["tenants"][0]["refused_per_s"], 6);
  EXPECT_TRUE(second["events"].empty()) << "it has been told";
}

TEST(Live, PercentilesAreOfTheLastTenSeconds) {
  const Scenario scenario = served();
  const std::vector<std::int64_t> replicas = {4};
  LiveFigures live(scenario);
  const ServerFigures none = figures();
  EXPECT_TRUE(json::parse(live.end_second(none, gauges_at(kS, replicas)))["ttft_p50_ms"].is_null());
  for (int i = 0; i < 98; ++i) live.first_token(20 * kMs);
  for (int i = 0; i < 2; ++i) live.first_token(900 * kMs);
  for (std::int64_t s = 2; s < 12; ++s) {
    const json second = json::parse(live.end_second(none, gauges_at(s * kS, replicas)));
    EXPECT_NEAR(second["ttft_p50_ms"].get<double>(), 20, 0.2) << s;
    EXPECT_NEAR(second["ttft_p99_ms"].get<double>(), 900, 9) << s;
  }
  const json after = json::parse(live.end_second(none, gauges_at(12 * kS, replicas)));
  EXPECT_TRUE(after["ttft_p50_ms"].is_null());
  EXPECT_TRUE(after["ttft_p99_ms"].is_null());
}

TEST(Live, CapacityIsOfWhatServesAndBatchesOfReplicas) {
  const Scenario unknown = served();
  LiveFigures nothing(unknown);
  EXPECT_TRUE(json::parse(nothing.end_second(
      figures(), gauges_at(kS, std::vector<std::int64_t>{4})))["capacity_tokens_per_s"]
                  .is_null());
  const Scenario stated = served("capacity = \"1000/s\"");
  LiveFigures live(stated);
  const auto capacity = [&](std::int64_t s, std::int64_t replicas) {
    return json::parse(
        live.end_second(figures(), gauges_at(s * kS, std::vector<std::int64_t>{replicas})));
  };
  EXPECT_EQ(capacity(1, 4)["capacity_tokens_per_s"], 1000);
  EXPECT_EQ(capacity(2, 3)["capacity_tokens_per_s"], 750);
  const json gone = capacity(3, 0);
  EXPECT_EQ(gone["capacity_tokens_per_s"], 0);
  EXPECT_TRUE(gone["batch"].is_null());
}

TEST(Live, WhoComesLaterIsToldOfTheLastMinutes) {
  const Scenario scenario = served();
  const std::vector<std::int64_t> replicas = {4};
  LiveFigures live(scenario);
  ServerFigures now = figures();
  json begin = json::parse(live.begin(now.events));
  EXPECT_EQ(begin["scenario"], "small");
  EXPECT_EQ(begin["tenants"], json({"users", "say \"batch\""}));
  EXPECT_EQ(begin["sites"], json({"hall"}));
  EXPECT_EQ(begin["throttles"][0]["name"], "limit");
  const json keys = begin["throttles"][0]["keys"];
  EXPECT_NE(std::find(keys.begin(), keys.end(), "limit"), keys.end());
  EXPECT_EQ(std::find(keys.begin(), keys.end(), "rate"), keys.end()) << "it has none";
  EXPECT_TRUE(begin["seconds"].empty());
  const auto kept = static_cast<std::int64_t>(LiveFigures::kKeptSeconds);
  for (std::int64_t s = 1; s <= kept + 5; ++s) {
    if (s == 2) now.events = {R"({"at_s":1.5,"event":{"lift":"limit"}})"};
    live.end_second(now, gauges_at(s * kS, replicas));
  }
  now.events.push_back(now.events[0]);  // of the second that goes on: it will be told with that
  begin = json::parse(live.begin(now.events));
  EXPECT_EQ(begin["events"].size(), 1U);
  ASSERT_EQ(begin["seconds"].size(), LiveFigures::kKeptSeconds);
  EXPECT_EQ(begin["seconds"].front()["at_s"], 6);
  EXPECT_EQ(begin["seconds"].back()["at_s"], kept + 5);
  EXPECT_EQ(live.begin(now.events).find('\n'), std::string::npos)
      << "it is one line of an event stream";
}

}  // namespace
}  // namespace tokenlift::live_test
