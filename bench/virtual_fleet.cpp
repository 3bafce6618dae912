#include "bench/virtual_fleet.hpp"

#include <algorithm>
#include <cassert>
#include <deque>
#include <limits>
#include <memory_resource>
#include <tuple>

#include "bench/huge_pages.hpp"
#include "bench/jump_replica.hpp"
#include "bench/step_replica.hpp"
#include "bench/tournament.hpp"
#include "workloads/plan.hpp"

namespace tokenlift {

namespace {

/// Visits that reading from memory takes, about.
constexpr std::size_t kAhead = 3;
constexpr std::size_t kCacheLine = 64;

template <typename Object>
void prefetch_object(const Object& object) {
  const auto* begin = reinterpret_cast<const char*>(&object);
  for (std::size_t at = 0; at < sizeof(Object); at += kCacheLine) __builtin_prefetch(begin + at);
}

/// The newcomers of many replicas in one pool: each replica's chain is one number. The latest
/// stands first, so that appending touches no other link.
class Newcomers {
 public:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  void add(std::uint32_t& chain, const Newcomer& newcomer) {
    std::uint32_t link = static_cast<std::uint32_t>(links_.size());
    if (free_ == kNone) {
      links_.push_back({newcomer, chain});
    } else {
      link = free_;
      free_ = links_[link].next;
      links_[link] = {newcomer, chain};
    }
    chain = link;
  }
  /// Empties the chain. The span is good until the next call; the earliest comes first.
  std::span<const Newcomer> take(std::uint32_t& chain) {
    taken_.clear();
    while (chain != kNone) {
      Link& link = links_[chain];
      taken_.push_back(link.newcomer);
      const std::uint32_t next = link.next;
      link.next = free_;
      free_ = chain;
      chain = next;
    }
    std::reverse(taken_.begin(), taken_.end());
    return taken_;
  }
  void prefetch(std::uint32_t chain) const {
    if (chain != kNone) __builtin_prefetch(&links_[chain]);
  }

