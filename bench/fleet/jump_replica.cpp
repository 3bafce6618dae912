#include "bench/fleet/jump_replica.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "bench/machine/prefetch.hpp"

namespace tokenlift {

namespace {

/// Of a longer line not everybody is looked at to find out when somebody may complete.
constexpr std::size_t kShortLine = 4;
constexpr std::int64_t kLikelyBatch = 64;

/// Of numbers that wrap around.
bool later(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) > 0;
}

}  // namespace

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
  side_ = std::make_unique<SideState>(memory);
  side_->cache = std::make_unique<PrefixCache>(model.limits.prefix_cache_tokens, memory);
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

std::int64_t JumpReplica::submit(const Newcomer& newcomer, const RequestContext& context) {
  const bool cached = side_ != nullptr && side_->cache != nullptr;
  const bool moved = context.progress.has_value();
  if (context.announce || moved || (cached && context.prefix != nullptr)) {
    if (side_ == nullptr) {
      side_ = std::make_unique<SideState>(decoding_.get_allocator().resource());
    }
    side_->contexts.emplace(newcomer.id, context);
    side_->unannounced += context.announce ? 1 : 0;
    side_->moved += moved ? 1 : 0;
  }
  const std::int64_t bound_ns = submit(newcomer);
  return context.announce || moved ? newcomer.at_ns : bound_ns;
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

void JumpReplica::plan(std::int64_t visible_before_ns, bool only_first, TokenRecord& record,
                       std::vector<News>& news) {
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
  if (!preempted) admit(budget, visible_before_ns, only_first, record, news);
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
  if (model_->power == nullptr) return;
  held_back_ = model_->holds_back();
  slow_milli_ = static_cast<std::uint16_t>(model_->held_back.slow_milli);
}

void JumpReplica::make_room() {
  // Each decoding sequence puts one token into the cache in this step; and the batch may have to be
  // smaller than it was.
  while (resident_tokens_ + static_cast<std::int64_t>(decoding_.size()) >
             model_->limits.kv_tokens ||
         static_cast<std::int64_t>(running()) > model_->limits.max_batch) {
    assert(running() > 1 && "a lone sequence always fits");
    preempt_youngest();
  }
}

/// As ones that are to be computed again.
JumpReplica::Preempted JumpReplica::take_out(const Prefilling& prefilling) const {
  const Place& place = places_[prefilling.place];
  return {{place}, prefilling.emitted_tokens, prefilling.late_gaps, prefilling.last_token};
}

JumpReplica::Preempted JumpReplica::take_out(const Decoding& decoding) const {
  const Place& place = places_[decoding.place];
  const auto left = static_cast<std::int32_t>(decoding.finish_step - decode_step_);
  const std::int32_t late =
      gap_state_ != nullptr ? gap_state_->late(decoding.place, place.cell) : 0;
  // All that decode got a token when the last step ended.
  return {{place}, place.output_tokens - left, late, begin_};
}

void JumpReplica::preempt_youngest() {
  std::uint32_t number = 0;
  if (!prefilling_.empty()) {
    const Prefilling& youngest = prefilling_.back();
    number = youngest.place;
    preempted_.push_back(take_out(youngest));
    resident_tokens_ -= youngest.tokens;
    prefilling_.pop_back();
  } else {
    const auto youngest =
        std::max_element(decoding_.begin(), decoding_.end(),
                         [](const Decoding& a, const Decoding& b) { return later(b.age, a.age); });
    number = youngest->place;
    preempted_.push_back(take_out(*youngest));
    const Preempted& preempted = preempted_.back();
    // The latest token is not in the cache yet.
    const std::int64_t tokens = preempted.prompt_tokens + preempted.emitted_tokens - 1;
    resident_tokens_ -= tokens;
    read_tokens_ -= tokens;
    count(preempted.cell, -1);
    *youngest = decoding_.back();
    decoding_.pop_back();
    std::make_heap(decoding_.begin(), decoding_.end(), Later{});
  }
  places_[number].id = free_place_;
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
std::int32_t JumpReplica::schedule(const Newcomer& newcomer, std::vector<News>& news) {
  const auto found = side_->contexts.find(newcomer.id);
  if (found == side_->contexts.end()) return 0;
  RequestContext& its = found->second;
  std::int64_t cached = 0;
  if (side_->cache != nullptr && its.prefix != nullptr) {
    cached = side_->cache->lookup(*its.prefix, newcomer.prompt_tokens);
  }
  const auto cached_tokens = static_cast<std::int32_t>(cached);
  if (its.announce) {
    --side_->unannounced;
    its.announce = false;
    news.push_back({newcomer.id, 0, begin_.ns, 0, begin_.ns + model_->back_ns, cached_tokens,
                    NewsKind::started, model_->site});
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
                        TokenRecord& record, std::vector<News>& news) {
  while (!preempted_.empty() && budget > 0) {
    const Preempted& head = preempted_.back();
    const std::int32_t tokens = head.prompt_tokens + head.emitted_tokens;
    if (!has_room(tokens)) return;
    take_in(head, {0, 0, head.emitted_tokens, tokens, 0, head.late_gaps, head.last_token}, budget);
    preempted_.pop_back();
  }
  while (!line_empty() && budget > 0) {
    const Newcomer& head = line_[line_begin_];
    const Progress* const moved = side_ != nullptr ? side_->progress_of(head.id) : nullptr;
    const std::int32_t tokens = head.prompt_tokens + (moved ? moved->emitted_tokens : 0);
    if (head.at_ns >= visible_before_ns || !has_room(tokens)) break;
    if (moved != nullptr) {
      --side_->moved;
      take_in({head.id, head.cell, head.prompt_tokens, head.output_tokens, moved->scheduled_ns,
               moved->first_token_ns},
              {0,
               0,
               moved->emitted_tokens,
               tokens,
               0,
               moved->late_gaps,
               {moved->last_token_ns - model_->back_ns, moved->last_token_rest_ps}},
              budget);
    } else {
      const std::int32_t cached_tokens = side_ != nullptr ? schedule(head, news) : 0;
      record.scheduled(head.cell, begin_.ns, head.prompt_tokens, cached_tokens);
      take_in({head.id, head.cell, head.prompt_tokens, head.output_tokens, begin_.ns, -1},
              {0, 0, 0, head.prompt_tokens, cached_tokens, 0, {}}, budget);
    }
    ++line_begin_;
    if (only_first) break;
  }
  // What has left at the front goes when it is most of the line.
  if (line_empty()) {
    if (line_.capacity() > kShortLine) std::vector<Newcomer>().swap(line_);
    line_.clear();
    line_begin_ = 0;
  } else if (line_begin_ > line_.size() / 2) {
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
                                  std::vector<News>& news) {
  if (record.gap_limits() != nullptr && gap_state_ == nullptr) {
    gap_state_ = std::make_unique<GapState>(*record.gap_limits());
  }
  for (;;) {
    if (!busy()) {
      assert(preempted_.empty() && "a preempted sequence finds room in an empty cache");
      if (line_empty()) return kNever;
      begin_ = {line_[line_begin_].at_ns, 0};
      if (begin_.ns > until_ns) return begin_.ns;
      plan(kNever, /*only_first=*/true, record, news);
    }
    std::int64_t steps = steps_;
    Instant end = end_of(steps);
    if (open_ && !line_empty() && line_[line_begin_].at_ns < end.ns) {
      // The first step that ends later than the first arrival is the last of this run.
      steps = run(steps).steps_before(line_[line_begin_].at_ns + 1) + 1;
      end = end_of(steps);
    }
    if (end.ns > until_ns) return bound_ns(steps);
    commit(steps, record, news);
    begin_ = end;
    plan(begin_.ns, /*only_first=*/false, record, news);
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
  // While these have places and room by themselves, later ones are preempted before them: so all of
  // them go on decoding, and the steps take what they take alone, or longer.
  const auto sequences = static_cast<std::int64_t>(decoding_.size());
  const std::int64_t room = (model_->limits.kv_tokens - resident_tokens_) / sequences;
  if (sequences > model_->limits.max_batch || left + steps > room || left > model_->most_steps) {
    return model_->least_decode_ns(left);
  }
  const std::int64_t read_tokens = read_tokens_ + steps * sequences;
  const StepRun alone{0, 0, left, model_->price.decode_ps(sequences, read_tokens),
                      model_->price.kv_token_ps() * sequences};
  return alone.end_ns(left);
}

/// No request completes earlier, and no announced start happens earlier, where the run under way
/// ends after `steps`.
std::int64_t JumpReplica::bound_ns(std::int64_t steps) const {
  if (side_ != nullptr && (side_->unannounced > 0 || side_->moved > 0)) return end_of(steps).ns;
  std::int64_t least_ns = least_left_ns(steps);
  if (!preempted_.empty() || line_.size() - line_begin_ > kShortLine) least_ns = 0;
  for (std::size_t i = line_begin_; i < line_.size() && least_ns > 0; ++i) {
    least_ns = std::min(least_ns,
                        model_->least_service_ns(line_[i].prompt_tokens, line_[i].output_tokens));
  }
  return end_of(steps).ns + least_ns;
}

void JumpReplica::prefetch_batch() const {
  __builtin_prefetch(line_.data() + line_begin_);
  __builtin_prefetch(prefilling_.data());  // lies outside once there was more than one
  prefetch(decoding_.data(), decoding_.size() * sizeof(Decoding));
}

void JumpReplica::commit(std::int64_t steps, TokenRecord& record, std::vector<News>& news) {
  const Instant end = end_of(steps);
  const auto sequences = static_cast<std::int64_t>(decoding_.size());
  const StepRun taken = run(steps);
  record.steps(taken, load());
  record_draw(end.ns, record);
  if (sequences > 0) {
    record.decode(taken, {batch_.data(), batch_.size()});
    if (gap_state_ != nullptr) gap_state_->count(taken);
    decode_step_ += static_cast<std::uint32_t>(steps);
    resident_tokens_ += steps * sequences;
    read_tokens_ += steps * sequences;
    finish_decoding(end.ns, news);
  }
  if (chunks_ > 0) finish_chunks(end, record, news);
}

void JumpReplica::finish_decoding(std::int64_t end_ns, std::vector<News>& news) {
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
    leave(number, end_ns, gap_state_ != nullptr ? gap_state_->late(number, place.cell) : 0, news);
  }
}

void JumpReplica::finish_chunks(const Instant& end, TokenRecord& record, std::vector<News>& news) {
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
      place.first_token_ns = end.ns + model_->back_ns;
      record.token(place.cell, end.ns, -1);
    } else {
      const Instant& last = sequence.last_token;
      // A user near one site and far from another would get the later token first.
      const std::int64_t gap_ps =
          std::max<std::int64_t>((end.ns - last.ns) * kPsPerNs + end.rest_ps - last.rest_ps, 0);
      record.token(place.cell, end.ns, gap_ps);
      if (gap_state_ != nullptr && gap_state_->limits->late(place.cell, gap_ps)) {
        ++sequence.late_gaps;
      }
    }
    const std::int32_t left = place.output_tokens - sequence.emitted_tokens - 1;
    if (left == 0) {
      resident_tokens_ -= sequence.tokens;
      leave(sequence.place, end.ns, sequence.late_gaps, news);
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
                        std::vector<News>& news) {
  Place& place = places_[number];
  const std::uint16_t site = side_ != nullptr ? close_context(place) : model_->site;
  news.push_back({place.id, 0, place.scheduled_ns, place.first_token_ns,
                  std::max(end_ns + model_->back_ns, place.first_token_ns), late_gaps,
                  NewsKind::completed, site});
  place.id = free_place_;
  free_place_ = number;
}

/// Keeps the prefix of a request that has completed. Returns the site of its first token.
std::uint16_t JumpReplica::close_context(const Place& place) {
  const auto found = side_->contexts.find(place.id);
  if (found == side_->contexts.end()) return model_->site;
  const RequestContext& its = found->second;
  if (side_->cache != nullptr && its.prefix != nullptr) {
    side_->cache->insert(*its.prefix, place.prompt_tokens, place.output_tokens);
  }
  const bool elsewhere = its.progress && its.progress->first_token_ns >= 0;
  const std::uint16_t site = elsewhere ? its.progress->first_site : model_->site;
  side_->contexts.erase(found);
  return site;
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

/// Nothing where the request was not scheduled before it came here.
const Progress* JumpReplica::SideState::progress_of(RequestId id) const {
  if (moved == 0) return nullptr;
  const auto found = contexts.find(id);
  return found != contexts.end() && found->second.progress ? &*found->second.progress : nullptr;
}

// ------------------------------------------------------------------------- the replica changes

/// Commits the steps of the run under way that have ended by now; nobody completes in them.
void JumpReplica::commit_until(std::int64_t now_ns, TokenRecord& record) {
  const std::int64_t ended = busy() ? run(steps_).steps_before(now_ns + 1) : 0;
  if (ended == 0) return;
  const Instant end = end_of(ended);
  std::vector<News> none;
  commit(ended, record, none);
  assert(none.empty());
  begin_ = end;
  first_ps_ += ended * slope_ps_;
  steps_ -= ended;
}

void JumpReplica::set_model(const SiteModel& model, std::int64_t now_ns, TokenRecord& record) {
  commit_until(now_ns, record);
  model_ = &model;
  if (!busy()) return;
  steps_ = 1;
  open_ = false;
}

Withdrawn JumpReplica::withdrawn(const Preempted& request, std::int32_t computed_tokens) const {
  Withdrawn gone;
  gone.id = request.id;
  gone.computed_tokens = computed_tokens;
  gone.progress.scheduled_ns = request.scheduled_ns;
  gone.progress.first_site = model_->site;
  if (request.emitted_tokens == 0) return gone;
  gone.progress.emitted_tokens = request.emitted_tokens;
  gone.progress.late_gaps = request.late_gaps;
  gone.progress.first_token_ns = request.first_token_ns;
  gone.progress.last_token_ns = request.last_token.ns + model_->back_ns;
  gone.progress.last_token_rest_ps = request.last_token.rest_ps;
  if (side_ == nullptr) return gone;
  const auto found = side_->contexts.find(request.id);
  if (found == side_->contexts.end() || !found->second.progress) return gone;
  if (found->second.progress->first_token_ns >= 0) {
    gone.progress.first_site = found->second.progress->first_site;
  }
  return gone;
}

void JumpReplica::withdraw(std::int64_t now_ns, TokenRecord& record, std::vector<Withdrawn>& gone) {
  commit_until(now_ns, record);
  if (busy()) {
    record.steps(run(1), load(), now_ns);
    record_draw(std::min(end_of(1).ns, now_ns), record);
  }
  std::ranges::sort(decoding_,
                    [](const Decoding& a, const Decoding& b) { return later(b.age, a.age); });
  for (const Decoding& sequence : decoding_) {
    const Preempted request = take_out(sequence);
    gone.push_back(withdrawn(request, request.prompt_tokens + request.emitted_tokens - 1));
  }
  for (const Prefilling& sequence : prefilling_) {
    gone.push_back(withdrawn(take_out(sequence), sequence.done_tokens));
  }
  for (std::size_t i = preempted_.size(); i > 0; --i) {
    gone.push_back(withdrawn(preempted_[i - 1], 0));
  }
  for (std::size_t i = line_begin_; i < line_.size(); ++i) {
    const Progress* const moved = side_ != nullptr ? side_->progress_of(line_[i].id) : nullptr;
    gone.push_back({line_[i].id, moved != nullptr ? *moved : Progress{}, 0});
  }
  decoding_.clear();
  prefilling_.clear();
  preempted_.clear();
  places_.clear();
  free_place_ = kNoPlace;
  batch_.clear();
  std::vector<Newcomer>().swap(line_);
  line_begin_ = 0;
  resident_tokens_ = 0;
  read_tokens_ = 0;
  steps_ = 0;
  chunks_ = 0;
  if (side_ != nullptr) {
    side_->contexts.clear();
    side_->unannounced = 0;
    side_->moved = 0;
  }
  forget();
}

std::int64_t JumpReplica::queued_tokens() const {
  std::int64_t sum = 0;
  for (const Preempted& request : preempted_) sum += request.output_tokens - request.emitted_tokens;
  for (std::size_t i = line_begin_; i < line_.size(); ++i) {
    const Progress* const moved = side_ != nullptr ? side_->progress_of(line_[i].id) : nullptr;
    sum += line_[i].output_tokens - (moved != nullptr ? moved->emitted_tokens : 0);
  }
  return sum;
}

void JumpReplica::forget() {
  if (side_ == nullptr || side_->cache == nullptr) return;
  side_->cache = std::make_unique<PrefixCache>(model_->limits.prefix_cache_tokens,
                                               decoding_.get_allocator().resource());
}

void JumpReplica::cut(std::int64_t end_ns, TokenRecord& record) const {
  if (!busy()) return;
  record.steps(run(steps_), load(), end_ns);
  record_draw(std::min(end_of(steps_).ns, end_ns), record);
  // Tokens of the run's steps that end in time still count.
  const std::int64_t steps = run(steps_).steps_before(end_ns + 1);
  if (steps > 0) record.decode(run(steps), {batch_.data(), batch_.size()});
}

}  // namespace tokenlift
