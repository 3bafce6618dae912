// Does `compare` call what changed, and nothing else? Experiments in virtual time whose truth is
// known: M/M/1 queues, where the time in the system, which is TTFT here, is exponential with mean
// service / (1 - rho). A prefill that is slower by so little that this grows by a tenth makes every
// percentile of TTFT 10 % worse.
//
// Seeds are fixed. A few of each by default; 50, and a table of what came out:
//
//   TOKENLIFT_EXPERIMENTS=50 build/release/tests/bench_tune_statistics_test
//     --gtest_filter='Planted.*'

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "reports/findings/comparison.hpp"
#include "tests/bench/run/one_step_queue.hpp"
#include "tests/bench/run/virtual_run.hpp"

namespace tokenlift::planted_test {
namespace {

constexpr double kServiceS = 1e-3;
constexpr std::size_t kPilotRuns = 3;

using MakeScenario = std::function<Scenario(std::uint64_t seed)>;

int experiments() {
  const char* const stated = std::getenv("TOKENLIFT_EXPERIMENTS");
  return stated == nullptr ? 8 : std::max(8, std::atoi(stated));
}

/// Prompts take `slower` times as long; who comes when, and with what, is the same.
Scenario queue(double rho, double requests, double slower, std::uint64_t seed) {
  Scenario scenario = one_step_queue(exponential_service(kServiceS), 1, rho, requests, seed);
  scenario.tenants[0].slo.ttft_ns = std::llround(5 * kServiceS * 1e9);
  CostModel& cost = scenario.profiles[0].cost.value();
  cost.p1_ps = std::llround(static_cast<double>(cost.p1_ps) * slower);
  return scenario;
}

/// service / (1 - rho) grows by a tenth.
double slower_for_a_tenth(double rho) {
  return 1 + 0.1 * (1 - rho) / (1 + 0.1 * rho);
}

/// A limit holds half of the requests back for a while; then it is lifted.
Scenario lifted_queue(double requests, std::uint64_t seed) {
  Scenario scenario = queue(0.8, requests, 1, seed);
  Throttle limit;
  limit.name = "limit";
  limit.unit = Unit::requests;
  limit.rate.per_s = 0.4 / kServiceS;
  limit.burst.units = 20;
  limit.when_full = WhenFull::queue;
  limit.max_wait_ns = 100'000'000;
  scenario.throttles.push_back(limit);
  Event lift;
  lift.throttle = "limit";
  const std::int64_t phase_ns = std::llround(requests / (0.8 / kServiceS) * 1e9);
  scenario.run.warmup_ns = 500'000'000;
  scenario.run.settle_ns = 1'000'000'000;
  lift.at_ns = scenario.run.warmup_ns + phase_ns;
  scenario.run.duration_ns = lift.at_ns + 1'000'000'000 + phase_ns;
  scenario.events.push_back(lift);
  return scenario;
}

CaseFigures play(const MakeScenario& scenario, std::uint64_t first_seed, std::size_t runs) {
  Arm arm(play_virtual(scenario(first_seed)));
  for (std::size_t i = 1; i < runs; ++i) arm.add(play_virtual(scenario(first_seed + i)));
  return case_figures(Trial{"", std::move(arm), std::nullopt});
}

/// Nothing else has the same seeds.
std::uint64_t seed_of(int experiment, int set) {
  return static_cast<std::uint64_t>(experiment + 1) * 1'000'000 +
         static_cast<std::uint64_t>(set) * 100'000;
}

Comparison compared(CaseFigures base, CaseFigures contender) {
  return compare({{"queue", std::move(base), std::move(contender), {}}}, {});
}

const ComparedFigure& figure_of(const Comparison& comparison, const std::string& name) {
  const std::vector<ComparedFigure>& figures = comparison.cases[0].figures;
  return *std::find_if(figures.begin(), figures.end(),
                       [&](const ComparedFigure& figure) { return figure.name == name; });
}

/// Of so many experiments in which nothing changed, those that may call anything: 7 of 50, which
/// even of exactly one in twenty are more with probability 0.012; of the 8 that are always made 3
/// (0.0004).
int most_that_call(int n) {
  return n <= 8 ? 3 : 7 * n / 50;
}
/// Of those with a change that must call it: 43 of 50.
int least_that_call(int n) {
  return n <= 8 ? 5 : (43 * n + 49) / 50;
}

void print(const std::string& what, int called, const std::string& rest) {
  std::printf("%-46s %3d of %d %s\n", what.c_str(), called, experiments(), rest.c_str());
  std::fflush(stdout);
}

void expect_no_call(const std::string& what, std::size_t runs, const MakeScenario& scenario) {
  int called = 0;
  std::size_t tests = 0;
  for (int i = 0; i < experiments(); ++i) {
    const Comparison comparison =
        compared(play(scenario, seed_of(i, 0), runs), play(scenario, seed_of(i, 1), runs));
    EXPECT_FALSE(comparison.cases[0].paired);
    tests = comparison.tests;
    called += comparison.count(Reading::better) + comparison.count(Reading::worse) > 0 ? 1 : 0;
  }
  print(what + ", " + std::to_string(runs) + " runs", called,
        "call a change; " + std::to_string(tests) + " tests each");
  EXPECT_LE(called, most_that_call(experiments())) << what;
}

TEST(Planted, WhereNothingChangedHardlyAnythingIsCalled) {
  for (const std::size_t runs : {std::size_t{3}, std::size_t{5}, std::size_t{10}}) {
    expect_no_call("nothing changed: queue, rho 0.5", runs,
                   [](std::uint64_t seed) { return queue(0.5, 3000, 1, seed); });
    if (experiments() <= 8) continue;
    expect_no_call("nothing changed: queue, rho 0.8", runs,
                   [](std::uint64_t seed) { return queue(0.8, 3000, 1, seed); });
  }
}

TEST(Planted, WhereNothingChangedAboutALiftHardlyAnythingIsCalled) {
  for (const std::size_t runs : {std::size_t{3}, std::size_t{5}, std::size_t{10}}) {
    expect_no_call("nothing changed: a lift", runs,
                   [](std::uint64_t seed) { return lifted_queue(1500, seed); });
  }
}

TEST(Planted, TheSameSeedsWithNothingChangedAreIdentical) {
  const MakeScenario scenario = [](std::uint64_t seed) { return lifted_queue(1500, seed); };
  const Comparison comparison = compared(play(scenario, 1, 3), play(scenario, 1, 3));
  EXPECT_TRUE(comparison.cases[0].paired);
  EXPECT_EQ(comparison.count(Reading::better) + comparison.count(Reading::worse), 0U);
  EXPECT_EQ(comparison.count(Reading::too_few_runs) + comparison.count(Reading::open), 0U);
  EXPECT_GT(comparison.count(Reading::no_difference), 15U);
  for (const ComparedFigure& figure : comparison.cases[0].figures) {
    EXPECT_EQ(figure.identical, figure.base.has_value()) << figure.name;
  }
}

/// A pilot calls TTFT worse, or asks for runs; then that many are made, all of them anew.
void expect_call(bool same_seeds, const std::vector<std::string>& figures) {
  constexpr double kRho = 0.5;
  const MakeScenario base = [&](std::uint64_t seed) { return queue(kRho, 3000, 1, seed); };
  const MakeScenario worse = [&](std::uint64_t seed) {
    return queue(kRho, 3000, slower_for_a_tenth(kRho), seed);
  };
  for (const std::string& figure : figures) {
    int called = 0;
    std::vector<std::size_t> asked;
    for (int i = 0; i < experiments(); ++i) {
      const auto made = [&](int set, std::size_t runs) {
        return compared(play(base, seed_of(i, set), runs),
                        play(worse, seed_of(i, same_seeds ? set : set + 1), runs));
      };
      ComparedFigure found = figure_of(made(0, kPilotRuns), figure);
      asked.push_back(found.runs_needed.value_or(kPilotRuns));
      if (found.reading == Reading::open) found = figure_of(made(2, asked.back()), figure);
      called += found.reading == Reading::worse ? 1 : 0;
    }
    std::sort(asked.begin(), asked.end());
    print(figure + " 10 % worse, " + (same_seeds ? "same seeds" : "other seeds"), called,
          "call it worse; runs asked for: median " + std::to_string(asked[asked.size() / 2]) +
              ", at most " + std::to_string(asked.back()));
    EXPECT_GE(called, least_that_call(experiments())) << figure;
  }
}

/// A suite of queues from half empty to nearly full, three runs of each.
std::vector<ComparedCase> five_queues(double slower, int experiment, bool same_seeds) {
  std::vector<ComparedCase> cases;
  int set = 10;
  for (const double rho : {0.4, 0.5, 0.6, 0.7, 0.75}) {
    const auto base = [&](std::uint64_t seed) { return queue(rho, 3000, 1, seed); };
    const auto other = [&](std::uint64_t seed) { return queue(rho, 3000, slower, seed); };
    cases.push_back({std::to_string(rho),
                     play(base, seed_of(experiment, set), kPilotRuns),
                     play(other, seed_of(experiment, same_seeds ? set : set + 1), kPilotRuns),
                     {}});
    set += 2;
  }
  return cases;
}

TEST(Planted, AFifthDearerPrefillIsCalledByThreeRunsOfFiveCases) {
  int failed = 0;
  int cases = 0;
  int called = 0;
  for (int i = 0; i < experiments(); ++i) {
    const Comparison comparison = compare(five_queues(1.2, i, true), {});
    failed += comparison.primary(Reading::worse) > 0 ? 1 : 0;
    for (const CaseComparison& one : comparison.cases) {
      ++cases;
      called += std::any_of(one.figures.begin(), one.figures.end(),
                            [](const ComparedFigure& figure) {
                              return figure.primary && figure.name.starts_with("ttft") &&
                                     figure.reading == Reading::worse;
                            })
                    ? 1
                    : 0;
    }
  }
  print("prefill 20 % dearer, 3 runs of 5 cases", failed,
        "fail the gate; TTFT is worse in " + std::to_string(called) + " of " +
            std::to_string(cases) + " cases");
  EXPECT_EQ(failed, experiments());
  EXPECT_GE(called * 10, cases * 9);
}

TEST(Planted, ThreeRunsOfFiveCasesWithoutAChangeFailNoGate) {
  int failed = 0;
  for (int i = 0; i < experiments(); ++i) {
    failed += compare(five_queues(1, i, false), {}).primary(Reading::worse) > 0 ? 1 : 0;
  }
  print("nothing changed, 3 runs of 5 cases", failed, "fail the gate");
  EXPECT_LE(failed, most_that_call(experiments()));
}

TEST(Planted, ATenthMoreTtftIsCalledWithTheRunsThatWereAskedFor) {
  expect_call(false, {"ttft p50"});
}
TEST(Planted, ATenthMoreTtftIsCalledInPairsWithTheRunsThatWereAskedFor) {
  expect_call(true, {"ttft p50", "ttft p99"});
}

}  // namespace
}  // namespace tokenlift::planted_test
