#include "bench/fleet/virtual_fleet.hpp"

#include <algorithm>
#include <cassert>
#include <deque>
#include <limits>
#include <memory_resource>

#include "bench/fleet/jump_replica.hpp"
#include "bench/fleet/step_replica.hpp"
#include "bench/fleet/tournament.hpp"
#include "bench/machine/huge_pages.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift {

namespace {

/// Visits that reading from memory takes, about.
constexpr std::size_t kAhead = 5;
constexpr std::size_t kFarAhead = 32;  // where there is less to do between two of them
constexpr std::size_t kMostInInbox = 65'536;
constexpr std::size_t kTurn = 8;  // replicas side by side in one shard: no shared cache lines

template <typename Object>
void prefetch_object(const Object& object) {
  const auto* begin = reinterpret_cast<const char*>(&object);
  for (std::size_t at = 0; at < sizeof(Object); at += kCacheLine) __builtin_prefetch(begin + at);
}

template <typename News>
void sort(std::vector<News>& news) {
  if (news.size() > 1) std::stable_sort(news.begin(), news.end(), earlier);
}

Newcomer newcomer(const Work& work, std::int64_t now_ns) {
  return {work.id, work.cell, work.prompt_tokens, work.output_tokens, now_ns};
}

PrefixInfo prefix_info(const Work& work) {
  return {work.prefix, work.announce};
}

std::vector<SiteModel> site_models(const Scenario& scenario) {
  std::vector<SiteModel> models;
  for (const Site& site : scenario.fleet.sites) {
    const auto profile = std::find_if(scenario.profiles.begin(), scenario.profiles.end(),
                                      [&](const Profile& p) { return p.name == site.profile; });
    assert(profile != scenario.profiles.end() && profile->cost && "the reader saw to it");
    models.emplace_back(ReplicaLimits{site.max_batch, site.max_step_tokens, site.kv_tokens,
                                      site.prefix_cache_tokens},
                        price_of(*profile));
  }
  return models;
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

/// Replicas of which the loop learns everything at once.
template <typename VirtualReplica>
class ExactFleet final : public Fleet {
 public:
  ExactFleet(const Scenario& scenario, const RecordingGrid& grid)
      : models_(site_models(scenario)),
        next_ns_(static_cast<std::size_t>(replica_count(scenario)), kNever),
        record_(grid) {
    for (std::size_t site = 0; site < models_.size(); ++site) {
      for (std::int64_t i = 0; i < scenario.fleet.sites[site].replicas; ++i) {
        replicas_.emplace_back(models_[site], memory_.resource());
      }
    }
  }

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    VirtualReplica& there = replicas_[replica];
    const PrefixInfo its = prefix_info(work);
    const std::int64_t bound_ns = its.any() ? there.submit(newcomer(work, now_ns), its)
                                            : there.submit(newcomer(work, now_ns));
    note(replica, std::min(next_ns_[replica], bound_ns));
  }

  std::int64_t next_event_ns() const override { return next_ns_.least(); }

  std::span<const Completion> advance(std::int64_t until_ns) override {
    done_.clear();
    starts_.clear();
    while (next_ns_.least() <= until_ns) {
      const std::uint32_t replica = next_ns_.winner();
      const std::size_t before = done_.size();
      note(replica, replicas_[replica].advance(until_ns, record_, done_));
      for (std::size_t i = before; i < done_.size(); ++i) {
        assert(done_[i].last_token_ns == until_ns && "nobody completes before the replica's bound");
        done_[i].replica = replica;
      }
      replicas_[replica].take_starts(replica, starts_);
    }
    sort(done_);
    sort(starts_);
    return done_;
  }

  std::span<const Start> starts() const override { return starts_; }

  void stop(std::int64_t end_ns, TokenRecord& record) override {
    for (VirtualReplica& replica : replicas_) {
      replica.advance(end_ns, record_, done_);
      replica.cut(end_ns, record_);
    }
    record.merge(record_);
  }

 private:
  void note(std::uint32_t replica, std::int64_t next_ns) {
    if (next_ns != next_ns_[replica]) next_ns_.set(replica, next_ns);
  }

  std::vector<SiteModel> models_;
  BatchMemory memory_;
  std::deque<VirtualReplica> replicas_;
  Tournament<std::int64_t> next_ns_;
  TokenRecord record_;
  std::vector<Completion> done_;
  std::vector<Start> starts_;
};

/// Replicas that report at multiples of an interval, and run side by side in between. A replica is
/// visited when somebody may complete there, and not before: touching one of so many means waiting
/// for memory.
template <typename VirtualReplica>
class ReportingFleet final : public Fleet {
 public:
  ReportingFleet(const Scenario& scenario, const RecordingGrid& grid, Workers& workers)
      : models_(site_models(scenario)),
        replicas_(&memory_),
        workers_(workers),
        interval_ns_(scenario.fleet.load_report_interval_ns),
        end_ns_(scenario.run.duration_ns + scenario.run.cooldown_max_ns) {
    const auto replicas = static_cast<std::size_t>(replica_count(scenario));
    next_ns_.assign(replicas, kNever);
    for (std::size_t i = 0; i < workers.count(); ++i) shards_.emplace_back(grid);
    replicas_.reserve(replicas);
    for (std::size_t site = 0; site < models_.size(); ++site) {
      for (std::int64_t i = 0; i < scenario.fleet.sites[site].replicas; ++i) {
        replicas_.emplace_back(models_[site], shard_of(replicas_.size()).memory.resource());
      }
    }
  }

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    Shard& shard = shard_of(replica);
    if (shard.inbox.size() == kMostInInbox) deliver(shard);  // a lift lets many in at one instant
    shard.inbox.push_back({newcomer(work, now_ns), replica, shard.note(prefix_info(work))});
    if (outstanding_++ == 0) report_ns_ = (now_ns / interval_ns_ + 1) * interval_ns_;
  }

