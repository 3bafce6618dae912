#pragma once
// The ways in which an attempt at an endpoint breaks, other than being refused.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tokenlift {

enum class Failure : std::uint8_t {
  no_connection,    ///< refused, unreachable, or no address of that name
  connect_timeout,  ///< not connected within `timeouts.connect`
  tls,              ///< the handshake failed, or the certificate is not trusted
  reset,            ///< the connection broke before the status was read
  cut,              ///< ... or after that, before the reply was complete
  first_byte,       ///< no status within `timeouts.first_byte`
  stalled,          ///< no byte within `timeouts.between`
  status,           ///< a status that is neither success nor a refusal
  redirect,         ///< 3xx: not followed
  not_http,         ///< no HTTP/1.1 response, or one whose framing is broken
  not_json,         ///< a body or an event that is not what the API sends
  error_in_stream,  ///< a 200 whose stream or body holds an error
  empty,            ///< a complete reply without a single token
  no_descriptors,   ///< the machine has no descriptor or port left
};

inline constexpr auto kFailureNames = std::to_array<std::string_view>(
    {"no_connection", "connect_timeout", "tls", "reset", "cut", "first_byte_timeout", "stalled",
     "status", "redirect", "not_http", "not_json", "error_in_stream", "empty", "no_descriptors"});

constexpr std::string_view name_of(Failure failure) {
  return kFailureNames[static_cast<std::size_t>(failure)];
}

}  // namespace tokenlift
