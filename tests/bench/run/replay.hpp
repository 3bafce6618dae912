#pragma once
// Policies are pure state machines: told once more what was recorded, they decide once more what
// was decided. The same for every engine, so these are the parts that its tests share.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "bench/fleet/replica.hpp"
#include "tests/bench/run/recording.hpp"
#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift {

/// Beside a limit that queues and one that refuses: limits of other kinds, for tenants and users,
/// that are seldom in the way, but are asked and told of everything.
inline void add_limits(Scenario& scenario) {
  constexpr std::int64_t kMs = 1'000'000;
  Throttle in_flight;
  in_flight.name = "in flight";
  in_flight.kind = ThrottleKind::aimd;
  in_flight.unit = Unit::requests;
  in_flight.scope = Scope::tenant;
  in_flight.limit = 30;
  in_flight.min_limit = 10;
  in_flight.max_limit = 60;
  in_flight.target_ns = 20 * kMs;
  Throttle users;
  users.name = "users";
  users.kind = ThrottleKind::sliding_window;
  users.unit = Unit::tokens;
  users.scope = Scope::user;
  users.limit = 400;
  users.window_ns = 300 * kMs;
  users.when_full = WhenFull::reject;
  Throttle queue;
  queue.name = "queue";
  queue.kind = ThrottleKind::queue_limit;
  queue.unit = Unit::requests;
  queue.limit = 60;
  Throttle watched = users;
  watched.name = "watched";
  watched.kind = ThrottleKind::fixed_window;
  watched.limit = 100;
  watched.mode = Mode::shadow;
  scenario.throttles.insert(scenario.throttles.end(), {in_flight, users, queue, watched});
  scenario.queue_order = QueueOrder::fair;
}

/// Who is refused tries again; one of the tenants asks in sessions.
inline void add_clients(Scenario& scenario) {
  constexpr std::int64_t kMs = 1'000'000;
  for (Tenant& tenant : scenario.tenants) {
    tenant.users = 8;
    tenant.retry = {RetryPolicy::honour_retry_after, 10 * kMs, 50 * kMs, 3, 0, {}};
  }
  Tenant& talkers = scenario.tenants[1];
  talkers.sessions =
      Sessions{{Distribution::uniform, 0, 0, 1, 3}, {WaitDistribution::exponential, 50 * kMs}, 100};
  talkers.weight = 2;
}

/// A limit that queues and is lifted, one that refuses and is changed, two tenants, and replicas of
/// two places. How much these limits let through does not depend on the fleet's speed.
inline Scenario eventful_scenario(RouterPolicy router) {
  constexpr std::int64_t kMs = 1'000'000;
  Scenario scenario;
  scenario.name = "eventful";
  scenario.run.duration_ns = 1200 * kMs;
  scenario.run.settle_ns = 200 * kMs;
  scenario.run.cooldown_max_ns = 2000 * kMs;
  scenario.fleet.router = router;
  scenario.fleet.sites.push_back({"here", 3, "cpu-tiny", 2, 16, 256, 500});
  for (const double rate_per_s : {150.0, 100.0}) {
    Tenant tenant;
    tenant.name = "tenant " + std::to_string(scenario.tenants.size());
    tenant.arrivals.rate.per_s = rate_per_s;
    tenant.prompt_tokens = {Distribution::uniform, 0, 0, 5, 30};
    tenant.output_tokens = {Distribution::uniform, 0, 0, 1, 12};
    tenant.max_tokens = 12;
    scenario.tenants.push_back(tenant);
  }
  Throttle queueing;
  queueing.name = "queueing";
  queueing.rate.per_s = 700;
  queueing.burst.units = 40;
  queueing.max_wait_ns = 100 * kMs;
  scenario.throttles.push_back(queueing);
  Throttle refusing;
  refusing.name = "refusing";
  refusing.unit = Unit::requests;
  refusing.rate.per_s = 200;
  refusing.burst.units = 10;
  refusing.when_full = WhenFull::reject;
  scenario.throttles.push_back(refusing);
  Event lift;
  lift.at_ns = 600 * kMs;
  lift.throttle = "queueing";
  scenario.events.push_back(lift);
  Event change;
  change.at_ns = 800 * kMs;
  change.kind = EventKind::set;
  change.throttle = "refusing";
  change.rate = Rate{{}, 120.0};
  change.burst = Burst{{}, 5.0};
  change.inherit = Inherit::proportional;
  scenario.events.push_back(change);
  add_limits(scenario);
  add_clients(scenario);
  return scenario;
}

