#include "bench/tune/tuner.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "bench/machine/output_folder.hpp"
#include "bench/tune/attempt_work.hpp"
#include "bench/tune/floors.hpp"
#include "bench/tune/verification.hpp"
#include "reports/analysis/trial.hpp"
#include "reports/findings/report.hpp"
#include "reports/json/json_evaluation.hpp"
#include "reports/json/json_figures.hpp"
#include "reports/json/json_run.hpp"
#include "reports/json/json_tuning.hpp"
#include "tests/bench/machine/played_ranks.hpp"
#include "tests/bench/run/one_step_queue.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/tuning/candidate.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::tuner_test {
namespace {

namespace fs = std::filesystem;

const std::atomic<bool> kNeverStopped = false;

/// A line that is overrun, behind a limit on how many may be in it.
Scenario overrun_line() {
  Scenario scenario = one_step_queue(exponential_service(1e-3), 1, 1.3, 1500, 1);
  scenario.tenants[0].slo.ttft_ns = 8'000'000;
  Throttle throttle;
  throttle.name = "limit";
  throttle.kind = ThrottleKind::concurrency;
  throttle.unit = Unit::requests;
  throttle.limit = 100;
  throttle.when_full = WhenFull::reject;
  scenario.throttles.push_back(throttle);
  scenario.tuning.emplace().parameters = {
      {"throttle.limit.limit", ParameterScale::log_integer, ParameterForm::number, 1, 200, {}, ""}};
  return scenario;
}

TuningProblem problem_of(const Scenario& scenario) {
  return *make_tuning_problem({scenario.name, "", to_toml(scenario)}, {}, {}, kNeverStopped);
}

constexpr TuningBudget kSmall = {400'000, {}};

TuningReport tuned(const TuningProblem& problem, std::size_t workers_count = 1,
                   TuningJournal* journal = nullptr, TuningBudget budget = kSmall,
                   Ranks* ranks = nullptr) {
  WorkPool pool(workers_count, ranks);
  return Tuner(problem, budget, {}, pool, kNeverStopped, journal, {}).run();
}

/// What two searches have in common: all but when and how long.
std::string essence(TuningReport report) {
  report.started_at.clear();
  report.elapsed_s = 0;
  return to_json(report);
}

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "tuner_test.XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// ---------------------------------------------------------------------------------- the simulator

TEST(TuningSimulator, TheSameAttemptGivesTheSameFiguresAndMoreRunsBeginWithTheSameSeeds) {
  const TuningProblem problem = problem_of(overrun_line());
  const TuningSimulator simulator(problem, {}, kNeverStopped);
  const TuningFigures few = *simulator.figures({{0.5}, {2, 1}, Stress::none, true});
  const TuningFigures again = *simulator.figures({{0.5}, {2, 1}, Stress::none, true});
  const TuningFigures more = *simulator.figures({{0.5}, {4, 1}, Stress::none, true});
  EXPECT_EQ(few.objective, again.objective);
  EXPECT_EQ(few.requests, again.requests);
  ASSERT_EQ(few.objective_by_run.size(), 2U);
  ASSERT_EQ(more.objective_by_run.size(), 4U);
  EXPECT_EQ(few.objective_by_run[1], more.objective_by_run[1]);
}

TEST(TuningSimulator, WithoutAPointTheScenarioIsAsItIs) {
  const TuningProblem problem = problem_of(overrun_line());
  const TuningSimulator simulator(problem, {}, kNeverStopped);
  const double position = *position_of(problem.tuning.parameters[0], "100");
  EXPECT_EQ(simulator.figures({{}, {1, 1}, Stress::none, false})->objective,
            simulator.figures({{position}, {1, 1}, Stress::none, false})->objective);
}

TEST(TuningSimulator, AShorterRunMeasuresForAsMuchLess) {
  const TuningProblem problem = problem_of(overrun_line());
  const TuningSimulator simulator(problem, {}, kNeverStopped);
  EXPECT_TRUE(can_be_shortened(problem.scenario));
  const auto measured_ns = [&](double share) {
    return simulator.trial({{}, {1, share}, Stress::none, false})
        ->lifted.pooled.phases.at(0)
        .length_ns;
  };
  EXPECT_NEAR(static_cast<double>(measured_ns(0.25)), static_cast<double>(measured_ns(1)) / 4, 1);
}

// $3,600 an hour, whatever the limit: tokens in time are cheapest where there are most of them.
TEST(TuningSimulator, TheObjectiveMayBeACost) {
  Scenario scenario = overrun_line();
  scenario.fleet.sites[0].cost.emplace().price.emplace().usd_per_month = 2'629'800;
  scenario.tuning->objective = Aim{"usd_per_m_goodput_tokens.steady", false};
  const TuningProblem problem = problem_of(scenario);
  const TuningSimulator simulator(problem, {}, kNeverStopped);
  const auto figures_at = [&](const char* limit) {
    const double position = *position_of(problem.tuning.parameters[0], limit);
    return *simulator.figures({{position}, {1, 1}, Stress::none, false});
  };
  for (const char* const limit : {"4", "16"}) {
    const TuningFigures figures = figures_at(limit);
    ASSERT_TRUE(figures.objective) << limit;
    EXPECT_NEAR(*figures.objective * *figures.goodput_tokens_per_s, 1e6, 1) << limit;
  }
  EXPECT_LT(*figures_at("4").objective, *figures_at("16").objective);
  EXPECT_FALSE(figures_at("100").objective) << "nothing was in time";
}

TEST(TuningSimulator, ACandidateThatIsNoScenarioSaysWhy) {
  Scenario scenario = overrun_line();
  TuningProblem problem = problem_of(scenario);
  problem.tuning.parameters[0].key = "throttle.limit.rate";  // a concurrency limit has none
  const TuningSimulator simulator(problem, {}, kNeverStopped);
  const TuningFigures figures = *simulator.figures({{0.5}, {1, 1}, Stress::none, false});
  EXPECT_NE(figures.failure, "");
  EXPECT_FALSE(figures.feasible());
}

TEST(TuningSimulator, AConstraintSaysByHowMuchItIsMissedOrMet) {
  Scenario scenario = overrun_line();
  const TuningProblem plain = problem_of(scenario);
  const double p99_ms = *TuningSimulator(plain, {}, kNeverStopped)
                             .figures({{}, {4, 1}, Stress::none, false})
                             ->ttft_p99_ms;
  TuningProblem problem = plain;
  problem.tuning.constraints = {{"half", "ttft.p99_ms.steady", Relation::at_most, p99_ms / 2},
                                {"twice", "ttft.p99_ms.steady", Relation::at_most, p99_ms * 2},
                                {"no such phase", "ttft.p99_ms.after", Relation::at_most, 1}};
  const TuningFigures figures =
      *TuningSimulator(problem, {}, kNeverStopped).figures({{}, {4, 1}, Stress::none, false});
  ASSERT_EQ(figures.constraints.size(), 3U);
  EXPECT_NEAR(figures.constraints[0].violation, 1, 1e-9);
  EXPECT_TRUE(figures.constraints[1].met);
  EXPECT_NEAR(figures.constraints[1].room, 0.5, 1e-9);
  EXPECT_FALSE(figures.constraints[2].value);
  EXPECT_EQ(figures.constraints[2].reason, "there is no phase \"after\"");
}

// -------------------------------------------------------------------------------------- the tuner

TEST(Tuner, ReportsTheSameWhateverTheNumberOfWorkers) {
  const TuningProblem problem = problem_of(overrun_line());
  EXPECT_EQ(essence(tuned(problem, 1)), essence(tuned(problem, 3)));
}

TEST(Tuner, ReportsTheSameWhereAnotherRankSimulatesAsWell) {
  Scenario scenario = overrun_line();
  scenario.tenants[0].slo.e2e_ns = 40'000'000;  // so that there is a floor, too
  const TuningProblem problem = problem_of(scenario);
  PlayedRanks ranks({{kAttemptWork, attempt_worker({}, kNeverStopped)}});
  EXPECT_EQ(essence(tuned(problem, 1, nullptr, kSmall, &ranks)), essence(tuned(problem)));
}

TEST(AttemptWork, GivesTheFiguresThatThisProcessFinds) {
  TuningProblem problem = problem_of(overrun_line());
  const std::string floor = "attainment.steady >= 0.125";
  const auto worker = attempt_worker({}, kNeverStopped);
  const AttemptWork work(problem, {floor});
  problem.tuning.constraints.push_back(*parse_objective(floor).value);
  const TuningSimulator simulator(problem, {}, kNeverStopped);
  const std::vector<Attempt> attempts = {
      {{}, {1, 1}},
      {{0.3}, {2, 0.5}, Stress::more_load, true},
      {{1.0 / 3}, {1, 1}, Stress::none, false, {1.5, 2, "limit"}}};
  for (const Attempt& attempt : attempts) {
    const auto found = simulator.figures(attempt);
    const auto returned = returned_figures({false, worker(work.pack(attempt))});
    ASSERT_TRUE(found && returned);
    EXPECT_EQ(journal_line("", *returned), journal_line("", *found));
    EXPECT_EQ(returned->constraints.size(), problem.tuning.constraints.size());
  }
  const std::atomic<bool> stopped = true;
  EXPECT_FALSE(returned_figures({false, attempt_worker({}, stopped)(work.pack(attempts[0]))}));
}

TEST(Tuner, TellsOfTheRecommendedSettingWhatItGainsAndHowItActs) {
  const TuningReport report = tuned(problem_of(overrun_line()));
  ASSERT_TRUE(report.recommended);
  EXPECT_EQ(report.candidates[0].stage, "present");
  EXPECT_EQ(report.parameters[0].present, "100");
  ASSERT_EQ(report.changes.size(), 6U);
  EXPECT_EQ(report.changes[0].name, "goodput");
  EXPECT_GT(*report.changes[0].recommended, *report.changes[0].present);
  ASSERT_TRUE(report.changes[0].change.interval);
  EXPECT_GT(report.changes[0].change.interval->low, 1);
  // The response passes through the recommended value, and is best there, within the noise.
  const std::vector<ResponsePoint>& response = report.parameters[0].response;
  const auto at =
      std::ranges::find(response, report.parameters[0].recommended, &ResponsePoint::value);
  ASSERT_NE(at, response.end());
  for (const ResponsePoint& point : response) {
    EXPECT_LE(*point.objective, 1.02 * *at->objective) << point.value;
  }
  EXPECT_NE(report.toml.find("limit = " + report.parameters[0].recommended), std::string::npos);
  EXPECT_EQ(report.series.size(), 2U);
  EXPECT_FALSE(report.binding.empty());
  EXPECT_TRUE(std::ranges::any_of(report.candidates, &TuningCandidate::pareto));
  // What matters is said where enough points are of the whole range.
  const auto of_range = std::ranges::count(report.candidates, kWholeRange, &TuningCandidate::stage);
  EXPECT_EQ(report.parameters[0].sensitivity.has_value(), of_range >= 24) << of_range;
}

TEST(Tuner, WhereNothingIsFeasibleItSaysWhatCapacityWouldDo) {
  // 1.3 of what one server can do, all of it to be served: that takes 1.3 servers, so two.
  Scenario scenario = overrun_line();
  scenario.tuning->constraints = {
      {"attainment.steady >= 0.99", "attainment.steady", Relation::at_least, 0.99}};
  const TuningReport report = tuned(problem_of(scenario));
  EXPECT_FALSE(report.recommended);
  ASSERT_TRUE(report.infeasible);
  EXPECT_EQ(report.infeasible->constraint, 0U);
  ASSERT_FALSE(report.infeasible->remedies.empty());
  const Remedy& first = report.infeasible->remedies.front();
  EXPECT_TRUE(first.meets);
  EXPECT_GE(first.replicas, 2);
  EXPECT_LE(first.replicas, 4);
  EXPECT_NE(tuning_verdict(report).find("all are met with "), std::string::npos);
  for (const Remedy& each : report.infeasible->remedies) {
    EXPECT_TRUE(each.fleet > 1 || !each.meets) << "a wider limit does not serve what overruns";
  }
  EXPECT_LE(report.requests, static_cast<std::uint64_t>(*kSmall.requests));
}

TEST(Tuner, WhereALimitHoldsNoFleetIsCalledFor) {
  // Half of what the server can do, and a limit of one in flight that refuses a third of it.
  Scenario scenario = overrun_line();
  scenario.tenants[0].arrivals.rate.per_s = 500;
  scenario.throttles[0].limit = 1;
  scenario.tuning->parameters[0].min = 1;
  scenario.tuning->parameters[0].max = 2;
  scenario.tuning->constraints = {
      {"unserved.share.steady <= 0.05", "unserved.share.steady", Relation::at_most, 0.05}};
  const TuningReport report = tuned(problem_of(scenario));
  ASSERT_TRUE(report.infeasible);
  ASSERT_FALSE(report.infeasible->remedies.empty());
  const Remedy& first = report.infeasible->remedies.front();
  EXPECT_TRUE(first.meets);
  EXPECT_EQ(first.fleet, 1);
  EXPECT_GT(first.limits, 1);
  for (const Remedy& each : report.infeasible->remedies) {
    EXPECT_TRUE(each.fleet == 1 || !each.meets) << "a fleet alone does not open a limit";
  }
  EXPECT_NE(tuning_verdict(report).find("what 'limit' lets through"), std::string::npos);
  EXPECT_TRUE(std::ranges::any_of(report.binding, [](const std::string& each) {
    return each.starts_with("The throttle 'limit' holds 0 % and refuses ");
  }));
}

TEST(Tuner, KeepsToItsBudgetWithAllThatItSimulates) {
  const TuningProblem problem = problem_of(overrun_line());
  for (const std::int64_t requests : {100'000, 250'000, 700'000}) {
    const TuningReport report = tuned(problem, 1, nullptr, {requests, {}});
    EXPECT_LE(report.requests, static_cast<std::uint64_t>(requests));
    std::uint64_t of_stages = 0;
    for (const TuningStage& stage : report.stages) of_stages += stage.requests;
    EXPECT_EQ(of_stages, report.requests);
  }
}

TEST(Tuner, NoTenantLosesUnaskedAndWhoDoesIsSaid) {
  // One of two that are alike in all but weight; goodput of the first is to be had at the other's
  // cost.
  Scenario scenario = overrun_line();
  scenario.tenants.push_back(scenario.tenants[0]);
  for (Tenant& tenant : scenario.tenants) *tenant.arrivals.rate.per_s /= 4;
  scenario.tenants[0].name = "first";
  scenario.tenants[1].name = "second";
  TuningProblem problem = problem_of(scenario);
  const TuningSimulator simulator(problem, {}, kNeverStopped);
  const Trial present = *simulator.trial({{}, {2, 1}, Stress::none, false});
  const std::vector<Objective> both = floors_of(problem, present.lifted.pooled);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[1].path, "tenants.second.attainment.steady");
  const TrialFigure share =
      figure_at(figures_of(analyse(present)), "tenants.second.attainment.steady");
  EXPECT_LE(both[1].bound, *share.value - kToleratedLoss);
  EXPECT_GE(both[1].bound, *share.value - 0.1);
  // What is asked of a tenant takes the place of its floor.
  problem.tuning.constraints = {
      {"", "tenants.first.goodput_tokens_per_s.steady", Relation::at_least, 1}};
  const std::vector<Objective> one = floors_of(problem, present.lifted.pooled);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].path, "tenants.second.attainment.steady");
  problem.tuning.lift = true;
  EXPECT_TRUE(floors_of(problem, present.lifted.pooled).empty());
}

