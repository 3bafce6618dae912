#include "reports/record/run_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

namespace tokenlift {

namespace {

constexpr std::array kStatistics = {Statistic::mean, Statistic::p50, Statistic::p90, Statistic::p95,
                                    Statistic::p99};

/// Of all measured phases and tenants.
PhaseRecord whole(const Run& run) {
  PhaseRecord all;
  for (const TenantRecord& tenant : run.tenants) {
    for (const PhaseRecord& phase : tenant.phases) merge(all, phase);
  }
  return all;
}

void add(const Histogram& histogram, Metric metric, std::vector<LatencyFigure>& to) {
  if (histogram.empty()) return;
  for (const Statistic statistic : kStatistics) {
    const auto quantile = quantile_of(statistic);
    to.push_back(
        {metric, statistic,
         quantile ? static_cast<double>(histogram.value_at(*quantile)) : histogram.mean_ns()});
  }
}

/// Sorts them.
void add(std::vector<double>& values_ns, Metric metric, std::vector<LatencyFigure>& to) {
  if (values_ns.empty()) return;
  std::sort(values_ns.begin(), values_ns.end());
  for (const Statistic statistic : kStatistics) {
    double value = 0;
    if (const auto quantile = quantile_of(statistic)) {
      const auto rank = std::ceil(*quantile * static_cast<double>(values_ns.size()));
      value = values_ns[static_cast<std::size_t>(rank) - 1];
    } else {
      for (const double each : values_ns) value += each / static_cast<double>(values_ns.size());
    }
    to.push_back({metric, statistic, value});
  }
}

std::optional<std::uint64_t> sum_of(const Run& run, std::string_view column) {
  const auto* const values = find_column(run.series.columns, column);
  if (values == nullptr) return std::nullopt;
  std::uint64_t sum = 0;
  for (const std::int64_t value : *values) sum += static_cast<std::uint64_t>(value);
  return sum;
}

}  // namespace

std::string_view name_of(Statistic statistic) {
  constexpr std::array<std::string_view, kStatistics.size()> kNames = {"mean", "p50", "p90", "p95",
                                                                       "p99"};
  return kNames[static_cast<std::size_t>(statistic)];
}

std::optional<double> quantile_of(Statistic statistic) {
  constexpr std::array kQuantiles = {0.0, 0.5, 0.9, 0.95, 0.99};
  if (statistic == Statistic::mean) return std::nullopt;
  return kQuantiles[static_cast<std::size_t>(statistic)];
}

std::optional<double> RunView::latency_ns(Metric metric, Statistic statistic) const {
  for (const LatencyFigure& figure : latencies) {
    if (figure.metric == metric && figure.statistic == statistic) return figure.ns;
  }
  return std::nullopt;
}

RunView client_view(const Run& run) {
  const auto all = std::make_unique<PhaseRecord>(whole(run));  // its histograms are large
  RunView view;
  view.maker = "tokenlift";
  view.completed = run.totals.completed;
  view.failed = run.totals.due - run.totals.completed;
  const auto denied = sum_of(run, "denied_attempts");
  const auto overloaded = sum_of(run, "overloaded_attempts");
  if (denied && overloaded) view.refused = *denied + *overloaded;
  add(all->of(Metric::service_ttft), Metric::ttft, view.latencies);
  add(all->of(Metric::tpot), Metric::tpot, view.latencies);
  add(all->of(Metric::itl), Metric::itl, view.latencies);
  const bool at_once = view.refused.value_or(1) == 0 && all->held == 0;
  if (at_once) add(all->of(Metric::e2e), Metric::e2e, view.latencies);
  return view;
}

RunView server_view(const Run& run) {
  const auto all = std::make_unique<PhaseRecord>(whole(run));
  RunView view;
  view.maker = "tokenlift";
  view.completed = run.totals.completed;
  view.failed = run.totals.due - run.totals.completed;
  // Who waited too long is refused at last. Whose replica has gone was refused, or broken off.
  if (run.totals.failed == 0) view.refused = run.totals.rejected + run.totals.expired;
  for (const Metric metric : {Metric::ttft, Metric::tpot, Metric::itl, Metric::e2e}) {
    add(all->of(metric), metric, view.latencies);
  }
  const std::uint64_t unserved = run.totals.cancelled + run.totals.in_flight + run.totals.failed;
  if (unserved == 0) view.output_tokens = sum_of(run, "output_tokens");  // else not of these alone
  return view;
}

std::vector<LatencyFigure> latencies_of(std::span<const RequestRow> served, Begin begin) {
  std::vector<double> ttft;
  std::vector<double> tpot;
  std::vector<double> e2e;
  for (const RequestRow& row : served) {
    const std::int64_t from_ns = begin == Begin::due ? row.due_ns : row.admitted_ns;
    ttft.push_back(static_cast<double>(row.first_token_ns - from_ns));
    e2e.push_back(static_cast<double>(row.last_token_ns - from_ns));
    if (const auto ns = row.tpot_ns()) tpot.push_back(*ns);
  }
  std::vector<LatencyFigure> figures;
  add(ttft, Metric::ttft, figures);
  add(tpot, Metric::tpot, figures);
  add(e2e, Metric::e2e, figures);
  return figures;
}

}  // namespace tokenlift
