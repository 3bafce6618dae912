// The scenario language there and back: random scenarios through TOML and JSON, and random damage
// to texts and overrides.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/workloads/reader/random_scenario.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/profile_text.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::scenario_roundtrip_test {
namespace {

Scenario parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_scenario(text, "demo.toml", "", overrides);
}

// Other forms than the built-in scenarios have: inline tables, rates, a stated capacity.
const std::string kFuzzText = R"(name = "demo"
run = { duration = "40s", warmup = "3s" }
[fleet]
capacity = "5000/s"
site = [ { name = "commodity", replicas = 2 } ]
[[tenant]]
name = "users"
arrivals = { process = "gamma", rate = "0.5k/min", cv = 1.5 }
prompt_tokens = { distribution = "constant", value = 100 }
output_tokens = { distribution = "uniform", min = 16, max = 64 }
[[throttle]]
name = "output limit"
kind = "token_bucket"
unit = "output_tokens"
rate = "30000/min"
burst = 1000
[[event]]
at = "15s"
set = { throttle = "output limit", load = 0.5, inherit = "reset" }
[tune]
lift = true
constraints = "ttft.p99_ms <= 500"
[[tune.parameters]]
key = "throttle.output limit.burst"
min = 100
max = 9000
[[tune.parameters]]
key = "lift.shape"
choices = ["at_once", "4_steps"]
[[tune.parameters]]
key = "lift.over"
min = "1s"
max = "9s"
[sweep]
over = ["tenant.users.arrivals.rate=1/s:9/s:3", "fleet.site.commodity.max_batch=8,16"]
find = "most throttle.output limit.rate=10/s:900/s:log"
while = "ttft.p99_ms <= 500"
requests = 1_000_000
for = "9s"
)";

RC_GTEST_PROP(ToToml, ReadsBackEqual, ()) {
  const Scenario scenario = random_scenario();
  RC_LOG() << to_toml(scenario);
  RC_ASSERT(parse(to_toml(scenario)) == scenario);
}

TEST(ToToml, ReadsBackLengthsOfAMillion) {
  Scenario scenario = parse(kFuzzText);
  scenario.fleet.sites[0].kv_tokens = 4'000'000;
  scenario.tenants[0].prompt_tokens = {Distribution::constant, 1'000'000, 0, 1, 1'000'000};
  EXPECT_EQ(parse(to_toml(scenario)).tenants[0].prompt_tokens.mean, 1'000'000);
}

RC_GTEST_PROP(ToToml, ReadsBackEqualWhenResolved, ()) {
  const Scenario resolved = resolve(random_scenario(), std::nullopt);
  RC_LOG() << to_toml(resolved);
  RC_ASSERT(parse(to_toml(resolved)) == resolved);
  RC_ASSERT(resolve(resolved, 1.0) == resolved);
}

RC_GTEST_PROP(ToJson, IsValidAndHasTheSameContent, ()) {
  const Scenario scenario = random_scenario();
  const nlohmann::json json = nlohmann::json::parse(to_json(scenario));
  RC_ASSERT(json.at("name") == scenario.name);
  RC_ASSERT(json.at("run").at("seed") == scenario.run.seed);
  RC_ASSERT(json.at("tenant").size() == scenario.tenants.size());
  RC_ASSERT(json.value("description", "") == scenario.description);
}

// JSON is TOML for a reader that takes `"key": value` as a pair of an inline table: as run.json is
// read back.
std::string as_inline_toml(const nlohmann::json& json) {
  std::string text;
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      text +=
          (text.empty() ? "" : ", ") + nlohmann::json(key).dump() + " = " + as_inline_toml(value);
    }
    return "{ " + text + " }";
  }
  if (json.is_string()) {
    text = json.dump();
    for (auto at = text.find('\x7f'); at != std::string::npos; at = text.find('\x7f')) {
      text.replace(at, 1, "\\u007f");  // JSON takes it as it is, TOML doesn't
    }
    return text;
  }
  if (!json.is_array()) return json.dump();
  for (const nlohmann::json& element : json) {
    text += (text.empty() ? "" : ", ") + as_inline_toml(element);
  }
  return "[ " + text + " ]";
}

