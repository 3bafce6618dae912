#include "reports/analysis/time_split.hpp"

#include <algorithm>
#include <utility>

namespace tokenlift {

std::vector<TimePart> shown_parts(const std::vector<TimeSplit>& phases) {
  const bool of_endpoints = std::any_of(
      phases.begin(), phases.end(), [](const TimeSplit& phase) { return phase.service_ns > 0; });
  if (of_endpoints) return {kEndpointParts.begin(), kEndpointParts.end()};
  const bool apart = std::any_of(phases.begin(), phases.end(),
                                 [](const TimeSplit& phase) { return phase.network_ns > 0; });
  std::vector<TimePart> shown;
  for (const TimePart& part : kTimeParts) {
    if (apart || part.ns != &TimeSplit::network_ns) shown.push_back(part);
  }
  return shown;
}

std::vector<TimeSplit> time_split(const Run& run) {
  std::vector<TimeSplit> all;
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    const PhaseRecord record = fleet_record(run, i);
    TimeSplit split;
    split.phase = run.phases[i].name;
    split.requests = record.of(Metric::ttft).count();
    if (split.requests > 0) {
      // The lag is recorded of every request sent, served or not; that of those served is the rest,
      // exactly: the parts of each add up to its TTFT.
      const auto sum_ns = [&](Metric metric) { return record.of(metric).sum_ns(); };
      const auto mean_ns = [&](__uint128_t sum) {
        return static_cast<double>(sum) / static_cast<double>(split.requests);
      };
      const __uint128_t service_ns =
          run.wire ? sum_ns(Metric::service_ttft)
                   : sum_ns(Metric::network) + sum_ns(Metric::queue_wait) + sum_ns(Metric::prefill);
      const __uint128_t parts_ns = sum_ns(Metric::throttle_wait) + service_ns;
      const __uint128_t ttft_ns = sum_ns(Metric::ttft);
      split.ttft_ns = mean_ns(ttft_ns);
      split.throttle_wait_ns = mean_ns(sum_ns(Metric::throttle_wait));
      split.network_ns = mean_ns(sum_ns(Metric::network));
      split.queue_wait_ns = mean_ns(sum_ns(Metric::queue_wait));
      split.prefill_ns = mean_ns(sum_ns(Metric::prefill));
      split.generator_lag_ns = ttft_ns > parts_ns ? mean_ns(ttft_ns - parts_ns) : 0;
      if (run.wire) split.service_ns = mean_ns(service_ns);
    }
    all.push_back(std::move(split));
  }
  return all;
}

}  // namespace tokenlift
