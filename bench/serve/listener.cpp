#include "bench/serve/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <system_error>
#include <utility>

#include "bench/machine/output_folder.hpp"
#include "bench/wire/origin.hpp"

namespace tokenlift {

namespace {

constexpr int kBacklog = 4096;
constexpr int kMostAtOnce = 64;  // others want to be served, too

[[noreturn]] void fail(const ListenAddress& address, const std::string& why) {
  throw EndpointError(fmt::format("cannot listen on {}:{}: {}", address.host, address.port, why));
}

/// Not what was asked for, but the machine is at its limit.
[[noreturn]] void fail_for_lack(const ListenAddress& address, int error) {
  throw MachineError(fmt::format("cannot listen on {}:{}: {}", address.host, address.port,
                                 std::generic_category().message(error)));
}

bool is_lack(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

std::string message_of(int error) {
  return std::generic_category().message(error);
}

bool is_loopback_address(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* four = reinterpret_cast<const sockaddr_in*>(address);
    return ntohl(four->sin_addr.s_addr) >> 24 == 127;
  }
  const auto* six = reinterpret_cast<const sockaddr_in6*>(address);
  return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

std::uint16_t port_of(int socket) {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &length) != 0) return 0;
  const auto* six = reinterpret_cast<const sockaddr_in6*>(&bound);
  const auto* four = reinterpret_cast<const sockaddr_in*>(&bound);
  return ntohs(bound.ss_family == AF_INET6 ? six->sin6_port : four->sin_port);
}

}  // namespace

ListenAddress parse_listen_address(std::string_view text) {
  const auto wrong = [&] {
    throw EndpointError(
        fmt::format("'{}' is no address to listen on: 127.0.0.1:8000, [::1]:8000, localhost:0 (any "
                    "free port)",
                    text));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) wrong();
  ListenAddress address;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!host.empty()) address.host = host;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc{} || end != port.data() + port.size()) wrong();
  return address;
}

Listener::Listener(WireClock& clock, const ListenAddress& address, std::function<void(int)> take)
    : clock_(clock), take_(std::move(take)) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  if (const int error = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found)) {
    if (error == EAI_MEMORY) fail_for_lack(address, ENOMEM);
    if (error == EAI_SYSTEM && is_lack(errno)) fail_for_lack(address, errno);
    fail(address, gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
  socket_ = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) {
    if (is_lack(errno)) fail_for_lack(address, errno);
    fail(address, message_of(errno));
  }
  const int on = 1;
  setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(socket_, found->ai_addr, found->ai_addrlen) != 0 || listen(socket_, kBacklog) != 0) {
    const int error = errno;
    ::close(socket_);
    if (is_lack(error)) fail_for_lack(address, error);
    fail(address, error == EADDRINUSE ? "the port is taken: another one, or 0 for any, may be free"
                                      : message_of(error));
  }
  loopback_ = is_loopback_address(found->ai_addr);
  port_ = port_of(socket_);
  spare_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  clock_.poller().add(socket_, *this, Watch::reading);
}

void Listener::close() {
  if (socket_ < 0) return;
  clock_.poller().remove(socket_, *this);
  ::close(socket_);
  if (spare_ >= 0) ::close(spare_);
  socket_ = -1;
}

void Listener::ready(bool, bool) {
  for (int i = 0; i < kMostAtOnce && socket_ >= 0; ++i) {
    const int accepted = accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) {
      const int on = 1;
      setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      take_(accepted);
    } else if (errno == EMFILE || errno == ENFILE) {
      turn_away();
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

/// Without a descriptor nobody can be taken; who is not even turned away would wait, and be looked
/// at again and again.
void Listener::turn_away() {
  if (spare_ < 0) return;
  ::close(spare_);
  const int accepted = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
  if (accepted >= 0) ::close(accepted);
  spare_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace tokenlift
