#include "bench/wire/request_text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "bench/wire/json_text.hpp"

namespace tokenlift::request_text_test {
namespace {

using Json = nlohmann::json;

Url url(const std::string& text) {
  return std::get<Url>(parse_url(text));
}

struct Setting {
  Endpoint endpoint;
  Credentials tenant;
  Prompts prompts;
  std::string key;

  explicit Setting(Api api = Api::openai_chat) {
    endpoint.url = "http://127.0.0.1:8000/v1";
    endpoint.api = api;
    endpoint.model = "llama";
  }
};

struct Sent {
  std::string first_line;
  std::vector<Header> fields;
  Json body;

  std::string field(const std::string& name) const {
    std::string value = "(none)";
    for (const auto& [key, each] : fields) {
      if (key != name) continue;
      EXPECT_EQ(value, "(none)") << name << " stands there twice";
      value = each;
    }
    return value;
  }
};

/// What a server reads.
Sent parsed(const std::string& text) {
  Sent sent;
  const std::size_t end = text.find("\r\n\r\n");
  EXPECT_NE(end, std::string::npos);
  std::istringstream head(text.substr(0, end + 2));
  std::getline(head, sent.first_line, '\r');
  for (std::string line; head.get() == '\n' && std::getline(head, line, '\r');) {
    const std::size_t colon = line.find(": ");
    sent.fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  const std::string body = text.substr(end + 4);
  if (!body.empty()) {
    EXPECT_EQ(sent.field("Content-Length"), std::to_string(body.size()));
    sent.body = Json::parse(body);
  }
  return sent;
}

Sent sent(const Setting& setting, const RequestText& request) {
  const PromptSource prompts(setting.prompts, 1, 0);
  const RequestWriter writer(setting.endpoint, url(setting.endpoint.url), setting.tenant,
                             setting.key, prompts);
  std::string out = "what was there before";
  writer.write(request, out);
  return parsed(out);
}

RequestText request(std::int64_t prompt_tokens = 10, std::int64_t output_tokens = 20) {
  RequestText text;
  text.key = 7;
  text.prompt_tokens = prompt_tokens;
  text.output_tokens = output_tokens;
  text.request_id = "1-users-7-1";
  return text;
}

std::ptrdiff_t words(const std::string& text) {
  return std::count(text.begin(), text.end(), ' ') + 1;
}

TEST(RequestText, OfAChatAsksForAStreamWithUsage) {
  Setting setting;
  setting.key = "sesame";
  const Sent s = sent(setting, request());
  EXPECT_EQ(s.first_line, "POST /v1/chat/completions HTTP/1.1");
  EXPECT_EQ(s.field("Host"), "127.0.0.1:8000");
  EXPECT_EQ(s.field("Authorization"), "Bearer sesame");
  EXPECT_EQ(s.field("Content-Type"), "application/json");
  EXPECT_EQ(s.field("x-request-id"), "1-users-7-1");
  EXPECT_EQ(s.field("x-stainless-retry-count"), "0");
  EXPECT_EQ(s.body["model"], "llama");
  EXPECT_EQ(s.body["stream"], true);
  EXPECT_EQ(s.body["stream_options"], Json({{"include_usage", true}}));
  EXPECT_EQ(s.body["max_completion_tokens"], 20);
  EXPECT_FALSE(s.body.contains("max_tokens")) << "the newer models of OpenAI refuse both";
  EXPECT_FALSE(s.body.contains("min_tokens"));
  EXPECT_FALSE(s.body.contains("ignore_eos"));
  EXPECT_FALSE(s.body.contains("user"));
  ASSERT_EQ(s.body["messages"].size(), 1U);
  EXPECT_EQ(s.body["messages"][0]["role"], "user");
  EXPECT_EQ(words(s.body["messages"][0]["content"]), 10);
}

TEST(RequestText, AsksForExactlyTheOutputWhereTheServerKnowsHow) {
  Setting setting;
  setting.endpoint.ignore_eos = true;
  const Json chat = sent(setting, request()).body;
  EXPECT_EQ(chat["ignore_eos"], true);
  EXPECT_EQ(chat["min_tokens"], 20);
  EXPECT_EQ(chat["max_tokens"], 20);
  EXPECT_EQ(chat["max_completion_tokens"], 20);
  setting.endpoint.api = Api::openai_completions;
  const Json completion = sent(setting, request()).body;
  EXPECT_EQ(completion["ignore_eos"], true);
  EXPECT_EQ(completion["min_tokens"], 20);
  EXPECT_EQ(completion["max_tokens"], 20);
  EXPECT_FALSE(completion.contains("max_completion_tokens"));
}

TEST(RequestText, OfACompletionHasAPromptOfTextOrOfIds) {
  Setting setting(Api::openai_completions);
  const Sent text = sent(setting, request());
  EXPECT_EQ(text.first_line, "POST /v1/completions HTTP/1.1");
  EXPECT_EQ(words(text.body["prompt"]), 10);
  EXPECT_EQ(text.body["max_tokens"], 20);
  setting.prompts.kind = PromptKind::token_ids;
  EXPECT_EQ(sent(setting, request()).body["prompt"].size(), 10U);
  setting.prompts.system_tokens = 6;
  const Json first = sent(setting, request()).body["prompt"];
  RequestText other = request(30);
  other.key = 8;
  const Json second = sent(setting, other).body["prompt"];
  EXPECT_EQ(first.size(), 10U);
  EXPECT_EQ(second.size(), 30U);
  EXPECT_TRUE(std::equal(first.begin(), first.begin() + 6, second.begin()));
  EXPECT_FALSE(std::equal(first.begin(), first.end(), second.begin()));
}

TEST(RequestText, OfAnthropicHasItsHeadersAndItsSystemPromptApart) {
  Setting setting(Api::anthropic_messages);
  setting.key = "sesame";
  setting.prompts.system_tokens = 4;
  RequestText text = request();
  text.user = "u\"1";
  const Sent s = sent(setting, text);
  EXPECT_EQ(s.first_line, "POST /v1/messages HTTP/1.1");
  EXPECT_EQ(s.field("x-api-key"), "sesame");
  EXPECT_EQ(s.field("Authorization"), "(none)");
  EXPECT_EQ(s.field("anthropic-version"), "2023-06-01");
  EXPECT_EQ(s.body["max_tokens"], 20);
  EXPECT_EQ(s.body["stream"], true);
  EXPECT_FALSE(s.body.contains("stream_options"));
  EXPECT_EQ(words(s.body["system"]), 4);
  EXPECT_EQ(s.body["metadata"]["user_id"], "u\"1");
  ASSERT_EQ(s.body["messages"].size(), 1U);
  EXPECT_EQ(words(s.body["messages"][0]["content"]), 6) << "10 in all";
}

TEST(RequestText, OfATenantHasTheSameSystemPromptInAllRequests) {
  Setting setting;
  setting.prompts.system_tokens = 8;
  const Json first = sent(setting, request()).body["messages"];
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0]["role"], "system");
  EXPECT_EQ(words(first[0]["content"]), 8);
  EXPECT_EQ(words(first[1]["content"]), 2);
  RequestText other = request(5);
  other.key = 8;
  const Json second = sent(setting, other).body["messages"];
  EXPECT_EQ(second[0], first[0]);
  EXPECT_EQ(words(second[1]["content"]), 1) << "no prompt is empty";
}

// The next request of a session begins with what the one before it said.
TEST(RequestText, OfASessionSendsItsConversation) {
  Setting setting;
  RequestText text = request();
  text.turns = {{1, 5, 3}, {2, 4, 0}};
  const Json before = sent(setting, text).body["messages"];
  ASSERT_EQ(before.size(), 3U);
  EXPECT_EQ(before[0]["role"], "user");
  EXPECT_EQ(before[1]["role"], "assistant");
  EXPECT_EQ(before[2]["role"], "user");
  EXPECT_EQ(words(before[0]["content"]), 5);
  EXPECT_EQ(words(before[1]["content"]), 3);
  EXPECT_EQ(words(before[2]["content"]), 4);
  text.turns = {{1, 5, 3}, {2, 4, 6}, {3, 2, 0}};
  const Json after = sent(setting, text).body["messages"];
  ASSERT_EQ(after.size(), 5U);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin()));

  setting.endpoint.api = Api::openai_completions;
  const std::string later = sent(setting, text).body["prompt"];
  text.turns = {{1, 5, 3}, {2, 4, 0}};
  const std::string earlier = sent(setting, text).body["prompt"];
  EXPECT_EQ(words(earlier), 12);
  EXPECT_EQ(words(later), 20);
  EXPECT_TRUE(later.starts_with(earlier + " "));
  setting.prompts.kind = PromptKind::token_ids;
  EXPECT_EQ(sent(setting, text).body["prompt"].size(), 12U);
}

