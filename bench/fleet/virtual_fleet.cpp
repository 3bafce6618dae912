#include "bench/fleet/virtual_fleet.hpp"

#include <algorithm>
#include <cassert>
#include <deque>
#include <memory_resource>
#include <numeric>
#include <optional>
#include <type_traits>
#include <unordered_map>

#include "bench/fleet/jump_replica.hpp"
#include "bench/fleet/mail.hpp"
#include "bench/fleet/roster.hpp"
#include "bench/fleet/step_replica.hpp"
#include "bench/fleet/tournament.hpp"
#include "bench/fleet/training_jobs.hpp"
#include "bench/machine/huge_pages.hpp"
#include "bench/machine/prefetch.hpp"
#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift {

namespace {

/// Visits that reading from memory takes, about.
constexpr std::size_t kAhead = 5;
constexpr std::size_t kFarAhead = 32;  // where there is less to do between two of them
constexpr std::size_t kMostInInbox = 65'536;
constexpr std::size_t kTurn = 8;  // replicas side by side in one shard: no shared cache lines

Newcomer newcomer(const Work& work, std::int64_t now_ns) {
  return {work.id, work.cell, work.prompt_tokens, work.output_tokens, now_ns};
}

RequestContext context_of(const Work& work) {
  RequestContext its{work.prefix, work.announce, std::nullopt, work.stream};
  if (work.progress != nullptr) its.progress = *work.progress;
  return its;
}

/// Advances a replica up to `until_ns`; what it says has its number then. One that was to go when
/// it is empty is gone with its last request. Returns what advance() does.
template <typename VirtualReplica>
std::int64_t advance_replica(std::uint32_t number, std::int64_t until_ns, VirtualReplica& replica,
                             Roster& roster, TokenRecord& record, std::vector<News>& news) {
  const std::size_t before = news.size();
  const std::int64_t next_ns = replica.advance(until_ns, record, news);
  for (std::size_t i = before; i < news.size(); ++i) news[i].replica = number;
  if (next_ns == kNever && news.size() > before && roster.leaving(number)) {
    roster.gone(number, news.back().at_ns - roster.model_of(number).back_ns, record);
  }
  return next_ns;
}

/// Does to a replica what a change says. What becomes of the requests there is news.
template <typename VirtualReplica>
void change_replica(const ReplicaChange& change, std::int64_t now_ns, VirtualReplica& replica,
                    Roster& roster, TokenRecord& record, std::vector<News>& news,
                    std::unordered_map<RequestId, Progress>& returned) {
  switch (change.kind) {
    case ReplicaChange::Kind::serve:
      if (!roster.leaving(change.replica)) replica.forget();
      roster.serve(change.replica, now_ns);
      return;
    case ReplicaChange::Kind::pace:
      roster.set_pace(change);
      replica.set_model(roster.model_now(change.replica), now_ns, record);
      return;
    case ReplicaChange::Kind::leave:
    case ReplicaChange::Kind::fail:
      break;
  }
  if (change.in_flight == InFlight::finish && !replica.empty()) {
    roster.leave(change.replica);
    return;
  }
  std::vector<Withdrawn> gone;
  replica.withdraw(now_ns, record, gone);
  roster.gone(change.replica, now_ns, record);
  for (const Withdrawn& request : gone) {
    news.push_back(
        lost_request(change, now_ns, request.id, request.progress, request.computed_tokens));
    if (news.back().kind == NewsKind::returned) returned[request.id] = request.progress;
  }
}

/// Memory of the replicas that one worker at a time advances: the batches of a large fleet lie on
/// huge pages.
class BatchMemory {
 public:
  std::pmr::memory_resource* resource() { return &pool_; }

