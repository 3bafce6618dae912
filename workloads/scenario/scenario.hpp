#pragma once
// The scenario: what is asked of which fleet, behind which throttle, and when that changes.
//
// Plain values, as resolved from the scenario language (TOML, in ../README.md). Nothing
// here parses, draws or runs. Units are in the names; times are nanoseconds from the start of the
// run, token counts are whole tokens.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workloads/scenario/cost.hpp"
#include "workloads/scenario/endpoint.hpp"
#include "workloads/scenario/engine.hpp"
#include "workloads/scenario/job.hpp"
#include "workloads/scenario/power.hpp"
#include "workloads/scenario/profile.hpp"
#include "workloads/scenario/sweeping.hpp"
#include "workloads/scenario/throttle_kind.hpp"
#include "workloads/scenario/tuning.hpp"

namespace tokenlift {

enum class Process { poisson, constant, gamma, trace, closed };
enum class Distribution { constant, uniform, lognormal, geometric };
enum class Unit { requests, input_tokens, output_tokens, tokens };
enum class WhenFull { queue, reject };
enum class Scope { fleet, tenant, user };
enum class Charge { reserve, after };
enum class Mode { enforce, shadow };
enum class QueueOrder { fifo, priority, fair };
/// The first four change a throttle, the next four what a site has, power and battery what it may
/// draw; the last three make something happen elsewhere, or wait for it (engine http).
enum class EventKind {
  lift,
  set,
  restore,
  ramp,
  join,
  leave,
  fail,
  slow,
  power,
  battery,
  call,
  command,
  signal
};
/// What a throttle's rate or limit goes along with.
enum class Follows { capacity };
/// What becomes of requests in flight on a replica that goes.
enum class InFlight {
  finish,  ///< it takes no more, and goes when they have ended
  move,    ///< recomputed elsewhere: prompt and tokens so far as one prompt
  drop     ///< they have failed
};
enum class ShapeKind { ramp, steps, diurnal, burst, mmpp };
enum class WaitDistribution { constant, exponential };
enum class RetryPolicy {
  none,
  fixed,
  exponential,
  honour_retry_after,
  sdk_openai,
  sdk_anthropic,
};
enum class RouterPolicy {
  shared_queue,
  round_robin,
  random,
  power_of_two,
  least_loaded,
  session_affinity,
  spill,  ///< fills sites in their order, and goes on where one is full
};
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

/// What a scan of the whole trace file found: of the requests from `start` on, before `sample`
/// (which goes by seed), with the caps, in the trace's own order.
struct TraceSummary {
  std::int64_t requests = 0;
  std::int64_t span_ns = 0;  ///< from `start` to the last arrival, on the clock scaled by `speed`
  double prompt_mean_tokens = 0;
  double output_mean_tokens = 0;
  std::int64_t prompt_max_tokens = 0;
  std::int64_t output_max_tokens = 0;
  /// Rows that are left out: requests that failed where the trace was taken, ...
  std::int64_t failed = 0;
  std::int64_t before_start = 0;  ///< ... and those that are due before `start`.
  std::int64_t most_turns = 1;    ///< of a session that the trace tells
  std::int64_t rows = 0;          ///< of the file, all of them
  std::uint64_t digest = 0;       ///< of the file's bytes: FNV-1a, 64 bits
  bool operator==(const TraceSummary&) const = default;
};

/// Blocks of prompts have a multiple of so many tokens: what a replica keeps its cache in.
inline constexpr std::int64_t kBlockUnitTokens = 16;

/// Which columns of a CSV file say what, by their names in its header.
struct TraceColumns {
  std::string time;    ///< a date and time, or seconds
  std::string prompt;  ///< tokens
  std::string output;
  bool operator==(const TraceColumns&) const = default;
};

/// A file of requests: Azure's or BurstGPT's CSV, or Mooncake's JSON lines, as its first line says;
/// or other CSV, whose columns are named.
struct Trace {
  std::string file;   ///< absolute path once read
  double speed = 1;   ///< 2 = twice as fast
  double sample = 1;  ///< the share of requests kept, chosen by draws keyed by seed and tenant
  std::optional<std::int64_t> max_prompt_tokens;  ///< longer ones are capped
  std::optional<std::int64_t> max_output_tokens;
  /// On the trace's own clock, from its first request: the run begins there.
  std::int64_t start_ns = 0;
  /// Blocks of this length on the trace's own clock are drawn with replacement, one after the
  /// other, by seed and tenant; what is left at the file's end is no block.
  std::optional<std::int64_t> resample_ns;
  bool sort = false;                ///< the file is not in order of time
  std::int64_t block_tokens = 512;  ///< prompt tokens that each of hash_ids stands for
  std::optional<TraceColumns> columns;
  TraceSummary summary;
  bool operator==(const Trace&) const = default;
};

/// A time that people take: think time, patience. Constant, or exponential with this mean.
struct Wait {
  WaitDistribution distribution = WaitDistribution::exponential;
  std::int64_t mean_ns = 0;
  bool operator==(const Wait&) const = default;
};

/// How the rate of arrivals changes: a multiplier of the stated rate over the time of the run.
struct Shape {
  ShapeKind kind = ShapeKind::steps;
  double from = 1;             ///< ramp: before it begins; diurnal: at the trough; burst and mmpp:
                               ///< between bursts
  double to = 1;               ///< ramp: after it has ended; diurnal, burst and mmpp: at the peak
  std::int64_t begin_ns = 0;   ///< ramp: where it begins; burst: of the first one; diurnal: the
                               ///< instant of the first peak
  std::int64_t length_ns = 0;  ///< ramp: how long it takes; burst: each lasts; mmpp: mean length
  std::int64_t period_ns = 0;  ///< diurnal and burst: from one to the next; mmpp: mean length of
                               ///< the calm between bursts
  /// steps: (from this instant on, this multiplier), in order; 1 before the first.
  std::vector<std::pair<std::int64_t, double>> steps;
  bool operator==(const Shape&) const = default;
};

struct Arrivals {
  Process process = Process::poisson;
  Rate rate;      ///< unused by `trace` and `closed`
  double cv = 1;  ///< gamma: coefficient of variation of the gaps
  std::optional<Trace> trace;
  std::optional<Shape> shape;  ///< poisson, constant and gamma
  /// closed: each of Tenant::users asks, waits for the answer, thinks, and asks again.
  std::optional<Wait> think;
  bool operator==(const Arrivals&) const = default;
};

/// Service-level objectives; a request meets them when it meets all that are set.
struct Slo {
  std::optional<std::int64_t> ttft_ns;
  std::optional<std::int64_t> tpot_ns;
  /// Of the 99th percentile, by nearest rank, of the gaps between its tokens: of n gaps at most
  /// floor(n / 100) may be longer.
  std::optional<std::int64_t> itl_ns;
  std::optional<std::int64_t> e2e_ns;
  bool operator==(const Slo&) const = default;
};

/// Conversations of several turns. A turn's prompt is the whole conversation so far (prompts and
/// answers) plus its own prompt_tokens; the next turn is due a think time after the answer.
struct Sessions {
  Lengths turns;  ///< of a session, 1 or more
  Wait think;     ///< between an answer and the next turn
  /// A turn whose prompt would be longer is not asked: the session ends there.
  std::int64_t max_context_tokens = 0;
  bool operator==(const Sessions&) const = default;
};

/// What a client does after a rejection.
struct Retry {
  RetryPolicy policy = RetryPolicy::none;
  /// fixed: always this long; exponential: uniform in [0, min(max_delay, delay x 2^(attempt - 1))]
  /// ("full jitter"), also for honour_retry_after where the throttle states no time. The policies
  /// of SDKs have their own (people.hpp).
  std::int64_t delay_ns = 1'000'000'000;
  std::int64_t max_delay_ns = 60'000'000'000;
  std::int64_t attempts = 3;  ///< at most, with the first one; 255 at most
  /// honour_retry_after: what the throttle said, times a draw from [1, 1 + jitter].
  double jitter = 0;
  /// Retries of a tenant are at most this share of its first attempts (plus kRetryAllowance);
  /// nothing: no such bound.
  std::optional<double> budget;
  bool operator==(const Retry&) const = default;
};

struct Tenant {
  std::string name;
  Arrivals arrivals;
  Lengths prompt_tokens;  ///< unused by traces, which bring their own
  Lengths output_tokens;
  std::int64_t max_tokens = 0;  ///< output tokens that a request reserves; >= the largest output
  Slo slo;
  /// Each open-loop request (or session) is of one of them, drawn at random; closed: all ask.
  std::int64_t users = 1;
  std::int64_t priority = 0;  ///< order "priority": larger first
  double weight = 1;          ///< order "fair": its share is in proportion
  std::optional<Sessions> sessions;
  Retry retry;
  std::optional<Wait> patience;             ///< from due; a request not admitted by then leaves
  std::optional<std::int64_t> deadline_ns;  ///< from due: what ends later counts as expired
  std::vector<std::string> sites;           ///< that may serve it; empty: all
  Prompts prompts;                          ///< engine http: what its prompts say
  Credentials credentials;                  ///< engine http: instead of those of the site
  bool operator==(const Tenant&) const = default;
};

/// How many units a bucket holds: seconds of its rate, raised to the largest request if that is
/// more, or a plain number of units (an error if the largest request is more). Exactly one is set.
struct Burst {
  std::optional<std::int64_t> of_rate_ns;
  std::optional<double> units;
  bool operator==(const Burst&) const = default;
};

/// From `begin` to `end` on some days of the week, every unit that a request takes counts as
/// `drain` units. Local time of RunSettings::time_zone; an end at or before the begin is on the
/// next day.
struct PeakHours {
  std::uint8_t days = 0x7f;  ///< bit 0: Monday ... bit 6: Sunday; the day it begins on
  std::int64_t begin_s = 0;  ///< since midnight, on the clock on the wall
  std::int64_t end_s = 0;
  double drain = 1;
  bool operator==(const PeakHours&) const = default;
};

struct Throttle {
  std::string name;
  ThrottleKind kind = ThrottleKind::token_bucket;
  Unit unit = Unit::output_tokens;
  Scope scope = Scope::fleet;        ///< one for all, one for each tenant, or one for each user
  std::vector<std::string> tenants;  ///< whose requests it looks at, sorted; empty: all
  Mode mode = Mode::enforce;         ///< shadow: decides and counts, refuses nothing
  bool exempt_cached = false;        ///< input found in a prefix cache is refunded
  std::vector<PeakHours> schedule;

