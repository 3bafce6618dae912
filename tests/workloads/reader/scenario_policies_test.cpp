// The scenario language: throttles of every kind, clients of every kind, and events.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift::scenario_policies_test {
namespace {

constexpr std::int64_t kS = 1'000'000'000;

// Line numbers in the tests below are of this text.
const std::string kText = R"(name = "demo"
[run]
duration = "40s"
starts_at = "2026-05-04T05:00"
time_zone = "America/Los_Angeles"
[queue]
order = "fair"
[fleet]
router = "session_affinity"
capacity = "5000/s"
[[fleet.site]]
name = "commodity"
prefix_cache_tokens = 1000
[[tenant]]
name = "chats"
users = 100
weight = 2.0
arrivals = { process = "closed", think = "5s" }
prompt_tokens = { distribution = "constant", value = 100 }
output_tokens = { distribution = "constant", value = 50 }
sessions = { turns = { distribution = "constant", value = 4 }, think = "2s", max_context = 800 }
deadline = "30s"
patience = { distribution = "exponential", mean = "10s" }
retry = { policy = "exponential", delay = "2s", max_delay = "50s", attempts = 4, budget = 0.2 }
[[tenant]]
name = "jobs"
priority = -1
arrivals = { process = "poisson", rate = "1/s", shape = { kind = "ramp", to = 2.0, length = "9s" } }
prompt_tokens = { distribution = "constant", value = 100 }
output_tokens = { distribution = "constant", value = 50 }
[[throttle]]
name = "bucket"
kind = "token_bucket"
unit = "tokens"
scope = "user"
tenants = ["chats"]
mode = "shadow"
rate = "2000/s"
burst = 1200
charge = "after"
exempt_cached = true
schedule = [{ days = "mon-fri", from = "05:00", to = "11:00", drain = 2.0 }]
[[throttle]]
name = "window"
kind = "anchored_window"
unit = "requests"
load = 0.5
window = "10s"
when_full = "reject"
[[throttle]]
name = "adaptive"
kind = "aimd"
target = "500ms"
[[throttle]]
name = "queue"
kind = "queue_limit"
max_wait = "2s"
[[event]]
at = "10s"
ramp = { throttle = "bucket", to = "4000/s", over = "10s", steps = 5 }
[[event]]
at = "30s"
restore = "bucket"
)";

Scenario parse(const std::string& text) {
  return parse_scenario(text, "demo.toml", "", {});
}

std::vector<Mistake> mistakes_in(const std::string& text) {
  return mistakes_of([&] { parse(text); });
}

