#include "reports/findings/sweep_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reports/charts/sweep_charts.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/page_markdown.hpp"
#include "reports/formats/page_text.hpp"
#include "reports/formats/sweep_csv.hpp"
#include "reports/formats/sweep_openmetrics.hpp"
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

/// Along "load" from 0.1 to 1, e2e.p50_ms as said.
SweepReport curve_with(const std::function<double(double)>& latency_ms) {
  SweepReport report = sample_sweep();
  report.points.clear();
  report.finds.clear();
  const std::size_t figure = *figure_index(report, "ttft.p50_ms");
  for (int i = 1; i <= 9; ++i) {
    report.points.push_back(sweep_point(report, 0.1 * i));
    report.points.back().figures[figure] = {latency_ms(0.1 * i), std::nullopt, "", ""};
  }
  return report;
}

TEST(Sweep, SaysThatAKneeDependsOnWhereTheCurveEnds) {
  constexpr const char* kSaid = "It depends on where the curve ends";
  // It rises slowly from 0.4 on, and its last point stands far above all.
  const SweepReport steeper = curve_with(
      [](double x) { return 10 * std::exp(2 * std::max(0.0, x - 0.35) + (x > 0.85 ? 6 : 0)); });
  ASSERT_TRUE(knee_of(steeper));
  EXPECT_NEAR(knee_of(steeper)->at, 0.8, 1e-9);
  ASSERT_TRUE(knee_of(steeper)->without_last);
  EXPECT_NEAR(*knee_of(steeper)->without_last, 0.4, 1e-9);
  EXPECT_TRUE(contains(to_markdown(sweep_page(steeper)), kSaid));
  // Flat, then steep from 0.6 on, wherever it ends.
  const SweepReport planted =
      curve_with([](double x) { return x <= 0.6 ? 10 : 10 * std::exp(8 * (x - 0.6)); });
  ASSERT_TRUE(knee_of(planted));
  EXPECT_NEAR(knee_of(planted)->at, 0.6, 1e-9);
  EXPECT_FALSE(knee_of(planted)->without_last);
  EXPECT_FALSE(contains(to_markdown(sweep_page(planted)), kSaid));
}

TEST(Sweep, DoubtsASaturationBelowTheCapacity) {
  constexpr const char* kSaid = "of the capacity is asked for";
  const SweepReport above = sample_sweep();
  EXPECT_FALSE(contains(to_markdown(sweep_page(above)), kSaid));
  SweepReport below = above;
  SweepPoint& early = below.points[8];  // at 0.9
  early.state = PointState::saturated;
  early.runs = 1;
  const std::string text = to_markdown(sweep_page(below));
  EXPECT_TRUE(contains(text, "At 0.9 only 90.0 % of the capacity is asked for")) << text;
  EXPECT_TRUE(
      contains(text, "a limit, slow replicas, the router or the sites that tenants may use"));
  EXPECT_TRUE(contains(text, "1 run is too short")) << text;
  below.changing_load = {"users"};
  const std::string rising = to_markdown(sweep_page(below));
  EXPECT_TRUE(contains(rising, "At 0.9 only 90.0 % of the capacity is asked for on average"));
  EXPECT_TRUE(contains(rising, "The load of users is not the same all through the phase"));
  EXPECT_FALSE(contains(rising, "too short")) << rising;
}

TEST(Sweep, SaysNothingOfSaturationWhereTheLoadChanges) {
  constexpr const char* kSaid = "nothing is said of saturation";
  SweepReport report = sample_sweep();
  EXPECT_FALSE(contains(to_markdown(sweep_page(report)), kSaid));
  for (SweepPoint& point : report.points) {
    point.state = PointState::steady;
    point.load_changes = true;
  }
  report.finds.clear();
  report.changing_load = {"users"};
  const std::string text = to_text(sweep_page(report), kWide);
  EXPECT_TRUE(contains(text, kSaid)) << text;
  EXPECT_TRUE(contains(text,
                       "The load is another at the end of the phase 'steady' than at its "
                       "begin, by the shape of users"))
      << text;
  EXPECT_TRUE(contains(text, "points: 13 of a load that changes")) << text;
  EXPECT_TRUE(contains(text, "0.9   load changes")) << text;
  EXPECT_FALSE(contains(text, "saturated at every")) << text;
  // One that lasts beside them, and is saturated.
  report.points.back().state = PointState::saturated;
  report.points.back().load_changes = false;
  const std::string both = to_markdown(sweep_page(report));
  EXPECT_TRUE(contains(both, "At some values the load is another")) << both;
  EXPECT_TRUE(contains(both, "It is saturated at tenant.users.arrivals.load 1.2: the backlog"))
      << both;
  EXPECT_FALSE(contains(both, "it is not.")) << both;
}