TEST(Tuner, WhatNoCapacityCanDoIsSaidToBeSo) {
  Scenario scenario = overrun_line();
  scenario.tuning->constraints = {
      {"counts.due.steady <= 1", "counts.due.steady", Relation::at_most, 1}};
  const TuningReport report = tuned(problem_of(scenario));
  ASSERT_TRUE(report.infeasible);
  ASSERT_FALSE(report.infeasible->remedies.empty());
  for (const Remedy& each : report.infeasible->remedies) EXPECT_FALSE(each.meets);
  EXPECT_EQ(tuning_verdict(report).find("all are met"), std::string::npos);
}

// ------------------------------------------------------------------------------------ the journal

TEST(TuningJournal, ASearchThatWasCutOffAnywhereEndsAsOneThatWasNot) {
  const TuningProblem problem = problem_of(overrun_line());
  const JournalHead head{to_toml(problem.scenario), problem.capacity_tokens_per_s, false};
  const Folder folder;
  std::string expected;
  {
    TuningJournal journal(folder.path(), head);
    expected = essence(tuned(problem, 1, &journal));
  }
  const fs::path file = folder.path() / kJournalFile;
  std::ifstream in(file);
  std::ostringstream whole;
  whole << in.rdbuf();
  // Also in the middle of a line, and after the last one.
  for (const double share : {0.0, 0.2, 0.61, 1.0}) {
    fs::resize_file(file,
                    static_cast<std::uintmax_t>(share * static_cast<double>(whole.str().size())));
    TuningJournal journal(folder.path(), head);
    EXPECT_EQ(essence(tuned(problem, 1, &journal)), expected) << share;
    if (share == 1) {
      EXPECT_GT(journal.found(), 50U);
    }
  }
}

