#include "bench/fleet/step_replica.hpp"

#include <algorithm>

namespace tokenlift {

/// The first of the inbox joins the replica's line.
void StepReplica::take_in() {
  const auto& [first, its] = inbox_.front();
  Work work{first.id,   first.prompt_tokens, first.output_tokens, 0,         0,
            first.cell, its.prefix,          its.announce,        its.stream};
  Progress moved;
  if (its.progress) {
    moved = *its.progress;
    // As if it had been here: its user learns of what happens here back_ns later.
    moved.last_token_ns -= model_->back_ns;
    work.progress = &moved;
    late_gaps_.put(first.id, moved.late_gaps);
    if (moved.emitted_tokens > 0) {
      last_token_ps_[first.id] = moved.last_token_ns * kPsPerNs + moved.last_token_rest_ps;
      first_site_[first.id] = moved.first_site;
    }
  }
  replica_.submit(work);
  inbox_.pop_front();
}

std::int64_t StepReplica::advance(std::int64_t until_ns, TokenRecord& record,
                                  std::vector<News>& news) {
  for (;;) {
    if (!busy()) {
      if (inbox_.empty()) return kNever;
      if (inbox_.front().newcomer.at_ns > until_ns) return inbox_.front().newcomer.at_ns;
      // An idle replica begins at once, with the first that comes.
      const std::int64_t begin_ns = inbox_.front().newcomer.at_ns;
      take_in();
      begin_step(begin_ns * kPsPerNs, record, news);
    }
    const std::int64_t end_ns = end_ps_ / kPsPerNs;
    if (end_ns > until_ns) return end_ns;
    finish_step(record, news);
    while (!inbox_.empty() && inbox_.front().newcomer.at_ns < end_ns) take_in();
    for (const RequestId id : cancelled_) give_up(id, end_ns, news);
    cancelled_.clear();
    begin_step(end_ps_, record, news);
  }
}

void StepReplica::begin_step(std::int64_t begin_ps, TokenRecord& record, std::vector<News>& news) {
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
    news.push_back(
        {sequence.work.id, 0, sequence.scheduled_ns, 0, sequence.scheduled_ns + model_->back_ns,
         static_cast<std::int32_t>(sequence.cached_tokens), NewsKind::started, model_->site});
  }
  sequences_ = static_cast<std::int64_t>(plan.decode.size() + plan.prefill.size());
  decoding_ = plan.decode.size();
  chunk_ = !plan.prefill.empty();
  if (model_->power != nullptr) {
    above_mw_ = model_->above_mw(static_cast<std::int64_t>(decoding_), chunk_);
    held_back_ = model_->holds_back();
    slow_milli_ = model_->held_back.slow_milli;
  }
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
  if (model_->power == nullptr) return;
  record.draws().drew(model_->site, {above_mw_, held_back_, slow_milli_}, begin_ps_ / kPsPerNs,
                      std::min(end_ps_ / kPsPerNs, until_ns));
}

StepDraw StepReplica::draw() const {
  StepDraw draw;
  draw.asked = static_cast<std::int64_t>(replica_.running() + replica_.waiting() + inbox_.size());
  if (!busy()) return draw;
  draw.begin_ns = begin_ps_ / kPsPerNs;
  draw.sequences = static_cast<std::int64_t>(decoding_);
  draw.chunk = chunk_;
  draw.above_mw = above_mw_;
  return draw;
}

void StepReplica::finish_step(TokenRecord& record, std::vector<News>& news) {
  const std::int64_t end_ns = end_ps_ / kPsPerNs;
  const StepOutcome& outcome = replica_.finish_step(end_ns);
  record_step(kNever, record);
  for (std::size_t i = 0; i < outcome.emissions.size(); ++i) {
    const Emission& token = outcome.emissions[i];
    std::int64_t gap_ps = -1;
    if (i < decoding_) {
      gap_ps = end_ps_ - begin_ps_;
    } else if (token.gap_ns >= 0) {
      gap_ps = std::max<std::int64_t>(end_ps_ - last_token_ps_.extract(token.work.id).mapped(), 0);
    }
    record.token(token.work.cell, end_ns, gap_ps);
    if (token.work.stream) {
      news.push_back(
          {token.work.id, 0, 0, 0, end_ns + model_->back_ns, -1, NewsKind::token, model_->site});
    }
    const GapLimits* const limits = record.gap_limits();
    if (limits != nullptr && limits->late(token.work.cell, gap_ps)) late_gaps_.count(token.work.id);
  }
  for (News completion : outcome.completions) {
    completion.count = late_gaps_.take(completion.id);
    const auto elsewhere = first_site_.extract(completion.id);
    completion.site = elsewhere ? elsewhere.mapped() : model_->site;
    if (!elsewhere) completion.first_token_ns += model_->back_ns;
    completion.at_ns = std::max(completion.at_ns + model_->back_ns, completion.first_token_ns);
    news.push_back(completion);
  }
}

