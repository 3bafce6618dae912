// What `check` warns about.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/workloads/plan/lift_scenario.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::warnings_test {
namespace {

TEST(Warnings, OfALoadReportIntervalWhereTheEngineHasNone) {
  Scenario scenario = resolve(lift_scenario(), std::nullopt);
  scenario.fleet.load_report_interval_ns = kS / 100;
  for (const Engine engine : {Engine::threads, Engine::null}) {
    scenario.run.engine = engine;
    EXPECT_TRUE(has_warning(scenario, "load_report_interval has no effect"));
  }
  scenario.run.engine = Engine::simulated;
  EXPECT_FALSE(has_warning(scenario, "load_report_interval"));
}

TEST(Warnings, AreNoneForASoundScenario) {
  Scenario scenario = lift_scenario();
  scenario.run.duration_ns = 120 * kS;
  scenario.run.warmup_ns = 0;
  scenario.events[0].at_ns = 40 * kS;
  scenario.throttles[0].max_wait_ns = 2 * kS;
  EXPECT_EQ(warnings(resolve(scenario, std::nullopt), builtin_profiles()),
            std::vector<std::string>{});
}

TEST(Warnings, AnAcceleratorWhosePricingIsAssumed) {
  Scenario scenario = resolve(lift_scenario(), std::nullopt);
  scenario.run.engine = Engine::simulated;
  Profile own;
  own.name = "my-gpu";
  own.cost = CostModel{};
  scenario.profiles.push_back(own);
  EXPECT_FALSE(has_warning(scenario, "doesn't say its pricing"));
  scenario.profiles.back().pricing_assumed = true;
  EXPECT_TRUE(has_warning(scenario, "profile 'my-gpu' doesn't say its pricing"));
  scenario.profiles.back().decoder.emplace();
  EXPECT_FALSE(has_warning(scenario, "doesn't say its pricing")) << "a CPU's";
}

// Three turns, ten seconds of thought before the second and the third: two of three come after 10
// s.
TEST(Warnings, OfConversationsThatAllBeginInTheRun) {
  Scenario scenario = resolve(lift_scenario(), std::nullopt);
  Sessions& sessions = scenario.tenants[0].sessions.emplace();
  sessions.turns.distribution = Distribution::constant;
  sessions.turns.mean = 3;
  sessions.think = {WaitDistribution::constant, 10 * kS};
  sessions.max_context_tokens = 100'000;
  const auto warned = [&](std::int64_t warmup_ns, const char* text) {
    scenario.run.warmup_ns = warmup_ns;
    return has_warning(scenario, text);
  };
  EXPECT_TRUE(warned(10 * kS, "gone on for 10s (run.warmup) 66.7 % of its requests/s come"));
  EXPECT_TRUE(warned(10 * kS, "set run.warmup to 20s or more"));
  EXPECT_TRUE(warned(0, "gone on for 0s (run.warmup) 33.3 %"));
  EXPECT_FALSE(warned(20 * kS, "begins all its conversations"));
  sessions.think.mean_ns = 0;
  EXPECT_FALSE(warned(0, "begins all its conversations")) << "as fast as answers come";
  sessions.think.mean_ns = 10 * kS;
  scenario.tenants[0].arrivals.process = Process::closed;
  scenario.tenants[0].arrivals.think = Wait{WaitDistribution::constant, kS};
  EXPECT_FALSE(warned(0, "begins all its conversations")) << "as many ask as ever";
}

TEST(Warnings, NameWhatIsWrongAndWhatToDo) {
  const Scenario base = resolve(lift_scenario(), std::nullopt);
  EXPECT_TRUE(has_warning(base, "without a max_wait"));
  EXPECT_TRUE(has_warning(base, "about 80 requests fall into 'before'"));
  Scenario short_run = lift_scenario();
  short_run.run.duration_ns = 15 * kS;
  EXPECT_TRUE(has_warning(resolve(short_run, std::nullopt), "set run.duration to 29s"));
  Scenario small_fleet = lift_scenario();
  small_fleet.fleet.capacity_tokens_per_s = 450;
  EXPECT_TRUE(has_warning(resolve(small_fleet, std::nullopt), "the fleet carries 450"));
  Scenario small_limit = lift_scenario();
  small_limit.events[0].kind = EventKind::set;
  small_limit.events[0].rate = per_s(400);
  EXPECT_TRUE(has_warning(resolve(small_limit, std::nullopt), "the new limit carries 400"));
  Scenario short_trace = lift_scenario();
  Trace trace;
  trace.summary = TraceSummary{100, 20 * kS, 100, 50, 100, 50};
  short_trace.tenants[0].arrivals.process = Process::trace;
  short_trace.tenants[0].arrivals.trace = trace;
  EXPECT_TRUE(has_warning(resolve(short_trace, std::nullopt), "ends after 20s of 60s"));
  short_trace.tenants[0].arrivals.trace->resample_ns = 5 * kS;
  EXPECT_FALSE(has_warning(resolve(short_trace, std::nullopt), "ends after"));
}

TEST(TraceNotes, SayWhatIsLeftOutAndWhy) {
  Scenario scenario = lift_scenario();
  EXPECT_TRUE(trace_notes(scenario).empty());
  Trace trace;
  trace.summary.rows = 100;
  scenario.tenants[0].arrivals.trace = trace;
  const auto note = [&] { return trace_notes(scenario).at(0); };
  EXPECT_EQ(note(), "the trace of tenant 'users' has 100 rows, and none is left out");
  TraceSummary& summary = scenario.tenants[0].arrivals.trace->summary;
  summary.failed = 1;
  EXPECT_EQ(note(),
            "the trace of tenant 'users' has 100 rows, of which 1 is left out: 1 that failed where "
            "it was taken");
  summary.before_start = 20;
  scenario.tenants[0].arrivals.trace->sample = 0.25;
  scenario.tenants[0].arrivals.trace->resample_ns = 300 * kS;
  EXPECT_EQ(note(),
            "the trace of tenant 'users' has 100 rows, of which 21 are left out: 1 that failed "
            "where it was taken, and 20 before its start; each seed keeps another 25 % of them; "
            "blocks of 5min are drawn by the seed");
}

TEST(Warnings, OfSettingsThatHaveNoEffect) {
  const auto warned = [](const std::string& part, auto change) {
    Scenario scenario = lift_scenario();
    change(scenario);
    return has_warning(resolve(scenario, std::nullopt), part);
  };
  const auto reject = [](Scenario& s) { s.throttles[0].when_full = WhenFull::reject; };
  const auto retry = [](Scenario& s) { s.tenants[0].retry.policy = RetryPolicy::fixed; };
  EXPECT_TRUE(warned("retries after a rejection, but", retry));
  EXPECT_FALSE(warned("retries after a rejection, but", [&](Scenario& s) { retry(s), reject(s); }));
  EXPECT_FALSE(warned("retries after a rejection, but", [&](Scenario& s) {
    retry(s);
    s.fleet.sites[0].failures = Failures{};
  })) << "requests fail with their replica";
  const auto patience = [](Scenario& s) { s.tenants[0].patience = Wait{}; };
  EXPECT_TRUE(warned("has patience, but", [&](Scenario& s) { patience(s), reject(s); }));
  EXPECT_FALSE(warned("has patience, but", patience));
  EXPECT_FALSE(warned("has patience, but", [&](Scenario& s) {
    patience(s), reject(s), retry(s);
    s.throttles.clear();
    s.events.clear();
    s.fleet.sites[0].failures = Failures{};
  })) << "it bounds the back-off of who failed";
  EXPECT_TRUE(warned("no answer can miss the objective e2e", [](Scenario& s) {
    s.tenants[0].deadline_ns = kS;
    s.tenants[0].slo.e2e_ns = kS;
  }));
  const auto second_tenant = [](Scenario& s) {
    s.tenants.push_back(s.tenants[0]);
    s.tenants[1].priority = 1;
    s.tenants[1].weight = 2;
  };
  EXPECT_TRUE(warned("have priorities, but", second_tenant));
  EXPECT_TRUE(warned("have weights, but", second_tenant));
  EXPECT_FALSE(warned("have weights, but", [&](Scenario& s) {
    second_tenant(s);
    s.queue_order = QueueOrder::fair;
  }));
  EXPECT_TRUE(warned("no throttle lets anybody wait", [&](Scenario& s) {
    s.queue_order = QueueOrder::fair;
    reject(s);
  }));
  const auto cache = [](Scenario& s) { s.fleet.sites[0].prefix_cache_tokens = 100; };
  EXPECT_TRUE(warned("no two prompts begin alike", cache));
  EXPECT_TRUE(warned("no tenant has sessions",
                     [](Scenario& s) { s.fleet.router = RouterPolicy::session_affinity; }));
  EXPECT_FALSE(warned("session_affinity", [&](Scenario& s) {
    s.fleet.router = RouterPolicy::session_affinity;
    s.tenants[0] = session_tenant(per_s(1));
    cache(s);
  }));
  EXPECT_TRUE(warned("exempts cached input, but",
                     [](Scenario& s) { s.throttles[0].exempt_cached = true; }));
  EXPECT_TRUE(warned("are not in the run, which starts at 2026-01-05T00:00:00Z", [](Scenario& s) {
    s.throttles[0].schedule = {{0x7f, 3600, 7200, 1}};
  }));
  EXPECT_TRUE(warned("no event before it has changed",
                     [](Scenario& s) { s.events[0].kind = EventKind::restore; }));
}

TEST(Warnings, OfEventsThatChangeNothing) {
  Scenario scenario = lift_scenario();
  const std::string nothing = "the event at 20s changes nothing";
  Event second = scenario.events[0];
  second.at_ns = 20 * kS;
  scenario.events.push_back(second);
  EXPECT_TRUE(
      has_warning(resolve(scenario, std::nullopt), nothing + ": throttle 'limit' is lifted"));
  scenario.events[1].kind = EventKind::set;
  scenario.events[1].rate = per_s(300);
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), nothing)) << "it is back";
  scenario.events[0].kind = EventKind::set;
  scenario.events[0].rate = per_s(300);
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt), "the event at 10s changes nothing"));
  scenario.events[0].rate = per_s(400);
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), "changes nothing"));
  scenario.throttles[0].mode = Mode::shadow;
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt), "holds and refuses nothing before it"));
}

