// What jobs did, against sums by hand.

#include "reports/analysis/job_work.hpp"

#include <gtest/gtest.h>

#include "reports/analysis/cost.hpp"
#include "tests/reports/record/job_runs.hpp"

namespace tokenlift::job_work_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

TEST(JobWork, IsOfThePhase) {
  const std::vector<JobWork> jobs = job_work(job_run());
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0].name, "training");
  const JobPhaseWork& before = *find_work(jobs[0], "before");  // 12 s
  EXPECT_DOUBLE_EQ(*before.replicas_held, 0.5);
  EXPECT_DOUBLE_EQ(*before.steps, 6);
  EXPECT_DOUBLE_EQ(*before.steps_per_hour, 1800);
  EXPECT_DOUBLE_EQ(*before.step_s, 1);
  EXPECT_DOUBLE_EQ(*before.stalled_share, 0.5);
  EXPECT_DOUBLE_EQ(*before.lost_steps, 1);
  EXPECT_DOUBLE_EQ(*before.kwh, 2.0 * 12 / 3600);
  EXPECT_DOUBLE_EQ(*before.j_per_step, 4000);
  EXPECT_DOUBLE_EQ(*before.usd, 0.12 / 4) << "a quarter of the time that is paid for";
  EXPECT_DOUBLE_EQ(*before.usd_per_step, 0.005);
  const JobPhaseWork& after = *find_work(jobs[0], "after");
  EXPECT_DOUBLE_EQ(*after.replicas_held, 1);
  EXPECT_DOUBLE_EQ(*after.steps_per_hour, 7200);
  EXPECT_DOUBLE_EQ(*after.step_s, 0.5);
  EXPECT_EQ(after.lost_steps, std::nullopt);
  EXPECT_EQ(find_work(jobs[0], "steady"), nullptr);
}

TEST(JobWork, PaysForItsOwnElectricity) {
  RunValue run = job_run();
  SiteTerms& terms = run.fleet.terms[0];
  terms.electricity_usd_per_kwh = 36;  // a cent for a kJ: 120 kJ are $1.20, of which 24 kJ are its
  run.phases[0].draws[0].cost_microusd = 1'200'000 + 120'000;
  const double usd = *find_work(job_work(run)[0], "before")->usd;
  EXPECT_NEAR(usd, 0.24 + 0.12 / 4, 1e-9);
}

TEST(JobWork, OfPooledRunsIsThatOfOne) {
  RunValue pooled = job_run();
  merge(pooled, job_run());
  const JobWork one = job_work(job_run())[0], both = job_work(pooled)[0];
  for (std::size_t i = 0; i < one.phases.size(); ++i) {
    for (const JobFigure& figure : kJobFigures) {
      ASSERT_EQ((one.phases[i].*figure.value).has_value(),
                (both.phases[i].*figure.value).has_value());
      if (!(one.phases[i].*figure.value)) continue;
      EXPECT_DOUBLE_EQ(*(one.phases[i].*figure.value), *(both.phases[i].*figure.value))
          << figure.key;
    }
  }
  RunValue other = job_run();
  other.jobs[0].name = "evaluation";
  EXPECT_THROW(merge(other, job_run()), RunMismatch);
}

TEST(JobWork, IsAbsentWhereNothingIsKnown) {
  EXPECT_TRUE(job_work(lift_run()).empty());
  RunValue run = job_run();
  run.fleet = {};
  for (PhaseSpan& phase : run.phases) phase.draws.clear();
  for (JobPhase& work : run.jobs[0].phases) {
    work.steps = 0;
    work.energy_fj = work.site_energy_fj = std::nullopt;
  }
  const JobPhaseWork before = *find_work(job_work(run)[0], "before");
  EXPECT_EQ(before.usd, std::nullopt);
  EXPECT_EQ(before.kwh, std::nullopt);
  EXPECT_EQ(before.step_s, std::nullopt);
  EXPECT_EQ(before.steps_per_hour, std::nullopt) << "it may have been in the middle of one";
}

// 14.3 of them have room in 50 s, whether 14 end there or 15.
TEST(JobWork, StepsAnHourAreByTheirLength) {
  RunValue run = job_run();
  PhaseSpan& span = run.phases[0];
  JobPhase& work = run.jobs[0].phases[0];
  const double length_s = as_double(span.length_ns) / 1e9;
  for (const std::uint64_t steps : {14, 15}) {
    work.steps = steps;
    work.step_ns = static_cast<std::int64_t>(steps) * 3'500'000'000;
    work.stalled_ns = 0;
    const JobPhaseWork told = job_work(run)[0].phases[0];
    EXPECT_NEAR(*told.steps_per_hour, 3600 / 3.5, 1e-6);
    work.stalled_ns = span.length_ns / 4;
    EXPECT_NEAR(*job_work(run)[0].phases[0].steps_per_hour, 0.75 * 3600 / 3.5, 1e-6) << length_s;
  }
  work.steps = 0;
  work.step_ns = 0;
  work.stalled_ns = span.length_ns;
  EXPECT_EQ(job_work(run)[0].phases[0].steps_per_hour, 0) << "it stood still";
}

// Two replicas are paid for: one is the job's half of the time, and used then; of what serves
// tenants 2,000 of 3,500 tokens/s are.
TEST(PhaseCosts, WhatAJobHasIsUsed) {
  EXPECT_DOUBLE_EQ(*phase_costs(job_run())[0].paid_use_share, (1.5 * 2000 / 3500 + 0.5) / 2);
}

}  // namespace
}  // namespace tokenlift::job_work_test
