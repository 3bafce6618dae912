#include "bench/serve/reply_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

#include "bench/machine/host.hpp"
#include "bench/wire/json_text.hpp"

namespace tokenlift {

namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 529:
      return "Overloaded";
    default:
      return "Error";
  }
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 529:
      return "overloaded_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

std::string_view openai_type(int status) {
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

std::string error_body(Dialect dialect, const ErrorText& error, std::string_view request_id) {
  if (dialect == Dialect::anthropic) {
    return fmt::format(R"({{"type":"error","error":{{"type":"{}","message":{}}},"request_id":{}}})",
                       anthropic_type(error.status), quoted_json(error.message),
                       quoted_json(request_id));
  }
  return fmt::format(R"({{"error":{{"message":{},"type":"{}","param":{},"code":{}}}}})",
                     quoted_json(error.message), openai_type(error.status),
                     error.key.empty() ? "null" : quoted_json(error.key),
                     error.code.empty() ? "null" : quoted_json(error.code));
}

/// One chunk of a body in chunks.
void append_chunk(std::string_view bytes, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", bytes.size());
  out += bytes;
  out += "\r\n";
}

std::string_view finish_of(const ReplyFacts& facts) {
  if (facts.dialect == Dialect::anthropic) return facts.reaches_limit ? "max_tokens" : "end_turn";
  return facts.reaches_limit ? "length" : "stop";
}

std::string openai_usage(const ReplyFacts& facts) {
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}}})",
                     facts.prompt_tokens, facts.output_tokens,
                     facts.prompt_tokens + facts.output_tokens);
}

/// An event of OpenAI's streams; `choices` and what comes behind it.
std::string openai_event(const ReplyFacts& facts, std::string_view rest) {
  const bool chat = facts.dialect == Dialect::openai_chat;
  return fmt::format(
      "data: {{\"id\":\"{}\",\"object\":\"{}\",\"created\":{},\"model\":{},\"choices\":{}}}\n\n",
      facts.request_id, chat ? "chat.completion.chunk" : "text_completion", facts.created_s,
      quoted_json(facts.model), rest);
}

std::string anthropic_event(std::string_view type, std::string_view rest) {
  return fmt::format("event: {0}\ndata: {{\"type\":\"{0}\"{1}}}\n\n", type, rest);
}

// ------------------------------------------------------------------------------------ the limits

struct LimitFields {
  std::string_view openai;     // the end of the name
  std::string_view anthropic;  // the middle of it
};

LimitFields names_of(Unit unit) {
  switch (unit) {
    case Unit::requests:
      return {"requests", "requests"};
    case Unit::input_tokens:
      return {"tokens", "input-tokens"};
    case Unit::output_tokens:
      return {"tokens", "output-tokens"};
    case Unit::tokens:
      break;
  }
  return {"tokens", "tokens"};
}

double share_left(const GateStanding& standing) {
  return standing.limit_units > 0 ? standing.remaining_units / standing.limit_units : 0;
}

std::int64_t whole(double units) {
  return static_cast<std::int64_t>(std::clamp(units, 0.0, 9e15));
}

/// "12ms", "1.5s", "6m0s": a duration as Go writes it.
std::string go_duration(std::int64_t ns) {
  constexpr std::int64_t kMs = 1'000'000;
  const std::int64_t ms = std::max<std::int64_t>((ns + kMs - 1) / kMs, 0);
  if (ms < 1000) return fmt::format("{}ms", ms);
  const std::int64_t s = ms / 1000;
  std::string seconds =
      ms % 1000 == 0 ? fmt::format("{}s", s % 60) : fmt::format("{}.{:03}s", s % 60, ms % 1000);
  if (s < 60) return seconds;
  if (s < 3600) return fmt::format("{}m{}", s / 60, seconds);
  return fmt::format("{}h{}m{}", s / 3600, s / 60 % 60, seconds);
}

}  // namespace

std::string quoted_json(std::string_view text) {
  std::string out = "\"";
  append_json_text(text, out);
  out += '"';
  return out;
}

void append_token_text(std::int32_t token, std::string& out) {
  if (token < 0) {
    out += " tok";
  } else {
    fmt::format_to(std::back_inserter(out), " t{}", token);
  }
}

