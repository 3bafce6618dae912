// The whole loop in time moved by hand: exact outcomes, the latency identity, conservation.

#include "bench/run/loop.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>
#include <string_view>

#include "bench/run/validity.hpp"
#include "tests/bench/fleet/stepped_fleet.hpp"
#include "tests/bench/run/constant_lengths.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift::loop_test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMs = 1'000'000;

/// 10 requests/s of 10 + 4 tokens on one replica; a limit of 20 output tokens/s, lifted at 5 s.
Scenario small_lift() {
  Scenario scenario;
  scenario.name = "small";
  scenario.run.duration_ns = 10 * kSecond;
  scenario.run.settle_ns = kSecond;
  Site site;
  site.name = "one";
  site.max_batch = 8;
  site.max_step_tokens = 100;
  site.kv_tokens = 1000;
  scenario.fleet.sites.push_back(site);
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.process = Process::constant;
  tenant.arrivals.rate.per_s = 10;
  tenant.prompt_tokens = constant(10);
  tenant.output_tokens = constant(4);
  tenant.max_tokens = 4;
  tenant.slo.ttft_ns = 500 * kMs;
  scenario.tenants.push_back(tenant);
  Throttle throttle;
  throttle.name = "limit";
  throttle.rate.per_s = 20;
  throttle.burst.units = 4;
  throttle.max_wait_ns = 2 * kSecond;
  scenario.throttles.push_back(throttle);
  Event lift;
  lift.at_ns = 5 * kSecond;
  lift.throttle = "limit";
  scenario.events.push_back(lift);
  return scenario;
}

struct Played {
  Run run;
  LoopOutcome outcome;
  double littles_law_error = 0;
};

Played play(const Scenario& scenario, const StepCost& cost = {10 * kMs, 0, 0}, bool stopped = false,
            std::int64_t lateness_ns = 0) {
  const RecordingGrid grid = make_grid(scenario);
  const Site& site = scenario.fleet.sites.front();
  SteppedFleet fleet(static_cast<std::size_t>(site.replicas),
                     {site.max_batch, site.max_step_tokens, site.kv_tokens}, cost, grid);
  JumpingClock clock(lateness_ns);
  Recorder recorder(scenario, grid);
  ProgressBoard board;
  const std::atomic<bool> stop{stopped};
  Played played;
  Loop loop(scenario, grid, clock, fleet, recorder, board, stop);
  played.outcome = loop.run();
  TokenRecord tokens(grid);
  fleet.stop(played.outcome.end_ns, tokens);
  played.run = recorder.finish(played.outcome.end_ns, tokens);
  played.littles_law_error = recorder.littles_law_error();
  return played;
}

const PhaseRecord& phase(const Run& run, std::string_view name) {
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    if (run.phases[i].name == name) return run.tenants[0].phases[i];
  }
  throw std::logic_error("no phase " + std::string(name));
}

