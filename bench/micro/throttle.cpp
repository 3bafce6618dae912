// tokenlift-micro: what one decision of a throttle costs, kind by kind, as the waiting room takes
// it: when could this pass, take, settle. Time is passed in.
//
//   throttle/KIND                  one state for the fleet; every request passes
//   throttle/KIND/held             the same, but half of the requests are told a later instant
//   throttle/token_bucket/users    a state for each of 10,000 users, asked in no order
//   throttle/waiting_room          a request through the room with one of them

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/throttle/limiter.hpp"
#include "bench/throttle/waiting_room.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift::micro_throttle {
namespace {

constexpr Micro kReserved = 256 * kMicro;
constexpr Micro kUsed = 64 * kMicro;
constexpr std::int64_t kGapNs = 1000;

/// Lets all through that ask for kReserved once in kGapNs and use kUsed of it, or
/// half of them.
Throttle throttle_of(ThrottleKind kind, bool held) {
  Throttle throttle;
  throttle.kind = kind;
  const double requests_per_s = 1e9 / static_cast<double>(kGapNs);
  throttle.rate.per_s = requests_per_s * (held ? 0.5 * 64 : 1024);
  throttle.burst.units = held ? 256 : 1e6;
  throttle.window_ns = 1'000'000;
  throttle.limit = (held ? 0.5 * 64 : 1024) * static_cast<double>(throttle.window_ns) /
                   static_cast<double>(kGapNs);
  throttle.min_limit = 256;
  throttle.max_limit = 1e6;
  throttle.target_ns = 100'000'000;
  return throttle;
}

void decide(benchmark::State& state, Limiter& limiter, const std::vector<Key>& keys) {
  std::int64_t now_ns = 0;
  std::size_t i = 0;
  std::int64_t passed = 0;
  for (auto _ : state) {
    now_ns += kGapNs;
    const Key key = keys[i];
    i = i + 1 < keys.size() ? i + 1 : 0;
    if (limiter.ready_at(now_ns, key, kReserved) > now_ns) continue;
    if (!limiter.take(now_ns, key, kReserved)) continue;
    limiter.settle(now_ns, key, {now_ns, kReserved, kUsed, 50'000'000});
    ++passed;
  }
  state.counters["passed"] =
      benchmark::Counter(static_cast<double>(passed), benchmark::Counter::kAvgIterations);
  state.SetItemsProcessed(state.iterations());
}

void decide_fleet(benchmark::State& state, ThrottleKind kind, bool held) {
  const auto limiter = make_limiter(throttle_of(kind, held), 1);
  decide(state, *limiter, {0});
}

void decide_users(benchmark::State& state) {
  constexpr std::size_t kUsers = 10'000;
  const auto limiter = make_limiter(throttle_of(ThrottleKind::token_bucket, false), kUsers);
  const Draws draws(1, Purpose::user, 0);
  std::vector<Key> keys(1 << 16);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = static_cast<Key>(draws.bits(i) % kUsers);
  }
  decide(state, *limiter, keys);
}
BENCHMARK(decide_users)->Name("throttle/token_bucket/users");

[[maybe_unused]] const bool kRegistered = [] {
  const auto add = [](ThrottleKind kind, const std::string& name, bool held) {
    benchmark::RegisterBenchmark(
        ("throttle/" + name).c_str(),
        [kind, held](benchmark::State& state) { decide_fleet(state, kind, held); });
  };
  for (const KindTraits& kind : kThrottleKinds) {
    if (kind.limits_queue) continue;  // as `concurrency`
    add(kind.kind, std::string(kind.name), false);
    // Of what is in flight nobody is held up here; nor for long where use rises.
    if (kind.counts_in_flight || kind.limits_rise) continue;
    add(kind.kind, std::string(kind.name) + "/held", true);
  }
  return true;
}();

/// Admits at once when the argument is 0; with 1 the bucket is short by 20 %, and requests wait in
/// a line of a hundred.
void decide_waiting_room(benchmark::State& state) {
  const bool held = state.range(0) != 0;
  Request request;
  request.prompt_tokens = 128;
  request.output_tokens = 64;
  request.max_tokens = 256;
  Throttle throttle;
  throttle.name = "limit";
  throttle.rate.per_s = held ? 0.8 * 64 * 1e9 / kGapNs : 1e12;
  throttle.burst.units = 256;
  throttle.max_wait_ns = 100 * kGapNs;
  Scenario scenario;
  scenario.tenants.emplace_back();
  scenario.throttles.push_back(throttle);
  RequestTable requests;
  std::vector<ThrottleCounts> counts(1);
  WaitingRoom room(scenario, requests, counts);
  std::int64_t now_ns = 0;
  const auto leave = [&](RequestId id) {
    room.settle(now_ns, id, {request.output_tokens, 0, -1});
    requests.remove(id);
  };
  for (auto _ : state) {
    now_ns += kGapNs;
    const RequestId id = requests.add(request);
    if (room.arrive(now_ns, id).verdict == Verdict::admitted) leave(id);
    while (const auto released = room.release(now_ns)) leave(released->id);
  }
  state.counters["line"] = static_cast<double>(room.waiting());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decide_waiting_room)->Name("throttle/waiting_room")->ArgName("held")->Arg(0)->Arg(1);

}  // namespace
}  // namespace tokenlift::micro_throttle
