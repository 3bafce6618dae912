// The scenario language: reading and overrides. Mistakes: scenario_mistakes_test.cpp; writing:
// scenario_roundtrip_test.cpp.

#include "workloads/scenario/scenario.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/workloads/reader/demo_scenario.hpp"
#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::scenario_test {
namespace {

constexpr std::int64_t kS = 1'000'000'000;

TEST(ParseScenario, ReadsEveryKey) {
  const Scenario scenario = parse(R"(
name = "all keys"
description = "d"
[run]
engine = "null"
duration = "40s"
warmup = "3s"
settle = "1.5s"
cooldown_max = "1min"
seed = 7
max_in_flight = 1000
[fleet]
router = "power_of_two"
capacity = "5k/s"
load_report_interval = "10ms"
[[fleet.site]]
name = "a"
replicas = 3
profile = "cpu-tiny"
max_batch = 8
max_step_tokens = 64
kv_tokens = 2048
[[tenant]]
name = "users"
arrivals = { process = "gamma", rate = "12/s", cv = 2 }
prompt_tokens = { distribution = "lognormal", mean = 12.5, cv = 0.6, min = 2, max = 1024 }
output_tokens = { distribution = "geometric", mean = 64, max = 256 }
max_tokens = 300
slo = { ttft = "1s", tpot = "60ms", itl = "80ms", e2e = "10s" }
retry = { policy = "none" }
[[tenant]]
name = "others"
arrivals = { process = "constant", load = 0.25 }
prompt_tokens = { distribution = "constant", value = 5 }
output_tokens = { distribution = "uniform", min = 2, max = 9 }
[[throttle]]
name = "limit"
kind = "token_bucket"
unit = "input_tokens"
rate = "30000/min"
burst = 2000
when_full = "queue"
max_wait = "2s"
[[throttle]]
name = "other limit"
kind = "token_bucket"
unit = "requests"
load = 0.4
when_full = "reject"
[[event]]
at = "20s"
lift = "limit"
measure = true
[[event]]
at = "15s"
set = { throttle = "limit", load = 0.8, burst = "2s", inherit = "proportional" }
)");
  Scenario expected;
  expected.name = "all keys";
  expected.description = "d";
  expected.run = {Engine::null, 40 * kS, 3 * kS, 3 * kS / 2, 60 * kS, 7, 1000, {}};
  expected.fleet.router = RouterPolicy::power_of_two;
  expected.fleet.capacity_tokens_per_s = 5000;
  expected.fleet.load_report_interval_ns = kS / 100;
  expected.fleet.sites = {{"a", 3, "cpu-tiny", 8, 64, 2048}};
  Tenant users;
  users.name = "users";
  users.arrivals = {Process::gamma, {std::nullopt, 12}, 2, {}, {}, {}};
  users.prompt_tokens = {Distribution::lognormal, 12.5, 0.6, 2, 1024};
  users.output_tokens = {Distribution::geometric, 64, 0, 1, 256};
  users.max_tokens = 300;
  users.slo = {kS, kS * 60 / 1000, kS * 80 / 1000, 10 * kS};
  Tenant others;
  others.name = "others";
  others.arrivals = {Process::constant, {0.25, std::nullopt}, 1, {}, {}, {}};
  others.prompt_tokens = {Distribution::constant, 5, 0, 1, 0};
  others.output_tokens = {Distribution::uniform, 0, 0, 2, 9};
  others.max_tokens = 9;
  expected.tenants = {users, others};
  Throttle limit;
  limit.name = "limit";
  limit.unit = Unit::input_tokens;
  limit.rate = {std::nullopt, 500};
  limit.burst = {std::nullopt, 2000};
  limit.max_wait_ns = 2 * kS;
  Throttle other_limit;
  other_limit.name = "other limit";
  other_limit.unit = Unit::requests;
  other_limit.rate = {0.4, std::nullopt};
  other_limit.burst = {kS, std::nullopt};
  other_limit.when_full = WhenFull::reject;
  expected.throttles = {limit, other_limit};
  Event set;
  set.at_ns = 15 * kS;
  set.kind = EventKind::set;
  set.throttle = "limit";
  set.rate = Rate{0.8, std::nullopt};
  set.burst = Burst{2 * kS, std::nullopt};
  set.inherit = Inherit::proportional;
  Event lift;
  lift.at_ns = 20 * kS;
  lift.throttle = "limit";
  lift.measure = true;
  expected.events = {set, lift};  // in order of time, not of text
  EXPECT_EQ(scenario, expected);
}

TEST(ParseScenario, DefaultsAreThoseOfTheStructs) {
  const Scenario scenario = parse(replaced(kText, "name = \"demo\"\n", ""));
  EXPECT_EQ(scenario.name, "demo");  // from the file's name
  RunSettings run;
  run.duration_ns = 40 * kS;
  run.warmup_ns = 3 * kS;
  EXPECT_EQ(scenario.run, run);
  Site site;
  site.name = "commodity";
  site.replicas = 2;
  EXPECT_EQ(scenario.fleet.sites, std::vector<Site>{site});
  EXPECT_EQ(scenario.tenants[0].max_tokens, 64);
  EXPECT_EQ(scenario.throttles[0].when_full, WhenFull::queue);
  EXPECT_FALSE(scenario.throttles[0].max_wait_ns);
  const Scenario no_max = parse(replaced(kText, ", max = 1024", ""));
  EXPECT_EQ(no_max.tenants[0].prompt_tokens.max, 16 * 128);
}

TEST(ParseScenario, AcceptsArraysOfInlineTables) {
  const std::string users =
      R"({ "name" = "users", "arrivals" = { "process" = "poisson", "load" = 0.7 }, )"
      R"("prompt_tokens" = { "distribution" = "lognormal", "mean" = 128, "cv" = 0.6, )"
      R"("max" = 1024 }, )"
      R"("output_tokens" = { "distribution" = "uniform", "min" = 16, "max" = 64 } })";
  const std::string limit =
      R"({ "name" = "output limit", "kind" = "token_bucket", "unit" = "output_tokens", )"
      R"("load" = 0.4, "burst" = "1s" })";
  const Scenario scenario = parse(R"(
"name" = "demo"
run = { "duration" = "40s", "warmup" = "3s" }
fleet = { "capacity" = "5000/s", "site" = [ { "name" = "commodity", "replicas" = 2 } ] }
event = [ { "at" = "15s", "lift" = "output limit" } ]
)"
                                  "tenant = [ " +
                                  users + " ]\nthrottle = [ " + limit + " ]\n");
  EXPECT_EQ(scenario, parse(kText));
  // An empty array is the same as none.
  const std::string no_events =
      "event = []\n" + replaced(kText, "[[event]]\nat = \"15s\"\nlift = \"output limit\"\n", "");
  EXPECT_TRUE(parse(no_events).events.empty());
}

