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
/// nobody has stated it.
std::string lacking_room(const Scenario& scenario, const SocketRoom& room);

/// Where nobody has stated that: what might not fit of requests that take kLongAnswerNs each, and
/// what to do about it; empty: it would fit. Closed users have a request each at most, others ask
/// at their mean rate; of both, one of `processes` that play the scenario together sends its share.
/// What does not fit fails (`no_descriptors`).
constexpr std::int64_t kLongAnswerNs = 30'000'000'000;
std::string scarce_room(const Scenario& resolved, const SocketRoom& room,
                        std::int64_t processes = 1);
/// ... in this process.
std::string scarce_room(const Scenario& resolved, std::int64_t processes = 1);

/// Raises the limit. Throws EndpointError with what lacking_room() says.
void require_socket_room(const Scenario& scenario);

}  // namespace tokenlift