TEST(Warnings, AnEventAfterWhichALimitFollowsTheCapacityNoMoreChangesIt) {
  Scenario scenario = lift_scenario();
  scenario.throttles[0].follows = Follows::capacity;
  Event& set = scenario.events[0];
  set.kind = EventKind::set;
  set.rate = per_s(300);
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), "changes nothing"));
  Event again = set;
  again.at_ns = 20 * kS;
  scenario.events.push_back(again);
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt), "the event at 20s changes nothing"));
}

TEST(Warnings, OfThrottlesThatCannotBind) {
  const auto with = [](double rate, double burst) {
    Scenario scenario = lift_scenario();  // 500 tokens/s are taken, by 50
    scenario.throttles[0].rate = per_s(rate);
    scenario.throttles[0].burst.units = burst;
    return has_warning(resolve(scenario, std::nullopt), "throttle 'limit' cannot bind");
  };
  EXPECT_TRUE(with(1000, 500));
  EXPECT_FALSE(with(999, 500));
  EXPECT_FALSE(with(1000, 499)) << "what comes by chance finds it empty";
  EXPECT_FALSE(with(10'000, 50)) << "one of twenty comes while it refills";
  // However it begins and ends: what it is in between binds.
  const auto set_later = [](std::int64_t at_ns, double rate, double burst) {
    Scenario scenario = lift_scenario();
    scenario.throttles[0].rate = per_s(1000);
    scenario.throttles[0].burst.units = 500;
    scenario.events[0].kind = EventKind::join;
    scenario.events[0].throttle.clear();
    scenario.events[0].site = scenario.fleet.sites[0].name;
    scenario.fleet.sites[0].replicas = 2;
    scenario.fleet.sites[0].at_start = 1;
    Event set;
    set.kind = EventKind::set;
    set.throttle = "limit";
    set.at_ns = at_ns;
    set.measure = false;
    set.rate = per_s(rate);
    set.burst = Burst{std::nullopt, burst};
    scenario.events.push_back(set);
    return has_warning(resolve(scenario, std::nullopt), "throttle 'limit' cannot bind");
  };
  for (const std::int64_t at_s : {5, 25}) {
    EXPECT_FALSE(set_later(at_s * kS, 400, 500)) << at_s;
    EXPECT_FALSE(set_later(at_s * kS, 1000, 60)) << at_s;
    EXPECT_TRUE(set_later(at_s * kS, 1200, 500)) << at_s;
  }
  Scenario bursts = lift_scenario();
  bursts.throttles[0].rate = per_s(10'000);
  bursts.tenants[0].arrivals.shape.emplace();
  EXPECT_FALSE(has_warning(resolve(bursts, std::nullopt), "cannot bind"));
  Scenario closed = lift_scenario();
  closed.tenants[0].arrivals = {};
  closed.tenants[0].arrivals.think = Wait{WaitDistribution::constant, kS};
  closed.tenants[0].users = 8;
  closed.throttles[0].kind = ThrottleKind::concurrency;
  closed.throttles[0].unit = Unit::requests;
  closed.throttles[0].limit = 8;
  EXPECT_TRUE(has_warning(resolve(closed, std::nullopt), "never have 8 in flight"));
  closed.throttles[0].limit = 7;
  EXPECT_FALSE(has_warning(resolve(closed, std::nullopt), "cannot bind"));
}

TEST(Warnings, WithoutABurstAThrottleHardlyEverBinds) {
  Scenario scenario = lift_scenario();
  scenario.throttles[0].rate = per_s(10'000);
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt),
                          "throttle 'limit' hardly ever binds: requests take 500"));
  scenario.throttles[0].rate = per_s(9'999);
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), "hardly ever binds"));
}

