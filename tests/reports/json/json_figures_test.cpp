#include "reports/json/json_figures.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "reports/json/json_report.hpp"
#include "reports/json/json_run.hpp"
#include "tests/reports/findings/sample_reports.hpp"
#include "tests/reports/record/job_runs.hpp"
#include "tests/reports/record/rich_runs.hpp"
#include "tests/testing.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/tuning/defaults.hpp"

namespace tokenlift::json_figures_test {
namespace {

using Json = nlohmann::ordered_json;

std::optional<std::string> nothing_near(std::string_view, const std::vector<std::string>&) {
  return std::nullopt;
}

std::optional<std::string> first_candidate(std::string_view, const std::vector<std::string>& all) {
  return all.at(0);
}

std::vector<TrialReport> sample_trials() {
  std::vector<TrialReport> trials = side_by_side_report().trials;
  for (const tokenlift::Run& run : sample_runs()) {
    trials.push_back(make_report({make_trial("sample", {run})}).trials[0]);
  }
  trials.push_back(make_report({make_trial("cost", {cost_run_after(46.8)})}).trials[0]);
  trials.push_back(make_report({make_trial("rich", rich_repetitions({}, 3))}).trials[0]);
  return trials;
}

void collect_numbers(const Json& json, std::vector<double>& numbers) {
  if (json.is_number()) numbers.push_back(json.get<double>());
  if (!json.is_structured()) return;
  for (const auto& [key, value] : json.items()) collect_numbers(value, numbers);
}

TEST(JsonFigures, EveryNumberOfAReportHasOnePathThatIsNoMistake) {
  for (const TrialReport& trial : sample_trials()) {
    Report alone;
    alone.trials = {trial};
    std::vector<double> expected;
    collect_numbers(Json::parse(to_json(alone))["trials"][0], expected);
    // Beyond report.json: the whole run's counts, and tenants and throttles by phase.
    Json run = Json::parse(to_json(trial.trial.lifted.pooled));
    for (Json& tenant : run["tenants"]) {
      tenant.erase("columns");
      tenant.erase("users");  // as the scenario says, and no figure
      for (Json& phase : tenant["phases"]) phase.erase("recorded");
    }
    for (Json& throttle : run["throttles"]) {
      throttle.erase("limits");
      for (Json& phase : throttle["phases"]) {  // run.json has sums as text
        for (const std::string what : {"taken", "refunded"}) {
          phase[what + "_units"] = std::stod(phase[what + "_microunits"].get<std::string>()) / 1e6;
        }
      }
    }
    for (const char* key : {"totals", "tenants", "throttles"}) collect_numbers(run[key], expected);

    const std::vector<TrialFigure> figures = figures_of(trial);
    std::vector<double> found;
    std::set<std::string> paths;
    for (const TrialFigure& figure : figures) {
      EXPECT_EQ(path_mistake(figure.path, nothing_near), "") << figure.path;
      EXPECT_TRUE(paths.insert(figure.path).second) << figure.path;
      EXPECT_NE(figure.value.has_value(), !figure.reason.empty()) << figure.path;
      EXPECT_EQ(figure_at(figures, figure.path).value, figure.value) << figure.path;
      if (figure.value) found.push_back(*figure.value);
    }
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, expected) << trial.trial.label;
  }
}

TEST(JsonFigures, AreTheFiguresOfTheirNames) {
  const TrialReport lift = lift_report().trials[0];
  const std::vector<TrialFigure> figures = figures_of(lift);
  const auto at = [&](const char* path) { return figure_at(figures, path).value.value_or(NAN); };
  EXPECT_EQ(at("counts.expired.before"), 120);
  EXPECT_EQ(at("throughput_tokens_per_s.after"), 3000);
  EXPECT_DOUBLE_EQ(at("attainment.before"), 0.16);
  EXPECT_NEAR(at("ttft.p50_ms.after"), 28, 0.5);
  EXPECT_EQ(at("ttft.count.after"), 1080);
  EXPECT_EQ(at("throughput.gain"), 1.5);
  EXPECT_EQ(at("throughput.gain.low"), 1.42);
  EXPECT_EQ(at("goodput.difference"), 2969);
  EXPECT_EQ(at("ttft.p50_ms.gain"), 0.0272);
  EXPECT_EQ(at("lift.drain_time_s"), 2.4);
  EXPECT_EQ(at("lift.unlock_latency_s"), 0.002);
  EXPECT_EQ(at("lift.slo_debt_requests"), 50);
  EXPECT_EQ(at("lift.goodput.rise_time_s"), 1.25);
  EXPECT_EQ(at("lift.change_points.points.1.from"), 2000);
  EXPECT_EQ(at("mean_ttft_ms.throttle_wait.before"), 990);
  EXPECT_EQ(at("tenants.users.counts.due.after"), 1080);
  EXPECT_EQ(at("throttles.output limit.held.before"), 540);
  EXPECT_EQ(at("validity.checks.delivered load.limit"), 0.99);
  EXPECT_EQ(at("totals.due"), 2200);
  EXPECT_EQ(at("runs"), 1);
  const std::vector<TrialFigure> controlled = figures_of(side_by_side_report().trials[1]);
  EXPECT_DOUBLE_EQ(*figure_at(controlled, "ttft.p50_ms.effect.transition").value, -747);
  EXPECT_DOUBLE_EQ(*figure_at(controlled, "throughput.effect.low.transition").value, 420);
  EXPECT_EQ(figure_at(controlled, "lift.starvation.research.s").value, 1.75);
}

TEST(JsonFigures, WhatIsAbsentHasItsReason) {
  const std::vector<TrialFigure> lift = figures_of(lift_report().trials[0]);
  const std::vector<TrialFigure> steady = figures_of(side_by_side_report().trials[2]);
  const auto reason = [](const std::vector<TrialFigure>& figures, const char* path) {
    const TrialFigure figure = figure_at(figures, path);
    EXPECT_FALSE(figure.value) << path;
    return figure.reason;
  };
  EXPECT_EQ(reason(lift, "ttft.p99_ms.before"), "p99: needs 1000 samples, has 480");
  EXPECT_EQ(reason(lift, "lift.waiter_release_lag_s"), "nobody was waiting");
  EXPECT_EQ(reason(lift, "ttft.p99_ms.gain"), "p99 needs 1,000 requests");
  EXPECT_EQ(reason(lift, "goodput.gain"),
            "it is 0 in some run, so there is no ratio; goodput.difference has the change");
  EXPECT_EQ(reason(lift, "goodput.gain.low"),
            "it is 0 in some run, so there is no ratio; goodput.difference has the change");
  EXPECT_EQ(reason(lift, "throughput.difference"), "throughput.gain has the change");
  EXPECT_EQ(reason(lift, "goodput.effect.after"), "there are no runs without the lift");
  EXPECT_EQ(reason(lift, "attainment.steady"), "there is no phase \"steady\"");
  EXPECT_EQ(reason(lift, "tenants.nobody.attainment.after"), "this run has none");
  EXPECT_EQ(reason(steady, "goodput.gain"), "nothing was lifted");
  EXPECT_EQ(reason(steady, "lift.drain_time_s"), "nothing was lifted");
}

TEST(JsonFigures, OfJobsAreThereByTheirNames) {
  const auto figures = figures_of(analyse(make_trial("", {job_run()})));
  EXPECT_EQ(figure_at(figures, "jobs.training.steps_per_hour.after").value, 7200);
  EXPECT_EQ(figure_at(figures, "jobs.training.stalled_share.before").value, 0.5);
  EXPECT_EQ(path_mistake("jobs.training.steps_per_hour.after", nothing_near), "");
  EXPECT_NE(path_mistake("jobs.training.step_per_hour.after", nothing_near), "");
}

TEST(JsonFigures, OfMoneyAreThereWhereThereArePrices) {
  const auto figures = figures_of(analyse(make_trial("", {cost_run_after(46.8)})));
  EXPECT_EQ(figure_at(figures, "usd_per_m_output_tokens.before").value, 5);
  EXPECT_EQ(figure_at(figures, "break_even_use.before").value, 0.75);
  EXPECT_NEAR(*figure_at(figures, "marginal.usd_per_m_output_tokens").value, 3, 1e-3);
  const auto without = figures_of(analyse(make_trial("", {lift_run()})));
  for (const char* const path : {"usd.after", "kwh.after", "marginal.usd_per_hour"}) {
    EXPECT_EQ(figure_at(without, path).reason,
              "the scenario states no price or power that it follows from");
  }
}

TEST(JsonFigures, NothingIsAttainedWhereNoTenantHasObjectives) {
  auto run = steady_run();
  EXPECT_TRUE(figure_at(figures_of(analyse(make_trial("", {run}))), "attainment.steady").value);
  for (TenantRecord& tenant : run.tenants) tenant.has_objectives = false;
  const TrialFigure none =
      figure_at(figures_of(analyse(make_trial("", {run}))), "attainment.steady");
  EXPECT_FALSE(none.value);
  EXPECT_EQ(none.reason, "no tenant has objectives (slo)");
}

TEST(JsonFigures, AMistakeNamesTheWordAndWhatIsPossible) {
  EXPECT_EQ(path_mistake("runs.after", nothing_near),
            "\"runs\" has no \"after\": it is a figure itself");
  EXPECT_EQ(path_mistake("counts.due", nothing_near),
            "\"counts.due\" is not one figure; possible after it are \"before\", \"transition\", "
            "\"after\", \"steady\"");
  EXPECT_EQ(path_mistake("counts.due.afer", nothing_near),
            "\"counts.due\" has no \"afer\"; possible are \"before\", \"transition\", \"after\", "
            "\"steady\"");
  EXPECT_EQ(path_mistake("tfft.p99_ms.after",
                         [](std::string_view word, const auto& candidates) {
                           EXPECT_EQ(word, "tfft");
                           EXPECT_NE(std::find(candidates.begin(), candidates.end(), "ttft"),
                                     candidates.end());
                           return std::optional<std::string>("ttft");
                         }),
            "there is no figure \"tfft\"; did you mean \"ttft\"?");
  for (const char* path : {"", ".", "ttft", "ttft.", "ttft.p98_ms.after", "ttft.after.p99_ms",
                           "lift", "tenants", "tenants..weight", "goodput.gain.after.after"}) {
    EXPECT_NE(path_mistake(path, nothing_near), "") << path;
  }
}

TEST(JsonFigures, EveryPathInTheDocumentationIsOne) {
  std::ifstream file(source_folder() + "/reports/objectives.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t begin = text.find("| path | figure |");
  const std::size_t end = text.find("\n\n", begin);
  ASSERT_NE(begin, std::string::npos);
  std::size_t paths = 0;
  std::istringstream rows(text.substr(begin, end - begin));
  for (std::string row; std::getline(rows, row);) {
    const std::string cell = row.substr(0, row.find('|', 1));
    for (auto at = cell.find('`'); at != std::string::npos; at = cell.find('`', at + 1)) {
      const std::size_t close = cell.find('`', at + 1);
      EXPECT_EQ(path_mistake(cell.substr(at + 1, close - at - 1), nothing_near), "") << row;
      at = close;
      ++paths;
    }
  }
  EXPECT_GT(paths, 20U);
}

TEST(JsonFigures, HaveWhatIsSearchedByDefault) {
  for (const BuiltinScenario& builtin : builtin_scenarios()) {
    const Scenario scenario = parse_scenario(builtin.text, builtin.name, "", {});
    for (const bool lift : {false, true}) {
      const std::vector<std::size_t> measured = measured_events(scenario);
      const bool is_lift = measured.size() == 1 && !scenario.events[measured[0]].throttle.empty();
      if (lift && !is_lift) continue;
      Tuning tuning;
      tuning.lift = lift;
      tuning = complete_tuning(tuning, scenario, resolve(scenario, 5000.0), builtin_profiles());
      EXPECT_EQ(path_mistake(tuning.objective->path, nothing_near), "") << builtin.name;
      for (const Objective& constraint : tuning.constraints) {
        EXPECT_EQ(path_mistake(constraint.path, nothing_near), "") << builtin.name;
      }
    }
  }
}

TEST(JsonFigures, AShareIsHeldAgainstAShare) {
  for (const char* const path :
       {"attainment.after", "tenants.users.attainment.before", "utilisation.after",
        "unserved.share.transition", "lift.binding_fraction", "lift.not_back_share",
        "paid_use_share.after"}) {
    EXPECT_EQ(path_mistake(path, nothing_near), "") << path;
    for (const double bound : {0.0, 0.95, 1.0}) EXPECT_EQ(bound_mistake(path, bound), "") << path;
    for (const double bound : {-0.1, 1.01, 1e9}) EXPECT_NE(bound_mistake(path, bound), "") << path;
  }
  EXPECT_EQ(bound_mistake("attainment.before", 95),
            "\"attainment\" is a share, between 0 and 1, and is held against 95; 95 % is 0.95");
  for (const char* const path :
       {"goodput_tokens_per_s.after", "attainment.gain", "break_even_use.after",
        "attainment.difference.low", "ttft.p99_ms.before"}) {
    EXPECT_EQ(bound_mistake(path, 95), "") << path;
  }
}

TEST(JsonFigures, NamesMayHoldFullStops) {
  EXPECT_EQ(path_mistake("tenants.a.b.attainment.after", nothing_near), "");
  tokenlift::Run run = lift_run();
  run.tenants[0].name = "a.b";
  const TrialReport trial = make_report({make_trial("", {run})}).trials[0];
  EXPECT_EQ(figure_at(figures_of(trial), "tenants.a.b.counts.due.after").value, 1080.0);
  EXPECT_EQ(figure_at(figures_of(trial), "tenants.\"a.b\".counts.due.after").value, 1080.0);
}

RC_GTEST_PROP(JsonFigures, APathWithAWordTooFewOrTooManyIsAMistake, ()) {
  const std::string path = *rc::gen::elementOf(figure_paths());
  RC_PRE(path.find('*') == std::string::npos);
  RC_ASSERT(path_mistake(path, first_candidate).empty());
  RC_ASSERT(!path_mistake(path + ".surprise", first_candidate).empty());
  RC_ASSERT(!path_mistake("surprise." + path, first_candidate).empty());
}

}  // namespace
}  // namespace tokenlift::json_figures_test
