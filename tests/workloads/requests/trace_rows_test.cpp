// The order of a trace's requests: sorted where the file is not, and turns with the request they
// follow.

#include "workloads/requests/trace_rows.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/workloads/requests/trace_file.hpp"

namespace tokenlift::trace_rows_test {
namespace {

constexpr std::int64_t kMs = 1'000'000;

std::string turn(const std::string& keys, std::int64_t input) {
  return "{" + keys + R"(, "input_length": )" + std::to_string(input) + ", \"output_length\": 9}\n";
}

RC_GTEST_PROP(TraceRows, ASortedFileIsReadAsOneThatIsInOrder, ()) {
  auto times = *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 50)));
  const auto text_of = [&] {
    std::string text;
    for (const int time : times) text += turn("\"timestamp\": " + std::to_string(time), 1 + time);
    return text;
  };
  const TraceFile unordered(text_of());
  std::ranges::sort(times);
  const TraceFile ordered(text_of());
  Trace sorted = unordered.trace();
  sorted.sort = true;
  const auto expected = read(ordered.trace());
  const auto arrivals = read(sorted);
  RC_ASSERT(arrivals.size() == expected.size());
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    RC_ASSERT(arrivals[i].due_ns == expected[i].due_ns);
    RC_ASSERT(arrivals[i].prompt_tokens == expected[i].prompt_tokens);
    RC_ASSERT(arrivals[i].number == i);
  }
}

TEST(TraceRows, EqualInstantsStayAsTheyStand) {
  const TraceFile file(turn("\"timestamp\": 5", 1) + turn("\"timestamp\": 3", 2) +
                       turn("\"timestamp\": 5", 3) + turn("\"timestamp\": 3", 4));
  Trace trace = file.trace();
  trace.sort = true;
  std::vector<std::int64_t> prompts;
  for (const Arrival& arrival : read(trace)) prompts.push_back(arrival.prompt_tokens);
  EXPECT_EQ(prompts, (std::vector<std::int64_t>{2, 4, 1, 3}));
}

