#include "workloads/text/secret.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "workloads/text/utf8.hpp"

namespace tokenlift::secret_test {
namespace {

TEST(Secrets, AreToldByWhereTheyStand) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"(Authorization = "letmein")", R"(Authorization = "*******")"},
      {R"("x-api-key" = "letmein", b = 1)", R"("x-api-key" = "*******", b = 1)"},
      {R"({"api_key": "let\"me", "b": 1})", R"({"api_key": "*******", "b": 1})"},
      {"password = 'let\\' # \"x\"", "password = '****' # \"x\""},
      {"--set fleet.site.a.api_key=let me in", "--set fleet.site.a.api_key=*********"},
      {"token = \"not ended", "token = \"*********"},
      {R"(secret = "grün")", R"(secret = "****")"},
      {R"(key = "abcdefgh1234")", R"(key = "************")"},
      {"http://h/v1?token=abc", "http://h/v1?token=***"},
      {"url = \"http://me:pass@host:80/v1\"", "url = \"http://*******@host:80/v1\""},
      {"http://me@host", "http://**@host"},
  };
  for (const auto& [text, shown] : cases) EXPECT_EQ(without_secrets(text), shown);
}

TEST(Secrets, AreToldByWhatTheyLookLike) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"key_env = \"sk-abcd1234efgh\"", "key_env = \"***************\""},
      {"say Bearer abcdefgh.ij+k/l= now", "say *********************** now"},
      {"hf_12345678 and eyJhbGciOi.J9", "*********** and *************"},
  };
  for (const auto& [text, shown] : cases) EXPECT_EQ(without_secrets(text), shown);
}

TEST(Secrets, OtherTextIsLeftAsItIs) {
  for (const char* text : {"",
                           "key = \"throttle.limit.rate\"",
                           "key = \"queue\"",
                           "key_env = \"LLM_KEY\"",
                           "key_file = \"llm.key\"",
                           "max_tokens = 96",
                           "prompt_tokens = { value = 3 }",
                           "url = \"http://127.0.0.1:8000/v1?a=b\"",
                           "mail@example.org",
                           "task-force-number-one",
                           "curl -H \"Authorization: Bearer $LLM_KEY\" http://host",
                           "token=$TOKEN",
                           "sk-short",
                           "Basic",
                           "tokens: 12",
                           "http://host/path@x",
                           "=",
                           "::",
                           "token",
                           "token ="}) {
    EXPECT_EQ(without_secrets(text), text);
    EXPECT_FALSE(holds_secret(text));
  }
}

// However many names of secrets and beginnings of keys stand on one line, each of which would have
// to be followed to its end.
TEST(Secrets, OfALongLineTheyAreFoundInOneLook) {
  constexpr int kTimes = 500'000;
  for (const std::string part :
       {"token=", "sk-", "a=", "key: ", "http://x@", "token = \"$", "= "}) {
    std::string text;
    for (int i = 0; i < kTimes; ++i) text += part;
    EXPECT_EQ(without_secrets(text).size(), text.size()) << part;
  }
  const std::string far(1'000'000, 'x');
  EXPECT_EQ(without_secrets("password=" + far), "password=" + std::string(far.size(), '*'));
  EXPECT_EQ(without_secrets("sk-" + far), std::string(far.size() + 3, '*'));
}

TEST(Secrets, OverlapAndAreBlankAllTheSame) {
  EXPECT_EQ(without_secrets("token=secret=a\nb"), "token=********\nb");
  EXPECT_EQ(without_secrets("sk-abcdefgh-sk-ij"), std::string(17, '*'));
  EXPECT_EQ(without_secrets("Bearer abcdefgh-Bearer ijklmnop"), std::string(31, '*'));
  EXPECT_EQ(without_secrets("token = \"a\", secret = \"b\""), "token = \"*\", secret = \"*\"");
}

TEST(Secrets, NamesAreTheSameInCapitals) {
  for (const char* name : {"Authorization", "X-API-Key", "COOKIE", "password"}) {
    EXPECT_TRUE(names_secret(name)) << name;
  }
  for (const char* name : {"", "x-team", "key", "key_env", "tokens", "authorizations"}) {
    EXPECT_FALSE(names_secret(name)) << name;
  }
}

// A caret below a text stays below what it points at.
RC_GTEST_PROP(Secrets, PlacesStayWhatTheyAre, ()) {
  std::string text;
  const int size = *rc::gen::inRange(0, 12);
  for (int i = 0; i < size; ++i) {
    text +=
        *rc::gen::element<std::string>("api_key", "key", "=", ":", " ", "\"", "'", "\\", "://", "@",
                                       "sk-", "Bearer ", "abcdefgh", "é", "字", "\n", "\xff");
  }
  const std::string shown = without_secrets(text);
  RC_LOG() << text << "\n" << shown;
  RC_ASSERT(without_secrets(shown).size() == shown.size());
  if (find_not_utf8(text) != std::string::npos) return;
  RC_ASSERT(count_code_points(shown) == count_code_points(text));
}

}  // namespace
}  // namespace tokenlift::secret_test
