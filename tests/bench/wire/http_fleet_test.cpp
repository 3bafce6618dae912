// Against a server whose every byte is the test's: what endpoints do well, and badly.

#include "bench/wire/http_fleet.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <string>
#include <vector>

#include "tests/bench/wire/fleet_harness.hpp"
#include "tests/bench/wire/scripted_server.hpp"

namespace tokenlift::http_fleet_test {
namespace {

using Peer = ScriptedServer::Peer;

/// Answers every request of a connection with the same bytes.
ScriptedServer::Script always(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer) {
    while (peer.read_request()) peer.send(bytes);
  };
}

TEST(HttpFleet, AnAnswerIsToldWithItsTokensAndInstants) {
  TestGate second;
  ScriptedServer server([&](Peer& peer) {
    peer.read_request();
    peer.send(std::string(kStreamHead) + text_chunk("Hello"));
    second.wait();
    peer.send(text_chunk(" world") + usage_chunk(11, 3) + done_chunk() + std::string(kLastChunk));
    peer.read_request();
  });
  FleetHarness harness(wire_scenario(server.url()));
  harness.send();
  ASSERT_TRUE(harness.wait_until([&] { return !harness.started.empty(); }));
  second.open();
  ASSERT_TRUE(harness.wait_for(1));
  const auto& [news, reply] = harness.became.front();
  EXPECT_EQ(news.kind, NewsKind::completed);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.deltas, 2);
  EXPECT_EQ(reply.output_tokens, 3);
  EXPECT_EQ(reply.prompt_tokens, 11);
  EXPECT_TRUE(reply.usage_known);
  EXPECT_GE(reply.admitted_ns, 0);
  EXPECT_GE(reply.headers_ns, reply.admitted_ns);
  EXPECT_EQ(news.scheduled_ns, reply.admitted_ns);
  EXPECT_EQ(news.first_token_ns, reply.headers_ns);  // in the same read
  EXPECT_EQ(reply.first_output_ns, news.first_token_ns);
  EXPECT_GT(news.at_ns, news.first_token_ns);
  EXPECT_EQ(harness.started.front().at_ns, reply.admitted_ns);

  const WireRecord record = harness.stop();
  EXPECT_EQ(record.connections, 1U);
  EXPECT_EQ(record.reads, 2U);
  EXPECT_EQ(record.reads_with_several, 0U);
  EXPECT_EQ(record.deltas, 2U);
  EXPECT_EQ(record.asked_tokens, 4U);
  EXPECT_EQ(record.got_tokens, 3U);
  EXPECT_EQ(record.placed_late_tokens, 1U);
  EXPECT_EQ(record.without_usage, 0U);
  EXPECT_EQ(record.asked_prompt_tokens, 8U);
  EXPECT_EQ(record.got_prompt_tokens, 11U);
  EXPECT_GT(record.busy_ns, 0);
  EXPECT_TRUE(record.failures.empty());
  EXPECT_EQ(harness.tokens.produced(0, 0), 3U);
  EXPECT_EQ(harness.tokens.gaps(0).count(), 1U);  // between the two that were seen
}

TEST(HttpFleet, SeveralDeltasInAReadAreOneReadWithOneInstant) {
  ScriptedServer server(always(whole_stream(4)));
  FleetHarness harness(wire_scenario(server.url()));
  harness.send();
  ASSERT_TRUE(harness.wait_for(1));
  EXPECT_EQ(harness.became[0].news.at_ns, harness.became[0].news.first_token_ns);
  const WireRecord record = harness.stop();
  EXPECT_EQ(record.reads, 1U);
  EXPECT_EQ(record.reads_with_several, 1U);
  EXPECT_EQ(harness.tokens.gaps(0).count(), 3U);
}

TEST(HttpFleet, TheLastConnectionThatBecameIdleIsUsedFirst) {
  std::atomic<std::size_t> last_connection{99};
  ScriptedServer server([&](Peer& peer) {
    while (const auto request = peer.read_request()) {
      last_connection = request->connection;
      peer.send(whole_stream(1));
    }
  });
  FleetHarness harness(wire_scenario(server.url()));
  for (std::size_t n = 1; n <= 5; ++n) {
    harness.send();
    ASSERT_TRUE(harness.wait_for(n));
    EXPECT_EQ(last_connection, 0U);
  }
  harness.send();
  harness.send();
  ASSERT_TRUE(harness.wait_for(7));
  EXPECT_EQ(harness.stop().connections, 2U);
}

