#pragma once
// The log of requests that --records writes, read back.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenlift {

/// The first line of a log, and which of its fields, from 0, says when a request was decided.
inline constexpr std::string_view kRequestRowsHead =
    "repetition,arm,tenant,number,phase,outcome,slo_met,attempts,prompt_tokens,output_tokens,"
    "due_ns,sent_ns,admitted_ns,scheduled_ns,first_token_ns,last_token_ns,end_ns,request_id";
inline constexpr std::size_t kRequestRowsEndField = 16;

/// A request as its log has it; negative instants: it did not get there. From the start of the run.
struct RequestRow {
  std::string request_id;  ///< of its last attempt; empty: it was on no wire
  std::string outcome;     ///< "completed", "rejected", ...
  std::uint64_t repetition = 1;
  bool control = false;
  std::uint64_t attempts = 1;
  std::int64_t output_tokens = 0;
  std::int64_t due_ns = -1;
  std::int64_t sent_ns = -1;
  std::int64_t admitted_ns = -1;
  std::int64_t first_token_ns = -1;
  std::int64_t last_token_ns = -1;

  /// It got all of its tokens: "completed", or "expired" where that was after its deadline.
  bool served() const { return last_token_ns >= 0; }
  /// Of one that was served, from two tokens on.
  std::optional<double> tpot_ns() const;
};

/// Throws std::invalid_argument with the line where the text is no such log, or one of an older
/// version, which does not name its requests.
std::vector<RequestRow> read_request_rows(std::string_view text);

}  // namespace tokenlift
