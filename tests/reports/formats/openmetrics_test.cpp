#include "reports/formats/openmetrics.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/reports/findings/sample_reports.hpp"
#include "tests/reports/formats/golden_file.hpp"
#include "tests/reports/record/job_runs.hpp"
#include "tests/reports/record/wire_runs.hpp"

namespace tokenlift::openmetrics_test {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string word(const std::string& line, std::size_t index) {
  std::istringstream stream(line);
  std::string found;
  for (std::size_t i = 0; i <= index; ++i) stream >> found;
  return found;
}

TEST(OpenMetrics, OfALift) {
  expect_golden("openmetrics_lift", to_openmetrics(lift_report()));
}

TEST(OpenMetrics, NamesHoldNothingThatATerminalWouldActOn) {
  Report report = lift_report();
  report.trials[0].trial.label = "a\x1b[2J\rb\n\"c\\\u202e\u0085";
  const std::string text = to_openmetrics(report);
  EXPECT_TRUE(contains(text, R"(trial="a\\x1b[2J\\x0db\n\"c\\\\xe2\\x80\\xae\\xc2\\x85")"))
      << text.substr(0, 2000);
  EXPECT_EQ(controls_in(text), "");
}

TEST(OpenMetrics, HasPowerCostAndJobsWhereTheyAreStated) {
  const std::string text = to_openmetrics(make_report({make_trial("hall", {job_run()})}));
  for (const char* const line :
       {R"(tokenlift_usd_per_hour{trial="hall",phase="before"} 36)",
        R"(tokenlift_j_per_output_token{trial="hall",phase="before"} 5)",
        R"(tokenlift_tokens_per_second_per_mw{trial="hall",phase="before"} 200000)",
        R"(tokenlift_break_even_use_ratio{trial="hall",phase="before"} 0.75)",
        R"(tokenlift_paid_use_ratio{trial="hall",phase="before"} 0.)",
        R"(tokenlift_job_steps_per_hour{trial="hall",phase="after",job="training"} 7200)",
        R"(tokenlift_job_stalled_ratio{trial="hall",phase="before",job="training"} 0.5)"}) {
    EXPECT_TRUE(contains(text, line)) << line << "\n" << text;
  }
  const std::string without = to_openmetrics(lift_report());
  for (const char* const name : {"tokenlift_usd", "tokenlift_kwh", "tokenlift_job"}) {
    EXPECT_FALSE(contains(without, name)) << name;
  }
}

TEST(OpenMetrics, OfAnEndpointSaysWhatItRefusedAndBroke) {
  const std::string text = to_openmetrics(make_report({make_trial("endpoint", {endpoint_run()})}));
  for (
      const char* const line :
      {R"(tokenlift_refused_requests_total{trial="endpoint",phase="before",reason="denied"} 540)",
       R"(tokenlift_refused_requests_total{trial="endpoint",phase="after",reason="overloaded"} 11)",
       R"(tokenlift_failed_attempts_total{trial="endpoint",kind="cut"} 9)",
       R"(tokenlift_headers_seconds_count{trial="endpoint",phase="after"} 1080)"}) {
    EXPECT_TRUE(contains(text, line)) << line;
  }
  EXPECT_FALSE(contains(to_openmetrics(lift_report()), "tokenlift_refused"));
}

// The rules of the format that a scraper enforces: families apart, each described once, in a form
// that its type allows, its unit at the end of its name.
TEST(OpenMetrics, FamiliesAreContiguousAndNamedAfterTheirUnits) {
  std::set<std::string> families;
  std::set<std::string> samples;
  std::string family;
  std::string type;
  const std::vector<std::string> lines = lines_of(to_openmetrics(side_by_side_report()));
  for (const std::string& line : lines) {
    if (line == "# EOF") continue;
    if (line.starts_with("# TYPE ")) {
      family = word(line, 2);
      type = word(line, 3);
      EXPECT_TRUE(families.insert(family).second) << line;
    } else if (line.starts_with("# ")) {
      EXPECT_EQ(word(line, 2), family) << line;
      if (line.starts_with("# UNIT ")) {
        EXPECT_TRUE(family.ends_with("_" + word(line, 3))) << line;
      }
    } else {
      const std::string name = line.substr(0, line.find('{'));
      const std::string suffix = name.substr(family.size());
      EXPECT_TRUE(name.starts_with(family)) << line;
      const std::set<std::string> allowed = type == "counter" ? std::set<std::string>{"_total"}
                                            : type == "info"  ? std::set<std::string>{"_info"}
                                            : type == "summary"
                                                ? std::set<std::string>{"", "_count", "_sum"}
                                                : std::set<std::string>{""};
      EXPECT_EQ(allowed.count(suffix), 1U) << line;
      EXPECT_TRUE(samples.insert(line.substr(0, line.rfind("} "))).second) << line;
    }
  }
  EXPECT_EQ(lines.back(), "# EOF");
  EXPECT_GT(families.size(), 40U);
}

TEST(OpenMetrics, LabelsAreEscaped) {
  EXPECT_TRUE(
      contains(to_openmetrics(side_by_side_report()), "tenant=\"re|se\\\"arch`,<b>\\n@all\""));
}

TEST(OpenMetrics, WhatIsAbsentIsLeftOut) {
  const std::string text = to_openmetrics(lift_report());
  EXPECT_TRUE(
      contains(text, "tokenlift_ttft_seconds{trial=\"lift\",phase=\"before\",quantile=\"0.9\"}"));
  EXPECT_FALSE(
      contains(text, "tokenlift_ttft_seconds{trial=\"lift\",phase=\"before\",quantile=\"0.99\"}"));
  EXPECT_FALSE(contains(text, "tokenlift_waiter_release_lag_seconds"));
  EXPECT_FALSE(contains(text, "tokenlift_tenant_")) << "one tenant is the fleet";
  EXPECT_FALSE(contains(text, "nan"));
}

}  // namespace
}  // namespace tokenlift::openmetrics_test
