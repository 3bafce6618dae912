#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/workloads/requests/trace_file.hpp"

namespace tokenlift::mooncake_trace_test {
namespace {

std::string row(double timestamp_ms, std::int64_t input, std::int64_t output,
                const std::string& ids) {
  return R"({"timestamp": )" + std::to_string(static_cast<std::int64_t>(timestamp_ms)) +
         R"(, "input_length": )" + std::to_string(input) + R"(, "output_length": )" +
         std::to_string(output) + R"(, "hash_ids": [)" + ids + "]}\n";
}

using Blocks = std::vector<std::uint64_t>;

std::vector<Blocks> read_blocks(const Trace& trace) {
  TraceReader reader(trace, 1, 0);
  std::vector<Blocks> blocks;
  while (reader.next()) blocks.push_back(reader.blocks());
  return blocks;
}

TEST(MooncakeTrace, RowsBecomeArrivalsFromTheFirstOne) {
  const TraceFile file(row(27'482, 6758, 500, "0, 1, 2, 3") + row(27'482, 7322, 490, "0, 14") +
                       row(30'535, 655, 52, "46, 47"));
  const auto arrivals = read(file.trace());
  ASSERT_EQ(arrivals.size(), 3U);
  EXPECT_EQ(arrivals[0].due_ns, 0);
  EXPECT_EQ(arrivals[0].prompt_tokens, 6758);
  EXPECT_EQ(arrivals[0].output_tokens, 500);
  EXPECT_EQ(arrivals[1].due_ns, 0);
  EXPECT_EQ(arrivals[2].due_ns, 3'053'000'000);
  EXPECT_EQ(arrivals[2].number, 2U);
}

TEST(MooncakeTrace, FormMayVaryAsJsonAllows) {
  const char* lines[] = {
      R"({"timestamp":5,"input_length":600,"output_length":7,"hash_ids":[3,4]})",
      R"( { "hash_ids" : [ 3 , 4 ] , "output_length" : 7 , "input_length" : 600 , "timestamp" : 5 } )",
      (R"({"type":"a \"b\" \u00e9\\","timestamp":5.0,"x":[],"y":[1,-2.5e+3,"z",null,true],)"
       R"("input_length":600,"output_length":7,"hash_ids":[3,4],"last":false})"),
  };
  const TraceFile plain(std::string(lines[0]) + "\n");
  const std::vector<Blocks> expected = read_blocks(plain.trace());
  ASSERT_EQ(expected[0].size(), 2U);
  for (const char* line : lines) {
    for (const char* end : {"", "\n", "\r\n"}) {
      std::ofstream(plain.trace().file, std::ios::binary) << line << end;
      const auto arrivals = read(plain.trace());
      ASSERT_EQ(arrivals.size(), 1U);
      EXPECT_EQ(arrivals[0].prompt_tokens, 600);
      EXPECT_EQ(arrivals[0].output_tokens, 7);
      EXPECT_EQ(read_blocks(plain.trace()), expected);
    }
  }
}

TEST(MooncakeTrace, TimestampsMayHaveDecimals) {
  const TraceFile file(R"({"timestamp": 0, "input_length": 1, "output_length": 1})"
                       "\n"
                       R"({"timestamp": 1.5, "input_length": 1, "output_length": 1})"
                       "\n"
                       R"({"timestamp": 2.0000019, "input_length": 1, "output_length": 1})"
                       "\n");
  const auto arrivals = read(file.trace());
  EXPECT_EQ(arrivals[1].due_ns, 1'500'000);
  EXPECT_EQ(arrivals[2].due_ns, 2'000'001);
}

TEST(MooncakeTrace, EqualIdsHaveEqualKeysAndNoneIsZero) {
  const std::string most = "18446744073709551615";
  const TraceFile file(row(0, 1500, 1, "0, 1, 2") + row(1, 1500, 1, "0, 1, 7") +
                       row(2, 512, 1, "0") + row(3, 5000, 1, "7, 2, " + most) + row(4, 10, 1, ""));
  const auto blocks = read_blocks(file.trace());
  ASSERT_EQ(blocks.size(), 5U);
  ASSERT_EQ(blocks[0].size(), 3U);
  EXPECT_EQ(blocks[1][0], blocks[0][0]);
  EXPECT_EQ(blocks[1][1], blocks[0][1]);
  EXPECT_NE(blocks[1][2], blocks[0][2]);
  EXPECT_EQ(blocks[2], Blocks{blocks[0][0]});
  EXPECT_EQ(blocks[3][0], blocks[1][2]);
  EXPECT_EQ(blocks[3][1], blocks[0][2]);
  EXPECT_TRUE(blocks[4].empty());
  std::set<std::uint64_t> keys;
  for (const Blocks& some : blocks) keys.insert(some.begin(), some.end());
  EXPECT_EQ(keys.size(), 5U);  // ids 0, 1, 2, 7 and the largest
  EXPECT_EQ(keys.count(0), 0U);
  EXPECT_EQ(read_blocks(file.trace()), blocks);  // in another reader of the file too
}

TEST(MooncakeTrace, IdsOfAnotherFileHaveOtherKeys) {
  const TraceFile one(row(0, 600, 1, "0, 1"));
  const TraceFile other(row(0, 600, 1, "0, 1"));
  EXPECT_NE(read_blocks(one.trace())[0][0], read_blocks(other.trace())[0][0]);
}

TEST(MooncakeTrace, ACappedPromptKeepsTheBlocksThatBeginWithinTheCap) {
  const TraceFile file(row(0, 1500, 1, "0, 1, 2") + row(0, 400, 1, "5"));
  const auto whole = read_blocks(file.trace());
  Trace trace = file.trace();
  for (const auto& [cap, kept] : {std::pair{1024, 2}, {1025, 3}, {513, 2}, {512, 1}, {1, 1}}) {
    trace.max_prompt_tokens = cap;
    const auto blocks = read_blocks(trace);
    EXPECT_EQ(blocks[0], Blocks(whole[0].begin(), whole[0].begin() + kept)) << cap;
    EXPECT_EQ(blocks[1], whole[1]) << cap;
    EXPECT_EQ(read(trace)[0].prompt_tokens, cap);
  }
}

TEST(MooncakeTrace, ArrivalSourceGivesTheBlocksOfItsLastRequest) {
  const TraceFile file(row(0, 1024, 1, "0, 1") + row(5, 100, 1, "2"));
  const auto blocks = read_blocks(file.trace());
  Tenant tenant;
  tenant.arrivals.process = Process::trace;
  tenant.arrivals.trace = file.trace();
  ArrivalSource source(tenant, 7, 3);
  source.next();
  EXPECT_EQ(source.blocks(), blocks[0]);
  source.next();
  EXPECT_EQ(source.blocks(), blocks[1]);
}

// The file is larger than the reader's buffer, so lines straddle its refills.
TEST(MooncakeTrace, SpeedSampleAndMaxHoldAsForAnyTrace) {
  std::string rows;
  for (int i = 0; i < 4000; ++i) rows += row(i, 1000, 900, std::to_string(i) + ", 7000");
  const TraceFile file(rows);
  Trace trace = file.trace();
  trace.speed = 0.5;
  trace.max_prompt_tokens = 100;
  trace.max_output_tokens = 50;
  EXPECT_EQ(summary_of(trace), (TraceSummary{4000, 2 * 3'999'000'000, 100, 50, 100, 50}));
  trace.sample = 0.5;
  // 5 standard errors; which rows are kept is fixed.
  EXPECT_NEAR(static_cast<double>(read(trace).size()), 2000, 5 * std::sqrt(4000 * 0.25));
}

TEST(MooncakeTrace, ALineOfHundredsOfIdsIsRead) {
  std::string ids;
  for (int i = 0; i < 1000; ++i) ids += std::to_string(i) + ", ";
  const TraceFile file(row(0, 1'000'000, 1, ids + "1000"));
  EXPECT_EQ(read_blocks(file.trace())[0].size(), 1001U);
}

TEST(MooncakeTrace, UnknownKeysOfAnyShapeAreSkipped) {
  const TraceFile file(
      R"({"timestamp": 0, "input_length": 100, "output_length": 5, "hash_ids": [1], )"
      R"("messages": [{"role": "user", "content": "x"}, {}], "o": {"p": {"q": [[], [1, {}]]}}})"
      "\n\n");
  const auto arrivals = read(file.trace());
  ASSERT_EQ(arrivals.size(), 1U);
  EXPECT_EQ(arrivals[0].prompt_tokens, 100);
}

TEST(MooncakeTrace, ValuesNestedWithoutAnEndAreAnErrorNotACrash) {
  for (const char* open : {"[", "{\"x\":"}) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += open;
    EXPECT_NE(mistake_in("{\"x\":" + deep).message.find("nested more than 100 deep"),
              std::string::npos);
  }
}

TEST(MooncakeTrace, NumbersMayHaveDecimalsAndExponents) {
  const TraceFile file(R"({"timestamp": 0, "input_length": 374.0, "output_length": 4.4E1})"
                       "\n"
                       R"({"timestamp": 1.5e3, "input_length": 6e2, "output_length": 10e-1})"
                       "\n");
  const auto arrivals = read(file.trace());
  EXPECT_EQ(arrivals[0].prompt_tokens, 374);
  EXPECT_EQ(arrivals[0].output_tokens, 44);
  EXPECT_EQ(arrivals[1].due_ns, 1'500'000'000);
  EXPECT_EQ(arrivals[1].prompt_tokens, 600);
  EXPECT_EQ(arrivals[1].output_tokens, 1);
}

TEST(MooncakeTrace, ABlockCountsOncePerLine) {
  const TraceFile file(row(0, 1500, 5, "7, 7, 7") + row(9, 1536, 5, "1, 7, 7") +
                       row(18, 2048, 5, "9, 3, 4, 3") + row(27, 1024, 5, "9, 3"));
  const auto blocks = read_blocks(file.trace());
  EXPECT_EQ(blocks[0].size(), 1U);
  ASSERT_EQ(blocks[1].size(), 2U);
  EXPECT_EQ(blocks[1][1], blocks[0][0]);
  EXPECT_EQ(blocks[2].size(), 3U);
  EXPECT_EQ(blocks[3], Blocks(blocks[2].begin(), blocks[2].begin() + 2));
}

TEST(MooncakeTrace, BlocksMayBeOfAnotherSize) {
  const std::string text = row(0, 100, 5, "1, 2, 3, 4, 5, 6, 7");
  Trace settings;
  EXPECT_NE(mistake_in(text).message.find("1 block of 512 tokens"), std::string::npos);
  settings.block_tokens = 32;
  EXPECT_NE(mistake_in(text, settings).message.find("4 blocks of 32 tokens"), std::string::npos);
  settings.block_tokens = 16;
  const TraceFile file(text);
  settings.file = file.trace().file;
  EXPECT_EQ(read_blocks(settings)[0].size(), 7U);
  settings.max_prompt_tokens = 33;
  EXPECT_EQ(read_blocks(settings)[0].size(), 3U);
}

TEST(MooncakeTrace, BadLineIsReportedWithItsNumberAndText) {
  const std::string good = row(5, 600, 7, "0, 1");
  const std::pair<const char*, const char*> cases[] = {
      {R"({"timestamp": 4, "input_length": 600, "output_length": 7})", "earlier"},
      {R"({"timestamp": -1, "input_length": 600, "output_length": 7})", "timestamp is not"},
      {R"({"timestamp": 9e99, "input_length": 600, "output_length": 7})", "timestamp is not"},
      {R"({"timestamp": 99999999999999, "input_length": 6, "output_length": 7})",
       "timestamp is not"},
      {R"({"timestamp": "5", "input_length": 600, "output_length": 7})", "a digit"},
      {R"({"timestamp": 05, "input_length": 600, "output_length": 7})", "',' or '}'"},
      {R"({"timestamp": 6, "input_length": 0, "output_length": 7})", "input_length is not"},
      {R"({"timestamp": 6, "input_length": 6.5, "output_length": 7})", "input_length is not"},
      {R"({"timestamp": 6, "input_length": 6e-2, "output_length": 7})", "input_length is not"},
      {R"({"timestamp": 6, "input_length": null, "output_length": 7})", "a digit"},
      {R"({"timestamp": null, "input_length": 600, "output_length": 7})", "timestamp is missing"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 0})", "output_length is not"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": -7})", "output_length is not"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 1000000001})",
       "output_length is not"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "hash_ids": [1, 2, 3]})",
       "3 ids, but input_length is only 2 blocks"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "hash_ids": [-1]})",
       "hash_ids"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "hash_ids": [1.5]})",
       "hash_ids"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "hash_ids": [18446744073709551616]})",
       "hash_ids"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "hash_ids": 5})", "hash_ids"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "hash_ids": [1)", "',' or ']'"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "hash_ids": [1,]})", "a digit"},
      {R"({"timestamp": 6, "input_length": 600})", "output_length is missing"},
      {R"({"input_length": 600, "output_length": 7})", "timestamp is missing"},
      {R"({"timestamp": 6, "output_length": 7})", "input_length is missing"},
      {R"({"timestamp": 6, "timestamp": 6, "input_length": 6, "output_length": 7})", "twice"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "x": {1}})", "a string"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "x": {"y" 1}})", "':'"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "x": {"y": [1}})",
       "',' or ']'"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "x": [[]})", "',' or ']'"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "x": nil})", "a value"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "x": "\q"})", "escape"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "x": "\u12g4"})",
       "hexadecimal"},
      {"{\"timestamp\": 6, \"input_length\": 600, \"output_length\": 7, \"x\": \"\t\"}", "control"},
      {"{\"timestamp\": 6, \"input_length\": 600, \"output_length\": 7, \"x\": \"\xc3\"}", "UTF-8"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "x)", "ends where"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7, "x":)", "ends where"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7,})", "a string"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7)", "',' or '}'"},
      {R"({"timestamp": 6, "input_length": 600, "output_length": 7} {})", "nothing after"},
      {R"({"timestamp" 6, "input_length": 600, "output_length": 7})", "':'"},
      {R"({timestamp: 6})", "a string"},
      {"{}", "a string"},
      {"[]", "'{'"},
      {"", "'{'"},
  };
  for (const auto& [line, message] : cases) {
    const std::string text = good + line + "\n" + good;  // NOLINT(performance-*)
    const Mistake mistake = mistake_in(text);
    EXPECT_EQ(mistake.line, 2) << line;
    EXPECT_NE(mistake.message.find(message), std::string::npos) << line << ": " << mistake.message;
    EXPECT_EQ(mistake.excerpt, line);
  }
}

