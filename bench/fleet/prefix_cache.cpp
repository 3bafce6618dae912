#include "bench/fleet/prefix_cache.hpp"

#include <algorithm>
#include <cassert>

namespace tokenlift {

PrefixCache::PrefixCache(std::int64_t capacity_tokens, std::pmr::memory_resource* memory)
    : capacity_tokens_(capacity_tokens), entries_(memory) {
  assert(capacity_tokens >= 1);
}

std::int64_t PrefixCache::lookup(const Prefix& prefix, std::int64_t prompt_tokens) {
  std::int64_t found = 0;
  if (prefix.conversation != 0) {
    const std::int64_t* const tokens = entries_.use(prefix.conversation);
    if (tokens != nullptr) found = std::min<std::int64_t>(*tokens, prefix.known_tokens);
  } else {
    std::size_t blocks = 0;
    while (blocks < prefix.blocks.size() && entries_.find(prefix.blocks[blocks]) != nullptr) {
      ++blocks;
    }
    for (std::size_t i = blocks; i > 0; --i) entries_.use(prefix.blocks[i - 1]);
    found = static_cast<std::int64_t>(blocks) * prefix.block_tokens;
  }
  return std::min(found, prompt_tokens - 1);
}

std::span<const std::uint64_t> PrefixCache::insert(const Prefix& prefix, std::int64_t prompt_tokens,
                                                   std::int64_t output_tokens) {
  evicted_.clear();
  if (prefix.conversation != 0) {
    keep(prefix.conversation, std::min(prompt_tokens + output_tokens - 1, capacity_tokens_));
  } else {
    const std::int64_t blocks =
        std::min({std::ssize(prefix.blocks), prompt_tokens / prefix.block_tokens,
                  capacity_tokens_ / prefix.block_tokens});
    for (std::int64_t i = blocks; i > 0; --i) {
      keep(prefix.blocks[static_cast<std::size_t>(i - 1)], prefix.block_tokens);
    }
  }
  // What was just kept is newer than everything else, and fits by itself.
  while (used_tokens_ > capacity_tokens_) {
    const auto [key, tokens] = entries_.drop_oldest();
    used_tokens_ -= tokens;
    evicted_.push_back(key);
  }
  return evicted_;
}

void PrefixCache::keep(std::uint64_t key, std::int64_t tokens) {
  std::int64_t& entry = entries_.put(key);
  used_tokens_ += tokens - entry;
  entry = tokens;
}

std::int64_t PrefixCache::tokens(std::uint64_t key) const {
  const std::int64_t* const tokens = entries_.find(key);
  return tokens == nullptr ? 0 : *tokens;
}

}  // namespace tokenlift
