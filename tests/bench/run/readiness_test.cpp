#include "bench/run/readiness.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "workloads/plan/plan.hpp"
#include "workloads/plan/samples.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::readiness_test {
namespace {

/// What is said where it is refused; empty where it is not.
template <typename Require>
std::string refusal(const Require& require) {
  try {
    require();
    return "";
  } catch (const NotMeasurable& error) {
    return error.what();
  }
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A built-in scenario at the capacity that was measured.
Scenario builtin_at(const std::string& name, double capacity_tokens_per_s) {
  for (const BuiltinScenario& scenario : builtin_scenarios()) {
    if (scenario.name != name) continue;
    return resolve(parse_scenario(scenario.text, name, "/", {}, {}), capacity_tokens_per_s);
  }
  throw std::logic_error("no scenario " + name);
}

TEST(Readiness, ABusyMachineIsRefusedWithAdvice) {
  const auto refused = [](std::optional<double> interference) {
    return refusal([&] { require_measured(Capacity{448.3, 0.01, interference}); });
  };
  EXPECT_EQ(refused(std::nullopt), "") << "not known";
  EXPECT_EQ(refused(0.05), "");
  const std::string text = refused(0.31);
  EXPECT_TRUE(contains(text, "31 % of the machine (limit 5 %)")) << text;
  EXPECT_TRUE(contains(text, "`top`")) << text;
  EXPECT_TRUE(contains(text, "--set fleet.capacity=448/s")) << text;
}

TEST(Readiness, AnUncertainCapacityIsUsed) {
  EXPECT_EQ(refusal([] { require_measured(Capacity{448.3, 0.2, 0.0}); }), "");
}

TEST(Readiness, AFleetThatComesToNothingIsTooSlow) {
  EXPECT_TRUE(contains(refusal([] { require_measured(std::nullopt); }), "too slow"));
}

TEST(Readiness, BuiltInScenariosRunAtFourHundredTokensPerSecondAndAreAmpleAtFiveHundred) {
  for (const char* name : {"lift", "lift-requests", "lift-two-tenants", "steady"}) {
    const auto refused = [&] { require_enough_requests(builtin_at(name, 400)); };
    EXPECT_EQ(refusal(refused), "") << name;
    EXPECT_EQ(longer_run(builtin_at(name, 500)), std::vector<std::string>{}) << name;
  }
}

TEST(Readiness, ASlowFleetIsToldWhichLengthAndWhichDecoderFit) {
  const std::string text = refusal([] { require_enough_requests(builtin_at("lift", 200)); });
  EXPECT_TRUE(contains(text, "generates 200 tokens/s")) << text;
  EXPECT_TRUE(contains(text, "requests fall into 'before'")) << text;
  EXPECT_TRUE(contains(text, "requests fall into 'after'")) << text;
  EXPECT_TRUE(contains(text, "--set event.0.at=37s --set run.duration=")) << text;
  EXPECT_TRUE(contains(text, "--set fleet.site.commodity.profile=cpu-tiny")) << text;
}

TEST(Readiness, ALighterDecoderThatWouldNotDoIsNotSuggested) {
  const std::string text = refusal([] { require_enough_requests(builtin_at("lift", 4)); });
  EXPECT_TRUE(contains(text, "run.duration=")) << text;
  EXPECT_FALSE(contains(text, "profile=")) << text;
}

TEST(Readiness, ACpuQuotaMustHoldTheReplicasAndTheHarness) {
  const Scenario lift = builtin_at("lift", 1000);  // 2 replicas
  EXPECT_FALSE(check_cpu_quota(lift, std::nullopt, 8));
  EXPECT_TRUE(check_cpu_quota(lift, 2.5, 8)->passed);
  EXPECT_FALSE(check_cpu_quota(lift, 2.0, 8)->passed) << "nothing is left for the harness";
  EXPECT_TRUE(check_cpu_quota(lift, 2.0, 2)->passed) << "there are no more than these";
  EXPECT_TRUE(check_cpu_quota(lift, 1.0, 1)->passed);
  const Check small = *check_cpu_quota(lift, 0.5, 2);
  EXPECT_FALSE(small.passed);
  EXPECT_EQ(small.name, "cpu_quota");
  EXPECT_EQ(small.value, 0.5);
  EXPECT_EQ(small.limit, 2);
  EXPECT_TRUE(contains(small.advice, "gives this process 0.5 cores")) << small.advice;
  Scenario simulated = lift;
  simulated.run.engine = Engine::simulated;
  EXPECT_FALSE(check_cpu_quota(simulated, 0.5, 2)) << "no core is needed in time";
}

}  // namespace
}  // namespace tokenlift::readiness_test
