#include "reports/formats/hgrm.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "reports/analysis/summary.hpp"
#include "tests/reports/findings/sample_reports.hpp"
#include "tests/reports/formats/golden_file.hpp"

namespace tokenlift::hgrm_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

struct Line {
  double value_ms = 0;
  double percentile = 0;
  std::uint64_t count = 0;
  std::string inverse;
};

/// What a plotter reads: lines of four words that are no comment and no heading.
std::vector<Line> lines_of(const std::string& text) {
  std::vector<Line> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.empty() || line[0] == '#' || line.find("Value") != std::string::npos) continue;
    std::istringstream words(line);
    Line read;
    std::string more;
    words >> read.value_ms >> read.percentile >> read.count >> read.inverse;
    EXPECT_TRUE(words) << line;
    EXPECT_FALSE(words >> more) << line;
    lines.push_back(read);
  }
  return lines;
}

std::int64_t ns_of(const Line& line) {
  return std::llround(line.value_ms * 1e6);
}

/// Spread over many powers of two, as latencies are.
Histogram random_histogram() {
  const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(
      rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 40), rc::gen::inRange<std::int64_t>(0, 1000)),
                   [](const std::pair<int, std::int64_t>& pair) {
                     return (std::int64_t{1} << pair.first) + pair.second;
                   })));
  const auto times = *rc::gen::inRange<std::uint64_t>(1, 3000);
  Histogram histogram;
  for (const std::int64_t value_ns : values) histogram.record(value_ns, times);
  return histogram;
}

TEST(Hgrm, OfALift) {
  expect_golden("hgrm_lift", to_hgrm(lift_report()));
}

TEST(Hgrm, AFileHoldsOneDistributionAndIsNamedAfterIt) {
  const std::vector<HgrmFile> files = hgrm_files(side_by_side_report());
  std::set<std::string> names;
  for (const HgrmFile& file : files) {
    EXPECT_TRUE(names.insert(file.name).second) << file.name;
    EXPECT_EQ(file.text.find("Value"), file.text.rfind("Value")) << file.name;
  }
  EXPECT_EQ(files[0].name, "1-lift/before.ttft.hgrm");
  EXPECT_EQ(names.count("2-two_tenants__controlled/after.itl.hgrm"), 1U);
  EXPECT_EQ(hgrm_files(lift_report())[0].name, "before.ttft.hgrm");
}

TEST(Hgrm, PhasesWhoseNamesLookAlikeHaveAFileEach) {
  Report report;
  RunValue run = lift_run();
  run.phases[0].name = "a b";
  run.phases[1].name = "a/b";
  run.phases[2].name = "a_b-2";
  report.trials = {sample_trial("lift", run)};
  std::set<std::string> names;
  for (const HgrmFile& file : hgrm_files(report)) {
    EXPECT_TRUE(names.insert(file.name).second) << file.name;
  }
  for (const char* name : {"a_b.ttft.hgrm", "a_b-2.ttft.hgrm", "a_b-2-2.ttft.hgrm"}) {
    EXPECT_EQ(names.count(name), 1U) << name;
  }
}

TEST(Hgrm, NothingInNamesReachesATerminalAsAnEscapeSequence) {
  const std::string text = to_hgrm(report_of_hostile_names());
  EXPECT_EQ(controls_in(text), "");
  EXPECT_NE(text.find("# steady\\x1b[2J\\x0d steady\\x1b[2J\\x0d ttft (ms)\n"), std::string::npos);
}

TEST(Hgrm, LeavesOutWhatHasNoSamples) {
  Report report;
  report.trials = {sample_trial("empty", empty_run())};
  EXPECT_TRUE(hgrm_files(report).empty());
  EXPECT_EQ(to_hgrm(report), "");
}

TEST(Hgrm, AConstantIsOneValueThroughout) {
  Histogram histogram;
  histogram.record(28 * kMsNs, 100);
  const std::string text = to_hgrm(histogram);
  for (const Line& line : lines_of(text)) EXPECT_EQ(line.value_ms, 28) << line.percentile;
  EXPECT_NE(text.find("#[Max     =    28.000000, Total count    =          100]"),
            std::string::npos);
}

RC_GTEST_PROP(Hgrm, ThePercentilesOfRunJsonStandOnTheirLines, ()) {
  RunValue run;
  const Histogram histogram = random_histogram();
  run.phases = {sample_span("steady", 0, 1, 0)};
  run.tenants = {{"users", {PhaseRecord{}}}};
  run.tenants[0].phases[0].of(Metric::ttft) = histogram;
  const LatencySummary summary = summarize_fleet(run)[0].of(Metric::ttft);
  const std::vector<Line> lines = lines_of(to_hgrm(histogram));
  for (const int permille : kPermilles) {
    const std::optional<std::int64_t> given_ns = summary.at(permille);
    if (!given_ns) continue;
    std::size_t found = 0;
    for (const Line& line : lines) {
      if (line.percentile != permille / 1000.0) continue;
      ++found;
      RC_ASSERT(ns_of(line) == *given_ns);
    }
    RC_ASSERT(found == 1U);
  }
  RC_ASSERT(ns_of(lines.back()) == *summary.max_ns);
}

RC_GTEST_PROP(Hgrm, LinesAscendAndEndAtTheLargestOfAll, ()) {
  const Histogram histogram = random_histogram();
  const std::vector<Line> lines = lines_of(to_hgrm(histogram));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    RC_ASSERT(lines[i - 1].percentile < lines[i].percentile);
    RC_ASSERT(lines[i - 1].value_ms <= lines[i].value_ms);
    RC_ASSERT(lines[i - 1].count <= lines[i].count);
  }
  for (const Line& line : lines) {
    // So many samples at or below the value are at least the share that the line claims.
    RC_ASSERT(static_cast<double>(line.count) + 1e-6 >=
              line.percentile * static_cast<double>(histogram.count()));
  }
  RC_ASSERT(lines.back().percentile == 1.0);
  RC_ASSERT(lines.back().count == histogram.count());
  RC_ASSERT(lines.back().inverse == "inf");
}

}  // namespace
}  // namespace tokenlift::hgrm_test
