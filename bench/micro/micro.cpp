// tokenlift-micro: what the parts of the harness cost. Google Benchmark's flags hold.
//
//   record/*     recording one latency, a run of decode steps, a completed request
//   throttle/*   one decision of each kind of throttle, and of the whole waiting room
//   router/*     routing one request and finishing another, at 2 and at 55,000 replicas
//   decoder/*    one decode step by batch, and one prefill chunk by length, at context 128
//   loop/null    requests through the whole loop: drawn, throttled, routed, recorded
//   batching/*   the decode step at batch 16 against batch 1, in pairs: what batching costs
//   threads/*    the thread fleet against bare decoders doing the same work, in pairs

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "bench/fleet/null_fleet.hpp"
#include "bench/fleet/router.hpp"
#include "bench/fleet/thread_fleet.hpp"
#include "bench/machine/clock.hpp"
#include "bench/record/recorder.hpp"
#include "bench/run/loop.hpp"
#include "reports/record/histogram.hpp"
#include "workloads/decoder/decoder.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift::micro_parts {
namespace {

constexpr std::int64_t kContextTokens = 128;

Lengths lognormal(double mean, double cv, std::int64_t max) {
  Lengths lengths;
  lengths.distribution = Distribution::lognormal;
  lengths.mean = mean;
  lengths.cv = cv;
  lengths.max = max;
  return lengths;
}

Lengths constant(std::int64_t tokens) {
  Lengths lengths;
  lengths.mean = static_cast<double>(tokens);
  lengths.max = tokens;
  return lengths;
}

Tenant users(Process process, double rate_per_s) {
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.process = process;
  tenant.arrivals.rate.per_s = rate_per_s;
  tenant.arrivals.cv = 2;
  tenant.prompt_tokens = lognormal(128, 0.6, 1024);
  tenant.output_tokens = lognormal(64, 0.5, 256);
  tenant.max_tokens = 256;
  return tenant;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void record_latency(benchmark::State& state) {
  // Latencies as they come: lognormal around 1 ms, so that buckets are not always the same.
  const Draws draws(1, Purpose::gap, 0);
  std::vector<std::int64_t> latencies_ns(4096);
  for (std::size_t i = 0; i < latencies_ns.size(); ++i) {
    latencies_ns[i] = static_cast<std::int64_t>(1e6 * std::exp(0.5 * draws.normal(i)));
  }
  Histogram histogram;
  std::size_t i = 0;
  for (auto _ : state) {
    histogram.record(latencies_ns[i]);
    i = (i + 1) % latencies_ns.size();
  }
  benchmark::DoNotOptimize(histogram);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(record_latency)->Name("record/histogram");

/// Two objectives and a lift, as most runs have.
Scenario recorded_scenario() {
  Scenario scenario;
  scenario.run.duration_ns = 40'000'000'000;
  scenario.run.settle_ns = 12'000'000'000;
  Tenant tenant = users(Process::poisson, 1000);
  tenant.slo.ttft_ns = 1'000'000'000;
  tenant.slo.tpot_ns = 60'000'000;
  scenario.tenants.push_back(tenant);
  Throttle throttle;
  throttle.name = "limit";
  throttle.rate.per_s = 1e5;
  throttle.burst.units = 1e5;
  scenario.throttles.push_back(throttle);
  Event event;
  event.at_ns = 15'000'000'000;
  event.throttle = "limit";
  scenario.events.push_back(event);
  return scenario;
}

/// Runs of steps of some 10 ms, begun a microsecond after each other. A step alone crosses no
/// border but the odd one of a bin; a hundred that grow cross 50 bins and some buckets.
void record_decode_run(benchmark::State& state) {
  const RecordingGrid grid = make_grid(recorded_scenario());
  TokenRecord record(grid);
  const std::vector<CellCount> batch = {{grid.cell(0, 1), 16}};
  constexpr std::int64_t kSpanNs = 1'000'000'000;
  std::int64_t n = 0;
  for (auto _ : state) {
    ++n;
    record.decode({5 * kSpanNs + n * 1000 % kSpanNs, n % 1000, state.range(0), 10'000'000'000,
                   state.range(1)},
                  batch);
  }
  benchmark::DoNotOptimize(record);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(record_decode_run)
    ->Name("record/decode_run")
    ->ArgNames({"steps", "slope_ps"})
    ->Args({1, 0})
    ->Args({100, 5'000'000});

/// Completions in batches, as a load report brings them.
void record_completed(benchmark::State& state) {
  const Scenario scenario = recorded_scenario();
  const RecordingGrid grid = make_grid(scenario);
  Recorder recorder(scenario, grid);
  RequestTable requests;
  const Draws draws(1, Purpose::gap, 0);
  const auto latency_ns = [&](std::uint64_t i, std::uint64_t which, double median_ns) {
    return static_cast<std::int64_t>(median_ns * std::exp(0.5 * draws.normal(4 * i + which)));
  };
  constexpr std::int64_t kNowNs = 10'000'000'000;
  std::vector<News> batch;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(state.range(0)); ++i) {
    News done;
    done.at_ns = kNowNs - static_cast<std::int64_t>(i * 10);
    done.first_token_ns = done.at_ns - latency_ns(i, 0, 1e9);
    done.scheduled_ns = done.first_token_ns - latency_ns(i, 1, 3e7);
    Request request;
    request.admitted_ns = done.scheduled_ns - latency_ns(i, 2, 1e7);
    request.sent_ns = request.due_ns = request.admitted_ns;
    request.prompt_tokens = 128;
    request.output_tokens = 64;
    request.phase = grid.phase_at(request.due_ns) & 0xf;
    done.id = requests.add(request);
    batch.push_back(done);
  }
  for (auto _ : state) recorder.completed(batch, requests, kNowNs);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(record_completed)->Name("record/completed")->ArgName("batch")->Arg(1)->Arg(4096);

/// One request is routed and another finishes, at a load of half of each replica's batch.
void route_request(benchmark::State& state, RouterPolicy policy) {
  const auto replicas = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t kBatch = 64;
  Router router(policy, {{static_cast<std::int64_t>(replicas), kBatch, std::nullopt}}, 1);
  const Draws draws(1, Purpose::gap, 0);
  std::vector<std::uint32_t> outstanding;
  std::uint64_t number = 0;
  for (; number < replicas * kBatch / 2; ++number)
    outstanding.push_back(*router.route(0, 0, number, nullptr));
  for (auto _ : state) {
    std::uint32_t& place = outstanding[draws.bits(number) % outstanding.size()];
    router.finished(place);
    place = *router.route(0, 0, ++number, nullptr);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(route_request, least_loaded, RouterPolicy::least_loaded)
    ->Name("router/least_loaded")
    ->ArgName("replicas")
    ->Arg(2)
    ->Arg(55'000);
BENCHMARK_CAPTURE(route_request, shared_queue, RouterPolicy::shared_queue)
    ->Name("router/shared_queue")
    ->ArgName("replicas")
    ->Arg(2)
    ->Arg(55'000);
BENCHMARK_CAPTURE(route_request, power_of_two, RouterPolicy::power_of_two)
    ->Name("router/power_of_two")
    ->ArgName("replicas")
    ->Arg(2)
    ->Arg(55'000);

/// Fills every slot of a decoder with a context of kContextTokens.
void fill_context(Decoder& decoder, std::int64_t slots) {
  std::vector<std::int32_t> prompt(static_cast<std::size_t>(kContextTokens));
  std::iota(prompt.begin(), prompt.end(), 0);
  for (std::int64_t slot = 0; slot < slots; ++slot) {
    decoder.reset(slot);
    decoder.prefill(slot, prompt);
  }
}

void decode_step(benchmark::State& state, const char* profile) {
  const std::int64_t batch = state.range(0);
  Decoder decoder(make_weights(*find_profile(profile)->decoder, 1, fastest_precision()), batch,
                  std::max(batch, kContextTokens));
  std::vector<std::int64_t> slots(static_cast<std::size_t>(batch));
  std::iota(slots.begin(), slots.end(), 0);
  std::vector<std::int32_t> tokens(slots.size(), 1);
  std::vector<std::int32_t> next(slots.size());
  fill_context(decoder, batch);
  for (auto _ : state) {
    if (decoder.context_tokens(0) >= kContextTokens + 64) {
      state.PauseTiming();
      fill_context(decoder, batch);
      state.ResumeTiming();
    }
    decoder.decode(slots, tokens, next);
    tokens.swap(next);
  }
  state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK_CAPTURE(decode_step, cpu_tiny, "cpu-tiny")
    ->Name("decoder/decode/cpu-tiny")
    ->ArgName("batch")
    ->Arg(1)
    ->Arg(16)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(decode_step, cpu_small, "cpu-small")
    ->Name("decoder/decode/cpu-small")
    ->ArgName("batch")
    ->Arg(1)
    ->Arg(4)
    ->Arg(16)
    ->Arg(64)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode_step, cpu_base, "cpu-base")
    ->Name("decoder/decode/cpu-base")
    ->ArgName("batch")
    ->Arg(1)
    ->Arg(16)
    ->Unit(benchmark::kMillisecond);

/// One iteration is a pair of 8 steps each, in turn, each after as many to warm up (the caches of
/// what ran before make up to half of a step); `ratio` is the median of batch 16 / batch 1.
void batch_against_single(benchmark::State& state, const char* profile) {
  constexpr std::int64_t kBatch = 16;
  constexpr std::int64_t kSteps = 8;
  Decoder decoder(make_weights(*find_profile(profile)->decoder, 1, fastest_precision()), kBatch,
                  kContextTokens);
  std::vector<std::int64_t> slots(kBatch);
  std::iota(slots.begin(), slots.end(), 0);
  std::vector<std::int32_t> tokens(kBatch, 1);
  std::vector<std::int32_t> next(kBatch);
  const RealClock clock;
  const auto run_ns = [&](std::size_t batch) {
    std::int64_t begin_ns = 0;
    for (std::int64_t step = 0; step < 2 * kSteps; ++step) {
      if (step == kSteps) begin_ns = clock.now_ns();
      decoder.decode(std::span(slots).first(batch), std::span(tokens).first(batch),
                     std::span(next).first(batch));
    }
    return static_cast<double>(clock.now_ns() - begin_ns);
  };
  std::vector<double> ratios;
  for (auto _ : state) {
    state.PauseTiming();
    fill_context(decoder, kBatch);
    state.ResumeTiming();
    const double single_ns = run_ns(1);
    ratios.push_back(run_ns(kBatch) / single_ns);
  }
  state.counters["ratio"] = median(ratios);
}
BENCHMARK_CAPTURE(batch_against_single, cpu_small, "cpu-small")
    ->Name("batching/cpu-small")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(batch_against_single, cpu_base, "cpu-base")
    ->Name("batching/cpu-base")
    ->Unit(benchmark::kMillisecond);

void prefill_chunk(benchmark::State& state, const char* profile) {
  const std::int64_t tokens = state.range(0);
  Decoder decoder(make_weights(*find_profile(profile)->decoder, 1, fastest_precision()), 1, tokens);
  std::vector<std::int32_t> prompt(static_cast<std::size_t>(tokens));
  std::iota(prompt.begin(), prompt.end(), 0);
  for (auto _ : state) {
    decoder.reset(0);
    benchmark::DoNotOptimize(decoder.prefill(0, prompt));
  }
  state.SetItemsProcessed(state.iterations() * tokens);
}
BENCHMARK_CAPTURE(prefill_chunk, cpu_small, "cpu-small")
    ->Name("decoder/prefill/cpu-small")
    ->ArgName("tokens")
    ->Arg(128)
    ->Arg(512)
    ->Unit(benchmark::kMillisecond);

Scenario null_scenario(std::int64_t requests) {
  Scenario scenario;
  scenario.name = "null";
  scenario.run.engine = Engine::null;
  scenario.fleet.sites.push_back({"one", 2, "cpu-tiny", 16, 512, 65536});
  // A thousand requests per microsecond: always behind, so the loop never waits.
  scenario.tenants.push_back(users(Process::poisson, 1e9));
  scenario.run.duration_ns = requests;
  for (const Unit unit : {Unit::requests, Unit::output_tokens}) {
    Throttle throttle;
    throttle.name = unit == Unit::requests ? "requests" : "output";
    throttle.unit = unit;
    throttle.rate.per_s = 1e11;
    throttle.burst.units = 1e9;
    scenario.throttles.push_back(throttle);
  }
  return scenario;
}

void loop_null(benchmark::State& state) {
  const Scenario scenario = null_scenario(1'000'000);
  const std::atomic<bool> stop{false};
  std::int64_t requests = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const RecordingGrid grid = make_grid(scenario);
    NullFleet fleet(replica_count(scenario), grid);
    Recorder recorder(scenario, grid);
    ProgressBoard board;
    RealClock clock;
    Loop loop(scenario, grid, clock, fleet, recorder, board, stop);
    clock.start();
    state.ResumeTiming();
    loop.run();
    requests += board.completed;
  }
  state.SetItemsProcessed(requests);
}
BENCHMARK(loop_null)->Name("loop/null")->Unit(benchmark::kMillisecond);

// ------------------------------------------------------------ the thread fleet against bare
// decoders

constexpr std::int64_t kPairPrompt = 64;
constexpr std::int64_t kPairOutput = 64;
constexpr std::int64_t kPairWaves = 4;

/// Output tokens/s of `threads` decoders, each doing waves of `batch` sequences: the steps that the
/// replicas do, without replicas.
double bare_tokens_per_s(const std::shared_ptr<const DecoderWeights>& weights, std::int64_t batch,
                         std::int64_t threads) {
  std::vector<Decoder> decoders;
  for (std::int64_t i = 0; i < threads; ++i) decoders.emplace_back(weights, batch, kPairPrompt);
  RealClock clock;
  clock.start();
  {
    std::vector<std::jthread> workers;
    workers.reserve(decoders.size());
    for (Decoder& decoder : decoders) {
      workers.emplace_back([&decoder, batch] {
        std::vector<std::int64_t> slots(static_cast<std::size_t>(batch));
        std::iota(slots.begin(), slots.end(), 0);
        std::vector<std::int32_t> prompt(kPairPrompt, 1);
        std::vector<std::int32_t> tokens(slots.size());
        std::vector<std::int32_t> next(slots.size());
        for (std::int64_t wave = 0; wave < kPairWaves; ++wave) {
          for (std::size_t i = 0; i < slots.size(); ++i) {
            decoder.reset(slots[i]);
            tokens[i] = decoder.prefill(slots[i], prompt);
          }
          for (std::int64_t step = 1; step < kPairOutput; ++step) {
            decoder.decode(slots, tokens, next);
            tokens.swap(next);
          }
        }
      });
    }
  }
  return static_cast<double>(threads * kPairWaves * batch * kPairOutput) * 1e9 /
         static_cast<double>(clock.now_ns());
}

/// The same work through the fleet: all waves are in its line from the start.
double fleet_tokens_per_s(const Scenario& scenario, const RecordingGrid& grid,
                          WeightStore& weights) {
  const Site& site = scenario.fleet.sites.front();
  RealClock clock;
  ThreadFleet fleet(scenario, grid, clock, weights);
  const std::int64_t requests = kPairWaves * site.max_batch * site.replicas;
  clock.start();
  for (std::int64_t i = 0; i < requests; ++i) {
    fleet.submit(
        {static_cast<RequestId>(i), kPairPrompt, kPairOutput, static_cast<std::uint64_t>(i), 0, 0},
        static_cast<std::uint32_t>(i % site.replicas), 0);
  }
  std::int64_t completed = 0;
  while (completed < requests) {
    const std::int64_t now_ns = clock.wait(clock.now_ns() + 50'000'000);
    completed += static_cast<std::int64_t>(fleet.advance(now_ns).size());
  }
  return static_cast<double>(requests * kPairOutput) * 1e9 / static_cast<double>(clock.now_ns());
}

/// One iteration is a pair, bare and fleet in turn; `ratio` is the median of fleet / bare.
void fleet_against_bare(benchmark::State& state) {
  Scenario scenario;
  scenario.run.duration_ns = 1'000'000'000;
  scenario.fleet.sites.push_back(
      {"pair", state.range(1), "cpu-small", state.range(0), state.range(0) * kPairPrompt, 65536});
  Tenant tenant = users(Process::constant, 1);
  tenant.prompt_tokens = constant(kPairPrompt);
  tenant.output_tokens = constant(kPairOutput);
  scenario.tenants.push_back(tenant);
  const RecordingGrid grid = make_grid(scenario);
  WeightStore weights;
  std::vector<double> ratios;
  double fleet_rate_per_s = 0;
  for (auto _ : state) {
    const double bare = bare_tokens_per_s(weights.get("cpu-small"), state.range(0), state.range(1));
    fleet_rate_per_s = fleet_tokens_per_s(scenario, grid, weights);
    ratios.push_back(fleet_rate_per_s / bare);
  }
  state.counters["ratio"] = median(ratios);
  state.counters["tokens_per_s"] = fleet_rate_per_s;
}
BENCHMARK(fleet_against_bare)
    ->Name("threads/against_bare")
    ->ArgNames({"batch", "replicas"})
    ->Args({16, 1})
    ->Args({16, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace tokenlift::micro_parts

BENCHMARK_MAIN();
