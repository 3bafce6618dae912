#pragma once
// A run as a value: everything that was recorded, and nothing that was concluded from it.
//
// The engine fills a Run; every report is a pure function of one or more Runs. Runs merge
// (associatively: counts, histograms and series add), so repetitions can be pooled.

#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "reports/record/histogram.hpp"
#include "reports/record/wire_record.hpp"

namespace tokenlift {

/// A sum that neither a run nor any number of runs put together overflows. All that is added up
/// over runs is an integer, so that the order makes no difference.
using WideSum = __int128;

/// Latencies of one request, in ns. ttft = generator_lag + throttle_wait + network + queue_wait +
/// prefill. A remote fleet does not say when it scheduled a request: queue_wait, prefill and
/// network then have no samples, and ttft = generator_lag + throttle_wait + service_ttft.
enum class Metric : std::uint8_t {
  ttft,           ///< first token - due
  e2e,            ///< last token - due
  tpot,           ///< (last token - first token) / (output tokens - 1), from two tokens on
  itl,            ///< every gap between consecutive tokens of a request, pooled
  service_ttft,   ///< first token - admitted
  throttle_wait,  ///< admitted - sent
  queue_wait,     ///< scheduled - admitted, without the way there
  prefill,        ///< first token - scheduled, without the way back
  generator_lag,  ///< sent - due: the harness's own lateness
  network,        ///< round trip to the site that served; no samples where sites are at no distance
  headers,        ///< status read - admitted; of remote fleets
  first_output,   ///< first token that is no reasoning - due; of remote fleets
};
inline constexpr std::size_t kMetrics = 12;
std::string_view name_of(Metric metric);

/// Outcomes of the requests that were due in a phase: due is the sum of all the others, always.
struct Counts {
  std::uint64_t due = 0;
  std::uint64_t completed = 0;
  std::uint64_t rejected = 0;
  std::uint64_t expired = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t failed = 0;
  std::uint64_t in_flight = 0;
  bool operator==(const Counts&) const = default;
};

/// Adds `other` to `into`.
void merge(Counts& into, const Counts& other);

/// What was recorded of one tenant in one phase.
struct PhaseRecord {
  // Of the requests due in the phase:
  Counts counts;
  std::uint64_t sent = 0;  ///< sent before the phase ended
  /// First attempt denied or held by a throttle: of the scenario, or (denied) of an endpoint.
  std::uint64_t held = 0;
  std::uint64_t denied = 0;          ///< first attempt refused by an endpoint's own limit (429)
  std::uint64_t overloaded = 0;      ///< ... or because of everybody's load (503, 529): not `held`
  std::uint64_t attempts = 0;        ///< first ones and retries, of the requests due in the phase
  std::uint64_t wasted_tokens = 0;   ///< computed for requests that ended after their deadline
  std::uint64_t slo_met = 0;         ///< met all objectives of their tenant
  std::uint64_t goodput_tokens = 0;  ///< output tokens of those
  std::uint64_t offered_input_tokens = 0;
  std::uint64_t offered_output_tokens = 0;
  /// Of those that failed, how many by each kind of failure. Empty where kinds are not told apart.
  std::map<std::string, std::uint64_t> failures = {};
  /// Of those that completed; but `itl` is of every token and `generator_lag` of every request
  /// sent.
  std::array<Histogram, kMetrics> latency;
  // Of what happened while the phase lasted:
  std::uint64_t admitted_requests = 0;
  std::uint64_t admitted_input_tokens = 0;
  std::uint64_t admitted_output_tokens = 0;
  std::uint64_t completed_requests = 0;
  std::uint64_t output_tokens = 0;  ///< produced by the fleet
  /// Prompts of the requests that were scheduled for the first time, and what of them was found in
  /// a prefix cache. Both 0 where the fleet has none, and in old runs.
  std::uint64_t scheduled_input_tokens = 0;
  std::uint64_t cached_input_tokens = 0;
  /// Users with a request due in the phase that did not meet all objectives of their tenant
  /// (without any: that got no answer). Merged runs add theirs. Absent in old runs, and of a single
  /// user.
  std::optional<std::uint64_t> users_missed = {};

