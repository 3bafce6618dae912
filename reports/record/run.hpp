#pragma once
// A run as a value: everything that was recorded, and nothing that was concluded from it.
//
// The engine fills a Run; every report is a pure function of one or more Runs. Runs merge
// (associatively: counts, histograms and series add), so repetitions can be pooled.

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "reports/record/histogram.hpp"

namespace tokenlift {

/// Latencies of one request, in ns. ttft = generator_lag + throttle_wait + queue_wait + prefill.
enum class Metric : std::uint8_t {
  ttft,           ///< first token - due
  e2e,            ///< last token - due
  tpot,           ///< (last token - first token) / (output tokens - 1), from two tokens on
  itl,            ///< every gap between consecutive tokens of a request, pooled
  service_ttft,   ///< first token - admitted
  throttle_wait,  ///< admitted - sent
  queue_wait,     ///< scheduled - admitted
  prefill,        ///< first token - scheduled
  generator_lag,  ///< sent - due: the harness's own lateness
};
inline constexpr std::size_t kMetrics = 9;
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
  std::uint64_t sent = 0;            ///< sent before the phase ended
  std::uint64_t held = 0;            ///< first attempt denied or held by the throttle
  std::uint64_t attempts = 0;        ///< first ones and retries, of the requests due in the phase
  std::uint64_t wasted_tokens = 0;   ///< computed for requests that ended after their deadline
  std::uint64_t slo_met = 0;         ///< met all objectives of their tenant
  std::uint64_t goodput_tokens = 0;  ///< output tokens of those
  std::uint64_t offered_input_tokens = 0;
  std::uint64_t offered_output_tokens = 0;
  /// Of those that completed; but `itl` is of every token and `generator_lag` of every request
  /// sent.
  std::array<Histogram, kMetrics> latency;
  // Of what happened while the phase lasted:
  std::uint64_t admitted_requests = 0;
  std::uint64_t admitted_input_tokens = 0;
  std::uint64_t admitted_output_tokens = 0;
  std::uint64_t completed_requests = 0;
  std::uint64_t output_tokens = 0;  ///< produced by the fleet

  const Histogram& of(Metric metric) const { return latency[static_cast<std::size_t>(metric)]; }
  Histogram& of(Metric metric) { return latency[static_cast<std::size_t>(metric)]; }
};

/// Adds all that `other` recorded.
void merge(PhaseRecord& into, const PhaseRecord& other);

/// One measured phase, over the fleet. Times are from the start of the run.
struct PhaseSpan {
  std::string name;
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;      ///< of the last repetition where several are merged
  std::int64_t length_ns = 0;   ///< end - begin; merged runs add theirs
  std::int64_t replica_ns = 0;  ///< replicas x length
  std::int64_t busy_ns = 0;     ///< time that replicas spent in steps
  double batch_ns = 0;          ///< integral of sequences per step over the busy time
};

/// Time series: bin i covers [i * bin_ns, (i + 1) * bin_ns). Counters hold what happened in the
/// bin, gauges the value at its end. Merged runs add both.
struct Column {
  std::string name;
  std::vector<std::int64_t> values;
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
};
inline constexpr std::size_t kMostTenantSeries = 32;

struct Series {
  std::int64_t bin_ns = 0;
  std::vector<Column> columns;  ///< all of the same length
  std::int64_t slice_ns = 0;
  std::vector<Histogram> ttft_slices;  ///< TTFT by when the request was due
};

/// One validity check. A value that is absent means that it could not be read: "not checked".
struct Check {
  std::string name;
  std::optional<double> value;
  double limit = 0;
  bool passed = true;
  std::string advice;  ///< what it means and what to do about it
};

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
};

/// The words of a command as a POSIX shell reads them back.
std::string shell_command(const std::vector<std::string>& words);

/// What one throttle did while a phase lasted. A retry is a decision of its own.
struct ThrottleCounts {
  std::uint64_t admitted = 0;  ///< attempts that it let through
  std::uint64_t held = 0;      ///< attempts that waited, for this throttle last
  std::uint64_t rejected = 0;  ///< attempts that it refused
  std::uint64_t shadowed = 0;  ///< attempts that it would have held or refused (mode shadow)
  double taken_units = 0;      ///< reservations, in the throttle's unit
  double refunded_units = 0;   ///< of these, given back unused
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
};

struct LiftRecord {
  std::string throttle;
  std::string kind;  ///< "lift", "set", "restore" or "ramp"
  std::int64_t planned_ns = 0;
  std::optional<std::int64_t>
      at_ns;  ///< when the new configuration was published; absent: not reached
  std::int64_t waiting_requests = 0;  ///< at that instant, at the throttle
  std::int64_t backlog_tokens = 0;    ///< their output tokens
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
};

struct Run {
  std::string scenario_name;
  std::string scenario_json;  ///< as resolved: one JSON object
  std::string engine;
  std::uint64_t seed = 0;
  std::uint64_t repetition = 1;
  std::uint64_t runs = 1;  ///< how many were merged into this one
  Environment environment;
  std::optional<double> capacity_tokens_per_s;
  /// Of a measured capacity its standard error. Absent: not measured, or old runs.
  std::optional<double> capacity_error_tokens_per_s = {};
  std::string capacity_source;  ///< "measured", "computed", "stated" or empty
  std::optional<LiftRecord> lift;
  bool control = false;  ///< the measured event was taken out; `lift` says when it would have been
  bool interrupted = false;
  std::vector<Check> checks;
  std::vector<PhaseSpan> phases;
  std::vector<TenantRecord> tenants;
  std::vector<ThrottleRecord> throttles;
  Counts totals;  ///< over the whole run, warm-up and cool-down included
  Series series;

  bool valid() const;  ///< every check passed
};

/// Time was simulated: what was measured depends on scenario and seed alone.
bool is_simulated(const Run& run);

/// The values of a column; nullptr where it was not recorded.
const std::vector<std::int64_t>* find_column(const std::vector<Column>& columns,
                                             std::string_view name);

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

/// Pools two runs of the same experiment; merging several in sequence is associative (batch_ns and
/// the units of throttles, sums of doubles, up to rounding). Counts, histograms, series (the
/// shorter one is padded with zeros), lengths of phases and `runs` add; of each check the worst
/// stays (failed, then not checked, then the one nearest to failing); either's interruption counts;
/// a phase's end is `other`'s, and the lift that of the first run which reached it, but for its
/// release lag, the longest of all. Everything else stays as it is in `into`. Throws RunMismatch,
/// and then `into` is unchanged.
void merge(Run& into, const Run& other);

}  // namespace tokenlift
