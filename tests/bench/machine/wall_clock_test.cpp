#include "bench/machine/wall_clock.hpp"

#include <gtest/gtest.h>

namespace tokenlift::wall_clock_test {
namespace {

TEST(WallClock, ReadsBothClocksAtOneInstant) {
  const auto before = std::chrono::steady_clock::now();
  const ClockReading reading = read_clocks();
  EXPECT_GE(reading.steady, before);
  EXPECT_LE(reading.steady, std::chrono::steady_clock::now());
  EXPECT_GE(reading.error_ns, 0);
  EXPECT_GT(reading.unix_ns, 1'700'000'000'000'000'000) << "after 2023";
}

TEST(WallClock, WaitsForAnInstantAndNotForOneThatHasPassed) {
  const std::atomic<bool> stop{false};
  const ClockReading now = read_clocks();
  EXPECT_FALSE(wait_until_unix_ns(now.unix_ns - 1, stop));
  const auto begun = wait_until_unix_ns(now.unix_ns + 30'000'000, stop);
  ASSERT_TRUE(begun);
  EXPECT_GE(std::chrono::steady_clock::now(), begun->steady);
  EXPECT_GT(begun->steady, now.steady);
}

TEST(WallClock, WaitingIsStopped) {
  const std::atomic<bool> stop{true};
  EXPECT_TRUE(wait_until_unix_ns(read_clocks().unix_ns + 3'600'000'000'000, stop));
}

}  // namespace
}  // namespace tokenlift::wall_clock_test
