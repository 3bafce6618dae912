#pragma once
// Azure LLM inference traces: CSV with the header TIMESTAMP,ContextTokens,GeneratedTokens.
//
//     2023-11-16 18:15:46.6805900,374,44
//
// The timestamp is a date, a space, a time with 0 to 9 decimals of a second, and optionally +00:00
// (the 2024 traces have it); instants never decrease. Both token counts are 1 or more: a request
// without a prompt or an answer has no latency to measure, so a zero is an error, not a one (the
// 2023 traces have none). Lines end in LF or CRLF; the last may lack it.

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/arrivals.hpp"
#include "workloads/draw.hpp"
#include "workloads/scenario.hpp"

namespace tokenlift {

/// Streams the requests of a trace: thinned by `sample`, capped, on the clock scaled by `speed`,
/// the first kept one at 0. Which rows `sample` keeps depends on their number in the file alone,
/// not on the seed: a trace is data, and every repetition replays the same requests. Memory is
/// constant.
class TraceReader {
 public:
  /// Throws ScenarioError if the file can't be opened or doesn't begin with the header.
  explicit TraceReader(const Trace& trace);

  /// The next request, or nothing at the end. Throws ScenarioError at a bad line, with its number.
  std::optional<Arrival> next();

 private:
  struct Row {
    std::int64_t timestamp_ns = 0;  // since 1970
    std::int64_t prompt_tokens = 0;
    std::int64_t output_tokens = 0;
  };
  bool read_line();
  bool refill();
  Row parse_row();
  [[noreturn]] void fail(const std::string& message, const std::string& advice) const;

  std::string file_;
  double speed_;
  double sample_;
  std::int64_t max_prompt_tokens_;
  std::int64_t max_output_tokens_;
  Draws sample_draws_;
  std::ifstream stream_;
  std::vector<char> buffer_;
  std::size_t buffer_begin_ = 0;
  std::size_t buffer_end_ = 0;
  std::string line_;
  int line_number_ = 0;
  std::uint64_t row_number_ = 0;
  std::optional<std::int64_t> first_timestamp_ns_;  // of the first request that was kept
  std::int64_t last_timestamp_ns_ = INT64_MIN;
};

/// Reads the whole trace once. Throws ScenarioError at the first bad line, or if no request is
/// left.
TraceSummary summarise(const Trace& trace);

}  // namespace tokenlift
