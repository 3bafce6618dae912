#include "bench/wire/socket_room.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "bench/wire/origin.hpp"
#include "workloads/plan/demand.hpp"

namespace tokenlift {

namespace {

// Of files, terminals, libraries, and calls and scrapes beside the requests.
constexpr std::int64_t kOtherDescriptors = 64;

/// Why so many connections cannot be had; empty: they can. `said` is what they are wanted for,
/// `remedy` what else than more of them would help.
std::string shortfall(std::int64_t wanted, const Scenario& scenario, const SocketRoom& room,
                      const std::string& said, const std::string& remedy) {
  if (wanted > room.descriptors - kOtherDescriptors) {
    return fmt::format(
        "{}, and each request in flight has a connection of its own, but this process may open {} "
        "files: raise that (ulimit -n {}), or {}",
        said, room.descriptors, wanted + kOtherDescriptors, remedy);
  }
  const auto sites = static_cast<std::int64_t>(scenario.fleet.sites.size());
  if (room.ports && wanted > *room.ports * sites) {
    return fmt::format(
        "{}, and each request in flight has a connection of its own, but this machine has {} ports "
        "for connections to one address: widen net.ipv4.ip_local_port_range, give the endpoint "
        "several addresses as sites, or {}",
        said, *room.ports, remedy);
  }
  return "";
}

bool states_in_flight(const Scenario& scenario) {
  return scenario.run.max_in_flight != RunSettings().max_in_flight;
}

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
  if (!states_in_flight(scenario)) return "";
  const std::int64_t wanted = scenario.run.max_in_flight;
  return shortfall(wanted, scenario, room, fmt::format("run.max_in_flight is {}", wanted),
                   "lower run.max_in_flight");
}

std::string scarce_room(const Scenario& resolved, const SocketRoom& room, std::int64_t processes) {
  if (states_in_flight(resolved)) return "";  // it fits, and more ends the run
  double users = 0;
  double rate_per_s = 0;
  for (const Tenant& tenant : resolved.tenants) {
    if (tenant.arrivals.think) {
      users += static_cast<double>(tenant.users);
    } else {
      rate_per_s += request_rate_per_s(tenant, resolved);
    }
  }
  const auto share = static_cast<double>(processes);
  constexpr double kLongAnswerS = static_cast<double>(kLongAnswerNs) / 1e9;
  const auto wanted =
      static_cast<std::int64_t>(std::ceil((users + rate_per_s * kLongAnswerS) / share));
  std::string of;
  if (users > 0) of = fmt::format("{:.0f} users have one each", users / share);
  if (rate_per_s > 0) {
    of += fmt::format("{}{:.4g}/s take {:.0f} s each", of.empty() ? "" : ", ", rate_per_s / share,
                      kLongAnswerS);
  }
  return shortfall(wanted, resolved, room,
                   fmt::format("as many as {} requests may be in flight ({})", wanted, of),
                   "state run.max_in_flight, beyond which the run ends");
}

std::string scarce_room(const Scenario& resolved, std::int64_t processes) {
  return scarce_room(resolved, {raise_descriptor_limit(), local_ports()}, processes);
}

void require_socket_room(const Scenario& scenario) {
  const std::string lacking = lacking_room(scenario, {raise_descriptor_limit(), local_ports()});
  if (!lacking.empty()) throw EndpointError(lacking);
}

}  // namespace tokenlift
