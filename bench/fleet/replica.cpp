#include "bench/fleet/replica.hpp"

#include <algorithm>
#include <cassert>

namespace tokenlift {

namespace {

std::int64_t tokens_to_come(const Sequence& sequence) {
  return sequence.work.output_tokens - sequence.emitted_tokens;
}

}  // namespace

Replica::Replica(const ReplicaLimits& limits) : limits_(limits) {
  assert(limits.max_batch > 0 && limits.max_step_tokens > 0 && limits.kv_tokens > 0);
  if (limits.prefix_cache_tokens > 0) {
    cache_ = std::make_unique<PrefixCache>(limits.prefix_cache_tokens);
  }
}

void Replica::submit(const Work& work) {
  assert(work.prompt_tokens > 0 && work.output_tokens > 0);
  assert(work.prompt_tokens + work.output_tokens <= limits_.kv_tokens);
  Sequence sequence;
  sequence.work = work;
  sequence.prefill_tokens = work.prompt_tokens;
  if (work.progress != nullptr) {
    const Progress& moved = *work.progress;
    sequence.emitted_tokens = moved.emitted_tokens;
    sequence.prefill_tokens += moved.emitted_tokens;
    sequence.scheduled_ns = moved.scheduled_ns;
    sequence.first_token_ns = moved.first_token_ns;
    sequence.last_token_ns = moved.last_token_ns;
    sequence.work.progress = nullptr;
  }
  line_.push_back(sequence);
  queued_tokens_ += tokens_to_come(sequence);
  if (observer_ != nullptr) observer_->submitted(work);
}

const StepPlan& Replica::plan_step(std::int64_t now_ns) {
  plan_.preempted.clear();
  plan_.admitted.clear();
  plan_.started.clear();
  plan_.decode.clear();
  plan_.prefill.clear();

  make_room();
  std::int64_t budget = limits_.max_step_tokens;
  for (const std::uint32_t slot : running_) {
    if (slots_[slot].decoding()) {
      plan_.decode.push_back(slot);
    } else if (budget > 0) {
      plan_chunk(slot, budget);
    }
  }
  // Who was preempted for lack of room must not take it right back.
  if (plan_.preempted.empty()) admit(now_ns, budget);
  if (observer_ != nullptr) observer_->planned(now_ns, plan_);
  return plan_;
}

void Replica::make_room() {
  // Each decoding sequence puts one token into the cache in this step.
  const auto growth = [this] {
    return std::count_if(running_.begin(), running_.end(),
                         [this](std::uint32_t slot) { return slots_[slot].decoding(); });
  };
  while (resident_tokens_ + growth() > limits_.kv_tokens ||
         std::ssize(running_) > limits_.max_batch) {
    assert(running_.size() > 1 && "a lone sequence always fits");
    const std::uint32_t slot = running_.back();
    running_.pop_back();
    Sequence sequence = slots_[slot];
    resident_tokens_ -= sequence.kv_tokens;
    sequence.prefill_tokens = sequence.work.prompt_tokens + sequence.emitted_tokens;
    sequence.prefilled_tokens = 0;
    sequence.kv_tokens = 0;
    line_.push_front(sequence);
    queued_tokens_ += tokens_to_come(sequence);
    free_slots_.push_back(slot);
    plan_.preempted.push_back(slot);
  }
}

void Replica::plan_chunk(std::uint32_t slot, std::int64_t& budget) {
  const Sequence& sequence = slots_[slot];
  const std::int64_t left = sequence.prefill_tokens - sequence.prefilled_tokens;
  const std::int64_t tokens = std::min(left, budget);
  plan_.prefill.push_back({slot, sequence.prefilled_tokens, sequence.prefilled_tokens + tokens});
  budget -= tokens;
}

void Replica::admit(std::int64_t now_ns, std::int64_t& budget) {
  const auto growth = static_cast<std::int64_t>(plan_.decode.size());
  while (!line_.empty() && std::ssize(running_) < limits_.max_batch && budget > 0 &&
         resident_tokens_ + growth + line_.front().prefill_tokens <= limits_.kv_tokens) {
    if (free_slots_.empty()) {  // slots are made when they are first needed
      free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    Sequence& sequence = slots_[slot] = line_.front();
    line_.pop_front();
    queued_tokens_ -= tokens_to_come(sequence);
    sequence.kv_tokens = sequence.prefill_tokens;
    resident_tokens_ += sequence.kv_tokens;
    running_.push_back(slot);
    plan_.admitted.push_back(slot);
    if (sequence.scheduled_ns < 0) start(slot, now_ns);
    plan_chunk(slot, budget);
  }
}

void Replica::start(std::uint32_t slot, std::int64_t now_ns) {
  Sequence& sequence = slots_[slot];
  sequence.scheduled_ns = now_ns;
  plan_.started.push_back(slot);
  if (cache_ == nullptr || sequence.work.prefix == nullptr) return;
  sequence.cached_tokens = cache_->lookup(*sequence.work.prefix, sequence.work.prompt_tokens);
  sequence.prefilled_tokens = sequence.cached_tokens;
}

void Replica::emit(std::uint32_t slot, std::int64_t now_ns) {
  Sequence& sequence = slots_[slot];
  const bool first = sequence.first_token_ns < 0;
  outcome_.emissions.push_back(
      {sequence.work, first ? -1 : std::max<std::int64_t>(now_ns - sequence.last_token_ns, 0),
       slot});
  if (first) sequence.first_token_ns = now_ns;
  sequence.last_token_ns = now_ns;
  if (++sequence.emitted_tokens == sequence.work.output_tokens) complete(slot, now_ns);
}

void Replica::complete(std::uint32_t slot, std::int64_t now_ns) {
  const Sequence& sequence = slots_[slot];
  outcome_.completions.push_back(
      {sequence.work.id, 0, sequence.scheduled_ns, sequence.first_token_ns, now_ns});
  resident_tokens_ -= sequence.kv_tokens;
  free_slots_.push_back(slot);
  running_.erase(std::find(running_.begin(), running_.end(), slot));
  if (cache_ == nullptr || sequence.work.prefix == nullptr) return;
  const auto evicted = cache_->insert(*sequence.work.prefix, sequence.work.prompt_tokens,
                                      sequence.work.output_tokens);
  outcome_.kept.push_back(slot);
  outcome_.evicted.insert(outcome_.evicted.end(), evicted.begin(), evicted.end());
}

const StepOutcome& Replica::finish_step(std::int64_t now_ns) {
  assert(!plan_.empty());
  outcome_.emissions.clear();
  outcome_.completions.clear();
  outcome_.kept.clear();
  outcome_.evicted.clear();
  for (const std::uint32_t slot : plan_.decode) {
    ++slots_[slot].kv_tokens;
    ++resident_tokens_;
    emit(slot, now_ns);
  }
  for (const PrefillChunk& chunk : plan_.prefill) {
    Sequence& sequence = slots_[chunk.slot];
    sequence.prefilled_tokens = chunk.end;
    if (sequence.decoding()) emit(chunk.slot, now_ns);
  }
  if (observer_ != nullptr) observer_->finished(now_ns, outcome_);
  return outcome_;
}

std::optional<Sequence> Replica::cancel(RequestId id) {
  std::optional<Sequence> gone;
  const auto running = std::ranges::find_if(
      running_, [&](std::uint32_t slot) { return slots_[slot].work.id == id; });
  const auto waiting =
      std::ranges::find_if(line_, [&](const Sequence& sequence) { return sequence.work.id == id; });
  if (running != running_.end()) {
    gone = slots_[*running];
    resident_tokens_ -= gone->kv_tokens;
    free_slots_.push_back(*running);
    running_.erase(running);
  } else if (waiting != line_.end()) {
    gone = *waiting;
    queued_tokens_ -= tokens_to_come(*gone);
    line_.erase(waiting);
  }
  if (gone && observer_ != nullptr) observer_->cancelled(id);
  return gone;
}

std::vector<Sequence> Replica::withdraw() {
  std::vector<Sequence> all;
  for (const std::uint32_t slot : running_) {
    all.push_back(slots_[slot]);
    free_slots_.push_back(slot);
  }
  all.insert(all.end(), line_.begin(), line_.end());
  running_.clear();
  line_.clear();
  queued_tokens_ = 0;
  resident_tokens_ = 0;
  forget();
  if (observer_ != nullptr) observer_->withdrawn();
  return all;
}

void Replica::forget() {
  if (cache_ != nullptr) cache_ = std::make_unique<PrefixCache>(limits_.prefix_cache_tokens);
}

}  // namespace tokenlift
