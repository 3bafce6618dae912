#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "tests/workloads/requests/trace_file.hpp"

namespace tokenlift::burstgpt_trace_test {
namespace {

const std::string kHeader =
    "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n";

TEST(BurstGptTrace, RowsBecomeArrivalsFromTheFirstOne) {
  const TraceFile file(kHeader +
                       "5,ChatGPT,472,18,490,Conversation log\n"
                       "45,ChatGPT,1087,230,1317,Conversation log\n"
                       "45.25,GPT-4,417,276,693,API log\n");
  const auto arrivals = read(file.trace());
  ASSERT_EQ(arrivals.size(), 3U);
  EXPECT_EQ(arrivals[0].due_ns, 0);
  EXPECT_EQ(arrivals[0].prompt_tokens, 472);
  EXPECT_EQ(arrivals[0].output_tokens, 18);
  EXPECT_EQ(arrivals[1].due_ns, 40'000'000'000);
  EXPECT_EQ(arrivals[2].due_ns, 40'250'000'000);
  EXPECT_EQ(arrivals[2].output_tokens, 276);
}

TEST(BurstGptTrace, ColumnsAreFoundByTheirNames) {
  const TraceFile later(
      "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log "
      "Type\r\n"
      "1.5,a1b2,3.25,GPT-4,10,20,30,Conversation log\r\n"
      "2.5,,1,GPT-4,11,21,32,API log");
  const auto arrivals = read(later.trace());
  ASSERT_EQ(arrivals.size(), 2U);
  EXPECT_EQ(arrivals[1].due_ns, 1'000'000'000);
  EXPECT_EQ(arrivals[0].prompt_tokens, 10);
  EXPECT_EQ(arrivals[0].output_tokens, 20);
  EXPECT_EQ(arrivals[1].prompt_tokens, 11);
  const TraceFile least("Response tokens,Request tokens,Timestamp\n7,8,0\n");
  EXPECT_EQ(read(least.trace())[0].prompt_tokens, 8);
  EXPECT_EQ(read(least.trace())[0].output_tokens, 7);
}

TEST(BurstGptTrace, TimestampsAreCutToNanoseconds) {
  const TraceFile file(kHeader +
                       "0,m,1,1,2,l\n0.1234567891,m,1,1,2,l\n0.12345678999999999999,m,1,1,2,l\n");
  const auto arrivals = read(file.trace());
  EXPECT_EQ(arrivals[1].due_ns, 123'456'789);
  EXPECT_EQ(arrivals[2].due_ns, 123'456'789);
}

TEST(BurstGptTrace, ATrailingCommaAndExponentsLoseNothing) {
  const TraceFile file(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type,\n"
      "5,ChatGPT,472,18,490,Conversation log,\n"
      "4.5e1,\"GPT-4, of June\",1087.0,2.3e2,1317,\"Conversation \"\"log\"\"\",\n"
      "0.1e+3,ChatGPT,1,1,2,Conversation log\n");
  const auto arrivals = read(file.trace());
  ASSERT_EQ(arrivals.size(), 3U);
  EXPECT_EQ(arrivals[1].due_ns, 40'000'000'000);
  EXPECT_EQ(arrivals[1].prompt_tokens, 1087);
  EXPECT_EQ(arrivals[1].output_tokens, 230);
  EXPECT_EQ(arrivals[2].due_ns, 95'000'000'000);
}

TEST(BurstGptTrace, RequestsThatFailedAreSkippedAndCounted) {
  const TraceFile file(kHeader +
                       "1,ChatGPT,0,0,0,Conversation log\n"
                       "2,ChatGPT,10,20,30,Conversation log\n"
                       "3,ChatGPT,10,0,10,Conversation log\n"
                       "4,ChatGPT,0,5,5,Conversation log\n"
                       "6,ChatGPT,12,22,34,Conversation log\n");
  const TraceSummary expected{2, 4'000'000'000, 11, 21, 12, 22, 3};
  EXPECT_EQ(summary_of(file.trace()), expected);
  const auto arrivals = read(file.trace());
  EXPECT_EQ(arrivals[0].due_ns, 0);  // the first that is kept
  EXPECT_EQ(arrivals[1].number, 1U);
}

TEST(BurstGptTrace, OfFailedRequestsAloneIsAnError) {
  EXPECT_NE(mistake_in(kHeader + "1,ChatGPT,0,0,0,l\n").message.find("no request"),
            std::string::npos);
}

TEST(BurstGptTrace, SpeedSampleAndMaxHoldAsForAnyTrace) {
  std::string rows = kHeader;
  for (int i = 0; i < 1000; ++i) rows += std::to_string(i) + ",m,1000,900,1900,l\n";
  const TraceFile file(rows);
  Trace trace = file.trace();
  trace.speed = 4;
  trace.max_prompt_tokens = 100;
  trace.max_output_tokens = 50;
  EXPECT_EQ(summary_of(trace), (TraceSummary{1000, 999'000'000'000 / 4, 100, 50, 100, 50}));
  trace.sample = 0.5;
  // 5 standard errors; which rows are kept is fixed.
  EXPECT_NEAR(static_cast<double>(read(trace).size()), 500, 5 * std::sqrt(1000 * 0.25));
}

TEST(BurstGptTrace, ArrivalSourceReplaysItWithoutBlocks) {
  const TraceFile file(kHeader + "5,ChatGPT,472,18,490,Conversation log\n");
  Tenant tenant;
  tenant.arrivals.process = Process::trace;
  tenant.arrivals.trace = file.trace();
  ArrivalSource source(tenant, 1, 0);
  EXPECT_TRUE(source.blocks().empty());
  EXPECT_EQ(source.next()->prompt_tokens, 472);
  EXPECT_TRUE(source.blocks().empty());
  EXPECT_FALSE(source.next());
}

TEST(BurstGptTrace, BadLineIsReportedWithItsNumberAndText) {
  const std::string good = "5,ChatGPT,472,18,490,Conversation log\n";
  const std::pair<const char*, const char*> cases[] = {
      {"4.999,ChatGPT,1,1,2,l", "earlier"},
      {"-1,ChatGPT,1,1,2,l", "Timestamp"},
      {"1e,ChatGPT,1,1,2,l", "Timestamp"},
      {"1e10,ChatGPT,1,1,2,l", "Timestamp"},
      {"1e999999999999999999999,ChatGPT,1,1,2,l", "Timestamp"},
      {"nan,ChatGPT,1,1,2,l", "Timestamp"},
      {",ChatGPT,1,1,2,l", "Timestamp"},
      {"6.,ChatGPT,1,1,2,l", "Timestamp"},
      {".5,ChatGPT,1,1,2,l", "Timestamp"},
      {"6.5.5,ChatGPT,1,1,2,l", "Timestamp"},
      {" 6,ChatGPT,1,1,2,l", "Timestamp"},
      {"9000000000,ChatGPT,1,1,2,l", "Timestamp"},
      {"99999999999999999999999,ChatGPT,1,1,2,l", "Timestamp"},
      {"6,ChatGPT,-1,1,2,l", "Request tokens"},
      {"6,ChatGPT,1.5,1,2,l", "Request tokens"},
      {"6,ChatGPT,1000000001,1,2,l", "Request tokens"},
      {"6,ChatGPT,1,,2,l", "Response tokens"},
      {"6,ChatGPT,1,1e-1,2,l", "Response tokens"},
      {"6,ChatGPT,1,1e10,2,l", "Response tokens"},
      {"6,ChatGPT,1,1.,2,l", "Response tokens"},
      {"6,ChatGPT,1,99999999999999999999,2,l", "Response tokens"},
      {"6,ChatGPT,1,1,2", "5 columns, not 6"},
      {"6,ChatGPT,1,1,2,l,x", "7 columns, not 6"},
      {"6,ChatGPT,1,1,2,l,,", "8 columns, not 6"},
      {"", "1 column, not 6"},
  };
  for (const auto& [line, message] : cases) {
    expect_wrong_line(kHeader + good, line, good, message);
  }
}

TEST(BurstGptTrace, AHeaderThatLacksAColumnOrNamesItTwiceIsNoHeader) {
  for (const char* header : {"Timestamp,Model,Request tokens,Total tokens",
                             "Timestamp,Timestamp,Request tokens,Response tokens",
                             "timestamp,Request tokens,Response tokens"}) {
    EXPECT_NE(mistake_in(std::string(header) + "\n1,1,1,1\n").message.find("header"),
              std::string::npos);
  }
}

TEST(BurstGptTrace, TheHeaderAloneHasNoRequests) {
  EXPECT_NE(mistake_in(kHeader).message.find("no request"), std::string::npos);
}

TEST(BurstGptTrace, OverlongLineIsAnError) {
  const Mistake mistake = mistake_in(kHeader + "5," + std::string(2000, 'x') + ",1,1,2,l\n");
  EXPECT_EQ(mistake.line, 2);
  EXPECT_NE(mistake.message.find("longer than 1024 bytes"), std::string::npos);
}

RC_GTEST_PROP(BurstGptTrace, AnyTextIsReadOrReported, ()) {
  check_read_or_reported(with_edits(kHeader + "5,ChatGPT,472,18,490,Conversation log\r\n"
                                              "45.5,ChatGPT,1087,0,1317,Conversation log\n"
                                              "118,GPT-4,417,276,693,Conversation log",
                                    std::string("\n\r,.-09e\"\0", 10)),
                         any_settings());
}

RC_GTEST_PROP(BurstGptTrace, AnyBytesAfterTheHeaderAreReadOrReported, (const std::string& bytes)) {
  check_read_or_reported(kHeader + bytes, any_settings());
}

}  // namespace
}  // namespace tokenlift::burstgpt_trace_test