TEST(HttpFleet, AStreamThatStaysOpenBehindItsEndIsAnAnswer) {
  TestGate end;
  ScriptedServer server([&](Peer& peer) {
    peer.read_request();
    peer.send(std::string(kStreamHead) + text_chunk("Hi") + usage_chunk(8, 1) + done_chunk());
    end.wait();
    peer.send(kLastChunk);
    peer.read_request();
    peer.send(whole_stream(2));
    peer.read_request();
  });
  FleetHarness harness(wire_scenario(server.url()));
  harness.send();
  ASSERT_TRUE(harness.wait_for(1));
  EXPECT_EQ(harness.became[0].news.kind, NewsKind::completed);
  end.open();
}

TEST(HttpFleet, AReplyThatIsNoStreamIsAnAnswer) {
  ScriptedServer server(always(
      response("200 OK",
               R"({"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant",)"
               R"("content":"Hi there"}}],"usage":{"prompt_tokens":9,"completion_tokens":2}})")));
  FleetHarness harness(wire_scenario(server.url()));
  harness.send();
  ASSERT_TRUE(harness.wait_for(1));
  const auto& [news, reply] = harness.became.front();
  EXPECT_EQ(news.kind, NewsKind::completed);
  EXPECT_EQ(reply.output_tokens, 2);
  EXPECT_EQ(news.first_token_ns, news.at_ns);
}