 private:
  HugePages pages_;
  std::pmr::monotonic_buffer_resource buffer_{&pages_};
  // Small chunks: what does not fit at the end of a buffer is lost.
  std::pmr::unsynchronized_pool_resource pool_{{.max_blocks_per_chunk = 256}, &buffer_};
};

/// They step, and so know of each token.
template <typename VirtualReplica>
constexpr bool kStreams = std::is_same_v<VirtualReplica, StepReplica>;

/// Replicas of which the loop learns everything at once.
template <typename VirtualReplica>
class ExactFleet final : public Fleet {
 public:
  ExactFleet(const Scenario& scenario, const RecordingGrid& grid)
      : roster_(scenario),
        next_ns_(roster_.replicas(), kNever),
        record_(grid),
        jobs_(scenario, roster_.power(), record_) {
    roster_.for_each(
        [&](const SiteModel& model) { replicas_.emplace_back(model, memory_.resource()); });
  }

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    assert((kStreams<VirtualReplica> || !work.stream) && "who jumps knows no tokens");
    VirtualReplica& there = replicas_[replica];
    const std::int64_t at_ns =
        roster_.distant() ? now_ns + roster_.model_of(replica).out_ns : now_ns;
    const RequestContext its = context_of(work);
    const std::int64_t bound_ns =
        its.any() ? there.submit(newcomer(work, at_ns), its) : there.submit(newcomer(work, at_ns));
    note(replica, std::min(next_ns_[replica], bound_ns));
  }

  std::int64_t next_event_ns() const override {
    const std::int64_t next_ns =
        std::min({next_ns_.least(), mail_.next_ns(), roster_.power().next_ns()});
    return changed_.empty() ? next_ns : std::min(next_ns, changed_.back().at_ns);
  }

  std::span<const News> advance(std::int64_t until_ns) override {
    news_.clear();
    news_.swap(changed_);
    if (news_.empty()) returned_.clear();
    control_until(until_ns);
    while (next_ns_.least() <= until_ns) visit(next_ns_.winner(), until_ns);
    if (roster_.distant()) {
      mail_.deliver(until_ns, news_);
    } else {
      sort_news(news_);
    }
    return news_;
  }

  void apply(const ReplicaChange& change, std::int64_t now_ns) override {
    VirtualReplica& replica = replicas_[change.replica];
    news_.clear();
    control_until(now_ns);
    if (change.job) {
      jobs_.apply(change, now_ns, roster_.power(), record_);
    } else {
      visit(change.replica, now_ns);
      change_replica(change, now_ns, replica, roster_, record_, news_, returned_);
      visit(change.replica, now_ns);  // when something may complete there is another instant now
    }
    changed_.insert(changed_.end(), news_.begin(), news_.end());
  }

  std::int64_t job_border_ns(std::size_t job, std::int64_t now_ns) override {
    news_.clear();
    control_until(now_ns);
    changed_.insert(changed_.end(), news_.begin(), news_.end());
    return jobs_.border_ns(job, now_ns, roster_.power(), record_);
  }

  void borders_moved() override { record_.borders_moved(); }

  void cancel(RequestId id, std::uint32_t number, std::int64_t now_ns) override {
    if constexpr (kStreams<VirtualReplica>) {
      VirtualReplica& replica = replicas_[number];
      news_.clear();
      control_until(now_ns);
      visit(number, now_ns);
      const std::size_t before = news_.size();
      replica.cancel(id, now_ns, news_);
      for (std::size_t i = before; i < news_.size(); ++i) news_[i].replica = number;
      if (replica.empty() && roster_.leaving(number)) roster_.gone(number, now_ns, record_);
      visit(number, now_ns);
      changed_.insert(changed_.end(), news_.begin(), news_.end());
    } else {
      Fleet::cancel(id, number, now_ns);
    }
  }

  const Progress& progress(RequestId id) const override { return returned_.at(id); }

  std::int64_t queued_tokens(std::int64_t now_ns) override {
    news_.clear();
    control_until(now_ns);
    std::int64_t sum = 0;
    for (std::uint32_t i = 0; i < replicas_.size(); ++i) {
      visit(i, now_ns);
      sum += replicas_[i].queued_tokens();
    }
    changed_.insert(changed_.end(), news_.begin(), news_.end());
    return sum;
  }

