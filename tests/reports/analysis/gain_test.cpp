#include "reports/analysis/gain.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "reports/analysis/summary.hpp"
#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift::gain_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test
using Runs = std::vector<RunValue>;

/// `before` lasts 12 s, `after` 18 s.
struct Tokens {
  std::uint64_t before = 0;
  std::uint64_t after = 0;
};

RunValue run_of(std::uint64_t seed, const Tokens& throughput, const Tokens& goodput) {
  RunValue run = lift_run();
  run.seed = seed;
  run.tenants[0].phases[0].output_tokens = throughput.before;
  run.tenants[0].phases[2].output_tokens = throughput.after;
  run.tenants[0].phases[0].goodput_tokens = goodput.before;
  run.tenants[0].phases[2].goodput_tokens = goodput.after;
  return run;
}

/// Three runs: ratios of the throughput 2, 2.2 and 1.8.
Runs three_runs() {
  return {run_of(1, {1200, 3600}, {0, 1800}), run_of(2, {1200, 3960}, {1200, 3600}),
          run_of(3, {1200, 3240}, {1200, 3600})};
}

template <typename Changes>
const typename Changes::value_type& named(const Changes& changes, std::string_view name) {
  for (const auto& change : changes) {
    if (change.name == name) return change;
  }
  throw std::logic_error("no " + std::string(name));
}

std::vector<Gain> gains_of(const Runs& runs) {
  return gains(make_trial("test", runs));
}

TEST(Gain, IsOfRatesAndOfPercentilesOfLatency) {
  const std::vector<Gain> all = gains_of({lift_run()});
  std::string names;
  for (const Gain& gain : all) names += gain.name + ",";
  EXPECT_EQ(names,
            "throughput,goodput,attainment,ttft p50,ttft p90,ttft p99,tpot p50,tpot p90,tpot p99,"
            "itl p50,itl p90,itl p99,e2e p50,e2e p90,e2e p99,");
  EXPECT_EQ(named(all, "throughput").unit, "tokens/s");
  EXPECT_EQ(named(all, "attainment").unit, "share");
  EXPECT_EQ(named(all, "ttft p50").unit, "ns");
  EXPECT_TRUE(named(all, "goodput").higher_is_better);
  EXPECT_FALSE(named(all, "itl p99").higher_is_better);
  EXPECT_TRUE(gains_of({steady_run()}).empty()) << "no `before` and no `after`";
}

TEST(Gain, OverRunsIsByStudentsTOnLogarithms) {
  const Gain gain = named(gains_of(three_runs()), "throughput");
  EXPECT_NEAR(gain.before.value(), 100, 1e-9);
  EXPECT_NEAR(gain.after.value(), 200, 1e-9);
  EXPECT_FALSE(gain.is_difference);
  EXPECT_EQ(gain.change.basis, "3 runs");
  EXPECT_NEAR(gain.change.value.value(), 1.9933110, 1e-6);
  ASSERT_TRUE(gain.change.interval);
  EXPECT_NEAR(gain.change.interval->low, 1.5534000, 1e-6);
  EXPECT_NEAR(gain.change.interval->high, 2.5578014, 1e-6);
  EXPECT_TRUE(gain.shown());
  EXPECT_TRUE(gain.better());
}

// 0 -> 100, 100 -> 200 and 100 -> 200 tokens/s.
TEST(Gain, IsADifferenceWhereTheBaseIsZeroInSomeRun) {
  const Gain gain = named(gains_of(three_runs()), "goodput");
  EXPECT_TRUE(gain.is_difference);
  EXPECT_NEAR(gain.change.value.value(), 100, 1e-9);
  ASSERT_TRUE(gain.change.interval);
  EXPECT_NEAR(gain.change.interval->low, 100, 1e-6);
  EXPECT_TRUE(gain.better());
}

