// The scenario language: a fleet that changes.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift::fleet_language_test {
namespace {

constexpr std::int64_t kS = 1'000'000'000;

// Line numbers in the tests below are of this text.
const std::string kText = R"(name = "demo"
[run]
engine = "virtual"
duration = "100s"
[fleet]
router = "spill"
[[fleet.site]]
name = "own"
replicas = 4
profile = "h100-8b"
failures = { mtbf = "50h", repair = "1min" }
spares = 1
boot = "5s"
[[fleet.site]]
name = "colossus"
replicas = 100
at_start = 10
profile = "gb200-8b"
boot = "10s"
rtt = "8ms"
notice = "30s"
max_in_flight = 5000
available = { period = "50s", off = "20s", begin = "7s" }
[[tenant]]
name = "users"
arrivals = { process = "poisson", load = 0.7 }
prompt_tokens = { distribution = "constant", value = 100 }
output_tokens = { distribution = "constant", value = 50 }
sites = ["colossus"]
[[throttle]]
name = "limit"
kind = "token_bucket"
unit = "output_tokens"
load = 0.4
follows = "capacity"
lag = "2s"
[[event]]
at = "10s"
join = { site = "colossus", replicas = 50, over = "15s" }
measure = true
[[event]]
at = "40s"
leave = { site = "colossus", replicas = 20, notice = "1s", over = "3s", in_flight = "move" }
measure = true
[[event]]
at = "50s"
fail = { site = "own", share = 0.5, for = "4s" }
[[event]]
at = "60s"
slow = { site = "own", replicas = 2, decode = 1.35, for = "5s" }
)";

Scenario parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_scenario(text, "demo.toml", "", overrides);
}

TEST(ParseFleet, ReadsSites) {
  const Scenario scenario = parse(kText);
  const Site& own = scenario.fleet.sites[0];
  EXPECT_EQ(own.failures, (Failures{50 * 3600 * kS, 60 * kS}));
  EXPECT_EQ(own.spares, 1);
  EXPECT_EQ(own.at_start, std::nullopt);
  const Site& leased = scenario.fleet.sites[1];
  EXPECT_EQ(leased.at_start, 10);
  EXPECT_EQ(leased.boot_ns, 10 * kS);
  EXPECT_EQ(leased.rtt_ns, kS / 125);
  EXPECT_EQ(leased.notice_ns, 30 * kS);
  EXPECT_EQ(leased.max_in_flight, 5000);
  EXPECT_EQ(leased.available, (Availability{50 * kS, 20 * kS, 7 * kS}));
  EXPECT_EQ(scenario.fleet.router, RouterPolicy::spill);
  EXPECT_EQ(scenario.tenants[0].sites, (std::vector<std::string>{"colossus"}));
  EXPECT_EQ(scenario.throttles[0].follows, Follows::capacity);
  EXPECT_EQ(scenario.throttles[0].lag_ns, 2 * kS);
  const Scenario without = parse(replaced(kText, ", begin = \"7s\"", ""));
  EXPECT_EQ(without.fleet.sites[1].available->begin_ns, 30 * kS) << "it is there first";
}

TEST(ParseFleet, NoStepIsSlowedBeyondWhatIsCounted) {
  std::vector<std::string> words = {
      "profile.slow={ pricing = \"separate\", decode = { a = \"2s\", b = \"1ms\", c = \"0ns\" }, "
      "prefill = { p0 = \"1ms\", p1 = \"1us\", p2 = \"0ns\" } }",
      "fleet.site.own.profile=slow", "event.3.slow.decode=400"};
  EXPECT_EQ(listed(mistakes_of([&] { parse(kText, words); })), "no mistake");
  words.back() = "event.3.slow.decode=600";
  const std::vector<Mistake> mistakes = mistakes_of([&] { parse(kText, words); });
  ASSERT_EQ(mistakes.size(), 1U) << listed(mistakes);
  EXPECT_TRUE(contains(mistakes[0].message, "a step of site \"own\" could take longer than 1000s"));
  EXPECT_TRUE(contains(mistakes[0].advice, "lower decode or prefill"));
}

