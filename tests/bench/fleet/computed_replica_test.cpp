// What the decoder computes with a prefix cache is what it would have computed without one.

#include "bench/fleet/computed_replica.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <vector>

namespace tokenlift::computed_replica_test {
namespace {

using Tokens = std::vector<std::int32_t>;

constexpr DecoderShape kShape{2, 64, 4, 2, 96, 512};
constexpr std::int64_t kChunk = 64;  // prefilled in one step

Site caching_site(std::int64_t prefix_cache_tokens) {
  Site site;
  site.max_batch = 3;
  site.max_step_tokens = kChunk;
  site.kv_tokens = 5000;
  site.prefix_cache_tokens = prefix_cache_tokens;
  return site;
}

/// What came of one request: its prompt and its answer.
struct Served {
  Tokens tokens;
  std::int64_t cached_tokens = 0;
};

/// Serves one request alone.
Served serve(ComputedReplica& replica, const Work& work) {
  replica.submit(work);
  Served served;
  for (std::int64_t now_ns = 0;; ++now_ns) {
    const StepPlan& plan = replica.plan_step(now_ns);
    if (plan.empty()) return served;
    const std::uint32_t slot = plan.decode.empty() ? plan.prefill[0].slot : plan.decode[0];
    served.cached_tokens = replica.replica().sequence(slot).cached_tokens;
    replica.compute_decode();
    replica.compute_prompts();
    replica.finish_step(now_ns);
    served.tokens = replica.tokens(slot);
  }
}

/// Appends a prompt to the context of slot 0, chunk by chunk, and `count` greedy tokens.
Tokens answer(Decoder& decoder, std::span<const std::int32_t> prompt, std::size_t count) {
  Tokens tokens(1);
  for (; !prompt.empty(); prompt = prompt.subspan(std::min<std::size_t>(kChunk, prompt.size()))) {
    tokens[0] = decoder.prefill(0, prompt.first(std::min<std::size_t>(kChunk, prompt.size())));
  }
  while (tokens.size() < count) {
    const std::int64_t slot = 0;
    std::int32_t next = 0;
    decoder.decode({&slot, 1}, {&tokens.back(), 1}, {&next, 1});
    tokens.push_back(next);
  }
  return tokens;
}

Tokens part(const Tokens& tokens, std::size_t begin, std::size_t end) {
  return {tokens.begin() + static_cast<std::ptrdiff_t>(begin),
          tokens.begin() + static_cast<std::ptrdiff_t>(end)};
}

class ComputedReplicaTest : public testing::TestWithParam<Precision> {};

std::vector<Precision> precisions() {
  if (fastest_precision() == Precision::bf16) return {Precision::f32, Precision::bf16};
  return {Precision::f32};
}

INSTANTIATE_TEST_SUITE_P(Each, ComputedReplicaTest, testing::ValuesIn(precisions()),
                         [](const auto& instance) {
                           return instance.param == Precision::bf16 ? "bf16" : "f32";
                         });

TEST_P(ComputedReplicaTest, ATurnContinuesItsConversationAsIfNothingHadBeenInBetween) {
  const auto weights = make_weights(kShape, 3, GetParam());
  ComputedReplica replica(caching_site(1000), weights);
  const Prefix first_turn{7, 0, {}};
  const Prefix second_turn{7, 82, {}};
  const Prefix other{8, 0, {}};
  const Served first = serve(replica, {0, 70, 12, 0, 0, 0, &first_turn});
  serve(replica, {1, 90, 5, 1, 0, 0, &other});  // takes the slot
  const Served second = serve(replica, {2, 112, 10, 2, 0, 0, &second_turn});
  EXPECT_EQ(first.cached_tokens, 0);
  EXPECT_EQ(second.cached_tokens, 81);
  EXPECT_EQ(part(second.tokens, 0, 82), first.tokens) << "its prompt is what was said";

  // The same without leaving the slot: the same steps, so the same bits and the same tokens.
  Decoder decoder(weights, 3, kChunk);
  EXPECT_EQ(answer(decoder, std::span(first.tokens).first(70), 12), part(first.tokens, 70, 82));
  EXPECT_EQ(answer(decoder, std::span(second.tokens).subspan(81, 31), 10),
            part(second.tokens, 112, 122));
  if (GetParam() == Precision::f32) {
    // Other steps round otherwise, which is far below what separates tokens in f32.
    decoder.reset(0);
    EXPECT_EQ(answer(decoder, std::span(second.tokens).first(112), 10),
              part(second.tokens, 112, 122));
  }
}

TEST_P(ComputedReplicaTest, BlocksThatPromptsHaveInCommonAreComputedOnce) {
  const auto weights = make_weights(kShape, 3, GetParam());
  ComputedReplica replica(caching_site(5000), weights);
  const Prefix one{0, 0, {1, 2, 3}};
  const Prefix two{0, 0, {1, 2, 9}};
  const Served first = serve(replica, {0, 1100, 3, 0, 0, 0, &one});
  const Served second = serve(replica, {1, 1130, 10, 1, 0, 0, &two});
  EXPECT_EQ(second.cached_tokens, 2 * kBlockTokens);
  EXPECT_EQ(part(second.tokens, 0, 1024), part(first.tokens, 0, 1024));
  EXPECT_NE(part(second.tokens, 1024, 1100), part(first.tokens, 1024, 1100));
  // Chunks begin where the cached tokens end either way: the same bits.
  Decoder decoder(weights, 3, kChunk);
  EXPECT_EQ(answer(decoder, std::span(second.tokens).first(1130), 10),
            part(second.tokens, 1130, 1140));
}

// Requests of a few conversations and prompts with common blocks, several at once, in a KV cache
// that preempts and a prefix cache that gives up: what is kept in memory is what the cache says.
RC_GTEST_PROP(ComputedReplicaMemory, KeysAndValuesAreFreedWithTheirEntries, ()) {
  static const auto weights = make_weights({1, 16, 1, 1, 16, 16}, 1, Precision::f32);
  Site site = caching_site(*rc::gen::element(0, 100, 700, 1600, 100'000));
  site.max_step_tokens = 512;
  site.kv_tokens = 700;
  ComputedReplica replica(site, weights);
  const auto per_token = static_cast<std::size_t>(Decoder(weights, 1, 1).kv_bytes_per_token());
  std::deque<Prefix> prefixes;
  RequestId submitted = 0;
  const auto requests = *rc::gen::inRange<RequestId>(0, 20);
  for (std::int64_t now_ns = 0;; ++now_ns) {
    // At least one when idle, so that the test goes on.
    int arrivals = *rc::gen::inRange(0, 3) + (replica.replica().running() == 0 ? 1 : 0);
    for (; arrivals > 0 && submitted < requests; --arrivals, ++submitted) {
      Prefix prefix;
      const bool blocks = *rc::gen::arbitrary<bool>();
      const auto prompt = *rc::gen::inRange<std::int32_t>(blocks ? 500 : 1, 600);
      if (blocks) {
        const auto key = *rc::gen::inRange<std::uint64_t>(1, 4);
        prefix.blocks = {key, 10 * key + *rc::gen::inRange<std::uint64_t>(0, 2)};
      } else {
        prefix.conversation = *rc::gen::inRange<std::uint64_t>(100, 103);
        prefix.known_tokens = *rc::gen::inRange<std::int32_t>(0, prompt + 1);
      }
      prefixes.push_back(prefix);
      replica.submit(
          {submitted, prompt, *rc::gen::inRange(1, 60), submitted, 0, 0, &prefixes.back()});
    }
    if (replica.plan_step(now_ns).empty()) {
      if (submitted == requests) break;
      continue;
    }
    replica.compute_decode();
    replica.compute_prompts();
    replica.finish_step(now_ns);
    std::size_t bytes = 0;
    const PrefixCache* cache = replica.replica().prefix_cache();
    for (std::uint64_t key = 0; cache != nullptr && key < 110; ++key) {
      bytes += static_cast<std::size_t>((cache->tokens(key) + 15) / 16 * 16) * per_token;
    }
    RC_ASSERT(replica.kept_bytes() == bytes);
  }
}

}  // namespace
}  // namespace tokenlift::computed_replica_test
