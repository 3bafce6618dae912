// Whole runs in virtual time through Experiment: the two arms, and the record of every request.

#include "bench/run/experiment.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "reports/json/json_run.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::experiment_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

/// A built-in scenario on engine virtual, at a stated capacity.
Scenario builtin(const std::string& name) {
  const std::vector<std::string> overrides = {"run.engine=virtual", "fleet.capacity=5000/s"};
  for (const BuiltinScenario& scenario : builtin_scenarios()) {
    if (scenario.name == name) return parse_scenario(scenario.text, name, "/", overrides, {});
  }
  throw std::logic_error("no scenario " + name);
}

class Experiments : public testing::Test {
 protected:
  RunValue play(const Scenario& scenario, bool control) {
    const Prepared prepared = *experiment_.prepare(scenario);
    ProgressBoard board;
    return experiment_.run(prepared, 1, board, control);
  }

  const std::atomic<bool> stop_{false};
  Experiment experiment_{{"tokenlift"}, stop_, 1};
};

/// Of one phase, everything that was recorded.
std::string phase_json(const RunValue& run, std::size_t phase) {
  RunValue one = run;
  one.phases = {run.phases[phase]};
  one.tenants[0].phases = {run.tenants[0].phases[phase]};
  one.throttles[0].phases = {run.throttles[0].phases[phase]};
  one.throttles[0].limits.clear();
  one.series = {};
  one.lift.reset();
  one.control = false;
  one.checks.clear();
  one.totals = {};
  one.environment = {};
  return to_json(one);
}

TEST_F(Experiments, AControlIsTheSameUpToTheLiftAndThenGoesOnWithoutIt) {
  const Scenario scenario = builtin("lift");
  const RunValue lifted = play(scenario, false);
  const RunValue control = play(scenario, true);
  EXPECT_FALSE(lifted.control);
  EXPECT_TRUE(control.control);
  ASSERT_EQ(control.phases.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(control.phases[i].begin_ns, lifted.phases[i].begin_ns);
    EXPECT_EQ(control.phases[i].end_ns, lifted.phases[i].end_ns);
    EXPECT_EQ(control.tenants[0].phases[i].counts.due, lifted.tenants[0].phases[i].counts.due);
  }
  // Who was due before the lift and waits at it fares otherwise: what happened before is the same.
  EXPECT_EQ(control.tenants[0].phases[0].admitted_requests,
            lifted.tenants[0].phases[0].admitted_requests);
  EXPECT_EQ(control.tenants[0].phases[0].output_tokens, lifted.tenants[0].phases[0].output_tokens);
  EXPECT_EQ(control.throttles[0].phases[0], lifted.throttles[0].phases[0]);
  EXPECT_LT(control.tenants[0].phases[2].output_tokens, lifted.tenants[0].phases[2].output_tokens);
  EXPECT_EQ(control.lift->at_ns, std::nullopt);
  EXPECT_EQ(control.lift->planned_ns, lifted.lift->planned_ns);
  EXPECT_EQ(control.throttles[0].limits.size(), 1U);
  EXPECT_EQ(lifted.throttles[0].limits.size(), 2U);
  EXPECT_EQ(control.scenario_json, lifted.scenario_json) << "what repeats the run is the scenario";
}

TEST_F(Experiments, OtherEventsHappenInAControlToo) {
  Scenario scenario = builtin("lift");
  Event later;
  later.kind = EventKind::set;
  later.at_ns = 20'000'000'000;
  later.throttle = scenario.throttles[0].name;
  later.rate = Rate{0.9, {}};
  scenario.events.push_back(later);
  const RunValue control = play(scenario, true);
  EXPECT_EQ(control.lift->planned_ns, 18'000'000'000) << "the first event divides the run";
  const std::vector<LimitRecord> expected = {{0, 2000.0}, {20'000'000'000, 4500.0}};
  EXPECT_EQ(control.throttles[0].limits, expected);
}

TEST_F(Experiments, AnEventThatChangesNothingMakesTheArmsTheSame) {
  Scenario scenario = builtin("lift");
  scenario.events[0].kind = EventKind::set;
  scenario.events[0].rate = scenario.throttles[0].rate;
  const RunValue lifted = play(scenario, false);
  const RunValue control = play(scenario, true);
  ASSERT_GE(lifted.phases.size(), 2U);
  ASSERT_EQ(control.phases.size(), lifted.phases.size());
  for (std::size_t i = 0; i < lifted.phases.size(); ++i) {
    EXPECT_EQ(phase_json(lifted, i), phase_json(control, i));
  }
}

TEST_F(Experiments, WhatLimitsAfterTheLiftIsTheNewLimitOrTheFleet) {
  EXPECT_NEAR(play(builtin("lift"), false).lift->limit_tokens_per_s.value(), 5000, 1e-6);
  Scenario scenario = builtin("lift");
  scenario.events[0].kind = EventKind::set;
  scenario.events[0].rate = Rate{0.8, {}};
  EXPECT_NEAR(play(scenario, false).lift->limit_tokens_per_s.value(), 4000, 1e-6);
}

TEST_F(Experiments, TheRecordOfRequestsAddsUpToTheRun) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) /
                                     ("tokenlift_log_" + std::to_string(::getpid()) + ".csv");
  RequestLog log(path);
  experiment_.log_to(log);
  const RunValue run = play(builtin("retry-storm"), false);
  log.close();
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t met = 0;
  std::uint64_t goodput_tokens = 0;
  while (std::getline(file, line)) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
    ASSERT_EQ(fields.size(), 17U) << line << ": its last field, a name on the wire, is empty";
    ++counts[fields[5]];
    if (fields[4] != run.phases[2].name || fields[6] != "1") continue;
    ++met;
    goodput_tokens += std::stoull(fields[9]);
    EXPECT_LE(std::stoll(fields[10]), std::stoll(fields[11])) << "due, sent";
    EXPECT_LE(std::stoll(fields[11]), std::stoll(fields[12])) << "sent, admitted";
    EXPECT_LE(std::stoll(fields[12]), std::stoll(fields[13])) << "admitted, scheduled";
    EXPECT_LT(std::stoll(fields[13]), std::stoll(fields[14])) << "scheduled, first token";
  }
  std::filesystem::remove(path);
  EXPECT_EQ(counts["completed"], run.totals.completed);
  EXPECT_EQ(counts["rejected"], run.totals.rejected);
  EXPECT_EQ(counts["expired"], run.totals.expired);
  EXPECT_EQ(counts["cancelled"], run.totals.cancelled);
  EXPECT_EQ(counts["in_flight"], run.totals.in_flight);
  EXPECT_GT(counts["rejected"] + counts["expired"], 0U);
  EXPECT_EQ(met, fleet_record(run, 2).slo_met);
  EXPECT_EQ(goodput_tokens, fleet_record(run, 2).goodput_tokens);
}

}  // namespace
}  // namespace tokenlift::experiment_test
