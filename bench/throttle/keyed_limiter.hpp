#pragma once
// A Limiter of any kind, from the rule of its kind.
//
// A rule has the settings and decides for one state; here is what all kinds have in common: a state
// per key, and what it means to be lifted. A Rule brings
//
//   State              what is kept per key
//   fresh()            the state at 0 of a key that has taken nothing
//   with(settings)     the same rule with other settings
//   inherit()          makes a state that was kept under a former rule one of its own
//   fits(), ready_at(), take(), level_units()    as in Limiter, for one state
//   give_back()        units that were taken at some instant and not used (below 0: used beyond)
//   limit_units()      of adaptive kinds only: the limit of a state
//   kCountsInFlight    whether it counts what is in flight. Then it does so while it is lifted too,
//                      and brings settle(), which is told whether it is

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "bench/throttle/keyed_states.hpp"
#include "bench/throttle/limiter.hpp"

namespace tokenlift {

template <typename Rule>
class KeyedLimiter final : public Limiter {
 public:
  KeyedLimiter(Rule rule, std::size_t keys)
      : rule_(std::move(rule)), states_(keys, rule_.fresh()) {}
  KeyedLimiter(Rule rule, const KeyedStates<typename Rule::State>& states)
      : rule_(std::move(rule)), states_(states) {}

  bool fits(Micro cost) const override { return lifted_ || rule_.fits(cost); }

  std::int64_t ready_at(std::int64_t now_ns, Key key, Micro cost) const override {
    return lifted_ ? now_ns : rule_.ready_at(now_ns, states_[key], cost);
  }

  bool take(std::int64_t now_ns, Key key, Micro cost) override {
    if (lifted_ && !Rule::kCountsInFlight) return false;
    rule_.take(now_ns, states_.touch(key), cost);
    return true;
  }

  void refund(std::int64_t now_ns, Key key, std::int64_t taken_ns, Micro units) override {
    rule_.give_back(now_ns, states_.touch(key), taken_ns, units);
  }

  void settle(std::int64_t now_ns, Key key, const Settlement& settlement) override {
    typename Rule::State& state = states_.touch(key);
    if constexpr (Rule::kCountsInFlight) {
      rule_.settle(now_ns, state, settlement, lifted_);
    } else {
      rule_.give_back(now_ns, state, settlement.taken_ns, settlement.reserved - settlement.used);
    }
  }

  void set(std::int64_t now_ns, const Throttle& settings, bool lifted, Inherit inherit) override {
    const Rule former = std::exchange(rule_, rule_.with(settings));
    lifted_ = lifted;
    states_.for_each(
        [&](typename Rule::State& state) { rule_.inherit(now_ns, state, former, inherit); });
  }

  double level_units(std::int64_t now_ns, Key key) const override {
    return rule_.level_units(now_ns, states_[key]);
  }

  std::optional<double> least_level_units(std::int64_t now_ns) const override {
    constexpr std::size_t kMostLookedAt = 65'536;  // about a millisecond
    if (states_.touched() > kMostLookedAt) return std::nullopt;
    double least = std::numeric_limits<double>::infinity();
    states_.for_each_had([&](const typename Rule::State& state) {
      least = std::min(least, rule_.level_units(now_ns, state));
    });
    return least;
  }

  std::optional<double> adapted_limit_units(Key key) const override {
    if constexpr (requires { rule_.limit_units(states_[key]); }) {
      return rule_.limit_units(states_[key]);
    } else {
      return std::nullopt;
    }
  }

  std::unique_ptr<Limiter> clone() const override {
    auto copy = std::make_unique<KeyedLimiter>(rule_, states_);
    copy->lifted_ = lifted_;
    return copy;
  }

 private:
  Rule rule_;
  KeyedStates<typename Rule::State> states_;
  bool lifted_ = false;
};

template <typename Rule>
std::unique_ptr<Limiter> keyed(Rule rule, std::size_t keys) {
  return std::make_unique<KeyedLimiter<Rule>>(std::move(rule), keys);
}

}  // namespace tokenlift
