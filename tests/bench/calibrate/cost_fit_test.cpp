// Contract: planted costs are found again, exactly from exact samples and within stated bounds from
// noisy ones; no coefficient is negative; samples that say nothing are refused. A law that does not
// fit is told from a machine that changed.

#include "bench/calibrate/cost_fit.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>

namespace tokenlift::cost_fit_test {
namespace {

struct Samples {
  std::vector<DecodeSample> decode;
  std::vector<PrefillSample> prefill;
};

/// What a machine of that cost would measure, each sample times noise().
template <typename Noise>
Samples measured(const CostModel& cost, Noise&& noise) {
  Samples samples;
  const auto times_noise = [&](std::int64_t ps) {
    return std::max<std::int64_t>(std::llround(static_cast<double>(ps) * noise()), 1);
  };
  for (const std::int64_t sequences : {1, 2, 4, 8, 16}) {
    for (const std::int64_t context : {30, 200, 600}) {
      samples.decode.push_back({sequences, sequences * context,
                                times_noise(cost.decode_ps(sequences, sequences * context))});
    }
  }
  for (const std::int64_t begin : {0, 256}) {
    for (const std::int64_t tokens : {16, 64, 128, 512}) {
      samples.prefill.push_back(
          {begin, begin + tokens, times_noise(cost.chunk_ps(begin, begin + tokens))});
    }
  }
  return samples;
}

CostFit fit(const Samples& samples) {
  return fit_cost_model(samples.decode, samples.prefill);
}

constexpr CostModel kSmall = {1'700'000'000, 85'000'000, 580'000,
                              1'200'000'000, 61'000'000, 70'000};

TEST(CostFit, ExactSamplesGiveThePlantedCost) {
  const CostFit found = fit(measured(kSmall, [] { return 1.0; }));
  EXPECT_EQ(found.cost, kSmall);
  EXPECT_NEAR(found.decode.r_squared, 1, 1e-12);
  EXPECT_NEAR(found.prefill.r_squared, 1, 1e-12);
  EXPECT_LT(found.mean_error(), 1e-9);
  EXPECT_FALSE(fit_mistake(found, {}));
}

RC_GTEST_PROP(CostFit, AnyPlantedCostIsFound, ()) {
  // From a toy to an accelerator of a large model.
  const auto upto = [](std::int64_t most) { return rc::gen::inRange<std::int64_t>(0, most + 1); };
  CostModel cost;
  cost.a_ps = *rc::gen::inRange<std::int64_t>(1'000'000, 50'000'000'000);
  cost.b_ps = *upto(200'000'000);
  cost.c_ps = *upto(1'000'000);
  cost.p0_ps = *rc::gen::inRange<std::int64_t>(1'000'000, 50'000'000'000);
  cost.p1_ps = *upto(200'000'000);
  cost.p2_ps = *upto(1'000'000);
  const Samples samples = measured(cost, [] { return 1.0; });
  const CostFit found = fit(samples);
  // Zeros at the border may come out as a few ps: doubles have 15 digits.
  for (const DecodeSample& s : samples.decode) {
    const std::int64_t law = found.cost.decode_ps(s.sequences, s.kv_tokens);
    RC_ASSERT(std::abs(law - s.cost_ps) <= 1 + s.sequences + s.kv_tokens);
  }
  for (const PrefillSample& s : samples.prefill) {
    const std::int64_t law = found.cost.chunk_ps(s.begin, s.end);
    const std::int64_t tokens = s.end - s.begin;
    RC_ASSERT(std::abs(law - s.cost_ps) <= 1 + tokens + tokens * (s.begin + s.end));
  }
}

RC_GTEST_PROP(CostFit, NoiseOfTwoPercentLeavesPredictionsNear, ()) {
  // Projecting onto a convex set moves no two points apart. The set: what laws predict, relative to
  // what was measured; the points: the measurements (all 1) and the planted law, which is in the
  // set and within 1 / 0.98 - 1 of 1 at each of n samples. So no prediction is farther from the
  // planted one than sqrt(n) x 0.0205, and relative to that one (at least 1 / 1.02 of 1) than 0.021
  // sqrt(n).
  std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
  std::uniform_real_distribution<double> noise(0.98, 1.02);
  const CostFit found = fit(measured(kSmall, [&] { return noise(random); }));
  const double samples_root = std::sqrt(15.0);
  for (const std::int64_t sequences : {1, 2, 4, 8, 16}) {
    for (const std::int64_t context : {30, 200, 600}) {
      const auto planted = static_cast<double>(kSmall.decode_ps(sequences, sequences * context));
      const auto law = static_cast<double>(found.cost.decode_ps(sequences, sequences * context));
      RC_ASSERT(std::abs(law / planted - 1) <= 0.021 * samples_root);
    }
  }
  // In the root mean square least squares is at most as far off as the planted law itself.
  RC_ASSERT(found.decode.mean_error <= 0.0205);
  RC_ASSERT(found.prefill.mean_error <= 0.0205);
  RC_ASSERT(!fit_mistake(found, {}));
}

RC_GTEST_PROP(CostFit, NothingIsNegativeWhateverWasMeasured, ()) {
  std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
  std::uniform_real_distribution<double> exponent(-3, 3);
  const Samples samples = measured(kSmall, [&] { return std::pow(10, exponent(random)); });
  std::optional<CostFit> fitted;
  try {
    fitted = fit(samples);
  } catch (const std::invalid_argument&) {  // of noise over six decades few samples may count
    RC_DISCARD("determines no cost");
  }
  const CostFit& found = *fitted;
  const CostModel& cost = found.cost;
  for (const std::int64_t ps :
       {cost.a_ps, cost.b_ps, cost.c_ps, cost.p0_ps, cost.p1_ps, cost.p2_ps}) {
    RC_ASSERT(ps >= 0);
  }
  RC_ASSERT(found.decode.r_squared <= 1);
}

TEST(CostFit, ALawThatFallsIsFittedWithoutTheTermThatWouldBeNegative) {
  // A cost that falls with the batch: b would be below zero, and b = 0 is the nearest allowed.
  Samples samples = measured(kSmall, [] { return 1.0; });
  for (DecodeSample& s : samples.decode) s.cost_ps = 10'000'000'000 - 400'000'000 * s.sequences;
  const CostFit found = fit(samples);
  EXPECT_EQ(found.cost.b_ps, 0);
  EXPECT_EQ(found.cost.c_ps, 0);
  EXPECT_GT(found.cost.a_ps, 3'600'000'000);
  EXPECT_LT(found.cost.a_ps, 9'600'000'000);
}

TEST(CostFit, TheWorstSampleIsNamedWithItsSign) {
  Samples samples = measured(kSmall, [] { return 1.0; });
  samples.decode[4].cost_ps *= 2;  // the law is half of what was measured
  const CostFit found = fit(samples);
  EXPECT_EQ(found.decode.worst_sample, 4U);
  EXPECT_LT(found.decode.worst_error, -0.3);
  EXPECT_GT(found.decode.mean_error, 0.03);
}

TEST(CostFit, NoiseThatHidesTheLawIsRefused) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(-0.5, 0.5);
  const CostFit found = fit(measured(kSmall, [&] { return std::pow(10, exponent(random)); }));
  const std::optional<FitMistake> mistake = fit_mistake(found, {});
  ASSERT_TRUE(mistake);
  EXPECT_NE(mistake->text.find("decode"), std::string::npos) << mistake->text;
  EXPECT_NE(mistake->text.find("or 10 %"), std::string::npos) << mistake->text;
}

// A large decoder at small batches: the step is all reading weights, noise is all that differs.
TEST(CostFit, AFlatLawNeedsNoRSquaredIfItIsNear) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> noise(0.95, 1.05);
  const CostModel flat{24'000'000'000, 1'000, 0, kSmall.p0_ps, kSmall.p1_ps, kSmall.p2_ps};
  const CostFit near = fit(measured(flat, [&] { return noise(random); }));
  EXPECT_LT(near.decode.r_squared, kLeastRSquared);
  EXPECT_FALSE(fit_mistake(near, {}));
  std::uniform_real_distribution<double> more(0.8, 1.2);
  EXPECT_TRUE(fit_mistake(fit(measured(flat, [&] { return more(random); })), {}));
}

/// Each sample as it is, and again at `factor(i)` times its cost.
template <typename Factor>
Repeats repeated(const Samples& samples, Factor&& factor) {
  Repeats repeats;
  const auto again = [&](auto sample, std::size_t i) {
    sample.cost_ps = std::llround(static_cast<double>(sample.cost_ps) * factor(i));
    return sample;
  };
  for (std::size_t i = 0; i < samples.decode.size(); ++i) {
    repeats.decode.push_back({samples.decode[i], again(samples.decode[i], i)});
  }
  for (std::size_t i = 0; i < samples.prefill.size(); ++i) {
    repeats.prefill.push_back({samples.prefill[i], again(samples.prefill[i], i)});
  }
  return repeats;
}

bool begins(const std::string& text, const std::string& beginning) {
  return text.rfind(beginning, 0) == 0;
}

// What a library that packs weights at every call made of a decode step: nearly a jump from batch 1
// to 2, then flat. The same again, up to 1 %.
TEST(FitMistake, StepsThatFollowNoLineAreNotBlamedOnTheMachine) {
  Samples samples = measured(kSmall, [] { return 1.0; });
  for (DecodeSample& s : samples.decode) {
    s.cost_ps = s.sequences == 1 ? 10'300'000'000 : 26'000'000'000 + 800'000'000 * s.sequences;
  }
  const CostFit found = fit(samples);
  const auto mistake =
      fit_mistake(found, repeated(samples, [](std::size_t i) { return i % 2 == 0 ? 1.01 : 0.99; }));
  ASSERT_TRUE(mistake);
  EXPECT_FALSE(mistake->machine_changed);
  EXPECT_TRUE(begins(mistake->text, "the cost law does not fit: the decode law is "))
      << mistake->text;
  EXPECT_NE(mistake->text.find("measured twice differs by 1.0 %"), std::string::npos)
      << mistake->text;
  EXPECT_EQ(mistake->text.find("prefill"), std::string::npos) << mistake->text;
}

// Steps as the law has them on a machine that changes its speed by half, now and then.
TEST(FitMistake, AMachineThatChangesIsCalledThat) {
  std::mt19937_64 random(3);
  std::bernoulli_distribution slow(0.5);
  const Samples samples = measured(kSmall, [&] { return slow(random) ? 1.5 : 1.0; });
  const CostFit found = fit(samples);
  Repeats repeats;
  const Samples again = measured(kSmall, [&] { return slow(random) ? 1.5 : 1.0; });
  for (std::size_t i = 0; i < samples.decode.size(); ++i) {
    repeats.decode.push_back({samples.decode[i], again.decode[i]});
  }
  const auto mistake = fit_mistake(found, repeats);
  ASSERT_TRUE(mistake);
  EXPECT_TRUE(mistake->machine_changed);
  EXPECT_TRUE(begins(mistake->text, "the machine changed while measuring: ")) << mistake->text;
}

// Each law is judged by its own repeats: here chunks differ, and it is decode steps that misfit.
TEST(FitMistake, RepeatsOfTheOtherLawExplainNothing) {
  Samples samples = measured(kSmall, [] { return 1.0; });
  for (DecodeSample& s : samples.decode) {
    if (s.sequences > 2) s.cost_ps *= 3;
  }
  Repeats repeats = repeated(samples, [](std::size_t) { return 1.0; });
  for (Repeat<PrefillSample>& repeat : repeats.prefill) repeat.again.cost_ps *= 2;
  const CostFit found = fit(samples);
  EXPECT_NEAR(repeat_difference(found.cost, repeats.prefill), 1.0, 1e-9);
  const auto mistake = fit_mistake(found, repeats);
  ASSERT_TRUE(mistake);
  EXPECT_FALSE(mistake->machine_changed);
}

// Steps measured again have other contexts, and cost as much more as the law says.
TEST(FitMistake, OtherContextsAreNoChange) {
  Repeats repeats;
  for (const std::int64_t sequences : {1, 4, 16}) {
    repeats.decode.push_back(
        {{sequences, 100 * sequences, kSmall.decode_ps(sequences, 100 * sequences)},
         {sequences, 700 * sequences, kSmall.decode_ps(sequences, 700 * sequences)}});
  }
  EXPECT_NEAR(repeat_difference(kSmall, repeats.decode), 0, 1e-9);
  repeats.decode[0].again.cost_ps *= 2;
  EXPECT_NEAR(repeat_difference(kSmall, repeats.decode), 1.0 / 3, 1e-9);
}

TEST(CostFit, SamplesThatDetermineNothingAreRefused) {
  const Samples good = measured(kSmall, [] { return 1.0; });
  EXPECT_THROW(fit_cost_model({}, good.prefill), std::invalid_argument);
  EXPECT_THROW(fit_cost_model(good.decode, {}), std::invalid_argument);

  Samples same = good;  // one batch, one context: three terms cannot be told apart
  for (DecodeSample& s : same.decode) s = good.decode[3];
  EXPECT_THROW(fit(same), std::invalid_argument);

  Samples proportional = good;  // context grows with the batch alone
  for (DecodeSample& s : proportional.decode) s.kv_tokens = 100 * s.sequences;
  EXPECT_THROW(fit(proportional), std::invalid_argument);

  Samples unpaid = good;
  unpaid.prefill[2].cost_ps = 0;
  EXPECT_THROW(fit(unpaid), std::invalid_argument);
  unpaid.prefill[2].cost_ps = -5;
  EXPECT_THROW(fit(unpaid), std::invalid_argument);
}

}  // namespace
}  // namespace tokenlift::cost_fit_test
