// How a comparison looks, as text and as a page.

#include "reports/page/comparison_page.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "reports/findings/comparison.hpp"
#include "reports/findings/comparison_tables.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/page_markdown.hpp"
#include "reports/formats/page_text.hpp"
#include "reports/text/html_text.hpp"
#include "tests/reports/findings/sample_comparisons.hpp"
#include "tests/reports/formats/golden_file.hpp"
#include "tests/reports/formats/occurrences.hpp"

namespace tokenlift::comparison_page_test {
namespace {

TEST(ComparisonPage, IsAsItWasRead) {
  expect_golden("comparison_text", to_text(comparison_page(worse_comparison(), false), {}));
  expect_golden("comparison_markdown", to_markdown(comparison_page(worse_comparison(), false)));
  expect_golden("comparison_text_suite",
                to_text(comparison_page(suite_comparison(), false), {false, 120}));
  expect_golden("comparison_markdown_suite",
                to_markdown(comparison_page(suite_comparison(), false)));
}

TEST(ComparisonPage, SaysInColourWhetherAnythingIsWorse) {
  const auto text = [](const Comparison& comparison) {
    return to_text(comparison_page(comparison, false), {true, 80});
  };
  EXPECT_TRUE(text(worse_comparison()).starts_with("\x1b[31mworse than the base\x1b[0m\n"));
  EXPECT_TRUE(text(hostile_comparison()).starts_with("\x1b[31mNOT VALID\x1b[0m as a comparison: "));
  EXPECT_TRUE(text(open_comparison()).starts_with("open: too few runs"));
}

TEST(ComparisonPage, HasEveryFigureAndTrustsNoText) {
  const Comparison comparison = worse_comparison();
  const std::string page = to_html(comparison_page(comparison, true));
  const CaseComparison& one = comparison.cases[0];
  for (const Table& table :
       {figures_table(comparison, one, true), explored_table(comparison, one, true)}) {
    for (const std::vector<Cell>& row : table.rows) {
      for (const Cell& cell : row) {
        EXPECT_NE(page.find(">" + escaped(cell.text) + "<"), std::string::npos) << cell.text;
      }
    }
  }
  const std::string hostile = to_html(comparison_page(hostile_comparison(), true));
  EXPECT_EQ(hostile.find("<img"), std::string::npos);
  EXPECT_EQ(hostile.find("<!--"), std::string::npos);
  EXPECT_EQ(occurrences(hostile, "<script"), 0U);
}

TEST(ComparisonPage, AThousandCasesFitIntoACommentAndItSaysWhatIsLeftOut) {
  Comparison comparison = suite_comparison();
  while (comparison.cases.size() < 1000) comparison.cases.push_back(comparison.cases[0]);
  const std::string text = to_markdown(comparison_page(comparison, true));
  EXPECT_LE(text.size(), kLongestMarkdown);
  EXPECT_NE(text.find("Left out, for want of room: "), std::string::npos);
}

}  // namespace
}  // namespace tokenlift::comparison_page_test
