#pragma once
// What a server says of itself at its metrics URL, once a second, in Prometheus' text format.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "bench/wire/exchange.hpp"
#include "bench/wire/origin.hpp"
#include "bench/wire/server_gauges.hpp"
#include "bench/wire/wire_clock.hpp"

namespace tokenlift {

/// Over all its engines and models.
struct ServerMetrics {
  std::optional<std::int64_t> waiting;      ///< requests
  std::optional<std::int64_t> running;      ///< requests
  std::optional<std::int64_t> kv_used_ppm;  ///< of the KV cache, their mean
  bool operator==(const ServerMetrics&) const = default;
};

/// vLLM's names: vllm:num_requests_waiting, vllm:num_requests_running, vllm:kv_cache_usage_perc
/// (vllm:gpu_cache_usage_perc before 0.10). What else there is, or is no number, says nothing.
ServerMetrics read_metrics(std::string_view text);

/// Of one site.
class MetricsScraper {
 public:
  MetricsScraper(WireClock& clock, Origin origin, std::size_t site, ServerGauges& gauges);

  /// To be called often.
  void look(std::int64_t now_ns);
  std::int64_t next_ns() const { return next_ns_; }

 private:
  WireClock& clock_;
  Origin origin_;
  std::size_t site_;
  ServerGauges& gauges_;
  std::unique_ptr<Exchange> exchange_;  // null: none on its way
  std::int64_t next_ns_ = 0;
};

}  // namespace tokenlift
