#include "bench/wire/connection_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>

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

}  // namespace
}  // namespace tokenlift::connection_pool_test
