#pragma once
// An http or https URL, taken apart.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace tokenlift {

struct Url {
  bool tls = false;
  std::string host;  ///< a name, an IPv4 address, or an IPv6 address without its brackets
  std::uint16_t port = 80;
  std::string path;  ///< with its query; begins with '/' or is empty; no '/' at its end

  /// For the head of a request: with brackets where the address needs them, with the port where it
  /// is not the usual one.
  std::string host_field() const;
};

/// The URL, or what is wrong with the text: no scheme, another scheme, a user or key in it
/// ("user:password@": keys belong into key_env or key_file), no host, a bad port, spaces.
std::variant<Url, std::string> parse_url(std::string_view text);

}  // namespace tokenlift
