// How late the server is, and what of that it waited for a core.

#include "bench/serve/lateness.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace tokenlift::lateness_test {
namespace {

constexpr std::int64_t kUs = 1'000;
constexpr std::int64_t kMs = 1'000 * kUs;

/// Of one chunk.
std::int64_t net_of(Lateness lateness, std::int64_t due_ns, std::int64_t sent_ns) {
  lateness.sent(due_ns, sent_ns);
  EXPECT_EQ(lateness.all().count(), 1U);
  EXPECT_EQ(lateness.all().max_ns(), sent_ns - due_ns);
  return lateness.net().max_ns();
}

TEST(Lateness, IsFromWhenAChunkIsDueToWhenItIsWritten) {
  EXPECT_EQ(net_of({}, 5 * kMs, 7 * kMs), 2 * kMs) << "nobody has looked at the run queue";
  EXPECT_EQ(net_of({}, 5 * kMs, 5 * kMs), 0);
}

TEST(Lateness, WithoutWhatTheThreadWaitedForACoreSinceItWasDue) {
  Lateness lateness;
  lateness.look(1 * kMs, 100 * kMs);  // waited for so long before
  lateness.look(4 * kMs, 101 * kMs);
  lateness.look(6 * kMs, 103 * kMs);
  lateness.look(9 * kMs, 103 * kMs);
  EXPECT_EQ(net_of(lateness, 5 * kMs, 9 * kMs), 2 * kMs) << "2 ms of 4, since the look at 4 ms";
  EXPECT_EQ(net_of(lateness, 4 * kMs, 9 * kMs), 3 * kMs);
  EXPECT_EQ(net_of(lateness, 2 * kMs, 9 * kMs), 4 * kMs) << "3 ms, since the look at 1 ms";
  EXPECT_EQ(net_of(lateness, 7 * kMs, 9 * kMs), 2 * kMs) << "that was before";
  EXPECT_EQ(net_of(lateness, 5 * kMs, 6 * kMs), 0) << "no less than nothing";
}

TEST(Lateness, OldLooksMakeRoom) {
  Lateness lateness;
  EXPECT_TRUE(lateness.wants_look(kMs));
  for (std::int64_t i = 1; i <= 5'000; ++i) lateness.look(i * kMs, i * 10 * kUs);
  EXPECT_FALSE(lateness.wants_look(5'000 * kMs + Lateness::kLookNs - 1));
  EXPECT_TRUE(lateness.wants_look(5'000 * kMs + Lateness::kLookNs));
  EXPECT_EQ(net_of(lateness, 4'900 * kMs, 5'000 * kMs), 99 * kMs);
  EXPECT_GT(net_of(lateness, 1 * kMs, 5'000 * kMs), 4'980 * kMs) << "as far as is known";
}

// A thread that shares its core with another one has waited; whether the kernel counts is its own
// matter.
TEST(Lateness, TheRunQueueIsTheThreadsOwn) {
  const RunQueue here;
  const std::int64_t before_ns = here.waited_ns();
  EXPECT_GE(before_ns, 0);
  std::thread([] {
    const RunQueue there;
    EXPECT_GE(there.waited_ns(), 0);
  }).join();
  EXPECT_GE(here.waited_ns(), before_ns);
}

}  // namespace
}  // namespace tokenlift::lateness_test
