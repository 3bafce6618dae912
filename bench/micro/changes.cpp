// Benchmarks of a fleet that changes, by its size: what a change costs depends on the replicas that
// change, not on those that are there. Items are changes.
//
//   changes/apply     a replica goes, or comes back: fleet and router, loads reported at once, or
//                     at intervals
//   changes/plan      an event more in the plan of a fleet, that a hundred replicas join
//   changes/joined    on engine threads: from when a replica begins to serve to its first token

#include <benchmark/benchmark.h>

#include "bench/fleet/router.hpp"
#include "bench/fleet/thread_fleet.hpp"
#include "bench/fleet/virtual_fleet.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/reader/catalogue.hpp"

namespace tokenlift::micro_changes {
namespace {

constexpr std::int64_t kMs = 1'000'000;

Scenario fleet_of(std::int64_t replicas) {
  Scenario scenario;
  scenario.name = "changes";
  scenario.run.engine = Engine::simulated;
  scenario.run.duration_ns = 1000 * kMs;
  Site site;
  site.name = "one";
  site.replicas = replicas;
  site.profile = "h100-8b";
  scenario.fleet.sites.push_back(site);
  scenario.profiles.push_back(*find_profile(site.profile));
  return scenario;
}

/// One after the other, far from each other in memory.
void apply(benchmark::State& state) {
  const auto replicas = static_cast<std::uint32_t>(state.range(0));
  Scenario scenario = fleet_of(replicas);
  scenario.fleet.load_report_interval_ns = state.range(1) * kMs;
  const RecordingGrid grid = make_grid(scenario);
  Workers workers(1);
  const auto fleet = make_virtual_fleet(scenario, grid, workers);
  Router router(RouterPolicy::least_loaded, {{replicas, scenario.fleet.sites[0].max_batch, {}}}, 1);
  ReplicaChange change;
  std::int64_t now_ns = 0;
  std::uint32_t replica = 0;
  for (auto _ : state) {
    replica = (replica + 7919) % replicas;
    change.replica = replica;
    change.kind = ReplicaChange::Kind::leave;
    fleet->apply(change, ++now_ns);
    router.leave(replica);
    change.kind = ReplicaChange::Kind::serve;
    fleet->apply(change, ++now_ns);
    router.serve(replica);
  }
  state.SetItemsProcessed(2 * state.iterations());
}
BENCHMARK(apply)
    ->Name("changes/apply")
    ->ArgNames({"replicas", "report_ms"})
    ->ArgsProduct({{1'000, 10'000, 100'000}, {0, 1000}});

void plan(benchmark::State& state) {
  Scenario scenario = fleet_of(state.range(0));
  scenario.fleet.sites[0].at_start = state.range(0) - 100;
  Event join;
  join.kind = EventKind::join;
  join.at_ns = kMs;
  join.site = scenario.fleet.sites[0].name;
  scenario.events = {join};
  for (auto _ : state) benchmark::DoNotOptimize(plan_fleet(scenario));
  state.SetItemsProcessed(100 * state.iterations());
}
BENCHMARK(plan)->Name("changes/plan")->ArgName("replicas")->Arg(1'000)->Arg(10'000)->Arg(100'000);

/// The second of two replicas comes, serves a prompt of 64 tokens, and goes.
void joined(benchmark::State& state) {
  Scenario scenario = fleet_of(2);
  scenario.run.engine = Engine::threads;
  scenario.tenants.emplace_back().name = "users";
  Site& site = scenario.fleet.sites[0];
  site.profile = "cpu-small";
  site.at_start = 1;
  const RecordingGrid grid = make_grid(scenario);
  WeightStore weights;
  RealClock clock;
  ThreadFleet fleet(scenario, grid, clock, weights);
  clock.start();
  ReplicaChange change;
  change.replica = 1;
  RequestId id = 0;
  for (auto _ : state) {
    change.kind = ReplicaChange::Kind::serve;
    const std::int64_t served_ns = clock.now_ns();
    fleet.apply(change, served_ns);
    fleet.submit({id++, 64, 1, 0, 0, 0}, change.replica, served_ns);
    std::int64_t first_token_ns = -1;
    while (first_token_ns < 0) {
      const std::int64_t now_ns = clock.wait(clock.now_ns() + 1000 * kMs);
      for (const News& news : fleet.advance(now_ns)) first_token_ns = news.first_token_ns;
    }
    state.SetIterationTime(static_cast<double>(first_token_ns - served_ns) / 1e9);
    change.kind = ReplicaChange::Kind::leave;
    fleet.apply(change, clock.now_ns());
  }
  TokenRecord record(grid);
  fleet.stop(clock.now_ns(), record);
}
BENCHMARK(joined)
    ->Name("changes/joined")
    ->UseManualTime()
    ->Iterations(20)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tokenlift::micro_changes