/// Replicas fail, with their requests or not, leave and join; for a while nobody serves.
inline void add_fleet_events(Scenario& scenario) {
  constexpr std::int64_t kMs = 1'000'000;
  scenario.events[0].measure = true;
  scenario.fleet.sites[0].boot_ns = 20 * kMs;
  scenario.fleet.sites[0].rtt_ns = 3 * kMs;
  const auto add = [&](std::int64_t at_ms, EventKind kind, std::int64_t replicas, InFlight what) {
    Event event;
    event.at_ns = at_ms * kMs;
    event.kind = kind;
    event.site = scenario.fleet.sites[0].name;
    event.replicas = replicas;
    event.in_flight = what;
    if (kind == EventKind::fail) event.for_ns = 80 * kMs;
    scenario.events.push_back(event);
  };
  add(200, EventKind::fail, 1, InFlight::move);
  add(400, EventKind::fail, 2, InFlight::drop);
  add(650, EventKind::leave, 1, InFlight::finish);
  add(750, EventKind::join, 1, InFlight::finish);
  add(900, EventKind::fail, 3, InFlight::move);
  add(1100, EventKind::leave, 1, InFlight::drop);
  std::ranges::stable_sort(scenario.events, {}, &Event::at_ns);
}

/// All that was recorded of requests; what a replay has nothing of are tokens and steps.
inline void expect_same_requests(const Run& recorded, const Run& replayed) {
  EXPECT_EQ(recorded.totals, replayed.totals);
  ASSERT_EQ(recorded.phases.size(), replayed.phases.size());
  for (std::size_t t = 0; t < recorded.tenants.size(); ++t) {
    for (std::size_t p = 0; p < recorded.phases.size(); ++p) {
      const PhaseRecord& a = recorded.tenants[t].phases[p];
      const PhaseRecord& b = replayed.tenants[t].phases[p];
      EXPECT_EQ(a.counts, b.counts);
      EXPECT_EQ(a.attempts, b.attempts);
      EXPECT_EQ(a.held, b.held);
      EXPECT_EQ(a.admitted_requests, b.admitted_requests);
      EXPECT_EQ(a.completed_requests, b.completed_requests);
      for (const Metric metric : {Metric::e2e, Metric::ttft, Metric::throttle_wait,
                                  Metric::queue_wait, Metric::generator_lag}) {
        EXPECT_EQ(a.of(metric), b.of(metric)) << name_of(metric);
      }
    }
  }
}

inline void expect_same_limits(const Run& recorded, const Run& replayed) {
  ASSERT_EQ(recorded.throttles.size(), replayed.throttles.size());
  for (std::size_t t = 0; t < recorded.throttles.size(); ++t) {
    EXPECT_EQ(recorded.throttles[t].phases, replayed.throttles[t].phases)
        << recorded.throttles[t].name;
  }
}

