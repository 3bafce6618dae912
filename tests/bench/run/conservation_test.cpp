// Requests and tokens are conserved, whatever happens to the fleet: through the whole loop, in
// virtual time, under random sequences of all events.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <unordered_map>
#include <vector>

#include "bench/fleet/virtual_fleet.hpp"
#include "tests/bench/fleet/random_scenario.hpp"
#include "tests/bench/run/recording.hpp"
#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift::conservation_test {
namespace {

/// Output tokens, by tenant.
using Tokens = std::vector<std::int64_t>;

/// A fleet around a fleet, which keeps account of the output tokens of everybody who is sent there.
class AccountedFleet final : public Fleet {
 public:
  AccountedFleet(const Scenario& scenario, const RecordingGrid& grid, Fleet& fleet)
      : fleet_(fleet),
        grid_(grid),
        replicas_(static_cast<std::uint32_t>(replica_places(scenario))),
        told_(scenario.tenants.size()) {}

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    // Whose number it has was returned, and has come back, or has left without coming back.
    const auto returned = returned_.find(work.id);
    if (returned != returned_.end()) {
      const bool is_back = work.progress != nullptr;
      if (is_back) RC_ASSERT(work.progress->emitted_tokens == returned->second.tokens);
      if (!is_back) told_[returned->second.tenant] += returned->second.tokens;
      returned_.erase(returned);
    } else {
      RC_ASSERT(work.progress == nullptr);
    }
    const bool is_new = there_.emplace(work.id, Account{work.tenant, work.output_tokens}).second;
    RC_ASSERT(is_new);
    fleet_.submit(work, replica, now_ns);
  }

  std::span<const News> advance(std::int64_t until_ns) override {
    const std::span<const News> all = fleet_.advance(until_ns);
    for (const News& news : all) hear(news);
    return all;
  }

  void apply(const ReplicaChange& change, std::int64_t now_ns) override {
    fleet_.apply(change, now_ns);
  }
  std::int64_t job_border_ns(std::size_t job, std::int64_t now_ns) override {
    return fleet_.job_border_ns(job, now_ns);
  }
  const Progress& progress(RequestId id) const override { return fleet_.progress(id); }
  std::int64_t next_event_ns() const override { return fleet_.next_event_ns(); }

  /// All replicas fail at the end: so they say how far everybody had come. Nobody is left.
  void stop(std::int64_t end_ns, TokenRecord& record) override {
    ReplicaChange failure;
    failure.kind = ReplicaChange::Kind::fail;
    failure.in_flight = InFlight::drop;
    for (failure.replica = 0; failure.replica < replicas_; ++failure.replica) {
      fleet_.apply(failure, end_ns);
    }
    lost_at_end_ = there_.size();
    for (const News& news : fleet_.advance(end_ns + 10 * kSecond)) hear(news);
    RC_ASSERT(there_.empty());
    for (const auto& [id, account] : returned_) told_[account.tenant] += account.tokens;
    fleet_.stop(end_ns, record);
    for (std::uint32_t tenant = 0; tenant < told_.size(); ++tenant) {
      std::uint64_t produced = 0;
      for (std::uint32_t phase = 0; phase < grid_.phases.size(); ++phase) {
        produced += record.produced(tenant, phase);
      }
      RC_ASSERT(produced == static_cast<std::uint64_t>(told_[tenant]));
    }
  }

  std::size_t lost_at_end() const { return lost_at_end_; }
  std::int64_t moved() const { return moved_; }

 private:
  struct Account {
    std::uint32_t tenant;
    std::int64_t tokens;
  };

  void hear(const News& news) {
    if (news.kind == NewsKind::started) return;
    const auto found = there_.find(news.id);
    RC_ASSERT(found != there_.end());
    const auto [tenant, tokens] = found->second;
    there_.erase(found);
    if (news.kind == NewsKind::completed) told_[tenant] += tokens;
    if (news.kind == NewsKind::failed) {
      RC_ASSERT(news.count >= 0 && news.count < tokens);
      told_[tenant] += news.count;
    }
    if (news.kind != NewsKind::returned) return;
    const Progress& progress = fleet_.progress(news.id);
    RC_ASSERT(progress.emitted_tokens >= 0 && progress.emitted_tokens < tokens);
    // One that had not been scheduled comes as if for the first time.
    if (progress.scheduled_ns >= 0) {
      returned_[news.id] = {tenant, progress.emitted_tokens};
      ++moved_;
    }
  }

  Fleet& fleet_;
  const RecordingGrid& grid_;
  std::uint32_t replicas_;
  std::unordered_map<RequestId, Account> there_;
  std::unordered_map<RequestId, Account> returned_;  // not sent anywhere since
  Tokens told_;  // of requests that the fleet has told the end of
  std::size_t lost_at_end_ = 0;
  std::int64_t moved_ = 0;
};

void expect_conserved(const Counts& c) {
  RC_ASSERT(c.due == c.completed + c.rejected + c.expired + c.cancelled + c.failed + c.in_flight);
}

// Every request has one outcome, and every token is somebody's: of one who completed, in time or
// late, of one who failed or gave up, or of one who was in flight at the end. Both are counted
// twice, by those who see them happen and by those who are told of it.
RC_GTEST_PROP(Conservation, OfRequestsAndTokensWhateverHappensToTheFleet, ()) {
  Scenario scenario = any_scenario();
  if (!fleet_changes(scenario)) randomise_fleet(scenario);
  const RecordingGrid grid = make_grid(scenario);
  Workers workers(1);
  const auto fleet =
      make_virtual_fleet(scenario, grid, workers, coin() ? Stepping::jump : Stepping::each);
  AccountedFleet accounted(scenario, grid, *fleet);
  VirtualClock clock;
  const LoopResult result = run_loop(scenario, clock, accounted);
  RC_ASSERT(result.littles_law_error == 0);
  expect_conserved(result.run.totals);
  for (const TenantRecord& tenant : result.run.tenants) {
    for (const PhaseRecord& record : tenant.phases) expect_conserved(record.counts);
  }
  RC_CLASSIFY(result.run.totals.failed > 0, "some fail");
  RC_CLASSIFY(accounted.moved() > 0, "some move");
  RC_CLASSIFY(accounted.lost_at_end() > 0, "some are in flight at the end");
}

}  // namespace
}  // namespace tokenlift::conservation_test