// Ten requests a second come, so that a window of a second has more than 28 in one of 4 million.
TEST(Warnings, AWindowCannotBindWhereItHoldsWhatComesByChance) {
  Scenario scenario = lift_scenario();
  Throttle& throttle = scenario.throttles[0];
  throttle.kind = ThrottleKind::sliding_log;
  throttle.rate = {};
  throttle.burst = {};
  throttle.window_ns = kS;
  const auto warned = [&](double requests) {
    throttle.limit = 50 * requests;
    return has_warning(resolve(scenario, std::nullopt), "throttle 'limit' cannot bind");
  };
  EXPECT_FALSE(warned(20)) << "though it is twice the mean";
  EXPECT_FALSE(warned(28));
  EXPECT_TRUE(warned(29));
  throttle.window_ns = 100 * kS;
  EXPECT_FALSE(warned(1999));
  EXPECT_TRUE(warned(2000)) << "far more than the 1,190 that chance may bring";
}

TEST(Warnings, ABacklogInFrontOfTheFleetIsBoundedByALimitOnWhatIsInFlight) {
  const std::string never = "the backlog never drains";
  Scenario scenario = lift_scenario();  // 500 tokens/s are offered
  scenario.events.clear();
  scenario.throttles.clear();
  scenario.fleet.capacity_tokens_per_s = 400;
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt), never + "; lower the load"));
  scenario.fleet.sites[0].prefix_cache_tokens = 100;
  EXPECT_TRUE(
      has_warning(resolve(scenario, std::nullopt), never + ", unless prefix caches, which"));
  scenario.run.engine = Engine::simulated;
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt), never + ", unless prefix caches keep"));
  scenario.run.engine = Engine::threads;
  scenario.fleet.sites[0].prefix_cache_tokens = 0;
  Throttle places;
  places.name = "places";
  places.kind = ThrottleKind::concurrency;
  places.unit = Unit::requests;
  places.limit = 60;
  places.when_full = WhenFull::queue;
  places.max_wait_ns = 2 * kS;
  scenario.throttles.push_back(places);
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), never));
  scenario.throttles[0].max_wait_ns.reset();
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt), never)) << "they wait in front of it";
  scenario.throttles[0].when_full = WhenFull::reject;
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), never));
  scenario.throttles[0].mode = Mode::shadow;
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt), never));
  scenario.throttles[0].mode = Mode::enforce;
  scenario.throttles[0].tenants = {"users"};
  scenario.tenants.push_back(make_tenant(per_s(7), 100, 50));
  scenario.tenants[1].name = "more";
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), never)) << "350 go beside it";
  scenario.tenants[1].arrivals.rate = per_s(9);
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt), never)) << "450 go beside it";
}

