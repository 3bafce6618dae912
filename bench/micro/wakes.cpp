// What a request costs in wake-ups alone, with nothing of ours in between: the threads that it goes
// through, each of which sleeps until the one before it has written.
//
//   wakes/direct   loop -> worker -> loop: by condition variables, as engine threads has it
//   wakes/wire     client -> server -> worker -> server -> client: by loopback sockets between
//                  client and server, who wait in epoll, and by eventfd from the worker
//
// The worker computes for 300 us, and between two requests everybody sleeps for 2 ms, so that cores
// are idle when they are woken, as they are where requests are rare. p50_us is the median of a
// round.

#include <benchmark/benchmark.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/micro/far_side.hpp"

namespace tokenlift::micro_wakes {
namespace {

using Instant = std::chrono::steady_clock::time_point;

constexpr auto kComputes = std::chrono::microseconds(300);
constexpr auto kRests = std::chrono::milliseconds(2);

Instant now() {
  return std::chrono::steady_clock::now();
}

class Bell {
 public:
  void ring() {
    {
      const std::lock_guard lock(mutex_);
      rung_ = true;
    }
    waits_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    waits_.wait(lock, [this] { return rung_; });
    rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable waits_;
  bool rung_ = false;
};

/// Computes whenever it is asked, and says so.
template <typename Done>
class Worker {
 public:
  explicit Worker(Done done) : done_(std::move(done)), thread_([this] { work(); }) {}
  ~Worker() {
    ends_ = true;
    bell_.ring();
    thread_.join();
  }
  void ask() { bell_.ring(); }

 private:
  void work() {
    for (;;) {
      bell_.wait();
      if (ends_) return;
      for (const Instant until = now() + kComputes; now() < until;) {
      }
      done_();
    }
  }

  Done done_;
  Bell bell_;
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

/// Waits in epoll until the descriptor can be read.
class Waits {
 public:
  Waits() : epoll_(epoll_create1(0)) { must(epoll_ >= 0); }
  ~Waits() { close(epoll_); }
  void add(int descriptor) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    must(epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0);
  }
  int wait() const {
    epoll_event event{};
    while (epoll_wait(epoll_, &event, 1, -1) != 1) {
    }
    return event.data.fd;
  }

 private:
  int epoll_;
};

template <typename Ask>
void measure(benchmark::State& state, Ask&& ask) {
  std::vector<double> rounds_us;
  for (auto _ : state) {
    std::this_thread::sleep_for(kRests);
    const Instant begin = now();
    ask();
    const std::chrono::duration<double, std::micro> took = now() - begin;
    rounds_us.push_back(took.count());
    state.SetIterationTime(took.count() * 1e-6);
  }
  std::ranges::sort(rounds_us);
  state.counters["p50_us"] = rounds_us[rounds_us.size() / 2];
}

void direct(benchmark::State& state) {
  Bell loop;
  const auto done = [&loop] { loop.ring(); };
  Worker<decltype(done)> worker(done);
  measure(state, [&] {
    worker.ask();
    loop.wait();
  });
}
BENCHMARK(direct)->Name("wakes/direct")->UseManualTime()->Iterations(1000);

void wire(benchmark::State& state) {
  std::array<int, 2> ends{};  // TCP over loopback: the far side is but a listener
  {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    must(bind(listener, any, length) == 0 && listen(listener, 1) == 0 &&
         getsockname(listener, any, &length) == 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    must(connect(ends[0], any, length) == 0);
    ends[1] = accept(listener, nullptr, nullptr);
    must(ends[1] >= 0);
    close(listener);
    const int on = 1;
    for (const int end : ends) setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  const int bell = eventfd(0, 0);
  const auto ring = [bell] {
    const std::uint64_t one = 1;
    must(write(bell, &one, sizeof one) == sizeof one);
  };
  std::array<char, 400> bytes{};
  {
    Worker<decltype(ring)> worker(ring);
    std::thread server([&] {
      Waits waits;
      waits.add(ends[1]);
      waits.add(bell);
      std::array<char, 400> its{};
      for (;;) {
        if (waits.wait() == bell) {
          std::uint64_t rings = 0;
          must(read(bell, &rings, sizeof rings) == sizeof rings);
          must(send(ends[1], its.data(), its.size(), MSG_NOSIGNAL) == std::ssize(its));
        } else if (recv(ends[1], its.data(), its.size(), 0) <= 0) {
          return;
        } else {
          worker.ask();
        }
      }
    });
    Waits waits;
    waits.add(ends[0]);
    measure(state, [&] {
      must(send(ends[0], bytes.data(), bytes.size(), MSG_NOSIGNAL) == std::ssize(bytes));
      waits.wait();
      must(recv(ends[0], bytes.data(), bytes.size(), 0) > 0);
    });
    shutdown(ends[0], SHUT_RDWR);
    server.join();
  }
  for (const int end : ends) close(end);
  close(bell);
}
BENCHMARK(wire)->Name("wakes/wire")->UseManualTime()->Iterations(1000);

}  // namespace
}  // namespace tokenlift::micro_wakes