TEST(TuningJournal, ASearchOfSomethingElseIsNotGoneOnWith) {
  const Folder folder;
  const JournalHead head{"a = 1", 5.0, false};
  { TuningJournal journal(folder.path(), head); }
  EXPECT_EQ(TuningJournal::head_in(folder.path()), head);
  EXPECT_NO_THROW(TuningJournal(folder.path(), head));
  EXPECT_THROW(TuningJournal(folder.path(), JournalHead{"a = 2", 5.0, false}), OtherSearch);
  EXPECT_THROW(TuningJournal(folder.path(), JournalHead{"a = 1", 5.0, true}), OtherSearch);
}

// Reading that file fails (EIO), and writing would not: as if it were empty, it would be cut.
TEST(TuningJournal, WhatCannotBeReadIsAnErrorAndNotEmpty) {
  const Folder folder;
  fs::create_symlink("/proc/self/mem", folder.path() / kJournalFile);
  const auto message_of = [](const auto& action) -> std::string {
    try {
      action();
    } catch (const RunFileError& error) {
      return error.what();
    }
    return "";
  };
  for (const std::string& message :
       {message_of([&] {
          TuningJournal(folder.path(), JournalHead{"a = 1", {}, false});
        }),
        message_of([&] { TuningJournal::head_in(folder.path()); })}) {
    EXPECT_NE(message.find("it cannot be read: "), std::string::npos) << message;
    EXPECT_NE(message.find(kJournalFile), std::string::npos) << message;
  }
}

