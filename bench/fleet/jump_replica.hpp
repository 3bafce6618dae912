#pragma once
// One replica in virtual time: decides exactly as `Replica` does, and jumps over what does not
// change.
//
// While the batch stays as it is, step j of a run of decode steps costs first + j * slope: with B
// sequences that read K tokens, first = a + b B + c K and slope = c B, because every step appends B
// tokens. So the end of any number of steps is a polynomial, and a run is taken in one go up to the
// first step that completes a request, fills the KV cache, or ends after a request has come that
// may join. Sequences are keyed by the decode step at which they finish, in a heap. A request costs
// O(log batch) however many tokens it makes (a preemption O(batch)).
//
// Time within the replica is in picoseconds: an instant is whole ns and a rest below 1000 ps. What
// leaves it is whole ns, rounded down. Everything is lazy: nothing is computed before somebody asks
// with advance(), and how often that is makes no difference to what comes out.
//
// Prefixes and announced starts are kept apart, by request: a replica that has neither a prefix
// cache nor a request whose start is announced spends a pointer on them.

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <unordered_map>
#include <vector>

#include "bench/fleet/prefix_cache.hpp"
#include "bench/fleet/replica.hpp"
#include "bench/fleet/site_model.hpp"
#include "bench/record/request.hpp"
#include "bench/record/token_record.hpp"

namespace tokenlift {

// NOLINTNEXTLINE(bugprone-exception-escape): moved, its containers hand on their memory
class alignas(64) JumpReplica {
 public:
  /// `memory` holds the batch; several replicas may share it if nobody else uses it meanwhile.
  JumpReplica(const SiteModel& model, std::pmr::memory_resource* memory);

  /// A request arrives. It joins the first step that begins later; an idle replica begins at once.
  /// Instants must not decrease, nor lie before the last advance(). Returns an instant before which
  /// it does not complete; the requests that are there already can only complete later for it.
  std::int64_t submit(const Newcomer& newcomer);
  /// As above; the instant is one before which it does not start either, if its start is announced.
  std::int64_t submit(const Newcomer& newcomer, const RequestContext& context);

  /// Records all steps that end by `until_ns`, and appends what they completed and whose announced
  /// start they were, in order. The replica's number is the caller's to fill in. Returns an
  /// instant, later than `until_ns`, before which no request completes, and no announced start
  /// happens, at the replica; kNever if it is empty.
  std::int64_t advance(std::int64_t until_ns, TokenRecord& record, std::vector<News>& news);

  /// Records the step under way as cut off at `end_ns`; advance(end_ns) comes before.
  void cut(std::int64_t end_ns, TokenRecord& record) const;

  /// From the end of the step under way on, steps cost what `model` says, which has the same
  /// limits. advance(now_ns) comes before, and once more after: what it returned holds no more.
  void set_model(const SiteModel& model, std::int64_t now_ns, TokenRecord& record);

  /// The replica is gone: appends all requests, first those in the batch, the oldest first. The
  /// step under way is cut off and emits nothing, the prefix cache is lost. advance(now_ns) comes
  /// before.
  void withdraw(std::int64_t now_ns, TokenRecord& record, std::vector<Withdrawn>& withdrawn);
  /// What was kept of finished requests is lost.
  void forget();
  bool empty() const { return !busy() && line_empty(); }
  /// Of the step under way; advance() comes before. Of a site that states power.
  StepDraw draw() const;
  /// Output tokens to come of requests that are not in the batch.
  std::int64_t queued_tokens() const;

  /// Among tens of thousands of replicas none is in a cache when its turn comes: these fetch ahead
  /// what submit() and advance() will read, each what the one before it has fetched the way to.
  void prefetch_line() const { __builtin_prefetch(line_.data() + line_.size(), 1); }
  void prefetch_batch() const;
  void prefetch_places() const;

