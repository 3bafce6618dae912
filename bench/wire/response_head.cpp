// The one file that includes Boost.Beast: what it takes to compile that is not to be taken twice.
#include "bench/wire/response_head.hpp"

// Asio of Boost 1.74 takes <utility> for granted.
// clang-format off
#include <utility>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
// clang-format on

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "workloads/text/ascii.hpp"

namespace tokenlift {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kMostHeadBytes = 64 * 1024;

}  // namespace

// Not in the unnamed namespace, as ResponseHead::Parser has them as members.

/// Where a field's name and value stand in the text that holds all of them.
struct FieldPlace {
  std::uint32_t name = 0;
  std::uint32_t value = 0;
  std::uint32_t end = 0;
};

/// Beast's parser, which keeps the status and the fields and nothing of the body.
class HeadParser final : public http::basic_parser<false> {
 public:
  HeadParser() {
    header_limit(kMostHeadBytes);
    body_limit(std::numeric_limits<std::uint64_t>::max());  // none
  }

  int status = 0;
  std::string text;
  std::vector<FieldPlace> fields;

 private:
  using Error = boost::beast::error_code;
  using Text = boost::beast::string_view;
  using Length = boost::optional<std::uint64_t>;

  void on_response_impl(int code, Text, int, Error&) override { status = code; }
  void on_field_impl(http::field, Text name, Text value, Error&) override {
    FieldPlace place;
    place.name = static_cast<std::uint32_t>(text.size());
    text.append(name.data(), name.size());
    place.value = static_cast<std::uint32_t>(text.size());
    text.append(value.data(), value.size());
    place.end = static_cast<std::uint32_t>(text.size());
    fields.push_back(place);
  }
  void on_header_impl(Error&) override {}
  // Of requests and bodies, which are not parsed here.
  void on_request_impl(http::verb, Text, Text, int, Error&) override {}
  void on_body_init_impl(const Length&, Error&) override {}
  std::size_t on_body_impl(Text body, Error&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, Text, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, Error&) override { return body.size(); }
  void on_finish_impl(Error&) override {}
};

struct ResponseHead::Parser {
  std::unique_ptr<HeadParser> head = std::make_unique<HeadParser>();
  std::string pending;         // what there is of a head whose end is not there yet
  std::size_t scanned = 0;     // of it
  std::size_t line_begin = 0;  // of its last line
  std::size_t skipped = 0;     // bytes of informational responses
  State state = State::more;

  State feed(std::string_view& bytes);
  std::size_t find_end(std::string_view text);
  void read_head(std::string_view text);
};

/// Where the head ends that `text` begins with; npos: not yet. Broken once it cannot be one.
std::size_t ResponseHead::Parser::find_end(std::string_view text) {
  constexpr std::string_view kBegin = "HTTP/1.";
  const std::size_t begins = std::min(kBegin.size(), text.size());
  if (text.substr(0, begins) != kBegin.substr(0, begins)) state = State::broken;
  while (state == State::more) {
    const std::size_t end = text.find('\n', scanned);
    if (end == std::string_view::npos) break;
    if (end == line_begin || text[end - 1] != '\r') state = State::broken;
    if (end == line_begin + 1) return end + 1;
    scanned = line_begin = end + 1;
  }
  scanned = text.size();
  return std::string_view::npos;
}

/// A whole head, which is all that Beast is given: what it does with a part of one depends on where
/// that ends.
void ResponseHead::Parser::read_head(std::string_view text) {
  boost::beast::error_code error;
  const std::size_t taken = head->put(boost::asio::buffer(text.data(), text.size()), error);
  if (error || taken != text.size() || head->status == 101) {
    state = State::broken;
  } else if (head->status / 100 == 1) {
    head = std::make_unique<HeadParser>();
    skipped += text.size();
  } else {
    state = State::done;
  }
}

ResponseHead::State ResponseHead::Parser::feed(std::string_view& bytes) {
  while (state == State::more && !bytes.empty()) {
    const std::size_t kept = pending.size();
    if (kept > 0) pending += bytes;
    const std::string_view text = kept > 0 ? std::string_view(pending) : bytes;
    const std::size_t end = find_end(text);
    if (skipped + std::min(end, text.size()) > kMostHeadBytes) state = State::broken;
    if (state == State::broken) break;
    if (end == std::string_view::npos) {
      if (kept == 0) pending = bytes;
      bytes = {};
      break;
    }
    read_head(text.substr(0, end));
    bytes.remove_prefix(end - kept);
    pending = std::string();
    scanned = line_begin = 0;
  }
  return state;
}

ResponseHead::ResponseHead() : parser_(std::make_unique<Parser>()) {}
ResponseHead::~ResponseHead() = default;
ResponseHead::ResponseHead(ResponseHead&&) noexcept = default;
ResponseHead& ResponseHead::operator=(ResponseHead&&) noexcept = default;

ResponseHead::State ResponseHead::feed(std::string_view& bytes) {
  return parser_->feed(bytes);
}

int ResponseHead::status() const {
  return parser_->head->status;
}

std::optional<std::string_view> ResponseHead::field(std::string_view name) const {
  for (std::size_t i = 0; i < field_count(); ++i) {
    if (equals_ignoring_case(field_name(i), name)) return field_value(i);
  }
  return std::nullopt;
}

std::size_t ResponseHead::field_count() const {
  return parser_->head->fields.size();
}

std::string_view ResponseHead::field_name(std::size_t i) const {
  const FieldPlace& place = parser_->head->fields[i];
  return std::string_view(parser_->head->text).substr(place.name, place.value - place.name);
}

std::string_view ResponseHead::field_value(std::size_t i) const {
  const FieldPlace& place = parser_->head->fields[i];
  return std::string_view(parser_->head->text).substr(place.value, place.end - place.value);
}

ResponseHead::Framing ResponseHead::framing() const {
  const HeadParser& head = *parser_->head;
  if (head.status == 204 || head.status == 304) return Framing::none;
  if (head.chunked()) return Framing::chunked;
  return head.content_length() ? Framing::length : Framing::until_close;
}

std::uint64_t ResponseHead::content_length() const {
  return parser_->head->content_length().value_or(0);
}

bool ResponseHead::keep_alive() const {
  return parser_->head->keep_alive();
}

}  // namespace tokenlift