TEST(ParseScenario, ReadsATraceBesideTheScenario) {
  const std::filesystem::path folder = testing::TempDir();
  const std::string file = "tokenlift_scenario_" + std::to_string(getpid()) + ".csv";
  std::ofstream(folder / file) << "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                                  "2023-11-16 18:15:46.6,374,44\n"
                                  "2023-11-16 18:15:50.6,396,109\n";
  std::string text = replaced(kText, "{ process = \"poisson\", load = 0.7 }",
                              "{ process = \"trace\", file = \"" + file +
                                  "\", speed = 2.0, max = { prompt = 380, output = 100 } }");
  EXPECT_EQ(mistakes_in(text).size(), 3U);  // not beside the working folder; lengths are given
  text = replaced(text, "prompt_tokens =", "#");
  text = replaced(text, "output_tokens = {", "#");
  const Scenario scenario = parse_scenario(text, "demo.toml", folder.string(), {});
  const Trace& trace = scenario.tenants[0].arrivals.trace.value();
  EXPECT_EQ(trace.file, (std::filesystem::absolute(folder) / file).lexically_normal());
  EXPECT_EQ(trace.summary.requests, 2);
  EXPECT_EQ(trace.summary.span_ns, 2 * kS);
  EXPECT_EQ(trace.summary.prompt_mean_tokens, 377);
  EXPECT_EQ(trace.summary.output_mean_tokens, 72);
  EXPECT_EQ(trace.summary.prompt_max_tokens, 380);
  EXPECT_EQ(trace.summary.output_max_tokens, 100);
  EXPECT_EQ(scenario.tenants[0].max_tokens, 100);
  EXPECT_EQ(parse(to_toml(scenario)), scenario);
  const Scenario capped = parse_scenario(replaced(text, "{ prompt = 380, output = 100 }", "50"),
                                         "demo.toml", folder.string(), {});
  EXPECT_EQ(capped.tenants[0].arrivals.trace->summary.prompt_max_tokens, 50);
  EXPECT_EQ(capped.tenants[0].arrivals.trace->summary.output_max_tokens, 50);
  std::ofstream(folder / file, std::ios::app) << "oops\n";
  const std::vector<Mistake> mistakes =
      mistakes_of([&] { parse_scenario(text, "demo.toml", folder.string(), {}); });
  ASSERT_EQ(mistakes.size(), 1U) << listed(mistakes);
  EXPECT_EQ(mistakes[0].line, 4);
  EXPECT_EQ(mistakes[0].source, trace.file);
  std::filesystem::remove(folder / file);
}