  const Histogram& of(Metric metric) const { return latency[static_cast<std::size_t>(metric)]; }
  Histogram& of(Metric metric) { return latency[static_cast<std::size_t>(metric)]; }
  bool operator==(const PhaseRecord&) const = default;
};

/// Adds all that `other` recorded.
void merge(PhaseRecord& into, const PhaseRecord& other);

/// What one site drew and cost in a phase. Of engine virtual.
struct SiteDraw {
  WideSum replica_ns = 0;         ///< time that its replicas served, added up
  WideSum energy_fj = 0;          ///< of its accelerators, in femtojoules (mW x ps)
  WideSum site_energy_fj = 0;     ///< of all that it draws: the rest of servers and cooling, too
  WideSum slowed_replica_ns = 0;  ///< of replica_ns, held back by a limit of power
  /// Of slowed_replica_ns, what steps would not have taken without the limit: t (1 - 1 / s) of a
  /// step of t that took s times as long. 0 where smaller batches keep it, and in old runs.
  WideSum lost_replica_ns = 0;
  std::int64_t largest_mw = 0;  ///< of all that it draws: the largest mean over a control interval
  /// Time of control intervals over which what it drew, less what its battery gave, was more than
  /// its limit, and the most that it was more, as a mean over one. 0 in old runs.
  WideSum exceeded_ns = 0;
  std::int64_t exceeded_mw = 0;
  std::optional<WideSum> cost_microusd = {};  ///< contract and electricity; absent: no price
  WideSum paid_replica_ns = 0;  ///< time that its replicas are paid for, added up; 0: no price
  bool operator==(const SiteDraw&) const = default;
};

/// Adds `other` to `into`; of the largest means the larger one stays.
void merge(SiteDraw& into, const SiteDraw& other);

/// What a job did while a phase lasted. Of engine virtual.
struct JobPhase {
  std::uint64_t steps = 0;  ///< that ended in it
  std::uint64_t lost = 0;   ///< steps that were cut in it, since a replica failed
  WideSum step_ns = 0;      ///< how long the steps took that ended in it, added up
  WideSum replica_ns = 0;   ///< time that it held replicas, added up
  WideSum stalled_ns = 0;   ///< time in which it held none, or computed a step that was cut
  // Where its site states power, else absent:
  std::optional<WideSum> energy_fj = {};       ///< of its accelerators
  std::optional<WideSum> site_energy_fj = {};  ///< with the rest of the servers and cooling
  bool operator==(const JobPhase&) const = default;
};

/// Adds `other` to `into`.
void merge(JobPhase& into, const JobPhase& other);

/// Internal work beside what tenants ask for. What its replicas draw and cost is among what their
/// site does (SiteDraw); the time of its replicas is not in PhaseSpan::replica_ns.
struct JobRecord {
  // As in the scenario language:
  std::string name;
  std::string site;
  std::int64_t replicas = 0;
  std::int64_t yields = 0;
  std::vector<JobPhase> phases;  ///< as many as Run::phases, in the same order
  bool operator==(const JobRecord&) const = default;
};

/// One measured phase, over the fleet. Times are from the start of the run.
struct PhaseSpan {
  std::string name;
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;        ///< of the last repetition where several are merged
  WideSum length_ns = 0;          ///< end - begin; merged runs add theirs
  WideSum replica_ns = 0;         ///< time that replicas served, added up
  WideSum busy_ns = 0;            ///< of it, time that they spent in steps
  WideSum batch_ns = 0;           ///< integral of sequences per step over the busy time
  WideSum batch_room_ns = 0;      ///< of max_batch; 0 in old runs
  WideSum resident_token_ns = 0;  ///< of tokens in KV caches, prompts from admission on
  WideSum kv_room_token_ns = 0;   ///< of the room for them, over replica_ns; 0 in old runs
  // Of engine virtual, where power and prices are stated; else absent. Sums over the sites:
  std::optional<WideSum> energy_fj = {};       ///< of accelerators, in femtojoules (mW x ps)
  std::optional<WideSum> site_energy_fj = {};  ///< of all that sites draw, cooling included
  std::optional<WideSum> cost_microusd = {};   ///< contract and electricity
  /// By site, as many as FleetRecord::sites. Empty where neither power nor price is stated.
  std::vector<SiteDraw> draws = {};
  bool operator==(const PhaseSpan&) const = default;
};

/// Time series: bin i covers [i * bin_ns, (i + 1) * bin_ns). Counters hold what happened in the
/// bin, gauges the value at its end; the instant at which the run ended is of the last bin. Merged
/// runs add both. Where the fleet changes, gauges replicas_serving and capacity_tokens_per_s say
/// what of it served. Where sites state power, means over the bin say what they drew: site_power_w,
/// of all of them; power_limit_w, where all are limited; and battery_wh, what their batteries held,
/// where there are any. Where there are jobs, job_replicas (gauge) and job_steps (counter) are
/// those of all of them.
struct Column {
  std::string name;
  std::vector<std::int64_t> values;
  bool operator==(const Column&) const = default;
};

/// The trace that a tenant replays: what it is, wherever the file lies.
struct TraceRecord {
  std::string digest;              ///< of the file's bytes, with the name of the hash before it
  std::uint64_t rows_used = 0;     ///< requests that it offers, before any are sampled
  std::uint64_t rows_skipped = 0;  ///< before the instant at which the run begins
  std::uint64_t rows_failed = 0;   ///< had failed where the trace was taken, and are left out
  bool operator==(const TraceRecord&) const = default;
};

struct TenantRecord {
  std::string name;
  std::vector<PhaseRecord> phases;  ///< as many as Run::phases, in the same order
  double weight = 1;                ///< its service counts as so much less
  /// Of the fleet, 0 .. 1: what an order by weight owes it while it has work waiting. Absent: none.
  std::optional<double> guaranteed_share = {};
  /// In the bins of Series: waiting_requests (gauge), admitted_tokens (prompt and output, as an
  /// order by weight counts them; counter). Empty in old runs, for a single tenant and where there
  /// are more than kMostTenantSeries.
  std::vector<Column> columns = {};
  std::optional<TraceRecord> trace = {};  ///< absent: it replays none, or old runs
  bool has_objectives = true;             ///< its requests are held to any (slo)
  /// The shortest of its objectives that a wait before the first token uses up: TTFT, end to end.
  std::optional<std::int64_t> wait_objective_ns = {};  ///< absent: neither; old runs
  /// When its requests are due does not depend on answers; false in old runs.
  bool open_loop = false;
  std::uint64_t users = 1;  ///< who ask for it; also where nobody knows (old runs)
  bool operator==(const TenantRecord&) const = default;
};
inline constexpr std::size_t kMostTenantSeries = 32;

/// Columns of the same names, bin by bin; a shorter one is as if padded with zeros.
void merge(std::vector<Column>& into, const std::vector<Column>& other);

struct Series {
  std::int64_t bin_ns = 0;
  std::vector<Column> columns;  ///< all of the same length
  std::int64_t slice_ns = 0;
  std::vector<Histogram> ttft_slices;  ///< TTFT by when the request was due
  bool operator==(const Series&) const = default;
};

/// One validity check. A value that is absent means that it could not be read: "not checked".
struct Check {
  std::string name;
  std::optional<double> value;
  double limit = 0;
  bool passed = true;
  std::string advice;  ///< what it means and what to do about it
  bool operator==(const Check&) const = default;
};
/// 2 failed, 1 not checked, 0 passed.
int severity(const Check& check);
/// How far a check is from its limit, relative to the limit: runs may have limits of their own, and
/// checks have limits from above as well as from below. Infinite where it was not checked.
double distance(const Check& check);

struct Environment {
  std::string tokenlift_version;
  std::string compiler;
  std::string build_type;
  std::string cpu;
  std::int64_t cores = 0;
  std::int64_t memory_bytes = 0;
  std::string os;
  std::string decoder_precision;  ///< bf16 or f32; empty where nothing is decoded
  std::string started_at;         ///< UTC, ISO 8601
  std::vector<std::string> command;
  bool operator==(const Environment&) const = default;
};

/// The words of a command as a POSIX shell reads them back.
std::string shell_command(const std::vector<std::string>& words);

/// What one throttle did while a phase lasted. A retry is a decision of its own.
struct ThrottleCounts {
  std::uint64_t admitted = 0;  ///< attempts that it let through
  std::uint64_t held = 0;      ///< attempts that waited, for this throttle last
  std::uint64_t rejected = 0;  ///< attempts that it refused
  std::uint64_t shadowed = 0;  ///< attempts that it would have held or refused (mode shadow)
  WideSum taken_micro = 0;     ///< reservations, in millionths of the throttle's unit
  WideSum refunded_micro = 0;  ///< of these, given back unused
  double taken_units() const { return static_cast<double>(taken_micro) / 1e6; }
  double refunded_units() const { return static_cast<double>(refunded_micro) / 1e6; }
  bool operator==(const ThrottleCounts&) const = default;
};

/// Adds `other` to `into`.
void merge(ThrottleCounts& into, const ThrottleCounts& other);

/// From `at_ns` on a throttle had this limit: units/s of kinds that go by a rate, else units (in a
/// window, in flight, waiting). Absent: it was lifted, or limits no number.
struct LimitRecord {
  std::int64_t at_ns = 0;
  std::optional<double> limit;
  bool operator==(const LimitRecord&) const = default;
};

struct ThrottleRecord {
  // As in the scenario language:
  std::string name;
  std::string kind;
  std::string unit;
  std::string scope;
  std::string mode;                    ///< "enforce" or "shadow"
  std::vector<ThrottleCounts> phases;  ///< as many as Run::phases, in the same order
  /// In order of time, from 0 on; of adaptive kinds as it was at the ends of bins. Empty in old
  /// runs. Merged runs keep those of the first.
  std::vector<LimitRecord> limits = {};
  bool operator==(const ThrottleRecord&) const = default;
};

/// A measured event. Where a site is its target there are no limits that bind it, so unlock_ns,
/// release_lag_ns and limit_tokens_per_s are absent.
struct LiftRecord {
  std::string throttle;  ///< its target; empty where that is a site
  /// Of a throttle "lift", "set", "restore" or "ramp"; of a site "join", "leave", "fail", "slow",
  /// "power" or "battery"; of neither, since it happens elsewhere, "call", "command" or "signal".
  std::string kind;
  std::int64_t planned_ns = 0;
  std::optional<std::int64_t>
      at_ns;  ///< when the new configuration was published; absent: not reached
  std::int64_t waiting_requests = 0;  ///< at that instant, at the throttle
  /// Their output tokens; of a site those that wait in the fleet for a batch as well.
  std::int64_t backlog_tokens = 0;
  std::int64_t backoff_requests = 0;  ///< rejected, and going to retry
  std::int64_t backoff_tokens = 0;    ///< their output tokens
  /// First admission that the old configuration would have refused - lift. Absent: there was none.
  std::optional<std::int64_t> unlock_ns = {};
  /// Over those who waited at the lift and were let through: the longest of actual release -
  /// earliest release that the new configuration allows. Absent: none was.
  std::optional<std::int64_t> release_lag_ns = {};
  /// min(new limit, capacity), in output tokens of the mix: what of it is not offered drains a
  /// backlog. Absent: not known what limits, or old runs.
  std::optional<double> limit_tokens_per_s = {};
  /// Over which it is planned to happen: of a ramp its length, else 0. Absent in old runs.
  std::optional<std::int64_t> length_ns = {};
  std::string site = {};                      ///< its target; empty where that is a throttle
  std::optional<std::int64_t> replicas = {};  ///< of the site, that it changes
  /// How long the call or command that made it happen took: so uncertain is its instant. Of engine
  /// http.
  std::optional<std::int64_t> call_ns = {};
  bool operator==(const LiftRecord&) const = default;
};

/// From `at_ns` on the fleet was this.
struct Composition {
  std::int64_t at_ns = 0;
  std::vector<std::int64_t> replicas;  ///< that serve, as many numbers as there are sites
  /// Output tokens per second at saturation. Absent: not known.
  std::optional<double> capacity_tokens_per_s = {};
  bool operator==(const Composition&) const = default;
};

/// What served, over time. Empty in old runs. Merged runs keep that of the first.
/// What a site states of its power and of what it costs, in dollars.
struct SiteTerms {
  std::int64_t accelerators = 0;  ///< of a replica; 0: not known
  bool states_power = false;      ///< its energy is recorded
  bool power_assumed = false;     ///< what its accelerators draw was not measured
  bool has_price = false;
  bool when_serving = false;  ///< it is paid for the time that replicas serve (on demand)
  /// What the same accelerator costs elsewhere on demand.
  std::optional<double> on_demand_usd_per_accelerator_hour = {};
  std::optional<double> electricity_usd_per_kwh = {};
  std::optional<double> carbon_g_per_kwh = {};
  bool operator==(const SiteTerms&) const = default;
};

struct FleetRecord {
  std::vector<std::string> sites;
  std::vector<Composition> compositions;  ///< in order of time, from 0 on
  /// By site. Empty where none states power or a price, and in old runs.
  std::vector<SiteTerms> terms = {};
  bool operator==(const FleetRecord&) const = default;
};

/// Nothing more was sent from then on: what the scenario sets as a bound was reached. What was to
/// be measured after it was not.
struct SendingBound {
  std::int64_t at_ns = 0;
  std::string bound;  ///< "requests" or "output_tokens"
  bool operator==(const SendingBound&) const = default;
};

/// One of several processes that played a run together (workloads/requests/share.hpp).
struct RankRecord {
  std::int64_t rank = 0;  ///< from 0
  /// When its run began, by its machine's clock: since 1970 UTC. And how well that is known.
  WideSum start_unix_ns = 0;
  std::int64_t start_error_ns = 0;
  /// That clock - the clock of rank 0, where the two were compared.
  std::optional<std::int64_t> clock_offset_ns = {};
  /// At most so far is the offset wrong; where there is none, the clock from UTC, as the kernel
  /// says. Absent: nobody knows.
  std::optional<std::int64_t> clock_error_ns = {};
  std::uint64_t sent = 0;  ///< requests, of measured phases
  // Of these, how late it was with them; absent: it sent none.
  std::optional<std::int64_t> lag_p99_ns = {};
  std::optional<std::int64_t> lag_max_ns = {};
  bool operator==(const RankRecord&) const = default;
};

/// What a run is a share of, or was joined of.
struct SharesRecord {
  std::int64_t of = 1;            ///< ranks that play the run
  std::vector<RankRecord> ranks;  ///< whose shares are in it; ascending
  bool is_whole() const { return std::ssize(ranks) == of; }
  bool operator==(const SharesRecord&) const = default;
};

struct Run {
  std::string scenario_name;
  std::string scenario_json;  ///< as resolved: one JSON object
  std::string engine;
  std::uint64_t seed = 0;
  std::uint64_t repetition = 1;
  std::uint64_t runs = 1;  ///< how many were merged into this one
  Environment environment;
  std::optional<double> capacity_tokens_per_s;  ///< at the start
  /// Standard error of a measured one. Absent: it was not measured, or old runs.
  std::optional<double> capacity_error_tokens_per_s = {};
  std::string capacity_source;  ///< "measured", "computed", "stated" or empty
  FleetRecord fleet;
  std::optional<LiftRecord> lift;         ///< the event that divides the run; the first of several
  std::vector<LiftRecord> further_lifts;  ///< the other measured ones, in order of time
  /// Those of the scenario that do not divide the run, as planned, in order of time. Merged runs
  /// keep those of the first. Empty in old runs.
  std::vector<LiftRecord> other_events = {};
  bool control = false;  ///< the measured event was taken out; `lift` says when it would have been
  bool interrupted = false;
  std::optional<SendingBound> sending_bound = {};
  std::vector<Check> checks;
  std::vector<PhaseSpan> phases;
  std::vector<TenantRecord> tenants;
  std::vector<ThrottleRecord> throttles;
  std::vector<JobRecord> jobs = {};  ///< empty where there are none, and in old runs
  Counts totals;                     ///< over the whole run, warm-up and cool-down included
  Series series;
  std::optional<WireRecord> wire = {};      ///< of a remote fleet
  std::optional<SharesRecord> shares = {};  ///< absent: one process played all of it

