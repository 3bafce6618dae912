#include "bench/record/token_record.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

// By hand; its properties are in recorder_test.cpp.
namespace tokenlift::token_record_test {
namespace {

RecordingGrid grid_of(const std::vector<Phase>& phases, std::int64_t bin_ns = 1000,
                      std::size_t bins = 1) {
  RecordingGrid grid;
  grid.phases = phases;
  grid.tenants = 1;
  grid.bin_ns = grid.slice_ns = bin_ns;
  grid.bins = grid.slices = bins;
  return grid;
}

RecordingGrid one_phase() {
  return grid_of({{"steady", 0, kNever, true}});
}

RecordingGrid three_phases() {
  return grid_of({{"one", 0, 100, true}, {"two", 100, 200, true}, {"three", 200, kNever, true}});
}

// Borders that instants hit exactly: a step ends at 1000, 2000, ... ns, and so do bins and phases.
TEST(TokenRecord, ATokenAtABorderBelongsToWhatBegins) {
  const RecordingGrid grid =
      grid_of({{"before", 0, 3000, true}, {"after", 3000, kNever, true}}, 2000, 10);
  TokenRecord record(grid);
  const std::vector<CellCount> batch = {{0, 5}};
  record.decode({0, 0, 6, 1'000'000, 0}, batch);
  EXPECT_EQ(record.produced(0, 0), 10U) << "at 1000 and 2000";
  EXPECT_EQ(record.produced(0, 1), 20U) << "from 3000 on";
  const std::vector<std::int64_t> expected = {5, 10, 10, 5, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(record.tokens_by_bin(), expected);
  EXPECT_EQ(record.gaps(0).count(), 30U);
  EXPECT_EQ(record.gaps(0).sum_ns(), 30'000U);
}

TEST(TokenRecord, GapsAreSummedInPicosecondsAndRoundedOnce) {
  const RecordingGrid grid = one_phase();
  TokenRecord record(grid);
  for (int i = 0; i < 10; ++i) record.token(0, i, 1'999);
  record.token(0, 10, -1);
  EXPECT_EQ(record.gaps(0).count(), 10U) << "a first token has no gap";
  EXPECT_EQ(record.gaps(0).max_ns(), 1);
  EXPECT_EQ(record.gaps(0).sum_ns(), 19U) << "19.99 ns";
  EXPECT_EQ(record.produced(0, 0), 11U);
}

TEST(TokenRecord, AStepIsSplitOverThePhasesThatItTouches) {
  const RecordingGrid grid = three_phases();
  TokenRecord record(grid);
  record.steps({90, 0, 1, 160'000, 0}, {3, 8, 20});
  EXPECT_EQ(record.busy_ns(0), 10);
  EXPECT_EQ(record.busy_ns(1), 100);
  EXPECT_EQ(record.busy_ns(2), 50);
  EXPECT_EQ(record.batch_ns(1), 300);
  EXPECT_EQ(record.batch_room_ns(1), 800);
  EXPECT_EQ(record.resident_token_ns(1), 2000);
}

TEST(TokenRecord, ReplicasServeForAllOfTheirTimeInEachPhase) {
  const RecordingGrid grid = three_phases();
  TokenRecord record(grid);
  record.served({90, 199, 3, 20});
  record.served({199, 200, 1, 5});
  const __int128 expected[] = {30, 298, 0};
  const __int128 room[] = {600, 5945, 0};
  for (std::uint32_t phase = 0; phase < 3; ++phase) {
    EXPECT_EQ(record.replica_ns(phase), expected[phase]) << phase;
    EXPECT_EQ(record.kv_room_token_ns(phase), room[phase]) << phase;
  }
}

TEST(TokenRecord, StepsThatWereCutBeforeTheyBeganHeldNothing) {
  const RecordingGrid grid = one_phase();
  TokenRecord record(grid);
  for (int i = 0; i < 1000; ++i) record.steps({50, 0, 1, 1000, 0}, {3, 8, 20}, 50);
  EXPECT_EQ(record.busy_ns(0), 0);
  EXPECT_EQ(record.resident_token_ns(0), 0);
}

}  // namespace
}  // namespace tokenlift::token_record_test
