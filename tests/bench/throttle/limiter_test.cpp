// What holds for every kind of throttle, whatever is asked of it: random clients, time moved by
// hand. Exact examples of each kind are in bucket_test, window_test and concurrency_test.

#include "bench/throttle/limiter.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tests/bench/throttle/random_client.hpp"
#include "tests/bench/throttle/throttles.hpp"

namespace tokenlift::limiter_test {
namespace {

constexpr std::int64_t kFar = 3'600 * kSecond;

/// Over every span from one entry to a later take: charged - given back <= allowed(span) + what
/// came back within it of what was reserved before. (A request that is charged after the fact may
/// exceed that with its settlement, but then nobody is let in before it is made up for.)
void check_spans(const std::vector<Entry>& log,
                 const std::function<double(std::int64_t, std::int64_t)>& allowed_units) {
  for (std::size_t first = 0; first < log.size(); ++first) {
    Micro net = 0;
    for (std::size_t last = first; last < log.size(); ++last) {
      const Entry& entry = log[last];
      const bool from_before = entry.charged < 0 && entry.taken_ns < log[first].at_ns;
      if (!from_before) net += entry.charged;
      Micro returned_from_before = 0;
      if (!entry.take) continue;
      for (std::size_t i = first; i <= last; ++i) {
        if (log[i].charged < 0 && log[i].taken_ns < log[first].at_ns) {
          returned_from_before -= log[i].charged;
        }
      }
      RC_ASSERT(static_cast<double>(net - returned_from_before) * 1e-6 <=
                allowed_units(log[first].at_ns, entry.at_ns) + 1e-6);
    }
  }
}

/// What a throttle lets through in a span while its settings stay as they are.
double allowance_units(const Sort& sort, const Throttle& settings, std::int64_t span_ns) {
  if (sort.traits().has_rate) {
    const double burst = settings.burst.units.value_or(static_cast<double>(kMostCost / kMicro));
    return burst + *settings.rate.per_s * static_cast<double>(span_ns) * 1e-9;
  }
  const std::int64_t windows = (span_ns + settings.window_ns - 1) / settings.window_ns + 1;
  return *settings.limit * static_cast<double>(windows);
}

void property(const std::function<void()>& holds) {
  EXPECT_TRUE(rc::check(holds));
}

class EveryKind : public testing::TestWithParam<Sort> {};
/// Bounded by a burst and a rate, or by a limit and windows.
class OverTime : public testing::TestWithParam<Sort> {};
class InFlight : public testing::TestWithParam<Sort> {};

/// Every kind for which `holds` does; one that can charge after the fact, twice.
template <typename Holds>
std::vector<Sort> sorts_with(const Holds& holds) {
  std::vector<Sort> sorts;
  for (const KindTraits& kind : kThrottleKinds) {
    if (!holds(kind)) continue;
    sorts.push_back({kind.kind, std::string(kind.name)});
    if (kind.charges_after) {
      sorts.push_back({kind.kind, std::string(kind.name) + "_after", Charge::after});
    }
  }
  return sorts;
}

const std::vector<Sort> kEveryKind = sorts_with([](const KindTraits&) { return true; });
const std::vector<Sort> kOverTime =
    sorts_with([](const KindTraits& kind) { return kind.has_rate || kind.has_windows; });
const std::vector<Sort> kInFlight =
    sorts_with([](const KindTraits& kind) { return kind.counts_in_flight; });

std::string name_of(const testing::TestParamInfo<Sort>& tested) {
  return tested.param.name;
}

INSTANTIATE_TEST_SUITE_P(Limiter, EveryKind, testing::ValuesIn(kEveryKind), name_of);
INSTANTIATE_TEST_SUITE_P(Limiter, OverTime, testing::ValuesIn(kOverTime), name_of);
INSTANTIATE_TEST_SUITE_P(Limiter, InFlight, testing::ValuesIn(kInFlight), name_of);

TEST_P(EveryKind, ReadyAtIsTheFirstInstantThatGives) {
  property([&] {
    const auto limiter = make_limiter(random_settings(GetParam(), random_window_ns()), 1);
    Client client(GetParam(), {limiter.get()});
    client.act(between(1, 30));
    const std::int64_t now_ns = client.now_ns() + between<std::int64_t>(0, kSecond);
    const Micro cost = client.random_cost();
    const std::int64_t ready_ns = limiter->ready_at(now_ns, 0, cost);
    RC_ASSERT(ready_ns >= now_ns);
    if (ready_ns == kNever) {
      RC_ASSERT(limiter->ready_at(now_ns + kFar, 0, cost) == kNever);
      return;
    }
    RC_ASSERT(limiter->ready_at(ready_ns, 0, cost) == ready_ns);
    if (ready_ns > now_ns) {
      RC_ASSERT(limiter->ready_at(ready_ns - 1, 0, cost) == ready_ns);
      RC_ASSERT(limiter->ready_at(between(now_ns, ready_ns - 1), 0, cost) == ready_ns);
    }
    RC_ASSERT(limiter->ready_at(ready_ns + kFar, 0, cost) == ready_ns + kFar);
    RC_ASSERT(limiter->take(ready_ns, 0, cost));
  });
}

TEST_P(EveryKind, AFrozenClockAdmitsNoMoreThanTheBurst) {
  property([&] {
    const Throttle settings = random_settings(GetParam(), random_window_ns());
    const auto limiter = make_limiter(settings, 1);
    const std::int64_t now_ns = between<std::int64_t>(0, 100 * kSecond);
    Micro admitted = 0;
    for (int i = 0; i < 50; ++i) {
      const Micro cost = between<Micro>(1, kMostCost);
      if (limiter->ready_at(now_ns, 0, cost) > now_ns) continue;
      limiter->take(now_ns, 0, cost);
      admitted += cost;
    }
    RC_ASSERT(admitted > 0);
    const double most = GetParam().kind == ThrottleKind::leaky_bucket ? 100
                        : GetParam().traits().has_rate                ? *settings.burst.units
                                                                      : *settings.limit;
    RC_ASSERT(static_cast<double>(admitted) * 1e-6 <= most);
  });
}

TEST_P(EveryKind, AClockThatStepsBackGrantsNothing) {
  property([&] {
    const auto limiter = make_limiter(random_settings(GetParam(), random_window_ns()), 1);
    Client client(GetParam(), {limiter.get()});
    client.act(between(1, 30));
    for (int i = 0; i < 50; ++i) {
      const Micro cost = client.random_cost();
      if (limiter->ready_at(client.now_ns(), 0, cost) == client.now_ns()) client.take(cost);
    }
    const std::int64_t now_ns = client.now_ns();
    const Micro cost = client.random_cost();
    const std::int64_t ready_ns = limiter->ready_at(now_ns, 0, cost);
    RC_PRE(ready_ns > now_ns);
    const std::int64_t stepped_ns = between<std::int64_t>(0, now_ns);
    RC_ASSERT(limiter->ready_at(stepped_ns, 0, cost) == ready_ns);
    limiter->refund(stepped_ns, 0, stepped_ns, 0);
    RC_ASSERT(limiter->ready_at(now_ns, 0, cost) == ready_ns);  // that time was counted
  });
}

TEST_P(OverTime, AnySpanIsBoundedByItsBurstAndRateOrItsWindows) {
  property([&] {
    const Throttle settings = random_settings(GetParam(), random_window_ns());
    const auto limiter =
        make_limiter(settings, 1, LocalClock{-between<std::int64_t>(0, kSecond), {}});
    Client client(GetParam(), {limiter.get()});
    client.act(between(1, 50));
    check_spans(client.log, [&](std::int64_t from_ns, std::int64_t to_ns) {
      return allowance_units(GetParam(), settings, to_ns - from_ns);
    });
  });
}

/// Settings through time, and the units that the changes granted.
struct History {
  struct Part {
    std::int64_t from_ns;
    Throttle settings;
    double granted_units;
  };
  std::vector<Part> parts;

