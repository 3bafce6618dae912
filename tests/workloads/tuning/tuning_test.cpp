// What [tune] says, values and their places in a range, and how a lift may happen; the defaults.

#include "workloads/scenario/tuning.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/plan/changes.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/tuning/candidate.hpp"
#include "workloads/tuning/defaults.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {
namespace {

constexpr std::int64_t kS = 1'000'000'000;

// Line numbers in the tests below are of this text; [tune] begins in line 36.
const std::string kText = R"(name = "demo"
[run]
engine = "virtual"
duration = "40s"
warmup = "3s"
settle = "8s"

[[fleet.site]]
name = "commodity"
replicas = 2
max_batch = 16

[[tenant]]
name = "users"
arrivals = { process = "poisson", load = 0.7 }
prompt_tokens = { distribution = "constant", value = 128 }
output_tokens = { distribution = "constant", value = 64 }
slo = { ttft = "2s" }

[[throttle]]
name = "output limit"
kind = "token_bucket"
unit = "output_tokens"
load = 0.4
burst = "1s"
max_wait = "2s"

[[event]]
at = "25s"
set = { throttle = "output limit", load = 0.9 }

[[event]]
at = "15s"
lift = "output limit"

)";

std::string figure_mistake(const std::string& path, std::optional<double> bound) {
  const bool known =
      path == "goodput_tokens_per_s.before" || path == "goodput_tokens_per_s.transition" ||
      path == "ttft.p99_ms.before" || path == "ttft.p99_ms.transition" || path == "lift.length_s" ||
      path == "tenants.usres.attainment.before" || path == "throttles.limit.binding.before";
  if (!known) return "there is no figure \"" + path + "\"";
  return bound && *bound < 0 ? "no figure is negative" : "";
}

Scenario parse(const std::string& text, const std::vector<std::string>& words = {}) {
  return parse_scenario(text, "demo.toml", "", words, {}, figure_mistake);
}

Tuning tuning_of(const std::string& tune) {
  return parse(kText + tune).tuning.value();
}

Parameter range(double min, double max, ParameterScale scale,
                ParameterForm form = ParameterForm::number) {
  return {"throttle.x.y", scale, form, min, max, {}, ""};
}

// ------------------------------------------------------------------------------------- reading

TEST(Tune, IsAbsentWhereNothingIsSaid) {
  EXPECT_FALSE(parse(kText).tuning.has_value());
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
  const std::string text = kText + "[tune]\nobjective = \"goodput_tokens_per_s\"\n";
  EXPECT_EQ(parse_scenario(text, "demo.toml", "", {}).tuning->objective,
            (Aim{"goodput_tokens_per_s", true}));
}

TEST(Tune, CanBeOverridden) {
  const Scenario scenario = parse(kText + "[tune]\nbudget = 5\n",
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
  EXPECT_THROW(parse(kText + tune), ScenarioError);
  const std::string sound = tune.substr(0, tune.rfind("[[tune"));
  const Scenario scenario = parse(kText + sound);
  EXPECT_EQ(parse(to_toml(scenario)), scenario);
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
    const std::vector<Mistake> mistakes = mistakes_of([&] { parse(kText + slip.tune + "\n"); });
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
    parse(kText +
              "[tune]\nbudget = 0\n[[tune.parameters]]\nkey = \"run.sed\"\nmin = 1\nmax = 2\n"
              "[[tune.parameters]]\nkey = \"throttle.output limit.load\"\nmin = 0\nmax = 2\n",
          {"run.warmup=x"});
  });
  std::vector<int> lines;
  for (const Mistake& mistake : mistakes) lines.push_back(mistake.line);
  EXPECT_EQ(lines, (std::vector<int>{37, 39, 44, 1})) << listed(mistakes);
}

TEST(Tune, ALiftNeedsAnEvent) {
  const std::string text = kText.substr(0, kText.find("[[event]]")) + "[tune]\nlift = true\n";
  const std::vector<Mistake> mistakes = mistakes_of([&] { parse(text); });
  ASSERT_EQ(mistakes.size(), 1U) << listed(mistakes);
  EXPECT_EQ(mistakes[0].message, "there is no event whose course could be searched");
}