// By hand: 10 requests/s of 4 tokens, a bucket of 4 that gains 20/s. Constant arrivals are due at
// 0.1, 0.2, ... s. The first goes at once at 0.1 s; from then on one request goes every 0.2 s. The
// line grows by five a second. The one due at 2.1 s goes at 4.1 s, after the longest wait allowed;
// those due at 2.2, 2.4, 2.6 and 2.8 s expire. The one due at 3.0 s would expire at 5.0 s, but the
// lift comes first at its instant: it goes, with the 19 behind it.
TEST(Loop, AScriptedLiftHasExactlyTheOutcomesComputedByHand) {
  const Played played = play(small_lift());
  const PhaseRecord& before = phase(played.run, "before");
  const PhaseRecord& after = phase(played.run, "after");

  // Due in [0, 5): 0.1 .. 4.9 s.
  EXPECT_EQ(before.counts.due, 49U);
  EXPECT_EQ(before.counts.completed, 45U);
  EXPECT_EQ(before.counts.expired, 4U);
  // Admitted in [0, 5): at 0.1, 0.3, ... 4.9 s.
  EXPECT_EQ(before.admitted_requests, 25U);
  // Request n (from 0) is due at 0.1 (n + 1) and goes at 0.1 + 0.2 m as the m-th admitted one. Its
  // wait is 0.1 n as long as nobody has given up: up to n = 20, which waits exactly 2 s.
  const Histogram& wait = before.of(Metric::throttle_wait);
  EXPECT_EQ(wait.max_ns(), 2 * kSecond);
  EXPECT_EQ(wait.min_ns(), 0);

  // After the lift nobody waits: a step of 10 ms for the prompt, three for the other tokens.
  EXPECT_EQ(after.counts.due, 40U);
  EXPECT_EQ(after.counts.completed, 40U);
  EXPECT_EQ(after.slo_met, 40U);
  EXPECT_EQ(after.goodput_tokens, 160U);
  EXPECT_EQ(after.of(Metric::ttft).min_ns(), 10 * kMs);
  EXPECT_EQ(after.of(Metric::ttft).max_ns(), 10 * kMs);
  EXPECT_EQ(after.of(Metric::e2e).max_ns(), 40 * kMs);
  EXPECT_EQ(after.of(Metric::itl).count(), 120U);
  EXPECT_EQ(after.of(Metric::itl).max_ns(), 10 * kMs);
  EXPECT_EQ(after.of(Metric::tpot).max_ns(), 10 * kMs);
  EXPECT_EQ(after.of(Metric::throttle_wait).max_ns(), 0);
  EXPECT_EQ(after.output_tokens, 160U);

  ASSERT_EQ(played.outcome.lifts.size(), 1U);
  EXPECT_EQ(played.outcome.lifts[0].at_ns, 5 * kSecond);
  EXPECT_EQ(played.outcome.lifts[0].backlog_tokens, 4 * played.outcome.lifts[0].waiting_requests);
  EXPECT_EQ(played.outcome.lifts[0].waiting_requests, 20);
  EXPECT_EQ(before.held, 48U) << "all but the first";
}

TEST(Loop, ALiftUnlocksAtOnceWhereSomebodyWaits) {
  const LiftRecord lift = play(small_lift()).outcome.lifts.at(0);
  EXPECT_EQ(lift.unlock_ns, 0);
  EXPECT_EQ(lift.release_lag_ns, 0) << "this clock is never late";
}

// At 5.0 s the bucket has saved 2 of 4 units since 4.9 s. At 40/s the other two take 0.05 s, where
// the old rate would have taken 0.1 s.
TEST(Loop, ARaisedRateUnlocksWhenItLetsThroughWhatTheOldOneWouldHaveHeld) {
  Scenario scenario = small_lift();
  scenario.events[0].kind = EventKind::set;
  scenario.events[0].rate = Rate{{}, 40.0};
  const LiftRecord lift = play(scenario).outcome.lifts.at(0);
  EXPECT_EQ(lift.unlock_ns, 50 * kMs);
  EXPECT_EQ(lift.release_lag_ns, 0);
}

TEST(Loop, WhatTheOldLimitWouldHaveLetThroughTooUnlocksNothing) {
  Scenario scenario = small_lift();
  // 40 tokens/s are used; twice as many are reserved, and half come back 40 ms later.
  scenario.tenants[0].max_tokens = 8;
  scenario.throttles[0].rate.per_s = 50;
  scenario.throttles[0].burst.units = 50;
  const Played played = play(scenario);
  EXPECT_EQ(phase(played.run, "before").held, 0U);
  EXPECT_EQ(played.outcome.lifts[0].unlock_ns, std::nullopt);
  EXPECT_EQ(played.outcome.lifts[0].release_lag_ns, std::nullopt) << "nobody waited";
}

TEST(Loop, ALateClockReleasesLateAndSaysSo) {
  const LiftRecord lift = play(small_lift(), {10 * kMs, 0, 0}, false, 3 * kMs).outcome.lifts.at(0);
  EXPECT_EQ(lift.unlock_ns, 0) << "counts from when the change was published, however late";
  EXPECT_LE(lift.release_lag_ns.value(), 3 * kMs);
}

