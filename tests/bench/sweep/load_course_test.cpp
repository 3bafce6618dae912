#include "bench/sweep/load_course.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace tokenlift::load_course_test {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

/// A phase of nine seconds after one of warm-up, with so much due in each second.
Run run_of(std::vector<std::int64_t> due) {
  Run run;
  run.phases = {{"warmup", 0, kSecondNs}, {"steady", kSecondNs, 10 * kSecondNs}};
  run.series.bin_ns = kSecondNs;
  run.series.columns = {{"due_requests", std::move(due)}};
  return run;
}

Scenario scenario_of(Process process) {
  Scenario scenario;
  scenario.run.warmup_ns = kSecondNs;
  scenario.run.duration_ns = 10 * kSecondNs;
  scenario.tenants.emplace_back().arrivals.process = process;
  return scenario;
}

const std::vector<std::int64_t> kRising = {9, 100, 100, 100, 150, 150, 150, 200, 200, 200};

TEST(LoadCourse, ATraceMayGrow) {
  const Scenario trace = scenario_of(Process::trace);
  EXPECT_TRUE(load_grew(trace, run_of(kRising), "steady"));
  EXPECT_FALSE(load_grew(trace, run_of(kRising), "after")) << "there is no such phase";
  EXPECT_FALSE(
      load_grew(trace, run_of({9, 200, 200, 200, 150, 150, 150, 100, 100, 100}), "steady"));
  // By 9 % of what is due at the end; by 17 %, which is 2.1 standard errors.
  EXPECT_FALSE(load_grew(
      trace, run_of({9, 9100, 9100, 9100, 9500, 9500, 9500, 10000, 10000, 10000}), "steady"));
  EXPECT_FALSE(load_grew(trace, run_of({9, 50, 50, 50, 55, 55, 55, 60, 60, 60}), "steady"));
}

TEST(LoadCourse, SoMayConversationsAndAShape) {
  Scenario scenario = scenario_of(Process::poisson);
  EXPECT_FALSE(load_grew(scenario, run_of(kRising), "steady")) << "that was chance";
  scenario.tenants[0].sessions.emplace();
  EXPECT_TRUE(load_grew(scenario, run_of(kRising), "steady"));
  scenario.tenants[0].sessions.reset();
  scenario.tenants[0].arrivals.shape.emplace();
  EXPECT_TRUE(load_grew(scenario, run_of(kRising), "steady"));
}

TEST(LoadCourse, AShapePlansIt) {
  Scenario scenario = scenario_of(Process::poisson);
  EXPECT_FALSE(changes_by_plan(scenario));
  Shape& shape = scenario.tenants[0].arrivals.shape.emplace();
  shape.kind = ShapeKind::ramp;
  shape.from = 0.3;
  shape.to = 1;
  shape.length_ns = 10 * kSecondNs;
  EXPECT_TRUE(changes_by_plan(scenario));
  shape.length_ns = kSecondNs;
  EXPECT_FALSE(changes_by_plan(scenario)) << "it is over when the phase begins";
}

}  // namespace
}  // namespace tokenlift::load_course_test
