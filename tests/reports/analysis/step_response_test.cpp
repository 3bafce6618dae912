#include "reports/analysis/step_response.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "tests/reports/analysis/noise.hpp"

namespace tokenlift::step_response_test {
namespace {

constexpr std::int64_t kBinNs = 100'000'000;  // 0.1 s
constexpr double kBinS = 0.1;

/// A step at 20 s from a level to what `answer` says of the time since then; `after` begins
/// `settle_s` later and lasts until `end_s` after the step.
struct Script {
  double before = 100;
  std::function<double(double since_s)> answer;
  double settle_s = 20;
  double end_s = 60;
  double noise = 0;
  std::uint64_t seed = 1;
  double noise_before = 0;  // besides, before the step alone
};

StepResponse respond(const Script& script) {
  std::vector<double> values;
  Noise noise(script.seed);
  const std::size_t step = 200;
  const auto bins = [](double seconds) {
    return static_cast<std::size_t>(std::llround(seconds / kBinS));
  };
  const std::size_t end = step + bins(script.end_s);
  for (std::size_t i = 0; i < end; ++i) {
    // The middle of the bin, for what is a straight line in it.
    const double since_s = (static_cast<double>(i) - 200 + 0.5) * kBinS;
    values.push_back(i < step ? script.before : script.answer(since_s));
    if (script.noise > 0) values.back() += script.noise * noise.normal();
    if (i < step && script.noise_before > 0) values.back() += script.noise_before * noise.normal();
  }
  StepSeries series;
  series.values = values;
  series.bin_ns = kBinNs;
  series.step_ns = static_cast<std::int64_t>(step) * kBinNs;
  series.before_end = series.transition_begin = step;
  series.transition_end = series.after_begin = step + bins(script.settle_s);
  series.after_end = end;
  return step_response(series);
}

double seconds(const Delay& delay) {
  return delay.ns ? static_cast<double>(*delay.ns) * 1e-9 : NAN;
}

TEST(StepResponse, OfAPureStepIsImmediate) {
  const StepResponse step = respond({100, [](double) { return 200.0; }});
  EXPECT_EQ(step.before, 100);
  EXPECT_EQ(step.after, 200);
  EXPECT_TRUE(step.stepped);
  EXPECT_EQ(step.smoothed_over_ns, kBinNs);
  EXPECT_EQ(step.standard_error, 0);
  EXPECT_EQ(step.rise.ns, 0);
  EXPECT_EQ(step.overshoot, 0);
  EXPECT_EQ(step.settling.ns, 0);
  EXPECT_EQ(step.deficit, 0);
}

TEST(StepResponse, OfAStepDownIsImmediateToo) {
  const StepResponse step = respond({200, [](double) { return 50.0; }});
  EXPECT_TRUE(step.stepped);
  EXPECT_EQ(step.rise.ns, 0);
  EXPECT_EQ(step.overshoot, 0);
  EXPECT_EQ(step.settling.ns, 0);
  EXPECT_EQ(step.deficit, 0);
}

// y = 1 - e^(-t / tau): 10 % to 90 % takes ln 9 tau, 5 % are left after ln 20 tau, and the area up
// to t is tau (1 - e^(-t / tau)).
TEST(StepResponse, OfAFirstOrderLagRisesInLn9Tau) {
  for (const double tau_s : {1.0, 2.0, 3.0}) {
    const StepResponse step =
        respond({100, [&](double t) { return 200 - 100 * std::exp(-t / tau_s); }});
    EXPECT_NEAR(seconds(step.rise), std::log(9) * tau_s, kBinS) << tau_s;
    EXPECT_NEAR(seconds(step.settling), std::log(20) * tau_s, kBinS) << tau_s;
    EXPECT_EQ(step.overshoot, 0);
    EXPECT_NEAR(step.deficit.value(), 100 * tau_s * (1 - std::exp(-20 / tau_s)), 0.5) << tau_s;
  }
}

TEST(StepResponse, OfALagDownwardsIsTheSame) {
  const StepResponse step = respond({200, [](double t) { return 100 + 100 * std::exp(-t / 2); }});
  EXPECT_NEAR(seconds(step.rise), std::log(9) * 2, kBinS);
  EXPECT_NEAR(seconds(step.settling), std::log(20) * 2, kBinS);
  EXPECT_EQ(step.overshoot, 0);
  EXPECT_NEAR(step.deficit.value(), 0, 0.01) << "more than y_ss is no lack";
}

/// Second order, damping z, natural frequency w: the step response of the textbook.
double damped(double t, double z, double w) {
  const double root = std::sqrt(1 - z * z);
  return 1 - std::exp(-z * w * t) / root * std::sin(w * root * t + std::acos(z));
}

/// The last instant at which it is more than 5 % away, by looking at every millisecond.
double last_outside_s(double z, double w) {
  double last = 0;
  for (int ms = 0; ms < 60'000; ++ms) {
    if (std::abs(damped(ms * 1e-3, z, w) - 1) > 0.05) last = ms * 1e-3;
  }
  return last;
}

TEST(StepResponse, OfADampedOscillationOvershootsByTheTextbooksFormula) {
  for (const double z : {0.2, 0.4, 0.6}) {
    const StepResponse step = respond({100, [&](double t) { return 100 + 50 * damped(t, z, 2); }});
    const double overshoot = std::exp(-M_PI * z / std::sqrt(1 - z * z));
    EXPECT_NEAR(step.overshoot.value(), overshoot, 0.01) << z;
    EXPECT_NEAR(seconds(step.settling), last_outside_s(z, 2), 2 * kBinS) << z;
  }
}

TEST(StepResponse, OvershootIsSignedWithTheStep) {
  const StepResponse down = respond({200, [](double t) { return 200 - 100 * damped(t, 0.4, 2); }});
  EXPECT_NEAR(down.overshoot.value(), std::exp(-M_PI * 0.4 / std::sqrt(1 - 0.16)), 0.01);
  EXPECT_LT(down.after.value(), down.before.value());
}

// Over T: 10 % to 90 % takes 0.8 T, the last 5 % begin at 0.95 T, and half the area is missing.
TEST(StepResponse, OfARampRisesInFourFifthsOfIt) {
  const StepResponse step =
      respond({100, [](double t) { return 100 + 100 * std::min(1.0, t / 10); }});
  EXPECT_NEAR(seconds(step.rise), 8, kBinS);
  EXPECT_NEAR(seconds(step.settling), 9.5, kBinS);
  EXPECT_EQ(step.overshoot, 0);
  EXPECT_NEAR(step.deficit.value(), 500, 1);
}

// Time counts from the step, and a bin that it falls into belongs to neither side.
TEST(StepResponse, TimeCountsFromTheStepAndNotFromABin) {
  std::vector<double> values(400, 200);
  std::fill(values.begin(), values.begin() + 100, 100);
  values[100] = 150;
  values[101] = 100;
  StepSeries series;
  series.values = values;
  series.bin_ns = kBinNs;
  series.step_ns = 100 * kBinNs + kBinNs / 2;
  series.before_end = 100;
  series.transition_begin = 101;
  series.transition_end = series.after_begin = 200;
  series.after_end = 400;
  const StepResponse step = step_response(series);
  EXPECT_EQ(step.before, 100);
  EXPECT_EQ(step.settling.ns, kBinNs + kBinNs / 2) << "bin 101 ends so long after the step";
}

TEST(StepResponse, WithoutAStepThereIsNoRise) {
  for (const double noise : {0.0, 5.0}) {
    Script script{100, [](double) { return 100.0; }};
    script.noise = noise;
    const StepResponse step = respond(script);
    EXPECT_FALSE(step.stepped);
    EXPECT_FALSE(step.rise.ns);
    EXPECT_FALSE(step.settling.ns);
    EXPECT_FALSE(step.overshoot);
    EXPECT_EQ(step.rise.reason,
              noise == 0 ? "nothing stepped: `after` is the same as `before`"
                         : "nothing stepped: `after` is within 3 standard errors of `before`");
    EXPECT_EQ(step.settling.reason, step.rise.reason);
    EXPECT_FALSE(step.deficit) << "noise is no lack";
  }
}

// Two levels 2 apart in noise of 5: over hundreds of bins a side they differ, but no smoothed
// value tells on which of them it is.
TEST(StepResponse, AStepThatIsLostInTheNoiseOfASmoothedValueIsNotTimed) {
  Script script{100, [](double) { return 102.0; }, 40, 200};
  script.noise = 5;
  const StepResponse step = respond(script);
  ASSERT_TRUE(step.stepped);
  ASSERT_LT(std::abs(*step.after - *step.before), 3 * *step.standard_error);
  EXPECT_FALSE(step.rise.ns);
  EXPECT_FALSE(step.overshoot);
  EXPECT_FALSE(step.settling.ns);
  EXPECT_TRUE(step.settling.reason.starts_with("the step is under 3 standard errors"));
}

// Without smoothing each value is off by a fifth of the step. A window of 51 bins stands in for
// 2.8 %; 101 bins would be more than an eighth of the transition's 400.
TEST(StepResponse, NoiseIsSmoothedAwayAsFarAsTheLengthAllows) {
  Script script{100, [](double t) { return 200 - 100 * std::exp(-t / 2); }, 40, 120};
  script.noise = 20;
  StepResponse step = respond(script);
  EXPECT_TRUE(step.stepped);
  EXPECT_EQ(step.smoothed_over_ns, 21 * kBinNs) << "51 > 400 / 8";
  EXPECT_NEAR(step.standard_error.value(), 20 / std::sqrt(21), 1.5);
  script.noise = 5;
  step = respond(script);
  EXPECT_EQ(step.smoothed_over_ns, 5 * kBinNs);
  EXPECT_NEAR(step.standard_error.value(), 5 / std::sqrt(5), 0.4);
  EXPECT_NEAR(seconds(step.rise), std::log(9) * 2, 1);
  EXPECT_NEAR(seconds(step.settling), std::log(20) * 2, 1.5);
  EXPECT_EQ(step.overshoot, 0);
}

// 1,000 series in which nothing steps, of 200, 200 and 400 bins of white noise. Known standard
// errors would give 0.3 %; more than 2 % is a failure, which at 1 % comes with probability 1e-3.
TEST(StepResponse, NoiseIsRarelyTakenForAStep) {
  int stepped = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    Script script{100, [](double) { return 100.0; }};
    script.noise = 10;
    script.seed = seed;
    stepped += respond(script).stepped ? 1 : 0;
  }
  EXPECT_LE(stepped, 20);
}

// Of 200 noisy lags, 95 % rise in ln 9 tau give or take the window, and none "overshoots" by more
// than 15 %.
TEST(StepResponse, NoiseHardlyMovesTheRise) {
  int near = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Script script{100, [](double t) { return 200 - 100 * std::exp(-t / 2); }};
    script.noise = 5;
    script.seed = seed;
    const StepResponse step = respond(script);
    near += std::abs(seconds(step.rise) - std::log(9) * 2) < 0.8 ? 1 : 0;
    EXPECT_LT(step.overshoot.value(), 0.15) << seed;
  }
  EXPECT_GE(near, 190);
}

