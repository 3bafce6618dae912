#include "reports/formats/csv.hpp"

#include <gtest/gtest.h>

#include <string>

#include "reports/text/csv_text.hpp"
#include "tests/reports/findings/sample_reports.hpp"
#include "tests/reports/formats/golden_file.hpp"
#include "tests/reports/record/wire_runs.hpp"

namespace tokenlift::csv_test {
namespace {

TEST(Csv, OfALift) {
  expect_golden("csv_lift", to_csv(lift_report()));
}

// A control that lacks a column, limits that change within a bin, names that need quotes.
TEST(Csv, OfTrialsSideBySide) {
  expect_golden("csv_side_by_side", to_csv(side_by_side_report()));
}

TEST(Csv, ARunWithoutSeriesHasAHeaderOnly) {
  Report report;
  report.trials = {sample_trial("empty", empty_run())};
  EXPECT_EQ(to_csv(report), "time_s,arm,phase,runs\n");
}

TEST(Csv, ANameIsNoFormula) {
  EXPECT_EQ(csv_name("=1+1"), "'=1+1");
  EXPECT_EQ(csv_name("+1"), "'+1");
  EXPECT_EQ(csv_name("-1"), "'-1");
  EXPECT_EQ(csv_name("@SUM(A1,B1)"), "\"'@SUM(A1,B1)\"");
  EXPECT_EQ(csv_name("\t=1"), "'\t=1");
  EXPECT_EQ(csv_name("\n=1"), "\"'\n=1\"");
  EXPECT_EQ(csv_name("a=1"), "a=1");
  EXPECT_EQ(csv_name("'=1"), "'=1");
  EXPECT_EQ(csv_name(""), "");
}

TEST(Csv, NamesAreGuardedAndNumbersAreNot) {
  tokenlift::Run run = steady_run();
  run.phases[0] = sample_span("=phase", 0, 40, 62);
  run.series.columns = {{"@column", {-7}}};
  run.throttles.clear();
  Report report;
  report.trials = {sample_trial("+label", run), sample_trial("other", run)};
  EXPECT_EQ(to_csv(report),
            "trial,time_s,arm,phase,runs,'@column\n"
            "'+label,0,lifted,'=phase,1,-7\n"
            "other,0,lifted,'=phase,1,-7\n");
}

TEST(Csv, NamesHoldNothingThatATerminalWouldActOn) {
  tokenlift::Run run = steady_run();
  run.series.columns = {{"a\x1b[2J\r\u202e\u0085", {1}}};
  run.throttles.clear();
  Report report;
  report.trials = {sample_trial("one", run)};
  EXPECT_TRUE(to_csv(report).starts_with(R"(time_s,arm,phase,runs,a\x1b[2J\x0d\xe2\x80\xae\xc2\x85)"
                                         "\n"))
      << to_csv(report);
}

TEST(Csv, ALimitIsTheOneInForceAtTheEndOfTheBin) {
  Report report = lift_report();
  report.trials[0].trial.lifted.pooled.throttles[0].limits = {
      {0, 7}, {kSecondNs, 8}, {kSecondNs + 1, {}}, {2 * kSecondNs + 1, 9.5}};
  report.trials[0].trial.lifted.pooled.series.bin_ns = kSecondNs;
  report.trials[0].trial.lifted.pooled.series.columns.resize(1);
  EXPECT_EQ(to_csv(report),
            "time_s,arm,phase,runs,due,limit:output limit\n"
            "0,lifted,,1,50,7\n"
            "1,lifted,,1,52,\n"
            "2,lifted,,1,48,9.5\n");
}

TEST(Csv, WhatAServerSaysIsEmptyUntilItSaysIt) {
  tokenlift::Run run = endpoint_run();
  run.series.columns.resize(1);
  run.wire->server.resize(2);
  Report report;
  report.trials = {sample_trial("endpoint", run)};
  EXPECT_EQ(to_csv(report),
            "time_s,arm,phase,runs,due,server:gateway:limit.requests,"
            "server:gateway:remaining.requests\n"
            "0,lifted,,1,50,600,\n"
            "15,lifted,before,1,52,6000,0\n"
            "30,lifted,after,1,48,6000,5400\n");
}

}  // namespace
}  // namespace tokenlift::csv_test
