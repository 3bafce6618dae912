#include "bench/fleet/prefix_cache.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace tokenlift::prefix_cache_test {
namespace {

using Keys = std::vector<std::uint64_t>;

Prefix conversation(std::uint64_t key, std::int32_t known_tokens) {
  return {key, known_tokens, {}};
}

Prefix blocks(Keys keys) {
  return {0, 0, std::move(keys)};
}

Keys insert(PrefixCache& cache, const Prefix& prefix, std::int64_t prompt, std::int64_t output) {
  const auto evicted = cache.insert(prefix, prompt, output);
  return {evicted.begin(), evicted.end()};
}

TEST(PrefixCache, AConversationGrowsAndIsFoundAsFarAsItIsKnown) {
  PrefixCache cache(1000);
  EXPECT_EQ(cache.lookup(conversation(7, 0), 100), 0);
  insert(cache, conversation(7, 0), 100, 21);
  EXPECT_EQ(cache.tokens(7), 120) << "the last token was never fed back";
  EXPECT_EQ(cache.lookup(conversation(7, 121), 200), 120);
  EXPECT_EQ(cache.lookup(conversation(7, 50), 200), 50) << "no more than was said before";
  EXPECT_EQ(cache.lookup(conversation(8, 121), 200), 0) << "another conversation";
  insert(cache, conversation(7, 121), 200, 50);
  EXPECT_EQ(cache.tokens(7), 249);
  EXPECT_EQ(cache.used_tokens(), 249);
}

TEST(PrefixCache, OneTokenOfAPromptIsAlwaysComputed) {
  PrefixCache cache(10'000);
  insert(cache, conversation(7, 0), 100, 1);
  EXPECT_EQ(cache.lookup(conversation(7, 100), 100), 99);
  insert(cache, blocks({1, 2}), 1024, 5);
  EXPECT_EQ(cache.lookup(blocks({1, 2}), 1024), 1023);
  EXPECT_EQ(cache.lookup(conversation(7, 1), 1), 0);
}

TEST(PrefixCache, BlocksOfAnotherSizeCountAsManyTokens) {
  PrefixCache cache(100);
  Prefix prefix = blocks({1, 2, 3, 4, 5, 6, 7, 8});
  prefix.block_tokens = 16;
  insert(cache, prefix, 120, 5);
  EXPECT_EQ(cache.used_tokens(), 96) << "six blocks: the cache has room for no more";
  EXPECT_EQ(cache.lookup(prefix, 120), 96);
  EXPECT_EQ(cache.lookup(prefix, 90), 89);
}

TEST(PrefixCache, BlocksAreFoundUpToTheFirstMissingOne) {
  PrefixCache cache(10 * kBlockTokens);
  insert(cache, blocks({1, 2, 3, 4}), 3 * kBlockTokens + 100, 900);
  EXPECT_EQ(cache.used_tokens(), 3 * kBlockTokens) << "full blocks only, and of the prompt alone";
  EXPECT_EQ(cache.lookup(blocks({1, 2, 3, 4}), 2000), 1536);
  EXPECT_EQ(cache.lookup(blocks({1, 2, 9, 3}), 2000), 1024);
  EXPECT_EQ(cache.lookup(blocks({9, 1, 2, 3}), 2000), 0);
  insert(cache, blocks({1, 2, 9, 10}), 4 * kBlockTokens, 1);
  EXPECT_EQ(cache.used_tokens(), 5 * kBlockTokens) << "what is alike is kept once";
}

TEST(PrefixCache, LeastRecentlyUsedGoesFirst) {
  PrefixCache cache(300);
  insert(cache, conversation(1, 0), 100, 1);
  insert(cache, conversation(2, 0), 100, 1);
  insert(cache, conversation(3, 0), 100, 1);
  EXPECT_EQ(cache.lookup(conversation(1, 100), 150), 100);
  EXPECT_EQ(insert(cache, conversation(4, 0), 50, 1), (Keys{2})) << "1 was looked up since";
  EXPECT_EQ(insert(cache, conversation(1, 100), 200, 1), (Keys{3})) << "growth takes room too";
  EXPECT_EQ(cache.used_tokens(), 250);
  EXPECT_EQ(insert(cache, conversation(5, 0), 300, 1), (Keys{4, 1})) << "oldest first";
}

TEST(PrefixCache, TheLastBlockOfAPromptGoesFirst) {
  PrefixCache cache(4 * kBlockTokens);
  insert(cache, blocks({1, 2, 3}), 3 * kBlockTokens, 1);
  EXPECT_EQ(insert(cache, blocks({4, 5, 6}), 2 * kBlockTokens, 1), (Keys{3}));
  EXPECT_EQ(cache.lookup(blocks({1, 2, 3}), 2000), 2 * kBlockTokens);
  EXPECT_EQ(insert(cache, blocks({7}), kBlockTokens, 1), (Keys{5})) << "1 and 2 were just used";
}

TEST(PrefixCache, OfWhatIsLargerThanTheCacheItsBeginningIsKept) {
  PrefixCache cache(2 * kBlockTokens + 1);
  insert(cache, conversation(1, 0), 10, 1);
  EXPECT_EQ(insert(cache, conversation(2, 0), 5000, 10), (Keys{1}));
  EXPECT_EQ(cache.tokens(2), 2 * kBlockTokens + 1);
  EXPECT_EQ(insert(cache, blocks({3, 4, 5}), 5000, 10), (Keys{2}));
  EXPECT_EQ(cache.lookup(blocks({3, 4, 5}), 5000), 2 * kBlockTokens);
  PrefixCache tiny(kBlockTokens - 1);
  insert(tiny, blocks({3}), 5000, 10);
  EXPECT_EQ(tiny.used_tokens(), 0) << "not even one block";
}

/// What PrefixCache means, in a list that is searched from end to end.
class NaiveCache {
 public:
  explicit NaiveCache(std::int64_t capacity) : capacity_(capacity) {}

  std::int64_t lookup(const Prefix& prefix, std::int64_t prompt) {
    std::int64_t found = 0;
    if (prefix.conversation != 0) {
      found = std::min<std::int64_t>(tokens(prefix.conversation), prefix.known_tokens);
      put(prefix.conversation, tokens(prefix.conversation));
    } else {
      Keys known = prefix.blocks;
      known.erase(std::find_if(known.begin(), known.end(),
                               [&](std::uint64_t key) { return tokens(key) == 0; }),
                  known.end());
      std::reverse(known.begin(), known.end());
      for (const std::uint64_t key : known) put(key, kBlockTokens);
      found = static_cast<std::int64_t>(known.size()) * kBlockTokens;
    }
    return std::min(found, prompt - 1);
  }

  Keys insert(const Prefix& prefix, std::int64_t prompt, std::int64_t output) {
    if (prefix.conversation != 0) {
      put(prefix.conversation, std::min(capacity_, prompt + output - 1));
    } else {
      Keys full = prefix.blocks;
      const std::int64_t most = std::min(prompt, capacity_) / kBlockTokens;
      if (std::ssize(full) > most) full.resize(static_cast<std::size_t>(most));
      std::reverse(full.begin(), full.end());
      for (const std::uint64_t key : full) put(key, kBlockTokens);
    }
    Keys evicted;
    while (used() > capacity_) {
      evicted.push_back(entries_.front().first);
      entries_.erase(entries_.begin());
    }
    return evicted;
  }

  std::int64_t used() const {
    std::int64_t sum = 0;
    for (const auto& entry : entries_) sum += entry.second;
    return sum;
  }
  std::int64_t tokens(std::uint64_t key) const {
    for (const auto& entry : entries_) {
      if (entry.first == key) return entry.second;
    }
    return 0;
  }

 private:
  void put(std::uint64_t key, std::int64_t tokens) {
    std::erase_if(entries_, [key](const auto& entry) { return entry.first == key; });
    if (tokens > 0) entries_.emplace_back(key, tokens);
  }

  std::int64_t capacity_;
  std::vector<std::pair<std::uint64_t, std::int64_t>> entries_;  // the newest is last
};

RC_GTEST_PROP(PrefixCache, DoesWhatASearchThroughAListDoes, ()) {
  const auto capacity = *rc::gen::element<std::int64_t>(1, 300, 511, 512, 1500, 4096, 100'000);
  PrefixCache cache(capacity);
  NaiveCache naive(capacity);
  for (int i = *rc::gen::inRange(0, 200); i > 0; --i) {
    Prefix prefix;
    const auto prompt = *rc::gen::inRange<std::int32_t>(1, 3000);
    const auto output = *rc::gen::inRange<std::int32_t>(1, 500);
    if (*rc::gen::arbitrary<bool>()) {
      prefix.conversation = *rc::gen::inRange<std::uint64_t>(1, 9);
      prefix.known_tokens = *rc::gen::inRange<std::int32_t>(0, prompt + 1);
    } else {
      // Each key names all before it, so a first block and a last one say it all.
      const auto root = *rc::gen::inRange<std::uint64_t>(1, 5) * 100;
      const auto fork = *rc::gen::inRange<std::uint64_t>(0, 6);
      for (std::uint64_t b = 0; b * kBlockTokens < static_cast<std::uint64_t>(prompt); ++b) {
        prefix.blocks.push_back(root + b + (b >= fork ? 10 : 0));
      }
    }
    if (*rc::gen::arbitrary<bool>()) {
      RC_ASSERT(cache.lookup(prefix, prompt) == naive.lookup(prefix, prompt));
    } else {
      RC_ASSERT(insert(cache, prefix, prompt, output) == naive.insert(prefix, prompt, output));
    }
    RC_ASSERT(cache.used_tokens() == naive.used());
    RC_ASSERT(cache.used_tokens() <= capacity);
    const auto key = *rc::gen::inRange<std::uint64_t>(1, 9);
    RC_ASSERT(cache.tokens(key) == naive.tokens(key));
  }
}

}  // namespace
}  // namespace tokenlift::prefix_cache_test
