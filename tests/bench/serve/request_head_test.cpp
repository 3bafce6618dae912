// Heads of requests: what is taken, and all that is refused because it could mean two things.

#include "bench/serve/request_head.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace tokenlift::request_head_test {
namespace {

TEST(RequestHead, SaysWhatIsAsked) {
  const HeadReading reading = read_request_head(
      "POST /v1/completions?x=1 HTTP/1.1\r\nHOST: localhost:8000\r\nContent-Length: 12\r\n"
      "content-type: application/json\r\nAuthorization: Bearer sk-1 \r\nX-Tenant: batch\r\n"
      "x-request-id: a-1.b_2\r\nExpect: 100-continue\r\n\r\nhello, world");
  ASSERT_FALSE(reading.mistake);
  EXPECT_EQ(reading.head.method, "POST");
  EXPECT_EQ(reading.head.path, "/v1/completions");
  EXPECT_EQ(reading.head.host, "localhost:8000");
  EXPECT_EQ(reading.head.content_length, 12);
  EXPECT_EQ(reading.head.content_type, "application/json");
  EXPECT_EQ(reading.head.key, "sk-1");
  EXPECT_EQ(reading.head.tenant, "batch");
  EXPECT_EQ(reading.head.request_id, "a-1.b_2");
  EXPECT_TRUE(reading.head.keep_alive);
  EXPECT_TRUE(reading.head.expects_continue);
  EXPECT_GT(reading.bytes, 0U);
}

TEST(RequestHead, ABodyMayComeInChunks) {
  const HeadReading reading = read_request_head(
      "POST /v1/completions HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: Chunked\r\n\r\n");
  EXPECT_FALSE(reading.mistake);
  EXPECT_TRUE(reading.head.chunked);
  EXPECT_FALSE(read_request_head("POST / HTTP/1.1\r\nhost: a\r\n\r\n").head.chunked);
}

// Whatever has come of it, it is not taken before all of it is there, and none is refused early.
TEST(RequestHead, IsTakenWhenAllOfItIsThere) {
  const std::string head = "GET /health HTTP/1.0\r\nhost: [::1]\r\nconnection: keep-alive\r\n\r\n";
  for (std::size_t bytes = 0; bytes < head.size(); ++bytes) {
    const HeadReading part = read_request_head(head.substr(0, bytes));
    EXPECT_EQ(part.bytes, 0U);
    EXPECT_FALSE(part.mistake);
  }
  const HeadReading whole = read_request_head(head + "GET");
  EXPECT_EQ(whole.bytes, head.size());
  EXPECT_TRUE(whole.head.keep_alive);
}

TEST(RequestHead, RefusesWhatCouldMeanTwoThings) {
  const std::string host = "host: a\r\n";
  const std::vector<std::pair<std::string, int>> all = {
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
      {"GET  HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET http://a/ HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET / HTTP/2.0\r\n" + host + "\r\n", 400},
      {"GET / x HTTP/1.1\r\n" + host + "\r\n", 400},
      {"G(T / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET / HTTP/1.1\n" + host + "\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "a b: c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "a : c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "a: c\r\n d\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "a: c\rd\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "a\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "content-length: 5\r\ncontent-length: 6\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "content-length: 5\r\ncontent-length: 5\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "content-length: +5\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "content-length: -5\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "content-length: 5, 5\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "content-length: \r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "content-length: 99999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
       400},
      {"POST / HTTP/1.1\r\n" + host + "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n",
       400},
      {"POST / HTTP/1.0\r\n" + host + "transfer-encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "transfer-encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\n" + host + "transfer-encoding: xchunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\n" + host + "transfer-encoding: \r\n\r\n", 501},
      {"POST / HTTP/1.1\r\n" + host +
           "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
       501},
      {"GET / HTTP/1.1\r\n" + host + "expect: the unexpected\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + std::string(kMostHeadBytes, 'a'), 431}};
  for (const auto& [head, status] : all) {
    const HeadReading reading = read_request_head(head);
    EXPECT_EQ(reading.bytes, 0U) << head.substr(0, 100);
    ASSERT_TRUE(reading.mistake) << head.substr(0, 100);
    EXPECT_EQ(reading.mistake->status, status) << head.substr(0, 100);
  }
}

TEST(RequestHead, ALengthThatIsNoPlainIdIsNotTakenUp) {
  const HeadReading reading =
      read_request_head("GET / HTTP/1.1\r\nhost: a\r\nx-request-id: \"}\r\n\r\n");
  EXPECT_FALSE(reading.mistake);
  EXPECT_EQ(reading.head.request_id, "");
}

// DNS rebinding: a name of somebody else's that was made to stand for this machine.
TEST(RequestHead, TheHostIsOurs) {
  for (const char* own :
       {"localhost", "LOCALHOST:8000", "127.0.0.1:8000", "10.1.2.3", "[::1]:8000", "box.lan:80"}) {
    EXPECT_TRUE(is_own_host(own, "box.lan")) << own;
  }
  for (const char* other : {"", ":8000", "evil.example", "127.0.0.1.evil.example:8000",
                            "localhost.evil.example", "other.lan"}) {
    EXPECT_FALSE(is_own_host(other, "box.lan")) << other;
  }
}

}  // namespace
}  // namespace tokenlift::request_head_test
