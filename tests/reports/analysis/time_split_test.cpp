#include "reports/analysis/time_split.hpp"

#include <gtest/gtest.h>

#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift::time_split_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

TEST(TimeSplit, PartsAddUpToTheMeanTtft) {
  RunValue run = lift_run();
  PhaseRecord& phase = run.tenants[0].phases[0];
  for (Histogram& histogram : phase.latency) histogram = {};
  phase.of(Metric::throttle_wait).record(100, 2);
  phase.of(Metric::queue_wait).record(20, 2);
  phase.of(Metric::prefill).record(30, 2);
  phase.of(Metric::ttft).record(154, 1);
  phase.of(Metric::ttft).record(156, 1);
  phase.of(Metric::generator_lag).record(90, 7);  // of all that were sent
  const TimeSplit split = time_split(run)[0];
  EXPECT_EQ(split.phase, "before");
  EXPECT_EQ(split.requests, 2U);
  EXPECT_EQ(split.ttft_ns, 155);
  EXPECT_EQ(split.throttle_wait_ns, 100);
  EXPECT_EQ(split.queue_wait_ns, 20);
  EXPECT_EQ(split.prefill_ns, 30);
  EXPECT_EQ(split.generator_lag_ns, 5) << "of those that were served";
}

TEST(TimeSplit, TheWayToASiteIsAPartOfItsOwnAndNoLagOfTheGenerator) {
  RunValue run = lift_run();
  EXPECT_EQ(shown_parts(time_split(run)).size(), kTimeParts.size() - 1) << "at no distance";
  PhaseRecord& phase = run.tenants[0].phases[0];
  for (Histogram& histogram : phase.latency) histogram = {};
  phase.of(Metric::network).record(40, 2);
  phase.of(Metric::prefill).record(30, 2);
  phase.of(Metric::ttft).record(71, 2);
  const std::vector<TimeSplit> split = time_split(run);
  EXPECT_EQ(split[0].network_ns, 40);
  EXPECT_EQ(split[0].generator_lag_ns, 1);
  EXPECT_EQ(shown_parts(split).size(), kTimeParts.size());
}

TEST(TimeSplit, OfNobodyIsZero) {
  const TimeSplit split = time_split(empty_run())[0];
  EXPECT_EQ(split.requests, 0U);
  EXPECT_EQ(split.ttft_ns, 0);
}

}  // namespace
}  // namespace tokenlift::time_split_test
