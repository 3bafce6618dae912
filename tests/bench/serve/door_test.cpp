// The loop with a door: what comes through it, and what it is told, with time moved by hand.

#include "bench/run/door.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bench/fleet/virtual_fleet.hpp"
#include "bench/machine/workers.hpp"
#include "bench/record/recorder.hpp"
#include "bench/run/loop.hpp"
#include "bench/serve/timetable.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::door_test {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kS = 1'000 * kMs;

Scenario served(const std::string& throttle, bool plays_load) {
  return resolve(served_scenario(parse_scenario(R"(
name = "small"
[run]
engine = "virtual"
duration = "20s"
settle = "1s"
[[fleet.site]]
name = "here"
replicas = 1
profile = "h100-8b"
max_batch = 1
max_step_tokens = 64
kv_tokens = 2000
[[tenant]]
name = "users"
users = 4
arrivals = { process = "constant", rate = "1/s" }
retry = { policy = "fixed", delay = "100ms", attempts = 3 }
prompt_tokens = { distribution = "constant", value = 20 }
output_tokens = { distribution = "constant", value = 5 }
[[throttle]]
name = "limit"
)" + throttle,
                                                "small", ".", {}),
                                 20 * kS, plays_load),
                 std::nullopt);
}

/// Says what its script says, and writes down what it is told.
class ScriptedDoor final : public Door, public Clock {
 public:
  explicit ScriptedDoor(Timetable& timetable) : timetable_(timetable) {}

  /// Caller n, for n = 0, 1, ..., asks at this instant.
  void ask(std::int64_t at_ns, std::int64_t output_tokens, std::uint64_t user = 0) {
    IncomingRequest request;
    request.caller = static_cast<std::uint32_t>(asked_.size());
    request.arrival = {at_ns, 20, output_tokens, asked_.size() * 4 + user};
    request.max_tokens = output_tokens;
    asked_.push_back(request);
  }
  void hang_up(std::int64_t at_ns, std::uint32_t caller) { gone_.emplace_back(at_ns, caller); }
  void post(std::int64_t at_ns, const std::string& table) { posted_.emplace_back(at_ns, table); }

  /// What became of a caller: how many tokens, and its end.
  struct Story {
    RequestId id = 0;
    std::int64_t admitted_ns = -1;
    int tokens = 0;
    std::string end;
    std::int64_t end_ns = -1;
    std::vector<double> left;  // units, by throttle
    Decision decision;
  };
  std::map<std::uint32_t, Story> stories;
  bool closed = false;
  /// Once a second from then on: now, in the system, waiting, in the fleet, waiting of the first
  /// tenant, replicas of the first site.
  std::int64_t next_look_ns = kNever;
  std::vector<std::vector<std::int64_t>> looks;

  std::int64_t wait(std::int64_t until_ns) override {
    for (std::size_t i = next_; i < asked_.size(); ++i)
      consider(asked_[i].arrival.due_ns, until_ns);
    for (const auto& [at_ns, caller] : gone_) consider(at_ns, until_ns);
    for (const auto& [at_ns, table] : posted_) consider(at_ns, until_ns);
    return now_ns_ = std::max(now_ns_, until_ns);
  }
  std::int64_t now_ns() const override { return now_ns_; }

  std::optional<IncomingRequest> next_request() override {
    if (next_ == asked_.size() || asked_[next_].arrival.due_ns > now_ns_) return std::nullopt;
    return asked_[next_++];
  }
  std::optional<RequestId> next_hang_up() override {
    for (auto gone = gone_.begin(); gone != gone_.end(); ++gone) {
      const Story& story = stories[gone->second];
      if (gone->first > now_ns_ || !story.end.empty()) continue;
      stories[gone->second].end = "hung up";
      caller_of_.erase(story.id);
      gone_.erase(gone);
      return story.id;
    }
    return std::nullopt;
  }
  std::optional<Replan> next_event(std::int64_t now_ns, bool measuring) override {
    if (posted_.empty() || posted_.front().first > now_ns) return std::nullopt;
    auto added = timetable_.add(posted_.front().second, now_ns, measuring);
    posted_.erase(posted_.begin());
    EXPECT_TRUE(std::holds_alternative<Replan>(added)) << std::get<Timetable::Refusal>(added).text;
    return std::get<Replan>(std::move(added));
  }

