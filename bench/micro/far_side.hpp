#pragma once
// The far ends of many connections, in a process of their own, for benchmarks of one end.
//
// It does what it is told, one thing after the other, while who tells waits: so nothing of it is
// timed, and what is measured shares its thread with nobody. It is a process because 10,000
// connections take as many descriptors on either side.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace tokenlift {

inline void must(bool holds) {
  if (holds) return;
  std::perror("the far side of a benchmark");
  std::abort();
}

class FarSide {
 public:
  FarSide() {
    std::array<int, 2> ends{};
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
    child_ = fork();
    must(child_ >= 0);
    if (child_ == 0) {
      close(ends[0]);
      obey(ends[1]);
      _exit(0);
    }
    close(ends[1]);
    line_ = ends[0];
  }
  FarSide(const FarSide&) = delete;
  FarSide& operator=(const FarSide&) = delete;
  ~FarSide() {
    close(line_);
    waitpid(child_, nullptr, 0);
  }

  /// Listens on a port of its own, and returns it.
  std::uint16_t listen() const { return static_cast<std::uint16_t>(tell({What::listen})); }
  /// Accepts so many connections, or opens them to a port of this machine. Ends when done() says
  /// so.
  void begin_accept(std::int64_t count) const { begin({What::accept, count}); }
  void begin_connect(std::uint16_t port, std::int64_t count) const {
    begin({What::connect, count, port});
  }
  bool done() const {
    std::int64_t answer = 0;
    const ssize_t got = recv(line_, &answer, sizeof answer, MSG_DONTWAIT);
    must(got == sizeof answer || (got < 0 && errno == EAGAIN));
    return got > 0;
  }
  /// The same text on each connection.
  void write_to_all(std::string_view text) const {
    begin({What::write, std::ssize(text)});
    must(send(line_, text.data(), text.size(), MSG_NOSIGNAL) == std::ssize(text));
    wait();
  }
  /// One read of each connection, which waits for something to read. Returns the bytes in all.
  std::int64_t read_from_all() const { return tell({What::read}); }

 private:
  enum class What : std::uint8_t { listen, accept, connect, write, read };
  struct Order {
    What what = What::listen;
    std::int64_t count = 0;  // connections, or bytes that follow
    std::uint16_t port = 0;
  };

  void begin(const Order& order) const {
    must(send(line_, &order, sizeof order, MSG_NOSIGNAL) == sizeof order);
  }
  std::int64_t wait() const {
    std::int64_t answer = 0;
    must(recv(line_, &answer, sizeof answer, MSG_WAITALL) == sizeof answer);
    return answer;
  }
  std::int64_t tell(const Order& order) const {
    begin(order);
    return wait();
  }

  // -------------------------------------------------------------------------- in the other process

  static void obey(int line) {
    std::vector<int> open;
    std::vector<char> bytes(std::size_t{1} << 18);
    int listener = -1;
    Order order;
    while (recv(line, &order, sizeof order, MSG_WAITALL) == sizeof order) {
      std::int64_t answer = 0;
      switch (order.what) {
        case What::listen:
          answer = start_listening(listener);
          break;
        case What::accept:
          for (std::int64_t i = 0; i < order.count; ++i) {
            open.push_back(at_once(accept(listener, nullptr, nullptr)));
          }
          break;
        case What::connect:
          for (std::int64_t i = 0; i < order.count; ++i) open.push_back(connected(order.port));
          break;
        case What::write: {
          const auto size = static_cast<std::size_t>(order.count);
          if (bytes.size() < size) bytes.resize(size);
          must(recv(line, bytes.data(), size, MSG_WAITALL) == order.count);
          for (const int each : open) {
            must(send(each, bytes.data(), size, MSG_NOSIGNAL) == order.count);
          }
          break;
        }
        case What::read:
          for (const int each : open) {
            const ssize_t got = recv(each, bytes.data(), bytes.size(), 0);
            must(got > 0);
            answer += got;
          }
          break;
      }
      must(send(line, &answer, sizeof answer, MSG_NOSIGNAL) == sizeof answer);
    }
  }
  static int at_once(int socket) {
    must(socket >= 0);
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
  }
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  static std::int64_t start_listening(int& listener) {
    listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = loopback(0);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    must(bind(listener, any, length) == 0 && ::listen(listener, 4096) == 0 &&
         getsockname(listener, any, &length) == 0);
    return ntohs(address.sin_port);
  }
  static int connected(std::uint16_t port) {
    const int descriptor = at_once(socket(AF_INET, SOCK_STREAM, 0));
    const sockaddr_in address = loopback(port);
    must(connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return descriptor;
  }

  pid_t child_ = -1;
  int line_ = -1;
};

}  // namespace tokenlift
