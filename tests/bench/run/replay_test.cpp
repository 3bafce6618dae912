// What was recorded in virtual time, told once more: the loop's decisions (admit, route) and a
// replica's (admit, preempt, decode, prefill) come out the same. thread_replay_test.cpp does so for
// real time.

#include "tests/bench/run/replay.hpp"

#include <rapidcheck/gtest.h>

#include <deque>

#include "bench/fleet/null_fleet.hpp"
#include "bench/fleet/step_replica.hpp"
#include "bench/fleet/virtual_fleet.hpp"
#include "tests/bench/fleet/news.hpp"

namespace tokenlift::replay_test {
namespace {

constexpr RouterPolicy kRouters[] = {RouterPolicy::shared_queue, RouterPolicy::round_robin,
                                     RouterPolicy::random,       RouterPolicy::power_of_two,
                                     RouterPolicy::least_loaded, RouterPolicy::session_affinity,
                                     RouterPolicy::spill};

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
      for (const bool changes : {false, true}) {
        Scenario scenario = in_virtual_time(eventful_scenario(router));
        if (changes) add_fleet_events(scenario);
        scenario.fleet.load_report_interval_ns = interval_ns;
        const RecordingGrid grid = make_grid(scenario);
        Workers workers(1);
        const auto fleet = make_virtual_fleet(scenario, grid, workers);
        VirtualClock clock;
        expect_replay(scenario, clock, *fleet);
      }
    }
  }
}

TEST(Replay, StartsArePassedOnAndToldOnceMore) {
  const RecordingGrid grid = make_grid(in_virtual_time(eventful_scenario(kRouters[0])));
  NullFleet fleet(1, grid);
  LoopLog recorded;
  RecordingFleet recording(fleet, recorded);
  LoopLog replayed;
  ReplayFleet replay(recorded, replayed);
  const auto ids = [](std::span<const News> told) {
    std::vector<RequestId> started;
    for (const News& start : of_kind(NewsKind::started, told)) started.push_back(start.id);
    return started;
  };
  using Ids = std::vector<RequestId>;
  std::vector<Ids> heard;
  for (RequestId id = 0; id < 3; ++id) {
    Work work{id, 10, 5, id, 0, 0};
    work.announce = id != 1;
    recording.submit(work, 0, id);
    heard.push_back(ids(recording.advance(id)));
  }
  EXPECT_EQ(heard, (std::vector<Ids>{{0}, {}, {2}}));
  for (const Ids& expected : heard) {
    EXPECT_EQ(ids(replay.advance(0)), expected);
  }
  EXPECT_TRUE(replay.advance(0).empty()) << "beyond the end of the record";
}

/// Requests that come at random and do not fit together: a log with preemptions in it. Some are
/// turns of conversations, whose prefixes must be there for as long as the log.
void serve(StepReplica& replica, const RecordingGrid& grid, int requests, std::int64_t room,
           std::deque<Prefix>& prefixes) {
  TokenRecord record(grid);
  std::vector<News> done;
  std::int64_t now_ns = 0;
  for (int i = 0; i < requests; ++i) {
    const auto prompt = *rc::gen::inRange<std::int64_t>(1, room / 2);
    const auto output = *rc::gen::inRange<std::int64_t>(1, room - prompt + 1);
    now_ns += *rc::gen::inRange<std::int64_t>(0, 20'000'000);
    replica.advance(now_ns, record, done);
    RequestContext context;
    if (*rc::gen::arbitrary<bool>()) {
      const auto known = static_cast<std::int32_t>(*rc::gen::inRange<std::int64_t>(0, prompt));
      prefixes.push_back({*rc::gen::inRange<std::uint64_t>(1, 4), known, {}});
      context.prefix = &prefixes.back();
    }
    replica.submit({static_cast<RequestId>(i), 0, static_cast<std::int32_t>(prompt),
                    static_cast<std::int32_t>(output), now_ns},
                   context);
  }
  while (now_ns != kNever) now_ns = replica.advance(now_ns, record, done);
  RC_ASSERT(done.size() == static_cast<std::size_t>(requests));
}

RC_GTEST_PROP(Replay, AReplicaInVirtualTimeDecidesTheSameOnceMore, ()) {
  const Scenario scenario = in_virtual_time(eventful_scenario(RouterPolicy::least_loaded));
  const auto room = *rc::gen::element<std::int64_t>(40, 100, 1000);
  const ReplicaLimits limits{*rc::gen::inRange<std::int64_t>(1, 6),
                             *rc::gen::element<std::int64_t>(1, 16, 1000), room,
                             *rc::gen::element<std::int64_t>(0, 60, 1000)};
  const SiteModel model(limits, price_of(scenario.profiles[0]));
  StepReplica replica(model, std::pmr::get_default_resource());
  ReplicaLog log;
  replica.watch(log);
  const RecordingGrid grid = make_grid(scenario);
  std::deque<Prefix> prefixes;
  serve(replica, grid, 30, room, prefixes);
  RC_CLASSIFY(log.preempted() > 0, "with preemptions");
  log.expect_replay(limits);
  RC_ASSERT(!testing::Test::HasFailure());
}

}  // namespace
}  // namespace tokenlift::replay_test
