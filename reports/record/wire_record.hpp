#pragma once
// What was seen on the wire of engine http, beside what is recorded of requests and tokens.

#include <cstdint>
#include <string>
#include <vector>

namespace tokenlift {

/// One kind of failure of attempts.
struct FailureRecord {
  std::string kind;         ///< as in bench/wire/failure.hpp
  std::uint64_t count = 0;  ///< attempts
  std::string example;      ///< what one of them said, printable, without secrets
  bool operator==(const FailureRecord&) const = default;
};

/// What a server said of itself, in the bins of Series: the last value in each bin, kNotSaid where
/// it had said nothing by then.
struct ServerColumn {
  static constexpr std::int64_t kNotSaid = -1;
  std::string site;
  /// Of response heads: "limit.requests", "remaining.tokens", "reset_ms.output_tokens", ...; of its
  /// metrics: "waiting", "running", "kv_used_ppm".
  std::string figure;
  std::vector<std::int64_t> values;
  bool operator==(const ServerColumn&) const = default;
};

struct WireRecord {
  std::uint64_t connections = 0;         ///< opened
  std::uint64_t reads = 0;               ///< that held at least one delta with text
  std::uint64_t reads_with_several = 0;  ///< ... more than one
  std::uint64_t deltas = 0;              ///< with text, of requests that completed
  // Of these:
  std::uint64_t asked_tokens = 0;         ///< output tokens that were asked for
  std::uint64_t got_tokens = 0;           ///< that came, by usage where it came
  std::uint64_t placed_late_tokens = 0;   ///< of these, not seen as deltas: at their last token
  std::uint64_t without_usage = 0;        ///< requests whose tokens are a count of deltas
  std::uint64_t asked_prompt_tokens = 0;  ///< of those with usage that were sent after the warm-up
  std::uint64_t got_prompt_tokens = 0;    ///< of the same, by usage
  /// Time that the harness's own thread worked: its share of a core bounds what can be trusted.
  std::int64_t busy_ns = 0;
  std::vector<FailureRecord> failures;  ///< by kind
  std::vector<ServerColumn> server;
  bool operator==(const WireRecord&) const = default;
};

/// Adds `other` to `into`; examples and server columns of the first run stay.
void merge(WireRecord& into, const WireRecord& other);

}  // namespace tokenlift
