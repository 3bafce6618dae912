#include "bench/wire/socket_room.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "bench/wire/origin.hpp"

namespace tokenlift {

namespace {

// Of files, terminals, libraries, and calls and scrapes beside the requests.
constexpr std::int64_t kOtherDescriptors = 64;

}  // namespace

std::int64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  }
  constexpr auto kMost = static_cast<rlim_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit.rlim_cur, kMost));
}

std::optional<std::int64_t> local_ports() {
  std::ifstream in("/proc/sys/net/ipv4/ip_local_port_range");
  std::int64_t first = 0;
  std::int64_t last = 0;
  if (!(in >> first >> last) || last < first) return std::nullopt;
  return last - first + 1;
}

std::string lacking_room(const Scenario& scenario, const SocketRoom& room) {
  const std::int64_t wanted = scenario.run.max_in_flight;
  if (wanted == RunSettings().max_in_flight) return "";
  if (wanted > room.descriptors - kOtherDescriptors) {
    return fmt::format(
        "run.max_in_flight is {}, and each request in flight has a connection of its own, but this "
        "process may open {} files: raise that (ulimit -n {}), or lower run.max_in_flight",
        wanted, room.descriptors, wanted + kOtherDescriptors);
  }
  const auto sites = static_cast<std::int64_t>(scenario.fleet.sites.size());
  if (room.ports && wanted > *room.ports * sites) {
    return fmt::format(
        "run.max_in_flight is {}, and each request in flight has a connection of its own, but this "
        "machine has {} ports for connections to one address: widen "
        "net.ipv4.ip_local_port_range, give the endpoint several addresses as sites, or lower "
        "run.max_in_flight",
        wanted, *room.ports);
  }
  return "";
}

void require_socket_room(const Scenario& scenario) {
  const std::string lacking = lacking_room(scenario, {raise_descriptor_limit(), local_ports()});
  if (!lacking.empty()) throw EndpointError(lacking);
}

}  // namespace tokenlift