TEST(TuningJournal, ALineThatIsNoneIsAnErrorWithItsPlace) {
  const Folder folder;
  const JournalHead head{"a = 1", {}, false};
  { TuningJournal journal(folder.path(), head); }
  std::ofstream(folder.path() / kJournalFile, std::ios::app) << "{\"attempt\": 3}\n";
  try {
    TuningJournal journal(folder.path(), head);
    FAIL();
  } catch (const RunFileError& error) {
    EXPECT_NE(std::string(error.what()).find("line 2"), std::string::npos) << error.what();
  }
}

// A journal gives back what went in, whatever that was.
RC_GTEST_PROP(TuningJournal, FiguresAreReadBackEqual, ()) {
  const auto number = [] {
    return *rc::gen::arbitrary<bool>()
               ? std::optional(*rc::gen::inRange(-1'000'000, 1'000'000) / 7.0)
               : std::nullopt;
  };
  TuningFigures figures;
  figures.runs = *rc::gen::inRange<std::uint64_t>(0, 100);
  figures.requests = *rc::gen::inRange<std::uint64_t>(0, 1'000'000);
  figures.objective = number();
  figures.ttft_p99_ms = number();
  figures.reason = *rc::gen::container<std::string>(rc::gen::inRange(' ', '~'));
  figures.objective_by_run = {0.1, 1e-300, 3};
  figures.constraints = {{number(), *rc::gen::arbitrary<bool>(), 0.25, "why", 0.5}};
  const auto [name, back] = read_journal_line(journal_line("some | \"words\"", figures), "here");
  RC_ASSERT(name == "some | \"words\"");
  RC_ASSERT(journal_line(name, back) == journal_line(name, figures));
  RC_ASSERT(back.objective == figures.objective);
  RC_ASSERT(back.constraints[0].value == figures.constraints[0].value);
}

