#include "bench/wire/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace tokenlift {
namespace {

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_ipv6(const std::string& text) {
  in6_addr address = {};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool is_host_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

/// Reads HOST, HOST:PORT or [ADDRESS]:PORT into `url`; what is wrong with it, or nothing.
std::string read_authority(std::string_view text, Url& url) {
  if (text.find('@') != std::string_view::npos) {
    return "a user or a key stands before its host: keys belong into key_env or key_file";
  }
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return "the ']' of its IPv6 address is missing";
    url.host = lower_case(text.substr(1, end - 1));
    if (!is_ipv6(url.host)) return "what stands in [] is no IPv6 address";
    rest = text.substr(end + 1);
    if (!rest.empty() && rest[0] != ':') return "only a port can follow its IPv6 address";
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    url.host = lower_case(text.substr(0, colon));
    rest = text.substr(colon);
    if (rest.find(':', 1) != std::string_view::npos) {
      return "it has more than one ':' in its host: an IPv6 address stands in []";
    }
    if (url.host.empty()) return "it has no host";
    if (!is_host_name(url.host)) return "its host holds what no host name has";
  }
  if (rest.empty()) return "";
  rest.remove_prefix(1);
  unsigned port = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), port);
  if (error != std::errc() || end != rest.data() + rest.size() || port < 1 || port > 65'535) {
    return "its port is no number from 1 to 65535";
  }
  url.port = static_cast<std::uint16_t>(port);
  return "";
}

}  // namespace

std::string Url::host_field() const {
  const bool is_address = host.find(':') != std::string::npos;
  std::string field = is_address ? "[" + host + "]" : host;
  if (port != (tls ? 443 : 80)) field += ":" + std::to_string(port);
  return field;
}

std::string Url::path_below(std::string_view name) const {
  const std::size_t query = std::min(path.find('?'), path.size());
  const std::string before = query == 1 ? "" : path.substr(0, query);  // a lone '/'
  return before + std::string(name) + path.substr(query);
}

std::variant<Url, std::string> parse_url(std::string_view text) {
  const bool is_plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!is_plain) {
    return "it holds a space, a control character or one beyond ASCII, which a URL writes as %XX";
  }
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return "it does not begin with http:// or https://";
  const std::string scheme = lower_case(text.substr(0, scheme_end));
  if (scheme != "http" && scheme != "https") return "its scheme is neither http nor https";
  text.remove_prefix(scheme_end + 3);
  if (text.find('#') != std::string_view::npos) {
    return "it has a fragment (#...), which no server is sent";
  }
  Url url;
  url.tls = scheme == "https";
  url.port = url.tls ? 443 : 80;
  const auto path_begin = std::min(text.find_first_of("/?"), text.size());
  if (std::string wrong = read_authority(text.substr(0, path_begin), url); !wrong.empty()) {
    return wrong;
  }
  text.remove_prefix(path_begin);
  const auto query_begin = std::min(text.find('?'), text.size());
  url.path = text.substr(0, query_begin);
  while (url.path.ends_with('/')) url.path.pop_back();
  if (query_begin < text.size()) {
    if (url.path.empty()) url.path = "/";
    url.path += text.substr(query_begin);
  }
  return url;
}

}  // namespace tokenlift
