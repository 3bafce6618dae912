#include "reports/findings/tuning_report.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "reports/charts/svg_plot.hpp"
#include "reports/charts/tuning_charts.hpp"
#include "reports/findings/tuning_tables.hpp"
#include "reports/findings/tuning_words.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/page_markdown.hpp"
#include "reports/formats/page_text.hpp"
#include "reports/json/json_tuning.hpp"
#include "reports/page/tuning_page.hpp"
#include "reports/text/html_text.hpp"
#include "reports/text/text_table.hpp"
#include "tests/reports/findings/sample_tunings.hpp"
#include "tests/reports/formats/golden_file.hpp"
#include "tests/reports/formats/occurrences.hpp"
#include "tests/reports/json/schema.hpp"

namespace tokenlift::tuning_report_test {
namespace {

using Json = nlohmann::ordered_json;

constexpr TextStyle kWide = {false, 100};

std::vector<TuningReport> all_samples() {
  return {recommended_tuning(), verified_tuning(true), verified_tuning(false),
          infeasible_tuning(),  interrupted_tuning(),  empty_tuning(),
          lift_tuning(),        hostile_tuning(),      recommended_tuning(300)};
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(TuningFigures, AreFeasibleWithAnObjectiveAndEveryConstraintMet) {
  TuningFigures figures;
  EXPECT_FALSE(figures.feasible());
  EXPECT_EQ(figures.violation(), INFINITY);
  figures.objective = 3;
  EXPECT_TRUE(figures.feasible());
  EXPECT_EQ(figures.violation(), 0);
  figures.constraints = {{1, true, 0}, {2, false, 0.25}, {3, false, 0.5}};
  EXPECT_FALSE(figures.feasible());
  EXPECT_DOUBLE_EQ(figures.violation(), 0.75);
}

TEST(TuningVerdict, SaysWhatToSetAndWhatItGains) {
  TuningReport report = recommended_tuning();
  report.candidates[0].values = {"0.5", "1s", "2s", "queue"};
  for (std::size_t i = 0; i < 4; ++i) report.parameters[i].present = report.candidates[0].values[i];
  report.candidates[0].figures.constraints.clear();
  report.candidates[*report.recommended].values = {"0.83", "1s", "2.5s", "queue"};
  TuningChange& goodput = report.changes[1];
  goodput.present = 1375;
  goodput.recommended = 2390;
  goodput.change = estimate_within(1.74, 1.7, 1.78);
  EXPECT_EQ(tuning_verdict(report),
            "Setting load of 'output_limit' to 0.83 and max wait of 'output_limit' to 2.5s raises "
            "goodput.before from 1,375 to 2,390 tokens/s (x1.74, 95 % interval x1.70 to x1.78).");
  goodput.change = estimate_within(1.04, 0.98, 1.1);
  EXPECT_TRUE(holds(tuning_verdict(report), "x1.10), which is no more than chance may do."));
  goodput.change = {1.74, {}, "", "1 run"};
  EXPECT_TRUE(holds(tuning_verdict(report), "(x1.74, no interval)."));
  report.candidates[0].figures.constraints = {{2600, false, 0.3}, {0.3, false, 0.5}};
  EXPECT_TRUE(holds(tuning_verdict(report),
                    "meets all constraints, of which the present setting misses "
                    "'unserved.before <= 0.2' by 50 %, and raises"));
  goodput.present.reset();
  report.candidates[0].figures.objective.reset();
  report.candidates[0].figures.reason = "nothing completed";
  EXPECT_TRUE(
      holds(tuning_verdict(report), "of which the present setting has none (nothing completed)."));
}

TEST(TuningVerdict, WithoutAnIntervalSaysOfHowManyRunsItIs) {
  TuningReport report = recommended_tuning(20);
  report.runs_of_changes = 2;
  EXPECT_FALSE(holds(tuning_verdict(report), "in 2 runs")) << "it has an interval";
  EXPECT_TRUE(holds(to_text(tuning_page(report), {false, 100}), "present, 2 runs of each"));
  for (TuningChange& change : report.changes) change.change.interval.reset();
  EXPECT_TRUE(holds(tuning_verdict(report), " in 2 runs, no interval")) << tuning_verdict(report);
}

TEST(TuningVerdict, SaysThatASettingIsBetterOnlyWhereThatIsShown) {
  TuningReport report = recommended_tuning(20);
  const auto text = [&] { return to_text(tuning_page(report), kWide); };
  EXPECT_TRUE(text().starts_with("A better setting was found"));
  EXPECT_TRUE(holds(tuning_verdict(report), " raises "));
  for (TuningChange& change : report.changes) {
    if (change.change.interval) change.change.interval = {0.9, 1.1};
  }
  EXPECT_TRUE(text().starts_with("A better setting was found")) << "the present one misses some";
  for (ConstraintResult& each : report.candidates[0].figures.constraints) each.met = true;
  EXPECT_TRUE(text().starts_with("A setting that is as good was found")) << text();
  EXPECT_TRUE(holds(tuning_verdict(report), " changes ")) << tuning_verdict(report);
  EXPECT_FALSE(holds(tuning_verdict(report), " raises "));
  EXPECT_FALSE(holds(tuning_verdict(report), "under other conditions"));
  report.finalists[0].candidate = *report.recommended;
  report.finalists[0].outcome = "recommended: the best of them under stress";
  EXPECT_TRUE(holds(tuning_verdict(report), "it does best under other conditions"));
}

TEST(TuningTables, ConditionsSayWhereTheirRunsDiffer) {
  TuningReport report = recommended_tuning(20);
  const auto says = [&] {
    const std::vector<std::string> notes = stress_table(report).notes;
    return !notes.empty() && holds(notes.back(), "Runs differ: ") ? notes.back() : "";
  };
  std::vector<StressResult>& results = report.finalists[0].stress;
  ASSERT_GE(results.size(), 2U);
  EXPECT_EQ(says(), "") << "they are not known";
  results[0].runs = results[1].runs = 4;
  EXPECT_EQ(says(), "");
  results[1].runs = 1;
  EXPECT_EQ(says(),
            "Runs differ: " + results[0].name + ": 4 runs, " + results[1].name + ": 1 run.");
}

TEST(TuningTables, WhatMattersLessThanItsErrorIsNotTold) {
  TuningReport report = recommended_tuning(20);
  const auto last = [&](std::size_t i) { return parameters_table(report).rows[2 + i].back().text; };
  EXPECT_EQ(last(0), "71.3 ± 3.1");
  EXPECT_EQ(last(3), kAbsent);
  EXPECT_TRUE(holds(parameters_table(report).notes.back(), "less than its error"));
  report.parameters[3].sensitivity = 0.05;
  EXPECT_EQ(last(3), "5.00 ± 3.1");
  EXPECT_FALSE(holds(parameters_table(report).notes.back(), "less than its error"));
}

TEST(TuningVerdict, OfAShareSpeaksOfPoints) {
  TuningReport report = recommended_tuning();
  report.aim.path = "attainment.before";
  TuningChange& attainment = report.changes[2];
  attainment.present = 0.5;
  attainment.recommended = 0.9;
  attainment.change = estimate_within(0.4, 0.38, 0.42);
  EXPECT_TRUE(holds(tuning_verdict(report),
                    "raises attainment.before from 50.0 to 90.0 % (+40.0 points, 95 % interval "
                    "+38.0 to +42.0)."));
}

TEST(TuningVerdict, SaysWhereThePresentSettingIsTheBest) {
  TuningReport report = recommended_tuning();
  report.recommended = report.best = 0;
  report.candidates[0].figures.objective = 2390;
  EXPECT_EQ(tuning_verdict(report),
            "The present setting is already the best: goodput.before is 2,390 tokens/s, and none "
            "of 60 other settings is worth a change.");
}

TEST(TuningVerdict, NamesNoLengthOfALiftAtOneStroke) {
  const auto verdict_with = [](const std::string& shape) {
    TuningReport report = infeasible_tuning();
    report.parameters.resize(2);
    report.parameters[0].words = {"lift", "shape"};
    report.parameters[1].words = {"lift", "over"};
    report.parameters[0].present = report.parameters[1].present = "";
    report.candidates[report.infeasible->candidate].values = {shape, "1.5s"};
    return tuning_verdict(report);
  };
  EXPECT_TRUE(holds(verdict_with("linear"),
                    "(shape of the lift to linear and length of the lift to 1.5s) misses"));
  EXPECT_TRUE(holds(verdict_with("at_once"), "(shape of the lift to at_once) misses"));
}

TEST(TuningVerdict, SaysHowVerificationWent) {
  EXPECT_TRUE(holds(tuning_verdict(verified_tuning(true)), "; on engine threads 5 runs measured "));
  TuningReport unsure = verified_tuning(true);
  unsure.verification->valid = false;
  EXPECT_TRUE(tuning_verdict(unsure).ends_with("; engine threads have not confirmed it."));
  EXPECT_TRUE(
      holds(to_html(tuning_page(unsure)), "A better setting was found, but is not confirmed"));
  const std::string refused = tuning_verdict(verified_tuning(false));
  EXPECT_TRUE(refused.starts_with("Nothing is recommended: the search found that setting load of "))
      << refused;
  EXPECT_TRUE(refused.ends_with(
      "would do, but runs on engine threads do not confirm it: the recommended setting has 61 % of "
      "the goodput.before that was predicted and the runs of 'second' are no measurement."))
      << refused;
}

TEST(TuningVerdict, SaysWhichConstraintIsMissedAndWhatFleetWouldDo) {
  TuningReport report = infeasible_tuning();
  ConstraintResult& nearest =
      report.candidates[report.infeasible->candidate].figures.constraints[0];
  nearest = {24.8, false, 0.24};
  EXPECT_EQ(
      tuning_verdict(report),
      "None of 40 settings meets all constraints: the one that comes nearest (load of "
      "'output_limit' to 0.8346, burst of 'output_limit' to 0.303s, max wait of "
      "'output_limit' to 0.2156s and when full of 'output_limit' to reject) misses "
      "'ttft.p99_ms.before <= 20' by 24 % (it is 24.8); simulated with it, with the seeds of the "
      "search, all are met with 1.6 times what 'output_limit' lets through, but not with 4 times "
      "the fleet (16 replicas), where it is 24.6.");
  report.infeasible->remedies.erase(report.infeasible->remedies.begin());
  EXPECT_TRUE(
      holds(tuning_verdict(report),
            "; simulated with it, with the seeds of the search, they are not met with 4 times the "
            "fleet (16 replicas), where it is 24.6."));
  EXPECT_FALSE(holds(tuning_verdict(report), "all are met"));
  report.infeasible->remedies.clear();
  report.infeasible->reason = "Nothing was tried.";
  EXPECT_TRUE(holds(tuning_verdict(report), "; what would help is not known: nothing was tried."));
  EXPECT_FALSE(holds(tuning_verdict(report), "the seeds of the search"));
  nearest = {std::nullopt, false, INFINITY, "too few"};
  EXPECT_TRUE(holds(tuning_verdict(report), "<= 20' by an unknown amount; what would help"));
}

TEST(TuningVerdict, SaysWhatWasNotDone) {
  EXPECT_TRUE(tuning_verdict(interrupted_tuning())
                  .starts_with("The search was stopped before its end; the best so far: setting "));
  EXPECT_EQ(tuning_verdict(empty_tuning()), "There is nothing to tune: no parameter is searched.");
  TuningReport report = empty_tuning();
  report.interrupted = true;
  EXPECT_EQ(tuning_verdict(report), "The search was stopped before anything was tried.");
}

TEST(TuningVerdict, IsOneSentence) {
  for (const TuningReport& report : all_samples()) {
    const std::string verdict = tuning_verdict(report);
    EXPECT_TRUE(verdict.ends_with(".") && !verdict.ends_with("..")) << verdict;
    EXPECT_TRUE(verdict[0] >= 'A' && verdict[0] <= 'Z') << verdict;
  }
}

TEST(TuningAnswer, EndsWithWhatItMeansForTheDecision) {
  const auto decision = [](const TuningReport& report) { return tuning_answer(report).at(2); };
  EXPECT_TRUE(tuning_answer(empty_tuning()).empty());
  TuningReport report = recommended_tuning();
  EXPECT_EQ(tuning_answer(report).at(1), tuning_verdict(report));
  EXPECT_TRUE(decision(report).starts_with("It was only simulated"));
  report.losers = {"tenant 'a' loses"};
  EXPECT_TRUE(decision(report).ends_with(", by whoever accepts that one tenant loses."));
  report.recommended = 0;
  EXPECT_EQ(decision(report), "Keep the present setting.");
  EXPECT_TRUE(decision(verified_tuning(true)).starts_with("It was measured, too"));
  EXPECT_TRUE(decision(verified_tuning(false)).starts_with("Keep the present setting: "));
  EXPECT_TRUE(decision(infeasible_tuning()).starts_with("No setting alone will do"));
  EXPECT_TRUE(decision(interrupted_tuning()).starts_with("The search did not end"));
}

TEST(TuningWords, AKeyIsCalledByWhatItSetsAndWhose) {
  const auto label = [](std::vector<std::string> words) {
    TunedParameter parameter;
    name_parameter(parameter, std::move(words));
    return parameter_label(parameter);
  };
  EXPECT_EQ(label({"throttle", "output_limit", "max_wait"}), "max wait of 'output_limit'");
  EXPECT_EQ(label({"throttle", "a.b", "load"}), "load of 'a.b'");
  EXPECT_EQ(label({"throttle", "load"}), "throttle.load");
  EXPECT_EQ(label({"lift", "over"}), "length of the lift");
  EXPECT_EQ(label({"queue", "order"}), "queue.order");
  EXPECT_EQ(label({"lift"}), "lift");
}

TEST(TuningWords, FiguresAreShownInTheUnitOfTheirPath) {
  const std::vector<std::pair<std::string, std::string>> units = {
      {"goodput.before", "tokens/s"},
      {"tenants.users.throughput.before", "tokens/s"},
      {"goodput.gain", ""},
      {"ttft.p99_ms.transition", "ms"},
      {"attainment.after", "%"},
      {"lift.drain_time_s", "s"},
      {"completed_requests_per_s.before", "requests/s"}};
  for (const auto& [path, unit] : units) EXPECT_EQ(aim_unit(path).name, unit) << path;
}

TEST(TuningText, IsAsItWasRead) {
  expect_golden("tuning_text", to_text(tuning_page(recommended_tuning()), kWide));
  expect_golden("tuning_text_refused", to_text(tuning_page(verified_tuning(false)), kWide));
  expect_golden("tuning_text_infeasible", to_text(tuning_page(infeasible_tuning()), kWide));
  expect_golden("tuning_text_interrupted", to_text(tuning_page(interrupted_tuning()), kWide));
  expect_golden("tuning_text_lift", to_text(tuning_page(lift_tuning()), kWide));
  expect_golden("tuning_text_empty", to_text(tuning_page(empty_tuning()), kWide));
}

TEST(TuningMarkdown, IsAsItWasRead) {
  expect_golden("tuning_markdown", to_markdown(tuning_page(recommended_tuning())));
  expect_golden("tuning_markdown_refused", to_markdown(tuning_page(verified_tuning(false))));
}

TEST(TuningMarkdown, WhatNamesHoldIsNoMarkupAndItFitsIntoAComment) {
  TuningReport report = hostile_tuning();
  const std::string text = to_markdown(tuning_page(report));
  EXPECT_FALSE(holds(text, "\x01"));
  report.toml.clear();  // within a block of code nothing is markup
  report.command.clear();
  const std::string outside = to_markdown(tuning_page(report));
  EXPECT_FALSE(holds(outside, "<img"));
  EXPECT_FALSE(holds(outside, "@all"));
  EXPECT_LE(to_markdown(tuning_page(recommended_tuning(2000))).size(), kLongestMarkdown);
}

TEST(TuningText, FitsAHundredColumns) {
  for (const TuningReport& report : all_samples()) {
    if (report.scenario == hostile_text()) continue;
    std::istringstream lines(to_text(tuning_page(report), kWide));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 100U) << line;
  }
}

TEST(TuningText, HasColourOnlyWhereItIsAskedFor) {
  EXPECT_FALSE(holds(to_text(tuning_page(verified_tuning(false)), kWide), "\x1b"));
  EXPECT_TRUE(to_text(tuning_page(recommended_tuning()), {true, 100})
                  .starts_with("\x1b[32mA better setting was found\x1b[0m\n"
                               "Setting "));
  EXPECT_TRUE(to_text(tuning_page(verified_tuning(false)), {true, 100})
                  .starts_with("\x1b[31mNot confirmed on engine threads\x1b[0m\n"));
  EXPECT_FALSE(holds(to_text(tuning_page(hostile_tuning()), kWide), "\x01"));
}

TEST(TuningText, LeavesParametersOutThatItHasNoRoomFor) {
  TuningReport report = recommended_tuning();
  for (int i = 0; i < 10; ++i) {
    report.parameters.push_back(report.parameters[0]);
    name_parameter(report.parameters.back(), {"throttle", "limit" + std::to_string(i), "load"});
    for (TuningCandidate& each : report.candidates) each.values.emplace_back("0.1234");
  }
  const std::string text = to_text(tuning_page(report), kWide);
  EXPECT_TRUE(holds(text, "Left out, for want of room: ")) << text;
  EXPECT_TRUE(holds(text, "load of 'limit9'"));
}

TEST(TuningTables, CandidatesAreRankedFeasibleFirst) {
  TuningReport report = infeasible_tuning();
  report.candidates[7].figures.constraints = {{10, true, 0}, {0.1, true, 0}};
  report.candidates[9].figures.constraints = {{10, true, 0}, {0.1, true, 0}};
  report.candidates[9].figures.objective = *report.candidates[7].figures.objective + 1;
  const std::vector<std::size_t> ranked = ranked_candidates(report);
  ASSERT_EQ(ranked.size(), report.candidates.size());
  EXPECT_EQ(ranked[0], 9U);
  EXPECT_EQ(ranked[1], 7U);
  for (std::size_t i = 3; i < ranked.size(); ++i) {
    EXPECT_LE(report.candidates[ranked[i - 1]].figures.violation(),
              report.candidates[ranked[i]].figures.violation());
  }
  report.aim.maximize = false;
  EXPECT_EQ(ranked_candidates(report)[0], 7U);
}

TEST(TuningJson, FitsItsSchema) {
  std::vector<std::string> texts;
  for (const TuningReport& report : all_samples()) texts.push_back(to_json(report));
  EXPECT_EQ(validate_json("tuning.schema.json", texts), 0);
  Json json = Json::parse(texts[0]);
  json["candidates"][0]["figures"]["more"] = 1;
  EXPECT_EQ(validate_json("tuning.schema.json", {json.dump()}), 1);
}

TEST(TuningJson, HoldsWhatWasFoundAndNullForWhatIsNot) {
  const TuningReport report = infeasible_tuning();
  const Json json = Json::parse(to_json(report));
  EXPECT_EQ(json["schema"], kTuningSchema);
  EXPECT_EQ(json["verdict"], tuning_verdict(report));
  EXPECT_EQ(json["recommended"], nullptr);
  EXPECT_EQ(json["verification"], nullptr);
  EXPECT_EQ(json["infeasible"]["remedies"][0]["limits"], 1.6);
  EXPECT_EQ(json["infeasible"]["remedies"][0]["replicas"], nullptr);
  EXPECT_EQ(json["infeasible"]["remedies"][1]["replicas"], 16);
  EXPECT_EQ(json["candidates"][6]["figures"]["constraints"][0]["violation"], nullptr);
  EXPECT_EQ(json["candidates"][6]["figures"]["violation"], nullptr);
  EXPECT_EQ(json["candidates"][7]["figures"]["objective"], *report.candidates[7].figures.objective);
  const TuningReport better = recommended_tuning();
  const Json found = Json::parse(to_json(better));
  EXPECT_EQ(found["recommended"], *better.recommended);
  EXPECT_EQ(found["changes"][5]["change"]["interval_95"], nullptr);
  EXPECT_EQ(found["changes"][1]["change"]["interval_95"]["low"],
            better.changes[1].change.interval->low);
}

TEST(PlotAxis, HasAFewRoundNumbersAroundWhatItIsOf) {
  const auto texts = [](const PlotAxis& axis) {
    std::vector<std::string> words;
    for (const PlotAxis::Tick& tick : axis.ticks()) words.push_back(tick.text);
    return words;
  };
  using Words = std::vector<std::string>;
  EXPECT_EQ(texts(PlotAxis::linear(0, 2559, 0, 1)),
            (Words{"0", "500", "1,000", "1,500", "2,000", "2,500", "3,000"}));
  EXPECT_EQ(texts(PlotAxis::linear(0.2, 0.9, 0, 1, 100)), (Words{"20", "40", "60", "80", "100"}));
  EXPECT_EQ(texts(PlotAxis::logarithmic(60, 20'000, 0, 1)),
            (Words{"100", "200", "500", "1,000", "2,000", "5,000", "10,000", "20,000"}));
  EXPECT_EQ(texts(PlotAxis::logarithmic(0.01, 90'000, 0, 1)),
            (Words{"0.01", "0.1", "1", "10", "100", "1,000", "10,000"}));
  const PlotAxis axis = PlotAxis::linear(0, 10, 100, 0);
  EXPECT_DOUBLE_EQ(axis.at(2.5), 75);
  EXPECT_DOUBLE_EQ(axis.at(-5), 100);
  EXPECT_DOUBLE_EQ(PlotAxis::logarithmic(1, 100, 0, 10).at(10), 5);
}

RC_GTEST_PROP(PlotAxis, ItsNumbersAreOnTheLineAndFew, (double a, double b)) {
  const PlotAxis axis = PlotAxis::linear(std::min(a, b), std::max(a, b), 0, 100);
  RC_ASSERT(axis.ticks().size() >= 2U && axis.ticks().size() <= 9U);
  for (const PlotAxis::Tick& tick : axis.ticks()) RC_ASSERT(0 <= tick.at && tick.at <= 100);
}

TEST(SvgText, IsFittedByCharacters) {
  EXPECT_EQ(fitted("output", 6), "output");
  EXPECT_EQ(fitted("output_limit", 6), "outpu…");
  EXPECT_EQ(fitted("ÄÖÜäöü", 4), "ÄÖÜ…");
}

TEST(TuningHtml, SaysWhatTheTextSays) {
  for (const TuningReport& report : all_samples()) {
    const std::string page = to_html(tuning_page(report));
    EXPECT_TRUE(holds(page, prose_html(tuning_verdict(report))));
    EXPECT_TRUE(holds(page, escaped(report.toml)));
    for (const std::string& sentence : report.binding) EXPECT_TRUE(holds(page, escaped(sentence)));
    for (const TunedParameter& parameter : report.parameters) {
      EXPECT_TRUE(holds(page, escaped(parameter_label(parameter)))) << parameter.key;
    }
    EXPECT_TRUE(page.ends_with("</html>\n"));
  }
}

TEST(TuningHtml, DrawsWhatThereIs) {
  const std::string page = to_html(tuning_page(verified_tuning(true)));
  EXPECT_EQ(occurrences(page, "role=\"img\""), 9U)
      << "Pareto, parallel, four responses, two over time, verification";
  const std::string chart = pareto_svg(recommended_tuning());
  EXPECT_EQ(occurrences(chart, "<circle"), 62U) << "a dot each, and a ring";
  EXPECT_EQ(occurrences(chart, "class=\"front\""), 1U);
  EXPECT_TRUE(holds(chart,
                    "<title>present: load 0.5, burst 1s, max wait 2s and when full queue; "
                    "goodput 1,439 tokens/s, TTFT p99 1,830 ms, 23.0 % unserved, misses a "
                    "constraint</title>"))
      << chart;
  EXPECT_EQ(pareto_svg(empty_tuning()), "");
  EXPECT_EQ(parallel_svg(empty_tuning()), "");
  EXPECT_EQ(goodput_series_svg(empty_tuning()), "");
  EXPECT_EQ(verification_svg(empty_tuning()), "");
}

TEST(TuningHtml, PromisesNothingThatWasRefused) {
  EXPECT_EQ(occurrences(to_html(tuning_page(verified_tuning(true))), "class=\"tile\""), 4U);
  EXPECT_EQ(occurrences(to_html(tuning_page(verified_tuning(false))), "class=\"tile\""), 0U);
}

TEST(TuningHtml, IsNotTooLargeAndNamesTheBest) {
  EXPECT_LT(to_html(tuning_page(recommended_tuning(300))).size(), 300'000U);
  const std::string page = to_html(tuning_page(recommended_tuning(2000)));
  EXPECT_LT(page.size(), 1'000'000U);
  EXPECT_TRUE(holds(page, "1,400 more are in tune.json."));
}

TEST(TuningHtml, WhatIsNotFiniteIsNotDrawn) {
  TuningReport report = recommended_tuning(30);
  for (TuningCandidate& each : report.candidates) {
    each.figures.ttft_p99_ms = NAN;
    each.figures.objective = INFINITY;
  }
  for (TuningSeries& each : report.series) each.goodput_line.values = {NAN, INFINITY, {}};
  for (ResponsePoint& point : report.parameters[0].response) point.objective = NAN;
  EXPECT_EQ(pareto_svg(report), "");
  EXPECT_EQ(parallel_svg(report), "");
  EXPECT_EQ(goodput_series_svg(report), "");
  EXPECT_EQ(response_svg(report, 0), "");
}

RC_GTEST_PROP(TuningHtml, AnyTextLeavesThePageWhole, (const std::string& text)) {
  TuningReport report = verified_tuning(true);
  const std::string whole = to_html(tuning_page(report));
  report.scenario = report.parameters[0].key = report.constraints[0] = report.toml = text;
  report.verification->arms[0].label = report.series[0].label = report.aim.path = text;
  report.candidates[1].values[0] = report.parameters[0].response[0].value = text;
  const std::string page = to_html(tuning_page(report));
  for (const char* tag : {"<script", "<section", "<svg", "</html>"}) {
    RC_ASSERT(occurrences(page, tag) == occurrences(whole, tag));
  }
}

}  // namespace
}  // namespace tokenlift::tuning_report_test
