// What events and peak hours make of the throttles, in order of time.

#include "workloads/plan/changes.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "workloads/plan/plan.hpp"

namespace tokenlift::changes_test {
namespace {

constexpr std::int64_t kS = 1'000'000'000;

Throttle bucket(const std::string& name = "limit") {
  Throttle throttle;
  throttle.name = name;
  throttle.rate.per_s = 100;
  throttle.burst.units = 50;
  return throttle;
}

Event event(EventKind kind, std::int64_t at_s, const std::string& throttle = "limit") {
  Event result;
  result.kind = kind;
  result.at_ns = at_s * kS;
  result.throttle = throttle;
  return result;
}

Event set_rate(std::int64_t at_s, double per_s) {
  Event result = event(EventKind::set, at_s);
  result.rate = Rate{std::nullopt, per_s};
  return result;
}

Event ramp_to(std::int64_t at_s, double per_s, std::int64_t over_s, std::int64_t steps) {
  Event result = event(EventKind::ramp, at_s);
  result.rate = Rate{std::nullopt, per_s};
  result.over_ns = over_s * kS;
  result.steps = steps;
  return result;
}

// One replica, and three more at 10 s: four times the capacity.
Scenario growing_fleet(const std::vector<Event>& events) {
  Scenario scenario;
  scenario.run.duration_ns = 100 * kS;
  Site site;
  site.name = "hall";
  site.replicas = 4;
  site.at_start = 1;
  scenario.fleet.sites = {site};
  scenario.tenants.emplace_back();
  scenario.tenants[0].prompt_tokens.mean = scenario.tenants[0].output_tokens.mean = 20;
  scenario.tenants[0].max_tokens = 20;
  scenario.throttles = {bucket()};
  scenario.throttles[0].follows = Follows::capacity;
  Event join = event(EventKind::join, 10, "");
  join.site = "hall";
  scenario.events = {join};
  scenario.events.insert(scenario.events.end(), events.begin(), events.end());
  return scenario;
}

std::vector<Change> plan(const std::vector<Event>& events,
                         const std::vector<Throttle>& throttles = {bucket()}) {
  Scenario scenario;
  scenario.run.duration_ns = 100 * kS;
  scenario.throttles = throttles;
  scenario.events = events;
  return plan_changes(scenario);
}

struct Point {
  std::int64_t at_ms;
  double rate_per_s;
  bool lifted;
  std::optional<std::size_t> event;
  bool operator==(const Point&) const = default;
};

std::vector<Point> points(const std::vector<Event>& events) {
  std::vector<Point> result;
  for (const Change& change : plan(events)) {
    result.push_back(
        {change.at_ns / 1'000'000, *change.settings.rate.per_s, change.lifted, change.event});
  }
  return result;
}

TEST(PlanChanges, LiftSetAndRestore) {
  EXPECT_EQ(points({event(EventKind::lift, 1), set_rate(2, 200), event(EventKind::lift, 3),
                    event(EventKind::restore, 4)}),
            (std::vector<Point>{{1000, 100, true, 0},
                                {2000, 200, false, 1},  // brings it back
                                {3000, 200, true, 2},
                                {4000, 100, false, 3}}));  // as it began
}

TEST(PlanChanges, ABurstThatIsSetDuringARampStays) {
  Event ramp = ramp_to(1, 200, 4, 4);
  ramp.burst = Burst{std::nullopt, 100};
  Event set = event(EventKind::set, 2);
  set.burst = Burst{std::nullopt, 500};
  const std::vector<Change> changes = plan({ramp, set});
  EXPECT_EQ(changes.front().settings.burst.units, 62.5) << "a quarter of the way from 50 to 100";
  EXPECT_EQ(changes.back().settings.burst.units, 500);
  EXPECT_EQ(changes.back().settings.rate.per_s, 200) << "the rate goes on";
}

TEST(PlanChanges, SetChangesEveryParameter) {
  Event all = set_rate(1, 7);
  all.burst = Burst{std::nullopt, 8};
  all.limit = 9;
  all.window_ns = 10;
  all.min_limit = 11;
  all.max_limit = 12;
  all.target_ns = 13;
  all.tolerance = 14;
  all.rise = 15;
  all.charge = Charge::after;
  all.mode = Mode::shadow;
  all.when_full = WhenFull::reject;
  all.max_wait_ns = 16;
  all.inherit = Inherit::additive;
  Throttle expected = bucket();
  expected.rate.per_s = 7;
  expected.burst.units = 8;
  expected.limit = 9;
  expected.window_ns = 10;
  expected.min_limit = 11;
  expected.max_limit = 12;
  expected.target_ns = 13;
  expected.tolerance = 14;
  expected.rise = 15;
  expected.charge = Charge::after;
  expected.mode = Mode::shadow;
  expected.when_full = WhenFull::reject;
  expected.max_wait_ns = 16;
  const std::vector<Change> changes = plan({all});
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].settings, expected);
  EXPECT_EQ(changes[0].inherit, Inherit::additive);
}

