// Who has the replicas of jobs, look by look.

#include "bench/run/jobs.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tokenlift::jobs_test {
namespace {

using Kind = ReplicaChange::Kind;

/// Five replicas with four places, of which a job has the last four and yields three.
Scenario one_site() {
  Scenario scenario;
  scenario.run.engine = Engine::simulated;
  scenario.run.duration_ns = 1'000'000'000;
  Site site;
  site.name = "hall";
  site.replicas = 5;
  site.max_batch = 4;
  scenario.fleet.sites = {site};
  scenario.tenants.resize(1);
  Job job;
  job.name = "training";
  job.site = "hall";
  job.replicas = 4;
  job.yields = 3;
  scenario.jobs = {job};
  return scenario;
}

std::vector<std::uint32_t> replicas_of(const std::vector<Jobs::Decision>& decisions,
                                       Jobs::Step step) {
  std::vector<std::uint32_t> replicas;
  for (const Jobs::Decision& decision : decisions) {
    if (decision.step == step) replicas.push_back(decision.replica);
  }
  EXPECT_EQ(replicas.size(), decisions.size());
  return replicas;
}

using Replicas = std::vector<std::uint32_t>;

TEST(Jobs, GiveUpAsManyAsTheOthersWouldFillAndNoMoreThanTheyYield) {
  const Scenario scenario = one_site();
  for (const auto& [requests, expected] :
       {std::pair(4, Replicas{}), std::pair(5, Replicas{1}), std::pair(8, Replicas{1}),
        std::pair(9, Replicas{1, 2}), std::pair(100, Replicas{1, 2, 3})}) {
    Jobs jobs(scenario);
    EXPECT_EQ(replicas_of(jobs.look(0, {requests, 4}), Jobs::Step::give_up), expected) << requests;
  }
}

TEST(Jobs, WhatIsUnderWayCounts) {
  const Scenario scenario = one_site();
  Jobs jobs(scenario);
  jobs.look(0, {8, 4});
  EXPECT_TRUE(jobs.look(0, {8, 4}).empty()) << "the one that is given up has places for four";
  const std::vector<ReplicaChange> changes = jobs.hand_over(0);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].replica, 1U);
  EXPECT_EQ(changes[0].kind, Kind::serve);
  EXPECT_EQ(changes[0].job, std::nullopt);
  EXPECT_TRUE(jobs.hand_over(0).empty()) << "once";
}

TEST(Jobs, TakeBackWhatHalfOfThePlacesThatAreLeftDoWithout) {
  const Scenario scenario = one_site();
  Jobs jobs(scenario);
  jobs.look(0, {100, 4});
  jobs.hand_over(0);  // 1, 2 and 3; 16 places
  EXPECT_TRUE(jobs.look(0, {7, 16}).empty()) << "more than half of 12";
  EXPECT_EQ(replicas_of(jobs.look(0, {5, 16}), Jobs::Step::close), (Replicas{3}));
  EXPECT_TRUE(jobs.is_closed(3));
  EXPECT_EQ(jobs.closed(0), (Replicas{3}));
  const std::vector<ReplicaChange> changes = jobs.take_back(3);
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].kind, Kind::leave);
  EXPECT_EQ(changes[0].job, std::nullopt);
  EXPECT_EQ(changes[1].kind, Kind::serve);
  EXPECT_EQ(changes[1].job, 0U);
  EXPECT_FALSE(jobs.is_closed(3));
  EXPECT_EQ(replicas_of(jobs.look(0, {0, 12}), Jobs::Step::close), (Replicas{2, 1}));
}

TEST(Jobs, OpenAgainWhatWasClosedBeforeTheyGiveUpMore) {
  const Scenario scenario = one_site();
  Jobs jobs(scenario);
  jobs.look(0, {8, 4});
  jobs.hand_over(0);
  jobs.look(0, {0, 8});
  EXPECT_EQ(replicas_of(jobs.look(0, {6, 4}), Jobs::Step::keep_open), (Replicas{1}));
  const std::vector<Jobs::Decision> both = jobs.look(0, {16, 8});
  EXPECT_EQ(replicas_of(both, Jobs::Step::give_up), (Replicas{2, 3}));
}

TEST(Jobs, WhatIsPlannedIsForWhoHasTheReplica) {
  const Scenario scenario = one_site();
  Jobs jobs(scenario);
  ReplicaChange fails;
  fails.kind = Kind::fail;
  EXPECT_EQ(jobs.meaning(fails), std::vector{fails}) << "no job's";
  fails.replica = 1;
  EXPECT_EQ(jobs.meaning(fails).at(0).job, 0U);
  EXPECT_EQ(replicas_of(jobs.look(0, {8, 4}), Jobs::Step::give_up), (Replicas{2}))
      << "who is not there is not given up";
  jobs.hand_over(0);
  ReplicaChange leaves;
  leaves.kind = Kind::leave;
  leaves.replica = 2;
  EXPECT_EQ(jobs.meaning(leaves), std::vector{leaves}) << "lent to tenants";
  EXPECT_TRUE(jobs.look(0, {0, 4}).empty()) << "and gone: there is nothing to take back";
  ReplicaChange slows;
  slows.kind = Kind::pace;
  slows.replica = 3;
  EXPECT_EQ(jobs.meaning(slows).size(), 2U) << "whoever has it";
}

TEST(Jobs, TwoOnASiteHaveTheirOwn) {
  Scenario scenario = one_site();
  scenario.jobs.push_back(scenario.jobs[0]);
  scenario.jobs[0].replicas = 1;
  scenario.jobs[1].replicas = 2;
  const std::vector<JobPlaces> places = job_places(scenario);
  EXPECT_EQ(places[0].begin, 4U);
  EXPECT_EQ(places[0].end, 5U);
  EXPECT_EQ(places[1].begin, 2U);
  EXPECT_EQ(places[1].end, 4U);
  EXPECT_EQ(replicas_at_start(scenario), (std::vector<std::int64_t>{2}));
  EXPECT_EQ(serving_at_start(scenario), (std::vector<bool>{true, true, false, false, false}));
  const Jobs jobs(scenario);
  EXPECT_EQ(jobs.job_of(1), std::nullopt);
  EXPECT_EQ(jobs.job_of(2), 1U);
}

}  // namespace
}  // namespace tokenlift::jobs_test
