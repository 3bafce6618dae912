#pragma once
// The socket that takes connections.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "bench/wire/wire_clock.hpp"

namespace tokenlift {

struct ListenAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;
};

/// "127.0.0.1:8000", "[::1]:8000", "localhost:0" (any free port), ":8000" (of this machine alone).
/// Throws EndpointError.
ListenAddress parse_listen_address(std::string_view text);

class Listener final : private Watcher {
 public:
  /// `take` gets each accepted socket, which does not block. Throws EndpointError where nobody can
  /// listen there: the port is taken, the address is of another machine, ports below 1024;
  /// MachineError where the machine has no descriptors or memory left.
  Listener(WireClock& clock, const ListenAddress& address, std::function<void(int socket)> take);
  ~Listener() { close(); }

  std::uint16_t port() const { return port_; }
  bool is_loopback() const { return loopback_; }
  void close();

 private:
  void ready(bool readable, bool writable) override;
  void turn_away();

  WireClock& clock_;
  std::function<void(int)> take_;
  int socket_ = -1;
  int spare_ = -1;  // a descriptor to turn somebody away with, when there are no others
  std::uint16_t port_ = 0;
  bool loopback_ = true;
};

}  // namespace tokenlift