// Line numbers in the tests below are of this text.
const std::string kVirtualText = R"(name = "demo"
[run]
engine = "virtual"
duration = "40s"

[fleet]
[[fleet.site]]
name = "east"
replicas = 2
profile = "my-gpu"
max_batch = 32
[[fleet.site]]
name = "west"
profile = "h100-8b"

[profile.my-gpu]
max_batch = 64
decode = { a = "6ms", b = "17us", c = "50ns" }
prefill = { p0 = "5ms", p1 = "17us", p2 = "1ns" }

[[tenant]]
name = "users"
arrivals = { process = "poisson", load = 0.7 }
prompt_tokens = { distribution = "constant", value = 100 }
output_tokens = { distribution = "uniform", min = 16, max = 64 }
)";

TEST(VirtualScenario, HoldsTheProfilesThatItsSitesUse) {
  const Scenario scenario = parse(kVirtualText);
  EXPECT_EQ(scenario.run.engine, Engine::simulated);
  ASSERT_EQ(scenario.profiles.size(), 2U);
  // What its accelerators draw is kept where a site states power.
  Profile h100 = *find_profile("h100-8b");
  h100.accelerator->power.reset();
  EXPECT_EQ(scenario.profiles[0], h100);
  EXPECT_EQ(scenario.profiles[1].name, "my-gpu");
  EXPECT_EQ(scenario.profiles[1].cost,
            (CostModel{6'000'000'000, 17'000'000, 50'000, 5'000'000'000, 17'000'000, 1'000}));
  EXPECT_EQ(parse(to_toml(scenario)), scenario);
  // Where nothing is priced, only what the scenario itself brings.
  const Scenario null = parse(kVirtualText, {"run.engine=null", "fleet.capacity=1/s"});
  ASSERT_EQ(null.profiles.size(), 1U);
  EXPECT_EQ(null.profiles[0].name, "my-gpu");
}