// --------------------------------------------------------------------------------------- stresses

Scenario resolved(const Scenario& scenario) {
  return resolve(scenario, 1000);
}

TEST(Stress, ChangesTheLoadAndLeavesTheThrottlesAsTheyAre) {
  const Scenario scenario = resolved(overrun_line());
  const Scenario more = *stressed(scenario, Stress::more_load);
  EXPECT_DOUBLE_EQ(*more.tenants[0].arrivals.rate.per_s,
                   1.1 * *scenario.tenants[0].arrivals.rate.per_s);
  EXPECT_EQ(more.throttles, scenario.throttles);
  const Scenario less = *stressed(scenario, Stress::less_load);
  EXPECT_DOUBLE_EQ(*less.tenants[0].arrivals.rate.per_s,
                   0.9 * *scenario.tenants[0].arrivals.rate.per_s);
}

TEST(Stress, OutputsGetLongerAsFarAsTheyAreReserved) {
  Scenario scenario = resolved(overrun_line());
  EXPECT_FALSE(stressed(scenario, Stress::longer_outputs));  // one token, and one is reserved
  scenario.tenants[0].output_tokens = {Distribution::lognormal, 32, 0.5, 1, 96};
  scenario.tenants[0].max_tokens = 96;
  const Scenario longer = *stressed(scenario, Stress::longer_outputs);
  EXPECT_DOUBLE_EQ(longer.tenants[0].output_tokens.mean, 38.4);
  EXPECT_EQ(longer.tenants[0].output_tokens.max, 96);
  scenario.tenants[0].output_tokens = {Distribution::uniform, 0, 0, 10, 96};
  EXPECT_NEAR(mean_output_tokens(stressed(scenario, Stress::longer_outputs)->tenants[0]),
              1.2 * mean_output_tokens(scenario.tenants[0]), 1);
}

