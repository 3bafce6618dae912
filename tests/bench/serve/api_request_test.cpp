// Bodies of requests in the dialects that clients speak, and events.

#include "bench/serve/api_request.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tokenlift::api_request_test {
namespace {

ApiRequest taken(Dialect dialect, const std::string& body) {
  ApiReader reader;
  const auto read = reader.read(dialect, body);
  if (const auto* wrong = std::get_if<ApiMistake>(&read)) {
    ADD_FAILURE() << body << ": " << wrong->text;
    return {};
  }
  return std::get<ApiRequest>(read);
}

TEST(ApiRequest, CountsTokenIdsAndTheBytesOfTexts) {
  const auto tokens = [](Dialect dialect, const std::string& rest) {
    return taken(dialect, R"({"model": "m", "max_tokens": 1, )" + rest + "}").prompt_tokens;
  };
  EXPECT_EQ(tokens(Dialect::openai_completions, R"("prompt": [5, 6, 7])"), 3);
  EXPECT_EQ(tokens(Dialect::openai_completions, R"("prompt": [[5, 6]])"), 2);
  EXPECT_EQ(tokens(Dialect::openai_completions, R"("prompt": "12345")"), 2);
  EXPECT_EQ(tokens(Dialect::openai_completions, R"("prompt": ["1234"])"), 1);
  EXPECT_EQ(tokens(Dialect::openai_completions, R"("prompt": "")"), 1) << "never none";
  EXPECT_EQ(tokens(Dialect::openai_chat, R"("messages": [{"role": "user", "content": "12345678"},
      {"role": "user", "content": [{"type": "text", "text": "1"}, {"type": "image_url"}]},
      {"role": "assistant", "content": null}])"),
            3);
  EXPECT_EQ(tokens(Dialect::anthropic, R"("system": "1234", "messages": [{"role": "user",
      "content": "1234"}])"),
            2);
}

TEST(ApiRequest, SaysHowItIsToBeAnswered) {
  const ApiRequest request =
      taken(Dialect::openai_chat,
            R"({"model": "m", "messages": [{"role": "user", "content": "a"}], "max_tokens": 5,
          "max_completion_tokens": 7, "stream": true, "stream_options": {"include_usage": true},
          "ignore_eos": true, "user": "ann", "temperature": 0.5, "stop": null})");
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.max_tokens, 7);
  EXPECT_TRUE(request.stream);
  EXPECT_TRUE(request.include_usage);
  EXPECT_TRUE(request.ignore_eos);
  EXPECT_EQ(request.user, "ann");
  const ApiRequest anthropic =
      taken(Dialect::anthropic,
            R"({"model": "m", "messages": [{"role": "user", "content": "a"}], "max_tokens": 5,
          "metadata": {"user_id": "bob"}})");
  EXPECT_EQ(anthropic.user, "bob");
  EXPECT_FALSE(anthropic.stream);
}

TEST(ApiRequest, SaysWhatIsWrongAndWithWhichKey) {
  const std::string model = R"({"model": "m", )";
  const std::vector<std::pair<std::string, std::string>> all = {
      {"", ""},
      {"{", ""},
      {"[]", ""},
      {R"({"prompt": "a"})", "model"},
      {model + R"("prompt": 5})", "prompt"},
      {model + R"("prompt": ["a", "b"]})", "prompt"},
      {R"({"model": "m"})", "prompt"},
      {model + R"("prompt": "a", "max_tokens": 0})", "max_tokens"},
      {model + R"("prompt": "a", "max_tokens": 1.5})", "max_tokens"},
      {model + R"("prompt": "a", "stream": "yes"})", "stream"},
      {model + R"("prompt": "a", "n": 2})", "n"},
      {model + R"("prompt": "a", "stream_options": 1})", "stream_options"}};
  ApiReader reader;
  for (const auto& [body, key] : all) {
    const auto read = reader.read(Dialect::openai_completions, body);
    const auto* wrong = std::get_if<ApiMistake>(&read);
    ASSERT_NE(wrong, nullptr) << body;
    EXPECT_EQ(wrong->key, key) << body;
    EXPECT_FALSE(wrong->text.empty());
  }
  for (const auto& [body, key] : std::vector<std::pair<std::string, std::string>>{
           {R"({"model": "m", "messages": [{"role": "user", "content": "a"}]})", "max_tokens"},
           {R"({"model": "m", "max_tokens": 1, "messages": []})", "messages"},
           {R"({"model": "m", "max_tokens": 1, "messages": [{"content": "a"}]})", "messages"}}) {
    const auto read = reader.read(Dialect::anthropic, body);
    ASSERT_TRUE(std::holds_alternative<ApiMistake>(read)) << body;
    EXPECT_EQ(std::get<ApiMistake>(read).key, key) << body;
  }
}

