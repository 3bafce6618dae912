#include "bench/fleet/step_replica.hpp"

#include <algorithm>

namespace tokenlift {

/// The first of the inbox joins the replica's line.
void StepReplica::take_in() {
  const auto& [first, its] = inbox_.front();
  replica_.submit({first.id, first.prompt_tokens, first.output_tokens, 0, 0, first.cell, its.prefix,
                   its.announce});
  inbox_.pop_front();
}

std::int64_t StepReplica::advance(std::int64_t until_ns, TokenRecord& record,
                                  std::vector<Completion>& done) {
  for (;;) {
    if (!busy()) {
      if (inbox_.empty()) return kNever;
      if (inbox_.front().newcomer.at_ns > until_ns) return inbox_.front().newcomer.at_ns;
      // An idle replica begins at once, with the first that comes.
      const std::int64_t begin_ns = inbox_.front().newcomer.at_ns;
      take_in();
      begin_step(begin_ns * kPsPerNs, record);
    }
    const std::int64_t end_ns = end_ps_ / kPsPerNs;
    if (end_ns > until_ns) return end_ns;
    finish_step(record, done);
    while (!inbox_.empty() && inbox_.front().newcomer.at_ns < end_ns) take_in();
    begin_step(end_ps_, record);
  }
}

void StepReplica::begin_step(std::int64_t begin_ps, TokenRecord& record) {
  const StepPlan& plan = replica_.plan_step(begin_ps / kPsPerNs);
  for (const std::uint32_t slot : plan.preempted) {
    const Sequence& sequence = replica_.sequence(slot);
    // One that decoded got a token when the last step ended; another keeps the instant noted
    // before.
    if (sequence.decoding()) last_token_ps_[sequence.work.id] = begin_ps;
  }
  for (const std::uint32_t slot : plan.started) {
    const Sequence& sequence = replica_.sequence(slot);
    record.scheduled(sequence.work.cell, sequence.scheduled_ns, sequence.work.prompt_tokens,
                     sequence.cached_tokens);
    if (!sequence.work.announce) continue;
    starts_.push_back({sequence.work.id, 0, sequence.scheduled_ns,
                       static_cast<std::int32_t>(sequence.cached_tokens)});
  }
  sequences_ = static_cast<std::int64_t>(plan.decode.size() + plan.prefill.size());
  decoding_ = plan.decode.size();
  resident_tokens_ = replica_.resident_tokens();
  begin_ps_ = begin_ps;
  end_ps_ = begin_ps + cost_ps(plan);
}

std::int64_t StepReplica::cost_ps(const StepPlan& plan) const {
  const StepPrice& price = model_->price;
  const auto sequences = static_cast<std::int64_t>(plan.decode.size());
  std::int64_t kv_tokens = 0;
  for (const std::uint32_t slot : plan.decode) kv_tokens += replica_.sequence(slot).kv_tokens;
  std::int64_t chunk_tokens = 0;
  std::int64_t chunks_ps = 0;
  for (const PrefillChunk& chunk : plan.prefill) {
    chunk_tokens += chunk.end - chunk.begin;
    chunks_ps += price.chunk_ps(chunk.begin, chunk.end);
  }
  if (chunk_tokens > 0) return price.prefill_ps(chunk_tokens, chunks_ps, sequences, kv_tokens);
  return sequences > 0 ? price.decode_ps(sequences, kv_tokens) : 0;
}

void StepReplica::record_step(std::int64_t until_ns, TokenRecord& record) const {
  record.steps({begin_ps_ / kPsPerNs, begin_ps_ % kPsPerNs, 1, end_ps_ - begin_ps_, 0},
               {sequences_, model_->limits.max_batch, resident_tokens_}, until_ns);
}

void StepReplica::finish_step(TokenRecord& record, std::vector<Completion>& done) {
  const std::int64_t end_ns = end_ps_ / kPsPerNs;
  const StepOutcome& outcome = replica_.finish_step(end_ns);
  record_step(kNever, record);
  for (std::size_t i = 0; i < outcome.emissions.size(); ++i) {
    const Emission& token = outcome.emissions[i];
    std::int64_t gap_ps = -1;
    if (i < decoding_) {
      gap_ps = end_ps_ - begin_ps_;
    } else if (token.gap_ns >= 0) {
      gap_ps = end_ps_ - last_token_ps_.extract(token.work.id).mapped();
    }
    record.token(token.work.cell, end_ns, gap_ps);
    const GapLimits* const limits = record.gap_limits();
    if (limits != nullptr && limits->late(token.work.cell, gap_ps)) late_gaps_.count(token.work.id);
  }
  for (Completion completion : outcome.completions) {
    completion.late_gaps = late_gaps_.take(completion.id);
    done.push_back(completion);
  }
}

void StepReplica::take_starts(std::uint32_t replica, std::vector<Start>& starts) {
  for (Start& start : starts_) {
    start.replica = replica;
    starts.push_back(start);
  }
  starts_.clear();
}

void StepReplica::cut(std::int64_t end_ns, TokenRecord& record) const {
  if (busy()) record_step(end_ns, record);
}

}  // namespace tokenlift
