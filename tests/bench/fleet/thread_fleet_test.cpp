// The thread fleet computes for real here (cpu-tiny): what comes out must be everything that went
// in, whatever the scheduling was.

#include "bench/fleet/thread_fleet.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include "bench/record/recorder.hpp"
#include "bench/run/capacity.hpp"

namespace tokenlift::thread_fleet_test {
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

// ------------------------------------------------------------------------ replicas come and go

ReplicaChange change(ReplicaChange::Kind kind, std::uint32_t replica,
                     InFlight in_flight = InFlight::finish) {
  ReplicaChange what;
  what.kind = kind;
  what.replica = replica;
  what.in_flight = in_flight;
  return what;
}

/// A fleet of three places, one of which serves at the start, and what it says of its requests.
class ChangingThreadFleet : public testing::Test {
 protected:
  static constexpr std::int32_t kOutput = 200;  // long enough to be cut in the middle

  ChangingThreadFleet() : scenario(with_one_of_three()), grid(make_grid(scenario)) {
    clock.start();
  }

  static Scenario with_one_of_three() {
    Scenario scenario = tiny(3);
    scenario.fleet.sites[0].at_start = 1;
    scenario.fleet.sites[0].rtt_ns = 1'000'001;
    return scenario;
  }

  void submit(RequestId id, std::uint32_t replica) {
    fleet.submit({id, 20, kOutput, id, 0, 0}, replica, clock.now_ns());
    ++sent;
  }
  void apply(const ReplicaChange& what) { fleet.apply(what, clock.now_ns()); }

  /// Until `count` requests have ended on this fleet; who is returned goes to `replica`.
  void hear(std::size_t count, std::uint32_t replica) {
    while (completed.size() + failed.size() < count) {
      const std::int64_t now_ns =
          clock.wait(std::min(clock.now_ns() + 1'000'000'000, fleet.next_event_ns()));
      const auto span = fleet.advance(now_ns);
      for (const News& news : std::vector<News>(span.begin(), span.end())) {
        if (news.kind == NewsKind::completed) completed.push_back(news);
        if (news.kind == NewsKind::failed) failed.push_back(news);
        if (news.kind != NewsKind::returned) continue;
        returned.push_back(news);
        const Progress progress = fleet.progress(news.id);
        Work work{news.id, 20, kOutput, news.id, 0, 0};
        if (progress.scheduled_ns >= 0) work.progress = &progress;
        fleet.submit(work, replica, now_ns);
      }
    }
  }

  std::int64_t tokens() {
    TokenRecord record(grid);
    fleet.stop(clock.now_ns(), record);
    replica_ns = static_cast<std::int64_t>(record.replica_ns(0));
    return static_cast<std::int64_t>(record.produced(0, 0));
  }

  Scenario scenario;
  RecordingGrid grid;
  WeightStore weights;
  RealClock clock;
  ThreadFleet fleet{scenario, grid, clock, weights};
  std::vector<News> completed, failed, returned;
  std::int64_t sent = 0;
  std::int64_t replica_ns = 0;
};

TEST_F(ChangingThreadFleet, AReplicaThatLeavesFinishesItsRequests) {
  apply(change(ReplicaChange::Kind::serve, 1));
  for (RequestId id = 0; id < 12; ++id) submit(id, id % 2);
  apply(change(ReplicaChange::Kind::leave, 1));
  hear(12, 0);
  EXPECT_EQ(completed.size(), 12U);
  EXPECT_TRUE(failed.empty() && returned.empty());
  const std::int64_t end_ns = clock.now_ns();
  EXPECT_EQ(tokens(), 12 * kOutput);
  EXPECT_LT(replica_ns, 2 * end_ns) << "the one that left served for a part of the time";
}

TEST_F(ChangingThreadFleet, RequestsThatMoveKeepTheirTokens) {
  apply(change(ReplicaChange::Kind::serve, 1));
  for (RequestId id = 0; id < 12; ++id) submit(id, 1);
  // When the first has completed the others of its batch are under way, and the rest waits.
  hear(1, 0);
  apply(change(ReplicaChange::Kind::fail, 1, InFlight::move));
  submit(12, 0);
  hear(13, 0);
  EXPECT_EQ(completed.size(), 13U);
  EXPECT_TRUE(failed.empty());
  for (const News& news : returned) EXPECT_LT(news.count, 20 + kOutput);
  for (const News& news : completed) {
    EXPECT_GE(news.first_token_ns, news.scheduled_ns);
    EXPECT_GE(news.at_ns, news.first_token_ns);
    EXPECT_EQ(news.site, 0);
  }
  EXPECT_EQ(tokens(), 13 * kOutput) << "every token is emitted once";
}

TEST_F(ChangingThreadFleet, RequestsOfAReplicaThatFailsHaveFailed) {
  apply(change(ReplicaChange::Kind::serve, 1));
  for (RequestId id = 0; id < 12; ++id) submit(id, 1);
  hear(1, 0);
  apply(change(ReplicaChange::Kind::fail, 1, InFlight::drop));
  hear(12, 0);
  EXPECT_TRUE(returned.empty());
  EXPECT_EQ(completed.size() + failed.size(), 12U);
  std::int64_t lost = 0;
  for (const News& news : failed) lost += news.count;
  EXPECT_EQ(tokens(), static_cast<std::int64_t>(completed.size()) * kOutput + lost)
      << "the step that was cut emitted nothing";
}

TEST_F(ChangingThreadFleet, AReplicaComesBackAndAnotherPaceLosesNothing) {
  for (int round = 0; round < 5; ++round) {
    ReplicaChange slow = change(ReplicaChange::Kind::pace, 0);
    slow.decode_ppm = slow.prefill_ppm = 1'000'000 + 500'000 * (round % 2);
    apply(slow);
    apply(change(ReplicaChange::Kind::serve, 2));
    for (RequestId id = 0; id < 6; ++id) submit(static_cast<RequestId>(6 * round) + id, id % 2 * 2);
    apply(change(ReplicaChange::Kind::fail, 2, InFlight::move));
    hear(static_cast<std::size_t>(sent), 0);
  }
  EXPECT_EQ(completed.size(), 30U);
  EXPECT_EQ(tokens(), 30 * kOutput);
}

}  // namespace
}  // namespace tokenlift::thread_fleet_test
