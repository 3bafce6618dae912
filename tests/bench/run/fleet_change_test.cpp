// What changes of the fleet come to, exactly: virtual time against fleets that were built that way,
// and against sums by hand.

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/bench/run/virtual_run.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/requests/arrivals.hpp"

namespace tokenlift::fleet_change_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kMsPs = 1'000'000'000;

/// `replicas` of which each takes four requests at once: 2 ms a decode step, and a millisecond and
/// 20 us a token for a prompt.
Site site_of(std::int64_t replicas) {
  Site site;
  site.name = "here";
  site.replicas = replicas;
  site.profile = "plain";
  site.max_batch = 4;
  site.max_step_tokens = 256;
  site.kv_tokens = 10'000;
  return site;
}

/// 2 s of some 250 requests/s, what five replicas carry. A throttle that holds nobody is lifted at
/// 1 s: that divides the run, whatever else happens.
Scenario busy_fleet(std::int64_t replicas) {
  Scenario scenario;
  scenario.name = "busy";
  scenario.run.engine = Engine::simulated;
  scenario.run.duration_ns = 2000 * kMs;
  scenario.run.settle_ns = 300 * kMs;
  Profile profile;
  profile.name = "plain";
  profile.cost = CostModel{2 * kMsPs, 0, 0, kMsPs, kMsPs / 50, 0};
  scenario.profiles = {profile};
  scenario.fleet.sites = {site_of(replicas)};
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.rate.per_s = 250;
  tenant.prompt_tokens = {Distribution::uniform, 0, 0, 1, 60};
  tenant.output_tokens = {Distribution::uniform, 0, 0, 1, 40};
  tenant.max_tokens = 40;
  scenario.tenants = {tenant};
  Throttle throttle;
  throttle.name = "idle";
  throttle.unit = Unit::requests;
  throttle.rate.per_s = 1e6;
  throttle.burst.units = 1e6;
  scenario.throttles = {throttle};
  Event lift;
  lift.at_ns = 1000 * kMs;
  lift.throttle = throttle.name;
  lift.measure = true;
  scenario.events = {lift};
  return scenario;
}

Event fleet_event(EventKind kind, std::int64_t at_ns, std::int64_t replicas) {
  Event event;
  event.kind = kind;
  event.at_ns = at_ns;
  event.site = "here";
  event.replicas = replicas;
  return event;
}

void add(Scenario& scenario, const Event& event) {
  const auto later = std::ranges::upper_bound(scenario.events, event.at_ns, {}, &Event::at_ns);
  scenario.events.insert(later, event);
}

/// All that came of it, but for the scenario, `replica_ns` that replicas served in its first phase,
/// and a column that fleets have which change: nothing has failed.
std::string json_without(RunValue run, std::int64_t replica_ns) {
  run.scenario_json = "{}";
  EXPECT_EQ(run.totals.failed, 0U);
  std::erase_if(run.series.columns, [](const Column& c) { return c.name == "failed_requests"; });
  run.phases[0].replica_ns -= replica_ns;
  run.phases[0].kv_room_token_ns -= WideSum{replica_ns} * site_of(1).kv_tokens;
  return to_json(run);
}

// ------------------------------------------------------------------------------- a fleet like
// another

TEST(FleetChange, JoinedAtTheFirstInstantIsBuiltLikeThat) {
  for (const RouterPolicy router :
       {RouterPolicy::shared_queue, RouterPolicy::round_robin, RouterPolicy::random,
        RouterPolicy::power_of_two, RouterPolicy::least_loaded, RouterPolicy::session_affinity,
        RouterPolicy::spill}) {
    for (const std::int64_t interval_ns : {std::int64_t{0}, 5 * kMs}) {
      Scenario built = busy_fleet(5);
      built.fleet.router = router;
      built.fleet.load_report_interval_ns = interval_ns;
      const std::string expected = json_without(play_virtual(built), 5);
      for (const std::int64_t at_start : {0, 2}) {
        SCOPED_TRACE(testing::Message() << "router " << static_cast<int>(router) << ", reports of "
                                        << interval_ns << " ns, " << at_start << " at the start");
        Scenario joined = built;
        joined.fleet.sites[0].at_start = at_start;
        add(joined, fleet_event(EventKind::join, 1, 5 - at_start));
        // Those that join serve for a nanosecond less.
        EXPECT_TRUE(json_without(play_virtual(joined), at_start) == expected);
      }
    }
  }
}

