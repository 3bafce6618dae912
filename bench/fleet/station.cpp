#include "bench/fleet/station.hpp"

namespace tokenlift {

void Station::open(std::int64_t now_ns) {
  leaving = false;
  if (since_ns != kNever) return;
  replica.emplace(site, weights);
  {
    const std::scoped_lock lock(record_mutex);
    since_ns = now_ns;
  }
  if (observer != nullptr) replica->watch(*observer);
}

void Station::close(std::int64_t now_ns) {
  {
    const std::scoped_lock lock(record_mutex);
    record.served({since_ns, now_ns, 1, site.kv_tokens});
    since_ns = kNever;
  }
  busy_since_ns = -1;
  leaving = false;
  queued_tokens = 0;
  resident_tokens = 0;
  replica.reset();
}

Progress progress_of(Station& station, const Sequence& sequence) {
  Progress progress;
  progress.emitted_tokens = static_cast<std::int32_t>(sequence.emitted_tokens);
  progress.late_gaps = station.late_gaps.take(sequence.work.id);
  progress.scheduled_ns = sequence.scheduled_ns;
  progress.first_site = static_cast<std::uint16_t>(station.site_index);
  if (sequence.emitted_tokens == 0) return progress;
  progress.last_token_ns = sequence.last_token_ns + station.back_ns;
  progress.first_token_ns = sequence.first_token_ns + station.back_ns;
  if (const auto elsewhere = station.first_site.extract(sequence.work.id)) {
    progress.first_token_ns = sequence.first_token_ns;
    progress.first_site = elsewhere.mapped();
  }
  return progress;
}

void add_step(Station& station, const StepSpan& span, const StepPlan& plan) {
  const Replica& replica = station.replica->replica();
  std::int64_t fresh_tokens = 0;
  std::int64_t all_tokens = 0;
  auto decode_tokens = static_cast<std::int64_t>(plan.decode.size());
  std::int64_t prompt_context = 0;
  for (const PrefillChunk& chunk : plan.prefill) {
    const Sequence& sequence = replica.sequence(chunk.slot);
    const std::int64_t tokens = chunk.end - chunk.begin;
    all_tokens += tokens;
    prompt_context += chunk.begin;
    if (sequence.emitted_tokens == 0) {
      fresh_tokens += tokens;
    } else if (chunk.end == sequence.prefill_tokens) {
      ++decode_tokens;  // it emits its next token with that
    }
  }
  std::int64_t decode_context = 0;
  for (const std::uint32_t slot : plan.decode) decode_context += replica.sequence(slot).kv_tokens;
  const std::int64_t since_ns = station.busy_since_ns < 0 ? span.begin_ns : station.busy_since_ns;
  const std::int64_t prefill_ns = all_tokens == 0 ? 0 : span.end_ns - span.decoded_ns;
  const std::int64_t prompt_ns = all_tokens == 0 ? 0 : prefill_ns * fresh_tokens / all_tokens;
  const StepBefore before = station.busy_since_ns < 0 ? StepBefore::none : station.last;
  station.busy_since_ns = span.end_ns;
  station.last = plan.prefill.empty() ? StepBefore::decoding : StepBefore::prompts;
  const std::scoped_lock lock(station.times_mutex);
  station.times += {span.end_ns - since_ns - prompt_ns, decode_tokens, prompt_ns, fresh_tokens};
  StepCosts& costs = station.costs[station.grid.phase_at(span.end_ns)];
  if (!plan.decode.empty()) {
    costs.add(decode_kind(station.site_index, std::ssize(plan.decode), decode_context,
                          span.busy_eighths, before),
              span.end_ns - span.begin_ns - prefill_ns);
  }
  if (!plan.prefill.empty()) {
    costs.add(prompt_kind(station.site_index, std::ssize(plan.prefill), all_tokens, prompt_context,
                          span.busy_eighths),
              prefill_ns);
  }
}

}  // namespace tokenlift
