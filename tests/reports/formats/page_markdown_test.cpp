#include "reports/formats/page_markdown.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "reports/page/report_page.hpp"
#include "tests/reports/findings/sample_reports.hpp"
#include "tests/reports/formats/golden_file.hpp"

namespace tokenlift::page_markdown_test {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The bars of a line that are not escaped: what divides it into cells.
std::size_t bars(const std::string& line) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '|') {
      ++count;
    }
  }
  return count;
}

TEST(Markdown, OfALift) {
  expect_golden("markdown_lift", to_markdown(report_page(lift_report())));
}

TEST(Markdown, OfTrialsSideBySide) {
  expect_golden("markdown_side_by_side", to_markdown(report_page(side_by_side_report())));
}

TEST(Markdown, BeginsWithTheVerdictAndFoldsWhatIsLong) {
  const std::string text = to_markdown(report_page(lift_report()));
  EXPECT_TRUE(
      text.starts_with("**Lifting 'output limit' at 15.0 s was worth it: throughput "
                       "x1.50.**\n\nvalid: 3 of 4 checks passed"));
  const std::size_t fold = text.find("<details>");
  EXPECT_LT(text.find("**the change itself**"), fold);
  EXPECT_GT(text.find("limit 0.99"), fold) << "the checks are folded";
}

TEST(Markdown, WhatNamesHoldIsNoMarkup) {
  const std::string text = to_markdown(report_page(side_by_side_report()));
  EXPECT_TRUE(contains(text, "| re\\|se\"arch\\`,&lt;b&gt;\\\\x0a@<!-- -->all |"));
  EXPECT_FALSE(contains(text, "<b>"));
}

TEST(Markdown, NothingInNamesReachesATerminalAsAnEscapeSequence) {
  const std::string text = to_markdown(report_page(report_of_hostile_names()));
  EXPECT_EQ(controls_in(text), "");
  EXPECT_TRUE(contains(text, "CPU         Sample CPU @ 2.00GHz\\x1b[2J\\x0d, 2 cores\n"))
      << "in the code block";
  EXPECT_TRUE(contains(text, "\\\\x1b\\[2J"));
}

TEST(Markdown, WhatFailedIsAList) {
  Report report = lift_report();
  report.trials[0].validity = {"NOT VALID: 2 of 4 checks failed", "lag: 3", "load: 0.5 #7 @ 8"};
  EXPECT_TRUE(contains(to_markdown(report_page(report)),
                       "\n\nNOT VALID: 2 of 4 checks failed\n\n- lag: 3\n"
                       "- load: 0.5 #<!-- -->7 @ 8\n\n- Goodput"));
}

TEST(Markdown, ACommandCannotEndItsBlock) {
  Report report = lift_report();
  report.trials[0].trial.lifted.pooled.environment.command = {"tokenlift", "run", "a```b c'd"};
  EXPECT_TRUE(
      contains(to_markdown(report_page(report)), "````text\ntokenlift run 'a```b c'\\''d'\n"));
}

RC_GTEST_PROP(Markdown, EveryTableKeepsItsColumnsWhateverItsCellsHold, ()) {
  const auto cell = [] {
    return *rc::gen::container<std::string>(
        rc::gen::element('|', '\\', '`', '<', '\n', '\r', '*', 'a', ' ', '#', '@', '-', '\x1b'));
  };
  Table table;
  table.name = "fleet";
  table.head_rows = *rc::gen::inRange<std::size_t>(0, 3);
  for (int i = 0; i < 4; ++i) table.rows.push_back({{cell()}, {cell(), cell()}, {cell()}});
  Report report = lift_report();
  report.trials[0].tables = {table};
  std::istringstream lines(to_markdown(report_page(report)));
  std::size_t rows = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('|')) continue;
    RC_ASSERT(bars(line) == 4U);
    ++rows;
  }
  RC_ASSERT(rows == table.rows.size() - table.head_rows + 2);
}

}  // namespace
}  // namespace tokenlift::page_markdown_test