TEST(ParsePolicies, ReadsClients) {
  const Scenario scenario = parse(kText);
  EXPECT_EQ(scenario.run.starts_at_s, 1'777'896'000);  // 12:00 UTC
  EXPECT_EQ(scenario.run.time_zone, "America/Los_Angeles");
  EXPECT_EQ(scenario.queue_order, QueueOrder::fair);
  EXPECT_EQ(scenario.fleet.router, RouterPolicy::session_affinity);
  EXPECT_EQ(scenario.fleet.sites[0].prefix_cache_tokens, 1000);
  const Tenant& chats = scenario.tenants[0];
  EXPECT_EQ(chats.users, 100);
  EXPECT_EQ(chats.weight, 2);
  EXPECT_EQ(chats.arrivals.think, (Wait{WaitDistribution::constant, 5 * kS}));
  EXPECT_EQ(
      chats.sessions,
      (Sessions{{Distribution::constant, 4, 0, 1, 0}, {WaitDistribution::constant, 2 * kS}, 800}));
  EXPECT_EQ(chats.deadline_ns, 30 * kS);
  EXPECT_EQ(chats.patience, (Wait{WaitDistribution::exponential, 10 * kS}));
  EXPECT_EQ(chats.retry, (Retry{RetryPolicy::exponential, 2 * kS, 50 * kS, 4, 0, 0.2}));
  const Tenant& jobs = scenario.tenants[1];
  EXPECT_EQ(jobs.priority, -1);
  EXPECT_EQ(jobs.arrivals.shape, (Shape{ShapeKind::ramp, 1, 2, 0, 9 * kS, 0, {}}));
  EXPECT_EQ(jobs.retry, Retry{});
}

TEST(ParsePolicies, ReadsThrottles) {
  const Scenario scenario = parse(kText);
  Throttle bucket;
  bucket.name = "bucket";
  bucket.unit = Unit::tokens;
  bucket.scope = Scope::user;
  bucket.tenants = {"chats"};
  bucket.mode = Mode::shadow;
  bucket.rate.per_s = 2000;
  bucket.burst.units = 1200;
  bucket.charge = Charge::after;
  bucket.exempt_cached = true;
  bucket.schedule = {{0x1f, 5 * 3600, 11 * 3600, 2}};
  EXPECT_EQ(scenario.throttles[0], bucket);
  Throttle window;
  window.name = "window";
  window.kind = ThrottleKind::anchored_window;
  window.unit = Unit::requests;
  window.rate.load = 0.5;
  window.window_ns = 10 * kS;
  window.when_full = WhenFull::reject;
  EXPECT_EQ(scenario.throttles[1], window);
  Throttle adaptive;
  adaptive.name = "adaptive";
  adaptive.kind = ThrottleKind::aimd;
  adaptive.unit = Unit::requests;
  adaptive.limit = 20;
  adaptive.target_ns = kS / 2;
  EXPECT_EQ(scenario.throttles[2], adaptive);
  Throttle queue;
  queue.name = "queue";
  queue.kind = ThrottleKind::queue_limit;
  queue.unit = Unit::requests;
  queue.max_wait_ns = 2 * kS;
  EXPECT_EQ(scenario.throttles[3], queue);
}

TEST(ParsePolicies, ReadsEvents) {
  const Scenario scenario = parse(kText);
  Event ramp;
  ramp.at_ns = 10 * kS;
  ramp.kind = EventKind::ramp;
  ramp.throttle = "bucket";
  ramp.rate = Rate{std::nullopt, 4000};
  ramp.over_ns = 10 * kS;
  ramp.steps = 5;
  EXPECT_EQ(scenario.events[0], ramp);
  EXPECT_EQ(scenario.events[1].kind, EventKind::restore);
  const std::string text = replaced(kText, "restore = \"bucket\"",
                                    "restore = { throttle = \"bucket\", inherit = \"reset\" }");
  EXPECT_EQ(parse(text).events[1].inherit, Inherit::reset);
  const std::string by_load =
      replaced(kText, "throttle = \"bucket\", to = \"4000/s\"",
               "throttle = \"window\", from = { load = 0.5 }, to = { load = 0.8 }");
  EXPECT_EQ(parse(by_load).events[0].rate, (Rate{0.8, std::nullopt}));
  EXPECT_EQ(parse(by_load).events[0].from, (Rate{0.5, std::nullopt}));
  const std::string limit = replaced(kText, "throttle = \"bucket\", to = \"4000/s\"",
                                     "throttle = \"adaptive\", to = 64, from = { limit = 2 }");
  EXPECT_EQ(parse(limit).events[0].limit, 64);
  EXPECT_EQ(parse(limit).events[0].from_limit, 2);
}

TEST(ParsePolicies, ReadsDatesInEveryForm) {
  for (const char* date : {"\"2026-05-04T12:00Z\"", "2026-05-04T12:00:00Z", "2026-05-04T05:00:00",
                           "2026-05-04T14:00:00+02:00", "\"2026-05-04 05:00:00\""}) {
    const std::string text = replaced(kText, "\"2026-05-04T05:00\"", date);
    EXPECT_EQ(parse(text).run.starts_at_s, 1'777'896'000) << date;
  }
  const std::string day = replaced(kText, "\"2026-05-04T05:00\"", "2026-05-04");
  EXPECT_EQ(parse(day).run.starts_at_s, 1'777'896'000 - 5 * 3600);
}

TEST(ParsePolicies, ReadsDaysAlone) {
  const auto days = [](const std::string& value) {
    return parse(replaced(kText, "\"mon-fri\"", value)).throttles[0].schedule[0].days;
  };
  EXPECT_EQ(days("\"sun\""), 0x40);
  EXPECT_EQ(days("[\"sat\", \"sun\"]"), 0x60);
  EXPECT_EQ(days("\"sat-mon\""), 0x61);
  EXPECT_EQ(parse(replaced(kText, "days = \"mon-fri\", ", "")).throttles[0].schedule[0].days, 0x7f);
  const std::string local = replaced(kText, "\"05:00\"", "05:00:30");
  EXPECT_EQ(parse(local).throttles[0].schedule[0].begin_s, 5 * 3600 + 30);
}

// Each edit of kText makes exactly one mistake.
const std::vector<Edit> kEdits = {
    {"Los_Angeles", "Los_Angles", 5, "no time zone", "\"America/Los_Angeles\""},
    {"\"2026-05-04T05:00\"", "\"4 May\"", 4, "not a date", "local time of time_zone"},
    {"\"2026-05-04T05:00\"", "5", 4, "an integer, not a date and time", ""},
    {"\"fair\"", "\"fare\"", 7, "can't be", "\"fair\""},
    {"users = 100", "users = 10000001", 16, "too large", ""},
    {"priority = -1", "users = 9999901", 27, "together have 10000001 users", "10000000"},
    {"weight = 2.0", "weight = 0", 17, "too small", ""},
    {", think = \"5s\" }", " }", 18, "lacks the key \"think\"", "think = \"5s\""},
    {"think = \"5s\"", "think = \"0s\"", 18, "more than 0", ""},
    {"think = \"5s\"", "think = \"5s\", rate = \"1/s\"", 18, "no effect on process \"closed\"",
     "\"poisson\""},
    {"think = \"5s\"", "think = \"5s\", shape = { kind = \"steps\" }", 18, "no effect", ""},
    {"max_context = 800", "max_context = 99", 21, "can have 100 tokens", "raise it"},
    {"turns = { distribution = \"constant\", value = 4 }, ", "", 21, "lacks the key \"turns\"", ""},
    {"value = 4 }, think", "value = 10001 }, think", 21, "can have 10001 turns", "10000"},
    {"prefix_cache_tokens = 1000", "kv_tokens = 599", 13, "can have 600", "kv_tokens"},
    {"\"exponential\", mean = \"10s\"", "\"exponential\", value = \"10s\"", 23, "", ""},
    {"policy = \"exponential\", delay", "policy = \"fixed\", delay", 24,
     "no effect on policy \"fixed\"", "\"honour_retry_after\""},
    {"max_delay = \"50s\"", "max_delay = \"1s\"", 24, "less than", "exchange"},
    {"attempts = 4", "attempts = 256", 24, "too large", ""},
    {"policy = \"exponential\", delay = \"2s\", max_delay = \"50s\", attempts = 4, budget = 0.2",
     "policy = \"none\", attempts = 2", 24, "no effect on policy \"none\"", "\"fixed\""},
    {"to = 2.0, length", "to = 2.0, high = 2, length", 28, "no effect on kind \"ramp\"", "burst"},
    {"to = 2.0, length = \"9s\"", "to = 2.0", 28, "lacks the key \"length\"", ""},
    {"from = \"05:00\"", "from = \"5pm\"", 42, "not a time of day", "05:00"},
    {"\"mon-fri\"", "\"monday\"", 42, "no day of the week", "mon-fri"},
    {", drain = 2.0", "", 42, "lacks the key \"drain\"", "drain"},
    {"tenants = [\"chats\"]", "tenants = [\"chat\"]", 36, "no tenant \"chat\"", "\"chats\""},
    {"tenants = [\"chats\"]", "tenants = []", 36, "one at least", ""},
    {"burst = 1200", "burst = 1199", 39, "costs 1200 tokens", "raise the burst"},
    {"charge = \"after\"", "limit = 5", 40, "no effect", "\"concurrency\""},
    {"charge = \"after\"", "load = 0.5", 40, "\"rate\" and \"load\"", "keep one"},
    {"charge = \"after\"", "window = \"5s\"", 40, "no effect on kind \"token_bucket\"",
     "\"fixed_window\""},
    {"load = 0.5\n", "", 43, "lacks a limit", "load = 0.4"},
    {"window = \"10s\"\n", "", 43, "lacks the key \"window\"", "1min"},
    {"load = 0.5", "limit = 0.5", 47, "smaller than the largest request", ""},
    {"load = 0.5", "load = 0.5\nexempt_cached = true", 48, "counts none", "input_tokens"},
    {"load = 0.5", "load = 0.5\ncharge = \"after\"", 48, "no effect", ""},
    {"target = \"500ms\"\n", "", 50, "lacks the key \"target\"", "500ms"},
    {"target = \"500ms\"", "target = \"500ms\"\nmax_limit = 10\nlimit = 11", 55, "starts at 11",
     "max_limit"},
    {"target = \"500ms\"", "target = \"500ms\"\nunit = \"tokens\"", 50, "lacks the key \"limit\"",
     ""},
    {"max_wait = \"2s\"\n", "", 54, "lacks a limit", "max_wait"},
    {"max_wait = \"2s\"", "max_wait = \"2s\"\nwhen_full = \"queue\"", 58, "no effect",
     "\"concurrency\""},
    {"to = \"4000/s\"", "to = 4000", 60, "not a rate", "load = 0.8"},
    {"throttle = \"bucket\", to = \"4000/s\"", "throttle = \"queue\", to = \"4/s\"", 60,
     "not a limit", "64"},
    {"over = \"10s\"", "over = \"31s\"", 60, "ends after the run", "40s"},
    {"to = \"4000/s\", ", "", 60, "lacks the key \"to\"", ""},
    {"steps = 5", "steps = 5, burst = 3", 60, "costs 1200", ""},
    {"restore = \"bucket\"", "restore = \"buckt\"", 63, "no throttle", "\"bucket\""},
    {"restore = \"bucket\"", "set = { throttle = \"bucket\", window = \"1s\" }", 63,
     "no effect on kind \"token_bucket\"", "\"sliding_window\""},
    {"restore = \"bucket\"", "set = { throttle = \"window\", charge = \"after\" }", 63, "no effect",
     "\"token_bucket\""},
    {"restore = \"bucket\"", "set = { throttle = \"adaptive\", target = \"0s\" }", 63,
     "more than 0", ""},
    {"restore = \"bucket\"", "restore = \"bucket\"\nlift = \"bucket\"", 63, "not both", ""},
};

TEST(PolicyMistakes, EachIsFoundOnceAtItsPlaceWithAdvice) {
  ASSERT_TRUE(mistakes_in(kText).empty()) << ScenarioError(mistakes_in(kText)).what();
  for (const Edit& edit : kEdits) {
    const std::vector<Mistake> mistakes = mistakes_in(replaced(kText, edit.from, edit.to));
    const std::string all = listed(mistakes);
    expect_found(mistakes, edit);
    if (contains(edit.to, "value = \"10s\"")) continue;  // a renamed key is two by nature
    EXPECT_LE(mistakes.size(), 1U) << all;
  }
}

TEST(PolicyMistakes, StepsAreHeldToTheirForm) {
  const auto with = [](const std::string& steps) {
    return mistakes_in(replaced(kText, "kind = \"ramp\", to = 2.0, length = \"9s\"",
                                "kind = \"steps\", steps = " + steps));
  };
  EXPECT_TRUE(with("[[\"0s\", 2], [\"10s\", 0.5]]").empty());
  for (const char* steps : {"[]", "3", "[3]", "[[\"0s\"]]", "[[\"0\", 2]]", "[[\"0s\", -1]]",
                            "[[\"0s\", nan]]", "[[\"5s\", 2], [\"5s\", 3]]", "[[\"0s\", 0]]"}) {
    const std::vector<Mistake> mistakes = with(steps);
    ASSERT_EQ(mistakes.size(), 1U) << steps;
    EXPECT_EQ(mistakes[0].line, 28) << steps;
  }
}

}  // namespace
}  // namespace tokenlift::scenario_policies_test
