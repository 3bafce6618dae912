#pragma once
// What the head of a response says of limits: when to come back, and what is left.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "bench/wire/response_head.hpp"

namespace tokenlift {

/// How long to wait, in ns: retry-after-ms (fractional milliseconds), else retry-after (fractional
/// seconds, or an HTTP date, which is held against `now_unix_s`). Absent: not said, negative or
/// past, or not a number. Bounded by a year.
std::optional<std::int64_t> retry_after_ns(const ResponseHead& head, std::int64_t now_unix_s);

/// x-should-retry: true or false.
std::optional<bool> should_retry(const ResponseHead& head);

enum class LimitUnit : std::uint8_t { requests, tokens, input_tokens, output_tokens };
enum class LimitFigure : std::uint8_t { limit, remaining, reset_ms };
struct LimitReading {
  LimitUnit unit;
  LimitFigure figure;
  std::int64_t value;  ///< reset_ms: from now
  bool operator==(const LimitReading&) const = default;
};

/// All that the head says in the dialects of OpenAI (reset as a Go duration), Azure (as seconds;
/// -1 and 0 occur) and Anthropic (as RFC 3339; 0 where that is past), in its order. A negative
/// figure says nothing, and where it is a limit, what is left of it and its reset say nothing, too.
std::vector<LimitReading> rate_limits(const ResponseHead& head, std::int64_t now_unix_s);

}  // namespace tokenlift
