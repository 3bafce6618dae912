#include "bench/wire/body.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "tests/bench/wire/splits.hpp"

namespace tokenlift::body_test {
namespace {

using Framing = ResponseHead::Framing;

struct Read {
  std::string data;
  std::string rest;  // bytes that are not of the body
  Body::State state = Body::State::more;
  Body::State closed = Body::State::more;
  bool operator==(const Read&) const = default;
};

Read read(const Pieces& pieces, Framing framing = Framing::chunked, std::uint64_t length = 0,
          Body::Lines lines = Body::Lines::leniently) {
  Body body(framing, length, lines);
  Read result;
  std::string_view none;
  std::string_view data;
  result.state = body.feed(none, data);
  read_pieces(pieces, [&](std::string_view bytes) {
    while (!bytes.empty() && result.state == Body::State::more) {
      result.state = body.feed(bytes, data);
      result.data += data;
    }
    if (result.state == Body::State::done) result.rest += bytes;
  });
  result.closed = body.close();
  return result;
}

/// Of all splits alike.
Read read_split(std::string_view text, Framing framing = Framing::chunked, std::uint64_t length = 0,
                Body::Lines lines = Body::Lines::leniently) {
  const Read expected = read(whole(text), framing, length, lines);
  for (const Pieces& pieces : splits(text)) {
    EXPECT_EQ(read(pieces, framing, length, lines), expected) << pieces.size() << ", " << pieces[0];
  }
  return expected;
}

bool is_broken(std::string_view text) {
  return read_split(text).state == Body::State::broken;
}

// What a proxy may read in one way and a server in another: then a request hides in a body.
TEST(Body, StrictlyReadHasNoOtherLinesThanCrLf) {
  const auto strictly = [](std::string_view text) {
    return read_split(text, Framing::chunked, 0, Body::Lines::strictly);
  };
  const Read taken = strictly("5;x=\"y\"\r\nhello\r\n1\r\n!\r\n0\r\na: b\r\nc:d\r\n\r\nGET");
  EXPECT_EQ(taken.state, Body::State::done);
  EXPECT_EQ(taken.data, "hello!");
  EXPECT_EQ(taken.rest, "GET");
  for (const char* text :
       {"5\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5\t;a\r\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\r\n\n", "5\r\nhello\r\n0\r\na: b\n\r\n"}) {
    EXPECT_EQ(read_split(text).state, Body::State::done) << text;
    EXPECT_EQ(strictly(text).state, Body::State::broken) << text;
  }
}

TEST(Body, OfALengthEndsThere) {
  const Read cut = read_split("hello", Framing::length, 6);
  EXPECT_EQ(cut.data, "hello");
  EXPECT_EQ(cut.state, Body::State::more);
  EXPECT_EQ(cut.closed, Body::State::broken);
  const Read complete = read_split("hello!HTTP/1.1", Framing::length, 6);
  EXPECT_EQ(complete.data, "hello!");
  EXPECT_EQ(complete.rest, "HTTP/1.1");
  EXPECT_EQ(complete.state, Body::State::done);
  EXPECT_EQ(complete.closed, Body::State::done);
}

TEST(Body, ThatIsNoneIsDoneAtOnce) {
  for (const Read& nothing :
       {read({}, Framing::none), read({}, Framing::length, 0), read({"x"}, Framing::none)}) {
    EXPECT_EQ(nothing.state, Body::State::done);
    EXPECT_EQ(nothing.data, "");
  }
}

TEST(Body, ThatEndsWithTheConnectionIsCompleteThen) {
  const Read all = read_split("one\r\n0\r\n\r\n", Framing::until_close);
  EXPECT_EQ(all.data, "one\r\n0\r\n\r\n");
  EXPECT_EQ(all.state, Body::State::more);
  EXPECT_EQ(all.closed, Body::State::done);
}

TEST(Body, InChunksIsFreedOfThem) {
  const Read all =
      read_split("5\r\nhello\r\n1\r\n \r\n00A\r\nfrom chunk\r\n1\r\ns\r\n0\r\n\r\nNEXT");
  EXPECT_EQ(all.data, "hello from chunks");
  EXPECT_EQ(all.state, Body::State::done);
  EXPECT_EQ(all.rest, "NEXT");
}

TEST(Body, InChunksThatWasCutIsBrokenWhereverThatWas) {
  const std::string text = "5\r\nhello\r\n0\r\nA: b\r\n\r\n";
  EXPECT_EQ(read(whole(text)).closed, Body::State::done);
  for (std::size_t size = 0; size < text.size(); ++size) {
    const Read cut = read({text.substr(0, size)});
    EXPECT_EQ(cut.state, Body::State::more) << size;
    EXPECT_EQ(cut.closed, Body::State::broken) << size;
  }
}

TEST(Body, SkipsWhatChunksSayBesideTheirSize) {
  const Read all = read_split(
      "5;name=\"va;lue\"\r\nhello\r\n1 \r\n!\r\n0;last\r\nX-Trailer: 1\r\nOther: 2\r\n\r\n");
  EXPECT_EQ(all.data, "hello!");
  EXPECT_EQ(all.state, Body::State::done);
}

TEST(Body, TakesLinesOfChunksThatEndInLfAlone) {
  const Read all = read_split("5\nhello\n1;x\n!\n0\nA: b\n\n");
  EXPECT_EQ(all.data, "hello!");
  EXPECT_EQ(all.state, Body::State::done);
}

TEST(Body, MayHoldWhatLooksLikeItsFraming) {
  const Read all = read_split("d\r\n\r\n0\r\n\r\n5\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(all.data, "\r\n0\r\n\r\n5\r\nabc");
  EXPECT_EQ(all.state, Body::State::done);
}

TEST(Body, TellsTheEndTogetherWithTheLastData) {
  Body body(Framing::chunked, 0);
  std::string_view bytes = "3\r\nabc\r\n0\r\n\r\n";
  std::string_view data;
  EXPECT_EQ(body.feed(bytes, data), Body::State::done);
  EXPECT_EQ(data, "abc");
  EXPECT_TRUE(bytes.empty());
}

TEST(Body, WhoseFramingIsNoneIsBroken) {
  EXPECT_TRUE(is_broken("<html>"));
  EXPECT_TRUE(is_broken("\r\n"));
  EXPECT_TRUE(is_broken(";x\r\n"));
  EXPECT_TRUE(is_broken("-5\r\n"));
  EXPECT_TRUE(is_broken(" 5\r\n"));
  EXPECT_TRUE(is_broken("0x5\r\n"));
  EXPECT_TRUE(is_broken("5\rhello"));
  EXPECT_TRUE(is_broken("5\r\nhello!"));
  EXPECT_TRUE(is_broken("5\r\nhello\r\r"));
  EXPECT_TRUE(is_broken("0\r\n\rX"));
  EXPECT_TRUE(is_broken("0\r\nA: b\rc\r\n"));
  EXPECT_TRUE(is_broken("5;a\rb\r\n"));
  EXPECT_TRUE(is_broken("0\r\nHTTP/1.1 200 OK\r\n\r\n")) << "a trailer has a colon";
}

TEST(Body, BoundsWhatAServerCanMakeItRead) {
  EXPECT_TRUE(is_broken("00000000000000001\r\n")) << "17 digits";
  const Read huge = read_split("ffffffffffffffff\r\nabc");
  EXPECT_EQ(huge.state, Body::State::more);
  EXPECT_EQ(huge.data, "abc");
  const std::string long_text(20'000, 'x');
  EXPECT_EQ(read({"5;" + long_text}).state, Body::State::broken);
  EXPECT_EQ(read({"0\r\n" + long_text}).state, Body::State::broken);
  EXPECT_EQ(read({"0\r\nA: " + long_text}).state, Body::State::broken);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 5'000; ++i) trailers += "A: b\r\n";
  EXPECT_EQ(read({trailers}).state, Body::State::broken) << "all of them together";
}

TEST(Body, OfAStreamTakesTwoWords) {
  EXPECT_LE(sizeof(Body), 16U);
}

std::string chunked(const std::vector<std::string>& chunks) {
  std::string text;
  for (const std::string& chunk : chunks) {
    char size[32];
    std::snprintf(size, sizeof size, "%zX\r\n", chunk.size());
    text += size + chunk + "\r\n";
  }
  return text + "0\r\n\r\n";
}

RC_GTEST_PROP(Body, InAnyChunksAndPiecesIsWhatWasWritten, ()) {
  const auto chunk = rc::gen::nonEmpty(rc::gen::container<std::string>(
      rc::gen::element('\r', '\n', '0', '5', ';', 'a', '{', '\0', '\xff')));
  const auto chunks = *rc::gen::container<std::vector<std::string>>(chunk);
  std::string written;
  for (const std::string& each : chunks) written += each;
  const Read all = read(*any_split(chunked(chunks) + "NEXT"));
  RC_ASSERT(all.data == written);
  RC_ASSERT(all.state == Body::State::done);
  RC_ASSERT(all.rest == "NEXT");
}

RC_GTEST_PROP(Body, OfAnyBytesIsTheSameInAnyPieces, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::element('\r', '\n', '\r', '\n', '0', '1', '2', 'a', ';', ' ', 'x', ':'));
  const Read expected = read(whole(text));
  RC_ASSERT(read(*any_split(text)) == expected);
  RC_ASSERT(read(single_bytes(text)) == expected);
}

}  // namespace
}  // namespace tokenlift::body_test