  Rate rate;    ///< token_bucket, gcra, leaky_bucket; windows: a `load` to be turned into a limit
  Burst burst;  ///< token_bucket, gcra
  Charge charge = Charge::reserve;  ///< token_bucket: when output is charged, from max_tokens or
                                    ///< as used, once that is known
  /// Windows: units in each; concurrency: units in flight; queue_limit: units waiting; adaptive
  /// kinds: requests in flight at the start; acceleration_limit: units that a window always has.
  std::optional<double> limit;
  std::int64_t window_ns = 0;  ///< windows, acceleration_limit
  double min_limit = 1;        ///< adaptive kinds never go below,
  double max_limit = 1000;     ///< nor above
  /// aimd: a service_ttft above it shrinks the limit.
  std::int64_t target_ns = 0;
  double tolerance = 1.5;  ///< gradient: how much longer than usual is not yet congestion
  double rise = 2;         ///< acceleration_limit: use may grow by this factor a window

  WhenFull when_full = WhenFull::queue;
  std::optional<std::int64_t> max_wait_ns;  ///< queue: the longest wait, then the request expires
  /// capacity: its rate, burst or limit is at any time what is stated, times capacity(t - lag) /
  /// capacity(0).
  std::optional<Follows> follows;
  std::int64_t lag_ns = 0;
  bool operator==(const Throttle&) const = default;
};

/// What an event changes of a throttle: what is set. A kind has those that its Throttle uses; a
/// `rate` of a window is a load, and becomes its limit.
struct Settings {
  std::optional<Rate> rate;
  std::optional<Burst> burst;
  std::optional<double> limit;
  std::optional<std::int64_t> window_ns;
  std::optional<double> min_limit;
  std::optional<double> max_limit;
  std::optional<std::int64_t> target_ns;
  std::optional<double> tolerance;
  std::optional<double> rise;
  std::optional<Charge> charge;
  std::optional<Mode> mode;
  std::optional<WhenFull> when_full;
  std::optional<std::int64_t> max_wait_ns;
  bool operator==(const Settings&) const = default;
};

/// Where something stands in its text, from 0. Equal things may stand anywhere.
struct TextIndex {
  std::size_t value = 0;
  bool operator==(const TextIndex&) const { return true; }
};

/// At `at_ns` a throttle is lifted (removed), set to other parameters, restored to what the
/// scenario began with, or moved to other parameters over a time. A ramp has a rate or a limit:
/// where it ends (and the burst there); where it begins is what holds then.
///
/// Or replicas of a site join, leave, fail or slow down, or it may draw less power. Or a server
/// elsewhere is called, a command run, or a signal waited for: such an event holds from when that
/// has answered.
struct Event : Settings {
  std::int64_t at_ns = 0;  ///< `at_signal`: 0
  /// It begins with a signal from outside (SIGUSR1, or Enter on a terminal), whenever that comes.
  bool at_signal = false;
  EventKind kind = EventKind::lift;
  std::string throttle;
  Inherit inherit = Inherit::as_is;  ///< set, restore, ramp
  // ramp:
  std::int64_t over_ns = 0;
  std::int64_t steps = 0;    ///< of equal height and length, the first at once; 0: linear
  std::optional<Rate> from;  ///< a ramp of the rate begins there
  std::optional<double> from_limit;
  // join, leave, fail, slow:
  std::string site;                      ///< empty: the event changes a throttle
  std::optional<std::int64_t> replicas;  ///< join, leave: absent: all that can
  std::optional<double> share;           ///< fail, slow, instead of `replicas`: of those serving
  // `over_ns`: join and leave: they do so one after the other, evenly, over this time
  std::optional<std::int64_t> notice_ns;  ///< leave: from `at` on until the first one goes; absent:
                                          ///< the site's
  InFlight in_flight = InFlight::finish;  ///< leave, fail (there never `finish`)
  /// fail, slow: until it is repaired; power: how long the limit holds once it is reached; 0: to
  /// the end.
  std::int64_t for_ns = 0;
  /// slow: what a step's decode and prefill parts take, in millionths of what they usually do.
  std::int64_t decode_ppm = 1'000'000;
  std::int64_t prefill_ppm = 1'000'000;
  /// power: the limit of the site, reached over `over_ns` from what holds then.
  std::optional<std::int64_t> limit_mw = {};
  std::optional<Battery> battery = {};  ///< battery: what the site has from then on, full
  std::optional<Call> call;             ///< kind call
  std::vector<std::string> command;     ///< kind command: program and arguments
  bool measure =
      false;  ///< it divides the run into phases, with others that do (default: the first)
  /// It does, but does not happen: of a control run. Not part of the language.
  bool taken_out = false;
  TextIndex index;  ///< among the events of the text: what --set calls it
  bool operator==(const Event&) const = default;
};

/// Each accelerator fails by chance: exponential, with these means.
struct Failures {
  std::int64_t mtbf_ns = 0;    ///< of one accelerator; a replica fails with any of its own
  std::int64_t repair_ns = 0;  ///< until the replica boots again
  bool operator==(const Failures&) const = default;
};

/// A site that comes and goes by itself: from `begin_ns` on, and again every `period_ns`, it is
/// away for `off_ns`. Requests in flight finish.
struct Availability {
  std::int64_t period_ns = 0;
  std::int64_t off_ns = 0;
  std::int64_t begin_ns = 0;
  bool operator==(const Availability&) const = default;
};

/// Replicas of one kind.
struct Site {
  std::string name;
  std::int64_t replicas = 1;
  std::string profile = "cpu-small";
  std::int64_t max_batch = 16;         ///< sequences in one step
  std::int64_t max_step_tokens = 512;  ///< prompt tokens prefilled in one step
  std::int64_t kv_tokens = 65536;      ///< tokens resident in the KV cache, at most
  /// Tokens of finished requests that each replica keeps for prompts that begin alike, beside
  /// kv_tokens; 0: none.
  std::int64_t prefix_cache_tokens = 0;
  std::optional<std::int64_t> at_start = {};  ///< so many of `replicas` serve at 0; absent: all
  std::int64_t boot_ns = 0;  ///< from when a replica joins, or is repaired, until it serves
  std::int64_t rtt_ns = 0;   ///< round trip between router and site
  std::optional<std::int64_t> max_in_flight = {};  ///< requests that `spill` sends there at once
  std::int64_t notice_ns = 0;                      ///< of a `leave` that states none
  std::optional<Failures> failures = {};
  std::int64_t spares = 0;  ///< replicas beside `replicas`, which boot when one fails
  std::optional<Availability> available = {};
  /// Output tokens/s at saturation of one replica; measured or computed if absent.
  std::optional<double> capacity_tokens_per_s = {};
  std::optional<PowerSettings> power = {};  ///< what it draws is recorded; absent: it is not
  std::optional<SiteCost> cost = {};        ///< engine virtual
  std::optional<Endpoint> endpoint = {};    ///< engine http has it, and no other
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

inline constexpr std::int64_t kMostRepetitions = 10'000;

struct RunSettings {
  Engine engine = Engine::threads;
  std::int64_t duration_ns = 0;
  std::int64_t warmup_ns = 0;
  std::optional<std::int64_t> settle_ns;  ///< default: 1.5 x the fluid drain + 5 s
  std::int64_t cooldown_max_ns = 30'000'000'000;
  std::uint64_t seed = 1;                  ///< below 2^63, which is what TOML can write
  std::int64_t max_in_flight = 1'000'000;  ///< requests; more ends the run, and says so
  std::uint64_t repetitions = 1;           ///< that command `run` makes unless it is told otherwise
  /// The date at which the run starts, in seconds since 1970 UTC: schedules and fixed windows go by
  /// it. Default: a Monday midnight in `time_zone`.
  std::optional<std::int64_t> starts_at_s;
  std::string time_zone = "UTC";  ///< an IANA name; schedules and days are in its local time
  /// Nothing more is sent once so many requests were sent, or so many output tokens came: for
  /// endpoints that cost money.
  std::optional<std::int64_t> stop_after_requests = {};
  std::optional<std::int64_t> stop_after_output_tokens = {};
  bool operator==(const RunSettings&) const = default;
};

/// What a request in flight has room for.
inline constexpr std::size_t kMostThrottles = 32;
/// Some 15 KB each, in a run and in its files.
inline constexpr std::size_t kMostTenants = 10'000;
inline constexpr std::size_t kMostSites = 1'000;
inline constexpr std::size_t kMostProfiles = 1'000;  ///< of a scenario, or of a file
inline constexpr std::size_t kMostEvents = 100'000;
inline constexpr std::int64_t kMostChanges = 100'000;   ///< by events, each step of a ramp one
inline constexpr std::int64_t kMostUsers = 10'000'000;  ///< of all tenants
/// Retries that a client's budget allows beside its share, so that the first rejections count.
inline constexpr double kRetryAllowance = 10;

struct Scenario {
  std::string name;
  std::string description;
  RunSettings run;
  FleetSettings fleet;
  /// The profiles of the scenario's own, and on engine virtual all that its sites use.
  std::vector<Profile> profiles;
  QueueOrder queue_order = QueueOrder::fifo;  ///< of tenants that wait for the throttles
  std::vector<Tenant> tenants;
  std::vector<Throttle> throttles;
  std::vector<Job> jobs;      ///< engine virtual
  std::vector<Event> events;  ///< ordered by at_ns; those that a signal begins are the last
  /// What `tune` searches. No part of what is run: run.json does not have it.
  std::optional<Tuning> tuning;
  /// What `sweep` does with it. No part of what is run either.
  std::optional<Sweeping> sweep;
  bool operator==(const Scenario&) const = default;
};

/// The site's profile, of those that the scenario has; nullptr: it is a built-in one, or unknown.
inline const Profile* own_profile(const Scenario& scenario, const Site& site) {
  for (const Profile& profile : scenario.profiles) {
    if (profile.name == site.profile) return &profile;
  }
  return nullptr;
}

}  // namespace tokenlift