TEST(RequestText, OfASessionSendsWhatWasAnswered) {
  Setting setting;
  RequestText text = request();
  const auto answer = std::make_shared<const std::string>(R"( \"Yes\",\nhe said)");
  text.turns = {{1, 5, 3, answer}, {2, 4, 0}};
  const Json messages = sent(setting, text).body["messages"];
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[1]["role"], "assistant");
  EXPECT_EQ(messages[1]["content"], " \"Yes\",\nhe said");

  // As the server has it in its cache: right behind the prompt.
  setting.endpoint.api = Api::openai_completions;
  const std::string later = sent(setting, text).body["prompt"];
  text.turns = {{1, 5, 0}};
  const std::string earlier = sent(setting, text).body["prompt"];
  EXPECT_TRUE(later.starts_with(earlier + " \"Yes\",\nhe said ")) << later;
  setting.prompts.kind = PromptKind::token_ids;
  text.turns = {{1, 5, 3, answer}, {2, 4, 0}};
  EXPECT_EQ(sent(setting, text).body["prompt"].size(), 12U) << "synthetic ids stand for it";
}

TEST(RequestText, SaysWhichAttemptItIsAndWhoseItIs) {
  RequestText text = request();
  text.attempt = 3;
  text.user = "user-5";
  const Sent s = sent(Setting(), text);
  EXPECT_EQ(s.field("x-stainless-retry-count"), "2");
  EXPECT_EQ(s.body["user"], "user-5");
}