TEST(FleetChange, AReplicaThatFailsBeforeAnyRequestMightAsWellNotBeThere) {
  for (const RouterPolicy router : {RouterPolicy::shared_queue, RouterPolicy::least_loaded,
                                    RouterPolicy::session_affinity, RouterPolicy::spill}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      SCOPED_TRACE(testing::Message()
                   << "router " << static_cast<int>(router) << ", seed " << seed);
      Scenario built = busy_fleet(5);
      built.fleet.router = router;
      built.run.seed = seed;
      Scenario failed = built;
      failed.fleet.sites[0].replicas = 7;
      Event failure = fleet_event(EventKind::fail, 1, 2);
      failure.in_flight = InFlight::drop;
      add(failed, failure);
      EXPECT_TRUE(json_without(play_virtual(failed), 2) == json_without(play_virtual(built), 0));
    }
  }
}

// ----------------------------------------------------------------------------- what is in flight

/// Four of five replicas go at 700 ms and come back at 1.3 s.
RunValue leave_and_come_back(InFlight in_flight, Stepping stepping) {
  Scenario scenario = busy_fleet(5);
  Event leave = fleet_event(EventKind::leave, 700 * kMs, 4);
  leave.in_flight = in_flight;
  add(scenario, leave);
  add(scenario, fleet_event(EventKind::join, 1300 * kMs, 4));
  return play_virtual(scenario, stepping);
}

/// Over all phases.
WideSum replica_ns(const RunValue& run) {
  WideSum sum = 0;
  for (const PhaseSpan& phase : run.phases) sum += phase.replica_ns;
  return sum;
}

Counts measured(const RunValue& run) {
  Counts counts;
  for (const PhaseRecord& record : run.tenants[0].phases) merge(counts, record.counts);
  return counts;
}

std::uint64_t wasted_tokens(const RunValue& run) {
  std::uint64_t sum = 0;
  for (const PhaseRecord& record : run.tenants[0].phases) sum += record.wasted_tokens;
  return sum;
}

TEST(FleetChange, WhatBecomesOfRequestsInFlight) {
  const WideSum planned_ns = WideSum{5 * 2000 - 4 * 600} * kMs;
  for (const Stepping stepping : {Stepping::jump, Stepping::each}) {
    const RunValue finish = leave_and_come_back(InFlight::finish, stepping);
    EXPECT_GT(measured(finish).due, 400U);
    EXPECT_EQ(measured(finish).completed, measured(finish).due);
    EXPECT_EQ(wasted_tokens(finish), 0U) << "nothing is computed twice";
    EXPECT_GT(replica_ns(finish), planned_ns) << "a replica serves until it is empty";
    const RunValue move = leave_and_come_back(InFlight::move, stepping);
    EXPECT_EQ(measured(move).completed, measured(move).due);
    EXPECT_GT(wasted_tokens(move), 0U);
    EXPECT_EQ(replica_ns(move), planned_ns);
    const RunValue drop = leave_and_come_back(InFlight::drop, stepping);
    const Counts dropped = measured(drop);
    EXPECT_GT(dropped.failed, 0U);
    EXPECT_EQ(dropped.completed + dropped.failed, dropped.due);
    EXPECT_EQ(replica_ns(drop), planned_ns);
  }
}

// Failures by chance drop what is in flight, so replicas serve for as long as is planned.
TEST(FleetChange, ReplicasServeForAsLongAsIsPlanned) {
  Scenario scenario = busy_fleet(6);
  scenario.fleet.sites[0].boot_ns = 20 * kMs;
  scenario.fleet.sites[0].failures = Failures{500 * kMs, 100 * kMs};
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    scenario.run.seed = seed;
    const std::vector<ServingSpan> spans = serving_over_time(scenario);
    WideSum planned_ns = 0;
    for (std::size_t i = 0; i < spans.size(); ++i) {
      const std::int64_t next_ns = i + 1 < spans.size() ? spans[i + 1].at_ns : kNever;
      const std::int64_t end_ns = std::min(next_ns, scenario.run.duration_ns);
      planned_ns +=
          WideSum{spans[i].replicas[0]} * std::max<std::int64_t>(end_ns - spans[i].at_ns, 0);
    }
    const RunValue run = play_virtual(scenario);
    EXPECT_GT(run.totals.failed, 0U);
    EXPECT_LT(planned_ns, WideSum{6} * scenario.run.duration_ns);
    EXPECT_EQ(replica_ns(run), planned_ns);
  }
}

