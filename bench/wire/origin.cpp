#include "bench/wire/origin.hpp"

#include <fmt/format.h>
#include <netdb.h>

#include <array>
#include <cstring>
#include <variant>

namespace tokenlift {

std::string Address::text() const {
  std::array<char, NI_MAXHOST> host{};
  const auto* const any = reinterpret_cast<const sockaddr*>(&address);
  if (getnameinfo(any, length, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
    return "?";
  }
  return host.data();
}

namespace {

std::vector<Address> addresses_of(const Url& url) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &found);
  if (error != 0) {
    throw EndpointError(
        fmt::format("no address is known of '{}' ({}): is the host in the url right?", url.host,
                    gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* next = found; next != nullptr; next = next->ai_next) {
    Address& address = addresses.emplace_back();
    std::memcpy(&address.address, next->ai_addr, next->ai_addrlen);
    address.length = next->ai_addrlen;
  }
  return addresses;
}

}  // namespace

Origin find_origin(const std::string& url, const std::string& ca_file) {
  const std::variant<Url, std::string> parsed = parse_url(url);
  if (const auto* const wrong = std::get_if<std::string>(&parsed)) {
    throw EndpointError(fmt::format("the url '{}': {}", url, *wrong));
  }
  Origin origin;
  origin.url = std::get<Url>(parsed);
  origin.addresses = addresses_of(origin.url);
  if (origin.url.tls) origin.tls = std::make_shared<const TlsContext>(ca_file);
  return origin;
}

std::string ca_file_for(const Scenario& scenario, const std::string& url) {
  const auto host_of = [](const std::string& text) {
    const std::variant<Url, std::string> parsed = parse_url(text);
    const auto* const whole = std::get_if<Url>(&parsed);
    return whole != nullptr ? whole->host : "";
  };
  for (const Site& site : scenario.fleet.sites) {
    if (!site.endpoint || site.endpoint->ca_file.empty()) continue;
    if (host_of(site.endpoint->url) == host_of(url)) return site.endpoint->ca_file;
  }
  return "";
}

}  // namespace tokenlift
