#include "bench/wire/response_head.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/bench/wire/splits.hpp"

namespace tokenlift::response_head_test {
namespace {

using State = ResponseHead::State;
using Framing = ResponseHead::Framing;

struct Read {
  State state = State::more;
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  Framing framing = Framing::none;
  std::uint64_t length = 0;
  bool keep_alive = false;
  std::string rest;  // of the body
  bool operator==(const Read&) const = default;
};

Read read(const Pieces& pieces) {
  ResponseHead head;
  Read result;
  read_pieces(pieces, [&](std::string_view bytes) {
    if (result.state == State::more) result.state = head.feed(bytes);
    if (result.state == State::done) result.rest += bytes;
  });
  if (result.state != State::done) return result;
  const ResponseHead moved = std::move(head);
  result.status = moved.status();
  moved.for_each_field([&result](std::string_view name, std::string_view value) {
    result.fields.emplace_back(name, value);
  });
  result.framing = moved.framing();
  result.length = moved.content_length();
  result.keep_alive = moved.keep_alive();
  return result;
}

/// Of all splits alike.
Read read_split(const std::string& text) {
  const Read expected = read(whole(text));
  for (const Pieces& pieces : splits(text)) {
    EXPECT_EQ(read(pieces), expected) << text << " as " << pieces.size() << ", " << pieces[0];
  }
  return expected;
}

Read with_fields(const std::string& fields, const std::string& status = "200 OK") {
  return read_split("HTTP/1.1 " + status + "\r\n" + fields + "\r\n");
}

TEST(ResponseHead, IsReadFromAnyPiecesAndLeavesTheBody) {
  const Read all = read_split(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Empty:\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhello");
  EXPECT_EQ(all.state, State::done);
  EXPECT_EQ(all.status, 200);
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"Content-Type", "text/event-stream"}, {"X-Empty", ""}, {"Transfer-Encoding", "chunked"}};
  EXPECT_EQ(all.fields, fields);
  EXPECT_EQ(all.framing, Framing::chunked);
  EXPECT_TRUE(all.keep_alive);
  EXPECT_EQ(all.rest, "5\r\nhello");
}

TEST(ResponseHead, FindsFieldsInAnyCaseAndTheFirstOfTheirName) {
  ResponseHead head;
  std::string_view bytes = "HTTP/1.1 429 \r\nRETRY-after: \t 7 \r\nretry-after: 8\r\n\r\n";
  ASSERT_EQ(head.feed(bytes), State::done);
  EXPECT_EQ(head.status(), 429);
  EXPECT_EQ(head.field("Retry-After"), "7");
  EXPECT_EQ(head.field("retry"), std::nullopt);
  EXPECT_EQ(head.field("retry-after-ms"), std::nullopt);
  EXPECT_EQ(head.field_count(), 2U);
}

TEST(ResponseHead, SaysHowTheBodyEnds) {
  EXPECT_EQ(with_fields("Content-Length: 12\r\n").framing, Framing::length);
  EXPECT_EQ(with_fields("Content-Length: 12\r\n").length, 12U);
  EXPECT_EQ(with_fields("content-length: 0\r\n").framing, Framing::length);
  EXPECT_EQ(with_fields("Content-Length: 18446744073709551615\r\n").length, ~std::uint64_t{0});
  EXPECT_EQ(with_fields("Transfer-Encoding: gzip, Chunked\r\n").framing, Framing::chunked);
  EXPECT_EQ(with_fields("").framing, Framing::until_close);
  EXPECT_EQ(with_fields("Transfer-Encoding: identity\r\n").framing, Framing::until_close);
  EXPECT_EQ(with_fields("Content-Length: 12\r\n", "204 No Content").framing, Framing::none);
  EXPECT_EQ(with_fields("Content-Length: 12\r\n", "304 Not Modified").framing, Framing::none);
}

TEST(ResponseHead, SaysWhetherTheConnectionCanBeUsedOnceMore) {
  EXPECT_TRUE(with_fields("Content-Length: 1\r\n").keep_alive);
  EXPECT_TRUE(with_fields("", "204 No Content").keep_alive);
  EXPECT_FALSE(with_fields("Content-Length: 1\r\nConnection: Close\r\n").keep_alive);
  EXPECT_FALSE(with_fields("").keep_alive) << "its body ends with the connection";
  EXPECT_FALSE(read_split("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n").keep_alive);
  EXPECT_TRUE(read_split("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n")
                  .keep_alive);
}

TEST(ResponseHead, SkipsInformationalResponses) {
  const Read all = read_split(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(all.status, 503);
  EXPECT_EQ(all.fields.size(), 1U);
  EXPECT_EQ(all.rest, "no");
  EXPECT_EQ(read_split("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n").state,
            State::broken);
}

TEST(ResponseHead, NeedsNoReason) {
  EXPECT_EQ(read_split("HTTP/1.1 529 \r\n\r\n").status, 529);
  EXPECT_EQ(read_split("HTTP/1.1 200 \xc3\x9c-OK\r\n\r\n").status, 200);
}

TEST(ResponseHead, JoinsAValueThatGoesOnInTheNextLine) {
  const Read folded = with_fields("X-Long: one\r\n  two\r\nX-Next: 3\r\n");
  ASSERT_EQ(folded.state, State::done);
  ASSERT_EQ(folded.fields.size(), 2U);
  EXPECT_EQ(folded.fields[0].second, "one two");
}

TEST(ResponseHead, ThatIsNoHttp11IsBroken) {
  for (const std::string text :
       {"<html>\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "ICY 200 OK\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\nContent-Length: 1\n\n",
        "\x15\x03\x01\x02\x02\x16", "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad name: x\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\x01\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: x\r\n\r\n"}) {
    EXPECT_EQ(read_split(text).state, State::broken) << text;
  }
}

TEST(ResponseHead, WhoseFramingContradictsItselfIsBroken) {
  for (const std::string fields :
       {"Content-Length: 1\r\nContent-Length: 2\r\n", "Content-Length: -1\r\n",
        "Content-Length: 1x\r\n", "Content-Length: 18446744073709551616\r\n", "Content-Length:\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"}) {
    EXPECT_EQ(with_fields(fields).state, State::broken) << fields;
  }
  EXPECT_EQ(with_fields("Content-Length: 7\r\nContent-Length: 7\r\n").length, 7U);
}

TEST(ResponseHead, TakesNoMoreThan64Kilobytes) {
  const std::string begin = "HTTP/1.1 200 OK\r\n";
  const std::string field = "X: " + std::string(1000, 'x') + "\r\n";
  std::string most = begin;
  while (most.size() + field.size() < 65'000) most += field;
  EXPECT_EQ(read({most + "\r\n"}).state, State::done);
  EXPECT_EQ(read({most + "\r\n" + std::string(200'000, 'x')}).rest.size(), 200'000U);
  EXPECT_EQ(read({most + field + field + "\r\n"}).state, State::broken);
  EXPECT_EQ(read({most, field, field, "\r\n"}).state, State::broken);
  EXPECT_EQ(read({begin + "X: " + std::string(70'000, 'x')}).state, State::broken);
  EXPECT_EQ(read({begin + "X: ", std::string(70'000, 'x')}).state, State::broken);
  EXPECT_EQ(read({"HTTP/1.1 200 " + std::string(70'000, 'x')}).state, State::broken);
  std::string hints;
  for (int i = 0; i < 5'000; ++i) hints += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(read({hints}).state, State::broken) << "all of them together";
}

RC_GTEST_PROP(ResponseHead, OfAnyTextIsTheSameInAnyPieces, ()) {
  const auto line = rc::gen::element<std::string>(
      "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "Content-Length: 3\r\n",
      "Transfer-Encoding: chunked\r\n", "Retry-After: 1\r\n", "Connection: close\r\n",
      " folded\r\n", "\r\n", "\r", "\n", "X:\r\n", "abc");
  std::string text = *rc::gen::element<std::string>("HTTP/1.1 429 Too Many Requests\r\n", "");
  for (const std::string& each : *rc::gen::container<std::vector<std::string>>(line)) text += each;
  const Read expected = read(whole(text));
  RC_ASSERT(read(*any_split(text)) == expected);
  RC_ASSERT(read(single_bytes(text)) == expected);
}

}  // namespace
}  // namespace tokenlift::response_head_test
