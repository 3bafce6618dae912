#include "workloads/scenario/throttle_keys.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

constexpr double kSmallestLimit = 1e-6;
constexpr double kLargestBurst = 1e21;  // the highest rate for the longest duration
constexpr double kLargestFactor = 1000;

constexpr bool all(const KindTraits& /*kind*/) {
  return true;
}
constexpr bool let_through(const KindTraits& kind) {
  return !kind.limits_queue;
}
constexpr bool adaptive(const KindTraits& kind) {
  return kind.is_adaptive;
}

const auto kKeys = std::to_array<ThrottleKey>({
    {.name = "name",
     .member = FixedMember<std::string>{&Throttle::name},
     .belongs_to = all,
     .help = "what events and reports call it"},
    {.name = "kind",
     .member = FixedMember<ThrottleKind>{&Throttle::kind},
     .belongs_to = all,
     .help = "above"},
    {.name = "unit",
     .member = FixedMember<Unit>{&Throttle::unit},
     .belongs_to = all,
     .help =
         "what it counts; output as `max_tokens` reserves it. Required, but `requests` for kinds "
         "that count what is in flight or waits"},
    {.name = "scope",
     .member = FixedMember<Scope>{&Throttle::scope},
     .belongs_to = all,
     .always_written = false,
     .by_default = "`fleet`",
     .help = "one for all, or one for each tenant or user"},
    {.name = "tenants",
     .member = FixedMember<std::vector<std::string>>{&Throttle::tenants},
     .belongs_to = all,
     .always_written = false,
     .by_default = "everybody",
     .help = "`[\"users\"]`: whose requests it looks at"},
    {.name = "load",
     .member = RateMember{{&Throttle::rate, &Settings::rate}, &Rate::load},
     .least = kLoadMin,
     .most = kLoadMax,
     .belongs_to = [](const KindTraits& kind) { return kind.has_rate || kind.has_windows; },
     .always_written = false,
     .help = "instead of `rate` or `limit`: this share of the capacity, for each key of the scope; "
             "of windows, what it uses in one"},
    {.name = "rate",
     .member = RateMember{{&Throttle::rate, &Settings::rate}, &Rate::per_s},
     .belongs_to = [](const KindTraits& kind) { return kind.has_rate; },
     .always_written = false,
     .help = "of the unit, for each key of the scope; required, or `load`"},
    {.name = "burst",
     .member = Member<Burst>{&Throttle::burst, &Settings::burst},
     .least = kSmallestLimit,
     .most = kLargestBurst,
     .belongs_to = [](const KindTraits& kind) { return kind.has_burst; },
     .by_default = "`\"1s\"`",
     .help = "seconds of the rate (raised to the largest request), or a plain number of units"},
    {.name = "limit",
     .member = Member<double, std::optional<double>>{&Throttle::limit, &Settings::limit},
     .least = kSmallestLimit,
     .most = kLargestLimit,
     .belongs_to = [](const KindTraits& kind) { return !kind.has_rate; },
     .help = "units in each window (or `load`), in flight, or waiting (or `max_wait`, or both); of "
             "`acceleration_limit`, what a window always has. Of adaptive kinds it is where they "
             "start, by default at 20 requests; else it is required"},
    {.name = "window",
     .member = Member<std::int64_t>{&Throttle::window_ns, &Settings::window_ns},
     .belongs_to = [](const KindTraits& kind) { return kind.has_windows || kind.limits_rise; },
     .help = "how long each is; required"},
    {.name = "min_limit",
     .member = Member<double>{&Throttle::min_limit, &Settings::min_limit},
     .least = kSmallestLimit,
     .most = kLargestLimit,
     .belongs_to = adaptive,
     .by_default = "1",
     .help = "the limit is never below"},
    {.name = "max_limit",
     .member = Member<double>{&Throttle::max_limit, &Settings::max_limit},
     .least = kSmallestLimit,
     .most = kLargestLimit,
     .belongs_to = adaptive,
     .by_default = "50 · `limit`",
     .help = "nor above"},
    {.name = "target",
     .member = Member<std::int64_t>{&Throttle::target_ns, &Settings::target_ns},
     .belongs_to = [](const KindTraits& kind) { return kind.has_target; },
     .help = "a service TTFT above it shrinks the limit; required"},
    {.name = "tolerance",
     .member = Member<double>{&Throttle::tolerance, &Settings::tolerance},
     .least = 1,
     .most = kLargestFactor,
     .belongs_to = [](const KindTraits& kind) { return kind.has_tolerance; },
     .by_default = "1.5",
     .help = "service TTFT of so many times its mean is not yet congestion"},
    {.name = "rise",
     .member = Member<double>{&Throttle::rise, &Settings::rise},
     .least = 1,
     .most = kLargestFactor,
     .belongs_to = [](const KindTraits& kind) { return kind.limits_rise; },
     .by_default = "2",
     .help = "use may grow by this factor a window"},
    {.name = "charge",
     .member = Member<Charge>{&Throttle::charge, &Settings::charge},
     .belongs_to = [](const KindTraits& kind) { return kind.charges_after; },
     .always_written = false,
     .by_default = "`reserve`",
     .help = "output counts as reserved, or as used, once that is known; units with output"},
    {.name = "mode",
     .member = Member<Mode>{&Throttle::mode, &Settings::mode},
     .belongs_to = all,
     .always_written = false,
     .by_default = "`enforce`",
     .help = "`shadow` decides and counts, and refuses nothing"},
    {.name = "when_full",
     .member = Member<WhenFull>{&Throttle::when_full, &Settings::when_full},
     .belongs_to = let_through,
     .by_default = "`queue`",
     .help = "whether requests wait or are rejected"},
    {.name = "max_wait",
     .member = Member<std::int64_t, std::optional<std::int64_t>>{&Throttle::max_wait_ns,
                                                                 &Settings::max_wait_ns},
     .belongs_to = all,
     .by_default = "none",
     .help = "a request that waits longer expires; not with `reject`"},
    {.name = "exempt_cached",
     .member = FixedMember<bool>{&Throttle::exempt_cached},
     .belongs_to = let_through,
     .always_written = false,
     .by_default = "`false`",
     .help = "input found in a prefix cache is refunded; units with input"},
    {.name = "follows",
     .member = FixedMember<std::optional<Follows>>{&Throttle::follows},
     .belongs_to = [](const KindTraits& kind) { return !kind.is_adaptive; },
     .always_written = false,
     .by_default = "none",
     .help = "rate, burst and limit are at any time what is stated, times the capacity then / that "
             "at the start (below)"},
    {.name = "lag",
     .member = FixedMember<std::int64_t>{&Throttle::lag_ns},
     .belongs_to = [](const KindTraits& kind) { return !kind.is_adaptive; },
     .always_written = false,
     .by_default = "`\"0s\"`",
     .help = "so much later than the capacity; with `follows`"},
    {.name = "schedule",
     .member = FixedMember<std::vector<PeakHours>>{&Throttle::schedule},
     .belongs_to = let_through,
     .always_written = false,
     .by_default = "none",
     .help = "peak hours, in which each unit counts as several (below)"},
});

}  // namespace

std::span<const ThrottleKey> throttle_keys() {
  return kKeys;
}

const ThrottleKey& throttle_key(std::string_view name) {
  const auto found = std::ranges::find(kKeys, name, &ThrottleKey::name);
  assert(found != kKeys.end());
  return *found;
}

std::vector<ThrottleKind> kinds_with(const ThrottleKey& key) {
  std::vector<ThrottleKind> kinds;
  for (const KindTraits& kind : kThrottleKinds) {
    if (key.belongs_to(kind)) kinds.push_back(kind.kind);
  }
  return kinds;
}

}  // namespace tokenlift