  double allowance(const Sort& sort, std::int64_t from_ns, std::int64_t to_ns) const {
    double most = 0;
    double rate_units = 0;
    double granted = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::int64_t end_ns = i + 1 < parts.size() ? parts[i + 1].from_ns : to_ns;
      if (end_ns < from_ns || parts[i].from_ns > to_ns) continue;
      const std::int64_t span_ns = std::min(end_ns, to_ns) - std::max(parts[i].from_ns, from_ns);
      const bool rate = sort.traits().has_rate;
      most = std::max(most, allowance_units(sort, parts[i].settings, rate ? 0 : to_ns - from_ns));
      if (rate) rate_units += *parts[i].settings.rate.per_s * static_cast<double>(span_ns) * 1e-9;
      if (parts[i].from_ns >= from_ns) granted += parts[i].granted_units;
    }
    return most + rate_units + granted;
  }
};

/// What a change may grant beyond what the throttle had. (For windows: of what was used.)
double inherited_units(const Sort& sort, const Throttle& former, const Throttle& next, double level,
                       Inherit inherit) {
  const bool windows = sort.traits().has_windows;
  const bool bucket = sort.kind == ThrottleKind::token_bucket;
  const double old_most = windows ? *former.limit : former.burst.units.value_or(0);
  const double most = windows ? *next.limit : next.burst.units.value_or(0);
  // What is owed beyond the new burst is forgiven.
  const double forgiven = std::max(0.0, -most - level);
  if (inherit == Inherit::reset) return windows ? old_most - level : most - level;
  if (sort.kind == ThrottleKind::leaky_bucket) return 0;
  if (inherit == Inherit::proportional) {
    if (windows) return std::max(0.0, (old_most - level) * (1 - most / old_most));
    return std::max(forgiven, level * (most / old_most - 1));
  }
  if (windows) return 0;
  const bool grows = inherit == Inherit::additive || !bucket;
  return std::max(forgiven, grows ? most - old_most : 0.0);
}

TEST_P(OverTime, ChangesGrantNoMoreThanWhatTheySayIsInherited) {
  property([&] {
    const std::int64_t window_ns = random_window_ns();
    History history{{{0, random_settings(GetParam(), window_ns), 0}}};
    const auto limiter = make_limiter(history.parts[0].settings, 1);
    Client client(GetParam(), {limiter.get()});
    for (int i = between(1, 6); i > 0; --i) {
      client.act(between(0, 12));
      const Throttle former = history.parts.back().settings;
      const Throttle next = random_settings(GetParam(), window_ns);
      const double level = limiter->level_units(client.now_ns(), 0);
      const Inherit inherit = random_inherit();
      limiter->set(client.now_ns(), next, false, inherit);
      double granted = limiter->level_units(client.now_ns(), 0) - level;
      // What a window grants is what it forgets of what was used.
      if (GetParam().traits().has_windows) granted -= *next.limit - *former.limit;
      RC_ASSERT(granted <= inherited_units(GetParam(), former, next, level, inherit) + 1e-5);
      history.parts.push_back({client.now_ns(), next, std::max(0.0, granted)});
    }
    client.act(between(0, 12));
    check_spans(client.log, [&](std::int64_t from_ns, std::int64_t to_ns) {
      return history.allowance(GetParam(), from_ns, to_ns);
    });
  });
}

TEST_P(EveryKind, ALiftAndItsRestorationAtOneInstantChangeNothing) {
  property([&] {
    const Throttle settings = random_settings(GetParam(), random_window_ns());
    const auto left_alone = make_limiter(settings, 1);
    const auto lifted = make_limiter(settings, 1);
    Client client(GetParam(), {left_alone.get(), lifted.get()});
    for (int i = between(1, 4); i > 0; --i) {
      client.act(between(0, 12));
      lifted->set(client.now_ns(), settings, true, random_inherit(false));
      RC_ASSERT(lifted->ready_at(client.now_ns(), 0, kMicro) == client.now_ns());
      lifted->set(client.now_ns(), settings, false, random_inherit(false));
      RC_ASSERT(lifted->level_units(client.now_ns(), 0) ==
                left_alone->level_units(client.now_ns(), 0));
    }
    client.act(between(1, 12));
  });
}

TEST_P(EveryKind, TighteningGrantsNothing) {
  property([&] {
    const std::int64_t window_ns = random_window_ns();
    Throttle settings = random_settings(GetParam(), window_ns);
    const auto limiter = make_limiter(settings, 1);
    Client client(GetParam(), {limiter.get()});
    client.act(between(1, 30));
    const std::int64_t now_ns = client.now_ns();
    const double level = limiter->level_units(now_ns, 0);
    const Micro cost = client.random_cost();
    const std::int64_t ready_ns = limiter->ready_at(now_ns, 0, cost);
    const double part = between(1, 100) / 100.0;
    *settings.rate.per_s *= part;
    *settings.limit *= part;
    if (settings.burst.units) *settings.burst.units *= part;
    settings.min_limit *= part;
    limiter->set(now_ns, settings, false, random_inherit(false));
    // Of what is owed (token bucket, charged after) what is beyond the new burst is forgiven.
    RC_ASSERT(limiter->level_units(now_ns, 0) <= std::max(level, 0.0) + 1e-5);
    if (level > 0) RC_ASSERT(limiter->ready_at(now_ns, 0, cost) >= ready_ns);
  });
}

TEST_P(EveryKind, WhatIsReservedIsUsedGivenBackOrOutstanding) {
  property([&] {
    const Throttle settings = random_settings(GetParam(), random_window_ns());
    const auto limiter = make_limiter(settings, 1);
    const double level = limiter->level_units(0, 0);
    struct Taken {
      Micro left;
    };
    std::vector<Taken> taken;
    Micro held = 0;
    for (int i = 0; i < 30; ++i) {
      const Micro cost = between<Micro>(1, kMostCost);
      if (taken.empty() || coin()) {
        if (limiter->ready_at(0, 0, cost) > 0) continue;
        limiter->take(0, 0, cost);
        taken.push_back({cost});
        held += cost;
      } else if (coin()) {
        const Micro units = between<Micro>(0, taken.back().left);
        limiter->refund(0, 0, 0, units);
        taken.back().left -= units;
        held -= units;
      } else {
        // Half of them fail; no first token, so that adaptive limits stay where they are.
        const Micro used = coin() ? 0 : between<Micro>(0, taken.back().left);
        limiter->settle(0, 0, {0, taken.back().left, used, -1});
        held -= GetParam().traits().counts_in_flight ? taken.back().left : taken.back().left - used;
        taken.pop_back();
      }
      // A leaky bucket has one request at a time before its clock moves.
      RC_ASSERT(std::abs(limiter->level_units(0, 0) - (level - static_cast<double>(held) * 1e-6)) <
                1e-8);
    }
  });
}

TEST_P(OverTime, WhatComesBackNeverExceedsTheBurst) {
  property([&] {
    Throttle settings = random_settings(GetParam(), random_window_ns());
    const auto limiter = make_limiter(settings, 1);
    Client client(GetParam(), {limiter.get()});
    for (int i = between(1, 40); i > 0; --i) {
      if (between(0, 9) == 0) {
        settings = random_settings(GetParam(), random_window_ns());
        limiter->set(client.now_ns(), settings, false, random_inherit());
      }
      client.act();
      const double full =
          GetParam().traits().has_rate ? settings.burst.units.value_or(0) : *settings.limit;
      RC_ASSERT(limiter->level_units(client.now_ns(), 0) <= full);
    }
  });
}

TEST_P(EveryKind, ACostBeyondTheBurstNeverFits) {
  property([&] {
    Throttle settings = random_settings(GetParam(), random_window_ns());
    const auto limiter = make_limiter(settings, 1);
    const double most = GetParam().traits().has_rate      ? settings.burst.units.value_or(1e9)
                        : GetParam().traits().is_adaptive ? settings.max_limit
                                                          : *settings.limit;
    const auto limit = static_cast<Micro>(most) * kMicro;
    RC_ASSERT(limiter->fits(limit));
    if (GetParam().kind == ThrottleKind::leaky_bucket) return;  // no burst: everything fits
    const std::int64_t now_ns = between<std::int64_t>(0, kSecond);
    RC_ASSERT(!limiter->fits(limit + 1));
    RC_ASSERT(limiter->ready_at(now_ns, 0, limit + 1) == kNever);
    limiter->set(now_ns, settings, true, Inherit::as_is);
    RC_ASSERT(limiter->fits(limit + 1));
    RC_ASSERT(limiter->ready_at(now_ns, 0, limit + 1) == now_ns);
  });
}

TEST_P(EveryKind, AKeyThatNobodyTouchedIsAsIfItHadBeenThereFromTheStart) {
  property([&] {
    const auto limiter = make_limiter(random_settings(GetParam(), random_window_ns()), 3);
    limiter->refund(0, 0, 0, 0);  // touched, and nothing else
    limiter->take(0, 1, kMicro);  // somebody else's
    std::int64_t now_ns = 0;
    for (int i = between(1, 5); i > 0; --i) {
      now_ns += between<std::int64_t>(0, 2 * kSecond);
      if (coin()) limiter->refund(now_ns, 0, now_ns, 0);
      limiter->set(now_ns, random_settings(GetParam(), random_window_ns()), coin(),
                   random_inherit());
      RC_ASSERT(limiter->level_units(now_ns, 0) == limiter->level_units(now_ns, 2));
      const std::int64_t later_ns = now_ns + between<std::int64_t>(0, 2 * kSecond);
      const Micro cost = between<Micro>(1, 1000 * kMicro);
      RC_ASSERT(limiter->level_units(later_ns, 0) == limiter->level_units(later_ns, 2));
      RC_ASSERT(limiter->ready_at(later_ns, 0, cost) == limiter->ready_at(later_ns, 2, cost));
    }
  });
}

TEST_P(EveryKind, ACloneDecidesAsTheOriginalDoesAndGoesItsOwnWay) {
  property([&] {
    const Throttle settings = random_settings(GetParam(), random_window_ns());
    const auto original = make_limiter(settings, 2);
    Client client(GetParam(), {original.get()});
    client.act(between(1, 20));
    const auto clone = original->clone();
    client.tell(*clone);
    client.act(between(1, 20));  // both must decide the same
    const std::int64_t now_ns = client.now_ns();
    const double level = original->level_units(now_ns, 0);
    RC_ASSERT(clone->level_units(now_ns, 0) == level);
    RC_ASSERT(clone->adapted_limit_units(0) == original->adapted_limit_units(0));
    clone->set(now_ns, settings, /*lifted=*/true, Inherit::reset);
    RC_ASSERT(original->level_units(now_ns, 0) == level);
    RC_ASSERT(original->adapted_limit_units(0).has_value() == GetParam().traits().is_adaptive);
  });
}

TEST_P(EveryKind, KeysDoNotShare) {
  property([&] {
    const auto limiter = make_limiter(random_settings(GetParam(), random_window_ns()), 1000);
    Client client(GetParam(), {limiter.get()}, 17);
    client.act(between(1, 30));
    const auto fresh = limiter->level_units(client.now_ns(), 16);
    RC_ASSERT(fresh == limiter->level_units(client.now_ns(), 999));
    RC_ASSERT(fresh >= 0);
    RC_ASSERT(limiter->ready_at(client.now_ns(), 16, kMostCost) == client.now_ns());
  });
}

TEST_P(EveryKind, ALiftedOneIsReadyAtOnceAndCountsOnlyWhatIsInFlight) {
  property([&] {
    const Throttle settings = random_settings(GetParam(), random_window_ns());
    const auto limiter = make_limiter(settings, 1);
    Client client(GetParam(), {limiter.get()});
    client.act(between(1, 30));
    const std::int64_t now_ns = client.now_ns();
    limiter->set(now_ns, settings, true, Inherit::as_is);
    const double level = limiter->level_units(now_ns, 0);
    const Micro cost = 5000 * kMicro;
    RC_ASSERT(limiter->ready_at(now_ns, 0, cost) == now_ns);
    RC_ASSERT(limiter->take(now_ns, 0, cost) == GetParam().traits().counts_in_flight);
    const double charged = GetParam().traits().counts_in_flight ? 5000 : 0;
    RC_ASSERT(std::abs(level - charged - limiter->level_units(now_ns, 0)) < 1e-6);
    if (!GetParam().traits().counts_in_flight) return;
    limiter->set(now_ns, settings, false, Inherit::reset);
    RC_ASSERT(limiter->ready_at(now_ns, 0, 1) == kNever);  // a fact
    limiter->settle(now_ns, 0, {now_ns, cost, cost, -1});
    RC_ASSERT(limiter->level_units(now_ns, 0) + static_cast<double>(client.outstanding()) * 1e-6 <=
              settings.max_limit);
  });
}

TEST_P(InFlight, InFlightNeverExceedsTheLimitWhateverChanges) {
  property([&] {
    Throttle settings = random_settings(GetParam(), random_window_ns());
    const auto limiter = make_limiter(settings, 1);
    Client client(GetParam(), {limiter.get()});
    for (int i = between(1, 60); i > 0; --i) {
      if (between(0, 9) == 0) {
        settings = random_settings(GetParam(), settings.window_ns);
        limiter->set(client.now_ns(), settings, false, random_inherit());
      }
      const std::size_t before = client.open.size();
      client.act();
      const double level = limiter->level_units(client.now_ns(), 0);
      if (client.open.size() > before) RC_ASSERT(level >= 0);
      if (level < 0) RC_ASSERT(limiter->ready_at(client.now_ns(), 0, 1) == kNever);
      const double limit = level + static_cast<double>(client.outstanding()) * 1e-6;
      if (GetParam().traits().is_adaptive) {
        RC_ASSERT(limit >= settings.min_limit - 1e-6 && limit <= settings.max_limit + 1e-6);
      } else {
        RC_ASSERT(std::abs(limit - *settings.limit) < 1e-6);
      }
    }
  });
}

}  // namespace
}  // namespace tokenlift::limiter_test