TEST(ParseFleet, ReadsEvents) {
  const Scenario scenario = parse(kText);
  Event join;
  join.at_ns = 10 * kS;
  join.kind = EventKind::join;
  join.site = "colossus";
  join.replicas = 50;
  join.over_ns = 15 * kS;
  join.measure = true;
  EXPECT_EQ(scenario.events[0], join);
  Event leave = join;
  leave.at_ns = 40 * kS;
  leave.kind = EventKind::leave;
  leave.replicas = 20;
  leave.over_ns = 3 * kS;
  leave.notice_ns = kS;
  leave.in_flight = InFlight::move;
  EXPECT_EQ(scenario.events[1], leave);
  Event fail;
  fail.at_ns = 50 * kS;
  fail.kind = EventKind::fail;
  fail.site = "own";
  fail.share = 0.5;
  fail.for_ns = 4 * kS;
  fail.in_flight = InFlight::drop;
  EXPECT_EQ(scenario.events[2], fail);
  Event slow;
  slow.at_ns = 60 * kS;
  slow.kind = EventKind::slow;
  slow.site = "own";
  slow.replicas = 2;
  slow.decode_ppm = 1'350'000;
  slow.for_ns = 5 * kS;
  EXPECT_EQ(scenario.events[3], slow);
}

TEST(ParseFleet, AnOverrideTakesThePlaceOfWhatItExcludes) {
  const Scenario scenario =
      parse(kText, {"event.2.fail.replicas=3", "event.3.leave={ site = \"own\" }"});
  EXPECT_EQ(scenario.events[2].replicas, 3);
  EXPECT_EQ(scenario.events[2].share, std::nullopt);
  EXPECT_EQ(scenario.events[3].kind, EventKind::leave);
}

const std::vector<Edit> kEdits = {
    {"at_start = 10", "at_start = 101", 17, "the site has 100 replicas", "raise replicas"},
    {"off = \"20s\"", "off = \"50s\"", 23, "always away", "shorter than \"period\""},
    {"mtbf = \"50h\"", "mtbf = \"0s\"", 11, "must be more than 0", ""},
    {"mtbf = \"50h\"", "mtbf = \"1us\"", 7, "would come and go about", "raise mtbf"},
    {", repair = \"1min\"", "", 11, "lacks the key \"repair\"", "4h"},
    {"router = \"spill\"", "router = \"random\"", 22, "no effect on router", "\"spill\""},
    {"boot = \"10s\"", "boot = \"100s\"", 19, "boots for 100s", "shorten boot"},
    {"boot = \"10s\"", "boot = \"80s\"", 39, "serves at 105s, after the run", "the site's boot"},
    {"boot = \"10s\"", "capacity = \"5/s\"", 7, "site \"own\" does not", "in none"},
    {"engine = \"virtual\"", "engine = \"null\"", 12, "no effect on engine \"null\"", "run.engine"},
    {"engine = \"virtual\"", "engine = \"null\"", 39, "without replicas that could join", ""},
    {"sites = [\"colossus\"]", "sites = [\"colosus\"]", 29, "no site \"colosus\"",
     "did you mean \"colossus\"?"},
    {"site = \"colossus\", replicas = 50", "site = \"colosus\", replicas = 50", 39,
     "no site \"colosus\"", "did you mean \"colossus\"?"},
    {"site = \"colossus\", replicas = 50", "replicas = 50", 39, "lacks the key \"site\"", ""},
    {"replicas = 50", "replicas = 91", 39,
     "91 replicas join site \"colossus\" at 10s, which lacks 90", "lower at_start"},
    {"replicas = 20", "replicas = 61", 43, "61 replicas leave site \"colossus\" at 40s, where 60",
     "others join before"},
    {"notice = \"1s\"", "notice = \"70s\"", 43, "goes at 113s, after the run",
     "at + notice + over"},
    {"share = 0.5", "share = 0.5, replicas = 2", 47, "both \"replicas\" and \"share\"", ""},
    {"share = 0.5", "share = 1.5", 47, "too large", ""},
    {"for = \"4s\"", "in_flight = \"finish\"", 47, "finishes nothing", "\"move\""},
    {"replicas = 2, decode", "replicas = 6, decode", 50, "5 replicas and spares", ""},
    {"replicas = 2, decode", "replicas = 5, decode", 50, "", ""},
    {"decode = 1.35, ", "", 50, "nothing is slowed", "1.35"},
    {"decode = 1.35", "decode = 1e4", 50, "too large", ""},
    {"follows = \"capacity\"\n", "", 35, "nothing that the throttle follows", ""},
    {"follows = \"capacity\"", "follows = \"load\"", 35, "can't be \"load\"", "\"capacity\""},
};

TEST(ParseFleet, FindsMistakesAtTheirPlaces) {
  for (const Edit& edit : kEdits) {
    if (edit.message.empty()) {  // right
      EXPECT_NO_THROW(parse(replaced(kText, edit.from, edit.to)));
      continue;
    }
    expect_found(mistakes_of([&] { parse(replaced(kText, edit.from, edit.to)); }), edit);
  }
}