TEST(Loop, LimitsAreRecordedAsTheyChange) {
  Scenario scenario = small_lift();
  Event ramp;
  ramp.kind = EventKind::ramp;
  ramp.at_ns = 6 * kSecond;
  ramp.throttle = "limit";
  ramp.rate = Rate{{}, 60.0};
  ramp.burst = Burst{{}, 4.0};
  ramp.over_ns = 2 * kSecond;
  ramp.steps = 2;
  scenario.events.push_back(ramp);
  const auto limits = play(scenario).run.throttles[0].limits;
  const std::vector<LimitRecord> expected = {
      {0, 20.0}, {5 * kSecond, std::nullopt}, {6 * kSecond, 40.0}, {7 * kSecond, 60.0}};
  EXPECT_EQ(limits, expected);
}

TEST(Loop, TheLimitOfAnAdaptiveKindIsSampledByBins) {
  Scenario scenario = small_lift();
  scenario.events.clear();
  Throttle& throttle = scenario.throttles[0];
  throttle.kind = ThrottleKind::aimd;
  throttle.unit = Unit::requests;
  throttle.limit = 1;
  throttle.max_limit = 4;
  throttle.target_ns = kSecond;  // never reached: it only grows
  const Played played = play(scenario, {100 * kMs, 0, 0});
  const std::vector<LimitRecord>& limits = played.run.throttles[0].limits;
  ASSERT_GT(limits.size(), 2U);
  EXPECT_EQ(limits.front(), (LimitRecord{0, 1.0}));
  for (std::size_t i = 1; i < limits.size(); ++i) {
    EXPECT_GT(limits[i].at_ns, limits[i - 1].at_ns);
    EXPECT_EQ(limits[i].at_ns % played.run.series.bin_ns, 0);
    EXPECT_GE(limits[i].limit, limits[i - 1].limit);
  }
  EXPECT_EQ(limits.back().limit, 4.0);
}

TEST(Loop, SeriesOfTenantsAddUpToThoseOfTheFleet) {
  Scenario scenario = small_lift();
  scenario.tenants.push_back(scenario.tenants[0]);
  scenario.tenants[1].name = "others";
  scenario.tenants[1].weight = 3;
  scenario.queue_order = QueueOrder::fair;
  const Played played = play(scenario);
  const std::vector<Column>& fleet = played.run.series.columns;
  const std::vector<std::int64_t>& waiting = *find_column(fleet, "waiting_requests");
  std::int64_t admitted_tokens = 0;
  std::int64_t waited = 0;
  for (std::size_t bin = 0; bin < waiting.size(); ++bin) {
    std::int64_t sum = 0;
    for (const TenantRecord& tenant : played.run.tenants) {
      sum += find_column(tenant.columns, "waiting_requests")->at(bin);
      admitted_tokens += find_column(tenant.columns, "admitted_tokens")->at(bin);
    }
    EXPECT_EQ(sum, waiting[bin]) << bin;
    waited += sum;
  }
  EXPECT_GT(waited, 0);
  std::int64_t admitted = 0;
  for (const std::int64_t count : *find_column(fleet, "admitted_requests")) admitted += count;
  EXPECT_EQ(admitted_tokens, 14 * admitted) << "10 of the prompt, 4 of the answer";
  EXPECT_EQ(played.run.tenants[0].guaranteed_share, 0.25);
  EXPECT_EQ(played.run.tenants[1].guaranteed_share, 0.75);
}

TEST(Loop, RequestsThatMetTheirObjectivesAreCountedWhereTheyWereDue) {
  const Played played = play(small_lift());
  const std::vector<std::int64_t>& met =
      *find_column(played.run.series.columns, "slo_met_requests");
  const auto half =
      met.begin() + static_cast<std::ptrdiff_t>(5 * kSecond / played.run.series.bin_ns);
  EXPECT_EQ(std::accumulate(met.begin(), half, std::int64_t{0}),
            static_cast<std::int64_t>(phase(played.run, "before").slo_met));
}

