#pragma once
// A trace file of a test's own, and what reading it gives.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
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

inline std::vector<Arrival> read(const Trace& trace, std::uint64_t seed = 1,
                                 std::uint64_t tenant = 0) {
  TraceReader reader(trace, seed, tenant);
  std::vector<Arrival> arrivals;
  while (const auto arrival = reader.next()) arrivals.push_back(*arrival);
  return arrivals;
}

/// What a scan finds, but for what is of the file as a whole: all its rows, and the digest.
inline TraceSummary summary_of(const Trace& trace) {
  TraceSummary summary = summarise(trace);
  EXPECT_GE(summary.rows, summary.requests + summary.failed + summary.before_start);
  summary.rows = 0;
  summary.digest = 0;
  return summary;
}

/// The one mistake that reading this text makes; `settings` says how it is read.
inline Mistake mistake_in(const std::string& text, Trace settings = {}) {
  const TraceFile file(text);
  settings.file = file.trace().file;
  const std::vector<Mistake> mistakes = mistakes_of([&] { summarise(settings); });
  EXPECT_EQ(mistakes.size(), 1U) << text;
  if (mistakes.empty()) return {};
  EXPECT_EQ(mistakes[0].source, settings.file);
  return mistakes[0];
}

/// `line` between `before` (two lines) and `after` is a mistake of its own, which says `message`.
inline void expect_wrong_line(const std::string& before, const std::string& line,
                              const std::string& after, const std::string& message) {
  std::string text = before;
  text.append(line).append("\n").append(after);
  const Mistake mistake = mistake_in(text);
  EXPECT_EQ(mistake.line, 3) << line;
  EXPECT_NE(mistake.message.find(message), std::string::npos) << line << ": " << mistake.message;
  EXPECT_EQ(mistake.excerpt, line);
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

/// Any way to read a file, now and then with other keys than by default.
inline Trace any_settings() {
  Trace trace;
  trace.sort = *rc::gen::arbitrary<bool>();
  trace.block_tokens = *rc::gen::element(16, 512);
  trace.start_ns = *rc::gen::element<std::int64_t>(0, 0, 1, 1'000'000'000);
  if (*rc::gen::inRange(0, 4) == 0) {
    trace.resample_ns = *rc::gen::element<std::int64_t>(1'000'000, 10'000'000'000);
  }
  return trace;
}

/// Reading it gives a summary and requests in order, or one mistake with a line of the file.
inline void check_read_or_reported(const std::string& text, Trace settings) {
  const TraceFile file(text);
  settings.file = file.trace().file;
  try {
    settings.summary = summarise(settings);
    const TraceSummary& summary = settings.summary;
    RC_ASSERT(summary.requests >= 1 && summary.span_ns >= 0);
    RC_ASSERT(summary.prompt_mean_tokens >= 1 && summary.output_mean_tokens >= 1);
    TraceReader reader(settings, 1, 0);
    std::int64_t last_ns = 0;
    for (int i = 0; i < 100; ++i) {
      const std::optional<Arrival> arrival = reader.next();
      if (!arrival) break;
      RC_ASSERT(arrival->due_ns >= last_ns);
      last_ns = arrival->due_ns;
      const std::vector<std::uint64_t>& blocks = reader.blocks();
      RC_ASSERT(std::set(blocks.begin(), blocks.end()).size() == blocks.size());
    }
  } catch (const ScenarioError& error) {
    const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
    RC_ASSERT(error.mistakes().size() == 1U);
    RC_ASSERT(error.mistakes()[0].line >= 0 && error.mistakes()[0].line <= lines);
    RC_ASSERT(!error.mistakes()[0].message.empty());
  }
}

}  // namespace tokenlift