TEST(Stress, RetriesMakeADifferenceOnlyWhereSomebodyIsRefused) {
  Scenario scenario = resolved(overrun_line());
  EXPECT_EQ(stressed(scenario, Stress::retries)->tenants[0].retry.policy, RetryPolicy::exponential);
  scenario.tenants[0].retry.policy = RetryPolicy::fixed;
  EXPECT_FALSE(stressed(scenario, Stress::retries));
  scenario.tenants[0].retry.policy = RetryPolicy::none;
  scenario.throttles[0].when_full = WhenFull::queue;
  EXPECT_FALSE(stressed(scenario, Stress::retries));
}

TEST(Stress, FleetAndLimitsAreLargerApart) {
  Scenario scenario = resolved(overrun_line());
  scenario.fleet.sites[0].replicas = 3;
  scenario.throttles.push_back(scenario.throttles[0]);
  scenario.throttles[1].name = "other";
  const Scenario larger = enlarged(scenario, {1.5, 1, ""});
  EXPECT_EQ(larger.fleet.sites[0].replicas, 5);
  EXPECT_EQ(enlarged_replicas(scenario, 1.5), 5);
  EXPECT_EQ(larger.throttles, scenario.throttles);
  EXPECT_EQ(larger.tenants, scenario.tenants);
  const Scenario wider = enlarged(scenario, {1, 1.5, ""});
  EXPECT_EQ(wider.fleet, scenario.fleet);
  EXPECT_DOUBLE_EQ(*wider.throttles[0].limit, 150);
  EXPECT_DOUBLE_EQ(*wider.throttles[1].limit, 150);
  const Scenario one_wider = enlarged(scenario, {1, 1.5, "other"});
  EXPECT_EQ(one_wider.throttles[0], scenario.throttles[0]);
  EXPECT_DOUBLE_EQ(*one_wider.throttles[1].limit, 150);
}

