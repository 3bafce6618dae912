#pragma once
// What a run's records mean: rates and latency percentiles of each phase. Pure functions of a Run.
//
// What the sample does not support is absent, never a guess: a rate over no time, a share of no
// requests, a percentile that fewer than 10 samples lie beyond.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/record/run.hpp"

namespace tokenlift {

/// Absent where the part is not known, and where the whole is 0.
std::optional<double> quotient(const std::optional<double>& part, double whole);

/// The percentiles that reports give, in thousandths, so that the rules below are exact.
inline constexpr std::array<int, 5> kPermilles = {500, 900, 950, 990, 999};

/// "p50", "p90", "p95", "p99" or "p999".
std::string_view percentile_name(int permille);

/// The fewest samples n that support a percentile p: n (1 - p) >= 10.
std::uint64_t samples_needed(int permille);

/// Of the requests that have this latency. Absent: a percentile that the sample does not support,
/// and mean and max of no samples.
struct LatencySummary {
  std::uint64_t count = 0;
  std::optional<double> mean_ns;
  std::array<std::optional<std::int64_t>, kPermilles.size()> percentile_ns;  ///< as kPermilles
  std::optional<std::int64_t> max_ns;

  std::optional<std::int64_t> at(int permille) const;  ///< permille: one of kPermilles
};

/// Counts and tokens per second of the phase's length, all repetitions together. Absent where the
/// phase has no length.
struct Rates {
  // Of the requests due in the phase:
  std::optional<double> offered_requests_per_s;
  std::optional<double> offered_tokens_per_s;  ///< output tokens
  std::optional<double> goodput_tokens_per_s;  ///< output tokens of those that met all objectives
  std::optional<double> attainment;  ///< share of them, 0 .. 1, that did; absent where none was
                                     ///< due, or no tenant has objectives
  std::optional<double> retry_amplification;  ///< attempts / requests; absent where none was due
  // Of what happened in the phase:
  std::optional<double> admitted_requests_per_s;
  std::optional<double> completed_requests_per_s;
  std::optional<double> throughput_tokens_per_s;  ///< output tokens produced
  /// Of the prompts of requests scheduled in it what was found in a prefix cache, 0 .. 1. Absent
  /// where the fleet has none.
  std::optional<double> prefix_hits;
  // Of the fleet only:
  std::optional<double> utilisation;  ///< busy time of the replicas / their time, 0 .. 1
  std::optional<double> batch_mean;   ///< sequences in a step, weighted by the step's time
  std::optional<double> batch_fill;   ///< of the largest batch, 0 .. 1
  /// Tokens resident in KV caches, prompts from admission on, / the room for them, 0 .. 1.
  std::optional<double> kv_used;
  /// Means over the phase of what served; absent where the fleet does not change.
  std::optional<double> replicas_serving;
  std::optional<double> capacity_tokens_per_s;
  /// 1 - throughput / capacity of what served: what of the fleet is left. Below 0 where more came
  /// out than the capacity says. Absent where the capacity is not known, of slow replicas as well,
  /// and where a limit of power holds them back.
  std::optional<double> headroom;
};

struct PhaseSummary {
  std::string name;
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
  Counts counts;
  std::uint64_t sent = 0;
  std::uint64_t held = 0;
  std::uint64_t denied = 0;
  std::uint64_t overloaded = 0;
  std::uint64_t attempts = 0;
  std::uint64_t wasted_tokens = 0;
  Rates rates;
  std::string no_headroom = {};  ///< why the fleet, whose capacity is known at some time, has none
  std::array<LatencySummary, kMetrics> latency;

  const LatencySummary& of(Metric metric) const {
    return latency[static_cast<std::size_t>(metric)];
  }

  /// Whether the fleet says it: a remote one does not know when it scheduled a request, and not all
  /// have a network.
  bool tells(Metric metric) const;

  /// A percentile of TTFT; absent where the sample does not support it.
  std::optional<double> ttft_ms(int permille) const;

  /// Share of the requests due that did not get their tokens, 0 .. 1; absent where none was due.
  std::optional<double> unserved() const;
  /// True where more than 1 - p of the requests due did not get their tokens: they have no latency,
  /// so percentile p looks better than what users saw.
  bool hides_unserved(int permille) const;
};

/// Some tenant has objectives (slo). Without any, what is called attained is no more than
/// completed.
bool has_objectives(const Run& run);
inline constexpr const char* kNoObjectives = "no tenant has objectives (slo)";

/// The phases of the run, in order, over all tenants.
std::vector<PhaseSummary> summarize_fleet(const Run& run);

/// The same for one tenant of the run; rates of the fleet are absent.
std::vector<PhaseSummary> summarize_tenant(const Run& run, const TenantRecord& tenant);

/// The phase of that name; nullptr where there is none.
const PhaseSummary* find_phase(const std::vector<PhaseSummary>& phases, std::string_view name);

/// Requests due in each third of a phase, of all runs together. Absent where that was not recorded,
/// or the phase has fewer than three time bins.
std::optional<std::array<double, 3>> due_in_thirds(const Run& run, std::string_view phase);

}  // namespace tokenlift
