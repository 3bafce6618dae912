#include "reports/analysis/summary.hpp"

#include <gtest/gtest.h>

namespace tokenlift::summary_test {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

/// One tenant, one phase of 10 s.
struct Recorded {
  Run run;
  PhaseRecord& record() { return run.tenants[0].phases[0]; }
  PhaseSummary fleet() const { return summarize_fleet(run)[0]; }
  PhaseSummary tenant() const { return summarize_tenant(run, run.tenants[0])[0]; }
};

Recorded recorded() {
  Recorded result;
  result.run.phases = {{"steady", 3 * kSecondNs, 13 * kSecondNs, 10 * kSecondNs, 0, 0, 0}};
  result.run.tenants = {{"users", {PhaseRecord{}}}};
  return result;
}

TEST(Summary, PercentilesNeedTenSamplesBeyondThem) {
  EXPECT_EQ(samples_needed(500), 20U);
  EXPECT_EQ(samples_needed(900), 100U);
  EXPECT_EQ(samples_needed(950), 200U);
  EXPECT_EQ(samples_needed(990), 1000U);
  EXPECT_EQ(samples_needed(999), 10'000U);
}

TEST(Summary, APercentileIsAbsentOneSampleBelowWhatItNeedsAndGivenAtIt) {
  for (const int permille : kPermilles) {
    Recorded just = recorded();
    Histogram& ttft = just.record().of(Metric::ttft);
    ttft.record(1000, samples_needed(permille) - 1);
    EXPECT_FALSE(just.fleet().of(Metric::ttft).at(permille).has_value()) << permille;
    ttft.record(1000);
    EXPECT_EQ(just.fleet().of(Metric::ttft).at(permille), 1000) << permille;
  }
}

TEST(Summary, LatenciesAreThoseOfTheHistogram) {
  Recorded uniform = recorded();
  for (int i = 1; i <= 100; ++i) uniform.record().of(Metric::tpot).record(i);
  const LatencySummary tpot = uniform.fleet().of(Metric::tpot);
  EXPECT_EQ(tpot.count, 100U);
  EXPECT_EQ(tpot.mean_ns, 50.5);
  EXPECT_EQ(tpot.at(500), 50);
  EXPECT_EQ(tpot.at(900), 90);
  EXPECT_FALSE(tpot.at(950).has_value());
  EXPECT_EQ(tpot.max_ns, 100);
}

TEST(Summary, RatesAreAmountsOverThePhasesLength) {
  Recorded phase = recorded();
  PhaseRecord& record = phase.record();
  record.counts = {200, 150, 20, 30, 0, 0, 0};
  record.sent = 199;
  record.held = 60;
  record.attempts = 350;
  record.wasted_tokens = 1'000;
  record.slo_met = 50;
  record.goodput_tokens = 4'000;
  record.offered_output_tokens = 20'000;
  record.admitted_requests = 160;
  record.completed_requests = 140;
  record.output_tokens = 9'000;
  phase.run.phases[0].replica_ns = 40 * kSecondNs;
  phase.run.phases[0].busy_ns = 30 * kSecondNs;
  phase.run.phases[0].batch_ns = 360 * kSecondNs;
  const PhaseSummary fleet = phase.fleet();
  EXPECT_EQ(fleet.name, "steady");
  EXPECT_EQ(fleet.begin_ns, 3 * kSecondNs);
  EXPECT_EQ(fleet.end_ns, 13 * kSecondNs);
  EXPECT_EQ(fleet.counts, record.counts);
  EXPECT_EQ(fleet.sent, 199U);
  EXPECT_EQ(fleet.held, 60U);
  EXPECT_EQ(fleet.attempts, 350U);
  EXPECT_EQ(fleet.wasted_tokens, 1'000U);
  EXPECT_EQ(fleet.rates.offered_requests_per_s, 20.0);
  EXPECT_EQ(fleet.rates.offered_tokens_per_s, 2000.0);
  EXPECT_EQ(fleet.rates.goodput_tokens_per_s, 400.0);
  EXPECT_EQ(fleet.rates.attainment, 0.25);
  EXPECT_EQ(fleet.rates.retry_amplification, 1.75);
  EXPECT_EQ(fleet.rates.admitted_requests_per_s, 16.0);
  EXPECT_EQ(fleet.rates.completed_requests_per_s, 14.0);
  EXPECT_EQ(fleet.rates.throughput_tokens_per_s, 900.0);
  EXPECT_EQ(fleet.rates.utilisation, 0.75);
  EXPECT_EQ(fleet.rates.batch_mean, 12.0);
}

TEST(Summary, WithoutObjectivesThereIsNoAttainment) {
  Recorded phase = recorded();
  phase.record().counts.due = phase.record().counts.completed = 10;
  phase.record().slo_met = 10;
  EXPECT_EQ(phase.fleet().rates.attainment, 1);
  phase.run.tenants[0].has_objectives = false;
  EXPECT_FALSE(phase.fleet().rates.attainment.has_value());
}

TEST(Summary, TenantsHaveNoRatesOfTheFleet) {
  Recorded phase = recorded();
  phase.run.phases[0].replica_ns = phase.run.phases[0].busy_ns = 10 * kSecondNs;
  phase.run.phases[0].batch_ns = 10 * kSecondNs;
  EXPECT_TRUE(phase.fleet().rates.utilisation.has_value());
  EXPECT_FALSE(phase.tenant().rates.utilisation.has_value());
  EXPECT_FALSE(phase.tenant().rates.batch_mean.has_value());
}

TEST(Summary, TheFleetPoolsItsTenants) {
  Recorded phase = recorded();
  phase.record().counts.due = 30;
  phase.record().attempts = 30;
  phase.record().of(Metric::e2e).record(10, 12);
  PhaseRecord batch;
  batch.counts.due = 10;
  batch.attempts = 30;
  batch.of(Metric::e2e).record(90, 8);
  phase.run.tenants.push_back({"batch", {batch}});
  EXPECT_EQ(phase.fleet().rates.offered_requests_per_s, 4.0);
  EXPECT_EQ(phase.fleet().rates.retry_amplification, 1.5);
  EXPECT_EQ(phase.tenant().rates.retry_amplification, 1.0);
  EXPECT_EQ(phase.fleet().of(Metric::e2e).count, 20U);
  EXPECT_EQ(phase.fleet().of(Metric::e2e).at(500), 10);
  EXPECT_EQ(phase.tenant().rates.offered_requests_per_s, 3.0);
  EXPECT_FALSE(phase.tenant().of(Metric::e2e).at(500).has_value());
}

TEST(Summary, WhatNothingSupportsIsAbsent) {
  Recorded phase = recorded();
  phase.run.phases[0].length_ns = 0;
  const PhaseSummary empty = phase.fleet();
  EXPECT_FALSE(empty.rates.offered_requests_per_s.has_value());
  EXPECT_FALSE(empty.rates.throughput_tokens_per_s.has_value());
  EXPECT_FALSE(empty.rates.goodput_tokens_per_s.has_value());
  EXPECT_FALSE(empty.rates.attainment.has_value());
  EXPECT_FALSE(empty.rates.retry_amplification.has_value());
  EXPECT_FALSE(empty.rates.utilisation.has_value());
  EXPECT_FALSE(empty.rates.batch_mean.has_value());
  EXPECT_FALSE(empty.unserved().has_value());
  EXPECT_FALSE(empty.hides_unserved(999));
  EXPECT_EQ(empty.of(Metric::ttft).count, 0U);
  EXPECT_FALSE(empty.of(Metric::ttft).mean_ns.has_value());
  EXPECT_FALSE(empty.of(Metric::ttft).max_ns.has_value());
}

TEST(Summary, SheddingIsFlaggedWhereMoreThanTheTailGotNothing) {
  Recorded phase = recorded();
  phase.record().counts = {1000, 900, 60, 40, 0, 0, 0};
  const PhaseSummary tenth = phase.fleet();
  EXPECT_EQ(tenth.unserved(), 0.1);
  EXPECT_FALSE(tenth.hides_unserved(500));
  EXPECT_FALSE(tenth.hides_unserved(900));  // exactly 1 - p, not more
  EXPECT_TRUE(tenth.hides_unserved(950));
  phase.record().counts = {1000, 899, 60, 40, 0, 0, 1};  // undecided ones got no tokens either
  EXPECT_TRUE(phase.fleet().hides_unserved(900));
}

TEST(Summary, WhoeverWasNotServedIsUnservedWhateverTheReason) {
  for (std::uint64_t Counts::*const reason :
       {&Counts::rejected, &Counts::expired, &Counts::cancelled, &Counts::failed,
        &Counts::in_flight}) {
    Recorded phase = recorded();
    phase.record().counts.due = 40;
    phase.record().counts.completed = 30;
    phase.record().counts.*reason = 10;
    EXPECT_EQ(phase.fleet().unserved(), 0.25);
  }
}

}  // namespace
}  // namespace tokenlift::summary_test
