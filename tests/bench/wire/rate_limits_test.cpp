#include "bench/wire/rate_limits.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace tokenlift::rate_limits_test {
namespace {

// Sun, 06 Nov 1994 08:49:37 GMT.
constexpr std::int64_t kThen = 784'111'777;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kYear = 365LL * 24 * 3600 * kSecond;

ResponseHead head(const std::string& fields) {
  ResponseHead result;
  const std::string text = "HTTP/1.1 429 Too Many Requests\r\n" + fields + "\r\n";
  std::string_view bytes = text;
  EXPECT_EQ(result.feed(bytes), ResponseHead::State::done) << fields;
  return result;
}

std::optional<std::int64_t> wait(const std::string& value, std::int64_t now_unix_s = kThen) {
  return retry_after_ns(head("Retry-After: " + value + "\r\n"), now_unix_s);
}

TEST(RateLimits, RetryAfterIsInSecondsAlsoFractional) {
  EXPECT_EQ(wait("7"), 7 * kSecond);
  EXPECT_EQ(wait("0.25"), kSecond / 4);
  EXPECT_EQ(wait("0"), 0);
  EXPECT_EQ(wait("18000"), 18'000 * kSecond) << "a window of five hours";
  EXPECT_EQ(wait("1e3"), std::nullopt);
}

TEST(RateLimits, RetryAfterMayBeADateInAnyOfTheThreeForms) {
  for (const std::string date : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                 "Sun Nov  6 08:49:37 1994", "sun, 06 nov 1994 08:49:37 gmt"}) {
    EXPECT_EQ(wait(date, kThen - 90), 90 * kSecond) << date;
    EXPECT_EQ(wait(date, kThen), 0) << date;
    EXPECT_EQ(wait(date, kThen + 1), std::nullopt) << date << " is past";
  }
  EXPECT_EQ(wait("Wed, 28 Feb 2024 23:59:59 GMT", 1'709'164'800 - 2), kSecond);
  EXPECT_EQ(wait("Thu, 29 Feb 2024 00:00:00 GMT", 1'709'164'800 - 1), kSecond);
  EXPECT_EQ(wait("Thu Nov 16 08:49:37 1994", kThen), 10 * 86'400 * kSecond);
}

// Two digits stand for no year that is more than 50 years ahead.
TEST(RateLimits, RetryAfterKnowsTheCenturyOfAnOldDate) {
  const std::int64_t in_2026 = 1'796'000'000;
  EXPECT_EQ(wait("Sunday, 06-Nov-94 08:49:37 GMT", in_2026), std::nullopt) << "1994";
  EXPECT_EQ(wait("Friday, 06-Nov-76 08:49:37 GMT", in_2026), kYear) << "2076, bounded";
  EXPECT_EQ(wait("Monday, 01-Jan-01 00:00:00 GMT", 978'307'200 - 5), 5 * kSecond) << "2001";
}

TEST(RateLimits, RetryAfterThatIsNoneIsAbsent) {
  for (const std::string value : {"",
                                  "-1",
                                  "soon",
                                  "7 s",
                                  "nan",
                                  "inf",
                                  "-inf",
                                  "1,5",
                                  "0x10",
                                  "Sun, 06 Nov 1994",
                                  "Sun, 6 Nov 1994 08:49:37 GMT",
                                  "Sun, 06 Nov 1994 08:49:37",
                                  "Sun, 31 Feb 1995 08:49:37 GMT",
                                  "Sun, 06 Nov 1994 24:49:37 GMT",
                                  "Sun, 06 Nov 1994 08:60:37 GMT",
                                  "06 Nov 1994 08:49:37 GMT",
                                  "Sun, 06 Foo 1994 08:49:37 GMT",
                                  "Sun, 06 Nov 1994 08:49:37 GMT+1",
                                  "Sun Nov 6 08:49:37 1994",
                                  "1994-11-06T08:49:37Z"}) {
    EXPECT_EQ(wait(value, 0), std::nullopt) << value;
  }
  EXPECT_EQ(retry_after_ns(head(""), kThen), std::nullopt);
}

TEST(RateLimits, RetryAfterIsBoundedByAYear) {
  EXPECT_EQ(wait("1000000000000"), kYear);
  EXPECT_EQ(wait("99999999999999999999999999999999999999999"), kYear);
  EXPECT_EQ(wait("Fri, 31 Dec 9999 23:59:59 GMT"), kYear);
}

TEST(RateLimits, RetryAfterInMillisecondsGoesFirst) {
  EXPECT_EQ(retry_after_ns(head("retry-after: 9\r\nretry-after-ms: 12.5\r\n"), kThen), 12'500'000);
  EXPECT_EQ(retry_after_ns(head("Retry-After-Ms: 0\r\n"), kThen), 0);
  EXPECT_EQ(retry_after_ns(head("retry-after-ms: x\r\nretry-after: 9\r\n"), kThen), 9 * kSecond);
  EXPECT_EQ(retry_after_ns(head("retry-after-ms: -1\r\nretry-after: 9\r\n"), kThen), 9 * kSecond);
}

TEST(RateLimits, ShouldRetryIsTrueOrFalseOrNotSaid) {
  EXPECT_EQ(should_retry(head("x-should-retry: true\r\n")), true);
  EXPECT_EQ(should_retry(head("X-Should-Retry: False\r\n")), false);
  EXPECT_EQ(should_retry(head("x-should-retry: yes\r\n")), std::nullopt);
  EXPECT_EQ(should_retry(head("x-should-retry: truest\r\n")), std::nullopt);
  EXPECT_EQ(should_retry(head("")), std::nullopt);
}

using Readings = std::vector<LimitReading>;
using enum LimitFigure;

TEST(RateLimits, AreReadAsOpenAiSaysThem) {
  const Readings expected = {
      {LimitUnit::requests, limit, 10'000},    {LimitUnit::tokens, limit, 150'000},
      {LimitUnit::requests, remaining, 9'999}, {LimitUnit::tokens, remaining, 149'984},
      {LimitUnit::requests, reset_ms, 12},     {LimitUnit::tokens, reset_ms, 360'000}};
  EXPECT_EQ(rate_limits(head("x-ratelimit-limit-requests: 10000\r\n"
                             "x-ratelimit-limit-tokens: 150000\r\n"
                             "x-ratelimit-remaining-requests: 9999\r\n"
                             "X-RateLimit-Remaining-Tokens: 149984\r\n"
                             "x-ratelimit-reset-requests: 12ms\r\n"
                             "x-ratelimit-reset-tokens: 6m0s\r\n"),
                        kThen),
            expected);
}

TEST(RateLimits, ReadResetsAsDurationsOfGoOrAsSeconds) {
  const auto reset = [](const std::string& value) -> std::optional<std::int64_t> {
    const Readings all = rate_limits(head("x-ratelimit-reset-tokens: " + value + "\r\n"), kThen);
    return all.empty() ? std::nullopt : std::optional(all[0].value);
  };
  EXPECT_EQ(reset("1h2m3.5s"), 3'723'500);
  EXPECT_EQ(reset("0s"), 0);
  EXPECT_EQ(reset("820ms"), 820);
  EXPECT_EQ(reset("1.5ms"), 2);
  EXPECT_EQ(reset("1500000us"), 1'500);
  EXPECT_EQ(reset("1500000\xc2\xb5s"), 1'500);
  EXPECT_EQ(reset("2000000ns"), 2);
  EXPECT_EQ(reset("1d"), 86'400'000);
  EXPECT_EQ(reset("59"), 59'000) << "Azure";
  EXPECT_EQ(reset("0.5"), 500);
  EXPECT_EQ(reset("99999999999h"), kYear / 1'000'000);
  for (const std::string value : {"-1", "", "s", "1x", "1m-5s", "6m0", "never", "1 s"}) {
    EXPECT_EQ(reset(value), std::nullopt) << value;
  }
}

TEST(RateLimits, OfAzureThatAreNegativeSayNothing) {
  const Readings expected = {{LimitUnit::tokens, remaining, 0}, {LimitUnit::tokens, reset_ms, 0}};
  EXPECT_EQ(rate_limits(head("x-ratelimit-remaining-requests: 0\r\n"
                             "x-ratelimit-limit-requests: -1\r\n"
                             "x-ratelimit-reset-requests: 0\r\n"
                             "x-ratelimit-remaining-tokens: 0\r\n"
                             "x-ratelimit-reset-tokens: 0\r\n"),
                        kThen),
            expected);
  EXPECT_EQ(rate_limits(head("x-ratelimit-remaining-tokens: -1\r\n"
                             "x-ratelimit-reset-tokens: -1\r\n"),
                        kThen),
            Readings{});
}

TEST(RateLimits, AreReadAsAnthropicSaysThem) {
  const Readings expected = {{LimitUnit::requests, limit, 50},
                             {LimitUnit::requests, remaining, 49},
                             {LimitUnit::requests, reset_ms, 1'000},
                             {LimitUnit::input_tokens, limit, 40'000},
                             {LimitUnit::output_tokens, remaining, 7'000},
                             {LimitUnit::output_tokens, reset_ms, 60'500},
                             {LimitUnit::tokens, reset_ms, 0}};
  EXPECT_EQ(
      rate_limits(head("anthropic-ratelimit-requests-limit: 50\r\n"
                       "anthropic-ratelimit-requests-remaining: 49\r\n"
                       "anthropic-ratelimit-requests-reset: 1994-11-06T08:49:38Z\r\n"
                       "anthropic-ratelimit-input-tokens-limit: 40000\r\n"
                       "anthropic-ratelimit-output-tokens-remaining: 7000\r\n"
                       "anthropic-ratelimit-output-tokens-reset: 1994-11-06T09:50:37.5+01:00\r\n"
                       "anthropic-ratelimit-tokens-reset: 1994-11-06T08:49:00Z\r\n"
                       "anthropic-ratelimit-unified-status: allowed\r\n"
                       "anthropic-ratelimit-unified-5h-utilization: 0.2\r\n"),
                  kThen),
      expected);
}

TEST(RateLimits, LeaveOutWhatTheyCannotRead) {
  EXPECT_EQ(rate_limits(head("x-ratelimit-limit-tokens: many\r\n"
                             "x-ratelimit-limit-requests: 99999999999999999999\r\n"
                             "x-ratelimit-remaining-tokens: 1.5\r\n"
                             "x-ratelimit-remaining: 5\r\n"
                             "x-ratelimit-limit-cats: 5\r\n"
                             "x-ratelimit-limit-tokens-more: 5\r\n"
                             "anthropic-ratelimit-tokens-reset: 60\r\n"
                             "anthropic-ratelimit-requests-reset: 1994-11-06T08:49Z\r\n"
                             "anthropic-ratelimit-input-tokens-reset: 1994-11-06T08:49:00\r\n"
                             "anthropic-ratelimit-limit-tokens: 5\r\n"),
                        kThen),
            Readings{});
  EXPECT_EQ(rate_limits(head("x-ratelimit-limit-tokens: 5\r\nx-ratelimit-limit-tokens: 6\r\n"), 0),
            (Readings{{LimitUnit::tokens, limit, 5}}))
      << "the first of its name";
}

RC_GTEST_PROP(RateLimits, OfAnyValueAreNoneOrWithinAYear, ()) {
  const auto piece = rc::gen::element<std::string>("1", "9", "0", ".", "-", "+", "e", "m", "s", "h",
                                                   "Sun, ", "06 Nov 1994", " ", "08:49:37", " GMT",
                                                   "T", "Z", "1994-11-06", "inf", "nan");
  std::string value;
  for (const std::string& part : *rc::gen::container<std::vector<std::string>>(piece))
    value += part;
  const ResponseHead all =
      head("retry-after: " + value + "\r\nretry-after-ms: " + value +
           "\r\nx-ratelimit-reset-tokens: " + value + "\r\nx-ratelimit-limit-tokens: " + value +
           "\r\nanthropic-ratelimit-tokens-reset: " + value + "\r\n");
  const auto after = retry_after_ns(all, kThen);
  RC_ASSERT(!after || (*after >= 0 && *after <= kYear));
  for (const LimitReading& reading : rate_limits(all, kThen)) {
    RC_ASSERT(reading.value >= 0);
    RC_ASSERT(reading.figure != reset_ms || reading.value <= kYear / 1'000'000);
  }
}

}  // namespace
}  // namespace tokenlift::rate_limits_test
