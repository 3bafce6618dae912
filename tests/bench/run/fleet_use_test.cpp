// How full a fleet is: its batches, its KV caches, and what is left of its capacity; against sums
// by hand.

#include <gtest/gtest.h>

#include "bench/run/capacity.hpp"
#include "reports/analysis/summary.hpp"
#include "tests/bench/run/virtual_run.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift::fleet_use_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

constexpr std::int64_t kMsPs = 1'000'000'000;
constexpr std::int64_t kMs = 1'000'000;

/// A request of 100 prompt and 11 output tokens each second for 10 s: 20 ms of prefill and ten
/// steps of 10 ms, alone in a batch of 4 and in room for 1,000 tokens.
Scenario one_by_one() {
  Scenario scenario;
  scenario.run.engine = Engine::simulated;
  scenario.run.duration_ns = 10'000 * kMs;
  scenario.run.warmup_ns = 0;
  Profile profile;
  profile.name = "plain";
  profile.cost = CostModel{10 * kMsPs, 0, 0, 20 * kMsPs, 0, 0};
  scenario.profiles = {profile};
  scenario.fleet.sites = {{"site", 1, "plain", 4, 512, 1000}};
  Tenant tenant;
  tenant.name = "users";
  tenant.prompt_tokens = Lengths{Distribution::constant, 100, 0, 1, 100};
  tenant.output_tokens = Lengths{Distribution::constant, 11, 0, 1, 11};
  tenant.max_tokens = 11;
  tenant.arrivals.process = Process::constant;
  tenant.arrivals.rate.per_s = 1;
  scenario.tenants = {tenant};
  return resolve(scenario, std::nullopt);
}

