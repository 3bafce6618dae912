// Values and their places in a range; how a lift may happen.

#include "workloads/tuning/candidate.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/workloads/tuning/tuned_scenario.hpp"
#include "workloads/plan/changes.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift::candidate_test {
namespace {

constexpr std::int64_t kS = 1'000'000'000;

Parameter range(double min, double max, ParameterScale scale,
                ParameterForm form = ParameterForm::number) {
  return {"throttle.x.y", scale, form, min, max, {}, ""};
}

// ------------------------------------------------------------------------------------- values

TEST(ValueAt, IsWrittenAsForSet) {
  using enum ParameterScale;
  EXPECT_EQ(value_at(range(0.2, 1.2, linear), 1.0 / 3), "0.5333") << "to four digits";
  Parameter present = range(0.2, 1.2, linear);
  present.present = "0.51424";
  EXPECT_EQ(value_at(present, *position_of(present, "0.51424")), "0.51424") << "as it is written";
  EXPECT_EQ(value_at(present, 1.0 / 3), "0.5333");
  EXPECT_EQ(value_at(range(1, 1e8, log), 0.5), "10000");
  EXPECT_EQ(value_at(range(1e9, 4e9, linear, ParameterForm::duration), 0.25 / 3), "1.25s");
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

// In the unit of the parameter: ns, per second, or a plain number.
double number_of(const Parameter& parameter, const std::string& value) {
  if (parameter.form == ParameterForm::duration) {
    return static_cast<double>(*parse_duration_ns(value).value);
  }
  // Not the first number of the text, which may say an hour's worth: "405000000000/h".
  if (parameter.form == ParameterForm::rate) return *parse_rate_per_s(value).value;
  return std::stod(value);
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

// The present value may have more digits than values that are drawn.
RC_GTEST_PROP(TuningValues, WhatWasWrittenComesBackAsItWas, ()) {
  Parameter parameter;
  parameter.key = "throttle.a.limit";
  parameter.scale = *rc::gen::element(ParameterScale::log, ParameterScale::linear,
                                      ParameterScale::integer, ParameterScale::log_integer);
  parameter.min = 1;
  parameter.max = 2'000'000;
  const std::string written = std::to_string(*rc::gen::inRange(1, 2'000'001));
  parameter.present = written;
  RC_ASSERT(value_at(parameter, *position_of(parameter, written)) == written);
}

// --------------------------------------------------------------------------------- candidates

const std::vector<Parameter> kLift = {
    choice(kLiftShape, {"at_once", "linear", "2_steps", "4_steps", "8_steps"}),
    {kLiftLength, ParameterScale::log, ParameterForm::duration, 1e8, 1e10, {}, ""},
    choice(kLiftInherit, {"as_is", "proportional", "reset", "additive"})};

Scenario candidate(const std::string& text, const std::vector<double>& point) {
  return parse_tuned(text, settings(parse_tuned(text), kLift, point));
}

TEST(Settings, AreWordsOfTheCandidate) {
  const Scenario scenario = parse_tuned(kTunedText);
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
  EXPECT_EQ(parse_tuned(kTunedText, words).throttles[0].when_full, WhenFull::reject);
}

TEST(Settings, OfALiftAtOnceOnlyHaveALongerTransition) {
  const std::vector<std::string> words =
      settings(parse_tuned(kTunedText), kLift, std::vector<double>{0, 1, 1});
  EXPECT_EQ(words, (std::vector<std::string>{"run.settle=18s"}));
}

// The measured event is the second one of the file, and the appended one comes behind both.
TEST(Settings, RampALiftToTheCapacityAndThenLift) {
  const std::vector<std::string> words =
      settings(parse_tuned(kTunedText), kLift, std::vector<double>{0.7, 0.5, 0.6});
  EXPECT_EQ(words,
            (std::vector<std::string>{
                "event.1={ at = \"15s\", ramp = { throttle = \"output limit\", to = { load = "
                "1 }, over = \"1s\", steps = 4, inherit = \"reset\" }, measure = true }",
                "event.2={ at = \"16s\", lift = \"output limit\" }", "run.settle=17s"}));
  const Scenario scenario = parse_tuned(kTunedText, words);
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
  const Scenario scenario = parse_tuned(kTunedText);
  for (const double shape : {0.1, 0.3, 0.5, 0.7, 0.9}) {
    for (const double length : {0.0, 0.4, 1.0}) {
      const Scenario changed = candidate(kTunedText, {shape, length, 0.1});
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
    return kTunedText.substr(0, kTunedText.find("[[event]]")) + "[[event]]\nat = \"15s\"\n" +
           event + "\n";
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
  std::string text = kTunedText.substr(0, kTunedText.find("[[throttle]]"));
  text += "[[throttle]]\nname = \"limit\"\nkind = \"concurrency\"\nlimit = 4\n";
  text += "[[event]]\nat = \"15s\"\nlift = \"limit\"\n";
  EXPECT_EQ(candidate(text, {0.3, 0.5, 0.1}).events[0].limit, 32);
}

TEST(PresentValue, IsThatOfTheKeyAsTheFileCountsIt) {
  const Scenario scenario = parse_tuned(kTunedText);
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

}  // namespace
}  // namespace tokenlift::candidate_test