// ---------------------------------------------------------------------------------- at a distance

/// Two tenants who ask at the same instant each second, one replica that takes one request at once:
/// 1.4 ms of prompt and ten steps of 2 ms.
Scenario distant_site(std::int64_t rtt_ns) {
  Scenario scenario = busy_fleet(1);
  scenario.events.clear();
  scenario.run.duration_ns = 4500 * kMs;
  scenario.fleet.sites[0].max_batch = 1;
  scenario.fleet.sites[0].rtt_ns = rtt_ns;
  Tenant& first = scenario.tenants[0];
  first.arrivals.process = Process::constant;
  first.arrivals.rate.per_s = 1;
  first.prompt_tokens = {Distribution::constant, 20, 0, 1, 20};
  first.output_tokens = {Distribution::constant, 11, 0, 1, 11};
  first.max_tokens = 11;
  scenario.tenants.push_back(first);
  scenario.tenants[1].name = "others";
  scenario.throttles[0].rate.per_s = 100;
  scenario.throttles[0].burst.units = 1;
  return scenario;
}

void expect_each(const PhaseRecord& record, Metric metric, std::int64_t value_ns) {
  const Histogram& samples = record.of(metric);
  EXPECT_EQ(samples.count(), 4U) << name_of(metric);
  EXPECT_TRUE(static_cast<__int128>(samples.sum_ns()) == 4 * value_ns)
      << name_of(metric) << ": " << samples.mean_ns() << " ns, not " << value_ns;
}

TEST(FleetChange, ARequestAtADistanceTakesTheWayThereAndBack) {
  constexpr std::int64_t kRtt = 7'000'001;  // 3,500,001 ns out, 3,500,000 ns back
  constexpr std::int64_t kPrefill = kMs * 14 / 10;
  for (const Stepping stepping : {Stepping::jump, Stepping::each}) {
    for (const std::int64_t interval_ns : {std::int64_t{0}, kMs}) {
      Scenario scenario = distant_site(kRtt);
      scenario.fleet.load_report_interval_ns = interval_ns;
      const RunValue run = play_virtual(scenario, stepping);
      const PhaseRecord& first = run.tenants[0].phases[0];
      expect_each(first, Metric::throttle_wait, 0);
      expect_each(first, Metric::network, kRtt);
      expect_each(first, Metric::queue_wait, 0);
      expect_each(first, Metric::prefill, kPrefill);
      expect_each(first, Metric::ttft, kRtt + kPrefill);
      expect_each(first, Metric::e2e, kRtt + kPrefill + 20 * kMs);
      expect_each(first, Metric::tpot, 2 * kMs);
      // The bucket has its next request after 10 ms; the replica is free 11.4 ms after that.
      const PhaseRecord& second = run.tenants[1].phases[0];
      const std::int64_t queue_ns = kPrefill + 20 * kMs - 10 * kMs;
      expect_each(second, Metric::throttle_wait, 10 * kMs);
      expect_each(second, Metric::network, kRtt);
      expect_each(second, Metric::queue_wait, queue_ns);
      expect_each(second, Metric::prefill, kPrefill);
      expect_each(second, Metric::service_ttft, kRtt + queue_ns + kPrefill);
      expect_each(second, Metric::ttft, 10 * kMs + kRtt + queue_ns + kPrefill);
      EXPECT_EQ(run.phases[0].busy_ns, 8 * (kPrefill + 20 * kMs));
    }
  }
}

// ------------------------------------------------- what a limit holds of those who lose a replica