void StepReplica::cancel(RequestId id, std::int64_t now_ns, std::vector<News>& news) {
  if (busy()) {
    cancelled_.push_back(id);
  } else {
    give_up(id, now_ns, news);
  }
}

/// Where it has ended meanwhile, nothing happens.
void StepReplica::give_up(RequestId id, std::int64_t now_ns, std::vector<News>& news) {
  std::int64_t emitted_tokens = 0;
  if (const auto sequence = replica_.cancel(id)) {
    emitted_tokens = sequence->emitted_tokens;
  } else {
    const auto coming = std::ranges::find_if(
        inbox_, [&](const Arrival& arrival) { return arrival.newcomer.id == id; });
    if (coming == inbox_.end()) return;
    if (coming->context.progress) emitted_tokens = coming->context.progress->emitted_tokens;
    inbox_.erase(coming);
  }
  late_gaps_.take(id);
  last_token_ps_.erase(id);
  first_site_.erase(id);
  News gone{id, 0, 0, 0, now_ns + model_->back_ns};
  gone.count = static_cast<std::int32_t>(emitted_tokens);
  gone.kind = NewsKind::cancelled;
  gone.site = model_->site;
  news.push_back(gone);
}

/// Of one that leaves.
Progress StepReplica::progress_of(const Sequence& sequence) {
  const RequestId id = sequence.work.id;
  Progress progress;
  progress.emitted_tokens = static_cast<std::int32_t>(sequence.emitted_tokens);
  progress.late_gaps = late_gaps_.take(id);
  progress.scheduled_ns = sequence.scheduled_ns;
  progress.first_site = model_->site;
  if (sequence.emitted_tokens == 0) return progress;
  const auto noted = last_token_ps_.extract(id);
  const std::int64_t last_ps = noted ? noted.mapped() : begin_ps_;
  // Rounded down, also where it lies before the run: at a user near the other site.
  const std::int64_t rest_ps = (last_ps % kPsPerNs + kPsPerNs) % kPsPerNs;
  progress.last_token_ns = (last_ps - rest_ps) / kPsPerNs + model_->back_ns;
  progress.last_token_rest_ps = static_cast<std::int32_t>(rest_ps);
  progress.first_token_ns = sequence.first_token_ns + model_->back_ns;
  if (const auto elsewhere = first_site_.extract(id)) {
    progress.first_token_ns = sequence.first_token_ns;
    progress.first_site = elsewhere.mapped();
  }
  return progress;
}

std::int64_t StepReplica::queued_tokens() const {
  std::int64_t sum = replica_.queued_tokens();
  for (const auto& [newcomer, its] : inbox_) {
    sum += newcomer.output_tokens - (its.progress ? its.progress->emitted_tokens : 0);
  }
  return sum;
}

void StepReplica::withdraw(std::int64_t now_ns, TokenRecord& record, std::vector<Withdrawn>& gone) {
  if (busy()) record_step(now_ns, record);
  for (const Sequence& sequence : replica_.withdraw()) {
    const std::int64_t computed = sequence.computed_tokens();
    gone.push_back({sequence.work.id, progress_of(sequence), static_cast<std::int32_t>(computed)});
  }
  for (const auto& [newcomer, its] : inbox_) {
    gone.push_back({newcomer.id, its.progress.value_or(Progress{}), 0});
  }
  inbox_.clear();
  cancelled_.clear();  // they are gone with the others
  last_token_ps_.clear();
  first_site_.clear();
  sequences_ = 0;
  resident_tokens_ = 0;
  decoding_ = 0;
}

void StepReplica::cut(std::int64_t end_ns, TokenRecord& record) const {
  if (busy()) record_step(end_ns, record);
}

}  // namespace tokenlift