 private:
  struct Link {
    Newcomer newcomer;
    std::uint32_t next;
  };
  std::vector<Link> links_;
  std::uint32_t free_ = kNone;
  std::vector<Newcomer> taken_;
};

bool earlier(const Completion& a, const Completion& b) {
  return std::tie(a.last_token_ns, a.replica) < std::tie(b.last_token_ns, b.replica);
}

Newcomer newcomer(const Work& work, std::int64_t now_ns) {
  return {work.id, work.cell, work.prompt_tokens, work.output_tokens, now_ns};
}

std::vector<SiteModel> site_models(const Scenario& scenario) {
  std::vector<SiteModel> models;
  for (const Site& site : scenario.fleet.sites) {
    const auto profile = std::find_if(scenario.profiles.begin(), scenario.profiles.end(),
                                      [&](const Profile& p) { return p.name == site.profile; });
    assert(profile != scenario.profiles.end() && profile->cost && "the reader saw to it");
    models.emplace_back(ReplicaLimits{site.max_batch, site.max_step_tokens, site.kv_tokens},
                        *profile->cost);
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
  std::pmr::unsynchronized_pool_resource pool_{&buffer_};
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
    replicas_[replica].submit(newcomer(work, now_ns));
    note(replica);
  }

  std::int64_t next_event_ns() const override { return next_ns_.least(); }

  std::span<const Completion> advance(std::int64_t until_ns) override {
    done_.clear();
    while (next_ns_.least() <= until_ns) {
      const std::uint32_t replica = next_ns_.winner();
      const std::size_t before = done_.size();
      replicas_[replica].advance(until_ns, record_, done_);
      for (std::size_t i = before; i < done_.size(); ++i) done_[i].replica = replica;
      note(replica);
    }
    if (done_.size() > 1) std::stable_sort(done_.begin(), done_.end(), earlier);
    return done_;
  }

  void stop(std::int64_t end_ns, TokenRecord& record) override {
    for (VirtualReplica& replica : replicas_) {
      replica.advance(end_ns, record_, done_);
      replica.cut(end_ns, record_);
    }
    record.merge(record_);
  }

 private:
  void note(std::uint32_t replica) {
    const std::int64_t next_ns = replicas_[replica].next_ns();
    if (next_ns != next_ns_[replica]) next_ns_.set(replica, next_ns);
  }

  std::vector<SiteModel> models_;
  BatchMemory memory_;
  std::deque<VirtualReplica> replicas_;
  Tournament<std::int64_t> next_ns_;
  TokenRecord record_;
  std::vector<Completion> done_;
};

/// Replicas that report at multiples of an interval, and run side by side in between. A replica is
/// visited when somebody may complete there, and not before: requests for it are kept until then in
/// a chain of its own, because touching one of so many replicas means waiting for memory.
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
    chains_.assign(replicas, Newcomers::kNone);
    const std::size_t shards = std::min(workers.count(), replicas);
    per_shard_ = (replicas + shards - 1) / shards;
    for (std::size_t begin = 0; begin < replicas; begin += per_shard_) {
      shards_.emplace_back(grid, begin, std::min(begin + per_shard_, replicas));
    }
    replicas_.reserve(replicas);
    for (std::uint32_t site = 0; site < models_.size(); ++site) {
      for (std::int64_t i = 0; i < scenario.fleet.sites[site].replicas; ++i) {
        site_of_.push_back(site);
        replicas_.emplace_back(models_[site],
                               shards_[replicas_.size() / per_shard_].memory.resource());
      }
    }
  }

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    shards_[replica / per_shard_].newcomers.add(chains_[replica], newcomer(work, now_ns));
    const std::int64_t least_ns =
        models_[site_of_[replica]].least_service_ns(work.prompt_tokens, work.output_tokens);
    next_ns_[replica] = std::min(next_ns_[replica], now_ns + least_ns);
    if (outstanding_++ == 0) report_ns_ = (now_ns / interval_ns_ + 1) * interval_ns_;
  }

  std::int64_t next_event_ns() const override {
    return outstanding_ == 0 ? kNever : std::min(report_ns_, end_ns_);
  }

  std::span<const Completion> advance(std::int64_t until_ns) override {
    done_.clear();
    if (until_ns < next_event_ns()) return done_;
    report_ns_ = (until_ns / interval_ns_ + 1) * interval_ns_;
    workers_.run(shards_.size(), [&](std::size_t shard) { advance(shards_[shard], until_ns); });
    for (const Shard& shard : shards_) {
      const auto middle = static_cast<std::ptrdiff_t>(done_.size());
      done_.insert(done_.end(), shard.done.begin(), shard.done.end());
      std::inplace_merge(done_.begin(), done_.begin() + middle, done_.end(), earlier);
    }
    outstanding_ -= static_cast<std::int64_t>(done_.size());
    return done_;
  }

  void stop(std::int64_t end_ns, TokenRecord& record) override {
    // What completes between the last report and an early end is not reported any more.
    workers_.run(shards_.size(), [&](std::size_t i) {
      Shard& shard = shards_[i];
      for (std::size_t replica = shard.begin; replica < shard.end; ++replica) {
        visit(shard, static_cast<std::uint32_t>(replica), end_ns);
        replicas_[replica].cut(end_ns, shard.record);
      }
    });
    for (const Shard& shard : shards_) record.merge(shard.record);
  }

 private:
  /// The replicas [begin, end), which one worker at a time advances.
  struct Shard {
    Shard(const RecordingGrid& grid, std::size_t first, std::size_t last)
        : begin(first), end(last), record(grid) {}
    std::size_t begin;
    std::size_t end;
    BatchMemory memory;
    TokenRecord record;
    Newcomers newcomers;
    std::vector<std::uint32_t> due;
    std::vector<Completion> done;
  };

  void visit(Shard& shard, std::uint32_t number, std::int64_t until_ns) {
    VirtualReplica& replica = replicas_[number];
    for (const Newcomer& first : shard.newcomers.take(chains_[number])) replica.submit(first);
    const std::size_t before = shard.done.size();
    replica.advance(until_ns, shard.record, shard.done);
    for (std::size_t i = before; i < shard.done.size(); ++i) shard.done[i].replica = number;
    next_ns_[number] = replica.next_ns();
  }

  void advance(Shard& shard, std::int64_t until_ns) {
    shard.due.clear();
    for (std::size_t replica = shard.begin; replica < shard.end; ++replica) {
      if (next_ns_[replica] <= until_ns) shard.due.push_back(static_cast<std::uint32_t>(replica));
    }
    shard.done.clear();
    // What a visit reads lies anywhere in memory: it is fetched some visits ahead, step by step.
    const std::vector<std::uint32_t>& due = shard.due;
    for (std::size_t i = 0; i < due.size(); ++i) {
      if (i + 3 * kAhead < due.size()) prefetch_object(replicas_[due[i + 3 * kAhead]]);
      if (i + 2 * kAhead < due.size()) {
        shard.newcomers.prefetch(chains_[due[i + 2 * kAhead]]);
        replicas_[due[i + 2 * kAhead]].prefetch_heap();
      }
      if (i + kAhead < due.size()) replicas_[due[i + kAhead]].prefetch_place();
      visit(shard, due[i], until_ns);
    }
    std::stable_sort(shard.done.begin(), shard.done.end(), earlier);
  }

  std::vector<SiteModel> models_;
  HugePages memory_;
  std::deque<Shard> shards_;  // before the replicas, which use their memory
  std::pmr::vector<VirtualReplica> replicas_;
  std::vector<std::uint32_t> site_of_;
  std::vector<std::int64_t> next_ns_;  // by replica, side by side: all are looked at in each report
  std::vector<std::uint32_t> chains_;
  Workers& workers_;
  std::int64_t interval_ns_;
  std::int64_t end_ns_;
  std::int64_t report_ns_ = kNever;
  std::int64_t outstanding_ = 0;
  std::size_t per_shard_ = 1;
  std::vector<Completion> done_;
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
