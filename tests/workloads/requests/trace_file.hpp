#pragma once
// A trace file of a test's own, and what reading it gives.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/requests/trace.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift {

/// A trace file that lasts as long as the object.
class TraceFile {
 public:
  explicit TraceFile(const std::string& text)
      : path_(testing::TempDir() + "tokenlift_trace_" + std::to_string(getpid()) + "_" +
              std::to_string(++count)) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TraceFile() { std::filesystem::remove(path_); }
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;

  Trace trace() const {
    Trace trace;
    trace.file = path_;
    return trace;
  }

 private:
  static inline int count = 0;
  std::string path_;
};

inline std::vector<Arrival> read(const Trace& trace) {
  TraceReader reader(trace);
  std::vector<Arrival> arrivals;
  while (const auto arrival = reader.next()) arrivals.push_back(*arrival);
  return arrivals;
}

/// The one mistake that reading this text makes.
inline Mistake mistake_in(const std::string& text) {
  const TraceFile file(text);
  const std::vector<Mistake> mistakes = mistakes_of([&] { summarise(file.trace()); });
  EXPECT_EQ(mistakes.size(), 1U) << text;
  if (mistakes.empty()) return {};
  EXPECT_EQ(mistakes[0].source, file.trace().file);
  return mistakes[0];
}

/// Some bytes of `text` changed, left out, doubled or put in.
inline std::string with_edits(std::string text, const std::string& inserts) {
  const int edits = *rc::gen::inRange(1, 6);
  for (int i = 0; i < edits; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        text[at] = *rc::gen::arbitrary<char>();
        break;
      case 1:
        text.erase(at, *rc::gen::inRange<std::size_t>(1, 20));
        break;
      case 2:
        text.insert(at, text.substr(*rc::gen::inRange<std::size_t>(0, text.size()), 15));
        break;
      default:
        text.insert(at, 1, *rc::gen::elementOf(inserts));
    }
    if (text.empty()) text = ",";
  }
  return text;
}

/// Reading it gives a summary, or one mistake with a line of the file.
inline void check_read_or_reported(const std::string& text) {
  const TraceFile file(text);
  try {
    const TraceSummary summary = summarise(file.trace());
    RC_ASSERT(summary.requests >= 1 && summary.span_ns >= 0);
    RC_ASSERT(summary.prompt_mean_tokens >= 1 && summary.output_mean_tokens >= 1);
  } catch (const ScenarioError& error) {
    const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
    RC_ASSERT(error.mistakes().size() == 1U);
    RC_ASSERT(error.mistakes()[0].line >= 0 && error.mistakes()[0].line <= lines);
    RC_ASSERT(!error.mistakes()[0].message.empty());
  }
}

}  // namespace tokenlift