// A ramp of 8 s from noise of one size to noise of another, up and down: the rise is 6.4 s and the
// settling time 7.6 s. The median of 100 series is within 5 % of it; of one series its standard
// error is at most 0.7 s, so that of the median is 0.09 s, and 5 % are 3.6 of them at least.
TEST(StepResponse, NoiseOnEitherSideLeavesTheTimesOfARampWhatTheyAre) {
  const auto median = [](std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
    return values[values.size() / 2];
  };
  for (const auto& noises : {std::pair(0, 10), {10, 0}, {10, 10}, {20, 5}, {5, 20}}) {
    const int before = noises.first;
    const int after = noises.second;
    for (const double settle_s : {12.0, 20.0}) {
      for (const double way : {100.0, -100.0}) {
        std::vector<double> rises;
        std::vector<double> settlings;
        for (std::uint64_t seed = 1; seed <= 100; ++seed) {
          Noise noise(seed);
          Script script{100, {}, settle_s, 60};
          script.answer = [&](double t) {
            const double done = std::min(1.0, t / 8);
            return 100 + way * done + (before + (after - before) * done) * noise.normal();
          };
          script.noise_before = before;
          script.seed = seed + 1000;
          const StepResponse step = respond(script);
          ASSERT_TRUE(step.rise.ns) << step.rise.reason;
          rises.push_back(seconds(step.rise));
          if (step.settling.ns) settlings.push_back(seconds(step.settling));
        }
        EXPECT_NEAR(median(rises), 6.4, 0.32) << before << ' ' << after << ' ' << settle_s;
        EXPECT_NEAR(median(settlings), 7.6, 0.38) << before << ' ' << after << ' ' << settle_s;
        EXPECT_GE(settlings.size(), 90U);
      }
    }
  }
}

