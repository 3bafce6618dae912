// Scenarios in virtual time whose figures the calendar, a rate or a stationary process fixes: what
// is let through in a year, on the days on which the clocks change, and by users who think.
//
// What is statistical has fixed seeds and bounds of 5 standard errors, from the spread of its own
// runs: a false alarm comes with probability 6e-7 for each.

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/bench/run/virtual_run.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::time_and_chance_test {
namespace {

constexpr double kErrors = 5;

const std::string kHead = R"(
name = "chance"
[[fleet.site]]
name = "hall"
profile = "h100-8b"
replicas = 8
max_batch = 64
)";

const std::string kTokens = R"(
prompt_tokens = { distribution = "constant", value = 10 }
output_tokens = { distribution = "constant", value = 2 }
)";

Run play(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return play_virtual(resolve(parse_scenario(text, "chance", "/", overrides), std::nullopt));
}

std::uint64_t admitted(const Run& run, std::size_t phase = 0) {
  return run.throttles[0].phases[phase].admitted;
}

// 2026-11-01 has 25 hours in New York, 2026-03-08 has 23; a limit of 30 a day is 30 each day.
TEST(TimeAndChance, AWindowOfADayIsADayWhenTheClocksChange) {
  const std::string text = kHead + R"(
[run]
engine = "virtual"
duration = "73h"
cooldown_max = "1s"
time_zone = "America/New_York"
[[tenant]]
name = "users"
arrivals = { process = "constant", rate = "2/h" }
)" + kTokens + R"(
[[throttle]]
name = "daily"
kind = "fixed_window"
unit = "requests"
limit = 30
window = "1d"
when_full = "reject"
)";
  for (const auto& [starts_at, hours] :
       {std::pair<std::string, std::vector<int>>{"2026-10-31T00:00", {24, 49, 73}},
        {"2026-03-07T00:00", {24, 47, 71}}}) {
    std::uint64_t before = 0;
    for (const int hour : hours) {
      const auto run = play(text, {"run.starts_at=\"" + starts_at + "\"",
                                   "run.duration=" + std::to_string(hour) + "h"});
      EXPECT_EQ(admitted(run) - before, 30U) << starts_at << ' ' << hour;
      before = admitted(run);
    }
  }
}

TEST(TimeAndChance, OneADayIs365AYear) {
  const std::string text = kHead + R"(
[run]
engine = "virtual"
duration = "365d"
cooldown_max = "1s"
[[tenant]]
name = "users"
arrivals = { process = "constant", rate = "3/d" }
)" + kTokens + R"(
[[throttle]]
name = "daily"
kind = "token_bucket"
unit = "requests"
rate = "1/d"
burst = 1
when_full = "queue"
)";
  const auto year = play(text);
  EXPECT_NEAR(static_cast<double>(admitted(year)), 365, 1);
  EXPECT_NEAR(static_cast<double>(year.totals.due), 3 * 365, 1);
  // One in twenty days: the one that is saved, and 18 more.
  const auto slow = play(text, {"throttle.daily.rate=0.05/d"});
  EXPECT_NEAR(static_cast<double>(admitted(slow)), 19, 1);
}

// With 200 users who think for 10 s each, 20 requests/s come, whatever the distribution of the
// think time. All at one instant they would wait for each other: a TTFT of a second and more, and a
// fifth of them in time. Later, users whom one step answers are in step for good; so the median is
// that of the first think time alone.
TEST(TimeAndChance, UsersWhoThinkEquallyLongDoNotAskAtOnce) {
  const std::string text = R"(
name = "lockstep"
[run]
engine = "virtual"
duration = "200s"
warmup = "50s"
[[fleet.site]]
name = "hall"
profile = "h100-8b"
max_batch = 256
max_step_tokens = 2048
[[tenant]]
name = "users"
users = 200
arrivals = { process = "closed", think = "10s" }
prompt_tokens = { distribution = "constant", value = 500 }
output_tokens = { distribution = "constant", value = 50 }
slo = { ttft = "500ms" }
)";
  const auto run = play(text);
  EXPECT_EQ(run.tenants[0].phases[0].slo_met, run.tenants[0].phases[0].counts.due);
  const auto first = play(text, {"run.warmup=0s", "run.duration=10s"});
  EXPECT_EQ(first.tenants[0].phases[0].counts.due, 200U);
  EXPECT_LT(first.tenants[0].phases[0].of(Metric::ttft).value_at(0.5), 50'000'000);
}

// A process that is in a burst a quarter of the time: (0.25 x 4 + 0.75 x 0.5) x 100 requests/s in
// runs of any length; 105 if all of them began calm, whose distance is 7 standard errors.
TEST(TimeAndChance, ShortRunsSeeAsManyBurstsAsLongOnes) {
  const std::string text = kHead + R"(
[run]
engine = "virtual"
duration = "40s"
cooldown_max = "1s"
[[tenant]]
name = "users"
)" + kTokens + R"(
[tenant.arrivals]
process = "poisson"
rate = "5/s"
shape = { kind = "mmpp", high = 4, low = 0.5, length = "20s", calm = "60s" }
)";
  constexpr int kRuns = 500;
  double sum = 0;
  double squares = 0;
  for (int seed = 1; seed <= kRuns; ++seed) {
    const auto run = play(text, {"run.seed=" + std::to_string(seed)});
    const double per_s = static_cast<double>(run.tenants[0].phases[0].counts.due) / 40 * 20;
    sum += per_s;
    squares += per_s * per_s;
  }
  const double mean = sum / kRuns;
  const double error = std::sqrt((squares / kRuns - mean * mean) / kRuns);
  EXPECT_NEAR(mean, 137.5, kErrors * error);
  EXPECT_GT(137.5 - kErrors * error, 105 + kErrors / 4 * error) << "it would not be noticed";
}

}  // namespace
}  // namespace tokenlift::time_and_chance_test
