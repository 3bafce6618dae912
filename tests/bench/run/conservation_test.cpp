// Requests and tokens are conserved, whatever happens to the fleet: through the whole loop, in
// virtual time, under random sequences of all events.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/fleet/virtual_fleet.hpp"
#include "tests/bench/fleet/random_scenario.hpp"
#include "tests/bench/run/recording.hpp"
#include "tests/bench/run/virtual_run.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/scenario_reader.hpp"

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

// ----------------------------------------------------------------------------------- for long

/// Throttles of every kind, clients of every sort, and events of all kinds that time can simulate;
/// some 1,500 requests a second.
const std::string kEverything = R"(
name = "everything"
[run]
engine = "virtual"
duration = "600s"
warmup = "1s"
settle = "2s"
[queue]
order = "fair"
[[fleet.site]]
name = "hall"
replicas = 5
profile = "quick"
max_batch = 16
kv_tokens = 4000
prefix_cache_tokens = 2000
spares = 1
boot = "2s"
failures = { mtbf = "2000s", repair = "20s" }
[[fleet.site]]
name = "leased"
replicas = 3
at_start = 1
profile = "quick"
max_batch = 8
kv_tokens = 2000
boot = "1s"
rtt = "10ms"
available = { period = "150s", off = "20s" }
[profile.quick]
decode = { a = "2ms", b = "50us", c = "10ns" }
prefill = { p0 = "1ms", p1 = "20us", p2 = "1ns" }
pricing = "mixed"
[[tenant]]
name = "many"
users = 2000
arrivals = { process = "poisson", rate = "700/s", shape = { kind = "diurnal", trough = 0.5, peak = 1.5, period = "5min" } }
prompt_tokens = { distribution = "geometric", mean = 40, max = 200 }
output_tokens = { distribution = "uniform", min = 1, max = 12 }
patience = { distribution = "exponential", mean = "5s" }
slo = { ttft = "500ms" }
retry = { policy = "exponential", delay = "500ms", attempts = 4, budget = 0.5 }
[[tenant]]
name = "closed"
users = 300
weight = 0.5
arrivals = { process = "closed", think = { distribution = "exponential", mean = "1s" } }
prompt_tokens = { distribution = "constant", value = 30 }
output_tokens = { distribution = "constant", value = 6 }
retry = { policy = "honour_retry_after", jitter = 0.5 }
[[tenant]]
name = "talkers"
users = 100
weight = 3
arrivals = { process = "gamma", rate = "40/s", cv = 3 }
sessions = { turns = { distribution = "geometric", mean = 5 }, think = "2s", max_context = 1000 }
prompt_tokens = { distribution = "constant", value = 20 }
output_tokens = { distribution = "geometric", mean = 5, max = 20 }
deadline = "20s"
retry = { policy = "sdk_openai" }
[[tenant]]
name = "bursts"
users = 50
arrivals = { process = "constant", rate = "150/s", shape = { kind = "mmpp", high = 4, length = "1s", calm = "5s" } }
prompt_tokens = { distribution = "uniform", min = 1, max = 60 }
output_tokens = { distribution = "constant", value = 3 }
retry = { policy = "sdk_anthropic" }
)";

/// One of each kind, the first of them for the fleet, then tenants and users.
std::string throttles_of_every_kind() {
  const std::vector<std::string> kinds = {
      R"(kind = "token_bucket", unit = "output_tokens", rate = "20k/s", burst = "1s", max_wait = "4s")",
      R"(kind = "gcra", unit = "requests", rate = "1200/s", burst = 300, max_wait = "2s")",
      R"(kind = "leaky_bucket", unit = "input_tokens", scope = "tenant", rate = "60k/s", max_wait = "3s")",
      R"(kind = "fixed_window", unit = "requests", scope = "user", limit = 30, window = "20s", when_full = "reject")",
      R"(kind = "anchored_window", unit = "tokens", scope = "user", limit = 40000, window = "30s", max_wait = "2s")",
      R"(kind = "sliding_window", unit = "requests", scope = "tenant", limit = 9000, window = "10s", max_wait = "2s")",
      R"(kind = "sliding_log", unit = "requests", limit = 3000, window = "2s", max_wait = "5s")",
      R"(kind = "concurrency", limit = 700, max_wait = "2s")",
      R"(kind = "queue_limit", limit = 3000)",
      R"(kind = "aimd", limit = 600, max_limit = 900, target = "300ms", max_wait = "2s")",
      R"(kind = "gradient", limit = 600, max_limit = 900, max_wait = "2s")",
      R"(kind = "vegas", limit = 600, max_limit = 900, max_wait = "2s")",
      R"(kind = "acceleration_limit", unit = "requests", scope = "tenant", limit = 4000, window = "5s", max_wait = "2s")"};
  std::string text = "throttle = [\n";
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    text += "  { name = \"" + std::to_string(i) + "\", " + kinds[i] + " },\n";
  }
  return text + "]\n";
}

