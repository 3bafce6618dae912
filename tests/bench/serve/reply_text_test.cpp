// The bytes of replies: what they say of limits, and that the harness's own client understands
// them.

#include "bench/serve/reply_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tokenlift::reply_text_test {
namespace {

constexpr std::int64_t kS = 1'000'000'000;
constexpr std::int64_t kNoon = 1'778'068'800;  // 2026-05-06 12:00:00 UTC

Throttle per_second(Unit unit, double rate) {
  Throttle throttle;
  throttle.unit = unit;
  throttle.rate.per_s = rate;
  return throttle;
}

TEST(LimitFields, SayWhatIsLeftInEachDialect) {
  const Throttle requests = per_second(Unit::requests, 0.5);
  const Throttle input = per_second(Unit::input_tokens, 100);
  const std::vector<GateStanding> standings = {{&requests, 5, 2.9, 7 * kS},
                                               {&input, 1000, -3, 363 * kS + 500'000'000}};
  EXPECT_EQ(limit_fields(Dialect::openai_chat, standings, 2 * kS, kNoon),
            "x-ratelimit-limit-requests: 30\r\nx-ratelimit-remaining-requests: 2\r\n"
            "x-ratelimit-reset-requests: 5s\r\n"
            "x-ratelimit-limit-tokens: 6000\r\nx-ratelimit-remaining-tokens: 0\r\n"
            "x-ratelimit-reset-tokens: 6m1.500s\r\n");
  EXPECT_EQ(
      limit_fields(Dialect::anthropic, standings, 2 * kS, kNoon),
      "anthropic-ratelimit-requests-limit: 30\r\nanthropic-ratelimit-requests-remaining: 2\r\n"
      "anthropic-ratelimit-requests-reset: 2026-05-06T12:00:05Z\r\n"
      "anthropic-ratelimit-input-tokens-limit: 6000\r\n"
      "anthropic-ratelimit-input-tokens-remaining: 0\r\n"
      "anthropic-ratelimit-input-tokens-reset: 2026-05-06T12:06:02Z\r\n");
}

// Two of one unit: the one with less left, of two alike the first.
TEST(LimitFields, TheTightestOfAUnitCounts) {
  const Throttle wide = per_second(Unit::output_tokens, 100);
  const Throttle tight = per_second(Unit::tokens, 10);
  const std::vector<GateStanding> standings = {{&wide, 100, 90, 1 * kS}, {&tight, 50, 5, 2 * kS}};
  const std::string fields = limit_fields(Dialect::openai_completions, standings, 0, kNoon);
  EXPECT_NE(fields.find("x-ratelimit-limit-tokens: 600\r\n"), std::string::npos) << fields;
  EXPECT_EQ(fields.find("6000"), std::string::npos) << fields;
  const std::vector<GateStanding> alike = {{&wide, 100, 90, 1 * kS}, {&wide, 100, 90, 2 * kS}};
  EXPECT_EQ(limit_fields(Dialect::openai_completions, alike, 0, kNoon),
            limit_fields(Dialect::openai_completions, std::span(alike).first(1), 0, kNoon));
}

TEST(Errors, AreWrittenInTheirDialect) {
  std::string openai;
  append_error(Dialect::openai_chat, {404, "no \"x\"", "model", "model_not_found"}, "r1", "", true,
               openai);
  EXPECT_EQ(openai,
            "HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 104\r\n"
            "x-request-id: r1\r\n\r\n"
            R"({"error":{"message":"no \"x\"","type":"invalid_request_error","param":"model",)"
            R"("code":"model_not_found"}})");
  std::string anthropic;
  append_error(Dialect::anthropic, {529, "full"}, "r2", "a: b\r\n", false, anthropic);
  EXPECT_EQ(anthropic,
            "HTTP/1.1 529 Overloaded\r\ncontent-type: application/json\r\ncontent-length: 87\r\n"
            "x-request-id: r2\r\na: b\r\nconnection: close\r\n\r\n"
            R"({"type":"error","error":{"type":"overloaded_error","message":"full"},)"
            R"("request_id":"r2"})");
}

}  // namespace
}  // namespace tokenlift::reply_text_test
