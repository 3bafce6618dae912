// What [tune] says.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/workloads/reader/mistakes.hpp"
#include "tests/workloads/tuning/tuned_scenario.hpp"
#include "workloads/scenario/tuning.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::tuning_reader_test {
namespace {

TEST(Tune, IsAbsentWhereNothingIsSaid) {
  EXPECT_FALSE(parse_tuned(kTunedText).tuning.has_value());
  EXPECT_EQ(tuning_of("[tune]\n"), Tuning{});
}

TEST(Tune, ReadsEveryKey) {
  const Tuning tuning = tuning_of(R"([tune]
lift = false
objective = "minimize ttft.p99_ms"
constraints = ["goodput_tokens_per_s >= 0.9", "ttft.p99_ms.before<500"]
budget = 1_000_000
[[tune.parameters]]
key = "throttle.output limit.load"
min = 0.2
max = 1.2
[[tune.parameters]]
key = "throttle.output limit.max_wait"
min = "1s"
max = "3s"
[[tune.parameters]]
key = "fleet.site.0.replicas"
min = 1
max = 8
scale = "log_integer"
[[tune.parameters]]
key = "throttle.output limit.when_full"
choices = ["queue", "reject"]
scale = "choice"
[[tune.parameters]]
key = "tenant.users.arrivals"
choices = [{ process = "poisson", rate = "3/s" }, { process = "constant", rate = "3/s" }]
[[tune.parameters]]
key = "event.0.set.rate"
min = "6/min"
max = "12/s"
)");
  ASSERT_EQ(tuning.parameters.size(), 6U);
  EXPECT_EQ(tuning.parameters[0], (Parameter{"throttle.output limit.load",
                                             ParameterScale::log,
                                             ParameterForm::number,
                                             0.2,
                                             1.2,
                                             {},
                                             ""}));
  EXPECT_EQ(tuning.parameters[1].scale, ParameterScale::linear);  // a range of three
  EXPECT_EQ(tuning.parameters[1].form, ParameterForm::duration);
  EXPECT_EQ(tuning.parameters[1].max, 3e9);
  EXPECT_EQ(tuning.parameters[2].scale, ParameterScale::log_integer);
  EXPECT_EQ(tuning.parameters[3].scale, ParameterScale::choice);
  EXPECT_EQ(tuning.parameters[3].choices, (std::vector<std::string>{"queue", "reject"}));
  EXPECT_EQ(tuning.parameters[4].choices.size(), 2U);
  EXPECT_EQ(tuning.parameters[5].form, ParameterForm::rate);
  EXPECT_DOUBLE_EQ(tuning.parameters[5].min, 0.1);
  EXPECT_EQ(tuning.objective, (Aim{"ttft.p99_ms.before", false}));
  ASSERT_EQ(tuning.constraints.size(), 2U);
  EXPECT_EQ(tuning.constraints[0].text, "goodput_tokens_per_s.before >= 0.9");
  EXPECT_EQ(tuning.constraints[0].path, "goodput_tokens_per_s.before");
  EXPECT_EQ(tuning.constraints[1].text, "ttft.p99_ms.before<500");
  EXPECT_EQ(tuning.budget_requests, 1'000'000);
}

TEST(Tune, AddsThePhaseThatIsJudged) {
  EXPECT_EQ(tuning_of("[tune]\nobjective = \"goodput\"\n").objective,
            (Aim{"goodput_tokens_per_s.before", true}));
  EXPECT_EQ(tuning_of("[tune]\nobjective = \"goodput_tokens_per_s\"\n").objective,
            (Aim{"goodput_tokens_per_s.before", true}));
  EXPECT_EQ(
      tuning_of("[tune]\nlift = true\nobjective = \"maximize goodput_tokens_per_s\"\n").objective,
      (Aim{"goodput_tokens_per_s.transition", true}));
  // Who does not know which figures there are takes all of them as they are.
  const std::string text = kTunedText + "[tune]\nobjective = \"goodput_tokens_per_s\"\n";
  EXPECT_EQ(parse_scenario(text, "demo.toml", "", {}).tuning->objective,
            (Aim{"goodput_tokens_per_s", true}));
}

TEST(Tune, CanBeOverridden) {
  const Scenario scenario =
      parse_tuned(kTunedText + "[tune]\nbudget = 5\n",
                  {"tune.budget=1000", "tune.objective=goodput_tokens_per_s"});
  EXPECT_EQ(scenario.tuning->budget_requests, 1000);
  EXPECT_EQ(scenario.tuning->objective, (Aim{"goodput_tokens_per_s.before", true}));
}

TEST(Tune, IsWrittenAndReadBackButNoPartOfWhatIsRun) {
  const std::string tune = R"([tune]
objective = "minimize ttft.p99_ms"
constraints = "goodput_tokens_per_s >= 0.9"
budget = 7
[[tune.parameters]]
key = "throttle.output limit.max_wait"
choices = ["1s", "250ms"]
[[tune.parameters]]
key = "throttle.output limit"
choices = [{ name = "a", kind = "concurrency", limit = 3 }, { name = "a", kind = "vegas" }]
)";
  // The second one takes the throttle away from the event: that it does is said.
  EXPECT_THROW(parse_tuned(kTunedText + tune), ScenarioError);
  const std::string sound = tune.substr(0, tune.rfind("[[tune"));
  const Scenario scenario = parse_tuned(kTunedText + sound);
  EXPECT_EQ(parse_tuned(to_toml(scenario)), scenario);
  EXPECT_EQ(to_json(scenario).find("tune"), std::string::npos);
}