/// One conversation of two turns with a site at a distance of 100 ms, behind a limit that holds the
/// second turn and nothing else: 51 prompt tokens, of which 31 were said in the first and are given
/// back when it starts.
Scenario conversation() {
  Scenario scenario = busy_fleet(1);
  scenario.events.clear();
  scenario.run.duration_ns = 3500 * kMs;
  scenario.fleet.sites[0].rtt_ns = 100 * kMs;
  scenario.fleet.sites[0].prefix_cache_tokens = 1000;
  scenario.profiles[0].cost = CostModel{20 * kMsPs, 0, 0, kMsPs, kMsPs / 50, 0};
  Tenant& tenant = scenario.tenants[0];
  tenant.arrivals.process = Process::constant;
  tenant.arrivals.rate.per_s = 0.5;
  tenant.prompt_tokens = {Distribution::constant, 20, 0, 1, 20};
  tenant.output_tokens = {Distribution::constant, 11, 0, 1, 11};
  tenant.max_tokens = 11;
  tenant.sessions =
      Sessions{{Distribution::constant, 2, 0, 1, 2}, {WaitDistribution::constant, 100 * kMs}, 1000};
  tenant.retry = {RetryPolicy::fixed, 10 * kMs, 10 * kMs, 5, 0, {}};
  Throttle& throttle = scenario.throttles[0];
  throttle.kind = ThrottleKind::concurrency;
  throttle.unit = Unit::input_tokens;
  throttle.exempt_cached = true;
  throttle.limit = 51;
  return scenario;
}

/// When the second turn is due: 101.4 ms after the first its first token is there, 200 ms later the
/// last one.
std::int64_t second_turn_ns(const Scenario& scenario) {
  ArrivalSource source(scenario.tenants[0], scenario.run.seed, 0);
  return source.next()->due_ns + 100 * kMs + kMs * 14 / 10 + 200 * kMs + 100 * kMs;
}

void add_failure(Scenario& scenario, std::int64_t at_ns, InFlight in_flight, std::int64_t for_ns) {
  Event failure = fleet_event(EventKind::fail, at_ns, 1);
  failure.in_flight = in_flight;
  failure.for_ns = for_ns;
  add(scenario, failure);
}

// It fails when it has started and, in its second attempt, on its way. What had been given back in
// the first attempt is not given back again, and not kept either: the third finds room.
TEST(FleetChange, ALimitHoldsNothingOfAnAttemptThatFailed) {
  Scenario scenario = conversation();
  const std::int64_t due_ns = second_turn_ns(scenario);
  add_failure(scenario, due_ns + 120 * kMs, InFlight::drop, 5 * kMs);
  add_failure(scenario, due_ns + 150 * kMs, InFlight::drop, 5 * kMs);
  const RunValue run = play_virtual(scenario);
  EXPECT_EQ(run.totals.due, 2U);
  EXPECT_EQ(run.totals.completed, 2U);
  const PhaseRecord all = fleet_record(run, 0);
  EXPECT_EQ(all.attempts + fleet_record(run, 1).attempts, 4U);
}

// One that has started, has nowhere to go, and gives up, gives back what it still holds.
TEST(FleetChange, ALimitHoldsNothingOfWhoGaveUpWaitingForAReplica) {
  Scenario scenario = conversation();
  scenario.tenants[0].deadline_ns = 500 * kMs;
  add_failure(scenario, second_turn_ns(scenario) + 120 * kMs, InFlight::move, 600 * kMs);
  const RunValue run = play_virtual(scenario);
  EXPECT_EQ(run.totals.due, 2U);
  EXPECT_EQ(run.totals.completed, 1U);
  EXPECT_EQ(run.totals.expired, 1U);
}

// The second attempt passes when the limit is only watched, and would have held it: then it has
// nothing to give back.
TEST(FleetChange, ALimitThatIsOnlyWatchedHoldsNothingOfTheNextAttempt) {
  Scenario scenario = conversation();
  scenario.throttles[0].exempt_cached = false;
  const std::int64_t due_ns = second_turn_ns(scenario);
  add_failure(scenario, due_ns + 120 * kMs, InFlight::drop, 5 * kMs);
  Event watch;
  watch.kind = EventKind::set;
  watch.at_ns = due_ns + 125 * kMs;
  watch.throttle = scenario.throttles[0].name;
  watch.mode = Mode::shadow;
  watch.limit = 40;
  add(scenario, watch);
  EXPECT_EQ(play_virtual(scenario).totals.completed, 2U);
}