  CacheUse cache_use() const override {
    CacheUse use;
    if constexpr (kStreams<VirtualReplica>) {
      for (std::uint32_t i = 0; i < replicas_.size(); ++i) {
        use.resident_tokens += replicas_[i].resident_tokens();
        if (roster_.since_ns(i) != kNever) {
          use.room_tokens += roster_.model_of(i).limits.kv_tokens;
        }
      }
      use.prompts = record_.prompts();
    }
    return use;
  }

  void add_so_far(std::int64_t now_ns, TokenRecord& record) const override {
    record.merge(record_);
    for (const VirtualReplica& replica : replicas_) replica.cut(now_ns, record);
    roster_.stop(now_ns, record);
    TrainingJobs jobs = jobs_;  // they go on
    jobs.advance(now_ns, roster_.power(), record);
    roster_.power().stop(now_ns, record.draws());
  }

  void stop(std::int64_t end_ns, TokenRecord& record) override {
    control_until(end_ns);
    for (VirtualReplica& replica : replicas_) replica.advance(end_ns, record_, news_);
    add_so_far(end_ns, record);
  }

 private:
  /// Sites are held to their limits of power, at each control instant up to now.
  void control_until(std::int64_t until_ns) {
    roster_.power().control_until(
        until_ns, [&](std::size_t site, std::int64_t at_ns) { control(site, at_ns); });
  }
  void control(std::size_t site, std::int64_t at_ns) {
    SiteView view = roster_.power().view_of(site);
    jobs_.advance_on(site, at_ns, roster_.power(), record_);
    jobs_.add_to(site, view);
    const auto [begin, end] = roster_.range_of(site);
    for (std::uint32_t i = begin; i < end; ++i) {
      visit(i, at_ns);
      const std::int64_t since_ns = roster_.since_ns(i);
      if (since_ns != kNever) view.add(replicas_[i].draw(), at_ns, since_ns);
    }
    DrawnSoFar drawn;
    drawn.add(record_.draws(), site);
    if (!roster_.power().control(site, view, drawn, record_.draws())) return;
    for (std::uint32_t i = begin; i < end; ++i) {
      replicas_[i].set_model(roster_.model_now(i), at_ns, record_);
      visit(i, at_ns);
    }
  }
  void visit(std::uint32_t replica, std::int64_t until_ns) {
    note(replica, advance_replica(replica, until_ns, replicas_[replica], roster_, record_, news_));
  }
  void note(std::uint32_t replica, std::int64_t next_ns) {
    if (next_ns != next_ns_[replica]) next_ns_.set(replica, next_ns);
  }

  Roster roster_;
  BatchMemory memory_;
  std::deque<VirtualReplica> replicas_;
  Tournament<std::int64_t> next_ns_;
  TokenRecord record_;
  TrainingJobs jobs_;
  Mail mail_;
  std::vector<News> news_;
  std::vector<News> changed_;  // by changes, since the last advance()
  std::unordered_map<RequestId, Progress> returned_;
};

