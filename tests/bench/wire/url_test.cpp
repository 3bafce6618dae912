#include "bench/wire/url.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <variant>

namespace tokenlift::url_test {
namespace {

Url url(const std::string& text) {
  const auto parsed = parse_url(text);
  EXPECT_TRUE(std::holds_alternative<Url>(parsed)) << text;
  return std::holds_alternative<Url>(parsed) ? std::get<Url>(parsed) : Url{};
}

std::string mistake(const std::string& text) {
  const auto parsed = parse_url(text);
  EXPECT_TRUE(std::holds_alternative<std::string>(parsed)) << text;
  return std::holds_alternative<std::string>(parsed) ? std::get<std::string>(parsed) : "";
}

TEST(Url, IsTakenApart) {
  const Url plain = url("http://127.0.0.1:8000/v1");
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.host, "127.0.0.1");
  EXPECT_EQ(plain.port, 8000);
  EXPECT_EQ(plain.path, "/v1");
  EXPECT_EQ(plain.host_field(), "127.0.0.1:8000");
  const Url safe = url("HTTPS://API.example.com");
  EXPECT_TRUE(safe.tls);
  EXPECT_EQ(safe.host, "api.example.com");
  EXPECT_EQ(safe.port, 443);
  EXPECT_EQ(safe.path, "");
  EXPECT_EQ(safe.host_field(), "api.example.com");
}

TEST(Url, HasNoPortInItsHostFieldWhereThatIsTheUsualOne) {
  EXPECT_EQ(url("http://a:80").host_field(), "a");
  EXPECT_EQ(url("https://a:443").host_field(), "a");
  EXPECT_EQ(url("http://a:443").host_field(), "a:443");
  EXPECT_EQ(url("https://a:80").host_field(), "a:80");
}

TEST(Url, OfAnIpv6AddressKeepsItsBracketsInTheHostFieldAlone) {
  const Url local = url("http://[::1]:8000/v1/");
  EXPECT_EQ(local.host, "::1");
  EXPECT_EQ(local.port, 8000);
  EXPECT_EQ(local.host_field(), "[::1]:8000");
  EXPECT_EQ(url("http://[2001:DB8::A]").host_field(), "[2001:db8::a]");
}

TEST(Url, HasNoSlashAtTheEndOfItsPath) {
  EXPECT_EQ(url("http://a/").path, "");
  EXPECT_EQ(url("http://a/v1///").path, "/v1");
  EXPECT_EQ(url("http://a/?x=/").path, "/?x=/");
  EXPECT_EQ(url("http://a?x=1").path, "/?x=1");
  EXPECT_EQ(url("http://a/v1/?x=1").path, "/v1?x=1");
}

TEST(Url, TakesAPathBelowBeforeItsQuery) {
  EXPECT_EQ(url("http://a/v1").path_below("/models"), "/v1/models");
  EXPECT_EQ(url("http://a").path_below("/models"), "/models");
  EXPECT_EQ(
      url("https://a/openai/deployments/d?api-version=2024-10-21").path_below("/chat/completions"),
      "/openai/deployments/d/chat/completions?api-version=2024-10-21");
  EXPECT_EQ(url("http://a?x=1").path_below("/models"), "/models?x=1");
}

TEST(Url, SaysWhatIsWrongWithIt) {
  EXPECT_EQ(mistake(""), "it does not begin with http:// or https://");
  EXPECT_EQ(mistake("localhost:8000"), "it does not begin with http:// or https://");
  EXPECT_EQ(mistake("ftp://a"), "its scheme is neither http nor https");
  EXPECT_EQ(mistake("http://"), "it has no host");
  EXPECT_EQ(mistake("http:///v1"), "it has no host");
  EXPECT_EQ(mistake("http://:80"), "it has no host");
  EXPECT_EQ(mistake("http://a b"),
            "it holds a space, a control character or one beyond ASCII, which a URL writes as %XX");
  EXPECT_EQ(mistake("http://a/\xc3\xa9"), mistake("http://a\r\nHost: b"));
  EXPECT_EQ(mistake("http://a/#top"), "it has a fragment (#...), which no server is sent");
  EXPECT_EQ(mistake("http://a%41"), "its host holds what no host name has");
  EXPECT_EQ(mistake("http://::1"),
            "it has more than one ':' in its host: an IPv6 address stands in []");
  EXPECT_EQ(mistake("http://a:1:2"), mistake("http://fe80::1:8000"));
  EXPECT_EQ(mistake("http://[::1"), "the ']' of its IPv6 address is missing");
  EXPECT_EQ(mistake("http://[localhost]"), "what stands in [] is no IPv6 address");
  EXPECT_EQ(mistake("http://[::1]8000"), "only a port can follow its IPv6 address");
}

TEST(Url, HasAPortBetween1And65535) {
  EXPECT_EQ(url("http://a:1").port, 1);
  EXPECT_EQ(url("http://a:65535").port, 65'535);
  for (const std::string port : {"", "0", "65536", "99999999999", "-1", "+1", "80x", "0x50"}) {
    EXPECT_EQ(mistake("http://a:" + port), "its port is no number from 1 to 65535") << port;
  }
}

TEST(Url, QuotesNoSecretInWhatIsWrongWithIt) {
  for (const std::string text :
       {"http://user:sesame@a", "http://sesame@a:1:2", "https://sesame@"}) {
    EXPECT_EQ(mistake(text),
              "a user or a key stands before its host: keys belong into key_env or key_file");
  }
  EXPECT_EQ(mistake("sesame://a").find("sesame"), std::string::npos);
}

RC_GTEST_PROP(Url, OfAnyTextIsOneThatCanBeSentOrAMistake, ()) {
  const auto piece =
      rc::gen::element<std::string>("http://", "https://", "a", ":", "80", "[", "]", "::1", "/",
                                    "?", "#", "@", " ", "\n", "%", "\xff");
  std::string text;
  for (const std::string& part : *rc::gen::container<std::vector<std::string>>(piece)) text += part;
  const auto parsed = parse_url(text);
  if (const Url* good = std::get_if<Url>(&parsed)) {
    RC_ASSERT(!good->host.empty());
    RC_ASSERT(good->port > 0);
    RC_ASSERT(good->path.empty() || good->path.front() == '/');
    for (const char c : good->host_field() + good->path_below("/x")) RC_ASSERT(c > ' ');
    const std::string again =
        std::string(good->tls ? "https://" : "http://") + good->host_field() + good->path;
    const Url read_again = std::get<Url>(parse_url(again));
    RC_ASSERT(read_again.host == good->host);
    RC_ASSERT(read_again.port == good->port);
    RC_ASSERT(read_again.path == good->path);
  } else {
    RC_ASSERT(!std::get<std::string>(parsed).empty());
  }
}

}  // namespace
}  // namespace tokenlift::url_test
