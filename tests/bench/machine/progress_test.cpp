// Contract: off a terminal a line per phase that has ended; simulated time says so, and how fast it
// passes; where no stream is given nothing is drawn.

#include "bench/machine/progress.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

namespace tokenlift::progress_test {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

const std::vector<Phase> kPhases = {{"before", 0, 10 * kSecondNs, true},
                                    {"after", 10 * kSecondNs, 30 * kSecondNs, true},
                                    {"cooldown", 30 * kSecondNs, 60 * kSecondNs, false}};

/// What a display of a run that has come to `now_ns` leaves behind; of phases that open as they
/// come, where the transition begins at `held_ns`.
std::string drawn(std::int64_t now_ns, bool simulated, const std::vector<Phase>& phases = kPhases,
                  std::int64_t held_ns = -1) {
  std::FILE* const stream = std::tmpfile();
  ProgressBoard board;
  board.now_ns = now_ns;
  if (held_ns >= 0) {
    board.transition_begin_ns = held_ns;
    board.transition_end_ns = held_ns + 5 * kSecondNs;
  }
  board.sent = 400;
  board.completed = 200;
  board.completed_tokens = 6000;
  {
    const ProgressDisplay display(board, phases, 30 * kSecondNs, "run 1 of 2: ", simulated, stream,
                                  false);
  }
  std::rewind(stream);
  std::string text;
  std::array<char, 256> line{};
  while (std::fgets(line.data(), static_cast<int>(line.size()), stream) != nullptr)
    text += line.data();
  std::fclose(stream);
  return text;
}

TEST(Progress, APhaseThatHasEndedHasALine) {
  EXPECT_EQ(drawn(9 * kSecondNs, false), "");
  EXPECT_EQ(drawn(20 * kSecondNs, false),
            "run 1 of 2: before     until  10.0 s   20 requests/s sent   10 done   300 tokens/s\n");
}

TEST(Progress, OfPhasesThatEndedUnseenOnlyTheLastHasRates) {
  EXPECT_EQ(drawn(40 * kSecondNs, false),
            "run 1 of 2: before     until  10.0 s\n"
            "run 1 of 2: after      until  30.0 s   10 requests/s sent   5 done   150 tokens/s\n");
}

TEST(Progress, PhasesMayOpenAsTheyCome) {
  const std::vector<Phase> open = {{"before", 0, 30 * kSecondNs, true},
                                   {"transition", 30 * kSecondNs, 30 * kSecondNs, true},
                                   {"after", 30 * kSecondNs, 30 * kSecondNs, true},
                                   {"cooldown", 30 * kSecondNs, 60 * kSecondNs, false}};
  EXPECT_EQ(drawn(20 * kSecondNs, false, open), "");
  EXPECT_EQ(drawn(20 * kSecondNs, false, open, 12 * kSecondNs),
            "run 1 of 2: before     until  12.0 s\n"
            "run 1 of 2: transition until  17.0 s   20 requests/s sent   10 done   300 tokens/s\n");
  EXPECT_EQ(drawn(40 * kSecondNs, false, open),
            "run 1 of 2: before     until  30.0 s   10 requests/s sent   5 done   150 tokens/s\n");
}

TEST(Progress, SimulatedTimeSaysHowFastItPasses) {
  const std::string text = drawn(20 * kSecondNs, true);
  EXPECT_EQ(text.find("run 1 of 2: before     until  10.0 s (simulated)   x"), 0U) << text;
  EXPECT_NE(text.find(" real time   20 requests/s sent   10 done   300 tokens/s\n"),
            std::string::npos)
      << text;
}

TEST(Progress, SpeedIsSimulatedTimeOverRealTime) {
  EXPECT_EQ(simulation_speed(2468 * kSecondNs, 2 * kSecondNs), "x1,234 real time");
  EXPECT_EQ(simulation_speed(kSecondNs, 4 * kSecondNs), "x0.250 real time");
  EXPECT_EQ(simulation_speed(0, kSecondNs), "");
  EXPECT_EQ(simulation_speed(kSecondNs, 0), "");
}

TEST(Progress, TimeLeftIsRealTimeAtTheSpeedSoFar) {
  EXPECT_EQ(time_left(120 * kSecondNs, 600 * kSecondNs, 3 * kSecondNs), "12 s left");
  EXPECT_EQ(time_left(600 * kSecondNs, 600 * kSecondNs, 3 * kSecondNs), "0 s left");
  EXPECT_EQ(time_left(700 * kSecondNs, 600 * kSecondNs, 3 * kSecondNs), "0 s left")
      << "in the cooldown";
  EXPECT_EQ(time_left(kSecondNs, 600 * kSecondNs, kSecondNs), "10 min left");
  EXPECT_EQ(time_left(0, 600 * kSecondNs, kSecondNs), "");
}

TEST(Progress, ARoughTimeHasOneUnit) {
  EXPECT_EQ(rough_time(89.4), "89 s");
  EXPECT_EQ(rough_time(90), "2 min");
  EXPECT_EQ(rough_time(89 * 60.0), "89 min");
  EXPECT_EQ(rough_time(150 * 60.0), "2 h");
}

}  // namespace
}  // namespace tokenlift::progress_test
