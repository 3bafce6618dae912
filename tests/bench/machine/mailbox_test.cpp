#include "bench/machine/mailbox.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "bench/machine/clock.hpp"

namespace tokenlift::mailbox_test {
namespace {

TEST(Mailbox, HandsOverEverythingInOrder) {
  Mailbox<int> box;
  std::vector<int> out;
  EXPECT_FALSE(box.take(out));
  box.post(1);
  box.post(2);
  EXPECT_FALSE(box.empty());
  EXPECT_TRUE(box.take(out));
  EXPECT_EQ(out, (std::vector<int>{1, 2}));
  EXPECT_TRUE(box.empty());
}

// The hand-over of completions: several workers post and ring, the loop sleeps until it is rung and
// takes. Against a count made by one thread: nothing is lost, and nobody sleeps through a ring.
TEST(Mailbox, ManyPostersAndARungClockLoseNothing) {
  constexpr int kPosters = 4;
  constexpr int kItems = 5000;
  Mailbox<int> box;
  RealClock clock;
  std::vector<std::jthread> posters;
  posters.reserve(kPosters);
  for (int p = 0; p < kPosters; ++p) {
    posters.emplace_back([&, p] {
      for (int i = 0; i < kItems; ++i) {
        box.post(p * kItems + i);
        clock.ring();
      }
    });
  }
  std::vector<int> taken;
  while (taken.size() < std::size_t{kPosters} * kItems) {
    clock.wait(clock.now_ns() + 1'000'000'000);
    box.take(taken);
  }
  std::vector<int> last(kPosters, -1);
  for (const int item : taken) {
    const int poster = item / kItems;
    EXPECT_GT(item, last[static_cast<std::size_t>(poster)]) << "in the poster's order";
    last[static_cast<std::size_t>(poster)] = item;
  }
}

TEST(RealClock, WaitsNoShorterThanTold) {
  RealClock clock;
  for (const std::int64_t wait_ns : {0, 1'000, 100'000, 2'000'000}) {
    const std::int64_t until_ns = clock.now_ns() + wait_ns;
    std::int64_t now_ns = 0;
    do {
      now_ns = clock.wait(until_ns);
    } while (now_ns < until_ns);
    EXPECT_GE(clock.now_ns(), until_ns);
  }
}

}  // namespace
}  // namespace tokenlift::mailbox_test