TEST(Sweep, SaysWhereThePriceIsTheSameAtAllValues) {
  constexpr const char* kSaid = "an hour costs the same at all values that were tried";
  SweepReport report = sample_sizing();
  const std::optional<std::size_t> hour = figure_index(report, "usd_per_hour");
  if (!hour) {
    report.figures.push_back("usd_per_hour." + report.phase);
    for (SweepFind& find : report.finds) {
      for (FindTry& tried : find.tries) {
        const double cost = 2 * tried.point.numbers[0];
        tried.point.figures.push_back({cost, std::nullopt, "", ""});
      }
    }
  }
  EXPECT_TRUE(contains(to_markdown(sweep_page(report)), "What was found costs"));
  EXPECT_FALSE(contains(to_markdown(sweep_page(report)), kSaid));
  for (SweepFind& find : report.finds) {
    for (FindTry& tried : find.tries) {
      tried.point.figures[*figure_index(report, "usd_per_hour")].value = 36;
    }
  }
  EXPECT_TRUE(contains(to_markdown(sweep_page(report)), kSaid));
}

TEST(Sweep, AFigureBesideItsBoundShowsOnWhichSideItIs) {
  SweepReport report = sample_sweep();
  SweepFind& find = report.finds[0];
  find.objectives = {"attainment.steady >= 0.95"};
  const std::size_t figure = *figure_index(report, "attainment");
  find.tries[0].point.figures[figure].value = 0.94996;
  find.tries[1].point.figures[figure].value = 0.9512;
  const Table table = tries_table(report, find);
  EXPECT_EQ(table.rows[1].back().text, "0.94996");
  EXPECT_EQ(table.rows[2].back().text, "0.951");
}

TEST(Sweep, WritesARateAsTheValuesOfItsKey) {
  SweepFind find = sample_sweep().finds[0];
  EXPECT_FALSE(contains(sentence_of(find), "/s"));
  find.axis.unit = "1/s";
  find.value = "97.04/s";
  find.interval = Interval{92.43, 100};
  EXPECT_TRUE(contains(sentence_of(find), "is 97.04/s (95 % interval 92.43/s to 100/s)"))
      << sentence_of(find);
}

TEST(Sweep, SaysWhichValuesAreNotKnownAndWhatHelps) {
  SweepFind find;
  find.outcome = FindOutcome::not_known;
  find.axis.key = "load";
  find.unknown_figures = {"attainment.after"};
  const auto add = [&](const char* value, PointState state, const std::string& reason) {
    FindTry tried;
    tried.known = false;
    tried.point.values = {value};
    tried.point.state = state;
    tried.point.figures = {{std::nullopt, std::nullopt, "", reason}};
    find.tries.push_back(tried);
  };
  add("0.9", PointState::steady, "2 of 8 runs have too few requests for p99");
  const std::string few = sentence_of(find);
  EXPECT_TRUE(contains(few, "at 0.9: a run has too few requests for attainment.after; run longer"))
      << few;
  EXPECT_FALSE(contains(few, "run.settle")) << few;
  find.tries.clear();
  add("1.1", PointState::steady, std::string(kNoPhase) + "\"after\"");
  const std::string none = sentence_of(find);
  EXPECT_TRUE(contains(none, "at 1.1: the transition, as long as the backlog takes to drain"))
      << none;
  EXPECT_TRUE(contains(none, "run.settle")) << none;
  EXPECT_FALSE(contains(none, "run longer")) << none;
  add("1.2", PointState::saturated, "saturated");
  EXPECT_TRUE(contains(sentence_of(find), "at 1.2: the backlog grows"));
  EXPECT_TRUE(contains(sentence_of(find), "at 1.1: the transition"));
}

TEST(Sweep, NamesThePointsThatWereShortened) {
  constexpr const char* kSaid = "a first run of a quarter of the time was enough";
  SweepReport report = sample_sweep();
  EXPECT_TRUE(contains(to_markdown(sweep_page(report)), "At load 1.1 and load 1.2 a first run"));
  for (SweepPoint& point : report.points) point.shortened = false;
  EXPECT_FALSE(contains(to_markdown(sweep_page(report)), kSaid));
}

TEST(Sweep, OtherKeysThanTheFirstTwoArePanels) {
  const SweepReport report = sample_panels();
  const std::vector<SweepPanel> panels = panels_of(report);
  ASSERT_EQ(panels.size(), 2U);
  EXPECT_EQ(panels[0].label, "router random, replicas 4");
  EXPECT_EQ(panels[1].label, "router least_loaded, replicas 4");
  for (const SweepPanel& panel : panels) {
    EXPECT_EQ(panel.report.points.size(), 4U);
    EXPECT_EQ(panel.report.axes.size(), 2U);
  }
  const std::string text = to_text(sweep_page(report), kWide);
  EXPECT_TRUE(contains(text, "points at router random, replicas 4"));
  EXPECT_TRUE(contains(text, "points at router least_loaded, replicas 4"));
  EXPECT_TRUE(contains(to_html(sweep_page(report)), "Over both axes, at router random"));
  ASSERT_EQ(panels_of(sample_grid()).size(), 1U);
  EXPECT_EQ(panels_of(sample_grid())[0].label, "");
}

