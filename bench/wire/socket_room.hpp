#pragma once
// How many connections this process may have at once: descriptors, and ports of this machine.

#include <cstdint>
#include <optional>
#include <string>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Raises the soft limit on open files to the hard one. Returns the limit that then holds.
std::int64_t raise_descriptor_limit();

/// Ports for connections to one address and port of an endpoint; nothing where nobody says.
std::optional<std::int64_t> local_ports();

struct SocketRoom {
  std::int64_t descriptors = 0;
  std::optional<std::int64_t> ports;
};

/// What of the scenario's max_in_flight does not fit, and what to do about it; empty: it fits, or
/// nobody has stated it (then what does not fit fails, and the report says so).
std::string lacking_room(const Scenario& scenario, const SocketRoom& room);

/// Raises the limit. Throws EndpointError with what lacking_room() says.
void require_socket_room(const Scenario& scenario);

}  // namespace tokenlift
