#pragma once
// One replica: continuous batching at step granularity, as a state machine with exact time.
//
// Running sequences each get one token per step; prompts are prefilled in chunks within the step's
// token budget, oldest first; requests are admitted in order while a place in the batch, budget and
// KV room are left. The step that finishes a prompt emits its first token, so N output tokens take
// one prefill and N - 1 decode steps. When the KV cache cannot take a step's new tokens, the
// youngest sequence is preempted: it goes to the front of the line, and its prompt and the tokens
// it has emitted are recomputed later; that prefill emits its *next* token. So it is when the batch
// has to be smaller than before.
//
// With a prefix cache, a request that is scheduled for the first time is prefilled from where the
// cached tokens end. It takes its whole prompt's room in the KV cache all the same: the prefix
// cache is beside it, and what it holds is copied. A preempted request is recomputed from its first
// token.
//
// plan_step() says what the next step holds, the engine says when it ended, finish_step() says what
// came of it. No clock, no thread, no randomness in here.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "bench/fleet/prefix_cache.hpp"
#include "bench/record/request.hpp"

namespace tokenlift {

/// A sequence that is resident or was preempted.
struct Sequence {
  Work work;
  std::int64_t emitted_tokens = 0;  ///< output tokens so far
  std::int64_t prefill_tokens =
      0;  ///< to be prefilled: the prompt, and what was emitted before a preemption
  std::int64_t prefilled_tokens = 0;  ///< of these
  std::int64_t kv_tokens = 0;      ///< resident in the KV cache (a prompt's are taken at admission)
  std::int64_t cached_tokens = 0;  ///< of its prompt, found in the prefix cache
  std::int64_t scheduled_ns = -1;  ///< start of the first step that computed any of it
  std::int64_t first_token_ns = -1;
  std::int64_t last_token_ns = -1;

  bool decoding() const { return prefilled_tokens == prefill_tokens; }
  /// Of its context, in the KV cache: the latest token of one that decodes is not there yet.
  std::int64_t computed_tokens() const { return decoding() ? kv_tokens : prefilled_tokens; }
};

/// Part of a prompt: tokens [begin, end) of the sequence in `slot`.
struct PrefillChunk {
  std::uint32_t slot = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

struct StepPlan {
  std::vector<std::uint32_t> preempted;  ///< slots given up before the step
  std::vector<std::uint32_t> admitted;   ///< slots taken before the step
  std::vector<std::uint32_t> started;    ///< of these, by requests never scheduled before
  std::vector<std::uint32_t> decode;     ///< slots that get one token each
  std::vector<PrefillChunk> prefill;
  bool empty() const { return decode.empty() && prefill.empty(); }
};

/// A token that a step emitted.
struct Emission {
  Work work;
  std::int64_t gap_ns = -1;  ///< since the request's previous token; -1 for its first
  std::uint32_t slot = 0;    ///< that it was computed in
};

struct StepOutcome {
  std::vector<Emission> emissions;
  std::vector<News> completions;  ///< replica number not filled in
  /// Slots of completed requests that the prefix cache took something of. Their sequences are good
  /// until the next plan_step().
  std::vector<std::uint32_t> kept;
  std::vector<std::uint64_t> evicted;  ///< keys that it gave up, and may have taken in again since
};

struct ReplicaLimits {
  std::int64_t max_batch = 1;
  std::int64_t max_step_tokens = 1;
  std::int64_t kv_tokens = 1;
  std::int64_t prefix_cache_tokens = 0;  ///< 0: none
};

/// Sees all that a replica is told and all that it decides, in order: enough to tell another one
/// the same and to see whether it decides the same.
class ReplicaObserver {
 public:
  ReplicaObserver() = default;
  ReplicaObserver(const ReplicaObserver&) = delete;
  ReplicaObserver& operator=(const ReplicaObserver&) = delete;
  virtual ~ReplicaObserver() = default;

  virtual void submitted(const Work& work) = 0;
  virtual void planned(std::int64_t now_ns, const StepPlan& plan) = 0;
  virtual void finished(std::int64_t now_ns, const StepOutcome& outcome) = 0;
  virtual void withdrawn() = 0;
  virtual void cancelled(RequestId) {}
};

class Replica {
 public:
  explicit Replica(const ReplicaLimits& limits);

  /// Shows everything from now on to `observer`, which must outlive the replica.
  void watch(ReplicaObserver& observer) { observer_ = &observer; }

  /// Joins the line. A request that cannot fit into an empty KV cache is a broken invariant. One
  /// that was scheduled elsewhere (Work::progress) is computed again from its first token, with the
  /// tokens that it has as part of its prompt, and takes nothing from the prefix cache.
  void submit(const Work& work);

  /// What the next step holds; empty if there is no work. finish_step() must follow a non-empty
  /// one.
  const StepPlan& plan_step(std::int64_t now_ns);
  const StepOutcome& finish_step(std::int64_t now_ns);

  /// One leaves: its place and its room in the KV cache are free. Between steps. Nothing if it is
  /// not here.
  std::optional<Sequence> cancel(RequestId id);

  /// All that are here leave: those in the batch first, the oldest first, then the line. A step
  /// that was planned and did not finish has computed nothing. The prefix cache is lost.
  std::vector<Sequence> withdraw();
  /// What was kept of finished requests is lost.
  void forget();
  /// From the next step on a batch has so many sequences at most. Where it has more, the youngest
  /// are preempted.
  void set_max_batch(std::int64_t max_batch) { limits_.max_batch = max_batch; }

  const Sequence& sequence(std::uint32_t slot) const { return slots_[slot]; }
  /// Of those that run, in order of admission.
  const std::vector<std::uint32_t>& slots() const { return running_; }
  std::size_t running() const { return running_.size(); }
  std::size_t waiting() const { return line_.size(); }
  /// Output tokens to come of those that wait.
  std::int64_t queued_tokens() const { return queued_tokens_; }
  std::int64_t resident_tokens() const { return resident_tokens_; }
  const PrefixCache* prefix_cache() const { return cache_.get(); }  ///< nullptr: none

 private:
  void make_room();
  void plan_chunk(std::uint32_t slot, std::int64_t& budget);
  void admit(std::int64_t now_ns, std::int64_t& budget);
  void start(std::uint32_t slot, std::int64_t now_ns);
  void emit(std::uint32_t slot, std::int64_t now_ns);
  void complete(std::uint32_t slot, std::int64_t now_ns);

  ReplicaLimits limits_;
  std::vector<Sequence> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> running_;  // in order of admission: the youngest is last
  std::deque<Sequence> line_;
  std::int64_t queued_tokens_ = 0;  // output tokens to come of the line: threads ask at every step
  std::int64_t resident_tokens_ = 0;
  std::unique_ptr<PrefixCache> cache_;
  StepPlan plan_;
  StepOutcome outcome_;
  ReplicaObserver* observer_ = nullptr;
};

}  // namespace tokenlift
