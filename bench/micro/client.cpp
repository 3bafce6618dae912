// What it takes to read many streams: the client of engine http beside a bare reader of the same
// bytes.
//
//   client/chunks/*    the fleet: an iteration is one chunk of one of so many streams
//   client/bare/*      the same by epoll and recv alone, which looks at nothing that it reads
//   client/requests    the fleet: an iteration is a request of one token, on a connection used
//   again client/bare_requests
//
// The server's side is another process, which waits while the client works, and the other way
// round: so every chunk is a read of its own, whoever reads, which is what it costs most. Time is
// that of the thread's CPU, kernel included. memory: of our own for each stream, by what malloc
// says.

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bench/micro/far_side.hpp"
#include "bench/micro/thread_time.hpp"
#include "bench/record/recording_grid.hpp"
#include "bench/wire/http_fleet.hpp"
#include "bench/wire/socket_room.hpp"
#include "bench/wire/wire_clock.hpp"

namespace tokenlift::micro_client {
namespace {

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
// 206 bytes, as a server sends them.
constexpr std::string_view kChunk =
    "c8\r\ndata: {\"id\":\"chatcmpl-0123456789abcdef0123456789abc\",\"object\":"
    "\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"llama-3.1-8b\",\"choices\":"
    "[{\"index\":0,\"delta\":{\"content\":\" word\"},\"logprobs\":null}]}\n\n\r\n";
static_assert(kChunk.size() == 206);
constexpr std::string_view kEnd =
    "56\r\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":1}}\n\n"
    "data: [DONE]\n\n\r\n0\r\n\r\n";

Scenario scenario_for(std::uint16_t port) {
  Scenario scenario;
  scenario.run.engine = Engine::http;
  scenario.run.duration_ns = 600'000'000'000;
  Site& site = scenario.fleet.sites.emplace_back();
  site.name = "server";
  site.endpoint.emplace();
  site.endpoint->url = "http://127.0.0.1:" + std::to_string(port) + "/v1";
  site.endpoint->model = "llama-3.1-8b";
  scenario.tenants.emplace_back().name = "users";
  return scenario;
}

/// The fleet with so many requests in flight.
class FleetSide {
 public:
  FleetSide(FarSide& far, std::uint16_t port, std::int64_t streams)
      : scenario_(scenario_for(port)), grid_(make_grid(scenario_)), streams_(streams) {
    far.begin_accept(streams);
    submit_all();
    while (!far.done()) turn();
    for (int i = 0; i < 4; ++i) read();  // what has been accepted is also connected
  }

  void submit_all() {
    for (std::int64_t i = 0; i < streams_; ++i) {
      Work work;
      work.id = static_cast<RequestId>(i);
      work.number = number_++;
      work.prompt_tokens = 8;
      work.output_tokens = 1;
      fleet_.submit(work, 0, clock_.now_ns());
    }
  }
  /// What there is to read on all connections.
  void read() {
    for (std::int64_t read = 0; read < streams_; read += Poller::kMostAtOnce) turn();
  }
  std::int64_t ended() const { return ended_; }
  WireRecord stop() {
    TokenRecord tokens(grid_);
    fleet_.stop(clock_.now_ns(), tokens);
    return *fleet_.wire();
  }

 private:
  void turn() {
    for (const News& news : fleet_.advance(clock_.wait(0))) {
      must(news.kind == NewsKind::completed);
      ++ended_;
    }
  }

  Scenario scenario_;
  RecordingGrid grid_;
  WireClock clock_;
  HttpFleet fleet_{scenario_, grid_, clock_};
  std::int64_t streams_;
  std::uint64_t number_ = 0;
  std::int64_t ended_ = 0;
};

