// What it takes to serve many streams: the server of `tokenlift serve` beside a bare writer of as
// many bytes.
//
//   serve/chunks/*        the server: an iteration is one token of one of so many streams
//   serve/bare/*          the same by send alone
//   serve/refusals        the server: an iteration is a request that is read, refused and answered
//   serve/bare_refusals   the same by epoll, recv and send alone
//   serve/requests        the server: a request of one token, read and answered as a stream
//
// Its clients are in another process, which waits while the server works, and the other way round.
// The loop's part (throttles, fleet, recording) is told by hand. Time is that of the thread's CPU,
// kernel included. memory: of our own for each stream, by what malloc says.

#include <benchmark/benchmark.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/micro/far_side.hpp"
#include "bench/micro/thread_time.hpp"
#include "bench/serve/server.hpp"
#include "bench/serve/timetable.hpp"
#include "bench/wire/socket_room.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::micro_serve {
namespace {

const std::string kScenario = R"(
name = "served"
[run]
engine = "virtual"
duration = "1h"
[[fleet.site]]
name = "hall"
replicas = 2
profile = "h100-8b"
[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "1/s" }
prompt_tokens = { distribution = "constant", value = 8 }
output_tokens = { distribution = "constant", value = 8 }
[[throttle]]
name = "limit"
kind = "token_bucket"
unit = "requests"
rate = "1/s"
burst = 1
)";