TEST(StepResponse, TooFewBinsAreNotEnoughData) {
  std::vector<double> values(60, 100);
  StepSeries series;
  series.values = values;
  series.bin_ns = kBinNs;
  series.before_begin = 3;
  series.before_end = 10;
  series.transition_begin = 10;
  series.transition_end = series.after_begin = 30;
  series.after_end = 60;
  StepResponse step = step_response(series);
  EXPECT_EQ(step.rise.reason, "not enough data: `before` has 7 time bins of 100 ms, 8 are needed");
  EXPECT_EQ(step.settling.reason, step.rise.reason);
  EXPECT_FALSE(step.stepped);
  series.before_begin = 0;
  series.after_end = 30;
  step = step_response(series);
  EXPECT_FALSE(step.after);
  EXPECT_EQ(step.rise.reason, "not enough data: `after` has 0 time bins of 100 ms, 8 are needed");
  // Enough for a level, not for MSER-5.
  std::fill(values.begin() + 10, values.end(), 200);
  series.transition_end = series.after_begin = 20;
  step = step_response(series);
  EXPECT_EQ(step.rise.ns, 0);
  EXPECT_EQ(step.settling.reason, "not enough data: 20 time bins after the step, 40 are needed");
}

// `after` begins at 4 s, but 95 % take 6 s.
TEST(StepResponse, ALaterSettlingThanWhenAfterBeginsIsNotSettled) {
  Script script{100, [](double t) { return 200 - 100 * std::exp(-t / 2); }, 4, 60};
  const StepResponse step = respond(script);
  EXPECT_TRUE(step.stepped);
  EXPECT_FALSE(step.settling.ns);
  EXPECT_EQ(step.settling.reason.rfind("not settled: it took 6.0", 0), 0U) << step.settling.reason;
  EXPECT_NE(step.settling.reason.find("set run.settle to at least 6.0"), std::string::npos);
}

// It collapses at the step and recovers after 40 of 60 s only.
TEST(StepResponse, SteadyOnlyInTheSecondHalfIsNotSettled) {
  Script script{100, [](double t) { return t < 40 ? 20.0 : 200.0; }};
  const StepResponse step = respond(script);
  EXPECT_FALSE(step.settling.ns);
  EXPECT_EQ(step.settling.reason,
            "not settled: steady only from 40.0 s after the step on, in the second half of the "
            "60.0 s measured; run for at least 20.0 s longer");
}

TEST(StepResponse, WhatNeverBecomesSteadyIsNotSettled) {
  Script script{100, [](double t) { return 100 + 10 * t; }};
  const StepResponse step = respond(script);
  EXPECT_FALSE(step.settling.ns);
  EXPECT_EQ(step.settling.reason.rfind("not settled: ", 0), 0U) << step.settling.reason;
}

}  // namespace
}  // namespace tokenlift::step_response_test
