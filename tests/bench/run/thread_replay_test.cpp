// What was recorded in real time, of replicas that compute (cpu-tiny), told once more: the loop and
// the replicas decide the same. Nothing here depends on how fast the machine is.

#include "bench/fleet/thread_fleet.hpp"
#include "tests/bench/run/replay.hpp"

namespace tokenlift::thread_replay_test {
namespace {

TEST(ThreadReplay, ALoopInRealTimeDecidesTheSameOnceMore) {
  WeightStore weights;
  for (const RouterPolicy router : {RouterPolicy::shared_queue, RouterPolicy::least_loaded}) {
    Scenario scenario = eventful_scenario(router);
    if (router == RouterPolicy::least_loaded) add_fleet_events(scenario);
    const RecordingGrid grid = make_grid(scenario);
    RealClock clock;
    ThreadFleet fleet(scenario, grid, clock, weights);
    clock.start();
    expect_replay(scenario, clock, fleet);
  }
}

// Any two of these requests outgrow the cache together, and all are there from the start.
TEST(ThreadReplay, ReplicasInRealTimePreemptTheSameOnceMore) {
  constexpr std::int32_t kPrompt = 20;
  constexpr std::int32_t kOutput = 60;
  constexpr RequestId kRequests = 60;
  const ReplicaLimits limits{4, 32, kPrompt + kOutput + 20};
  Scenario scenario = eventful_scenario(RouterPolicy::least_loaded);
  scenario.fleet.sites = {
      {"here", 2, "cpu-tiny", limits.max_batch, limits.max_step_tokens, limits.kv_tokens}};
  const RecordingGrid grid = make_grid(scenario);
  WeightStore weights;
  std::vector<ReplicaLog> logs(2);
  RealClock clock;
  ThreadFleet fleet(scenario, grid, clock, weights);
  for (std::uint32_t replica = 0; replica < 2; ++replica) fleet.watch(replica, logs[replica]);
  clock.start();
  for (RequestId id = 0; id < kRequests; ++id) {
    fleet.submit({id, kPrompt, kOutput, id, 0, 0}, id % 2, clock.now_ns());
  }
  for (std::size_t completed = 0; completed < kRequests;) {
    completed += fleet.advance(clock.wait(clock.now_ns() + 1'000'000'000)).size();
  }
  TokenRecord record(grid);
  fleet.stop(clock.now_ns(), record);
  for (const ReplicaLog& log : logs) {
    EXPECT_GT(log.preempted(), 0U);
    log.expect_replay(limits);
  }
}

}  // namespace
}  // namespace tokenlift::thread_replay_test