 private:
  struct Instant {
    std::int64_t ns = 0;
    std::int32_t rest_ps = 0;  // below 1000
  };
  /// In the batch. A free place holds the number of the next free one in `id`.
  struct Place {
    RequestId id;
    CellId cell;
    std::int32_t prompt_tokens;
    std::int32_t output_tokens;
    std::int64_t scheduled_ns;
    std::int64_t first_token_ns;
  };
  /// Was in the batch, and is to be computed again.
  struct Preempted : Place {  // NOLINT(cppcoreguidelines-pro-type-member-init): made of its values
    std::int32_t emitted_tokens;
    std::int32_t late_gaps;
    Instant last_token;
  };
  /// Prompt not yet in the KV cache. All of them are younger than all that decode: budget goes to
  /// the oldest first, so nobody finishes its prompt before an older one.
  struct Prefilling {  // NOLINT(cppcoreguidelines-pro-type-member-init): likewise
    std::uint32_t place;
    std::uint32_t age;
    std::int32_t emitted_tokens;
    std::int32_t tokens;  // to be prefilled
    std::int32_t done_tokens;
    std::int32_t late_gaps;
    Instant last_token;
  };
  /// Steps and ages wrap around: what is in the heap is never 2^31 apart.
  struct Decoding {
    std::uint32_t finish_step;
    std::uint32_t age;  // order of admission
    std::uint32_t place;
  };
  struct Later;
  /// Where some tenant has an objective on the gaps between tokens. What decodes has its gaps in
  /// common: a request notes the count of late ones when it begins to.
  struct GapState {
    explicit GapState(const GapLimits& gap_limits)
        : limits(&gap_limits), late_steps(gap_limits.late_from_ps.size()) {}
    /// Late gaps of a request that decodes.
    std::int32_t late(std::uint32_t place, CellId cell) const;
    void begin(std::uint32_t place, CellId cell, std::int32_t late_before);
    void count(const StepRun& run);

    const GapLimits* limits;
    std::vector<std::int64_t> late_steps;  // by limit: decode steps so far that took so long
    std::vector<std::int64_t> begun_at;    // by place: late_steps then, less what was late before
  };
  /// Of the few requests that have a context, and of prefix caches.
  struct SideState {
    explicit SideState(std::pmr::memory_resource* memory) : contexts(memory) {}
    const Progress* progress_of(RequestId id) const;
    std::unique_ptr<PrefixCache> cache;                           // none if its size is 0
    std::pmr::unordered_map<RequestId, RequestContext> contexts;  // of the requests here
    std::int64_t unannounced = 0;  // requests whose start is yet to be announced
    std::int64_t moved = 0;        // requests in the line that were scheduled elsewhere
  };

  bool busy() const { return steps_ > 0; }
  std::size_t running() const { return prefilling_.size() + decoding_.size(); }
  bool takes_newcomers() const;
  std::int64_t steps_before_change() const;
  void plan(std::int64_t visible_before_ns, bool only_first, TokenRecord& record,
            std::vector<News>& news);
  void make_room();
  void preempt_youngest();
  void admit(std::int64_t& budget, std::int64_t visible_before_ns, bool only_first,
             TokenRecord& record, std::vector<News>& news);
  std::int32_t schedule(const Newcomer& newcomer, std::vector<News>& news);
  void take_in(const Place& place, Prefilling sequence, std::int64_t& budget);
  bool has_room(std::int64_t tokens) const;
  void add_chunk(const Prefilling& sequence, std::int64_t& budget);
  void commit(std::int64_t steps, TokenRecord& record, std::vector<News>& news);
  void commit_until(std::int64_t now_ns, TokenRecord& record);
  void finish_decoding(std::int64_t end_ns, std::vector<News>& news);
  void finish_chunks(const Instant& end, TokenRecord& record, std::vector<News>& news);
  void leave(std::uint32_t place, std::int64_t end_ns, std::int32_t late_gaps,
             std::vector<News>& news);
  std::uint16_t close_context(const Place& place);
  Withdrawn withdrawn(const Preempted& request, std::int32_t computed_tokens) const;
  Preempted take_out(const Decoding& decoding) const;
  Preempted take_out(const Prefilling& prefilling) const;
  void count(CellId cell, int change);
  StepRun run(std::int64_t steps) const {
    return {begin_.ns, begin_.rest_ps, steps, first_ps_, slope_ps_};
  }
  /// During the run of steps under way.
  TokenRecord::Load load() const {
    const auto decoding = static_cast<std::int64_t>(decoding_.size());
    return {decoding + chunks_, model_->limits.max_batch, resident_tokens_, decoding};
  }
  void record_draw(std::int64_t end_ns, TokenRecord& record) const {
    if (model_->power == nullptr) return;
    record.draws().drew(model_->site, {above_mw(), held_back_, slow_milli_}, begin_.ns, end_ns);
  }
  /// That the run draws more than idle; its site states power.
  std::int64_t above_mw() const {
    return model_->power->above_mw(static_cast<std::int64_t>(decoding_.size()), chunks_ > 0) *
           1000 / slow_milli_;
  }
  Instant end_of(std::int64_t steps) const;
  std::int64_t least_left_ns(std::int64_t steps) const;
  std::int64_t bound_ns(std::int64_t steps) const;
  bool line_empty() const { return line_begin_ == line_.size(); }