TEST(Warnings, TheBuiltInCostsOfProcessorsAreThoseOfAnotherMachine) {
  Scenario scenario = parse_scenario(R"(
    [run]
    engine = "virtual"
    duration = "100s"
    [[fleet.site]]
    name = "here"
    profile = "cpu-small"
    [[tenant]]
    name = "users"
    arrivals = { process = "poisson", rate = "20/s" }
    prompt_tokens = { distribution = "constant", value = 10 }
    output_tokens = { distribution = "constant", value = 10 }
  )",
                                     "test", "", {});
  ASSERT_EQ(warnings(resolve(scenario, {}), builtin_profiles()).size(), 1U);
  EXPECT_NE(
      warnings(resolve(scenario, {}), builtin_profiles())[0].find("tokenlift calibrate cpu-small"),
      std::string::npos);
  scenario.profiles[0].cost->a_ps += 1;  // measured here, for example
  EXPECT_EQ(warnings(resolve(scenario, {}), builtin_profiles()), std::vector<std::string>{});
}

Scenario two_halls() {
  Scenario scenario = lift_scenario();
  scenario.run.settle_ns = 5 * kS;
  scenario.fleet.sites[0].name = "a";
  scenario.fleet.sites.push_back(scenario.fleet.sites[0]);
  scenario.fleet.sites[1].name = "b";
  for (const int at_s : {20, 30}) {
    Event fail;
    fail.kind = EventKind::fail;
    fail.site = at_s == 20 ? "a" : "b";
    fail.at_ns = at_s * kS;
    fail.for_ns = 15 * kS;
    scenario.events.push_back(fail);
  }
  return scenario;
}

