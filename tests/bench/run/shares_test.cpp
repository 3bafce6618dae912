// Several processes that play a scenario in shares make together what one makes of it.

#include <rapidcheck/gtest.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "bench/fleet/null_fleet.hpp"
#include "bench/run/loop.hpp"
#include "bench/run/part.hpp"
#include "bench/run/validity.hpp"
#include "reports/json/json_run.hpp"
#include "reports/record/join.hpp"
#include "tests/bench/run/constant_lengths.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/plan/sharing.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::shares_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1'000 * kMs;

Lengths some_lengths() {
  Lengths lengths;
  lengths.distribution = Distribution::uniform;
  lengths.min = 1;
  lengths.max = *rc::gen::inRange(1, 40);
  return lengths;
}

Wait some_wait() {
  return {*rc::gen::element(WaitDistribution::constant, WaitDistribution::exponential),
          *rc::gen::inRange<std::int64_t>(1, 800) * kMs};
}

Arrivals some_arrivals() {
  Arrivals arrivals;
  arrivals.process =
      *rc::gen::element(Process::poisson, Process::constant, Process::gamma, Process::closed);
  if (arrivals.process == Process::closed) {
    arrivals.think = some_wait();
    return arrivals;
  }
  arrivals.rate.per_s = *rc::gen::inRange(1, 60);
  if (arrivals.process == Process::gamma) arrivals.cv = 2;
  if (*rc::gen::arbitrary<bool>()) {
    Shape shape;
    shape.kind = ShapeKind::burst;
    shape.to = 3;
    shape.begin_ns = kSecond;
    shape.length_ns = 300 * kMs;
    shape.period_ns = kSecond;
    arrivals.shape = shape;
  }
  return arrivals;
}

Tenant some_tenant(int number) {
  Tenant tenant;
  tenant.name = "tenant " + std::to_string(number);
  tenant.arrivals = some_arrivals();
  tenant.prompt_tokens = some_lengths();
  tenant.output_tokens = some_lengths();
  tenant.users = *rc::gen::element(1, 2, 7, 30);
  if (*rc::gen::arbitrary<bool>()) {
    tenant.sessions =
        Sessions{{Distribution::uniform, 0, 0, 1, *rc::gen::inRange(1, 5)}, some_wait(), 150};
  }
  tenant.max_tokens = 50;
  tenant.slo.ttft_ns = *rc::gen::element<std::int64_t>(1, 100 * kMs);
  const std::int64_t delay_ns = *rc::gen::inRange<std::int64_t>(1, 900) * kMs;
  tenant.retry.policy =
      *rc::gen::element(RetryPolicy::none, RetryPolicy::fixed, RetryPolicy::exponential);
  tenant.retry.delay_ns = delay_ns;
  tenant.retry.max_delay_ns = 2 * delay_ns;
  if (*rc::gen::arbitrary<bool>()) tenant.patience = some_wait();
  if (*rc::gen::arbitrary<bool>()) tenant.deadline_ns = 700 * kMs;
  return tenant;
}

Throttle some_throttle(int number, const std::vector<Tenant>& tenants) {
  Throttle throttle;
  throttle.name = "throttle " + std::to_string(number);
  throttle.kind = *rc::gen::element(ThrottleKind::token_bucket, ThrottleKind::gcra,
                                    ThrottleKind::sliding_window, ThrottleKind::sliding_log);
  throttle.unit = Unit::requests;
  throttle.scope = Scope::user;
  if (*rc::gen::arbitrary<bool>()) throttle.tenants = {tenants.front().name};
  throttle.mode = *rc::gen::element(Mode::enforce, Mode::enforce, Mode::shadow);
  if (traits_of(throttle.kind).has_rate) {
    throttle.rate.per_s = *rc::gen::element(0.5, 2.0, 9.0);
    throttle.burst.units = *rc::gen::inRange(1, 4);
  } else {
    throttle.limit = *rc::gen::inRange(1, 5);
    throttle.window_ns = 600 * kMs;
  }
  throttle.when_full = *rc::gen::element(WhenFull::queue, WhenFull::reject);
  if (throttle.when_full == WhenFull::queue) throttle.max_wait_ns = 400 * kMs;
  return throttle;
}

