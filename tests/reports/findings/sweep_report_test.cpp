#include "reports/findings/sweep_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "reports/charts/sweep_charts.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/page_markdown.hpp"
#include "reports/formats/page_text.hpp"
#include "reports/formats/sweep_csv.hpp"
#include "reports/page/sweep_page.hpp"
#include "tests/reports/findings/sample_sweeps.hpp"
#include "tests/reports/formats/golden_file.hpp"

namespace tokenlift::sweep_report_test {
namespace {

constexpr TextStyle kWide{false, 120};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<std::string> titles_of(const std::vector<Chart>& charts) {
  std::vector<std::string> titles;
  for (const Chart& chart : charts) titles.push_back(chart.title);
  return titles;
}

TEST(Sweep, AsText) {
  expect_golden("sweep_text", to_text(sweep_page(sample_sweep()), kWide));
  expect_golden("sweep_text_sizing", to_text(sweep_page(sample_sizing()), kWide));
  expect_golden("sweep_text_grid", to_text(sweep_page(sample_grid()), kWide));
}

TEST(Sweep, NamesTheKneeTheAnswerAndWhereItSaturates) {
  const std::string text = to_markdown(sweep_page(sample_sweep()));
  EXPECT_TRUE(contains(text, "The most tenant.users.arrivals.load with attainment.steady"));
  EXPECT_TRUE(contains(text, "0.8083 (95 % interval 0.801 to 0.816)"));
  EXPECT_TRUE(contains(text, "The knee lies at"));
  EXPECT_TRUE(contains(text, "saturated from tenant.users.arrivals.load 1 on"));
}

TEST(Sweep, NamesNoKneeWhereThereIsNone) {
  SweepReport report = sample_sweep();
  report.points.resize(4);
  EXPECT_FALSE(knee_of(report));
  EXPECT_FALSE(contains(to_markdown(sweep_page(report)), "knee"));
}

TEST(Sweep, SaysWhatAnAnswerCostsWhereThereArePrices) {
  const std::string text = to_text(sweep_page(sample_sizing(true)), {false, 1000});
  EXPECT_TRUE(contains(text,
                       "What was found costs $36.0 an hour ($2.08 for a million output tokens) "
                       "at the scenario's load and $36.0 an hour"))
      << text;
  EXPECT_FALSE(contains(to_text(sweep_page(sample_sizing()), kWide), "What was found costs"));
}

TEST(Sweep, HasACostAtEveryPointWhereThereArePrices) {
  const SweepReport report = sample_sweep(8, true);
  EXPECT_TRUE(contains(to_text(sweep_page(report), kWide), "cost per M tokens"));
  const std::vector<Chart> charts = sweep_charts({{"", &report}});
  const auto cost = std::find_if(charts.begin(), charts.end(),
                                 [](const Chart& chart) { return chart.id == "sweep-cost"; });
  ASSERT_NE(cost, charts.end());
  ASSERT_EQ(cost->lines.size(), 2U);
  EXPECT_EQ(cost->lines[1].label, "the same use on demand");
  EXPECT_DOUBLE_EQ(*cost->lines[0].y[0], 12.5) << "at a tenth of the load";
  EXPECT_TRUE(cost->lines[0].y.back()) << "of a saturated point, too";
  const SweepReport free = sample_sweep();
  for (const std::string& title : titles_of(sweep_charts({{"", &free}}))) {
    EXPECT_FALSE(contains(title, "cost") || contains(title, "per MW")) << title;
  }
}

TEST(Sweep, HasALatencyAtNoSaturatedPoint) {
  const SweepReport report = sample_sweep();
  for (const Chart& chart : sweep_charts({{"", &report}})) {
    if (chart.section != kSweepLatency) continue;
    for (const Line& line : chart.lines) {
      for (std::size_t i = 0; i < line.x.size(); ++i) {
        EXPECT_EQ(line.y[i].has_value(), line.x[i] < 1) << chart.title << " " << line.x[i];
      }
    }
    ASSERT_EQ(chart.shades.size(), 1U);
    EXPECT_EQ(chart.shades[0].label, "saturated");
    EXPECT_DOUBLE_EQ(chart.shades[0].begin, (0.95 + 1.0) / 2);
  }
}

std::string sentences_with(const std::vector<std::size_t>& saturated) {
  SweepReport report = sample_sweep();
  report.finds.clear();
  for (std::size_t i = 0; i < report.points.size(); ++i) {
    const bool is = std::find(saturated.begin(), saturated.end(), i) != saturated.end();
    report.points[i].state = is ? PointState::saturated : PointState::steady;
  }
  std::string all;
  for (const std::string& sentence : sweep_sentences(report)) all += sentence;
  return all;
}

TEST(Sweep, SaysOnWhichSideItIsSaturated) {
  const std::string key = "tenant.users.arrivals.load";
  EXPECT_FALSE(contains(sentences_with({}), "saturated"));
  EXPECT_TRUE(contains(sentences_with({11, 12}), "from " + key + " 1.1 on"));
  EXPECT_TRUE(contains(sentences_with({0, 1}), "up to " + key + " 0.2"));
  EXPECT_TRUE(contains(sentences_with({0, 1}), "At 0.3 it is not"));
  EXPECT_TRUE(contains(sentences_with({3}), "at " + key + " 0.4 only"));
  EXPECT_TRUE(contains(sentences_with({0, 3, 4}), "at " + key + " 0.1 and 0.4 to 0.5 only"));
}

TEST(Sweep, ShadesOnlyWhatIsSaturated) {
  SweepReport report = sample_sweep();
  for (SweepPoint& point : report.points) point.state = PointState::steady;
  report.points[0].state = report.points[3].state = PointState::saturated;
  const std::vector<Chart> charts = sweep_charts({{"", &report}});
  ASSERT_EQ(charts[0].shades.size(), 2U);
  EXPECT_DOUBLE_EQ(charts[0].shades[0].begin, 0.1);
  EXPECT_DOUBLE_EQ(charts[0].shades[0].end, 0.15);
  EXPECT_DOUBLE_EQ(charts[0].shades[1].begin, 0.35);
  EXPECT_DOUBLE_EQ(charts[0].shades[1].end, 0.45);
}

TEST(Sweep, CountsAPointThatIsNotValidOnce) {
  SweepReport report = sample_sweep();
  report.points[2].valid = false;
  EXPECT_TRUE(contains(sweep_status(report), "13 points: 9 steady, 3 saturated and 1 not valid"));
}

TEST(Sweep, NamesTheChecksThatFailedAtAValueThatWasTried) {
  SweepReport report = sample_sweep();
  report.finds[0].tries[1].point.valid = false;
  report.finds[0].tries[1].point.failed_checks = {"interference"};
  const std::string value = report.finds[0].tries[1].point.values[0];
  EXPECT_TRUE(contains(to_markdown(sweep_page(report)),
                       value + " is not valid as a measurement: interference failed."));
}

TEST(Sweep, MarksTheCapacityBesideThroughput) {
  const SweepReport report = sample_sweep();
  for (const Chart& chart : sweep_charts({{"", &report}})) {
    if (chart.section != kSweepThroughput) continue;
    const Line& capacity = chart.lines.back();
    EXPECT_EQ(capacity.label, "capacity");
    EXPECT_EQ(capacity.y.front(), 8'000);
    return;
  }
  FAIL() << "no chart of throughput";
}

TEST(Sweep, HasNoChartOfAcceleratorsThatAreNotKnown) {
  SweepReport report = sample_sweep();
  EXPECT_EQ(titles_of(sweep_charts({{"", &report}})).back(),
            "Tokens/s per accelerator and per user");
  for (SweepPoint& point : report.points) point.accelerators.reset();
  EXPECT_EQ(titles_of(sweep_charts({{"", &report}})).back(), "Latency over throughput");
  EXPECT_TRUE(pareto_front(report).empty());
}

TEST(Sweep, TheParetoFrontLeavesOutWhatIsWorseInBoth) {
  SweepReport report = sample_sweep();
  // All steady points trade one for the other; one is made worse than its neighbours.
  EXPECT_EQ(pareto_front(report).size(), 10U);
  const std::size_t tpot = *figure_index(report, "tpot.p50_ms");
  *report.points[3].figures[tpot].value *= 3;
  const std::vector<std::size_t> front = pareto_front(report);
  EXPECT_EQ(front.size(), 9U);
  EXPECT_EQ(std::count(front.begin(), front.end(), 3U), 0);
}

TEST(Sweep, OverTwoAxesHasMaps) {
  const SweepReport report = sample_grid();
  const std::string map = sweep_heatmap_svg(report, "ttft.p50_ms");
  EXPECT_TRUE(contains(map, "saturated"));
  EXPECT_TRUE(contains(map, "least_loaded"));
  EXPECT_TRUE(contains(map, "heat-1"));
  EXPECT_TRUE(contains(map, "heat-5"));
  EXPECT_EQ(sweep_heatmap_svg(sample_sweep(), "ttft.p50_ms"), "");
  EXPECT_EQ(sweep_heatmap_svg(report, "no.such.figure"), "");
}

TEST(Sweep, OverlaysHaveALinePerSweepAndFigure) {
  const SweepReport one = sample_sweep(), other = sample_sweep(16);
  const std::vector<NamedSweep> both = {{"h100", &one}, {"b200", &other}};
  const std::vector<Chart> charts = sweep_charts(both);
  ASSERT_FALSE(charts.empty());
  ASSERT_EQ(charts[0].lines.size(), 4U);  // p50 and p99 of each
  EXPECT_EQ(charts[0].lines[0].label, "h100: p50");
  EXPECT_EQ(charts[0].lines[2].label, "b200: p50");
  EXPECT_NE(charts[0].lines[0].colour, charts[0].lines[2].colour);
  const std::string text = to_text(overlay_page(both), kWide);
  EXPECT_TRUE(contains(text, "h100: points"));
  EXPECT_TRUE(contains(text, "b200: points"));
}

TEST(Sweep, CsvHasARowPerPointAndTry) {
  const SweepReport report = sample_sweep();
  const std::string csv = sweep_csv(report);
  EXPECT_EQ(static_cast<std::size_t>(std::count(csv.begin(), csv.end(), '\n')),
            1 + report.points.size() + report.finds[0].tries.size());
  EXPECT_TRUE(csv.starts_with("of,tenant.users.arrivals.load,state,valid,runs,requests,"));
  EXPECT_TRUE(contains(csv, "sweep,0.1,steady,yes,5,5000,8000,8,3,2.937,3.063,"));
  EXPECT_TRUE(contains(csv, "sweep,1.2,saturated,yes,1,60000,"));
}

TEST(Sweep, KeepsNamesFromBeingMore) {
  const SweepReport report = hostile_sweep();
  const std::string html = to_html(sweep_page(report));
  EXPECT_FALSE(contains(html, "</script><b>"));
  const std::string text = to_text(sweep_page(report), kWide);
  EXPECT_FALSE(contains(text, "\x1b[31m"));
  EXPECT_TRUE(contains(text, "interrupted"));
  EXPECT_FALSE(all_well(report));
  EXPECT_FALSE(contains(sweep_csv(report), ",=cmd"));
}

}  // namespace
}  // namespace tokenlift::sweep_report_test
