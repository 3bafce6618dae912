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
  if (const auto* wrong = std::get_if<std::string>(&result)) {
    ADD_FAILURE() << *wrong;
    return {};
  }
  return std::get<Replan>(std::move(result));
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
  const auto refused = [&](bool measuring) {
    const auto result = timetable.add(lift, 9'000'000'000, measuring);
    return std::holds_alternative<std::string>(result) ? std::get<std::string>(result) : "";
  };
  EXPECT_FALSE(added(timetable, R"({ "restore" = "limit" })", 1, false).divides);
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
    const auto result = timetable.add(table, 1'000'000'000, true);
    ASSERT_TRUE(std::holds_alternative<std::string>(result)) << table;
    EXPECT_FALSE(std::get<std::string>(result).empty());
  }
  const auto text = [&](const char* table) {
    return std::get<std::string>(timetable.add(table, 1'000'000'000, true));
  };
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

}  // namespace
}  // namespace tokenlift::timetable_test
