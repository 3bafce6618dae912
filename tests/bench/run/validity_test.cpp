#include "bench/run/validity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "bench/machine/host.hpp"
#include "workloads/scenario/engine.hpp"

namespace tokenlift::validity_test {
namespace {

constexpr std::int64_t kMs = 1'000'000;

/// A run of two phases with 500 requests each, all of them fine.
Run good_run() {
  Run run;
  run.phases = {{"before", 0, 10'000 * kMs, 0, 0, 0, 0},
                {"after", 10'000 * kMs, 20'000 * kMs, 0, 0, 0, 0}};
  TenantRecord tenant{"users", {{}, {}}};
  for (PhaseRecord& phase : tenant.phases) {
    phase.counts.due = phase.counts.completed = phase.sent = 500;
    phase.of(Metric::generator_lag).record(10'000, 500);
    phase.of(Metric::ttft).record(50 * kMs, 500);
  }
  run.tenants.push_back(tenant);
  run.totals.due = run.totals.completed = 1000;
  return run;
}

RunFacts good_facts() {
  RunFacts facts;
  facts.interference = 0.01;
  facts.max_in_flight = 1000;
  facts.outcome.most_in_flight = 20;
  return facts;
}

const Check& named(const std::vector<Check>& checks, std::string_view name) {
  for (const Check& check : checks) {
    if (check.name == name) return check;
  }
  throw std::logic_error("no check " + std::string(name));
}

/// The named check fails, says what to do, and no other one fails.
void expect_only_failure(const Run& run, const RunFacts& facts, const std::string& name) {
  for (const Check& check : check_validity(run, facts)) {
    EXPECT_EQ(check.passed, check.name != name) << check.name;
    EXPECT_EQ(check.advice.empty(), check.name != name);
  }
}

TEST(Validity, AGoodRunPassesEveryCheck) {
  for (const Check& check : check_validity(good_run(), good_facts())) {
    EXPECT_TRUE(check.passed) << check.name;
    EXPECT_TRUE(check.value) << check.name;
  }
}

TEST(Validity, GeneratorLagIsLimitedByTheLargerOfAMillisecondAndAHundredthOfTtft) {
  auto run = good_run();
  EXPECT_EQ(named(check_validity(run, good_facts()), "generator_lag_p99_ms").limit, 1);
  for (PhaseRecord& phase : run.tenants[0].phases) phase.of(Metric::ttft).record(900 * kMs, 5000);
  EXPECT_NEAR(named(check_validity(run, good_facts()), "generator_lag_p99_ms").limit, 9, 0.09);
  run = good_run();
  run.tenants[0].phases[1].of(Metric::generator_lag).record(2 * kMs, 20);  // 2 % of all
  expect_only_failure(run, good_facts(), "generator_lag_p99_ms");
}

TEST(Validity, FewerReplicasAreAdvisedOnlyWhereTheyShareTheCores) {
  auto run = good_run();
  run.tenants[0].phases[1].of(Metric::generator_lag).record(2 * kMs, 20);
  for (const EngineTraits& engine : kEngines) {
    run.engine = engine.name;
    const std::string advice =
        named(check_validity(run, good_facts()), "generator_lag_p99_ms").advice;
    EXPECT_EQ(advice.find("use fewer replicas") != std::string::npos, engine.computes) << advice;
  }
}

/// The same over the wire.
Run good_wire_run() {
  Run run = good_run();
  WireRecord wire;
  wire.reads = 1000;
  wire.reads_with_several = 10;
  wire.asked_tokens = wire.got_tokens = 50'000;
  wire.busy_ns = 2'000 * kMs;
  run.wire = wire;
  run.lift = LiftRecord{};
  run.lift->kind = "call";
  run.lift->at_ns = 10'000 * kMs;
  return run;
}

RunFacts good_wire_facts() {
  RunFacts facts = good_facts();
  facts.outcome.end_ns = 20'000 * kMs;
  facts.divided_from_elsewhere = true;
  return facts;
}

TEST(Validity, AGoodRunOverTheWirePassesEveryCheck) {
  const std::vector<Check> checks = check_validity(good_wire_run(), good_wire_facts());
  for (const Check& check : checks) {
    EXPECT_TRUE(check.passed) << check.name;
    EXPECT_TRUE(check.value) << check.name;
  }
  EXPECT_EQ(named(checks, "client_thread").value, 0.1);
  EXPECT_EQ(named(checks, "shared_reads").value, 0.01);
  EXPECT_EQ(checks.size(), check_validity(good_run(), good_facts()).size() + 5);
}

TEST(Validity, TheHarnessWorksForAtMostSeventyPercentOfTheTime) {
  auto run = good_wire_run();
  run.wire->busy_ns = 14'000 * kMs;
  EXPECT_TRUE(named(check_validity(run, good_wire_facts()), "client_thread").passed);
  run.wire->busy_ns += kMs;
  expect_only_failure(run, good_wire_facts(), "client_thread");
}

TEST(Validity, SeveralChunksInAReadAreTheEndpointsDoingUnlessTheHarnessIsBusy) {
  auto run = good_wire_run();
  run.wire->reads_with_several = 900;
  EXPECT_TRUE(named(check_validity(run, good_wire_facts()), "shared_reads").passed);
  run.wire->busy_ns = 8'000 * kMs;
  expect_only_failure(run, good_wire_facts(), "shared_reads");
  run.wire->reads_with_several = 100;
  EXPECT_TRUE(named(check_validity(run, good_wire_facts()), "shared_reads").passed);
  run.wire->reads = run.wire->reads_with_several = 0;
  EXPECT_FALSE(named(check_validity(run, good_wire_facts()), "shared_reads").value);
  EXPECT_TRUE(named(check_validity(run, good_wire_facts()), "shared_reads").passed);
}

TEST(Validity, RepliesThatEndEarlyAreNotTheLoadThatWasAskedFor) {
  auto run = good_wire_run();
  run.wire->got_tokens = 49'500;
  EXPECT_TRUE(named(check_validity(run, good_wire_facts()), "output_delivered").passed);
  --run.wire->got_tokens;
  expect_only_failure(run, good_wire_facts(), "output_delivered");
  const std::string advice =
      named(check_validity(run, good_wire_facts()), "output_delivered").advice;
  EXPECT_NE(advice.find("ignore_eos"), std::string::npos) << advice;
}

TEST(Validity, WhatFailedIsInNoLatency) {
  auto run = good_wire_run();
  const auto fail = [&](std::uint64_t failed) {
    for (PhaseRecord& phase : run.tenants[0].phases) {
      phase.counts.completed = 500 - failed;
      phase.counts.failed = failed;
    }
    run.totals = {1000, 1000 - 2 * failed, 0, 0, 0, 2 * failed, 0};
  };
  fail(25);
  EXPECT_TRUE(named(check_validity(run, good_wire_facts()), "failed_share").passed);
  fail(26);
  run.wire->failures = {{"cut", 3, ""}, {"reset", 49, "connection reset by peer"}};
  expect_only_failure(run, good_wire_facts(), "failed_share");
  EXPECT_EQ(named(check_validity(run, good_wire_facts()), "failed_share").advice,
            "5.2 % failed, most attempts by 'reset' (connection reset by peer): what failed is in "
            "no latency; see the table of failures");
  fail(500);
  EXPECT_EQ(named(check_validity(run, good_wire_facts()), "failed_share").advice,
            "every request failed, most attempts by 'reset' (connection reset by peer): see that "
            "the endpoint is there, and speaks the API that the site states");
}

TEST(Validity, AnEventElsewhereMustHaveHappened) {
  auto run = good_wire_run();
  RunFacts facts = good_wire_facts();
  facts.outcome.event_failure = "the call answered 503, and 200 was expected";
  expect_only_failure(run, facts, "event_call");
  EXPECT_EQ(named(check_validity(run, facts), "event_call").advice, facts.outcome.event_failure);
  facts.outcome.event_failure.clear();
  run.lift->at_ns.reset();
  expect_only_failure(run, facts, "event_call");
  EXPECT_EQ(named(check_validity(run, facts), "event_call").advice,
            "the call was not answered while the run lasted");
  facts.outcome.sent_until_ns = 3'040 * kMs;
  run.lift->planned_ns = 10'000 * kMs;
  EXPECT_EQ(named(check_validity(run, facts), "event_call").advice,
            "the run was ended at 3.0 s, before the call");
  facts.outcome.sent_until_ns.reset();
  run.lift->kind = "signal";
  EXPECT_EQ(
      named(check_validity(run, facts), "event_call").advice,
      "no signal came while the run lasted: send SIGUSR1, or press Enter where it was started");
}

TEST(Validity, LoadMustBeDeliveredInEveryPhase) {
  auto run = good_run();
  run.tenants[0].phases[0].sent = 494;
  expect_only_failure(run, good_facts(), "delivered_load");
  run.tenants[0].phases[0].sent = 495;
  EXPECT_TRUE(named(check_validity(run, good_facts()), "delivered_load").passed);
}

TEST(Validity, InterferenceAboveFivePercentFailsAndUnreadableIsNotChecked) {
  RunFacts facts = good_facts();
  facts.interference = 0.051;
  expect_only_failure(good_run(), facts, "host_interference");
  facts.interference.reset();
  const auto checks = check_validity(good_run(), facts);
  const Check& check = named(checks, "host_interference");
  EXPECT_TRUE(check.passed);
  EXPECT_FALSE(check.value);
  EXPECT_EQ(check.advice.rfind("not checked", 0), 0U);
}

TEST(Validity, ACapacityMustBeKnownWithinFivePercent) {
  auto run = good_run();
  run.capacity_tokens_per_s = 1000;
  const auto checked = [&] {
    const auto checks = check_validity(run, good_facts());
    return std::any_of(checks.begin(), checks.end(),
                       [](const Check& check) { return check.name == "capacity_error"; });
  };
  EXPECT_FALSE(checked()) << "not measured";
  run.capacity_error_tokens_per_s = 50;
  const auto checks = check_validity(run, good_facts());
  EXPECT_DOUBLE_EQ(named(checks, "capacity_error").value.value(), 0.05);
  EXPECT_TRUE(named(checks, "capacity_error").passed);
  run.capacity_error_tokens_per_s = 51;
  expect_only_failure(run, good_facts(), "capacity_error");
}

TEST(Validity, ACpuQuotaThatIsTooSmallFails) {
  RunFacts facts = good_facts();
  facts.cpu_quota = Check{"cpu_quota", 2.5, 2.25, true, {}};
  EXPECT_TRUE(named(check_validity(good_run(), facts), "cpu_quota").passed);
  facts.cpu_quota = Check{"cpu_quota", 1.5, 2.25, false, "too small"};
  expect_only_failure(good_run(), facts, "cpu_quota");
}

TEST(Validity, AHundredRequestsMustBeDecidedBeforeAndAfter) {
  auto run = good_run();
  Counts& counts = run.tenants[0].phases[1].counts;
  counts.in_flight = 401;
  counts.completed = 99;
  expect_only_failure(run, good_facts(), "enough_samples");
}

TEST(Validity, ARunWithoutItsLastPhaseHasNotEnoughSamples) {
  auto run = good_run();
  run.phases.pop_back();
  run.tenants[0].phases.pop_back();
  EXPECT_FALSE(named(check_validity(run, good_facts()), "enough_samples").passed);
}

/// What is advised where there are too few requests, given how the run ended.
std::string advice_on_samples(const Run& run, const RunFacts& facts) {
  return named(check_validity(run, facts), "enough_samples").advice;
}

TEST(Validity, MoreLoadIsAdvisedOnlyWhereTooFewRequestsWereDue) {
  auto run = good_run();
  Counts& counts = run.tenants[0].phases[0].counts;
  counts.in_flight = counts.due;
  counts.completed = 0;
  const std::string waited = advice_on_samples(run, good_facts());
  EXPECT_NE(waited.find("500 were due and 500 of them still waited"), std::string::npos) << waited;
  EXPECT_EQ(waited.find("offer more load"), std::string::npos) << waited;
  counts.due = counts.in_flight = 99;
  const std::string few = advice_on_samples(run, good_facts());
  EXPECT_NE(few.find("offer more load"), std::string::npos) << few;
}

TEST(Validity, TooFewRequestsHaveTheReasonThatCutTheRunShort) {
  auto run = good_wire_run();
  run.phases.pop_back();
  run.tenants[0].phases.pop_back();
  const auto says = [&](const RunFacts& facts, const char* words) {
    const std::string advice = advice_on_samples(run, facts);
    EXPECT_NE(advice.find(words), std::string::npos) << advice;
    EXPECT_EQ(advice.find("run.duration") != std::string::npos, words == std::string("run.settle"))
        << advice;
  };
  RunFacts facts = good_wire_facts();
  says(facts, "run.settle");
  facts.outcome.sent_until_ns = 10'000 * kMs;
  facts.outcome.bound = Bound::requests;
  says(facts, "the bound on requests ended the sending at 10.0 s: raise it (run.stop_after)");
  facts.outcome.interrupted = true;
  says(facts, "the run was stopped at 10.0 s");
  facts.outcome.event_failure = "status 401";
  says(facts, "an event failed");
  facts = good_wire_facts();
  facts.outcome.overflowed = true;
  says(facts, "too many requests in flight");
  facts = good_wire_facts();
  run.lift->at_ns.reset();
  says(facts, "the call was not answered");
  run.lift->kind = "signal";
  says(facts, "no signal came");
}

TEST(Validity, ALongerRunIsAdvisedOnlyWhereItHelps) {
  auto run = good_run();
  run.phases.pop_back();
  run.tenants[0].phases.pop_back();
  RunFacts facts = good_facts();
  facts.never_drains = true;
  const std::string advice = advice_on_samples(run, facts);
  EXPECT_NE(advice.find("of a run of any length; lower the load"), std::string::npos) << advice;
  EXPECT_EQ(advice.find("run longer"), std::string::npos) << advice;
  EXPECT_NE(advice_on_samples(run, good_facts()).find("run longer"), std::string::npos);
}

TEST(Validity, AShortPhaseIsToldALengthThatNearlyAlwaysDoes) {
  auto run = good_run();
  run.phases[0].begin_ns = 0;
  run.phases[0].end_ns = 10'000 * kMs;
  run.tenants[0].phases[0].counts = {50, 50, 0, 0, 0, 0, 0};
  RunFacts facts = good_facts();
  const std::string poisson = advice_on_samples(run, facts);
  EXPECT_NE(poisson.find("make it 30 s or longer (a later event"), std::string::npos) << poisson;
  facts.dispersion = 9;
  const std::string bursty = advice_on_samples(run, facts);
  EXPECT_NE(bursty.find("make it 63 s or longer"), std::string::npos) << bursty;
}

TEST(Validity, APhaseThatHadEndedBeforeTheRunWasCutShortIsLengthened) {
  auto run = good_wire_run();
  run.tenants[0].phases[0].counts = {50, 50, 0, 0, 0, 0, 0};
  RunFacts facts = good_wire_facts();
  facts.outcome.bound = Bound::output_tokens;
  facts.outcome.sent_until_ns = run.phases[0].end_ns + kMs;
  EXPECT_NE(advice_on_samples(run, facts).find("run.duration"), std::string::npos);
  facts.outcome.sent_until_ns = run.phases[0].end_ns;
  EXPECT_NE(advice_on_samples(run, facts).find("run.stop_after"), std::string::npos);
}

TEST(Validity, AnEventThatFailedIsToldFirst) {
  RunFacts facts = good_wire_facts();
  EXPECT_NE(check_validity(good_wire_run(), facts).front().name, "event_call");
  facts.outcome.event_failure = "the call at 10 s: status 401";
  EXPECT_EQ(check_validity(good_wire_run(), facts).front().name, "event_call");
}

TEST(Validity, ALostRequestFailsConservation) {
  auto run = good_run();
  --run.tenants[0].phases[0].counts.completed;
  expect_only_failure(run, good_facts(), "conservation");
}

TEST(Validity, LittlesLawInterruptionAndOverflowAreFailures) {
  RunFacts facts = good_facts();
  facts.littles_law_error = 0.0011;
  expect_only_failure(good_run(), facts, "littles_law_error");
  facts = good_facts();
  facts.outcome.interrupted = true;
  expect_only_failure(good_run(), facts, "interrupted");
  facts = good_facts();
  facts.outcome.overflowed = true;
  expect_only_failure(good_run(), facts, "most_in_flight");
}

TEST(Validity, OtherProcessesMatterOnlyWhereTimeIsReal) {
  for (const EngineTraits& engine : kEngines) {
    auto run = good_run();
    run.engine = engine.name;
    EXPECT_EQ(is_simulated(run), engine.simulated) << engine.name;
    const std::vector<Check> checks = check_validity(run, good_facts());
    const bool checked = std::ranges::any_of(
        checks, [](const Check& check) { return check.name == "host_interference"; });
    EXPECT_EQ(checked, !engine.simulated) << engine.name;
  }
}

TEST(Interference, IsWhatOthersAndTheHypervisorTook) {
  const CpuUse begin{100, 50, 1, 10};
  // 20 s of machine time: busy 12, of these 10 ours; steal 1.
  const CpuUse end{120, 62, 2, 20};
  EXPECT_NEAR(*interference(begin, end), (2 + 1) / 20.0, 1e-12);
  EXPECT_FALSE(interference(begin, std::nullopt));
  EXPECT_FALSE(interference(begin, CpuUse{100.4, 50, 1, 10})) << "too short to tell";
  // Our own time is known finer than the machine's: never negative.
  EXPECT_EQ(interference(begin, CpuUse{120, 59.99, 1, 20}), 0.0);
}

TEST(Interference, CanBeReadHere) {
  const auto use = read_cpu_use();
  ASSERT_TRUE(use);
  EXPECT_GT(use->machine_s, 0);
  EXPECT_GE(use->machine_s, use->busy_s);
}

}  // namespace
}  // namespace tokenlift::validity_test
