#include "workloads/requests/shape.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "workloads/requests/arrivals.hpp"

namespace tokenlift::shape_test {
namespace {

// Statistical tests compare with 5 standard errors: each has a false-alarm rate of 6e-7, and the
// seeds are fixed, so a test that passes once passes always.
constexpr double kErrors = 5;

constexpr std::int64_t kSecond = 1'000'000'000;

Tenant make_tenant(double rate_per_s, const std::optional<Shape>& shape,
                   Process process = Process::constant) {
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.process = process;
  tenant.arrivals.rate.per_s = rate_per_s;
  tenant.arrivals.cv = 2;
  tenant.arrivals.shape = shape;
  tenant.prompt_tokens = Lengths{Distribution::uniform, 0, 0, 1, 1000};
  tenant.output_tokens = Lengths{.mean = 3};
  return tenant;
}

/// When the first `count` requests are due, or fewer if the source runs dry.
std::vector<std::int64_t> instants(const Tenant& tenant, std::size_t count,
                                   std::uint64_t seed = 1) {
  ArrivalSource source(tenant, seed, 0);
  std::vector<std::int64_t> due_ns;
  while (due_ns.size() < count) {
    const auto arrival = source.next();
    if (!arrival) break;
    due_ns.push_back(arrival->due_ns);
  }
  return due_ns;
}

Shape ramp(double from, double to, std::int64_t begin_ns, std::int64_t length_ns) {
  Shape shape;
  shape.kind = ShapeKind::ramp;
  shape.from = from;
  shape.to = to;
  shape.begin_ns = begin_ns;
  shape.length_ns = length_ns;
  return shape;
}

Shape steps(std::vector<std::pair<std::int64_t, double>> factors) {
  Shape shape;
  shape.steps = std::move(factors);
  return shape;
}

Shape periodic(ShapeKind kind, double from, double to, std::int64_t begin_ns,
               std::int64_t length_ns, std::int64_t period_ns) {
  Shape shape = ramp(from, to, begin_ns, length_ns);
  shape.kind = kind;
  shape.period_ns = period_ns;
  return shape;
}

/// The integral of the factor over [0, at_ns), by another way than the clock's.
double integral_ns(const Shape& shape, std::int64_t at_ns) {
  return at_ns == 0 ? 0 : mean_factor(shape, at_ns) * static_cast<double>(at_ns);
}

double largest_factor(const Shape& shape) {
  double largest = std::max(shape.from, shape.to);
  if (shape.kind == ShapeKind::steps) largest = 1;
  for (const auto& step : shape.steps) largest = std::max(largest, step.second);
  return largest;
}

rc::Gen<double> any_factor() {
  return rc::gen::map(rc::gen::inRange(0, 12), [](int quarters) { return quarters / 4.0; });
}

/// Borders and lengths of whole microseconds within some ten milliseconds.
Shape any_shape(std::vector<ShapeKind> kinds) {
  const auto time_ns = [](int from_us) {
    return std::int64_t{*rc::gen::inRange(from_us, 20'000)} * 1000;
  };
  Shape shape;
  shape.kind = *rc::gen::elementOf(kinds);
  if (shape.kind == ShapeKind::steps) {
    std::int64_t at_ns = 0;
    for (int i = *rc::gen::inRange(0, 6); i > 0; --i) {
      at_ns += time_ns(0);
      shape.steps.emplace_back(at_ns, *any_factor());
    }
    return shape;
  }
  return periodic(shape.kind, *any_factor(), *any_factor(), time_ns(0), time_ns(1), time_ns(1));
}

const std::vector<ShapeKind> kPlanned = {ShapeKind::ramp, ShapeKind::steps, ShapeKind::diurnal,
                                         ShapeKind::burst};
const std::vector<ShapeKind> kAll = {ShapeKind::ramp, ShapeKind::steps, ShapeKind::diurnal,
                                     ShapeKind::burst, ShapeKind::mmpp};

RC_GTEST_PROP(Shape, AFactorOfOneChangesNoInstant, (std::uint64_t seed)) {
  Shape shape = any_shape(kAll);
  shape.from = shape.to = 1;
  for (auto& step : shape.steps) step.second = 1;
  const auto process = *rc::gen::element(Process::poisson, Process::constant, Process::gamma);
  const double rate_per_s = *rc::gen::element(3.0, 700.0, 12'345.6, 1e9);
  RC_ASSERT(instants(make_tenant(rate_per_s, shape, process), 500, seed) ==
            instants(make_tenant(rate_per_s, {}, process), 500, seed));
}

TEST(Shape, UntilTheFirstStepAFactorOfOneChangesNoInstant) {
  const auto shaped = instants(make_tenant(7, steps({{100 * kSecond, 3}}), Process::poisson), 2000);
  const auto plain = instants(make_tenant(7, {}, Process::poisson), 2000);
  std::size_t before = 0;
  while (plain[before] < 100 * kSecond) {
    ASSERT_EQ(shaped[before], plain[before]);
    ++before;
  }
  EXPECT_GT(before, 500U);
  EXPECT_LT(shaped.back(), plain.back());
}

// The shape is a change of clock: the integral of the factor up to a request is where the request
// would be without it. Both instants are whole ns.
RC_GTEST_PROP(Shape, RequestsAreDueWhereTheIntegralReachesTheirUnscaledInstant,
              (std::uint64_t seed)) {
  const Shape shape = any_shape(kPlanned);
  const auto process = *rc::gen::element(Process::poisson, Process::constant, Process::gamma);
  const double rate_per_s = *rc::gen::element(10.0, 3000.0, 40'000.0);
  const auto shaped = instants(make_tenant(rate_per_s, shape, process), 300, seed);
  const auto plain = instants(make_tenant(rate_per_s, {}, process), 300, seed);
  for (std::size_t i = 0; i < shaped.size(); ++i) {
    const auto unscaled_ns = static_cast<double>(plain[i]);
    const double error_ns = integral_ns(shape, shaped[i]) - unscaled_ns;
    RC_ASSERT(std::abs(error_ns) <= 1.01 + 1.01 * largest_factor(shape) + 1e-9 * unscaled_ns);
  }
}

RC_GTEST_PROP(Shape, InstantsNeverDecreaseAndADrySourceStaysDry, (std::uint64_t seed)) {
  const double rate_per_s = *rc::gen::element(100.0, 1e5, 1e10);
  ArrivalSource source(make_tenant(rate_per_s, any_shape(kAll), Process::poisson), seed, 0);
  std::int64_t last_ns = 0;
  for (int i = 0; i < 200; ++i) {
    const auto arrival = source.next();
    if (!arrival) {
      RC_ASSERT(!source.next());
      break;
    }
    RC_ASSERT(arrival->due_ns >= last_ns);
    last_ns = arrival->due_ns;
  }
}

TEST(Shape, ChangesWhenRequestsComeAndNothingElse) {
  ArrivalSource shaped(make_tenant(50, ramp(0.5, 4, kSecond, kSecond), Process::poisson), 1, 0);
  ArrivalSource plain(make_tenant(50, {}, Process::poisson), 1, 0);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const Arrival a = shaped.next().value();
    const Arrival b = plain.next().value();
    ASSERT_EQ(a.number, i);
    ASSERT_EQ(b.number, i);
    ASSERT_EQ(a.prompt_tokens, b.prompt_tokens);
  }
}

TEST(Shape, StepsScaleTheGapsOfConstantArrivalsExactly) {
  // Twice the rate from 2.5 ms on, none from 4 ms to 6 ms, then half of it; a gap is 1 ms.
  const Shape shape = steps({{2'500'000, 2}, {4'000'000, 0}, {6'000'000, 0.5}});
  const std::vector<std::int64_t> expected = {1'000'000, 2'000'000, 2'750'000, 3'250'000,
                                              3'750'000, 7'000'000, 9'000'000, 11'000'000};
  EXPECT_EQ(instants(make_tenant(1000, shape), 8), expected);
}

TEST(Shape, FromAStepAtZeroOnNothingIsLeftOfTheOneBeforeIt) {
  EXPECT_EQ(instants(make_tenant(1000, steps({{0, 4}})), 2),
            (std::vector<std::int64_t>{250'000, 500'000}));
}

TEST(Shape, BurstsScaleTheGapsOfConstantArrivalsExactly) {
  // From 1 ms on every 4 ms twice the rate for 1 ms, none in between; a gap is 1 ms.
  const Shape shape = periodic(ShapeKind::burst, 0, 2, 1'000'000, 1'000'000, 4'000'000);
  // The second uses up the burst: it is due where the integral reaches it first.
  const std::vector<std::int64_t> expected = {1'500'000, 2'000'000, 5'500'000, 6'000'000};
  EXPECT_EQ(instants(make_tenant(1000, shape), 4), expected);
}

TEST(Shape, BurstsFarShorterThanAGapAreSkippedExactly) {
  // 3 us of every 8 us: a gap of 1 s is 333,333 periods and 1 us of the next burst.
  const Shape shape = periodic(ShapeKind::burst, 0, 1, 0, 3000, 8000);
  const auto due_ns = instants(make_tenant(1, shape), 3);
  EXPECT_EQ(due_ns[0], 333'333 * std::int64_t{8000} + 1000);
  EXPECT_EQ(due_ns[1], 666'666 * std::int64_t{8000} + 2000);
  EXPECT_EQ(due_ns[2], 999'999 * std::int64_t{8000} + 3000);
}

TEST(Shape, BurstsAsLongAsTheirPeriodNeverEnd) {
  const Shape shape = periodic(ShapeKind::burst, 1, 2, 10'000'000, 5'000'000, 5'000'000);
  EXPECT_EQ(instants(make_tenant(100, shape), 3),
            (std::vector<std::int64_t>{10'000'000, 15'000'000, 20'000'000}));
}

// Under a ramp from a to b over L the integral is a t + (b - a) t^2 / 2L.
TEST(Shape, ConstantArrivalsUnderARampHaveAClosedForm) {
  struct Case {
    double from, to;
  };
  for (const Case test : {Case{0, 1}, Case{1, 3}, Case{2, 0.5}, Case{3, 0}}) {
    constexpr std::int64_t kBegin = 2 * kSecond;
    constexpr std::int64_t kLength = 40 * kSecond;
    const auto due_ns =
        instants(make_tenant(1000, ramp(test.from, test.to, kBegin, kLength)), 100'000);
    const double slope = (test.to - test.from) / static_cast<double>(kLength);
    const double at_begin = test.from * static_cast<double>(kBegin);
    const double at_end = at_begin + (test.from + test.to) / 2 * static_cast<double>(kLength);
    for (std::size_t i = 0; i < due_ns.size(); ++i) {
      const double work = static_cast<double>(i + 1) * 1e6;
      double exact_ns = work / test.from;
      if (work >= at_begin && work <= at_end) {
        const double rest = 2 * (work - at_begin);
        exact_ns =
            static_cast<double>(kBegin) +
            rest / (test.from + std::sqrt(std::max(0.0, test.from * test.from + slope * rest)));
      } else if (work > at_end) {
        exact_ns = static_cast<double>(kBegin + kLength) + (work - at_end) / test.to;
      }
      // Where a ramp ends at 0 the instant is a root that a rounding error moves far.
      const double slack_ns = test.to == 0 && work > 0.9999 * at_end ? 1e4 : 1.01;
      ASSERT_NEAR(static_cast<double>(due_ns[i]), exact_ns, slack_ns) << test.from << ' ' << i;
    }
    if (test.to == 0) {
      EXPECT_LT(due_ns.size(), 100'000U);
      EXPECT_LE(due_ns.back(), kBegin + kLength);
    }
  }
}

TEST(Shape, ARampThatTakesNoTimeIsAStep) {
  EXPECT_EQ(instants(make_tenant(1000, ramp(1, 4, 3'500'000, 0)), 1000),
            instants(make_tenant(1000, steps({{3'500'000, 4}})), 1000));
}

TEST(Shape, ConstantArrivalsUnderAFactorDontDrift) {
  const auto due_ns = instants(make_tenant(3, steps({{0, 1.5}})), 300'000);
  for (std::size_t i = 0; i < due_ns.size(); ++i) {
    const auto exact_ns = static_cast<std::int64_t>(i + 1) * 2 * kSecond / 9;
    ASSERT_LE(std::abs(due_ns[i] - exact_ns), 1) << i;
  }
}

TEST(Shape, DiurnalDoesntDriftOverManyDays) {
  constexpr std::int64_t kDay = 86'400 * kSecond;
  const Shape shape = periodic(ShapeKind::diurnal, 0.5, 1.5, kDay / 4, 0, kDay);
  // 1,000 requests a day, so that request 1000 k is due at the end of day k.
  const auto due_ns = instants(make_tenant(1000 / 86'400.0, shape), 365'000);
  for (std::size_t day = 1; day <= 365; ++day) {
    ASSERT_NEAR(static_cast<double>(due_ns[day * 1000 - 1]),
                static_cast<double>(static_cast<std::int64_t>(day) * kDay), 100)
        << day;
  }
}

TEST(Shape, DiurnalIsBusiestAtItsPeak) {
  constexpr std::int64_t kHour = 3600 * kSecond;
  const Shape shape = periodic(ShapeKind::diurnal, 0, 2, 14 * kHour, 0, 24 * kHour);
  std::vector<int> hours(24);
  for (const std::int64_t due_ns : instants(make_tenant(1, shape), 86'400 * 3)) {
    ++hours[static_cast<std::size_t>((due_ns + kHour / 2) / kHour % 24)];
  }
  EXPECT_EQ(std::ranges::max_element(hours) - hours.begin(), 14);
  EXPECT_EQ(std::ranges::min_element(hours) - hours.begin(), 2);
  // The hour around the peak: 1 + the mean of the cosine over half an hour to each side.
  EXPECT_NEAR(hours[14], 3 * 3600 * (1 + std::sin(M_PI / 24) / (M_PI / 24)), 4);
}

TEST(Shape, DiurnalOfManyPeriodsAGapIsSkipped) {
  // A period has 2 s of factor 1: a gap of 7 s is three periods, and a second that is more than
  // half of one by the integral, which is at its half at the trough.
  const Shape shape = periodic(ShapeKind::diurnal, 0.5, 1.5, 0, 0, 2 * kSecond);
  const auto due_ns = instants(make_tenant(1 / 7.0, shape), 2);
  EXPECT_NEAR(static_cast<double>(due_ns[0]), 7e9, 1);
  EXPECT_NEAR(static_cast<double>(due_ns[1]), 14e9, 1);
}

// The sojourns are keyed draws, so the path of the factor can be told beforehand.
TEST(Shape, MmppFollowsItsSojourns) {
  const Shape shape = periodic(ShapeKind::mmpp, 0, 4, 0, 2'000'000, 8'000'000);
  const Draws draws(5, Purpose::shape, 0);
  // Even ones are calm. It begins in a burst with the probability of being in one, 0.2.
  const std::uint64_t begin = draws.uniform(0, 0) < 0.2 ? 1 : 0;
  ArrivalSource source(make_tenant(1e6, shape), 5, 0);
  std::int64_t due_ns = source.next()->due_ns;
  std::int64_t begin_ns = 0;
  for (std::uint64_t sojourn = begin; sojourn < 200; ++sojourn) {
    const bool calm = sojourn % 2 == 0;
    const std::int64_t length_ns = std::llround((calm ? 8e6 : 2e6) * draws.exponential(sojourn));
    const std::int64_t end_ns = begin_ns + length_ns;
    std::int64_t count = 0;
    for (; due_ns < end_ns; due_ns = source.next()->due_ns) {
      ASSERT_FALSE(calm) << due_ns;
      ++count;
    }
    // Requests come every 250 ns of a burst; what is left of one goes on in the next.
    if (!calm) {
      ASSERT_NEAR(static_cast<double>(count), static_cast<double>(length_ns) / 250, 1);
    }
    begin_ns = end_ns;
  }
}

// A cycle of calm and burst has mean length c + b; the requests in it have the variance of their
// burst's length. The long-run rate's standard error is that of a renewal-reward process.
TEST(Shape, MmppHasTheMeanFactorInTheLongRun) {
  constexpr double kCalm = 8e6;
  constexpr double kBurst = 2e6;
  const Shape shape = periodic(ShapeKind::mmpp, 0.5, 4, 0, 2'000'000, 8'000'000);
  constexpr double kCycles = 10'000;
  const auto end_ns = static_cast<std::int64_t>(kCycles * (kCalm + kBurst));
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    ArrivalSource source(make_tenant(1e4, shape, Process::constant), seed, 0);
    double count = 0;
    while (source.next()->due_ns < end_ns) ++count;
    const double mean = mean_factor(shape, end_ns);
    // Of a cycle's reward less its length x the mean: each sojourn's deviation is its mean.
    const double deviation = std::hypot((0.5 - mean) * kCalm, (4 - mean) * kBurst);
    const double error = deviation / (kCalm + kBurst) / std::sqrt(kCycles);
    EXPECT_NEAR(count / (static_cast<double>(end_ns) * 1e-5), mean, kErrors * error) << seed;
  }
}

// Runs of 40 s, shorter than a calm: the mean over seeds is the long-run mean all the same, which
// it would not be if all of them began calm (1.05 here) or in a burst. Of one run the factor's mean
// has the variance of a two-state process with rates 1/20 and 1/60 per s over 40 s: 1.12.
TEST(Shape, MmppBeginsInItsStationaryState) {
  const Shape shape = periodic(ShapeKind::mmpp, 0.5, 4, 0, 20 * kSecond, 60 * kSecond);
  constexpr double kRuns = 20'000;
  double count = 0;
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(kRuns); ++seed) {
    ArrivalSource source(make_tenant(10, shape, Process::constant), seed, 0);
    while (source.next()->due_ns < 40 * kSecond) ++count;
  }
  // A run's first request comes a gap after its start, so it counts half a gap too few on average.
  const double mean = (count + kRuns / 2) / (kRuns * 400);
  EXPECT_NEAR(mean, 1.375, kErrors * std::sqrt(1.13 / kRuns));
}

TEST(Shape, MmppOfAnotherSeedOrTenantBurstsAtOtherTimes) {
  const Shape shape = periodic(ShapeKind::mmpp, 0, 4, 0, 2'000'000, 8'000'000);
  const Tenant tenant = make_tenant(1e4, shape);
  ArrivalSource a(tenant, 1, 0);
  ArrivalSource b(tenant, 2, 0);
  ArrivalSource c(tenant, 1, 1);
  const std::int64_t first_ns = a.next()->due_ns;
  EXPECT_NE(first_ns, b.next()->due_ns);
  EXPECT_NE(first_ns, c.next()->due_ns);
}

TEST(Shape, WhereTheFactorStaysZeroTheSourceRunsDry) {
  const Shape cases[] = {
      steps({{0, 0}}),
      ramp(0, 0, kSecond, kSecond),
      periodic(ShapeKind::diurnal, 0, 0, 0, 0, kSecond),
      periodic(ShapeKind::burst, 0, 0, kSecond, 100, kSecond),
      periodic(ShapeKind::mmpp, 0, 0, 0, 100, kSecond),
  };
  for (const Shape& shape : cases) {
    EXPECT_TRUE(instants(make_tenant(1000, shape), 1).empty());
  }
  // 2 of it come before.
  EXPECT_EQ(instants(make_tenant(1000, steps({{2'500'000, 0}})), 10).size(), 2U);
}

TEST(Shape, RunsDryBeforeTheClockOverflows) {
  const Shape cases[] = {
      steps({{5, 2}}),
      ramp(0, 3, kSecond, kSecond),
      periodic(ShapeKind::diurnal, 0.5, 1.5, 0, 0, kSecond),
      periodic(ShapeKind::burst, 0, 1, 0, 100, kSecond),
      // Sojourns far shorter than a gap: drawing them all would take for ever.
      periodic(ShapeKind::mmpp, 1, 2, 0, 100, 1000),
  };
  for (const Shape& shape : cases) {
    const auto due_ns = instants(make_tenant(1e-9, shape), 100);
    EXPECT_LT(due_ns.size(), 100U);
    for (const std::int64_t instant_ns : due_ns) EXPECT_GT(instant_ns, 0);
  }
}

TEST(MeanFactor, HasItsClosedForms) {
  EXPECT_DOUBLE_EQ(mean_factor(steps({}), 100), 1);
  EXPECT_DOUBLE_EQ(mean_factor(steps({{25, 3}, {75, 0}, {1000, 9}}), 100), 1.75);
  EXPECT_DOUBLE_EQ(mean_factor(steps({{0, 3}, {0, 2}}), 100), 2);
  EXPECT_DOUBLE_EQ(mean_factor(ramp(1, 3, 20, 40), 100), 0.2 + 0.8 + 1.2);
  EXPECT_DOUBLE_EQ(mean_factor(ramp(1, 3, 20, 40), 40), (20 + 20 * 1.5) / 40);
  EXPECT_DOUBLE_EQ(mean_factor(ramp(1, 3, 200, 40), 100), 1);
  EXPECT_DOUBLE_EQ(mean_factor(ramp(1, 3, 0, 0), 100), 3);
  EXPECT_DOUBLE_EQ(mean_factor(periodic(ShapeKind::burst, 1, 5, 10, 5, 20), 100),
                   (75 + 5 * 25) / 100.0);
  EXPECT_DOUBLE_EQ(mean_factor(periodic(ShapeKind::burst, 1, 5, 10, 50, 20), 100),
                   (10 + 5 * 90) / 100.0);
  EXPECT_DOUBLE_EQ(mean_factor(periodic(ShapeKind::burst, 1, 5, 10, 5, 20), 12), 20 / 12.0);
  EXPECT_DOUBLE_EQ(mean_factor(periodic(ShapeKind::burst, 1, 5, 500, 5, 20), 100), 1);
  EXPECT_DOUBLE_EQ(mean_factor(periodic(ShapeKind::mmpp, 1, 5, 0, 20, 60), 1), 2);
  EXPECT_NEAR(mean_factor(periodic(ShapeKind::diurnal, 1, 3, 70, 0, 100), 300), 2, 1e-12);
  // From the peak to where it passes its middle: 2 + the mean of a cosine's first quarter.
  EXPECT_NEAR(mean_factor(periodic(ShapeKind::diurnal, 1, 3, 0, 0, 100), 25), 2 + 2 / M_PI, 1e-12);
}

}  // namespace
}  // namespace tokenlift::shape_test
