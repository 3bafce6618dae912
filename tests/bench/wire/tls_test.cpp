// Who answers must prove who it is.

#include "bench/wire/tls.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "bench/wire/origin.hpp"
#include "tests/bench/wire/fleet_harness.hpp"
#include "tests/bench/wire/scripted_server.hpp"
#include "tests/bench/wire/test_certificates.hpp"

namespace tokenlift::tls_test {
namespace {

class Tls : public testing::Test {
 protected:
  Tls()
      : ca_file_((std::filesystem::temp_directory_path() /
                  ("tokenlift-ca-" + std::to_string(getpid()) + ".pem"))
                     .string()) {
    authority_.write(ca_file_);
  }
  ~Tls() override {
    std::filesystem::remove(ca_file_);
    SSL_CTX_free(server_);
  }

  /// What becomes of a request to a server that is called `names`, asked for as `host`.
  Became ask(const std::string& names, const std::string& host, bool trusted) {
    SSL_CTX_free(server_);
    server_ = authority_.server_for(names);
    ScriptedServer server(
        [](ScriptedServer::Peer& peer) {
          while (peer.read_request()) peer.send(whole_stream(3));
        },
        server_);
    Scenario scenario = wire_scenario(server.url(host));
    if (trusted) scenario.fleet.sites[0].endpoint->ca_file = ca_file_;
    FleetHarness harness(scenario);
    harness.send();
    EXPECT_TRUE(harness.wait_for(1));
    if (harness.became.empty()) return {};
    const WireRecord record = harness.stop();
    example_ = record.failures.empty() ? "" : record.failures[0].example;
    return harness.became[0];
  }

  TestAuthority authority_;
  std::string ca_file_;
  std::string example_;
  SSL_CTX* server_ = nullptr;
};

TEST_F(Tls, ACertificateThatIsTrustedForTheHostIsAccepted) {
  EXPECT_EQ(ask("DNS:localhost", "localhost", true).news.kind, NewsKind::completed) << example_;
  EXPECT_EQ(ask("IP:127.0.0.1", "127.0.0.1", true).news.kind, NewsKind::completed) << example_;
}

TEST_F(Tls, WhoIsNotTrustedIsNotAsked) {
  const Became became = ask("DNS:localhost", "localhost", false);
  EXPECT_EQ(became.news.kind, NewsKind::failed);
  EXPECT_EQ(became.reply.failure, "tls");
  EXPECT_NE(example_.find("certificate"), std::string::npos) << example_;
}

TEST_F(Tls, ACertificateForAnotherHostIsNotAccepted) {
  EXPECT_EQ(ask("DNS:elsewhere.example", "localhost", true).reply.failure, "tls");
  EXPECT_NE(example_.find("ostname mismatch"), std::string::npos) << example_;
  EXPECT_EQ(ask("DNS:localhost", "127.0.0.1", true).reply.failure, "tls");
  EXPECT_NE(example_.find("IP address mismatch"), std::string::npos) << example_;
}

TEST_F(Tls, LongAnswersAndManyRequestsPassThroughIt) {
  server_ = authority_.server_for("DNS:localhost");
  constexpr int kTokens = 2'000;  // more than a record, and than is read at once
  ScriptedServer server(
      [](ScriptedServer::Peer& peer) {
        while (peer.read_request()) peer.send(whole_stream(kTokens));
      },
      server_);
  Scenario scenario = wire_scenario(server.url("localhost"));
  scenario.fleet.sites[0].endpoint->ca_file = ca_file_;
  FleetHarness harness(scenario);
  constexpr std::size_t kRequests = 20;  // more than may shake hands at once
  for (std::size_t i = 0; i < kRequests; ++i) harness.send();
  ASSERT_TRUE(harness.wait_for(kRequests));
  for (const Became& became : harness.became) {
    EXPECT_EQ(became.news.kind, NewsKind::completed);
    EXPECT_EQ(became.reply.deltas, kTokens);
  }
  EXPECT_EQ(harness.stop().deltas, kRequests * kTokens);
}

TEST_F(Tls, AStreamThatIsCutIsCut) {
  server_ = authority_.server_for("DNS:localhost");
  ScriptedServer server(
      [](ScriptedServer::Peer& peer) {
        peer.read_request();
        peer.send(std::string(kStreamHead) + text_chunk("a"));
        peer.stop();  // without saying so
      },
      server_);
  Scenario scenario = wire_scenario(server.url("localhost"));
  scenario.fleet.sites[0].endpoint->ca_file = ca_file_;
  FleetHarness harness(scenario);
  harness.send();
  ASSERT_TRUE(harness.wait_for(1));
  EXPECT_EQ(harness.became[0].reply.failure, "cut");
}

TEST_F(Tls, AServerThatSpeaksNoTlsIsATlsFailure) {
  ScriptedServer server([](ScriptedServer::Peer& peer) {
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.finish();
    peer.read_request();
  });
  const std::string url = "https://127.0.0.1:" + std::to_string(server.port());
  FleetHarness harness(wire_scenario(url));
  harness.send();
  ASSERT_TRUE(harness.wait_for(1));
  EXPECT_EQ(harness.became[0].reply.failure, "tls");
}

TEST_F(Tls, AFileWithoutCertificatesIsNoAuthority) {
  EXPECT_THROW(TlsContext(std::string("/dev/null")), EndpointError);
  EXPECT_THROW(TlsContext(std::string("/nowhere/ca.pem")), EndpointError);
}

TEST_F(Tls, AServerHasACertificateAndItsKey) {
  EXPECT_THROW(TlsContext(TlsIdentity{"/nowhere/server.pem", "/nowhere/server.key"}),
               EndpointError);
  EXPECT_THROW(TlsContext(TlsIdentity{ca_file_, "/nowhere/server.key"}), EndpointError);
  EXPECT_THROW(TlsContext(TlsIdentity{ca_file_, ca_file_}), EndpointError) << "it holds no key";
}

}  // namespace
}  // namespace tokenlift::tls_test
