// Dates and the hours of the day, through both changes of the clocks.

#include "workloads/plan/calendar.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace tokenlift::calendar_test {
namespace {

constexpr std::int64_t kS = 1'000'000'000;
constexpr std::int64_t kHour = 3600 * kS;
constexpr std::uint8_t kMonday = 1U << 0;
constexpr std::uint8_t kSaturday = 1U << 5;
constexpr std::uint8_t kSunday = 1U << 6;
constexpr const char* kLosAngeles = "America/Los_Angeles";
constexpr const char* kBerlin = "Europe/Berlin";

std::int64_t instant(const std::string& text, const std::string& zone = "UTC") {
  const Quantity<std::int64_t> result = parse_instant_s(text, zone);
  EXPECT_TRUE(result.value) << text << " " << result.problem;
  return result.value.value_or(-1);
}

RunSettings run_from(const std::string& text, const std::string& zone, std::int64_t hours) {
  RunSettings run;
  run.duration_ns = hours * kHour;
  run.cooldown_max_ns = 0;
  run.starts_at_s = instant(text, zone);
  run.time_zone = zone;
  return run;
}

std::int64_t at(const char* time) {
  return parse_time_of_day_s(time).value.value();
}

PeakHours peak(std::uint8_t days, const char* from, const char* to, double drain) {
  return PeakHours{days, at(from), at(to), drain};
}

std::string utc(const std::string& local, const std::string& zone) {
  return format_instant(instant(local, zone));
}

TEST(Instant, IsReadInLocalTimeOrInUtc) {
  EXPECT_EQ(instant("1970-01-01T00:00"), 0);
  EXPECT_EQ(instant("2026-05-04T05:00"), 1'777'870'800);
  EXPECT_EQ(instant("2026-05-04 05:00:07"), 1'777'870'807);
  EXPECT_EQ(instant("2026-05-04"), instant("2026-05-04T00:00"));
  EXPECT_EQ(utc("2026-05-04T05:00", kLosAngeles), "2026-05-04T12:00:00Z");
  EXPECT_EQ(utc("2026-01-04T05:00", kLosAngeles), "2026-01-04T13:00:00Z");
  EXPECT_EQ(utc("2026-05-04T05:00", kBerlin), "2026-05-04T03:00:00Z");
  EXPECT_EQ(utc("2026-05-04T05:00Z", kBerlin), "2026-05-04T05:00:00Z");
}

// 02:00-03:00 is not there on 2026-03-08, and 01:00-02:00 is there twice on 2026-11-01.
TEST(Instant, WhatTheClocksSkipIsWhereTheyDoAndOfWhatTheyRepeatTheFirstCounts) {
  EXPECT_EQ(utc("2026-03-08T01:59", kLosAngeles), "2026-03-08T09:59:00Z");
  EXPECT_EQ(utc("2026-03-08T02:30", kLosAngeles), "2026-03-08T10:00:00Z");
  EXPECT_EQ(utc("2026-03-08T03:00", kLosAngeles), "2026-03-08T10:00:00Z");
  EXPECT_EQ(utc("2026-11-01T01:30", kLosAngeles), "2026-11-01T08:30:00Z");
  EXPECT_EQ(utc("2026-11-01T02:00", kLosAngeles), "2026-11-01T10:00:00Z");
  EXPECT_EQ(utc("2026-03-29T02:30", kBerlin), "2026-03-29T01:00:00Z");
  EXPECT_EQ(utc("2026-10-25T02:30", kBerlin), "2026-10-25T00:30:00Z");
}

TEST(Instant, IsRefusedWithAdviceIfItIsNone) {
  for (const char* text : {"", "now", "2026", "2026-02-30T05:00", "2026-13-01", "2026-05-04T25:00",
                           "2026-05-04T05:60", "2026-05-04T05:00z", "2026-05-04T05:00Zx",
                           "2026-05-04x05:00", "1969-12-31T05:00", "2200-01-01", "26-05-04"}) {
    const Quantity<std::int64_t> result = parse_instant_s(text, "UTC");
    EXPECT_FALSE(result.value) << text;
    EXPECT_FALSE(result.problem.empty()) << text;
    EXPECT_FALSE(result.advice.empty()) << text;
  }
}

RC_GTEST_PROP(Instant, ReadsBackEqualInAnyZone, ()) {
  const auto s = *rc::gen::inRange<std::int64_t>(0, 7'258'118'400);  // the end of 2199
  const auto zone = *rc::gen::element<std::string>("UTC", kLosAngeles, kBerlin, "Asia/Kathmandu");
  RC_ASSERT(parse_instant_s(format_instant(s), zone).value == s);
}

TEST(TimeOfDay, IsReadAndWritten) {
  EXPECT_EQ(at("00:00"), 0);
  EXPECT_EQ(at("05:30"), 5 * 3600 + 30 * 60);
  EXPECT_EQ(at("5:30:07"), 5 * 3600 + 30 * 60 + 7);
  EXPECT_EQ(at("24:00"), 86'400);
  EXPECT_EQ(format_time_of_day(at("05:30")), "05:30");
  EXPECT_EQ(format_time_of_day(at("23:59:59")), "23:59:59");
  EXPECT_EQ(format_time_of_day(at("24:00")), "24:00");
  for (const char* text : {"", "5", "24:01", "5:60", "05:00 ", "5pm", "-1:00", "05:00:60"}) {
    EXPECT_FALSE(parse_time_of_day_s(text).value) << text;
  }
}

TEST(TimeZone, UnknownOnesComeWithTheNearestName) {
  EXPECT_FALSE(time_zone_problem("UTC"));
  EXPECT_FALSE(time_zone_problem(kLosAngeles));
  const auto problem = time_zone_problem("America/Los_Angles");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->advice, "did you mean \"America/Los_Angeles\"?");
  const auto far = time_zone_problem("here and now");
  ASSERT_TRUE(far);
  EXPECT_NE(far->advice.find("IANA"), std::string::npos);
  EXPECT_TRUE(time_zone_problem(""));
  EXPECT_TRUE(time_zone_problem("../../etc/passwd"));
}

TEST(Start, IsAMondayMidnightOfTheZoneUnlessItIsStated) {
  RunSettings run;
  EXPECT_EQ(format_instant(start_s(run)), "2026-01-05T00:00:00Z");
  run.time_zone = kLosAngeles;
  EXPECT_EQ(format_instant(start_s(run)), "2026-01-05T08:00:00Z");
  run.starts_at_s = 7;
  EXPECT_EQ(start_s(run), 7);
}

TEST(PeakBorders, AreWhereHoursBeginAndEndOnTheirDays) {
  const std::vector<PeakHours> schedule = {peak(kMonday, "05:00", "11:00", 2)};
  const RunSettings run = run_from("2026-05-04T04:00", kLosAngeles, 24 * 8);  // a Monday
  EXPECT_EQ(
      peak_borders(schedule, run),
      (std::vector<PeakBorder>{{kHour, 2}, {7 * kHour, 1}, {169 * kHour, 2}, {175 * kHour, 1}}));
  EXPECT_TRUE(peak_borders(schedule, run_from("2026-05-05T04:00", kLosAngeles, 24)).empty());
  EXPECT_TRUE(peak_borders({}, run).empty());
}

TEST(PeakBorders, BeginAtZeroWhereHoursAreInForce) {
  const std::vector<PeakHours> schedule = {peak(kMonday, "05:00", "11:00", 2)};
  EXPECT_EQ(peak_borders(schedule, run_from("2026-05-04T06:30", "UTC", 24)),
            (std::vector<PeakBorder>{{0, 2}, {kHour * 9 / 2, 1}}));
  // At their end they are over.
  EXPECT_TRUE(peak_borders(schedule, run_from("2026-05-04T11:00", "UTC", 24)).empty());
}

TEST(PeakBorders, AnEndAtOrBeforeTheBeginIsOnTheNextDay) {
  const std::vector<PeakHours> night = {peak(kSunday, "22:00", "06:00", 0.5)};
  EXPECT_EQ(peak_borders(night, run_from("2026-05-04T00:00", "UTC", 24)),  // Monday
            (std::vector<PeakBorder>{{0, 0.5}, {6 * kHour, 1}}));
  const std::vector<PeakHours> day = {peak(kMonday, "12:00", "12:00", 3)};
  EXPECT_EQ(peak_borders(day, run_from("2026-05-04T00:00", "UTC", 48)),
            (std::vector<PeakBorder>{{12 * kHour, 3}, {36 * kHour, 1}}));
}

TEST(PeakBorders, OfSeveralTheLargestDrainCounts) {
  const std::vector<PeakHours> schedule = {
      peak(0x7f, "08:00", "18:00", 2), peak(0x7f, "12:00", "14:00", 3),
      peak(0x7f, "16:00", "20:00", 1.5), peak(0x7f, "18:00", "20:00", 1.5)};
  EXPECT_EQ(
      peak_borders(schedule, run_from("2026-05-04T00:00", "UTC", 24)),
      (std::vector<PeakBorder>{
          {8 * kHour, 2}, {12 * kHour, 3}, {14 * kHour, 2}, {18 * kHour, 1.5}, {20 * kHour, 1}}));
}

// On the clock on the wall they are always the same; a day has 23 hours or 25.
TEST(PeakBorders, FollowTheClockOnTheWallWhenItChanges) {
  const std::vector<PeakHours> schedule = {peak(kSunday | kMonday, "05:00", "11:00", 2)};
  EXPECT_EQ(peak_borders(schedule, run_from("2026-03-07T12:00", kLosAngeles, 48)),
            (std::vector<PeakBorder>{
                {16 * kHour, 2}, {22 * kHour, 1}, {40 * kHour, 2}, {46 * kHour, 1}}));
  EXPECT_EQ(peak_borders(schedule, run_from("2026-10-31T12:00", kLosAngeles, 48)),
            (std::vector<PeakBorder>{
                {18 * kHour, 2}, {24 * kHour, 1}, {42 * kHour, 2}, {48 * kHour, 1}}));
  EXPECT_EQ(peak_borders(schedule, run_from("2026-10-24T12:00", kBerlin, 30)),
            (std::vector<PeakBorder>{{18 * kHour, 2}, {24 * kHour, 1}}));
  // Hours around the change are an hour longer or shorter; hours that the clocks skip are none.
  const std::vector<PeakHours> around = {peak(kSaturday, "23:00", "04:00", 2)};
  EXPECT_EQ(peak_borders(around, run_from("2026-03-07T22:00", kLosAngeles, 24)),
            (std::vector<PeakBorder>{{kHour, 2}, {5 * kHour, 1}}));
  EXPECT_EQ(peak_borders(around, run_from("2026-10-31T22:00", kLosAngeles, 24)),
            (std::vector<PeakBorder>{{kHour, 2}, {7 * kHour, 1}}));
  const std::vector<PeakHours> skipped = {peak(kSunday, "02:00", "03:00", 2)};
  EXPECT_TRUE(peak_borders(skipped, run_from("2026-03-07T22:00", kLosAngeles, 24)).empty());
}

TEST(PeakBorders, ReachToTheEndOfTheCooldown) {
  const std::vector<PeakHours> schedule = {peak(kMonday, "05:00", "11:00", 2)};
  RunSettings run = run_from("2026-05-04T04:00", "UTC", 0);
  run.duration_ns = kHour / 2;
  EXPECT_TRUE(peak_borders(schedule, run).empty());
  run.cooldown_max_ns = kHour / 2;
  EXPECT_EQ(peak_borders(schedule, run), (std::vector<PeakBorder>{{kHour, 2}}));
}

// Borders rise, and next to each other they differ; whatever the schedule.
RC_GTEST_PROP(PeakBorders, AreInOrderAndEachChangesTheDrain, ()) {
  std::vector<PeakHours> schedule;
  const int count = *rc::gen::inRange(1, 5);
  for (int i = 0; i < count; ++i) {
    schedule.push_back({static_cast<std::uint8_t>(*rc::gen::inRange(1, 128)),
                        *rc::gen::inRange<std::int64_t>(0, 86'400),
                        *rc::gen::inRange<std::int64_t>(0, 86'401),
                        *rc::gen::element(0.5, 1.0, 2.0, 3.0)});
  }
  RunSettings run;
  run.starts_at_s = *rc::gen::inRange<std::int64_t>(1'767'000'000, 1'800'000'000);
  run.time_zone = *rc::gen::element<std::string>("UTC", kLosAngeles, kBerlin);
  run.duration_ns = *rc::gen::inRange<std::int64_t>(1, 500) * kHour;
  std::int64_t last_ns = -1;
  double drain = 1;
  for (const PeakBorder& border : peak_borders(schedule, run)) {
    RC_ASSERT(border.at_ns > last_ns && border.drain != drain);
    RC_ASSERT(border.at_ns <= run.duration_ns + run.cooldown_max_ns);
    RC_ASSERT(border.drain <= largest_drain(schedule));
    last_ns = border.at_ns;
    drain = border.drain;
  }
}

TEST(TheLocalClock, CountsFromTheLastMidnight) {
  Scenario scenario;
  EXPECT_EQ(local_clock(scenario.run).midnight_ns, 0);
  scenario.run = run_from("2026-05-04T05:00", kLosAngeles, 1);
  EXPECT_EQ(local_clock(scenario.run).midnight_ns, -5 * kHour);
  scenario.run.time_zone = "UTC";  // the same instant: 12:00
  EXPECT_EQ(local_clock(scenario.run).midnight_ns, -12 * kHour);
  scenario.run = run_from("2026-03-08T05:00", kLosAngeles, 1);  // an hour was skipped
  EXPECT_EQ(local_clock(scenario.run).midnight_ns, -4 * kHour);
  scenario.run = run_from("2026-11-01T05:00", kLosAngeles, 1);
  EXPECT_EQ(local_clock(scenario.run).midnight_ns, -6 * kHour);
}

TEST(TheLocalClock, IsSetForwardAndBack) {
  RunSettings run = run_from("2026-01-01T00:00", kLosAngeles, 1);
  run.duration_ns = 365 * 24 * kHour;
  const LocalClock clock = local_clock(run);
  // 2026-03-08 and 2026-11-01, at 02:00: 66 and 304 days after the first, less the hour skipped.
  EXPECT_EQ(clock.changes, (std::vector<ClockChange>{{(66 * 24 + 2) * kHour, kHour},
                                                     {(304 * 24 + 1) * kHour, -kHour}}));
  run.duration_ns = 66 * 24 * kHour;
  run.cooldown_max_ns = 0;
  EXPECT_TRUE(local_clock(run).changes.empty());
  run.time_zone = "UTC";
  run.duration_ns = 365 * 24 * kHour;
  EXPECT_TRUE(local_clock(run).changes.empty());
  // The hour that was skipped before the run began is between its midnight and it.
  EXPECT_EQ(local_clock(run_from("2026-03-08T05:00", kLosAngeles, 1)).changes,
            (std::vector<ClockChange>{{-2 * kHour, kHour}}));
}

}  // namespace
}  // namespace tokenlift::calendar_test