  std::int64_t next_event_ns() const override {
    return outstanding_ == 0 ? kNever : std::min(report_ns_, end_ns_);
  }

  std::span<const Completion> advance(std::int64_t until_ns) override {
    done_.clear();
    starts_.clear();
    if (until_ns < next_event_ns()) return done_;
    report_ns_ = (until_ns / interval_ns_ + 1) * interval_ns_;
    workers_.run(shards_.size(), [&](std::size_t shard) { advance(shard, until_ns); });
    for (const Shard& shard : shards_) {
      merged_.resize(done_.size() + shard.done.size());
      std::merge(done_.begin(), done_.end(), shard.done.begin(), shard.done.end(), merged_.begin(),
                 earlier);
      done_.swap(merged_);
      starts_.insert(starts_.end(), shard.starts.begin(), shard.starts.end());
    }
    sort(starts_);
    outstanding_ -= static_cast<std::int64_t>(done_.size());
    return done_;
  }

  std::span<const Start> starts() const override { return starts_; }

  void stop(std::int64_t end_ns, TokenRecord& record) override {
    // What completes between the last report and an early end is not reported any more.
    workers_.run(shards_.size(), [&](std::size_t i) {
      Shard& shard = shards_[i];
      deliver(shard);
      for_each_replica(i, [&](std::uint32_t replica) {
        visit(shard, replica, end_ns);
        replicas_[replica].cut(end_ns, shard.record);
      });
    });
    for (const Shard& shard : shards_) record.merge(shard.record);
  }

 private:
  struct Submission {
    Newcomer newcomer;
    std::uint32_t replica;
    std::uint32_t prefix_info;  // where they are in the shard, from 1 on; 0: none
  };
  /// What belongs to the replicas that one worker at a time advances.
  struct Shard {
    explicit Shard(const RecordingGrid& grid) : record(grid) {}
    std::uint32_t note(const PrefixInfo& its) {
      if (!its.any()) return 0;
      prefix_info.push_back(its);
      return static_cast<std::uint32_t>(prefix_info.size());
    }

    BatchMemory memory;
    TokenRecord record;
    std::vector<Submission> inbox;        // since the last report
    std::vector<PrefixInfo> prefix_info;  // of some of these
    std::vector<std::uint32_t> due;
    std::vector<Completion> done;
    std::vector<Start> starts;
  };

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
                   : replicas_[replica].submit(newcomer, shard.prefix_info[its - 1]);
      next_ns_[replica] = std::min(next_ns_[replica], bound_ns);
    }
    shard.inbox.clear();
    shard.prefix_info.clear();
  }

  void visit(Shard& shard, std::uint32_t number, std::int64_t until_ns) {
    VirtualReplica& replica = replicas_[number];
    const std::size_t before = shard.done.size();
    next_ns_[number] = replica.advance(until_ns, shard.record, shard.done);
    for (std::size_t i = before; i < shard.done.size(); ++i) shard.done[i].replica = number;
    replica.take_starts(number, shard.starts);
  }

  void advance(std::size_t number, std::int64_t until_ns) {
    Shard& shard = shards_[number];
    deliver(shard);
    shard.due.clear();
    for_each_replica(number, [&](std::uint32_t replica) {
      if (next_ns_[replica] <= until_ns) shard.due.push_back(replica);
    });
    shard.done.clear();
    shard.starts.clear();
    // What a visit reads lies anywhere in memory: it is fetched some visits ahead, step by step.
    const std::vector<std::uint32_t>& due = shard.due;
    for (std::size_t i = 0; i < due.size(); ++i) {
      if (i + 3 * kAhead < due.size()) prefetch_object(replicas_[due[i + 3 * kAhead]]);
      if (i + 2 * kAhead < due.size()) replicas_[due[i + 2 * kAhead]].prefetch_batch();
      if (i + kAhead < due.size()) replicas_[due[i + kAhead]].prefetch_places();
      visit(shard, due[i], until_ns);
    }
    std::stable_sort(shard.done.begin(), shard.done.end(), earlier);
  }

  std::vector<SiteModel> models_;
  HugePages memory_;
  std::deque<Shard> shards_;  // before the replicas, which use their memory
  std::pmr::vector<VirtualReplica> replicas_;
  std::vector<std::int64_t> next_ns_;  // by replica, side by side: all are looked at in each report
  Workers& workers_;
  std::int64_t interval_ns_;
  std::int64_t end_ns_;
  std::int64_t report_ns_ = kNever;
  std::int64_t outstanding_ = 0;
  std::vector<Completion> done_;
  std::vector<Completion> merged_;
  std::vector<Start> starts_;
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
