#include "workloads/plan/samples.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/workloads/plan/lift_scenario.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift::samples_test {
namespace {

using Words = std::vector<std::string>;

/// 10 requests/s: a phase needs 10 s, and 13 s are ample.
Scenario resolved(std::int64_t lift_s, std::int64_t settle_s, std::int64_t duration_s) {
  Scenario scenario = lift_scenario();
  scenario.events[0].at_ns = lift_s * kS;
  scenario.run.settle_ns = settle_s * kS;
  scenario.run.duration_ns = duration_s * kS;
  return resolve(scenario, std::nullopt);
}

TEST(Samples, PhasesWithFewerThanAHundredRequestsAreShort) {
  EXPECT_TRUE(short_phases(resolved(12, 5, 27)).empty()) << "10 s each";
  const std::vector<ShortPhase> phases = short_phases(resolved(10, 3, 20));
  ASSERT_EQ(phases.size(), 2U) << "the transition may be short";
  EXPECT_EQ(phases[0].name, "before");
  EXPECT_DOUBLE_EQ(phases[0].requests, 80);
  EXPECT_DOUBLE_EQ(phases[0].enough_s, 10);
  EXPECT_EQ(phases[1].name, "after");
  EXPECT_DOUBLE_EQ(phases[1].requests, 70);
}

TEST(Samples, ALongerRunHasRoomForChanceInEachPhase) {
  EXPECT_EQ(longer_run(resolved(10, 3, 20)), (Words{"event.0.at=15s", "run.duration=31s"}));
  EXPECT_EQ(longer_run(resolved(10, 3, 60)), (Words{"event.0.at=15s", "run.duration=65s"}))
      << "what is after the lift is not cut short";
  EXPECT_EQ(longer_run(resolved(20, 5, 30)), (Words{"run.duration=38s"}));
  EXPECT_EQ(longer_run(resolved(20, 5, 60)), Words{});
  Scenario ramp = lift_scenario();
  ramp.events[0].kind = EventKind::ramp;
  ramp.events[0].rate = per_s(600);
  ramp.events[0].at_ns = 20 * kS;
  ramp.events[0].over_ns = 10 * kS;
  ramp.run.settle_ns = 5 * kS;
  ramp.run.duration_ns = 40 * kS;
  EXPECT_EQ(longer_run(resolve(ramp, std::nullopt)), (Words{"run.duration=48s"}));
}

TEST(Samples, WithTheseLengthsNoPhaseIsShort) {
  for (const std::int64_t lift_s : {3, 8, 20}) {
    for (const std::int64_t duration_s : {25, 60}) {
      Scenario scenario = resolved(lift_s, 4, duration_s);
      for (const std::string& word : longer_run(scenario)) {
        const std::int64_t ns = *parse_duration_ns(word.substr(word.find('=') + 1)).value;
        (word.starts_with("run") ? scenario.run.duration_ns : scenario.events[0].at_ns) = ns;
      }
      EXPECT_TRUE(short_phases(scenario).empty()) << lift_s << " " << duration_s;
    }
  }
}

TEST(Samples, WithoutAnEventTheRunIsOnePhase) {
  Scenario steady = lift_scenario();
  steady.events.clear();
  steady.throttles.clear();
  steady.run.duration_ns = 8 * kS;
  const Scenario short_one = resolve(steady, std::nullopt);
  ASSERT_EQ(short_phases(short_one).size(), 1U);
  EXPECT_EQ(short_phases(short_one)[0].name, "steady");
  EXPECT_EQ(longer_run(short_one), Words{"run.duration=15s"}) << "2 s of warm-up";
}

TEST(Samples, NoLengthDoesWhereHardlyAnybodyAsks) {
  Scenario rare = lift_scenario();
  rare.tenants[0] = make_tenant(per_s(0.001), 100, 50);
  EXPECT_EQ(longer_run(resolve(rare, std::nullopt)), Words{}) << "36 hours a phase";
}

}  // namespace
}  // namespace tokenlift::samples_test
