#pragma once
// One request on its way through the system, and what the fleet reports of it.

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

namespace tokenlift {

/// An instant that never comes.
inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

/// A request in flight: its place in the RequestTable. Reused after the request has left.
using RequestId = std::uint32_t;

/// A tenant, and the planned phase that a request's due instant falls in: where its tokens are
/// recorded. RecordingGrid::cell() makes it.
using CellId = std::uint32_t;

struct Request {
  std::int64_t due_ns = 0;
  std::int64_t sent_ns = 0;
  std::int64_t admitted_ns = -1;  ///< negative: not let through yet
  static constexpr std::uint64_t kMostNumber = (std::uint64_t{1} << 36) - 1;
  std::uint64_t number : 36 = 0;  ///< within its tenant, from 0: the key of its draws
  std::uint64_t tenant : 16 = 0;
  std::uint64_t phase : 4 = 0;     ///< the planned phase that its due instant falls in
  std::uint64_t attempts : 8 = 1;  ///< so far
  std::uint32_t reserved_by = 0;   ///< bit i: throttle i holds a reservation of this request
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;
  std::int32_t max_tokens = 0;  ///< what it reserves from a limit on output tokens
};
// There may be millions of them in flight.
static_assert(sizeof(Request) == 48);

/// Prompt tokens in a block of a trace that says nothing else.
inline constexpr std::int32_t kBlockTokens = 512;

/// What of a prompt a replica may have computed before: what was said in its conversation, or the
/// blocks that a trace names. Keys are never 0.
struct Prefix {
  std::uint64_t conversation = 0;     ///< its key; 0 where the blocks say it
  std::int32_t known_tokens = 0;      ///< of the prompt, from its beginning: said before
  std::vector<std::uint64_t> blocks;  ///< each the key of the prompt up to and with that block
  std::int32_t block_tokens =
      kBlockTokens;  ///< in a block; the last one of a prompt may have fewer
};

/// How far a request had come when its replica went.
struct Progress {
  std::int32_t emitted_tokens = 0;
  std::int32_t late_gaps = 0;           ///< as in News
  std::int64_t scheduled_ns = -1;       ///< negative: it was not
  std::int64_t first_token_ns = -1;     ///< at its user; negative: there is none yet
  std::int64_t last_token_ns = 0;       ///< at its user
  std::int32_t last_token_rest_ps = 0;  ///< below 1000
  std::uint16_t first_site = 0;         ///< that computed the first token
};

/// What a replica needs to know of a request.
struct Work {
  RequestId id = 0;
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;
  std::uint64_t number = 0;
  std::uint32_t tenant = 0;
  CellId cell = 0;
  const Prefix* prefix = nullptr;      ///< none, or good until the request has completed
  bool announce = false;               ///< the fleet is to say when it is scheduled
  bool stream = false;                 ///< ... and of each of its tokens
  std::uint32_t attempt = 1;           ///< of its client, with this one
  const Progress* progress = nullptr;  ///< of work that was returned; good while it is submitted
};

/// What a fleet says of a request.
enum class NewsKind : std::uint8_t {
  started,    ///< it asked for that: the first step that computes any of it began
  token,      ///< it asked for that: it got one
  completed,  ///< it got its last token
  cancelled,  ///< it was cancelled: its place and its room in the KV cache are free
  failed,     ///< its replica is gone, and what was computed with it; or its endpoint broke
  returned,   ///< its replica is gone, and it is to be computed on another one
  refused     ///< by an endpoint: nothing was computed
};

/// What an endpoint said of a request that it refused, answered or broke. Negative: it did not.
struct Reply {
  std::int64_t admitted_ns = -1;      ///< the first byte of the attempt was written
  std::int64_t headers_ns = -1;       ///< its status was read
  std::int64_t first_output_ns = -1;  ///< the first delta with text that is no reasoning
  std::int32_t status = -1;           ///< of HTTP
  std::int32_t prompt_tokens = -1;    ///< as the endpoint counts them (usage)
  std::int32_t cached_tokens = -1;    ///< of these, found in its cache
  std::int32_t output_tokens = 0;     ///< usage, else one for each delta with text
  std::int32_t deltas = 0;            ///< with text
  bool usage_known = false;
  bool overloaded = false;                  ///< refused: everybody's load, not this user's limit
  std::optional<std::int64_t> retry_at_ns;  ///< refused: when it may come back
  std::optional<bool> should_retry;         ///< x-should-retry
  std::string_view failure;                 ///< failed: the kind of failure (wire/failure.hpp)
};

/// One thing that happened to a request. Instants are those at which its user learns of it.
struct News {
  RequestId id = 0;
  std::uint32_t replica = 0;
  std::int64_t scheduled_ns = 0;  ///< at the replica
  std::int64_t first_token_ns = 0;
  std::int64_t at_ns = 0;  ///< when it happened; completed: the last token
  /// started: tokens of its prompt that were found in the replica's prefix cache; token: which one,
  /// where it is computed, else -1; completed: gaps longer than its tenant's objective, 0 where it
  /// has none; failed and cancelled: output tokens that it had; returned: tokens that are to be
  /// computed once more.
  std::int32_t count = 0;
  NewsKind kind = NewsKind::completed;
  std::uint16_t site = 0;  ///< completed: that computed the first token
};
// They are read in batches of thousands.
static_assert(sizeof(News) == 40);

/// The order in which the loop learns of things; of one replica, as they happened.
inline bool earlier(const News& a, const News& b) {
  return std::tie(a.at_ns, a.replica) < std::tie(b.at_ns, b.replica);
}

}  // namespace tokenlift
