#include "bench/fleet/jump_replica.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "bench/machine/huge_pages.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kMostPs = std::int64_t{1} << 61;
/// Of a longer line not everybody is looked at to find out when somebody may complete.
constexpr std::size_t kShortLine = 4;
constexpr std::int64_t kLikelyBatch = 64;

/// Of numbers that wrap around.
bool later(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) > 0;
}

}  // namespace

SiteModel::SiteModel(const ReplicaLimits& site_limits, const StepPrice& site_price)
    : limits(site_limits), price(site_price) {
  const std::optional<std::int64_t> longest_ps =
      price.longest_ps(limits.max_batch, limits.max_step_tokens, limits.kv_tokens);
  assert(longest_ps && *longest_ps > 0 && "the reader saw to it");
  most_steps = std::max<std::int64_t>(1, kMostPs / *longest_ps);
}

std::int64_t SiteModel::least_decode_ns(std::int64_t steps) const {
  const std::int64_t least_ps = price.decode_ps(1, 0);
  return std::min(steps, kMostPs / least_ps) * least_ps / kPsPerNs;
}

std::int64_t SiteModel::least_service_ns(std::int64_t prompt_tokens,
                                         std::int64_t output_tokens) const {
  // A prefill costs no less the more of it there is, so the last token alone is the least of all.
  const std::int64_t begin = limits.prefix_cache_tokens > 0 ? prompt_tokens - 1 : 0;
  const std::int64_t first_chunk = std::min(prompt_tokens, begin + limits.max_step_tokens);
  // Alone in its step, or in several, each of which costs no less than its own.
  const std::int64_t prefill_ps =
      price.prefill_ps(first_chunk - begin, price.chunk_ps(begin, first_chunk), 0, 0);
  return prefill_ps / kPsPerNs + least_decode_ns(output_tokens - 1);
}

/// Orders the heap of those that decode: the first to finish on top, the older one among equals.
struct JumpReplica::Later {
  bool operator()(const Decoding& a, const Decoding& b) const {
    if (a.finish_step != b.finish_step) return later(a.finish_step, b.finish_step);
    return later(a.age, b.age);
  }
};

JumpReplica::JumpReplica(const SiteModel& model, std::pmr::memory_resource* memory)
    : model_(&model), decoding_(memory), places_(memory) {
  if (model.limits.prefix_cache_tokens == 0) return;
  prefix_state_ = std::make_unique<PrefixState>(memory);
  prefix_state_->cache = std::make_unique<PrefixCache>(model.limits.prefix_cache_tokens, memory);
}

// -------------------------------------------------------------------------------- requests come in

std::int64_t JumpReplica::submit(const Newcomer& newcomer) {
  assert(newcomer.prompt_tokens > 0 && newcomer.output_tokens > 0);
  assert(newcomer.prompt_tokens + newcomer.output_tokens <= model_->limits.kv_tokens);
  // By a few at a time: lines of a busy fleet take up as much memory as its batches otherwise.
  if (line_.size() == line_.capacity()) line_.reserve(line_.size() + line_.size() / 4 + kShortLine);
  line_.push_back(newcomer);
  return newcomer.at_ns + model_->least_service_ns(newcomer.prompt_tokens, newcomer.output_tokens);
}

std::int64_t JumpReplica::submit(const Newcomer& newcomer, const PrefixInfo& prefix_info) {
  const bool cached = prefix_state_ != nullptr && prefix_state_->cache != nullptr;
  if (prefix_info.announce || (cached && prefix_info.prefix != nullptr)) {
    if (prefix_state_ == nullptr)
      prefix_state_ = std::make_unique<PrefixState>(decoding_.get_allocator().resource());
    prefix_state_->prefix_info.emplace(newcomer.id, prefix_info);
    prefix_state_->unannounced += prefix_info.announce ? 1 : 0;
  }
  const std::int64_t bound_ns = submit(newcomer);
  return prefix_info.announce ? newcomer.at_ns : bound_ns;
}

bool JumpReplica::takes_newcomers() const {
  // A request that waits at a step's beginning waits for as long as the batch is the same: there
  // will be no more places, nor room in the cache. All behind it wait too.
  const bool one_waits =
      !preempted_.empty() || (!line_empty() && line_[line_begin_].at_ns < begin_.ns);
  return !one_waits && static_cast<std::int64_t>(running()) < model_->limits.max_batch;
}

void JumpReplica::count(CellId cell, int change) {
  for (CellCount& entry : batch_) {
    if (entry.cell != cell) continue;
    entry.sequences = static_cast<std::uint32_t>(static_cast<int>(entry.sequences) + change);
    if (entry.sequences > 0) return;
    entry = batch_.back();
    batch_.pop_back();
    return;
  }
  assert(change == 1);
  batch_.push_back({cell, 1});
}