TEST(ApiRequest, SaysWhereABodyCeasesToBeJson) {
  ApiReader reader;
  const auto text_of = [&](const std::string& body) {
    const auto read = reader.read(Dialect::openai_completions, body);
    const auto* wrong = std::get_if<ApiMistake>(&read);
    return wrong == nullptr ? "" : wrong->text;
  };
  EXPECT_EQ(text_of("{\"model\": \"m\",\n \"prompt\": oops}"),
            "the body is not JSON: line 2, column 12: is not JSON");
  EXPECT_EQ(text_of("{\"model\": \"m\""),
            "the body is not JSON: line 1, column 14: ends too early");
  const std::string large = text_of("{\"prompt\": \"" + std::string(100'000, 'a') + "\" oops}");
  EXPECT_EQ(large.rfind("the body is not JSON: ", 0), 0U) << large;
  EXPECT_EQ(large.find("line"), std::string::npos) << "others would wait";
}

// Who reads a key twice takes the first value, and who stands behind it the other one.
TEST(ApiRequest, AKeyThatIsThereTwiceIsAMistakeWithItsPlace) {
  const std::string messages = R"("messages": [{"role": "user", "content": "a"}])";
  const std::vector<std::pair<std::string, std::string>> all = {
      {R"("model": "n", )" + messages, "model"},
      {messages + ", " + messages, "messages"},
      {R"("messages": [{"role": "user", "content": "a", "role": "user"}])", "messages[0].role"},
      {R"("messages": [{"role": "user", "content": "a"},
          {"role": "user", "content": [{"text": "a"}, {"text": "b", "te\u0078t": "c"}]}])",
       "messages[1].content[1].text"},
      {messages + R"(, "unknown": {"a": [[{"b": 1, "c": {"d": 1, "d": 1}}]]})",
       "unknown.a[0][0].c.d"},
      {messages + R"(, "stream_options": {"include_usage": true, "include_usage": false})",
       "stream_options.include_usage"}};
  ApiReader reader;
  for (const auto& [rest, key] : all) {
    for (const Dialect dialect :
         {Dialect::openai_chat, Dialect::openai_completions, Dialect::anthropic}) {
      const auto read =
          reader.read(dialect, R"({"model": "m", "max_tokens": 1, "prompt": "a", )" + rest + "}");
      const auto* wrong = std::get_if<ApiMistake>(&read);
      ASSERT_NE(wrong, nullptr) << rest;
      EXPECT_EQ(wrong->key, key);
      EXPECT_EQ(wrong->text, "'" + key + "' is there twice");
    }
  }
  // The same key in two objects is not.
  const auto apart = reader.read(
      Dialect::openai_chat,
      R"({"model": "m", "x": {"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}, )" + messages + "}");
  EXPECT_TRUE(std::holds_alternative<ApiRequest>(apart));
  // What is shown of a long one is text.
  std::string longer = "k";
  for (int i = 0; i < 200; ++i) longer += "\u00e9";
  const auto read =
      reader.read(Dialect::openai_chat, "{\"" + longer + "\": 1, \"" + longer + "\": 2}");
  ASSERT_TRUE(std::holds_alternative<ApiMistake>(read));
  EXPECT_EQ(std::get<ApiMistake>(read).key, longer.substr(0, 199));
}

TEST(ApiRequest, AnEventBecomesATableOfTheLanguage) {
  ApiReader reader;
  const auto table = reader.event_table(
      R"({"set": {"throttle": "a \"b\"", "rate": "5/s", "limit": 2.5, "x": [1, true]}})");
  ASSERT_TRUE(std::holds_alternative<std::string>(table));
  EXPECT_EQ(
      std::get<std::string>(table),
      R"({ "set" = { "throttle" = "a \"b\"", "rate" = "5/s", "limit" = 2.5, "x" = [1, true] } })");
  EXPECT_TRUE(std::holds_alternative<ApiMistake>(reader.event_table(R"({"lift": null})")));
  EXPECT_TRUE(std::holds_alternative<ApiMistake>(reader.event_table("5")));
  for (const auto& [body, text] : std::vector<std::pair<std::string, std::string>>{
           {R"({"at": "5s", "lift": "a"})", "an event begins at once: leave 'at' out"},
           {R"({"lift": "a", "lift": "b"})", "'lift' is there twice"},
           {R"({"set": {"rate": "5/s", "rate": "5/s"}})", "'set.rate' is there twice"}}) {
    const auto wrong = reader.event_table(body);
    ASSERT_TRUE(std::holds_alternative<ApiMistake>(wrong)) << body;
    EXPECT_EQ(std::get<ApiMistake>(wrong).text, text);
  }
}

}  // namespace
}  // namespace tokenlift::api_request_test
