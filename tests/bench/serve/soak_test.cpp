// The server for long, over loopback: nothing is lost, and memory stays what it is.
//
// A few seconds' worth of requests as a test; scripts/soak plays as many as it is told.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/fleet/virtual_fleet.hpp"
#include "bench/machine/workers.hpp"
#include "bench/record/recorder.hpp"
#include "bench/run/loop.hpp"
#include "bench/serve/server.hpp"
#include "bench/serve/timetable.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::soak_test {
namespace {

const std::string kScenario = R"(
name = "soak"
[run]
engine = "virtual"
duration = "10s"
settle = "1s"
[[fleet.site]]
name = "hall"
replicas = 4
profile = "quick"
max_batch = 32
kv_tokens = 1000000
[profile.quick]
pricing = "mixed"
decode = { a = "50us", b = "0ns", c = "0ns" }
prefill = { p0 = "1us", p1 = "0ns", p2 = "0ns" }
[[tenant]]
name = "users"
users = 16
arrivals = { process = "poisson", rate = "1/s" }
prompt_tokens = { distribution = "constant", value = 8 }
output_tokens = { distribution = "constant", value = 2 }
[[tenant]]
name = "refused"
arrivals = { process = "poisson", rate = "1/s" }
prompt_tokens = { distribution = "constant", value = 8 }
output_tokens = { distribution = "constant", value = 2 }
[[throttle]]
name = "door"
kind = "token_bucket"
unit = "requests"
tenants = ["refused"]
rate = "1/h"
burst = 1
when_full = "reject"
)";
constexpr std::int64_t kLongestNs = 12 * 3'600'000'000'000;

/// The server and its loop on a thread of their own.
class Serving {
 public:
  Serving()
      : resolved_(resolve(served_scenario(parse_scenario(kScenario, "soak", ".", {}), kLongestNs),
                          std::nullopt)),
        scenario_(scenario_at_door(resolved_)),
        timetable_(resolved_, {}),
        server_(scenario_, {{"127.0.0.1", 0}, {}, {}, nullptr, false, {}}, clock_, timetable_) {}

  std::uint16_t port() const { return server_.port(); }
  void start() {
    thread_ = std::jthread([this] { run(); });
  }
  Run stop() {
    stop_ = true;
    thread_.join();
    return std::move(run_);
  }
  double littles_law_error = 0;

 private:
  void run() {
    RecordingGrid grid = make_grid(scenario_);
    Recorder recorder(scenario_, grid);
    TokenRecord tokens(grid);
    Workers workers(1);
    const auto fleet = make_virtual_fleet(scenario_, grid, workers, Stepping::each);
    ProgressBoard board;
    const std::atomic<bool> never{false};
    Loop loop(scenario_, grid, clock_, *fleet, recorder, board, stop_,
              Elsewhere{&grid, nullptr, &never, &server_});
    const LoopOutcome outcome = loop.run();
    server_.finish();
    fleet->stop(outcome.end_ns, tokens);
    run_ = recorder.finish(outcome.end_ns, tokens);
    littles_law_error = recorder.littles_law_error();
  }

  Scenario resolved_, scenario_;
  ServeClock clock_;
  Timetable timetable_;
  Server server_;
  std::atomic<bool> stop_{false};
  Run run_;
  std::jthread thread_;
};

/// What clients ask in turn.
enum class Kind : std::uint8_t { stream, whole, refused, wrong, hung_up };
constexpr std::size_t kKinds = 5;

