// Requests that are streamed, and those that are given up: on replicas that step in virtual time,
// and on threads.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "bench/fleet/thread_fleet.hpp"
#include "bench/fleet/virtual_fleet.hpp"
#include "bench/machine/workers.hpp"
#include "tests/bench/fleet/news.hpp"
#include "tests/testing.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::streaming_test {
namespace {

Scenario small(const std::string& engine, std::int64_t replicas, std::int64_t max_batch) {
  return resolve(
      parse_scenario("name = \"small\"\n[run]\nengine = \"" + engine +
                         "\"\nduration = \"100s\"\n[[fleet.site]]\nname = \"here\"\nreplicas = " +
                         std::to_string(replicas) + "\nprofile = \"" +
                         (engine == "threads" ? "cpu-tiny" : "h100-8b") +
                         "\"\nmax_batch = " + std::to_string(max_batch) +
                         "\nmax_step_tokens = 64\nkv_tokens = 256\n[[tenant]]\nname = \"users\"\n"
                         "arrivals = { process = \"poisson\", rate = \"1/s\" }\n"
                         "prompt_tokens = { distribution = \"constant\", value = 20 }\n"
                         "output_tokens = { distribution = \"constant\", value = 5 }\n",
                     "small", ".", {}),
      std::nullopt);
}

struct Fixture {
  explicit Fixture(const Scenario& its_scenario)
      : scenario(its_scenario),
        grid(make_grid(scenario)),
        workers(1),
        fleet(make_virtual_fleet(scenario, grid, workers, Stepping::each)) {}

  void submit(RequestId id, std::int32_t output_tokens, std::int64_t now_ns) {
    Work work{id, 20, output_tokens, id, 0, 0};
    work.stream = true;
    fleet->submit(work, 0, now_ns);
  }
  /// All that happens until nothing is left to happen.
  std::vector<News> rest() {
    std::vector<News> all;
    while (fleet->next_event_ns() != kNever) {
      for (const News& news : fleet->advance(fleet->next_event_ns())) all.push_back(news);
    }
    return all;
  }

