#include "bench/virtual_fleet.hpp"

#include <algorithm>
#include <cassert>
#include <tuple>

#include "bench/jump_replica.hpp"
#include "bench/step_replica.hpp"
#include "bench/tournament.hpp"

namespace tokenlift {

namespace {

/// Visits that one memory access takes, or more: what is to be read is fetched that far ahead.
constexpr std::size_t kAhead = 6;
constexpr std::size_t kCacheLine = 64;

template <typename Object>
void prefetch_object(const Object& object) {
  const auto* begin = reinterpret_cast<const char*>(&object);
  for (std::size_t at = 0; at < sizeof(Object); at += kCacheLine) __builtin_prefetch(begin + at);
}

/// First in, first out, in a pool that many chains share: two numbers a chain.
struct Chain {
  std::uint32_t first = 0;  // valid if `count` is not 0
  std::uint32_t last = 0;
  std::uint32_t count = 0;
};

template <typename Item>
class ChainPool {
 public:
  void append(Chain& chain, const Item& item) {
    std::uint32_t link = 0;
    if (free_.empty()) {
      link = static_cast<std::uint32_t>(links_.size());
      links_.push_back({item, 0});
    } else {
      link = free_.back();
      free_.pop_back();
      links_[link].item = item;
    }
    if (chain.count++ == 0) {
      chain.first = link;
    } else {
      links_[chain.last].next = link;
    }
    chain.last = link;
  }
  /// Empties the chain.
  template <typename Visit>
  void take(Chain& chain, Visit visit) {
    for (; chain.count > 0; --chain.count) {
      const Link& link = links_[chain.first];
      visit(link.item);
      free_.push_back(chain.first);
      chain.first = link.next;
    }
  }

 private:
  struct Link {
    Item item;
    std::uint32_t next;
  };
  std::vector<Link> links_;
  std::vector<std::uint32_t> free_;
};

bool earlier(const Completion& a, const Completion& b) {
  return std::tie(a.last_token_ns, a.replica) < std::tie(b.last_token_ns, b.replica);
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

template <typename VirtualReplica>
std::vector<VirtualReplica> make_replicas(const Scenario& scenario,
                                          const std::vector<SiteModel>& models) {
  std::vector<VirtualReplica> replicas;
  for (std::size_t site = 0; site < models.size(); ++site) {
    for (std::int64_t i = 0; i < scenario.fleet.sites[site].replicas; ++i) {
      replicas.emplace_back(models[site]);
    }
  }
  return replicas;
}

/// Replicas of which the loop learns everything at once.
template <typename VirtualReplica>
class ExactFleet final : public Fleet {
 public:
  ExactFleet(const Scenario& scenario, const RecordingGrid& grid)
      : models_(site_models(scenario)),
        replicas_(make_replicas<VirtualReplica>(scenario, models_)),
        next_ns_(replicas_.size(), kNever),
        record_(grid) {}

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    replicas_[replica].submit(work, now_ns);
    note(replica);
  }

  std::int64_t next_event_ns() const override { return next_ns_.smallest(); }

  std::span<const Completion> advance(std::int64_t until_ns) override {
    done_.clear();
    while (next_ns_.smallest() <= until_ns) {
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
  std::vector<VirtualReplica> replicas_;
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
        replicas_(make_replicas<VirtualReplica>(scenario, models_)),
        next_ns_(replicas_.size(), kNever),
        chains_(replicas_.size()),
        workers_(workers),
        interval_ns_(scenario.fleet.load_report_interval_ns),
        end_ns_(scenario.run.duration_ns + scenario.run.cooldown_max_ns) {
    for (std::size_t site = 0; site < models_.size(); ++site) {
      const auto replicas = static_cast<std::size_t>(scenario.fleet.sites[site].replicas);
      site_of_.insert(site_of_.end(), replicas, static_cast<std::uint32_t>(site));
    }
    const std::size_t shards = std::min(workers.count(), replicas_.size());
    per_shard_ = (replicas_.size() + shards - 1) / shards;
    for (std::size_t begin = 0; begin < replicas_.size(); begin += per_shard_) {
      shards_.emplace_back(grid, begin, std::min(begin + per_shard_, replicas_.size()));
    }
  }

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    shards_[replica / per_shard_].chains.append(chains_[replica], {work, now_ns});
    const std::int64_t least_ns =
        models_[site_of_[replica]].least_service_ns(work.prompt_tokens, work.output_tokens, 0);
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
  struct Submission {
    Work work;
    std::int64_t now_ns;
  };
  /// The replicas [begin, end), which one worker at a time advances.
  struct Shard {
    Shard(const RecordingGrid& grid, std::size_t first, std::size_t last)
        : begin(first), end(last), record(grid) {}
    std::size_t begin;
    std::size_t end;
    TokenRecord record;
    ChainPool<Submission> chains;
    std::vector<std::uint32_t> due;
    std::vector<Completion> done;
  };

  void visit(Shard& shard, std::uint32_t number, std::int64_t until_ns) {
    VirtualReplica& replica = replicas_[number];
    shard.chains.take(chains_[number], [&](const Submission& submission) {
      replica.submit(submission.work, submission.now_ns);
    });
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
    const auto ahead = [&](std::size_t i, std::size_t visits) -> const VirtualReplica* {
      return i + visits < shard.due.size() ? &replicas_[shard.due[i + visits]] : nullptr;
    };
    for (std::size_t i = 0; i < shard.due.size(); ++i) {
      if (const VirtualReplica* replica = ahead(i, 3 * kAhead)) prefetch_object(*replica);
      if (const VirtualReplica* replica = ahead(i, 2 * kAhead)) replica->prefetch_heap();
      if (const VirtualReplica* replica = ahead(i, kAhead)) replica->prefetch_place();
      visit(shard, shard.due[i], until_ns);
    }
    std::stable_sort(shard.done.begin(), shard.done.end(), earlier);
  }

  std::vector<SiteModel> models_;
  std::vector<std::uint32_t> site_of_;
  std::vector<VirtualReplica> replicas_;
  std::vector<std::int64_t> next_ns_;  // by replica, side by side: all are looked at in each report
  std::vector<Chain> chains_;
  Workers& workers_;
  std::int64_t interval_ns_;
  std::int64_t end_ns_;
  std::int64_t report_ns_ = kNever;
  std::int64_t outstanding_ = 0;
  std::size_t per_shard_ = 1;
  std::vector<Shard> shards_;
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
