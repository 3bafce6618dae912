#include "bench/fleet/computed_replica.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "workloads/text/draw.hpp"

namespace tokenlift {

static_assert(kBlockUnitTokens % Decoder::kKvUnit == 0, "a block is saved from where it begins");

void TokenHistory::resume(std::uint32_t slot, RequestId id) {
  const auto preempted = preempted_.find(id);
  if (preempted == preempted_.end()) return;
  by_slot_[slot] = std::move(preempted->second);
  preempted_.erase(preempted);
}

std::vector<std::int32_t> TokenHistory::take(RequestId id) {
  const auto preempted = preempted_.extract(id);
  return preempted ? std::move(preempted.mapped()) : std::vector<std::int32_t>();
}

void TokenHistory::start(std::uint32_t slot, const Sequence& sequence,
                         std::span<const std::int32_t> said) {
  std::vector<std::int32_t>& tokens = by_slot_[slot];
  tokens.assign(said.begin(), said.end());
  const Draws draws(0, Purpose::prompt_content, sequence.work.tenant);
  for (std::int64_t i = std::ssize(tokens); i < sequence.work.prompt_tokens; ++i) {
    const std::uint64_t bits = draws.bits(sequence.work.number, static_cast<std::uint64_t>(i));
    tokens.push_back(static_cast<std::int32_t>(bits % static_cast<std::uint64_t>(vocabulary_)));
  }
}

ComputedReplica::ComputedReplica(const Site& site,
                                 const std::shared_ptr<const DecoderWeights>& weights)
    : replica_({site.max_batch, site.max_step_tokens, site.kv_tokens, site.prefix_cache_tokens}),
      decoder_(weights, site.max_batch, std::max(site.max_batch, site.max_step_tokens)),
      history_(static_cast<std::size_t>(site.max_batch), decoder_.shape().vocabulary) {}

void ComputedReplica::submit(const Work& work, std::vector<std::int32_t> tokens) {
  assert(work.progress != nullptr);
  assert(std::ssize(tokens) == work.prompt_tokens + work.progress->emitted_tokens);
  history_.carry(work.id, std::move(tokens));
  replica_.submit(work);
}

std::optional<Sequence> ComputedReplica::cancel(RequestId id) {
  std::optional<Sequence> gone = replica_.cancel(id);
  if (gone) history_.take(id);  // where it had been preempted
  return gone;
}

std::vector<ComputedReplica::Left> ComputedReplica::withdraw() {
  const std::vector<std::uint32_t> slots = replica_.slots();
  std::vector<Left> left;
  for (const Sequence& sequence : replica_.withdraw()) {
    std::vector<std::int32_t> tokens = left.size() < slots.size() ? history_.all(slots[left.size()])
                                                                  : history_.take(sequence.work.id);
    // A step that was cut may have appended a token that nobody gets.
    const std::int64_t known = sequence.work.prompt_tokens + sequence.emitted_tokens;
    if (std::ssize(tokens) > known) tokens.resize(static_cast<std::size_t>(known));
    left.push_back({sequence, std::move(tokens)});
  }
  return left;
}

const StepPlan& ComputedReplica::plan_step(std::int64_t now_ns) {
  plan_ = &replica_.plan_step(now_ns);
  for (const std::uint32_t slot : plan_->preempted) {
    history_.preempt(slot, replica_.sequence(slot).work.id);
  }
  for (const std::uint32_t slot : plan_->admitted) {
    decoder_.reset(slot);
    history_.resume(slot, replica_.sequence(slot).work.id);
  }
  for (const std::uint32_t slot : plan_->started) {
    history_.start(slot, replica_.sequence(slot), said(replica_.sequence(slot)));
    if (replica_.sequence(slot).cached_tokens > 0) restore(slot);
  }
  return *plan_;
}

void ComputedReplica::compute_decode() {
  if (plan_->decode.empty()) return;
  slots_.assign(plan_->decode.begin(), plan_->decode.end());
  tokens_.clear();
  for (const std::uint32_t slot : plan_->decode) tokens_.push_back(history_.last(slot));
  next_.resize(tokens_.size());
  decoder_.decode(slots_, tokens_, next_);
  for (std::size_t i = 0; i < next_.size(); ++i) history_.append(plan_->decode[i], next_[i]);
}

void ComputedReplica::compute_prompts() {
  for (const PrefillChunk& chunk : plan_->prefill) {
    assert(decoder_.context_tokens(chunk.slot) == chunk.begin);
    const std::int32_t token =
        decoder_.prefill(chunk.slot, history_.part(chunk.slot, chunk.begin, chunk.end));
    if (chunk.end == replica_.sequence(chunk.slot).prefill_tokens) {
      history_.append(chunk.slot, token);
    }
  }
}

const StepOutcome& ComputedReplica::finish_step(std::int64_t now_ns) {
  const StepOutcome& outcome = replica_.finish_step(now_ns);
  for (const std::uint32_t slot : outcome.kept) keep(slot);
  for (const std::uint64_t key : outcome.evicted) {
    if (replica_.prefix_cache()->tokens(key) == 0) kept_.erase(key);
  }
  return outcome;
}

/// The beginning of a new prompt, as far as its tokens are known to the cache.
std::vector<std::int32_t> ComputedReplica::said(const Sequence& sequence) const {
  std::vector<std::int32_t> tokens;
  if (sequence.cached_tokens == 0) return tokens;
  const Prefix& prefix = *sequence.work.prefix;
  if (prefix.conversation != 0) {
    tokens = kept(prefix.conversation).tokens;
    if (std::ssize(tokens) > prefix.known_tokens) {
      tokens.resize(static_cast<std::size_t>(prefix.known_tokens));
    }
  } else {
    for (std::size_t i = 0; std::ssize(tokens) < sequence.cached_tokens; ++i) {
      const std::vector<std::int32_t>& block = kept(prefix.blocks[i]).tokens;
      tokens.insert(tokens.end(), block.begin(), block.end());
    }
  }
  const auto prompt_tokens = static_cast<std::size_t>(sequence.work.prompt_tokens);
  if (tokens.size() > prompt_tokens) tokens.resize(prompt_tokens);
  return tokens;
}

void ComputedReplica::restore(std::uint32_t slot) {
  const Sequence& sequence = replica_.sequence(slot);
  const Prefix& prefix = *sequence.work.prefix;
  if (prefix.conversation != 0) {
    decoder_.append(slot, kept(prefix.conversation).kv, sequence.cached_tokens);
    return;
  }
  for (std::int64_t begin = 0; begin < sequence.cached_tokens; begin += prefix.block_tokens) {
    const std::uint64_t key = prefix.blocks[static_cast<std::size_t>(begin / prefix.block_tokens)];
    decoder_.append(slot, kept(key).kv,
                    std::min<std::int64_t>(prefix.block_tokens, sequence.cached_tokens - begin));
  }
}

/// Copies what the prefix cache has taken in of the request that was in `slot`.
void ComputedReplica::keep(std::uint32_t slot) {
  const Sequence& sequence = replica_.sequence(slot);
  const Prefix& prefix = *sequence.work.prefix;
  const PrefixCache& cache = *replica_.prefix_cache();
  if (prefix.conversation != 0) {
    // Another one that this step completed may have pushed it out, or been of this conversation
    // too.
    const std::int64_t tokens =
        std::min(cache.tokens(prefix.conversation), decoder_.context_tokens(slot));
    if (tokens == 0) return;
    kept_[prefix.conversation] = {decoder_.save(slot, 0, tokens), history_.all(slot)};
    return;
  }
  for (std::size_t i = 0; i < prefix.blocks.size(); ++i) {
    const std::int64_t begin = static_cast<std::int64_t>(i) * prefix.block_tokens;
    const std::int64_t end = begin + prefix.block_tokens;
    if (end > sequence.work.prompt_tokens) return;
    if (cache.tokens(prefix.blocks[i]) == 0 || kept_.count(prefix.blocks[i]) != 0) continue;
    const auto tokens = history_.part(slot, begin, end);
    kept_[prefix.blocks[i]] = {decoder_.save(slot, begin, end), {tokens.begin(), tokens.end()}};
  }
}

std::size_t ComputedReplica::kept_bytes() const {
  std::size_t sum = 0;
  for (const auto& [key, kept] : kept_) sum += kept.kv.bytes();
  return sum;
}

}  // namespace tokenlift