TEST(Gain, OfARunThatDidNotReachAPhaseIsLeftOut) {
  Runs runs = three_runs();
  RunValue cut = invalid_run();
  cut.seed = 4;
  runs.push_back(cut);
  const std::vector<Gain> all = gains_of(runs);
  EXPECT_EQ(named(all, "throughput").change.basis, "3 runs");
  EXPECT_EQ(named(all, "ttft p50").change.basis, "3 runs");
  for (const Gain& gain : gains_of({cut})) {
    EXPECT_FALSE(gain.change.value) << gain.name;
    EXPECT_FALSE(gain.change.interval) << gain.name;
    EXPECT_FALSE(gain.change.reason.empty()) << gain.name;
    EXPECT_FALSE(gain.shown()) << gain.name;
    EXPECT_FALSE(gain.after) << gain.name;
  }
}

TEST(Gain, AShorterLatencyIsBetter) {
  Gain gain;
  gain.higher_is_better = false;
  gain.change.interval = Interval{0.5, 0.9};
  EXPECT_TRUE(gain.shown());
  EXPECT_TRUE(gain.better());
  gain.change.interval = Interval{1.1, 1.2};
  EXPECT_TRUE(gain.shown());
  EXPECT_FALSE(gain.better());
  gain.change.interval = Interval{0.9, 1.1};
  EXPECT_FALSE(gain.shown());
  EXPECT_FALSE(gain.better());
  gain.is_difference = true;
  EXPECT_TRUE(gain.shown());
  gain.change.interval.reset();
  EXPECT_FALSE(gain.shown());
}

TEST(Gain, PercentilesAreThoseOfTheSummary) {
  Runs runs(5, lift_run());
  for (std::size_t i = 0; i < runs.size(); ++i) runs[i].seed = i + 1;
  const Trial trial = make_trial("test", runs);
  const std::vector<PhaseSummary> phases = summarize_fleet(trial.lifted.pooled);
  for (const Metric metric : {Metric::ttft, Metric::tpot, Metric::itl, Metric::e2e}) {
    const Gain gain = named(gains(trial), std::string(name_of(metric)) + " p90");
    EXPECT_EQ(gain.before, phases[0].of(metric).at(900)) << gain.name;
    EXPECT_EQ(gain.after, phases[2].of(metric).at(900)) << gain.name;
    ASSERT_TRUE(gain.change.interval) << gain.change.reason;
    EXPECT_NEAR(*gain.change.value, *gain.after / *gain.before, 2.0 / 64 * *gain.change.value);
  }
}

TEST(Gain, APercentileInOneRunHasNoIntervalAndSaysWhatGivesOne) {
  const std::vector<Gain> all = gains_of({lift_run()});
  EXPECT_TRUE(named(all, "ttft p50").change.value);
  EXPECT_FALSE(named(all, "ttft p50").change.interval);
  EXPECT_EQ(named(all, "ttft p50").change.reason, "1 run; 5 repetitions give an interval");
  EXPECT_EQ(named(all, "ttft p99").change.reason, "p99 needs 1,000 requests in a phase; 480 here");
}

// ------------------------------------------------------------------------------ within one run

/// A series of 0.1 s bins over the phases of lift_run(): above, below and on its level in turn in
/// each of them. What happens in the bins at their borders must not count: it is far off.
std::vector<std::int64_t> bins(std::int64_t before, std::int64_t after) {
  std::vector<std::int64_t> values(400);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::int64_t off = i % 3 == 0 ? 5 : i % 3 == 1 ? -5 : 0;
    values[i] = (i < 150 ? before : after) + off;
  }
  return values;
}

RunValue recorded_run(const Tokens& per_bin) {
  RunValue run = run_of(1, {per_bin.before * 120, per_bin.after * 180},
                        {per_bin.before * 60, per_bin.after * 90});
  run.tenants[0].phases[0].slo_met = 300;
  run.series.bin_ns = kSecondNs / 10;
  const auto before = static_cast<std::int64_t>(per_bin.before);
  const auto after = static_cast<std::int64_t>(per_bin.after);
  run.series.columns = {{"due_requests", bins(20, 20)},
                        {"output_tokens", bins(before, after)},
                        {"goodput_tokens", bins(before / 2, after / 2)},
                        {"slo_met_requests", bins(10, 15)}};
  return run;
}

