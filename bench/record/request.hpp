#pragma once
// One request on its way through the system, and what the fleet reports of it.

#include <cstdint>
#include <limits>
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

/// What a replica needs to know of a request.
struct Work {
  RequestId id = 0;
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;
  std::uint64_t number = 0;
  std::uint32_t tenant = 0;
  CellId cell = 0;
  const Prefix* prefix = nullptr;  ///< none, or good until the request has completed
  bool announce = false;           ///< the fleet is to say when it is scheduled (Fleet::starts())
};

/// A request that asked for it has been scheduled: the first step that computes any of it began.
struct Start {
  RequestId id = 0;
  std::uint32_t replica = 0;
  std::int64_t scheduled_ns = 0;
  std::int32_t cached_tokens = 0;  ///< of its prompt, found in the replica's prefix cache
};

/// A request that got its last token.
struct Completion {
  RequestId id = 0;
  std::uint32_t replica = 0;
  std::int64_t scheduled_ns = 0;
  std::int64_t first_token_ns = 0;
  std::int64_t last_token_ns = 0;
  std::int32_t late_gaps = 0;  ///< longer than its tenant's objective; 0 where it has none
};

/// The order in which the loop learns of completions, and of starts; of one replica, as they came.
struct Earlier {
  bool operator()(const Completion& a, const Completion& b) const {
    return std::tie(a.last_token_ns, a.replica) < std::tie(b.last_token_ns, b.replica);
  }
  bool operator()(const Start& a, const Start& b) const {
    return std::tie(a.scheduled_ns, a.replica) < std::tie(b.scheduled_ns, b.replica);
  }
};
inline constexpr Earlier earlier;

}  // namespace tokenlift
