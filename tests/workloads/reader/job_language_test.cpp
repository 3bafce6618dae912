// The scenario language: internal jobs, and batteries that come by events.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/plan/job_notes.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::job_language_test {
namespace {

constexpr std::int64_t kS = 1'000'000'000;

// Line numbers in the tests below are of this text.
const std::string kText = R"(name = "demo"
[run]
engine = "virtual"
duration = "100s"
[[fleet.site]]
name = "hall"
replicas = 8
profile = "h100-8b"
power = { limit = "30kW" }
[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "5/s" }
prompt_tokens = { distribution = "constant", value = 100 }
output_tokens = { distribution = "constant", value = 50 }
[[job]]
name = "training"
site = "hall"
replicas = 6
yields = 4
priority = -1
step = "4s"
interconnect = "300ms"
control = "5s"
[[job]]
name = "evaluation"
site = "hall"
replicas = 1
step = "1s"
[[event]]
at = "50s"
battery = { site = "hall", energy = "15kWh", power = "10kW" }
)";

Scenario parse(const std::string& text) {
  return parse_scenario(text, "demo.toml", "", {});
}

void expect_mistake(const Edit& edit) {
  const std::string text = replaced(kText, edit.from, edit.to);
  expect_found(mistakes_of([&] { parse(text); }), edit);
}

TEST(ParseJob, ReadsWhatIsThereAndWhatIsUsual) {
  const Scenario scenario = parse(kText);
  ASSERT_EQ(scenario.jobs.size(), 2U);
  EXPECT_EQ(scenario.jobs[0], (Job{"training", "hall", 6, 4, -1, 4 * kS, 3 * kS / 10, 5 * kS}));
  EXPECT_EQ(scenario.jobs[1], (Job{"evaluation", "hall", 1, 0, 0, kS, 0, 10 * kS}));
  EXPECT_EQ(scenario.events[0].kind, EventKind::battery);
  EXPECT_EQ(scenario.events[0].site, "hall");
  EXPECT_EQ(scenario.events[0].battery, (Battery{15'000'000, 10'000'000}));
}

TEST(ParseJob, WhatIsWrittenReadsTheSame) {
  const Scenario scenario = parse(kText);
  EXPECT_EQ(parse(to_toml(scenario)), scenario) << to_toml(scenario);
}

TEST(ParseJob, TellsWhatIsWrongWhereAndWhatToDo) {
  const std::vector<Edit> edits = {
      {"engine = \"virtual\"", "engine = \"threads\"", 16, "engine \"threads\" runs no jobs",
       "set run.engine = \"virtual\""},
      {"site = \"hall\"\nreplicas = 6", "site = \"hal\"\nreplicas = 6", 17,
       "there is no site \"hal\"", "did you mean \"hall\"?"},
      {"replicas = 6", "replicas = 9", 18, "takes 9 replicas of site \"hall\", which has 8",
       "raise the site's replicas"},
      {"replicas = 1\n", "replicas = 3\n", 27, "which has 8, and other jobs have the rest",
       "lower it"},
      {"yields = 4", "yields = 7", 19, "it yields 7 replicas, and takes 6", "6 or less"},
      {"priority = -1", "priority = 1", 19, "no tenant that may use its site has that or a larger",
       "lower its priority"},
      {"step = \"4s\"\n", "", 15, "lacks the key \"step\"", "step = \"2s\""},
      {"step = \"4s\"", "step = \"4ms\"", 21, "\"step\" is shorter than 10ms", "make it longer"},
      {"control = \"5s\"", "control = \"1ms\"", 23, "\"control\" is shorter than 10ms",
       "make it longer"},
      {"name = \"evaluation\"", "name = \"training\"", 25, "\"training\"", ""},
      {"interconnect", "interconect", 22, "\"interconect\"", "did you mean \"interconnect\"?"},
      {"energy = \"15kWh\", ", "", 31, "lacks the key \"energy\"", "what it holds"},
      {"power = { limit = \"30kW\" }", "power = {}", 31,
       "site \"hall\" has no limit of power that a battery could help to keep",
       "power = { limit = \"300MW\" }"},
  };
  for (const Edit& edit : edits) expect_mistake(edit);
}

TEST(ParseJob, CheckSaysWhatItHasAndWhatIsLeftOfIt) {
  const std::vector<std::string> notes = job_notes(parse(kText));
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_EQ(
      notes[0],
      "job 'training' has 6 replicas of site 'hall': at most 837 steps an hour; it yields 4 of "
      "them to 'users', and makes 293 with the rest");
  EXPECT_EQ(notes[1], "job 'evaluation' has 1 replica of site 'hall': at most 3600 steps an hour");
}

TEST(ParseJob, OneStepIsNoSteps) {
  const std::string slow =
      replaced(kText, "replicas = 1\nstep = \"1s\"", "replicas = 1\nstep = \"1h\"");
  EXPECT_EQ(job_notes(parse(slow)).back(),
            "job 'evaluation' has 1 replica of site 'hall': at most 1 step an hour");
}

TEST(ParseJob, AWrongNumberOfReplicasIsOneMistake) {
  expect_mistake({"replicas = 6", "replicas = 0", 18, "\"replicas\" is 0, which is too small", ""});
  try {
    parse(replaced(kText, "replicas = 6", "replicas = 0"));
    FAIL();
  } catch (const ScenarioError& error) {
    EXPECT_EQ(error.mistakes().size(), 1U) << error.what();
  }
}

// The limit is the mistake, not that there is none.
TEST(ParseJob, AWrongLimitIsOneMistake) {
  for (const char* const wrong : {"power = { limit = 30000 }", "power = 30"}) {
    try {
      parse(replaced(kText, "power = { limit = \"30kW\" }", wrong));
      FAIL() << wrong;
    } catch (const ScenarioError& error) {
      EXPECT_EQ(error.mistakes().size(), 1U) << error.what();
    }
  }
  expect_mistake(
      {"limit = \"30kW\"", "limit = 300000000", 9, "not a power with a unit", "\"300000000W\""});
}

}  // namespace
}  // namespace tokenlift::job_language_test
