#include "workloads/plan/samples.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/workloads/plan/lift_scenario.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift::samples_test {
namespace {

using Words = std::vector<std::string>;

/// 10 Poisson requests/s: a phase of 10 s has 100 on average, and 15 s are ample.
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
  EXPECT_NEAR(phases[0].enough_s.value(), 14.88, 0.01);
  EXPECT_EQ(phases[1].name, "after");
  EXPECT_DOUBLE_EQ(phases[1].requests, 70);
}

TEST(Samples, ALongerRunHasRoomForChanceInEachPhase) {
  EXPECT_EQ(longer_run(resolved(10, 3, 20)), (Words{"event.0.at=17s", "run.duration=35s"}));
  EXPECT_EQ(longer_run(resolved(10, 3, 60)), (Words{"event.0.at=17s", "run.duration=67s"}))
      << "what is after the lift is not cut short";
  EXPECT_EQ(longer_run(resolved(20, 5, 30)), (Words{"run.duration=40s"}));
  EXPECT_EQ(longer_run(resolved(20, 5, 60)), Words{});
  Scenario ramp = lift_scenario();
  ramp.events[0].kind = EventKind::ramp;
  ramp.events[0].rate = per_s(600);
  ramp.events[0].at_ns = 20 * kS;
  ramp.events[0].over_ns = 10 * kS;
  ramp.run.settle_ns = 5 * kS;
  ramp.run.duration_ns = 40 * kS;
  EXPECT_EQ(longer_run(resolve(ramp, std::nullopt)), (Words{"run.duration=50s"}));
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
  EXPECT_EQ(longer_run(short_one), Words{"run.duration=17s"}) << "2 s of warm-up";
}

TEST(Samples, HowManyAreAmpleDependsOnHowMuchTheirNumberVaries) {
  for (const double dispersion : {0.25, 1.0, 4.0, 30.0}) {
    const double mean = ample_requests(dispersion);
    EXPECT_NEAR(mean - 4 * std::sqrt(mean * dispersion), kFewestRequests, 1e-9) << dispersion;
  }
  EXPECT_NEAR(ample_requests(1), 148.8, 0.1);
  EXPECT_NEAR(ample_requests(0), 104, 1) << "at even gaps hardly more than are needed";
  Scenario scenario = resolved(10, 3, 20);
  EXPECT_EQ(request_dispersion(scenario), 1);
  scenario.tenants[0].arrivals.process = Process::gamma;
  scenario.tenants[0].arrivals.cv = 3;
  EXPECT_EQ(request_dispersion(scenario), 9);
  EXPECT_NEAR(short_phases(scenario)[0].enough_s.value(), ample_requests(9) / 10, 1e-9);
  scenario.tenants.push_back(make_tenant(per_s(30), 100, 50));
  EXPECT_EQ(request_dispersion(scenario), (10 * 9 + 30 * 1) / 40.0);
  scenario.tenants[1].arrivals.process = Process::constant;
  EXPECT_EQ(request_dispersion(scenario), (10 * 9 + 30 * 0) / 40.0);
}

TEST(Samples, WhatClosedTenantsAskForAtMostTellsNoLength) {
  Scenario scenario = resolved(10, 3, 20);
  EXPECT_FALSE(short_phases(scenario).at(0).at_most);
  EXPECT_TRUE(has_warning(scenario,
                          "about 80 requests fall into 'before', and a valid run needs "
                          "100, also where fewer come by chance: make it 15s or longer"));
  Tenant& tenant = scenario.tenants[0];
  tenant.arrivals.process = Process::closed;
  tenant.arrivals.think = Wait{WaitDistribution::constant, kS};
  tenant.users = 10;
  const ShortPhase phase = short_phases(scenario).at(0);
  EXPECT_DOUBLE_EQ(phase.requests, 80);
  EXPECT_TRUE(phase.at_most);
  EXPECT_FALSE(phase.enough_s);
  EXPECT_TRUE(has_warning(scenario,
                          "at most 80 requests fall into 'before', and a valid run needs "
                          "100: make it much longer, or raise the rate"));
  EXPECT_EQ(longer_run(scenario), Words{});
}

TEST(Samples, EachPhaseHasItsShareOfALoadThatChanges) {
  Scenario scenario = resolved(20, 5, 60);
  EXPECT_TRUE(short_phases(scenario).empty());
  Shape& shape = scenario.tenants[0].arrivals.shape.emplace();
  shape.steps = {{0, 3.0}, {25 * kS, 0.2}};
  const std::vector<ShortPhase> phases = short_phases(scenario);
  ASSERT_EQ(phases.size(), 1U);
  EXPECT_EQ(phases[0].name, "after");
  EXPECT_NEAR(phases[0].requests, 35 * 10 * 0.2, 1e-9);
  EXPECT_FALSE(phases[0].at_most);
  EXPECT_FALSE(phases[0].enough_s);
  EXPECT_TRUE(has_warning(scenario, "about 70 requests fall into 'after'"));
  EXPECT_TRUE(has_warning(scenario, "by chance: make it much longer"));
  shape.kind = ShapeKind::mmpp;
  shape.from = 0.2;
  shape.to = 0.6;
  shape.period_ns = shape.length_ns = kS;
  EXPECT_NEAR(short_phases(scenario).at(0).requests, 18 * 4, 1e-9) << "the long run's mean";
  EXPECT_FALSE(short_phases(scenario)[0].enough_s);
}

TEST(Samples, ConversationsThatBeginInTheRunBringAtMostSoMany) {
  Scenario scenario = resolved(10, 3, 60);
  Tenant& tenant = scenario.tenants[0];
  tenant = session_tenant(per_s(2));  // three turns fit, 6 requests a second
  EXPECT_FALSE(short_phases(scenario).at(0).at_most);
  EXPECT_TRUE(short_phases(scenario).at(0).enough_s);
  tenant.sessions->think = {WaitDistribution::constant, 2 * kS};
  EXPECT_TRUE(short_phases(scenario).at(0).at_most) << "the last one comes after 4 s, not 2";
  EXPECT_FALSE(short_phases(scenario).at(0).enough_s);
}

TEST(Samples, OfATraceOnlyWhatItHoldsAtMostIsKnown) {
  Scenario scenario = resolved(10, 3, 20);
  scenario.tenants[0].arrivals.process = Process::trace;
  Trace& trace = scenario.tenants[0].arrivals.trace.emplace();
  trace.summary = TraceSummary{150, 20 * kS, 100, 50, 100, 50};
  EXPECT_TRUE(short_phases(scenario).empty()) << "all may come before the event";
  trace.sample = 0.5;
  ASSERT_EQ(short_phases(scenario).size(), 2U);
  EXPECT_DOUBLE_EQ(short_phases(scenario)[0].requests, 75);
  EXPECT_TRUE(short_phases(scenario)[0].at_most);
  trace.resample_ns = kS;
  EXPECT_TRUE(short_phases(scenario).empty());
}

TEST(Samples, NoLengthDoesWhereHardlyAnybodyAsks) {
  Scenario rare = lift_scenario();
  rare.tenants[0] = make_tenant(per_s(0.001), 100, 50);
  EXPECT_EQ(longer_run(resolve(rare, std::nullopt)), Words{}) << "36 hours a phase";
}

}  // namespace
}  // namespace tokenlift::samples_test