/// Replicas that report at multiples of an interval, and run side by side in between. A replica is
/// visited when somebody may complete there, and not before: touching one of so many means waiting
/// for memory.
template <typename VirtualReplica>
class ReportingFleet final : public Fleet {
 public:
  ReportingFleet(const Scenario& scenario, const RecordingGrid& grid, Workers& workers)
      : roster_(scenario),
        replicas_(&memory_),
        workers_(workers),
        interval_ns_(scenario.fleet.load_report_interval_ns),
        end_ns_(scenario.run.duration_ns + scenario.run.cooldown_max_ns) {
    next_ns_.assign(roster_.replicas(), kNever);
    for (std::size_t i = 0; i < workers.count(); ++i) shards_.emplace_back(grid);
    jobs_.emplace(scenario, roster_.power(), shards_[0].record);
    replicas_.reserve(roster_.replicas());
    roster_.for_each([&](const SiteModel& model) {
      replicas_.emplace_back(model, shard_of(replicas_.size()).memory.resource());
    });
  }

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    Shard& shard = shard_of(replica);
    if (shard.inbox.size() == kMostInInbox) deliver(shard);  // a lift lets many in at one instant
    const std::int64_t at_ns =
        roster_.distant() ? now_ns + roster_.model_of(replica).out_ns : now_ns;
    shard.inbox.push_back({newcomer(work, at_ns), replica, shard.note(context_of(work))});
    if (outstanding_++ == 0) report_ns_ = kNever;  // what was planned may be long ago
    report_after(now_ns);
  }

  std::int64_t next_event_ns() const override {
    return outstanding_ == 0 ? kNever : std::min(report_ns_, end_ns_);
  }

  std::span<const News> advance(std::int64_t until_ns) override {
    news_.clear();
    if (until_ns < next_event_ns()) return news_;
    control_until(until_ns);
    workers_.run(shards_.size(), [&](std::size_t shard) { advance(shard, until_ns); });
    for (const Shard& shard : shards_) {
      merged_.resize(news_.size() + shard.news.size());
      std::merge(news_.begin(), news_.end(), shard.news.begin(), shard.news.end(), merged_.begin(),
                 earlier);
      news_.swap(merged_);
    }
    if (roster_.distant()) mail_.deliver(until_ns, news_);
    plan_report(until_ns);
    outstanding_ -= std::ranges::count_if(
        news_, [](const News& news) { return news.kind != NewsKind::started; });
    reported_.swap(returned_);
    returned_.clear();
    return news_;
  }

  void apply(const ReplicaChange& change, std::int64_t now_ns) override {
    Shard& shard = shard_of(change.replica);
    VirtualReplica& replica = replicas_[change.replica];
    control_until(now_ns);
    if (change.job) {
      jobs_->apply(change, now_ns, roster_.power(), shards_[0].record);
    } else {
      deliver(shard);
      visit(shard, change.replica, now_ns, shard.changed);
      change_replica(change, now_ns, replica, roster_, shard.record, shard.changed, returned_);
      visit(shard, change.replica, now_ns, shard.changed);
    }
    report_after(now_ns);
  }

  std::int64_t job_border_ns(std::size_t job, std::int64_t now_ns) override {
    control_until(now_ns);
    report_after(now_ns);
    return jobs_->border_ns(job, now_ns, roster_.power(), shards_[0].record);
  }

  const Progress& progress(RequestId id) const override { return reported_.at(id); }

  std::int64_t queued_tokens(std::int64_t now_ns) override {
    control_until(now_ns);
    std::vector<std::int64_t> sums(shards_.size());
    workers_.run(shards_.size(), [&](std::size_t i) {
      deliver(shards_[i]);
      for_each_replica(i, [&](std::uint32_t replica) {
        visit(shards_[i], replica, now_ns, shards_[i].changed);
        sums[i] += replicas_[replica].queued_tokens();
      });
    });
    report_after(now_ns);
    return std::accumulate(sums.begin(), sums.end(), std::int64_t{0});
  }

  void stop(std::int64_t end_ns, TokenRecord& record) override {
    control_until(end_ns);
    // What completes between the last report and an early end is not reported any more.
    workers_.run(shards_.size(), [&](std::size_t i) {
      Shard& shard = shards_[i];
      deliver(shard);
      for_each_replica(i, [&](std::uint32_t replica) {
        visit(shard, replica, end_ns, shard.news);
        replicas_[replica].cut(end_ns, shard.record);
      });
    });
    roster_.stop(end_ns, record);
    jobs_->advance(end_ns, roster_.power(), shards_[0].record);
    for (const Shard& shard : shards_) record.merge(shard.record);
    roster_.power().stop(end_ns, record.draws());
  }

 private:
  struct Submission {
    Newcomer newcomer;
    std::uint32_t replica = 0;
    std::uint32_t context = 0;  // where it is in the shard, from 1 on; 0: none
  };
  /// What belongs to the replicas that one worker at a time advances.
  struct Shard {
    explicit Shard(const RecordingGrid& grid) : record(grid) {}
    std::uint32_t note(const RequestContext& its) {
      if (!its.any()) return 0;
      contexts.push_back(its);
      return static_cast<std::uint32_t>(contexts.size());
    }

    BatchMemory memory;
    TokenRecord record;
    std::vector<Submission> inbox;         // since the last report
    std::vector<RequestContext> contexts;  // of some of these
    std::vector<std::uint32_t> due;
    std::vector<News> news;
    std::vector<News> changed;      // when replicas changed, since the last report
    std::int64_t next_ns = kNever;  // when something may complete, once it was advanced
  };

  /// There may be news at the first report after `now_ns`.
  void report_after(std::int64_t now_ns) {
    report_ns_ = std::min(report_ns_, (now_ns / interval_ns_ + 1) * interval_ns_);
  }
  /// The next report is the first one after `now_ns` at which something may have completed: those
  /// before it would be empty, and there may be a billion a second of them.
  void plan_report(std::int64_t now_ns) {
    // At a control instant replicas may be let go, and then complete earlier than they said.
    std::int64_t next_ns = std::min(mail_.next_ns(), roster_.power().next_ns());
    for (const Shard& shard : shards_) next_ns = std::min(next_ns, shard.next_ns);
    report_ns_ = kNever;
    if (next_ns < end_ns_) report_after(std::max(next_ns - 1, now_ns));
  }

  /// Shards have their replicas in turns, so that each has its part of every site.
  Shard& shard_of(std::size_t replica) { return shards_[replica / kTurn % shards_.size()]; }
  template <typename Visit>
  void for_each_replica(std::size_t shard, Visit visit) const {
    for (std::size_t begin = shard * kTurn; begin < next_ns_.size();
         begin += shards_.size() * kTurn) {
      const std::size_t end = std::min(begin + kTurn, next_ns_.size());
      for (std::size_t i = begin; i < end; ++i) visit(static_cast<std::uint32_t>(i));
    }
  }

  /// From the inbox to the replicas.
  void deliver(Shard& shard) {
    const std::vector<Submission>& inbox = shard.inbox;
    for (std::size_t i = 0; i < inbox.size(); ++i) {
      if (i + kFarAhead < inbox.size()) {
        const std::uint32_t ahead = inbox[i + kFarAhead].replica;
        __builtin_prefetch(&replicas_[ahead], 1);
        __builtin_prefetch(&next_ns_[ahead], 1);
        replicas_[inbox[i + kFarAhead / 2].replica].prefetch_line();
      }
      const auto& [newcomer, replica, its] = inbox[i];
      const std::int64_t bound_ns =
          its == 0 ? replicas_[replica].submit(newcomer)
                   : replicas_[replica].submit(newcomer, shard.contexts[its - 1]);
      next_ns_[replica] = std::min(next_ns_[replica], bound_ns);
    }
    shard.inbox.clear();
    shard.contexts.clear();
  }

  /// Sites are held to their limits of power, at each control instant up to now.
  void control_until(std::int64_t until_ns) {
    roster_.power().control_until(
        until_ns, [&](std::size_t site, std::int64_t at_ns) { control(site, at_ns); });
  }
  void control(std::size_t site, std::int64_t at_ns) {
    FleetPower& power = roster_.power();
    const auto range = roster_.range_of(site);
    std::vector<SiteView> views(shards_.size(), power.view_of(site));
    jobs_->advance_on(site, at_ns, power, shards_[0].record);
    jobs_->add_to(site, views[0]);
    workers_.run(shards_.size(), [&](std::size_t i) {
      deliver(shards_[i]);
      for_each_replica(i, [&](std::uint32_t replica) {
        if (replica < range.first || replica >= range.second) return;
        visit(shards_[i], replica, at_ns, shards_[i].changed);
        const std::int64_t since_ns = roster_.since_ns(replica);
        if (since_ns != kNever) views[i].add(replicas_[replica].draw(), at_ns, since_ns);
      });
    });
    DrawnSoFar drawn;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      drawn.add(shards_[i].record.draws(), site);
      if (i > 0) views[0].merge(views[i]);
    }
    if (!power.control(site, views[0], drawn, shards_[0].record.draws())) return;
    for (std::uint32_t i = range.first; i < range.second; ++i) {
      Shard& shard = shard_of(i);
      replicas_[i].set_model(roster_.model_now(i), at_ns, shard.record);
      visit(shard, i, at_ns, shard.changed);
    }
  }

  void visit(Shard& shard, std::uint32_t number, std::int64_t until_ns, std::vector<News>& news) {
    next_ns_[number] =
        advance_replica(number, until_ns, replicas_[number], roster_, shard.record, news);
  }

  void advance(std::size_t number, std::int64_t until_ns) {
    Shard& shard = shards_[number];
    deliver(shard);
    shard.due.clear();
    shard.next_ns = kNever;
    for_each_replica(number, [&](std::uint32_t replica) {
      if (next_ns_[replica] <= until_ns) {
        shard.due.push_back(replica);
      } else {
        shard.next_ns = std::min(shard.next_ns, next_ns_[replica]);
      }
    });
    shard.news.clear();
    shard.news.swap(shard.changed);
    // What a visit reads lies anywhere in memory: it is fetched some visits ahead, step by step.
    const std::vector<std::uint32_t>& due = shard.due;
    for (std::size_t i = 0; i < due.size(); ++i) {
      if (i + 3 * kAhead < due.size())
        prefetch(&replicas_[due[i + 3 * kAhead]], sizeof(VirtualReplica));
      if (i + 2 * kAhead < due.size()) replicas_[due[i + 2 * kAhead]].prefetch_batch();
      if (i + kAhead < due.size()) replicas_[due[i + kAhead]].prefetch_places();
      visit(shard, due[i], until_ns, shard.news);
    }
    for (const std::uint32_t replica : due) {
      shard.next_ns = std::min(shard.next_ns, next_ns_[replica]);
    }
    std::stable_sort(shard.news.begin(), shard.news.end(), earlier);
  }

  Roster roster_;
  HugePages memory_;
  std::deque<Shard> shards_;          // before the replicas, which use their memory
  std::optional<TrainingJobs> jobs_;  // they record in the first shard
  std::pmr::vector<VirtualReplica> replicas_;
  std::vector<std::int64_t> next_ns_;  // by replica, side by side: all are looked at in each report
  Workers& workers_;
  std::int64_t interval_ns_;
  std::int64_t end_ns_;
  std::int64_t report_ns_ = kNever;
  std::int64_t outstanding_ = 0;
  Mail mail_;
  std::vector<News> news_;
  std::vector<News> merged_;
  std::unordered_map<RequestId, Progress> returned_;  // since the last report
  std::unordered_map<RequestId, Progress> reported_;  // in it
};

template <typename VirtualReplica>
std::unique_ptr<Fleet> make_fleet(const Scenario& scenario, const RecordingGrid& grid,
                                  Workers& workers) {
  if (scenario.fleet.load_report_interval_ns == 0) {
    return std::make_unique<ExactFleet<VirtualReplica>>(scenario, grid);
  }
  return std::make_unique<ReportingFleet<VirtualReplica>>(scenario, grid, workers);
}

}  // namespace

std::unique_ptr<Fleet> make_virtual_fleet(const Scenario& scenario, const RecordingGrid& grid,
                                          Workers& workers, Stepping stepping) {
  return stepping == Stepping::jump ? make_fleet<JumpReplica>(scenario, grid, workers)
                                    : make_fleet<StepReplica>(scenario, grid, workers);
}

}  // namespace tokenlift