std::string limit_fields(Dialect dialect, std::span<const GateStanding> standings,
                         std::int64_t now_ns, std::int64_t unix_s) {
  std::string fields;
  const bool anthropic = dialect == Dialect::anthropic;
  const auto name_of = [&](const GateStanding& standing) {
    const LimitFields names = names_of(standing.settings->unit);
    return anthropic ? names.anthropic : names.openai;
  };
  for (const GateStanding& standing : standings) {
    const std::string_view name = name_of(standing);
    const bool is_tightest = std::ranges::none_of(standings, [&](const GateStanding& other) {
      if (&other == &standing || name_of(other) != name) return false;
      const double left = share_left(other);
      const double ours = share_left(standing);
      return left < ours || (left == ours && &other < &standing);
    });
    if (!is_tightest) continue;
    const Throttle& settings = *standing.settings;
    constexpr double kSecondsPerMinute = 60;
    const double limit =
        settings.rate.per_s ? *settings.rate.per_s * kSecondsPerMinute : standing.limit_units;
    const std::int64_t rest_ns =
        standing.full_ns == kNever ? 0 : std::max<std::int64_t>(standing.full_ns - now_ns, 0);
    const std::int64_t remaining = whole(standing.remaining_units);
    if (anthropic) {
      fmt::format_to(std::back_inserter(fields),
                     "anthropic-ratelimit-{0}-limit: {1}\r\nanthropic-ratelimit-{0}-remaining: {2}"
                     "\r\nanthropic-ratelimit-{0}-reset: {3}\r\n",
                     name, whole(limit), remaining,
                     utc_date_time(unix_s + (rest_ns + 999'999'999) / 1'000'000'000));
    } else {
      fmt::format_to(std::back_inserter(fields),
                     "x-ratelimit-limit-{0}: {1}\r\nx-ratelimit-remaining-{0}: {2}\r\n"
                     "x-ratelimit-reset-{0}: {3}\r\n",
                     name, whole(limit), remaining, go_duration(rest_ns));
    }
  }
  return fields;
}

void append_response(int status, std::string_view type, std::string_view fields,
                     std::string_view body, bool keep_alive, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n{}{}\r\n", status,
                 reason_of(status), type, body.size(), fields,
                 keep_alive ? "" : "connection: close\r\n");
  out += body;
}

void append_error(Dialect dialect, const ErrorText& error, std::string_view request_id,
                  std::string_view fields, bool keep_alive, std::string& out) {
  const std::string all = request_id.empty()
                              ? std::string(fields)
                              : fmt::format("x-request-id: {}\r\n{}", request_id, fields);
  append_response(error.status, "application/json", all, error_body(dialect, error, request_id),
                  keep_alive, out);
}

void append_events_begin(std::string& out) {
  out +=
      "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
      "cache-control: no-cache\r\nx-content-type-options: nosniff\r\n"
      "transfer-encoding: chunked\r\n\r\n";
}

void append_event(std::string_view name, std::string_view data, std::string& out) {
  append_chunk(fmt::format("event: {}\ndata: {}\n\n", name, data), out);
}

void append_events_end(std::string& out) {
  out += "0\r\n\r\n";
}

void append_stream_begin(const ReplyFacts& facts, std::string_view fields, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                 "cache-control: no-cache\r\nx-request-id: {}\r\n{}transfer-encoding: chunked"
                 "\r\n\r\n",
                 facts.request_id, fields);
  if (facts.dialect != Dialect::anthropic) return;
  append_chunk(anthropic_event(
                   "message_start",
                   fmt::format(R"(,"message":{{"id":"{}","type":"message","role":"assistant",)"
                               R"("model":{},"content":[],"stop_reason":null,)"
                               R"("stop_sequence":null,"usage":{{"input_tokens":{},)"
                               R"("output_tokens":1}}}})",
                               facts.request_id, quoted_json(facts.model), facts.prompt_tokens)) +
                   anthropic_event("content_block_start",
                                   R"(,"index":0,"content_block":{"type":"text","text":""})"),
               out);
}

