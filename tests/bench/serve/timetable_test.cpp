// Events that come while a run is served: what is planned of it then.

#include "bench/serve/timetable.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "workloads/plan/plan.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::timetable_test {
namespace {

Scenario served() {
  return resolve(served_scenario(parse_scenario(R"(
name = "small"
[run]
engine = "virtual"
duration = "10s"
warmup = "1s"
[[fleet.site]]
name = "here"
replicas = 4
at_start = 2
profile = "h100-8b"
max_batch = 8
[[tenant]]
name = "users"
users = 3
arrivals = { process = "poisson", rate = "1/s" }
prompt_tokens = { distribution = "constant", value = 20 }
output_tokens = { distribution = "constant", value = 5 }
retry = { policy = "sdk_openai" }
[[throttle]]
name = "limit"
kind = "token_bucket"
unit = "requests"
rate = "1/s"
burst = "1s"
[[event]]
at = "5s"
lift = "limit"
)",
                                                "small", ".", {}),
                                 60'000'000'000),
                 std::nullopt);
}

Replan added(Timetable& timetable, const std::string& table, std::int64_t now_ns,
             bool measuring = true) {
  auto result = timetable.add(table, now_ns, measuring);
  if (const auto* why = std::get_if<Timetable::Refusal>(&result)) {
    ADD_FAILURE() << why->text;
    return {};
  }
  return std::get<Replan>(std::move(result));
}

/// Why an event is not taken; "409 " before it where it would change nothing as things stand.
std::string refusal(Timetable& timetable, const std::string& table, std::int64_t now_ns,
                    bool measuring = true) {
  const auto result = timetable.add(table, now_ns, measuring);
  const auto* why = std::get_if<Timetable::Refusal>(&result);
  if (why == nullptr) return "";
  return (why->conflicts ? "409 " : "") + why->text;
}

TEST(Timetable, ScenariosOwnEventsDoNotHappenByThemselves) {
  Timetable timetable(served(), {});
  EXPECT_TRUE(timetable.played().events.empty());
  EXPECT_EQ(timetable.played().run.duration_ns, 60'000'000'000);
  EXPECT_EQ(timetable.played().run.warmup_ns, 0);
  const Scenario door = scenario_at_door(served());
  EXPECT_EQ(door.events.size(), 1U);
  EXPECT_TRUE(door.events[0].at_signal);
  EXPECT_EQ(door.tenants[0].arrivals.process, Process::closed);
  EXPECT_EQ(door.tenants[0].retry.policy, RetryPolicy::none);
}

TEST(Timetable, AnEventHoldsWhenItComesAndIsPlayedFromThenOn) {
  Timetable timetable(served(), {});
  const Replan lift = added(timetable, R"({ "lift" = "limit" })", 2'000'000'123);
  EXPECT_EQ(lift.event.kind, EventKind::lift);
  EXPECT_EQ(lift.event.at_ns, 2'000'000'123);
  ASSERT_EQ(lift.changes.size(), 1U);
  EXPECT_EQ(lift.changes[0].at_ns, 2'000'000'123);
  EXPECT_TRUE(lift.changes[0].lifted);
  // Two at one instant come one after the other.
  const Replan join = added(timetable, R"({ "join" = { "site" = "here" } })", 2'000'000'123);
  EXPECT_EQ(join.event.at_ns, 2'000'000'124);
  EXPECT_EQ(join.changes.size(), 1U);
  EXPECT_EQ(join.replica_changes.size(), 2U);
  const Replan ramp =
      added(timetable, R"({ "ramp" = { "throttle" = "limit", "to" = "9/s", "over" = "1s" } })",
            3'000'000'000);
  EXPECT_GT(ramp.changes.size(), 2U);
  EXPECT_EQ(ramp.changes[0].at_ns, lift.changes[0].at_ns) << "what has happened stays";
  EXPECT_EQ(timetable.played().events.size(), 3U);
}

// The first event after the first request divides the run; that one is to be measured is said of
// it alone, or wrong.
TEST(Timetable, OneEventDividesTheRun) {
  Timetable timetable(served(), {});
  const std::string lift = R"({ "lift" = "limit", "measure" = true })";
  const std::string set =
      R"({ "set" = { "throttle" = "limit", "rate" = "2/s" }, "measure" = true })";
  const auto refused = [&](bool measuring) {
    return refusal(timetable, measuring ? set : lift, 9'000'000'000, measuring);
  };
  EXPECT_FALSE(added(timetable, R"({ "set" = { "throttle" = "limit", "rate" = "3/s" } })", 1, false)
                   .divides);
  EXPECT_TRUE(refused(false).starts_with("measure: no request has come yet")) << refused(false);
  EXPECT_EQ(added(timetable, R"({ "lift" = "limit" })", 2'000'000'000).divides, 1U);
  EXPECT_FALSE(added(timetable, R"({ "restore" = "limit" })", 3'000'000'000).divides);
  EXPECT_TRUE(refused(true).starts_with("measure: a run is divided once, and this one was at 2s"))
      << refused(true);
  ASSERT_EQ(timetable.played().events.size(), 3U);
  EXPECT_FALSE(timetable.played().events[0].measure);
  EXPECT_TRUE(timetable.played().events[1].measure);
  EXPECT_FALSE(timetable.played().events[2].measure);

  Timetable other(served(), {});
  EXPECT_EQ(added(other, lift, 1'000'000'000).divides, 0U);
  EXPECT_TRUE(other.played().events[0].measure);
}

TEST(Timetable, AWrongEventChangesNothingAndIsExplained) {
  Timetable timetable(served(), {});
  for (const char* table :
       {R"({ "lift" = "limti" })", "{ }", R"({ "raise" = "limit" })",
        R"({ "join" = { "site" = "there" } })", R"({ "lift" = "limit", "at" = "5s" })"}) {
    const std::string why = refusal(timetable, table, 1'000'000'000);
    EXPECT_FALSE(why.empty()) << table;
    EXPECT_FALSE(why.starts_with("409")) << why;
  }
  const auto text = [&](const char* table) { return refusal(timetable, table, 1'000'000'000); };
  EXPECT_EQ(text(R"({ "lift" = "limti" })"),
            "lift: there is no throttle \"limti\" (did you mean \"limit\"?)");
  EXPECT_EQ(text(R"({ "set" = { "throttle" = "limit", "rat" = "5/s" } })"),
            "set.rat: unknown key \"rat\" in set (did you mean \"rate\"?)");
  EXPECT_EQ(text(R"({ "set" = { "throttle" = "limit", "rate" = "5" } })"),
            "set.rate: \"rate\": \"5\" doesn't say per what (write \"5/s\" or \"5/min\")");
  EXPECT_TRUE(text("{ }").starts_with("the event does nothing ("));
  EXPECT_TRUE(timetable.played().events.empty());
  EXPECT_EQ(added(timetable, R"({ "lift" = "limit" })", 7).event.at_ns, 7);
}

// In the words in which `check` warns of it, or calls it a mistake.
TEST(Timetable, AnEventThatWouldChangeNothingSaysSoAndIsNotTaken) {
  Timetable timetable(served(), {});
  const std::string lift = R"({ "lift" = "limit" })";
  const std::string restore = R"({ "restore" = "limit" })";
  const std::string join = R"({ "join" = { "site" = "here" } })";
  const std::string leave = R"({ "leave" = { "site" = "here" } })";
  std::int64_t now_ns = 0;
  const auto taken = [&](const std::string& table) {
    const std::size_t events = timetable.played().events.size();
    const std::string why = refusal(timetable, table, now_ns += 1'000'000'000);
    EXPECT_EQ(timetable.played().events.size(), events + (why.empty() ? 1 : 0));
    return why;
  };
  EXPECT_EQ(taken(restore),
            "409 the event restores throttle 'limit', which no event before it has changed");
  EXPECT_EQ(taken(R"({ "set" = { "throttle" = "limit", "rate" = "1/s" } })"),
            "409 the event changes nothing: throttle 'limit' has these settings already");
  EXPECT_EQ(taken(lift), "");
  EXPECT_EQ(taken(lift), "409 the event changes nothing: throttle 'limit' is lifted already");
  EXPECT_EQ(taken(restore), "");
  EXPECT_EQ(taken(restore),
            "409 the event changes nothing: throttle 'limit' has these settings already");
  EXPECT_EQ(taken(lift), "") << "once more";
  EXPECT_EQ(taken(R"({ "set" = { "throttle" = "limit", "rate" = "1/s" } })"), "") << "it is back";
  EXPECT_EQ(taken(R"({ "set" = { "throttle" = "limit", "rate" = "1/s", "inherit" = "reset" } })"),
            "")
      << "its bucket is another one";
  EXPECT_EQ(taken(join), "");
  const std::string full = taken(join);
  EXPECT_TRUE(full.starts_with("409 ")) << full;
  EXPECT_NE(full.find("replicas join site \"here\" at 11s, which has all of its own"),
            std::string::npos)
      << full;
  EXPECT_EQ(taken(leave), "");
  const std::string gone = taken(leave);
  EXPECT_TRUE(gone.starts_with("409 ")) << gone;
  EXPECT_NE(gone.find("nobody is there to leave site \"here\" at 13s"), std::string::npos) << gone;
  EXPECT_EQ(taken(join), "") << "others have left";
  EXPECT_EQ(taken(R"({ "join" = { "site" = "there" } })").find("409"), std::string::npos);
}

}  // namespace
}  // namespace tokenlift::timetable_test