TEST(Sweep, HasFiguresForObjectives) {
  SweepReport report = sample_sweep();
  EXPECT_DOUBLE_EQ(*sweep_figure(report, "found").value, 0.8083);
  EXPECT_FALSE(sweep_figure(report, "found.2").value);
  EXPECT_DOUBLE_EQ(*sweep_figure(report, "saturated_from").value, 1);
  EXPECT_DOUBLE_EQ(*sweep_figure(report, "knee").value, knee_of(report)->at);
  report.finds[0].outcome = FindOutcome::all_hold;
  EXPECT_TRUE(sweep_figure(report, "found").is_end);
  EXPECT_DOUBLE_EQ(*sweep_figure(report, "found").value, 1.2);
  report.finds[0].outcome = FindOutcome::none_holds;
  EXPECT_FALSE(sweep_figure(report, "found").value);
  EXPECT_TRUE(contains(sweep_figure(report, "found").reason, "lies below 0.1"));
  report.points.resize(4);
  EXPECT_FALSE(sweep_figure(report, "knee").value);
  EXPECT_FALSE(sweep_figure(report, "saturated_from").value);
  EXPECT_EQ(sweep_figure_problem("knee", 1, 0), "");
  EXPECT_NE(sweep_figure_problem("knee", 2, 0), "");
  EXPECT_EQ(sweep_figure_problem("found.2", 1, 2), "");
  EXPECT_NE(sweep_figure_problem("found.3", 1, 2), "");
  EXPECT_NE(sweep_figure_problem("found", 1, 0), "");
  for (const char* const path : {"kneee", "found.", "found.0", "foundling", "found.x", ""}) {
    EXPECT_NE(sweep_figure_problem(path, 1, 2), "") << path;
  }
}

TEST(Sweep, AsOpenMetrics) {
  const std::string text = sweep_openmetrics(sample_sweep());
  EXPECT_TRUE(contains(text, "# TYPE tokenlift_sweep_ttft_p50_seconds gauge\n"));
  EXPECT_TRUE(contains(text,
                       "tokenlift_sweep_ttft_p50_seconds{scenario=\"hall\",load=\"0.5\","
                       "state=\"steady\"} 0.05\n"));
  EXPECT_TRUE(contains(text,
                       "tokenlift_sweep_throughput_tokens_per_second{scenario=\"hall\","
                       "load=\"1.2\",state=\"saturated\"} 8000\n"));
  EXPECT_FALSE(contains(text, "tokenlift_sweep_ttft_p50_seconds{scenario=\"hall\",load=\"1.2\""));
  EXPECT_TRUE(contains(text, "tokenlift_sweep_saturated_from{"));
  EXPECT_TRUE(contains(text, "wanted=\"most\",objectives=\"attainment.steady >= 0.9\"} 0.8083\n"));
  EXPECT_TRUE(text.ends_with("# EOF\n"));
  // Two keys that end alike have labels of their own.
  SweepReport grid = sample_grid();
  grid.axes = {{"tenant.chat.arrivals.load", "", true}, {"tenant.1st.arrivals.load", "", true}};
  EXPECT_TRUE(contains(sweep_openmetrics(grid),
                       "tenant_chat_arrivals_load=\"0.3\",tenant_1st_arrivals_load="));
  // Every line is a comment or a sample, whatever the names.
  const std::string hostile = sweep_openmetrics(hostile_sweep());
  for (std::size_t at = 0; at < hostile.size(); at = hostile.find('\n', at) + 1) {
    EXPECT_TRUE(hostile.compare(at, 2, "# ") == 0 || hostile.compare(at, 10, "tokenlift_") == 0);
  }
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
  EXPECT_TRUE(contains(to_text(sweep_page(report), {false, 1000}),
                       "The contract is cheaper than the same use on demand from "
                       "tenant.users.arrivals.load = 0.8"))
      << to_text(sweep_page(report), {false, 1000});
  SweepReport few = report;
  few.points.erase(few.points.begin() + 3, few.points.end());
  EXPECT_TRUE(contains(to_text(sweep_page(few), {false, 1000}),
                       "The contract is dearer than the same use on demand at every point."));
  const SweepReport free = sample_sweep();
  EXPECT_FALSE(contains(to_text(sweep_page(free), kWide), "The contract is"));
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
