#include "reports/analysis/fairness.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace tokenlift {
namespace {

struct TenantSeries {
  const TenantRecord* tenant;
  const std::vector<std::int64_t>* waiting;
  const std::vector<std::int64_t>* admitted;
};

/// The tenants whose series were recorded, and the bins in which to look at them.
std::vector<TenantSeries> tenant_series(const Run& run) {
  std::vector<TenantSeries> all;
  for (const TenantRecord& tenant : run.tenants) {
    const auto* const waiting = find_column(tenant.columns, "waiting_requests");
    const auto* const admitted = find_column(tenant.columns, "admitted_tokens");
    if (waiting != nullptr && admitted != nullptr) all.push_back({&tenant, waiting, admitted});
  }
  return all;
}

/// Between two tenants: the widest their weighted service came apart in any stretch of time in
/// which both had work waiting.
std::optional<Unfairness> apart(const TenantSeries& a, const TenantSeries& b,
                                const BinRange& bins) {
  std::optional<Unfairness> worst;
  double lead = 0;  // of a over b since the stretch began
  double least = 0;
  double most = 0;
  bool both = false;
  for (std::size_t bin = bins.begin; bin < bins.end; ++bin) {
    const bool waited = both;
    both = (*a.waiting)[bin] > 0 && (*b.waiting)[bin] > 0;
    if (!waited || !both) {
      lead = least = most = 0;
      continue;
    }
    lead += static_cast<double>((*a.admitted)[bin]) / a.tenant->weight -
            static_cast<double>((*b.admitted)[bin]) / b.tenant->weight;
    const bool a_ahead = lead - least >= most - lead;
    const double tokens = std::max(lead - least, most - lead);
    if (!worst || tokens > worst->tokens) {
      worst = a_ahead ? Unfairness{a.tenant->name, b.tenant->name, tokens}
                      : Unfairness{b.tenant->name, a.tenant->name, tokens};
    }
    least = std::min(least, lead);
    most = std::max(most, lead);
  }
  return worst;
}

double mean_tokens(const Run& run, std::size_t tenant) {
  double tokens = 0;
  double requests = 0;
  for (const PhaseRecord& phase : run.tenants[tenant].phases) {
    tokens += static_cast<double>(phase.offered_input_tokens + phase.offered_output_tokens);
    requests += static_cast<double>(phase.counts.due);
  }
  return requests == 0 ? 0 : tokens / requests;
}

}  // namespace

std::optional<Unfairness> unfairness(const Run& run) {
  const std::vector<TenantSeries> tenants = tenant_series(run);
  std::optional<Unfairness> worst;
  for (std::size_t i = 0; i < tenants.size(); ++i) {
    for (std::size_t j = i + 1; j < tenants.size(); ++j) {
      const BinRange bins = measured_bins(run, tenants[i].waiting->size());
      const std::optional<Unfairness> pair = apart(tenants[i], tenants[j], bins);
      if (pair && (!worst || pair->tokens > worst->tokens)) worst = pair;
    }
  }
  return worst;
}

std::vector<Starvation> starvation(const Run& run) {
  std::vector<Starvation> all;
  const std::vector<TenantSeries> tenants = tenant_series(run);
  if (tenants.size() != run.tenants.size() || tenants.empty()) return all;
  const auto width = static_cast<std::size_t>(
      std::max<std::int64_t>(1, std::llround(kStarvedWindowS * 1e9) / run.series.bin_ns));
  const BinRange bins = measured_bins(run, tenants.front().waiting->size());
  double largest_tokens = 0;
  for (std::size_t i = 0; i < tenants.size(); ++i) {
    largest_tokens = std::max(largest_tokens, mean_tokens(run, i));
  }
  const double slack = kStarvedRequests * largest_tokens;
  for (std::size_t i = 0; i < tenants.size(); ++i) {
    if (!tenants[i].tenant->guaranteed_share) continue;
    Starvation starved{tenants[i].tenant->name, *tenants[i].tenant->guaranteed_share, 0};
    for (std::size_t begin = bins.begin; begin + width <= bins.end; begin += width) {
      double own = 0;
      double total = 0;
      bool waited = true;
      for (std::size_t bin = begin; bin < begin + width; ++bin) {
        waited = waited && (*tenants[i].waiting)[bin] > 0;
        own += static_cast<double>((*tenants[i].admitted)[bin]);
        for (const TenantSeries& each : tenants) {
          total += static_cast<double>((*each.admitted)[bin]);
        }
      }
      if (waited && own < starved.share * total - slack) {
        starved.seconds +=
            static_cast<double>(run.series.bin_ns) * 1e-9 * static_cast<double>(width);
      }
    }
    all.push_back(std::move(starved));
  }
  return all;
}

}  // namespace tokenlift
