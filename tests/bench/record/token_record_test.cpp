#include "bench/record/token_record.hpp"

#include <gtest/gtest.h>

// Its properties are in recorder_test.cpp.
namespace tokenlift::token_record_test {
namespace {

TEST(TokenRecord, ReplicasServeForAllOfTheirTimeInEachPhase) {
  RecordingGrid grid;
  grid.phases = {{"one", 0, 100, true}, {"two", 100, 200, true}, {"three", 200, kNever, true}};
  grid.tenants = 1;
  grid.bin_ns = grid.slice_ns = 1000;
  grid.bins = grid.slices = 1;
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
  RecordingGrid grid;
  grid.phases = {{"steady", 0, kNever, true}};
  grid.tenants = 1;
  grid.bin_ns = grid.slice_ns = 1000;
  grid.bins = grid.slices = 1;
  TokenRecord record(grid);
  for (int i = 0; i < 1000; ++i) record.steps({50, 0, 1, 1000, 0}, {3, 8, 20}, 50);
  EXPECT_EQ(record.busy_ns(0), 0);
  EXPECT_EQ(record.resident_token_ns(0), 0);
}

}  // namespace
}  // namespace tokenlift::token_record_test
