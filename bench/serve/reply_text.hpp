#pragma once
// The bytes of replies, in the dialects that clients speak.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bench/serve/api_request.hpp"
#include "bench/throttle/gates.hpp"

namespace tokenlift {

/// What a reply says of its request.
struct ReplyFacts {
  Dialect dialect = Dialect::openai_chat;
  std::string request_id;
  std::string model;
  std::int64_t created_s = 0;  ///< since 1970 UTC
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;  ///< so far
  bool include_usage = false;
  bool reaches_limit = false;  ///< it ends because of max_tokens, and not by itself
};

/// The text of a token: one of four letters where nobody computes which it is (-1).
void append_token_text(std::int32_t token, std::string& out);

/// Header fields of the throttles that look at a request, each on a line: of OpenAI's dialect for
/// requests and tokens, of Anthropic's for input and output tokens, too. Of several throttles of
/// one unit the one with the least left counts. What is refilled at a rate has its limit per
/// minute.
std::string limit_fields(Dialect dialect, std::span<const GateStanding> standings,
                         std::int64_t now_ns, std::int64_t unix_s);

/// A whole response with a body of this type. `fields` are further header fields, each with its
/// end.
void append_response(int status, std::string_view type, std::string_view fields,
                     std::string_view body, bool keep_alive, std::string& out);

/// An error in its dialect. `key`: the parameter that is wrong, or empty; `code`: of OpenAI's
/// dialect, or empty.
struct ErrorText {
  int status = 400;
  std::string_view message;
  std::string_view key = {};
  std::string_view code = {};
};
void append_error(Dialect dialect, const ErrorText& error, std::string_view request_id,
                  std::string_view fields, bool keep_alive, std::string& out);

/// A string of JSON that says `text`.
std::string quoted_json(std::string_view text);

// A stream of events for whoever watches the server: its head, an event (`data`: JSON on one line),
// and its end.
void append_events_begin(std::string& out);
void append_event(std::string_view name, std::string_view data, std::string& out);
void append_events_end(std::string& out);

// A stream: its head and what comes before the first token, one event for each token, and its end.
void append_stream_begin(const ReplyFacts& facts, std::string_view fields, std::string& out);
// What stands around the text in the event of a token is the same for all tokens but the first, and
// made once: making it takes longer than all else that is done for a token.
struct TokenEvent {
  std::string before;
  std::string after;
};
TokenEvent token_event(const ReplyFacts& facts, bool first);
void append_stream_token(const TokenEvent& event, std::string_view text, std::string& out);
void append_stream_end(const ReplyFacts& facts, std::string& out);
/// Where a stream has to break off: what is said in it.
void append_stream_error(const ReplyFacts& facts, std::string_view message, std::string& out);

/// A whole reply with this text.
void append_whole(const ReplyFacts& facts, std::string_view text, std::string_view fields,
                  bool keep_alive, std::string& out);

}  // namespace tokenlift