  void begun(std::uint32_t caller, RequestId id) override {
    stories[caller].id = id;
    caller_of_[id] = caller;
  }
  void admitted(RequestId id, std::span<const GateStanding> standings,
                std::int64_t now_ns) override {
    story(id).admitted_ns = now_ns;
    for (const GateStanding& standing : standings) {
      story(id).left.push_back(standing.remaining_units);
    }
  }
  void token(RequestId id, std::int32_t, std::int64_t, std::int64_t) override {
    ++story(id).tokens;
  }
  void completed(RequestId id, const Request&, std::int64_t now_ns) override {
    end(id, "completed", now_ns);
  }
  void refused(RequestId id, const Decision& decision, std::span<const GateStanding>,
               std::int64_t now_ns) override {
    story(id).decision = decision;
    end(id, decision.verdict == Verdict::expired ? "expired" : "refused", now_ns);
  }
  void lost(RequestId id, std::int64_t now_ns) override { end(id, "failed", now_ns); }
  void pause(std::int64_t) override {}
  void close() override { closed = true; }
  std::int64_t next_ns() const override { return next_look_ns; }
  void gauges(const Gauges& gauges) override {
    if (gauges.now_ns < next_look_ns) return;
    looks.push_back({gauges.now_ns, gauges.in_system, gauges.waiting, gauges.in_fleet,
                     gauges.waiting_by_tenant[0], gauges.replicas[0]});
    next_look_ns += kS;
  }

 private:
  void consider(std::int64_t at_ns, std::int64_t& until_ns) const {
    if (at_ns > now_ns_) until_ns = std::min(until_ns, at_ns);
  }
  Story& story(RequestId id) {
    EXPECT_EQ(caller_of_.count(id), 1U) << "nothing is said of who has gone";
    return stories[caller_of_[id]];
  }
  void end(RequestId id, const std::string& how, std::int64_t now_ns) {
    story(id).end = how;
    story(id).end_ns = now_ns;
    caller_of_.erase(id);
  }

  Timetable& timetable_;
  std::vector<IncomingRequest> asked_;
  std::size_t next_ = 0;
  std::vector<std::pair<std::int64_t, std::uint32_t>> gone_;
  std::vector<std::pair<std::int64_t, std::string>> posted_;
  std::map<RequestId, std::uint32_t> caller_of_;
  std::int64_t now_ns_ = 0;
};

struct Fixture {
  explicit Fixture(const std::string& throttle, bool with_load = false)
      : plays_load(with_load),
        resolved(served(throttle, with_load)),
        scenario(scenario_at_door(resolved, with_load)),
        timetable(resolved, {}),
        door(timetable) {}

  Run run() {
    RecordingGrid grid = make_grid(scenario);
    Recorder recorder(scenario, grid);
    TokenRecord tokens(grid);
    Workers workers(1);
    const auto fleet = make_virtual_fleet(scenario, grid, workers, Stepping::each);
    ProgressBoard board;
    const std::atomic<bool> never{false};
    Loop loop(scenario, grid, door, *fleet, recorder, board, never,
              Elsewhere{&grid, nullptr, &never, &door, plays_load});
    outcome = loop.run();
    fleet->stop(outcome.end_ns, tokens);
    Run run = recorder.finish(outcome.end_ns, tokens);
    EXPECT_LE(recorder.littles_law_error(), 1e-12);
    return run;
  }

  bool plays_load;
  Scenario resolved, scenario;
  Timetable timetable;
  ScriptedDoor door;
  LoopOutcome outcome;
};

const std::string kWide = "kind = \"concurrency\"\nunit = \"requests\"\nlimit = 100\n";
const std::string kOne = "kind = \"concurrency\"\nunit = \"requests\"\nlimit = 1\n";