// All but what is to be searched, which is no part of what is run.
RC_GTEST_PROP(ToJson, ReadsBackEqual, ()) {
  Scenario scenario = random_scenario();
  const nlohmann::json json = nlohmann::json::parse(to_json(scenario));
  std::string toml;
  for (const auto& [key, value] : json.items()) toml += key + " = " + as_inline_toml(value) + "\n";
  RC_LOG() << toml;
  scenario.tuning.reset();
  RC_ASSERT(parse(toml) == scenario);
}

TEST(ToJson, ReplacesBytesThatAreNotText) {
  Scenario scenario = parse(kFuzzText);
  scenario.description = "a\xff\xc3";
  const nlohmann::json json = nlohmann::json::parse(to_json(scenario));
  EXPECT_EQ(json.at("description"), "a\uFFFD\uFFFD");
}

// Whatever the bytes: a scenario that reads back, or mistakes at lines of the text.
void check_any_text(const std::string& text, const std::vector<std::string>& overrides) {
  try {
    const Scenario scenario = parse(text, overrides);
    RC_ASSERT(parse(to_toml(scenario)) == scenario);
  } catch (const ScenarioError& error) {
    const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
    RC_ASSERT(!error.mistakes().empty());
    for (const Mistake& mistake : error.mistakes()) {
      RC_ASSERT(mistake.line >= 1 && mistake.column >= 1 && !mistake.message.empty());
      RC_ASSERT(mistake.source != "demo.toml" || mistake.line <= lines);
    }
  }
}

void check_any_profiles(const std::string& text) {
  try {
    const std::vector<Profile> profiles = parse_profiles(text, "demo.toml");
    RC_ASSERT(parse_profiles(to_toml(profiles), "demo.toml") == profiles);
  } catch (const ScenarioError& error) {
    RC_ASSERT(!error.mistakes().empty());
  }
}

std::string mutated(std::string text) {
  const int edits = *rc::gen::inRange(1, 6);
  for (int i = 0; i < edits && !text.empty(); ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const auto from = *rc::gen::inRange<std::size_t>(0, text.size());
    const auto size = *rc::gen::inRange<std::size_t>(1, 40);
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        text[at] = *rc::gen::arbitrary<char>();
        break;
      case 1:
        text.erase(at, size);
        break;
      case 2:
        text.insert(at, text.substr(from, size));
        break;
      case 3:
        text.replace(at, size, text.substr(from, size));
        break;
      default:
        text.insert(at, *rc::gen::element<std::string>(
                            "[", "]", "{", "}", "[[", "\"", "'''", "=", ".", "\n", "-", "1e999",
                            "9223372036854775807", "nan", "inf", "0x7f", "1979-05-27", "\\u0000",
                            "true", ",", "#", "\xff", "\xe2\x80\xa8", "0"));
    }
  }
  return text;
}

RC_GTEST_PROP(Fuzz, AnyTextIsReadOrReported, ()) {
  std::vector<std::string> texts = {kFuzzText, to_toml(random_scenario())};
  for (const BuiltinScenario& scenario : builtin_scenarios()) texts.emplace_back(scenario.text);
  for (int i = 0; i < 20; ++i) check_any_text(mutated(*rc::gen::elementOf(texts)), {});
}

RC_GTEST_PROP(Fuzz, AnyProfileFileIsReadOrReported, ()) {
  const std::string text = to_toml({*find_profile("h100-8b"), *find_profile("gb200-70b-x4")});
  for (int i = 0; i < 20; ++i) check_any_profiles(mutated(text));
}

RC_GTEST_PROP(Fuzz, AnyOverrideIsAppliedOrReported, ()) {
  const std::vector<std::string> words = {"tenant.users.arrivals.rate=12/s",
                                          "event.0.at=20s",
                                          "fleet.site.commodity.replicas=4",
                                          "run.duration=\"60s\"",
                                          "tenant.0.slo.e2e=3s",
                                          "throttle.output limit.burst=100",
                                          "run={ duration = \"10s\" }",
                                          "event=[]"};
  for (int i = 0; i < 20; ++i) {
    check_any_text(kFuzzText, {mutated(*rc::gen::elementOf(words)), *rc::gen::elementOf(words)});
  }
}

}  // namespace
}  // namespace tokenlift::scenario_roundtrip_test