std::string only_from(const std::string& text, const std::string& begin) {
  return text.substr(0, text.find(begin));
}

TEST(ParseFleet, ASiteThatNobodyJoinsMustBeThere) {
  const std::string text =
      replaced(replaced(only_from(kText, "[[event]]"), "at_start = 10", "at_start = 0"),
               "follows = \"capacity\"\nlag = \"2s\"\n", "");
  expect_found(mistakes_of([&] { parse(text); }),
               {"", "", 14, "site \"colossus\" never serves", "join = { site = \"colossus\" }"});
}

TEST(ParseFleet, ALoadNeedsSomeCapacityAtTheStart) {
  std::string text = replaced(kText, "at_start = 10", "at_start = 0");
  text = replaced(text, "spares = 1", "at_start = 0");
  text += "[[event]]\nat = \"5s\"\njoin = { site = \"own\" }\n";
  const std::vector<Mistake> mistakes = mistakes_of([&] { parse(text); });
  expect_found(mistakes, {"", "", 26, "capacity at the start, where no replica serves", "a rate"});
  expect_found(mistakes, {"", "", 35, "of which there is none at the start", "at_start"});
}

TEST(ParseFleet, AThrottleFollowsOnlyWhatChanges) {
  std::string text = replaced(only_from(kText, "[[event]]"),
                              "failures = { mtbf = \"50h\", repair = \"1min\" }", "");
  text = replaced(text, "available = { period = \"50s\", off = \"20s\", begin = \"7s\" }", "");
  expect_found(mistakes_of([&] { parse(text); }),
               {"", "", 35, "nothing changes that", "add an event"});
}

TEST(ParseFleet, AThrottleFollowsSitesThatDifferWhereEachIsKnown) {
  EXPECT_NO_THROW(parse(replaced(kText, "[fleet]", "[fleet]\ncapacity = \"5000/s\"")));
  std::string text = replaced(kText, "engine = \"virtual\"", "engine = \"threads\"");
  text = replaced(replaced(text, "h100-8b", "cpu-small"), "gb200-8b", "cpu-base");
  expect_found(mistakes_of([&] { parse(text); }),
               {"", "", 35, "nobody knows that of each site", "in every site"});
  text = replaced(text, "spares = 1", "capacity = \"60/s\"");
  text = replaced(text, "rtt = \"8ms\"", "capacity = \"20/s\"");
  EXPECT_NO_THROW(parse(text));
}

TEST(ParseFleet, PlacesAreFreeAgainWhenTheirReplicasHaveGone) {
  const std::string again = "[[event]]\nat = \"42s\"\njoin = { site = \"colossus\", replicas = ";
  EXPECT_NO_THROW(parse(kText + again + "47 }\n")) << "40 were never there, 7 of 20 have gone";
  EXPECT_THROW(parse(kText + again + "48 }\n"), ScenarioError);
}

// Each second one leaves, and another joins in the place of one who has gone.
TEST(ParseFleet, OfManyEventsEachFindsThePlacesThatAreFree) {
  constexpr int kSeconds = 5000;
  const auto with = [](int first) {
    std::string text = replaced(kText, "duration = \"100s\"", "duration = \"2h\"");
    text = replaced(text.substr(0, text.find("[[throttle]]")), "at_start = 10\n", "");
    for (int i = 0; i < kSeconds; ++i) {
      const std::string at = "[[event]]\nat = \"" + std::to_string(i + 20) + "s\"\n";
      text += at + "leave = { site = \"colossus\", replicas = 1, notice = \"10s\" }\n";
      if (i >= first) text += at + "join = { site = \"colossus\", replicas = 1 }\n";
    }
    return mistakes_of([&] { parse(text); });
  };
  EXPECT_EQ(listed(with(10)), "no mistake");
  const std::vector<Mistake> mistakes = with(9);
  ASSERT_FALSE(mistakes.empty());
  EXPECT_TRUE(contains(listed(mistakes), "at 29s, which has all of its own")) << listed(mistakes);
}

TEST(ParseFleet, TheSearchForALiftWantsAThrottle) {
  expect_found(mistakes_of([&] { parse(kText + "[tune]\nlift = true\n"); }),
               {"", "", 52, "one event that changes a throttle", "measure = true"});
}

}  // namespace
}  // namespace tokenlift::fleet_language_test
