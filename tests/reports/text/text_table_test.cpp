#include "reports/text/text_table.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace tokenlift::text_table_test {
namespace {

std::vector<std::string> lines_in(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::size_t widest(const std::string& text) {
  std::size_t width = 0;
  for (const std::string& line : lines_in(text)) width = std::max(width, display_width(line));
  return width;
}

const Table kTable = {.title = {},
                      .left_columns = 1,
                      .head_rows = 1,
                      .rows = {{{""}, {"95 % interval"}, {"TTFT"}},
                               {{"generator lag of each request"}, {"12"}, {"7", "*"}},
                               {{"drain"}, {"1.2 to 1.4"}, {"1,000"}}},
                      .notes = {}};

TEST(TextTable, IsAsWideAsItNeedsWhereARowIsALine) {
  EXPECT_EQ(to_text(kTable, {false, 20}),
            "                               95 % interval   TTFT\n"
            "generator lag of each request             12      7*\n"
            "drain                             1.2 to 1.4  1,000\n");
}

TEST(TextTable, BreaksTheWidestCellsBetweenWordsOnANarrowTerminal) {
  EXPECT_EQ(to_text(kTable, {false, 40, 40}),
            "                   95 % interval   TTFT\n"
            "generator lag of              12      7*\n"
            "each request\n"
            "drain                 1.2 to 1.4  1,000\n");
}

TEST(TextTable, NoWordIsBrokenHoweverNarrowTheTerminal) {
  EXPECT_EQ(to_text(kTable, {false, 1, 1}),
            "              95 %  TTFT\n"
            "          interval\n"
            "generator       12     7*\n"
            "lag of\n"
            "each\n"
            "request\n"
            "drain       1.2 to 1,000\n"
            "               1.4\n");
}

TEST(TextTable, RangesAndAlternativesAreBrokenButNoRates) {
  const Table table = {.title = {},
                       .left_columns = 1,
                       .head_rows = 0,
                       .rows = {{{"tokens/s"}, {"after/before"}, {"92.0–150.0"}, {"–"}}},
                       .notes = {}};
  EXPECT_EQ(to_text(table, {false, 1, 1}),
            "tokens/s after/ 92.0– –\n"
            "         before 150.0\n");
}

RC_GTEST_PROP(TextTable, FitsWhereverItsLongestWordsDo, ()) {
  Table table;
  const std::size_t columns = *rc::gen::inRange<std::size_t>(1, 6);
  const std::size_t rows = *rc::gen::inRange<std::size_t>(1, 5);
  const auto words = rc::gen::elementOf(std::vector<std::string>{
      "", "a", "95 %", "interval of the mean", "1,234", "TTFT p99", "\xc3\xa4\xc3\xb6 \xc3\xbc"});
  for (std::size_t row = 0; row < rows; ++row) {
    std::vector<Cell>& cells = table.rows.emplace_back();
    for (std::size_t i = 0; i < columns; ++i) cells.push_back({*words});
  }
  const std::size_t longest = std::string("interval").size();
  const std::size_t room = *rc::gen::inRange<std::size_t>(columns * (longest + 2), 120);
  const std::string narrow = to_text(table, {false, 80, static_cast<int>(room)});
  RC_ASSERT(widest(narrow) <= room);
  // The same words, whatever lines they stand in.
  const auto sorted_words = [](const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> found;
    for (std::string word; in >> word;) found.push_back(word);
    std::ranges::sort(found);
    return found;
  };
  RC_ASSERT(sorted_words(narrow) == sorted_words(to_text(table, {false, 80})));
}

}  // namespace
}  // namespace tokenlift::text_table_test