TEST(TraceRows, WhatIsTooLargeToBeSortedIsAnErrorWithItsLine) {
  std::string text = "a,b,c\n";
  for (int i = 0; i < 20'000; ++i) text += "1,1,1\n";
  const TraceFile file(text);
  Trace trace = file.trace();
  trace.columns = TraceColumns{"a", "b", "c"};
  constexpr std::size_t kMiB = 1 << 20;
  TraceRows streamed(trace, kMiB);  // memory does not matter
  trace.sort = true;
  EXPECT_NO_THROW(TraceRows(trace, 20'000 * sizeof(TraceRow)));
  const auto mistakes = mistakes_of([&] { TraceRows(trace, kMiB); });
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(mistakes[0].line, static_cast<int>(kMiB / sizeof(TraceRow)) + 2);
  EXPECT_NE(mistakes[0].message.find("takes 1 MiB"), std::string::npos);
}

TEST(TraceRows, AFileOutOfOrderIsToldOfSort) {
  const Mistake mistake = mistake_in(turn("\"timestamp\": 5", 1) + turn("\"timestamp\": 3", 2));
  EXPECT_EQ(mistake.line, 2);
  EXPECT_NE(mistake.advice.find("sort = true"), std::string::npos);
}

TEST(TraceRows, TurnsComeWithTheRequestThatTheyFollow) {
  const TraceFile file(
      turn(R"("session_id": "a", "timestamp": 100)", 10) +
      turn(R"("session_id": "a", "delay": 2500.5)", 20) +
      turn(R"("session_id": "a")", 30) +  // at once
      turn(R"("session_id": "b", "timestamp": 200, "delay": 0)", 40) +
      turn(R"("timestamp": 300)", 50) + turn(R"("session_id": "a", "timestamp": 400)", 60) +
      turn(R"("session_id": "a", "timestamp": 500)", 70) +  // due by the clock, not by an answer
      turn(R"("session_id": "a", "delay": 7, "timestamp": 1)", 80));
  for (const bool sort : {false, true}) {
    Trace trace = file.trace();
    trace.sort = sort;
    trace.speed = 2;
    trace.max_prompt_tokens = 25;
    trace.summary = summarise(trace);
    EXPECT_EQ(trace.summary.requests, 8);
    EXPECT_EQ(trace.summary.rows, 8);
    EXPECT_EQ(trace.summary.most_turns, 3);
    EXPECT_EQ(trace.summary.span_ns, 200 * kMs);
    TraceReader reader(trace, 1, 0);
    auto arrival = reader.next();
    EXPECT_EQ(arrival->due_ns, 0);
    ASSERT_EQ(reader.turns().size(), 2U);
    EXPECT_EQ(reader.turns()[0].delay_ns, 1'250'250'000);
    EXPECT_EQ(reader.turns()[0].prompt_tokens, 20);
    EXPECT_EQ(reader.turns()[1].delay_ns, 0);
    EXPECT_EQ(reader.turns()[1].prompt_tokens, 25);
    EXPECT_EQ(reader.turns()[1].output_tokens, 9);
    // Numbers leave room for the most turns.
    for (const auto& [due_ms, number, turns] :
         {std::tuple{50, 3U, 0U}, {100, 6U, 0U}, {150, 9U, 0U}, {200, 12U, 1U}}) {
      arrival = reader.next();
      ASSERT_TRUE(arrival);
      EXPECT_EQ(arrival->due_ns, due_ms * kMs);
      EXPECT_EQ(arrival->number, number);
      EXPECT_EQ(reader.turns().size(), turns);
    }
    EXPECT_FALSE(reader.next());
  }
}

TEST(TraceRows, ATurnApartFromItsSessionIsAnError) {
  const std::string first = turn(R"("session_id": "a", "timestamp": 1)", 10);
  const std::string other = turn(R"("session_id": "b", "timestamp": 2)", 10);
  const Mistake delayed = mistake_in(first + other + turn(R"("session_id": "a", "delay": 5)", 10));
  EXPECT_EQ(delayed.line, 3);
  EXPECT_NE(delayed.message.find("timestamp is missing"), std::string::npos);
  const Mistake dated = mistake_in(
      first + other + turn(R"("session_id": "a", "timestamp": 3, "delay": 5)", 10) + other);
  EXPECT_EQ(dated.line, 3);
  EXPECT_NE(dated.message.find("no turn of this session"), std::string::npos);
  EXPECT_EQ(mistake_in(turn(R"("session_id": "a")", 10)).line, 1);
}

TEST(TraceRows, AMistakeInATurnHasItsLine) {
  const std::string first = turn(R"("session_id": "a", "timestamp": 1)", 10);
  EXPECT_EQ(mistake_in(first + turn(R"("session_id": "a", "delay": 1)", 0)).line, 2);
  EXPECT_EQ(mistake_in(first + first + "\n" + first).line, 3);
  EXPECT_EQ(mistake_in(first + turn(R"("session_id": "a", "delay": 1)", 10) +
                       turn(R"("session_id": "a", "delay": 8.7e11)", 10))
                .line,
            3);
}

TEST(TraceRows, ResampledSessionsStayWhole) {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += turn("\"session_id\": " + std::to_string(i) + ", \"timestamp\": " + std::to_string(i),
                 i + 1);
    text += turn("\"session_id\": " + std::to_string(i) + ", \"delay\": 1", 1000 + i + 1);
  }
  const TraceFile file(text);
  for (const bool sort : {false, true}) {
    Trace trace = file.trace();
    trace.sort = sort;
    trace.resample_ns = 10 * kMs;
    trace.sample = 0.5;
    trace.summary = summarise(trace);
    TraceReader reader(trace, 1, 0);
    for (int i = 0; i < 500; ++i) {
      const auto arrival = reader.next();
      ASSERT_TRUE(arrival);
      ASSERT_EQ(reader.turns().size(), 1U);
      EXPECT_EQ(reader.turns()[0].prompt_tokens, 1000 + arrival->prompt_tokens);
      EXPECT_EQ((arrival->due_ns - (arrival->prompt_tokens - 1) * kMs) % (10 * kMs), 0);
    }
  }
}

}  // namespace
}  // namespace tokenlift::trace_rows_test