TEST(Door, IsToldOfEveryTokenAndOfTheEnd) {
  Fixture fixture(kWide);
  fixture.door.ask(1 * kS, 5);
  fixture.door.ask(2 * kS, 1);
  const auto run = fixture.run();
  EXPECT_EQ(fixture.door.stories[0].tokens, 5);
  EXPECT_EQ(fixture.door.stories[0].end, "completed");
  EXPECT_EQ(fixture.door.stories[0].admitted_ns, 1 * kS);
  EXPECT_EQ(fixture.door.stories[1].tokens, 1);
  EXPECT_TRUE(fixture.door.closed);
  EXPECT_EQ(run.totals.completed, 2U);
  EXPECT_EQ(run.totals.due, 2U);
  EXPECT_FALSE(fixture.outcome.interrupted);
}

// Wherever it is: with its replica, in the line of one, or at a throttle.
TEST(Door, WhoHangsUpMakesRoomForTheNext) {
  for (const std::string& throttle : {kWide, kOne}) {
    Fixture fixture(throttle);
    for (int i = 0; i < 3; ++i) fixture.door.ask(1 * kS, 1000);
    fixture.door.ask(1 * kS, 2);
    fixture.door.hang_up(1 * kS + 50 * kMs, 1);
    fixture.door.hang_up(1 * kS + 100 * kMs, 0);
    fixture.door.hang_up(1 * kS + 150 * kMs, 2);
    const auto run = fixture.run();
    EXPECT_EQ(run.totals.cancelled, 3U);
    EXPECT_EQ(run.totals.completed, 1U);
    const auto& last = fixture.door.stories[3];
    EXPECT_EQ(last.end, "completed");
    EXPECT_EQ(last.tokens, 2);
    EXPECT_LT(last.end_ns, 1 * kS + 200 * kMs) << "it waited for nobody who had gone";
    EXPECT_GT(fixture.door.stories[0].tokens, 5);
    EXPECT_EQ(fixture.door.stories[1].tokens, 0);
    const PhaseRecord& phase = run.tenants[0].phases[0];
    EXPECT_GE(phase.wasted_tokens, static_cast<std::uint64_t>(fixture.door.stories[0].tokens));
  }
}

TEST(Door, TheFirstEventLetsWaitersThroughAndDividesTheRun) {
  Fixture fixture("kind = \"token_bucket\"\nunit = \"requests\"\nrate = \"1/h\"\nburst = 1\n");
  for (int i = 0; i < 3; ++i) fixture.door.ask(1 * kS, 3);
  fixture.door.post(5 * kS, R"({ "lift" = "limit" })");
  fixture.door.post(6 * kS, R"({ "restore" = "limit" })");
  fixture.door.ask(7 * kS, 3);
  const auto run = fixture.run();
  EXPECT_EQ(fixture.door.stories[0].admitted_ns, 1 * kS);
  EXPECT_EQ(fixture.door.stories[0].left, std::vector<double>{0});
  EXPECT_EQ(fixture.door.stories[1].admitted_ns, 5 * kS);
  EXPECT_EQ(fixture.door.stories[2].admitted_ns, 5 * kS);
  EXPECT_EQ(fixture.door.stories[3].admitted_ns, -1) << "the limit is back";
  EXPECT_EQ(run.totals.completed, 3U);
  EXPECT_EQ(run.totals.in_flight, 1U);
  ASSERT_EQ(fixture.outcome.lifts.size(), 1U);
  EXPECT_EQ(fixture.outcome.lifts[0].at_ns, 5 * kS);
  EXPECT_EQ(fixture.outcome.lifts[0].throttle, "limit");
  EXPECT_EQ(fixture.outcome.lifts[0].waiting_requests, 2);
  ASSERT_GE(run.phases.size(), 3U);
  EXPECT_EQ(run.phases[0].end_ns, 5 * kS);
  EXPECT_EQ(run.phases[1].name, "transition");
  EXPECT_EQ(run.phases[1].end_ns, 6 * kS);
  EXPECT_EQ(run.phases[2].name, "after");
}

