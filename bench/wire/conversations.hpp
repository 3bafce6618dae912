#pragma once
// What was said in conversations so far: what their next turns send along.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/fleet/lru.hpp"
#include "bench/record/request.hpp"
#include "bench/wire/request_text.hpp"

namespace tokenlift {

/// A conversation is kept from its first answer to its last, or to a turn that is not served. Where
/// there are too many those that rest the longest are forgotten. Their next turn says what was
/// known as if it were one turn of the user.
class Conversations {
 public:
  static constexpr std::size_t kMost = 200'000;
  static constexpr std::size_t kMostAnswerBytes = std::size_t{256} << 20;  ///< of all answers

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
    if (const Said* const known = said_.use(work.prefix->conversation)) {
      turns = known->turns;
    } else {
      turns.push_back({work.prefix->conversation, known_tokens - system_tokens, 0});
    }
    turns.push_back({work.number, work.prompt_tokens - known_tokens, 0});
    return turns;
  }

  /// It was answered, with so many tokens, and another turn is to come. `answer`: as of SaidTurn.
  void answered(const Work& work, std::int64_t system_tokens, std::int64_t answer_tokens,
                std::shared_ptr<const std::string> answer) {
    if (!is_turn(work)) return;
    Said said{turns(work, system_tokens)};
    said.turns.back().answer_tokens = answer_tokens;
    said.turns.back().answer = std::move(answer);
    for (const SaidTurn& turn : said.turns) said.bytes += turn.answer ? turn.answer->size() : 0;
    Said& kept = said_.put(work.prefix->conversation);
    answer_bytes_ += said.bytes - kept.bytes;
    kept = std::move(said);
    while (said_.size() > kMost || (answer_bytes_ > kMostAnswerBytes && said_.size() > 1)) {
      answer_bytes_ -= said_.drop_oldest().second.bytes;
    }
  }

  /// No more turns of it come.
  void ended(std::uint64_t conversation) {
    const Said* const known = said_.find(conversation);
    if (known == nullptr) return;
    answer_bytes_ -= known->bytes;
    said_.erase(conversation);
  }

  std::size_t size() const { return said_.size(); }
  std::size_t answer_bytes() const { return answer_bytes_; }

  static bool is_turn(const Work& work) {
    return work.prefix != nullptr && work.prefix->conversation != 0;
  }

 private:
  struct Said {
    std::vector<SaidTurn> turns = {};
    std::size_t bytes = 0;  // of its answers
  };

  Lru<Said> said_;
  std::size_t answer_bytes_ = 0;
};

}  // namespace tokenlift
