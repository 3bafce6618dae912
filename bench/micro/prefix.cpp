// Benchmarks of what a prefix cache costs, per request: one lookup and one insertion.
//
//   prefix/conversation  turns of as many conversations as fit, and of twice as many
//   prefix/blocks        prompts of 16 blocks, the first half of them common to all
//   prefix/affinity      routing one request by its conversation and finishing it, 55,000 replicas

#include <benchmark/benchmark.h>

#include <cstdint>
#include <deque>
#include <vector>

#include "bench/fleet/prefix_cache.hpp"
#include "bench/fleet/router.hpp"

namespace tokenlift::micro_prefix {
namespace {

constexpr std::int64_t kEntries = 1000;
constexpr std::int32_t kPrompt = 4000;
constexpr std::int32_t kOutput = 97;  // leaves 4096 tokens

/// Visits 0 ... count - 1 in an order that a cache line does not foresee.
std::uint64_t scattered(std::uint64_t turn, std::uint64_t count) {
  return (turn * 0x9e3779b97f4a7c15U >> 32) % count;
}

void conversation(benchmark::State& state) {
  PrefixCache cache(kEntries * (kPrompt + kOutput - 1));
  const auto conversations = static_cast<std::uint64_t>(kEntries * state.range(0));
  std::uint64_t turn = 0;
  std::int64_t found = 0;
  for (auto _ : state) {
    const Prefix prefix{1 + scattered(turn++, conversations), kPrompt - 100, {}};
    found += cache.lookup(prefix, kPrompt);
    benchmark::DoNotOptimize(cache.insert(prefix, kPrompt, kOutput).data());
  }
  state.counters["hit"] = static_cast<double>(found) / static_cast<double>(turn) / (kPrompt - 100);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(conversation)->Name("prefix/conversation")->ArgName("by_capacity")->Arg(1)->Arg(2);

void blocks(benchmark::State& state) {
  constexpr std::uint64_t kBlocks = 16;
  constexpr std::uint64_t kPrompts = 2 * kEntries;
  std::vector<Prefix> prefixes(kPrompts);
  for (std::uint64_t prompt = 0; prompt < kPrompts; ++prompt) {
    for (std::uint64_t block = 0; block < kBlocks; ++block) {
      const bool common = block < kBlocks / 2;
      prefixes[prompt].blocks.push_back(1 + block + (common ? 0 : kBlocks * (prompt + 1)));
    }
  }
  PrefixCache cache(kEntries * static_cast<std::int64_t>(kBlocks / 2) * kBlockTokens);
  std::uint64_t turn = 0;
  for (auto _ : state) {
    const Prefix& prefix = prefixes[scattered(turn++, kPrompts)];
    constexpr std::int64_t kTokens = static_cast<std::int64_t>(kBlocks) * kBlockTokens;
    benchmark::DoNotOptimize(cache.lookup(prefix, kTokens));
    benchmark::DoNotOptimize(cache.insert(prefix, kTokens, kOutput).data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(blocks)->Name("prefix/blocks");

void affinity(benchmark::State& state) {
  constexpr std::int64_t kReplicas = 55'000;
  constexpr std::uint64_t kConversations = 200'000;
  Router router(RouterPolicy::session_affinity, {{kReplicas, 64, std::nullopt}}, 1,
                kReplicas * 100'000);
  std::deque<std::uint32_t> outstanding;
  std::uint64_t turn = 0;
  const auto route = [&] {
    const Prefix prefix{1 + scattered(turn++, kConversations), kPrompt, {}};
    outstanding.push_back(*router.route(0, 0, turn, &prefix));
  };
  for (std::size_t i = 0; i < 10 * kReplicas; ++i) route();
  for (auto _ : state) {
    router.finished(outstanding.front());
    outstanding.pop_front();
    route();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(affinity)->Name("prefix/affinity");

}  // namespace
}  // namespace tokenlift::micro_prefix
