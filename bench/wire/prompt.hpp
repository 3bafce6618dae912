#pragma once
// What the prompts say: as many words as the stated tokens need, token ids, or lines of a file.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/scenario/endpoint.hpp"

namespace tokenlift {

/// The lines of a prompts file. Throws Mistakes (with file, line and column) for what is no prompt.
std::vector<std::string> read_prompts(const std::string& path);

/// The prompts of one tenant.
class PromptSource {
 public:
  /// `seed` and `tenant` are the key of its draws.
  PromptSource(const Prompts& prompts, std::uint64_t seed, std::uint32_t tenant);

  /// Words per token that a tokenizer at the other end turned out to use, 1 until it is known.
  void set_words_per_token(double words_per_token);

  /// Appends `tokens` tokens' worth of text to `out`, as the inside of a JSON string. The same for
  /// the same (seed, tenant, key, tokens); texts of different keys have no beginning in common.
  void append_text(std::uint64_t key, std::int64_t tokens, std::string& out) const;
  /// Appends a JSON array of `tokens` token ids, 1,000 .. 29,999.
  void append_ids(std::uint64_t key, std::int64_t tokens, std::string& out) const;
  /// The system prompt of the tenant, as the inside of a JSON string; empty: none.
  const std::string& system_text() const;

  const Prompts& settings() const { return prompts_; }

 private:
  Prompts prompts_;
  std::uint64_t seed_ = 0;
  std::uint32_t tenant_ = 0;
  double words_per_token_ = 1;
  std::vector<std::string> lines_;  // kind file, escaped for JSON
  std::string system_;
};

}  // namespace tokenlift