TEST(Gain, WithinOneRunIsFromBlocks) {
  const std::vector<Gain> all = gains_of({recorded_run({100, 200})});
  const Gain throughput = named(all, "throughput");
  EXPECT_NEAR(throughput.change.value.value(), 2, 1e-9);
  ASSERT_TRUE(throughput.change.interval) << throughput.change.reason;
  EXPECT_TRUE(throughput.change.interval->holds(2));
  EXPECT_GT(throughput.change.interval->low, 1.99);
  EXPECT_EQ(throughput.change.basis,
            "1 run: 12 and 18 blocks of 1.00 s and 1.00 s, effective sample sizes 120 and 180");
  EXPECT_TRUE(named(all, "goodput").better());
  const Gain attainment = named(all, "attainment");
  EXPECT_NEAR(attainment.change.value.value(), 1.5, 1e-9);
  ASSERT_TRUE(attainment.change.interval);
  EXPECT_TRUE(attainment.change.interval->holds(1.5));
}

TEST(Gain, WithinOneRunOnlyBinsWhollyInAPhaseCount) {
  RunValue run = recorded_run({100, 200});
  for (PhaseSpan& phase : run.phases) {
    phase.begin_ns += kSecondNs / 20;
    phase.end_ns += kSecondNs / 20;
  }
  // 3.05 s .. 15.05 s and 22.05 s .. 40.05 s: the bins that hold the borders.
  for (const std::size_t border : {30U, 150U, 220U}) {
    run.series.columns[1].values[border] = 1'000'000;
  }
  const Gain gain = named(gains_of({run}), "throughput");
  ASSERT_TRUE(gain.change.interval);
  EXPECT_LT(gain.change.interval->high, 2.02);
}

TEST(Gain, TwoRunsAreCutIntoBlocksTogether) {
  Runs runs(2, recorded_run({100, 200}));
  ++runs[1].seed;
  const Gain gain = named(gains_of(runs), "throughput");
  ASSERT_TRUE(gain.change.interval);
  EXPECT_NEAR(gain.change.value.value(), 2, 1e-9);
  EXPECT_EQ(gain.change.basis.substr(0, 8), "2 runs: ");
}

TEST(Gain, WithinOneRunWhatWasNotRecordedNeedsRepetitions) {
  RunValue run = recorded_run({100, 200});
  run.series.columns.pop_back();
  const Gain gain = named(gains_of({run}), "attainment");
  EXPECT_TRUE(gain.change.value);
  EXPECT_FALSE(gain.change.interval);
  EXPECT_EQ(gain.change.reason, "1 run; 3 repetitions give an interval");
}

TEST(Gain, OfAShortRunSaysWhichLengthGivesAnInterval) {
  RunValue run = recorded_run({100, 200});
  run.phases[0].begin_ns = 10 * kSecondNs;
  const Gain gain = named(gains_of({run}), "throughput");
  EXPECT_FALSE(gain.change.interval);
  EXPECT_EQ(gain.change.reason,
            "1 run, and a phase of 5.00 s has 5 of the 10 blocks of 1.00 s that this needs; a "
            "phase of at least 10.0 s, often longer, or 3 repetitions give an interval");
}

TEST(Gain, NothingLeaksFromNothing) {
  for (const RunValue& run : sample_runs()) {
    for (const Gain& gain : gains_of({run, run, run})) {
      for (const auto& figure : {gain.before, gain.after, gain.change.value}) {
        EXPECT_TRUE(std::isfinite(figure.value_or(0))) << run.scenario_name << gain.name;
      }
      EXPECT_EQ(gain.change.interval.has_value(), gain.change.reason.empty()) << gain.name;
    }
  }
}

// -------------------------------------------------------------------------------------- effects

RunValue control(RunValue run) {
  run.control = true;
  return run;
}

TEST(Effect, NeedsAControl) {
  EXPECT_TRUE(effects(make_trial("test", {lift_run()})).empty());
}

