// The server and its clients over sockets: who is slow, and who says what cannot be understood. The
// loop that would serve requests is not there.

#include "bench/serve/server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/serve/timetable.hpp"
#include "tests/bench/wire/test_certificates.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::server_test {
namespace {

constexpr std::int64_t kMs = 1'000'000;

Scenario served() {
  return resolve(served_scenario(parse_scenario(R"(
name = "small"
[run]
engine = "virtual"
duration = "20s"
[[fleet.site]]
name = "here"
replicas = 1
profile = "h100-8b"
[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "1/s" }
prompt_tokens = { distribution = "constant", value = 20 }
output_tokens = { distribution = "constant", value = 5 }
)",
                                                "small", ".", {}),
                                 std::nullopt),
                 std::nullopt);
}

struct Serving {
  explicit Serving(const ClientTimes& times, std::shared_ptr<const TlsContext> tls = nullptr)
      : resolved(served()),
        scenario(scenario_at_door(resolved)),
        timetable(resolved, {}),
        server(scenario, {{"127.0.0.1", 0}, {}, {}, std::move(tls), false, times}, clock,
               timetable) {}
  ~Serving() {
    for (const int socket : sockets) close(socket);
  }

  int connect_to() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    sockets.push_back(socket);
    return socket;
  }
  static void say(int socket, const std::string& text) {
    EXPECT_EQ(send(socket, text.data(), text.size(), MSG_NOSIGNAL), std::ssize(text));
  }
  void turn() {
    const std::int64_t now_ns = clock.wait(std::min(server.next_ns(), clock.now_ns() + 100 * kMs));
    server.pause(now_ns);
  }
  /// All that it is told until its connection is ended.
  std::string rest(int socket) {
    std::string all;
    for (;;) {
      char buffer[4096];
      const ssize_t got = recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno == ECONNRESET)) return all;
      if (got > 0) all.append(buffer, static_cast<std::size_t>(got));
      if (got < 0) turn();
    }
  }

  Scenario resolved, scenario;
  Timetable timetable;
  ServeClock clock;
  Server server;
  std::vector<int> sockets;
};

constexpr const char* kHead = "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\n";

// Long enough that nothing else ends a connection, and over when the test is.
constexpr std::int64_t kLongNs = 600'000 * kMs;

TEST(Server, ASlowHeadIsNotWaitedFor) {
  Serving serving({1 * kMs, kLongNs, kLongNs});
  const int slow = serving.connect_to();
  Serving::say(slow, "GET /health HTTP/1.1\r\nhost: loc");
  const std::string answer = serving.rest(slow);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 ")) << answer;
  EXPECT_NE(answer.find("connection: close"), std::string::npos);
  // Who says nothing at all is told nothing.
  EXPECT_EQ(serving.rest(serving.connect_to()), "");
}

TEST(Server, ASlowBodyIsNotWaitedFor) {
  for (const char* body :
       {"content-length: 100\r\n\r\n", "content-length: 100\r\n\r\n{\"mod",
        "transfer-encoding: chunked\r\n\r\n", "transfer-encoding: chunked\r\n\r\n64\r\n{\"mod"}) {
    Serving serving({kLongNs, 1 * kMs, kLongNs});
    const int slow = serving.connect_to();
    Serving::say(slow, std::string(kHead) + body);
    const std::string answer = serving.rest(slow);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 ")) << body << answer;
  }
}

TEST(Server, WhoAsksNothingMoreIsLetGo) {
  Serving serving({kLongNs, kLongNs, 1 * kMs});
  const int idle = serving.connect_to();
  Serving::say(idle, "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
  const std::string answer = serving.rest(idle);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK")) << answer;
  EXPECT_EQ(answer.find("connection: close"), std::string::npos);
}

class ServerWithTls : public testing::Test {
 protected:
  ServerWithTls()
      : folder_(std::filesystem::temp_directory_path() /
                ("tokenlift-server-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
    const TlsIdentity identity{folder_ / "server.pem", folder_ / "server.key"};
    TestAuthority().write_identity("DNS:localhost", identity.certificate_file, identity.key_file);
    tls_ = std::make_shared<const TlsContext>(identity);
  }
  ~ServerWithTls() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  std::shared_ptr<const TlsContext> tls_;
};

TEST_F(ServerWithTls, HandsThatAreNotShakenCostTheirOwnConnection) {
  Serving serving({1 * kMs, kLongNs, kLongNs}, tls_);
  const int slow = serving.connect_to();
  Serving::say(slow, "\x16\x03\x01");
  EXPECT_EQ(serving.rest(slow), "");
  const int silent = serving.connect_to();
  EXPECT_EQ(serving.rest(silent), "");
  const int broken = serving.connect_to();
  Serving::say(broken, "\x16\x03\x01" + std::string(200, '\x7f'));
  EXPECT_EQ(serving.rest(broken).find("HTTP"), std::string::npos);
}

TEST_F(ServerWithTls, WhoSpeaksPlainHttpIsToldSo) {
  Serving serving({kLongNs, kLongNs, kLongNs}, tls_);
  const int plain = serving.connect_to();
  Serving::say(plain, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
  const std::string answer = serving.rest(plain);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_TRUE(answer.ends_with("ask it by https\n")) << answer;
}

}  // namespace
}  // namespace tokenlift::server_test
