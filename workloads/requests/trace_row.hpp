#pragma once
// One request of a trace as its line says it, and what the formats of traces have in common.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// A turn that is asked when the one before it was answered.
struct TraceTurn {
  std::int64_t delay_ns = 0;  ///< from that answer on, on the trace's own clock
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  std::vector<std::uint64_t> block_ids;
  int line = 0;  ///< its number in the file
};

struct TraceRow {
  std::optional<std::int64_t> timestamp_ns;  ///< on the trace's own clock, from wherever it counts
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  std::vector<std::uint64_t> block_ids;  ///< of the prompt, Trace::block_tokens each
  bool failed = false;                   ///< where the trace was taken: it is to be skipped
  std::string session;                   ///< whose turn it is; empty: a request by itself
  std::optional<std::int64_t> delay_ns;  ///< from the answer to the session's turn before it
  // What a line does not say:
  std::vector<TraceTurn> turns;  ///< that follow it, in their order
  int line = 0;                  ///< its number in the file
};

/// Of a prompt or an answer, at most.
inline constexpr std::int64_t kTraceTokensMax = 1'000'000'000;
/// Timestamps are below it: 285 years.
inline constexpr std::int64_t kTraceTimestampMaxNs = 9'000'000'000'000'000'000;

/// What is wrong with a line. Thrown by row parsers; TraceRows adds the file and the line.
struct RowMistake {
  std::string message;
  std::string advice;
  std::size_t offset = std::string_view::npos;  ///< of the byte it is about; npos: the line
};

/// Fills in the row from a line; what it doesn't set is as in a new row (the memory of `block_ids`
/// is kept). Throws RowMistake.
using RowParser = std::function<void(std::string_view line, TraceRow& row)>;

/// A format of traces, as its first line tells.
struct TraceFormat {
  std::string_view form;  ///< what a line looks like, for people
  std::size_t line_bytes_max;
  bool has_header;  ///< the first line is not a row
  /// A parser for the rows of the file that begins with this line; empty if it is of another
  /// format. May throw RowMistake.
  RowParser (*recognise)(std::string_view first_line, const Trace& trace);
};
extern const TraceFormat kAzureTrace;
extern const TraceFormat kBurstGptTrace;
extern const TraceFormat kMooncakeTrace;
/// CSV of which Trace::columns names the columns.
extern const TraceFormat kNamedColumnsTrace;

/// All of `text` as a decimal number, 0 or more, in ns if it counts `unit_ns` (a power of ten):
/// "12", "0.25", "1.7e9". Cut to whole ns, which keeps the order. Nothing for other text and from
/// kTraceTimestampMaxNs on.
std::optional<std::int64_t> parse_decimal_ns(std::string_view text, std::int64_t unit_ns);

/// All of `text` as a date and time in 1970 ... 2199, in ns since 1970-01-01 UTC: the date, a space
/// or T, the time with 0 to 9 decimals of a second, and optionally Z or an offset (+02:00, +0200,
/// +02).
std::optional<std::int64_t> parse_date_time_ns(std::string_view text);

/// All of `text` as a whole number in [min, kTraceTokensMax], however it is written ("374",
/// "374.0", "3.74e2"). Throws RowMistake, which names it.
std::int64_t parse_tokens(std::string_view text, std::int64_t min, std::string_view name);

}  // namespace tokenlift
