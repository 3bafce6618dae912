// Benchmarks of engine virtual, with everything recorded; items are simulated requests.
//
//   virtual/replica       one replica of H100 8B, 512 in / 256 out, 20 requests/s
//   virtual/throttled     the same behind five throttles, for three tenants with 10,000 users each
//   virtual/outputs       time per request with outputs ten times as long, at the same batch, in
//   pairs virtual/jump_by_step  2 requests/s, 512 in / 2560 out: time of stepping / of jumping, in
//   pairs virtual/colossus      `colossus-1`, all there, with an idle limit at 80 % load, by size
//   and workers

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <vector>

#include "bench/fleet/virtual_fleet.hpp"
#include "bench/machine/clock.hpp"
#include "bench/run/capacity.hpp"
#include "bench/run/loop.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::micro_virtual {
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
  const auto run = recorder.finish(outcome.end_ns, tokens);
  const PhaseSpan& last = run.phases.back();
  return {board.completed, static_cast<double>(last.batch_ns) / static_cast<double>(last.busy_ns)};
}

void play(benchmark::State& state, const Scenario& scenario, std::size_t threads) {
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
  play(state, one_replica(20, 256, 50'000), 1);
}
BENCHMARK(replica)->Name("virtual/replica")->Unit(benchmark::kMillisecond);

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Ten times the output at a tenth of the rate, about: the prompts of the many short ones slow
/// their steps down, so the batch is the same at a little less.
void outputs(benchmark::State& state) {
  const Scenario shorter = one_replica(20, 256, 10'000);
  const Scenario longer = one_replica(1.96, 2560, 102'000);
  Workers workers(1);
  const RealClock clock;
  const auto ns_per_request = [&](const Scenario& scenario, const char* batch) {
    const std::int64_t begin_ns = clock.now_ns();
    const Simulated simulated = simulate(scenario, Stepping::jump, workers);
    state.counters[batch] = simulated.batch_mean;
    return static_cast<double>(clock.now_ns() - begin_ns) / static_cast<double>(simulated.requests);
  };
  std::vector<double> ratios;
  for (auto _ : state) {
    const double base_ns = ns_per_request(shorter, "batch");
    ratios.push_back(ns_per_request(longer, "batch_longer") / base_ns);
  }
  state.counters["ratio"] = median(ratios);
}
BENCHMARK(outputs)->Name("virtual/outputs")->Unit(benchmark::kMillisecond);

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
  state.counters["ratio"] = median(ratios);
}
BENCHMARK(jump_by_step)->Name("virtual/jump_by_step")->Unit(benchmark::kMillisecond);

/// Five throttles of all scopes and three tenants with 10,000 users each, in fair order; some 2 %
/// of the requests have to wait.
Scenario throttled() {
  Scenario scenario = one_replica(20, 256, 50'000);
  scenario.queue_order = QueueOrder::fair;
  const Tenant users = scenario.tenants.front();
  scenario.tenants.clear();
  for (const char* name : {"first", "second", "third"}) {
    Tenant tenant = users;
    tenant.name = name;
    tenant.users = 10'000;
    tenant.arrivals.rate.per_s = 20.0 / 3;
    scenario.tenants.push_back(tenant);
  }
  const auto add = [&](const char* name, ThrottleKind kind, Unit unit, Scope scope) -> Throttle& {
    Throttle throttle;
    throttle.name = name;
    throttle.kind = kind;
    throttle.unit = unit;
    throttle.scope = scope;
    throttle.max_wait_ns = 60'000'000'000;
    scenario.throttles.push_back(throttle);
    return scenario.throttles.back();
  };
  Throttle& requests = add("requests", ThrottleKind::token_bucket, Unit::requests, Scope::user);
  requests.rate.per_s = 10.0 / 3600;
  requests.burst.units = 3;
  Throttle& window = add("window", ThrottleKind::anchored_window, Unit::output_tokens, Scope::user);
  window.window_ns = std::int64_t{5} * 3600 * 1'000'000'000;
  window.limit = 40 * 256;
  Throttle& output = add("output", ThrottleKind::token_bucket, Unit::output_tokens, Scope::tenant);
  output.rate.per_s = 20.0 / 3 * 256 * 1.1;
  output.burst.units = 10 * 256;
  Throttle& tokens = add("tokens", ThrottleKind::token_bucket, Unit::tokens, Scope::fleet);
  tokens.rate.per_s = 20 * 768 * 1.2;
  tokens.burst.units = 20 * 768;
  add("in flight", ThrottleKind::concurrency, Unit::requests, Scope::fleet).limit = 120;
  return scenario;
}

void play_throttled(benchmark::State& state) {
  play(state, throttled(), 1);
}
BENCHMARK(play_throttled)->Name("virtual/throttled")->Unit(benchmark::kMillisecond);

/// The built-in scenario with 1 / `scale` of its replicas, all of them there from the start.
Scenario colossus(std::int64_t scale) {
  const auto& builtins = builtin_scenarios();
  const auto builtin = std::find_if(builtins.begin(), builtins.end(), [](const auto& candidate) {
    return candidate.name == "colossus-1";
  });
  assert(builtin != builtins.end());
  Scenario scenario =
      parse_scenario(builtin->text, builtin->name, "", {"tenant.users.arrivals.load=0.8"});
  scenario.tenants.resize(1);
  scenario.throttles.resize(1);
  scenario.throttles[0].rate.load = 2;
  scenario.throttles[0].follows.reset();
  scenario.events.clear();
  for (Site& site : scenario.fleet.sites) {
    site.replicas /= scale;
    site.at_start.reset();
    site.failures.reset();
  }
  const std::atomic<bool> stop{false};
  return resolve(scenario, compute_capacity(scenario, stop));
}

void play_colossus(benchmark::State& state) {
  play(state, colossus(state.range(0)), static_cast<std::size_t>(state.range(1)));
}
BENCHMARK(play_colossus)
    ->Name("virtual/colossus")
    ->ArgNames({"scale", "workers"})
    ->Args({1000, 1})
    ->Args({1, 1})
    ->Args({1, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace tokenlift::micro_virtual
