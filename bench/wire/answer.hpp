#pragma once
// The answer to one attempt: what came of it, from bytes in any pieces.
//
// A pure state machine over the chain bytes -> head -> body -> events -> deltas. Any split of the
// bytes gives the same answer, but for the instants of the reads.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bench/record/request.hpp"
#include "bench/wire/body.hpp"
#include "bench/wire/delta.hpp"
#include "bench/wire/event_stream.hpp"
#include "bench/wire/failure.hpp"
#include "bench/wire/response_head.hpp"

namespace tokenlift {

class Answer {
 public:
  enum class Outcome : std::uint8_t { open, completed, refused, failed };

  /// What one read brought. `unix_s`: the present date, for what heads say of time.
  void read(std::string_view bytes, std::int64_t now_ns, std::int64_t unix_s, DeltaReader& reader);
  /// The connection has ended: `in_order`, or broken as `message` says.
  void close(bool in_order, std::string_view message, std::int64_t now_ns, DeltaReader& reader);
  /// It is over, for a reason of the reader's own.
  void fail(Failure failure, std::string example);

  Outcome outcome() const { return outcome_; }
  bool has_begun() const { return begun_; }  ///< a byte of it was read
  bool has_status() const { return reply_.status >= 0; }
  /// No byte of it is to come any more; `keep_alive` says whether the connection can be used again.
  bool is_whole() const { return whole_; }
  bool keep_alive() const { return keep_alive_; }

  /// Deltas with text in the last read.
  std::int32_t texts_read() const { return texts_read_; }
  std::int64_t first_token_ns() const { return first_token_ns_; }
  std::int64_t last_token_ns() const { return last_token_ns_; }
  const Reply& reply() const { return reply_; }
  Reply& reply() { return reply_; }
  /// Failed: what it said, or what was seen of it.
  const std::string& example() const { return example_; }

  /// Its output text is kept from now on, for whoever goes on with the conversation,
  void keep_text() { said_ = std::make_unique<std::string>(); }
  /// and is taken out, as the inside of a JSON string. Null: it was not kept, there was none, or it
  /// was longer than any answer that is worth sending back (4 MiB).
  std::unique_ptr<std::string> take_text();

  /// The head, from the read that completes it until drop_head().
  const ResponseHead* head() const { return has_status() ? head_.get() : nullptr; }
  void drop_head() { head_.reset(); }

 private:
  enum class Kind : std::uint8_t { stream, whole_reply, refusal, failure };

  void take_head(std::int64_t now_ns, std::int64_t unix_s);
  void take_body(std::string_view bytes, std::int64_t now_ns, DeltaReader& reader);
  void take_events(std::string_view data, std::int64_t now_ns, DeltaReader& reader);
  void take_event(const EventStream::Event& event, std::int64_t now_ns, DeltaReader& reader);
  void take(const Delta& delta, std::int64_t now_ns);
  void end_body(std::int64_t now_ns, DeltaReader& reader);
  void complete(std::int64_t now_ns);
  std::string* kept_text();

  std::unique_ptr<ResponseHead> head_;  // while it is read
  Body body_;
  EventStream events_;
  std::string text_;                   // of a body that is no stream
  std::unique_ptr<std::string> said_;  // where it is kept
  std::string example_;
  Reply reply_;
  std::int64_t first_token_ns_ = -1;
  std::int64_t last_token_ns_ = -1;
  std::int32_t texts_read_ = 0;
  Failure failure_of_status_ = Failure::status;
  Kind kind_ = Kind::stream;
  Outcome outcome_ = Outcome::open;
  bool begun_ = false;
  bool usage_is_last_ = false;
  bool whole_ = false;
  bool keep_alive_ = false;
};

}  // namespace tokenlift
