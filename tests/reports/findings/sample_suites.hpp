#pragma once
// Suites made by hand for the tests of formats.

#include <string>
#include <utility>
#include <vector>

#include "reports/findings/report.hpp"
#include "reports/findings/suite_report.hpp"
#include "tests/reports/findings/sample_reports.hpp"
#include "tests/reports/record/rich_runs.hpp"

namespace tokenlift {

inline CaseReport rich_case(const std::string& name, double after, std::uint64_t seed = 7) {
  RichOptions options;
  options.after = after;
  options.seed = seed;
  const Report report = make_report({make_trial(name, {rich_run(options)})});
  CaseReport result = case_report(report.trials[0], name, "cases/" + name);
  result.elapsed_s = 60.25;
  return result;
}

/// Every status, met and missed objectives, names with settings and without.
inline SuiteReport sample_suite() {
  SuiteReport suite{"nightly",
                    "What lifting is worth.",
                    {"tokenlift", "suite", "nightly.toml", "--out", "it's here"},
                    "0.1.0",
                    "2026-05-06T12:00:00Z",
                    {}};
  for (const double after : {1.0, 0.8, 0.6}) {
    CaseReport each = rich_case("lift/load=" + std::to_string(after).substr(0, 3), after);
    each.drain_s = 6.1;
    const double gain = each.goodput->change.value.value_or(0);
    each.objectives = {
        {"goodput.gain >= 5", gain >= 5, gain},
        {"ttft.p999_ms.after <= 500", false, {}, "p999: needs 10000 samples, has 1320"}};
    if (after == 1.0) each.objectives.pop_back();
    suite.cases.push_back(std::move(each));
  }
  CaseReport steady = case_report(make_report({make_trial("steady", {steady_run()})}).trials[0],
                                  "steady", "cases/steady");
  suite.cases.push_back(steady);
  suite.cases.push_back(
      case_report(make_report({make_trial("", {invalid_run()})}).trials[0], "busy", "cases/busy"));
  suite.cases.back().status = CaseStatus::invalid;
  CaseReport failed{"broken", "cases/broken", CaseStatus::failed};
  failed.failure = "the endpoint answered 503";
  failed.objectives = {{"attainment.after >= 0.9", false, {}, "the case failed"}};
  suite.cases.push_back(failed);
  suite.cases.push_back(case_report(make_report({make_trial("", {invalid_run()})}).trials[0],
                                    "stopped", "cases/stopped"));
  suite.cases.push_back({"later", "cases/later"});
  suite.cases.back().objectives = {{"attainment.after >= 0.9", false, {}, "not run"}};
  return suite;
}

/// Runs, and a sweep.
inline SuiteReport suite_with_sweep() {
  SuiteReport suite = sample_suite();
  suite.cases.resize(1);
  CaseReport sweep{"curve/seed=1", "curve/seed=1", CaseStatus::done};
  sweep.engine = "virtual";
  sweep.runs = 60;
  sweep.sweep = CaseSweep{{"The knee lies at load 0.8.", "It is saturated from load 1 on."},
                          12,
                          0.8,
                          1,
                          {{"most load", "0.97"}},
                          8'000};
  sweep.objectives = {{"knee >= 0.7", true, 0.8, "", 0.7},
                      {"found >= 0.98", false, 0.97, "", 0.98}};
  suite.cases.push_back(std::move(sweep));
  return suite;
}

inline const std::string& hostile_text() {
  static const std::string text =
      "</script><!--<img src=x onerror=alert(1)>|`*_[a](b) \"'&#1;\x01\xFF]]> @all #7";
  return text;
}

/// All its texts try to break out of what they stand in.
inline SuiteReport hostile_suite() {
  const std::string& evil = hostile_text();
  SuiteReport suite{evil, evil, {evil}, evil, evil, {}};
  for (const CaseStatus status : {CaseStatus::done, CaseStatus::invalid, CaseStatus::failed,
                                  CaseStatus::interrupted, CaseStatus::not_run}) {
    CaseReport each = rich_case("x", 1);
    each.name = evil + std::string(name_of(status));
    each.folder = "javascript:alert(1)//" + evil;
    each.status = status;
    each.failure = each.engine = each.verdict = evil;
    each.validity = {evil, evil};
    each.objectives = {{evil, true, 1}, {evil, false, 2}, {evil, false, {}, evil}};
    suite.cases.push_back(std::move(each));
  }
  return suite;
}

inline SuiteReport large_suite(std::size_t cases) {
  SuiteReport suite{"large", "", {}, "0.1.0", "", {}};
  const CaseReport one = rich_case("lift", 0.9);
  for (std::size_t i = 0; i < cases; ++i) {
    suite.cases.push_back(one);
    suite.cases.back().name =
        "lift/rate=" + std::to_string(i / 20) + "/seed=" + std::to_string(i % 20);
    suite.cases.back().folder = "cases/" + suite.cases.back().name;
    suite.cases.back().objectives = {{"goodput.gain >= 1.5", i % 7 != 0, 2},
                                     {"ttft.p99_ms.after <= 500", true, 400}};
  }
  return suite;
}

}  // namespace tokenlift
