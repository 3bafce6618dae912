#include "reports/analysis/summary.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace tokenlift {
namespace {

/// Zero, not a wrap-around, for a record that breaks conservation.
std::uint64_t without_tokens(const Counts& counts) {
  return counts.due > counts.completed ? counts.due - counts.completed : 0;
}

LatencySummary summarize(const Histogram& histogram) {
  LatencySummary summary;
  summary.count = histogram.count();
  if (histogram.empty()) return summary;
  summary.mean_ns = histogram.mean_ns();
  summary.max_ns = histogram.max_ns();
  for (std::size_t i = 0; i < kPermilles.size(); ++i) {
    if (summary.count < samples_needed(kPermilles[i])) continue;
    summary.percentile_ns[i] = histogram.value_at(kPermilles[i] / 1000.0);
  }
  return summary;
}

/// `judged`: there are objectives that requests can meet.
PhaseSummary summarize(const PhaseSpan& span, const PhaseRecord& record, bool judged) {
  PhaseSummary summary;
  summary.name = span.name;
  summary.begin_ns = span.begin_ns;
  summary.end_ns = span.end_ns;
  summary.counts = record.counts;
  summary.sent = record.sent;
  summary.held = record.held;
  summary.denied = record.denied;
  summary.overloaded = record.overloaded;
  summary.attempts = record.attempts;
  summary.wasted_tokens = record.wasted_tokens;
  const auto per_s = [&](std::uint64_t amount) {
    return quotient(static_cast<double>(amount) * 1e9, static_cast<double>(span.length_ns));
  };
  summary.rates.offered_requests_per_s = per_s(record.counts.due);
  summary.rates.offered_tokens_per_s = per_s(record.offered_output_tokens);
  summary.rates.goodput_tokens_per_s = per_s(record.goodput_tokens);
  if (judged) {
    summary.rates.attainment =
        quotient(static_cast<double>(record.slo_met), static_cast<double>(record.counts.due));
  }
  summary.rates.retry_amplification =
      quotient(static_cast<double>(record.attempts), static_cast<double>(record.counts.due));
  summary.rates.admitted_requests_per_s = per_s(record.admitted_requests);
  summary.rates.completed_requests_per_s = per_s(record.completed_requests);
  summary.rates.throughput_tokens_per_s = per_s(record.output_tokens);
  summary.rates.prefix_hits = quotient(static_cast<double>(record.cached_input_tokens),
                                       static_cast<double>(record.scheduled_input_tokens));
  for (std::size_t i = 0; i < kMetrics; ++i) summary.latency[i] = summarize(record.latency[i]);
  return summary;
}

}  // namespace

std::optional<double> quotient(const std::optional<double>& part, double whole) {
  if (!part || whole == 0) return std::nullopt;
  return *part / whole;
}

bool has_objectives(const Run& run) {
  return std::any_of(run.tenants.begin(), run.tenants.end(),
                     [](const TenantRecord& tenant) { return tenant.has_objectives; });
}

std::string_view percentile_name(int permille) {
  switch (permille) {
    case 500:
      return "p50";
    case 900:
      return "p90";
    case 950:
      return "p95";
    case 990:
      return "p99";
    default:
      assert(permille == 999);
      return "p999";
  }
}

