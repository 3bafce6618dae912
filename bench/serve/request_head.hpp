#pragma once
// The head of a request, strictly read: what could be understood in two ways is refused, since who
// stands before this server may have understood it the other way.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tokenlift {

/// No head is longer.
inline constexpr std::size_t kMostHeadBytes = 65'536;

struct RequestHead {
  std::string method;
  std::string path;   ///< without its query,
  std::string query;  ///< ... which has no '?'
  std::string host;   ///< with its port
  std::string accept;
  std::string content_type;
  std::string key;         ///< authorization: Bearer KEY, or x-api-key
  std::string tenant;      ///< x-tenant
  std::string request_id;  ///< x-request-id, where it is at most 128 of a-z A-Z 0-9 - _ .
  std::int64_t content_length = 0;
  bool chunked = false;      ///< the body comes in chunks, and no length is stated
  bool takes_chunks = true;  ///< HTTP/1.1: streams need it
  bool keep_alive = true;
  bool expects_continue = false;
};

/// Why a request is refused before anybody looks at what it asks.
struct HeadMistake {
  int status = 400;
  std::string text;
};

/// What has come of a head so far.
struct HeadReading {
  std::size_t bytes = 0;  ///< of the head; 0: it is not complete, or is refused
  RequestHead head;
  std::optional<HeadMistake> mistake;
};

/// Looks for a whole head at the begin of what has come. A body states its length or comes in
/// chunks: two lengths are refused, and so are a length and chunks, and chunks in HTTP/1.0 (400);
/// other transfer-encodings are not known (501).
HeadReading read_request_head(std::string_view bytes);

/// Whether a page of some other site, whose name was made to stand for this machine (DNS
/// rebinding), cannot have asked: the host is an address, localhost, or the name under which the
/// server listens.
bool is_own_host(std::string_view host_field, std::string_view listen_host);

}  // namespace tokenlift