struct Slip {
  std::string tune;
  int line;
  int column;
  std::string message;
  std::string advice;
};

const Slip kSlips[] = {
    {"[tune]\nlift = 1", 37, 8, "\"lift\" is an integer, not true or false",
     "for example lift = true"},
    {"[tune]\nbudget = 0", 37, 10, "\"budget\" is 0, which is too small",
     "a whole number from 1 to 1000000000000"},
    {"[tune]\ngoal = 1", 37, 1, "unknown key \"goal\" in [tune]",
     R"(known here: "budget", "constraints", "lift", "objective", "parameters")"},
    {"[tune]\nobjective = \"maximise goodput_tokens_per_s\"", 37, 13,
     "\"maximise goodput_tokens_per_s\" is no objective",
     "\"maximize FIGURE\" or \"minimize FIGURE\"; a bound is one of the constraints"},
    {"[tune]\nobjective = \"ttft.p99_ms\"", 37, 13, "more, or less of \"ttft.p99_ms\"?",
     "\"minimize ttft.p99_ms\" or \"maximize ttft.p99_ms\""},
    {"[tune]\nobjective = \"godput\"", 37, 13, "there is no figure \"godput\"", ""},
    {"[tune]\nconstraints = [\"goodput_tokens_per_s > 1\", \"goodput_tokens_per_s\"]", 37, 44,
     "\"goodput_tokens_per_s\" compares nothing",
     R"(write a figure, one of <=, <, >=, >, == and !=, and a number, )"
     R"(for example "ttft.p99_ms.after <= 500")"},
    {"[tune]\nconstraints = \"godput > 1\"", 37, 15, "there is no figure \"godput\"", ""},
    {"[tune]\nconstraints = \"ttft.p99_ms > -1\"", 37, 15, "no figure is negative", ""},
    {"[tune]\nconstraints = [\"lift.length_s < 1\", \"tenants.usres.attainment > 0\"]", 37, 37,
     "there is no tenant \"usres\"", "did you mean \"users\"?"},
    {"[tune]\nobjective = \"maximize throttles.limit.binding.before\"", 37, 13,
     "there is no throttle \"limit\"", "known here: \"output limit\""},
    {"[[tune.parameters]]\nmin = 1\nmax = 2", 36, 1, "[[tune.parameters]] lacks the key \"key\"",
     "what is changed, as for --set: key = \"throttle.NAME.rate\""},
    {"[[tune.parameters]]\nkey = \"run.seed\"", 36, 1, "[[tune.parameters]] lacks the key \"min\"",
     "give min and max, or choices = [...]"},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nmax = 9\nscale = \"log\"", 36, 1,
     "[[tune.parameters]] lacks the key \"min\"", "give min and max, or choices = [...]"},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nmin = 2\nmax = 2", 39, 7,
     "\"max\" is not more than \"min\"", "exchange them, or widen the range"},
    {"[[tune.parameters]]\nkey = \"run.duration\"\nmin = \"30s\"\nmax = 60", 39, 7,
     "\"min\" is a duration and \"max\" a number", "give both in the same form"},
    {"[[tune.parameters]]\nkey = \"run.duration\"\nmin = \"30\"\nmax = \"60s\"", 38, 7,
     "\"min\": \"30\" has no unit", "write \"30s\" for seconds, or \"30ms\" for milliseconds"},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nmin = 0\nmax = 9\nscale = \"log\"", 38, 7,
     "on a logarithmic scale both ends are above 0", "raise it, or set scale = \"linear\""},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nmin = 0\nmax = 9\nscale = \"log_integer\"", 38, 7,
     "on a logarithmic scale whole numbers begin at 1", "raise it, or set scale = \"integer\""},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nmin = 0.5\nmax = 9\nscale = \"integer\"", 40, 9,
     "\"min\" and \"max\" are no whole numbers",
     "give whole numbers, or set scale = \"linear\" or \"log\""},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nmin = 1\nmax = 9\nscale = \"choice\"", 40, 9,
     "a range has no choices", "give choices = [...] instead of min and max"},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nmin = 1\nmax = 9", 38, 7,
     "between the ends, with run.seed=3.888: \"seed\" is a number, not a whole number",
     "for whole numbers alone set scale = \"integer\" or \"log_integer\""},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nchoices = [1]", 38, 11,
     "\"choices\" must be an array of two values at least",
     "for example choices = [\"queue\", \"reject\"]"},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nchoices = [1, 2, 1]", 38, 18,
     "the choice 1 is there twice", "remove one of them"},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nchoices = [1, [2]]", 38, 15,
     "a choice is a string, a number, a boolean or a table", ""},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nchoices = [1, 2]\nmin = 3", 39, 7,
     "a parameter has choices or a range, not both", "remove one of them"},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nchoices = [1, 2]\nscale = \"log\"", 39, 9,
     "choices have no scale", "remove it"},
    {"[[tune.parameters]]\nkey = \"run.sead\"\nmin = 1\nmax = 9", 37, 7,
     "unknown key \"sead\" in [run]", "did you mean \"seed\"?"},
    {"[[tune.parameters]]\nkey = \"throttle.x.load\"\nmin = 1\nmax = 9", 37, 7,
     "there is no \"x\" here", "known here: \"output limit\""},
    {"[[tune.parameters]]\nkey = \"tune.budget\"\nmin = 1\nmax = 9", 37, 7,
     "what is searched can't change the search", "remove it"},
    {"[[tune.parameters]]\nkey = \"a=b\"\nmin = 1\nmax = 9", 37, 7, "\"a=b\" can't be a key",
     "for example \"throttle.NAME.rate\""},
    {"[[tune.parameters]]\nkey = \"run.seed\"\nchoices = [1, 2]\n"
     "[[tune.parameters]]\nkey = \"run.seed\"\nchoices = [1, 2]",
     40, 7, "there are two parameters \"run.seed\"", "remove one of them"},
    // What one of the values does to the rest of the scenario.
    {"[[tune.parameters]]\nkey = \"run.duration\"\nmin = \"20s\"\nmax = \"60s\"", 38, 7,
     "the event is not between the end of the warm-up and the end of the run (demo.toml:29:6)",
     "more than 3s and less than 20s"},
    {"[[tune.parameters]]\nkey = \"throttle.output limit.burst\"\nmin = 32\nmax = 640", 38, 7,
     "the burst of throttle \"output limit\" is smaller than the largest request, which costs 64 "
     "output_tokens",
     "such a request would wait for ever: raise the burst or lower max_tokens"},
    {"[[tune.parameters]]\nkey = \"throttle.output limit.when_full\"\nchoices = [\"queue\", "
     "\"no\"]",
     38, 21, "\"when_full\" can't be \"no\"", "known here: \"queue\", \"reject\""},
    // The search for a lift.
    {"[[tune.parameters]]\nkey = \"lift.over\"\nmin = \"1s\"\nmax = \"2s\"", 37, 7,
     "\"lift.over\" is of the search for a lift", "set tune.lift = true, or remove it"},
    {"[tune]\nlift = true\n[[tune.parameters]]\nkey = \"lift.over\"\nmin = \"1s\"\nmax = \"25s\"",
     41, 7, "such a lift ends after the run", "the event leaves it less than 25s"},
    {"[tune]\nlift = true\n[[tune.parameters]]\nkey = \"lift.over\"\nmin = 1\nmax = 2", 40, 7,
     "a lift takes a duration of more than 0", "for example min = \"100ms\""},
    {"[tune]\nlift = true\n[[tune.parameters]]\nkey = \"lift.inherit\"\nmin = 1\nmax = 2", 39, 7,
     "\"lift.inherit\" has choices, no range",
     "for example choices = [\"as_is\", \"proportional\"]"},
    {"[tune]\nlift = true\n[[tune.parameters]]\nkey = \"lift.shape\"\nchoices = [\"linear\", "
     "\"x_steps\"]",
     40, 22, "\"lift.shape\" can't be \"x_steps\"", "did you mean \"2_steps\"?"},
    {"[tune]\nlift = true\nparameters = [{ key = \"lift.shape\", choices = [\"linear\", "
     "\"at_once\"] }]",
     38, 14, "\"lift.shape\" is searched without \"lift.over\"", "add the other one"},
};

