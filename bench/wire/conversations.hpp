#pragma once
// What was said in conversations so far: what their next turns send along.

#include <cstdint>
#include <utility>
#include <vector>

#include "bench/fleet/lru.hpp"
#include "bench/record/request.hpp"
#include "bench/wire/request_text.hpp"

namespace tokenlift {

/// Nobody says when a conversation is over: those that rest the longest are forgotten. Their next
/// turn, should there be one, says what was known as if it were one turn of the user.
class Conversations {
 public:
  static constexpr std::size_t kMost = 200'000;

  /// The turns of a request that goes on with a conversation (or begins one), itself the last;
  /// none where it is of no conversation. A prompt begins with so many tokens of the system's.
  std::vector<SaidTurn> turns(const Work& work, std::int64_t system_tokens) {
    if (!is_turn(work)) return {};
    const std::int64_t known_tokens = work.prefix->known_tokens;
    std::vector<SaidTurn> turns;
    if (known_tokens == 0) {
      turns.push_back({work.number, work.prompt_tokens - system_tokens, 0});
      return turns;
    }
    if (const std::vector<SaidTurn>* const known = said_.use(work.prefix->conversation)) {
      turns = *known;
    } else {
      turns.push_back({work.prefix->conversation, known_tokens - system_tokens, 0});
    }
    turns.push_back({work.number, work.prompt_tokens - known_tokens, 0});
    return turns;
  }

  /// It was answered, with so many tokens.
  void answered(const Work& work, std::int64_t system_tokens, std::int64_t answer_tokens) {
    if (!is_turn(work)) return;
    std::vector<SaidTurn> said = turns(work, system_tokens);
    said.back().answer_tokens = answer_tokens;
    said_.put(work.prefix->conversation) = std::move(said);
    if (said_.size() > kMost) said_.drop_oldest();
  }

 private:
  static bool is_turn(const Work& work) {
    return work.prefix != nullptr && work.prefix->conversation != 0;
  }

  Lru<std::vector<SaidTurn>> said_;
};

}  // namespace tokenlift
