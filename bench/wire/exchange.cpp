#include "bench/wire/exchange.hpp"

#include <utility>

namespace tokenlift {

Exchange::Exchange(WireClock& clock, Origin origin, std::string request, Limits limits)
    : clock_(clock),
      origin_(std::move(origin)),
      request_(std::move(request)),
      limits_(limits),
      begun_ns_(clock.now_ns()),
      connection_(clock, origin_, *this) {}

void Exchange::look(std::int64_t now_ns) {
  if (done_) return;
  if (!connection_.is_open() && now_ns - begun_ns_ > limits_.connect_ns) {
    fail(Failure::connect_timeout, "no connection in time", now_ns);
  } else if (now_ns - begun_ns_ > limits_.whole_ns) {
    fail(has_head_ ? Failure::stalled : Failure::first_byte,
         has_head_ ? "the answer did not end in time" : "no answer in time", now_ns);
  }
}

void Exchange::connected(Connection& connection, std::int64_t) {
  connection.write(request_);
}

void Exchange::received(Connection&, std::string_view bytes, std::int64_t now_ns) {
  if (!has_head_) {
    const ResponseHead::State state = head_.feed(bytes);
    if (state == ResponseHead::State::more) return;
    if (state == ResponseHead::State::broken) {
      fail(Failure::not_http, "the answer is no HTTP/1.1 response", now_ns);
      return;
    }
    has_head_ = true;
    result_.status = head_.status();
    result_.at_ns = now_ns;
    body_ = Body(head_.framing(), head_.content_length());
  }
  Body::State state = Body::State::more;
  do {
    std::string_view data;
    state = body_.feed(bytes, data);
    result_.body.append(data.substr(0, kMostBytes - result_.body.size()));
  } while (state == Body::State::more && !bytes.empty());
  if (state == Body::State::done) finish();
  if (state == Body::State::broken) {
    fail(Failure::not_http, "the framing of the body is broken", now_ns);
  }
}

void Exchange::ended(Connection&, const Connection::Ended& how, std::int64_t now_ns) {
  if (has_head_ && how.in_order && body_.close() == Body::State::done) {
    finish();
    return;
  }
  if (how.failure != Failure::reset) {
    fail(how.failure, how.message, now_ns);
  } else {
    fail(has_head_ ? Failure::cut : Failure::reset,
         how.in_order ? "the connection was closed" : how.message, now_ns);
  }
}

void Exchange::finish() {
  done_ = true;
  connection_.close();
  clock_.ring();
}

void Exchange::fail(Failure failure, std::string message, std::int64_t now_ns) {
  result_.failure = failure;
  result_.message = std::move(message);
  result_.at_ns = now_ns;
  finish();
}

}  // namespace tokenlift
