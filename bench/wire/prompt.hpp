#pragma once
// What the prompts say: as many words as the stated tokens need, token ids, or lines of a file.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/scenario/endpoint.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift {

/// The prompts of a file: JSON Lines, each a string or an object with a string `prompt`; blank
/// lines are skipped. Throws ScenarioError (with file, line and column) for what is none, for an
/// empty one and where there is none at all.
std::vector<std::string> read_prompts(const std::string& path);

/// The prompts of one tenant.
class PromptSource {
 public:
  /// `seed` and `tenant` are the key of its draws.
  PromptSource(Prompts prompts, std::uint64_t seed, std::uint32_t tenant);

  /// Words per token that a tokenizer at the other end turned out to use, 1 until it is known.
  void set_words_per_token(double words_per_token);

  /// Appends `tokens` tokens' worth of text to `out`, as the inside of a JSON string; of kind file
  /// a line, whatever `tokens` says. The same for the same (seed, tenant, key, tokens). Texts of
  /// different keys differ within their first 8 words, which is less than a block of any cache.
  void append_text(std::uint64_t key, std::int64_t tokens, std::string& out) const;
  /// Appends `tokens` token ids, 1,000 .. 29,999, as elements of a JSON array, with commas between
  /// them and after the last. Those of different keys differ within the first 5.
  void append_ids(std::uint64_t key, std::int64_t tokens, std::string& out) const;

  /// A prompt of `tokens` tokens that begins with blocks of a trace, of `block_tokens` each but for
  /// the last one: appends their texts or ids, with a space or a comma behind each, and returns how
  /// many tokens are left of it. A block says the same in whatever prompt it stands, of all tenants
  /// of a seed; of a part of it the beginning. Of kind file none is appended.
  std::int64_t append_blocks(std::span<const std::uint64_t> blocks, std::int64_t block_tokens,
                             std::int64_t tokens, std::string& out) const;

  /// The system prompt of the tenant, as the inside of a JSON string; empty: none.
  const std::string& system_text() const { return system_; }
  /// The key of the system prompt, for append_ids. No request has it.
  static constexpr std::uint64_t kSystemKey = ~std::uint64_t{0};

  const Prompts& settings() const { return prompts_; }

 private:
  void append_words(const Draws& draws, std::uint64_t key, std::int64_t tokens,
                    std::string& out) const;

  Prompts prompts_;
  Draws draws_;
  Draws block_draws_;
  double words_per_token_ = 1;
  std::vector<std::string> lines_;  // kind file, escaped for JSON
  std::string system_;
};

}  // namespace tokenlift