  Scenario scenario;
  RecordingGrid grid;
  Workers workers;
  std::unique_ptr<Fleet> fleet;
};

// Whatever joins, each gets as many tokens as it asked for, the last one when it completes.
RC_GTEST_PROP(Streaming, EveryTokenOfEveryRequestIsNews, ()) {
  Fixture fixture(small("virtual", 1, *rc::gen::inRange<std::int64_t>(1, 5)));
  std::map<RequestId, std::int32_t> outputs;
  const auto requests = *rc::gen::inRange<std::uint32_t>(1, 9);
  std::int64_t at_ns = 0;
  std::vector<News> all;
  for (RequestId id = 0; id < requests; ++id) {
    outputs[id] = *rc::gen::inRange(1, 40);
    fixture.submit(id, outputs[id], at_ns);
    at_ns += *rc::gen::element<std::int64_t>(0, 1'000'000, 30'000'000);
    for (const News& news : fixture.fleet->advance(at_ns)) all.push_back(news);
  }
  for (const News& news : fixture.rest()) all.push_back(news);
  std::map<RequestId, std::vector<News>> tokens;
  std::set<RequestId> completed;
  std::int64_t last_ns = 0;
  for (const News& news : all) {
    RC_ASSERT(news.at_ns >= last_ns);
    last_ns = news.at_ns;
    RC_ASSERT(completed.count(news.id) == 0U);
    if (news.kind == NewsKind::token) tokens[news.id].push_back(news);
    if (news.kind != NewsKind::completed) continue;
    completed.insert(news.id);
    RC_ASSERT(tokens[news.id].size() == static_cast<std::size_t>(outputs[news.id]));
    RC_ASSERT(tokens[news.id].front().at_ns == news.first_token_ns);
    RC_ASSERT(tokens[news.id].back().at_ns == news.at_ns);
  }
  RC_ASSERT(completed.size() == outputs.size());
}

// Who waits behind it is in the very next step.
TEST(Streaming, ACancelledRequestMakesRoomForTheNextStep) {
  Fixture fixture(small("virtual", 1, 1));
  fixture.submit(0, 100, 0);
  fixture.submit(1, 3, 0);
  fixture.fleet->advance(0);
  const std::int64_t first_ns = fixture.fleet->next_event_ns();
  ASSERT_EQ(of_kind(NewsKind::token, fixture.fleet->advance(first_ns)).size(), 1U);
  const std::int64_t step_end_ns = fixture.fleet->next_event_ns();
  fixture.fleet->cancel(0, 0, first_ns + 1);
  const std::vector<News> all = fixture.rest();
  const auto cancelled = of_kind(NewsKind::cancelled, all);
  ASSERT_EQ(cancelled.size(), 1U);
  EXPECT_EQ(cancelled[0].id, 0U);
  EXPECT_EQ(cancelled[0].at_ns, step_end_ns) << "the step under way is computed";
  EXPECT_EQ(cancelled[0].count, 2);
  const auto completed = of_kind(NewsKind::completed, all);
  ASSERT_EQ(completed.size(), 1U);
  EXPECT_EQ(completed[0].id, 1U);
  EXPECT_EQ(completed[0].scheduled_ns, step_end_ns);
}

TEST(Streaming, OneInTheLineLeavesItToo) {
  Fixture fixture(small("virtual", 1, 1));
  fixture.submit(0, 3, 0);
  fixture.submit(1, 3, 0);
  fixture.fleet->cancel(1, 0, 1);
  const std::vector<News> all = fixture.rest();
  ASSERT_EQ(of_kind(NewsKind::cancelled, all).size(), 1U);
  EXPECT_EQ(of_kind(NewsKind::cancelled, all)[0].count, 0);
  EXPECT_EQ(of_kind(NewsKind::completed, all).size(), 1U);
  EXPECT_EQ(fixture.fleet->queued_tokens(kNever / 2), 0);
}

TEST(Streaming, OneThatIsCancelledOnItsWayHasNoTokens) {
  Fixture fixture(small("virtual", 1, 2));
  fixture.submit(0, 3, 1'000'000);
  fixture.fleet->cancel(0, 0, 1);
  const std::vector<News> all = fixture.rest();
  ASSERT_EQ(of_kind(NewsKind::cancelled, all).size(), 1U);
  EXPECT_EQ(of_kind(NewsKind::cancelled, all)[0].count, 0);
  EXPECT_EQ(of_kind(NewsKind::completed, all).size(), 0U);
}

TEST(Streaming, OneThatEndsWithTheStepCompletes) {
  Fixture fixture(small("virtual", 1, 2));
  fixture.submit(0, 1, 0);
  fixture.fleet->cancel(0, 0, 1);
  const std::vector<News> all = fixture.rest();
  EXPECT_EQ(of_kind(NewsKind::cancelled, all).size(), 0U);
  EXPECT_EQ(of_kind(NewsKind::completed, all).size(), 1U);
}

// Some are given up at any time: each ends once, and room for a full batch is there after it.
RC_GTEST_PROP(Streaming, EveryRequestEndsOnce, ()) {
  Fixture fixture(small("virtual", 1, 3));
  std::map<RequestId, int> ends;
  const auto note = [&](std::span<const News> all) {
    for (const News& news : all) {
      const bool ended = news.kind == NewsKind::completed || news.kind == NewsKind::cancelled;
      if (ended) ++ends[news.id];
      if (!ended) RC_ASSERT(ends.count(news.id) == 0U);
    }
  };
  const auto requests = *rc::gen::inRange<std::uint32_t>(1, 12);
  std::int64_t at_ns = 0;
  for (RequestId id = 0; id < requests; ++id) {
    fixture.submit(id, *rc::gen::inRange(1, 100), at_ns);
    at_ns += *rc::gen::element<std::int64_t>(0, 1'000'000, 30'000'000);
    note(fixture.fleet->advance(at_ns));
    const auto other = *rc::gen::inRange<RequestId>(0, id + 1);
    if (ends.count(other) == 0U && *rc::gen::arbitrary<bool>()) {
      fixture.fleet->cancel(other, 0, at_ns);
    }
  }
  note(fixture.rest());
  RC_ASSERT(ends.size() == requests);
  for (const auto& [id, count] : ends) RC_ASSERT(count == 1);
}

// Steps one by one say when tokens come; in one jump they are cut where the fleet is stopped.
TEST(Streaming, ATokenThatComesAsTheFleetIsStoppedCounts) {
  Fixture each(small("virtual", 1, 2));
  each.submit(0, 50, 0);
  std::int64_t token_ns = 0;
  std::size_t tokens = 0;
  while (tokens < 5) {
    token_ns = each.fleet->next_event_ns();
    tokens += of_kind(NewsKind::token, each.fleet->advance(token_ns)).size();
  }
  for (const std::int64_t end_ns : {token_ns - 1, token_ns}) {
    const auto jumping = make_virtual_fleet(each.scenario, each.grid, each.workers, Stepping::jump);
    jumping->submit(Work{0, 20, 50, 0, 0, 0}, 0, 0);
    while (jumping->next_event_ns() <= end_ns) jumping->advance(jumping->next_event_ns());
    TokenRecord record(each.grid);
    jumping->stop(end_ns, record);
    EXPECT_EQ(record.produced(0, 0), end_ns == token_ns ? 5U : 4U);
  }
}

// What is told of a fleet that goes on is what would be told if it ended then.
TEST(Streaming, AFleetIsLookedAtWhileItRuns) {
  Fixture fixture(small("virtual", 2, 4));
  EXPECT_EQ(fixture.fleet->cache_use().room_tokens, 2 * 256);
  EXPECT_EQ(fixture.fleet->cache_use().resident_tokens, 0);
  fixture.submit(0, 50, 0);
  fixture.submit(1, 50, 1'000'000);
  for (int i = 0; i < 10; ++i) fixture.fleet->advance(fixture.fleet->next_event_ns());
  const CacheUse use = fixture.fleet->cache_use();
  EXPECT_GT(use.resident_tokens, 40);
  EXPECT_LT(use.resident_tokens, 70);
  EXPECT_EQ(use.prompts.tokens, 40U);
  EXPECT_EQ(use.prompts.cached_tokens, 0U);
  const std::int64_t within_a_step_ns = fixture.fleet->next_event_ns() - 1;
  fixture.fleet->advance(within_a_step_ns);
  TokenRecord so_far(fixture.grid);
  fixture.fleet->add_so_far(within_a_step_ns, so_far);
  TokenRecord end(fixture.grid);
  fixture.fleet->stop(within_a_step_ns, end);
  EXPECT_GT(so_far.produced(0, 0), 10U);
  EXPECT_EQ(so_far.produced(0, 0), end.produced(0, 0));
  EXPECT_EQ(so_far.busy_ns(0), end.busy_ns(0));
  EXPECT_EQ(so_far.batch_ns(0), end.batch_ns(0));
  EXPECT_EQ(so_far.replica_ns(0), 2 * within_a_step_ns);
  EXPECT_EQ(so_far.replica_ns(0), end.replica_ns(0));
}

TEST(Streaming, ThreadsTellTheTokensThatTheDecoderChose) {
  const Scenario scenario = small("threads", 1, 4);
  const RecordingGrid grid = make_grid(scenario);
  const auto serve = [&](RequestId given_up) {
    WeightStore weights;
    RealClock clock;
    ThreadFleet fleet(scenario, grid, clock, weights);
    clock.start();
    std::map<RequestId, std::vector<std::int32_t>> tokens;
    std::set<RequestId> ended;
    for (RequestId id = 0; id < 3; ++id) {
      Work work{id, 20, id == given_up ? 200 : 10, id, 0, 0};
      work.stream = true;
      fleet.submit(work, 0, clock.now_ns());
    }
    while (ended.size() < 3) {
      TokenRecord so_far(grid);  // from another thread than those that record
      fleet.add_so_far(clock.now_ns(), so_far);
      EXPECT_LE(so_far.produced(0, 0), 230U);
      EXPECT_LE(fleet.cache_use().resident_tokens, fleet.cache_use().room_tokens);
      for (const News& news : fleet.advance(clock.wait(clock.now_ns() + 1'000'000'000))) {
        EXPECT_EQ(ended.count(news.id), 0U);
        if (news.kind == NewsKind::token) {
          EXPECT_GE(news.count, 0);
          tokens[news.id].push_back(news.count);
          if (news.id == given_up && tokens[news.id].size() == 2) {
            fleet.cancel(news.id, 0, clock.now_ns());
          }
        } else {
          EXPECT_EQ(news.kind == NewsKind::cancelled, news.id == given_up);
          ended.insert(news.id);
        }
      }
    }
    TokenRecord record(grid);
    fleet.stop(clock.now_ns(), record);
    return tokens;
  };
  const auto all = serve(3);
  for (RequestId id = 0; id < 3; ++id) EXPECT_EQ(all.at(id).size(), 10U);
  const auto fewer = serve(2);
  EXPECT_EQ(fewer.at(0), all.at(0)) << "what one says is not another one's business";
  EXPECT_LT(fewer.at(2).size(), 200U);
}

}  // namespace
}  // namespace tokenlift::streaming_test
