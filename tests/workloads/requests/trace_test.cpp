#include "workloads/requests/trace.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/workloads/requests/trace_file.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift {
namespace {

const std::string kHeader = "TIMESTAMP,ContextTokens,GeneratedTokens\n";

std::vector<Arrival> read_rows(const std::string& rows) {
  return read(TraceFile(kHeader + rows).trace());
}

TEST(Trace, RowsBecomeArrivalsFromTheFirstOne) {
  const auto arrivals = read_rows(
      "2023-11-16 18:15:46.6805900,374,44\n"
      "2023-11-16 18:15:50.9951690,396,109\n"
      "2023-11-16 18:15:50.9951690,879,55\n");
  ASSERT_EQ(arrivals.size(), 3U);
  EXPECT_EQ(arrivals[0].due_ns, 0);
  EXPECT_EQ(arrivals[0].prompt_tokens, 374);
  EXPECT_EQ(arrivals[0].output_tokens, 44);
  EXPECT_EQ(arrivals[1].due_ns, 4'314'579'000);
  EXPECT_EQ(arrivals[2].due_ns, 4'314'579'000);
  EXPECT_EQ(arrivals[2].output_tokens, 55);
}

TEST(Trace, LineEndingsAndTheLastLineMayVary) {
  const std::string header = "TIMESTAMP,ContextTokens,GeneratedTokens";
  for (const char* end : {"\n", "\r\n"}) {
    for (const char* last : {"", end}) {
      const TraceFile file(header + end + "2023-11-16 00:00:00,1,2" + end +
                           "2023-11-16 00:00:01,3,4" + last);
      const auto arrivals = read(file.trace());
      ASSERT_EQ(arrivals.size(), 2U);
      EXPECT_EQ(arrivals[1].due_ns, 1'000'000'000);
      EXPECT_EQ(arrivals[1].output_tokens, 4);
    }
  }
}

TEST(Trace, TimestampsMayHaveUpToNineDecimalsAndAZone) {
  const auto arrivals = read_rows(
      "2023-11-16 00:00:00,1,1\n"
      "2023-11-16 00:00:00.5,1,1\n"
      "2023-11-16 00:00:00.500000001,1,1\n"
      "2023-11-16 00:00:00.750000+00:00,1,1\n");
  ASSERT_EQ(arrivals.size(), 4U);
  EXPECT_EQ(arrivals[1].due_ns, 500'000'000);
  EXPECT_EQ(arrivals[2].due_ns, 500'000'001);
  EXPECT_EQ(arrivals[3].due_ns, 750'000'000);
}

TEST(Trace, ClockRunsOnOverMidnightMonthsAndLeapDays) {
  const auto arrivals = read_rows(
      "2023-12-31 23:59:59.5,1,1\n"
      "2024-01-01 00:00:00.25,1,1\n"
      "2024-02-28 00:00:00,1,1\n"
      "2024-03-01 00:00:00,1,1\n");
  ASSERT_EQ(arrivals.size(), 4U);
  EXPECT_EQ(arrivals[1].due_ns, 750'000'000);
  EXPECT_EQ(arrivals[3].due_ns - arrivals[2].due_ns, 2 * 86'400'000'000'000);
}

TEST(Trace, SpeedScalesTheClockAndMaxCapsTheLengths) {
  const TraceFile file(kHeader +
                       "2023-11-16 00:00:00,1000,50\n"
                       "2023-11-16 00:00:03,20,700\n");
  Trace trace = file.trace();
  trace.speed = 2;
  trace.max_prompt_tokens = 512;
  trace.max_output_tokens = 128;
  const auto arrivals = read(trace);
  EXPECT_EQ(arrivals[1].due_ns, 1'500'000'000);
  EXPECT_EQ(arrivals[0].prompt_tokens, 512);
  EXPECT_EQ(arrivals[1].output_tokens, 128);
  const TraceSummary expected{2, 1'500'000'000, 266, 89, 512, 128};
  EXPECT_EQ(summarise(trace), expected);
}

std::string many_rows(int count) {
  std::string rows = kHeader;
  for (int i = 0; i < count; ++i) {
    const int second = i % 60;
    const int minute = i / 60 % 60;
    const int hour = i / 3600;
    char row[64];
    std::snprintf(row, sizeof row, "2023-11-16 %02d:%02d:%02d.0,%d,%d\n", hour, minute, second,
                  i + 1, i % 7 + 1);
    rows += row;
  }
  return rows;
}

// The file is larger than the reader's buffer, so rows straddle its refills.
TEST(Trace, EveryRowOfALargeFileIsReadOnce) {
  const TraceFile file(many_rows(20'000));
  const auto arrivals = read(file.trace());
  ASSERT_EQ(arrivals.size(), 20'000U);
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    ASSERT_EQ(arrivals[i].prompt_tokens, static_cast<std::int64_t>(i) + 1);
    ASSERT_EQ(arrivals[i].due_ns, static_cast<std::int64_t>(i) * 1'000'000'000);
  }
}

// 5 standard errors: a false-alarm rate of 6e-7, and which rows are kept is fixed.
TEST(Trace, SampleKeepsItsShareInOrderFromZeroOn) {
  const TraceFile file(many_rows(20'000));
  Trace trace = file.trace();
  trace.sample = 0.25;
  const auto arrivals = read(trace);
  EXPECT_NEAR(static_cast<double>(arrivals.size()), 5000, 5 * std::sqrt(20'000 * 0.25 * 0.75));
  ASSERT_FALSE(arrivals.empty());
  EXPECT_EQ(arrivals[0].due_ns, 0);
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    ASSERT_EQ(arrivals[i].due_ns / 1'000'000'000,
              arrivals[i].prompt_tokens - arrivals[0].prompt_tokens);
  }
  const TraceSummary summary = summarise(trace);
  EXPECT_EQ(summary.requests, static_cast<std::int64_t>(arrivals.size()));
  EXPECT_EQ(summary.span_ns, arrivals.back().due_ns);
}

TEST(Trace, ArrivalSourceReplaysIt) {
  const TraceFile file(kHeader + "2023-11-16 00:00:00,5,6\n2023-11-16 00:00:01,7,8\n");
  Tenant tenant;
  tenant.arrivals.process = Process::trace;
  tenant.arrivals.trace = file.trace();
  ArrivalSource source(tenant, 99, 3);
  EXPECT_EQ(source.next()->prompt_tokens, 5);
  EXPECT_EQ(source.next()->due_ns, 1'000'000'000);
  EXPECT_FALSE(source.next());
  EXPECT_FALSE(source.next());
}

TEST(Trace, BadLineIsReportedWithItsNumberAndText) {
  const std::string good = "2023-11-16 00:00:05,1,1\n";
  const std::pair<const char*, const char*> cases[] = {
      {"2023-11-16 00:00:04,1,1", "earlier"},
      {"2023-11-16 00:00:06,0,1", "ContextTokens"},
      {"2023-11-16 00:00:06,-3,1", "ContextTokens"},
      {"2023-11-16 00:00:06,1,0", "GeneratedTokens"},
      {"2023-11-16 00:00:06,1,-1", "GeneratedTokens"},
      {"2023-11-16 00:00:06,1,1.5", "GeneratedTokens"},
      {"2023-11-16 00:00:06,1,99999999999", "GeneratedTokens"},
      {"2023-11-16 00:00:06,1,1000000001", "GeneratedTokens"},
      {"2023-11-16 00:00:06,1,", "GeneratedTokens"},
      {"2023-11-16 00:00:06,1,1 ", "GeneratedTokens"},
      {"2023-11-16 00:00:06,1", "2 columns"},
      {"2023-11-16 00:00:06,1,1,1", "4 columns"},
      {"", "1 column"},
      {",,", "timestamp"},
      {"2023-11-31 00:00:06,1,1", "timestamp"},
      {"2023-13-01 00:00:06,1,1", "timestamp"},
      {"2023-02-29 00:00:06,1,1", "timestamp"},
      {"1969-12-31 00:00:06,1,1", "timestamp"},
      {"2200-01-01 00:00:06,1,1", "timestamp"},
      {"2023-11-16 24:00:06,1,1", "timestamp"},
      {"2023-11-16 00:60:06,1,1", "timestamp"},
      {"2023-11-16 00:00:60,1,1", "timestamp"},
      {"2023-11-16 00:00:06.,1,1", "timestamp"},
      {"2023-11-16 00:00:06.1234567890,1,1", "timestamp"},
      {"2023-11-16T00:00:06,1,1", "timestamp"},
      {"2023-11-16 00:00:06+01:00,1,1", "timestamp"},
      {"2023-11-16,1,1", "timestamp"},
  };
  for (const auto& [line, message] : cases) {
    const std::string text = kHeader + good + line + "\n" + good;  // NOLINT(performance-*)
    const Mistake mistake = mistake_in(text);
    EXPECT_EQ(mistake.line, 3) << line;
    EXPECT_NE(mistake.message.find(message), std::string::npos) << line << ": " << mistake.message;
    EXPECT_EQ(mistake.excerpt, line);
  }
}

TEST(Trace, OverlongLineIsAnErrorWithABoundedExcerpt) {
  const std::string endless(1'000'000, '1');
  const Mistake mistake = mistake_in(kHeader + "2023-11-16 00:00:05,1," + endless);
  EXPECT_EQ(mistake.line, 2);
  EXPECT_NE(mistake.message.find("longer than 256 bytes"), std::string::npos);
  EXPECT_LT(mistake.excerpt.size(), 300U);
}

TEST(Trace, WithoutHeaderOrRowsOrFileIsAnError) {
  EXPECT_NE(mistake_in("").message.find("empty"), std::string::npos);
  EXPECT_NE(mistake_in("2023-11-16 00:00:05,1,1\n").message.find("header"), std::string::npos);
  EXPECT_NE(mistake_in(kHeader).message.find("no request"), std::string::npos);
  EXPECT_EQ(mistake_in("time,a,b\n").line, 1);
  Trace missing;
  missing.file = "/nonexistent/trace.csv";
  EXPECT_THROW(TraceReader{missing}, ScenarioError);
  Trace folder;
  folder.file = testing::TempDir();
  EXPECT_THROW(TraceReader{folder}, ScenarioError);
}

TEST(Trace, TooSlowAClockIsAnErrorNotAnOverflow) {
  const TraceFile file(kHeader + "1970-01-01 00:00:00,1,1\n2199-01-01 00:00:00,1,1\n");
  Trace trace = file.trace();
  trace.speed = 1e-6;
  EXPECT_THROW(summarise(trace), ScenarioError);
}

TEST(Trace, AFileOfNoKnownFormatIsToldAllOfThem) {
  for (const char* text : {"time,a,b\n", "[1, 2]\n", "\n",
                           "\xef\xbb\xbf"
                           "TIMESTAMP\n",
                           "5,ChatGPT,472\n"}) {
    const Mistake mistake = mistake_in(text);
    EXPECT_EQ(mistake.line, 1);
    EXPECT_NE(mistake.message.find("doesn't begin with its header"), std::string::npos);
    for (const char* format : {"TIMESTAMP,ContextTokens,GeneratedTokens (Azure)",
                               "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log "
                               "Type (BurstGPT)",
                               "{\"timestamp\": 0, \"input_length\": 600", "(Mooncake)"}) {
      EXPECT_NE(mistake.advice.find(format), std::string::npos) << mistake.advice;
    }
  }
}

TEST(Trace, ALineThatIsNotUtf8IsAnErrorWithItsPlace) {
  const Mistake mistake = mistake_in(kHeader +
                                     "2023-11-16 00:00:05,1,\xff"
                                     "1\n");
  EXPECT_EQ(mistake.line, 2);
  EXPECT_EQ(mistake.column, 23);
  EXPECT_NE(mistake.message.find("UTF-8"), std::string::npos);
}

TEST(Trace, AFirstLineWithoutEndIsAnErrorNotAFileInMemory) {
  const Mistake mistake = mistake_in(std::string(1'000'000, '{'));
  EXPECT_EQ(mistake.line, 1);
  EXPECT_NE(mistake.message.find("longer than 16384 bytes"), std::string::npos);
  EXPECT_LT(mistake.excerpt.size(), 17'000U);
}

TEST(Trace, RequestsAreNumberedAsTheyAreKept) {
  const TraceFile file(many_rows(100));
  Trace trace = file.trace();
  trace.sample = 0.3;
  const auto arrivals = read(trace);
  for (std::size_t i = 0; i < arrivals.size(); ++i) EXPECT_EQ(arrivals[i].number, i);
}

RC_GTEST_PROP(Trace, AnyTextIsReadOrReported, ()) {
  check_read_or_reported(with_edits(kHeader + "2023-11-16 18:15:46.6805900,374,44\r\n" +
                                        "2023-11-16 18:15:50.9951690,396,109\n2023-11-17 "
                                        "00:00:00,1,2",
                                    std::string("\n\r,.-09\0", 8)));
}

RC_GTEST_PROP(Trace, AnyBytesAreReadOrReported, (const std::string& bytes)) {
  check_read_or_reported(*rc::gen::element<std::string>("", kHeader, "{") + bytes);
}

}  // namespace
}  // namespace tokenlift