// When nobody asks is no part of what is measured, before the first request and after the last.
TEST(Door, WhatIsMeasuredLastsFromTheFirstRequestToTheLastDecision) {
  Fixture fixture(kWide);
  fixture.door.post(1 * kS, R"({ "set" = { "throttle" = "limit", "limit" = 50 } })");
  fixture.door.ask(4 * kS, 5);
  fixture.door.ask(6 * kS, 5);
  fixture.door.post(5 * kS, R"({ "lift" = "limit" })");
  fixture.door.post(15 * kS, R"({ "restore" = "limit" })");
  const auto run = fixture.run();
  const std::int64_t last_ns = fixture.door.stories[1].end_ns;
  EXPECT_EQ(fixture.outcome.end_ns, last_ns);
  ASSERT_EQ(run.phases.size(), 3U);
  EXPECT_EQ(run.phases[0].begin_ns, 4 * kS);
  EXPECT_EQ(run.phases[0].end_ns, 5 * kS) << "the first event that comes after a request divides";
  EXPECT_EQ(run.phases[2].begin_ns, 6 * kS);
  EXPECT_EQ(run.phases[2].end_ns, last_ns);
  EXPECT_EQ(run.phases[0].replica_ns, 1 * kS);
  EXPECT_EQ(run.phases[2].replica_ns, last_ns - 6 * kS);
  EXPECT_EQ(fixture.outcome.lifts[0].at_ns, 5 * kS);
  EXPECT_EQ(fixture.outcome.lifts[0].kind, "lift");
  EXPECT_TRUE(fixture.timetable.played().events[1].measure);
  EXPECT_EQ(run.totals.completed, 2U);
}

TEST(Door, WhereNobodyAsksAllOfTheTimeIsReported) {
  Fixture fixture(kWide);
  fixture.door.post(5 * kS, R"({ "lift" = "limit" })");
  const auto run = fixture.run();
  ASSERT_EQ(run.phases.size(), 1U);
  EXPECT_EQ(run.phases[0].end_ns, 20 * kS);
  EXPECT_FALSE(fixture.outcome.lifts[0].at_ns);
}

// Their own clients try again, and who calls does so by himself; the door is told of those who
// call.
TEST(Door, TheScenariosTenantsAskAsWell) {
  Fixture fixture(
      "kind = \"token_bucket\"\nunit = \"requests\"\nrate = \"1/h\"\nburst = 4\n"
      "when_full = \"reject\"\n",
      true);
  fixture.door.ask(1 * kS + 500 * kMs, 5);
  fixture.door.ask(9 * kS + 500 * kMs, 5);
  fixture.door.post(15 * kS + 500 * kMs, R"({ "lift" = "limit" })");
  fixture.door.ask(16 * kS + 500 * kMs, 5);
  const auto run = fixture.run();
  const std::uint64_t own = run.totals.due - 3;
  EXPECT_GE(own, 19U);
  EXPECT_LE(own, 21U);
  ASSERT_EQ(fixture.door.stories.size(), 3U);
  EXPECT_EQ(fixture.door.stories[0].end, "completed");
  EXPECT_EQ(fixture.door.stories[0].tokens, 5);
  EXPECT_EQ(fixture.door.stories[1].end, "refused");
  EXPECT_EQ(fixture.door.stories[2].end, "completed");
  EXPECT_EQ(run.totals.in_flight, 0U);
  const PhaseRecord& before = run.tenants[0].phases[0];
  EXPECT_EQ(before.counts.completed, 4U);
  // One attempt of each that got through, three of each that did not, and one of who called then.
  EXPECT_EQ(before.attempts, 4 + 3 * (before.counts.due - 5) + 1);
  EXPECT_EQ(run.totals.completed, run.totals.due - before.counts.rejected);
}

TEST(Door, IsToldWhyARequestIsRefused) {
  Fixture fixture(
      "kind = \"token_bucket\"\nunit = \"requests\"\nrate = \"1/s\"\nburst = 1\n"
      "when_full = \"reject\"\n[[throttle]]\nname = \"slots\"\nkind = \"concurrency\"\n"
      "unit = \"requests\"\nlimit = 1\nmax_wait = \"100ms\"\n[[throttle]]\nname = \"queue\"\n"
      "kind = \"queue_limit\"\nunit = \"requests\"\nlimit = 1\n");
  fixture.door.ask(1 * kS, 1500);
  fixture.door.ask(1 * kS + 1, 3);         // the bucket is empty
  fixture.door.ask(2 * kS + 1, 3);         // waits for the slot, too long
  fixture.door.ask(2 * kS + 10 * kMs, 3);  // nobody else may wait
  const auto run = fixture.run();
  const auto& limited = fixture.door.stories[1];
  EXPECT_EQ(limited.end, "refused");
  EXPECT_EQ(limited.decision.retry_at_ns, 2 * kS);
  EXPECT_FALSE(limited.decision.overloaded);
  EXPECT_EQ(fixture.door.stories[2].end, "expired");
  EXPECT_EQ(fixture.door.stories[2].end_ns, 2 * kS + 1 + 100 * kMs);
  EXPECT_FALSE(fixture.door.stories[2].decision.overloaded);
  EXPECT_FALSE(fixture.door.stories[2].decision.retry_at_ns) << "when the slot is free, who knows";
  EXPECT_EQ(fixture.door.stories[3].end, "refused");
  EXPECT_TRUE(fixture.door.stories[3].decision.overloaded);
  EXPECT_EQ(run.totals.rejected, 2U);
  EXPECT_EQ(run.totals.expired, 1U);
}

