// The log of requests, read back: whole, and loud where it is none.

#include "reports/record/request_rows.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace tokenlift::request_rows_test {
namespace {

const std::string kHead =
    "repetition,arm,tenant,number,phase,outcome,slo_met,attempts,prompt_tokens,output_tokens,"
    "due_ns,sent_ns,admitted_ns,scheduled_ns,first_token_ns,last_token_ns,end_ns,request_id\n";

std::string mistake_in(const std::string& text) {
  try {
    read_request_rows(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

TEST(RequestRows, AreWhatTheLogSays) {
  const auto rows = read_request_rows(
      kHead +
      "2,control,\"a \"\"b\"\",\nc\",4,before,completed,1,3,7,3,10,12,20,21,30,50,50,'-name\n"
      "1,lifted,users,5,warmup,rejected,0,1,7,3,10,12,,,,,50,\n");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].request_id, "-name");
  EXPECT_EQ(rows[0].repetition, 2U);
  EXPECT_TRUE(rows[0].control);
  EXPECT_TRUE(rows[0].served());
  EXPECT_EQ(rows[0].attempts, 3U);
  EXPECT_EQ(rows[0].output_tokens, 3);
  EXPECT_EQ(rows[0].due_ns, 10);
  EXPECT_EQ(rows[0].sent_ns, 12);
  EXPECT_EQ(rows[0].admitted_ns, 20);
  EXPECT_EQ(rows[0].first_token_ns, 30);
  EXPECT_EQ(rows[0].last_token_ns, 50);
  EXPECT_EQ(rows[0].tpot_ns(), 10.0);
  EXPECT_FALSE(rows[1].control);
  EXPECT_FALSE(rows[1].served());
  EXPECT_EQ(rows[1].outcome, "rejected");
  EXPECT_EQ(rows[1].admitted_ns, -1);
  EXPECT_EQ(rows[1].request_id, "");
  EXPECT_TRUE(read_request_rows(kHead).empty());
}

TEST(RequestRows, SayWhereTheTextIsNoLog) {
  const std::string good = "1,lifted,u,4,before,completed,1,1,7,3,10,12,20,21,30,50,50,n\n";
  EXPECT_EQ(mistake_in(kHead + good), "none");
  EXPECT_EQ(mistake_in("a,b\n1,2\n"),
            "line 1: no log of requests (--records): its first line is another one");
  EXPECT_EQ(mistake_in(""),
            "line 1: no log of requests (--records): its first line is another one");
  EXPECT_EQ(mistake_in(kHead.substr(0, kHead.find(",request_id")) + "\n"),
            "line 1: the log is of an older version: it does not name its requests");
  EXPECT_EQ(mistake_in(kHead + good + "1,lifted,u\n"), "line 3: not 18 fields");
  EXPECT_EQ(mistake_in(kHead + good + good.substr(0, good.size() - 1)), "line 3: not 18 fields");
  EXPECT_EQ(mistake_in(kHead + "1,lifted,\"u,4\n"), "line 2: a quotation mark is not closed");
  EXPECT_EQ(mistake_in(kHead + "1,lifted,u,4,before,completed,1,x,7,3,10,12,20,21,30,50,50,n\n"),
            "line 2: 'x' is no whole number");
  EXPECT_EQ(mistake_in(kHead + "1,lifted,u,4,before,completed,1,1,7,3,10,12,20,21,60,50,50,n\n"),
            "line 2: its instants contradict one another");
  EXPECT_EQ(mistake_in(kHead + "1,lifted,u,4,before,completed,1,1,7,3,10,12,20,21,,,50,n\n"),
            "line 2: it completed without a token");
  EXPECT_EQ(mistake_in(kHead + "1,lifted,u,4,before,rejected,0,1,7,,10,12,,,,,50,n\n"),
            "line 2: a number is missing");
  EXPECT_EQ(mistake_in(kHead + "1,lifted,u,4,before,,0,1,7,0,10,12,,,,,50,n\n"),
            "line 2: it has no outcome");
}

TEST(RequestRows, OnlyWhatWasServedHasATimePerToken) {
  const auto rows =
      read_request_rows(kHead + "1,lifted,u,4,before,cancelled,0,1,7,3,10,12,20,21,30,,50,n\n");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_FALSE(rows[0].tpot_ns());
}

}  // namespace
}  // namespace tokenlift::request_rows_test
