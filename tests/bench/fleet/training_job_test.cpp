// Training beside what tenants ask for: its steps against schedules worked out by hand.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "tests/bench/fleet/random_scenario.hpp"
#include "tests/bench/run/virtual_run.hpp"
#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift::training_job_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

constexpr std::int64_t kMs = kMillisecond;
constexpr std::int64_t kS = kSecond;
constexpr std::int64_t kW = 1'000;                          // mW
constexpr WideSum kJoule = WideSum{1'000'000'000'000'000};  // fJ

/// A hall of one replica for tenants, and a lab of three that a job has: steps of 2 s, and 0.5 s in
/// which they exchange. 1 ms for a prefilled token, 10 ms for a decode step, 4 places; idle 100 W,
/// prompts 700 W.
Scenario hall_and_lab() {
  Scenario scenario;
  scenario.name = "lab";
  scenario.run.engine = Engine::simulated;
  scenario.run.duration_ns = 10 * kS;
  scenario.run.cooldown_max_ns = kS;
  Profile profile;
  profile.name = "gpu";
  profile.cost = CostModel{10'000'000'000, 0, 0, 0, 1'000'000'000, 0};
  profile.accelerator = Accelerator{"GPU", 1, 1, 1, 1, 700, AcceleratorPower{}};
  profile.accelerator->power->idle_w = 100;
  profile.accelerator->power->prompt_w = 700;
  profile.accelerator->power->decode_low_w = 200;
  profile.accelerator->power->decode_high_w = 400;
  scenario.profiles = {profile};
  Site hall;
  hall.name = "hall";
  hall.profile = "gpu";
  hall.max_batch = 4;
  hall.max_step_tokens = 1000;
  hall.kv_tokens = 1'000'000;
  Site lab = hall;
  lab.name = "lab";
  lab.replicas = 3;
  scenario.fleet.sites = {hall, lab};
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.process = Process::constant;
  tenant.arrivals.rate.per_s = 1;
  tenant.prompt_tokens.mean = 10;
  tenant.prompt_tokens.max = 10;
  tenant.output_tokens = tenant.prompt_tokens;
  tenant.max_tokens = 10;
  scenario.tenants = {tenant};
  Job job;
  job.name = "training";
  job.site = "lab";
  job.replicas = 3;
  job.step_ns = 2 * kS;
  job.interconnect_ns = kS / 2;
  scenario.jobs = {job};
  return scenario;
}

Event lab_event(EventKind kind, std::int64_t at_ns) {
  Event event;
  event.kind = kind;
  event.at_ns = at_ns;
  event.site = "lab";
  return event;
}

/// Of the job, over the whole run, which must be one phase; the same whether it jumps or steps.
JobPhase work_of(const Scenario& scenario) {
  const RunValue jumped = play_virtual(scenario);
  EXPECT_TRUE(jumped == play_virtual(scenario, Stepping::each));
  EXPECT_EQ(jumped.phases.size(), 1U);
  EXPECT_EQ(jumped.jobs.size(), 1U);
  return jumped.jobs.at(0).phases.at(0);
}

/// The same of a run that an event divides, all phases together.
JobPhase sum_of(const RunValue& run) {
  JobPhase sum;
  for (const JobPhase& phase : run.jobs.at(0).phases) merge(sum, phase);
  return sum;
}

// Steps end at 2.5, 5 and 7.5 s; the one that ends at 10 s ends after the phase.
TEST(TrainingJob, StepsAtThePaceOfItsReplicasPlusTheInterconnect) {
  const JobPhase work = work_of(hall_and_lab());
  EXPECT_EQ(work.steps, 3U);
  EXPECT_EQ(work.step_ns, 7500 * kMs);
  EXPECT_EQ(work.replica_ns, 30 * kS);
  EXPECT_EQ(work.stalled_ns, 0);
  EXPECT_EQ(work.lost, 0U);
  EXPECT_EQ(work.energy_fj, std::nullopt);
}

TEST(TrainingJob, OfFewerReplicasThanItsOwnTakesLonger) {
  Scenario scenario = hall_and_lab();
  scenario.fleet.sites[1].at_start = 2;
  JobPhase work = work_of(scenario);  // 3 s + 0.5 s
  EXPECT_EQ(work.steps, 2U);
  EXPECT_EQ(work.step_ns, 7 * kS);
  EXPECT_EQ(work.replica_ns, 20 * kS);
  scenario.fleet.sites[1].at_start = 1;
  work = work_of(scenario);  // 6 s, and nobody to exchange with
  EXPECT_EQ(work.steps, 1U);
  EXPECT_EQ(work.step_ns, 6 * kS);
  EXPECT_EQ(work.stalled_ns, 0);
}

// All three join at 3 s: nothing before, and steps that end at 5.5 and 8 s.
TEST(TrainingJob, StandsStillWhereItHasNoReplica) {
  Scenario scenario = hall_and_lab();
  scenario.fleet.sites[1].at_start = 0;
  scenario.events = {lab_event(EventKind::join, 3 * kS)};
  scenario.run.settle_ns = kS;
  const RunValue run = play_virtual(scenario);
  EXPECT_EQ(run.jobs[0].phases[0].stalled_ns, 3 * kS);
  const JobPhase work = sum_of(run);
  EXPECT_EQ(work.steps, 2U);
  EXPECT_EQ(work.stalled_ns, 3 * kS);
  EXPECT_EQ(work.replica_ns, 21 * kS);
}

// One of three takes twice as long from 3 s on, and with it all, from the step on that begins at 5
// s (4 s + 0.5 s); it is over by then.
TEST(TrainingJob, IsAsSlowAsItsSlowestReplicaFromTheNextStepOn) {
  Scenario scenario = hall_and_lab();
  Event slow = lab_event(EventKind::slow, 3 * kS);
  slow.replicas = 1;
  slow.prefill_ppm = 2'000'000;
  slow.for_ns = 4 * kS;
  scenario.events = {slow};
  scenario.run.settle_ns = kS;
  const JobPhase work = sum_of(play_virtual(scenario));
  EXPECT_EQ(work.steps, 3U);  // 2.5, 5, 9.5 s
  EXPECT_EQ(work.step_ns, 9500 * kMs);
  EXPECT_EQ(work.stalled_ns, 0);
}

// One fails at 4 s: what was computed since 2.5 s is lost. The two others need 3 s + 0.5 s, until
// 7.5 s, when the one is there again since 7 s; then 2.5 s.
TEST(TrainingJob, LosesTheStepThatAFailureCuts) {
  Scenario scenario = hall_and_lab();
  Event fail = lab_event(EventKind::fail, 4 * kS);
  fail.replicas = 1;
  fail.in_flight = InFlight::drop;
  fail.for_ns = 3 * kS;
  scenario.events = {fail};
  scenario.run.settle_ns = kS;
  scenario.run.duration_ns = 11 * kS;
  const JobPhase work = sum_of(play_virtual(scenario));
  EXPECT_EQ(work.lost, 1U);
  EXPECT_EQ(work.stalled_ns, 1500 * kMs);
  EXPECT_EQ(work.steps, 3U);
  EXPECT_EQ(work.step_ns, 2500 * kMs + 3500 * kMs + 2500 * kMs);
  EXPECT_EQ(work.replica_ns, 33 * kS - 3 * kS);
}

// Two leave at 4 s: they are in the step that ends at 5 s, and then one needs 6 s.
TEST(TrainingJob, LetsReplicasGoAtTheEndOfAStep) {
  Scenario scenario = hall_and_lab();
  Event leave = lab_event(EventKind::leave, 4 * kS);
  leave.replicas = 2;
  scenario.events = {leave};
  scenario.run.settle_ns = kS;
  scenario.run.duration_ns = 12 * kS;
  const JobPhase work = sum_of(play_virtual(scenario));
  EXPECT_EQ(work.steps, 3U);
  EXPECT_EQ(work.step_ns, 11 * kS);
  EXPECT_EQ(work.replica_ns, 3 * 5 * kS + 7 * kS);
}

// 10 s of 300 W idle, and 8 s in four steps (the last one is computed by 9.5 s) of 1,800 W more.
TEST(TrainingJob, DrawsWhatPromptsDrawWhileItComputes) {
  Scenario scenario = hall_and_lab();
  scenario.fleet.sites[1].power = PowerSettings{};
  scenario.fleet.sites[1].power->pue = 1.5;
  scenario.fleet.sites[1].power->per_accelerator_mw = 20 * kW;
  const JobPhase work = work_of(scenario);
  const WideSum joules = 300 * 10 + 1800 * 8;
  EXPECT_EQ(work.energy_fj, joules * kJoule);
  EXPECT_EQ(work.site_energy_fj, (joules + 3 * 20 * 10) * kJoule * 3 / 2);
  const RunValue run = play_virtual(scenario);
  ASSERT_EQ(run.phases[0].draws.size(), 2U);
  EXPECT_EQ(run.phases[0].draws[1].energy_fj, work.energy_fj);
  EXPECT_EQ(run.phases[0].draws[1].site_energy_fj, work.site_energy_fj);
  EXPECT_EQ(run.phases[0].draws[1].replica_ns, 30 * kS);
  EXPECT_EQ(run.phases[0].replica_ns, 10 * kS) << "what serves tenants is the hall alone";
}

// 1,500 W leave 1,200 of 1,800 W: computing takes 1.5 times as long, 3 s, from the start on.
TEST(TrainingJob, IsHeldBackByTheLimitOfItsSite) {
  Scenario scenario = hall_and_lab();
  scenario.fleet.sites[1].power = PowerSettings{};
  scenario.fleet.sites[1].power->limit_mw = 1500 * kW;
  const JobPhase work = work_of(scenario);
  EXPECT_EQ(work.steps, 2U);  // 3.5 and 7 s
  EXPECT_EQ(work.step_ns, 7 * kS);
  const RunValue run = play_virtual(scenario);
  const SiteDraw& draw = run.phases[0].draws[1];
  EXPECT_EQ(draw.slowed_replica_ns, 3 * 9 * kS);  // 3 + 3 + 3 s of computing until 10 s
  EXPECT_EQ(draw.lost_replica_ns, 3 * 3 * kS);
  EXPECT_EQ(draw.largest_mw, 1500 * kW);
  EXPECT_EQ(draw.exceeded_ns, 0);
  EXPECT_EQ(work.energy_fj, (300 * 10 + 1200 * 9) * kJoule);
}

TEST(TrainingJob, IsInTheSeries) {
  const RunValue run = play_virtual(hall_and_lab());
  const std::vector<std::int64_t>* const replicas = find_column(run.series.columns, "job_replicas");
  const std::vector<std::int64_t>* const steps = find_column(run.series.columns, "job_steps");
  ASSERT_NE(replicas, nullptr);
  ASSERT_NE(steps, nullptr);
  EXPECT_EQ(replicas->front(), 3);
  EXPECT_EQ(replicas->back(), 3);
  std::int64_t sum = 0;
  for (const std::int64_t count : *steps) sum += count;
  EXPECT_EQ(sum, 4) << "the one that ends with the run counts in its last bin";
}

TEST(TrainingJob, ChangesNothingOfARunWithoutOne) {
  Scenario scenario = hall_and_lab();
  scenario.jobs.clear();
  const RunValue run = play_virtual(scenario);
  EXPECT_TRUE(run.jobs.empty());
  EXPECT_EQ(find_column(run.series.columns, "job_steps"), nullptr);
  EXPECT_EQ(to_json(run).find("job"), std::string::npos);
}

// 24 requests a second of 0.6 s each, and four places: at 1 s it is seen that they lack replicas.
// The step ends at 2.5 s; from then on one replica trains (6 s a step) and three serve. From 4 s on
// nobody asks; the two are back before the step at 8.5 s has ended, and then three take 2.5 s.
TEST(TrainingJob, YieldsWhileTenantsNeedItsReplicas) {
  Scenario scenario = hall_and_lab();
  scenario.run.duration_ns = 12 * kS;
  scenario.fleet.sites.erase(scenario.fleet.sites.begin());
  scenario.fleet.sites[0].replicas = 4;
  scenario.fleet.router = RouterPolicy::shared_queue;
  Job& job = scenario.jobs[0];
  job.yields = 2;
  job.control_ns = kS;
  Tenant& users = scenario.tenants[0];
  users.output_tokens.mean = 60;
  users.output_tokens.max = 60;
  users.arrivals.rate.per_s = 24;
  users.arrivals.shape = Shape{};
  users.arrivals.shape->steps = {{4 * kS, 1e-6}};
  const JobPhase work = work_of(scenario);
  EXPECT_EQ(work.steps, 3U);
  EXPECT_EQ(work.step_ns, 2500 * kMs + 6 * kS + 2500 * kMs);
  EXPECT_EQ(work.stalled_ns, 0);
  EXPECT_EQ(work.lost, 0U);
}

// Whatever happens: each replica that is there is a tenant's or a job's, and never both.
RC_GTEST_PROP(TrainingJob, EachReplicaIsSomebodys, ()) {
  Scenario scenario = hall_and_lab();
  scenario.run.duration_ns = 5 * kS;
  Job& job = scenario.jobs[0];
  job.replicas = *rc::gen::inRange<std::int64_t>(1, 4);
  job.yields = *rc::gen::inRange<std::int64_t>(0, job.replicas + 1);
  job.step_ns = *rc::gen::element<std::int64_t>(10 * kMs, 333'333'333, 2 * kS);
  job.interconnect_ns = *rc::gen::element<std::int64_t>(0, 7'000'001);
  job.control_ns = *rc::gen::element<std::int64_t>(10 * kMs, 250 * kMs, kS);
  scenario.fleet.load_report_interval_ns = *rc::gen::element<std::int64_t>(0, 30 * kMs);
  scenario.fleet.sites[1].power = PowerSettings{};
  scenario.tenants[0].arrivals.rate.per_s = *rc::gen::element(1.0, 40.0, 200.0);
  scenario.tenants[0].arrivals.shape = Shape{};
  scenario.tenants[0].arrivals.shape->steps = {{2 * kS, 0.01}, {4 * kS, 1.0}};
  const RunValue run = play_virtual(scenario, *rc::gen::element(Stepping::jump, Stepping::each));
  const JobPhase& work = run.jobs[0].phases[0];
  const PhaseSpan& phase = run.phases[0];
  RC_ASSERT((phase.replica_ns + work.replica_ns == 4 * phase.length_ns));
  RC_ASSERT((phase.draws[1].replica_ns == 3 * phase.length_ns));
  RC_ASSERT((work.replica_ns >= (job.replicas - job.yields) * phase.length_ns));
  RC_ASSERT((work.stalled_ns <= phase.length_ns));
  RC_ASSERT((work.step_ns <= phase.length_ns));
}

}  // namespace
}  // namespace tokenlift::training_job_test