/// Plays a scenario over this clock and fleet, and its record over another loop.
inline void expect_replay(const Scenario& scenario, Clock& clock, Fleet& fleet) {
  LoopLog recorded;
  RecordingClock recording_clock(clock, recorded);
  RecordingFleet recording_fleet(fleet, recorded);
  const LoopResult first = run_loop(scenario, recording_clock, recording_fleet);
  // It was eventful: the limits decided about everybody, and completions mattered to them.
  EXPECT_GT(first.run.totals.completed, 0U);
  EXPECT_GT(first.run.totals.expired, 0U);
  EXPECT_GT(first.run.totals.rejected, 0U);
  EXPECT_TRUE(!first.outcome.lifts.empty() && first.outcome.lifts[0].at_ns);
  const PhaseRecord everybody = fleet_record(first.run, 0);
  EXPECT_GT(everybody.attempts, everybody.counts.due) << "some came back";

  LoopLog replayed;
  ReplayClock replay_clock(recorded, replayed);
  ReplayFleet replay_fleet(recorded, replayed);
  const LoopResult second = run_loop(scenario, replay_clock, replay_fleet);
  EXPECT_EQ(recorded.submissions, replayed.submissions);
  EXPECT_EQ(recorded.changes, replayed.changes);
  EXPECT_EQ(recorded.changes.empty(), !fleet_changes(scenario));
  EXPECT_EQ(recorded.awaited, replayed.awaited);
  EXPECT_EQ(first.outcome.end_ns, second.outcome.end_ns);
  EXPECT_EQ(first.outcome.most_in_flight, second.outcome.most_in_flight);
  expect_same_requests(first.run, second.run);
  expect_same_limits(first.run, second.run);
}

/// What one replica was told and what it decided.
class ReplicaLog final : public ReplicaObserver {
 public:
  void submitted(const Work& work) override {
    entries_.push_back({Kind::submitted, work, 0, {}});
    if (work.progress != nullptr) entries_.back().progress = *work.progress;
  }
  void planned(std::int64_t now_ns, const StepPlan& plan) override {
    entries_.push_back({Kind::planned, {}, now_ns, describe(plan)});
    preempted_ += plan.preempted.size();
  }
  void finished(std::int64_t now_ns, const StepOutcome& outcome) override {
    entries_.push_back({Kind::finished, {}, now_ns, describe(outcome)});
  }

  void withdrawn() override { entries_.push_back({Kind::withdrawn, {}, 0, {}}); }

  std::size_t preempted() const { return preempted_; }

  /// Tells a fresh replica the same.
  void expect_replay(const ReplicaLimits& limits) const {
    Replica replica(limits);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      switch (entry.kind) {
        case Kind::submitted: {
          Work work = entry.work;
          if (work.progress != nullptr) work.progress = &entry.progress;
          replica.submit(work);
          break;
        }
        case Kind::withdrawn:
          replica.withdraw();
          break;
        case Kind::planned:
          ASSERT_EQ(describe(replica.plan_step(entry.now_ns)), entry.decided) << "entry " << i;
          break;
        case Kind::finished:
          ASSERT_EQ(describe(replica.finish_step(entry.now_ns)), entry.decided) << "entry " << i;
          break;
      }
    }
  }

 private:
  enum class Kind { submitted, planned, finished, withdrawn };
  struct Entry {
    Kind kind;
    Work work;
    std::int64_t now_ns;
    std::string decided;
    Progress progress = {};  // of the work, where it has some
  };

  static std::string describe(const StepPlan& plan) {
    std::ostringstream out;
    out << "preempted";
    for (const std::uint32_t slot : plan.preempted) out << ' ' << slot;
    out << ", admitted";
    for (const std::uint32_t slot : plan.admitted) out << ' ' << slot;
    out << ", decode";
    for (const std::uint32_t slot : plan.decode) out << ' ' << slot;
    out << ", prefill";
    for (const PrefillChunk& chunk : plan.prefill) {
      out << ' ' << chunk.slot << ":[" << chunk.begin << ", " << chunk.end << ')';
    }
    return out.str();
  }
  static std::string describe(const StepOutcome& outcome) {
    std::ostringstream out;
    out << "tokens of";
    for (const Emission& token : outcome.emissions) {
      out << ' ' << token.work.id << " after " << token.gap_ns;
    }
    out << ", completed";
    for (const News& done : outcome.completions) {
      out << ' ' << done.id << " at " << done.scheduled_ns << ' ' << done.first_token_ns << ' '
          << done.at_ns;
    }
    return out.str();
  }

  std::vector<Entry> entries_;
  std::size_t preempted_ = 0;
};

}  // namespace tokenlift
