#include "bench/record/recording_grid.hpp"

#include <gtest/gtest.h>

namespace tokenlift::recording_grid_test {
namespace {

TEST(RecordingGrid, HasABinForEveryNanosecondAndOneAtLeast) {
  EXPECT_EQ(bins_until(0, 1, 10), 1U);
  EXPECT_EQ(bins_until(1, 1, 10), 1U);
  EXPECT_EQ(bins_until(2, 1, 10), 2U);
  EXPECT_EQ(bins_until(10, 5, 10), 2U);
  EXPECT_EQ(bins_until(11, 5, 10), 3U);
  EXPECT_EQ(bins_until(51, 5, 10), 10U);
}

}  // namespace
}  // namespace tokenlift::recording_grid_test