TokenEvent token_event(const ReplyFacts& facts, bool first) {
  // Escaped in whatever a client may have said, so that it stands where the text will.
  constexpr char kText = '\x01';
  std::string event;
  switch (facts.dialect) {
    case Dialect::openai_chat:
      event = openai_event(facts, fmt::format(R"([{{"index":0,"delta":{{{}"content":"{}"}},)"
                                              R"("finish_reason":null}}])",
                                              first ? R"("role":"assistant",)" : "", kText));
      break;
    case Dialect::openai_completions:
      event = openai_event(
          facts, fmt::format(R"([{{"index":0,"text":"{}","finish_reason":null}}])", kText));
      break;
    case Dialect::anthropic:
      event = anthropic_event(
          "content_block_delta",
          fmt::format(R"(,"index":0,"delta":{{"type":"text_delta","text":"{}"}})", kText));
      break;
  }
  const std::size_t at = event.rfind(kText);
  return {event.substr(0, at), event.substr(at + 1)};
}

void append_stream_token(const TokenEvent& event, std::string_view text, std::string& out) {
  std::string escaped;  // no room is taken for a short one
  append_json_text(text, escaped);
  const std::size_t bytes = event.before.size() + escaped.size() + event.after.size();
  std::array<char, 2 * sizeof bytes> digits = {};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), bytes, 16);
  out.append(digits.data(), end);
  out += "\r\n";
  out += event.before;
  out += escaped;
  out += event.after;
  out += "\r\n";
}

void append_stream_end(const ReplyFacts& facts, std::string& out) {
  std::string events;
  if (facts.dialect == Dialect::anthropic) {
    events = anthropic_event("content_block_stop", R"(,"index":0)") +
             anthropic_event("message_delta",
                             fmt::format(R"(,"delta":{{"stop_reason":"{}","stop_sequence":null}},)"
                                         R"("usage":{{"output_tokens":{}}})",
                                         finish_of(facts), facts.output_tokens)) +
             anthropic_event("message_stop", "");
  } else {
    const bool chat = facts.dialect == Dialect::openai_chat;
    events =
        openai_event(facts, fmt::format(R"([{{"index":0,{},"finish_reason":"{}"}}])",
                                        chat ? R"("delta":{})" : R"("text":"")", finish_of(facts)));
    if (facts.include_usage) {
      events += openai_event(facts, fmt::format(R"([],"usage":{})", openai_usage(facts)));
    }
    events += "data: [DONE]\n\n";
  }
  append_chunk(events, out);
  out += "0\r\n\r\n";
}

void append_stream_error(const ReplyFacts& facts, std::string_view message, std::string& out) {
  const ErrorText error{facts.dialect == Dialect::anthropic ? 529 : 503, message};
  const std::string body = error_body(facts.dialect, error, facts.request_id);
  append_chunk(facts.dialect == Dialect::anthropic ? fmt::format("event: error\ndata: {}\n\n", body)
                                                   : fmt::format("data: {}\n\n", body),
               out);
  out += "0\r\n\r\n";
}

void append_whole(const ReplyFacts& facts, std::string_view text, std::string_view fields,
                  bool keep_alive, std::string& out) {
  std::string body;
  if (facts.dialect == Dialect::anthropic) {
    body = fmt::format(
        R"({{"id":"{}","type":"message","role":"assistant","model":{},"content":[{{"type":"text",)"
        R"("text":{}}}],"stop_reason":"{}","stop_sequence":null,"usage":{{"input_tokens":{},)"
        R"("output_tokens":{}}}}})",
        facts.request_id, quoted_json(facts.model), quoted_json(text), finish_of(facts),
        facts.prompt_tokens, facts.output_tokens);
  } else {
    const bool chat = facts.dialect == Dialect::openai_chat;
    const std::string said =
        chat ? fmt::format(R"("message":{{"role":"assistant","content":{}}})", quoted_json(text))
             : fmt::format(R"("text":{})", quoted_json(text));
    body = fmt::format(
        R"({{"id":"{}","object":"{}","created":{},"model":{},"choices":[{{"index":0,{},)"
        R"("finish_reason":"{}"}}],"usage":{}}})",
        facts.request_id, chat ? "chat.completion" : "text_completion", facts.created_s,
        quoted_json(facts.model), said, finish_of(facts), openai_usage(facts));
  }
  append_response(200, "application/json",
                  fmt::format("x-request-id: {}\r\n{}", facts.request_id, fields), body, keep_alive,
                  out);
}

}  // namespace tokenlift