// ------------------------------------------------------------------------------------- values

TEST(ValueAt, IsWrittenAsForSet) {
  using enum ParameterScale;
  EXPECT_EQ(value_at(range(0.2, 1.2, linear), 0.31424), "0.5142");
  EXPECT_EQ(value_at(range(1, 1e8, log), 0.5), "10000");
  EXPECT_EQ(value_at(range(1e9, 4e9, linear, ParameterForm::duration), 0.0833), "1.25s");
  EXPECT_EQ(value_at(range(10, 90, log, ParameterForm::rate), 0.5), "30/s");
  EXPECT_EQ(value_at(range(1, 9, integer), 0.3), "3");
  EXPECT_EQ(value_at(range(1, 1e6, log_integer), 1), "1000000");
  Parameter words;
  words.scale = ParameterScale::choice;
  words.choices = {"queue", "reject"};
  EXPECT_EQ(value_at(words, 0), "queue");
  EXPECT_EQ(value_at(words, 0.49), "queue");
  EXPECT_EQ(value_at(words, 0.5), "reject");
  EXPECT_EQ(value_at(words, 1), "reject");
  EXPECT_EQ(position_of(words, "reject"), 0.75);
  EXPECT_EQ(position_of(words, "shed"), std::nullopt);
  EXPECT_EQ(position_of(range(1, 9, integer), "10"), std::nullopt);
  EXPECT_EQ(position_of(range(1, 9, integer), "9x"), std::nullopt);
  EXPECT_EQ(position_of(range(1, 9, log, ParameterForm::rate), "3"), std::nullopt);
}

