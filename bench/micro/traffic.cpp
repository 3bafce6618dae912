// Benchmarks of the traffic: what it takes to know the next request.
//
//   arrival/*    drawing one request: by process, by shape, and read from a trace
//   people/*     who asks it: the user of a request
//   session/*    the next turn of a conversation, and the thinking before it
//   retry/*      when a rejected request comes back

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "workloads/requests/arrivals.hpp"
#include "workloads/requests/people.hpp"
#include "workloads/requests/session_plan.hpp"
#include "workloads/requests/trace.hpp"

namespace tokenlift::micro_traffic {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Lengths lognormal(double mean, double cv, std::int64_t max) {
  return Lengths{Distribution::lognormal, mean, cv, 1, max};
}

Tenant users(Process process) {
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.process = process;
  tenant.arrivals.rate.per_s = 1000;
  tenant.arrivals.cv = 2;
  tenant.prompt_tokens = lognormal(128, 0.6, 1024);
  tenant.output_tokens = lognormal(64, 0.5, 256);
  tenant.max_tokens = 256;
  return tenant;
}

void draw(benchmark::State& state, const Tenant& tenant) {
  ArrivalSource source(tenant, 1, 0);
  for (auto _ : state) benchmark::DoNotOptimize(source.next());
  state.SetItemsProcessed(state.iterations());
}

void draw_arrival(benchmark::State& state, Process process) {
  draw(state, users(process));
}
BENCHMARK_CAPTURE(draw_arrival, poisson, Process::poisson)->Name("arrival/poisson");
BENCHMARK_CAPTURE(draw_arrival, gamma, Process::gamma)->Name("arrival/gamma");
BENCHMARK_CAPTURE(draw_arrival, constant, Process::constant)->Name("arrival/constant");

/// Of Poisson arrivals, a thousand to each period.
void draw_shaped(benchmark::State& state, ShapeKind kind) {
  Tenant tenant = users(Process::poisson);
  Shape shape;
  shape.kind = kind;
  shape.from = 0.5;
  shape.to = 2;
  shape.length_ns = kSecond / 5;
  shape.period_ns = kSecond;
  if (kind == ShapeKind::ramp) shape.length_ns = 1'000'000 * kSecond;  // all of it on the ramp
  tenant.arrivals.shape = shape;
  draw(state, tenant);
}
BENCHMARK_CAPTURE(draw_shaped, ramp, ShapeKind::ramp)->Name("arrival/shape_ramp");
BENCHMARK_CAPTURE(draw_shaped, steps, ShapeKind::steps)->Name("arrival/shape_steps");
BENCHMARK_CAPTURE(draw_shaped, diurnal, ShapeKind::diurnal)->Name("arrival/shape_diurnal");
BENCHMARK_CAPTURE(draw_shaped, burst, ShapeKind::burst)->Name("arrival/shape_burst");
BENCHMARK_CAPTURE(draw_shaped, mmpp, ShapeKind::mmpp)->Name("arrival/shape_mmpp");

/// Replays `text` again and again; items are requests.
void replay(benchmark::State& state, const std::string& text) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("tokenlift-micro-" + std::to_string(getpid()));
  std::ofstream(path, std::ios::binary) << text;
  Trace trace;
  trace.file = path.string();
  std::int64_t requests = 0;
  for (auto _ : state) {
    TraceReader reader(trace, 1, 0);
    while (reader.next()) ++requests;
  }
  state.SetItemsProcessed(requests);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  std::filesystem::remove(path);
}

void replay_azure(benchmark::State& state) {
  std::string text = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  for (int i = 0; i < 10'000; ++i) text += "2023-11-16 18:15:46.6805900,374,44\n";
  replay(state, text);
}
BENCHMARK(replay_azure)->Name("arrival/trace_azure")->Unit(benchmark::kMillisecond);

void replay_burstgpt(benchmark::State& state) {
  std::string text = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n";
  for (int i = 0; i < 10'000; ++i) {
    text += std::to_string(i) + ",ChatGPT,1087,230,1317,Conversation log\n";
  }
  replay(state, text);
}
BENCHMARK(replay_burstgpt)->Name("arrival/trace_burstgpt")->Unit(benchmark::kMillisecond);

/// 17 blocks to a prompt.
void replay_mooncake(benchmark::State& state) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) {
    text += R"({"timestamp": )" + std::to_string(i) +
            R"(, "input_length": 8500, "output_length": 500, "hash_ids": [0)";
    for (int block = 1; block < 17; ++block) text += ", " + std::to_string(16 * i + block);
    text += "]}\n";
  }
  replay(state, text);
}
BENCHMARK(replay_mooncake)->Name("arrival/trace_mooncake")->Unit(benchmark::kMillisecond);

Tenant chat() {
  Tenant tenant = users(Process::poisson);
  tenant.users = 10'000;
  tenant.sessions = Sessions{};
  tenant.sessions->turns = Lengths{Distribution::geometric, 4, 0, 1, 64};
  tenant.sessions->think.mean_ns = 10 * kSecond;
  tenant.sessions->max_context_tokens = 32'768;
  return tenant;
}

void find_user(benchmark::State& state, const Tenant& tenant) {
  Scenario scenario;
  scenario.tenants = {tenant};
  const Population people(scenario);
  std::uint64_t number = 0;
  for (auto _ : state) benchmark::DoNotOptimize(people.user(0, ++number));
  state.SetItemsProcessed(state.iterations());
}
void find_user_of_request(benchmark::State& state) {
  Tenant tenant = chat();
  tenant.sessions.reset();
  find_user(state, tenant);
}
void find_user_of_session(benchmark::State& state) {
  find_user(state, chat());
}
BENCHMARK(find_user_of_request)->Name("people/user_of_request");
BENCHMARK(find_user_of_session)->Name("people/user_of_session");

void next_turn(benchmark::State& state) {
  const SessionPlan plan(chat(), 1, 0);
  std::uint64_t number = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(plan.has_next(number));
    benchmark::DoNotOptimize(plan.request(number, plan.think_ns(number), 1000));
    ++number;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(next_turn)->Name("session/turn");

void retry_later(benchmark::State& state) {
  Retry retry;
  retry.policy = RetryPolicy::exponential;
  const Draws draws(1, Purpose::retry, 0);
  std::uint64_t number = 0;
  for (auto _ : state) benchmark::DoNotOptimize(retry_delay_ns(retry, draws, ++number, 3, {}));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(retry_later)->Name("retry/exponential");

}  // namespace
}  // namespace tokenlift::micro_traffic
