#include "workloads/text/quantity.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <string>
#include <utility>

namespace tokenlift::quantity_test {
namespace {

TEST(Duration, IsReadExactlyInEveryUnit) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"15s", 15'000'000'000},
      {"250ms", 250'000'000},
      {"1us", 1'000},
      {"100ns", 100},
      {"5min", 300'000'000'000},
      {"2h", 7'200'000'000'000},
      {"1d", 86'400'000'000'000},
      {"1.5s", 1'500'000'000},
      {"0.1s", 100'000'000},
      {"0s", 0},
      {".5ms", 500'000},
      {"3.s", 3'000'000'000},
      {"0.000000001s", 1},
      {"1.2345678915s", 1'234'567'892},  // half a ns rounds up
      {"1.5ns", 2},                      // the same
      {"0.00000000000001d", 1},          // 0.864 ns
      {"0.1234567890123456789h", 444'444'440'444},
      {"10000d", kLongestDurationNs},
  };
  for (const auto& [text, ns] : cases) {
    EXPECT_EQ(parse_duration_ns(text).value, ns) << text;
  }
}

TEST(Duration, ThatIsNoneHasAProblemAndAdvice) {
  for (const char* text : {"",
                           "s",
                           "15",
                           "15 s",
                           " 15s",
                           "15s ",
                           "-1s",
                           "+1s",
                           "1e3s",
                           "1.2.3s",
                           "15sec",
                           "15S",
                           "15M",
                           ".s",
                           "nan",
                           "inf",
                           "infs",
                           "10000.1d",
                           "99999999999999999999999999s",
                           "9223372036854775807ns",
                           "1,5s"}) {
    const Quantity<std::int64_t> quantity = parse_duration_ns(text);
    EXPECT_FALSE(quantity.value) << text;
    EXPECT_FALSE(quantity.problem.empty()) << text;
    EXPECT_FALSE(quantity.advice.empty()) << text;
  }
}

TEST(Duration, WithoutAUnitIsToldWhichToWrite) {
  EXPECT_EQ(parse_duration_ns("15").advice,
            "write \"15s\" for seconds, or \"15ms\" for milliseconds");
}

TEST(Duration, IsWrittenInTheUnitThatReadsBest) {
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(1), "1ns");
  EXPECT_EQ(format_duration(1'500), "1.5us");
  EXPECT_EQ(format_duration(250'000'000), "250ms");
  EXPECT_EQ(format_duration(12'345'678'901), "12.345678901s");
  EXPECT_EQ(format_duration(1'000'000'001), "1.000000001s");
  EXPECT_EQ(format_duration(90'000'000'000), "90s");
  EXPECT_EQ(format_duration(300'000'000'000), "5min");
  EXPECT_EQ(format_duration(172'800'000'000'000), "2d");
}

RC_GTEST_PROP(Duration, ReadsBackEqual, ()) {
  const int digits = *rc::gen::inRange(0, 18);
  const auto scale = static_cast<std::int64_t>(std::pow(10, digits));
  const std::int64_t ns = *rc::gen::inRange<std::int64_t>(0, scale) % (kLongestDurationNs + 1);
  RC_ASSERT(parse_duration_ns(format_duration(ns)).value == ns);
  const std::int64_t round = ns / 1'000'000 * 60'000'000;
  if (round <= kLongestDurationNs) {
    RC_ASSERT(parse_duration_ns(format_duration(round)).value == round);
  }
}

TEST(Cost, IsReadInWholePicoseconds) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"6.28ms", 6'280'000'000},
      {"41.1ns", 41'100},
      {"41100ps", 41'100},
      {"0.976ns", 976},
      {"7.4us", 7'400'000},
      {"1ps", 1},
      {"0.5ps", 1},  // half a ps rounds up
      {"0.4999ps", 0},
      {"0.0004999ns", 0},
      {"0s", 0},
      {"1.234567890123s", 1'234'567'890'123},
      {"999999999999999.5ps", kLongestCostPs},
      {"1000s", kLongestCostPs},
  };
  for (const auto& [text, ps] : cases) EXPECT_EQ(parse_cost_ps(text).value, ps) << text;
}

TEST(Cost, ThatIsNoneHasAProblemAndAdvice) {
  for (const char* text :
       {"", "ms", "15", "15 ms", "-1ms", "1e3ns", "1min", "1d", "1fs", "1PS", "1000.000000000001s",
        "1000000000000000.5ps", "99999999999999999999999ps"}) {
    const Quantity<std::int64_t> quantity = parse_cost_ps(text);
    EXPECT_FALSE(quantity.value) << text;
    EXPECT_FALSE(quantity.problem.empty()) << text;
    EXPECT_FALSE(quantity.advice.empty()) << text;
  }
}

TEST(Cost, IsWrittenInTheUnitThatReadsBest) {
  EXPECT_EQ(format_cost(0), "0s");
  EXPECT_EQ(format_cost(976), "976ps");
  EXPECT_EQ(format_cost(41'100), "41.1ns");
  EXPECT_EQ(format_cost(6'280'000'000), "6.28ms");
  EXPECT_EQ(format_cost(kLongestCostPs), "1000s");
}

RC_GTEST_PROP(Cost, ReadsBackEqual, ()) {
  const auto scale = static_cast<std::int64_t>(std::pow(10, *rc::gen::inRange(0, 16)));
  const std::int64_t ps = *rc::gen::inRange<std::int64_t>(0, scale + 1);
  RC_ASSERT(parse_cost_ps(format_cost(ps)).value == ps);
}

TEST(PowerAndEnergy, AreReadInWholeMilliwattsAndMilliwattHours) {
  const std::pair<const char*, std::int64_t> powers[] = {{"300MW", 300'000'000'000},
                                                         {"1.25GW", 1'250'000'000'000},
                                                         {"75W", 75'000},
                                                         {"0.5W", 500},
                                                         {"10.2kW", 10'200'000},
                                                         {"0W", 0},
                                                         {"1000GW", kMostPowerMw}};
  for (const auto& [text, mw] : powers) {
    EXPECT_EQ(parse_power_mw(text).value, mw) << text;
    EXPECT_EQ(format_power(mw), text);
  }
  EXPECT_EQ(parse_energy_milliwatt_h("150MWh").value, 150'000'000'000);
  EXPECT_EQ(parse_energy_milliwatt_h("1.5kWh").value, 1'500'000);
  EXPECT_EQ(format_energy(150'000'000'000), "150MWh");
  EXPECT_EQ(format_energy(1), "0.001Wh");
}

TEST(PowerAndEnergy, ThatAreNoneHaveAProblemAndAdvice) {
  EXPECT_EQ(parse_power_mw("300").problem, "\"300\" has no unit");
  EXPECT_EQ(parse_power_mw("300").advice, "write \"300W\" for watts, or \"300MW\" for megawatts");
  EXPECT_EQ(parse_power_mw("-1W").advice, "a power is 0 or more");
  EXPECT_EQ(parse_power_mw("2000GW").problem, "\"2000GW\" is too large");
  EXPECT_EQ(parse_power_mw("2000GW").advice, "1000GW is the most");
  EXPECT_EQ(parse_energy_milliwatt_h("5MW").problem, "\"5MW\" has an unknown unit \"MW\"");
  EXPECT_EQ(parse_energy_milliwatt_h("much").problem, "\"much\" is not an energy");
}

RC_GTEST_PROP(PowerAndEnergy, ReadBackEqual, ()) {
  const std::int64_t milli = *rc::gen::inRange<std::int64_t>(0, kMostPowerMw + 1);
  RC_ASSERT(parse_power_mw(format_power(milli)).value == milli);
  RC_ASSERT(parse_energy_milliwatt_h(format_energy(milli)).value == milli);
}

TEST(RatePerSecond, IsReadInEveryPeriodAndWithSuffixes) {
  const std::pair<const char*, double> cases[] = {
      {"12/s", 12},     {"30000/min", 500},       {"36/h", 0.01},
      {"86400/d", 1},   {"500k/min", 500e3 / 60}, {"2M/min", 2e6 / 60},
      {"1.5k/s", 1500}, {"1e3/s", 1000},          {"0.25/s", 0.25},
      {"1e12/s", 1e12},
  };
  for (const auto& [text, per_s] : cases) {
    EXPECT_EQ(parse_rate_per_s(text).value, per_s) << text;
  }
}

TEST(RatePerSecond, ThatIsNoneHasAProblemAndAdvice) {
  for (const char* text :
       {"",       "12",      "12k",      "/s",     "12/",    "12/sec",  "12 /s",  "-12/s",
        "0/s",    "-0/s",    "nan/s",    "inf/s",  "+inf/s", "12m/s",   "12kk/s", "0x10/s",
        "1e13/s", "1e400/s", "1e-400/s", "12/s/s", "k/s",    "1e12M/s", "--1/s"}) {
    const Quantity<double> quantity = parse_rate_per_s(text);
    EXPECT_FALSE(quantity.value) << text;
    EXPECT_FALSE(quantity.problem.empty()) << text;
    EXPECT_FALSE(quantity.advice.empty()) << text;
  }
}

RC_GTEST_PROP(RatePerSecond, ReadsBackEqual, ()) {
  const auto mantissa =
      static_cast<double>(*rc::gen::inRange<std::int64_t>(1, std::int64_t{1} << 53)) * 0x1p-53;
  const double per_s = std::ldexp(mantissa, *rc::gen::inRange(-300, 39));
  RC_ASSERT(parse_rate_per_s(format_rate(per_s)).value == per_s);
}

}  // namespace
}  // namespace tokenlift::quantity_test
