#include "reports/findings/suite_report.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "reports/findings/case_figures.hpp"
#include "reports/findings/comparison.hpp"
#include "reports/findings/least_changes.hpp"
#include "reports/findings/suite_table.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/page_markdown.hpp"
#include "reports/formats/page_text.hpp"
#include "reports/formats/suite_csv.hpp"
#include "reports/formats/suite_junit.hpp"
#include "reports/json/json_run.hpp"
#include "reports/json/json_suite.hpp"
#include "reports/page/suite_page.hpp"
#include "reports/text/html_text.hpp"
#include "tests/reports/findings/sample_suites.hpp"
#include "tests/reports/formats/golden_file.hpp"
#include "tests/reports/formats/occurrences.hpp"

namespace tokenlift::suite_report_test {
namespace {

using Json = nlohmann::ordered_json;

SuiteReport without_cases() {
  SuiteReport suite = sample_suite();
  suite.cases.clear();
  return suite;
}

TEST(SuiteReport, ACaseKeepsTheFiguresOfItsTrial) {
  const TrialReport trial = make_report({make_trial("t", {rich_run({})})}).trials[0];
  const CaseReport report = case_report(trial, "a/b=1", "cases/a");
  EXPECT_EQ(report.name, "a/b=1");
  EXPECT_EQ(report.folder, "cases/a");
  EXPECT_EQ(report.status, CaseStatus::done);
  EXPECT_EQ(report.runs, 1U);
  EXPECT_EQ(report.verdict, trial.verdict);
  ASSERT_EQ(report.phases.size(), 3U);
  const CasePhase* const after = find_phase(report, "after");
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(after->goodput_tokens_per_s, trial.phases[2].rates.goodput_tokens_per_s);
  EXPECT_DOUBLE_EQ(*after->ttft_p50_ms * 1e6,
                   static_cast<double>(*trial.phases[2].of(Metric::ttft).at(500)));
  EXPECT_EQ(report.goodput->change.value, find_gain(trial.lift->gains, "goodput")->change.value);
  EXPECT_NEAR(*report.lift_s, 30, 0.001);
  EXPECT_EQ(find_phase(report, "steady"), nullptr);
}

TEST(SuiteReport, ItsLinesAreShortAndOfTheWholeMeasurement) {
  RichOptions options;
  options.bins = 3600;
  const CaseReport report =
      case_report(make_report({make_trial("t", {rich_run(options)})}).trials[0], "t", "t");
  for (const CaseLine& line : {report.goodput_line, report.ttft_line}) {
    EXPECT_LE(line.values.size(), kMostCasePoints);
    EXPECT_GE(line.values.size(), kMostCasePoints / 3);
    EXPECT_NEAR(line.step_s * static_cast<double>(line.values.size()), 60, line.step_s);
  }
}

TEST(SuiteReport, WhatIsNoMeasurementIsInvalidAndWhatWasStoppedInterrupted) {
  tokenlift::Run run = rich_run({});
  run.checks[0].passed = false;
  const auto status_of = [](const tokenlift::Run& of) {
    return case_report(make_report({make_trial("t", {of})}).trials[0], "t", "t").status;
  };
  EXPECT_EQ(status_of(run), CaseStatus::invalid);
  run.interrupted = true;
  EXPECT_EQ(status_of(run), CaseStatus::interrupted);
}

TEST(SuiteReport, CountsAndSaysWhatBecameOfItsCases) {
  EXPECT_EQ(suite_verdict(sample_suite()),
            "8 cases: 4 done, 1 invalid, 1 failed, 1 interrupted, 1 not run; 3 of 7 objectives "
            "met.");
  EXPECT_EQ(suite_verdict(without_cases()), "0 cases; no objectives.");
  SuiteReport suite = sample_suite();
  EXPECT_FALSE(counts_of(suite).all_well());
  suite.cases.resize(1);
  EXPECT_EQ(suite_verdict(suite), "1 case: 1 done; 1 of 1 objective met.");
  EXPECT_TRUE(counts_of(suite).all_well());
  suite.cases[0].objectives[0].met = false;
  EXPECT_FALSE(counts_of(suite).all_well());
}

TEST(SuiteReport, NamesHaveABaseAndSettings) {
  const auto parts = [](std::string_view name) {
    const CaseName of = parts_of(name);
    return of.base + "|" + of.settings;
  };
  EXPECT_EQ(parts("lift/rate=2/seed=1"), "lift|rate=2/seed=1");
  EXPECT_EQ(parts("a/lift"), "a/lift|");
  EXPECT_EQ(parts("lift/file=a/b/seed=1"), "lift|file=a/b/seed=1");
  EXPECT_EQ(parts(""), "|");
}

TEST(SuiteReport, StatusesAreReadBackByTheirNames) {
  for (const CaseStatus status : {CaseStatus::done, CaseStatus::invalid, CaseStatus::failed,
                                  CaseStatus::interrupted, CaseStatus::not_run}) {
    EXPECT_EQ(case_status(name_of(status)), status);
  }
  EXPECT_FALSE(case_status("Done"));
}

TEST(SuiteText, OfASuite) {
  expect_golden("suite_text", to_text(suite_page(sample_suite()), {}));
  expect_golden("suite_text_empty", to_text(suite_page(without_cases()), {}));
}

TEST(SuiteMarkdown, OfASuite) {
  expect_golden("suite_markdown", to_markdown(suite_page(sample_suite())));
}

TEST(SuiteMarkdown, WhatNamesHoldIsNoMarkup) {
  const std::string text = to_markdown(suite_page(hostile_suite()));
  EXPECT_EQ(text.find("<img"), std::string::npos);
  EXPECT_NE(text.find("onerror=alert(1)&gt;\\|\\`\\*\\_\\[a\\](b)"), std::string::npos) << text;
  EXPECT_EQ(text.find("@all"), std::string::npos) << "nobody is called";
}

TEST(SuiteMarkdown, AThousandCasesFitIntoACommentAndItSaysWhatIsLeftOut) {
  const std::string text = to_markdown(suite_page(large_suite(1000)));
  EXPECT_LT(text.size(), 65'536U);
  EXPECT_NE(text.find("- 850 more are in suite.json."), std::string::npos);
  EXPECT_NE(text.find("<summary>1,000 cases</summary>"), std::string::npos);
  EXPECT_NE(text.find("… and 83 more: the HTML page has them all."), std::string::npos);
}

TEST(SuiteJUnit, OfASuite) {
  expect_golden("suite_junit", suite_junit(sample_suite()));
}

/// Runs a program in Python on the text; true where it is content.
bool python_accepts(const std::string& text, const std::string& program) {
  const std::string path = testing::TempDir() + "tokenlift_junit_" + std::to_string(::getpid());
  std::ofstream(path, std::ios::binary) << text;
  const std::string command = "/usr/bin/python3 -c '" + program + "' '" + path + "'";
  const int status = std::system(command.c_str());
  std::remove(path.c_str());
  return status == 0;
}

TEST(SuiteJUnit, AnXmlReaderFindsWhatItsCountsSay) {
  const std::string program =
      "import sys, xml.etree.ElementTree as tree\n"
      "root = tree.parse(sys.argv[1]).getroot()\n"
      "assert root.tag == \"testsuites\"\n"
      "kinds = {\"failures\": \"failure\", \"errors\": \"error\", \"skipped\": \"skipped\"}\n"
      "for suite in [root, *root]:\n"
      "    assert int(suite.get(\"tests\")) == len(list(suite.iter(\"testcase\")))\n"
      "    for count, kind in kinds.items():\n"
      "        assert int(suite.get(count)) == len(list(suite.iter(kind))), (suite.attrib, kind)\n"
      "    times = sum(float(each.get(\"time\")) for each in suite.iter(\"testcase\"))\n"
      "    assert abs(times - float(suite.get(\"time\"))) < 1e-6\n"
      "for case in root.iter(\"testcase\"):\n"
      "    assert case.get(\"name\") and case.get(\"classname\") and len(case) <= 1\n"
      "    assert all(each.get(\"message\") for each in case)\n";
  for (const SuiteReport& suite :
       {sample_suite(), hostile_suite(), without_cases(), large_suite(50)}) {
    EXPECT_TRUE(python_accepts(suite_junit(suite), program)) << suite.name;
  }
  EXPECT_FALSE(python_accepts("<testsuites tests=\"1\"/>", program));
}

TEST(SuiteJUnit, SaysWhatAnObjectiveWasAndItsBound) {
  SuiteReport suite = sample_suite();
  suite.cases.resize(1);
  suite.cases[0].objectives = {{"ttft.p99_ms.after <= 500", false, 612.0}};
  const std::string text = suite_junit(suite);
  EXPECT_NE(text.find("<failure message=\"ttft.p99_ms.after &lt;= 500 is not met: it is 612\""),
            std::string::npos)
      << text;
}

TEST(SuiteHtml, FetchesNothingAndTrustsNoText) {
  const std::string page = to_html(suite_page(hostile_suite()));
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_EQ(page.find("<!--"), std::string::npos);
  EXPECT_EQ(page.find("href=\"javascript:"), std::string::npos);
  EXPECT_EQ(occurrences(page, "<script"), 1U);
  EXPECT_EQ(occurrences(page, "</script"), 1U);
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  for (const char* fetching : {"<link", "<iframe", "@import", "url(", " src="}) {
    const std::string own = to_html(suite_page(sample_suite()));
    EXPECT_EQ(own.find(fetching), std::string::npos) << fetching;
  }
}

TEST(SuiteHtml, ShowsEveryCaseWithItsChartsItsObjectivesAndTheLift) {
  const SuiteReport suite = sample_suite();
  const std::string page = to_html(suite_page(suite));
  EXPECT_EQ(occurrences(page, "<article class=\"case"), suite.cases.size());
  EXPECT_LT(page.find(suite_verdict(suite)), page.find("<article"));
  EXPECT_EQ(occurrences(page, "class=\"lift\""), 6U) << "two charts of three cases";
  EXPECT_NE(page.find("<a href=\"cases/lift/load=0.8/report.html\">load=0.8</a>"),
            std::string::npos);
  for (const CaseReport& each : suite.cases) {
    for (const ObjectiveResult& objective : each.objectives) {
      EXPECT_NE(page.find(escaped(objective.text)), std::string::npos) << objective.text;
    }
    if (!each.failure.empty()) {
      EXPECT_NE(page.find(escaped(each.failure)), std::string::npos);
    }
  }
  EXPECT_NE(to_html(suite_page(without_cases())).find("</html>"), std::string::npos);
}

TEST(SuiteHtml, AThousandCasesTakeAFewMegabytes) {
  EXPECT_LT(to_html(suite_page(large_suite(1000))).size(), 3'500'000U);
}

TEST(SuiteHtml, ALineOfNoValuesOrNoFiniteOnesIsNotDrawn) {
  SuiteReport suite = sample_suite();
  suite.cases.resize(1);
  suite.cases[0].goodput_line = {1, {INFINITY, std::nullopt}};
  suite.cases[0].ttft_line = {1, {}};
  EXPECT_EQ(to_html(suite_page(suite)).find("<svg"), std::string::npos);
}

RC_GTEST_PROP(SuiteFormats, AnyTextLeavesThePageAndTheTableWhole, (const std::string& text)) {
  SuiteReport suite{text, text, {text}, text, text, {}};
  CaseReport each{text, text, CaseStatus::failed, text};
  each.objectives = {{text, false, {}, text}};
  suite.cases = {each};
  RC_ASSERT(occurrences(to_html(suite_page(suite)), "<script") == 1U);
  RC_ASSERT(occurrences(to_html(suite_page(suite)), "<article") == 1U);
  RC_ASSERT(occurrences(suite_junit(suite), "<testcase ") == 2U);
}

TEST(SuiteJson, IsReadBackAsFarAsItTakesToGoOn) {
  const SuiteReport suite = sample_suite();
  const SuiteIndex index = read_suite(to_json(suite), "suite.json");
  EXPECT_EQ(index.name, "nightly");
  ASSERT_EQ(index.cases.size(), suite.cases.size());
  for (std::size_t i = 0; i < suite.cases.size(); ++i) {
    EXPECT_EQ(index.cases[i].name, suite.cases[i].name);
    EXPECT_EQ(index.cases[i].folder, suite.cases[i].folder);
    EXPECT_EQ(index.cases[i].status, suite.cases[i].status);
    EXPECT_EQ(index.cases[i].runs, suite.cases[i].runs);
    EXPECT_EQ(index.cases[i].elapsed_s, suite.cases[i].elapsed_s);
  }
}

TEST(SuiteJson, HoldsTheObjectivesAndTheFigures) {
  const Json json = Json::parse(to_json(sample_suite()));
  EXPECT_EQ(json["schema"], kSuiteSchema);
  EXPECT_EQ(json["objectives"]["met"], 3);
  const Json& each = json["cases"][1];
  EXPECT_EQ(each["objectives"][1]["met"], false);
  EXPECT_EQ(each["objectives"][1]["value"], nullptr);
  EXPECT_EQ(each["objectives"][1]["reason"], "p999: needs 10000 samples, has 1320");
  EXPECT_EQ(each["goodput_gain"]["change_is"], "ratio");
  EXPECT_EQ(each["phases"][2]["name"], "after");
  EXPECT_EQ(json["cases"][3]["goodput_gain"], nullptr);
}

TEST(SuiteJson, AMistakeHasItsPlace) {
  const auto error_of = [](const Json& json) -> std::string {
    try {
      read_suite(json.dump(), "suite.json");
    } catch (const RunFileError& error) {
      return error.what();
    }
    return "none";
  };
  const Json good = Json::parse(to_json(sample_suite()));
  EXPECT_EQ(error_of(good), "none");
  Json json = good;
  json["cases"][2]["status"] = "fine";
  EXPECT_EQ(error_of(json),
            "suite.json: /cases/2/status: must be \"done\", \"invalid\", \"failed\", "
            "\"interrupted\" or \"not run\"");
  json = good;
  json["cases"][1]["name"] = json["cases"][0]["name"];
  EXPECT_EQ(error_of(json), "suite.json: /cases/1/name: is there twice");
  json = good;
  json["cases"][0].erase("folder");
  EXPECT_EQ(error_of(json), "suite.json: /cases/0: the key \"folder\" is missing");
  json = good;
  json["cases"][0]["runs"] = -1;
  EXPECT_EQ(error_of(json), "suite.json: /cases/0/runs: must be an integer from 0");
  json = good;
  json["schema"] = "tokenlift.suite/9";
  EXPECT_EQ(error_of(json),
            "suite.json: /schema: is \"tokenlift.suite/9\"; this version of tokenlift reads "
            "\"tokenlift.suite/1\"");
  EXPECT_EQ(error_of(Json::array()),
            "suite.json: is not a suite of tokenlift: it has no \"schema\"");
  EXPECT_THROW(read_suite("{\"schema\": ", "suite.json"), RunFileError);
}

RC_GTEST_PROP(SuiteJson, NoTextIsReadButAsASuiteOrAnError, (const std::string& text)) {
  static const std::string good = to_json(sample_suite());
  std::string broken = good;
  const auto at = *rc::gen::inRange<std::size_t>(0, broken.size());
  broken.replace(at, std::min<std::size_t>(text.size(), broken.size() - at), text);
  for (const std::string& each : {text, broken}) {
    try {
      RC_ASSERT(!read_suite(each, "x").cases.empty() || each.find("schema") != std::string::npos);
    } catch (const RunFileError& error) {
      RC_ASSERT(error.source() == "x");
    }
  }
}

std::vector<std::string> heads_of(const Table& table) {
  std::vector<std::string> heads;
  for (const Cell& cell : table.rows.at(0)) heads.push_back(cell.text);
  return heads;
}

TEST(SuiteTable, HasTheColumnsThatAreChosenInTheirOrder) {
  const SuiteReport suite = sample_suite();
  const std::vector<std::string> columns = {"itl_p99", "tpot_p50", "throughput"};
  EXPECT_EQ(heads_of(suite_table(suite.cases, columns)),
            (std::vector<std::string>{"case", "status", "ITL p99", "TPOT p50", "throughput"}));
  const std::vector<std::string> all = suite_columns();
  EXPECT_EQ(suite_table(suite.cases, all).rows[0].size(), 2 + all.size());
  SuiteReport chosen = suite;
  chosen.columns = columns;
  EXPECT_NE(to_markdown(suite_page(chosen)).find("ITL p99"), std::string::npos);
}

TEST(SuiteTable, NothingIsGreenOfWhatIsNoMeasurement) {
  CaseReport report = rich_case("lift", 1);
  report.objectives = {{"goodput.gain >= 1", true, 3}};
  const auto greens = [&] {
    std::size_t count = 0;
    for (const std::vector<Cell>& row : suite_table({&report, 1}).rows) {
      for (const Cell& cell : row) count += cell.ink == Ink::green ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(greens(), 2U);
  report.status = CaseStatus::invalid;
  EXPECT_EQ(greens(), 0U);
}

TEST(SuiteReport, AMissedObjectiveNeverReadsAsIfItWereMet) {
  ObjectiveResult objective{"ttft.p50_ms.after <= 10", false, 10.0004};
  objective.bound = 10;
  EXPECT_EQ(missed_text(objective), "ttft.p50_ms.after <= 10 is not met: it is 10.0004");
  objective.value = 10.04;
  EXPECT_EQ(value_text(objective), "it is 10.04");
  objective.bound = 10.045;
  objective.value = 10.0451;
  EXPECT_EQ(value_text(objective), "it is 10.05");
  objective.bound = 1'000;
  objective.value = 1'234;
  EXPECT_EQ(value_text(objective), "it is 1,234");
}

TEST(SuiteReport, AGainOverNextToNothingIsADifference) {
  std::vector<tokenlift::Run> runs = rich_repetitions({}, 3);
  for (tokenlift::Run& run : runs) {
    for (TenantRecord& tenant : run.tenants) tenant.phases[0].goodput_tokens /= 20;
  }
  const CaseReport report = case_report(make_report({make_trial("t", runs)}).trials[0], "t", "t");
  ASSERT_TRUE(report.goodput);
  EXPECT_TRUE(report.goodput->is_difference);
  EXPECT_NEAR(report.goodput->change.value.value(),
              *report.goodput->after - *report.goodput->before, 1);
  EXPECT_TRUE(report.goodput->change.interval.has_value());
}

ComparedCase case_of(const std::string& name, double factor) {
  FigureSet set;
  set.phase = "after";
  set.name = "ttft p50";
  set.unit = "ns";
  set.higher_is_better = false;
  set.primary = true;
  CaseFigures base;
  base.runs = 3;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    base.seeds.push_back(seed);
    set.runs.push_back({seed, 3e7 * (1 + 0.001 * static_cast<double>(seed)), 0});
  }
  base.figures = {set};
  CaseFigures contender = base;
  for (RunFigure& run : contender.figures[0].runs) run.value *= factor;
  return {name, base, contender, {}};
}

TEST(SuiteAnswer, SaysWhatWasDoneWhatCameOutAndWhatFollows) {
  SuiteReport suite{"s", "", {}, "", "", {rich_case("a", 1), rich_case("b", 1)}};
  EXPECT_TRUE(suite_answer(without_cases()).empty());
  std::vector<std::string> said = suite_answer(suite);
  ASSERT_EQ(said.size(), 3U);
  EXPECT_EQ(said[0],
            "The suite 's' has 2 cases, of which 2 are valid measurements; 2 runs were made.");
  EXPECT_EQ(said[1], "Of 2 valid cases with a change, goodput rose in 2.");
  EXPECT_TRUE(said[2].starts_with("Nothing was asked of any case")) << said[2];
  suite.cases[0].objectives = {{"goodput.gain >= 1", true, 2}};
  EXPECT_EQ(suite_answer(suite)[2], "What was asked for is had in every case.");
  suite.cases[0].objectives[0].met = false;
  suite.cases[1].status = CaseStatus::failed;
  said = suite_answer(suite);
  EXPECT_EQ(said[2],
            "What was asked for is not had in 'a' and nothing can be decided by 'b' until "
            "it is run again.");
  suite.cases[0].status = CaseStatus::invalid;
  EXPECT_EQ(suite_answer(suite)[1], "Nothing was measured.");
}

TEST(SuiteJunit, ACaseThatIsWorseThanTheBaseOrOpenFails) {
  const SuiteReport suite{"s", "", {}, "", "", {rich_case("a", 1), rich_case("b", 1)}};
  const Comparison comparison = compare({case_of("a", 1), case_of("b", 1.2)}, {});
  const std::string xml = suite_junit(suite, &comparison);
  EXPECT_EQ(occurrences(xml, "is no worse than the base"), 2U);
  EXPECT_EQ(occurrences(xml, "<failure"), 1U);
  EXPECT_NE(xml.find("TTFT p50 in after is worse"), std::string::npos);
}

TEST(SuiteJunit, ASweepIsWorseWhereOneOfItsPointsIs) {
  const SuiteReport suite = suite_with_sweep();
  const Comparison comparison = compare({case_of(suite.cases[1].name + "/load=0.8", 1),
                                         case_of(suite.cases[1].name + "/load=0.9", 1.2)},
                                        {});
  const std::string xml = suite_junit(suite, &comparison);
  EXPECT_EQ(occurrences(xml, "is no worse than the base"), 1U);
  EXPECT_NE(xml.find("TTFT p50 in after at load=0.9 is worse"), std::string::npos);
  EXPECT_EQ(xml.find("at load=0.8"), std::string::npos);
  EXPECT_NE(xml.find("found &gt;= 0.98 is not met: it is 0.97"), std::string::npos);
}

TEST(SuitePage, SaysWhatItsSweepsFound) {
  const std::string text = to_markdown(suite_page(suite_with_sweep()));
  EXPECT_NE(text.find("The knee lies at load 0.8."), std::string::npos);
  EXPECT_NE(text.find("It is saturated from load 1 on."), std::string::npos);
  EXPECT_EQ(to_markdown(suite_page(sample_suite())).find("Sweeps"), std::string::npos);
}

TEST(SuiteCsv, HasARowPerCaseAndFigure) {
  const CaseFigures lift = case_figures(make_trial("", rich_repetitions({}, 3)));
  CaseFigures odd = case_of("b", 1).base;
  odd.figures[0].runs.clear();
  odd.figures[0].missing = "p50 needs 20 samples, and one has 3";
  const std::string csv = suite_csv({{"lift", "done", &lift}, {"=odd, b", "invalid", &odd}});
  EXPECT_EQ(occurrences(csv, "\n"), 1 + lift.figures.size() + 1);
  EXPECT_TRUE(csv.starts_with(
      "case,status,phase,figure,unit,gated,runs,mean,low,high,least,most,missing\n"));
  EXPECT_NE(csv.find("\nlift,done,after,ttft p50,ms,yes,3,"), std::string::npos);
  EXPECT_NE(csv.find("\nlift,done,before,ttft p50,ms,no,3,"), std::string::npos);
  EXPECT_NE(csv.find("\n\"'=odd, b\",invalid,after,ttft p50,ms,yes,0,,,,,,\"p50 needs 20 samples, "
                     "and one has 3\"\n"),
            std::string::npos);
}

TEST(LeastChanges, SoManyRunsShowWhatIsAsLargeAsTheyVary) {
  const CaseFigures quiet = case_of("a", 1).base;
  CaseFigures loud = quiet;
  for (RunFigure& run : loud.figures[0].runs) run.value *= run.seed == 2 ? 1.2 : 0.9;
  const LeastChanges little = least_changes({&quiet}, 3, {});
  const LeastChanges much = least_changes({&quiet, &loud}, 3, {});
  ASSERT_EQ(little.changes.size(), 1U);
  EXPECT_LT(little.changes[0].share, 0.1);
  EXPECT_GT(much.changes[0].share, 0.3);
  EXPECT_EQ(little.runs_needed, 3U);
  EXPECT_GT(much.runs_needed.value(), 10U);
  EXPECT_NE(shown_text(little).find("3 runs of 1 case show a change of "), std::string::npos);
  EXPECT_NE(repetitions_text(much).find(" repetitions on either side decide"), std::string::npos);
  // Nothing is known of runs that vary from one alone.
  CaseFigures one = quiet;
  one.runs = 1;
  one.seeds.resize(1);
  one.figures[0].runs.resize(1);
  EXPECT_EQ(shown_text(least_changes({&one}, 3, {})), "");
}

}  // namespace
}  // namespace tokenlift::suite_report_test
