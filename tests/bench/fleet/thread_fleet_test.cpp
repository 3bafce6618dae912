// The thread fleet computes for real here (cpu-tiny): what comes out must be everything that went
// in, whatever the scheduling was.

#include "bench/fleet/thread_fleet.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

#include "bench/record/recorder.hpp"
#include "bench/run/capacity.hpp"

namespace tokenlift {
namespace {

Scenario tiny(std::int64_t replicas) {
  Scenario scenario;
  scenario.run.duration_ns = 60'000'000'000;
  scenario.fleet.sites.push_back({"here", replicas, "cpu-tiny", 4, 64, 256});
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.rate.per_s = 1;
  tenant.prompt_tokens.mean = 20;
  tenant.prompt_tokens.max = 20;
  tenant.output_tokens.mean = 5;
  tenant.output_tokens.max = 5;
  tenant.max_tokens = 5;
  scenario.tenants.push_back(tenant);
  return scenario;
}

/// The parts of all steps are there, apart by what was computed in them, and until they are
/// forgotten. Prompts that were computed again are parts of their own.
void expect_costs(ThreadFleet& fleet, const StepTimes& times) {
  const StepCosts costs = fleet.step_costs().front();
  std::int64_t decoded = 0;
  double ns = 0;
  for (const auto& [kind, parts] : costs.kinds) {
    EXPECT_GT(parts.count, 0);
    EXPECT_GE(parts.square_ns2 * static_cast<double>(parts.count), parts.ns * parts.ns * 0.999);
    EXPECT_GE(kind.busy, 1);
    EXPECT_LE(kind.busy, 8);
    ns += parts.ns;
    if (!kind.prompts) decoded += kind.size * parts.count;
  }
  EXPECT_GT(decoded, 0);
  EXPECT_LE(decoded, times.decode_tokens);
  EXPECT_GE(decoded, times.decode_tokens * 9 / 10) << "but for what a recomputed prompt emits";
  EXPECT_GT(ns, 0);
  EXPECT_LE(ns, static_cast<double>(times.decode_ns + times.prompt_ns));
  fleet.forget_step_costs();
  EXPECT_TRUE(fleet.step_costs().front().kinds.empty());
}

/// Sends `requests` in two batches and collects every completion.
std::vector<News> serve(const Scenario& scenario, std::uint32_t requests,
                              std::int32_t output_tokens, TokenRecord& record,
                              const RecordingGrid& grid) {
  const auto replicas = static_cast<std::uint32_t>(scenario.fleet.sites[0].replicas);
  WeightStore weights;
  RealClock clock;
  ThreadFleet fleet(scenario, grid, clock, weights);
  clock.start();
  std::vector<News> done;
  std::uint32_t sent = 0;
  while (done.size() < requests) {
    // The second batch comes when the first has ended: idle replicas must wake up again.
    if (sent == done.size()) {
      for (std::uint32_t n = 0; n < requests / 2; ++n, ++sent) {
        fleet.submit({sent, 20, output_tokens, sent, 0, 0}, sent % replicas, clock.now_ns());
      }
    }
    const std::int64_t now_ns = clock.wait(clock.now_ns() + 1'000'000'000);
    for (const News& completion : fleet.advance(now_ns)) done.push_back(completion);
  }
  StepTimes times;
  for (const StepTimes& of_replica : fleet.step_times()) times += of_replica;
  EXPECT_EQ(times.decode_tokens, static_cast<std::int64_t>(requests) * (output_tokens - 1));
  EXPECT_EQ(times.prompt_tokens, static_cast<std::int64_t>(requests) * 20);
  EXPECT_GT(times.decode_ns, 0);
  EXPECT_GT(times.prompt_ns, 0);
  EXPECT_LE(times.decode_ns + times.prompt_ns, replicas * clock.now_ns());
  expect_costs(fleet, times);
  fleet.stop(clock.now_ns(), record);
  return done;
}

void expect_all_served(std::int64_t replicas) {
  const Scenario scenario = tiny(replicas);
  const RecordingGrid grid = make_grid(scenario);
  TokenRecord record(grid);
  constexpr std::uint32_t kRequests = 200;
  const auto done = serve(scenario, kRequests, 5, record, grid);
  std::set<RequestId> ids;
  for (const News& completion : done) {
    EXPECT_TRUE(ids.insert(completion.id).second) << "nobody completes twice";
    EXPECT_EQ(completion.replica, completion.id % replicas);
    EXPECT_LT(completion.scheduled_ns, completion.first_token_ns);
    EXPECT_LT(completion.first_token_ns, completion.at_ns);
  }
  EXPECT_EQ(ids.size(), kRequests);
  Recorder recorder(scenario, grid);
  const Run run = recorder.finish(grid.phases[0].end_ns, record);
  EXPECT_EQ(run.tenants[0].phases[0].output_tokens, kRequests * 5U);
  EXPECT_EQ(run.tenants[0].phases[0].of(Metric::itl).count(), kRequests * 4U);
}

TEST(ThreadFleet, ServesEverybodyOnce) {
  expect_all_served(1);
}

TEST(ThreadFleet, ReplicasTakeTurnsWhereThereAreMoreThanCores) {
  expect_all_served(2 * std::max(1U, std::thread::hardware_concurrency()) + 1);
}

// 4 sequences of 20 + 60 tokens do not fit into 256 tokens: somebody is preempted and recomputed.
TEST(ThreadFleet, PreemptedSequencesGetAllTheirTokens) {
  const Scenario scenario = tiny(2);
  const RecordingGrid grid = make_grid(scenario);
  TokenRecord record(grid);
  const auto done = serve(scenario, 40, 60, record, grid);
  EXPECT_EQ(done.size(), 40U);
}

// Any gap is longer than a nanosecond, and none is longer than a day; preempted or not.
TEST(ThreadFleet, CountsTheGapsThatAreLongerThanTheObjective) {
  for (const auto& [objective_ns, late] :
       {std::pair<std::int64_t, std::int32_t>{1, 59}, {86'400'000'000'000, 0}}) {
    Scenario scenario = tiny(2);
    scenario.tenants[0].slo.itl_ns = objective_ns;
    const RecordingGrid grid = make_grid(scenario);
    TokenRecord record(grid);
    for (const News& completion : serve(scenario, 40, 60, record, grid)) {
      EXPECT_EQ(completion.count, late);
    }
  }
}

TEST(ThreadFleet, AnnouncesStartsBeforeCompletionsAndReusesWhatWasComputed) {
  Scenario scenario = tiny(1);
  scenario.fleet.sites[0].prefix_cache_tokens = 1000;
  const RecordingGrid grid = make_grid(scenario);
  WeightStore weights;
  RealClock clock;
  ThreadFleet fleet(scenario, grid, clock, weights);
  clock.start();
  constexpr int kTurns = 20;
  std::int32_t known_tokens = 0;
  for (RequestId turn = 0; turn < kTurns; ++turn) {
    const Prefix prefix{7, known_tokens, {}};
    const std::int32_t prompt_tokens = known_tokens + 6;
    fleet.submit({turn, prompt_tokens, 5, turn, 0, 0, &prefix, /*announce=*/true}, 0,
                 clock.now_ns());
    std::vector<News> starts;
    std::vector<News> done;
    while (done.empty()) {
      const std::int64_t now_ns = clock.wait(clock.now_ns() + 1'000'000'000);
      for (const News& news : fleet.advance(now_ns)) {
        (news.kind == NewsKind::started ? starts : done).push_back(news);
      }
    }
    ASSERT_EQ(starts.size(), 1U);
    EXPECT_EQ(starts[0].id, turn);
    EXPECT_EQ(starts[0].scheduled_ns, done[0].scheduled_ns);
    EXPECT_EQ(starts[0].count, turn == 0 ? 0 : known_tokens - 1);
    known_tokens = prompt_tokens + 5;
  }
}

TEST(ThreadFleet, StopsInTheMiddleOfItsWork) {
  const Scenario scenario = tiny(2);
  const RecordingGrid grid = make_grid(scenario);
  WeightStore weights;
  RealClock clock;
  TokenRecord record(grid);
  ThreadFleet fleet(scenario, grid, clock, weights);
  clock.start();
  for (RequestId id = 0; id < 1000; ++id) fleet.submit({id, 20, 200, id, 0, 0}, id % 2, 0);
  while (fleet.advance(0).empty()) clock.wait(clock.now_ns() + 1'000'000'000);
  const std::int64_t end_ns = clock.now_ns();
  fleet.stop(end_ns, record);
  Recorder recorder(scenario, grid);
  const auto run = recorder.finish(end_ns, record);
  EXPECT_LT(fleet_record(run, 0).output_tokens, 1000U * 200U);
  EXPECT_LE(run.phases[0].busy_ns, run.phases[0].replica_ns) << "nothing counts beyond the end";
}

TEST(Capacity, MeasuringStopsWhenTold) {
  WeightStore weights;
  const std::atomic<bool> stop{true};
  EXPECT_FALSE(measure_capacity(tiny(2), {2}, weights, stop));
}

}  // namespace
}  // namespace tokenlift
