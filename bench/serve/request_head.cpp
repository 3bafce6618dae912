#include "bench/serve/request_head.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "workloads/text/ascii.hpp"

namespace tokenlift {

namespace {

constexpr std::string_view kEnd = "\r\n\r\n";

HeadReading refuse(int status, std::string text) {
  HeadReading reading;
  reading.mistake = HeadMistake{status, std::move(text)};
  return reading;
}

bool is_token_character(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kOthers.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_character);
}

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_' || c == '.';
}

// Between a field's name and its value, and behind it.
constexpr std::string_view kFieldBlanks = " \t";

/// "POST /path?query HTTP/1.1". Empty where it is one.
std::string read_request_line(std::string_view line, RequestHead& head) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return "the request line is not one";
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method)) return "the method is not a word";
  if (target.empty() || target.front() != '/' || !std::ranges::all_of(target, is_visible_ascii)) {
    return "the target is not a path";
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return "the version is not HTTP/1.1";
  head.method = method;
  const auto path_end = std::min(target.find('?'), target.size());
  head.path = target.substr(0, path_end);
  head.query = target.substr(std::min(path_end + 1, target.size()));
  head.takes_chunks = head.keep_alive = version == "HTTP/1.1";
  return {};
}

struct Fields {
  int hosts = 0;
  int lengths = 0;
  int encodings = 0;
};

/// Empty where the field is one.
std::string read_field(std::string_view line, RequestHead& head, Fields& seen) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return "a header field is not one";
  }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1), kFieldBlanks);
  if (!std::ranges::all_of(value, [](char c) {
        return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f);
      })) {
    return "a header field holds a control character";
  }
  if (equals_ignoring_case(name, "host")) {
    ++seen.hosts;
    head.host = value;
  } else if (equals_ignoring_case(name, "content-length")) {
    ++seen.lengths;
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), head.content_length);
    if (error != std::errc{} || end != value.data() + value.size() || value.front() == '-') {
      return "content-length is not a number";
    }
  } else if (equals_ignoring_case(name, "transfer-encoding")) {
    ++seen.encodings;
    head.chunked = equals_ignoring_case(value, "chunked");
  } else if (equals_ignoring_case(name, "accept")) {
    head.accept = value;
  } else if (equals_ignoring_case(name, "content-type")) {
    head.content_type = value;
  } else if (equals_ignoring_case(name, "authorization")) {
    constexpr std::string_view kBearer = "bearer ";
    if (equals_ignoring_case(value.substr(0, kBearer.size()), kBearer)) {
      head.key = trimmed(value.substr(kBearer.size()), kFieldBlanks);
    }
  } else if (equals_ignoring_case(name, "x-api-key")) {
    head.key = value;
  } else if (equals_ignoring_case(name, "x-tenant")) {
    head.tenant = value;
  } else if (equals_ignoring_case(name, "x-request-id")) {
    if (value.size() <= 128 && std::ranges::all_of(value, is_plain)) head.request_id = value;
  } else if (equals_ignoring_case(name, "connection")) {
    if (equals_ignoring_case(value, "close")) head.keep_alive = false;
    if (equals_ignoring_case(value, "keep-alive")) head.keep_alive = true;
  } else if (equals_ignoring_case(name, "expect")) {
    if (!equals_ignoring_case(value, "100-continue")) return "only 100-continue can be expected";
    head.expects_continue = true;
  }
  return {};
}

}  // namespace

HeadReading read_request_head(std::string_view bytes) {
  const auto end = bytes.substr(0, kMostHeadBytes).find(kEnd);
  if (end == std::string_view::npos) {
    if (bytes.size() >= kMostHeadBytes) return refuse(431, "the head is longer than 64 kB");
    return {};
  }
  HeadReading reading;
  Fields seen;
  std::string_view rest = bytes.substr(0, end);
  bool first = true;
  while (first || !rest.empty()) {
    const auto line_end = std::min(rest.find("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, line_end);
    rest.remove_prefix(std::min(line_end + 2, rest.size()));
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
      return refuse(400, "lines of a head end with CR LF");
    }
    std::string mistake =
        first ? read_request_line(line, reading.head) : read_field(line, reading.head, seen);
    if (!mistake.empty()) return refuse(400, std::move(mistake));
    first = false;
  }
  if (seen.hosts != 1) return refuse(400, "a request has one host field");
  if (seen.lengths > 1) return refuse(400, "a request has one content-length");
  if (seen.encodings > 0) {
    if (seen.lengths > 0) return refuse(400, "a body has a length or chunks, not both");
    if (!reading.head.takes_chunks) return refuse(400, "HTTP/1.0 has no chunks");
    if (seen.encodings > 1 || !reading.head.chunked) {
      return refuse(501, "chunked is the only transfer-encoding that is known");
    }
  }
  reading.bytes = end + kEnd.size();
  return reading;
}

bool is_own_host(std::string_view host_field, std::string_view listen_host) {
  std::string_view host = host_field;
  if (host.starts_with('[')) return host.find(']') != std::string_view::npos;  // IPv6
  host = host.substr(0, host.rfind(':'));
  if (equals_ignoring_case(host, "localhost") || equals_ignoring_case(host, listen_host)) {
    return true;
  }
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace tokenlift