TEST(PlanChanges, AStepwiseRampRisesAtOnceAndIsThereAStepBeforeItsEnd) {
  EXPECT_EQ(points({ramp_to(10, 200, 10, 4)}), (std::vector<Point>{{10'000, 125, false, 0},
                                                                   {12'500, 150, false, {}},
                                                                   {15'000, 175, false, {}},
                                                                   {17'500, 200, false, {}}}));
  Event from = ramp_to(10, 200, 10, 2);
  from.from = Rate{std::nullopt, 20};
  EXPECT_EQ(points({from}),
            (std::vector<Point>{{10'000, 110, false, 0}, {15'000, 200, false, {}}}));
}

// What has accrued is exact where a step ends: the sum of the steps is the area under the line.
TEST(PlanChanges, ALinearRampHasTheAreaOfTheLine) {
  const std::vector<Change> changes = plan({ramp_to(10, 300, 7, 0)});
  ASSERT_EQ(changes.size(), 201U);
  double area = 0;
  for (std::size_t i = 0; i + 1 < changes.size(); ++i) {
    area += *changes[i].settings.rate.per_s *
            static_cast<double>(changes[i + 1].at_ns - changes[i].at_ns) / 1e9;
    EXPECT_LT(*changes[i].settings.rate.per_s, *changes[i + 1].settings.rate.per_s);
  }
  EXPECT_NEAR(area, 7 * 200.0, 1e-6);
  EXPECT_EQ(changes.back().at_ns, 17 * kS);
  EXPECT_EQ(changes.back().settings.rate.per_s, 300);
}

TEST(PlanChanges, ARampTakesTheBurstAlongAndMovesLimits) {
  Event ramp = ramp_to(10, 200, 10, 2);
  ramp.burst = Burst{std::nullopt, 100};
  EXPECT_EQ(plan({ramp})[0].settings.burst.units, 75);
  EXPECT_EQ(plan({ramp})[1].settings.burst.units, 100);
  Throttle window = bucket();
  window.kind = ThrottleKind::fixed_window;
  window.rate = {};
  window.limit = 10;
  Event limit = event(EventKind::ramp, 10);
  limit.limit = 20;
  limit.over_ns = 10 * kS;
  limit.steps = 2;
  EXPECT_EQ(plan({limit}, {window})[0].settings.limit, 15);
  EXPECT_EQ(plan({limit}, {window})[1].settings.limit, 20);
}

TEST(PlanChanges, LaterEventsEndARampUnderWay) {
  const Event ramp = ramp_to(10, 200, 10, 4);
  EXPECT_EQ(points({ramp, set_rate(13, 70)}).size(), 3U);
  EXPECT_EQ(points({ramp, set_rate(13, 70)}).back(), (Point{13'000, 70, false, 1}));
  EXPECT_EQ(points({ramp, event(EventKind::lift, 13)}).back(), (Point{13'000, 150, true, 1}));
  EXPECT_EQ(points({ramp, event(EventKind::restore, 13)}).back(), (Point{13'000, 100, false, 1}));
  EXPECT_EQ(points({ramp, ramp_to(13, 50, 2, 1)}).back(), (Point{13'000, 50, false, 1}));
  // Of another parameter it goes on.
  Event burst = event(EventKind::set, 13);
  burst.burst = Burst{std::nullopt, 77};
  EXPECT_EQ(points({ramp, burst}).size(), 5U);
  EXPECT_EQ(plan({ramp, burst}).back().settings.burst.units, 77);
}

TEST(PlanChanges, ARampBeginsAnewOnlyOnce) {
  Event ramp = ramp_to(10, 200, 10, 3);
  ramp.inherit = Inherit::reset;
  const std::vector<Change> changes = plan({ramp});
  EXPECT_EQ(changes[0].inherit, Inherit::reset);
  EXPECT_EQ(changes[1].inherit, Inherit::as_is);
  ramp.inherit = Inherit::proportional;
  EXPECT_EQ(plan({ramp})[1].inherit, Inherit::proportional);
}

TEST(PlanChanges, PeakHoursKeepToTheirThrottleAndComeBeforeEvents) {
  Throttle peak = bucket("peak");
  peak.schedule = {{0x7f, 0, 10, 2}, {0x7f, 20, 30, 3}};
  const std::vector<Change> changes =
      plan({event(EventKind::lift, 10, "peak"), event(EventKind::restore, 25, "peak")},
           {bucket(), peak});
  struct Seen {
    std::int64_t at_s;
    double drain;
    bool lifted;
    bool operator==(const Seen&) const = default;
  };
  std::vector<Seen> seen;
  for (const Change& change : changes) {
    EXPECT_EQ(change.throttle, 1U);
    seen.push_back({change.at_ns / kS, change.drain, change.lifted});
  }
  EXPECT_EQ(seen, (std::vector<Seen>{{0, 2, false},
                                     {10, 1, false},
                                     {10, 1, true},
                                     {20, 3, true},
                                     {25, 3, false},
                                     {30, 1, false}}));
}

RC_GTEST_PROP(PlanChanges, AreInOrderAndEveryEventBeginsOnce, ()) {
  std::vector<Event> events;
  const int count = *rc::gen::inRange(0, 8);
  for (int i = 0; i < count; ++i) {
    const std::int64_t at_s = *rc::gen::inRange(1, 20);
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        events.push_back(event(EventKind::lift, at_s));
        break;
      case 1:
        events.push_back(event(EventKind::restore, at_s));
        break;
      case 2:
        events.push_back(set_rate(at_s, *rc::gen::inRange(1, 500)));
        break;
      default:
        events.push_back(ramp_to(at_s, *rc::gen::inRange(1, 500), *rc::gen::inRange(1, 30),
                                 *rc::gen::inRange(0, 9)));
    }
  }
  std::ranges::stable_sort(events, {}, &Event::at_ns);
  const std::vector<Change> changes = plan(events);
  std::size_t next = 0;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (i > 0) RC_ASSERT(changes[i - 1].at_ns <= changes[i].at_ns);
    RC_ASSERT(*changes[i].settings.rate.per_s > 0);
    if (!changes[i].event) continue;
    RC_ASSERT(*changes[i].event == next);
    RC_ASSERT(changes[i].at_ns == events[next].at_ns);
    RC_ASSERT(changes[i].lifted == (events[next].kind == EventKind::lift));
    ++next;
  }
  RC_ASSERT(next == events.size());
}

TEST(Follows, TheCapacityWithALag) {
  Scenario scenario = growing_fleet({});
  scenario.throttles[0].lag_ns = 2 * kS;
  const std::vector<Change> changes = plan_changes(scenario);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].at_ns, 12 * kS);
  EXPECT_EQ(changes[0].settings.rate.per_s, 400);
  EXPECT_EQ(changes[0].settings.burst.units, 200);
  EXPECT_EQ(changes[0].inherit, Inherit::proportional);
  EXPECT_EQ(changes[0].event, std::nullopt);
}

TEST(Follows, NothingBelowTheLargestRequestAndNoRateOfZero) {
  Scenario scenario = growing_fleet({});
  scenario.events = {event(EventKind::leave, 10, "")};
  scenario.events[0].site = "hall";
  const std::vector<Change> changes = plan_changes(scenario);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].settings.burst.units, 20);
  EXPECT_GT(changes[0].settings.rate.per_s, 0);
  EXPECT_LT(changes[0].settings.rate.per_s, 1e-3);
}

TEST(Follows, ALimit) {
  Scenario scenario = growing_fleet({});
  scenario.throttles[0].kind = ThrottleKind::concurrency;
  scenario.throttles[0].rate = {};
  scenario.throttles[0].limit = 30;
  EXPECT_EQ(plan_changes(scenario).at(0).settings.limit, 120);
}

std::vector<double> rates(const Scenario& scenario) {
  std::vector<double> rates;
  for (const Change& change : plan_changes(scenario)) rates.push_back(*change.settings.rate.per_s);
  return rates;
}

TEST(Follows, UntilTheRateIsSetAndAgainOnceRestored) {
  Event leave = event(EventKind::leave, 40, "");
  leave.site = "hall";
  leave.replicas = 2;
  EXPECT_EQ(rates(growing_fleet({set_rate(20, 150), leave})), (std::vector<double>{400, 150}));
  EXPECT_EQ(rates(growing_fleet({set_rate(20, 150), event(EventKind::restore, 30), leave})),
            (std::vector<double>{400, 150, 400, 200}));
  EXPECT_EQ(rates(growing_fleet({event(EventKind::lift, 20), leave})),
            (std::vector<double>{400, 400}));
  EXPECT_EQ(rates(growing_fleet({ramp_to(20, 800, 10, 2), leave})),
            (std::vector<double>{400, 600, 800}));
}

TEST(Follows, WhileSomethingElseIsSet) {
  Event shadow = event(EventKind::set, 5);
  shadow.mode = Mode::shadow;
  Scenario scenario = growing_fleet({});
  scenario.events.insert(scenario.events.begin(), shadow);
  EXPECT_EQ(rates(scenario), (std::vector<double>{100, 400}));
}

TEST(EndOfAnEvent, IsWhereItsLastReplicaHasComeOrGone) {
  Scenario scenario = growing_fleet({});
  scenario.fleet.sites[0].boot_ns = 5 * kS;
  scenario.fleet.sites[0].notice_ns = 30 * kS;
  Event change = scenario.events[0];
  change.over_ns = 2 * kS;
  EXPECT_EQ(begin_ns(scenario, change), 10 * kS);
  EXPECT_EQ(end_ns(scenario, change), 17 * kS);
  change.kind = EventKind::leave;
  EXPECT_EQ(begin_ns(scenario, change), 40 * kS);
  EXPECT_EQ(end_ns(scenario, change), 42 * kS);
  change.notice_ns = 1 * kS;
  EXPECT_EQ(end_ns(scenario, change), 13 * kS);
  Event fail = event(EventKind::fail, 10, "");
  fail.site = "hall";
  EXPECT_EQ(end_ns(scenario, fail), 10 * kS) << "it is never repaired";
  fail.for_ns = 20 * kS;
  EXPECT_EQ(end_ns(scenario, fail), 35 * kS);
  fail.kind = EventKind::slow;
  EXPECT_EQ(end_ns(scenario, fail), 30 * kS);
}

}  // namespace
}  // namespace tokenlift::changes_test
