#include "reports/formats/page_text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "reports/page/report_page.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/visible.hpp"
#include "tests/reports/findings/sample_reports.hpp"
#include "tests/reports/formats/golden_file.hpp"
#include "tests/reports/record/fleet_runs.hpp"
#include "tests/reports/record/wire_runs.hpp"

namespace tokenlift::page_text_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

constexpr TextStyle kPlain80{false, 80};
constexpr TextStyle kPlain120{false, 120};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Without the colours: ESC [ digits m.
std::string uncolored(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = text.find('m', i);
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Every run of spaces as one: what a row says, however it is aligned.
std::string squeezed(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' || !out.ends_with(' ')) out += c;
  }
  return out;
}

/// The report of one run.
std::string text_of(const RunValue& run, const TextStyle& style) {
  return to_text(report_page(make_report({make_trial(run.scenario_name, {run})})), style);
}

TEST(Text, OfALiftedRun) {
  expect_golden("text_lift_80", text_of(lift_run(), kPlain80));
  expect_golden("text_lift_120", text_of(lift_run(), kPlain120));
}

TEST(Text, OfASteadyRun) {
  expect_golden("text_steady", text_of(steady_run(), kPlain80));
}

TEST(Text, OfAnInvalidInterruptedRun) {
  expect_golden("text_invalid", text_of(invalid_run(), kPlain80));
}

TEST(Text, OfARunWithoutRequests) {
  expect_golden("text_empty", text_of(empty_run(), kPlain80));
}

TEST(Text, OfTwoTenantsPooled) {
  expect_golden("text_two_tenants", text_of(two_tenant_run(), kPlain80));
}

TEST(Text, OfARunWithRetries) {
  expect_golden("text_retries_80", text_of(retry_run(), kPlain80));
  expect_golden("text_retries_120", text_of(retry_run(), kPlain120));
}

TEST(Text, OfAThrottleInShadowMode) {
  expect_golden("text_shadow", text_of(shadow_run(), kPlain80));
}

TEST(Text, OfAFleetThatChanges) {
  expect_golden("text_join_80", text_of(join_run(), kPlain80));
  expect_golden("text_leave_80", text_of(leave_run(), kPlain80));
  expect_golden("text_failure_80", text_of(failure_run(), kPlain80));
}

TEST(Text, OfAnEndpoint) {
  expect_golden("text_endpoint_80", text_of(endpoint_run(), kPlain80));
  for (const std::string& line : lines_of(text_of(endpoint_run(), kPlain80))) {
    EXPECT_LE(display_width(line), 80U) << line;
  }
}

TEST(Text, OfAReport) {
  expect_golden("text_report_80", to_text(report_page(lift_report()), kPlain80));
}

TEST(Text, OfTrialsSideBySide) {
  expect_golden("text_side_by_side_120", to_text(report_page(side_by_side_report()), kPlain120));
}

TEST(Text, AReportSaysFirstWhetherItsTrialIsAMeasurement) {
  EXPECT_TRUE(to_text(report_page(lift_report()), kPlain80).starts_with("valid: "));
  Report report = lift_report();
  report.trials[0].validity = {"NOT VALID as a measurement: 1 of 4 checks failed",
                               "delivered load: 0.5"};
  report.trials[0].trial.lifted.pooled.checks[0].passed = false;
  EXPECT_TRUE(to_text(report_page(report), {true, 80})
                  .starts_with("\x1b[31mNOT VALID\x1b[0m as a measurement: 1 of 4 checks failed\n"
                               "delivered load: 0.5\n"));
}

TEST(Text, TheColourOfAReportRepeatsWhatItsWordsSay) {
  for (const Report& report : {lift_report(), side_by_side_report()}) {
    const std::string colored = to_text(report_page(report), {true, 80});
    EXPECT_NE(colored, to_text(report_page(report), kPlain80));
    EXPECT_EQ(uncolored(colored), to_text(report_page(report), kPlain80));
  }
}

TEST(Text, FitsEightyColumnsAndLeavesNoTrailingSpaces) {
  for (const RunValue& run : sample_runs()) {
    for (const std::string& line : lines_of(text_of(run, kPlain80))) {
      EXPECT_LE(display_width(line), 80U) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
    }
  }
}

TEST(Text, ColourRepeatsWhatWordsSay) {
  for (const RunValue& run : sample_runs()) {
    const std::string plain = text_of(run, kPlain80);
    const std::string colored = text_of(run, {true, 80});
    EXPECT_FALSE(contains(plain, "\x1b"));
    EXPECT_NE(colored, plain);
    EXPECT_EQ(uncolored(colored), plain);
  }
}

TEST(Text, GivesTheDifferenceWhereTheBaseIsZero) {
  RunValue run = lift_run();
  run.tenants[0].phases[0].goodput_tokens = 0;
  run.tenants[0].phases[0].slo_met = 0;
  const std::string text = squeezed(text_of(run, kPlain120));
  EXPECT_TRUE(contains(text, "0 -> 2,969 tokens/s"));
  EXPECT_TRUE(contains(text, "\ngoodput tokens/s 0 2,143 2,969 +2,969\n"));
  EXPECT_TRUE(contains(text, "\nattainment % 0 85.7 99.0 +99.0\n"));
}

TEST(Text, ShowsAttemptsOnlyWhereRequestsCameBack) {
  RunValue run = lift_run();
  EXPECT_FALSE(contains(text_of(run, kPlain80), "\nattempts "));
  run.tenants[0].phases[2].attempts = 1081;
  EXPECT_TRUE(
      contains(squeezed(text_of(run, kPlain80)), "\nattempts per request 1.00 1.00 1.00 x1.00\n"));
}

TEST(Text, ShowsThrottlesWhereThereAreSeveralOrOneRefusedOrIsInShadow) {
  const auto shows = [](const RunValue& run) {
    return contains(text_of(run, kPlain80), "\nattempts at  ");
  };
  RunValue run = lift_run();
  EXPECT_FALSE(shows(run));
  run.throttles[0].phases[2].rejected = 1;
  EXPECT_TRUE(shows(run));
  run = lift_run();
  run.throttles[0].mode = "shadow";
  EXPECT_TRUE(shows(run));
  run = lift_run();
  run.throttles.push_back(run.throttles[0]);
  EXPECT_TRUE(shows(run));
  run.throttles.clear();
  EXPECT_FALSE(shows(run));
}

TEST(Text, AMeasuredCapacityHasItsError) {
  RunValue run = lift_run();
  const auto shown = [&] { return text_of(run, kPlain80); };
  EXPECT_TRUE(contains(shown(), "capacity 3,500 tokens/s, measured"));
  run.capacity_error_tokens_per_s = 31.24;
  EXPECT_TRUE(contains(shown(), "capacity 3,500 ± 31 tokens/s, measured"));
}

TEST(Figure, HasItsStandardErrorInTwoDigits) {
  EXPECT_EQ(figure_with_error(448.4, 6.21), "448 ± 6.2");
  EXPECT_EQ(figure_with_error(3423, 99.4), "3,423 ± 99");
  EXPECT_EQ(figure_with_error(34230, 99.5), "34,230 ± 100");
  EXPECT_EQ(figure_with_error(12345678, 1234), "12,345,678 ± 1,234");
  EXPECT_EQ(figure_with_error(5, 0), "5.00 ± 0");
}

TEST(Text, NothingInNamesReachesATerminalAsAnEscapeSequence) {
  const std::string text = to_text(report_page(report_of_hostile_names()), kPlain80);
  EXPECT_EQ(controls_in(text), "");
  for (const char* name : {"lift", "steady", "users", "output limit", "2.00GHz", "conservation"}) {
    EXPECT_TRUE(contains(text, std::string(name) + "\\x1b[2J")) << name;
  }
  EXPECT_EQ(uncolored(to_text(report_page(report_of_hostile_names()), {true, 80})), text);
}

TEST(Visible, SpellsOutControlCharactersAndWhatIsNoUtf8) {
  EXPECT_EQ(visible("\x1b[31mred\x1b[0m"), "\\x1b[31mred\\x1b[0m");
  EXPECT_EQ(visible(std::string("a\0b\tc\nd\x7f", 8)), "a\\x00b\\x09c\\x0ad\\x7f");
  EXPECT_EQ(visible("\xc2\x9b"
                    "2J"),
            "\\xc2\\x9b2J")
      << "C1: some terminals take it for ESC [";
  EXPECT_EQ(visible("\x9b"
                    "2J"),
            "\\x9b2J");
  EXPECT_EQ(visible("\xe0\x82\x9b"), "\\xe0\\x82\\x9b") << "the same, in a longer form";
  EXPECT_EQ(visible("\xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82"),
            "\\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xe2\\x82");
}

TEST(Visible, LeavesWhatCanBeReadAsItIs) {
  for (const char* text :
       {"", "users", "\\x1b", "µs – ² é \xc2\xa0 \xf0\x9f\x98\x80 \xef\xbf\xbf"}) {
    EXPECT_EQ(visible(text), text);
  }
}

RC_GTEST_PROP(Visible, OfAnythingHasNoControlCharacterAndStaysAsItIs, ()) {
  const auto text = *rc::gen::arbitrary<std::string>();
  const std::string shown = visible(text);
  for (const char c : shown) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  RC_ASSERT(visible(shown) == shown);
}

TEST(Figure, HasThreeDigitsOrIsWhole) {
  EXPECT_EQ(figure(0), "0");
  EXPECT_EQ(figure(0.00012345), "0.000123");
  EXPECT_EQ(figure(0.5), "0.500");
  EXPECT_EQ(figure(0.99949), "0.999");
  EXPECT_EQ(figure(0.9996), "1.00");
  EXPECT_EQ(figure(9.994), "9.99");
  EXPECT_EQ(figure(9.996), "10.0");
  EXPECT_EQ(figure(99.94), "99.9");
  EXPECT_EQ(figure(99.96), "100");
  EXPECT_EQ(figure(1234.5), "1,235");
  EXPECT_EQ(figure(-12.34), "-12.3");
  EXPECT_EQ(figure(1e-9), "1e-09");
  EXPECT_EQ(figure(1e20), "1e+20");
}

TEST(Figure, NeverLooksLikeABoundThatItIsNot) {
  EXPECT_EQ(figure_beside(10.04, 10), "10.04");
  EXPECT_EQ(figure_beside(9.9996, 10), "9.9996");
  EXPECT_EQ(figure_beside(10, 10), "10.0");
  EXPECT_EQ(figure_beside(612.4, 500), "612");
  EXPECT_EQ(figure_beside(1234.4, 1234), "1234.4");
  EXPECT_EQ(figure_beside(12'345, 12'344), "12,345");
  EXPECT_EQ(figure_beside(0.98996, 0.99), "0.98996");
}

TEST(Figure, SeparatesThousands) {
  EXPECT_EQ(whole_figure(0), "0");
  EXPECT_EQ(whole_figure(999), "999");
  EXPECT_EQ(whole_figure(1000), "1,000");
  EXPECT_EQ(whole_figure(UINT64_MAX), "18,446,744,073,709,551,615");
}

RC_GTEST_PROP(Figure, IsWithinHalfAPercentOfTheValue, ()) {
  const double exponent = *rc::gen::inRange(-12'000, 20'000) / 1000.0;
  const double value = std::pow(10.0, exponent);
  std::string digits = figure(value);
  std::erase(digits, ',');
  RC_ASSERT(std::abs(std::stod(digits) - value) <= 0.00501 * value);
}

TEST(Figure, OfAChangeIsTheRatioOrTheDifferenceToZero) {
  EXPECT_EQ(change_figure(4, 10), "x2.50");
  EXPECT_EQ(change_figure(10, 4), "x0.400");
  EXPECT_EQ(change_figure(4, 0), "x0");
  EXPECT_EQ(change_figure(0, 4), "+4.00");
  EXPECT_EQ(change_figure(0, -4), "-4.00");
  EXPECT_EQ(change_figure(0, 0), "+0");
  EXPECT_EQ(change_figure(4, 400), "x100");
  EXPECT_EQ(change_figure(3.99, 400), "+396") << "a base near 0 has no ratio that says anything";
  EXPECT_EQ(change_figure(400, 3.99), "x0.00998");
}

TEST(Figure, OfDurationsSideBySideHasOneUnitThatSuitsThemAll) {
  const auto unit = [](const std::vector<double>& durations_ns) {
    return std::string(duration_unit(durations_ns).name);
  };
  EXPECT_EQ(unit({2.1e9, 0.5e9}), "s");
  EXPECT_EQ(unit({2.1e9, 0.06e9}), "ms");  // 0.06 s would read badly
  EXPECT_EQ(unit({200e9, 0.06e9}), "s");   // and so would 200,000 ms
  EXPECT_EQ(unit({2.1e9, 0}), "s");        // nothing is 0 in every unit
  EXPECT_EQ(unit({999.0}), "ns");
  EXPECT_EQ(unit({1000.0}), "µs");
  EXPECT_EQ(unit({0.0}), "ms");
  EXPECT_EQ(unit({}), "ms");
  EXPECT_EQ(duration_figure(28e6), "28.0 ms");
}

TEST(TextTable, AlignsByWhatIsSeenAndKeepsMarksOutside) {
  Table table;
  table.rows.push_back({{"µs"}, {"1.5", "*"}, {"x"}});
  table.rows.push_back({{"long"}, {"–"}, {"yyy"}});
  EXPECT_EQ(to_text(table, kPlain80, 1),
            " µs    1.5*    x\n"
            " long    –   yyy\n");
}

TEST(TextTable, PutsTheTitleFirstAndItsRowsAndNotesUnderIt) {
  Table table;
  table.title = "law";
  table.head_rows = 1;
  table.rows = {{{"of"}, {"costs"}}, {{"step"}, {"7"}}};
  table.notes = {"* one two three four five"};
  EXPECT_EQ(to_text(table, {false, 20}),
            "law\n  of    costs\n  step      7\n  * one two three\n    four five\n");
  EXPECT_EQ(to_text(table, {true, 20}),
            "\x1b[1mlaw\x1b[0m\n  \x1b[1mof\x1b[0m    \x1b[1mcosts\x1b[0m\n  step      7\n"
            "  * one two three\n    four five\n");
}

TEST(TextTable, WrapsAtSpacesAndKeepsLongWordsWhole) {
  EXPECT_EQ(wrapped("one two three", 7, 2), "one two\n  three\n");
  EXPECT_EQ(wrapped("  one two", 7, 4), "  one\n    two\n");
  EXPECT_EQ(wrapped("unbreakable", 4, 2), "unbreakable\n");
  EXPECT_EQ(wrapped("µµ µµ", 5, 0), "µµ µµ\n");
  EXPECT_EQ(wrapped("", 10, 2), "\n");
}

RC_GTEST_PROP(TextTable, WrappingKeepsEveryWordAndTheWidth, ()) {
  const auto words = *rc::gen::container<std::vector<std::string>>(rc::gen::map(
      rc::gen::inRange(1, 9), [](int n) { return std::string(static_cast<std::size_t>(n), 'w'); }));
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  std::istringstream stream(wrapped(text, 20, 4));
  std::vector<std::string> found;
  for (std::string word; stream >> word;) found.push_back(word);
  RC_ASSERT(found == words);
  for (const std::string& line : lines_of(wrapped(text, 20, 4))) RC_ASSERT(line.size() <= 20U);
}

}  // namespace
}  // namespace tokenlift::page_text_test
