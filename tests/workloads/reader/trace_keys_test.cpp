// The keys that say how a trace is read, there and back.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/workloads/reader/demo_scenario.hpp"
#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::trace_keys_test {
namespace {

constexpr std::int64_t kS = 1'000'000'000;

// A scenario in a folder with a trace of other columns, which `keys` say how to read.
class TraceKeys : public testing::Test {
 protected:
  TraceKeys() { std::ofstream(folder_ / file_) << "at,in,out\n3,10,5\n1,20,6\n2,30,7\n8,40,8\n"; }
  ~TraceKeys() override { std::filesystem::remove(folder_ / file_); }

  Scenario read(const std::string& keys) const {
    std::string text = replaced(kText, "{ process = \"poisson\", load = 0.7 }",
                                "{ process = \"trace\", file = \"" + file_ + "\", " + keys + " }");
    text = replaced(text, "prompt_tokens =", "#");
    text = replaced(text, "output_tokens = {", "#");
    return parse_scenario(text, "demo.toml", folder_.string(), {});
  }

 private:
  std::filesystem::path folder_ = testing::TempDir();
  std::string file_ = "tokenlift_named_" + std::to_string(getpid()) + ".csv";
};

const std::string kNamedColumns = R"(columns = { time = "at", prompt = "in", output = "out" })";

TEST_F(TraceKeys, EveryKeyIsReadAndWritten) {
  const Scenario scenario =
      read(kNamedColumns + R"(, sort = true, start = "500ms", resample = "2s", block_tokens = 64)");
  const Trace& trace = scenario.tenants[0].arrivals.trace.value();
  EXPECT_EQ(trace.columns, (TraceColumns{"at", "in", "out"}));
  EXPECT_TRUE(trace.sort);
  EXPECT_EQ(trace.start_ns, kS / 2);
  EXPECT_EQ(trace.resample_ns, 2 * kS);
  EXPECT_EQ(trace.block_tokens, 64);
  EXPECT_EQ(trace.summary.requests, 3);
  EXPECT_EQ(trace.summary.before_start, 1);
  EXPECT_EQ(parse(to_toml(scenario)), scenario);
}

TEST_F(TraceKeys, AWrongKeyIsAMistake) {
  const std::pair<std::string, const char*> cases[] = {
      {kNamedColumns, "earlier than the one before it"},
      {"sort = true", "doesn't begin with its header"},
      {R"(columns = { time = "at", prompt = "in" }, sort = true)", "lacks the key \"output\""},
      {R"(columns = { time = "at", prompt = "", output = "out" })", "must be the name of a column"},
      {R"(columns = { time = "At", prompt = "in", output = "out" })", "has no column \"At\""},
      {kNamedColumns + ", sort = true, block_tokens = 24", "not a multiple of 16"},
      {kNamedColumns + ", sort = true, block_tokens = 0", "too small"},
      {kNamedColumns + ", sort = true, start = \"8s\"", "no request is left"},
      {kNamedColumns + ", sort = true, resample = \"0s\"", "more than 0"},
      {kNamedColumns + ", sort = true, resample = \"5s\"", "1 whole blocks"},
      {kNamedColumns + ", sort = true, sample = 0.2", "no request is left"},
      {kNamedColumns + ", sort = 1", "true or false"},
  };
  for (const auto& [keys, message] : cases) {
    const std::vector<Mistake> mistakes = mistakes_of([&, &text = keys] { read(text); });
    ASSERT_EQ(mistakes.size(), 1U) << keys << "\n" << listed(mistakes);
    EXPECT_NE(mistakes[0].message.find(message), std::string::npos) << keys << "\n"
                                                                    << listed(mistakes);
  }
}

}  // namespace
}  // namespace tokenlift::trace_keys_test