  // Six cache lines; submit() touches the first one alone.
  std::vector<Newcomer> line_;  // from line_begin_ on
  std::uint32_t line_begin_ = 0;
  std::uint32_t free_place_ = kNoPlace;
  static constexpr std::uint32_t kNoPlace = 0xffffffffU;

  const SiteModel* model_;
  std::unique_ptr<SideState> side_;
  std::unique_ptr<GapState> gap_state_;
  // The run of steps under way: planned, and not yet recorded. None if steps_ is 0.
  Instant begin_;
  std::int64_t steps_ = 0;
  std::int64_t first_ps_ = 0;
  std::int64_t slope_ps_ = 0;
  std::int64_t resident_tokens_ = 0;  // in the KV cache, prompts from admission on
  std::int64_t read_tokens_ = 0;      // contexts of those that decode
  std::int32_t chunks_ = 0;
  bool open_ = false;  // a request that arrives may end the run
  // Of the run, by a limit of power: it began with that, whatever the model says meanwhile.
  bool held_back_ = false;
  std::uint16_t slow_milli_ = 1000;
  std::uint32_t decode_step_ = 0;  // decode steps so far
  std::uint32_t admissions_ = 0;

  std::pmr::vector<Decoding> decoding_;  // a heap: the first to finish, then the oldest
  std::pmr::vector<Place> places_;
  // Rarely more than one of each: kept inside, so that a visit finds them together.
  boost::container::small_vector<CellCount, 2> batch_;        // those that decode
  boost::container::small_vector<Prefilling, 1> prefilling_;  // by age
  std::vector<Preempted> preempted_;  // before the line; the last one is first
};
static_assert(sizeof(JumpReplica) <= std::size_t{6} * 64);

inline StepDraw JumpReplica::draw() const {
  StepDraw draw;
  draw.asked =
      static_cast<std::int64_t>(running() + preempted_.size() + line_.size()) - line_begin_;
  if (!busy()) return draw;
  draw.begin_ns = begin_.ns;
  draw.sequences = static_cast<std::int64_t>(decoding_.size());
  draw.chunk = chunks_ > 0;
  draw.above_mw = above_mw();
  return draw;
}

inline void JumpReplica::prefetch_places() const {
  if (!decoding_.empty()) __builtin_prefetch(&places_[decoding_.front().place]);
  if (!prefilling_.empty()) __builtin_prefetch(&places_[prefilling_.front().place]);
  if (free_place_ != kNoPlace) __builtin_prefetch(&places_[free_place_]);
}

inline std::int32_t JumpReplica::GapState::late(std::uint32_t place, CellId cell) const {
  const std::uint32_t limit = limits->by_cell[cell];
  if (limit == GapLimits::kNone) return 0;
  return static_cast<std::int32_t>(late_steps[limit] - begun_at[place]);
}

}  // namespace tokenlift