// ------------------------------------------------------------------------------------ planning

void JumpReplica::plan(std::int64_t visible_before_ns, bool only_first, TokenRecord& record) {
  const std::size_t running_before = running();
  make_room();
  const bool preempted = running() < running_before;
  const auto sequences = static_cast<std::int64_t>(decoding_.size());
  first_ps_ = 0;  // of the chunks at first
  slope_ps_ = 0;
  chunks_ = 0;
  std::int64_t budget = model_->limits.max_step_tokens;
  for (const Prefilling& sequence : prefilling_) {
    if (budget == 0) break;
    add_chunk(sequence, budget);
  }
  // Who was preempted for lack of room must not take it right back.
  if (!preempted) admit(budget, visible_before_ns, only_first, record);
  const StepPrice& price = model_->price;
  if (chunks_ > 0) {
    const std::int64_t chunk_tokens = model_->limits.max_step_tokens - budget;
    first_ps_ = price.prefill_ps(chunk_tokens, first_ps_, sequences, read_tokens_);
    steps_ = 1;
    open_ = false;
  } else if (sequences == 0) {
    steps_ = 0;
  } else {
    first_ps_ = price.decode_ps(sequences, read_tokens_);
    slope_ps_ = preempted ? 0 : price.kv_token_ps() * sequences;
    steps_ = preempted ? 1 : steps_before_change();
    open_ = !preempted && takes_newcomers();
  }
}

void JumpReplica::make_room() {
  // Each decoding sequence puts one token into the cache in this step.
  while (resident_tokens_ + static_cast<std::int64_t>(decoding_.size()) >
         model_->limits.kv_tokens) {
    assert(running() > 1 && "a lone sequence always fits");
    preempt_youngest();
  }
}

void JumpReplica::preempt_youngest() {
  Preempted preempted{};
  std::uint32_t number = 0;
  if (!prefilling_.empty()) {
    const Prefilling& youngest = prefilling_.back();
    number = youngest.place;
    preempted.emitted_tokens = youngest.emitted_tokens;
    preempted.late_gaps = youngest.late_gaps;
    preempted.last_token = youngest.last_token;
    resident_tokens_ -= youngest.tokens;
    prefilling_.pop_back();
  } else {
    const auto youngest =
        std::max_element(decoding_.begin(), decoding_.end(),
                         [](const Decoding& a, const Decoding& b) { return later(b.age, a.age); });
    number = youngest->place;
    const Place& place = places_[number];
    preempted.emitted_tokens =
        place.output_tokens - static_cast<std::int32_t>(youngest->finish_step - decode_step_);
    if (gap_state_ != nullptr) preempted.late_gaps = gap_state_->late(number, place.cell);
    preempted.last_token = begin_;  // all that decode got a token when the last step ended
    // The latest token is not in the cache yet.
    const std::int64_t tokens = place.prompt_tokens + preempted.emitted_tokens - 1;
    resident_tokens_ -= tokens;
    read_tokens_ -= tokens;
    count(place.cell, -1);
    *youngest = decoding_.back();
    decoding_.pop_back();
    std::make_heap(decoding_.begin(), decoding_.end(), Later{});
  }
  Place& place = places_[number];
  preempted.id = place.id;
  preempted.cell = place.cell;
  preempted.prompt_tokens = place.prompt_tokens;
  preempted.output_tokens = place.output_tokens;
  preempted.scheduled_ns = place.scheduled_ns;
  preempted.first_token_ns = place.first_token_ns;
  preempted_.push_back(preempted);
  place.id = free_place_;
  free_place_ = number;
}

void JumpReplica::add_chunk(const Prefilling& sequence, std::int64_t& budget) {
  const std::int64_t tokens =
      std::min<std::int64_t>(sequence.tokens - sequence.done_tokens, budget);
  first_ps_ += model_->price.chunk_ps(sequence.done_tokens, sequence.done_tokens + tokens);
  budget -= tokens;
  ++chunks_;
}

bool JumpReplica::has_room(std::int64_t tokens) const {
  const auto growth = static_cast<std::int64_t>(decoding_.size());
  return static_cast<std::int64_t>(running()) < model_->limits.max_batch &&
         resident_tokens_ + growth + tokens <= model_->limits.kv_tokens;
}

