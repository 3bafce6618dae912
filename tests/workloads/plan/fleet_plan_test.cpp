#include "workloads/plan/fleet_plan.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/workloads/plan/changing_fleet.hpp"

namespace tokenlift::fleet_plan_test {
namespace {

using Kind = ReplicaChange::Kind;

/// "15 serve 2", in seconds.
std::string line_of(const ReplicaChange& change) {
  const std::map<Kind, std::string> names = {
      {Kind::serve, "serve"}, {Kind::leave, "leave"}, {Kind::fail, "fail"}, {Kind::pace, "pace"}};
  std::string line = std::to_string(change.at_ns / kS) + " " + names.at(change.kind) + " " +
                     std::to_string(change.replica);
  if (change.kind == Kind::pace) line += " x" + std::to_string(change.decode_ppm);
  return line;
}

std::vector<std::string> lines_of(const Scenario& scenario) {
  std::vector<std::string> lines;
  for (const ReplicaChange& change : plan_fleet(scenario)) lines.push_back(line_of(change));
  return lines;
}

using Lines = std::vector<std::string>;

TEST(PlanFleet, OfAFleetThatStaysIsEmpty) {
  Scenario scenario = fleet_of({site_of_replicas(3)});
  scenario.fleet.sites[0].at_start = 2;
  EXPECT_FALSE(fleet_changes(scenario));
  EXPECT_TRUE(plan_fleet(scenario).empty());
  EXPECT_EQ(serving_at_start(scenario), (std::vector<bool>{true, true, false}));
  EXPECT_EQ(serving_over_time(scenario), (std::vector<ServingSpan>{{0, {2}}}));
}

TEST(PlanFleet, JoinsOneAfterTheOtherAndBoots) {
  Scenario scenario = fleet_of({site_of_replicas(10)});
  scenario.fleet.sites[0].at_start = 2;
  scenario.fleet.sites[0].boot_ns = 5 * kS;
  Event join = fleet_event(EventKind::join, 10, "site0");
  join.replicas = 4;
  join.over_ns = 9 * kS;
  scenario.events = {join};
  EXPECT_EQ(lines_of(scenario), (Lines{"15 serve 2", "18 serve 3", "21 serve 4", "24 serve 5"}));
  EXPECT_EQ(plan_fleet(scenario)[0].event, 0U);
  EXPECT_EQ(serving_over_time(scenario).back(), (ServingSpan{24 * kS, {6}}));
}

TEST(PlanFleet, LeavesFromTheHighestOnOnceNoticeIsOver) {
  Scenario scenario = fleet_of({site_of_replicas(2), site_of_replicas(10)});
  scenario.fleet.sites[1].notice_ns = 20 * kS;
  Event leave = fleet_event(EventKind::leave, 10, "site1");
  leave.replicas = 3;
  leave.over_ns = 4 * kS;
  leave.in_flight = InFlight::move;
  Event rest = fleet_event(EventKind::leave, 15, "site1");  // all others
  rest.notice_ns = 0;
  scenario.events = {leave, rest};
  EXPECT_EQ(lines_of(scenario),
            (Lines{"15 leave 2", "15 leave 3", "15 leave 4", "15 leave 5", "15 leave 6",
                   "15 leave 7", "15 leave 8", "30 leave 11", "32 leave 10", "34 leave 9"}));
  const std::vector<ReplicaChange> changes = plan_fleet(scenario);
  EXPECT_EQ(changes.front().in_flight, InFlight::finish);
  EXPECT_EQ(changes.back().in_flight, InFlight::move);
  EXPECT_EQ(changes.back().event, 0U);
}

TEST(PlanFleet, PlacesThatAreFreeAgainAreTakenAgain) {
  Scenario scenario = fleet_of({site_of_replicas(4)});
  Event leave = fleet_event(EventKind::leave, 10, "site0");
  leave.replicas = 2;
  scenario.events = {leave, fleet_event(EventKind::join, 20, "site0")};
  EXPECT_EQ(lines_of(scenario), (Lines{"10 leave 2", "10 leave 3", "20 serve 2", "20 serve 3"}));
}

TEST(PlanFleet, WhoBootsOrHasFailedGoesAllTheSame) {
  Scenario scenario = fleet_of({site_of_replicas(3)});
  scenario.fleet.sites[0].at_start = 2;
  scenario.fleet.sites[0].boot_ns = 10 * kS;
  Event fail = fleet_event(EventKind::fail, 10, "site0");
  fail.for_ns = 20 * kS;
  scenario.events = {fail, fleet_event(EventKind::join, 15, "site0"),
                     fleet_event(EventKind::leave, 20, "site0")};
  EXPECT_EQ(lines_of(scenario), (Lines{"10 fail 0", "10 fail 1"}));
}

TEST(PlanFleet, WhatHasFailedIsRepairedAndBoots) {
  Scenario scenario = fleet_of({site_of_replicas(2)});
  scenario.fleet.sites[0].boot_ns = 3 * kS;
  Event fail = fleet_event(EventKind::fail, 10, "site0");
  fail.in_flight = InFlight::drop;
  fail.for_ns = 20 * kS;
  scenario.events = {fail};
  EXPECT_EQ(lines_of(scenario), (Lines{"10 fail 0", "10 fail 1", "33 serve 0", "33 serve 1"}));
  EXPECT_EQ(plan_fleet(scenario)[0].event, 0U);
  EXPECT_EQ(plan_fleet(scenario)[2].event, std::nullopt);
  scenario.events[0].for_ns = 0;
  EXPECT_EQ(lines_of(scenario), (Lines{"10 fail 0", "10 fail 1"}));
  scenario.events[0].taken_out = true;
  EXPECT_TRUE(plan_fleet(scenario).empty());
}

TEST(PlanFleet, ASpareStandsInUntilItsReplicaServesAgain) {
  Scenario scenario = fleet_of({site_of_replicas(2)});
  scenario.fleet.sites[0].boot_ns = 3 * kS;
  scenario.fleet.sites[0].spares = 1;
  Event fail = fleet_event(EventKind::fail, 10, "site0");
  fail.for_ns = 10 * kS;
  scenario.events = {fail};
  EXPECT_EQ(lines_of(scenario), (Lines{"10 fail 0", "10 fail 1", "13 serve 2", "23 serve 0",
                                       "23 leave 2", "23 serve 1"}));
}

TEST(PlanFleet, ASpareThatIsFreeAgainStandsInForWhoeverStillWaits) {
  Scenario scenario = fleet_of({site_of_replicas(3)});
  scenario.fleet.sites[0].boot_ns = 3 * kS;
  scenario.fleet.sites[0].spares = 1;
  Event shorter = fleet_event(EventKind::fail, 10, "site0");
  shorter.replicas = 1;
  shorter.for_ns = 10 * kS;
  Event longer = shorter;
  longer.for_ns = 30 * kS;
  scenario.events = {shorter, longer};
  const std::vector<ReplicaChange> changes = plan_fleet(scenario);
  const std::string first = std::to_string(changes.at(0).replica);
  const std::string second = std::to_string(changes.at(1).replica);
  EXPECT_EQ(lines_of(scenario),
            (Lines{"10 fail " + first, "10 fail " + second, "13 serve 3", "23 serve " + first,
                   "23 leave 3", "26 serve 3", "43 serve " + second, "43 leave 3"}));
}

TEST(PlanFleet, ASpareThatFailsIsRepairedForTheNextOne) {
  Scenario scenario = fleet_of({site_of_replicas(1)});
  scenario.fleet.sites[0].spares = 1;
  Event fail = fleet_event(EventKind::fail, 10, "site0");
  fail.for_ns = 20 * kS;
  Event of_spare = fail;
  of_spare.at_ns = 15 * kS;
  Event again = fail;
  again.at_ns = 40 * kS;
  scenario.events = {fail, of_spare, again};
  EXPECT_EQ(lines_of(scenario), (Lines{"10 fail 0", "10 serve 1", "15 fail 1", "30 serve 0",
                                       "40 fail 0", "40 serve 1", "60 serve 0", "60 leave 1"}));
}

TEST(PlanFleet, TheLatestSlowCountsAndEndsAtTheUsualPace) {
  Scenario scenario = fleet_of({site_of_replicas(1)});
  Event slow = fleet_event(EventKind::slow, 10, "site0");
  slow.decode_ppm = 2'000'000;
  slow.for_ns = 20 * kS;
  Event slower = fleet_event(EventKind::slow, 20, "site0");
  slower.decode_ppm = 3'000'000;
  slower.for_ns = 5 * kS;
  scenario.events = {slow, slower};
  EXPECT_EQ(lines_of(scenario),
            (Lines{"10 pace 0 x2000000", "20 pace 0 x3000000", "25 pace 0 x1000000"}));
}

TEST(PlanFleet, WhoComesBackHasTheUsualPace) {
  Scenario scenario = fleet_of({site_of_replicas(1)});
  Event slow = fleet_event(EventKind::slow, 10, "site0");
  slow.decode_ppm = 2'000'000;
  slow.for_ns = 30 * kS;
  Event fail = fleet_event(EventKind::fail, 20, "site0");
  fail.for_ns = 5 * kS;
  scenario.events = {slow, fail};
  EXPECT_EQ(lines_of(scenario),
            (Lines{"10 pace 0 x2000000", "20 fail 0", "25 pace 0 x1000000", "25 serve 0"}));
}

TEST(PlanFleet, ASiteComesAndGoesByItself) {
  Scenario scenario = fleet_of({site_of_replicas(1), site_of_replicas(1)});
  scenario.fleet.sites[0].available = Availability{50 * kS, 20 * kS, 30 * kS};
  EXPECT_EQ(lines_of(scenario), (Lines{"30 leave 0", "50 serve 0", "80 leave 0", "100 serve 0"}))
      << "the run and its cooldown take 130 s";
  scenario.fleet.sites[0].available->begin_ns = 0;
  EXPECT_EQ(serving_at_start(scenario), (std::vector<bool>{false, true}));
  EXPECT_EQ(lines_of(scenario),
            (Lines{"20 serve 0", "50 leave 0", "70 serve 0", "100 leave 0", "120 serve 0"}));
}

TEST(PlanFleet, AShareIsOfThoseThatServe) {
  Scenario scenario = fleet_of({site_of_replicas(100)});
  scenario.fleet.sites[0].at_start = 41;
  Event fail = fleet_event(EventKind::fail, 10, "site0");
  fail.share = 0.1;
  scenario.events = {fail};
  EXPECT_EQ(plan_fleet(scenario).size(), 4U);
  scenario.events[0].share = 0.001;
  EXPECT_EQ(plan_fleet(scenario).size(), 1U);
}

TEST(PlanFleet, ADrawDoesNotDependOnOtherEvents) {
  Scenario scenario = fleet_of({site_of_replicas(50), site_of_replicas(50)});
  Event fail = fleet_event(EventKind::fail, 50, "site1");
  fail.replicas = 5;
  scenario.events = {fail};
  const Lines alone = lines_of(scenario);
  scenario.events = {fleet_event(EventKind::leave, 20, "site0"), fail};
  Lines beside = lines_of(scenario);
  beside.erase(beside.begin(), beside.begin() + 50);
  EXPECT_EQ(beside, alone);
  scenario.events = {fail};
  scenario.run.seed = 2;
  EXPECT_NE(lines_of(scenario), alone);
}

// What an event does to one replica leaves the others' failures and repairs as they were.
TEST(PlanFleet, FailuresByChanceStayWhereTheyAre) {
  Scenario scenario = fleet_of({site_of_replicas(20)});
  scenario.fleet.sites[0].failures = Failures{40 * kS, 10 * kS};
  std::map<std::uint32_t, Lines> alone;
  for (const ReplicaChange& change : plan_fleet(scenario)) {
    alone[change.replica].push_back(line_of(change));
  }
  EXPECT_GT(alone.size(), 15U);
  Event fail = fleet_event(EventKind::fail, 50, "site0");
  fail.replicas = 1;
  scenario.events = {fail};
  std::map<std::uint32_t, Lines> beside;
  std::optional<std::uint32_t> hit;
  for (const ReplicaChange& change : plan_fleet(scenario)) {
    beside[change.replica].push_back(line_of(change));
    if (change.event) hit = change.replica;
  }
  ASSERT_TRUE(hit);
  alone.erase(*hit);
  beside.erase(*hit);
  EXPECT_EQ(alone, beside);
}

TEST(PlanFleet, AReplicaFailsWithAnyOfItsAccelerators) {
  Scenario scenario = fleet_of({site_of_replicas(100)});
  scenario.run.duration_ns = 10'000 * kS;
  scenario.fleet.sites[0].failures = Failures{10'000 * kS, kS};
  const auto failures = [&] {
    return std::ranges::count(plan_fleet(scenario), Kind::fail, &ReplicaChange::kind);
  };
  EXPECT_NEAR(static_cast<double>(failures()), 100, 30);
  Profile profile;
  profile.name = scenario.fleet.sites[0].profile;
  profile.accelerator = Accelerator{"x", 8, 1, 1, 1, 1};
  scenario.profiles = {profile};
  EXPECT_NEAR(static_cast<double>(failures()), 800, 90);
  EXPECT_NEAR(expected_changes(scenario), 1600, 10);
}

TEST(PlanFleet, SaysWhenSomeThatServeAreSlow) {
  Scenario scenario = fleet_of({site_of_replicas(2)});
  Event slow = fleet_event(EventKind::slow, 10, "site0");
  slow.replicas = 1;
  slow.decode_ppm = 2'000'000;
  slow.for_ns = 20 * kS;
  scenario.events = {slow};
  EXPECT_EQ(serving_over_time(scenario),
            (std::vector<ServingSpan>{{0, {2}}, {10 * kS, {2}, true}, {30 * kS, {2}}}));
  scenario.events[0].replicas = 2;
  Event fail = fleet_event(EventKind::fail, 20, "site0");
  fail.replicas = 2;
  fail.for_ns = 40 * kS;
  scenario.events.push_back(fail);
  EXPECT_EQ(
      serving_over_time(scenario),
      (std::vector<ServingSpan>{{0, {2}}, {10 * kS, {2}, true}, {20 * kS, {0}}, {60 * kS, {2}}}))
      << "who has failed is not slow, and comes back at the usual pace";
}

// Replicas that serve, of N and S spares that don't age, with mean times to failure and repair: a
// birth-and-death process, whose steady state has products of rates.
double machine_repair(int replicas, int spares, double mtbf, double repair) {
  std::vector<double> weight = {1};  // of `broken` machines
  for (int broken = 1; broken <= replicas + spares; ++broken) {
    const int served = std::min(replicas, replicas + spares - (broken - 1));
    weight.push_back(weight.back() * served / mtbf / (broken / repair));
  }
  double sum = 0;
  double serving = 0;
  for (int broken = 0; broken <= replicas + spares; ++broken) {
    const double w = weight[static_cast<std::size_t>(broken)];
    sum += w;
    serving += w * std::min(replicas, replicas + spares - broken);
  }
  return serving / sum;
}

double mean_serving(const Scenario& scenario) {
  const std::vector<ServingSpan> spans = serving_over_time(scenario);
  const std::int64_t end_ns = scenario.run.duration_ns;
  double sum = 0;
  for (std::size_t i = 0; i < spans.size() && spans[i].at_ns < end_ns; ++i) {
    const std::int64_t until = i + 1 < spans.size() ? std::min(spans[i + 1].at_ns, end_ns) : end_ns;
    sum += static_cast<double>(spans[i].replicas[0]) * static_cast<double>(until - spans[i].at_ns);
  }
  return sum / static_cast<double>(end_ns);
}

TEST(PlanFleet, AgreesWithTheClosedFormOfMachineRepair) {
  for (const int spares : {0, 2, 5}) {
    Scenario scenario = fleet_of({site_of_replicas(20)});
    scenario.run.duration_ns = 400'000 * kS;
    scenario.fleet.sites[0].spares = spares;
    scenario.fleet.sites[0].failures = Failures{100 * kS, 20 * kS};
    EXPECT_NEAR(mean_serving(scenario), machine_repair(20, spares, 100, 20), 0.05)
        << spares << " spares";
  }
}

RC_GTEST_PROP(PlanFleet, OfEachReplicaServingAndNotTakeTurns, ()) {
  const Scenario scenario = changing_fleet();
  const std::vector<ReplicaChange> changes = plan_fleet(scenario);
  std::vector<bool> serving = serving_at_start(scenario);
  std::vector<bool> slowed(serving.size());
  std::int64_t now_ns = 0;
  for (const ReplicaChange& change : changes) {
    RC_ASSERT(change.at_ns >= now_ns);
    now_ns = change.at_ns;
    RC_ASSERT(change.replica < serving.size());
    if (change.kind == Kind::pace) {
      const bool usual = change.decode_ppm == 1'000'000 && change.prefill_ppm == 1'000'000;
      RC_ASSERT(serving[change.replica] || usual);
      RC_ASSERT(slowed[change.replica] || !usual);
      slowed[change.replica] = !usual;
      continue;
    }
    RC_ASSERT(serving[change.replica] == (change.kind != Kind::serve));
    serving[change.replica] = change.kind == Kind::serve;
  }
  RC_ASSERT(now_ns < scenario.run.duration_ns + scenario.run.cooldown_max_ns);
  RC_ASSERT(plan_fleet(scenario) == changes);
}

RC_GTEST_PROP(ServingOverTime, NeverHasMoreThanTheSiteNames, ()) {
  const Scenario scenario = changing_fleet();
  std::int64_t before_ns = -1;
  for (const ServingSpan& span : serving_over_time(scenario)) {
    RC_ASSERT(span.at_ns > before_ns);
    before_ns = span.at_ns;
    for (std::size_t i = 0; i < span.replicas.size(); ++i) {
      RC_ASSERT(span.replicas[i] >= 0 && span.replicas[i] <= scenario.fleet.sites[i].replicas);
    }
  }
}

// Once they are there, it does not matter whether replicas have joined or were there at the start.
RC_GTEST_PROP(PlanFleet, OfThoseThatJoinedIsThatOfThoseThatWereThere, ()) {
  Scenario built = changing_fleet();
  built.events.clear();
  Site& site = built.fleet.sites[0];
  site.at_start.reset();
  site.boot_ns = 0;
  Scenario joined = built;
  joined.fleet.sites[0].at_start = *rc::gen::inRange<std::int64_t>(0, site.replicas);
  joined.events = {fleet_event(EventKind::join, 0, site.name)};
  joined.events[0].at_ns = 1;  // before anything else
  std::vector<ReplicaChange> changes = plan_fleet(joined);
  std::erase_if(changes, [](const ReplicaChange& change) { return change.at_ns == 1; });
  if (!site.available || site.available->begin_ns > 1) RC_ASSERT(changes == plan_fleet(built));
}

}  // namespace
}  // namespace tokenlift::fleet_plan_test