TEST(Loop, LatencyPartsAddUpToTtft) {
  const Played played = play(small_lift(), {7 * kMs, kMs, kMs / 10});
  for (const PhaseRecord& record : played.run.tenants[0].phases) {
    const auto sum = [&](Metric metric) { return record.of(metric).sum_ns(); };
    EXPECT_EQ(sum(Metric::generator_lag), 0) << "this clock is never late";
    EXPECT_TRUE(sum(Metric::ttft) ==
                sum(Metric::throttle_wait) + sum(Metric::queue_wait) + sum(Metric::prefill));
    EXPECT_EQ(record.of(Metric::ttft).count(), record.counts.completed);
  }
}

// The clock is late by up to 3 ms, differently at every event.
TEST(Loop, ItsOwnLatenessIsLagAndNothingElse) {
  Scenario scenario = small_lift();
  scenario.throttles.clear();
  scenario.events.clear();
  const Played played = play(scenario, {10 * kMs, 0, 0}, false, 3 * kMs);
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.completed, 99U);
  const auto sum = [&](Metric metric) { return steady.of(metric).sum_ns(); };
  EXPECT_GT(sum(Metric::generator_lag), 0);
  EXPECT_LE(steady.of(Metric::generator_lag).max_ns(), 3 * kMs);
  EXPECT_EQ(sum(Metric::throttle_wait), 0);
  EXPECT_TRUE(sum(Metric::ttft) == sum(Metric::generator_lag) + sum(Metric::throttle_wait) +
                                       sum(Metric::queue_wait) + sum(Metric::prefill));
  EXPECT_GE(steady.of(Metric::ttft).min_ns(), 10 * kMs) << "from due, so lag only adds";
  EXPECT_LE(played.littles_law_error, 1e-12) << "stays count from due";
}

TEST(Loop, ALiftThatIsPublishedLateSaysWhen) {
  const Played played = play(small_lift(), {10 * kMs, 0, 0}, false, 3 * kMs);
  ASSERT_EQ(played.outcome.lifts.size(), 1U);
  EXPECT_EQ(played.outcome.lifts[0].planned_ns, 5 * kSecond);
  EXPECT_GE(*played.outcome.lifts[0].at_ns, 5 * kSecond);
  EXPECT_LE(*played.outcome.lifts[0].at_ns, 5 * kSecond + 3 * kMs);
}

// A harness that is 11 s late for everything sends nothing in a run of 10 s.
TEST(Loop, WhatWasDueAndNeverSentIsCountedAgainstTheHarness) {
  Scenario scenario = small_lift();
  scenario.throttles.clear();
  scenario.events.clear();
  scenario.run.cooldown_max_ns = kSecond;
  const Played played = play(scenario, {10 * kMs, 0, 0}, false, 100 * kSecond);
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.due, 99U);
  EXPECT_EQ(steady.counts.in_flight, 99U - steady.counts.completed);
  EXPECT_LE(steady.sent, 1U);
  EXPECT_FALSE(check_validity(played.run, {played.outcome, 0, {}, 100})[1].passed)
      << "delivered_load";
}

TEST(Loop, IsDeterministic) {
  Scenario scenario = small_lift();
  scenario.tenants[0].arrivals.process = Process::poisson;
  const Played one = play(scenario);
  const Played two = play(scenario);
  EXPECT_EQ(one.run.totals, two.run.totals);
  for (std::size_t c = 0; c < one.run.series.columns.size(); ++c) {
    EXPECT_EQ(one.run.series.columns[c].values, two.run.series.columns[c].values);
  }
}

TEST(Loop, TheThrottleChangesWhoGetsThroughNotWhoAsks) {
  Scenario held = small_lift();
  held.tenants[0].arrivals.process = Process::poisson;
  Scenario open = held;
  open.throttles[0].rate.per_s = 1e6;
  const Played a = play(held);
  const Played b = play(open);
  EXPECT_EQ(a.run.series.columns[0].name, "due_requests");
  // Beyond the measured part the two runs end at different instants.
  const auto bins = static_cast<std::ptrdiff_t>(10 * kSecond / a.run.series.bin_ns);
  const auto& due_a = a.run.series.columns[0].values;
  const auto& due_b = b.run.series.columns[0].values;
  EXPECT_TRUE(std::equal(due_a.begin(), due_a.begin() + bins, due_b.begin()));
}