/// All that can be played in shares; it ends with its duration, since how long a cool-down lasts
/// goes by the requests that are left.
Scenario some_scenario() {
  Scenario scenario;
  scenario.name = "shared";
  scenario.run.engine = Engine::null;
  scenario.run.duration_ns = 4 * kSecond;
  scenario.run.warmup_ns = 500 * kMs;
  scenario.run.settle_ns = 700 * kMs;
  scenario.run.cooldown_max_ns = 0;
  scenario.run.seed = *rc::gen::inRange<std::uint64_t>(1, 1'000);
  scenario.fleet.sites.push_back({.name = "here", .replicas = 3});
  const int tenants = *rc::gen::inRange(1, 4);
  for (int i = 0; i < tenants; ++i) scenario.tenants.push_back(some_tenant(i));
  const int throttles = *rc::gen::inRange(0, 3);
  for (int i = 0; i < throttles; ++i) {
    scenario.throttles.push_back(some_throttle(i, scenario.tenants));
  }
  if (throttles > 0) {
    Event event;
    event.at_ns = 2 * kSecond;
    event.kind = EventKind::lift;
    event.throttle = scenario.throttles.front().name;
    scenario.events.push_back(event);
  }
  return resolve(scenario, std::nullopt);
}

/// In virtual time, so that nothing but the scenario decides what comes of it.
RunValue play(const Scenario& scenario, Share share) {
  const RecordingGrid grid = make_grid(scenario);
  NullFleet fleet(replica_count(scenario), grid);
  VirtualClock clock;
  Recorder recorder(scenario, grid);
  ProgressBoard board;
  const std::atomic<bool> stop{false};
  Loop loop(scenario, grid, clock, fleet, recorder, board, stop, std::nullopt, share);
  RunFacts facts;
  facts.outcome = loop.run();
  TokenRecord tokens(grid);
  fleet.stop(facts.outcome.end_ns, tokens);
  RunValue run = recorder.finish(facts.outcome.end_ns, tokens);
  facts.littles_law_error = recorder.littles_law_error();
  facts.max_in_flight = scenario.run.max_in_flight;
  run.scenario_name = scenario.name;
  run.scenario_json = to_json(scenario);
  run.engine = "null";
  run.seed = scenario.run.seed;
  if (!facts.outcome.lifts.empty()) run.lift = facts.outcome.lifts[0];
  run.checks = check_validity(run, facts);
  tell_part({share, kSecond}, {{}, 5}, scenario, run);
  return run;
}

const Check& check_of(const RunValue& run, const std::string& name) {
  return *std::ranges::find(run.checks, name, &Check::name);
}

/// All but what is of the machine, or of the ranks themselves.
std::string bytes_of(RunValue run) {
  run.environment = {};
  run.shares.reset();
  run.checks.clear();
  return to_json(run);
}

RC_GTEST_PROP(Shares, JoinedTheyAreTheRunOfOneProcess, ()) {
  const Scenario scenario = some_scenario();
  RC_ASSERT(why_not_shared(scenario).empty());
  RunValue whole = play(scenario, {});
  // Who missed an objective is not known of users whose requests fall to several ranks.
  for (std::size_t i = 0; i < scenario.tenants.size(); ++i) {
    if (is_dealt_by_user(scenario, scenario.tenants[i])) continue;
    for (PhaseRecord& phase : whole.tenants[i].phases) phase.users_missed.reset();
  }
  const int ranks = *rc::gen::inRange(2, 6);
  std::vector<RunValue> shares;
  for (int rank = 0; rank < ranks; ++rank) shares.push_back(play(scenario, {rank, ranks}));
  const RunValue run = joined(shares);
  RC_ASSERT(run.shares->is_whole());
  RC_ASSERT(bytes_of(run) == bytes_of(whole));
  for (const char* name : {"delivered_load", "enough_samples", "conservation"}) {
    RC_ASSERT(check_of(run, name).value == check_of(whole, name).value);
    RC_ASSERT(check_of(run, name).passed == check_of(whole, name).passed);
  }
  RC_CLASSIFY(whole.totals.due == 0, "nobody asks");
  RC_CLASSIFY(!scenario.throttles.empty(), "with throttles");
}

Scenario plain() {
  Scenario scenario;
  scenario.run.engine = Engine::null;
  scenario.run.duration_ns = kSecond;
  scenario.fleet.sites.push_back({.name = "here"});
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.rate.per_s = 10;
  tenant.prompt_tokens = tenant.output_tokens = constant(3);
  tenant.max_tokens = 3;
  scenario.tenants.push_back(tenant);
  return scenario;
}

// Of several requests that are due at that instant one process once sent one.
TEST(Shares, WhatIsDueAtTheVeryEndIsNoPartOfARun) {
  Scenario scenario = plain();
  scenario.run.cooldown_max_ns = 0;
  scenario.tenants[0].arrivals.process = Process::constant;
  scenario.tenants.push_back(scenario.tenants[0]);
  scenario.tenants[1].name = "more";
  const std::uint64_t due = play(scenario, {}).totals.due;
  EXPECT_EQ(due % 2, 0U) << "both tenants ask at the same instants";
  EXPECT_EQ(joined({play(scenario, {0, 2}), play(scenario, {1, 2})}).totals.due, due);
  scenario.run.duration_ns += 1;
  EXPECT_EQ(play(scenario, {}).totals.due, due + 2);
}

Throttle throttle_of(Scope scope) {
  Throttle throttle;
  throttle.name = "limit";
  throttle.scope = scope;
  throttle.rate.per_s = 1;
  return throttle;
}

TEST(Shares, WhatNoRankKnowsAloneIsRefused) {
  EXPECT_EQ(why_not_shared(plain()), "");
  const auto refused = [](auto change, const std::string& word) {
    Scenario scenario = plain();
    change(scenario);
    const std::string why = why_not_shared(scenario);
    EXPECT_NE(why.find(word), std::string::npos) << "'" << why << "' says nothing of " << word;
  };
  refused([](Scenario& s) { s.run.engine = Engine::simulated; }, "virtual");
  refused([](Scenario& s) { s.run.engine = Engine::threads; }, "threads");
  refused([](Scenario& s) { s.run.stop_after_requests = 5; }, "--set run.stop_after={}");
  refused([](Scenario& s) { s.fleet.router = RouterPolicy::spill; }, "spill");
  refused([](Scenario& s) { s.tenants[0].retry.budget = 0.1; }, "budget");
  refused([](Scenario& s) { s.tenants[0].arrivals.rate = {0.5, std::nullopt}; }, "fleet.capacity");
  const auto scoped = [](Scope scope) {
    return [scope](Scenario& s) { s.throttles.push_back(throttle_of(scope)); };
  };
  refused(scoped(Scope::fleet), "\"fleet\"");
  refused(scoped(Scope::tenant), "\"tenant\"");
  Scenario by_user = plain();
  scoped(Scope::user)(by_user);
  EXPECT_EQ(why_not_shared(by_user), "");
  const auto signalled = [](Scenario& s) {
    Event event;
    event.kind = EventKind::call;
    event.at_signal = true;
    s.events.push_back(event);
  };
  refused(signalled, "signal");
}

TEST(Shares, TheRequestsOfAUserWithAThrottleAreOfOneRank) {
  Scenario scenario = plain();
  scenario.tenants[0].users = 5;
  scenario.throttles.push_back(throttle_of(Scope::user));
  const Population population(scenario);
  for (int rank = 0; rank < 3; ++rank) {
    const Dealing dealing(scenario, {rank, 3});
    for (std::uint64_t number = 0; number < 100; ++number) {
      EXPECT_EQ(dealing.holds(0, number),
                population.user(0, number) % 3 == static_cast<std::uint32_t>(rank));
    }
  }
}

TEST(Shares, WhatIsOfAllRanksIsNotJudgedOfOne) {
  const RunValue run = play(plain(), {1, 4});
  ASSERT_TRUE(run.shares);
  EXPECT_EQ(run.shares->of, 4);
  ASSERT_EQ(run.shares->ranks.size(), 1U);
  EXPECT_EQ(run.shares->ranks[0].rank, 1);
  EXPECT_EQ(run.shares->ranks[0].start_unix_ns, kSecond);
  EXPECT_EQ(run.shares->ranks[0].start_error_ns, 5);
  EXPECT_EQ(run.shares->ranks[0].lag_max_ns, 0);
  EXPECT_FALSE(check_of(run, "enough_samples").value);
  EXPECT_TRUE(check_of(run, "enough_samples").passed);
  EXPECT_TRUE(check_of(run, "conservation").value);
}

}  // namespace
}  // namespace tokenlift::shares_test
