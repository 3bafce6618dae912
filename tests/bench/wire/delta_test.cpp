#include "bench/wire/delta.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "bench/wire/usual_chunk.hpp"

namespace tokenlift::delta_test {
namespace {

struct Reader {
  DeltaReader reader;
  explicit Reader(Api api) : reader(api) {}
  Delta event(const std::string& data, const std::string& name = "") {
    const std::optional<Delta> delta = reader.event(name, data);
    EXPECT_TRUE(delta) << data;
    return delta.value_or(Delta{});
  }
  Delta reply(const std::string& body) {
    const std::optional<Delta> delta = reader.reply(body);
    EXPECT_TRUE(delta) << body;
    return delta.value_or(Delta{});
  }
};

enum class Said { nothing, reasoning, output };

Said said(const Delta& delta) {
  EXPECT_FALSE(delta.error) << *delta.error;
  EXPECT_TRUE(delta.has_text || !delta.has_output);
  if (!delta.has_text) return Said::nothing;
  return delta.has_output ? Said::output : Said::reasoning;
}

std::string chat(const std::string& delta) {
  return R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",)"
         R"("choices":[{"index":0,"delta":)" +
         delta + R"(,"logprobs":null,"finish_reason":null}]})";
}

TEST(Delta, OfAChatHasTextWhereItsContentIsNotEmpty) {
  Reader r(Api::openai_chat);
  EXPECT_EQ(said(r.event(chat(R"({"content":"Hello"})"))), Said::output);
  EXPECT_EQ(said(r.event(chat(R"({"content":"\""})"))), Said::output);
  EXPECT_EQ(said(r.event(chat(R"({"role":"assistant","content":""})"))), Said::nothing);
  EXPECT_EQ(said(r.event(chat(R"({"role":"assistant","content":null})"))), Said::nothing);
  EXPECT_EQ(said(r.event(chat("{}"))), Said::nothing);
  EXPECT_EQ(said(r.event(chat("null"))), Said::nothing);
  EXPECT_EQ(said(r.event(chat(R"({"content":[{"type":"text","text":"a"}]})"))), Said::output);
  EXPECT_EQ(said(r.event(chat(R"({"content":[]})"))), Said::nothing);
  EXPECT_EQ(said(r.event(chat(R"({"tool_calls":[{"function":{"arguments":"{"}}]})"))),
            Said::output);
  EXPECT_EQ(said(r.event(chat(R"({"refusal":"No."})"))), Said::output);
}

TEST(Delta, TextIsAppendedWhereItIsAskedFor) {
  DeltaReader chats(Api::openai_chat);
  std::string text = "a ";
  chats.event("", chat(R"({"content":"\"b\"\n","reasoning":"hm"})"), &text);
  chats.event("", chat(R"({"refusal":"No.","tool_calls":[{"function":{"arguments":"{"}}]})"),
              &text);
  chats.event("", chat(R"({"content":null})"), &text);
  chats.event("", chat(R"({"content":[{"type":"text","text":"x"}]})"), &text);
  chats.event("", chat(R"({"content":"\ud800"})"), &text);  // half a character
  chats.event("", chat(R"({"content":" \u00e9"})"), &text);
  chats.reply(R"({"choices":[{"message":{"role":"assistant","content":" d"}}]})", &text);
  EXPECT_EQ(text, "a \\\"b\\\"\\u000a \xc3\xa9 d");

  text.clear();
  DeltaReader completions(Api::openai_completions);
  completions.event("", R"({"choices":[{"index":0,"text":" e"}]})", &text);
  DeltaReader messages(Api::anthropic_messages);
  messages.event("content_block_delta",
                 R"({"type":"content_block_delta","delta":{"type":"text_delta","text":" f"}})",
                 &text);
  messages.event(
      "content_block_delta",
      R"({"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"g"}})", &text);
  messages.event(
      "content_block_delta",
      R"({"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{"}})",
      &text);
  EXPECT_EQ(text, " e f");
}

TEST(Delta, OfAChatThatReasonsIsTextAndNoOutput) {
  Reader r(Api::openai_chat);
  EXPECT_EQ(said(r.event(chat(R"({"reasoning_content":"hm"})"))), Said::reasoning);
  EXPECT_EQ(said(r.event(chat(R"({"reasoning":"hm","content":null})"))), Said::reasoning);
  EXPECT_EQ(said(r.event(chat(R"({"reasoning":"","content":""})"))), Said::nothing);
  EXPECT_EQ(said(r.event(chat(R"({"content":"a","reasoning_content":"b"})"))), Said::output);
}

TEST(Delta, MayHaveSeveralChoicesAndKeysInAnyOrder) {
  Reader r(Api::openai_chat);
  EXPECT_EQ(said(r.event(R"({"choices":[{"delta":{"content":""}},{"delta":{"content":"a"}}]})")),
            Said::output);
  const Delta both = r.event(
      R"({"usage":{"completion_tokens":2},"x":{"choices":1},"choices":[{"delta":{"content":"a"}}]})");
  EXPECT_EQ(said(both), Said::output);
  ASSERT_TRUE(both.usage);
  EXPECT_EQ(both.usage->output_tokens, 2);
}

TEST(Delta, HasTheUsageThatItSays) {
  Reader r(Api::openai_chat);
  const Delta last = r.event(
      R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,)"
      R"("prompt_tokens_details":{"cached_tokens":4,"audio_tokens":null},)"
      R"("completion_tokens_details":{"reasoning_tokens":3}}})");
  ASSERT_TRUE(last.usage);
  EXPECT_EQ(last.usage->prompt_tokens, 9);
  EXPECT_EQ(last.usage->cached_tokens, 4);
  EXPECT_EQ(last.usage->output_tokens, 12);
  EXPECT_FALSE(last.has_text);
  EXPECT_FALSE(last.ends) << "[DONE] is to come";
}

TEST(Delta, HasNoUsageWhereThatIsNull) {
  Reader r(Api::openai_chat);
  EXPECT_FALSE(r.event(R"({"choices":[{"delta":{"content":"a"}}],"usage":null})").usage);
  EXPECT_FALSE(r.event(R"({"choices":null,"usage":null})").usage);
  const Delta null_details = r.event(
      R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":null,"prompt_tokens_details":null}})");
  ASSERT_TRUE(null_details.usage);
  EXPECT_EQ(null_details.usage->prompt_tokens, 9);
  EXPECT_EQ(null_details.usage->cached_tokens, -1);
  EXPECT_EQ(null_details.usage->output_tokens, -1);
  const Delta odd = r.event(
      R"({"choices":[],"usage":{"prompt_tokens":-5,"completion_tokens":99999999999,"prompt_tokens_details":{"cached_tokens":"4"}}})");
  EXPECT_EQ(odd.usage->prompt_tokens, -1);
  EXPECT_EQ(odd.usage->output_tokens, 2'147'483'647);
  EXPECT_EQ(odd.usage->cached_tokens, -1);
}

TEST(Delta, OfACompletionHasItsTextInTheChoice) {
  Reader r(Api::openai_completions);
  EXPECT_EQ(said(r.event(R"({"object":"text_completion","choices":[{"index":0,"text":" a"}]})")),
            Said::output);
  EXPECT_EQ(said(r.event(R"({"choices":[{"text":"","finish_reason":"length"}],"usage":null})")),
            Said::nothing);
}

TEST(Delta, OfDoneEndsTheStream) {
  for (const Api api : {Api::openai_chat, Api::openai_completions, Api::anthropic_messages}) {
    Reader r(api);
    EXPECT_TRUE(r.event("[DONE]").ends);
    EXPECT_TRUE(r.event("[DONE] ").ends);
    EXPECT_FALSE(r.reader.event("", "[DONE"));
    EXPECT_FALSE(r.reader.event("", "[DONE]x"));
  }
}

TEST(Delta, OfAnthropicIsReadByItsType) {
  Reader r(Api::anthropic_messages);
  const Delta start = r.event(
      R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",)"
      R"("content":[],"model":"m","stop_reason":null,"usage":{"input_tokens":25,)"
      R"("cache_creation_input_tokens":100,"cache_read_input_tokens":2000,"output_tokens":1}}})",
      "message_start");
  EXPECT_EQ(said(start), Said::nothing);
  ASSERT_TRUE(start.usage);
  EXPECT_EQ(start.usage->prompt_tokens, 2125);
  EXPECT_EQ(start.usage->cached_tokens, 2000);
  EXPECT_EQ(start.usage->output_tokens, 1);
  EXPECT_EQ(said(r.event(R"({"type":"content_block_start","index":0,"content_block":)"
                         R"({"type":"text","text":""}})",
                         "content_block_start")),
            Said::nothing);
  EXPECT_EQ(said(r.event(R"({"type":"ping"})", "ping")), Said::nothing);
  EXPECT_EQ(said(r.event(R"({"type":"content_block_delta","index":0,"delta":)"
                         R"({"type":"thinking_delta","thinking":"hm"}})")),
            Said::reasoning);
  EXPECT_EQ(said(r.event(R"({"type":"content_block_delta","index":0,"delta":)"
                         R"({"type":"signature_delta","signature":"abc"}})")),
            Said::nothing);
  EXPECT_EQ(said(r.event(R"({"delta":{"text":"Hi","type":"text_delta"},"index":0,)"
                         R"("type":"content_block_delta"})")),
            Said::output);
  EXPECT_EQ(said(r.event(R"({"type":"content_block_delta","index":1,"delta":)"
                         R"({"type":"input_json_delta","partial_json":"{\"a\""}})")),
            Said::output);
  EXPECT_EQ(said(r.event(R"({"type":"content_block_stop","index":0})")), Said::nothing);
  const Delta end =
      r.event(R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},)"
              R"("usage":{"output_tokens":15}})");
  EXPECT_EQ(said(end), Said::nothing);
  ASSERT_TRUE(end.usage);
  EXPECT_EQ(end.usage->output_tokens, 15);
  EXPECT_EQ(end.usage->prompt_tokens, -1);
  EXPECT_FALSE(end.ends);
  EXPECT_TRUE(r.event(R"({"type":"message_stop"})", "message_stop").ends);
  EXPECT_TRUE(r.event("{}", "message_stop").ends) << "by its name where it says no type";
  EXPECT_EQ(said(r.event(R"({"type":"of_tomorrow","x":1})")), Said::nothing);
}

TEST(Delta, IsAnErrorInsideA200) {
  Reader openai(Api::openai_chat);
  EXPECT_EQ(openai.event(R"({"error":{"message":"boom","type":"server_error","code":500}})").error,
            "boom");
  EXPECT_EQ(openai.event(R"({"error":"boom"})").error, "boom");
  EXPECT_EQ(openai.event(R"({"error":{"type":"overloaded"}})").error, "overloaded");
  EXPECT_EQ(openai.event(R"({"error":{}})").error, R"({"error":{}})");
  EXPECT_EQ(
      openai.event(R"({"object":"error","message":"old","type":"BadRequest","code":400})").error,
      "old");
  EXPECT_EQ(openai.event(R"({"message":"named"})", "error").error, "named");
  EXPECT_EQ(openai.event(R"({"error":42})").error, "42");
  EXPECT_EQ(said(openai.event(R"({"error":null,"choices":[]})")), Said::nothing);
  Reader anthropic(Api::anthropic_messages);
  EXPECT_EQ(anthropic
                .event(R"({"type":"error","error":{"type":"overloaded_error",)"
                       R"("message":"Overloaded"},"request_id":"req_1"})",
                       "error")
                .error,
            "Overloaded");
  EXPECT_EQ(openai.reply(R"({"error":{"message":"boom"}})").error, "boom");
  EXPECT_EQ(anthropic.reply(R"({"type":"error","error":{"message":"boom"}})").error, "boom");
}

TEST(Delta, IsNothingWhereTheTextIsNotWhatTheApiSends) {
  for (const Api api : {Api::openai_chat, Api::openai_completions, Api::anthropic_messages}) {
    Reader r(api);
    for (const std::string text : {"",
                                   " ",
                                   "hello",
                                   "<html>",
                                   "{",
                                   "}",
                                   "[]",
                                   "null",
                                   "1",
                                   "\"a\"",
                                   "{\"a\":1}",
                                   "{\"a\":}",
                                   R"({"choices":[{"delta":{"content":"a)",
                                   R"({"choices":[{"delta":{"content":"a"}})",
                                   R"({"choices":[{"delta":{"content":"a"}}]}{})",
                                   R"({"choices":[{"delta":{"content":"a"}}]}x)",
                                   R"({"choices":5})",
                                   R"({"choices":[5]})",
                                   R"({"choices":[{"delta":"a"}]})",
                                   "{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}",
                                   R"({"usage":[]})"}) {
      EXPECT_FALSE(r.reader.event("", text)) << text;
      EXPECT_FALSE(r.reader.reply(text)) << text;
    }
  }
}

TEST(Delta, OfAWholeReplyIsCompleteWithUsage) {
  Reader openai(Api::openai_chat);
  const Delta chat_reply = openai.reply(
      "{\n \"object\": \"chat.completion\",\n \"choices\": [{\"message\": {\"role\": "
      "\"assistant\", "
      "\"content\": \"Hi\"}}],\n \"usage\": {\"prompt_tokens\": 1, \"completion_tokens\": 2}\n}\n");
  EXPECT_EQ(said(chat_reply), Said::output);
  EXPECT_TRUE(chat_reply.ends);
  ASSERT_TRUE(chat_reply.usage);
  EXPECT_EQ(chat_reply.usage->output_tokens, 2);
  Reader anthropic(Api::anthropic_messages);
  const Delta message = anthropic.reply(
      R"({"type":"message","content":[{"type":"thinking","thinking":"hm"},)"
      R"({"type":"text","text":"Hi"}],"usage":{"input_tokens":3,"output_tokens":4}})");
  EXPECT_EQ(said(message), Said::output);
  EXPECT_TRUE(message.ends);
  EXPECT_EQ(message.usage->prompt_tokens, 3);
  EXPECT_EQ(message.usage->output_tokens, 4);
  EXPECT_EQ(said(anthropic.reply(R"({"type":"message","content":[]})")), Said::nothing);
}

TEST(Delta, OfAFailureSaysItsMessageOrItsFirstLine) {
  DeltaReader reader(Api::openai_chat);
  EXPECT_EQ(reader.error_text(R"({"error":{"message":"Rate limit reached","type":"tokens"}})"),
            "Rate limit reached");
  EXPECT_EQ(reader.error_text(R"({"detail":"Not Found"})"), "Not Found");
  EXPECT_EQ(reader.error_text(R"({"detail":[{"loc":["body"]}]})"), R"([{"loc":["body"]}])");
  EXPECT_EQ(reader.error_text(R"({"message":"no Route matched"})"), "no Route matched");
  EXPECT_EQ(reader.error_text("\r\n\r\n<html>\r\n<head>"), "<html>");
  EXPECT_EQ(reader.error_text(R"({"unknown":1})"), R"({"unknown":1})");
  EXPECT_EQ(reader.error_text(""), "");
  EXPECT_EQ(
      DeltaReader(Api::anthropic_messages)
          .error_text(R"({"type":"error","error":{"type":"rate_limit_error","message":"slow"}})"),
      "slow");
}

TEST(Delta, SaysNothingThatATerminalWouldObey) {
  DeltaReader reader(Api::openai_chat);
  EXPECT_EQ(reader.error_text("\x1b[2Jboom\x07"), "\\x1b[2Jboom\\x07");
  EXPECT_EQ(reader.error_text(R"({"error":"two\nlines\u001b[0m"})"), "two lines\\x1b[0m");
  EXPECT_EQ(reader.error_text("bad \xff utf-8"), "bad \\xff utf-8");
  EXPECT_EQ(reader.error_text(std::string(500, 'x')), std::string(200, 'x'));
  std::string accents;
  for (int i = 0; i < 300; ++i) accents += "\xc3\xa9";
  EXPECT_EQ(reader.error_text(accents), accents.substr(0, 200));
  EXPECT_EQ(reader.error_text("x" + accents), "x" + accents.substr(0, 198));
}

TEST(Delta, ReadsAReplyThatIsLongAndThenOneThatIsShort) {
  Reader r(Api::openai_chat);
  const std::string text(3'000'000, 'x');
  EXPECT_EQ(said(r.reply(R"({"choices":[{"message":{"content":")" + text + "\"}}]}")),
            Said::output);
  EXPECT_EQ(said(r.event(chat(R"({"content":""})"))), Said::nothing);
}

TEST(Delta, OfJsonThatIsNestedWithoutEndIsNothing) {
  Reader r(Api::openai_chat);
  for (const std::string begin : {"[", "{\"a\":", "{\"choices\":[", "{\"error\":{\"message\":["}) {
    std::string text = "{\"x\":";
    for (int i = 0; i < 50'000; ++i) text += begin;
    EXPECT_FALSE(r.reader.event("", text));
    EXPECT_FALSE(r.reader.reply(text));
    r.reader.error_text(text);
  }
}

bool same(const std::optional<Delta>& one, const std::optional<Delta>& other) {
  if (!one || !other) return one.has_value() == other.has_value();
  return one->has_text == other->has_text && one->has_output == other->has_output &&
         one->ends == other->ends && one->error.has_value() == other->error.has_value() &&
         one->usage.has_value() == other->usage.has_value();
}

// What most of a stream consists of is read in one pass, and must say what the general reader says:
// to him a tab at the end leaves it.
RC_GTEST_PROP(Delta, OfAUsualChunkSaysTheSameReadInOnePass, ()) {
  const auto value = rc::gen::element<std::string>(
      "null", "true", "12", "-1.5", "1e3", "tru", "\"\"", "\" word\"", "\"error\"", "\"a\\n\"",
      "\"\xc3\xa9\"", "\"sixteen letters..\"", "\"\x7f\"", "\"\x01\"", "[]", "{}", "[1]",
      "{\"a\":1}", "");
  const auto key = rc::gen::element<std::string>(
      "content", "reasoning", "reasoning_content", "refusal", "tool_calls", "role", "text", "delta",
      "message", "index", "finish_reason", "choices", "usage", "error", "object", "type", "detail",
      "id");
  const auto fields = [&](std::size_t most) {
    std::string all;
    const auto count = *rc::gen::inRange<std::size_t>(0, most);
    for (std::size_t i = 0; i < count; ++i) {
      all += (i == 0 ? "\"" : *rc::gen::element<std::string>(",\"", ", \"", ",,\"")) + *key +
             *rc::gen::element<std::string>("\":", "\": ") + *value;
    }
    return all;
  };
  std::string choice = fields(3);
  if (*rc::gen::arbitrary<bool>()) {
    choice += (choice.empty() ? "" : ",") + ("\"delta\":{" + fields(4) + "}");
  }
  std::string chunk = "{" + fields(3);
  chunk += (chunk.size() == 1 ? "" : ",") + ("\"choices\":[{" + choice + "}]");
  if (*rc::gen::arbitrary<bool>()) chunk += "," + fields(3);
  chunk += *rc::gen::element<std::string>("}", "} ", "", "}x", "}}");
  DeltaReader reader(Api::openai_chat);
  std::string usual;
  std::string general;
  const auto by_usual = reader.event("", chunk, &usual);
  const auto by_general = reader.event("", chunk + "\t", &general);
  RC_ASSERT(same(by_usual, by_general));
  RC_ASSERT(usual == general);
}

// Else nothing above would be read in one pass.
TEST(Delta, OfAUsualChunkIsReadInOnePass) {
  for (const std::string& delta :
       {std::string(R"({"content":" word"})"),
        std::string(R"({"role": "assistant", "content": ""})"),
        std::string(R"({"reasoning_content":"so","content":null,"tool_calls":null})")}) {
    EXPECT_TRUE(read_usual_chunk(chat(delta))) << delta;
  }
  const auto usual = read_usual_chunk(
      R"({"id":"x","choices":[{"index":0,"text":" tok","finish_reason":null}],"usage":null})");
  ASSERT_TRUE(usual);
  EXPECT_EQ(usual->content, " tok");
  for (const std::string& delta :
       {std::string(R"({"content":"\""})"), std::string(R"({"content":"\xc3\xa9"})"),
        std::string(R"({"refusal":"No."})"), std::string(R"({"tool_calls":[]})"),
        std::string("null")}) {
    EXPECT_FALSE(read_usual_chunk(chat(delta))) << delta;
  }
}

RC_GTEST_PROP(Delta, OfAnyTextIsReadOrNot, ()) {
  const auto word = rc::gen::element<std::string>(
      "{", "}", "[", "]", ":", ",", "\"", "\"choices\":[{", "\"delta\":{", "\"content\":", "\"a\"",
      "null", "1", "\"usage\":{", "\"error\":", "\"type\":", "\"message\":", "\\", "\xff", "\\u00",
      "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]", "true", " ");
  std::string text;
  for (const std::string& each : *rc::gen::container<std::vector<std::string>>(word)) text += each;
  for (const Api api : {Api::openai_chat, Api::anthropic_messages}) {
    DeltaReader reader(api);
    const std::array<std::optional<Delta>, 2> all = {reader.event("x", text), reader.reply(text)};
    for (const std::optional<Delta>& delta : all) {
      if (!delta) continue;
      RC_ASSERT(delta->has_text || !delta->has_output);
      RC_ASSERT(!delta->error || delta->error->size() <= 200);
    }
    RC_ASSERT(reader.error_text(text).size() <= 200);
  }
}

}  // namespace
}  // namespace tokenlift::delta_test