TEST(Loop, WhatIsUndecidedWhenTheCooldownEndsIsInFlight) {
  Scenario scenario = small_lift();
  scenario.throttles.clear();
  scenario.events.clear();
  scenario.run.cooldown_max_ns = kSecond;
  const Played played = play(scenario, {5 * kSecond, 0, 0});  // a step takes half the run
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(played.outcome.end_ns, 11 * kSecond);
  EXPECT_GT(steady.counts.in_flight, 0U);
  EXPECT_EQ(steady.counts.due, steady.counts.completed + steady.counts.in_flight);
}

TEST(Loop, EndsAsSoonAsEverythingMeasuredIsDecided) {
  Scenario scenario = small_lift();
  scenario.run.cooldown_max_ns = 100 * kSecond;
  const Played played = play(scenario);
  EXPECT_LT(played.outcome.end_ns, 10 * kSecond + 100 * kMs);
  for (const PhaseRecord& record : played.run.tenants[0].phases) {
    EXPECT_EQ(record.counts.in_flight, 0U);
  }
}

TEST(Loop, StopsWhenTold) {
  const Played played = play(small_lift(), {10 * kMs, 0, 0}, /*stopped=*/true);
  EXPECT_TRUE(played.outcome.interrupted);
  EXPECT_LT(played.outcome.end_ns, 5 * kSecond);
  ASSERT_EQ(played.outcome.lifts.size(), 1U);
  EXPECT_FALSE(played.outcome.lifts[0].at_ns) << "the lift was not reached";
}

TEST(Loop, EndsARunThatWouldEatTheMachine) {
  Scenario scenario = small_lift();
  scenario.run.max_in_flight = 7;
  const Played played = play(scenario, {5 * kSecond, 0, 0});
  EXPECT_TRUE(played.outcome.overflowed);
  EXPECT_EQ(played.outcome.most_in_flight, 8);
}

TEST(Loop, WarmupIsNotMeasured) {
  Scenario scenario = small_lift();
  scenario.run.warmup_ns = 2 * kSecond;
  const Played played = play(scenario);
  EXPECT_EQ(played.run.phases.front().name, "before");
  EXPECT_EQ(played.run.phases.front().begin_ns, 2 * kSecond);
  EXPECT_EQ(phase(played.run, "before").counts.due, 30U);
  EXPECT_EQ(played.run.totals.due, 100U) << "but it is part of the totals";
}

TEST(Loop, SeveralReplicasAndEveryRouterServeEverybody) {
  for (const RouterPolicy policy :
       {RouterPolicy::shared_queue, RouterPolicy::round_robin, RouterPolicy::random,
        RouterPolicy::power_of_two, RouterPolicy::least_loaded}) {
    Scenario scenario = small_lift();
    scenario.fleet.router = policy;
    scenario.fleet.sites[0].replicas = 3;
    scenario.fleet.sites[0].max_batch = 1;
    scenario.throttles.clear();
    scenario.events.clear();
    scenario.tenants[0].arrivals.rate.per_s = 50;
    const Played played = play(scenario);
    const PhaseRecord& steady = phase(played.run, "steady");
    EXPECT_EQ(steady.counts.due, steady.counts.completed);
    EXPECT_LE(played.littles_law_error, 1e-12);
  }
}

// ------------------------------------------------------------------ clients that come back

/// One request a second, each costs 4 of a bucket that holds 4 and gains 2/s; two are measured.
Scenario two_requests() {
  Scenario scenario = small_lift();
  scenario.events.clear();
  scenario.run.duration_ns = 2500 * kMs;
  scenario.tenants[0].arrivals.rate.per_s = 1;
  scenario.throttles[0].rate.per_s = 2;
  scenario.throttles[0].when_full = WhenFull::reject;
  scenario.throttles[0].max_wait_ns.reset();
  return scenario;
}

