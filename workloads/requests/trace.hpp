#pragma once
// Traces: files of requests as they were once asked. The first line says which format it is.
//
// Azure LLM inference traces: CSV with the columns TIMESTAMP, ContextTokens and GeneratedTokens.
//
//     2023-11-16 18:15:46.6805900,374,44
//
// Both token counts are 1 or more: a request without a prompt or an answer has no latency to
// measure, so a zero is an error, not a one (the 2023 traces have none).
//
// BurstGPT: CSV with the header Timestamp,Model,Request tokens,Response tokens,Total tokens,Log
// Type, or with further columns, as later releases have (Session ID, Elapsed time).
//
//     5,ChatGPT,472,18,490,Conversation log
//
// Without prompt or response tokens the request failed where the trace was taken: there is no
// answer to wait for, so the row is skipped and counted. So it is with other CSV, whose columns
// Trace::columns names.
//
// In all CSV columns are found by their names in the header, whatever others there are; a time is a
// number of seconds or a date and time (parse_date_time_ns()); fields may be quoted, within a line;
// and a comma may follow the last column.
//
// Mooncake: JSON lines.
//
//     {"timestamp": 3052, "input_length": 600, "output_length": 50, "hash_ids": [0, 28]}
//
// The timestamp is in milliseconds. Each of hash_ids, which may be absent, stands for
// Trace::block_tokens of the prompt from its beginning on (the last one for fewer), and names all
// of the prompt up to there. Keys come in any order; others are skipped, whatever they hold. A line
// with the session_id of the line before it and a `delay` (milliseconds), or without a timestamp,
// is the next turn of that session, due the delay after the answer.
//
// Everywhere instants never decrease (or the file is sorted here), numbers may have decimals and an
// exponent (tokens must be whole), lines end in LF or CRLF (the last may lack it), blank lines at
// the end count for nothing, text is UTF-8, and a byte order mark may stand before it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/requests/arrivals.hpp"
#include "workloads/requests/trace_row.hpp"
#include "workloads/requests/trace_rows.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift {

/// Streams the requests of a trace, numbered as they are kept: turn t of session s is request
/// s x T + t, with T the most turns of TraceSummary (1: no trace of sessions). The run begins
/// `start` after the first request of the file; with `resample` its blocks follow each other as
/// they are drawn, without an end. Which requests `sample` keeps (sessions as a whole) and which
/// blocks are drawn goes by seed and tenant; without both every repetition replays the same
/// requests. Memory is constant, but for `sort`, and for one place per block of `resample`.
class TraceReader {
 public:
  /// Throws ScenarioError if the file can't be opened or is of no known format, or if `resample`
  /// has not two blocks to draw from, or too many.
  TraceReader(const Trace& trace, std::uint64_t seed, std::uint64_t tenant);

  /// The next request, or nothing at the end. Throws ScenarioError at a bad line, with its number.
  std::optional<Arrival> next();

  /// Of the prompt of the request that next() returned last: a key for each block that begins
  /// within the cap. Never 0; equal keys, in whatever reader, are the same id of the same file.
  const std::vector<std::uint64_t>& blocks() const { return row_.block_ids; }
  /// The turns that follow it, each when the one before was answered, with delays on the run's
  /// clock, capped and with keys as in blocks().
  const std::vector<TraceTurn>& turns() const { return row_.turns; }

  const TraceRows& rows() const { return rows_; }
  /// Requests so far that are due before `start`.
  std::int64_t before_start() const { return before_start_; }

 private:
  bool next_row();
  bool next_drawn_row();
  void find_blocks();
  void name_blocks(std::vector<std::uint64_t>& ids, std::int64_t prompt_tokens);
  std::int64_t on_run_clock(std::int64_t ns, int line) const;

  Trace trace_;
  TraceRows rows_;
  std::int64_t max_prompt_tokens_;
  std::int64_t max_output_tokens_;
  Draws sample_draws_;
  Draws block_draws_;
  Draws block_keys_;
  TraceRow row_;
  std::int64_t due_ns_ = 0;  // of row_, on the trace's own clock
  std::uint64_t row_number_ = 0;
  std::uint64_t kept_ = 0;
  std::int64_t before_start_ = 0;
  std::optional<std::int64_t> first_ns_;  // timestamp of the file's first request
  // Of `resample`: where each block begins, and the one that is read.
  std::vector<TraceRows::Place> blocks_;
  std::uint64_t drawn_ = 0;
  std::int64_t block_ = -1;
};

/// Of the bytes of a file: FNV-1a with 64 bits (Fowler, Noll, Vo; RFC 9923).
std::uint64_t file_digest(const std::string& file);

/// Reads the whole trace, without `sample` and `resample`. Throws ScenarioError at the first bad
/// line, if `sample` leaves no request on average, and what TraceReader() throws.
TraceSummary summarise(const Trace& trace);

}  // namespace tokenlift
