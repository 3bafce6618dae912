#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <toml++/toml.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reports/json/json_run.hpp"
#include "tests/reports/record/rich_runs.hpp"

namespace tokenlift::scenario_toml_test {
namespace {

using Json = nlohmann::ordered_json;
using RunValue = Run;  // within a TEST, Run is a function of testing::Test

TEST(ScenarioToml, IsASectionPerTableAndALinePerKey) {
  EXPECT_EQ(scenario_toml(lift_run()),
            "name = \"lift\"\n"
            "\n[run]\n"
            "engine = \"threads\"\n"
            "duration = \"40s\"\n"
            "seed = 7\n"
            "\n[[tenant]]\n"
            "name = \"users\"\n"
            "arrivals = { process = \"poisson\", rate = 50.0 }\n"
            "slo = { ttft = \"200ms\" }\n");
}

TEST(ScenarioToml, HasPlainValuesBeforeTablesAndQuotesKeysThatNeedIt) {
  RunValue run;
  run.scenario_json = R"({"t":{"a b":1},"x":[{"y":{"é":2}},{}],"z":3})";
  EXPECT_EQ(scenario_toml(run), "z = 3\n\n[t]\n\"a b\" = 1\n\n[[x]]\ny = { \"é\" = 2 }\n\n[[x]]\n");
}

TEST(UserGroups, AreTheTenantsWhoseUsersWaitForAnswers) {
  RunValue run = lift_run();
  EXPECT_TRUE(user_groups(run).empty());
  run.scenario_json = R"({"tenant":[{"name":"chat","users":400,"arrivals":{"process":"closed"}},)"
                      R"({"name":"batch","users":9,"arrivals":{"process":"poisson"}},)"
                      R"({"name":"one","arrivals":{"process":"closed"}},{"name":"none"},7]})";
  const std::vector<UserGroup> groups = user_groups(run);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].tenant, "chat");
  EXPECT_EQ(groups[0].users, 400);
  EXPECT_EQ(groups[1].tenant, "one");
  EXPECT_EQ(groups[1].users, 1);
  run.scenario_json = R"({"tenant":"none"})";
  EXPECT_TRUE(user_groups(run).empty());
}

TEST(FurtherPowerEvents, AreThoseThatDoNotDivideTheRun) {
  RunValue run = lift_run();
  EXPECT_TRUE(further_power_events(run).empty());
  const std::string first = R"({"at":"1min",)";
  const std::string rest =
      R"("power":{"limit":"3MW","site":"a"}},{"at":"75s","battery":{"energy":"0Wh","site":"a"}},)"
      R"({"at":"80s","power":{"limit":"2MW","site":"b"}},{"at":"90s","fail":{"site":"a"}},7]})";
  for (const char* const mark : {"", R"("measure":true,)"}) {
    run.scenario_json = R"({"event":[)" + first + mark + rest;
    const std::vector<PowerEvent> events = further_power_events(run);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(power_events_words(events),
              "Beside what was measured, 'a' had no battery from 75s on and 'b' could draw 2MW at "
              "most from 80s on.");
  }
  run.scenario_json = R"({"event":[{"at":"9s","battery":{"energy":"1kWh","site":"a"}}]})";
  EXPECT_EQ(power_events_words(further_power_events(run)), "") << "it divides the run";
  EXPECT_EQ(power_events_words({{"9s", "a", "", "1kWh"}}),
            "Beside what was measured, 'a' had a battery of 1kWh from 9s on.");
  run.scenario_json = R"({"event":"none"})";
  EXPECT_TRUE(further_power_events(run).empty());
}

TEST(ScenarioToml, LeavesOutWhatHasNoValue) {
  RunValue run;
  run.scenario_json = R"({"a":null,"b":{"c":null},"d":[null,1],"e":[],"f":{}})";
  EXPECT_EQ(scenario_toml(run), "d = [1]\ne = []\n\n[b]\n\n[f]\n");
}

/// Equal but for the numbers' form (TOML and JSON both tell integers from floats).
void require_same(const toml::node& toml, const Json& json) {
  if (json.is_object()) {
    RC_ASSERT(toml.is_table() && toml.as_table()->size() == json.size());
    for (const auto& [key, value] : json.items()) {
      const toml::node* found = toml.as_table()->get(key);
      RC_ASSERT(found != nullptr);
      require_same(*found, value);
    }
  } else if (json.is_array()) {
    RC_ASSERT(toml.is_array() && toml.as_array()->size() == json.size());
    for (std::size_t i = 0; i < json.size(); ++i) require_same(*toml.as_array()->get(i), json[i]);
  } else if (json.is_string()) {
    RC_ASSERT(toml.value<std::string>() == json.get<std::string>());
  } else if (json.is_boolean()) {
    RC_ASSERT(toml.is_boolean() && toml.value<bool>() == json.get<bool>());
  } else if (json.is_number_float()) {
    RC_ASSERT(toml.is_floating_point() && toml.value<double>() == json.get<double>());
  } else {
    RC_ASSERT(toml.is_integer() && toml.value<std::int64_t>() == json.get<std::int64_t>());
  }
}

RC_GTEST_PROP(ScenarioToml, IsReadBackByATomlParserAsTheSameValues, ()) {
  // Code points of every length that UTF-8 has, control characters and quotes among them.
  const auto piece = rc::gen::element<std::string>("a", "\"", "\\", "\n", "\t", "\b", "\f", "\r",
                                                   "\x01", "\x1f", "\x7f", "/", "=", "#", "'", "é",
                                                   "–", "\U0001F600", " ", ".", "u0041");
  const auto text = [&] {
    std::string result;
    for (const std::string& part : *rc::gen::container<std::vector<std::string>>(piece)) {
      result += part;
    }
    return result;
  };
  Json scenario = Json::object();
  scenario[text()] = text();
  scenario["number"] = *rc::gen::arbitrary<double>();
  scenario["integer"] = *rc::gen::arbitrary<std::int64_t>();
  scenario["tables"] = Json::array({{{text(), {text(), text()}}, {"flag", true}}, {{"x", 1e-7}}});
  RunValue run;
  run.scenario_json = scenario.dump();
  const toml::table table = toml::parse(scenario_toml(run));
  require_same(table, scenario);
}

}  // namespace
}  // namespace tokenlift::scenario_toml_test