// The second one is due at 2 s and told to come back at 3 s. There the third, which is due then, is
// before it; it is told 5 s, and there the fifth is before it.
TEST(Loop, WhoIsRejectedComesBackWhenToldUntilHisAttemptsAreUsedUp) {
  Scenario scenario = two_requests();
  scenario.tenants[0].retry = {RetryPolicy::honour_retry_after, kSecond, kSecond, 3, 0, {}};
  const Played played = play(scenario);
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.due, 2U);
  EXPECT_EQ(steady.counts.completed, 1U);
  EXPECT_EQ(steady.counts.rejected, 1U);
  EXPECT_EQ(steady.attempts, 1U + 3U);
  EXPECT_EQ(steady.held, 1U) << "a first attempt";
  EXPECT_EQ(played.outcome.end_ns, 5 * kSecond) << "it gave up then";
  EXPECT_LE(played.littles_law_error, 1e-12);
  ASSERT_EQ(played.run.throttles.size(), 1U);
  EXPECT_EQ(played.run.throttles[0].kind, "token_bucket");
  EXPECT_EQ(played.run.throttles[0].phases[0].rejected, 1U) << "up to the end of the phase";
}

TEST(Loop, WhoHasHadEnoughLeavesInTheMiddleOfHisBackOff) {
  Scenario scenario = two_requests();
  scenario.tenants[0].retry = {RetryPolicy::honour_retry_after, kSecond, kSecond, 9, 0, {}};
  scenario.tenants[0].patience = Wait{WaitDistribution::constant, 1500 * kMs};
  const Played played = play(scenario);
  const PhaseRecord& steady = phase(played.run, "steady");
  EXPECT_EQ(steady.counts.cancelled, 1U);
  EXPECT_EQ(steady.attempts, 1U + 2U);
  EXPECT_EQ(played.outcome.end_ns, 3500 * kMs);
}

// Served, the fourth token comes after 40 ms.
TEST(Loop, WhatCompletesAfterItsDeadlineIsExpiredAndItsTokensAreWasted) {
  Scenario scenario = small_lift();
  scenario.tenants[0].deadline_ns = 39 * kMs;
  const PhaseRecord late = phase(play(scenario).run, "after");
  EXPECT_EQ(late.counts.expired, late.counts.due);
  EXPECT_EQ(late.wasted_tokens, 4 * late.counts.due);
  EXPECT_EQ(late.of(Metric::e2e).count(), 0U);
  EXPECT_EQ(late.slo_met, 0U);
  scenario.tenants[0].deadline_ns = 40 * kMs;
  const PhaseRecord in_time = phase(play(scenario).run, "after");
  EXPECT_EQ(in_time.counts.completed, in_time.counts.due);
  EXPECT_EQ(in_time.wasted_tokens, 0U);
}

// A user who thinks for a second is served in 40 ms: due at 1, 2.04, 3.08, ... 9.32 s.
TEST(Loop, AClosedUserAsksAgainAfterThinkingAboutTheAnswer) {
  Scenario scenario = small_lift();
  scenario.throttles.clear();
  scenario.events.clear();
  scenario.tenants[0].arrivals.process = Process::closed;
  scenario.tenants[0].arrivals.think = Wait{WaitDistribution::constant, kSecond};
  const Played played = play(scenario);
  EXPECT_EQ(phase(played.run, "steady").counts.due, 9U);
  EXPECT_EQ(phase(played.run, "steady").counts.completed, 9U);
  EXPECT_EQ(phase(played.run, "steady").of(Metric::generator_lag).max_ns(), 0);
}

