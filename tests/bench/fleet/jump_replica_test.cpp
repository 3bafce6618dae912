// Prefix caches and announced starts in virtual time: stepping and jumping agree to the last byte,
// and the fleet speaks up at the very instant of a start.

#include "bench/fleet/jump_replica.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "bench/fleet/null_fleet.hpp"
#include "bench/fleet/step_replica.hpp"
#include "bench/fleet/virtual_fleet.hpp"
#include "tests/bench/fleet/news.hpp"

namespace tokenlift::jump_replica_test {
namespace {

constexpr std::int64_t kUs = 1'000;
constexpr std::int64_t kMs = 1'000'000;

// ------------------------------------------------------------------------- one replica, by hand

// 1 us for a prefilled token, 10 us for a decode step.
constexpr CostModel kSimple{10'000'000, 0, 0, 0, 1'000'000, 0};

RecordingGrid plain_grid() {
  Scenario scenario;
  scenario.run.duration_ns = 1000 * kMs;
  scenario.tenants.emplace_back();
  return make_grid(scenario);
}

// A smaller batch, which a limit of power imposes, puts the younger request out, whose context then
// is not read any more: the older one completes earlier than both together would have let it.
TEST(JumpReplica, WhatIsSaidOfTheNextCompletionHoldsWhenABatchIsMadeSmaller) {
  const StepPrice price(
      CostModel{1'000'000, 0, 1'000'000, 0, 1'000, 0});  // 1 us, 1 us a token read
  const SiteModel two({2, 1000, 100'000, 0}, price);
  const SiteModel one({1, 1000, 100'000, 0}, price);
  JumpReplica replica(two, std::pmr::get_default_resource());
  const RecordingGrid grid = plain_grid();
  TokenRecord record(grid);
  std::vector<News> news;
  replica.submit({0, 0, 10, 20, 0});
  replica.submit({1, 0, 500, 100, 0});
  const std::int64_t now_ns = 2 * kMs;  // both decode
  replica.advance(now_ns, record, news);
  replica.set_model(one, now_ns, record);
  const std::int64_t bound_ns = replica.advance(now_ns, record, news);
  ASSERT_TRUE(news.empty());
  for (std::int64_t next_ns = bound_ns; next_ns != kNever;) {
    next_ns = replica.advance(next_ns, record, news);
  }
  ASSERT_EQ(news.size(), 2U);
  EXPECT_LE(bound_ns, news[0].at_ns);
}

// Also while requests are put out of the batch, after which the others' steps are shorter.
RC_GTEST_PROP(JumpReplica, NobodyCompletesEarlierThanIsSaid, ()) {
  const auto up_to = [](std::int64_t most) { return *rc::gen::inRange<std::int64_t>(1, most + 1); };
  constexpr std::int64_t kMostTokens = 100;
  // What is read of the cache makes the most of a step, so that who is put out makes a difference.
  const StepPrice price(CostModel{1'000'000, 0, 1'000'000, 0, 1'000, 0});
  const SiteModel model({6, 1000, 2 * kMostTokens + up_to(100), 0}, price);
  JumpReplica replica(model, std::pmr::get_default_resource());
  const auto requests = static_cast<RequestId>(up_to(6));
  for (RequestId id = 0; id < requests; ++id) {
    replica.submit({id, 0, static_cast<std::int32_t>(up_to(kMostTokens)),
                    static_cast<std::int32_t>(up_to(kMostTokens)), 0});
  }
  const RecordingGrid grid = plain_grid();
  TokenRecord record(grid);
  std::int64_t now_ns = 0;
  for (std::int64_t said_ns = 0; said_ns != kNever; now_ns += up_to(500 * kUs)) {
    std::vector<News> news;
    const std::int64_t next_ns = replica.advance(now_ns, record, news);
    for (const News& done : of_kind(NewsKind::completed, news)) RC_ASSERT(done.at_ns >= said_ns);
    said_ns = next_ns;
  }
}

template <typename VirtualReplica>
class CachingReplica : public testing::Test {
 protected:
  /// Plays until nobody is there; completions are in `done`, starts in `starts`.
  void play(std::int64_t prefix_cache_tokens, const std::vector<Newcomer>& newcomers,
            const std::vector<Prefix>& prefixes, std::int64_t kv_tokens = 100'000) {
    const SiteModel model({4, 1000, kv_tokens, prefix_cache_tokens}, StepPrice(kSimple));
    VirtualReplica replica(model, std::pmr::get_default_resource());
    const RecordingGrid grid = plain_grid();
    TokenRecord record(grid);
    std::vector<News> news;
    for (std::size_t i = 0; i < newcomers.size(); ++i) {
      replica.advance(newcomers[i].at_ns, record, news);
      replica.submit(newcomers[i], {&prefixes[i], true, std::nullopt});
    }
    for (std::int64_t next_ns = 0; next_ns != kNever;) {
      next_ns = replica.advance(next_ns, record, news);
    }
    done = of_kind(NewsKind::completed, news);
    starts = of_kind(NewsKind::started, news);
  }

  std::vector<News> done;
  std::vector<News> starts;
};

using Replicas = testing::Types<StepReplica, JumpReplica>;
TYPED_TEST_SUITE(CachingReplica, Replicas);

TYPED_TEST(CachingReplica, TheNextTurnIsPrefilledFromWhereTheLastOneEnded) {
  this->play(1000, {{0, 0, 100, 3, 0}, {1, 0, 150, 2, kMs}}, {{7, 0, {}}, {7, 103, {}}});
  ASSERT_EQ(this->done.size(), 2U);
  EXPECT_EQ(this->done[0].first_token_ns, 100 * kUs);
  EXPECT_EQ(this->done[0].at_ns, 120 * kUs);
  EXPECT_EQ(this->done[1].first_token_ns, kMs + (150 - 102) * kUs)
      << "its last token was never fed";
  ASSERT_EQ(this->starts.size(), 2U);
  EXPECT_EQ(this->starts[0].count, 0);
  EXPECT_EQ(this->starts[1].count, 102);
  EXPECT_EQ(this->starts[1].scheduled_ns, kMs);
}

TYPED_TEST(CachingReplica, ACacheIsFilledWhenARequestCompletesAndNotBefore) {
  // The second one comes while the first is computed; the third when it has just completed.
  this->play(10'000, {{0, 0, 600, 2, 0}, {1, 0, 600, 1, 1}, {2, 0, 600, 1, 5 * kMs}},
             {{0, 0, {3, 4}}, {0, 0, {3, 4}}, {0, 0, {3, 5}}});
  ASSERT_EQ(this->starts.size(), 3U);
  EXPECT_EQ(this->starts[1].count, 0);
  EXPECT_EQ(this->starts[2].count, kBlockTokens);
}

TYPED_TEST(CachingReplica, APreemptedRequestIsRecomputedFromItsFirstToken) {
  // One step of the older one and three of both take 50 + 40 + 7 of the 98 tokens; the younger one,
  // of whose prompt all but one token was cached, is out then with 44 tokens to prefill.
  this->play(1000, {{0, 0, 40, 1, 0}, {1, 0, 50, 30, kMs}, {2, 0, 40, 10, kMs + 1}},
             {{7, 0, {}}, {8, 0, {}}, {7, 40, {}}}, 98);
  ASSERT_EQ(this->starts.size(), 3U) << "nobody starts twice";
  EXPECT_EQ(this->starts[2].count, 39);
  ASSERT_EQ(this->done.size(), 3U);
  // 1: 50 us of prefill, one step with a chunk of 1 token, and 28 more, of 10 us each.
  const std::int64_t older_ends_ns = kMs + (50 + 11 + 280) * kUs;
  EXPECT_EQ(this->done[1].at_ns, older_ends_ns);
  // 2: four tokens before it was out, the fifth with the prefill, and five decode steps.
  EXPECT_EQ(this->done[2].at_ns, older_ends_ns + (44 + 50) * kUs);
}

TYPED_TEST(CachingReplica, WithoutACacheStartsAreAnnouncedAllTheSame) {
  this->play(0, {{0, 0, 100, 3, 0}, {1, 0, 150, 2, kMs}}, {{7, 0, {}}, {7, 103, {}}});
  ASSERT_EQ(this->starts.size(), 2U);
  EXPECT_EQ(this->starts[1].count, 0);
  EXPECT_EQ(this->done[1].first_token_ns, kMs + 150 * kUs);
}

template <typename VirtualReplica>
class CrampedReplica : public testing::Test {};
TYPED_TEST_SUITE(CrampedReplica, Replicas);

// Two of them have room until each has 9 tokens of output; the third one waits.
const std::vector<Newcomer> kCramped = {{0, 0, 40, 30, 0}, {1, 0, 40, 30, 1}, {2, 0, 50, 5, 2}};
constexpr std::int64_t kCrampedTokens = 98;

TYPED_TEST(CrampedReplica, ThatGoesGivesBackAlsoWhoIsOutOfTheBatch) {
  const SiteModel model({4, 1000, kCrampedTokens, 0}, StepPrice(kSimple));
  TypeParam replica(model, std::pmr::get_default_resource());
  const RecordingGrid grid = plain_grid();
  TokenRecord record(grid);
  std::vector<News> news;
  for (const Newcomer& each : kCramped) replica.submit(each);
  const std::int64_t now_ns = 300 * kUs;  // the second one is out from the 9th step on
  replica.advance(now_ns, record, news);
  std::vector<Withdrawn> gone;
  replica.withdraw(now_ns, record, gone);
  ASSERT_EQ(gone.size(), 3U);
  std::map<RequestId, std::int32_t> emitted_tokens;
  for (const Withdrawn& each : gone) emitted_tokens[each.id] = each.progress.emitted_tokens;
  EXPECT_GT(emitted_tokens.at(0), 15);
  EXPECT_EQ(emitted_tokens.at(1), 9);
  EXPECT_EQ(emitted_tokens.at(2), 0);
}

TYPED_TEST(CrampedReplica, ThatTakesOneTokenAStepServesWhoWasOutOfTheBatch) {
  const SiteModel model({4, 1, kCrampedTokens, 0}, StepPrice(kSimple));
  TypeParam replica(model, std::pmr::get_default_resource());
  const RecordingGrid grid = plain_grid();
  TokenRecord record(grid);
  std::vector<News> news;
  for (const Newcomer& each : kCramped) replica.submit(each);
  for (std::int64_t next_ns = 0; next_ns != kNever;) {
    next_ns = replica.advance(next_ns, record, news);
  }
  EXPECT_EQ(of_kind(NewsKind::completed, news).size(), 3U);
}

// ---------------------------------------------------------------------------- fleets, at random

struct Asked {
  Work work;
  std::uint32_t replica = 0;
  std::int64_t at_ns = 0;
};

/// What was played, and the prompts that it is about.
struct Load {
  Scenario scenario;
  std::deque<Prefix> prefixes;
  std::vector<Asked> asked;
  std::vector<ReplicaChange> changes;
  std::int64_t end_ns = 0;  // cut off there
};

constexpr std::int64_t kMostPrompt = 2000;
constexpr std::int64_t kMostOutput = 100;
constexpr int kTenants = 3;

CostModel any_cost() {
  const auto up_to = [](std::int64_t most) { return *rc::gen::inRange<std::int64_t>(0, most); };
  return {*rc::gen::element<std::int64_t>(999'999, 1'000'000, 7'123'456'789, 20'000'000'001),
          up_to(30'000'000),
          *rc::gen::element<std::int64_t>(0, 1, 41'100),
          *rc::gen::element<std::int64_t>(0, 4'300'000'000),
          1 + up_to(5'000'000),
          *rc::gen::element<std::int64_t>(0, 1, 976),
          *rc::gen::element(Pricing::separate, Pricing::mixed)};
}

Scenario any_fleet() {
  Scenario scenario;
  scenario.run.engine = Engine::simulated;
  scenario.run.duration_ns = 3'600'000 * kMs;
  for (int tenant = 0; tenant < kTenants; ++tenant) {
    scenario.tenants.emplace_back();
    // Near what steps take; some tenants have the same, some none.
    if (*rc::gen::arbitrary<bool>()) {
      scenario.tenants.back().slo.itl_ns = *rc::gen::element<std::int64_t>(
          999'998, 999'999, 1'000'000, 1'070'000, 7'123'456, 7'200'000, 20'000'000, 20'400'000);
    }
  }
  scenario.fleet.load_report_interval_ns =
      *rc::gen::element<std::int64_t>(0, 0, kMs / 3, 10 * kMs, 500 * kMs);
  for (const std::string profile : {"one", "two"}) {
    Site site;
    site.profile = profile;
    site.replicas = *rc::gen::inRange(1, 3);
    site.max_batch = *rc::gen::inRange(1, 8);
    site.max_step_tokens = *rc::gen::element<std::int64_t>(1, 100, 1000, 4000);
    // From a cache that holds just the largest request to plenty.
    site.kv_tokens = *rc::gen::element<std::int64_t>(kMostPrompt + kMostOutput, 3000, 1'000'000);
    site.prefix_cache_tokens = *rc::gen::element<std::int64_t>(0, 1, 600, 2500, 1'000'000);
    site.rtt_ns = *rc::gen::element<std::int64_t>(0, 0, 1, 333'333, 70 * kMs);
    scenario.fleet.sites.push_back(site);
    scenario.profiles.emplace_back();
    scenario.profiles.back().name = profile;
    scenario.profiles.back().cost = any_cost();
    if (*rc::gen::arbitrary<bool>())
      scenario.profiles.back().overhead = Overhead{1'411'111, 2024, ""};
  }
  return scenario;
}

/// Turns of a few conversations, prompts in blocks that begin alike, and neither.
const Prefix* any_prefix(std::deque<Prefix>& prefixes, std::int32_t prompt) {
  const int kind = *rc::gen::inRange(0, 4);
  if (kind == 0) return nullptr;
  Prefix prefix;
  if (kind == 1) {
    const auto root = 100 * *rc::gen::inRange<std::uint64_t>(1, 4);
    const auto fork = *rc::gen::inRange<std::uint64_t>(0, 5);
    const auto blocks = static_cast<std::uint64_t>((prompt + kBlockTokens - 1) / kBlockTokens);
    for (std::uint64_t b = 0; b < blocks; ++b)
      prefix.blocks.push_back(root + b + (b < fork ? 0 : 9));
  } else {
    prefix.conversation = *rc::gen::inRange<std::uint64_t>(1, 5);
    prefix.known_tokens = *rc::gen::inRange<std::int32_t>(0, prompt + 1);
  }
  prefixes.push_back(prefix);
  return &prefixes.back();
}

/// Replicas that come, go, fail and change their pace: of each serve takes turns with the others.
std::vector<ReplicaChange> any_changes(std::uint32_t replicas, std::int64_t length_ns) {
  using Kind = ReplicaChange::Kind;
  std::vector<ReplicaChange> changes;
  std::vector<bool> serves(replicas, true);
  std::int64_t at_ns = 0;
  for (int left = *rc::gen::element(0, 0, 1, 3, 30); left > 0; --left) {
    at_ns += *rc::gen::element<std::int64_t>(0, 1, 1 + length_ns / 20, 1 + length_ns / 7);
    ReplicaChange change;
    change.at_ns = at_ns;
    change.replica = *rc::gen::inRange<std::uint32_t>(0, replicas);
    if (!serves[change.replica]) {
      change.kind = Kind::serve;
      serves[change.replica] = true;
    } else {
      change.kind = *rc::gen::element(Kind::leave, Kind::fail, Kind::pace);
      serves[change.replica] = change.kind == Kind::pace;
      change.in_flight = change.kind == Kind::leave
                             ? *rc::gen::element(InFlight::finish, InFlight::move, InFlight::drop)
                             : *rc::gen::element(InFlight::move, InFlight::drop);
      change.decode_ppm = *rc::gen::element(1'000'000, 1'350'001, 700'000);
      change.prefill_ppm = *rc::gen::element(1'000'000, 3'000'000);
    }
    changes.push_back(change);
  }
  return changes;
}

Load any_load() {
  Load load;
  load.scenario = any_fleet();
  const auto replicas = static_cast<std::uint32_t>(load.scenario.fleet.sites[0].replicas +
                                                   load.scenario.fleet.sites[1].replicas);
  const RecordingGrid grid = make_grid(load.scenario);
  const auto requests = *rc::gen::inRange<RequestId>(1, 80);
  const auto pause_ns = *rc::gen::element<std::int64_t>(1, kMs, 300 * kMs);
  const int announcing = *rc::gen::inRange(0, 3);  // nobody, some, all
  std::int64_t at_ns = 0;
  for (RequestId id = 0; id < requests; ++id) {
    at_ns += *rc::gen::element<std::int64_t>(0, 1, pause_ns, 2 * pause_ns);
    const auto tenant = *rc::gen::inRange<std::uint32_t>(0, kTenants);
    Work work{id,
              *rc::gen::inRange<std::int32_t>(1, kMostPrompt + 1),
              *rc::gen::inRange<std::int32_t>(1, kMostOutput + 1),
              id,
              tenant,
              grid.cell(tenant, 0)};
    work.prefix = any_prefix(load.prefixes, work.prompt_tokens);
    work.announce = *rc::gen::inRange(0, 2) < announcing;
    load.asked.push_back({work, *rc::gen::inRange<std::uint32_t>(0, replicas), at_ns});
  }
  load.end_ns = *rc::gen::element(kNever, at_ns + 1, at_ns * 2 + kMs / 2);
  load.changes = any_changes(replicas, at_ns);
  return load;
}

/// Everything that a fleet said, with the instant at which it did, and what it recorded.
struct Said {
  using Line = std::tuple<std::int64_t, NewsKind, RequestId, std::uint32_t, std::int64_t,
                          std::int64_t, std::int64_t, std::int32_t, std::uint16_t>;
  std::vector<Line> news;
  std::vector<Histogram> gaps;
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> queued_tokens;  // before each change
  std::int64_t busy_ns = 0;
  __int128 batch_ns = 0;
  __int128 batch_room_ns = 0;
  __int128 resident_token_ns = 0;
  __int128 replica_ns = 0;
  __int128 kv_room_token_ns = 0;
  TokenRecord::Prompts prompts;
};

/// What somebody who hands requests to a fleet knows of them.
struct Hearer {
  const Load& load;
  std::vector<bool> serves;  // by replica
  std::set<RequestId> unannounced;
  std::set<RequestId> there;
  std::int64_t tokens = 0;  // of those that have ended

  /// To the replica that it is for, or the next that serves; nowhere if there is none.
  void submit(Fleet& fleet, Work work, std::uint32_t replica, std::int64_t now_ns) {
    for (std::size_t turn = 0; turn < serves.size(); ++turn) {
      const auto to = static_cast<std::uint32_t>((replica + turn) % serves.size());
      if (!serves[to]) continue;
      fleet.submit(work, to, now_ns);
      there.insert(work.id);
      if (work.announce) unannounced.insert(work.id);
      return;
    }
    if (work.progress != nullptr) tokens += work.progress->emitted_tokens;
  }
};

/// Hears a fleet out at one instant, and holds it to what it promises.
void hear(Fleet& fleet, std::int64_t now_ns, Hearer& hearer, Said& said) {
  const auto span = fleet.advance(now_ns);
  const std::vector<News> all(span.begin(), span.end());
  const bool exact = hearer.load.scenario.fleet.load_report_interval_ns == 0;
  RC_ASSERT(std::is_sorted(all.begin(), all.end(), earlier));
  for (const News& news : all) {
    RC_ASSERT((exact ? news.at_ns == now_ns : news.at_ns <= now_ns));
    said.news.emplace_back(now_ns, news.kind, news.id, news.replica, news.scheduled_ns,
                           news.first_token_ns, news.at_ns, news.count, news.site);
    const Work& work = hearer.load.asked[news.id].work;
    if (news.kind == NewsKind::started) {
      RC_ASSERT(hearer.unannounced.erase(news.id) == 1);
      continue;
    }
    RC_ASSERT(hearer.there.erase(news.id) == 1);
    if (news.kind == NewsKind::completed) {
      RC_ASSERT(hearer.unannounced.count(news.id) == 0);
      RC_ASSERT(news.scheduled_ns <= news.first_token_ns);
      RC_ASSERT(news.first_token_ns <= news.at_ns);
      hearer.tokens += work.output_tokens;
    }
    hearer.unannounced.erase(news.id);
    if (news.kind == NewsKind::failed) hearer.tokens += news.count;
    if (news.kind != NewsKind::returned) continue;
    Progress progress = fleet.progress(news.id);
    RC_ASSERT(progress.emitted_tokens < work.output_tokens);
    RC_ASSERT((progress.emitted_tokens > 0) == (progress.first_token_ns >= 0));
    Work again = work;
    if (progress.scheduled_ns >= 0) {
      again.progress = &progress;
      again.announce = false;
    }
    hearer.submit(fleet, again, news.id, now_ns);
  }
}

Said play(const Load& load, Stepping stepping, std::size_t threads) {
  const RecordingGrid grid = make_grid(load.scenario);
  Workers workers(threads);
  const auto fleet = make_virtual_fleet(load.scenario, grid, workers, stepping);
  const auto replicas = static_cast<std::size_t>(replica_places(load.scenario));
  Hearer hearer{load, std::vector<bool>(replicas, true), {}, {}, 0};
  Said said;
  std::int64_t now_ns = 0;
  auto change = load.changes.begin();
  for (auto next = load.asked.begin();;) {
    const std::int64_t asked_ns = next == load.asked.end() ? kNever : next->at_ns;
    const std::int64_t change_ns = change == load.changes.end() ? kNever : change->at_ns;
    const std::int64_t next_ns = std::min({asked_ns, change_ns, fleet->next_event_ns()});
    RC_ASSERT(next_ns >= now_ns);
    if (next_ns == kNever || next_ns > load.end_ns) break;
    now_ns = next_ns;
    hear(*fleet, now_ns, hearer, said);
    if (change_ns == now_ns) said.queued_tokens.push_back(fleet->queued_tokens(now_ns));
    for (; change != load.changes.end() && change->at_ns == now_ns; ++change) {
      fleet->apply(*change, now_ns);
      if (change->kind == ReplicaChange::Kind::pace) continue;
      hearer.serves[change->replica] = change->kind == ReplicaChange::Kind::serve;
    }
    hear(*fleet, now_ns, hearer, said);
    for (; next != load.asked.end() && next->at_ns == now_ns; ++next) {
      hearer.submit(*fleet, next->work, next->replica, now_ns);
    }
  }
  TokenRecord record(grid);
  fleet->stop(load.end_ns == kNever ? now_ns + 1 : load.end_ns, record);
  said.tokens = record.tokens_by_bin();
  if (load.end_ns == kNever) {
    RC_ASSERT(hearer.unannounced.empty());
    RC_ASSERT(hearer.there.empty());
    RC_ASSERT(std::accumulate(said.tokens.begin(), said.tokens.end(), std::int64_t{0}) ==
              hearer.tokens);
  }
  for (std::uint32_t tenant = 0; tenant < kTenants; ++tenant) {
    said.gaps.push_back(record.gaps(grid.cell(tenant, 0)));
  }
  said.busy_ns = record.busy_ns(0);
  said.batch_ns = record.batch_ns(0);
  said.batch_room_ns = record.batch_room_ns(0);
  said.resident_token_ns = record.resident_token_ns(0);
  said.replica_ns = record.replica_ns(0);
  said.kv_room_token_ns = record.kv_room_token_ns(0);
  said.prompts = record.prompts(0, 0);
  RC_ASSERT(said.busy_ns <= static_cast<std::int64_t>(said.replica_ns));
  RC_ASSERT((said.resident_token_ns <= said.kv_room_token_ns));
  return said;
}

void check_same(const Said& a, const Said& b) {
  RC_ASSERT(a.news == b.news);
  RC_ASSERT(a.gaps == b.gaps);
  RC_ASSERT(a.tokens == b.tokens);
  RC_ASSERT(a.queued_tokens == b.queued_tokens);
  RC_ASSERT(a.busy_ns == b.busy_ns);
  RC_ASSERT((a.batch_ns == b.batch_ns));  // RapidCheck cannot print it
  RC_ASSERT((a.batch_room_ns == b.batch_room_ns));
  RC_ASSERT((a.resident_token_ns == b.resident_token_ns));
  RC_ASSERT((a.replica_ns == b.replica_ns));
  RC_ASSERT((a.kv_room_token_ns == b.kv_room_token_ns));
  RC_ASSERT((a.prompts == b.prompts));
}

TEST(PrefixFleet, TheFleetThatAnswersAtOnceAnnouncesAtOnce) {
  const RecordingGrid grid = plain_grid();
  NullFleet fleet(3, grid);
  Work work{3, 10, 2, 3, 0, 0};
  fleet.submit(work, 1, 50);
  work.id = 4;
  work.announce = true;
  fleet.submit(work, 2, 50);
  const auto news = fleet.advance(60);
  EXPECT_EQ(news.size(), 3U);
  const std::vector<News> starts = of_kind(NewsKind::started, news);
  ASSERT_EQ(starts.size(), 1U);
  EXPECT_EQ(starts[0].id, 4U);
  EXPECT_EQ(starts[0].replica, 2U);
  EXPECT_EQ(starts[0].scheduled_ns, 50);
  EXPECT_TRUE(fleet.advance(70).empty());
}

RC_GTEST_PROP(PrefixFleet, JumpingSaysAndRecordsWhatSteppingDoes, ()) {
  const Load load = any_load();
  const Said stepped = play(load, Stepping::each, 1);
  check_same(stepped, play(load, Stepping::jump, 1));
  if (load.scenario.fleet.load_report_interval_ns > 0) {
    check_same(stepped, play(load, Stepping::jump, 3));
  }
}

}  // namespace
}  // namespace tokenlift::jump_replica_test
