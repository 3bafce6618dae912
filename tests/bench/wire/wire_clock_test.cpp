#include "bench/wire/wire_clock.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <functional>

namespace tokenlift::wire_clock_test {
namespace {

/// Of a counter that is readable while it is not 0.
class Counter final : public Watcher {
 public:
  explicit Counter(WireClock& clock) : clock_(clock), descriptor_(eventfd(0, EFD_NONBLOCK)) {
    clock_.poller().add(descriptor_, *this, Watch::reading);
  }
  ~Counter() {
    if (descriptor_ >= 0) remove();
  }
  void add(std::uint64_t count) {
    ASSERT_EQ(write(descriptor_, &count, sizeof count), static_cast<ssize_t>(sizeof count));
  }
  void remove() {
    clock_.poller().remove(descriptor_, *this);
    close(descriptor_);
    descriptor_ = -1;
  }
  void ready(bool readable, bool) override {
    ++told;
    std::uint64_t count = 0;
    if (readable && read(descriptor_, &count, sizeof count) > 0) seen += count;
    if (then) then();
  }

  int told = 0;
  std::uint64_t seen = 0;
  std::function<void()> then;

 private:
  WireClock& clock_;
  int descriptor_;
};

constexpr std::int64_t kSoonNs = 3'000'000;
constexpr std::int64_t kFarNs = 3'600'000'000'000;

TEST(WireClock, AnInstantThatHasPassedIsNotWaitedFor) {
  WireClock clock;
  const std::int64_t before_ns = clock.now_ns();
  EXPECT_GE(clock.wait(before_ns), before_ns);
  EXPECT_GE(clock.wait(-5), before_ns);
}

TEST(WireClock, AnInstantToComeIsReached) {
  WireClock clock;
  const std::int64_t until_ns = clock.now_ns() + kSoonNs;
  EXPECT_GE(clock.wait(until_ns), until_ns);
}

TEST(WireClock, AFarInstantIsNotWaitedForInOneGo) {
  WireClock clock;
  EXPECT_LT(clock.wait(kFarNs), kFarNs);  // the loop looks whether it is to stop
}

TEST(WireClock, DescriptorsAreServedWhileItWaits) {
  WireClock clock;
  Counter counter(clock);
  counter.add(3);
  clock.wait(clock.now_ns() + kSoonNs);
  EXPECT_EQ(counter.seen, 3U);
  counter.add(4);
  clock.wait(0);  // also where there is nothing to wait for
  EXPECT_EQ(counter.seen, 7U);
}

TEST(WireClock, NewsEndsAWait) {
  WireClock clock;
  Counter counter(clock);
  counter.then = [&] { clock.ring(); };
  counter.add(1);
  const std::int64_t until_ns = clock.now_ns() + 20'000'000'000;
  EXPECT_LT(clock.wait(until_ns), until_ns);
  clock.ring();
  EXPECT_LT(clock.wait(until_ns), until_ns);  // also the next one
}

TEST(WireClock, WhoIsRemovedOrPostedIsToldAccordingly) {
  WireClock clock;
  Counter first(clock);
  Counter second(clock);
  // Whichever is told first removes the other.
  first.then = [&] { second.remove(); };
  second.then = [&] { first.remove(); };
  first.add(1);
  second.add(1);
  clock.wait(0);
  EXPECT_EQ(first.told + second.told, 1);

  Counter posted(clock);
  clock.poller().post(posted);
  EXPECT_EQ(posted.told, 0);  // not at once
  clock.wait(0);
  clock.wait(0);
  EXPECT_EQ(posted.told, 1);
}

TEST(WireClock, WaitingIsNoWork) {
  WireClock clock;
  clock.start();
  const std::int64_t until_ns = clock.now_ns() + 10 * kSoonNs;
  while (clock.now_ns() < until_ns) clock.wait(until_ns);
  EXPECT_LT(clock.busy_ns(), clock.now_ns());
  EXPECT_GE(clock.busy_ns(), 0);
}

}  // namespace
}  // namespace tokenlift::wire_clock_test
