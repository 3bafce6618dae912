#include "reports/formats/page_html.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "reports/analysis/percentile_curve.hpp"
#include "reports/analysis/series_groups.hpp"
#include "reports/charts/charts.hpp"
#include "reports/charts/heatmap.hpp"
#include "reports/json/json_charts.hpp"
#include "reports/page/report_page.hpp"
#include "reports/text/html_text.hpp"
#include "tests/reports/formats/occurrences.hpp"
#include "tests/reports/record/rich_runs.hpp"

namespace tokenlift::page_html_test {
namespace {

Report rich_report() {
  return make_report({make_trial("rich", rich_repetitions({}, 3))});
}

Report side_by_side() {
  return make_report({make_trial("one </script>", rich_repetitions({}, 2)),
                      make_trial("two", {rich_run({60, 60, 11, false, 0.8})})});
}

// What turns the direction of text would make a name read as another.
TEST(Html, ControlsAreReplaced) {
  const std::string gone = "\xEF\xBF\xBD";
  for (const char* const control : {"\x1b", "\r", "\x7f", "\xc2\x9b", "\xd8\x9c", "\xe2\x80\x8f",
                                    "\xe2\x80\xae", "\xe2\x80\xa8", "\xe2\x81\xa6"}) {
    EXPECT_EQ(escaped(std::string("a") + control + "<"), "a" + gone + "&lt;");
  }
  EXPECT_EQ(escaped("a\n\té\xe2\x80\x94"), "a\n\té\xe2\x80\x94");
  EXPECT_EQ(escaped("\xff\xe2\x80"), gone + gone + gone);
}

TEST(Html, EveryTextOfARunIsEscaped) {
  Report report = rich_report();
  const std::string evil = "<img src=x onerror=alert(1)>\"'&</script><!--";
  TrialReport& trial = report.trials[0];
  tokenlift::Run& run = trial.trial.lifted.pooled;
  run.scenario_name = run.engine = run.capacity_source = evil;
  run.environment = {evil, evil, evil, evil, 2, 1, evil, evil, evil, {evil}};
  for (TenantRecord& tenant : run.tenants) tenant.name += evil;
  for (ThrottleRecord& throttle : run.throttles) throttle.name = throttle.unit = evil;
  for (PhaseSpan& phase : run.phases) phase.name = evil;
  run.lift->throttle = evil;
  trial.trial.label = trial.verdict = evil;
  trial.validity = {evil, evil};
  trial.remarks = {evil};
  trial.tables = {{evil, 1, 1, {{{evil, evil}}, {{evil}, {evil}}}, {evil}}};
  for (const std::string& page :
       {to_html(report_page(report)), to_html(report_page(side_by_side()))}) {
    EXPECT_EQ(page.find("<img"), std::string::npos);
    EXPECT_EQ(page.find("<!--"), std::string::npos);
    // The page's own scripts: data, Chart.js, page.js.
    EXPECT_EQ(occurrences(page, "<script"), 3U);
    EXPECT_EQ(occurrences(page, "</script"), 3U);
  }
}

RC_GTEST_PROP(Html, EscapedTextHoldsNoMarkupAndKeepsItsLetters, (const std::string& text)) {
  const std::string safe = escaped(text);
  for (const char c : {'<', '>', '"', '\''}) RC_ASSERT(safe.find(c) == std::string::npos);
  const auto letters = [](const std::string& of) {
    return std::count_if(of.begin(), of.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  };
  RC_ASSERT(letters(safe) == letters(text));
}

TEST(Html, WhatIsNotUtf8BecomesAReplacementCharacter) {
  EXPECT_EQ(escaped("µ–€😀"), "µ–€😀");
  EXPECT_EQ(escaped("a\xC3"), "a\xEF\xBF\xBD");
  EXPECT_EQ(escaped("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(escaped("\xED\xA0\x80").substr(0, 3), "\xEF\xBF\xBD");
  EXPECT_EQ(escaped(std::string("a\0b\x1B", 4)),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
  EXPECT_EQ(escaped("a\n\tb"), "a\n\tb");
}

TEST(Html, ThePageFetchesNothing) {
  const std::string page = to_html(report_page(rich_report()));
  EXPECT_NE(page.find("default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                      "img-src data:"),
            std::string::npos);
  for (const char* fetching :
       {"<link", "<img", "<iframe", "@import", "url(", " src=", "//# source"}) {
    EXPECT_EQ(page.find(fetching), std::string::npos) << fetching;
  }
}

TEST(Html, ThePageStaysUnderAMegabyteHoweverLongTheRun) {
  RichOptions options;
  options.bins = 3600;
  options.slices = 120;
  const std::string page =
      to_html(report_page(make_report({make_trial("long", rich_repetitions(options, 2))})));
  EXPECT_LT(page.size(), 1'000'000U);
}

TEST(Html, EveryFigureOfEveryTableIsThere) {
  const Report report = rich_report();
  const std::string page = to_html(report_page(report));
  std::size_t cells = 0;
  const auto expect_table = [&](const Table& table) {
    for (const std::vector<Cell>& row : table.rows) {
      for (const Cell& cell : row) {
        EXPECT_NE(page.find(">" + escaped(cell.text) + "<"), std::string::npos) << cell.text;
        ++cells;
      }
    }
    for (const std::string& note : table.notes) {
      EXPECT_NE(page.find(prose_html(note)), std::string::npos) << note;
    }
  };
  for (const Table& table : report.trials[0].tables) expect_table(table);
  for (const Chart& chart : charts_of(report)) {
    for (const Table& table : chart.numbers) expect_table(table);
  }
  EXPECT_GT(cells, 1000U);
}

TEST(Html, NothingIsBetterOrWorseInWhatIsNotValid) {
  std::vector<tokenlift::Run> runs = rich_repetitions({}, 3);
  const auto coloured = [&] {
    const std::string page = to_html(report_page(make_report({make_trial("some", runs)})));
    return occurrences(page, "<span class=\"change good\">") +
           occurrences(page, "<span class=\"change bad\">");
  };
  EXPECT_GT(coloured(), 0U);
  runs[0].checks[0].passed = false;
  EXPECT_EQ(coloured(), 0U);
}

TEST(Html, VerdictAndValidityComeBeforeTheChartsAndTheScenarioLast) {
  tokenlift::Run failed = rich_run({});
  failed.checks[0].passed = false;
  failed.checks[0].advice = "Stop what else runs.";
  const std::string page = to_html(report_page(make_report({make_trial("failed", {failed})})));
  const std::vector<std::string> parts = {"class=\"validity fail\" role=\"alert\"",
                                          "Stop what else runs.",
                                          "class=\"verdict\"",
                                          "id=\"throughput\"",
                                          "id=\"latency\"",
                                          "<svg class=\"heatmap\"",
                                          "id=\"backlog-and-limits\"",
                                          "id=\"where-the-time-goes\"",
                                          "id=\"tenants\"",
                                          "id=\"tables\"",
                                          "id=\"how-it-was-made\"",
                                          "The scenario as resolved",
                                          "id=\"chart-data\""};
  std::size_t at = 0;
  for (const std::string& part : parts) {
    const auto found = page.find(part, at);
    ASSERT_NE(found, std::string::npos) << part;
    at = found;
  }
}

TEST(Html, SeveralTrialsHaveTheOverviewFirstAndOneLegend) {
  const std::string page = to_html(report_page(side_by_side()));
  const auto overview = page.find("<caption");
  ASSERT_NE(overview, std::string::npos);
  EXPECT_LT(overview, page.find("class=\"verdict\""));
  EXPECT_EQ(occurrences(page, "data-trials="), 1U);
}

TEST(Html, ARunWithoutRequestsHasAPageToo) {
  const std::string page = to_html(report_page(make_report({make_trial("empty", {empty_run()})})));
  EXPECT_EQ(page.find("<svg class=\"heatmap\""), std::string::npos);
  EXPECT_EQ(page.find("<canvas"), std::string::npos);
  EXPECT_NE(page.find("id=\"tables\""), std::string::npos);
  for (const tokenlift::Run& run : sample_runs()) {
    EXPECT_NE(to_html(report_page(make_report({make_trial("sample", {run})}))).find("</html>"),
              std::string::npos);
  }
}

TEST(Charts, EachHasAnIdOfItsOwnATitleUnitsAndItsNumbers) {
  for (const Report& report : {rich_report(), side_by_side()}) {
    std::vector<std::string> ids;
    for (const Chart& chart : charts_of(report)) {
      ids.push_back(chart.id);
      EXPECT_FALSE(chart.title.empty() || chart.explanation.empty() || chart.y.label.empty())
          << chart.id;
      EXPECT_FALSE(chart.lines.empty()) << chart.id;
      for (const Line& line : chart.lines) {
        EXPECT_FALSE(line.label.empty()) << chart.id;
        EXPECT_LE(line.y.size(), kMostPoints + 2) << chart.id;
        EXPECT_EQ(line.y.size(), chart.categories.empty() ? line.x.size() : chart.categories.size())
            << chart.id;
        EXPECT_TRUE(std::is_sorted(line.x.begin(), line.x.end())) << chart.id;
      }
      for (const Table& table : chart.numbers) EXPECT_LE(table.rows.size(), kMostRows + 1);
    }
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
  }
}

TEST(Charts, TheControlIsDashedAndTheLiftMarked) {
  const Report report = rich_report();
  const std::vector<Chart> charts = charts_of(report);
  for (const char* id : {"rates", "ttft"}) {
    const auto chart = std::find_if(charts.begin(), charts.end(),
                                    [&](const Chart& each) { return each.id == id; });
    ASSERT_NE(chart, charts.end()) << id;
    std::size_t dashed = 0;
    for (const Line& line : chart->lines) {
      const bool control = line.label.find("without the lift") != std::string::npos;
      EXPECT_EQ(control, line.stroke == Stroke::dashed) << line.label;
      dashed += control ? 1 : 0;
    }
    EXPECT_EQ(dashed, 2U);
    ASSERT_EQ(chart->marks.size(), 1U);
    EXPECT_NEAR(chart->marks[0].x, 30, 0.001);
    EXPECT_EQ(chart->shades.size(), 3U);
  }
}

TEST(Charts, WhereALimitIsLiftedItsLineEndsAndSaysSo) {
  const std::vector<Chart> charts = charts_of(rich_report());
  const auto backlog = std::find_if(charts.begin(), charts.end(),
                                    [](const Chart& each) { return each.id == "backlog"; });
  ASSERT_NE(backlog, charts.end());
  const auto limit = std::find_if(backlog->lines.begin(), backlog->lines.end(),
                                  [](const Line& line) { return line.stepped; });
  ASSERT_NE(limit, backlog->lines.end());
  EXPECT_TRUE(limit->right_axis);
  ASSERT_EQ(limit->y.size(), 3U);
  EXPECT_EQ(limit->y[0], 2000.0);
  EXPECT_EQ(limit->y[1], 2000.0);
  EXPECT_FALSE(limit->y[2]);
  ASSERT_EQ(backlog->gaps.size(), 1U);
  EXPECT_EQ(backlog->gaps[0].label, "no limit");
}

TEST(Charts, AGapInALimitIsThereHoweverOftenTheLimitChanges) {
  auto run = rich_run({60, 60, 11, false, 0.8});
  ASSERT_TRUE(run.lift);
  ThrottleRecord& throttle = run.throttles.front();
  ASSERT_EQ(throttle.name, run.lift->throttle);
  throttle.limits.clear();
  for (std::int64_t i = 0; i < 5000; ++i) {
    throttle.limits.push_back({i * 10'000'000, 100.0 + static_cast<double>(i % 7)});
  }
  throttle.limits[1001].limit = std::nullopt;  // falls between what is drawn of so many
  const std::vector<Chart> charts = charts_of(make_report({make_trial("one", {run})}));
  const auto backlog = std::find_if(charts.begin(), charts.end(),
                                    [](const Chart& each) { return each.id == "backlog"; });
  ASSERT_NE(backlog, charts.end());
  ASSERT_EQ(backlog->gaps.size(), 1U);
  EXPECT_NEAR(backlog->gaps[0].x, 10.01, 1e-9);
  const auto limit = std::find_if(backlog->lines.begin(), backlog->lines.end(),
                                  [](const Line& line) { return line.stepped; });
  ASSERT_NE(limit, backlog->lines.end());
  EXPECT_LT(limit->y.size(), 700U);
  const auto gap = std::find(limit->y.begin(), limit->y.end(), std::nullopt);
  ASSERT_NE(gap, limit->y.end());
  // The limit before the gap is the one that held last, and it is back at once.
  EXPECT_EQ(*std::prev(gap), 100.0 + 1000 % 7);
  EXPECT_EQ(*std::next(gap), 100.0 + 1002 % 7);
  EXPECT_NEAR(limit->x[static_cast<std::size_t>(gap - limit->y.begin()) + 1], 10.02, 1e-9);
  const Table& table = backlog->numbers.back();
  EXPECT_EQ(std::count_if(table.rows.begin(), table.rows.end(),
                          [](const auto& row) { return row.back().text == "none"; }),
            1);
  ASSERT_EQ(table.notes.size(), 1U);
  EXPECT_NE(table.notes[0].find(" of 5000 changes"), std::string::npos) << table.notes[0];
}

TEST(Charts, ThereIsNoBacklogWhereNothingCanWait) {
  const auto has_backlog = [](const auto& run) {
    const std::vector<Chart> charts = charts_of(make_report({make_trial("", {run})}));
    return std::ranges::find(charts, std::string("backlog"), &Chart::id) != charts.end();
  };
  auto run = rich_run({60, 60, 11, false, 0.8});
  run.lift.reset();
  run.throttles.clear();
  EXPECT_TRUE(has_backlog(run));  // something waited all the same
  for (Column& column : run.series.columns) {
    if (column.name == "backlog_tokens") std::ranges::fill(column.values, 0);
  }
  EXPECT_FALSE(has_backlog(run));
  run.throttles = rich_run({60, 60, 11, false, 0.8}).throttles;
  EXPECT_TRUE(has_backlog(run));
}

TEST(Charts, SlicesWithUndecidedRequestsAreMarked) {
  const std::vector<Chart> charts = charts_of(rich_report());
  const auto ttft = std::find_if(charts.begin(), charts.end(),
                                 [](const Chart& each) { return each.id == "ttft"; });
  ASSERT_NE(ttft, charts.end());
  for (const Line& line : ttft->lines) {
    // Only controls hold some, in their last two seconds.
    EXPECT_EQ(line.marked.empty(), line.stroke != Stroke::dashed) << line.label;
    for (const std::size_t i : line.marked) EXPECT_GT(line.x.at(i), 55);
  }
}

TEST(ChartData, EndsNoScriptElement) {
  Chart chart;
  chart.id = "x";
  chart.lines.push_back({});
  chart.lines[0].label = "</script><!--\xFF";
  const std::string data = chart_data({chart});
  EXPECT_EQ(data.find('<'), std::string::npos);
  EXPECT_NE(data.find("\\u003c/script>"), std::string::npos);
}

TEST(ChartData, WritesEvenInstantsAsFirstAndStep) {
  Chart chart;
  chart.lines.push_back({});
  chart.lines[0].x = {0.5, 1.5, 2.5};
  chart.lines[0].y = {1234.567, std::nullopt, NAN};
  EXPECT_NE(chart_data({chart}).find(R"("even":[0.5,1.0],"y":[1235.0,null,null])"),
            std::string::npos)
      << chart_data({chart});
}

RC_GTEST_PROP(SeriesGroups, NothingIsLostHoweverBinsAreTakenTogether, ()) {
  tokenlift::Run run;
  const auto bins = *rc::gen::inRange<std::size_t>(1, 400);
  const auto values =
      *rc::gen::container<std::vector<std::int64_t>>(bins, rc::gen::inRange<std::int64_t>(0, 1000));
  run.series.bin_ns = *rc::gen::element<std::int64_t>(1'000'000, 50'000'000, kSecondNs);
  run.series.columns = {{"tokens", values}};
  const auto most = *rc::gen::inRange<std::size_t>(1, 100);
  const Groups groups = groups_of(run, most);
  RC_ASSERT(groups.size() >= 1U);
  RC_ASSERT(groups.size() <= most);
  const std::vector<double> found = *rates(run, "tokens", groups);
  double sum = 0;
  std::int64_t all = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) sum += found[i] * groups.length_s(i);
  for (const std::int64_t value : values) all += value;
  RC_ASSERT(std::abs(sum - static_cast<double>(all)) <= 1e-6 * static_cast<double>(all + 1));
  const std::vector<double> highest = *peaks(run, "tokens", groups);
  RC_ASSERT(*std::max_element(highest.begin(), highest.end()) ==
            static_cast<double>(*std::max_element(values.begin(), values.end())));
}

TEST(SeriesGroups, EndWithTheLastPhase) {
  tokenlift::Run run = rich_run({});
  run.phases.back().end_ns = 45 * kSecondNs;
  EXPECT_DOUBLE_EQ(groups_of(run, 1000).begin_s(449), 44.9);
  EXPECT_EQ(groups_of(run, 1000).size(), 450U);
  EXPECT_FALSE(rates(run, "no such column", groups_of(run, 10)));
}

TEST(PercentileCurve, AgreesWithTheSummaryAndEndsWhereTheSampleDoes) {
  const Trial trial = make_trial("one", {rich_run({})});
  const PercentileCurve curve = ttft_curve(trial.lifted, 0);
  const Histogram ttft = fleet_record(trial.lifted.pooled, 0).of(Metric::ttft);
  ASSERT_FALSE(curve.points.empty());
  EXPECT_FALSE(curve.over_runs);
  for (const CurvePoint& point : curve.points) {
    EXPECT_EQ(point.value_ns, static_cast<double>(ttft.value_at(point.quantile)));
    EXPECT_LT(point.low_ns, point.value_ns);
    EXPECT_GE(static_cast<double>(ttft.count()) * (1 - point.quantile), 9.99);
  }
}

TEST(PercentileCurve, BandsOfRepetitionsSpanTheRuns) {
  std::vector<tokenlift::Run> runs = {rich_run({}), rich_run({}), rich_run({})};
  // One repetition twice as slow.
  runs[2].tenants[0].phases[2].of(Metric::ttft) = {};
  record_evenly(runs[2].tenants[0].phases[2].of(Metric::ttft), 1150, 24 * kMsNs, 88 * kMsNs);
  const PercentileCurve curve = ttft_curve(make_trial("three", runs).lifted, 2);
  EXPECT_TRUE(curve.over_runs);
  const CurvePoint& middle = curve.points.at(4);
  EXPECT_LE(middle.low_ns, middle.value_ns);
  EXPECT_GT(middle.high_ns, 1.2 * middle.low_ns);
}

TEST(Heatmap, ShowsEachSliceWithRequestsAndNamesItself) {
  tokenlift::Run run = sample_header("few");
  const std::string svg = heatmap_svg(run, "h", "a <b> title");
  // One slice of three holds requests, all of one latency: one cell, of the highest class.
  EXPECT_EQ(occurrences(svg, "<path class=\"heat-9\" d=\"M"), 1U);
  EXPECT_NE(svg.find("role=\"img\" aria-label=\"a &lt;b&gt; title\""), std::string::npos);
  EXPECT_NE(svg.find("<title>a &lt;b&gt; title</title>"), std::string::npos);
  run.series.ttft_slices.assign(3, {});
  EXPECT_EQ(heatmap_svg(run, "h", "t"), "");
}

}  // namespace
}  // namespace tokenlift::page_html_test