/// Nothing but sockets.
class BareSide {
 public:
  BareSide(FarSide& far, std::uint16_t port, std::int64_t streams) : epoll_(epoll_create1(0)) {
    far.begin_accept(streams);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    for (std::int64_t i = 0; i < streams; ++i) {
      const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
      must(connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.fd = descriptor;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
      sockets_.push_back(descriptor);
    }
    while (!far.done()) {
    }
  }
  ~BareSide() {
    for (const int each : sockets_) close(each);
    close(epoll_);
  }

  void submit_all() {
    constexpr std::string_view kRequest =
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}";
    for (const int each : sockets_) {
      must(send(each, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) == std::ssize(kRequest));
    }
  }
  void read() {
    for (std::size_t left = sockets_.size(); left > 0;) {
      const int ready = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 0);
      must(ready > 0);
      for (int i = 0; i < ready; ++i) {
        const int descriptor = events_[static_cast<std::size_t>(i)].data.fd;
        must(recv(descriptor, bytes_.data(), bytes_.size(), 0) > 0);
      }
      left -= static_cast<std::size_t>(ready);
    }
  }

 private:
  int epoll_;
  std::vector<int> sockets_;
  std::array<epoll_event, Poller::kMostAtOnce> events_{};
  std::vector<char> bytes_ = std::vector<char>(std::size_t{1} << 18);
};

constexpr int kRounds = 20;

std::size_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

template <typename Side>
void read_chunks(benchmark::State& state) {
  const std::int64_t streams = state.range(0);
  constexpr std::int64_t kOthers = 100;
  if (raise_descriptor_limit() < streams + kOthers) {
    state.SkipWithError("this process may not have as many descriptors (ulimit -Hn)");
    return;
  }
  FarSide server;
  const std::uint16_t port = server.listen();
  const std::size_t before = allocated_bytes();
  Side side(server, port, streams);
  Stopwatch watch;
  if constexpr (std::is_same_v<Side, BareSide>) side.submit_all();
  server.read_from_all();
  server.write_to_all(std::string(kHead) + std::string(kChunk));
  side.read();
  const auto memory = static_cast<double>(allocated_bytes() - before);
  while (state.KeepRunningBatch(streams * kRounds)) {
    for (int round = 0; round < kRounds; ++round) {
      server.write_to_all(kChunk);
      watch.begin();
      side.read();
      watch.end();
    }
    state.SetIterationTime(watch.take());
  }
  if constexpr (std::is_same_v<Side, FleetSide>) {
    const WireRecord record = side.stop();
    must(record.reads > 0 && record.reads_with_several == 0);
    state.counters["memory"] = memory / static_cast<double>(streams);
  }
}
BENCHMARK_TEMPLATE(read_chunks, FleetSide)
    ->Name("client/chunks")
    ->Arg(1000)
    ->Arg(10'000)
    ->UseManualTime();
BENCHMARK_TEMPLATE(read_chunks, BareSide)
    ->Name("client/bare")
    ->Arg(1000)
    ->Arg(10'000)
    ->UseManualTime();

template <typename Side>
void ask(benchmark::State& state) {
  constexpr std::int64_t kAtOnce = 64;
  FarSide server;
  Side side(server, server.listen(), kAtOnce);
  const std::string answer = std::string(kHead) + std::string(kChunk) + std::string(kEnd);
  Stopwatch watch;
  if constexpr (std::is_same_v<Side, BareSide>) side.submit_all();
  server.read_from_all();
  server.write_to_all(answer);
  side.read();
  std::int64_t asked = kAtOnce;
  while (state.KeepRunningBatch(kAtOnce)) {
    watch.begin();
    side.submit_all();
    watch.end();
    asked += kAtOnce;
    server.read_from_all();
    server.write_to_all(answer);
    watch.begin();
    side.read();
    watch.end();
    state.SetIterationTime(watch.take());
  }
  if constexpr (std::is_same_v<Side, FleetSide>) must(side.ended() == asked);
}
BENCHMARK_TEMPLATE(ask, FleetSide)->Name("client/requests")->UseManualTime();
BENCHMARK_TEMPLATE(ask, BareSide)->Name("client/bare_requests")->UseManualTime();

}  // namespace
}  // namespace tokenlift::micro_client