// ----------------------------------------------------------------------------------- verification

VerifiedArm arm(const char* label, std::size_t candidate, std::vector<double> by_run) {
  VerifiedArm result;
  result.label = label;
  result.candidate = candidate;
  result.measured = spread_of(by_run).mean;
  result.measured_by_run = std::move(by_run);
  return result;
}

TEST(Verification, HoldsWhereTheOrderDoes) {
  const std::vector<VerifiedArm> arms = {arm("present", 0, {50, 52, 51}),
                                         arm("recommended", 7, {100, 101, 99}),
                                         arm("second", 9, {100, 100.5, 99.5})};
  EXPECT_TRUE(refusals_of(arms, 1, {}, true).empty());
  EXPECT_FALSE(refusals_of(arms, 1, {}, false).empty());  // to be minimized
}

TEST(Verification, RefusesWhereThePresentSettingIsBetter) {
  const std::vector<VerifiedArm> arms = {arm("present", 0, {104, 90, 130}),
                                         arm("recommended", 7, {100, 101, 99})};
  EXPECT_EQ(refusals_of(arms, 1, {}, true),
            std::vector<std::string>{"measured, the order flips: the present setting has 108, the "
                                     "recommended one 100."});
}

TEST(Verification, AnotherSettingMustBeSurelyBetter) {
  const VerifiedArm present = arm("present", 0, {10, 11, 10});
  const VerifiedArm chosen = arm("recommended", 7, {100, 101, 99});
  EXPECT_TRUE(
      refusals_of({present, chosen, arm("second", 9, {90, 100, 125})}, 1, {}, true).empty());
  EXPECT_FALSE(
      refusals_of({present, chosen, arm("second", 9, {105, 106, 104})}, 1, {}, true).empty());
  // Surely, but by less than anybody would care for.
  EXPECT_TRUE(
      refusals_of({present, chosen, arm("second", 9, {100.5, 101.5, 99.5})}, 1, {}, true).empty());
}

TEST(Verification, RefusesWhereAConstraintFailsOrHasNoValue) {
  std::vector<VerifiedArm> arms = {arm("present", 0, {50, 52, 51}),
                                   arm("recommended", 7, {100, 101, 99})};
  arms[1].constraints = {{612, false, 0.2}, {{}, false, 1, "p99 needs 1,000 samples"}};
  EXPECT_EQ(refusals_of(arms, 1, {"ttft.p99_ms.after <= 500", "e2e.p99_ms.after <= 1"}, true),
            (std::vector<std::string>{
                "measured, the constraint ttft.p99_ms.after <= 500 is missed: it is 612.",
                "measured, the constraint e2e.p99_ms.after <= 1 has no value: p99 needs 1,000 "
                "samples."}));
}

TEST(Verification, RunsThePresentSettingAndTheBestThree) {
  TuningReport report;
  report.candidates.resize(9);
  report.recommended = 4;
  for (const std::size_t candidate : {4U, 2U, 0U, 7U, 8U}) report.finalists.push_back({candidate});
  std::vector<std::size_t> verified;
  for (const VerifiedArm& each : arms_to_verify(report)) verified.push_back(each.candidate);
  EXPECT_EQ(verified, (std::vector<std::size_t>{0, 4, 2, 7}));
  report.recommended = 0;  // it stays: then the others are the second and the third
  const std::vector<VerifiedArm> arms = arms_to_verify(report);
  ASSERT_EQ(arms.size(), 3U);
  EXPECT_EQ(arms[1].label, "second");
  EXPECT_EQ(arms[1].candidate, 4U);
}

}  // namespace
}  // namespace tokenlift::tuner_test
