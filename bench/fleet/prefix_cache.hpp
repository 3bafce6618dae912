#pragma once
// What a replica keeps of finished requests, so that a prompt which begins alike need not be
// computed all over: least recently used goes first. A pure state machine, O(1) per key.
//
// A conversation is one entry that grows turn by turn, and goes as a whole. A block of a trace is
// an entry of its own; of the blocks of one prompt the last one goes first, since without the ones
// before it it is of no use. Of what is larger than the whole cache its beginning is kept, up to
// the capacity (in whole blocks), and everything else goes.

#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

#include "bench/fleet/lru.hpp"
#include "bench/record/request.hpp"

namespace tokenlift {

class PrefixCache {
 public:
  /// `capacity_tokens` >= 1.
  explicit PrefixCache(std::int64_t capacity_tokens,
                       std::pmr::memory_resource* memory = std::pmr::get_default_resource());

  /// Tokens found of a prompt that is about to be computed, from its beginning: what its
  /// conversation has left here, or its blocks up to the first one that is missing. At most
  /// prompt_tokens - 1, since the last token has to be computed to see what follows. What is found
  /// counts as used.
  std::int64_t lookup(const Prefix& prefix, std::int64_t prompt_tokens);

  /// Keeps what a finished request leaves in the KV cache: of a conversation prompt and output, but
  /// for the last token, which was never fed back; of blocks those that the prompt fills. Returns
  /// the keys given up for that, never one of its own; good until the next call.
  std::span<const std::uint64_t> insert(const Prefix& prefix, std::int64_t prompt_tokens,
                                        std::int64_t output_tokens);

  /// Tokens under one key; 0 if it is not there.
  std::int64_t tokens(std::uint64_t key) const;
  std::int64_t used_tokens() const { return used_tokens_; }
  std::int64_t capacity_tokens() const { return capacity_tokens_; }

 private:
  void keep(std::uint64_t key, std::int64_t tokens);

  std::int64_t capacity_tokens_;
  std::int64_t used_tokens_ = 0;
  Lru<std::int64_t> entries_;  // tokens by key
  std::vector<std::uint64_t> evicted_;
};

}  // namespace tokenlift
