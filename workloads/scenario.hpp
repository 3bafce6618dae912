#pragma once
// The scenario: what is asked of which fleet, behind which throttle, and when that changes.
//
// Plain values, as resolved from the scenario language (TOML; README.md shows it whole). Nothing
// here parses, draws or runs. Units are in the names; times are nanoseconds from the start of the
// run, token counts are whole tokens.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/profile.hpp"

namespace tokenlift {

enum class Engine { threads, simulated, null };
enum class Process { poisson, constant, gamma, trace };
enum class Distribution { constant, uniform, lognormal, geometric };
enum class Unit { requests, input_tokens, output_tokens };
enum class WhenFull { queue, reject };
enum class RouterPolicy { shared_queue, round_robin, random, power_of_two, least_loaded };
enum class Inherit { as_is, proportional, reset, additive };

/// Either a share of the fleet's capacity, to be resolved once that is known, or absolute.
/// Exactly one of the two is set.
struct Rate {
  std::optional<double> load;  ///< 0.4 means 40 % of the capacity
  std::optional<double>
      per_s;  ///< requests/s for arrivals, the throttle's own unit/s for a throttle
  bool operator==(const Rate&) const = default;
};

/// A distribution of token counts; draws are rounded to whole tokens and clamped to [min, max].
/// `constant` is exactly `mean` and uses neither; all of them are 1 or more.
struct Lengths {
  Distribution distribution = Distribution::constant;
  double mean = 0;       ///< constant (a whole number), lognormal, geometric: before clamping
  double cv = 0;         ///< lognormal: standard deviation / mean
  std::int64_t min = 1;  ///< uniform: smallest value, inclusive; else the lower clamp
  std::int64_t max = 0;  ///< uniform: largest value, inclusive; else the upper clamp
  bool operator==(const Lengths&) const = default;
};

/// What a scan of the whole trace file found, after `sample` and the caps, in the trace's own
/// order.
struct TraceSummary {
  std::int64_t requests = 0;
  std::int64_t span_ns = 0;  ///< last arrival - first arrival, on the clock scaled by `speed`
  double prompt_mean_tokens = 0;
  double output_mean_tokens = 0;
  std::int64_t prompt_max_tokens = 0;
  std::int64_t output_max_tokens = 0;
  bool operator==(const TraceSummary&) const = default;
};

/// Azure LLM inference CSV: TIMESTAMP,ContextTokens,GeneratedTokens.
struct Trace {
  std::string file;  ///< absolute path once read
  double speed = 1;  ///< 2 = twice as fast
  double sample =
      1;  ///< the share of requests kept, chosen by keyed draws: the same for every seed
  std::optional<std::int64_t> max_prompt_tokens;  ///< longer ones are capped
  std::optional<std::int64_t> max_output_tokens;
  TraceSummary summary;
  bool operator==(const Trace&) const = default;
};

struct Arrivals {
  Process process = Process::poisson;
  Rate rate;      ///< unused by `trace`
  double cv = 1;  ///< gamma: coefficient of variation of the gaps
  std::optional<Trace> trace;
  bool operator==(const Arrivals&) const = default;
};

/// Service-level objectives; a request meets them when it meets all that are set.
struct Slo {
  std::optional<std::int64_t> ttft_ns;
  std::optional<std::int64_t> tpot_ns;
  std::optional<std::int64_t> e2e_ns;
  bool operator==(const Slo&) const = default;
};

struct Tenant {
  std::string name;
  Arrivals arrivals;
  Lengths prompt_tokens;  ///< unused by traces, which bring their own
  Lengths output_tokens;
  std::int64_t max_tokens = 0;  ///< output tokens that a request reserves; >= the largest output
  Slo slo;
  bool operator==(const Tenant&) const = default;
};

/// How many units a bucket holds: seconds of its rate, raised to the largest request if that is
/// more, or a plain number of units (an error if the largest request is more). Exactly one is set.
struct Burst {
  std::optional<std::int64_t> of_rate_ns;
  std::optional<double> units;
  bool operator==(const Burst&) const = default;
};

struct Throttle {
  std::string name;
  Unit unit = Unit::output_tokens;
  Rate rate;
  Burst burst;
  WhenFull when_full = WhenFull::queue;
  std::optional<std::int64_t> max_wait_ns;  ///< queue: the longest wait, then the request expires
  bool operator==(const Throttle&) const = default;
};

/// At `at_ns` a throttle is lifted (removed), or set to another rate and/or burst.
struct Event {
  std::int64_t at_ns = 0;
  bool lift = true;
  std::string throttle;
  std::optional<Rate> rate;    ///< set only
  std::optional<Burst> burst;  ///< set only
  Inherit inherit = Inherit::as_is;
  bool measure = false;  ///< this event divides the run into phases (default: the first)
  bool operator==(const Event&) const = default;
};

/// Replicas of one kind.
struct Site {
  std::string name;
  std::int64_t replicas = 1;
  std::string profile = "cpu-small";
  std::int64_t max_batch = 16;         ///< sequences in one step
  std::int64_t max_step_tokens = 512;  ///< prompt tokens prefilled in one step
  std::int64_t kv_tokens = 65536;      ///< tokens resident in the KV cache, at most
  bool operator==(const Site&) const = default;
};

struct FleetSettings {
  RouterPolicy router = RouterPolicy::least_loaded;
  std::optional<double>
      capacity_tokens_per_s;  ///< output tokens/s at saturation; measured or computed if absent
  /// Engine virtual: router, throttle and clients learn of completions at multiples of this, as
  /// from a real control plane; 0: at once.
  std::int64_t load_report_interval_ns = 0;
  std::vector<Site> sites;
  bool operator==(const FleetSettings&) const = default;
};

struct RunSettings {
  Engine engine = Engine::threads;
  std::int64_t duration_ns = 0;
  std::int64_t warmup_ns = 0;
  std::optional<std::int64_t> settle_ns;  ///< default: 1.5 x the fluid drain + 5 s
  std::int64_t cooldown_max_ns = 30'000'000'000;
  std::uint64_t seed = 1;                  ///< below 2^63, which is what TOML can write
  std::int64_t max_in_flight = 1'000'000;  ///< requests; more ends the run, and says so
  bool operator==(const RunSettings&) const = default;
};

/// What a request in flight has room for.
inline constexpr std::size_t kMostThrottles = 32;
inline constexpr std::size_t kMostTenants = 65'535;

struct Scenario {
  std::string name;
  std::string description;
  RunSettings run;
  FleetSettings fleet;
  /// The profiles of the scenario's own, and on engine virtual all that its sites use.
  std::vector<Profile> profiles;
  std::vector<Tenant> tenants;
  std::vector<Throttle> throttles;
  std::vector<Event> events;  ///< ordered by at_ns
  bool operator==(const Scenario&) const = default;
};

}  // namespace tokenlift
