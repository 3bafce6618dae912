#pragma once
// The kinds of throttles, a row for each: its word, and what sets it apart from the others.
// Everything that is asked of a kind is answered here. A new kind is a value, a row, and a limiter
// (bench/throttle).

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace tokenlift {

enum class ThrottleKind {
  token_bucket,
  gcra,
  leaky_bucket,
  fixed_window,
  anchored_window,
  sliding_window,
  sliding_log,
  concurrency,
  queue_limit,
  aimd,
  gradient,
  vegas,
  acceleration_limit,
};

struct KindTraits {
  ThrottleKind kind;
  std::string_view name;
  bool has_rate = false;          ///< it is set by a rate, or a load
  bool has_burst = false;         ///< what is saved of the rate is bounded by a burst
  bool charges_after = false;     ///< output can be charged once it is known
  bool has_windows = false;       ///< windows of time have a limit each, which may be a load
  bool limits_rise = false;       ///< windows of time, compared with the one before
  bool counts_in_flight = false;  ///< what is there now, not what came over time
  bool limits_queue = false;      ///< ... of those who wait, not of those who were let through
  bool is_adaptive = false;       ///< its limit moves by itself
  bool has_target = false;        ///< ... by a service TTFT that is stated,
  bool has_tolerance = false;     ///< ... or that has been usual
  bool scales = false;            ///< inherit = "proportional" differs from "as_is"
  bool adds = false;              ///< inherit = "additive" does
  std::string_view help = {};     ///< what it limits, in a few words of Markdown
};

inline constexpr auto kThrottleKinds = std::to_array<KindTraits>({
    {.kind = ThrottleKind::token_bucket,
     .name = "token_bucket",
     .has_rate = true,
     .has_burst = true,
     .charges_after = true,
     .scales = true,
     .adds = true,
     .help = "a rate; up to a burst of it is saved while less is used"},
    {.kind = ThrottleKind::gcra,
     .name = "gcra",
     .has_rate = true,
     .has_burst = true,
     .scales = true,
     .help = "the same, kept as what is owed: a larger burst may be used at once"},
    {.kind = ThrottleKind::leaky_bucket,
     .name = "leaky_bucket",
     .has_rate = true,
     .help = "a rate, with nothing saved: a request waits until the one before it has drained"},
    {.kind = ThrottleKind::fixed_window,
     .name = "fixed_window",
     .has_windows = true,
     .scales = true,
     .help = "what is used in each window of the local clock (below)"},
    {.kind = ThrottleKind::anchored_window,
     .name = "anchored_window",
     .has_windows = true,
     .scales = true,
     .help = "what is used in a window that begins with the first request after the last one"},
    {.kind = ThrottleKind::sliding_window,
     .name = "sliding_window",
     .has_windows = true,
     .scales = true,
     .help = "about what was used in the window up to now, by two counters (below)"},
    {.kind = ThrottleKind::sliding_log,
     .name = "sliding_log",
     .has_windows = true,
     .scales = true,
     .help = "exactly what was used in the window up to now, by a log of it"},
    {.kind = ThrottleKind::concurrency,
     .name = "concurrency",
     .counts_in_flight = true,
     .help = "what is in flight"},
    {.kind = ThrottleKind::queue_limit,
     .name = "queue_limit",
     .counts_in_flight = true,
     .limits_queue = true,
     .help = "what waits, or for how long"},
    {.kind = ThrottleKind::aimd,
     .name = "aimd",
     .counts_in_flight = true,
     .is_adaptive = true,
     .has_target = true,
     .scales = true,
     .adds = true,
     .help = "what is in flight: a tenth less when service TTFT is above the target, else slowly "
             "more"},
    {.kind = ThrottleKind::gradient,
     .name = "gradient",
     .counts_in_flight = true,
     .is_adaptive = true,
     .has_tolerance = true,
     .scales = true,
     .adds = true,
     .help = "what is in flight: less as service TTFT rises above its long-term mean"},
    {.kind = ThrottleKind::vegas,
     .name = "vegas",
     .counts_in_flight = true,
     .is_adaptive = true,
     .scales = true,
     .adds = true,
     .help = "what is in flight: less as service TTFT rises above the least that was seen"},
    {.kind = ThrottleKind::acceleration_limit,
     .name = "acceleration_limit",
     .limits_rise = true,
     .scales = true,
     .help = "how much more is used in a window than in the one before"},
});

constexpr const KindTraits& traits_of(ThrottleKind kind) {
  return kThrottleKinds[static_cast<std::size_t>(kind)];
}
static_assert(std::ranges::all_of(kThrottleKinds, [](const KindTraits& row) {
  return &row == &traits_of(row.kind);
}));

}  // namespace tokenlift