TEST(Door, IsToldByWhoseDoingAWaitWasTooLong) {
  const std::string bucket =
      "kind = \"token_bucket\"\nunit = \"requests\"\nrate = \"1/s\"\nburst = 1\n"
      "when_full = \"queue\"\nmax_wait = \"100ms\"\n[[throttle]]\nname = \"queue\"\n"
      "kind = \"queue_limit\"\nunit = \"requests\"\nlimit = 9\nmax_wait = ";
  for (const std::int64_t queue_ms : {50, 100, 150}) {
    const bool by_queue = queue_ms < 100;  // who could wait no longer at the limit itself: by that
    Fixture fixture(bucket + fmt::format("\"{}ms\"\n", queue_ms));
    fixture.door.ask(1 * kS, 3);
    fixture.door.ask(1 * kS + 1, 3);  // the bucket is empty for a second
    fixture.run();
    const auto& late = fixture.door.stories[1];
    EXPECT_EQ(late.end, "expired");
    EXPECT_EQ(late.end_ns, 1 * kS + 1 + (by_queue ? 50 : 100) * kMs);
    EXPECT_EQ(late.decision.overloaded, by_queue);
    EXPECT_EQ(late.decision.retry_at_ns, 2 * kS);
  }
}

TEST(Door, ReplicasThatComeAndGoTakeTheirRequestsAlong) {
  Fixture fixture(kWide);
  fixture.door.ask(1 * kS, 500);
  fixture.door.ask(2 * kS, 500);
  fixture.door.post(3 * kS, R"({ "fail" = { "site" = "here", "replicas" = 1 } })");
  fixture.door.ask(4 * kS, 3);
  fixture.door.hang_up(5 * kS, 2);  // it waits for a replica
  const auto run = fixture.run();
  EXPECT_EQ(fixture.door.stories[0].end, "failed");
  EXPECT_EQ(fixture.door.stories[1].end, "failed");
  EXPECT_EQ(fixture.door.stories[2].end, "hung up");
  EXPECT_EQ(run.totals.failed, 2U);
  EXPECT_EQ(run.totals.cancelled, 1U);
  EXPECT_EQ(fixture.outcome.lifts[0].site, "here");
}

// Also where nothing else happens at that instant.
TEST(Door, IsShownHowItStandsWhenItWantsToBe) {
  Fixture fixture(kOne);
  fixture.door.next_look_ns = 1 * kS + 500 * kMs;
  for (int i = 0; i < 3; ++i) fixture.door.ask(2 * kS, 1000);
  fixture.door.post(3 * kS, R"({ "fail" = { "site" = "here", "replicas" = 1 } })");
  fixture.run();
  const auto& looks = fixture.door.looks;
  ASSERT_GE(looks.size(), 3U);
  const std::int64_t first_ns = 1 * kS + 500 * kMs;
  EXPECT_EQ(looks[0], (std::vector<std::int64_t>{first_ns, 0, 0, 0, 0, 1}));
  EXPECT_EQ(looks[1], (std::vector<std::int64_t>{first_ns + kS, 3, 2, 1, 2, 1}));
  // The first has failed with its replica; the second waits for another one.
  EXPECT_EQ(looks[2], (std::vector<std::int64_t>{first_ns + 2 * kS, 2, 1, 0, 1, 0}));
}

}  // namespace
}  // namespace tokenlift::door_test