TEST(HttpFleet, ARefusalSaysWhenToComeBack) {
  ScriptedServer server([&](Peer& peer) {
    peer.read_request();
    peer.send(response("429 Too Many Requests", R"({"error":{"message":"slow down"}})",
                       "retry-after: 2\r\nx-should-retry: true\r\n"
                       "x-ratelimit-limit-requests: 100\r\n"
                       "x-ratelimit-remaining-requests: 0\r\n"));
    peer.read_request();
    peer.send(response("503 Service Unavailable", "busy", "", "text/plain"));
    peer.read_request();
    peer.send(response("529 Overloaded", "{}"));
    peer.read_request();
  });
  FleetHarness harness(wire_scenario(server.url()));
  for (std::size_t n = 1; n <= 3; ++n) {
    harness.send();
    ASSERT_TRUE(harness.wait_for(n));
    EXPECT_EQ(harness.became.back().news.kind, NewsKind::refused);
  }
  const Reply& first = harness.became[0].reply;
  EXPECT_EQ(first.status, 429);
  EXPECT_FALSE(first.overloaded);
  EXPECT_EQ(first.retry_at_ns, first.headers_ns + 2'000'000'000);
  EXPECT_EQ(first.should_retry, true);
  EXPECT_EQ(harness.became[0].news.at_ns, first.headers_ns);
  EXPECT_TRUE(harness.became[1].reply.overloaded);
  EXPECT_EQ(harness.became[1].reply.retry_at_ns, std::nullopt);
  EXPECT_TRUE(harness.became[2].reply.overloaded);
  const WireRecord record = harness.stop();
  EXPECT_EQ(record.connections, 1U);  // it was good for all three
  EXPECT_TRUE(harness.started.empty());
  ASSERT_EQ(record.server.size(), 2U);
  EXPECT_EQ(record.server[0].site, "gateway");
  EXPECT_EQ(record.server[0].figure, "limit.requests");
  EXPECT_EQ(record.server[0].values.back(), 100);
  EXPECT_EQ(record.server[1].figure, "remaining.requests");
  EXPECT_EQ(record.server[1].values.back(), 0);
}

/// One request to a server that plays this script: how it failed, and the example of that.
struct Failed {
  std::string kind;
  std::string example;
  std::int32_t tokens = 0;
};
Failed failure_of(const ScriptedServer& server, Scenario scenario) {
  scenario.fleet.sites[0].endpoint->url = server.url();
  FleetHarness harness(std::move(scenario));
  harness.send();
  if (!harness.wait_for(1)) return {"nothing came of it", "", 0};
  const auto& [news, reply] = harness.became.front();
  if (news.kind != NewsKind::failed) return {"it did not fail", "", 0};
  const WireRecord record = harness.stop();
  if (record.failures.size() != 1 || record.failures[0].count != 1 ||
      record.failures[0].kind != reply.failure) {
    return {"the table does not fit", "", 0};
  }
  return {record.failures[0].kind, record.failures[0].example, news.count};
}
Failed failure_of(const ScriptedServer::Script& script) {
  const ScriptedServer server(script);
  return failure_of(server, wire_scenario(""));
}
Failed failure_of_answer(std::string bytes) {
  return failure_of([&](Peer& peer) {
    peer.read_request();
    peer.send(bytes);
    peer.finish();
    peer.read_request();
  });
}

TEST(HttpFleet, EveryWayToFailHasItsKind) {
  EXPECT_EQ(failure_of([](Peer& peer) { peer.read_request(); }).kind, "reset");
  EXPECT_EQ(failure_of([](Peer& peer) {
              peer.read_request();
              peer.reset();
            }).kind,
            "reset");
  EXPECT_EQ(failure_of_answer("HTTP/1.1 200 OK\r\nContent-Ty").kind, "reset");

  const std::string cut = std::string(kStreamHead) + text_chunk("a") + text_chunk("b");
  const Failed was_cut = failure_of_answer(cut);
  EXPECT_EQ(was_cut.kind, "cut");
  EXPECT_EQ(was_cut.tokens, 2);
  const Failed unfinished = failure_of_answer(cut + std::string(kLastChunk));
  EXPECT_EQ(unfinished.kind, "cut");
  EXPECT_NE(unfinished.example.find("[DONE]"), std::string::npos) << unfinished.example;
  EXPECT_EQ(failure_of([&](Peer& peer) {
              peer.read_request();
              peer.send(cut);
              peer.reset();
            }).kind,
            "cut");

  const Failed status = failure_of_answer(
      response("500 Internal Server Error", R"({"error":{"message":"CUDA out of memory"}})"));
  EXPECT_EQ(status.kind, "status");
  EXPECT_NE(status.example.find("500"), std::string::npos) << status.example;
  EXPECT_NE(status.example.find("CUDA out of memory"), std::string::npos) << status.example;
  const Failed moved =
      failure_of_answer(response("302 Found", "", "Location: https://elsewhere.example/\r\n"));
  EXPECT_EQ(moved.kind, "redirect");
  EXPECT_NE(moved.example.find("https://elsewhere.example/"), std::string::npos) << moved.example;

  EXPECT_EQ(failure_of_answer("SSH-2.0-OpenSSH_9.2\r\n\r\n").kind, "not_http");
  EXPECT_EQ(failure_of_answer(std::string(kStreamHead) + "not a size\r\n").kind, "not_http");
  const Failed page = failure_of_answer(response(
      "200 OK", "<html><body>Please sign in</body></html>", "", "text/html; charset=utf-8"));
  EXPECT_EQ(page.kind, "not_json");
  EXPECT_NE(page.example.find("Please sign in"), std::string::npos) << page.example;
  EXPECT_EQ(failure_of_answer(std::string(kStreamHead) + chunk("data: {\"choices\n\n")).kind,
            "not_json");

  const Failed inside =
      failure_of_answer(std::string(kStreamHead) + text_chunk("a") +
                        chunk("data: {\"error\":{\"message\":\"engine died\",\"code\":500}}\n\n") +
                        std::string(kLastChunk));
  EXPECT_EQ(inside.kind, "error_in_stream");
  EXPECT_EQ(inside.example, "engine died");
  EXPECT_EQ(inside.tokens, 1);
  EXPECT_EQ(
      failure_of_answer(std::string(kStreamHead) + done_chunk() + std::string(kLastChunk)).kind,
      "empty");
  EXPECT_EQ(failure_of_answer("HTTP/1.1 204 No Content\r\n\r\n").kind, "empty");
}

TEST(HttpFleet, WhoSaysNothingInTimeHasFailed) {
  Scenario scenario = wire_scenario("");
  Endpoint& endpoint = *scenario.fleet.sites[0].endpoint;
  endpoint.first_byte_timeout_ns = 30'000'000;
  {
    const ScriptedServer server([](Peer& peer) {
      peer.read_request();
      peer.read_request();  // until the client goes
    });
    EXPECT_EQ(failure_of(server, scenario).kind, "first_byte_timeout");
  }
  endpoint.first_byte_timeout_ns = 60'000'000'000;
  endpoint.between_timeout_ns = 30'000'000;
  const ScriptedServer server([](Peer& peer) {
    peer.read_request();
    peer.send(std::string(kStreamHead) + text_chunk("a"));
    peer.read_request();
  });
  const Failed stalled = failure_of(server, scenario);
  EXPECT_EQ(stalled.kind, "stalled");
  EXPECT_EQ(stalled.tokens, 1);
}

TEST(HttpFleet, WhoListensToNobodyIsNoConnection) {
  std::uint16_t port = 0;
  {
    const ScriptedServer server([](Peer&) {});
    port = server.port();
  }
  FleetHarness harness(wire_scenario("http://127.0.0.1:" + std::to_string(port) + "/v1"));
  harness.send();
  harness.send();
  ASSERT_TRUE(harness.wait_for(2));
  EXPECT_EQ(harness.became[0].reply.failure, "no_connection");
  const WireRecord record = harness.stop();
  ASSERT_EQ(record.failures.size(), 1U);
  EXPECT_EQ(record.failures[0].count, 2U);
  EXPECT_NE(record.failures[0].example.find("refused"), std::string::npos);
  EXPECT_EQ(record.connections, 0U);
}

TEST(HttpFleet, WhoDoesNotAcceptInTimeIsToldApart) {
  // Whoever listens without accepting answers nobody any more once its queue is full.
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  ASSERT_EQ(bind(listener, any, length), 0);
  ASSERT_EQ(listen(listener, 0), 0);
  ASSERT_EQ(getsockname(listener, any, &length), 0);
  std::vector<int> queued;
  for (int i = 0; i < 4; ++i) {
    queued.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    static_cast<void>(connect(queued.back(), any, length));
  }
  Scenario scenario = wire_scenario("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
  scenario.fleet.sites[0].endpoint->connect_timeout_ns = 50'000'000;
  FleetHarness harness(scenario);
  for (std::size_t i = 0; i < ConnectionPool::kMostConnecting + 10; ++i) harness.send();
  ASSERT_TRUE(harness.wait_for(ConnectionPool::kMostConnecting + 10));
  for (const Became& became : harness.became) {
    EXPECT_EQ(became.reply.failure, "connect_timeout");
  }
  for (const int each : queued) close(each);
  close(listener);
}

TEST(HttpFleet, AMachineWithoutDescriptorsIsToldApart) {
  const ScriptedServer server(always(whole_stream(1)));
  FleetHarness harness(wire_scenario(server.url()));
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{1, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  harness.send();
  const bool ended = harness.wait_for(1);
  setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_TRUE(ended);
  EXPECT_EQ(harness.became[0].reply.failure, "no_descriptors");
}

TEST(HttpFleet, WordsPerTokenAreMeasuredInTheWarmUp) {
  std::atomic<std::size_t> bytes{0};
  const ScriptedServer server([&](Peer& peer) {
    while (const auto request = peer.read_request()) {
      bytes = request->body.size();
      peer.send(whole_stream(1, 200));  // two tokens to a word
    }
  });
  Scenario scenario = wire_scenario(server.url());
  scenario.run.warmup_ns = 3'600'000'000'000;
  FleetHarness harness(scenario);
  for (std::size_t n = 1; n <= 5; ++n) {
    harness.send(0, nullptr, 100);
    ASSERT_TRUE(harness.wait_for(n));
  }
  const std::size_t in_warm_up = bytes;
  harness.send(0, nullptr, 100, scenario.run.warmup_ns);
  ASSERT_TRUE(harness.wait_for(6));
  EXPECT_LT(bytes, in_warm_up * 3 / 4);
  EXPECT_GT(bytes, in_warm_up / 3);
  const WireRecord record = harness.stop();
  EXPECT_EQ(record.asked_prompt_tokens, 100U);  // of the one with measured words
  EXPECT_EQ(record.got_prompt_tokens, 200U);
}

TEST(HttpFleet, ChunksOfAnswersThatBrokeAreNotCountedAsCompletedOnes) {
  std::atomic<int> asked{0};
  const ScriptedServer server([&](Peer& peer) {
    while (peer.read_request()) {
      if (asked++ > 0) {
        peer.send(whole_stream(3));
        continue;
      }
      peer.send(std::string(kStreamHead) + text_chunk("Hello"));
      return;
    }
  });
  FleetHarness harness(wire_scenario(server.url()));
  harness.send();
  ASSERT_TRUE(harness.wait_for(1));
  EXPECT_EQ(harness.became[0].news.kind, NewsKind::failed);
  harness.send();
  ASSERT_TRUE(harness.wait_for(2));
  EXPECT_EQ(harness.became[1].news.kind, NewsKind::completed);
  const WireRecord record = harness.stop();
  EXPECT_EQ(record.deltas, 3U);
  EXPECT_EQ(record.got_tokens, 3U);
}

TEST(HttpFleet, AConnectionThatTheServerHadClosedIsNoFailure) {
  // The end of the first connection crosses the second request, which nobody reads there.
  ScriptedServer server([&](Peer& peer) {
    if (peer.number() > 0) {
      while (peer.read_request()) peer.send(whole_stream(1));
      return;
    }
    peer.read_request();
    peer.send(whole_stream(1));
    peer.read_request();
    peer.reset();
  });
  FleetHarness harness(wire_scenario(server.url()));
  harness.send();
  ASSERT_TRUE(harness.wait_for(1));
  harness.send();
  ASSERT_TRUE(harness.wait_for(2));
  EXPECT_EQ(harness.became[1].news.kind, NewsKind::completed);
  const WireRecord record = harness.stop();
  EXPECT_EQ(record.connections, 2U);
  EXPECT_TRUE(record.failures.empty());
}

TEST(HttpFleet, AConnectionThatIsClosedWhileIdleIsNotUsedAgain) {
  TestGate close;
  ScriptedServer server([&](Peer& peer) {
    peer.read_request();
    peer.send(whole_stream(1));
    if (peer.number() == 0) {
      close.wait();
      return;
    }
    peer.read_request();
  });
  FleetHarness harness(wire_scenario(server.url()));
  harness.send();
  ASSERT_TRUE(harness.wait_for(1));
  close.open();
  for (int i = 0; i < 3; ++i) harness.turn();
  harness.send();
  ASSERT_TRUE(harness.wait_for(2));
  EXPECT_EQ(harness.became[1].news.kind, NewsKind::completed);
  EXPECT_EQ(harness.stop().connections, 2U);
}

TEST(HttpFleet, WhoClosesBehindEachAnswerIsAskedOnNewConnections) {
  ScriptedServer server([](Peer& peer) {
    peer.read_request();
    peer.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"
        "data: [DONE]\n\n");
  });
  FleetHarness harness(wire_scenario(server.url()));
  for (std::size_t n = 1; n <= 3; ++n) {
    harness.send();
    ASSERT_TRUE(harness.wait_for(n));
    EXPECT_EQ(harness.became.back().news.kind, NewsKind::completed);
    EXPECT_FALSE(harness.became.back().reply.usage_known);
  }
  const WireRecord record = harness.stop();
  EXPECT_EQ(record.connections, 3U);
  EXPECT_EQ(record.without_usage, 3U);
}

TEST(HttpFleet, WhatOneSiteRefusesAnotherMayTake) {
  ScriptedServer busy(always(response("429 Too Many Requests", "{}")));
  ScriptedServer idle(always(whole_stream(2)));
  Scenario scenario = wire_scenario(busy.url());
  scenario.fleet.sites[0].endpoint->on_refusal = OnRefusal::next_site;
  scenario.fleet.sites.push_back(scenario.fleet.sites[0]);
  scenario.fleet.sites[1].name = "other";
  scenario.fleet.sites[1].endpoint->url = idle.url();
  {
    FleetHarness harness(scenario);
    harness.send(0);
    ASSERT_TRUE(harness.wait_for(1));
    const News& news = harness.became[0].news;
    EXPECT_EQ(news.kind, NewsKind::completed);
    EXPECT_EQ(news.replica, 0U);  // the router's choice
    EXPECT_EQ(news.site, 1U);
  }
  {
    // The time that one had to answer in is not that of the next.
    scenario.fleet.sites[0].endpoint->first_byte_timeout_ns = 200'000'000;
    scenario.fleet.sites[0].endpoint->between_timeout_ns = 200'000'000;
    TestGate answers;
    ScriptedServer slow([&](Peer& peer) {
      peer.read_request();
      answers.wait();
      peer.send(whole_stream(1));
      peer.read_request();
    });
    scenario.fleet.sites[1].endpoint->url = slow.url();
    FleetHarness harness(scenario);
    harness.send(0);
    const std::int64_t until_ns = harness.clock().now_ns() + 300'000'000;
    EXPECT_TRUE(harness.wait_until([&] { return harness.clock().now_ns() > until_ns; }));
    EXPECT_TRUE(harness.became.empty());
    answers.open();
    ASSERT_TRUE(harness.wait_for(1));
    EXPECT_EQ(harness.became[0].news.kind, NewsKind::completed);
  }
  // Each is asked once.
  scenario.fleet.sites[1].endpoint->url = busy.url();
  FleetHarness harness(scenario);
  harness.send(1);
  ASSERT_TRUE(harness.wait_for(1));
  EXPECT_EQ(harness.became[0].news.kind, NewsKind::refused);
  EXPECT_EQ(harness.became[0].news.replica, 1U);
  EXPECT_EQ(harness.became[0].news.site, 0U);
}

TEST(HttpFleet, KeysAreSentAndNeverShown) {
  setenv("TOKENLIFT_TEST_KEY", "sk-very-secret", 1);
  std::string seen;
  ScriptedServer server([&](Peer& peer) {
    seen = peer.read_request()->head;
    peer.send(response("401 Unauthorized",
                       R"({"error":{"message":"key sk-very-secret and hunter22 are unknown"}})"));
    peer.read_request();
  });
  Scenario scenario = wire_scenario("");
  scenario.fleet.sites[0].endpoint->credentials.key_env = "TOKENLIFT_TEST_KEY";
  scenario.fleet.sites[0].endpoint->credentials.headers = {{"X-Api-Token", "hunter22"}};
  const Failed failed = failure_of(server, scenario);
  EXPECT_NE(seen.find("sk-very-secret"), std::string::npos);
  EXPECT_NE(seen.find("hunter22"), std::string::npos);
  EXPECT_EQ(failed.kind, "status");
  EXPECT_EQ(failed.example, "401: key *** and *** are unknown");
}

// Tokens of answers under way: until the loop is told what came of them.
TEST(HttpFleet, SaysHowManyTokensHaveComeOfAnswersUnderWay) {
  TestGate rest;
  ScriptedServer server([&](Peer& peer) {
    peer.read_request();
    peer.send(std::string(kStreamHead) + text_chunk("a") + text_chunk("b"));
    rest.wait();
    peer.send(text_chunk("c") + usage_chunk(8, 4) + done_chunk() + std::string(kLastChunk));
    peer.read_request();
  });
  FleetHarness harness(wire_scenario(server.url()));
  EXPECT_EQ(harness.fleet().open_tokens(), 0);
  harness.send();
  ASSERT_TRUE(harness.wait_until([&] { return harness.fleet().open_tokens() == 2; }));
  EXPECT_TRUE(harness.became.empty());
  rest.open();
  ASSERT_TRUE(harness.wait_for(1));
  EXPECT_EQ(harness.became[0].reply.output_tokens, 4);
  EXPECT_EQ(harness.fleet().open_tokens(), 0);
}

}  // namespace
}  // namespace tokenlift::http_fleet_test