TEST(VirtualScenario, FillsTheMemoryOfItsReplicas) {
  const Scenario scenario = parse(kVirtualText);
  EXPECT_EQ(scenario.fleet.sites[0].kv_tokens, 65536);  // my-gpu states no memory
  // 90 % of 80 GB less 16.06 GB of weights, 131,072 bytes a token.
  EXPECT_EQ(scenario.fleet.sites[1].kv_tokens, 426'788);
}

// The prefix cache lies in the same memory: what it takes the KV cache has not.
TEST(VirtualScenario, SharesTheMemoryBetweenKvCacheAndPrefixCache) {
  const auto west = [](const std::string& keys) {
    return parse(replaced(kVirtualText, "\"h100-8b\"", "\"h100-8b\"\n" + keys)).fleet.sites[1];
  };
  EXPECT_EQ(west("prefix_cache_tokens = 100000").kv_tokens, 326'788);
  const Site both = west("kv_tokens = 26788\nprefix_cache_tokens = 400000");
  EXPECT_EQ(both.kv_tokens, 26'788);
  EXPECT_EQ(both.prefix_cache_tokens, 400'000);
  // my-gpu states no memory, so nothing is known of what fits.
  EXPECT_EQ(parse(replaced(kVirtualText, "max_batch = 32", "prefix_cache_tokens = 100000000"))
                .fleet.sites[0]
                .kv_tokens,
            65'536);
}

TEST(VirtualScenario, TakesTheNearestProfileOfAName) {
  Profile given;
  given.name = "my-gpu";
  given.cost = CostModel{1, 2, 3, 4, 5, 6};
  const auto with = [](const std::vector<Profile>& profiles) {
    return parse_scenario(kVirtualText, "demo.toml", "", {}, profiles);
  };
  EXPECT_EQ(with({given}).profiles.at(1).cost->a_ps, 1);
  Profile later = given;
  later.cost->a_ps = 7;
  EXPECT_EQ(with({given, later}).profiles.at(1).cost->a_ps, 7);
  // The scenario's own takes the place of the built-in one, and of the command line's nothing stays
  // that no site uses.
  given.name = "unused";
  const Scenario own =
      parse_scenario(kVirtualText +
                         "[profile.h100-8b]\ndecode = { a = \"1s\", b = \"0s\", c = \"0s\" }\n"
                         "prefill = { p0 = \"1s\", p1 = \"0s\", p2 = \"0s\" }\n",
                     "demo.toml", "", {}, {given});
  ASSERT_EQ(own.profiles.size(), 2U);
  EXPECT_EQ(own.profiles[0].cost->a_ps, 1'000'000'000'000);
  EXPECT_EQ(own.fleet.sites[1].kv_tokens, 65536);  // its memory isn't stated any more
}

TEST(VirtualScenario, OverridesReachItsProfiles) {
  const Scenario scenario =
      parse(kVirtualText, {"profile.my-gpu.decode.a=7ms", "profile.my-gpu.prefill.p2=1ps"});
  EXPECT_EQ(scenario.profiles[1].cost->a_ps, 7'000'000'000);
  EXPECT_EQ(scenario.profiles[1].cost->p2_ps, 1);
}

// Each edit of kVirtualText makes exactly one mistake.
const std::vector<Edit> kVirtualEdits = {
    {"\"my-gpu\"", "\"my-gp\"", 10, "can't be \"my-gp\"", "\"my-gpu\""},
    {"\"my-gpu\"", "\"h200-8\"", 10, "can't be", "\"h200-8b\""},
    {"max_batch = 32", "max_batch = 65", 11, "holds for up to 64", "64 or less"},
    {"\"h100-8b\"", "\"h100-8b\"\nkv_tokens = 426789", 15, "room for 426788", "leave it out"},
    {"\"h100-8b\"", "\"h100-8b\"\nprefix_cache_tokens = 100000000", 15,
     "is 100000000, and beside the weights the memory of profile \"h100-8b\" has room for 426788",
     "the KV cache takes what it leaves"},
    {"\"h100-8b\"", "\"h100-8b\"\nkv_tokens = 400000\nprefix_cache_tokens = 26789", 16,
     "KV cache and prefix cache together", "set it to 26788 or less, or lower kv_tokens"},
    {"\"h100-8b\"", "\"h100-8b\"\nprefix_cache_tokens = 426700", 12, "can have 164",
     "raise kv_tokens"},
    {"max_batch = 32", "kv_tokens = 163", 11, "can have 164", "raise kv_tokens"},
    {"max_batch = 32", "kv_tokens = 1000000000000", 7, "longer than 1000s", "lower"},
    {"\"6ms\"", "6", 18, "not a duration", "\"6ns\""},
    {", c = \"50ns\"", "", 18, "lacks the key \"c\"", ""},
    {"\"6ms\", b = \"17us\"", "\"0s\", b = \"0s\"", 18, "stand still", ""},
    {"[profile.my-gpu]", "[profile.my-gpu]\ndecoder = { layers = 1 }", 17, "only built-in", ""},
    {"max_batch = 64", "max_batsch = 64", 17, "unknown key", "\"max_batch\""},
    {"max_batch = 64",
     "model = { parameters = 1e12, kv_bytes_per_token = 1e5 }\naccelerator = { name = \"x\", "
     "bandwidth_tb_per_s = 9, tflop_per_s = 9e5, memory_gb = 4e3 }",
     16, "beats physics: a decode step of 1 sequences", "bytes read / bandwidth"},
    {"\"virtual\"", "\"virtuall\"", 3, "can't be", "\"virtual\""},
};

TEST(VirtualScenario, NotesEachMistakeOnceAtItsPlaceWithAdvice) {
  for (const Edit& edit : kVirtualEdits) {
    const std::vector<Mistake> mistakes = mistakes_in(replaced(kVirtualText, edit.from, edit.to));
    ASSERT_EQ(mistakes.size(), 1U) << edit.from << " -> " << edit.to << "\n" << listed(mistakes);
    EXPECT_EQ(mistakes[0].line, edit.line) << to_string(mistakes[0]);
    EXPECT_TRUE(contains(mistakes[0].message, edit.message)) << to_string(mistakes[0]);
    EXPECT_TRUE(contains(mistakes[0].advice, edit.advice)) << to_string(mistakes[0]);
  }
}

TEST(VirtualScenario, NeedsACostModel) {
  Profile bare;
  bare.name = "bare";
  const std::vector<Mistake> mistakes = mistakes_of([&] {
    parse_scenario(replaced(kVirtualText, "\"my-gpu\"", "\"bare\""), "demo.toml", "", {}, {bare});
  });
  ASSERT_EQ(mistakes.size(), 1U) << listed(mistakes);
  EXPECT_EQ(mistakes[0].line, 10);
  EXPECT_TRUE(contains(mistakes[0].message, "\"bare\" has no cost model"));
  EXPECT_TRUE(contains(mistakes[0].advice, "tokenlift calibrate"));
  EXPECT_TRUE(contains(mistakes[0].advice, "[profile.bare]"));
}

// Its capacity is computed, so loads need no stated one; as on threads they can't mix with rates.
TEST(VirtualScenario, ComputesItsCapacity) {
  EXPECT_TRUE(mistakes_in(kVirtualText).empty());
  const std::string second =
      "[[tenant]]\nname = \"b\"\narrivals = { process = \"poisson\", rate = \"1/s\" }\n"
      "prompt_tokens = { distribution = \"constant\", value = 4 }\n"
      "output_tokens = { distribution = \"constant\", value = 4 }\n";
  EXPECT_EQ(mistakes_in(kVirtualText + second).size(), 1U);
}

TEST(Override, SetsKeysByNameAndByIndex) {
  const Scenario scenario =
      parse(kText, {"tenant.users.arrivals.load=0.5", "throttle.output limit.burst=100",
                    "fleet.site.commodity.replicas=4", "fleet.site.0.max_batch=3", "event.0.at=20s",
                    "run.engine=null", "description=a b=c", "run.seed=9",
                    "tenant.users.slo.ttft=2s", "tenant.users.slo.e2e=\"3s\""});
  EXPECT_EQ(scenario.tenants[0].arrivals.rate.load, 0.5);
  EXPECT_EQ(scenario.throttles[0].burst.units, 100);
  EXPECT_EQ(scenario.fleet.sites[0].replicas, 4);
  EXPECT_EQ(scenario.fleet.sites[0].max_batch, 3);
  EXPECT_EQ(scenario.events[0].at_ns, 20 * kS);
  EXPECT_EQ(scenario.run.engine, Engine::null);
  EXPECT_EQ(scenario.description, "a b=c");
  EXPECT_EQ(scenario.run.seed, 9U);
  EXPECT_EQ(scenario.tenants[0].slo.ttft_ns, 2 * kS);
  EXPECT_EQ(scenario.tenants[0].slo.e2e_ns, 3 * kS);
}

// Names are what models are called; in a path they stand in quotes, as in TOML.
TEST(Override, NamesThatAreNoPlainWordsStandInQuotes) {
  const std::string model = "Qwen/Qwen3-8B v2.1=x";
  std::string text = kText;
  for (const std::string& old : {std::string("\"users\""), std::string("\"output limit\"")}) {
    for (std::size_t at = text.find(old); at != std::string::npos; at = text.find(old)) {
      text.replace(at, old.size(), old == "\"users\"" ? "'" + model + "'" : "\"büro – 3.5\"");
    }
  }
  const Scenario scenario =
      parse(text, {"tenant.\"" + model + "\".slo.itl=70ms", "throttle.\"büro – 3.5\".burst=100"});
  EXPECT_EQ(scenario.tenants[0].name, model);
  EXPECT_EQ(scenario.tenants[0].slo.itl_ns, 70'000'000);
  EXPECT_EQ(scenario.throttles[0].name, "büro – 3.5");
  EXPECT_EQ(scenario.throttles[0].burst.units, 100);
  EXPECT_EQ(parse(to_toml(scenario)), scenario);
}

TEST(Override, ReplacesTheKeysThatItExcludes) {
  const Scenario scenario = parse(
      kText, {"tenant.users.arrivals.rate=12/s", "throttle.output limit.rate=30k/min",
              "event.0.set={ throttle = \"output limit\", load = 0.9 }", "event.0.set.rate=9/s"});
  EXPECT_EQ(scenario.tenants[0].arrivals.rate, (Rate{std::nullopt, 12}));
  EXPECT_EQ(scenario.throttles[0].rate, (Rate{std::nullopt, 500}));
  EXPECT_EQ(scenario.events[0].kind, EventKind::set);
  EXPECT_EQ(scenario.events[0].rate, (Rate{std::nullopt, 9}));
  const Scenario back =
      parse(kText, {"tenant.users.arrivals.rate=12/s", "tenant.users.arrivals.load=0.2"});
  EXPECT_EQ(back.tenants[0].arrivals.rate, (Rate{0.2, std::nullopt}));
  const Scenario rejecting =
      parse(kText, {"throttle.output limit.max_wait=1s", "throttle.output limit.when_full=reject"});
  EXPECT_EQ(rejecting.throttles[0].when_full, WhenFull::reject);
}

TEST(Override, MistakesPointIntoTheWord) {
  struct Case {
    std::string word;
    int column;
    std::string message;
    std::string advice;
  };
  const Case cases[] = {
      {"tenant.user.slo.ttft=1s", 8, "no \"user\"", "\"users\""},
      {"event.1.at=1s", 7, "no \"1\"", "from 0 to 0"},
      {"run.duratoin=1s", 5, "unknown key", "\"duration\""},
      {"rn.duration=1s", 1, "unknown key \"rn\"", "\"run\""},
      {"run.duration=1", 14, "not a duration", "\"1s\""},
      {"run.duration=1x", 14, "unknown unit", ""},
      {"run.duration=", 14, "not a duration", ""},
      {"tenant.users.arrivals.rate=-1/s", 28, "not more than 0", ""},
      {"tenant.users.arrivals={ process = \"constant\", rate = 3 }", 54, "not a rate", ""},
      {"run.duration.x=1s", 14, "plain value", ""},
      {"tenant.users=1", 8, "whole table", ".KEY"},
      {"event.2={ at = \"20s\", lift = \"output limit\" }", 7, "no \"2\"", "from 0 to 0"},
      {"event.1=1", 7, "no \"1\"", "from 0 to 0"},
      {"event.1={ at = \"50s\", lift = \"output limit\" }", 16, "the event is not between", ""},
      {"run.duration", 1, "KEY=VALUE", ""},
      {"=1", 1, "KEY=VALUE", ""},
      {"caf\u00e9=1", 1, "unknown key", ""},
      {"throttle.output limit.burst=3", 29, "costs 64", ""},
      {"event.0.lift=input limit", 14, "no throttle", "output limit"},
  };
  for (const Case& test : cases) {
    const std::vector<Mistake> mistakes = mistakes_in(kText, {test.word});
    ASSERT_EQ(mistakes.size(), 1U) << test.word;
    EXPECT_EQ(mistakes[0].source, "--set " + test.word);
    EXPECT_EQ(mistakes[0].excerpt, test.word);
    EXPECT_EQ(mistakes[0].column, test.column) << test.word;
    EXPECT_TRUE(contains(mistakes[0].message, test.message)) << to_string(mistakes[0]);
    EXPECT_TRUE(contains(mistakes[0].advice, test.advice)) << to_string(mistakes[0]);
  }
}

TEST(Override, ReplacesAndAppendsWholeElements) {
  const Scenario scenario =
      parse(kText, {"event.1={ at = \"20s\", set = { throttle = \"output limit\", load = 0.9 } }",
                    "event.0={ at = \"10s\", lift = \"output limit\" }", "event.1.at=21s",
                    "fleet.site.commodity={ name = \"other\", replicas = 7 }"});
  ASSERT_EQ(scenario.events.size(), 2U);
  EXPECT_EQ(scenario.events[0].at_ns, 10 * kS);
  EXPECT_EQ(scenario.events[1].at_ns, 21 * kS);
  EXPECT_EQ(scenario.events[1].rate, (Rate{0.9, std::nullopt}));
  ASSERT_EQ(scenario.fleet.sites.size(), 1U);
  EXPECT_EQ(scenario.fleet.sites[0].name, "other");
  EXPECT_EQ(scenario.fleet.sites[0].replicas, 7);
}

TEST(Override, KnowsWhereTheTextHasAnEvent) {
  const Scenario scenario = parse(kText, {"event.1={ at = \"10s\", lift = \"output limit\" }"});
  EXPECT_EQ(scenario.events[0].index.value, 1U);
  EXPECT_EQ(scenario.events[1].index.value, 0U);
}

TEST(Override, CantAddATableOfWhichThereCanBeSeveral) {
  const std::string text =
      replaced(kText, "[[event]]\nat = \"15s\"\nlift = \"output limit\"\n", "");
  const std::vector<Mistake> mistakes = mistakes_in(text, {"event.0.at=3s"});
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_TRUE(contains(mistakes[0].message, "no [[event]]"));
}

}  // namespace
}  // namespace tokenlift::scenario_test
