#pragma once
// What events do to a throttle.

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Kinds that are set by a rate; those of them that save it up; and those that count in windows.
constexpr bool has_rate(ThrottleKind kind) {
  return kind == ThrottleKind::token_bucket || kind == ThrottleKind::gcra ||
         kind == ThrottleKind::leaky_bucket;
}
constexpr bool has_burst(ThrottleKind kind) {
  return kind == ThrottleKind::token_bucket || kind == ThrottleKind::gcra;
}
constexpr bool has_windows(ThrottleKind kind) {
  return kind == ThrottleKind::fixed_window || kind == ThrottleKind::anchored_window ||
         kind == ThrottleKind::sliding_window;
}
/// Kinds whose limit moves by itself.
constexpr bool is_adaptive(ThrottleKind kind) {
  return kind == ThrottleKind::aimd || kind == ThrottleKind::gradient ||
         kind == ThrottleKind::vegas;
}

/// Of a ramp.
inline constexpr std::int64_t kMostSteps = 200;

/// Everything that is set takes the place of the throttle's own.
void apply(const Settings& settings, Throttle& throttle);

/// Where the event has come to its end: at once, but for ramps.
std::int64_t end_ns(const Event& event);

}  // namespace tokenlift
