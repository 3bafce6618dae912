#pragma once
// One request of a trace as its line says it, and what the formats of traces have in common.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenlift {

struct TraceRow {
  std::int64_t timestamp_ns = 0;  ///< on the trace's own clock, whatever it counts from
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  std::vector<std::uint64_t> block_ids;  ///< of the prompt, kTraceBlockTokens each
  bool failed = false;                   ///< where the trace was taken: it is to be skipped
};

/// Prompt tokens in a block that a trace names; the last of a prompt may have fewer.
inline constexpr std::int64_t kTraceBlockTokens = 512;
/// Of a prompt or an answer, at most.
inline constexpr std::int64_t kTraceTokensMax = 1'000'000'000;
/// Timestamps are below it: 285 years.
inline constexpr std::int64_t kTraceTimestampMaxNs = 9'000'000'000'000'000'000;

/// What is wrong with a line. Thrown by row parsers; TraceReader adds the file and the line.
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
  /// format.
  RowParser (*recognise)(std::string_view first_line);
};
extern const TraceFormat kAzureTrace;
extern const TraceFormat kBurstGptTrace;
extern const TraceFormat kMooncakeTrace;

/// A whole number of `digits_min` to `digits_max` (18 at most) digits at the front of `text`, which
/// is consumed. What follows may be another digit.
std::optional<std::int64_t> take_digits(std::string_view& text, std::size_t digits_min,
                                        std::size_t digits_max);

/// All of `text` as a decimal number, 0 or more, in ns if it counts `unit_ns`: "12", "0.25". Cut to
/// whole ns, which keeps the order. Nothing for other text and from kTraceTimestampMaxNs on.
std::optional<std::int64_t> parse_decimal_ns(std::string_view text, std::int64_t unit_ns);

/// All of `text` as a whole number in [min, kTraceTokensMax]. Throws RowMistake, which names it.
std::int64_t parse_tokens(std::string_view text, std::int64_t min, std::string_view name);

/// The text up to the next comma, which is consumed with it.
std::string_view take_column(std::string_view& rest);

/// Throws RowMistake if the line has another number of columns.
void check_columns(std::string_view line, std::size_t columns, std::string_view form);

}  // namespace tokenlift