// One session in the run, due at 6 s: prompts of 10, 24 and 38 tokens.
TEST(Loop, ATurnsPromptIsTheConversationSoFar) {
  Scenario scenario = small_lift();
  scenario.throttles.clear();
  scenario.events.clear();
  scenario.tenants[0].arrivals.rate.per_s = 1.0 / 6;
  scenario.tenants[0].sessions = Sessions{constant(3), {WaitDistribution::constant, kSecond}, 100};
  const PhaseRecord steady = phase(play(scenario).run, "steady");
  EXPECT_EQ(steady.counts.completed, 3U);
  EXPECT_EQ(steady.offered_input_tokens, 10U + 24U + 38U);
}

TEST(Loop, ALiftAndItsRestorationAtOneInstantChangeNothing) {
  Scenario scenario = small_lift();
  scenario.events.clear();
  const Played plain = play(scenario);
  for (const EventKind kind : {EventKind::lift, EventKind::restore}) {
    Event event;
    event.at_ns = 5 * kSecond;
    event.kind = kind;
    event.throttle = "limit";
    scenario.events.push_back(event);
  }
  const Played lifted = play(scenario);
  EXPECT_EQ(plain.run.totals, lifted.run.totals);
  for (std::size_t c = 0; c < plain.run.series.columns.size(); ++c) {
    EXPECT_EQ(plain.run.series.columns[c].values, lifted.run.series.columns[c].values)
        << plain.run.series.columns[c].name;
  }
}

// Over random scenarios: conservation per phase, and Little's law, whose two sides are counted
// apart.
RC_GTEST_PROP(Loop, ConservesRequestsAndObeysLittlesLaw, ()) {
  Scenario scenario = small_lift();
  scenario.run.seed = *rc::gen::arbitrary<std::uint32_t>();
  scenario.run.cooldown_max_ns = *rc::gen::inRange<std::int64_t>(1, 5 * kSecond);
  Tenant& tenant = scenario.tenants[0];
  tenant.arrivals.process = Process::poisson;
  tenant.arrivals.rate.per_s = *rc::gen::inRange(1, 60);
  tenant.output_tokens.distribution = Distribution::uniform;
  tenant.output_tokens.max = *rc::gen::inRange(1, 20);
  tenant.max_tokens = tenant.output_tokens.max;
  scenario.throttles[0].rate.per_s = *rc::gen::inRange(1, 200);
  scenario.throttles[0].burst.units = static_cast<double>(*rc::gen::inRange(20, 100));
  scenario.throttles[0].when_full = *rc::gen::element(WhenFull::queue, WhenFull::reject);
  tenant.retry = {*rc::gen::element(RetryPolicy::none, RetryPolicy::fixed, RetryPolicy::exponential,
                                    RetryPolicy::honour_retry_after),
                  kSecond / 4,
                  kSecond,
                  *rc::gen::inRange<std::int64_t>(1, 6),
                  0,
                  {}};
  if (*rc::gen::arbitrary<bool>()) tenant.patience = Wait{WaitDistribution::exponential, kSecond};
  if (*rc::gen::arbitrary<bool>())
    tenant.deadline_ns = *rc::gen::inRange<std::int64_t>(kMs, kSecond);
  scenario.fleet.sites[0].max_batch = *rc::gen::inRange(1, 9);
  scenario.fleet.sites[0].kv_tokens = *rc::gen::inRange(30, 100);
  scenario.fleet.sites[0].replicas = *rc::gen::inRange(1, 4);
  const Played played = play(scenario, {*rc::gen::inRange<std::int64_t>(kMs, 60 * kMs), kMs, 0});
  const auto conserved = [](const Counts& c) {
    return c.due == c.completed + c.rejected + c.expired + c.cancelled + c.failed + c.in_flight;
  };
  RC_ASSERT(conserved(played.run.totals));
  for (const PhaseRecord& record : played.run.tenants[0].phases) {
    RC_ASSERT(conserved(record.counts));
    RC_ASSERT(record.of(Metric::e2e).count() == record.counts.completed);
    RC_ASSERT(record.slo_met <= record.counts.completed);
  }
  RC_ASSERT(played.littles_law_error <= 1e-12);
}

}  // namespace
}  // namespace tokenlift::loop_test