/// A newcomer is scheduled in the step that begins. Returns the tokens of its prompt that are
/// cached.
std::int32_t JumpReplica::schedule(const Newcomer& newcomer) {
  const auto found = prefix_state_->prefix_info.find(newcomer.id);
  if (found == prefix_state_->prefix_info.end()) return 0;
  const PrefixInfo& its = found->second;
  std::int64_t cached = 0;
  if (prefix_state_->cache != nullptr && its.prefix != nullptr) {
    cached = prefix_state_->cache->lookup(*its.prefix, newcomer.prompt_tokens);
  }
  const auto cached_tokens = static_cast<std::int32_t>(cached);
  if (its.announce) {
    --prefix_state_->unannounced;
    prefix_state_->starts.push_back({newcomer.id, 0, begin_.ns, cached_tokens});
  }
  return cached_tokens;
}

void JumpReplica::take_in(const Place& place, Prefilling sequence, std::int64_t& budget) {
  std::uint32_t number = free_place_;
  if (number == kNoPlace) {
    if (places_.empty()) {
      // At once, instead of growing: all replicas grow together, and what each leaves behind when
      // it moves nobody else has use for.
      const auto likely =
          static_cast<std::size_t>(std::min(model_->limits.max_batch, kLikelyBatch));
      places_.reserve(likely);
      decoding_.reserve(likely);
    }
    number = static_cast<std::uint32_t>(places_.size());
    places_.push_back(place);
  } else {
    free_place_ = places_[number].id;
    places_[number] = place;
  }
  sequence.place = number;
  sequence.age = admissions_++;
  prefilling_.push_back(sequence);
  resident_tokens_ += sequence.tokens;
  add_chunk(sequence, budget);
}

void JumpReplica::admit(std::int64_t& budget, std::int64_t visible_before_ns, bool only_first,
                        TokenRecord& record) {
  while (!preempted_.empty() && budget > 0) {
    const Preempted& head = preempted_.back();
    const std::int32_t tokens = head.prompt_tokens + head.emitted_tokens;
    if (!has_room(tokens)) return;
    take_in({head.id, head.cell, head.prompt_tokens, head.output_tokens, head.scheduled_ns,
             head.first_token_ns},
            {0, 0, head.emitted_tokens, tokens, 0, head.late_gaps, head.last_token}, budget);
    preempted_.pop_back();
  }
  while (!line_empty() && budget > 0) {
    const Newcomer& head = line_[line_begin_];
    if (head.at_ns >= visible_before_ns || !has_room(head.prompt_tokens)) break;
    const std::int32_t cached_tokens = prefix_state_ != nullptr ? schedule(head) : 0;
    record.scheduled(head.cell, begin_.ns, head.prompt_tokens, cached_tokens);
    take_in({head.id, head.cell, head.prompt_tokens, head.output_tokens, begin_.ns, -1},
            {0, 0, 0, head.prompt_tokens, cached_tokens, 0, {}}, budget);
    ++line_begin_;
    if (only_first) break;
  }
  // What has left at the front goes when it is most of the line.
  if (line_empty()) {
    if (line_.capacity() > kShortLine) std::vector<Newcomer>().swap(line_);
    line_.clear();
    line_begin_ = 0;
  } else if (2 * line_begin_ > line_.size()) {
    line_.erase(line_.begin(), line_.begin() + static_cast<std::ptrdiff_t>(line_begin_));
    line_begin_ = 0;
  }
}

/// Decode steps until one completes a request, or the step after would not find room.
std::int64_t JumpReplica::steps_before_change() const {
  const auto sequences = static_cast<std::int64_t>(decoding_.size());
  const std::int64_t room = (model_->limits.kv_tokens - resident_tokens_) / sequences;
  const std::int64_t left = decoding_.front().finish_step - decode_step_;
  return std::min({left, room, model_->most_steps});
}

// ---------------------------------------------------------------------------------- time passes

JumpReplica::Instant JumpReplica::end_of(std::int64_t steps) const {
  const std::int64_t end_ps = run(steps).end_ps(steps);
  return {begin_.ns + end_ps / kPsPerNs, static_cast<std::int32_t>(end_ps % kPsPerNs)};
}

