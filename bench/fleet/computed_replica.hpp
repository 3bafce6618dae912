#pragma once
// A replica whose steps the decoder computes: what `Replica` decides, done for real, with the
// tokens of every sequence and, for the prefix cache, the keys and values of finished requests.
//
// A request that finds part of its prompt cached gets these keys and values copied into its slot,
// together with the tokens that they are of: its prompt then begins with what was really said. What
// is not found is drawn, by the request's number, also where it was said before.
//
// Memory beside the decoder's own: for each cached token its keys and values in all layers
// (Decoder::kv_bytes_per_token(), in units of 16 tokens) and 4 bytes for the token, so about
// Site::prefix_cache_tokens of these, and up to max_batch requests' more within a step. To take in
// a conversation copies all of it, to take in blocks only those that are new.
//
// Not aware of threads and clocks: one thread at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "bench/fleet/replica.hpp"
#include "workloads/decoder/decoder.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// The tokens of the sequences of one replica: prompts, and what was generated after them.
class TokenHistory {
 public:
  TokenHistory(std::size_t slots, std::int64_t vocabulary)
      : vocabulary_(vocabulary), by_slot_(slots) {}

  /// A new sequence takes a slot. Its prompt begins with `said`, and goes on at random.
  void start(std::uint32_t slot, const Sequence& sequence, std::span<const std::int32_t> said);
  void preempt(std::uint32_t slot, RequestId id) { preempted_[id] = std::move(by_slot_[slot]); }
  /// If it was preempted it has a slot again; nothing happens if it was not.
  void resume(std::uint32_t slot, RequestId id);
  /// Of one that comes from elsewhere: it is as if it had been preempted.
  void carry(RequestId id, std::vector<std::int32_t> tokens) { preempted_[id] = std::move(tokens); }
  /// Of one that was preempted, or came from elsewhere, and is not in a slot.
  std::vector<std::int32_t> take(RequestId id);
  void append(std::uint32_t slot, std::int32_t token) { by_slot_[slot].push_back(token); }
  std::int32_t last(std::uint32_t slot) const { return by_slot_[slot].back(); }
  const std::vector<std::int32_t>& all(std::uint32_t slot) const { return by_slot_[slot]; }
  std::span<const std::int32_t> part(std::uint32_t slot, std::int64_t begin,
                                     std::int64_t end) const {
    return std::span(by_slot_[slot])
        .subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  }

 private:
  std::int64_t vocabulary_;
  std::vector<std::vector<std::int32_t>> by_slot_;
  std::unordered_map<RequestId, std::vector<std::int32_t>> preempted_;
};

class ComputedReplica {
 public:
  ComputedReplica(const Site& site, const std::shared_ptr<const DecoderWeights>& weights);

  void submit(const Work& work) { replica_.submit(work); }
  /// One that was scheduled elsewhere, with its prompt and the tokens that it got there.
  void submit(const Work& work, std::vector<std::int32_t> tokens);
  /// As Replica::plan_step(); cached tokens are in their slots when it returns.
  const StepPlan& plan_step(std::int64_t now_ns);
  /// Compute the two parts of the step that was planned, in this order: a token of every sequence
  /// that decodes, then the chunks of prompts.
  void compute_decode();
  void compute_prompts();
  /// As Replica::finish_step(); prefixes of completed requests are not needed any more when it
  /// returns.
  const StepOutcome& finish_step(std::int64_t now_ns);

  /// As Replica::cancel().
  std::optional<Sequence> cancel(RequestId id);

  /// One that leaves with the replica; of one that was scheduled its prompt and the tokens so far.
  struct Left {
    Sequence sequence;
    std::vector<std::int32_t> tokens;
  };
  /// As Replica::withdraw(). Nothing can be submitted any more.
  std::vector<Left> withdraw();

  void watch(ReplicaObserver& observer) { replica_.watch(observer); }
  const Replica& replica() const { return replica_; }
  /// Prompt and output so far of the sequence in a slot; after it completed, until the next
  /// plan_step().
  const std::vector<std::int32_t>& tokens(std::uint32_t slot) const { return history_.all(slot); }
  /// Keys and values of finished requests.
  std::size_t kept_bytes() const;

 private:
  /// What the prefix cache has under one key.
  struct Kept {
    KvPart kv;
    std::vector<std::int32_t> tokens;  // may be more: the last token of an answer has no keys yet
  };

  std::vector<std::int32_t> said(const Sequence& sequence) const;
  void restore(std::uint32_t slot);
  void keep(std::uint32_t slot);
  const Kept& kept(std::uint64_t key) const { return kept_.find(key)->second; }

  Replica replica_;
  Decoder decoder_;
  TokenHistory history_;
  std::unordered_map<std::uint64_t, Kept> kept_;  // what the replica's prefix cache has
  const StepPlan* plan_ = nullptr;
  std::vector<std::int64_t> slots_;
  std::vector<std::int32_t> tokens_, next_;
};

}  // namespace tokenlift
