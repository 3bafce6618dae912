#include "bench/run/machine_speed.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenlift::machine_speed_test {
namespace {

constexpr std::int64_t kMs = 1'000'000;
const StepCosts kNotMeasured;

/// After another step that decoded.
StepKind decoding(std::uint32_t site, std::int64_t sequences, std::int64_t context_tokens,
                  std::int32_t busy) {
  return decode_kind(site, sequences, context_tokens, busy, StepBefore::decoding);
}

/// Steps that each take as long: `count` of `sequences` that decode for a time, prompts of 64
/// tokens for another.
StepCosts steps(std::int64_t count, std::int64_t sequences, std::int64_t decode_ns,
                std::int64_t prompt_ns) {
  StepCosts costs;
  for (std::int64_t i = 0; i < count; ++i) {
    costs.add(decoding(0, sequences, 100 * sequences, 8), decode_ns);
    costs.add(prompt_kind(0, 1, 64, 0, 8), prompt_ns);
  }
  return costs;
}

TEST(StepKind, KeepsApartWhatCostsSomethingElse) {
  EXPECT_EQ(decoding(0, 7, 1000, 8), decoding(0, 7, 1001, 8));
  EXPECT_NE(decoding(0, 7, 1000, 8), decoding(1, 7, 1000, 8)) << "another site";
  EXPECT_NE(decoding(0, 7, 1000, 8), decoding(0, 8, 1000, 8));
  EXPECT_NE(decoding(0, 7, 1000, 8), decoding(0, 7, 2000, 8));
  EXPECT_NE(decoding(0, 7, 1000, 8), decoding(0, 7, 1000, 4)) << "one works alone";
  EXPECT_NE(decoding(0, 7, 1000, 8), decode_kind(0, 7, 1000, 8, StepBefore::prompts));
  EXPECT_NE(decoding(0, 1, 0, 8), prompt_kind(0, 1, 64, 0, 8));
  EXPECT_NE(prompt_kind(0, 1, 64, 0, 8), prompt_kind(0, 1, 128, 0, 8));
  EXPECT_NE(prompt_kind(0, 1, 64, 0, 8), prompt_kind(0, 2, 64, 0, 8));
  // Larger numbers never have a smaller class, and those of one class differ by a tenth at most.
  std::int64_t smallest = 1;
  for (std::int64_t sequences = 1; sequences < 5000; ++sequences) {
    const auto size = decoding(0, sequences, 0, 8).size;
    const auto smallest_size = decoding(0, smallest, 0, 8).size;
    EXPECT_GE(size, smallest_size);
    if (size != smallest_size) smallest = sequences;
    EXPECT_LE(static_cast<double>(sequences), 1.1 * static_cast<double>(smallest));
    if (sequences <= 17) {
      EXPECT_EQ(size, sequences);
    }
  }
}

TEST(RelativeSpeed, IsTheRatioOfWhatTheSameTakes) {
  const auto speed =
      relative_speed(steps(100, 8, 5 * kMs, 3 * kMs), steps(50, 8, 4 * kMs, 3 * kMs));
  ASSERT_TRUE(speed);
  EXPECT_DOUBLE_EQ(speed->value, 7.0 / 8.0);
  EXPECT_NEAR(speed->standard_error, 0, 1e-9);
}

TEST(RelativeSpeed, DoesNotDependOnWhatWasAskedMeanwhile) {
  // Full batches then, small ones now: only the prompts can be compared.
  const auto speed =
      relative_speed(steps(100, 2, 2 * kMs, 3 * kMs), steps(50, 16, 9 * kMs, 3 * kMs));
  ASSERT_TRUE(speed);
  EXPECT_DOUBLE_EQ(speed->value, 1);
  // Of two kinds that both have, the one that is rare on either side hardly counts.
  StepCosts then = steps(1000, 4, 4 * kMs, 3 * kMs);
  StepCosts now = steps(1000, 4, 4 * kMs, 3 * kMs);
  for (int i = 0; i < 2; ++i) now.add(decoding(0, 5, 500, 8), 8 * kMs);
  for (int i = 0; i < 1000; ++i) then.add(decoding(0, 5, 500, 8), 4 * kMs);
  EXPECT_NEAR(relative_speed(now, then)->value, 1, 0.005);
}

TEST(RelativeSpeed, IsAbsentWhereNothingIsTheSame) {
  StepCosts pairs;
  StepCosts other;
  for (int i = 0; i < 10; ++i) {
    pairs.add(decoding(0, 2, 100, 8), kMs);
    other.add(decoding(0, 3, 100, 8), kMs);
  }
  EXPECT_FALSE(relative_speed(pairs, other));
  EXPECT_FALSE(relative_speed(pairs, kNotMeasured));
  EXPECT_FALSE(relative_speed(kNotMeasured, kNotMeasured));
  other.add(decoding(0, 2, 100, 8), kMs);
  EXPECT_FALSE(relative_speed(pairs, other)) << "one step says nothing of its error";
  other.add(decoding(0, 2, 100, 8), kMs);
  EXPECT_TRUE(relative_speed(pairs, other));
}

TEST(RelativeSpeed, StatesTheErrorOfARatioOfMeans) {
  StepCosts now;
  StepCosts then;
  for (int i = 0; i < 50; ++i) {
    for (const std::int64_t ns : {9 * kMs, 11 * kMs}) now.add(decoding(0, 2, 100, 8), ns);
    for (int k = 0; k < 100; ++k) then.add(decoding(0, 2, 100, 8), 10 * kMs);
  }
  // 100 values of +-10 % about their mean.
  EXPECT_NEAR(relative_speed(now, then)->standard_error, 0.1 / std::sqrt(99.0), 1e-6);
}

TEST(MachineSpeed, IsHeldAgainstThatOfTheCapacity) {
  const StepCosts capacity = steps(500, 16, 9 * kMs, 3 * kMs);
  const auto checked = [&](std::int64_t before_ns, std::int64_t after_ns) {
    return check_machine_speed({{"before", steps(300, 2, 2 * kMs, before_ns)},
                                {"transition", steps(300, 16, 9 * kMs, 3 * kMs)},
                                {"after", steps(300, 6, 4 * kMs, after_ns)}},
                               capacity)
        .value();
  };
  EXPECT_EQ(checked(3 * kMs, 3 * kMs).value, 0);
  EXPECT_EQ(checked(3 * kMs, 3 * kMs).name, "machine_speed_change");
  EXPECT_TRUE(checked(3 * kMs, 3 * kMs).passed);
  EXPECT_TRUE(checked(3'300'000, 3'300'000).passed) << "9 % slower";
  const Check slower = checked(3 * kMs, 4'500'000);
  EXPECT_FALSE(slower.passed);
  EXPECT_NEAR(*slower.value, 1.0 / 3.0, 1e-9);
  EXPECT_EQ(slower.advice,
            "the machine was 33 % slower in 'after' than while its capacity was measured, so that "
            "a load is not the share of the capacity that it is called: run on a quiet machine, or "
            "state the capacity (fleet.capacity)");
  const Check faster = checked(2'500'000, 2'500'000);
  EXPECT_FALSE(faster.passed);
  EXPECT_NE(faster.advice.find("20 % faster in 'before'"), std::string::npos) << faster.advice;
}

TEST(MachineSpeed, IsHeldAgainstItselfBeforeAndAfter) {
  const auto checked = [](std::int64_t after_ns) {
    return check_machine_speed({{"before", steps(300, 2, 2 * kMs, 3 * kMs)},
                                {"transition", steps(300, 16, 9 * kMs, 6 * kMs)},
                                {"after", steps(300, 6, 4 * kMs, after_ns)}},
                               kNotMeasured)
        .value();
  };
  EXPECT_TRUE(checked(3 * kMs).passed);
  EXPECT_EQ(checked(3 * kMs).value, 0) << "what is not compared does not count";
  const Check slower = checked(4 * kMs);
  EXPECT_FALSE(slower.passed);
  EXPECT_NEAR(*slower.value, 0.25, 1e-9);
  EXPECT_EQ(slower.advice,
            "the machine was 25 % slower in 'after' than in 'before', so that what the change did "
            "cannot be told from what the machine did: run again on a quiet machine");
}

TEST(MachineSpeed, IsNotCheckedWhereTooLittleIsTheSame) {
  const StepCosts some = steps(300, 2, 2 * kMs, 3 * kMs);
  EXPECT_FALSE(check_machine_speed({{"steady", some}}, kNotMeasured)) << "nothing to compare with";
  EXPECT_TRUE(check_machine_speed({{"steady", some}}, some)->value);
  const auto nothing = check_machine_speed({{"before", some}, {"after", {}}}, kNotMeasured);
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->passed);
  EXPECT_FALSE(nothing->value);
  EXPECT_EQ(nothing->advice.rfind("not checked", 0), 0U);
  // Twice as slow by three steps each, of which nobody knows.
  StepCosts few;
  StepCosts slow;
  for (const std::int64_t ns : {kMs, 2 * kMs, 3 * kMs}) {
    few.add(decoding(0, 2, 100, 8), ns);
    slow.add(decoding(0, 2, 100, 8), 2 * ns);
  }
  EXPECT_FALSE(check_machine_speed({{"before", few}, {"after", slow}}, kNotMeasured)->value);
}

}  // namespace
}  // namespace tokenlift::machine_speed_test