std::int64_t JumpReplica::advance(std::int64_t until_ns, TokenRecord& record,
                                  std::vector<Completion>& done) {
  if (record.gap_limits() != nullptr && gap_state_ == nullptr) {
    gap_state_ = std::make_unique<GapState>(*record.gap_limits());
  }
  for (;;) {
    if (!busy()) {
      assert(preempted_.empty() && "a preempted sequence finds room in an empty cache");
      if (line_empty()) return kNever;
      begin_ = {line_[line_begin_].at_ns, 0};
      if (begin_.ns > until_ns) return begin_.ns;
      plan(kNever, /*only_first=*/true, record);
    }
    std::int64_t steps = steps_;
    Instant end = end_of(steps);
    if (open_ && !line_empty() && line_[line_begin_].at_ns < end.ns) {
      // The first step that ends later than the first arrival is the last of this run.
      steps = run(steps).steps_before(line_[line_begin_].at_ns + 1) + 1;
      end = end_of(steps);
    }
    if (end.ns > until_ns) return bound_ns(steps);
    commit(steps, record, done);
    begin_ = end;
    plan(begin_.ns, /*only_first=*/false, record);
  }
}

/// The least that it takes, from when the run under way ends after `steps`, until a request that
/// was there completes.
std::int64_t JumpReplica::least_left_ns(std::int64_t steps) const {
  std::int64_t left = kNever;
  for (const Prefilling& sequence : prefilling_) {
    left = std::min<std::int64_t>(
        left, places_[sequence.place].output_tokens - sequence.emitted_tokens - 1);
  }
  if (decoding_.empty()) return model_->least_decode_ns(left);
  left = std::min<std::int64_t>(
      left, decoding_.front().finish_step - decode_step_ - static_cast<std::uint32_t>(steps));
  // As long as these have room by themselves, later ones are preempted before them: so they all go
  // on decoding, and the steps take what they take alone, or longer.
  const auto sequences = static_cast<std::int64_t>(decoding_.size());
  const std::int64_t room = (model_->limits.kv_tokens - resident_tokens_) / sequences;
  if (left + steps > room || left > model_->most_steps) return model_->least_decode_ns(left);
  const std::int64_t read_tokens = read_tokens_ + steps * sequences;
  const StepRun alone{0, 0, left, model_->price.decode_ps(sequences, read_tokens),
                      model_->price.kv_token_ps() * sequences};
  return alone.end_ns(left);
}

/// No request completes earlier, and no announced start happens earlier, where the run under way
/// ends after `steps`.
std::int64_t JumpReplica::bound_ns(std::int64_t steps) const {
  if (prefix_state_ != nullptr && prefix_state_->unannounced > 0) return end_of(steps).ns;
  std::int64_t least_ns = least_left_ns(steps);
  if (!preempted_.empty() || line_.size() - line_begin_ > kShortLine) least_ns = 0;
  for (std::size_t i = line_begin_; i < line_.size() && least_ns > 0; ++i) {
    least_ns = std::min(least_ns,
                        model_->least_service_ns(line_[i].prompt_tokens, line_[i].output_tokens));
  }
  return end_of(steps).ns + least_ns;
}

void JumpReplica::prefetch_places() const {
  if (!decoding_.empty()) __builtin_prefetch(&places_[decoding_.front().place]);
  if (!prefilling_.empty()) __builtin_prefetch(&places_[prefilling_.front().place]);
  if (free_place_ != kNoPlace) __builtin_prefetch(&places_[free_place_]);
}

void JumpReplica::prefetch_batch() const {
  __builtin_prefetch(line_.data() + line_begin_);
  __builtin_prefetch(prefilling_.data());  // lies outside once there was more than one
  const auto* begin = reinterpret_cast<const char*>(decoding_.data());
  const std::size_t bytes = decoding_.size() * sizeof(Decoding);
  for (std::size_t at = 0; at < bytes; at += kCacheLine) __builtin_prefetch(begin + at);
}

void JumpReplica::commit(std::int64_t steps, TokenRecord& record, std::vector<Completion>& done) {
  const Instant end = end_of(steps);
  const auto sequences = static_cast<std::int64_t>(decoding_.size());
  const StepRun taken = run(steps);
  record.steps(taken, load());
  if (sequences > 0) {
    record.decode(taken, {batch_.data(), batch_.size()});
    if (gap_state_ != nullptr) gap_state_->count(taken);
    decode_step_ += static_cast<std::uint32_t>(steps);
    resident_tokens_ += steps * sequences;
    read_tokens_ += steps * sequences;
    finish_decoding(end.ns, done);
  }
  if (chunks_ > 0) finish_chunks(end, record, done);
}

void JumpReplica::finish_decoding(std::int64_t end_ns, std::vector<Completion>& done) {
  while (!decoding_.empty() && decoding_.front().finish_step == decode_step_) {
    const std::uint32_t number = decoding_.front().place;
    std::pop_heap(decoding_.begin(), decoding_.end(), Later{});
    decoding_.pop_back();
    const Place& place = places_[number];
    // The last token never enters the cache.
    const std::int64_t tokens = place.prompt_tokens + place.output_tokens - 1;
    resident_tokens_ -= tokens;
    read_tokens_ -= tokens;
    count(place.cell, -1);
    leave(number, end_ns, gap_state_ != nullptr ? gap_state_->late(number, place.cell) : 0, done);
  }
}

