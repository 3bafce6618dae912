// What was recorded in virtual time, told once more: the loop's decisions (admit, route) and a
// replica's (admit, preempt, decode, prefill) come out the same. thread_replay_test.cpp does so for
// real time.

#include "tests/replay.hpp"

#include <rapidcheck/gtest.h>

#include "bench/step_replica.hpp"
#include "bench/virtual_fleet.hpp"

namespace tokenlift {
namespace {

constexpr RouterPolicy kRouters[] = {RouterPolicy::shared_queue, RouterPolicy::round_robin,
                                     RouterPolicy::random, RouterPolicy::power_of_two,
                                     RouterPolicy::least_loaded};

Scenario in_virtual_time(Scenario scenario) {
  scenario.run.engine = Engine::simulated;
  Profile profile;
  profile.name = scenario.fleet.sites[0].profile;
  // 5 to 10 ms a step: some 25 requests/s for each of six places.
  profile.cost = CostModel{5'000'000'000, 200'000'000, 10'000'000, 1'000'000'000, 100'000'000, 3};
  scenario.profiles.push_back(profile);
  return scenario;
}

TEST(Replay, ALoopInVirtualTimeDecidesTheSameOnceMore) {
  for (const RouterPolicy router : kRouters) {
    for (const std::int64_t interval_ns : {0, 7'000'000}) {
      SCOPED_TRACE(testing::Message() << "router " << static_cast<int>(router) << ", reports every "
                                      << interval_ns << " ns");
      Scenario scenario = in_virtual_time(eventful_scenario(router));
      scenario.fleet.load_report_interval_ns = interval_ns;
      const RecordingGrid grid = make_grid(scenario);
      Workers workers(1);
      const auto fleet = make_virtual_fleet(scenario, grid, workers);
      VirtualClock clock;
      expect_replay(scenario, clock, *fleet);
    }
  }
}

/// Requests that come at random and do not fit together: a log with preemptions in it.
void serve(StepReplica& replica, const RecordingGrid& grid, int requests, std::int64_t room) {
  TokenRecord record(grid);
  std::vector<Completion> done;
  std::int64_t now_ns = 0;
  for (int i = 0; i < requests; ++i) {
    const auto prompt = *rc::gen::inRange<std::int64_t>(1, room / 2);
    const auto output = *rc::gen::inRange<std::int64_t>(1, room - prompt + 1);
    now_ns += *rc::gen::inRange<std::int64_t>(0, 20'000'000);
    replica.advance(now_ns, record, done);
    replica.submit({static_cast<RequestId>(i), 0, static_cast<std::int32_t>(prompt),
                    static_cast<std::int32_t>(output), now_ns});
  }
  while (now_ns != kNever) now_ns = replica.advance(now_ns, record, done);
  RC_ASSERT(done.size() == static_cast<std::size_t>(requests));
}

RC_GTEST_PROP(Replay, AReplicaInVirtualTimeDecidesTheSameOnceMore, ()) {
  const Scenario scenario = in_virtual_time(eventful_scenario(RouterPolicy::least_loaded));
  const auto room = *rc::gen::element<std::int64_t>(40, 100, 1000);
  const ReplicaLimits limits{*rc::gen::inRange<std::int64_t>(1, 6),
                             *rc::gen::element<std::int64_t>(1, 16, 1000), room};
  const SiteModel model(limits, *scenario.profiles[0].cost);
  StepReplica replica(model, std::pmr::get_default_resource());
  ReplicaLog log;
  replica.watch(log);
  const RecordingGrid grid = make_grid(scenario);
  serve(replica, grid, 30, room);
  RC_CLASSIFY(log.preempted() > 0, "with preemptions");
  log.expect_replay(limits);
  RC_ASSERT(!testing::Test::HasFailure());
}

}  // namespace
}  // namespace tokenlift
