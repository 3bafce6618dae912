// CSV of any tool, whose columns the scenario names.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "tests/workloads/requests/trace_file.hpp"

namespace tokenlift::named_columns_test {
namespace {

const std::string kHeader = "request_id,arrived_at,num_prefill_tokens,num_decode_tokens\n";

Trace named(Trace trace) {
  trace.columns = TraceColumns{"arrived_at", "num_prefill_tokens", "num_decode_tokens"};
  return trace;
}

TEST(NamedColumns, AreFoundInTheHeaderWhateverElseIsThere) {
  for (const std::string& text :
       {kHeader + "a,0.5,100,20\nb,2,300,40\n",
        std::string("num_decode_tokens,arrived_at,\"a, b\",num_prefill_tokens,\n"
                    "20,0.5,\"x, y\",100,\n4e1,2.0,,300.0,\n"),
        std::string("num_prefill_tokens,num_decode_tokens,arrived_at\n"
                    "100,20,2026-05-04T05:00:00.5Z\n300,40,2026-05-04T07:00:02+02:00\n")}) {
    const TraceFile file(text);
    const auto arrivals = read(named(file.trace()));
    ASSERT_EQ(arrivals.size(), 2U) << text;
    EXPECT_EQ(arrivals[0].prompt_tokens, 100);
    EXPECT_EQ(arrivals[0].output_tokens, 20);
    EXPECT_EQ(arrivals[1].due_ns, 1'500'000'000);
    EXPECT_EQ(arrivals[1].prompt_tokens, 300);
    EXPECT_EQ(arrivals[1].output_tokens, 40);
  }
}

TEST(NamedColumns, ReadAKnownFormatDifferently) {
  const TraceFile file(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,m,1,2,3,l\n");
  Trace trace = file.trace();
  trace.columns = TraceColumns{"Timestamp", "Total tokens", "Request tokens"};
  EXPECT_EQ(read(trace)[0].prompt_tokens, 3);
}

TEST(NamedColumns, RowsWithoutTokensHaveFailed) {
  const TraceFile file(kHeader + "a,0,100,0\nb,1,0,4\nc,2,5,6\n");
  const TraceSummary summary = summarise(named(file.trace()));
  EXPECT_EQ(summary.requests, 1);
  EXPECT_EQ(summary.failed, 2);
  EXPECT_EQ(summary.rows, 3);
}

TEST(NamedColumns, OneThatIsNotThereOrThereTwiceIsAMistakeOfTheHeader) {
  const Mistake lacking =
      mistake_in("arrived_at,num_prefill_token,num_decode_tokens\n1,1,1\n", named({}));
  EXPECT_EQ(lacking.line, 1);
  EXPECT_EQ(lacking.message, "the header has no column \"num_prefill_tokens\"");
  EXPECT_EQ(lacking.advice, "did you mean \"num_prefill_token\"?");
  const Mistake twice = mistake_in("arrived_at," + kHeader + "1,1,1,1,1\n", named({}));
  EXPECT_EQ(twice.message, "the header has the column \"arrived_at\" twice");
  EXPECT_EQ(mistake_in("\"arrived_at\n", named({})).line, 1);
}

TEST(NamedColumns, BadLineIsReportedWithItsNumberAndText) {
  const std::pair<const char*, const char*> cases[] = {
      {"a,yesterday,1,1", "arrived_at: the timestamp can't be read"},
      {"a,2,1.5,1", "num_prefill_tokens is not"},
      {"a,2,1,", "num_decode_tokens is not"},
      {"a,2,1", "3 columns, not 4"},
      {"a,2,1,1,5", "5 columns, not 4"},
      {"", "1 column, not 4"},
  };
  for (const auto& [line, message] : cases) {
    const std::string text = kHeader + "z,1,1,1\n" + line + "\nz,3,1,1\n";  // NOLINT(performance-*)
    const Mistake mistake = mistake_in(text, named({}));
    EXPECT_EQ(mistake.line, 3) << line;
    EXPECT_NE(mistake.message.find(message), std::string::npos) << line << ": " << mistake.message;
    EXPECT_EQ(mistake.excerpt, line);
  }
}

RC_GTEST_PROP(NamedColumns, AnyTextIsReadOrReported, ()) {
  check_read_or_reported(with_edits(kHeader + "\"a\",0.5e1,100,20\r\nb,8,300,40,\n",
                                    std::string("\n\r,.-09eTZ+:\"\0", 14)),
                         named(any_settings()));
}

RC_GTEST_PROP(NamedColumns, AnyBytesAfterTheHeaderAreReadOrReported, (const std::string& bytes)) {
  check_read_or_reported(kHeader + bytes, named(any_settings()));
}

}  // namespace
}  // namespace tokenlift::named_columns_test