void JumpReplica::finish_chunks(const Instant& end, TokenRecord& record,
                                std::vector<Completion>& done) {
  std::int64_t budget = model_->limits.max_step_tokens;
  std::size_t finished = 0;
  for (Prefilling& sequence : prefilling_) {
    if (budget == 0) break;
    const std::int64_t tokens =
        std::min<std::int64_t>(sequence.tokens - sequence.done_tokens, budget);
    budget -= tokens;
    sequence.done_tokens += static_cast<std::int32_t>(tokens);
    if (sequence.done_tokens < sequence.tokens) break;  // and the budget is spent
    ++finished;
    Place& place = places_[sequence.place];
    if (place.first_token_ns < 0) {
      place.first_token_ns = end.ns;
      record.token(place.cell, end.ns, -1);
    } else {
      const Instant& last = sequence.last_token;
      const std::int64_t gap_ps = (end.ns - last.ns) * kPsPerNs + end.rest_ps - last.rest_ps;
      record.token(place.cell, end.ns, gap_ps);
      if (gap_state_ != nullptr && gap_state_->limits->late(place.cell, gap_ps)) {
        ++sequence.late_gaps;
      }
    }
    const std::int32_t left = place.output_tokens - sequence.emitted_tokens - 1;
    if (left == 0) {
      resident_tokens_ -= sequence.tokens;
      leave(sequence.place, end.ns, sequence.late_gaps, done);
      continue;
    }
    read_tokens_ += sequence.tokens;
    count(place.cell, 1);
    if (gap_state_ != nullptr) {
      gap_state_->begin(sequence.place, place.cell, sequence.late_gaps);
    }
    decoding_.push_back(
        {decode_step_ + static_cast<std::uint32_t>(left), sequence.age, sequence.place});
    std::push_heap(decoding_.begin(), decoding_.end(), Later{});
  }
  prefilling_.erase(prefilling_.begin(),
                    prefilling_.begin() + static_cast<std::ptrdiff_t>(finished));
}

void JumpReplica::leave(std::uint32_t number, std::int64_t end_ns, std::int32_t late_gaps,
                        std::vector<Completion>& done) {
  Place& place = places_[number];
  done.push_back({place.id, 0, place.scheduled_ns, place.first_token_ns, end_ns, late_gaps});
  if (prefix_state_ != nullptr) keep_prefix(place);
  place.id = free_place_;
  free_place_ = number;
}

void JumpReplica::keep_prefix(const Place& place) {
  const auto found = prefix_state_->prefix_info.find(place.id);
  if (found == prefix_state_->prefix_info.end()) return;
  const Prefix* const prefix = found->second.prefix;
  if (prefix_state_->cache != nullptr && prefix != nullptr) {
    prefix_state_->cache->insert(*prefix, place.prompt_tokens, place.output_tokens);
  }
  prefix_state_->prefix_info.erase(found);
}

std::int32_t JumpReplica::GapState::late(std::uint32_t place, CellId cell) const {
  const std::uint32_t limit = limits->by_cell[cell];
  if (limit == GapLimits::kNone) return 0;
  return static_cast<std::int32_t>(late_steps[limit] - begun_at[place]);
}

void JumpReplica::GapState::begin(std::uint32_t place, CellId cell, std::int32_t late_before) {
  const std::uint32_t limit = limits->by_cell[cell];
  if (limit == GapLimits::kNone) return;
  if (begun_at.size() <= place) begun_at.resize(place + std::size_t{1});
  begun_at[place] = late_steps[limit] - late_before;
}

void JumpReplica::GapState::count(const StepRun& run) {
  for (std::size_t i = 0; i < late_steps.size(); ++i) {
    late_steps[i] += run.steps_of(limits->late_from_ps[i]);
  }
}

void JumpReplica::PrefixState::take_starts(std::uint32_t replica, std::vector<Start>& taken) {
  for (Start& start : starts) {
    start.replica = replica;
    taken.push_back(start);
  }
  starts.clear();
}

void JumpReplica::cut(std::int64_t end_ns, TokenRecord& record) const {
  if (!busy()) return;
  record.steps(run(steps_), load(), end_ns);
  // Tokens of the run's steps that end in time still count.
  const std::int64_t steps = run(steps_).steps_before(end_ns + 1);
  if (steps > 0) record.decode(run(steps), {batch_.data(), batch_.size()});
}

}  // namespace tokenlift