TEST(FleetUse, IsWhatTheStepsOfEachRequestAddUpTo) {
  for (const Stepping stepping : {Stepping::jump, Stepping::each}) {
    RunValue run = play_virtual(one_by_one(), stepping);
    const auto requests = static_cast<WideSum>(run.phases[0].busy_ns / (120 * kMs));
    ASSERT_GE(requests, 9);
    EXPECT_EQ(run.phases[0].busy_ns, requests * 120 * kMs);
    EXPECT_EQ(run.phases[0].batch_room_ns, requests * 120 * kMs * 4);
    // A prompt from admission on, and after each step a token more: 100 x 20 + (100 + ... + 109)
    // x 10, in tokens x ms.
    EXPECT_EQ(run.phases[0].resident_token_ns, requests * (100 * 20 + 1045 * 10) * kMs);
    EXPECT_EQ(run.phases[0].kv_room_token_ns, WideSum{1000} * 10'000 * kMs);
    run.capacity_tokens_per_s = 44;
    const Rates rates = summarize_fleet(run)[0].rates;
    EXPECT_EQ(rates.batch_fill, 0.25);
    EXPECT_NEAR(*rates.kv_used, static_cast<double>(requests) * 12.45 / 10'000, 1e-12);
    EXPECT_NEAR(*rates.headroom, 1 - static_cast<double>(requests) * 1.1 / 44, 1e-12);
    EXPECT_EQ(rates.prefix_hits, std::nullopt) << "there is no prefix cache";
  }
}

/// A conversation of three turns begins each second, beside requests of 50 tokens that share
/// nothing. With answers of 11 tokens the prompts of a conversation are 100, 211 and 322 tokens.
Scenario conversations(std::int64_t prefix_cache_tokens) {
  Scenario scenario = one_by_one();
  scenario.fleet.sites[0].prefix_cache_tokens = prefix_cache_tokens;
  Tenant others = scenario.tenants[0];
  others.name = "others";
  others.prompt_tokens = Lengths{Distribution::constant, 50, 0, 1, 50};
  others.arrivals.rate.per_s = 2;
  scenario.tenants[0].sessions = Sessions{
      Lengths{Distribution::constant, 3, 0, 1, 3}, {WaitDistribution::constant, 100 * kMs}, 500};
  scenario.tenants.push_back(others);
  return scenario;
}

// What a turn leaves is its prompt and its answer but for the last token: 110 and 221 tokens, or
// what of them the cache holds.
TEST(FleetUse, PrefixHitsAreWhatEarlierTurnsLeft) {
  for (const Stepping stepping : {Stepping::jump, Stepping::each}) {
    for (const std::int64_t cache_tokens : {100'000, 150}) {
      const RunValue run = play_virtual(conversations(cache_tokens), stepping);
      const PhaseRecord& talks = run.tenants[0].phases[0];
      const std::uint64_t sessions = talks.counts.due / 3;
      ASSERT_GE(sessions, 9U);
      ASSERT_EQ(talks.counts.completed, 3 * sessions) << "all of them to their ends";
      const std::uint64_t found = 110 + (cache_tokens == 150 ? 150U : 221U);
      EXPECT_EQ(talks.scheduled_input_tokens, sessions * (100 + 211 + 322));
      EXPECT_EQ(talks.cached_input_tokens, sessions * found);
      const PhaseRecord& others = run.tenants[1].phases[0];
      EXPECT_EQ(others.scheduled_input_tokens, others.counts.due * 50);
      EXPECT_EQ(others.cached_input_tokens, 0U);

      const double prompts = static_cast<double>(sessions) * 633;
      const double hits = static_cast<double>(sessions * found);
      EXPECT_DOUBLE_EQ(*summarize_tenant(run, run.tenants[0])[0].rates.prefix_hits, hits / prompts);
      EXPECT_EQ(summarize_tenant(run, run.tenants[1])[0].rates.prefix_hits, 0);
      const auto all = static_cast<double>(others.scheduled_input_tokens) + prompts;
      EXPECT_DOUBLE_EQ(*summarize_fleet(run)[0].rates.prefix_hits, hits / all);
    }
  }
}

/// Eight turns of 400 + 100 tokens, a second apart, on replicas whose prompts take as long as their
/// answers: a share of the capacity of them.
Scenario talkative(RouterPolicy router, double load) {
  Scenario scenario = conversations(400'000);
  scenario.tenants.pop_back();
  scenario.run.duration_ns = 60'000 * kMs;
  scenario.run.warmup_ns = 20'000 * kMs;
  scenario.profiles[0].cost = CostModel{5 * kMsPs, kMsPs / 100, 0, kMsPs, kMsPs / 100, 0};
  Site& site = scenario.fleet.sites[0];
  site.replicas = 4;
  site.max_batch = 16;
  site.max_step_tokens = 2048;
  site.kv_tokens = 200'000;
  scenario.fleet.router = router;
  Tenant& tenant = scenario.tenants[0];
  tenant.prompt_tokens = Lengths{Distribution::constant, 400, 0, 1, 400};
  tenant.output_tokens = Lengths{Distribution::constant, 100, 0, 1, 100};
  tenant.max_tokens = 100;
  tenant.sessions = Sessions{
      Lengths{Distribution::constant, 8, 0, 1, 8}, {WaitDistribution::constant, 1000 * kMs}, 5000};
  tenant.arrivals.process = Process::poisson;
  tenant.arrivals.rate.per_s.reset();
  tenant.arrivals.rate.load = load;
  const std::atomic<bool> stop{false};
  return resolve(scenario, compute_capacity(scenario, stop));
}

double capacity_of(const Scenario& scenario) {
  const std::atomic<bool> stop{false};
  return *compute_capacity(scenario, stop);
}

// What is carried where a little more is offered than can be: as much as was computed.
TEST(FleetUse, WhatPrefixCachesSaveIsOfTheCapacity) {
  for (const RouterPolicy router : {RouterPolicy::session_affinity, RouterPolicy::least_loaded}) {
    const Scenario scenario = talkative(router, 1.05);
    const double capacity = capacity_of(scenario);
    Scenario without = scenario;
    without.fleet.sites[0].prefix_cache_tokens = 0;
    EXPECT_GT(capacity, 1.1 * capacity_of(without));
    const RunValue run = play_virtual(scenario);
    const Rates rates = summarize_fleet(run)[0].rates;
    EXPECT_NEAR(*rates.throughput_tokens_per_s / capacity, 1, 0.08) << capacity;
    EXPECT_GT(*rates.utilisation, 0.95);
  }
  // With affinity nothing but what is new is computed; else a part of it is elsewhere.
  EXPECT_GT(capacity_of(talkative(RouterPolicy::session_affinity, 1)),
            1.1 * capacity_of(talkative(RouterPolicy::least_loaded, 1)));
}

// Where several serve one after the other, the capacity of a phase is their mean over time.
TEST(FleetUse, HeadroomIsOfWhatServed) {
  RunValue run = play_virtual(one_by_one());
  run.capacity_tokens_per_s = 1000;
  run.fleet.sites = {"site"};
  run.fleet.compositions = {{0, {1}, 20}, {2'500 * kMs, {2}, 40}};
  EXPECT_EQ(capacity_over(run, run.phases[0]), 35);
  run.fleet.compositions[1].capacity_tokens_per_s.reset();
  EXPECT_EQ(capacity_over(run, run.phases[0]), std::nullopt);
  EXPECT_EQ(summarize_fleet(run)[0].rates.headroom, std::nullopt);
}

}  // namespace
}  // namespace tokenlift::fleet_use_test