TEST(FleetWarnings, SayWhenNobodyServes) {
  Scenario scenario = two_halls();
  EXPECT_TRUE(has_warning(scenario, "nobody serves from 30s to 35s: requests"));
  EXPECT_FALSE(has_warning(scenario, "of tenant 'users'"));
  scenario.tenants[0].sites = {"a"};
  EXPECT_TRUE(has_warning(scenario, "no site of tenant 'users' serves from 20s to 35s"));
  scenario.events[2].at_ns = 40 * kS;
  EXPECT_FALSE(has_warning(scenario, "nobody serves"));
}

TEST(FleetWarnings, SayWhatIsThereForNothing) {
  Scenario scenario = two_halls();
  scenario.fleet.sites[0].replicas = 5;
  scenario.fleet.sites[0].at_start = 2;
  EXPECT_TRUE(has_warning(scenario, "3 of the 5 replicas of site 'a' never join"));
  scenario.fleet.sites[1].spares = 1;
  EXPECT_FALSE(has_warning(scenario, "has spares"));
  scenario.events.pop_back();
  EXPECT_TRUE(has_warning(scenario, "site 'b' has spares, but nothing of it fails"));
}

TEST(FleetWarnings, SayWhereAPhaseIsShorterThanABoot) {
  Scenario scenario = two_halls();
  scenario.fleet.sites[0].boot_ns = 9 * kS;
  EXPECT_FALSE(has_warning(scenario, "boots for"));
  scenario.fleet.sites[0].failures = Failures{1000 * kS, kS};
  EXPECT_TRUE(
      has_warning(scenario, "phase 'before' takes 8s, and a replica of site 'a' boots for 9s"));
}

// A job has all ten replicas of site `own`; five of `leased` join at 10 s. 500 tokens/s are
// offered.
Scenario job_scenario(std::int64_t yields) {
  Scenario scenario = lift_scenario();
  scenario.throttles.clear();
  scenario.run.settle_ns = 5 * kS;
  scenario.fleet.capacity_tokens_per_s = 100;
  scenario.fleet.sites[0].name = "own";
  scenario.fleet.sites[0].replicas = 10;
  Site leased = scenario.fleet.sites[0];
  leased.name = "leased";
  leased.replicas = 5;
  leased.at_start = 0;
  scenario.fleet.sites.push_back(leased);
  Event& join = scenario.events[0];
  join.kind = EventKind::join;
  join.throttle.clear();
  join.site = "leased";
  Job job;
  job.name = "training";
  job.site = "own";
  job.replicas = 10;
  job.yields = yields;
  job.step_ns = kS;
  scenario.jobs.push_back(job);
  return scenario;
}

TEST(JobWarnings, WhatJobsYieldMayServe) {
  const std::string nobody = "nobody serves from 0s to 10s";
  const std::string never = "the backlog never drains";
  EXPECT_TRUE(has_warning(job_scenario(0), nobody));
  EXPECT_TRUE(has_warning(job_scenario(0), never));
  EXPECT_FALSE(has_warning(job_scenario(4), nobody));
  EXPECT_FALSE(has_warning(job_scenario(4), never));
  Scenario elsewhere = job_scenario(4);
  elsewhere.tenants.push_back(elsewhere.tenants[0]);
  elsewhere.tenants[1].name = "guests";
  elsewhere.tenants[1].sites = {"leased"};
  EXPECT_TRUE(has_warning(elsewhere, "no site of tenant 'guests' serves from 0s to 10s"));
  EXPECT_FALSE(has_warning(elsewhere, nobody));
}

TEST(JobWarnings, AJobThatLooksTooLateYieldsNothing) {
  const std::string late =
      "job 'training' looks for the first time after 1min, when the run of 1min has ended: it "
      "yields nothing";
  Scenario scenario = job_scenario(4);
  EXPECT_FALSE(has_warning(scenario, "looks for the first time"));
  scenario.jobs[0].control_ns = scenario.run.duration_ns;
  EXPECT_TRUE(has_warning(scenario, late));
  EXPECT_TRUE(has_warning(scenario, "nobody serves from 0s to 10s"));
  scenario.jobs[0].yields = 0;
  EXPECT_FALSE(has_warning(scenario, "looks for the first time"));
}

}  // namespace
}  // namespace tokenlift::warnings_test
