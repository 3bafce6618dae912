// What a turn of a session sends of what was said and answered before it.

#include "bench/wire/conversations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/wire/fleet_harness.hpp"
#include "tests/bench/wire/scripted_server.hpp"

namespace tokenlift::conversations_test {
namespace {

using Peer = ScriptedServer::Peer;

Work turn_of(const Prefix& prefix, std::uint64_t number, std::int32_t prompt_tokens) {
  Work work;
  work.prefix = &prefix;
  work.number = number;
  work.prompt_tokens = prompt_tokens;
  return work;
}

TEST(Conversations, ATurnBringsWhatWasSaidBeforeIt) {
  Conversations conversations;
  Prefix prefix{7, 0, {}};
  const Work first = turn_of(prefix, 40, 30);
  const std::vector<SaidTurn> begin = conversations.turns(first, 10);
  ASSERT_EQ(begin.size(), 1U);
  EXPECT_EQ(begin[0].key, 40U);
  EXPECT_EQ(begin[0].tokens, 20);  // without those of the system
  const auto answer = std::make_shared<const std::string>("five words of an answer");
  conversations.answered(first, 10, 5, answer);

  prefix.known_tokens = 35;
  const std::vector<SaidTurn> both = conversations.turns(turn_of(prefix, 41, 50), 10);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].key, 40U);
  EXPECT_EQ(both[0].tokens, 20);
  EXPECT_EQ(both[0].answer_tokens, 5);
  EXPECT_EQ(both[0].answer, answer) << "the same text, and no copy of it";
  EXPECT_EQ(both[1].key, 41U);
  EXPECT_EQ(both[1].tokens, 15);
  EXPECT_EQ(both[1].answer_tokens, 0);
  EXPECT_EQ(both[1].answer, nullptr);
}

TEST(Conversations, NothingIsKeptOfOneThatHasEnded) {
  Conversations conversations;
  Prefix prefix{7, 0, {}};
  const std::weak_ptr<const std::string> answer = [&] {
    const auto text = std::make_shared<const std::string>(1000, 'a');
    conversations.answered(turn_of(prefix, 40, 30), 0, 5, text);
    return text;
  }();
  const Prefix other{8, 0, {}};
  conversations.answered(turn_of(other, 50, 30), 0, 5, nullptr);
  EXPECT_FALSE(answer.expired());
  EXPECT_EQ(conversations.size(), 2U);
  EXPECT_EQ(conversations.answer_bytes(), 1000U);
  prefix.known_tokens = 35;
  conversations.ended(7);
  conversations.ended(7);  // it is not there any more
  EXPECT_TRUE(answer.expired());
  EXPECT_EQ(conversations.size(), 1U);
  EXPECT_EQ(conversations.answer_bytes(), 0U);
}

TEST(Conversations, ThoseThatRestTheLongestAreForgottenWhereAnswersAreTooMany) {
  Conversations conversations;
  const auto answer = std::make_shared<const std::string>(Conversations::kMostAnswerBytes / 2, 'a');
  for (std::uint64_t key = 1; key <= 3; ++key) {
    const Prefix prefix{key, 0, {}};
    conversations.answered(turn_of(prefix, key, 30), 0, 5, answer);
  }
  EXPECT_EQ(conversations.size(), 2U);
  EXPECT_EQ(conversations.answer_bytes(), Conversations::kMostAnswerBytes);
  const auto keeps = [&](std::uint64_t key) {
    const Prefix prefix{key, 35, {}};
    return conversations.turns(turn_of(prefix, 9, 50), 0)[0].answer != nullptr;
  };
  EXPECT_FALSE(keeps(1));
  EXPECT_TRUE(keeps(2));
  EXPECT_TRUE(keeps(3));
}

TEST(Conversations, OneThatIsForgottenIsOneTurn) {
  Conversations conversations;
  const Prefix prefix{7, 35, {}};
  const std::vector<SaidTurn> turns = conversations.turns(turn_of(prefix, 41, 50), 10);
  ASSERT_EQ(turns.size(), 2U);
  EXPECT_EQ(turns[0].tokens, 25);
  EXPECT_EQ(turns[1].tokens, 15);
}

TEST(Conversations, ARequestOfNoneHasNoTurns) {
  Conversations conversations;
  Work work;
  EXPECT_TRUE(conversations.turns(work, 0).empty());
  const Prefix blocks{0, 0, {1, 2}};
  EXPECT_TRUE(conversations.turns(turn_of(blocks, 1, 5), 0).empty());
}

/// A turn of 8 tokens, and when it is answered, with 4, one of 8 more.
void send_two_turns(FleetHarness& harness, Prefix& prefix) {
  harness.send(0, &prefix, 8);
  ASSERT_TRUE(harness.wait_for(1));
  prefix.known_tokens = 12;
  harness.send(0, &prefix, 20);
  ASSERT_TRUE(harness.wait_for(2));
}