std::uint64_t samples_needed(int permille) {
  assert(permille >= 0 && permille < 1000);
  const int beyond = 1000 - permille;
  return static_cast<std::uint64_t>((10'000 + beyond - 1) / beyond);
}

std::optional<std::int64_t> LatencySummary::at(int permille) const {
  const auto* const found = std::find(kPermilles.begin(), kPermilles.end(), permille);
  assert(found != kPermilles.end());
  return percentile_ns[static_cast<std::size_t>(found - kPermilles.begin())];
}

bool PhaseSummary::tells(Metric metric) const {
  switch (metric) {
    case Metric::network:
    case Metric::headers:
    case Metric::first_output:
      return of(metric).count > 0;
    case Metric::queue_wait:
    case Metric::prefill:
      return of(metric).count > 0 || of(Metric::ttft).count == 0;
    default:
      return true;
  }
}

std::optional<double> PhaseSummary::ttft_ms(int permille) const {
  const std::optional<std::int64_t> ns = of(Metric::ttft).at(permille);
  if (!ns) return std::nullopt;
  return static_cast<double>(*ns) / 1e6;
}

std::optional<double> PhaseSummary::unserved() const {
  return quotient(static_cast<double>(without_tokens(counts)), static_cast<double>(counts.due));
}

bool PhaseSummary::hides_unserved(int permille) const {
  // In integers: 100 of 1000 unserved is exactly 1 - p90 and not more. Products of 2^53 requests
  // and 1000 fit 64 bits.
  return without_tokens(counts) * 1000 > counts.due * static_cast<std::uint64_t>(1000 - permille);
}

std::vector<PhaseSummary> summarize_fleet(const Run& run) {
  std::vector<PhaseSummary> phases;
  const bool judged = has_objectives(run);
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    const PhaseSpan& span = run.phases[i];
    PhaseSummary summary = summarize(span, fleet_record(run, i), judged);
    const auto busy_ns = static_cast<double>(span.busy_ns);
    summary.rates.utilisation = quotient(busy_ns, static_cast<double>(span.replica_ns));
    const auto batch_ns = static_cast<double>(span.batch_ns);
    summary.rates.batch_mean = quotient(batch_ns, busy_ns);
    summary.rates.batch_fill = quotient(batch_ns, static_cast<double>(span.batch_room_ns));
    summary.rates.kv_used = quotient(static_cast<double>(span.resident_token_ns),
                                     static_cast<double>(span.kv_room_token_ns));
    const std::optional<double> capacity = capacity_over(run, span);
    if (run.fleet.compositions.size() > 1) {
      summary.rates.replicas_serving =
          quotient(static_cast<double>(span.replica_ns), static_cast<double>(span.length_ns));
      summary.rates.capacity_tokens_per_s = capacity;
    }
    if (is_held_back(span) && run.capacity_tokens_per_s) {
      summary.no_headroom = "a limit of power held replicas back";
    } else if (!capacity && run.capacity_tokens_per_s && span.length_ns > 0) {
      summary.no_headroom =
          is_simulated(run) ? "replicas were slow" : "not all that served was measured";
    } else if (capacity && *capacity > 0 && summary.rates.throughput_tokens_per_s) {
      summary.rates.headroom = 1 - *summary.rates.throughput_tokens_per_s / *capacity;
    }
    phases.push_back(std::move(summary));
  }
  return phases;
}

std::vector<PhaseSummary> summarize_tenant(const Run& run, const TenantRecord& tenant) {
  std::vector<PhaseSummary> phases;
  const bool judged = has_objectives(run);
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    phases.push_back(summarize(run.phases[i], tenant.phases.at(i), judged));
  }
  return phases;
}

const PhaseSummary* find_phase(const std::vector<PhaseSummary>& phases, std::string_view name) {
  const auto found = std::find_if(phases.begin(), phases.end(),
                                  [&](const PhaseSummary& phase) { return phase.name == name; });
  return found == phases.end() ? nullptr : &*found;
}

std::optional<std::array<double, 3>> due_in_thirds(const Run& run, std::string_view phase) {
  const std::vector<std::int64_t>* const due = find_column(run.series.columns, "due_requests");
  const std::optional<std::size_t> index = find_phase(run, phase);
  if (due == nullptr || !index || run.series.bin_ns == 0) return std::nullopt;
  const BinRange bins = bins_within(run.phases[*index], run.series.bin_ns, due->size());
  const std::size_t third = (bins.end - bins.begin) / 3;
  if (third == 0) return std::nullopt;
  const auto sum = [&](std::size_t begin) {
    const auto from = due->begin() + static_cast<std::ptrdiff_t>(begin);
    return static_cast<double>(
        std::accumulate(from, from + static_cast<std::ptrdiff_t>(third), std::int64_t{0}));
  };
  return std::array{sum(bins.begin), sum(bins.begin + third), sum(bins.end - third)};
}

}  // namespace tokenlift