std::string text_of(Kind kind) {
  const bool stream = kind == Kind::stream || kind == Kind::hung_up;
  const int tokens = kind == Kind::hung_up ? 1000 : 2;
  std::string body = R"({"model":"default","prompt":[1,2,3],"ignore_eos":true,"max_tokens":)" +
                     std::to_string(tokens) + R"(,"stream":)" + (stream ? "true" : "false") + "}";
  if (kind == Kind::wrong) body = "{";
  return std::string("POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nx-tenant: ") +
         (kind == Kind::refused ? "refused" : "users") +
         "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Many connections, one request on each at a time, of all kinds in turn.
class Clients {
 public:
  Clients(std::uint16_t port, std::size_t connections) : port_(port), epoll_(epoll_create1(0)) {
    for (std::size_t i = 0; i < kKinds; ++i) texts_[i] = text_of(static_cast<Kind>(i));
    peers_.resize(connections);
    for (std::size_t i = 0; i < connections; ++i) connect_again(i);
  }
  ~Clients() {
    for (const Peer& peer : peers_) close(peer.socket);
    close(epoll_);
  }

  std::array<std::uint64_t, kKinds> ended{};  // as they should
  std::uint64_t surprises = 0;
  std::uint64_t asked = 0;

  /// So many more, all of which have ended then.
  void ask(std::uint64_t requests) {
    to_ask_ += requests;
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      if (!peers_[i].busy) next(i);
    }
    while (busy_ > 0) {
      std::array<epoll_event, 64> events{};
      const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < ready; ++i) read(events[static_cast<std::size_t>(i)].data.u32);
    }
  }

 private:
  struct Peer {
    int socket = -1;
    bool busy = false;
    Kind kind = Kind::stream;
    std::string got;
  };

  void connect_again(std::size_t i) {
    if (peers_[i].socket >= 0) close(peers_[i].socket);
    const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    // Closed by a reset: so that ports are free again at once.
    const linger at_once{1, 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      std::abort();
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = static_cast<std::uint32_t>(i);
    epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
    peers_[i].socket = descriptor;
  }
  void next(std::size_t i) {
    Peer& peer = peers_[i];
    if (to_ask_ == 0) return;
    --to_ask_;
    ++busy_;
    peer.busy = true;
    peer.kind = static_cast<Kind>(asked++ % kKinds);
    std::string().swap(peer.got);  // the room, too: what grows is to be the server
    const std::string& text = texts_[static_cast<std::size_t>(peer.kind)];
    if (send(peer.socket, text.data(), text.size(), MSG_NOSIGNAL) != std::ssize(text)) {
      std::abort();
    }
  }
  void read(std::size_t i) {
    Peer& peer = peers_[i];
    std::array<char, 16'384> bytes{};
    const ssize_t got = recv(peer.socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0) return;
    if (got == 0) {
      ++surprises;
      end(i, true);
      return;
    }
    peer.got.append(bytes.data(), static_cast<std::size_t>(got));
    if (peer.kind == Kind::hung_up) {  // the server has begun to answer
      ++ended[static_cast<std::size_t>(peer.kind)];
      end(i, true);
    } else if (is_whole(peer.got)) {
      ++(peer.got.starts_with(expected(peer.kind)) ? ended[static_cast<std::size_t>(peer.kind)]
                                                   : surprises);
      end(i, false);
    }
  }
  void end(std::size_t i, bool hang_up) {
    peers_[i].busy = false;
    --busy_;
    if (hang_up) connect_again(i);
    next(i);
  }
  static std::string_view expected(Kind kind) {
    if (kind == Kind::refused) return "HTTP/1.1 429 ";
    return kind == Kind::wrong ? "HTTP/1.1 400 " : "HTTP/1.1 200 ";
  }
  static bool is_whole(const std::string& text) {
    const auto head = text.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    constexpr std::string_view kLength = "content-length: ";
    const auto length = text.find(kLength);
    if (length == std::string::npos || length > head) return text.ends_with("\r\n0\r\n\r\n");
    return text.size() == head + 4 + std::stoul(text.substr(length + kLength.size()));
  }

  std::uint16_t port_;
  int epoll_;
  std::array<std::string, kKinds> texts_;
  std::vector<Peer> peers_;
  std::uint64_t to_ask_ = 0;
  std::uint64_t busy_ = 0;
};

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* const said = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return said == nullptr ? otherwise : std::stoull(said);
}

std::int64_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

TEST(Soak, NothingIsLostAndMemoryStaysWhatItIs) {
  const std::uint64_t requests = setting("TOKENLIFT_SOAK_REQUESTS", 10'000);
  const std::chrono::seconds most(setting("TOKENLIFT_SOAK_SECONDS", 3'600));
  const auto until = std::chrono::steady_clock::now() + most;
  const std::uint64_t part_requests = std::min<std::uint64_t>(requests / 100, 10'000);
  const std::uint64_t parts = requests / part_requests;
  constexpr std::uint64_t kWarmUp = 20;  // parts after which memory is to stay what it is
  // Buffers of 64 connections, which reach their largest size at some time: of 10 M requests a leak
  // of a byte each would be more.
  constexpr std::int64_t kMostGrowthBytes = 64 * (std::int64_t{48} << 10);
  Serving serving;
  Clients clients(serving.port(), 64);
  serving.start();
  std::int64_t before = 0;
  std::uint64_t part = 0;
  for (; part < parts && (part <= kWarmUp || std::chrono::steady_clock::now() < until); ++part) {
    clients.ask(part_requests);
    if (part == kWarmUp) before = allocated_bytes();
  }
  const std::int64_t growth = allocated_bytes() - before;
  const auto run = serving.stop();
  if (part < parts) std::cout << "time was up after " << clients.asked << " requests\n";
  std::cout << clients.asked << " requests; allocated " << before << " bytes, then " << growth
            << " more\n";

  const auto ended = [&](Kind kind) { return clients.ended[static_cast<std::size_t>(kind)]; };
  const Counts& totals = run.totals;
  // The first of the tenant whose bucket holds one is let through, and is a surprise.
  EXPECT_EQ(clients.surprises, 1U);
  EXPECT_EQ(totals.due, clients.asked - ended(Kind::wrong)) << "what is wrong is no request";
  EXPECT_EQ(totals.rejected, ended(Kind::refused));
  EXPECT_EQ(totals.completed + totals.cancelled,
            ended(Kind::stream) + ended(Kind::whole) + ended(Kind::hung_up) + clients.surprises);
  EXPECT_GE(totals.completed, ended(Kind::stream) + ended(Kind::whole) + clients.surprises);
  EXPECT_EQ(totals.due, totals.completed + totals.rejected + totals.cancelled);
  EXPECT_EQ(totals.in_flight + totals.expired + totals.failed, 0U);
  EXPECT_LE(serving.littles_law_error, 1e-12);
  EXPECT_LE(growth, kMostGrowthBytes);
}

}  // namespace
}  // namespace tokenlift::soak_test
