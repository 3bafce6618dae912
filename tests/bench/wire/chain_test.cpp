// From the bytes of a response to what its stream says: head, body, events, deltas in a row.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/wire/body.hpp"
#include "bench/wire/delta.hpp"
#include "bench/wire/event_stream.hpp"
#include "bench/wire/response_head.hpp"
#include "tests/bench/wire/splits.hpp"

namespace tokenlift::chain_test {
namespace {

/// What a client gathers of one reply.
struct Reply {
  int status = 0;
  int texts = 0;
  int outputs = 0;
  Usage usage;
  bool ended = false;
  bool complete = false;
  std::string error;
  bool operator==(const Reply& other) const {
    return status == other.status && texts == other.texts && outputs == other.outputs &&
           usage.prompt_tokens == other.usage.prompt_tokens &&
           usage.cached_tokens == other.usage.cached_tokens &&
           usage.output_tokens == other.usage.output_tokens && ended == other.ended &&
           complete == other.complete && error == other.error;
  }
};

class Chain {
 public:
  explicit Chain(Api api) : reader_(api) {}

  void read(std::string_view bytes) {
    if (!head_done_) {
      if (head_.feed(bytes) != ResponseHead::State::done) return;
      head_done_ = true;
      reply_.status = head_.status();
      body_ = Body(head_.framing(), head_.content_length());
    }
    std::string_view data;
    while (!bytes.empty() && !reply_.complete) {
      const Body::State state = body_.feed(bytes, data);
      EventStream::Event event;
      while (events_.next(data, event)) note(event);
      reply_.complete = state == Body::State::done;
    }
  }

  Reply end() {
    EventStream::Event event;
    while (events_.finish(event)) note(event);
    reply_.complete = body_.close() == Body::State::done;
    return reply_;
  }

 private:
  void note(const EventStream::Event& event) {
    const std::optional<Delta> delta = reader_.event(event.name, event.data);
    ASSERT_TRUE(delta) << event.data;
    reply_.texts += delta->has_text;
    reply_.outputs += delta->has_output;
    reply_.ended |= delta->ends;
    if (delta->error) reply_.error = *delta->error;
    if (!delta->usage) return;
    const auto take = [](std::int32_t& into, std::int32_t said) {
      if (said >= 0) into = said;
    };
    take(reply_.usage.prompt_tokens, delta->usage->prompt_tokens);
    take(reply_.usage.cached_tokens, delta->usage->cached_tokens);
    take(reply_.usage.output_tokens, delta->usage->output_tokens);
  }

  ResponseHead head_;
  bool head_done_ = false;
  Body body_;
  EventStream events_;
  DeltaReader reader_;
  Reply reply_;
};

Reply read(Api api, const Pieces& pieces) {
  Chain chain(api);
  read_pieces(pieces, [&chain](std::string_view bytes) { chain.read(bytes); });
  return chain.end();
}

const std::string kHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    "x-ratelimit-remaining-requests: 9\r\nTransfer-Encoding: chunked\r\n\r\n";

/// In chunks of the sizes given, one after the other and again.
std::string chunked(std::string_view body, const std::vector<std::size_t>& sizes) {
  std::string text = kHead;
  for (std::size_t i = 0; !body.empty(); ++i) {
    const std::string_view chunk = body.substr(0, sizes[i % sizes.size()]);
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
    text += size + std::string(chunk) + "\r\n";
    body.remove_prefix(chunk.size());
  }
  return text + "0\r\n\r\n";
}

// A model that reasons, as vLLM and SGLang send it: a role first, comments, null usage, a character
// of four bytes, usage before [DONE].
const std::string kOpenAiStream =
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n"
    ": keep-alive\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xf0\x9f\x98\x80\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a \xe2\x80\xa8 b\"}}]}\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5,"
    "\"prompt_tokens_details\":null}}\n\n"
    "data: [DONE]\n\n";

const std::string kAnthropicStream =
    "event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":"
    "{\"input_tokens\":7,\"cache_read_input_tokens\":3,\"output_tokens\":1}}}\r\n\r\n"
    "event: content_block_start\r\ndata: {\"type\":\"content_block_start\",\"index\":0,"
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\r\n\r\n"
    "event: ping\r\ndata: {\"type\": \"ping\"}\r\n\r\n"
    "event: content_block_delta\r\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\r\n\r\n"
    "event: content_block_stop\r\ndata: {\"type\":\"content_block_stop\",\"index\":0}\r\n\r\n"
    "event: message_delta\r\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
    "\"end_turn\"},\"usage\":{\"output_tokens\":12}}\r\n\r\n"
    "event: message_stop\r\ndata: {\"type\":\"message_stop\"}\r\n\r\n";

const std::string kBrokenStream =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"
    "data: {\"error\":{\"message\":\"CUDA out of memory\",\"code\":500}}\n\n";

Reply openai_reply() {
  return {200, 3, 2, {9, -1, 5}, true, true, ""};
}
Reply anthropic_reply() {
  return {200, 1, 1, {10, 3, 12}, true, true, ""};
}

TEST(Chain, ReadsTheStreamsOfEachApiFromAnyTwoPieces) {
  for (const Pieces& pieces : splits(chunked(kOpenAiStream, {200}))) {
    ASSERT_EQ(read(Api::openai_chat, pieces), openai_reply());
  }
  for (const Pieces& pieces : splits(chunked(kAnthropicStream, {1000, 1}))) {
    ASSERT_EQ(read(Api::anthropic_messages, pieces), anthropic_reply());
  }
}

TEST(Chain, TellsAnErrorInsideA200) {
  const Reply expected = {200, 1, 1, {}, false, true, "CUDA out of memory"};
  for (const Pieces& pieces : splits(chunked(kBrokenStream, {64}))) {
    ASSERT_EQ(read(Api::openai_chat, pieces), expected);
  }
}

TEST(Chain, TellsAStreamThatIsCutFromOneThatIsComplete) {
  const std::string text = chunked(kOpenAiStream, {200});
  const std::string without_end = text.substr(0, text.size() - 5);
  const Reply cut = read(Api::openai_chat, {without_end});
  EXPECT_TRUE(cut.ended) << "[DONE] came, and the end of the body did not";
  EXPECT_FALSE(cut.complete);
  EXPECT_EQ(cut.usage.output_tokens, 5);
}

RC_GTEST_PROP(Chain, ReadsTheSameFromAnyChunksInAnyPieces, ()) {
  const auto sizes = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 400)));
  RC_ASSERT(read(Api::openai_chat, *any_split(chunked(kOpenAiStream, sizes))) == openai_reply());
  RC_ASSERT(read(Api::anthropic_messages, *any_split(chunked(kAnthropicStream, sizes))) ==
            anthropic_reply());
}

}  // namespace
}  // namespace tokenlift::chain_test
