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

namespace tokenlift {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kMostHeadBytes = 64 * 1024;

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

bool is_same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&lower](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

struct ResponseHead::Parser {
  std::unique_ptr<HeadParser> head = std::make_unique<HeadParser>();
  std::string pending;   // bytes that Beast has not taken yet
  std::size_t used = 0;  // bytes that it has taken
  State state = State::more;

  State feed(std::string_view& bytes);
};

// Beast wants a line, and the end of the fields, in one piece: what it leaves is put before what
// comes next.
ResponseHead::State ResponseHead::Parser::feed(std::string_view& bytes) {
  while (state == State::more && !bytes.empty()) {
    const std::size_t kept = pending.size();
    if (kept > 0) pending += bytes;
    const std::string_view all = kept > 0 ? std::string_view(pending) : bytes;
    boost::beast::error_code error;
    const std::size_t taken = head->put(boost::asio::buffer(all.data(), all.size()), error);
    used += taken;
    if (error == http::error::need_more) {
      pending = std::string(all.substr(taken));
      bytes = {};
      if (used + pending.size() > kMostHeadBytes) state = State::broken;
      break;
    }
    if (error || taken < kept || used > kMostHeadBytes || head->status == 101) {
      state = State::broken;
      break;
    }
    bytes.remove_prefix(taken - kept);
    pending.clear();
    if (head->status / 100 == 1) {
      head = std::make_unique<HeadParser>();
    } else {
      state = State::done;
    }
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
    if (is_same_name(field_name(i), name)) return field_value(i);
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