TEST(MooncakeTrace, AMistakeInsideALongLineHasItsPlace) {
  const Mistake mistake =
      mistake_in("{\"x\": \"\xc3\xa9\", \"timestamp\": 6, \"input_length\": 600; }\n");
  EXPECT_EQ(mistake.line, 1);
  EXPECT_EQ(mistake.column, 47);  // the ';', in code points
}

TEST(MooncakeTrace, OverlongLineIsAnError) {
  const Mistake mistake =
      mistake_in(row(5, 600, 7, "0, 1") + "{\"timestamp\": " + std::string(1'100'000, '1') + "\n");
  EXPECT_EQ(mistake.line, 2);
  EXPECT_NE(mistake.message.find("longer than 1048576 bytes"), std::string::npos);
  EXPECT_LE(mistake.excerpt.size(), kKeptBeside);
}

RC_GTEST_PROP(MooncakeTrace, AnyTextIsReadOrReported, ()) {
  check_read_or_reported(with_edits(row(0, 6755, 500, "0, 1, 2") + row(5, 655, 52, "46, 47") +
                                        R"({"x": [1, "a\n", null], "timestamp": 7.5, )"
                                        R"("input_length": 1, "output_length": 2})",
                                    std::string("\n\r,.-09e\"{}[]:\\\0", 16)),
                         any_settings());
}

RC_GTEST_PROP(MooncakeTrace, AnyTextOfSessionsIsReadOrReported, ()) {
  check_read_or_reported(
      with_edits(R"({"session_id": "a", "timestamp": 5, "input_length": 100, "output_length": 9})"
                 "\n"
                 R"({"session_id": "a", "delay": 2.5, "input_length": 200, "output_length": 9})"
                 "\n"
                 R"({"session_id": 7, "timestamp": 9, "input_length": 100, "output_length": 9})"
                 "\n"
                 R"({"session_id": 7, "input_length": 300, "output_length": 9, "hash_ids": [1]})",
                 std::string("\n\r,.-09e\"{}[]:\\\0a7", 18)),
      any_settings());
}

RC_GTEST_PROP(MooncakeTrace, AnyBytesAfterABraceAreReadOrReported, (const std::string& bytes)) {
  check_read_or_reported("{" + bytes, any_settings());
}

}  // namespace
}  // namespace tokenlift::mooncake_trace_test