/// Three turns in a session.
Scenario talking_scenario(const std::string& url) {
  Scenario scenario = wire_scenario(url);
  Sessions& sessions = scenario.tenants[0].sessions.emplace();
  sessions.turns.mean = 3;
  sessions.turns.max = 3;
  sessions.max_context_tokens = 1000;
  return scenario;
}

// Somebody else knows that no turn comes any more: one was refused, say.
TEST(Conversations, TheTextOfOneThatEndsIsLetGoAtOnce) {
  ScriptedServer server([&](Peer& peer) {
    while (peer.read_request()) peer.send(whole_stream(4));
  });
  FleetHarness harness(talking_scenario(server.url()));
  const Prefix prefix{77, 0, {}};
  harness.send(0, &prefix, 8);
  ASSERT_TRUE(harness.wait_for(1));
  EXPECT_GT(harness.fleet().kept_answer_bytes(), 0U);
  harness.fleet().conversation_ended(78);
  EXPECT_GT(harness.fleet().kept_answer_bytes(), 0U) << "that is another one";
  harness.fleet().conversation_ended(77);
  EXPECT_EQ(harness.fleet().kept_answer_bytes(), 0U);
}

TEST(Conversations, TurnsOfAConversationSendWhatWasSaid) {
  std::vector<std::string> bodies;
  ScriptedServer server([&](Peer& peer) {
    while (const auto request = peer.read_request()) {
      bodies.push_back(request->body);
      peer.send(whole_stream(4));
    }
  });
  FleetHarness harness(talking_scenario(server.url()));
  Prefix prefix{77, 0, {}};
  ASSERT_NO_FATAL_FAILURE(send_two_turns(harness, prefix));
  ASSERT_EQ(bodies.size(), 2U);
  const auto messages = [](const std::string& body) {
    const std::size_t begin = body.find("\"messages\":[") + 12;
    return body.substr(begin, body.find("}]", begin) - begin);
  };
  const auto count = [](const std::string& text, const std::string& word) {
    std::size_t found = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count(bodies[0], "\"role\":\"user\""), 1U);
  EXPECT_EQ(count(bodies[1], "\"role\":\"user\""), 2U);
  EXPECT_EQ(count(bodies[1], "\"role\":\"assistant\""), 1U);
  EXPECT_EQ(count(bodies[1], R"("content":" word word word word")"), 1U) << bodies[1];
  EXPECT_EQ(messages(bodies[1]).find(messages(bodies[0])), 0U);  // it goes on with that
}

// The answers in later turns are of the server's own tokens.
TEST(Conversations, WordsPerTokenAreMeasuredByFirstTurns) {
  std::atomic<std::size_t> bytes{0};
  const ScriptedServer server([&](Peer& peer) {
    while (const auto request = peer.read_request()) {
      bytes = request->body.size();
      const bool is_first = request->body.find("assistant") == std::string::npos;
      peer.send(whole_stream(4, is_first ? 200 : 1000));  // two tokens to a word
    }
  });
  Scenario scenario = talking_scenario(server.url());
  scenario.run.warmup_ns = 3'600'000'000'000;
  FleetHarness harness(scenario);
  std::size_t sent = 0;
  std::size_t in_warm_up = 0;
  for (std::uint64_t key = 1; key <= 5; ++key) {
    Prefix prefix{key, 0, {}};
    harness.send(0, &prefix, 100);
    ASSERT_TRUE(harness.wait_for(++sent));
    in_warm_up = bytes;
    prefix.known_tokens = 990;
    harness.send(0, &prefix, 1000);
    ASSERT_TRUE(harness.wait_for(++sent));
  }
  const Prefix prefix{6, 0, {}};
  harness.send(0, &prefix, 100, scenario.run.warmup_ns);
  ASSERT_TRUE(harness.wait_for(++sent));
  EXPECT_LT(bytes, in_warm_up * 3 / 4);
  EXPECT_GT(bytes, in_warm_up / 3);
}

TEST(Conversations, AnswersOfTokenIdsAreSynthetic) {
  std::vector<std::string> bodies;
  ScriptedServer server([&](Peer& peer) {
    while (const auto request = peer.read_request()) {
      bodies.push_back(request->body);
      peer.send(std::string(kStreamHead) + chunk("data: {\"choices\":[{\"text\":\"a\"}]}\n\n") +
                usage_chunk(8, 4) + done_chunk() + std::string(kLastChunk));
    }
  });
  Scenario scenario = talking_scenario(server.url());
  scenario.fleet.sites[0].endpoint->api = Api::openai_completions;
  scenario.tenants[0].prompts.kind = PromptKind::token_ids;
  FleetHarness harness(scenario);
  Prefix prefix{77, 0, {}};
  ASSERT_NO_FATAL_FAILURE(send_two_turns(harness, prefix));
  ASSERT_EQ(bodies.size(), 2U);
  const std::string ids = bodies[1].substr(bodies[1].find('['), bodies[1].find(']'));
  EXPECT_EQ(std::ranges::count(ids.substr(0, ids.find(']')), ','), 8 + 4 + 8 - 1) << bodies[1];
}

}  // namespace
}  // namespace tokenlift::conversations_test
