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
  /// With its query; begins with '/' or is empty; no '/' at the end of what is before the query.
  std::string path;

  /// For the head of a request: with brackets where the address needs them, with the port where it
  /// is not the usual one.
  std::string host_field() const;
  /// The path of what lies below it, `name` with its '/': that goes before the query, if any.
  std::string path_below(std::string_view name) const;
};

/// The URL, or what is wrong with the text: no scheme, another scheme, a user or key in it
/// ("user:password@": keys belong into key_env or key_file), no host, a bad port, spaces.
std::variant<Url, std::string> parse_url(std::string_view text);

}  // namespace tokenlift
