#include "bench/wire/metrics_scraper.hpp"

#include <array>
#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>

#include "bench/wire/request_text.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kEveryNs = 1'000'000'000;

/// The samples of one name: their sum, and how many there are.
struct Samples {
  double sum = 0;
  std::int64_t count = 0;
};

/// The value of a line `NAME{LABELS} VALUE [TIME]`, if it is of that name.
std::optional<double> sample(std::string_view line, std::string_view name) {
  if (!line.starts_with(name)) return std::nullopt;
  line.remove_prefix(name.size());
  if (line.starts_with('{')) {
    const std::size_t end = line.rfind('}');  // a label's value may hold one
    if (end == std::string_view::npos) return std::nullopt;
    line.remove_prefix(end + 1);
  }
  if (!line.starts_with(' ') && !line.starts_with('\t')) return std::nullopt;
  const std::string text(line);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !std::isfinite(value) || value < 0 || value > 1e12) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

ServerMetrics read_metrics(std::string_view text) {
  Samples waiting;
  Samples running;
  Samples kv_used;
  const std::array<std::pair<std::string_view, Samples*>, 4> names = {
      {{"vllm:num_requests_waiting", &waiting},
       {"vllm:num_requests_running", &running},
       {"vllm:kv_cache_usage_perc", &kv_used},
       {"vllm:gpu_cache_usage_perc", &kv_used}}};
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    for (const auto& [name, samples] : names) {
      const std::optional<double> value = sample(line, name);
      if (!value) continue;
      samples->sum += *value;
      ++samples->count;
    }
  }
  ServerMetrics metrics;
  if (waiting.count > 0) metrics.waiting = std::llround(waiting.sum);
  if (running.count > 0) metrics.running = std::llround(running.sum);
  if (kv_used.count > 0) {
    metrics.kv_used_ppm = std::llround(kv_used.sum * 1e6 / static_cast<double>(kv_used.count));
  }
  return metrics;
}

MetricsScraper::MetricsScraper(WireClock& clock, Origin origin, std::size_t site,
                               ServerGauges& gauges)
    : clock_(clock), origin_(std::move(origin)), site_(site), gauges_(gauges) {}

void MetricsScraper::look(std::int64_t now_ns) {
  if (exchange_ != nullptr) {
    exchange_->look(now_ns);
    if (exchange_->is_done()) {
      const Exchange::Result& result = exchange_->result();
      if (!result.failure && result.status == 200) {
        const ServerMetrics metrics = read_metrics(result.body);
        const auto note = [&](std::string_view figure, const std::optional<std::int64_t>& value) {
          if (value) gauges_.note(site_, figure, result.at_ns, *value);
        };
        note("waiting", metrics.waiting);
        note("running", metrics.running);
        note("kv_used_ppm", metrics.kv_used_ppm);
      }
      exchange_.reset();
    }
  }
  if (now_ns < next_ns_) return;
  next_ns_ = now_ns - now_ns % kEveryNs + kEveryNs;
  if (exchange_ != nullptr) return;  // it is slow: the next one in its time
  Exchange::Limits limits;
  limits.whole_ns = 10 * kEveryNs;
  exchange_ = std::make_unique<Exchange>(clock_, origin_, plain_request("GET", origin_.url, {}, ""),
                                         limits);
}

}  // namespace tokenlift