  bool valid() const;  ///< every check passed
  bool operator==(const Run&) const = default;
};

/// Time was simulated: what was measured depends on scenario and seed alone.
bool is_simulated(const Run& run);

/// The values of a column; nullptr where it was not recorded.
const std::vector<std::int64_t>* find_column(const std::vector<Column>& columns,
                                             std::string_view name);

/// A limit of power held replicas back for a hundredth of their time in the phase, or longer: what
/// they can do then is less than their capacity, and not known.
bool is_held_back(const PhaseSpan& phase);

/// Mean capacity over a phase of what served then. Absent: not known of all of it.
std::optional<double> capacity_over(const Run& run, const PhaseSpan& phase);

/// The index of a phase, if the run has it.
std::optional<std::size_t> find_phase(const Run& run, std::string_view name);

/// [begin, end): the bins of width `bin_ns` (> 0) that lie wholly within a phase, of `bins` in all.
struct BinRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};
BinRange bins_within(const PhaseSpan& phase, std::int64_t bin_ns, std::size_t bins);
/// Those within the measured phases, all together; none where there is no series.
BinRange measured_bins(const Run& run, std::size_t bins);

/// What one phase recorded over all tenants.
PhaseRecord fleet_record(const Run& run, std::size_t phase);

/// Two runs that cannot be pooled: other phases, tenants, throttles, time bins or arms. what()
/// names the difference.
class RunMismatch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Pools two runs of the same experiment; merging several in sequence is associative. Counts,
/// histograms, series (the shorter one is padded with zeros), sums of phases and `runs` add; of
/// each check the worst stays (failed, then not checked, then the one nearest to failing); either's
/// interruption counts, and a bound of the sending; a phase's end is `other`'s, and each measured
/// event that of the first run which reached it, but for its release lag, the longest of all.
/// Everything else stays as it is in `into`. Throws RunMismatch, also for a share that is not
/// joined with the others (join.hpp), and then `into` is unchanged.
void merge(Run& into, const Run& other);

}  // namespace tokenlift
