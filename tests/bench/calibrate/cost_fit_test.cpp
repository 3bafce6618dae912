// Contract: planted costs are found again, exactly from exact samples and within stated bounds from
// noisy ones; no coefficient is negative; samples that say nothing are refused.

#include "bench/calibrate/cost_fit.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <stdexcept>

namespace tokenlift {
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
  EXPECT_EQ(fit_mistake(found), "");
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
  RC_ASSERT(fit_mistake(found).empty());
}

RC_GTEST_PROP(CostFit, NothingIsNegativeWhateverWasMeasured, ()) {
  std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
  std::uniform_real_distribution<double> exponent(-3, 3);
  const CostFit found = fit(measured(kSmall, [&] { return std::pow(10, exponent(random)); }));
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
  const std::string mistake = fit_mistake(found);
  EXPECT_NE(mistake.find("decode"), std::string::npos) << mistake;
  EXPECT_NE(mistake.find("or 10 %"), std::string::npos) << mistake;
}

// A large decoder at small batches: the step is all reading weights, noise is all that differs.
TEST(CostFit, AFlatLawNeedsNoRSquaredIfItIsNear) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> noise(0.95, 1.05);
  const CostModel flat{24'000'000'000, 1'000, 0, kSmall.p0_ps, kSmall.p1_ps, kSmall.p2_ps};
  const CostFit near = fit(measured(flat, [&] { return noise(random); }));
  EXPECT_LT(near.decode.r_squared, kLeastRSquared);
  EXPECT_EQ(fit_mistake(near), "");
  std::uniform_real_distribution<double> more(0.8, 1.2);
  EXPECT_NE(fit_mistake(fit(measured(flat, [&] { return more(random); }))), "");
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
}  // namespace tokenlift