// ------------------------------------------------------------------------- limits that follow it

/// From an instant on the fleet has this share of the capacity at the start.
struct Share {
  std::int64_t from_ns;
  double share;
};

/// Two replicas of 100 tokens/s at the start; two of 300 join at 1 s and at 1.2 s, then some leave.
/// Far more is asked, at each millisecond, than the limit of 100 requests/s lets through.
Scenario followed_fleet(WhenFull when_full) {
  Scenario scenario = busy_fleet(4);
  scenario.run.duration_ns = 4000 * kMs;
  scenario.run.cooldown_max_ns = kMs;
  scenario.profiles[0].cost = CostModel{kMsPs / 1000, 0, 0, kMsPs / 1000, 0, 0};
  scenario.fleet.sites[0].at_start = 2;
  scenario.fleet.sites[0].capacity_tokens_per_s = 100;
  scenario.fleet.sites.push_back(scenario.fleet.sites[0]);
  Site& there = scenario.fleet.sites[1];
  there.name = "there";
  there.replicas = 2;
  there.at_start = 0;
  there.capacity_tokens_per_s = 300;
  Tenant& tenant = scenario.tenants[0];
  tenant.arrivals.process = Process::constant;
  tenant.arrivals.rate.per_s = 1000;
  Throttle& throttle = scenario.throttles[0];
  throttle.rate.per_s = 100;
  throttle.burst.units = 5;
  throttle.when_full = when_full;
  throttle.follows = Follows::capacity;
  throttle.lag_ns = 150 * kMs;
  scenario.events.clear();
  Event join = fleet_event(EventKind::join, 1000 * kMs, 2);
  join.site = "there";
  join.over_ns = 200 * kMs;
  scenario.events.push_back(join);
  scenario.events.push_back(fleet_event(EventKind::leave, 2500 * kMs, 2));
  scenario.events.push_back(fleet_event(EventKind::leave, 3000 * kMs, 1));
  scenario.events.back().site = "there";
  return scenario;
}

/// Requests that a limit of 100/s lets through by `at_ns`, if it has these shares.
double fluid(const std::vector<Share>& shares, std::int64_t at_ns) {
  double sum = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const std::int64_t end_ns =
        i + 1 < shares.size() ? std::min(at_ns, shares[i + 1].from_ns) : at_ns;
    if (end_ns > shares[i].from_ns) {
      sum += 100 * shares[i].share * static_cast<double>(end_ns - shares[i].from_ns) * 1e-9;
    }
  }
  return sum;
}

TEST(FleetChange, ALimitThatFollowsTheCapacityLetsThroughWhatTheFluidDoes) {
  const std::vector<Share> shares = {
      {0, 1}, {1150 * kMs, 2.5}, {1350 * kMs, 4}, {2650 * kMs, 3}, {3150 * kMs, 1.5}};
  for (const WhenFull when_full : {WhenFull::queue, WhenFull::reject}) {
    const RunValue run = play_virtual(followed_fleet(when_full));
    const std::vector<std::int64_t>* admitted =
        find_column(run.series.columns, "admitted_requests");
    ASSERT_NE(admitted, nullptr);
    std::int64_t sum = 0;
    double furthest = 0;
    for (std::size_t bin = 0; bin < admitted->size(); ++bin) {
      sum += (*admitted)[bin];
      const std::int64_t at_ns = static_cast<std::int64_t>(bin + 1) * run.series.bin_ns;
      if (at_ns < 10 * kMs || at_ns > 4000 * kMs) continue;
      // The burst of five comes at the beginning. Then less than a request is in the bucket, which
      // a change makes at most 2.5 times as many.
      const double ahead = static_cast<double>(sum) - fluid(shares, at_ns) - 5;
      furthest = std::max(furthest, std::abs(ahead));
    }
    EXPECT_LE(furthest, 2.5);
    EXPECT_NEAR(static_cast<double>(sum), 5 + 115 + 50 + 520 + 150 + 127.5, 2.5);
  }
}

}  // namespace
}  // namespace tokenlift::fleet_change_test
