#pragma once
// Traces: files of requests as they were once asked. The first line says which format it is.
//
// Azure LLM inference traces: CSV with the header TIMESTAMP,ContextTokens,GeneratedTokens.
//
//     2023-11-16 18:15:46.6805900,374,44
//
// The timestamp is a date, a space, a time with 0 to 9 decimals of a second, and optionally +00:00
// (the 2024 traces have it). Both token counts are 1 or more: a request without a prompt or an
// answer has no latency to measure, so a zero is an error, not a one (the 2023 traces have none).
//
// BurstGPT: CSV with the header Timestamp,Model,Request tokens,Response tokens,Total tokens,Log
// Type, or with further columns, as later releases have (Session ID, Elapsed time): the three that
// are used are found by their names.
//
//     5,ChatGPT,472,18,490,Conversation log
//
// The timestamp is in seconds and may have decimals. Without prompt or response tokens the request
// failed where the trace was taken: there is no answer to wait for, so the row is skipped and
// counted.
//
// Mooncake: JSON lines.
//
//     {"timestamp": 3052, "input_length": 600, "output_length": 50, "hash_ids": [0, 28]}
//
// The timestamp is in milliseconds and may have decimals. Each of hash_ids, which may be absent,
// stands for 512 tokens of the prompt from its beginning on (the last one for fewer), and names all
// of the prompt up to there. Keys come in any order; others are skipped.
//
// Everywhere instants never decrease, lines end in LF or CRLF (the last may lack it), and text is
// UTF-8.

#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/requests/arrivals.hpp"
#include "workloads/requests/line_reader.hpp"
#include "workloads/requests/trace_row.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift {

/// Streams the requests of a trace: thinned by `sample`, capped, on the clock scaled by `speed`,
/// the first kept one at 0, numbered as they are kept. Which rows `sample` keeps depends on their
/// number in the file alone, not on the seed: a trace is data, and every repetition replays the
/// same requests. Memory is constant.
class TraceReader {
 public:
  /// Throws ScenarioError if the file can't be opened or is of no known format.
  explicit TraceReader(const Trace& trace);

  /// The next request, or nothing at the end. Throws ScenarioError at a bad line, with its number.
  std::optional<Arrival> next();

  /// Of the prompt of the request that next() returned last: a key for each block that begins
  /// within the cap. Never 0; equal keys, in whatever reader, are the same id of the same file.
  const std::vector<std::uint64_t>& blocks() const { return row_.block_ids; }

  /// Rows skipped so far because the request failed where the trace was taken.
  std::int64_t failed() const { return failed_; }

 private:
  bool read_row();
  void name_blocks();

  LineReader lines_;
  double speed_;
  double sample_;
  std::int64_t max_prompt_tokens_;
  std::int64_t max_output_tokens_;
  Draws sample_draws_;
  Draws block_keys_;
  const TraceFormat* format_ = nullptr;
  RowParser parse_;
  bool row_read_ = false;  // the line that told the format is a row itself
  TraceRow row_;
  std::uint64_t row_number_ = 0;
  std::uint64_t kept_ = 0;
  std::int64_t failed_ = 0;
  std::optional<std::int64_t> first_timestamp_ns_;  // of the first request that was kept
  std::int64_t last_timestamp_ns_ = INT64_MIN;
};

/// Reads the whole trace once. Throws ScenarioError at the first bad line, or if no request is
/// left.
TraceSummary summarise(const Trace& trace);

}  // namespace tokenlift
