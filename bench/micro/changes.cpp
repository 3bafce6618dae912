// Benchmarks of a fleet that changes, by its size: what a change costs depends on the replicas that
// change, not on those that are there. Items are changes.
//
//   changes/apply     a replica goes, or comes back: fleet and router, loads reported at once or
//   not changes/plan      an event more in the plan of a fleet, that a hundred replicas join

#include <benchmark/benchmark.h>

#include "bench/fleet/router.hpp"
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

}  // namespace
}  // namespace tokenlift::micro_changes
