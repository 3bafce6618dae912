// What is searched where nothing is said: parameters and their ranges.

#include "workloads/tuning/defaults.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/workloads/tuning/tuned_scenario.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/tuning/candidate.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::defaults_test {
namespace {

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
  const std::vector<std::size_t> measured = measured_events(scenario);
  if (measured.size() != 1 || scenario.events[measured[0]].throttle.empty()) return;
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

// kTunedText with another throttle.
std::string behind(const std::string& throttle) {
  const std::size_t begin = kTunedText.find("[[throttle]]");
  return kTunedText.substr(0, begin) + "[[throttle]]\nname = \"limit\"\n" + throttle + "\n";
}

// A prompt of 128 tokens takes 5.4 ms on cpu-small; the fleet has 32 places.
TEST(Defaults, OfABucketFollowFromOfferedCapacityAndSlack) {
  const Tuning tuning = defaults_of(parse_tuned(kTunedText));
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
    expect_ranges(defaults_of(parse_tuned(behind(throttle))), expected);
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
  std::string text = kTunedText;
  text.insert(text.find("[[throttle]]"),
              "[[throttle]]\nname = \"first\"\nkind = \"concurrency\"\nlimit = 9\n");
  const Tuning tuning = defaults_of(parse_tuned(text));
  ASSERT_EQ(tuning.parameters.size(), 4U);
  EXPECT_EQ(tuning.parameters[0].key, "throttle.output limit.load");
  EXPECT_EQ(tuning.parameters[3].key, "throttle.first.limit");
}

TEST(Defaults, LeaveWhatIsSaid) {
  const Scenario scenario = parse_tuned(kTunedText);
  Tuning tuning;
  tuning.parameters = {choice("queue.order", {"fifo", "fair"})};
  tuning.objective = Aim{"ttft.p99_ms.before", false};
  EXPECT_EQ(complete_tuning(tuning, scenario, resolved(scenario, 5000), builtin_profiles()),
            tuning);
}

TEST(Defaults, OfALiftAreTheShortestThatKeepsThePromise) {
  const Tuning tuning = defaults_of(parse_tuned(kTunedText), true);
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
    const Tuning tuning = defaults_of(parse_tuned(text), true);
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
}  // namespace tokenlift::defaults_test
