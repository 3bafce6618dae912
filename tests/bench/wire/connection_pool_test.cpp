#include "bench/wire/connection_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "bench/wire/conversations.hpp"
#include "tests/bench/wire/fleet_harness.hpp"
#include "tests/bench/wire/scripted_server.hpp"

namespace tokenlift::connection_pool_test {
namespace {

using Peer = ScriptedServer::Peer;

TEST(ConnectionPool, FewHandshakesAreUnderWayAtOnce) {
  std::atomic<std::size_t> open{0};
  std::atomic<std::size_t> most_open{0};
  const ScriptedServer server([&](Peer& peer) {
    const std::size_t now_open = ++open;
    std::size_t most = most_open;
    while (most < now_open && !most_open.compare_exchange_weak(most, now_open)) {
    }
    peer.read_request();  // which is a handshake, that nobody answers
    --open;
  });
  Scenario scenario = wire_scenario("https://127.0.0.1:" + std::to_string(server.port()));
  scenario.fleet.sites[0].endpoint->connect_timeout_ns = 30'000'000;
  FleetHarness harness(scenario);
  constexpr std::size_t kRequests = 3 * ConnectionPool::kMostHandshakes;
  for (std::size_t i = 0; i < kRequests; ++i) harness.send();
  ASSERT_TRUE(harness.wait_for(kRequests));
  for (const Became& became : harness.became) {
    EXPECT_EQ(became.reply.failure, "connect_timeout");
  }
  // The server may hear of the ends of the first ones after the next have begun.
  EXPECT_LE(most_open, 2 * ConnectionPool::kMostHandshakes);
}

TEST(ConnectionPool, ManyRequestsAtOnceHaveAConnectionEach) {
  TestGate all_are_there;
  std::atomic<std::size_t> asked{0};
  constexpr std::size_t kRequests = 3 * ConnectionPool::kMostConnecting;
  ScriptedServer server([&](Peer& peer) {
    while (peer.read_request()) {
      if (++asked == kRequests) all_are_there.open();
      all_are_there.wait();
      peer.send(whole_stream(1));
    }
  });
  FleetHarness harness(wire_scenario(server.url()));
  for (std::size_t i = 0; i < kRequests; ++i) harness.send();
  ASSERT_TRUE(harness.wait_for(kRequests));
  for (std::size_t i = 0; i < kRequests; ++i) harness.send();
  ASSERT_TRUE(harness.wait_for(2 * kRequests));
  EXPECT_EQ(harness.stop().connections, kRequests);  // each used twice
}

TEST(ConnectionPool, AConnectionOnWhichSomebodySpeaksUnaskedIsDropped) {
  TestGate speak;
  TestGate said;
  ScriptedServer server([&](Peer& peer) {
    peer.read_request();
    peer.send(whole_stream(1));
    if (peer.number() == 0) {
      speak.wait();
      peer.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
      said.open();
    }
    peer.read_request();
  });
  FleetHarness harness(wire_scenario(server.url()));
  harness.send();
  ASSERT_TRUE(harness.wait_for(1));
  speak.open();
  said.wait();
  harness.turn();
  harness.send();
  ASSERT_TRUE(harness.wait_for(2));
  EXPECT_NE(harness.became[1].reply.status, 408);
  EXPECT_EQ(harness.became[1].news.kind, NewsKind::completed);
}

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
  conversations.ended(turn_of(prefix, 41, 50));
  conversations.ended(turn_of(prefix, 41, 50));  // it is not there any more
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

}  // namespace
}  // namespace tokenlift::connection_pool_test
