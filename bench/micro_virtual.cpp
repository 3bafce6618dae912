// Benchmarks of engine virtual, with everything recorded; items are simulated requests.
//
//   virtual/replica       one replica of H100 8B, 512 in / 256 out, 20 requests/s
//   virtual/outputs       the same at the same batch, outputs as they are and ten times as long
//   virtual/jump_by_step  2 requests/s, 512 in / 2560 out: the speed of jumping / of stepping, in
//   pairs virtual/colossus      55,000 replicas of 4 GPUs at 80 % load, random routing, by workers

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <vector>

#include "bench/capacity.hpp"
#include "bench/clock.hpp"
#include "bench/loop.hpp"
#include "bench/virtual_fleet.hpp"
#include "workloads/catalogue.hpp"
#include "workloads/plan.hpp"
#include "workloads/scenario_text.hpp"

namespace tokenlift {
namespace {

Lengths constant(std::int64_t tokens) {
  Lengths lengths;
  lengths.mean = static_cast<double>(tokens);
  lengths.max = tokens;
  return lengths;
}

/// `rate_per_s` requests of 512 in for one replica of H100 8B.
Scenario one_replica(double rate_per_s, std::int64_t output_tokens, double duration_s) {
  Scenario scenario;
  scenario.name = "one replica";
  scenario.run.engine = Engine::simulated;
  scenario.run.duration_ns = static_cast<std::int64_t>(duration_s * 1e9);
  Site site;
  site.name = "one";
  site.profile = "h100-8b";
  site.max_batch = 256;
  site.kv_tokens = 400'000;
  scenario.fleet.sites.push_back(site);
  scenario.profiles.push_back(*find_profile(site.profile));
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.rate.per_s = rate_per_s;
  tenant.prompt_tokens = constant(512);
  tenant.output_tokens = constant(output_tokens);
  tenant.max_tokens = output_tokens;
  scenario.tenants.push_back(tenant);
  return scenario;
}

/// Requests completed, and mean sequences in the batch.
struct Simulated {
  std::int64_t requests = 0;
  double batch_mean = 0;
};

Simulated simulate(const Scenario& scenario, Stepping stepping, Workers& workers) {
  const RecordingGrid grid = make_grid(scenario);
  const std::unique_ptr<Fleet> fleet = make_virtual_fleet(scenario, grid, workers, stepping);
  Recorder recorder(scenario, grid, &workers);
  ProgressBoard board;
  VirtualClock clock;
  const std::atomic<bool> stop{false};
  Loop loop(scenario, grid, clock, *fleet, recorder, board, stop);
  const LoopOutcome outcome = loop.run();
  TokenRecord tokens(grid);
  fleet->stop(outcome.end_ns, tokens);
  const auto run = recorder.finish(outcome.end_ns, tokens, replica_count(scenario));
  const PhaseSpan& last = run.phases.back();
  return {board.completed, last.batch_ns / static_cast<double>(last.busy_ns)};
}

void play(benchmark::State& state, const Scenario& scenario, std::size_t threads = 1) {
  Workers workers(threads);
  std::int64_t requests = 0;
  for (auto _ : state) {
    const Simulated simulated = simulate(scenario, Stepping::jump, workers);
    requests += simulated.requests;
    state.counters["batch"] = simulated.batch_mean;
  }
  state.SetItemsProcessed(requests);
}

void replica(benchmark::State& state) {
  play(state, one_replica(20, 256, 50'000));
}
BENCHMARK(replica)->Name("virtual/replica")->Unit(benchmark::kMillisecond);

/// Ten times the output at about a tenth of the rate: the same batch.
void outputs(benchmark::State& state) {
  const std::int64_t longer = state.range(0);
  // The prompts of ten times as many requests slow the steps of the shorter ones.
  play(state, one_replica(longer == 1 ? 20 : 2.47, 256 * longer, longer == 1 ? 50'000 : 400'000));
}
BENCHMARK(outputs)
    ->Name("virtual/outputs")
    ->ArgName("times")
    ->Arg(1)
    ->Arg(10)
    ->Unit(benchmark::kMillisecond);

void jump_by_step(benchmark::State& state) {
  const Scenario scenario = one_replica(2, 2560, 2'000);
  Workers workers(1);
  const RealClock clock;
  std::vector<double> ratios;
  for (auto _ : state) {
    const std::int64_t begin_ns = clock.now_ns();
    simulate(scenario, Stepping::each, workers);
    const std::int64_t middle_ns = clock.now_ns();
    simulate(scenario, Stepping::jump, workers);
    ratios.push_back(static_cast<double>(middle_ns - begin_ns) /
                     static_cast<double>(clock.now_ns() - middle_ns));
  }
  std::sort(ratios.begin(), ratios.end());
  state.counters["ratio"] = ratios[ratios.size() / 2];
}
BENCHMARK(jump_by_step)->Name("virtual/jump_by_step")->Unit(benchmark::kMillisecond);

Scenario colossus() {
  Scenario scenario = one_replica(400'000, 256, 10);
  scenario.profiles[0].cost = CostModel{15200000000, 30000000, 26600, 11600000000, 47400000, 2693};
  scenario.fleet.sites[0].replicas = 55'000;
  scenario.fleet.sites[0].max_batch = 64;
  scenario.fleet.router = RouterPolicy::random;
  scenario.fleet.load_report_interval_ns = 10'000'000;
  scenario.run.max_in_flight = 10'000'000;
  return scenario;
}
void colossus(benchmark::State& state) {
  play(state, colossus(), static_cast<std::size_t>(state.range(0)));
}
BENCHMARK(colossus)
    ->Name("virtual/colossus")
    ->ArgName("workers")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace tokenlift
