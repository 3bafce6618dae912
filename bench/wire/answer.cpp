#include "bench/wire/answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "bench/wire/rate_limits.hpp"
#include "workloads/text/ascii.hpp"

namespace tokenlift {

namespace {

// Of a body that is no stream; of one that says why an attempt failed far less would do.
constexpr std::size_t kMostBodyBytes = std::size_t{4} << 20;
constexpr std::size_t kMostTextBytes = std::size_t{4} << 20;
// As of a run: nobody waits longer.
constexpr std::int64_t kLongestRetryNs = 30LL * 24 * 3600 * 1'000'000'000;

bool contains(std::optional<std::string_view> value, std::string_view word) {
  if (!value) return false;
  const auto same = [](char a, char b) { return ascii_lower(a) == b; };
  return std::search(value->begin(), value->end(), word.begin(), word.end(), same) != value->end();
}

}  // namespace

void Answer::read(std::string_view bytes, std::int64_t now_ns, std::int64_t unix_s,
                  DeltaReader& reader) {
  texts_read_ = 0;
  begun_ = begun_ || !bytes.empty();
  if (!has_status()) {
    if (head_ == nullptr) head_ = std::make_unique<ResponseHead>();
    switch (head_->feed(bytes)) {
      case ResponseHead::State::more:
        return;
      case ResponseHead::State::broken:
        fail(Failure::not_http, "what came is no HTTP/1.1 response");
        return;
      case ResponseHead::State::done:
        take_head(now_ns, unix_s);
    }
  }
  take_body(bytes, now_ns, reader);
}

void Answer::take_head(std::int64_t now_ns, std::int64_t unix_s) {
  const int status = head_->status();
  reply_.status = status;
  reply_.headers_ns = now_ns;
  reply_.should_retry = should_retry(*head_);
  keep_alive_ = head_->keep_alive();
  body_ = Body(head_->framing(), head_->content_length());
  const std::optional<std::string_view> type = head_->field("content-type");
  if (status >= 200 && status < 300) {
    const bool is_stream = !contains(type, "application/json") && !contains(type, "text/html");
    kind_ = is_stream ? Kind::stream : Kind::whole_reply;
    return;
  }
  if (const auto wait_ns = retry_after_ns(*head_, unix_s)) {
    reply_.retry_at_ns = now_ns + std::min(*wait_ns, kLongestRetryNs);
  }
  if (status == 429 || status == 503 || status == 529) {
    kind_ = Kind::refusal;
    reply_.overloaded = status != 429;
    outcome_ = Outcome::refused;
    return;
  }
  kind_ = Kind::failure;
  if (status >= 300 && status < 400) {
    failure_of_status_ = Failure::redirect;
    example_ = fmt::format("{} to {}", status, head_->field("location").value_or("nowhere"));
  } else {
    example_ = fmt::format("{}", status);
  }
}

void Answer::take_body(std::string_view bytes, std::int64_t now_ns, DeltaReader& reader) {
  while (!whole_) {
    std::string_view data;
    const Body::State state = body_.feed(bytes, data);
    if (!data.empty()) {
      if (kind_ == Kind::stream) {
        take_events(data, now_ns, reader);
      } else {
        text_.append(data.substr(0, kMostBodyBytes - text_.size()));
      }
    }
    if (state == Body::State::broken) {
      keep_alive_ = false;
      whole_ = true;
      fail(Failure::not_http, "the framing of the body is broken");
      return;
    }
    if (state == Body::State::done) {
      whole_ = true;
      if (!bytes.empty()) keep_alive_ = false;  // nobody asked for more than this
      end_body(now_ns, reader);
      return;
    }
    if (bytes.empty()) return;
  }
}

void Answer::take_events(std::string_view data, std::int64_t now_ns, DeltaReader& reader) {
  EventStream::Event event;
  while (outcome_ == Outcome::open && events_.next(data, event)) take_event(event, now_ns, reader);
  if (events_.broken()) fail(Failure::not_json, "a line of the stream is longer than 1 MB");
}

void Answer::take_event(const EventStream::Event& event, std::int64_t now_ns, DeltaReader& reader) {
  const std::optional<Delta> delta = reader.event(event.name, event.data, kept_text());
  if (!delta) {
    fail(Failure::not_json, reader.error_text(event.data));
    return;
  }
  take(*delta, now_ns);
}

void Answer::take(const Delta& delta, std::int64_t now_ns) {
  if (delta.has_text) {
    ++texts_read_;
    ++reply_.deltas;
    if (!reply_.usage_known) reply_.output_tokens = reply_.deltas;
    if (first_token_ns_ < 0) first_token_ns_ = now_ns;
    last_token_ns_ = now_ns;
    usage_is_last_ = false;
    if (delta.has_output && reply_.first_output_ns < 0) reply_.first_output_ns = now_ns;
  }
  if (delta.usage) {
    const Usage& usage = *delta.usage;
    if (usage.prompt_tokens > 0) reply_.prompt_tokens = usage.prompt_tokens;
    if (usage.cached_tokens >= 0) reply_.cached_tokens = usage.cached_tokens;
    if (usage.output_tokens >= 0) {
      reply_.output_tokens = usage.output_tokens;
      reply_.usage_known = true;
      usage_is_last_ = true;
    }
  }
  if (delta.error) {
    fail(Failure::error_in_stream, *delta.error);
  } else if (delta.ends) {
    complete(now_ns);
  }
}

/// The body has ended as it should.
void Answer::end_body(std::int64_t now_ns, DeltaReader& reader) {
  if (outcome_ != Outcome::open) return;
  if (kind_ == Kind::failure) {
    const std::string said = reader.error_text(text_);
    fail(failure_of_status_, said.empty() ? example_ : example_ + ": " + said);
    return;
  }
  if (kind_ == Kind::whole_reply) {
    const std::optional<Delta> delta = reader.reply(text_, kept_text());
    if (!delta) {
      fail(Failure::not_json, reader.error_text(text_));
      return;
    }
    take(*delta, now_ns);
    if (outcome_ == Outcome::open) complete(now_ns);
    return;
  }
  EventStream::Event event;
  while (outcome_ == Outcome::open && events_.finish(event)) take_event(event, now_ns, reader);
  if (outcome_ != Outcome::open) return;
  // Usage comes behind the last token: a stream that has told it was not cut.
  if (usage_is_last_ || reply_.deltas == 0) {
    complete(now_ns);
  } else {
    fail(Failure::cut,
         "the stream ended without saying so ([DONE], message_stop) and without usage");
  }
}

void Answer::complete(std::int64_t now_ns) {
  if (reply_.deltas > 0 && reply_.output_tokens <= 0) {  // a usage of zeros says nothing
    reply_.output_tokens = reply_.deltas;
    reply_.usage_known = false;
  }
  if (reply_.deltas == 0 && reply_.output_tokens <= 0) {
    fail(Failure::empty, "a reply without a token");
    return;
  }
  if (first_token_ns_ < 0) first_token_ns_ = last_token_ns_ = now_ns;  // tokens without text
  outcome_ = Outcome::completed;
}

std::string* Answer::kept_text() {
  if (said_ != nullptr && said_->size() > kMostTextBytes) said_.reset();
  return said_.get();
}

std::unique_ptr<std::string> Answer::take_text() {
  std::string* const said = kept_text();
  if (said == nullptr || said->empty()) return nullptr;
  said->shrink_to_fit();
  return std::move(said_);
}

void Answer::close(bool in_order, std::string_view message, std::int64_t now_ns,
                   DeltaReader& reader) {
  texts_read_ = 0;
  keep_alive_ = false;
  if (whole_) return;
  whole_ = true;
  if (!has_status()) {
    fail(Failure::reset,
         in_order ? "the connection was closed before the status came" : std::string(message));
  } else if (in_order && body_.close() == Body::State::done) {
    end_body(now_ns, reader);
  } else if (kind_ == Kind::failure) {
    end_body(now_ns, reader);  // its status is what went wrong first
  } else {
    fail(Failure::cut,
         in_order ? "the connection was closed within the answer" : std::string(message));
  }
}

void Answer::fail(Failure failure, std::string example) {
  if (outcome_ != Outcome::open) return;
  outcome_ = Outcome::failed;
  reply_.failure = name_of(failure);
  example_ = std::move(example);
}

}  // namespace tokenlift
