#pragma once
// One replica in virtual time, step by step: `Replica` as the thread fleet runs it, each step
// priced by the cost model. The reference that `JumpReplica` must equal to the last byte.
//
// Time within the replica is in picoseconds from the start of the run, so a run of at most 106
// days.

#include <cstdint>
#include <deque>
#include <memory_resource>
#include <unordered_map>
#include <vector>

#include "bench/fleet/replica.hpp"
#include "bench/fleet/site_model.hpp"
#include "bench/record/gap_limits.hpp"
#include "bench/record/token_record.hpp"

namespace tokenlift {

/// As JumpReplica, call by call.
class StepReplica {
 public:
  StepReplica(const SiteModel& model, std::pmr::memory_resource*)
      : model_(&model), replica_(model.limits) {}

  /// Shows the decisions to `observer`.
  void watch(ReplicaObserver& observer) { replica_.watch(observer); }

  std::int64_t submit(const Newcomer& newcomer, const RequestContext& context = {}) {
    inbox_.push_back({newcomer, context});
    return newcomer.at_ns;
  }
  std::int64_t advance(std::int64_t until_ns, TokenRecord& record, std::vector<News>& news);
  void cut(std::int64_t end_ns, TokenRecord& record) const;
  void set_model(const SiteModel& model, std::int64_t, TokenRecord&) {
    model_ = &model;
    replica_.set_max_batch(model.limits.max_batch);
  }
  void withdraw(std::int64_t now_ns, TokenRecord& record, std::vector<Withdrawn>& gone);
  /// A request is given up: at once where no step is under way, else when that ends.
  /// advance(now_ns) comes before, and once more after.
  void cancel(RequestId id, std::int64_t now_ns, std::vector<News>& news);
  void forget() { replica_.forget(); }
  bool empty() const { return !busy() && inbox_.empty(); }
  StepDraw draw() const;
  std::int64_t queued_tokens() const;
  /// In the KV cache, during the step under way.
  std::int64_t resident_tokens() const { return resident_tokens_; }
  void prefetch_line() const {}
  void prefetch_batch() const {}
  void prefetch_places() const {}

 private:
  struct Arrival {
    Newcomer newcomer;
    RequestContext context;
  };

  void take_in();
  void begin_step(std::int64_t begin_ps, TokenRecord& record, std::vector<News>& news);
  void record_step(std::int64_t until_ns, TokenRecord& record) const;
  std::int64_t cost_ps(const StepPlan& plan) const;
  void finish_step(TokenRecord& record, std::vector<News>& news);
  void give_up(RequestId id, std::int64_t now_ns, std::vector<News>& news);
  Progress progress_of(const Sequence& sequence);
  bool busy() const { return sequences_ > 0; }

  const SiteModel* model_;
  Replica replica_;
  std::deque<Arrival> inbox_;
  std::vector<RequestId> cancelled_;  // when the step under way ends
  std::int64_t begin_ps_ = 0;
  std::int64_t end_ps_ = 0;
  std::int64_t sequences_ = 0;        // in the step under way
  std::int64_t resident_tokens_ = 0;  // while it lasts
  std::size_t decoding_ = 0;          // of its sequences
  bool chunk_ = false;                // there is one in it
  bool held_back_ = false;            // it is, by a limit of power,
  std::int64_t slow_milli_ = 1000;    // and takes so many thousandths of its time
  std::int64_t above_mw_ = 0;         // that it draws more than idle, where power is stated
  // Of those that were preempted, or came with tokens from elsewhere.
  std::unordered_map<RequestId, std::int64_t> last_token_ps_;
  std::unordered_map<RequestId, std::uint16_t> first_site_;  // of the latter
  LateGaps late_gaps_;
};

}  // namespace tokenlift