Parameter random_range() {
  using enum ParameterScale;
  Parameter parameter;
  parameter.form =
      *rc::gen::element(ParameterForm::number, ParameterForm::duration, ParameterForm::rate);
  const bool number = parameter.form == ParameterForm::number;
  parameter.scale = number ? *rc::gen::element(linear, log, integer, log_integer)
                           : *rc::gen::element(linear, log);
  parameter.min = *rc::gen::inRange(1, 100'000);
  parameter.max = parameter.min + std::pow(10, *rc::gen::inRange(0, 10)) * *rc::gen::inRange(1, 10);
  if (parameter.scale == log && number) parameter.min /= 1000;
  if (parameter.scale == linear && number) parameter.min -= 1e6;
  return parameter;
}

// A value and the values beside it: in the unit of the parameter.
double number_of(const Parameter& parameter, const std::string& value) {
  return parameter.form == ParameterForm::duration
             ? static_cast<double>(*parse_duration_ns(value).value)
             : std::stod(value);
}

RC_GTEST_PROP(ValueAt, HasItsEndsRisesAndIsFoundAgain, ()) {
  const Parameter parameter = random_range();
  RC_ASSERT(number_of(parameter, value_at(parameter, 0)) == parameter.min);
  RC_ASSERT(number_of(parameter, value_at(parameter, 1)) == parameter.max);
  RC_ASSERT(position_of(parameter, value_at(parameter, 0)) == 0.0);
  RC_ASSERT(position_of(parameter, value_at(parameter, 1)) == 1.0);
  const double position = *rc::gen::inRange(0, 1'000'001) / 1e6;
  const double further = std::min(position + *rc::gen::inRange(0, 100'000) / 1e6, 1.0);
  const std::string value = value_at(parameter, position);
  RC_ASSERT(number_of(parameter, value) <= number_of(parameter, value_at(parameter, further)));
  const std::optional<double> found = position_of(parameter, value);
  RC_ASSERT(found.has_value());
  RC_ASSERT(value_at(parameter, *found) == value);
  // As near as four digits, or whole numbers, can be.
  const double exact = number_of(parameter, value);
  const double step =
      std::max(std::abs(exact) * 1e-3, parameter.form == ParameterForm::number ? 0.5 : 1.0);
  const bool logarithmic =
      parameter.scale == ParameterScale::log || parameter.scale == ParameterScale::log_integer;
  const double near = logarithmic ? step / exact / std::log(parameter.max / parameter.min)
                                  : step / (parameter.max - parameter.min);
  RC_ASSERT(std::abs(*found - position) <= 1.1 * near);
}

// --------------------------------------------------------------------------------- candidates

Parameter choice(const std::string& key, std::vector<std::string> choices) {
  return {key, ParameterScale::choice, ParameterForm::word, 0, 0, std::move(choices), ""};
}

const std::vector<Parameter> kLift = {
    choice(kLiftShape, {"at_once", "linear", "2_steps", "4_steps", "8_steps"}),
    {kLiftLength, ParameterScale::log, ParameterForm::duration, 1e8, 1e10, {}, ""},
    choice(kLiftInherit, {"as_is", "proportional", "reset", "additive"})};

Scenario candidate(const std::string& text, const std::vector<double>& point) {
  return parse(text, settings(parse(text), kLift, point));
}

TEST(Settings, AreWordsOfTheCandidate) {
  const Scenario scenario = parse(kText);
  const std::vector<Parameter> parameters = {
      choice("throttle.output limit.when_full", {"queue", "reject"}),
      {"throttle.output limit.max_wait",
       ParameterScale::log,
       ParameterForm::duration,
       1e9,
       4e9,
       {},
       ""}};
  const std::vector<double> point = {1.0, 0.5};
  const std::vector<std::string> words = settings(scenario, parameters, point);
  EXPECT_EQ(words, (std::vector<std::string>{"throttle.output limit.max_wait=2s",
                                             "throttle.output limit.when_full=reject"}));
  EXPECT_EQ(parse(kText, words).throttles[0].when_full, WhenFull::reject);
}

TEST(Settings, OfALiftAtOnceOnlyHaveALongerTransition) {
  const std::vector<std::string> words =
      settings(parse(kText), kLift, std::vector<double>{0, 1, 1});
  EXPECT_EQ(words, (std::vector<std::string>{"run.settle=18s"}));
}

// The measured event is the second one of the file, and the appended one comes behind both.
TEST(Settings, RampALiftToTheCapacityAndThenLift) {
  const std::vector<std::string> words =
      settings(parse(kText), kLift, std::vector<double>{0.7, 0.5, 0.6});
  EXPECT_EQ(words,
            (std::vector<std::string>{
                "event.1={ at = \"15s\", ramp = { throttle = \"output limit\", to = { load = "
                "1 }, over = \"1s\", steps = 4, inherit = \"reset\" }, measure = true }",
                "event.2={ at = \"16s\", lift = \"output limit\" }", "run.settle=17s"}));
  const Scenario scenario = parse(kText, words);
  ASSERT_EQ(scenario.events.size(), 3U);
  EXPECT_EQ(measured_event(scenario), 0U);
  EXPECT_EQ(scenario.events[0].kind, EventKind::ramp);
  EXPECT_EQ(scenario.events[0].rate, (Rate{1, std::nullopt}));
  EXPECT_EQ(scenario.events[0].steps, 4);
  EXPECT_EQ(scenario.events[0].inherit, Inherit::reset);
  EXPECT_EQ(scenario.events[1].kind, EventKind::lift);
  EXPECT_EQ(scenario.events[1].at_ns, 16 * kS);
  EXPECT_EQ(scenario.events[2].at_ns, 25 * kS);
}

TEST(Settings, JudgeAllLiftsOverTheSameTime) {
  const Scenario scenario = parse(kText);
  for (const double shape : {0.1, 0.3, 0.5, 0.7, 0.9}) {
    for (const double length : {0.0, 0.4, 1.0}) {
      const Scenario changed = candidate(kText, {shape, length, 0.1});
      const Scenario resolved = resolve(changed, 5000.0);
      const std::vector<Phase> phases = plan_phases(resolved);
      ASSERT_EQ(phases[2].name, "transition");
      EXPECT_EQ(phases[2].begin_ns, 15 * kS);
      EXPECT_EQ(phases[2].end_ns, 33 * kS) << shape << " " << length;
    }
  }
}

TEST(Settings, KeepWhatASetChangesBeside) {
  const auto with = [](const std::string& event) {
    return kText.substr(0, kText.find("[[event]]")) + "[[event]]\nat = \"15s\"\n" + event + "\n";
  };
  const std::string plain =
      with("set = { throttle = \"output limit\", load = 0.8, burst = \"2s\" }");
  Scenario scenario = candidate(plain, {0.3, 0.5, 0.1});
  ASSERT_EQ(scenario.events.size(), 1U);
  EXPECT_EQ(scenario.events[0].kind, EventKind::ramp);
  EXPECT_EQ(scenario.events[0].rate, (Rate{0.8, std::nullopt}));
  EXPECT_EQ(scenario.events[0].burst, (Burst{2 * kS, std::nullopt}));
  scenario = candidate(plain, {0.0, 0.5, 0.9});
  EXPECT_EQ(scenario.events[0].kind, EventKind::set);
  EXPECT_EQ(scenario.events[0].inherit, Inherit::additive);

  const std::string more =
      with("set = { throttle = \"output limit\", load = 0.8, max_wait = \"9s\" }");
  scenario = candidate(more, {0.3, 0.5, 0.1});
  ASSERT_EQ(scenario.events.size(), 2U);
  EXPECT_EQ(scenario.events[1].kind, EventKind::set);
  EXPECT_EQ(scenario.events[1].at_ns, 16 * kS);
  EXPECT_EQ(scenario.events[1].max_wait_ns, 9 * kS);

  const std::string back = with("restore = \"output limit\"");
  scenario = candidate(back, {0.3, 0.5, 0.1});
  ASSERT_EQ(scenario.events.size(), 2U);
  EXPECT_EQ(scenario.events[0].rate, (Rate{0.4, std::nullopt}));
  EXPECT_EQ(scenario.events[1].kind, EventKind::restore);

  const std::string ramp = with(
      "ramp = { throttle = \"output limit\", from = { load = 0.5 }, to = \"900/s\", over = "
      "\"3s\", steps = 6 }");
  scenario = candidate(ramp, {0.9, 0.5, 0.1});
  ASSERT_EQ(scenario.events.size(), 1U);
  EXPECT_EQ(scenario.events[0].steps, 8);
  EXPECT_EQ(scenario.events[0].from, (Rate{0.5, std::nullopt}));
  EXPECT_EQ(scenario.events[0].over_ns, kS);
  scenario = candidate(ramp, {0.0, 0.5, 0.1});
  EXPECT_EQ(scenario.events[0].kind, EventKind::set);
  EXPECT_EQ(scenario.events[0].rate, (Rate{std::nullopt, 900}));
}

TEST(Settings, RampLimitsToAllPlaces) {
  std::string text = kText.substr(0, kText.find("[[throttle]]"));
  text += "[[throttle]]\nname = \"limit\"\nkind = \"concurrency\"\nlimit = 4\n";
  text += "[[event]]\nat = \"15s\"\nlift = \"limit\"\n";
  EXPECT_EQ(candidate(text, {0.3, 0.5, 0.1}).events[0].limit, 32);
}

TEST(PresentValue, IsThatOfTheKeyAsTheFileCountsIt) {
  const Scenario scenario = parse(kText);
  const auto present = [&](const std::string& key) {
    Parameter parameter = range(0, 1, ParameterScale::linear);
    parameter.key = key;
    return present_value(scenario, parameter);
  };
  EXPECT_EQ(present("throttle.output limit.load"), "0.4");
  EXPECT_EQ(present("throttle.0.burst"), "1s");
  EXPECT_EQ(present("throttle.output limit.rate"), std::nullopt);
  EXPECT_EQ(present("throttle.output limit.load.x"), std::nullopt);
  EXPECT_EQ(present("event.0.at"), "25s");
  EXPECT_EQ(present("event.1.at"), "15s");
  EXPECT_EQ(present("event.0.set.load"), "0.9");
  EXPECT_EQ(present(kLiftShape), "at_once");
  EXPECT_EQ(present(kLiftLength), std::nullopt);
  EXPECT_EQ(present(kLiftInherit), std::nullopt);
}

// ----------------------------------------------------------------------------------- defaults

Scenario builtin(const std::string& name, const std::vector<std::string>& words = {}) {
  for (const BuiltinScenario& each : builtin_scenarios()) {
    if (each.name != name) continue;
    return parse_scenario(each.text, name, "", words, {}, figure_mistake);
  }
  throw std::out_of_range(name);
}

Scenario resolved(const Scenario& scenario, double capacity_tokens_per_s) {
  return resolve(scenario, capacity_tokens_per_s);
}

// All of it as the scenario would say it, without the reasons.
Scenario saying(Scenario scenario, Tuning tuning) {
  for (Parameter& parameter : tuning.parameters) parameter.reason.clear();
  scenario.tuning = std::move(tuning);
  return scenario;
}

void check_defaults(const std::string& name, const Scenario& scenario, const Scenario& absolute,
                    double capacity_tokens_per_s, bool lift) {
  Tuning asked;
  asked.lift = lift;
  const Tuning tuning = complete_tuning(asked, scenario, absolute, builtin_profiles());
  RC_LOG() << name << "\n" << to_toml(saying(scenario, tuning));
  RC_ASSERT(tuning.objective.has_value());
  RC_ASSERT(tuning.parameters.size() <= kMostParameters);
  RC_ASSERT(scenario.throttles.empty() || lift || !tuning.parameters.empty());
  // What is said so is taken so: each end alone is a scenario.
  const Scenario said = saying(scenario, tuning);
  RC_ASSERT(parse_scenario(to_toml(said), name, "", {}) == said);
  for (const Parameter& parameter : tuning.parameters) {
    RC_ASSERT(!parameter.reason.empty());
    const std::optional<std::string> present = present_value(scenario, parameter);
    RC_ASSERT(!present || position_of(parameter, *present).has_value());
    RC_ASSERT(lift || present.has_value());
  }
  if (tuning.parameters.empty()) return;
  const std::vector<double> point = *rc::gen::container<std::vector<double>>(
      tuning.parameters.size(), rc::gen::map(rc::gen::inRange(0, 101), [](int percent) {
        return static_cast<double>(percent) / 100;
      }));
  const Scenario candidate = builtin(name, settings(scenario, tuning.parameters, point));
  resolve(candidate, capacity_tokens_per_s);
}

RC_GTEST_PROP(Defaults, AreScenariosWhereverTheyAreSearched, ()) {
  const BuiltinScenario chosen = *rc::gen::elementOf(builtin_scenarios());
  Scenario scenario = builtin(chosen.name);
  const double capacity_tokens_per_s = std::pow(10.0, *rc::gen::inRange(200, 700) / 100.0);
  const Scenario absolute = resolved(scenario, capacity_tokens_per_s);
  check_defaults(chosen.name, scenario, absolute, capacity_tokens_per_s, false);
  if (scenario.events.empty()) return;
  scenario.run.settle_ns = absolute.run.settle_ns;
  check_defaults(chosen.name, scenario, absolute, capacity_tokens_per_s, true);
}

struct Expected {
  std::string key;
  std::string from;
  std::string to;
  std::string reason;
};

void expect_ranges(const Tuning& tuning, const std::vector<Expected>& all) {
  ASSERT_EQ(tuning.parameters.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Parameter& parameter = tuning.parameters[i];
    EXPECT_EQ(parameter.key, all[i].key);
    EXPECT_EQ(value_at(parameter, 0), all[i].from);
    EXPECT_EQ(value_at(parameter, 1), all[i].to);
    EXPECT_EQ(parameter.reason, all[i].reason);
  }
}

Tuning defaults_of(const Scenario& scenario, bool lift = false) {
  Tuning tuning;
  tuning.lift = lift;
  return complete_tuning(tuning, scenario, resolved(scenario, 5000), builtin_profiles());
}

// kText with another throttle.
std::string behind(const std::string& throttle) {
  const std::size_t begin = kText.find("[[throttle]]");
  return kText.substr(0, begin) + "[[throttle]]\nname = \"limit\"\n" + throttle + "\n";
}

// A prompt of 128 tokens takes 5.4 ms on cpu-small; the fleet has 32 places.
TEST(Defaults, OfABucketFollowFromOfferedCapacityAndSlack) {
  const Tuning tuning = defaults_of(parse(kText));
  expect_ranges(tuning,
                {{"throttle.output limit.load", "0.35", "1.25",
                  "half of what is offered (0.35) to 1.25 of the capacity"},
                 {"throttle.output limit.burst", "10.2ms", "1.98s",
                  "the largest request at 1.25 of the capacity to the TTFT slack of 1.98s, which a "
                  "full fleet "
                  "takes to work it off"},
                 {"throttle.output limit.max_wait", "99ms", "2s",
                  "a twentieth of the TTFT slack of 1.98s to all of it, and what it has (2s)"}});
  EXPECT_EQ(tuning.objective, (Aim{"goodput_tokens_per_s.before", true}));
  EXPECT_TRUE(tuning.constraints.empty());
}

TEST(Defaults, OfEveryKindHaveItsOwnParameters) {
  using Expectations = std::vector<Expected>;
  const auto ranges = [](const std::string& throttle, const Expectations& expected) {
    SCOPED_TRACE(throttle);
    expect_ranges(defaults_of(parse(behind(throttle))), expected);
  };
  ranges(
      "kind = \"gcra\"\nunit = \"requests\"\nrate = \"40/s\"\nburst = 20",
      {{"throttle.limit.rate", "27.3/s", "97.7/s",
        "half of what is offered (27.3/s) to 1.25 of the capacity (97.7/s)"},
       {"throttle.limit.burst", "1", "155",
        "the largest request (1) to what the fleet works off in the TTFT slack of 1.98s (155)"}});
  ranges("kind = \"leaky_bucket\"\nunit = \"tokens\"\nrate = \"9000/s\"\nscope = \"tenant\"",
         {{"throttle.limit.rate", "5250/s", "18800/s",
           "half of what is offered (5250/s) to 1.25 of the capacity (18.8k/s)"}});
  ranges("kind = \"fixed_window\"\nunit = \"requests\"\nlimit = 30\nwindow = \"2s\"",
         {{"throttle.limit.limit", "30", "196",
           "half of what is offered (54.6) to 1.25 of the capacity (196 in a window), and what it "
           "has (30)"}});
  ranges("kind = \"sliding_window\"\nunit = \"requests\"\nload = 0.5\nwindow = \"2s\"",
         {{"throttle.limit.load", "0.35", "1.25",
           "half of what is offered (0.35) to 1.25 of the capacity"}});
  ranges("kind = \"concurrency\"\nlimit = 100\nmax_wait = \"1s\"",
         {{"throttle.limit.limit", "2", "100",
           "an eighth of what is in flight at full batches (2) to twice the places in all batches "
           "(64), and what it has (100)"},
          {"throttle.limit.max_wait", "99ms", "1.98s",
           "a twentieth of the TTFT slack of 1.98s to all of it"}});
  ranges("kind = \"queue_limit\"\nlimit = 9\nmax_wait = \"1s\"",
         {{"throttle.limit.limit", "1", "109",
           "the largest request (1) to what arrives in the TTFT slack of 1.98s (109)"},
          {"throttle.limit.max_wait", "99ms", "1.98s",
           "a twentieth of the TTFT slack of 1.98s to all of it"}});
  ranges("kind = \"aimd\"\ntarget = \"500ms\"",
         {{"throttle.limit.max_limit", "20", "1000",
           "where it starts (20) to twice the places in all batches (64), and what it has (1000)"},
          {"throttle.limit.target", "198ms", "1.98s",
           "a tenth of the TTFT slack of 1.98s to all of it"}});
  ranges("kind = \"acceleration_limit\"\nunit = \"requests\"\nlimit = 30\nwindow = \"1s\"",
         {{"throttle.limit.limit", "27.3", "97.7",
           "half of what is offered (27.3) to 1.25 of the capacity (97.7 in a window)"},
          {"throttle.limit.rise", "1.1", "10",
           "use that hardly grows from a window to the next to use that grows tenfold"}});
  ranges("kind = \"concurrency\"\nlimit = 3\nmode = \"shadow\"", {});
}

TEST(Defaults, PutTheThrottleOfTheEventFirst) {
  std::string text = kText;
  text.insert(text.find("[[throttle]]"),
              "[[throttle]]\nname = \"first\"\nkind = \"concurrency\"\nlimit = 9\n");
  const Tuning tuning = defaults_of(parse(text));
  ASSERT_EQ(tuning.parameters.size(), 4U);
  EXPECT_EQ(tuning.parameters[0].key, "throttle.output limit.load");
  EXPECT_EQ(tuning.parameters[3].key, "throttle.first.limit");
}

TEST(Defaults, LeaveWhatIsSaid) {
  const Scenario scenario = parse(kText);
  Tuning tuning;
  tuning.parameters = {choice("queue.order", {"fifo", "fair"})};
  tuning.objective = Aim{"ttft.p99_ms.before", false};
  EXPECT_EQ(complete_tuning(tuning, scenario, resolved(scenario, 5000), builtin_profiles()),
            tuning);
}

TEST(Defaults, OfALiftAreTheShortestThatKeepsThePromise) {
  const Tuning tuning = defaults_of(parse(kText), true);
  expect_ranges(
      tuning,
      {{"lift.shape", "at_once", "8_steps", "at one stroke, along a line, or in a few steps"},
       {"lift.over", "100ms", "9.999s", "100ms to the next event of the throttle (9.999s)"},
       {"lift.inherit", "as_is", "additive", "what becomes of what users have saved up or owe"}});
  EXPECT_EQ(tuning.objective, (Aim{"lift.length_s", false}));
  ASSERT_EQ(tuning.constraints.size(), 1U);
  EXPECT_EQ(tuning.constraints[0].text, "ttft.p99_ms.transition <= 2000");
}

TEST(Defaults, OfALiftAreOnlyWhatMakesSense) {
  const auto lift = [](const std::string& throttle, const std::string& event) {
    const std::string text = behind(throttle) + "[[event]]\nat = \"15s\"\n" + event + "\n";
    const Tuning tuning = defaults_of(parse(text), true);
    std::vector<std::string> keys;
    for (const Parameter& parameter : tuning.parameters) keys.push_back(parameter.key);
    const bool moves = std::ranges::find(keys, kLiftLength) != keys.end();
    EXPECT_EQ(tuning.objective->path, moves ? "lift.length_s" : "goodput_tokens_per_s.transition");
    return keys;
  };
  using Keys = std::vector<std::string>;
  EXPECT_EQ(lift("kind = \"queue_limit\"\nlimit = 9", "lift = \"limit\""), Keys{});
  EXPECT_EQ(lift("kind = \"concurrency\"\nlimit = 9", "lift = \"limit\""),
            (Keys{kLiftShape, kLiftLength}));
  EXPECT_EQ(lift("kind = \"gcra\"\nunit = \"requests\"\nrate = \"9/s\"",
                 "set = { throttle = \"limit\", max_wait = \"3s\" }"),
            Keys{kLiftInherit});
  // The throttle's next event is 50 ms later.
  EXPECT_EQ(lift("kind = \"concurrency\"\nlimit = 9",
                 "lift = \"limit\"\n[[event]]\nat = \"15050ms\"\nrestore = \"limit\""),
            Keys{});
}

}  // namespace
}  // namespace tokenlift