std::string request_text() {
  const std::string body =
      R"({"model":"default","stream":true,"max_tokens":100,"ignore_eos":true,"messages":[)"
      R"({"role":"user","content":"What happens when a limit is lifted?"}]})";
  return "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: "
         "application/json\r\nx-request-id: tokenlift-1-0-12345-1\r\ncontent-length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::size_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// The server, told by hand what the loop would tell.
class Served {
 public:
  Served()
      : scenario_(scenario_at_door(
            resolve(served_scenario(parse_scenario(kScenario, "served", ".", {}), std::nullopt),
                    std::nullopt))),
        timetable_(scenario_, {}),
        server_(scenario_, {{"127.0.0.1", 0}, {}, {}, nullptr, false, {}}, clock_, timetable_) {}

  void connect(FarSide& far, std::int64_t streams) {
    far.begin_connect(server_.port(), streams);
    while (!far.done()) turn();
    for (int i = 0; i < 64; ++i) turn();  // those that came last
  }
  /// Reads a request of each connection.
  void take(std::int64_t requests) {
    ids_.clear();
    while (std::ssize(ids_) < requests) {
      clock_.wait(0);
      while (const auto request = server_.next_request()) {
        const auto id = static_cast<RequestId>(ids_.size());
        server_.begun(request->caller, id);
        ids_.push_back(id);
      }
    }
  }
  void admit() {
    for (const RequestId id : ids_) server_.admitted(id, standings_, clock_.now_ns());
  }
  void token() {
    const std::int64_t now_ns = clock_.now_ns();
    for (const RequestId id : ids_) server_.token(id, -1, now_ns, now_ns);
  }
  void complete() {
    Request request;
    request.output_tokens = 1;
    for (const RequestId id : ids_) server_.completed(id, request, clock_.now_ns());
  }
  void refuse() {
    const std::int64_t now_ns = clock_.now_ns();
    const Decision decision{Verdict::rejected, now_ns + 700'000'000};
    for (const RequestId id : ids_) server_.refused(id, decision, standings_, now_ns);
  }
  void send() { server_.pause(clock_.now_ns()); }

 private:
  void turn() {
    clock_.wait(0);
    send();
  }

  Scenario scenario_;
  ServeClock clock_;
  Timetable timetable_;
  Server server_;
  std::vector<GateStanding> standings_ = {{scenario_.throttles.data(), 1, 0, 700'000'000}};
  std::vector<RequestId> ids_;
};

/// Nothing but sockets.
class Bare {
 public:
  Bare() : listener_(socket(AF_INET, SOCK_STREAM, 0)), epoll_(epoll_create1(0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    must(bind(listener_, any, length) == 0 && listen(listener_, 4096) == 0 &&
         getsockname(listener_, any, &length) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~Bare() {
    for (const int each : open_) close(each);
    close(listener_);
    close(epoll_);
  }

  void connect(FarSide& far, std::int64_t streams) {
    far.begin_connect(port_, streams);
    for (std::int64_t i = 0; i < streams; ++i) {
      const int accepted = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
      must(accepted >= 0);
      const int on = 1;
      setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.fd = accepted;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, accepted, &event);
      open_.push_back(accepted);
    }
    while (!far.done()) {
    }
  }
  void write_to_all(const std::string& text) {
    for (const int each : open_) {
      must(::send(each, text.data(), text.size(), MSG_NOSIGNAL) == std::ssize(text));
    }
  }
  /// Reads a request of each, and answers it.
  void answer_all(const std::string& text) {
    for (std::size_t left = open_.size(); left > 0;) {
      const int ready = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 0);
      for (int i = 0; i < ready; ++i) {
        const int descriptor = events_[static_cast<std::size_t>(i)].data.fd;
        must(recv(descriptor, bytes_.data(), bytes_.size(), 0) > 0);
        must(::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL) == std::ssize(text));
      }
      left -= static_cast<std::size_t>(ready);
    }
  }

 private:
  int listener_;
  int epoll_;
  std::uint16_t port_ = 0;
  std::vector<int> open_;
  std::array<epoll_event, 256> events_{};
  std::vector<char> bytes_ = std::vector<char>(std::size_t{1} << 18);
};

/// False where this process may not have so many descriptors.
bool has_room(benchmark::State& state, std::int64_t connections) {
  constexpr std::int64_t kOthers = 100;
  if (raise_descriptor_limit() >= connections + kOthers) return true;
  state.SkipWithError("this process may not have as many descriptors (ulimit -Hn)");
  return false;
}

constexpr int kRounds = 5;

/// Bytes of one chunk.
std::int64_t play_stream(FarSide& far, Served& served, std::int64_t streams) {
  far.write_to_all(request_text());
  served.take(streams);
  served.admit();
  served.token();
  served.send();
  far.read_from_all();
  served.token();
  served.send();
  return far.read_from_all() / streams;
}

void chunks(benchmark::State& state) {
  const std::int64_t streams = state.range(0);
  if (!has_room(state, streams)) return;
  FarSide far;
  Served served;
  const std::size_t before = allocated_bytes();
  served.connect(far, streams);
  const std::int64_t chunk_bytes = play_stream(far, served, streams);
  const auto memory = static_cast<double>(allocated_bytes() - before);
  Stopwatch watch;
  while (state.KeepRunningBatch(streams * kRounds)) {
    for (int round = 0; round < kRounds; ++round) {
      watch.begin();
      served.token();
      served.send();
      watch.end();
      must(far.read_from_all() == streams * chunk_bytes);
    }
    state.SetIterationTime(watch.take());
  }
  state.counters["bytes"] = static_cast<double>(chunk_bytes);
  state.counters["memory"] = memory / static_cast<double>(streams);
}
BENCHMARK(chunks)->Name("serve/chunks")->Arg(1000)->Arg(10'000)->UseManualTime();

void bare_chunks(benchmark::State& state) {
  const std::int64_t streams = state.range(0);
  if (!has_room(state, streams)) return;
  std::int64_t chunk_bytes = 0;
  {
    FarSide far;
    Served served;
    served.connect(far, 1);
    chunk_bytes = play_stream(far, served, 1);
  }
  FarSide far;
  Bare bare;
  bare.connect(far, streams);
  const std::string chunk(static_cast<std::size_t>(chunk_bytes), 'x');
  Stopwatch watch;
  while (state.KeepRunningBatch(streams * kRounds)) {
    for (int round = 0; round < kRounds; ++round) {
      watch.begin();
      bare.write_to_all(chunk);
      watch.end();
      must(far.read_from_all() == streams * chunk_bytes);
    }
    state.SetIterationTime(watch.take());
  }
  state.counters["bytes"] = static_cast<double>(chunk_bytes);
}
BENCHMARK(bare_chunks)->Name("serve/bare")->Arg(1000)->Arg(10'000)->UseManualTime();

constexpr std::int64_t kAtOnce = 64;

void refusals(benchmark::State& state) {
  FarSide far;
  Served served;
  served.connect(far, kAtOnce);
  const std::string request = request_text();
  std::int64_t bytes = 0;
  Stopwatch watch;
  while (state.KeepRunningBatch(kAtOnce)) {
    far.write_to_all(request);
    watch.begin();
    served.take(kAtOnce);
    served.refuse();
    served.send();
    watch.end();
    bytes = far.read_from_all() / kAtOnce;
    state.SetIterationTime(watch.take());
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(refusals)->Name("serve/refusals")->UseManualTime();

void bare_refusals(benchmark::State& state) {
  FarSide far;
  Bare bare;
  bare.connect(far, kAtOnce);
  const std::string request = request_text();
  constexpr std::size_t kAnswerBytes = 400;  // as many as a refusal has
  const std::string answer(kAnswerBytes, 'x');
  Stopwatch watch;
  while (state.KeepRunningBatch(kAtOnce)) {
    far.write_to_all(request);
    watch.begin();
    bare.answer_all(answer);
    watch.end();
    far.read_from_all();
    state.SetIterationTime(watch.take());
  }
}
BENCHMARK(bare_refusals)->Name("serve/bare_refusals")->UseManualTime();

void requests(benchmark::State& state) {
  FarSide far;
  Served served;
  served.connect(far, kAtOnce);
  const std::string request = request_text();
  Stopwatch watch;
  while (state.KeepRunningBatch(kAtOnce)) {
    far.write_to_all(request);
    watch.begin();
    served.take(kAtOnce);
    served.admit();
    served.token();
    served.complete();
    served.send();
    watch.end();
    far.read_from_all();
    state.SetIterationTime(watch.take());
  }
}
BENCHMARK(requests)->Name("serve/requests")->UseManualTime();

}  // namespace
}  // namespace tokenlift::micro_serve