/// Whatever can happen, in turns, every so often.
std::string events_of_every_kind(int end_s, int every_s) {
  const std::vector<std::string> kinds = {
      R"(lift = "0")",
      R"(set = { throttle = "1", rate = "900/s", inherit = "proportional" })",
      R"(restore = "0")",
      R"(ramp = { throttle = "6", to = 4000, over = "10s" })",
      R"(join = { site = "leased", over = "5s" })",
      R"(fail = { site = "hall", share = 0.3, for = "10s" })",
      R"(slow = { site = "hall", share = 0.5, decode = 1.5, for = "15s" })",
      R"(restore = { throttle = "1", inherit = "reset" })",
      R"(lift = "7")",
      R"(leave = { site = "leased", replicas = 2, in_flight = "move" })",
      R"(restore = "7")",
      R"(restore = "6")",
      R"(fail = { site = "leased", in_flight = "move", for = "20s" })"};
  std::string text = "event = [\n";
  for (int i = 2; i * every_s < end_s; ++i) {
    text += "  { at = \"" + std::to_string(i * every_s) + "s\", " +
            kinds[static_cast<std::size_t>(i - 2) % kinds.size()] + " },\n";
  }
  return text + "]\n";
}

std::int64_t most_memory_kb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// A few seconds of it as a test; scripts/soak says how many requests, and for how long at most.
TEST(Conservation, HoldsForManyRequestsWithAllThatThereIsAndMemoryStaysAsItIs) {
  const auto setting = [](const char* name, std::uint64_t otherwise) {
    const char* const stated = std::getenv(name);
    return stated != nullptr ? std::stoull(stated) : otherwise;
  };
  const std::uint64_t wanted = setting("TOKENLIFT_SOAK_REQUESTS", 40'000);
  const std::chrono::seconds most(setting("TOKENLIFT_SOAK_SECONDS", 3'600));
  const std::uint64_t first_seed = setting("TOKENLIFT_SOAK_SEED", 1);
  const auto begin = std::chrono::steady_clock::now();
  const bool is_long = wanted >= 1'000'000;
  std::string text = kEverything;
  text.insert(text.find("[run]"),
              throttles_of_every_kind() +
                  (is_long ? events_of_every_kind(590, 10) : events_of_every_kind(29, 2)));
  Scenario scenario = resolve(
      parse_scenario(text, "everything", "", {is_long ? "run.duration=600s" : "run.duration=30s"}),
      std::nullopt);
  std::uint64_t requests = 0;
  std::uint64_t attempts = 0;
  std::int64_t memory_kb = 0;
  for (std::uint64_t runs = 0; requests < wanted; ++runs) {
    if (std::chrono::steady_clock::now() - begin > most) break;
    scenario.run.seed = first_seed + runs;
    const auto run = play_virtual(scenario);
    const Counts& c = run.totals;
    ASSERT_GT(c.due, 10'000U);
    ASSERT_EQ(c.due, c.completed + c.rejected + c.expired + c.cancelled + c.failed + c.in_flight);
    for (const Check& check : run.checks) {
      if (check.name == "littles_law_error") {
        ASSERT_EQ(check.value, 0);
      }
    }
    requests += c.due;
    for (const TenantRecord& tenant : run.tenants) {
      for (const PhaseRecord& phase : tenant.phases) attempts += phase.attempts;
    }
    if (runs == 0) {
      EXPECT_GT(c.completed, c.due / 4);
      EXPECT_GT(std::min({c.rejected, c.expired, c.cancelled}), 0U);
    }
    if (runs == 10) memory_kb = most_memory_kb();
  }
  if (memory_kb > 0) {
    std::cout << "seeds " << first_seed << " to " << scenario.run.seed << ": " << requests
              << " requests, " << attempts << " attempts; memory " << memory_kb
              << " kB after 11 runs, " << most_memory_kb() << " kB at the end\n";
    EXPECT_LE(most_memory_kb(), memory_kb * 11 / 10);
  }
}

}  // namespace
}  // namespace tokenlift::conservation_test
