// The scenario language: what sites cost.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::cost_language_test {
namespace {

// Line numbers in the tests below are of this text.
const std::string kText = R"(name = "demo"
[run]
engine = "virtual"
duration = "100s"
[[fleet.site]]
name = "leased"
replicas = 4
profile = "h100-8b"
power = { pue = 1.15 }
price = { per_month = 1.25e9, on_demand = 2.95 }
electricity = 0.06
carbon = 283
[[fleet.site]]
name = "rented"
profile = "h100-8b"
price = { per_accelerator_hour = 2.65, when_serving = true }
[[fleet.site]]
name = "own"
profile = "h100-8b"
[[tenant]]
name = "users"
arrivals = { process = "poisson", load = 0.7 }
prompt_tokens = { distribution = "constant", value = 100 }
output_tokens = { distribution = "constant", value = 50 }
)";

Scenario parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_scenario(text, "demo.toml", "", overrides);
}

TEST(ParseCost, ReadsPricesElectricityAndCarbon) {
  const Scenario scenario = parse(kText);
  EXPECT_EQ(scenario.fleet.sites[0].cost, (SiteCost{Price{1.25e9, {}, false, 2.95}, 0.06, 283.0}));
  EXPECT_EQ(scenario.fleet.sites[1].cost, (SiteCost{Price{{}, 2.65, true, {}}, {}, {}}));
  EXPECT_EQ(scenario.fleet.sites[2].cost, std::nullopt);
}

TEST(ParseCost, WhatIsWrittenIsReadBack) {
  const Scenario scenario = parse(kText);
  EXPECT_EQ(parse(to_toml(scenario)), scenario);
}

TEST(ParseCost, APriceCanBeSet) {
  const Scenario scenario = parse(kText, {"fleet.site.leased.price.per_month=273000",
                                          "fleet.site.own.price={ "
                                          "per_accelerator_hour = 0 }"});
  EXPECT_EQ(scenario.fleet.sites[0].cost->price->usd_per_month, 273'000);
  EXPECT_EQ(scenario.fleet.sites[2].cost->price->usd_per_accelerator_hour, 0);
}

const std::vector<Edit> kEdits = {
    {"per_month = 1.25e9", "per_month = -1", 10, "\"per_month\" is -1, which is too small",
     "from 0"},
    {"per_accelerator_hour = 2.65", "per_accelerator_hour = -2.65", 16, "too small", "from 0"},
    {"electricity = 0.06", "electricity = -0.06", 11, "too small", "from 0"},
    {"carbon = 283", "carbon = -1", 12, "too small", "from 0"},
    {"per_month = 1.25e9", "per_month = \"1.25B\"", 10, "is a string, not a number", "per_month"},
    {"per_month = 1.25e9", "per_year = 1.5e10", 10, "per_year", "per_month"},
    {"per_month = 1.25e9, ", "", 10, "the price is not stated", "per_accelerator_hour"},
    {"per_month = 1.25e9", "per_month = 1, per_accelerator_hour = 2", 10, "stated twice", "one of"},
    {"per_month = 1.25e9, on_demand = 2.95", "per_month = 1, when_serving = true", 10,
     "paid whether a replica serves or not", "per_accelerator_hour"},
    {"when_serving = true", "when_serving = true, on_demand = 3", 16, "on demand already",
     "remove it"},
    {"power = { pue = 1.15 }\n", "", 10, "\"electricity\" goes by the energy", "power = {"},
    {"power = { pue = 1.15 }\n", "", 11, "\"carbon\" goes by the energy", "power = {"},
    {"profile = \"h100-8b\"\nprice", "profile = \"cpu-small\"\nprice", 16,
     "does not say how many accelerators", "per_month"},
    {"engine = \"virtual\"", "engine = \"threads\"", 10, "simulates neither energy nor money",
     "run.engine = \"virtual\""},
    {"engine = \"virtual\"", "engine = \"http\"", 12, "\"carbon\" has no effect", "virtual"},
};

TEST(ParseCost, FindsMistakesAtTheirPlaces) {
  for (const Edit& edit : kEdits) {
    expect_found(mistakes_of([&] { parse(replaced(kText, edit.from, edit.to)); }), edit);
  }
}

}  // namespace
}  // namespace tokenlift::cost_language_test
