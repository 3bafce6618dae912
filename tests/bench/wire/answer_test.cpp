// What came of an attempt does not depend on how its bytes were cut.

#include "bench/wire/answer.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <string_view>

#include "tests/bench/wire/scripted_server.hpp"
#include "tests/bench/wire/splits.hpp"

namespace tokenlift::answer_test {
namespace {

struct Result {
  Answer::Outcome outcome = Answer::Outcome::open;
  std::string failure;
  std::string example;
  int status = 0;
  int deltas = 0;
  int output_tokens = 0;
  int prompt_tokens = 0;
  bool whole = false;
  bool keep_alive = false;
  bool usage_known = false;
  bool operator==(const Result&) const = default;
};

/// What becomes of these pieces, with the connection closed behind them or not.
Result result_of(const Pieces& pieces, bool closed, Api api = Api::openai_chat) {
  DeltaReader reader(api);
  Answer answer;
  int texts = 0;
  std::int64_t now_ns = 0;
  read_pieces(pieces, [&](std::string_view bytes) {
    answer.read(bytes, ++now_ns, 0, reader);
    texts += answer.texts_read();
  });
  if (closed) {
    answer.close(true, "", ++now_ns, reader);
    texts += answer.texts_read();
  }
  const Reply& reply = answer.reply();
  EXPECT_EQ(texts, reply.deltas);
  return {answer.outcome(),    std::string(reply.failure), answer.example(),    reply.status,
          reply.deltas,        reply.output_tokens,        reply.prompt_tokens, answer.is_whole(),
          answer.keep_alive(), reply.usage_known};
}

const std::string kAnthropic =
    std::string(kStreamHead) +
    chunk(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{"
        "\"input_tokens\":12,\"output_tokens\":1}}}\n\n") +
    chunk(
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
        "\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n") +
    chunk("event: ping\ndata: {\"type\":\"ping\"}\n\n");
const std::string kAnthropicEnd =
    chunk(
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"
        "\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\n") +
    chunk("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n") + std::string(kLastChunk);

TEST(Answer, AnySplitGivesTheSame) {
  const std::string answers[] = {
      whole_stream(2),
      std::string(kStreamHead) + text_chunk("a") + std::string(kLastChunk),
      response("429 Too Many Requests", R"({"error":{"message":"slow down"}})",
               "retry-after: 1\r\n"),
      response("500 Internal Server Error", R"({"error":{"message":"broken"}})"),
      response("200 OK", "<html>hello</html>", "", "text/html"),
      std::string(kStreamHead) + text_chunk("a") +
          chunk("data: {\"error\":{\"message\":\"x\"}}\n\n"),
      "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: "
      "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n",
      "nonsense\r\n\r\n",
  };
  for (const std::string& answer : answers) {
    for (const bool closed : {false, true}) {
      const Result expected = result_of(whole(answer), closed);
      for (const Pieces& pieces : splits(answer)) {
        ASSERT_EQ(result_of(pieces, closed), expected) << answer;
      }
    }
  }
}

RC_GTEST_PROP(Answer, AnySplitOfALongStreamGivesTheSame, ()) {
  const int tokens = *rc::gen::inRange(1, 40);
  const std::string answer = whole_stream(tokens, 17);
  const Result result = result_of(*any_split(answer), false);
  RC_ASSERT(result.outcome == Answer::Outcome::completed);
  RC_ASSERT(result.deltas == tokens);
  RC_ASSERT(result.output_tokens == tokens);
  RC_ASSERT(result.prompt_tokens == 17);
  RC_ASSERT(result.whole && result.keep_alive);
}

/// What is kept of the text of an answer, of whatever pieces; "-": nothing.
std::string text_of(const Pieces& pieces, bool keeps = true) {
  DeltaReader reader(Api::openai_chat);
  Answer answer;
  if (keeps) answer.keep_text();
  read_pieces(pieces, [&](std::string_view bytes) { answer.read(bytes, 1, 0, reader); });
  const auto text = answer.take_text();
  EXPECT_EQ(answer.take_text(), nullptr) << "it is taken out";
  return text == nullptr ? "-" : *text;
}

TEST(Answer, KeepsItsTextWhereThatIsAskedFor) {
  const std::string stream = std::string(kStreamHead) + text_chunk("Say") +
                             text_chunk(" \\\"no\\\".") + usage_chunk(8, 2) + done_chunk() +
                             std::string(kLastChunk);
  for (const Pieces& pieces : splits(stream)) ASSERT_EQ(text_of(pieces), R"(Say \"no\".)");
  EXPECT_EQ(text_of({stream}, /*keeps=*/false), "-");
  const std::string without = std::string(kStreamHead) + usage_chunk(8, 2) + done_chunk();
  EXPECT_EQ(text_of({without}), "-") << "there is none";
}

TEST(Answer, KeepsNoTextThatIsTooLong) {
  std::string stream(kStreamHead);
  for (int i = 0; i < 5; ++i) stream += text_chunk(std::string(1'000'000, 'a'));
  stream += text_chunk("b") + done_chunk() + std::string(kLastChunk);
  EXPECT_EQ(text_of({stream}), "-");
}

TEST(Answer, AnthropicSaysUsageAtBothEnds) {
  for (const Pieces& pieces :
       {whole(kAnthropic + kAnthropicEnd), single_bytes(kAnthropic + kAnthropicEnd)}) {
    const Result result = result_of(pieces, false, Api::anthropic_messages);
    EXPECT_EQ(result.outcome, Answer::Outcome::completed);
    EXPECT_EQ(result.prompt_tokens, 12);
    EXPECT_EQ(result.output_tokens, 5);
    EXPECT_EQ(result.deltas, 1);
  }
}

// So answer servers that know the fields but count nothing.
TEST(Answer, AUsageOfZerosSaysNothing) {
  const std::string anthropic =
      std::string(kStreamHead) +
      chunk(
          "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{"
          "\"input_tokens\":0,\"output_tokens\":0}}}\n\n") +
      chunk(
          "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
          "\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n") +
      chunk(
          "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
          "\"delta\":{\"type\":\"text_delta\",\"text\":\" there\"}}\n\n") +
      chunk(
          "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"
          "\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":0}}\n\n") +
      chunk("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n") + std::string(kLastChunk);
  const std::string openai =
      std::string(kStreamHead) + text_chunk("Hi") + text_chunk(" there") +
      chunk("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}\n\n") +
      chunk("data: [DONE]\n\n") + std::string(kLastChunk);
  for (const Result& result : {result_of(whole(anthropic), false, Api::anthropic_messages),
                               result_of(whole(openai), false, Api::openai_chat)}) {
    EXPECT_EQ(result.outcome, Answer::Outcome::completed);
    EXPECT_EQ(result.output_tokens, 2);
    EXPECT_FALSE(result.usage_known);
    EXPECT_EQ(result.prompt_tokens, -1);
  }
}

TEST(Answer, UsageAtTheBeginningIsNoEnd) {
  const Result result =
      result_of(whole(kAnthropic + std::string(kLastChunk)), false, Api::anthropic_messages);
  EXPECT_EQ(result.failure, "cut");
}

TEST(Answer, LosesNoEventWhereTheEmptyLinesAtTheEndAreLost) {
  const std::string stream =
      std::string(kStreamHead) +
      chunk("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\ndata: [DONE]") +
      std::string(kLastChunk);
  for (const Pieces& pieces : splits(stream)) {
    const Result result = result_of(pieces, false);
    EXPECT_EQ(result.outcome, Answer::Outcome::completed);
    EXPECT_EQ(result.deltas, 1);
  }
}

TEST(Answer, BytesBehindTheAnswerSpoilTheConnection) {
  EXPECT_FALSE(result_of(whole(whole_stream(1) + "HTTP/1.1 200 OK\r\n"), false).keep_alive);
}

TEST(Answer, AStatusIsTheReasonAlsoWhereItsBodyIsCut) {
  const std::string answer = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 100\r\n\r\nupstream";
  const Result result = result_of(whole(answer), true);
  EXPECT_EQ(result.failure, "status");
  EXPECT_EQ(result.example, "502: upstream");
}

}  // namespace
}  // namespace tokenlift::answer_test