TEST(RequestText, TakesHeadersOfTheTenantBeforeThoseOfTheSiteAndThoseBeforeItsOwn) {
  Setting setting(Api::anthropic_messages);
  setting.key = "sesame";
  setting.endpoint.credentials.headers = {
      {"x-team", "site"}, {"x-site", "1"}, {"User-Agent", "perf"}};
  setting.tenant.headers = {{"X-Team", "tenant"}, {"Anthropic-Version", "2030-01-01"}};
  const Sent s = sent(setting, request());
  EXPECT_EQ(s.field("X-Team"), "tenant");
  EXPECT_EQ(s.field("x-team"), "(none)");
  EXPECT_EQ(s.field("x-site"), "1");
  EXPECT_EQ(s.field("User-Agent"), "perf");
  EXPECT_EQ(s.field("Anthropic-Version"), "2030-01-01");
  EXPECT_EQ(s.field("anthropic-version"), "(none)");
  EXPECT_EQ(s.field("x-api-key"), "sesame");
}

TEST(RequestText, CannotBeMadeToSayMoreThanItsFields) {
  const auto wrong = [](const Header& header, const std::string& key) -> std::string {
    Setting setting;
    setting.key = key;
    setting.tenant.headers = {header};
    try {
      sent(setting, request());
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(wrong({"x-a", "b\r\nHost: c"}, ""), "the header field x-a holds a line break");
  EXPECT_EQ(wrong({"x-a\nsecret: b", "c"}, ""), "the header field x-a holds a line break");
  EXPECT_EQ(wrong({"x-a", "b"}, "sesame\n"), "the header field Authorization holds a line break");
  EXPECT_EQ(wrong({"Content-Length", "5"}, ""),
            "the header field content-length is not a scenario's to set");
  EXPECT_EQ(wrong({"x-request-id", "5"}, ""),
            "the header field x-request-id is not a scenario's to set");
  EXPECT_EQ(wrong({"x-a", "b"}, "sesame"), "");
}

/// The prompt of a request that begins with blocks of a trace, of 20 tokens each.
Json prompt_of_blocks(const Setting& setting, const std::vector<std::uint64_t>& blocks,
                      std::int64_t prompt_tokens, std::uint64_t key, std::uint32_t tenant = 0) {
  RequestText text = request(prompt_tokens);
  text.key = key;
  text.blocks = blocks;
  text.block_tokens = 20;
  const PromptSource prompts(setting.prompts, 1, tenant);
  const RequestWriter writer(setting.endpoint, url(setting.endpoint.url), setting.tenant,
                             setting.key, prompts);
  std::string out;
  writer.write(text, out);
  const Json body = parsed(out).body;
  return body.contains("messages") ? body["messages"].back()["content"] : body["prompt"];
}

// A server's cache of prefixes finds what a trace says it would.
TEST(RequestText, PromptsWhoseBlocksBeginAlikeBeginWithTheSameText) {
  for (const Api api : {Api::openai_chat, Api::openai_completions, Api::anthropic_messages}) {
    const Setting setting(api);
    const std::string one = prompt_of_blocks(setting, {11, 12, 13}, 50, 1);
    const std::string two = prompt_of_blocks(setting, {11, 12, 14}, 60, 2);
    EXPECT_EQ(words(one), 50);
    EXPECT_EQ(words(two), 60);
    const auto shared = std::mismatch(one.begin(), one.end(), two.begin(), two.end()).first;
    const auto alike = words(std::string(one.begin(), shared)) - 1;  // the last one is begun
    EXPECT_GE(alike, 40);
    EXPECT_LT(alike, 40 + 8);
    EXPECT_EQ(prompt_of_blocks(setting, {11, 12, 13}, 50, 3, 5), one) << "of all tenants";
    const std::string longer = prompt_of_blocks(setting, {11, 12, 13}, 60, 4);
    EXPECT_TRUE(longer.starts_with(one)) << "of a block that is not full the beginning";
    // What no block names is the request's own.
    const std::string rest = prompt_of_blocks(setting, {11, 12, 13}, 70, 5);
    const std::string other = prompt_of_blocks(setting, {11, 12, 13}, 70, 6);
    EXPECT_TRUE(rest.starts_with(longer + " "));
    EXPECT_EQ(words(rest), 70);
    EXPECT_NE(rest, other);
  }
}

TEST(RequestText, BlocksOfTokenIdsStandBehindTheSystemPrompt) {
  Setting setting(Api::openai_completions);
  setting.prompts.kind = PromptKind::token_ids;
  setting.prompts.system_tokens = 7;
  const auto one = prompt_of_blocks(setting, {11, 12}, 40, 1).get<std::vector<int>>();
  const auto two = prompt_of_blocks(setting, {11, 13}, 50, 2).get<std::vector<int>>();
  ASSERT_EQ(one.size(), 40U);
  ASSERT_EQ(two.size(), 50U);
  const auto shared = std::mismatch(one.begin(), one.end(), two.begin(), two.end()).first;
  EXPECT_GE(shared - one.begin(), 27);
  EXPECT_LT(shared - one.begin(), 27 + 5);
}

TEST(RequestText, KeepsTheKeyOutOfItsBody) {
  Setting setting;
  setting.key = "sesame";
  EXPECT_EQ(sent(setting, request()).body.dump().find("sesame"), std::string::npos);
}

TEST(RequestText, GoesBelowThePathOfTheUrlAndBeforeItsQuery) {
  Setting setting;
  setting.endpoint.url = "https://x.example/openai/deployments/d?api-version=1";
  const Sent s = sent(setting, request());
  EXPECT_EQ(s.first_line, "POST /openai/deployments/d/chat/completions?api-version=1 HTTP/1.1");
  EXPECT_EQ(s.field("Host"), "x.example");
}

TEST(RequestText, OfTheCallersBodyIsPlain) {
  EXPECT_EQ(parsed(plain_request("GET", url("http://a"), {}, "")).first_line, "GET / HTTP/1.1");
  const Sent get = parsed(plain_request("GET", url("http://a/metrics?x=1"), {{"x-b", "c"}}, ""));
  EXPECT_EQ(get.first_line, "GET /metrics?x=1 HTTP/1.1");
  EXPECT_EQ(get.field("x-b"), "c");
  EXPECT_EQ(get.field("Content-Length"), "(none)");
  const Sent post = parsed(plain_request("POST", url("http://a/b"), {}, R"({"rate":5})"));
  EXPECT_EQ(post.field("Content-Type"), "application/json");
  EXPECT_EQ(post.field("Content-Length"), "10");
  EXPECT_EQ(post.body["rate"], 5);
  EXPECT_EQ(parsed(plain_request("POST", url("http://a/b"), {}, "")).field("Content-Length"), "0");
  EXPECT_EQ(parsed(plain_request("PUT", url("http://a"), {{"content-type", "text/plain"}}, "5"))
                .field("content-type"),
            "text/plain");
  EXPECT_THROW(plain_request("GET", url("http://a"), {{"Host", "b"}}, ""), std::invalid_argument);
}

RC_GTEST_PROP(RequestText, HoldsAnyModelAndUserAsJson, ()) {
  const auto word = rc::gen::element<std::string>("a", "\"", "\\", "\n", "\x01", "\x7f", "\xc3\xa9",
                                                  "\xf0\x9f\x98\x80", "</", std::string(1, '\0'));
  std::string any;
  for (const std::string& each : *rc::gen::container<std::vector<std::string>>(word)) any += each;
  Setting setting;
  setting.endpoint.model = any;
  RequestText text = request();
  text.user = any;
  const Json body = sent(setting, text).body;
  RC_ASSERT(body["model"] == any);
  RC_ASSERT(body.value("user", std::string()) == any);
}

TEST(JsonText, ReplacesWhatIsNotUtf8) {
  std::string out = "x";
  append_json_text(
      "a\xff"
      "b",
      out);
  EXPECT_EQ(out,
            "xa\xef\xbf\xbd"
            "b");
}

}  // namespace
}  // namespace tokenlift::request_text_test
