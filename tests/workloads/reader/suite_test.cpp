// The language of suites: cases, their names, and every mistake with its place.

#include "workloads/scenario/suite.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing.hpp"
#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::suite_test {
namespace {

std::string no_figure(const std::string& path, std::optional<double>) {
  return path == "no.figure" ? "there is no figure \"no.figure\"" : "";
}

Suite parse(const std::string& text, const std::vector<std::string>& overrides = {},
            const std::string& folder = "") {
  return parse_suite(text, "mine.toml", folder, overrides, {}, no_figure);
}

std::vector<Mistake> mistakes_in(const std::string& text,
                                 const std::vector<std::string>& overrides = {},
                                 const std::string& folder = "") {
  return mistakes_of([&] { parse(text, overrides, folder); });
}

std::vector<std::string> names_of(const Suite& suite) {
  std::vector<std::string> names;
  for (const SuiteCase& made : suite.cases) names.push_back(made.name);
  return names;
}

Scenario lift(const std::vector<std::string>& overrides) {
  for (const BuiltinScenario& builtin : builtin_scenarios()) {
    if (builtin.name == "lift") return parse_scenario(builtin.text, "lift", "", overrides);
  }
  ADD_FAILURE() << "no scenario lift";
  return {};
}

/// A folder of scenario files that lasts as long as the object.
class Folder {
 public:
  Folder() : path_(testing::TempDir() + "tokenlift_suite_" + std::to_string(getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
  }

 private:
  std::string path_;
};

TEST(ParseSuite, ReadsEveryKey) {
  const Suite suite = parse(R"(
[suite]
name = "nightly"
description = "d"
repetitions = 5
control = true
set = { "run.duration" = "30s" }
objectives = "goodput.gain >= 1.5"
[[case]]
scenario = "lift"
[[case]]
name = "quick"
scenario = "lift"
engine = "virtual"
repetitions = 1
control = false
set = { run.duration = "20s", "throttle.output_limit.when_full" = "reject", fleet = { capacity = "1k/s", site = [{ name = "a", profile = "h100-8b" }] } }
objectives = ["ttft.p99_ms.after <= 500", "attainment.after > 0.5"]
)");
  EXPECT_EQ(suite.name, "nightly");
  EXPECT_EQ(suite.description, "d");
  ASSERT_EQ(names_of(suite), (std::vector<std::string>{"lift", "quick"}));
  EXPECT_EQ(suite.cases[0].scenario, lift({"run.duration=30s"}));
  EXPECT_EQ(suite.cases[0].repetitions, 5U);
  EXPECT_TRUE(suite.cases[0].control);
  EXPECT_TRUE(suite.cases[0].coordinates.empty());
  ASSERT_EQ(suite.cases[0].objectives.size(), 1U);
  EXPECT_EQ(suite.cases[0].objectives[0],
            (Objective{"goodput.gain >= 1.5", "goodput.gain", Relation::at_least, 1.5}));
  EXPECT_EQ(suite.cases[1].scenario,
            lift({"run.duration=20s", "throttle.output_limit.when_full=reject",
                  "fleet={capacity=\"1k/s\", site=[{name=\"a\", profile=\"h100-8b\"}]}",
                  "run.engine=virtual"}));
  EXPECT_EQ(suite.cases[1].repetitions, 1U);
  EXPECT_FALSE(suite.cases[1].control);
  ASSERT_EQ(suite.cases[1].objectives.size(), 3U);
  EXPECT_EQ(suite.cases[1].objectives[2],
            (Objective{"attainment.after > 0.5", "attainment.after", Relation::above, 0.5}));
}

TEST(ParseSuite, HasDefaults) {
  const Suite suite = parse("[[case]]\nscenario = \"lift\"\n");
  EXPECT_EQ(suite.name, "mine");
  EXPECT_EQ(suite.cases.at(0).repetitions, 3U);
  EXPECT_FALSE(suite.cases[0].control);
  EXPECT_EQ(suite.cases[0].scenario, lift({}));
}

TEST(Matrix, ItsLastKeyIsTheFastestInTheOrderOfTheFile) {
  const Suite suite = parse(R"([[case]]
name = "two limits"
scenario = "lift"
engine = ["threads", "null"]
set = { fleet.capacity = "1k/s" }
[case.matrix]
throttle.output_limit.rate = ["1k/s", "60k/min"]
"run.seed" = [7, 3]
)");
  EXPECT_EQ(names_of(suite), (std::vector<std::string>{
                                 "two_limits/engine=threads/rate=1k_s/seed=7",
                                 "two_limits/engine=threads/rate=1k_s/seed=3",
                                 "two_limits/engine=threads/rate=60k_min/seed=7",
                                 "two_limits/engine=threads/rate=60k_min/seed=3",
                                 "two_limits/engine=null/rate=1k_s/seed=7",
                                 "two_limits/engine=null/rate=1k_s/seed=3",
                                 "two_limits/engine=null/rate=60k_min/seed=7",
                                 "two_limits/engine=null/rate=60k_min/seed=3",
                             }));
  EXPECT_EQ(suite.cases[5].scenario, lift({"fleet.capacity=1k/s", "run.engine=null", "run.seed=3",
                                           "throttle.output_limit.rate=1000/s"}));
  EXPECT_EQ(
      suite.cases[5].coordinates,
      (std::vector<std::pair<std::string, std::string>>{
          {"run.engine", "null"}, {"throttle.output_limit.rate", "1k_s"}, {"run.seed", "3"}}));
}

TEST(Matrix, KeysAreShortenedToWhatNoOtherKeyEndsIn) {
  const Suite suite = parse(R"([[case]]
scenario = "lift"
matrix = { "tenant.users.arrivals.load" = [0.7], "throttle.output_limit.load" = [0.4], "run.seed" = [1] }
)");
  EXPECT_EQ(names_of(suite),
            std::vector<std::string>{"lift/arrivals.load=0.7/output_limit.load=0.4/seed=1"});
}

TEST(Matrix, ValuesMayBeNamedGroupsOfSettings) {
  const Suite suite = parse(R"([[case]]
scenario = "lift"
[case.matrix]
run.seed = [1, 2]
[[case.matrix.size]]
name = "one large"
set = { fleet.site.commodity.replicas = 1, fleet.site.commodity.max_batch = 32 }
[[case.matrix.size]]
name = "as it is"
set = {}
)");
  EXPECT_EQ(names_of(suite),
            (std::vector<std::string>{"lift/seed=1/size=one_large", "lift/seed=1/size=as_it_is",
                                      "lift/seed=2/size=one_large", "lift/seed=2/size=as_it_is"}));
  EXPECT_EQ(suite.cases[0].scenario,
            lift({"fleet.site.commodity.replicas=1", "fleet.site.commodity.max_batch=32"}));
  EXPECT_EQ(suite.cases[1].scenario, lift({}));
}

TEST(Matrix, TablesAndArraysAreNamedByTheirNumber) {
  const Suite suite = parse(R"([[case]]
scenario = "lift"
matrix = { tenant.users.slo = [{ ttft = "1s" }, { ttft = "2s" }] }
)");
  EXPECT_EQ(names_of(suite), (std::vector<std::string>{"lift/slo=0", "lift/slo=1"}));
  EXPECT_EQ(suite.cases[1].scenario, lift({"tenant.users.slo={ttft=\"2s\"}"}));
}

TEST(ParseSuite, TheCommandLineHasTheLastWord) {
  const std::string text = R"([suite]
set = { run.duration = "50s" }
[[case]]
scenario = "lift"
set = { run.duration = "60s", run.warmup = "4s" }
)";
  EXPECT_EQ(parse(text).cases.at(0).scenario, lift({"run.duration=60s", "run.warmup=4s"}));
  EXPECT_EQ(parse(text, {"run.duration=70s"}).cases.at(0).scenario,
            lift({"run.duration=70s", "run.warmup=4s"}));
}

TEST(ParseSuite, FilesAreLookedForInItsFolder) {
  const Folder folder;
  folder.write("small one.toml", to_toml(lift({"run.seed=5", "name=other"})));
  const std::string text = "[[case]]\nscenario = \"small one.toml\"\n";
  const Suite suite = parse(text, {}, folder.path());
  EXPECT_EQ(names_of(suite), std::vector<std::string>{"small_one"});
  EXPECT_EQ(suite.cases[0].scenario.run.seed, 5U);
  EXPECT_EQ(mistakes_in(text).size(), 1U);  // no folder
}

struct Expected {
  std::string text;
  int line;
  int column;
  std::string message;  // a part of it
  std::string advice;   // likewise
};

TEST(SuiteMistakes, HaveAPlaceAndAdvice) {
  const std::string head = "[[case]]\nscenario = \"lift\"\n";
  const std::vector<Expected> table = {
      {"", 1, 1, "no case", "[[case]]"},
      {"case = []", 1, 8, "no case", "[[case]]"},
      {head + "[[cases]]\nscenario = \"lift\"", 3, 3, "unknown key", "\"case\""},
      {"name = \"a\"\n" + head, 1, 1, "belongs to [suite]", "under [suite]"},
      {"engine = \"a\"\n" + head, 1, 1, "unknown key \"engine\"",
       "known here: \"case\", \"suite\""},
      {"[[case]]\nname = \"a\"", 1, 1, "lacks the key \"scenario\"", ""},
      {"[[case]]\nscenario = \"lfit\"", 2, 12, "no built-in scenario", "\"lift\""},
      {head + "repetition = 2", 3, 1, "unknown key", "\"repetitions\""},
      {head + "repetitions = 0", 3, 15, "too small", "from 1"},
      {head + "control = 1", 3, 11, "not true or false", ""},
      {head + "name = \"a\\tb\"", 3, 8, "can't be a name", "control characters"},
      {head + "[[case]]\nscenario = \"lift\"", 4, 12,
       "called \"lift\"; the other one is that of line 2", "name"},
      {head + "objectives = [\"goodput.gain > 1\", \"goodput.gain\"]", 3, 35, "compares nothing",
       "<="},
      {head + "objectives = \"no.figure > 1\"", 3, 14, "there is no figure", ""},
      {head + "set = 3", 3, 7, "not a table", ""},
      {head + "set = { \"a=b\" = 3 }", 3, 9, "can't be a key", ""},
      {head + "set = { run.sede = 3 }", 3, 13, "unknown key \"sede\"", "\"seed\""},
      {head + "set = { run.seed = -3 }", 3, 20, "too small", "from 0"},
      {head + "engine = [\"threads\", \"vritual\"]", 3, 22, "can't be \"vritual\"", "\"virtual\""},
      {head + "engine = \"threads\"\nset = { run.engine = \"threads\" }", 3, 1,
       "twice: here and in line 4", ""},
      {head + "matrix = { run.seed = 3 }", 3, 23, "one value", "set"},
      {head + "matrix = { run.seed = [] }", 3, 23, "no value", ""},
      {head + "matrix = { run.seed = [1, 2, 1] }", 3, 30, "twice: here and in line 3, column 24",
       ""},
      {head + "set = { run.seed = 1 }\nmatrix = { run.seed = [1, 2] }", 4, 16,
       "twice: here and in line 3, column 13", ""},
      {head + "matrix = { run.seed = [1, -2] }", 3, 27, "too small", ""},
      {head + "matrix = { throttle.ouput_limit.load = [1, 2] }", 3, 33, "there is no",
       "\"output_limit\""},
      // Wrong in the scenario's text, because of a value in the suite.
      {head + "set = { run.seed = 2, run.duration = \"14s\" }", 3, 38,
       "not between the end of the warm-up and the end of the run (lift:", ""},
      {head + "matrix = { run.seed = [1, 2], run.duration = [\"40s\", \"14s\"] }", 3, 54,
       "not between", ""},
      {"[[case]]\nscenario = \"steady\"\ncontrol = true", 3, 11, "has none", "control = false"},
      {head + "name = \"" + std::string(201, 'a') + "\"", 3, 8, "201 characters", "shorten"},
  };
  for (const Expected& expected : table) {
    const std::vector<Mistake> mistakes = mistakes_in(expected.text);
    EXPECT_EQ(mistakes.size(), 1U) << expected.text;
    if (mistakes.empty()) continue;
    const Mistake& mistake = mistakes[0];
    EXPECT_EQ(mistake.source, "mine.toml");
    EXPECT_EQ(mistake.line, expected.line) << expected.text << "\n" << to_string(mistake);
    EXPECT_EQ(mistake.column, expected.column) << expected.text << "\n" << to_string(mistake);
    EXPECT_TRUE(contains(mistake.message, expected.message)) << to_string(mistake);
    EXPECT_TRUE(contains(mistake.advice, expected.advice)) << to_string(mistake);
  }
}

TEST(SuiteMistakes, AreAllFoundInOrderOfPlace) {
  std::vector<int> lines;
  for (const Mistake& mistake : mistakes_in(R"([suite]
repetitions = "many"
[[case]]
scenario = "lift"
set = { run.warmup = "50s" }
[[case]]
scenario = "none such"
[[case]]
name = "x"
scenario = "lift"
speed = 1
objectives = "x < y"
matrix = { run.seed = ["a", "b"] }
)")) {
    lines.push_back(mistake.line);
  }
  EXPECT_EQ(lines, (std::vector<int>{2, 5, 7, 11, 12, 13, 13}));
}

TEST(SuiteMistakes, ThoseOfAScenarioAreSaidOnceAndNamedByItsFile) {
  const Folder folder;
  folder.write("bad.toml", "name = \"bad\"\n[run]\nduration = 3\n");
  const std::vector<Mistake> mistakes = mistakes_in(
      "[[case]]\nscenario = \"bad.toml\"\nmatrix = { run.seed = [1, 2, 3] }\n", {}, folder.path());
  ASSERT_EQ(mistakes.size(), 3U);  // also neither a fleet nor a tenant
  for (const Mistake& mistake : mistakes) {
    EXPECT_EQ(mistake.source, folder.path() + "/bad.toml") << to_string(mistake);
  }
}

TEST(SuiteMistakes, ThoseOfTheCommandLineStayThere) {
  const std::string text = "[[case]]\nscenario = \"lift\"\nmatrix = { run.seed = [1, 2] }\n";
  const std::vector<Mistake> wrong = mistakes_in(text, {"run.warmup=3"});
  ASSERT_EQ(wrong.size(), 1U);
  EXPECT_EQ(wrong[0].source, "--set run.warmup=3");
  const std::vector<Mistake> same = mistakes_in(text, {"run.seed=3"});
  ASSERT_EQ(same.size(), 1U);
  EXPECT_EQ(same[0].line, 3);
  EXPECT_TRUE(contains(same[0].message, "--set run.seed=3 overrides")) << same[0].message;
}

// 10^12 combinations, and none is looked at.
TEST(SuiteMistakes, TooManyCasesAreNotMultipliedOut) {
  std::string values = "0";
  for (int i = 1; i < 1000; ++i) values += ", " + std::to_string(i);
  const std::vector<Mistake> mistakes =
      mistakes_in("[[case]]\nscenario = \"lift\"\n[case.matrix]\na = [" + values + "]\nb = [" +
                  values + "]\nc = [" + values + "]\nd = [" + values + "]\n");
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(mistakes[0].line, 1);
  EXPECT_TRUE(contains(mistakes[0].message, "more than 10000 cases"));
}

// Dimensions of random sizes: as many cases as combinations, all named apart, fit for a path, each
// with the values that its name says.
RC_GTEST_PROP(Matrix, HasEveryCombinationOnce, ()) {
  const std::vector<std::string> keys = {"run.seed", "run.max_in_flight",
                                         "fleet.site.commodity.replicas"};
  std::string text = "[[case]]\nscenario = \"lift\"\n[case.matrix]\n";
  std::size_t product = 1;
  std::vector<std::vector<int>> values;
  for (const std::string& key : keys) {
    const auto drawn = *rc::gen::container<std::set<int>>(rc::gen::inRange(1, 100));
    std::vector<int> kept(drawn.begin(), drawn.end());
    if (kept.empty()) kept.push_back(1);
    kept.resize(std::min<std::size_t>(kept.size(), 4));
    std::string list;
    for (const int value : kept) list += (list.empty() ? "" : ", ") + std::to_string(value);
    text += key + " = [" + list + "]\n";
    product *= kept.size();
    values.push_back(kept);
  }
  const Suite suite = parse(text);
  RC_ASSERT(suite.cases.size() == product);
  std::size_t index = 0;
  for (const int seed : values[0]) {
    for (const int in_flight : values[1]) {
      for (const int replicas : values[2]) {
        const SuiteCase& made = suite.cases[index++];
        RC_ASSERT(made.name == "lift/seed=" + std::to_string(seed) +
                                   "/max_in_flight=" + std::to_string(in_flight) +
                                   "/replicas=" + std::to_string(replicas));
        RC_ASSERT(made.scenario ==
                  lift({"run.seed=" + std::to_string(seed),
                        "run.max_in_flight=" + std::to_string(in_flight),
                        "fleet.site.commodity.replicas=" + std::to_string(replicas)}));
      }
    }
  }
}

RC_GTEST_PROP(Matrix, NamesAreFitForPathsWhateverTheValues, (const std::string& drawn)) {
  std::string value = "x";
  for (const char c : drawn) {
    if (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f) value += c;
  }
  value.resize(std::min<std::size_t>(value.size(), 100));
  std::erase(value, '\'');
  const Suite suite =
      parse("[[case]]\nscenario = \"lift\"\nmatrix = { description = ['" + value + "'] }\n");
  RC_ASSERT(suite.cases.at(0).scenario.description == value);
  const std::string& name = suite.cases[0].name;
  RC_ASSERT(std::count(name.begin(), name.end(), '/') == 1);
  RC_ASSERT(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789_-.=/") == std::string::npos);
}

RC_GTEST_PROP(SuiteMistakes, AnyTextIsASuiteOrHasMistakes, (const std::string& text)) {
  for (const std::string& whole : {text, "[[case]]\nscenario = \"lift\"\n" + text}) {
    try {
      RC_ASSERT(!parse(whole).cases.empty());
    } catch (const ScenarioError& error) {
      RC_ASSERT(!error.mistakes().empty());
    }
  }
}

// Written at many places, set by as many words: what a suite sets arrives as it was written.
TEST(ParseSuite, SetsEveryKindOfValue) {
  const Suite suite = parse(R"([[case]]
scenario = "lift"
[case.set]
description = "a \"b\" \\ \u00e9\n= [c] # d"
run.starts_at = 2026-05-04T05:00:00
tenant.users.arrivals = { process = "poisson", load = 0.1, shape = { kind = "steps", steps = [["1s", 2.0], ["2s", 1]] } }
tenant.users.weight = 1e-3
[[case.set.throttle]]
name = "output_limit"
kind = "concurrency"
limit = 1_000
tenants = [
  "users",  # all of them
]
)");
  const Scenario& scenario = suite.cases.at(0).scenario;
  EXPECT_EQ(scenario.description, "a \"b\" \\ \u00e9\n= [c] # d");
  EXPECT_TRUE(scenario.run.starts_at_s.has_value());
  EXPECT_EQ(scenario.tenants.at(0).arrivals.shape.value().steps.size(), 2U);
  EXPECT_EQ(scenario.tenants[0].weight, 1e-3);
  ASSERT_EQ(scenario.throttles.size(), 1U);
  EXPECT_EQ(scenario.throttles[0].kind, ThrottleKind::concurrency);
  EXPECT_EQ(scenario.throttles[0].limit, 1000);
  EXPECT_EQ(scenario.throttles[0].tenants, std::vector<std::string>{"users"});
}

TEST(Objectives, AreReadWithAndWithoutSpaces) {
  for (const auto& [text, relation] :
       std::vector<std::pair<std::string, Relation>>{{"a.b<=-1.5e3", Relation::at_most},
                                                     {" a.b < -1500 ", Relation::below},
                                                     {"a.b >= -1500", Relation::at_least},
                                                     {"a.b>-1500", Relation::above},
                                                     {"a.b ==-1500", Relation::equal},
                                                     {"a.b!= -1500", Relation::unequal}}) {
    const Quantity<Objective> read = parse_objective(text);
    ASSERT_TRUE(read.value.has_value()) << text << ": " << read.problem;
    EXPECT_EQ(*read.value, (Objective{text, "a.b", relation, -1500}));
  }
}

TEST(Objectives, WhatIsNoneSaysWhy) {
  for (const std::string text : {"", "a", "a = 1", "< 1", "a <", "a < b", "a < 1ms", "a ! 1",
                                 "a < nan", "a <= inf", "a << 1", "a < 1e999"}) {
    const Quantity<Objective> read = parse_objective(text);
    EXPECT_FALSE(read.value.has_value()) << text;
    EXPECT_FALSE(read.problem.empty()) << text;
    EXPECT_FALSE(read.advice.empty()) << text;
  }
}

TEST(Objectives, AreMetAsTheirRelationSays) {
  const auto met = [](const std::string& text, double figure) {
    return is_met(parse_objective(text).value.value(), figure);
  };
  for (const double figure : {1.0, 2.0, 3.0}) {
    EXPECT_EQ(met("x <= 2", figure), figure <= 2);
    EXPECT_EQ(met("x < 2", figure), figure < 2);
    EXPECT_EQ(met("x >= 2", figure), figure >= 2);
    EXPECT_EQ(met("x > 2", figure), figure > 2);
    EXPECT_EQ(met("x == 2", figure), figure == 2);
    EXPECT_EQ(met("x != 2", figure), figure != 2);
  }
  EXPECT_FALSE(met("x != 2", std::numeric_limits<double>::quiet_NaN()));
}

// The example in the documentation is a suite.
TEST(ParseSuite, ReadsTheExampleOfTheDocumentation) {
  std::ifstream in(source_folder() + "/workloads/suites/README.md");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t begin = text.find("[suite]\n");
  ASSERT_NE(begin, std::string::npos);
  const Suite suite = parse(text.substr(begin, text.find("```", begin) - begin));
  EXPECT_EQ(
      names_of(suite),
      (std::vector<std::string>{
          "lift", "sizing/profile=h100-8b/max_batch=32", "sizing/profile=h100-8b/max_batch=64",
          "sizing/profile=b200-8b/max_batch=32", "sizing/profile=b200-8b/max_batch=64",
          "limits/limit=strict", "limits/limit=refusing"}));
}

TEST(BuiltinSuites, AreSound) {
  std::vector<std::string> names;
  for (const BuiltinSuite& builtin : builtin_suites()) {
    names.push_back(builtin.name);
    EXPECT_FALSE(builtin.description.empty());
    const Suite suite = parse_suite(builtin.text, builtin.name, "", {}, {}, no_figure);
    EXPECT_EQ(suite.name, builtin.name);
    EXPECT_EQ(suite.description, builtin.description);
    for (const SuiteCase& made : suite.cases) {
      const bool accelerators = made.scenario.run.engine == Engine::simulated;
      const double capacity =
          accelerators ? 2500.0 * static_cast<double>(replica_count(made.scenario)) : 5000;
      EXPECT_EQ(warnings(resolve(made.scenario, capacity), builtin_profiles()),
                std::vector<std::string>{})
          << made.name;
    }
  }
  EXPECT_TRUE(std::ranges::is_sorted(names));
  EXPECT_EQ(names, (std::vector<std::string>{"capacity", "commodity", "smoke", "throttles"}));
}

std::string no_sweep_figure(const std::string& path, std::size_t axes, std::size_t finds) {
  if (path == "knee") return axes == 1 ? "" : "'knee' is of one key";
  return path == "found" && finds > 0 ? "" : "'" + path + "' is no figure of a sweep";
}

Suite parse_swept(const std::string& text) {
  return parse_suite(text, "mine.toml", "", {}, {}, no_figure, no_sweep_figure);
}

// Line numbers below are of this text.
constexpr const char* kSweptSuite = R"([suite]
repetitions = 2
objectives = "ttft.p99_ms.after <= 500"
[[case]]
name = "curve"
scenario = "steady"
matrix = { "run.seed" = [1, 2] }
sweep = { over = "tenant.users.arrivals.load=0.1:1.2:3", find = "most tenant.users.arrivals.load=0.1:1.2", while = "attainment.steady >= 0.9" }
objectives = ["knee >= 0.7", "found >= 0.8"]
[[case]]
scenario = "lift"
)";

TEST(SweptCases, AreReadBesideOthers) {
  const Suite suite = parse_swept(kSweptSuite);
  EXPECT_EQ(names_of(suite), (std::vector<std::string>{"curve/seed=1", "curve/seed=2", "lift"}));
  for (const std::size_t i : {0U, 1U}) {
    const SuiteCase& curve = suite.cases[i];
    ASSERT_TRUE(curve.sweep);
    EXPECT_EQ(curve.sweep->over.size(), 1U);
    EXPECT_TRUE(curve.sweep->finds.at(0).most);
    EXPECT_EQ(curve.repetitions, kUsualSweepRepetitions);  // those of the suite are of runs
    ASSERT_EQ(curve.objectives.size(), 2U);                // and so are its objectives
    EXPECT_EQ(curve.objectives[0].path, "knee");
    EXPECT_EQ(curve.scenario.run.seed, i + 1);
  }
  EXPECT_FALSE(suite.cases[2].sweep);
  EXPECT_EQ(suite.cases[2].repetitions, 2U);
  EXPECT_EQ(suite.cases[2].objectives.size(), 1U);
}

TEST(SweptCases, MistakesHaveTheirPlace) {
  const std::vector<Edit> edits = {
      {"load=0.1:1.2:3", "laod=0.1:1.2:3", 8, "laod", "load"},
      {"=0.1:1.2:3", "=1.2:0.1:3", 8, "not less than", ""},
      {", while = \"attainment.steady >= 0.9\" }", " }", 8, "there is none", "while"},
      {"over =", "ofer =", 8, "ofer", "over"},
      {"knee >= 0.7", "kneee >= 0.7", 9, "no figure of a sweep", ""},
      {"objectives = [", "repetitions = 3\nobjectives = [", 9, "how often each point", "sweep"},
      {"objectives = [", "control = true\nobjectives = [", 9, "no control", ""},
  };
  for (const Edit& edit : edits) {
    expect_found(mistakes_of([&] { parse_swept(replaced(kSweptSuite, edit.from, edit.to)); }),
                 edit);
  }
  const std::string nothing =
      replaced(kSweptSuite,
               "sweep = { over = \"tenant.users.arrivals.load=0.1:1.2:3\", find = \"most "
               "tenant.users.arrivals.load=0.1:1.2\", while = \"attainment.steady >= 0.9\" }",
               "sweep = { repetitions = 2 }");
  expect_found(mistakes_of([&] { parse_swept(nothing); }), {"", "", 8, "changes nothing", "over"});
}

const BuiltinSuite& builtin_suite(const std::string& name) {
  return *std::ranges::find(builtin_suites(), name, &BuiltinSuite::name);
}

TEST(BuiltinSuites, ThrottlesHasEveryKind) {
  const Suite suite = parse(std::string(builtin_suite("throttles").text));
  std::set<ThrottleKind> kinds;
  for (const SuiteCase& made : suite.cases) {
    const Throttle& throttle = made.scenario.throttles.at(0);
    kinds.insert(throttle.kind);
    EXPECT_EQ(made.name, "lift/kind=" + std::string(name_of(throttle.kind)));
    EXPECT_EQ(made.scenario.run.engine, Engine::simulated);
  }
  EXPECT_EQ(kinds.size(), kKeywords<ThrottleKind>.size());
}

TEST(BuiltinSuites, CapacityHasEveryAccelerator) {
  const Suite suite = parse(std::string(builtin_suite("capacity").text));
  std::set<std::string> used;
  for (const SuiteCase& made : suite.cases) {
    used.insert(made.scenario.fleet.sites.at(0).profile);
    EXPECT_EQ(made.scenario.run.engine, Engine::simulated);
  }
  std::set<std::string> built_in;
  for (const Profile& profile : builtin_profiles()) {
    if (profile.accelerator) built_in.insert(profile.name);
  }
  EXPECT_EQ(used, built_in);
}

}  // namespace
}  // namespace tokenlift::suite_test