TEST(Tune, EachMistakeIsFoundOnceAtItsPlaceWithAdvice) {
  for (const Slip& slip : kSlips) {
    const std::vector<Mistake> mistakes =
        mistakes_of([&] { parse_tuned(kTunedText + slip.tune + "\n"); });
    ASSERT_EQ(mistakes.size(), 1U) << slip.tune << "\n" << listed(mistakes);
    const Mistake& mistake = mistakes[0];
    EXPECT_EQ(mistake.message, slip.message) << slip.tune;
    EXPECT_EQ(mistake.advice, slip.advice) << slip.tune;
    EXPECT_EQ(mistake.line, slip.line) << listed(mistakes);
    EXPECT_EQ(mistake.column, slip.column) << listed(mistakes);
  }
}

TEST(Tune, AllMistakesAreReportedAtOnceAndTheScenariosOwnNotTwice) {
  const std::vector<Mistake> mistakes = mistakes_of([&] {
    parse_tuned(kTunedText +
                    "[tune]\nbudget = 0\n[[tune.parameters]]\nkey = \"run.sed\"\nmin = 1\nmax = 2\n"
                    "[[tune.parameters]]\nkey = \"throttle.output limit.load\"\nmin = 0\nmax = 2\n",
                {"run.warmup=x"});
  });
  std::vector<int> lines;
  for (const Mistake& mistake : mistakes) lines.push_back(mistake.line);
  EXPECT_EQ(lines, (std::vector<int>{37, 39, 44, 1})) << listed(mistakes);
}

TEST(Tune, ALiftNeedsAnEvent) {
  const std::string text =
      kTunedText.substr(0, kTunedText.find("[[event]]")) + "[tune]\nlift = true\n";
  const std::vector<Mistake> mistakes = mistakes_of([&] { parse_tuned(text); });
  ASSERT_EQ(mistakes.size(), 1U) << listed(mistakes);
  EXPECT_EQ(mistakes[0].message, "there is no event whose course could be searched");
}

}  // namespace
}  // namespace tokenlift::tuning_reader_test
