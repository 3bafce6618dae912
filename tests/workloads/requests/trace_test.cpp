#include "workloads/requests/trace.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/workloads/requests/trace_file.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift::trace_test {
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

TEST(Trace, TimestampsMayBeIsoWithAnyOffset) {
  const auto arrivals = read_rows(
      "2023-11-16 18:15:46.6805900,1,1\n"
      "2023-11-16T18:15:47.680590Z,1,1\n"
      "2023-11-16T20:15:48.680590+02:00,1,1\n"
      "2023-11-16t12:45:49.680590-0530,1,1\n"
      "2023-11-17 08:15:50.680590+14,1,1\n");
  ASSERT_EQ(arrivals.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(arrivals[i].due_ns, static_cast<std::int64_t>(i) * 1'000'000'000);
  }
}

TEST(Trace, AByteOrderMarkQuotesAndBlankLastLinesLoseNothing) {
  const auto plain = read_rows("2023-11-16 00:00:00,374,44\n2023-11-16 00:00:01,396,109\n");
  for (const char* text :
       {"\xef\xbb\xbfTIMESTAMP,ContextTokens,GeneratedTokens\r\n"
        "2023-11-16T00:00:00,374,44\r\n2023-11-16T00:00:01Z,396,109\r\n\r\n",
        "\"TIMESTAMP\",\"ContextTokens\",\"GeneratedTokens\"\n"
        "\"2023-11-16 00:00:00\",374,\"44\"\n2023-11-16 00:00:01,\"396\",109\n  \n\n\t",
        "TIMESTAMP,ContextTokens,GeneratedTokens,\n"
        "2023-11-16 00:00:00,374.0,4.4e1,\n2023-11-16 00:00:01,3960E-1,109.00,\n"}) {
    const auto arrivals = read(TraceFile(text).trace());
    ASSERT_EQ(arrivals.size(), 2U) << text;
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(arrivals[i].due_ns, plain[i].due_ns);
      EXPECT_EQ(arrivals[i].prompt_tokens, plain[i].prompt_tokens);
      EXPECT_EQ(arrivals[i].output_tokens, plain[i].output_tokens);
    }
  }
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
  EXPECT_EQ(summary_of(trace), expected);
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

// 5 standard errors: a false-alarm rate of 6e-7, and which rows are kept is fixed. The clock begins
// with the file, whichever row is the first that is kept: seeds must not move it.
TEST(Trace, SampleKeepsItsShareInOrderOnTheClockOfTheFile) {
  const TraceFile file(many_rows(20'000));
  Trace trace = file.trace();
  trace.sample = 0.25;
  const auto arrivals = read(trace);
  EXPECT_NEAR(static_cast<double>(arrivals.size()), 5000, 5 * std::sqrt(20'000 * 0.25 * 0.75));
  for (const Arrival& arrival : arrivals) {
    ASSERT_EQ(arrival.due_ns, (arrival.prompt_tokens - 1) * 1'000'000'000);
  }
  const TraceSummary summary = summarise(trace);  // for all seeds
  EXPECT_EQ(summary.requests, 20'000);
  EXPECT_EQ(summary.span_ns, 19'999'000'000'000);
}

std::set<std::int64_t> kept_rows(const Trace& trace, std::uint64_t seed, std::uint64_t tenant) {
  std::set<std::int64_t> rows;
  for (const Arrival& arrival : read(trace, seed, tenant)) rows.insert(arrival.prompt_tokens);
  return rows;
}

// Of two independent halves 5,000 rows are in common, with a standard deviation of 61.
TEST(Trace, SampleGoesBySeedAndTenant) {
  const TraceFile file(many_rows(20'000));
  Trace trace = file.trace();
  trace.sample = 0.5;
  const std::set<std::int64_t> rows = kept_rows(trace, 1, 0);
  EXPECT_EQ(kept_rows(trace, 1, 0), rows);
  for (const auto& [seed, tenant] : {std::pair{2U, 0U}, {5U, 0U}, {1U, 1U}}) {
    std::vector<std::int64_t> common;
    std::ranges::set_intersection(rows, kept_rows(trace, seed, tenant), std::back_inserter(common));
    EXPECT_NEAR(static_cast<double>(common.size()), 5000, 5 * 61) << seed << ", " << tenant;
  }
}

TEST(Trace, StartBeginsInsideTheFile) {
  const TraceFile file(many_rows(100));
  Trace trace = file.trace();
  trace.start_ns = 30'500'000'000;
  trace.speed = 0.5;
  const auto arrivals = read(trace);
  ASSERT_EQ(arrivals.size(), 69U);
  EXPECT_EQ(arrivals[0].prompt_tokens, 32);
  EXPECT_EQ(arrivals[0].due_ns, 1'000'000'000);
  EXPECT_EQ(arrivals[0].number, 0U);
  const TraceSummary summary = summarise(trace);
  EXPECT_EQ(summary.requests, 69);
  EXPECT_EQ(summary.before_start, 31);
  EXPECT_EQ(summary.rows, 100);
  trace.start_ns = 99'000'000'001;
  EXPECT_THROW(summarise(trace), ScenarioError);
}

TEST(Trace, TheDigestTellsFilesApartByTheirBytesAlone) {
  // The values of FNV-1a that its authors give.
  const TraceFile known("foobar");
  const TraceFile one(kHeader + "2023-11-16 00:00:00,1,2\n");
  const TraceFile same(kHeader + "2023-11-16 00:00:00,1,2\n");
  const TraceFile other(kHeader + "2023-11-16 00:00:00,1,3\n");
  EXPECT_EQ(file_digest(known.trace().file), 0x85944171f73967e8U);
  EXPECT_EQ(summarise(one.trace()).digest, file_digest(one.trace().file));
  EXPECT_EQ(summarise(one.trace()).digest, summarise(same.trace()).digest);
  EXPECT_NE(summarise(one.trace()).digest, summarise(other.trace()).digest);
  EXPECT_EQ(summarise(one.trace()).rows, 1);
}

// Each request says by its prompt where in the file it stood: one a second.
TEST(Trace, ResampledBlocksAreThoseOfTheFileInAnyOrder) {
  const TraceFile file(many_rows(1005));
  Trace trace = file.trace();
  trace.resample_ns = 10'000'000'000;
  trace.start_ns = 5'000'000'000;
  TraceReader reader(trace, 1, 0);
  std::set<std::int64_t> drawn;
  for (std::int64_t i = 0; i < 5'000; ++i) {
    const auto arrival = reader.next();
    ASSERT_TRUE(arrival);
    EXPECT_EQ(arrival->due_ns, i * 1'000'000'000);
    EXPECT_EQ(arrival->number, static_cast<std::uint64_t>(i));
    // Row n is due at n - 1: blocks begin with rows 6, 16, 26, ...
    EXPECT_EQ((arrival->prompt_tokens - 6) % 10, i % 10);
    drawn.insert((arrival->prompt_tokens - 6) / 10);
  }
  // 500 draws of 99 whole blocks (the last row is due at their very end): a block is missed with
  // 0.6 %.
  EXPECT_EQ(*drawn.rbegin(), 98);
  EXPECT_GE(drawn.size(), 93U);
}

TEST(Trace, ResampleGoesBySeedAndTenantAndLeavesGapsAsTheyAre) {
  const TraceFile file("a,b,c\n0,1,1\n1,2,1\n25,3,1\n40,4,1\n");
  Trace trace = file.trace();
  trace.columns = TraceColumns{"a", "b", "c"};
  trace.resample_ns = 10'000'000'000;
  trace.speed = 2;
  const auto first = [&](std::uint64_t seed, std::uint64_t tenant) {
    TraceReader reader(trace, seed, tenant);
    std::vector<std::pair<std::int64_t, std::int64_t>> requests;
    for (int i = 0; i < 60; ++i) {
      const auto arrival = reader.next();
      requests.emplace_back(arrival->due_ns, arrival->prompt_tokens);
    }
    return requests;
  };
  const auto requests = first(1, 0);
  EXPECT_EQ(first(1, 0), requests);
  EXPECT_NE(first(2, 0), requests);
  EXPECT_NE(first(1, 1), requests);
  for (const auto& [due_ns, prompt] : requests) {
    // Of [0, 10) two requests, of [20, 30) one; [10, 20) and [30, 40) are empty, and 40 is no more.
    const std::int64_t within_ns = due_ns % 5'000'000'000;
    EXPECT_EQ(within_ns, prompt == 1 ? 0 : prompt == 2 ? 500'000'000 : 2'500'000'000) << prompt;
    EXPECT_NE(prompt, 4);
  }
}

TEST(Trace, ResampleNeedsTwoBlocksAndNotTooMany) {
  const TraceFile file(many_rows(100));
  Trace trace = file.trace();
  trace.resample_ns = 50'000'000'000;
  EXPECT_NE(mistake_in(many_rows(100), trace).message.find("1 whole blocks"), std::string::npos);
  trace.resample_ns = 100'000;
  EXPECT_NE(mistake_in(many_rows(100), trace).message.find("more than 100000 blocks"),
            std::string::npos);
}

TEST(Trace, AResampledTraceEndsWhereTimeDoes) {
  const TraceFile file("a,b,c\n0,1,1\n200000000,2,1\n400000000,2,1\n");
  Trace trace = file.trace();
  trace.columns = TraceColumns{"a", "b", "c"};
  trace.resample_ns = 200'000'000'000'000'000;
  EXPECT_LE(read(trace).size(), 5U);  // 10,000 days are 4.3 blocks
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
      {"2023-11-16 00:00:06+01:00,1,1", "earlier"},  // by its offset
      {"2023-11-16 00:00:06+1:00,1,1", "timestamp"},
      {"2023-11-16 00:00:06+24:00,1,1", "timestamp"},
      {"2023-11-16 00:00:06 UTC,1,1", "timestamp"},
      {"2023-11-16_00:00:06,1,1", "timestamp"},
      {"\"2023-11-16 00:00:06,1,1", "no end in its line"},
      {"\"2023-11-16 00:00:06\"0,1,1", "should be a comma"},
      {"2023-11-16 00:00:06,1,1,,", "5 columns"},
      {"2023-11-16,1,1", "timestamp"},
  };
  for (const auto& [line, message] : cases) {
    expect_wrong_line(kHeader + good, line, good, message);
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
  EXPECT_THROW(TraceReader(missing, 1, 0), ScenarioError);
  Trace folder;
  folder.file = testing::TempDir();
  EXPECT_THROW(TraceReader(folder, 1, 0), ScenarioError);
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
  const Mistake mistake = mistake_in(std::string(2'000'000, '{'));
  EXPECT_EQ(mistake.line, 1);
  EXPECT_NE(mistake.message.find("longer than 1048576 bytes"), std::string::npos);
  EXPECT_LT(mistake.excerpt.size(), 1'049'000U);
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
                                    std::string("\n\r,.-09\0", 8)),
                         any_settings());
}

RC_GTEST_PROP(Trace, AnyBytesAreReadOrReported, (const std::string& bytes)) {
  check_read_or_reported(*rc::gen::element<std::string>("", kHeader, "{") + bytes, any_settings());
}

}  // namespace
}  // namespace tokenlift::trace_test
