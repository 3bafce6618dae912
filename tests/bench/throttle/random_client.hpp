#pragma once
// A client that asks a throttle of any kind at random, under random settings (RapidCheck), and what
// it was charged.

#include <rapidcheck.h>

#include <string>
#include <utility>
#include <vector>

#include "bench/throttle/limiter.hpp"
#include "tests/bench/throttle/throttles.hpp"

namespace tokenlift {

inline constexpr Micro kMostCost = 100 * kMicro;

/// A kind, with its output charged in one of the two ways.
struct Sort {
  ThrottleKind kind;
  std::string name;
  Charge charge = Charge::reserve;

  const KindTraits& traits() const { return traits_of(kind); }
};

template <typename T>
T between(T least, T most) {
  return *rc::gen::inRange<T>(least, most + 1);
}

inline bool coin() {
  return *rc::gen::arbitrary<bool>();
}

/// Settings under which a cost of kMostCost always fits.
inline Throttle random_settings(const Sort& sort, std::int64_t window_ns) {
  Throttle throttle;
  throttle.kind = sort.kind;
  throttle.charge = sort.charge;
  throttle.rate.per_s = between(1, 5'000'000) / 1000.0;
  if (sort.traits().has_burst || !sort.traits().has_rate) throttle.burst.units = between(100, 1000);
  throttle.limit = between(100, 1000);
  throttle.window_ns = window_ns;
  throttle.min_limit = 100;
  throttle.max_limit = between(1000, 2000);
  throttle.target_ns = 100 * kMillisecond;
  return throttle;
}

inline std::int64_t random_window_ns() {
  return between<std::int64_t>(kMillisecond, kSecond);
}

inline Inherit random_inherit(bool with_reset = true) {
  constexpr Inherit kAll[] = {Inherit::as_is, Inherit::proportional, Inherit::additive,
                              Inherit::reset};
  return kAll[between(0, with_reset ? 3 : 2)];
}

/// Units that were charged, or (negative) came back, and since when the request had them.
struct Entry {
  std::int64_t at_ns = 0;
  Micro charged = 0;
  std::int64_t taken_ns = 0;
  bool take = false;
};

struct Open {
  std::int64_t taken_ns = 0;
  Micro reserved = 0;
};

/// A client that takes, gets part back early and settles, at random. All limiters are told the same
/// and must decide the same.
class Client {
 public:
  Client(const Sort& sort, std::vector<Limiter*> limiters, Key key = 0)
      : after_(sort.charge == Charge::after), limiters_(std::move(limiters)), key_(key) {}

  /// From now on this one is told too; it must stand as the others do.
  void tell(Limiter& limiter) { limiters_.push_back(&limiter); }

  void act() {
    now_ns_ += between<std::int64_t>(0, kSecond / 5);
    switch (between(0, 3)) {
      case 0:
      case 1:
        return ask(random_cost());
      case 2:
        return give_back_early();
      default:
        return settle_one();
    }
  }
  void act(int times) {
    for (int i = 0; i < times; ++i) act();
  }

  Micro random_cost() const { return between<Micro>(after_ ? 0 : 1, kMostCost); }

  void ask(Micro cost) {
    const std::int64_t ready_ns = limiters_[0]->ready_at(now_ns_, key_, cost);
    for (Limiter* limiter : limiters_) {
      RC_ASSERT(limiter->ready_at(now_ns_, key_, cost) == ready_ns);
    }
    RC_ASSERT(ready_ns >= now_ns_);
    if (ready_ns == kNever || (ready_ns > now_ns_ && coin())) return;
    now_ns_ = ready_ns;
    take(cost);
  }

  void take(Micro cost) {
    for (Limiter* limiter : limiters_) RC_ASSERT(limiter->take(now_ns_, key_, cost));
    log.push_back({now_ns_, cost, now_ns_, true});
    open.push_back({now_ns_, cost});
  }

  void settle_one() {
    if (open.empty()) return;
    const std::size_t which = between<std::size_t>(0, open.size() - 1);
    const Open request = open[which];
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    const Micro used = between<Micro>(0, request.reserved + (after_ ? kMostCost : 0));
    const Settlement settlement{request.taken_ns, request.reserved, used,
                                between<std::int64_t>(-kMillisecond, 300 * kMillisecond)};
    for (Limiter* limiter : limiters_) limiter->settle(now_ns_, key_, settlement);
    log.push_back({now_ns_, used - request.reserved, request.taken_ns});
  }

  void give_back_early() {
    if (open.empty()) return;
    Open& request = open[between<std::size_t>(0, open.size() - 1)];
    const Micro units = between<Micro>(0, request.reserved);
    for (Limiter* limiter : limiters_) {
      limiter->refund(now_ns_, key_, request.taken_ns, units);
    }
    request.reserved -= units;
    log.push_back({now_ns_, -units, request.taken_ns});
  }

  Micro outstanding() const {
    Micro sum = 0;
    for (const Open& request : open) sum += request.reserved;
    return sum;
  }

  std::int64_t now_ns() const { return now_ns_; }
  std::vector<Entry> log;
  std::vector<Open> open;

 private:
  bool after_;
  std::vector<Limiter*> limiters_;
  Key key_;
  std::int64_t now_ns_ = 0;
};

}  // namespace tokenlift