// 300, 330 and 270 tokens/s with, 100 without: 200, 230 and 170 more.
TEST(Effect, ComparesRunsOfTheSameSeed) {
  Runs runs;
  for (const auto& [seed, after] : {std::pair{1, 5400}, std::pair{2, 5940}, std::pair{3, 4860}}) {
    const auto number = static_cast<std::uint64_t>(seed);
    runs.push_back(run_of(number, {1200, static_cast<std::uint64_t>(after)}, {0, 0}));
  }
  // Another order, and one without a partner.
  for (const std::uint64_t seed : {3U, 1U, 9U, 2U}) {
    runs.push_back(control(run_of(seed, {1200, seed == 9 ? 90'000U : 1800U}, {0, 0})));
  }
  const std::vector<Effect> all = effects(make_trial("test", runs));
  EXPECT_EQ(all.front().phase, "transition");
  EXPECT_EQ(all.back().phase, "after");
  EXPECT_EQ(all.size(), 2 * 15U);
  const auto after = std::find_if(all.begin(), all.end(), [](const Effect& effect) {
    return effect.phase == "after" && effect.name == "throughput";
  });
  ASSERT_NE(after, all.end());
  EXPECT_NEAR(after->with.value(), 300, 1e-9);
  EXPECT_NEAR(after->without.value(), 100, 1e-9);
  EXPECT_NEAR(after->difference.value.value(), 200, 1e-9);
  ASSERT_TRUE(after->difference.interval);
  const double half = 4.302653 * 30 / std::sqrt(3);
  EXPECT_NEAR(after->difference.interval->low, 200 - half, 1e-3);
  EXPECT_NEAR(after->difference.interval->high, 200 + half, 1e-3);
  EXPECT_EQ(after->difference.basis, "3 runs");
  EXPECT_TRUE(after->shown());
  EXPECT_TRUE(after->better());
}

TEST(Effect, OfOnePairIsFromBlocksOfTheDifferenceAfterTheTransition) {
  Runs runs = {recorded_run({100, 200}), control(recorded_run({100, 100}))};
  for (Column& column : runs[1].series.columns) {  // so that the difference varies
    std::rotate(column.values.begin(), column.values.begin() + 1, column.values.end());
  }
  const std::vector<Effect> all = effects(make_trial("test", runs));
  bool seen_after = false;
  for (const Effect& effect : all) {
    if (effect.name != "throughput") continue;
    if (effect.phase == "transition") {
      EXPECT_FALSE(effect.difference.interval);
      EXPECT_EQ(effect.difference.reason, "1 run; 3 repetitions give an interval");
    } else {
      seen_after = true;
      ASSERT_TRUE(effect.difference.interval);
      EXPECT_TRUE(effect.difference.interval->holds(1000));
      EXPECT_EQ(effect.difference.basis, "1 run: 18 blocks of 1.00 s, effective sample size 180");
    }
  }
  EXPECT_TRUE(seen_after);
}

TEST(Effect, OfFivePairsIncludesPercentiles) {
  Runs runs;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    RunValue run = lift_run();
    run.seed = seed;
    runs.push_back(run);
    run.tenants[0].phases[2] = sample_record({1080, 1080, 0, 0, 0, 0, 0}, 0, 1069, 2000 * kMsNs);
    runs.push_back(control(run));
  }
  for (const Effect& effect : effects(make_trial("test", runs))) {
    if (effect.phase != "after" || effect.name != "ttft p50") continue;
    ASSERT_TRUE(effect.difference.interval) << effect.difference.reason;
    EXPECT_LT(effect.difference.interval->high, 0);
    EXPECT_TRUE(effect.better()) << "a shorter wait is better";
    EXPECT_NEAR(effect.difference.value.value(), -1000.0 * kMsNs, 20.0 * kMsNs);
    return;
  }
  ADD_FAILURE() << "no effect on ttft p50";
}

}  // namespace
}  // namespace tokenlift::gain_test
